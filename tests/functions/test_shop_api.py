"""The shop's API over HTTP: a customer at the checkout, two accounts made one."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.fakes import FakeClock
from werkzeug.wrappers import Request, Response

from customerlink.adapters.auth0.errors import Auth0RefusedError
from customerlink.adapters.auth0.management import Users
from customerlink.adapters.dynamodb import usage_limits
from customerlink.functions import shop_api as customers
from customerlink.functions.linking_proofs import nonce_for
from customerlink.functions.shop_answers import STATUS
from customerlink.functions.shop_api import ROUTES
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason
from customerlink.model.signature import SigningSecret
from customerlink.model.tickets import TICKET_SECONDS, TicketKey, digest_of, issue
from customerlink.model.user import Tenant, User, UserId
from customerlink.usecases.link_accounts import LinkFailure
from sandbox.auth0.failure import Auth0Failure
from sandbox.gateway import Context
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import SHOP_AUDIENCE, SHOP_CLIENT, SHOP_SCOPES, Sandbox, sandbox
from sandbox.serving import Server
from sandbox.stripe_account import Fault, FaultKind

CHECKOUT = {"CUSTOMERLINK_PROVISION_AT": "checkout"}
CONTEXT: Any = Context()

type Answer = tuple[int, dict[str, Any]]


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    """Run a deployment that makes customers at the checkout."""
    settings = CHECKOUT | {"CUSTOMERLINK_LINKING_URL": "https://shop.example/link?lang=en"}
    with sandbox(settings=settings) as box:
        box.let_functions_into_the_tenant()
        yield box


@pytest.fixture
def box(shop: Sandbox) -> Iterator[Sandbox]:
    """Return it without users, customers, faults."""
    yield shop
    for customer in shop.stripe.live_customers():
        shop.stripe.delete(customer["id"])
    for user_id in list(shop.tenant.users):
        shop.tenant.users.delete(user_id)
    shop.stripe.faults.clear()
    shop.stripe.latency = 0.0
    shop.management.faults.clear()
    shop.tenant.loses_metadata = False


NUMBERS = iter(range(1, 10_000))


def user(box: Sandbox, provider: str = "auth0", **profile: Any) -> str:
    """Add a user who has an address of their own."""
    number = next(NUMBERS)
    given = {"email": f"user-{number}@example.com", "email_verified": True, **profile}
    return box.tenant.add_user(f"{provider}|{number}", **given)


def token(box: Sandbox, user_id: str, **claims: Any) -> str:
    """Return a user's access token for the shop's API."""
    return box.shop_token(user_id, **claims)


def post(box: Sandbox, path: str, access_token: str, body: object = None) -> Answer:
    """Call the shop's API."""
    answer = urllib3.request(
        "POST",
        box.url.replace("/post-login", path),
        headers={"authorization": f"Bearer {access_token}"},
        json=body,
        timeout=PATIENCE_SECONDS,
    )
    return answer.status, answer.json()


def checkout(box: Sandbox, user_id: str) -> Answer:
    """Place an order."""
    return post(box, "/customers/me", token(box, user_id))


def metadata(box: Sandbox, user_id: str) -> dict[str, Any]:
    """Return the user's `app_metadata`."""
    found: dict[str, Any] = box.tenant.users[user_id]["app_metadata"]
    return found


def customers_of(box: Sandbox, user_id: str) -> list[str]:
    """Return the customers that name a user."""
    return [
        each["id"]
        for each in box.stripe.live_customers()
        if each["metadata"].get("auth0_user_id") == user_id
    ]


class TestCheckout:
    """`POST /customers/me`."""

    def test_the_customer_comes_with_the_order(self, box: Sandbox) -> None:
        """The sign-up makes none and later logins cost no call; the order does, once."""
        ada = user(box, name="Ada")
        assert box.tenant.login(ada).decision == "continue"
        assert metadata(box, ada) == {"stripe_signup": "exempt"}
        calls = len(box.gateway.exchanges)
        box.tenant.login(ada)
        assert len(box.gateway.exchanges) == calls
        assert box.stripe.live_customers() == []

        status, body = checkout(box, ada)
        assert status == 200
        assert metadata(box, ada) == body
        assert customers_of(box, ada) == [body["stripe_customer_id"]]
        assert checkout(box, ada) == (200, body)
        assert box.tenant.login(ada).decision == "continue"

    def test_double_click_beside_a_login(self, box: Sandbox) -> None:
        """One customer, one answer."""
        box.stripe.latency = 0.1
        ada = user(box)
        with ThreadPoolExecutor(6) as tabs:
            orders = [tabs.submit(checkout, box, ada) for _ in range(4)]
            logins = [tabs.submit(box.tenant.login, ada) for _ in range(2)]
            answers = [each.result() for each in orders]
            assert {each.result().decision for each in logins} == {"continue"}

        assert len(customers_of(box, ada)) == 1
        assert {each[0] for each in answers} == {200}
        assert {each[1]["stripe_customer_id"] for each in answers} == {*customers_of(box, ada)}
        assert metadata(box, ada)["stripe_customer_id"] == customers_of(box, ada)[0]

    def test_write_that_was_lost(self, box: Sandbox) -> None:
        """The shop is told that it failed, and the next try says the same customer."""
        ada = user(box)
        box.management.faults.append("PATCH /api/v2/users/")
        assert checkout(box, ada)[1]["error"] == "auth0_unavailable"
        [made] = customers_of(box, ada)

        assert checkout(box, ada) == (200, {"stripe_customer_id": made})
        assert metadata(box, ada) == {"stripe_customer_id": made}

    @pytest.mark.parametrize(
        ("profile", "status", "error"),
        [
            ({"email": None}, 422, "email_missing"),
            ({"email": "no address"}, 422, "email_invalid"),
            ({"email": "taken@example.com"}, 409, "email_in_use"),
            ({"app_metadata": {"stripe_customer_id": "cus_none"}}, 409, "link_mismatch"),
        ],
    )
    def test_denials(self, box: Sandbox, profile: dict[str, Any], status: int, error: str) -> None:
        """By the reason, and without an address."""
        box.stripe.create({"email": "taken@example.com"})
        ada = user(box, **profile)
        answered, body = checkout(box, ada)

        assert (answered, body["error"]) == (status, error)
        assert "@" not in str(body)
        assert customers_of(box, ada) == []

    def test_outage(self, box: Sandbox) -> None:
        """Not to be told from other failures of Stripe's; the next try gets it."""
        ada = user(box)
        box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=1000))
        assert checkout(box, ada)[1]["error"] == "provisioning_failed"
        box.stripe.faults.clear()

        assert checkout(box, ada)[0] == 200

    def test_user_who_is_gone(self, box: Sandbox) -> None:
        """Nothing is made for nobody."""
        assert checkout(box, "auth0|gone")[1]["error"] == "user_not_found"
        assert box.stripe.live_customers() == []

    def test_no_address_reaches_the_log(self, box: Sandbox) -> None:
        """Whatever happened above."""
        assert "@example.com" not in box.log.getvalue()

    def test_outage_is_no_success(self, box: Sandbox) -> None:
        """By the status alone."""
        ada = user(box)
        box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=1000))

        assert checkout(box, ada)[0] == 503

    def test_nobody_is_refused(self, box: Sandbox) -> None:
        """Without the person: no login takes notice of what was tried."""
        box.stripe.create({"email": "taken@example.com"})
        ada = user(box, email="taken@example.com")

        assert checkout(box, ada)[0] == 409
        assert not any(str(each["pk"]).endswith(ada) for each in box.aws.items())


