"""The registration flow: the customer before the user, by the Actions' real JavaScript."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from customerlink.model.user import Tenant, registration_id
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Fault, FaultKind

DATABASE = "Username-Password-Authentication"
NUMBERS = iter(range(1, 1000))


@pytest.fixture
def email(box: Sandbox) -> Iterator[str]:
    """Return an address of the test's own."""
    yield f"user-{next(NUMBERS)}@example.com"
    box.stripe.latency = 0.0


def customers(box: Sandbox, email: str) -> list[dict[str, Any]]:
    """Return the customers with an address."""
    return [each for each in box.stripe.live_customers() if each["email"] == email]


def metadata(box: Sandbox, user_id: str | None) -> dict[str, Any]:
    """Return a user's `app_metadata`."""
    return dict(box.tenant.users[str(user_id)]["app_metadata"])


def reasons(box: Sandbox, before: int) -> list[str | None]:
    """Return the decisions since."""
    return [each.reason for each in box.gateway.exchanges[before:]]


def test_whole_way(box: Sandbox, email: str) -> None:
    """The customer is there before the user, and names the user before the first login."""
    before = len(box.gateway.exchanges)
    registered = box.tenant.register(email=email, name="Ada")
    [customer] = customers(box, email)
    login = box.tenant.login(str(registered.user_id))

    assert reasons(box, before) == ["customer_created", "already_linked", "already_linked"]
    assert login.decision == "continue"
    assert metadata(box, registered.user_id)["stripe_customer_id"] == customer["id"]
    assert customer["metadata"]["auth0_registration_id"] == registration_id(
        Tenant("acme"), DATABASE, email
    )
    assert customers(box, email)[0]["metadata"]["auth0_user_id"] == registered.user_id
    calls = len(box.gateway.exchanges)
    box.tenant.login(str(registered.user_id))
    assert len(box.gateway.exchanges) == calls


def test_login_overtakes_the_asynchronous_trigger(box: Sandbox, email: str) -> None:
    """The ids on both sides prove the link; what comes late changes nothing."""
    registered = box.tenant.register(email=email, tells=False)
    user_id = str(registered.user_id)
    assert box.tenant.login(user_id).decision == "continue"
    assert box.gateway.exchanges[-1].reason == "already_linked"
    box.tenant.tell_registered(user_id)

    assert box.gateway.exchanges[-1].reason == "already_linked"
    assert [each["metadata"]["auth0_user_id"] for each in customers(box, email)] == [user_id]


def test_both_at_once(box: Sandbox, email: str) -> None:
    """The login and the trigger meet in the ledger."""
    registered = box.tenant.register(email=email, tells=False)
    user_id = str(registered.user_id)
    box.stripe.latency = 0.1
    with ThreadPoolExecutor(3) as threads:
        logins = [threads.submit(box.tenant.login, user_id) for _ in range(2)]
        threads.submit(box.tenant.tell_registered, user_id).result()

    assert {each.result().decision for each in logins} == {"continue"}
    assert [each["metadata"]["auth0_user_id"] for each in customers(box, email)] == [user_id]


def test_refused_by_auth0_afterwards(box: Sandbox, email: str) -> None:
    """The second try finds the same customer; there is never another one."""
    first = box.tenant.register(email=email, is_refused=True)
    assert first.user_id is None
    before = len(box.gateway.exchanges)
    second = box.tenant.register(email=email)

    assert reasons(box, before)[0] == "customer_found"
    assert [each["id"] for each in customers(box, email)] == [
        metadata(box, second.user_id)["stripe_customer_id"]
    ]


def test_profile_that_lost_the_ids(box: Sandbox, email: str) -> None:
    """Connection and address are the registration's, so the customer is the user's."""
    registered = box.tenant.register(email=email, tells=False)
    box.tenant.users[str(registered.user_id)]["app_metadata"] = {}
    assert box.tenant.login(str(registered.user_id)).decision == "continue"

    assert box.gateway.exchanges[-1].reason == "customer_found"
    assert len(customers(box, email)) == 1


def test_another_connection_with_the_address(box: Sandbox, email: str) -> None:
    """It is not the one that registered."""
    box.tenant.register(email=email, tells=False)
    other = box.tenant.add_user("google-oauth2|9", email=email, email_verified=True)

    assert box.tenant.login(other, "google-oauth2").decision == "deny"
    assert box.gateway.exchanges[-1].reason == "email_in_use"


