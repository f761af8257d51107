"""Links of before sync was switched on enrolled, over the real ledger and a Stripe that answers."""

from dataclasses import replace
from typing import Any

import pytest
from tests.interleaving import LOOK, TENANT, Kind, World, user

from customerlink.adapters.aws.aws_json import AwsSilentError
from customerlink.model.profile import Identity
from customerlink.model.sync_policy import Differences, EditedCustomers, SyncPolicy
from customerlink.model.user import CustomerId
from customerlink.usecases.enrol import Enrolled, Enrolment, EnrolStatus
from customerlink.usecases.synced import NO_ANSWER, NO_LEDGER

ADA = user("ada")
OLD, NEW = "old@example.com", "new@example.com"
APPLY = SyncPolicy(differences=Differences.APPLY)


class Shop(World):
    """A world of before sync: Ada's link is true, and the ledger knows nothing of it."""

    def __init__(self) -> None:
        """Put both sides in."""
        super().__init__()
        self.adas = self.customer(OLD, ADA)
        self.stripe.account.update(self.adas, {"name": "Ada"})
        self.tenant.add(ADA, OLD, customer_id=self.adas, name="Ada")

    def enrol(self, policy: SyncPolicy | None = None) -> Enrolled:
        """Enrol Ada."""
        return Enrolment(self.syncing(policy)).enrol(ADA)

    def moves(self, **changes: Any) -> None:
        """Let her profile change."""
        profiles = self.tenant.profiles
        profiles[ADA.user_id] = replace(profiles[ADA.user_id], **changes)

    def memory(self) -> dict[str, Any]:
        """Return what the ledger remembers of her."""
        return self.table.items.get(f"sync#{TENANT}#{ADA.user_id}", {})


@pytest.fixture
def shop() -> Shop:
    """Return it."""
    return Shop()


def test_true_link(shop: Shop) -> None:
    """It is recorded, and what agrees counts as applied; once more nothing changes."""
    assert shop.enrol() == Enrolled(EnrolStatus.ENROLLED)
    assert shop.record(ADA)["customer_id"] == shop.adas
    assert shop.memory()["applied"]["M"].keys() == {"email", "name"}
    assert shop.enrol() == Enrolled(EnrolStatus.ENROLLED)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": NEW}, "email"),
        ({"name": "Countess"}, "name"),
        ({"email": NEW, "name": "Countess"}, "email, name"),
    ],
)
def test_differences(shop: Shop, changes: dict[str, Any], fields: str) -> None:
    """They are told and stay, the link is recorded, and the rest is applied; or Auth0's counts."""
    shop.moves(**changes)
    before = shop.values(shop.adas)

    assert shop.enrol() == Enrolled(EnrolStatus.DIFFERS, fields)
    assert shop.values(shop.adas) == before
    assert shop.record(ADA)["customer_id"] == shop.adas
    assert shop.memory()["applied"]["M"].keys() == {"email", "name"} - set(fields.split(", "))
    assert shop.enrol(APPLY).status is EnrolStatus.APPLIED
    assert shop.values(shop.adas).items() >= changes.items()
    assert shop.enrol().status is EnrolStatus.ENROLLED


@pytest.mark.parametrize("changes", [{"email": NEW}, {"name": "Countess"}])
def test_changed_while_sync_was_off(shop: Shop, changes: dict[str, Any]) -> None:
    """What Auth0 has is known to be newer: it is told all the same, and stays until asked for."""
    shop.enrol()
    shop.moves(**changes)
    before = shop.values(shop.adas)

    assert shop.enrol() == Enrolled(EnrolStatus.DIFFERS, next(iter(changes)))
    assert shop.values(shop.adas) == before
    assert shop.enrol(APPLY).status is EnrolStatus.APPLIED


def test_edited_in_stripe_while_sync_was_off(shop: Shop) -> None:
    """By policy it stays: nothing is to be told; or it would be written again, and is told."""
    shop.enrol()
    shop.stripe.account.update(shop.adas, {"name": "Countess"})
    restored = SyncPolicy(edited_customers=EditedCustomers.RESTORE)

    assert shop.enrol().status is EnrolStatus.ENROLLED
    assert shop.enrol(restored) == Enrolled(EnrolStatus.DIFFERS, "name")
    assert shop.values(shop.adas)["name"] == "Countess"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"customer_id": None}, "differs"),
        ({"customer_id": CustomerId("cus_never")}, "missing"),
        ({"email": None, "customer_id": None}, "differs"),
    ],
)
def test_what_is_left(shop: Shop, changes: dict[str, Any], why: str) -> None:
    """What would write a link, or nobody knows, is told alone."""
    shop.enrol()
    shop.moves(**changes)
    profile = shop.tenant.profiles[ADA.user_id]

    assert shop.enrol(APPLY) == Enrolled(EnrolStatus.LEFT, why)
    assert shop.tenant.profiles[ADA.user_id] == profile


def test_linked_accounts(shop: Shop) -> None:
    """Their customers follow with an event: that writes to them."""
    accounts = (Identity("auth0", "ada"), Identity("google-oauth2", "1"))
    shop.moves(identities=accounts)

    assert shop.enrol(APPLY) == Enrolled(EnrolStatus.FOLLOWS)
    assert shop.memory() == {}


def test_customer_that_is_gone(shop: Shop) -> None:
    """A deletion in Stripe clears no id here: that is for an event, and for policy."""
    shop.stripe.account.delete(shop.adas)

    assert shop.enrol(APPLY) == Enrolled(EnrolStatus.LEFT, "deleted")
    assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas


def silent(*_: object) -> None:
    """Answer nothing."""
    raise AwsSilentError("TimeoutError")


def test_another_try(shop: Shop) -> None:
    """While a sign-up is under way, or Stripe or the ledger does not answer, nothing is done."""
    shop.fails(LOOK, Kind.LOST)
    assert shop.enrol() == Enrolled(EnrolStatus.AGAIN, NO_ANSWER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop.dynamodb.table, "get_item", silent)
        assert shop.enrol() == Enrolled(EnrolStatus.AGAIN, NO_LEDGER)
    shop.moves(customer_id=None)
    shop.ports()[1].open(ADA, None, admission=True)
    assert shop.enrol() == Enrolled(EnrolStatus.AGAIN, "signing_up")
    assert "applied" not in shop.memory()