def authorised(
    issuer: str, route: str, user_id: str, body: str = "", **claims: str
) -> dict[str, Any]:
    """Return an event of a request that the authoriser let through."""
    good: dict[str, Any] = {
        "iss": issuer,
        "sub": user_id,
        "aud": SHOP_AUDIENCE,
        "azp": SHOP_CLIENT,
        "scope": SHOP_SCOPES,
    }
    context = {"authorizer": {"jwt": {"claims": good | claims}}}
    return {"routeKey": route, "headers": {**JSON}, "requestContext": context, "body": body}


def other_key() -> rsa.RSAPrivateKey:
    """Make a key that is not the tenant's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class TestAccessTokens:
    """What API Gateway's authoriser stands before, and what the function asks itself."""

    def test_none(self, box: Sandbox) -> None:
        """Or a wrong one."""
        forged = jwt.encode({"sub": "auth0|1", "aud": SHOP_AUDIENCE}, other_key(), "RS256")
        for each in ("", "nonsense", forged, token(box, "auth0|1", aud="https://other.example")):
            assert post(box, "/customers/me", each)[0] == 401
        for each in (token(box, "auth0|1", exp=1), token(box, "auth0|1", iss="https://other/")):
            assert post(box, "/customers/me", each)[0] == 401

    @pytest.mark.parametrize(
        ("claims", "status"),
        [
            pytest.param({"scope": "openid"}, 403, id="no scope of ours"),
            pytest.param({"scope": None}, 403, id="no scope"),
            pytest.param({"scope": "accounts:link"}, 403, id="the other route's scope"),
            pytest.param({"scope": "customers:owner"}, 403, id="a longer scope"),
            pytest.param({"sub": "abc@clients"}, 401, id="an application's own"),
            pytest.param({"sub": "abc|1@clients", "gty": "client-credentials"}, 401, id="machine"),
            pytest.param({"sub": ""}, 401, id="nobody's"),
            pytest.param({"azp": "somebody-else"}, 401, id="another party's"),
            pytest.param({"azp": None}, 401, id="of no application"),
            pytest.param({"azp": None, "client_id": "somebody-else"}, 401, id="another client's"),
            pytest.param({"nonce": "1"}, 401, id="an ID token with a scope"),
            pytest.param({"aud": "https://other.example"}, 401, id="for another API"),
            pytest.param({"aud": [SHOP_AUDIENCE + "/", "x"]}, 401, id="for other APIs"),
        ],
    )
    def test_refused(self, box: Sandbox, claims: dict[str, Any], status: int) -> None:
        """Before anything is asked of Auth0 or Stripe."""
        ada = user(box)
        before = list(box.management.requests)
        answered, _ = post(box, "/customers/me", token(box, ada, **claims))

        assert answered == status
        assert box.management.requests == before
        assert customers_of(box, ada) == []

    @pytest.mark.parametrize(
        "claims",
        [
            {},
            {"aud": [SHOP_AUDIENCE, "https://acme.example/userinfo"]},
            {"azp": None, "client_id": SHOP_CLIENT},
            {"scope": "customers:own"},
        ],
    )
    def test_good(self, box: Sandbox, claims: dict[str, Any]) -> None:
        """In either of Auth0's profiles of access tokens, for one API or several."""
        assert post(box, "/customers/me", token(box, user(box), **claims))[0] == 200

    def test_id_token(self, box: Sandbox) -> None:
        """It proves a log-in to the shop, and is no leave to call."""
        assert post(box, "/customers/me", box.proof_of(user(box)))[0] == 401

    @pytest.mark.parametrize(
        ("claims", "status"),
        [
            ({"scope": "openid accounts:link"}, 403),
            ({"azp": "somebody-else"}, 401),
            ({"aud": "https://other.example"}, 401),
            ({"aud": "[https://other.example https://third.example]"}, 401),
            ({"sub": "abc@clients"}, 401),
            ({"gty": "client-credentials"}, 401),
            ({"nonce": "1"}, 401),
        ],
    )
    def test_behind_an_authoriser_that_asks_less(
        self, the_shop: customers.Shop, claims: dict[str, str], status: int
    ) -> None:
        """The function asks for all of it itself."""
        event = authorised(the_shop.api.issuer, "POST /customers/me", "auth0|64", **claims)
        answer = customers.respond(lambda: the_shop, event, CONTEXT)

        assert answer["statusCode"] == status
        assert json.loads(answer["body"])["error"] == "not_authorised"

    def test_without_the_authoriser(self, box: Sandbox) -> None:
        """A route that lost its authoriser lets nobody in."""
        event = {"routeKey": "POST /customers/me", "headers": {}, "requestContext": {}}
        answer = box.gateway.shop({**event, "body": ""})

        assert answer["statusCode"] == 401
        assert json.loads(answer["body"])["error"] == "not_authorised"


