"""What whoever has one of the keys can do, and cannot: each row of docs/operations.md played."""

import base64
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.adapters.auth0.test_session_token import sealed
from tests.calling import Reply, report, signed
from tests.calling import post as send
from tests.functions.test_shop_api import STATE, post, proofs, token
from tests.functions.test_verify_email import get, press, session

from customerlink.adapters.auth0.management import Management, Users
from customerlink.adapters.auth0.session_token import session_token
from customerlink.cli.config import Mode
from customerlink.cli.probes import StripeProbe
from customerlink.functions.send_mail import MAILS_A_DAY
from customerlink.model.actions import TRIGGERS
from customerlink.model.secret import Auth0Client
from customerlink.model.signature import SigningSecret
from customerlink.model.tickets import STATE_PARAMETER, TicketKey, digest_of, issue
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant, User, UserId
from customerlink.model.watch_secret import SCOPE
from customerlink.usecases.self_test import BODY, SelfTest
from sandbox.events import auth0_event, stripe_event
from sandbox.following import following
from sandbox.sandbox import SESSION_SECRET, Sandbox, sandbox

SETTINGS = {
    "CUSTOMERLINK_EXISTING_CUSTOMER": "adopt",
    "CUSTOMERLINK_LINKING_URL": "https://shop.example/link",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment in which a leak reaches furthest."""
    with sandbox(settings=SETTINGS) as box:
        box.let_functions_into_the_tenant()
        yield box


NUMBERS = iter(range(1, 1000))


def user(box: Sandbox, provider: str = "auth0", **profile: Any) -> str:
    """Add a user who has an address of their own."""
    number = next(NUMBERS)
    given = {"email": f"leak-{number}@example.com", "email_verified": True, **profile}
    return box.tenant.add_user(f"{provider}|{number}", **given)


def pair(box: Sandbox) -> tuple[str, str]:
    """Return two accounts of one address, the first of which has a customer."""
    first = user(box)
    box.tenant.login(first)
    return first, user(box, "google-oauth2", email=box.tenant.users[first]["email"])


def linked(box: Sandbox, first: str, ticket: str) -> int:
    """Try a ticket, with everything else that belongs to it."""
    body = proofs(box, first, link_ticket=ticket, link_state=STATE)
    return post(box, "/accounts/link", token(box, first), body)[0]


class TestStripeKey:
    """Stripe's restricted key."""

    def test_reach(self, box: Sandbox) -> None:
        """Every customer of the account can be read and written, and nothing else in Stripe."""
        probe = StripeProbe(box.stripe_key, box.stripe_url, Mode.TEST)
        probe.list_customers()
        probe.create_and_delete()

        assert not probe.may_read_charges()

    def test_it_signs_nothing(self, box: Sandbox) -> None:
        """No report is taken for it, and no ticket."""
        secret = "whsec_" + base64.b64encode(box.stripe_key.encode()).decode()
        assert forged(box, secret, "auth0|nobody").status == 401
        first, second = pair(box)
        box.tenant.users.count_login(second)

        assert linked(box, first, ticket_by(box.stripe_key.encode(), second)) == 403


def forged(box: Sandbox, secret: str, user_id: str, email: str = "forged@example.com") -> Reply:
    """Report a log-in that never was."""
    document = {
        "version": 1,
        "tenant": {"id": "acme"},
        "user": {"user_id": user_id, "email": email, "email_verified": True},
        "stats": {"logins_count": 1},
        "request": {"query": {STATE_PARAMETER: digest_of(STATE)}},
        "authentication": {"methods": [{"timestamp": datetime.now(UTC).isoformat()}]},
    }
    return report(box.url, secret, document)


def ticket_by(key: bytes, user_id: str) -> str:
    """Make a ticket oneself."""
    user = User(Tenant("acme"), UserId(user_id))
    return issue(TicketKey(0, key), user, digest_of(STATE), time.time())


class TestSigningSecret:
    """The secret that the Action signs with."""

    def test_customers(self, box: Sandbox) -> None:
        """Reports of log-ins that never were make customers, for addresses that have none."""
        taken = user(box)
        box.tenant.login(taken)
        address = box.tenant.users[taken]["email"]

        made = forged(box, box.signing_secret, "auth0|forged")
        refused = forged(box, box.signing_secret, "auth0|other", address)
        assert made.body["reason"] == "customer_created"
        assert refused.body["reason"] == "email_in_use"

    def test_adoption(self, box: Sandbox) -> None:
        """Under `ExistingCustomer=adopt`, a customer that names nobody can be given to any user."""
        customer = box.stripe.create({"email": "unclaimed@example.com"})
        forged(box, box.signing_secret, "auth0|thief", "unclaimed@example.com")

        assert box.stripe.retrieve(customer["id"])["metadata"]["auth0_user_id"] == "auth0|thief"

    def test_ticket_of_who_is_far_away(self, box: Sandbox) -> None:
        """A ticket can be had for anybody; Auth0 knows of no log-in, and it is refused."""
        first, second = pair(box)
        answer = forged(box, box.signing_secret, second, box.tenant.users[first]["email"])
        ticket = answer.body["redirect"].partition("link_ticket=")[2]

        assert linked(box, first, ticket) == 403
        assert second in box.tenant.users

    def test_ticket_of_who_is_there(self, box: Sandbox) -> None:
        """It is of use in the minutes of a log-in, to who has an account with the same address."""
        first, second = pair(box)
        box.tenant.users.count_login(second)
        answer = forged(box, box.signing_secret, second, box.tenant.users[first]["email"])
        ticket = answer.body["redirect"].partition("link_ticket=")[2]

        assert linked(box, user(box), ticket) == 403
        assert linked(box, first, ticket) == 200

    def test_it_signs_no_ticket(self, box: Sandbox) -> None:
        """Nor is it a token for the shop's API."""
        first, second = pair(box)
        box.tenant.users.count_login(second)
        key = base64.b64decode(box.signing_secret.removeprefix("whsec_"))

        assert linked(box, first, ticket_by(key, second)) == 403
        assert post(box, "/customers/me", box.signing_secret)[0] == 401


class TestTicketKey:
    """The key that signs link tickets."""

    def key(self, box: Sandbox) -> bytes:
        """Return it."""
        parsed = TicketKey.parse(box.ticket_key)
        assert parsed is not None
        return parsed.key

    def test_reach(self, box: Sandbox) -> None:
        """Tickets for anybody, of use under the same two conditions as with the signing secret."""
        first, second = pair(box)
        ticket = ticket_by(self.key(box), second)
        assert linked(box, first, ticket) == 403
        box.tenant.users.count_login(second)

        assert linked(box, user(box), ticket) == 403
        assert linked(box, first, ticket) == 200

    def test_it_signs_no_report(self, box: Sandbox) -> None:
        """Nobody gets a customer by it, or is kept out."""
        secret = "whsec_" + base64.b64encode(self.key(box)).decode()

        assert forged(box, secret, "auth0|nobody").status == 401

    def test_who_has_it(self, box: Sandbox) -> None:
        """No Action."""
        assert box.ticket_key not in box.tenant.secrets.values()


class TestAuth0Client:
    """The machine-to-machine application of the functions."""

    def users(self, box: Sandbox) -> Users:
        """Return what its secret opens."""
        client_id, secret = box.management.add_client(("read:users", "update:users"))
        domain = box.tools_environment()["AUTH0_DOMAIN"]
        return Users(Management(Auth0Client(domain, client_id, secret)), Trust())

    def test_reach(self, box: Sandbox) -> None:
        """Every user can be read, changed and linked: every account can be taken over."""
        victim, attacker, users = user(box), user(box), self.users(box)
        read = users.get(victim)
        assert read is not None
        assert read.email == box.tenant.users[victim]["email"]
        assert users.merge_app_metadata(victim, {"stripe_customer_id": "cus_another"})
        assert users.link(attacker, victim)

        assert victim not in box.tenant.users

    def test_not_stripe(self, box: Sandbox) -> None:
        """It signs no report, so no customer is made by it directly."""
        client_secret = box.management.add_client()[1]
        secret = "whsec_" + base64.b64encode(client_secret[:32].encode()).decode()

        assert forged(box, secret, "auth0|nobody").status == 401


class TestSessionSecret:
    """The secret that the Action verify-email signs with."""

    def test_mails(self, box: Sandbox) -> None:
        """Auth0's mail goes to a user's own address: once a minute, and at most five a day."""
        victim = user(box, email_verified=False)
        _, first = press(box, session(victim))
        _, second = press(box, session(victim))

        assert "sent the mail again" in first
        assert "Please wait" in second
        assert MAILS_A_DAY == 5

    @pytest.mark.parametrize("to", ["https://evil.example/", "https://acme.evil.example/x"])
    def test_button(self, box: Sandbox, to: str) -> None:
        """The page's button leads wherever the token says, by https."""
        assert to in get(box, session("auth0|1", continue_at=to))[1]

    @pytest.mark.parametrize("to", ["http://evil.example/", "javascript:alert(1)", ""])
    def test_button_by_nothing_else(self, box: Sandbox, to: str) -> None:
        """Nothing but https."""
        assert get(box, session("auth0|1", continue_at=to))[0] == 400

    def test_address(self) -> None:
        """What the token has sealed for the page, whoever has the secret opens; nobody else."""
        box, other = sealed(b"ada@example.com", SESSION_SECRET), "another" * 5
        caught = session_token(session("auth0|1", address=box), [SESSION_SECRET])
        guessed = session_token(session("auth0|1", other, address=box), [other])

        assert [each and each.address for each in (caught, guessed)] == ["ada@example.com", None]

    def test_no_account(self, box: Sandbox) -> None:
        """It opens nothing else: no report, no ticket, no token."""
        first, second = pair(box)
        box.tenant.users.count_login(second)

        assert linked(box, first, ticket_by(b"the sandbox's session secret, ...", second)) == 403
        assert post(box, "/customers/me", session(first))[0] == 401


class TestWatchSecret:
    """What the watch has: an application that reads Actions, and the key of self-tests."""

    @pytest.fixture
    def key(self, box: Sandbox) -> str:
        """Return the key."""
        return box.self_test_key

    def test_reach(self, box: Sandbox, key: str) -> None:
        """A self-test passes, which changes nothing."""
        test = SelfTest.signed(SigningSecret.parse(key), time.time())
        before = len(box.stripe.requests)
        answer = send(box.url, test.body, test.headers)

        assert (answer.status, answer.body["reason"]) == (200, "not_new")
        assert len(box.stripe.requests) == before

    @pytest.mark.parametrize("route", TRIGGERS)
    def test_no_report(self, box: Sandbox, key: str, route: str) -> None:
        """A forged one is a stranger's at every route: nobody is signed up."""
        before = len(box.stripe.requests)
        box_url = box.url.replace("post-login", route)
        answer = report(
            box_url,
            key,
            {
                "version": 1,
                "tenant": {"id": "acme"},
                "user": {"user_id": "auth0|forged", "email": "forged-by-watch@example.com"},
                "stats": {"logins_count": 1},
                "connection": {"name": "Users", "strategy": "auth0"},
            },
        )

        assert (answer.status, answer.body["error"]) == (401, "invalid_signature")
        assert len(box.stripe.requests) == before

    @pytest.mark.parametrize(
        "change",
        [
            lambda body: body + b" ",
            lambda body: body.replace(b'"self-test"', b'"acme"'),
            lambda body: body.replace(b"2}", b"1}"),
            lambda body: body.replace(b"customer-link-self-test", b"somebody"),
            lambda body: body[:-1] + b', "user": {"user_id": "auth0|1"}}',
        ],
    )
    def test_nothing_like_a_self_test(
        self, box: Sandbox, key: str, change: Callable[[bytes], bytes]
    ) -> None:
        """Byte by byte: what another reader might take for one is none."""
        body = change(BODY)

        assert send(box.url, body, signed(key, body)).status == 401

    def test_no_ticket(self, box: Sandbox, key: str) -> None:
        """Nor is it a token for the shop's API."""
        first, second = pair(box)
        box.tenant.users.count_login(second)
        decoded = base64.b64decode(key.removeprefix("whsec_"))

        assert linked(box, first, ticket_by(decoded, second)) == 403
        assert post(box, "/customers/me", key)[0] == 401

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "users"),
            ("PATCH", "users/auth0|1"),
            ("POST", "actions/actions"),
            ("PATCH", "actions/triggers/post-login/bindings"),
            ("PATCH", "actions/actions/1"),
            ("DELETE", "actions/actions/1"),
            ("POST", "actions/actions/1/deploy"),
        ],
    )
    def test_application(self, box: Sandbox, method: str, path: str) -> None:
        """It reads Actions; it changes none, and sees no user."""
        client = Auth0Client(box.auth0_url, *box.management.add_client((SCOPE,)))
        management = Management(client)
        answer = httpx.request(
            method,
            f"{box.auth0_url}/api/v2/{path}",
            headers={"authorization": f"Bearer {management.granted['access_token']}"},
            json={},
        )

        assert answer.status_code == 403
        assert management.read("actions/actions")["actions"] == []