def identity(user_id: str, connection: str) -> dict[str, Any]:
    """Return an account that is a part of a user, as the event has it."""
    provider, _, name = user_id.partition("|")
    return {"provider": provider, "user_id": name, "connection": connection}


def test_log_in_by_a_linked_account_of_the_connection(box: Sandbox, email: str) -> None:
    """Its address is another one: who registered with the user's own is somebody else."""
    box.tenant.register(email=email, tells=False)
    accounts = [identity("google-oauth2|10", "google-oauth2"), identity("auth0|10", DATABASE)]
    other = box.tenant.add_user(
        "google-oauth2|10", email=email, email_verified=True, identities=accounts
    )

    assert box.tenant.login(other, DATABASE).decision == "deny"
    assert box.gateway.exchanges[-1].reason == "email_in_use"
    assert "auth0_user_id" not in customers(box, email)[0]["metadata"]


def test_log_in_by_a_linked_account_of_another_connection(box: Sandbox, email: str) -> None:
    """The registration is the user's all the same."""
    user_id = str(box.tenant.register(email=email, tells=False).user_id)
    accounts = [identity(user_id, DATABASE), identity("google-oauth2|11", "google-oauth2")]
    box.tenant.users[user_id] |= {"app_metadata": {}, "identities": accounts}

    assert box.tenant.login(user_id, "google-oauth2").decision == "continue"
    assert box.gateway.exchanges[-1].reason == "customer_found"


def test_registration_id_of_somebody_else(box: Sandbox, email: str) -> None:
    """An id in the profile that the customer does not have proves nothing."""
    box.tenant.register(email=email, is_refused=True)
    [customer] = customers(box, email)
    ids = {"stripe_customer_id": customer["id"], "stripe_registration_id": "0" * 32}
    thief = box.tenant.add_user(email=f"other-{email}", app_metadata=ids)

    assert box.tenant.login(thief).decision == "deny"
    assert box.gateway.exchanges[-1].reason == "link_mismatch"
    assert "auth0_user_id" not in customers(box, email)[0]["metadata"]


def test_two_profiles_with_one_registrations_ids(box: Sandbox, email: str) -> None:
    """The first to claim it has it, for good."""
    registered = box.tenant.register(email=email, tells=False)
    ids = metadata(box, registered.user_id)
    copy = box.tenant.add_user(email=f"copy-{email}", app_metadata=ids)
    box.stripe.latency = 0.1
    with ThreadPoolExecutor(2) as threads:
        logins = [
            threads.submit(box.tenant.login, str(each)) for each in (registered.user_id, copy)
        ]

    assert sorted(each.result().decision for each in logins) == ["continue", "deny"]


def test_address_that_is_taken(box: Sandbox, email: str) -> None:
    """Nobody registers with it, and nothing is made."""
    box.stripe.create({"email": email})
    registered = box.tenant.register(email=email)

    assert (registered.user_id, "is in use already" in str(registered.denial)) == (None, True)
    assert len(customers(box, email)) == 1


def test_no_address(box: Sandbox) -> None:
    """A registration by phone."""
    registered = box.tenant.register(phone_number="+1 555 0100")

    assert registered.user_id is None
    assert box.gateway.exchanges[-1].reason == "email_missing"


def test_outage(box: Sandbox, email: str) -> None:
    """Refused; when Stripe is back, one customer."""
    box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=1000))
    assert box.tenant.register(email=email).user_id is None
    box.stripe.faults.clear()

    assert box.tenant.register(email=email).user_id is not None
    assert len(customers(box, email)) == 1


def test_lost_answer(box: Sandbox, email: str) -> None:
    """The create was carried out, and nobody heard of it: asked again under the same key."""
    box.stripe.faults.append(Fault(FaultKind.DROP_AFTER, "POST", times=1))
    registered = box.tenant.register(email=email)
    [customer] = customers(box, email)

    assert metadata(box, registered.user_id)["stripe_customer_id"] == customer["id"]


def test_double_click(box: Sandbox, email: str) -> None:
    """Auth0 lets one of them in; both saw the same customer."""
    box.stripe.latency = 0.1
    with ThreadPoolExecutor(2) as tabs:
        both = [tabs.submit(box.tenant.register, email=email) for _ in range(2)]
        given = {metadata(box, each.result().user_id)["stripe_customer_id"] for each in both}

    assert len(given) == len(customers(box, email)) == 1


def test_no_address_reaches_the_log(box: Sandbox) -> None:
    """Whatever happened above."""
    assert "@example.com" not in box.log.getvalue()