def proofs(box: Sandbox, primary: str, **second: str) -> dict[str, str]:
    """Return what a request to link has to bring: the first log-in's proof, and the second's."""
    return {"primary_id_token": box.proof_of(primary), **second}


def id_token(box: Sandbox, secondary: str, access_token: str, **claims: Any) -> str:
    """Return what the second log-in proves, bound to the first one's access token."""
    profile = box.tenant.users[secondary]
    common = {
        "sub": secondary,
        "aud": SHOP_CLIENT,
        "nonce": nonce_for(access_token),
        "auth_time": int(time.time()),
        "email_verified": profile["email_verified"],
    }
    given = {name: value for name, value in {**common, **claims}.items() if value is not None}
    return box.management.tokens.signed(given)


def link(box: Sandbox, primary: str, secondary: str, **claims: Any) -> Answer:
    """Link two accounts with good proofs, but for some claims of the second."""
    access_token = token(box, primary, jti=str(next(NUMBERS)))
    proof = id_token(box, secondary, access_token, **claims)
    body = proofs(box, primary, secondary_id_token=proof)
    return post(box, "/accounts/link", access_token, body)


def with_customer(box: Sandbox, *users: str) -> list[str]:
    """Let users have customers."""
    return [checkout(box, each)[1]["stripe_customer_id"] for each in users]


def raw(box: Sandbox, access_token: str, body: bytes, **headers: str) -> Answer:
    """Send `/accounts/link` any bytes."""
    answer = urllib3.request(
        "POST",
        box.url.replace("/post-login", "/accounts/link"),
        headers={
            "authorization": f"Bearer {access_token}",
            "content-type": "application/json",
            **headers,
        },
        body=body,
        timeout=PATIENCE_SECONDS,
    )
    return answer.status, answer.json()


DEEP_TOKEN = base64.urlsafe_b64encode(b"[" * 30_000).rstrip(b"=") + b".e30.e30"


TWICE = b'{"primary_id_token": "a", "link_state": "b", "link_ticket": "c.d", "link_ticket": "e.f"}'


def by_id_tokens(first: bytes, second: bytes) -> bytes:
    """Return a body with two texts for tokens."""
    return b'{"primary_id_token": "' + first + b'", "secondary_id_token": "' + second + b'"}'


class TestOddBodies:
    """What a user can send with a good access token: a refusal, and no bug for the operator."""

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            pytest.param(b"[" * 100_000, 413, id="endless"),
            pytest.param(b"[" * 60_000, 400, id="deep"),
            pytest.param(b'{"link_ticket": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, id="closed"),
            pytest.param(b'{"link_ticket": "\\ud800"}', 400, id="surrogate in a ticket"),
            pytest.param(b'{"secondary_id_token": "\\ud800"}', 400, id="surrogate in a token"),
            pytest.param(b'{"secondary_id_token": "a.\\udfff.b"}', 400, id="surrogate within"),
            pytest.param(b'{"\\ud800": 1}', 400, id="surrogate in a key"),
            pytest.param(b'{"link_ticket": "\\u0000"}', 400, id="nul"),
            pytest.param(b'{"link_ticket": 1e999999}', 400, id="infinite"),
            pytest.param(b'{"link_ticket": ' + b"9" * 10_000 + b"}", 400, id="long number"),
            pytest.param(b'{"link_ticket": NaN}', 400, id="nan"),
            pytest.param(b'\xef\xbb\xbf{"link_ticket": "a.b.c"}', 400, id="byte order mark"),
            pytest.param(b'{"link_ticket": "\xff"}', 400, id="not utf-8"),
            pytest.param(b'["link_ticket"]', 400, id="list"),
            pytest.param(b'{"link_ticket": "a", "secondary_id_token": "b"}', 400, id="both"),
            pytest.param(TWICE, 403, id="twice"),
            pytest.param(by_id_tokens(b"e30.e30.e30", DEEP_TOKEN), 403, id="deep token"),
            pytest.param(by_id_tokens(DEEP_TOKEN, b"e30.e30.e30"), 403, id="deep first token"),
            pytest.param(by_id_tokens(b"e30.e30.e30", b"e30.e30.e30"), 403, id="empty tokens"),
        ],
    )
    def test_refused(self, box: Sandbox, body: bytes, status: int) -> None:
        """Counted as what it is."""
        start = len(box.log.getvalue())

        assert raw(box, token(box, user(box)), body)[0] == status
        assert "internal_error" not in box.log.getvalue()[start:]

    def test_content_type(self, box: Sandbox) -> None:
        """JSON has to say so."""
        body = b'{"link_ticket": "a.b.c"}'

        for each in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
            assert raw(box, token(box, user(box)), body, **{"content-type": each})[0] == 415

    @pytest.mark.parametrize("odd", ["\ud800", "auth0|\udfff", "auth0|\0", 7, ["auth0|1"], None])
    def test_odd_event(self, box: Sandbox, odd: object) -> None:
        """Whoever the authoriser seems to name: nobody."""
        claims: Any = {"sub": odd}
        event = authorised(box.management.tokens.issuer, "POST /accounts/link", "", "{}", **claims)
        event["headers"] |= {"authorization": "Bearer \ud800"}

        assert box.gateway.shop(event)["statusCode"] == 401


