"""The stand-ins' limits, once they are told to keep them; and that ours are the same."""

from typing import Any

import pytest
import stripe
from tests.fakes import FakeClock

from customerlink.model.rates import Endpoint, Limits, Plan
from sandbox.auth0.api import ManagementApi
from sandbox.auth0.failure import Auth0Failure
from sandbox.auth0.users import Users
from sandbox.rate_limits import AUTH0_PLANS, StripeLimits, auth0_limits
from sandbox.serving import Server
from sandbox.stripe_account import StripeAccount
from sandbox.stripe_server import stripe_app

KINDS = {Endpoint.READ_USERS: "read", Endpoint.WRITE_USERS: "write", Endpoint.REST: "rest"}


@pytest.mark.parametrize("plan", Plan)
def test_both_know_auth0s_plans(plan: Plan) -> None:
    """Each figure was read from the documentation twice."""
    for endpoint, kind in KINDS.items():
        told = AUTH0_PLANS[plan]
        _, per_second = told.get(kind) or told[""]
        assert Limits(plan).bucket(endpoint).limit == per_second


@pytest.mark.parametrize("livemode", [True, False])
def test_stripes_endpoints(*, livemode: bool) -> None:
    """25 at once to one; to all of them 100 in live mode, 25 in a sandbox; then 25 a second."""
    clock = FakeClock()
    limits = StripeLimits(clock.time, livemode=livemode)
    reasons = [limits.refusal(f"GET /v1/{each}") for each in "abcd" for _ in range(25)]
    # In a sandbox the first endpoint has used up everything.
    assert reasons.count(None) == (100 if livemode else 25)
    assert limits.refusal("GET /v1/a") == "global-rate"
    clock.sleep(1.0)
    again = [limits.refusal("GET /v1/a") for _ in range(26)]

    assert again[:25] == [None] * 25
    assert again[25] == ("endpoint-rate" if livemode else "global-rate")


def test_stripe_over_http() -> None:
    """With the reason in the header, by the operation and not by the id."""
    account = StripeAccount(clock=FakeClock().time)
    ids = [account.create({"email": f"{each}@example.com"})["id"] for each in range(2)]
    account.enforce_limits()
    with Server(stripe_app(account)) as server:
        client = stripe.StripeClient(account.add_key(), base_addresses={"api": server.url})
        for number in range(25):
            client.v1.customers.retrieve(ids[number % 2])
        with pytest.raises(stripe.RateLimitError) as raised:
            client.v1.customers.retrieve(ids[0])

    assert (raised.value.headers or {})["stripe-rate-limited-reason"] == "global-rate"
    assert account.limits
    assert account.limits.refused == {"GET /v1/customers/<customer_id>": 1}


@pytest.mark.parametrize("plan", Plan)
def test_auth0(plan: Plan) -> None:
    """So many at once, each answer says how many are left; then as many as flow in."""
    clock = FakeClock()
    api = ManagementApi(Users(), clock.time)
    api.limit_to(plan)
    limit = (found := auth0_limits(plan, clock.time)).get("write") or found[""]
    burst, asked = int(limit.requests), ("PATCH", "/api/v2/users/auth0|ada")
    left = [int(api.count(*asked)["x-ratelimit-remaining"]) for _ in range(burst)]
    assert left == [*range(burst - 1, -1, -1)]
    with pytest.raises(Auth0Failure) as raised:
        api.count(*asked)
    reset = int(raised.value.headers["x-ratelimit-reset"])
    assert 0 < reset - clock.time() <= limit.seconds + 1
    assert api.refused == {"write": 1}
    clock.sleep(1.001 * limit.seconds / burst)

    assert api.count(*asked)["x-ratelimit-remaining"] == "0"


def test_kinds_that_have_limits_of_their_own() -> None:
    """By Essentials writing users says nothing of reading them."""
    api: Any = ManagementApi(Users(), FakeClock().time)
    api.limit_to("essentials")
    for _ in range(20):
        api.count("PATCH", "/api/v2/users/auth0|ada")
    for method, path in [("GET", "users/auth0|ada"), ("GET", "users-by-email"), ("POST", "jobs/x")]:
        assert int(api.count(method, f"/api/v2/{path}")["x-ratelimit-remaining"]) > 0
    with pytest.raises(Auth0Failure):
        api.count("POST", "/api/v2/users/auth0|ada/identities")
