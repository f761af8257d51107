"""The table of docs/policies.md, played: each policy, each situation, each kind of connection."""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from tests.functions.test_shop_api import post, token
from tests.translation import ROOT

from customerlink.adapters.stripe import customers as stripe_customers
from customerlink.model.tickets import STATE_PARAMETER, digest_of
from sandbox.demo import LONG_AGO
from sandbox.sandbox import Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind
from sandbox.tenant import Login, Registered

PAGE = (ROOT / "docs/policies.md").read_text()
CONNECTIONS = ("Username-Password-Authentication", "google-oauth2", "acme-saml", "legacy-users")
DATABASES = ("Username-Password-Authentication", "legacy-users")
NUMBERS = itertools.count()


def table() -> tuple[list[str], dict[str, list[str]]]:
    """Read the page's table: the policies, and each situation's cells."""
    _, start, after = PAGE.partition("| the user |")
    rows = f"{start}{after.partition('\n\n')[0]}".splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return cells[0][1:], {row[0]: row[1:] for row in cells[2:]}


POLICIES, SITUATIONS = table()


def environment(policy: str) -> dict[str, str]:
    """Return the variable that a column stands for."""
    found = re.fullmatch(r"`(\w+)=(.+)`", policy)
    if found is None:
        return {}
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).upper()
    return {f"CUSTOMERLINK_{name}": found[2].replace("…", "shop.example/link")}


@pytest.fixture(scope="module", params=POLICIES)
def deployment(request: pytest.FixtureRequest) -> Iterator[tuple[str, Sandbox]]:
    """Return a deployment for each column."""
    with pytest.MonkeyPatch.context() as patch, sandbox(settings=environment(request.param)) as box:
        # An outage's retries need no time here.
        patch.setattr(stripe_customers, "_PAUSE_SECONDS", 0.001)
        box.let_functions_into_the_tenant()
        yield request.param, box


@dataclass(frozen=True)
class Order:
    """How an order ended: with a customer, or an error code."""

    user_id: str
    error: str | None


@dataclass
class Stage:
    """One user of one connection, and what happened so far."""

    box: Sandbox
    connection: str
    email: str = field(default_factory=lambda: f"user-{next(NUMBERS)}@example.com")

    def user(self, *, verified: bool = True, **profile: object) -> str:
        """Add the user."""
        given = {"email": self.email, "email_verified": verified, **profile}
        return self.box.tenant.add_user(f"auth0|{next(NUMBERS)}", **given)

    def login(self, user: str) -> Login:
        """Log the user in, from the shop's own page."""
        query = {STATE_PARAMETER: digest_of("what the page keeps")}
        return self.box.tenant.login(user, self.connection, query=query)

    def stripe_is_down(self, *, down: bool) -> None:
        """Take Stripe down, or up again."""
        self.box.stripe.faults[:] = [Fault(FaultKind.DOWN, "GET", times=999)] if down else []

    def order(self, user: str) -> Order:
        """Place an order: the shop asks for the user's customer."""
        status, body = post(self.box, "/customers/me", token(self.box, user))
        assert (status == HTTPStatus.OK) is ("stripe_customer_id" in body)
        return Order(user, body.get("error"))

    def another_has_the_address(self) -> None:
        """Let another user's customer have it."""
        metadata = {"auth0_user_id": f"auth0|another-{self.email}", "auth0_tenant": "acme"}
        self.box.stripe.create({"email": self.email, "metadata": metadata})

    # One for each row of the table

    def verified(self) -> Login:
        """Sign up with a verified address."""
        return self.login(self.user())

    def unverified(self) -> Login:
        """Sign up with one that is not."""
        return self.login(self.user(verified=False))

    def verified_since(self) -> Login:
        """Verify it after the first login."""
        user = self.user(verified=False)
        self.login(user)
        self.box.tenant.users[user]["email_verified"] = True
        return self.login(user)

    def without_address(self) -> Login:
        """Sign up with none."""
        return self.login(self.user(email=None, verified=False))

    def from_before(self) -> Login:
        """Come back from before the installation."""
        return self.login(self.user(logins_count=41, created_at=LONG_AGO))

    def nobodys_customer(self) -> Login:
        """Find a customer that names nobody."""
        self.box.stripe.create({"email": self.email})
        return self.verified()

    def nobodys_customer_unverified(self) -> Login:
        """Find one without having verified."""
        self.box.stripe.create({"email": self.email})
        return self.unverified()

    def anothers_customer(self) -> Login:
        """Find another user's customer."""
        self.another_has_the_address()
        return self.verified()

    def outage(self) -> Login:
        """Sign up while Stripe is down."""
        self.stripe_is_down(down=True)
        return self.verified()

    def outage_over(self) -> Login:
        """Come back when it is up again."""
        self.stripe_is_down(down=True)
        user = self.user()
        self.login(user)
        self.stripe_is_down(down=False)
        return self.login(user)

    def denied_then_outage(self) -> Login:
        """Come back, denied, while it is down."""
        metadata = {"auth0_user_id": f"auth0|another-{self.email}"}
        self.box.stripe.create({"email": self.email, "metadata": metadata})
        user = self.user()
        self.login(user)
        self.stripe_is_down(down=True)
        return self.login(user)

    def id_and_outage(self) -> Login:
        """Bring an id that cannot be checked."""
        self.stripe_is_down(down=True)
        return self.login(self.user(app_metadata={"stripe_customer_id": "cus_imported"}))

    def ordered(self) -> Order:
        """Sign up, and place an order."""
        return self.order(self.verified().user_id)

    def ordered_unverified(self) -> Order:
        """Place one with an address that is not verified."""
        return self.order(self.unverified().user_id)

    def ordered_with_anothers_address(self) -> Order:
        """Place one with an address that another user's customer has."""
        return self.order(self.anothers_customer().user_id)

    def ordered_from_before(self) -> Order:
        """Place one after years."""
        return self.order(self.from_before().user_id)

    def registered(self) -> Login:
        """Come through the registration flow."""
        registered = self.box.tenant.register(self.connection, email=self.email)
        user_id = str(registered.user_id)
        self.box.tenant.users[user_id]["email_verified"] = True
        return self.login(user_id)

    def registered_with_anothers_address(self) -> Registered:
        """Register with an address that another user's customer has."""
        self.another_has_the_address()
        return self.box.tenant.register(self.connection, email=self.email)