class TestLinking:
    """`POST /accounts/link`."""

    def test_both_had_one(self, box: Sandbox) -> None:
        """The primary's stays; the other says by which it is superseded."""
        ada, google = user(box), user(box, "google-oauth2")
        first, second = with_customer(box, ada, google)
        answer = link(box, ada, google)

        assert answer == (200, {"stripe_customer_id": first, "superseded": [second]})
        assert google not in box.tenant.users
        assert metadata(box, ada) == {"stripe_customer_id": first}
        assert box.stripe.retrieve(second)["metadata"]["superseded_by"] == first
        assert second in box.log.getvalue()

    def test_only_the_second_had_one(self, box: Sandbox) -> None:
        """It becomes the primary's, on both sides and in the ledger."""
        ada, google = user(box), user(box, "google-oauth2")
        [moved] = with_customer(box, google)

        assert link(box, ada, google) == (200, {"stripe_customer_id": moved, "superseded": []})
        assert metadata(box, ada) == {"stripe_customer_id": moved}
        assert customers_of(box, ada) == [moved]
        assert customers_of(box, google) == []
        assert checkout(box, ada) == (200, {"stripe_customer_id": moved})

    def test_only_the_first_had_one(self, box: Sandbox) -> None:
        """Nothing changes in Stripe."""
        ada, google = user(box), user(box, "google-oauth2")
        [kept] = with_customer(box, ada)

        assert link(box, ada, google) == (200, {"stripe_customer_id": kept, "superseded": []})

    def test_neither_had_one(self, box: Sandbox) -> None:
        """And none is made."""
        ada, google = user(box), user(box, "google-oauth2")

        assert link(box, ada, google) == (200, {"stripe_customer_id": None, "superseded": []})
        assert box.stripe.live_customers() == []

    def test_customer_that_the_second_one_adopted(self, box: Sandbox) -> None:
        """Its claim in the ledger goes over."""
        ada, google = user(box), user(box, "google-oauth2")
        [moved] = with_customer(box, google)
        box.aws.dynamodb.put_item(
            TableName="LedgerTable",
            Item={"pk": {"S": f"adoption#{moved}"}, "holder": {"S": f"acme#{google}"}},
        )

        assert link(box, ada, google)[1]["stripe_customer_id"] == moved

    @pytest.mark.parametrize(("age", "moves"), [(0, False), (60, False), (100, True)])
    def test_claim_of_somebody_else(self, box: Sandbox, age: float, *, moves: bool) -> None:
        """A customer that a third one claims does not move, while an update may be on its way."""
        ada, google = user(box), user(box, "google-oauth2")
        [contested] = with_customer(box, google)
        claim = {
            "pk": {"S": f"adoption#{contested}"},
            "holder": {"S": "acme#auth0|third"},
            "claimed_at": {"N": str(time.time() - age)},
        }
        box.aws.dynamodb.put_item(TableName="LedgerTable", Item=claim)
        answer = link(box, ada, google)[1]

        assert (answer.get("error") == "provisioning_failed") is not moves
        assert customers_of(box, ada if moves else google) == [contested]

    @pytest.mark.parametrize("which", [0, 1])
    @pytest.mark.parametrize("odd", [42, ["cus_1"], {"id": "cus_1"}, " ", "cus 1", "cus_gone"])
    def test_id_that_is_none(self, box: Sandbox, which: int, odd: object) -> None:
        """In either profile: Auth0 links nothing, and nothing is overwritten."""
        both = user(box), user(box, "google-oauth2")
        box.tenant.users[both[which]]["app_metadata"] = {"stripe_customer_id": odd}
        status, answer = link(box, *both)

        assert (status, answer["error"]) == (409, "link_mismatch")
        assert all(each in box.tenant.users for each in both)
        assert metadata(box, both[which]) == {"stripe_customer_id": odd}

    def test_customer_without_room(self, box: Sandbox) -> None:
        """It could not say whose it is: Auth0 links nothing."""
        ada, google = user(box), user(box, "google-oauth2")
        [full] = with_customer(box, google)
        box.stripe.update(full, {"metadata": {f"key{number}": "full" for number in range(48)}})
        with_customer(box, ada)
        status, answer = link(box, ada, google)

        assert (status, answer["error"]) == (409, "customer_unusable")
        assert google in box.tenant.users

    # An answer that is lost after the effect is replayed to the next try, by its key.
    @pytest.mark.parametrize("fault", [FaultKind.DOWN, FaultKind.DROP_BEFORE])
    def test_interrupted_at_stripe(self, box: Sandbox, fault: FaultKind) -> None:
        """The same click again finishes it, though Auth0 has linked the two already."""
        ada, google = user(box), user(box, "google-oauth2")
        [moved] = with_customer(box, google)
        box.stripe.faults.append(Fault(fault, "POST", times=1000))
        access_token = token(box, ada)
        body = proofs(box, ada, secondary_id_token=id_token(box, google, access_token))
        assert post(box, "/accounts/link", access_token, body)[1]["error"] == "provisioning_failed"
        assert google not in box.tenant.users
        box.stripe.faults.clear()

        assert post(box, "/accounts/link", access_token, body)[0] == 200
        assert metadata(box, ada) == {"stripe_customer_id": moved}
        assert customers_of(box, ada) == [moved]

    def test_interrupted_at_auth0(self, box: Sandbox) -> None:
        """Before the link, and before the profile is written."""
        ada, google = user(box), user(box, "google-oauth2")
        [moved] = with_customer(box, google)
        access_token = token(box, ada)
        body = proofs(box, ada, secondary_id_token=id_token(box, google, access_token))
        for each in ("POST /api/v2/users/", "PATCH /api/v2/users/"):
            box.management.faults.append(each)
            answer = post(box, "/accounts/link", access_token, body)
            assert answer[1]["error"] == "auth0_unavailable"

        assert post(box, "/accounts/link", access_token, body)[0] == 200
        assert metadata(box, ada) == {"stripe_customer_id": moved}

    @pytest.mark.parametrize("has_one", [True, False])
    def test_link_of_an_import_whose_answer_was_lost(self, box: Sandbox, *, has_one: bool) -> None:
        """Auth0 discards the profile that alone led to the customer: by then the ledger knows."""
        ada, google = user(box), user(box, "google-oauth2")
        firsts = with_customer(box, ada) if has_one else []
        names = {"auth0_user_id": google, "auth0_tenant": "acme"}
        imported = box.stripe.create({"email": "other@example.com", "metadata": names})["id"]
        metadata(box, google)["stripe_customer_id"] = imported
        access_token = token(box, ada)
        body = proofs(box, ada, secondary_id_token=id_token(box, google, access_token))
        link_both = box.tenant.users.link

        def unanswered(user_id: str, account: dict[str, Any]) -> None:
            link_both(user_id, account)
            raise Auth0Failure(503, "The answer is lost")

        with patch.object(box.tenant.users, "link", unanswered):
            assert post(box, "/accounts/link", access_token, body)[0] == 503
        assert google not in box.tenant.users
        status, answer = post(box, "/accounts/link", access_token, body)

        kept, *superseded = [*firsts, imported]
        assert (status, answer) == (200, {"stripe_customer_id": kept, "superseded": superseded})
        assert metadata(box, ada) == {"stripe_customer_id": kept}

    def test_double_click(self, box: Sandbox) -> None:
        """Both are told the same, or the later one to try again."""
        ada, google = user(box), user(box, "google-oauth2")
        first, second = with_customer(box, ada, google)
        access_token = token(box, ada)
        body = proofs(box, ada, secondary_id_token=id_token(box, google, access_token))
        with ThreadPoolExecutor(2) as tabs:
            clicks = [
                tabs.submit(post, box, "/accounts/link", access_token, body) for _ in range(2)
            ]
            answers = [each.result() for each in clicks]

        assert (200, {"stripe_customer_id": first, "superseded": [second]}) in answers
        assert {each[0] for each in answers} <= {200, 403, 404, 409}
        assert box.stripe.retrieve(second)["metadata"]["superseded_by"] == first

    def test_marker_goes(self, box: Sandbox) -> None:
        """Whoever has a customer is not asked for a sign-up any more."""
        ada, google = user(box), user(box, "google-oauth2")
        [moved] = with_customer(box, google)
        metadata(box, ada)["stripe_signup"] = "unfinished"

        assert link(box, ada, google)[0] == 200
        assert metadata(box, ada) == {"stripe_customer_id": moved}