class TestEventsSecret:
    """What the senders of events have: a token of Auth0's, a signing secret of Stripe's."""

    def test_reach(self, box: Sandbox) -> None:
        """A forged event has a user looked at, and nothing that it says comes true."""
        ada = user(box)
        box.tenant.login(ada)
        customer = box.tenant.users[ada]["app_metadata"]["stripe_customer_id"]
        with following(box, settings={"CUSTOMERLINK_SYNC_BY": "webhook"}) as told:
            before = dict(box.stripe.retrieve(customer)), dict(box.tenant.users[ada])
            forged = {"id": customer, "email": "x@example.com", "metadata": {"auth0_user_id": ada}}
            told.buses.put(auth0_event("user.deleted", {"user_id": ada}))
            told.buses.put(auth0_event("user.updated", {"user_id": ada, "name": "Forged"}))
            told.buses.put(stripe_event("customer.deleted", forged))
            told.buses.put(stripe_event("customer.updated", forged, {"name": "Forged"}))
            told.run()

            assert told.invocations > 0
            assert (dict(box.stripe.retrieve(customer)), dict(box.tenant.users[ada])) == before

    @pytest.mark.parametrize("route", [*TRIGGERS, "events/stripe"])
    def test_no_report(self, box: Sandbox, route: str) -> None:
        """The token opens no other route: to every other, its bearer is a stranger."""
        with following(box, settings={"CUSTOMERLINK_SYNC_BY": "webhook"}):
            [(url, held)] = box.management.event_streams.posted_to("user.deleted")
            answer = send(
                url.replace("events/auth0", route), b"{}", {"authorization": f"Bearer {held}"}
            )

        assert (answer.status, answer.body["error"]) == (401, "invalid_signature")
