"""The table of docs/policies.md, played: each policy, each situation, each kind of connection."""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from tests.translation import ROOT

from customerlink.adapters import stripe_customers
from sandbox.demo import LONG_AGO
from sandbox.sandbox import Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind
from sandbox.tenant import Login

PAGE = (ROOT / "docs/policies.md").read_text()
CONNECTIONS = ("Username-Password-Authentication", "google-oauth2", "acme-saml", "legacy-users")
NUMBERS = itertools.count()


def table() -> tuple[list[str], dict[str, list[str]]]:
    """Read the page's table: the policies, and each situation's cells."""
    rows = [each for each in PAGE.splitlines() if each.startswith("|")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return cells[0][1:], {row[0]: row[1:] for row in cells[2:]}


POLICIES, SITUATIONS = table()


def environment(policy: str) -> dict[str, str]:
    """Give the variable that a column stands for."""
    found = re.fullmatch(r"`(\w+)=(\w+)`", policy)
    if found is None:
        return {}
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).upper()
    return {f"CUSTOMERLINK_{name}": found[2]}


@pytest.fixture(scope="module", params=POLICIES)
def deployment(request: pytest.FixtureRequest) -> Iterator[tuple[str, Sandbox]]:
    """Give a deployment for each column."""
    with pytest.MonkeyPatch.context() as patch, sandbox(settings=environment(request.param)) as box:
        # An outage's retries need no time here.
        patch.setattr(stripe_customers, "_PAUSE_SECONDS", 0.001)
        yield request.param, box


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
        """Log the user in."""
        return self.box.tenant.login(user, self.connection)

    def stripe_is_down(self, *, down: bool) -> None:
        """Take Stripe down, or up again."""
        self.box.stripe.faults[:] = [Fault(FaultKind.DOWN, "GET", times=999)] if down else []

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
        metadata = {"auth0_user_id": f"auth0|another-{self.email}", "auth0_tenant": "acme"}
        self.box.stripe.create({"email": self.email, "metadata": metadata})
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


PLAYED: dict[str, Callable[[Stage], Login]] = {
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
}


def test_every_row_is_played() -> None:
    """None is only written."""
    assert SITUATIONS.keys() == PLAYED.keys()
    assert len(POLICIES) == 5


@pytest.mark.parametrize("connection", CONNECTIONS)
@pytest.mark.parametrize("situation", PLAYED)
def test_matrix(deployment: tuple[str, Sandbox], situation: str, connection: str) -> None:
    """The Action, the function and Stripe do what the table says."""
    policy, box = deployment
    box.stripe.faults.clear()
    expected = SITUATIONS[situation][POLICIES.index(policy)]
    before = len(box.gateway.exchanges)
    login = PLAYED[situation](Stage(box, connection))
    calls = box.gateway.exchanges[before:]
    box.stripe.faults.clear()
    is_silent = expected.endswith("no call")
    reason = "no call" if is_silent and len(calls) == 1 else f"`{calls[-1].reason}`"
    decision = "in" if login.decision == "continue" else "out"

    assert f"{decision}: {reason}" == expected
    linked = {each["metadata"].get("auth0_user_id") for each in box.stripe.live_customers()}
    given = box.tenant.users[login.user_id]["app_metadata"].get("stripe_customer_id")
    if decision == "in" and reason not in ("`deferred`", "`not_new`"):
        assert given is not None
        assert login.user_id in linked
    else:
        assert login.user_id not in linked