def claims_of(token_: str) -> dict[str, Any]:
    """Read a token as a forger does."""
    claims: dict[str, Any] = jwt.decode(token_, options={"verify_signature": False})
    return claims


class TestForgedProofs:
    """What would take an account over."""

    @pytest.mark.parametrize(
        "claims",
        [
            pytest.param({"exp": 1}, id="expired"),
            pytest.param({"auth_time": int(time.time()) - 3600}, id="not fresh"),
            pytest.param({"auth_time": None}, id="asked for without max_age"),
            pytest.param({"iss": "https://evil.example/"}, id="foreign issuer"),
            pytest.param({"aud": SHOP_AUDIENCE}, id="swapped audience"),
            pytest.param({"aud": [SHOP_CLIENT, "other"], "azp": "other"}, id="for another client"),
            pytest.param({"nonce": "another"}, id="nonce of another login"),
            pytest.param({"nonce": None}, id="no nonce"),
            pytest.param({"email_verified": False}, id="unverified in the token"),
            pytest.param({"iat": None, "exp": None, "sub": None}, id="no subject"),
        ],
    )
    def test_claims(self, box: Sandbox, claims: dict[str, Any]) -> None:
        """Refused before anything changes."""
        ada, google = user(box), user(box, "google-oauth2")
        before = list(box.management.requests)
        answer = link(box, ada, google, **claims)

        assert (answer[0], answer[1]["error"]) == (403, "proof_refused")
        assert google in box.tenant.users
        assert box.management.requests == before

    def test_algorithm_none(self, box: Sandbox) -> None:
        """An unsigned token proves nothing."""
        ada, google = user(box), user(box, "google-oauth2")
        access_token = token(box, ada)
        claims = jwt.decode(
            id_token(box, google, access_token), options={"verify_signature": False}
        )
        forged = jwt.encode(claims, "", "none", {"kid": "sandbox-1"})
        answer = post(
            box, "/accounts/link", access_token, proofs(box, ada, secondary_id_token=forged)
        )

        assert answer[1]["error"] == "proof_refused"

    def test_published_key_as_a_shared_secret(self, box: Sandbox) -> None:
        """HS256 with the public key, which everybody has."""
        ada, google = user(box), user(box, "google-oauth2")
        access_token = token(box, ada)
        claims = jwt.decode(
            id_token(box, google, access_token), options={"verify_signature": False}
        )
        public = box.management.tokens.key.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        parts = [
            base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode()
            for each in ({"alg": "HS256", "typ": "JWT", "kid": "sandbox-1"}, claims)
        ]
        mac = hmac.digest(pem, ".".join(parts).encode(), hashlib.sha256)
        forged = ".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=").decode()])
        answer = post(
            box, "/accounts/link", access_token, proofs(box, ada, secondary_id_token=forged)
        )

        assert answer[1]["error"] == "proof_refused"
        assert google in box.tenant.users

    def test_another_key(self, box: Sandbox) -> None:
        """Signed, but not by the tenant; under its key's name, and under one of its own."""
        ada, google = user(box), user(box, "google-oauth2")
        access_token = token(box, ada)
        claims = jwt.decode(
            id_token(box, google, access_token), options={"verify_signature": False}
        )
        for kid in ("sandbox-1", "evil-1"):
            forged = jwt.encode(claims, other_key(), "RS256", {"kid": kid})
            answer = post(
                box, "/accounts/link", access_token, proofs(box, ada, secondary_id_token=forged)
            )
            assert answer[1]["error"] == "proof_refused"

    def test_an_access_token_is_no_id_token(self, box: Sandbox) -> None:
        """The tenant has signed both."""
        ada, google = user(box), user(box, "google-oauth2")
        body = proofs(box, ada, secondary_id_token=token(box, google))

        assert post(box, "/accounts/link", token(box, ada), body)[1]["error"] == "proof_refused"

    @pytest.mark.parametrize("which", [0, 1])
    def test_address_that_is_not_verified(self, box: Sandbox, which: int) -> None:
        """On either side, whatever the token says: the profile is asked."""
        pair = [user(box), user(box, "google-oauth2")]
        box.tenant.users[pair[which]]["email_verified"] = False
        answer = link(box, pair[0], pair[1], email_verified=True)

        assert (answer[0], answer[1]["error"]) == (403, "proof_refused")
        assert pair[1] in box.tenant.users

    @pytest.mark.parametrize("which", [0, 1])
    @pytest.mark.parametrize("provider", ["samlp", "waad", "oidc"])
    def test_address_of_a_directory(self, box: Sandbox, provider: str, which: int) -> None:
        """On either side, whatever token and profile say: its administrator has typed it."""
        pair = [user(box), user(box)]
        pair[which] = user(box, provider)
        answer = link(box, pair[0], pair[1], email_verified=True)

        assert (answer[0], answer[1]["error"]) == (403, "proof_refused")
        assert pair[1] in box.tenant.users

    def test_replayed_nonce(self, box: Sandbox) -> None:
        """One access token links once: neither again after an unlink, nor to a third account."""
        ada, google, third = user(box), user(box, "google-oauth2"), user(box, "github")
        access_token = token(box, ada)
        body = proofs(box, ada, secondary_id_token=id_token(box, google, access_token))
        other = proofs(box, ada, secondary_id_token=id_token(box, third, access_token))
        assert post(box, "/accounts/link", access_token, body)[0] == 200
        box.tenant.users[ada].pop("identities")
        box.tenant.users.add({"email": "back@example.com", "email_verified": True}, google)

        for each in (body, other):
            assert post(box, "/accounts/link", access_token, each)[1]["error"] == "proof_refused"

    def test_with_oneself(self, box: Sandbox) -> None:
        """One account is not two."""
        ada = user(box)

        assert link(box, ada, ada)[1]["error"] == "proof_refused"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"secondary_id_token": "a"},
            {"primary_id_token": "a"},
            {"primary_id_token": "a", "link_ticket": None, "link_state": "c"},
            {"primary_id_token": "a", "secondary_id_token": 1},
            {"primary_id_token": "a", "link_ticket": "b"},
            {"primary_id_token": "a", "link_state": "c"},
            {"primary_id_token": "a", "link_ticket": "b", "link_state": ""},
            {"primary_id_token": "a", "secondary_id_token": "a", "link_ticket": "b"},
        ],
    )
    def test_bodies_without_a_proof(self, box: Sandbox, body: object) -> None:
        """The fields are named, their values are not."""
        status, answer = post(box, "/accounts/link", token(box, user(box)), body)

        assert (status, answer["error"]) == (400, "invalid_request")
        assert "secondary_id_token" in answer["detail"]