PLAYED: dict[str, Callable[[Stage], Login | Order | Registered]] = {
    "signs up, address verified": Stage.verified,
    "signs up, address not verified": Stage.unverified,
    "… has verified it since": Stage.verified_since,
    "signs up without an address": Stage.without_address,
    "is from before the installation": Stage.from_before,
    "signs up, a customer of nobody's has the verified address": Stage.nobodys_customer,
    "signs up, a customer of nobody's has the unverified address": (
        Stage.nobodys_customer_unverified
    ),
    "signs up, another user's customer has the address": Stage.anothers_customer,
    "signs up while Stripe is down": Stage.outage,
    "… Stripe is back": Stage.outage_over,
    "was denied, and comes back while Stripe is down": Stage.denied_then_outage,
    "carries an id while Stripe is down": Stage.id_and_outage,
    "places an order, address verified": Stage.ordered,
    "places an order, address not verified": Stage.ordered_unverified,
    "places an order, another user's customer has the address": (
        Stage.ordered_with_anothers_address
    ),
    "is from before the installation, and places an order": Stage.ordered_from_before,
    "registers, then logs in, address verified": Stage.registered,
    "registers, another user's customer has the address": Stage.registered_with_anothers_address,
}
CASES = [
    (situation, connection)
    for situation in PLAYED
    for connection in CONNECTIONS
    # Users of other connections do not pass through the registration flow.
    if not situation.startswith("registers") or connection in DATABASES
]


def test_every_row_is_played() -> None:
    """None is only written."""
    assert SITUATIONS.keys() == PLAYED.keys()
    assert len(POLICIES) == 7


@pytest.mark.parametrize(("situation", "connection"), CASES)
def test_matrix(deployment: tuple[str, Sandbox], situation: str, connection: str) -> None:
    """The Action, the function and Stripe do what the table says."""
    policy, box = deployment
    box.stripe.faults.clear()
    expected = SITUATIONS[situation][POLICIES.index(policy)]
    before = len(box.gateway.exchanges)
    end = PLAYED[situation](Stage(box, connection))
    reasons = [each.reason for each in box.gateway.exchanges[before:]]
    box.stripe.faults.clear()
    if expected.endswith("no call"):
        reasons = reasons[1:] or ["no call"]

    assert told(end, reasons[-1]) == expected
    if end.user_id is not None:
        owners = {each["metadata"].get("auth0_user_id") for each in box.stripe.live_customers()}
        given = box.tenant.users[end.user_id]["app_metadata"].get("stripe_customer_id")
        has_one = expected in WITH_CUSTOMER or (expected == "in: no call" and end.user_id in owners)
        assert (end.user_id in owners) is has_one
        assert (given is not None) is (has_one or "carries" in situation)


WITH_CUSTOMER = {
    "order: customer",
    "in: `customer_created`",
    "in: `customer_found`",
    "in: `already_linked`",
}


def told(end: Login | Order | Registered, reason: str | None) -> str:
    """Put an end as the table has it."""
    quoted = reason if reason == "no call" else f"`{reason}`"
    match end:
        case Order(error=None):
            return "order: customer"
        case Order():
            return f"order: `{end.error}`"
        case Login(decision="redirect"):
            return f"away: {quoted}"
        case _:
            return f"{'in' if end.denial is None else 'out'}: {quoted}"