STATE = "what only this browser has"


def ticket(box: Sandbox, user_id: str, age: float = 0.0, tenant: str = "acme") -> str:
    """Make a ticket as the sign-up's function does, for who has just logged in."""
    box.tenant.users.count_login(user_id)
    user = User(Tenant(tenant), UserId(user_id))
    return issue(key_of(box), user, digest_of(STATE), time.time() - age)


def key_of(box: Sandbox) -> TicketKey:
    """Return the deployment's key of link tickets."""
    key = TicketKey.parse(box.ticket_key)
    assert key is not None
    return key


def redeemed(box: Sandbox, primary: str, given: str, **others: str) -> Answer:
    """Link by a ticket, in the browser in which the second log-in began."""
    second = {"link_ticket": given, "link_state": STATE}
    return post(box, "/accounts/link", token(box, primary), proofs(box, primary, **second) | others)


class TestTickets:
    """In place of the dead end: the second log-in's proof comes with the redirect."""

    def pair(self, box: Sandbox) -> tuple[str, str]:
        """Return two accounts of one address, the second of which has just been logged in to."""
        ada = user(box, email="ada@example.com")
        google = user(box, "google-oauth2", email="ada@example.com")
        box.tenant.users.count_login(google)
        return ada, google

    def test_good(self, box: Sandbox) -> None:
        """Of this browser, of these minutes, for the same address."""
        ada, google = self.pair(box)

        assert redeemed(box, ada, ticket(box, google))[0] == 200
        assert google not in box.tenant.users

    def test_forged(self, box: Sandbox) -> None:
        """Of another key, another tenant, too old, or changed."""
        ada, google = self.pair(box)
        stolen = TicketKey(0, b"x" * 32)
        good, acme = ticket(box, google), User(Tenant("acme"), UserId(google))
        forged = [
            issue(stolen, acme, digest_of(STATE), time.time()),
            issue(
                TicketKey(0, SigningSecret.parse(box.signing_secret).key),
                acme,
                digest_of(STATE),
                time.time(),
            ),
            ticket(box, google, tenant="other"),
            ticket(box, google, age=TICKET_SECONDS + 5),
            good[:-4] + "AAAA",
            good.replace(".", "..", 1),
            "1.u.u",
            "nonsense",
        ]
        for each in forged:
            assert redeemed(box, ada, each)[1]["error"] == "proof_refused"
        assert google in box.tenant.users

    @pytest.mark.parametrize("state", ["another browser's", digest_of(STATE), STATE.upper()])
    def test_of_another_browser(self, box: Sandbox, state: str) -> None:
        """Whoever opens a link that somebody else's log-in led to has not that log-in's state."""
        ada, google = self.pair(box)
        answer = redeemed(box, ada, ticket(box, google), link_state=state)

        assert (answer[0], answer[1]["error"]) == (403, "proof_refused")
        assert google in box.tenant.users

    @pytest.mark.parametrize("last_login", [None, "2026-01-01T00:00:00.000Z", "yesterday"])
    def test_of_a_log_in_that_auth0_knows_nothing_of(
        self, box: Sandbox, last_login: str | None
    ) -> None:
        """Whoever can sign reports, or tickets, cannot make a user have logged in."""
        ada, google = self.pair(box)
        given = ticket(box, google)
        box.tenant.users[google]["last_login"] = last_login

        assert redeemed(box, ada, given)[1]["error"] == "proof_refused"
        assert google in box.tenant.users

    def test_of_another_address(self, box: Sandbox) -> None:
        """A ticket is bound to no first account, so the address has to be the same one."""
        ada, google = user(box), user(box, "google-oauth2")
        answer = redeemed(box, ada, ticket(box, google))

        assert answer[1]["error"] == "proof_refused"
        assert google in box.tenant.users

    def test_of_another_first_account(self, box: Sandbox) -> None:
        """Once begun with one, a ticket is of no use to another."""
        ada, google = self.pair(box)
        eve = user(box, email="ada@example.com")
        given = ticket(box, google)
        box.management.faults.append("POST /api/v2/users/")
        assert redeemed(box, ada, given)[0] == 503

        assert redeemed(box, eve, given)[1]["error"] == "proof_refused"
        assert redeemed(box, ada, given)[0] == 200

    def test_deployment_without_a_key(self, box: Sandbox, the_shop: customers.Shop) -> None:
        """It says so, and what makes one."""
        stored = the_shop.application.secret()
        without = replace(stored, ticket_keys=())
        ada, google = self.pair(box)
        with patch.object(the_shop.application, "secret", return_value=without):
            body = proofs(box, ada, link_ticket=ticket(box, google), link_state=STATE)
            event = authorised(the_shop.api.issuer, "POST /accounts/link", ada, json.dumps(body))
            answered = customers.respond(lambda: the_shop, event, CONTEXT)

        assert answered["statusCode"] == 403
        assert "customerlink install" in answered["body"]


class TestFirstLogIn:
    """The first account is proved as well: by a log-in of these minutes, of the same user."""

    @pytest.mark.parametrize(
        "claims",
        [
            pytest.param({"auth_time": None}, id="asked for without max_age"),
            pytest.param({"auth_time": int(time.time()) - 3600}, id="a session's renewal"),
            pytest.param({"auth_time": "now"}, id="no time"),
            pytest.param({"auth_time": True}, id="a yes"),
            pytest.param({"auth_time": int(time.time()) + 3600}, id="of the future"),
            pytest.param({"sub": "auth0|somebody-else"}, id="somebody else's"),
            pytest.param({"aud": SHOP_AUDIENCE}, id="an access token"),
            pytest.param({"aud": "other-client"}, id="another party's"),
            pytest.param({"exp": 1}, id="expired"),
        ],
    )
    def test_claims(self, box: Sandbox, claims: dict[str, Any]) -> None:
        """Refused, however good the second account's proof is."""
        ada = user(box, email="ada@example.com")
        google = user(box, "google-oauth2", email="ada@example.com")
        good = {"sub": ada, "aud": SHOP_CLIENT, "nonce": "1", "auth_time": int(time.time())}
        given = {name: value for name, value in (good | claims).items() if value is not None}
        signed = box.management.tokens.signed(given)

        answer = redeemed(box, ada, ticket(box, google), primary_id_token=signed)
        assert (answer[0], answer[1]["error"]) == (403, "proof_refused")
        assert google in box.tenant.users


class TestLimits:
    """A user may ask so often a day: a stolen token, or a page that loops, is held."""

    @pytest.mark.parametrize("route", ROUTES)
    def test_too_often(
        self, the_shop: customers.Shop, monkeypatch: pytest.MonkeyPatch, route: str
    ) -> None:
        """Each route counts by itself, and each user."""
        # At midnight a count begins anew.
        monkeypatch.setattr(usage_limits, "time", FakeClock())
        limit = ROUTES[route].times_a_day
        statuses = [self.asked(the_shop, route, "auth0|often") for _ in range(limit + 3)]

        assert statuses.count(429) == 3
        assert 429 not in statuses[:limit]
        assert self.asked(the_shop, route, "auth0|other") != 429

    def test_outage_of_the_ledger(self, the_shop: customers.Shop) -> None:
        """Nobody is refused by what cannot be counted."""
        with patch.object(the_shop.limits, "allows", side_effect=LedgerUnavailableError("down")):
            assert self.asked(the_shop, "POST /customers/me", "auth0|gone") == 404

    def asked(self, the_shop: customers.Shop, route: str, user_id: str) -> int:
        """Ask for nobody's customer, or to link without proofs."""
        answer = customers.respond(
            lambda: the_shop, authorised(the_shop.api.issuer, route, user_id), CONTEXT
        )
        return int(answer["statusCode"])


class TestAuth0sRateLimit:
    """It is waited for as long as the caller waits, and says nothing of our token."""

    @pytest.fixture
    def limited(self, box: Sandbox) -> Iterator[Sandbox]:
        """Let Auth0 take no more requests for a minute."""
        before = box.management.rate.requests, box.management.rate.seconds
        box.management.rate.requests, box.management.rate.seconds = 0, 60.0
        yield box
        box.management.rate.requests, box.management.rate.seconds = before

    @pytest.mark.parametrize("route", ROUTES)
    def test_in_time(self, limited: Sandbox, the_shop: customers.Shop, route: str) -> None:
        """Long before the function's time-out, whoever is asked how often."""
        ada, google = user(limited), user(limited, "google-oauth2")
        body = proofs(limited, ada, link_ticket=ticket(limited, google), link_state=STATE)
        waits: list[float] = []
        the_shop.users._management._sleep = waits.append
        event = authorised(the_shop.api.issuer, route, ada, json.dumps(body))
        answer = customers.respond(lambda: the_shop, event, CONTEXT)

        assert (answer["statusCode"], sum(waits) <= customers.PATIENCE_SECONDS) == (503, True)
        assert json.loads(answer["body"])["error"] == "auth0_unavailable"

    def test_token_is_kept(
        self, limited: Sandbox, the_shop: customers.Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was kept stays: a new token for each refusal would make it worse."""
        cleared: list[int] = []
        monkeypatch.setattr(customers._shop, "cache_clear", lambda: cleared.append(1))
        event = authorised(the_shop.api.issuer, "POST /customers/me", user(limited))
        customers.respond(lambda: the_shop, event, CONTEXT)

        assert cleared == []

    @pytest.mark.parametrize(("status", "times"), [(401, 1), (403, 1), (503, 0), (500, 0)])
    def test_refused_credentials(
        self,
        box: Sandbox,
        the_shop: customers.Shop,
        monkeypatch: pytest.MonkeyPatch,
        *,
        status: int,
        times: int,
    ) -> None:
        """Somebody may have replaced them: the next call reads the secret anew."""
        cleared: list[int] = []
        monkeypatch.setattr(customers._shop, "cache_clear", lambda: cleared.append(1))

        def refuse(*_: object) -> None:
            raise Auth0RefusedError(status)

        monkeypatch.setattr(Users, "get", refuse)
        event = authorised(the_shop.api.issuer, "POST /customers/me", user(box))
        assert customers.respond(lambda: the_shop, event, CONTEXT)["statusCode"] == 503
        assert len(cleared) == times


@pytest.mark.parametrize("answer", ['{"keys": "none"}', '{"keys": []}', "{}", "<html>", None])
def test_keys_that_cannot_be_had(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    """An outage of Auth0's, not a refusal: nothing is known of the proof."""
    ada, google = user(box), user(box, "google-oauth2")
    access_token = token(box, ada)
    body = proofs(box, ada, secondary_id_token=id_token(box, google, access_token))
    request = Request.application(lambda _: Response(answer, 200 if answer else 503))
    with Server(request) as broken:
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CUSTOMERLINK_AUTH0_ISSUER", f"{broken.url}/")
        shop = customers.Shop()
        event = authorised(shop.api.issuer, "POST /accounts/link", ada, json.dumps(body))
        event["headers"] |= {"authorization": f"Bearer {access_token}"}
        answered = customers.respond(lambda: shop, event, CONTEXT)

    assert answered["statusCode"] == 503
    assert json.loads(answered["body"])["error"] == "auth0_unavailable"
    assert google in box.tenant.users


WITH_A_CUSTOMER = {
    *(Reason.CUSTOMER_CREATED, Reason.CUSTOMER_FOUND, Reason.ALREADY_LINKED, Reason.NOT_NEW)
}
"""Reasons of a settled record; the shop is told the customer."""


def test_every_reason_without_a_customer_has_a_status() -> None:
    """Or the shop would get a 500; a user who is gone is a 404 before that."""
    assert STATUS.keys() == set(Reason) - WITH_A_CUSTOMER - {Reason.USER_GONE}
    assert {Reason(each) for each in LinkFailure} <= STATUS.keys()


def documented(section: str) -> set[tuple[int, str]]:
    """Return the statuses and error codes that a section of docs/policies.md lists."""
    page = (Path(__file__).parents[2] / "docs/policies.md").read_text()
    _, _, text = page.partition(f"## {section}\n")
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", text.partition("\n## ")[0], re.MULTILINE)
    return {(int(status), name) for status, names in rows for name in re.findall(r"`(\w+)`", names)}


def test_every_error_of_the_checkout_is_documented() -> None:
    """With its status; an address that is not verified has a code that says so."""
    reasons = {
        (int(status), "email_not_verified" if reason is Reason.DEFERRED else str(reason))
        for reason, status in STATUS.items()
    }
    others = {(401, "not_authorised"), (403, "not_authorised"), (404, "user_not_found")}
    others |= {(403, "tenant_not_served"), (429, "too_many_requests"), (503, "auth0_unavailable")}

    assert documented("Provision at the checkout") == reasons | others


def test_every_error_of_linking_is_documented() -> None:
    """With its status."""
    failures = {(int(STATUS[Reason(each)]), str(each)) for each in LinkFailure}
    others = {(400, "invalid_request"), (401, "not_authorised"), (403, "proof_refused")}
    others |= {(403, "not_authorised"), (403, "tenant_not_served"), (404, "user_not_found")}
    others |= {(429, "too_many_requests"), (503, "auth0_unavailable"), (503, "ledger_unavailable")}

    assert documented("Account linking") == failures | others


@pytest.fixture
def the_shop(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> customers.Shop:
    """Return what a warm function keeps."""
    for name, value in box.environment().items():
        monkeypatch.setenv(name, value)
    return customers.Shop()


@pytest.mark.parametrize(
    "event",
    [
        [],
        "event",
        {"headers": "none", "requestContext": "none"},
        {"requestContext": {"authorizer": []}},
        {"requestContext": {"authorizer": {"jwt": "token"}}},
        {"requestContext": {"authorizer": {"jwt": {"claims": ["sub"]}}}},
        {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": 7}}}}},
    ],
)
def test_event_without_a_user(the_shop: customers.Shop, event: Any) -> None:
    """Whatever is no event of API Gateway's: nobody was authorised."""
    context: Any = Context()
    answered = customers.respond(lambda: the_shop, event, context)

    assert answered["statusCode"] == 401


JSON = {"content-type": "application/json"}
HALF_AN_EMOJI = '{"primary_id_token": "\\ud83d", "secondary_id_token": "\\ud83d"}'


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"routeKey": "GET /"}, 404),
        ({"routeKey": ["POST"]}, 404),
        ({"routeKey": "POST /accounts/link", "body": {"link_ticket": "x"}}, 400),
        ({"routeKey": "POST /accounts/link", "body": "[" * 60_000}, 400),
        ({"routeKey": "POST /accounts/link", "headers": 7, "body": "[]"}, 415),
        ({"routeKey": "POST /accounts/link", "body": HALF_AN_EMOJI}, 400),
        ({"routeKey": "POST /accounts/link", "body": HALF_AN_EMOJI.encode().hex()}, 400),
    ],
)
def test_odd_event_of_a_user(the_shop: customers.Shop, event: dict[str, Any], status: int) -> None:
    """Refused, and no bug."""
    answered = customers.respond(
        lambda: the_shop, {**authorised(the_shop.api.issuer, "", "auth0|64"), **event}, CONTEXT
    )

    assert answered["statusCode"] == status
