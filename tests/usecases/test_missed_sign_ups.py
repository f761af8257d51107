"""Who was made and has logged in, and nobody reported it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.fakes import NOW
from tests.interleaving import LEDGER, LIST, TENANT, Kind, World, WorldOperator, user

from customerlink.adapters.dynamodb.newcomers import DynamoDbNewcomers
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.policy import Policy, ProvisionAt, VerifiedEmail
from customerlink.model.signup import Marker, SignUp
from customerlink.model.sync_policy import MissedSignUps
from customerlink.model.user import CustomerId
from customerlink.usecases.missed_sign_ups import AT_IT_SECONDS, MissedSignUpsCheck, Newcomer

ADA = user("ada")
KEY = f"created#{TENANT}#{ADA.user_id}"
LOGGED_IN = datetime.fromtimestamp(NOW - 600, UTC)
PROVISION = MissedSignUps.PROVISION


class Made(World):
    """A world in which Auth0 has made Ada, a while ago."""

    def __init__(self, policy: Policy | None = None, **profile: Any) -> None:
        """Note her, and let her log in."""
        super().__init__(policy)
        self.tenant.add(ADA, "ada@example.com", **{"last_login": LOGGED_IN} | profile)
        self.newcomers().note(ADA, NOW)

    def newcomers(self) -> DynamoDbNewcomers:
        """Return them, in an invocation of its own."""
        return DynamoDbNewcomers(self.dynamodb, LEDGER, self.run(30.0))

    def look(self, missed: MissedSignUps = MissedSignUps.REPORT) -> Newcomer:
        """Look at Ada."""
        settling = WorldOperator(self).settling
        ports = self.newcomers(), self.tenant, settling
        return MissedSignUpsCheck(*ports, self.policy, missed, self.clock).look(ADA)

    def customers(self) -> int:
        """Count Ada's customers."""
        return len(self.named(ADA))


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({}, Newcomer.MISSED),
        ({"customer_id": CustomerId("cus_1")}, Newcomer.REPORTED),
        ({"marker": Marker.EXEMPT}, Newcomer.REPORTED),
        ({"marker": Marker.UNFINISHED}, Newcomer.REPORTED),
        ({"marker": "(odd)"}, Newcomer.REPORTED),
        ({"last_login": None}, Newcomer.ABSENT),
    ],
)
def test_by_the_profile(profile: dict[str, Any], expected: Newcomer) -> None:
    """A report leaves an id or a mark; who has not logged in has nothing to be reported of."""
    made = Made(**profile)

    assert made.look() is expected
    is_told = expected is Newcomer.MISSED
    assert ("is_open" in made.table.items.get(KEY, {}), KEY in made.table.items) == (False, is_told)
    assert made.customers() == 0


def test_reported() -> None:
    """Whatever came of it: the record says so, at one read."""
    made = Made(last_login=None)
    made.login(SignUp(ADA, 1, "ada@example.com", email_verified=True))

    assert made.look() is Newcomer.REPORTED
    assert KEY not in made.table.items


def test_gone() -> None:
    """Before they ever came."""
    made = Made()
    made.tenant.profiles.clear()

    assert made.look() is Newcomer.GONE
    assert KEY not in made.table.items


@pytest.mark.parametrize("seconds", [0, AT_IT_SECONDS - 1, -60])
def test_a_login_just_now(seconds: float) -> None:
    """May still be reported: they are looked at again."""
    made = Made(last_login=datetime.fromtimestamp(NOW - seconds, UTC))
    assert made.look() is Newcomer.WAITING
    assert KEY in made.table.items

    made.clock.sleep(AT_IT_SECONDS + 61)
    assert made.look() is Newcomer.MISSED


def test_provisioned() -> None:
    """As the policy has it: one customer, linked on both sides, and not a second one."""
    made = Made()

    assert made.look(PROVISION) is Newcomer.PROVISIONED
    assert made.customers() == 1
    assert made.tenant.profiles[ADA.user_id].customer_id == made.named(ADA)[0]
    assert made.look(PROVISION) is Newcomer.REPORTED


@pytest.mark.parametrize(
    ("policy", "profile", "expected"),
    [
        ({"provision_at": ProvisionAt.CHECKOUT}, {}, Newcomer.MISSED),
        ({"verified_email": VerifiedEmail.REQUIRED}, {"is_verified": False}, Newcomer.ABSENT),
        ({"verified_email": VerifiedEmail.REQUIRED}, {}, Newcomer.PROVISIONED),
    ],
)
def test_policies_of_the_sign_up(
    policy: dict[str, Any], profile: dict[str, bool], expected: Newcomer
) -> None:
    """Nobody gets a customer whom a report would not have given one."""
    made = Made(Policy(**policy))
    is_verified = profile.get("is_verified", True)
    ada = made.tenant.profiles[ADA.user_id]
    made.tenant.profiles[ADA.user_id] = replace(ada, email_verified=is_verified)

    assert made.look(PROVISION) is expected
    assert made.customers() == int(expected is Newcomer.PROVISIONED)


def test_an_address_that_is_taken() -> None:
    """Is told as missed; the person is refused by nothing of it."""
    made = Made()
    made.customer("ada@example.com")

    assert made.look(PROVISION) is Newcomer.MISSED
    assert made.customers() == 0
    assert made.tenant.profiles[ADA.user_id].marker is None


def test_stripe_is_down() -> None:
    """They are provisioned at another time, and no second customer is made."""
    made = Made()
    made.fails(LIST, Kind.LOST, times=9)
    assert made.look(PROVISION) is Newcomer.WAITING

    made.outside.faults.clear()
    made.clock.sleep(300)
    assert made.customers() == 0
    assert made.look(PROVISION) in (Newcomer.PROVISIONED, Newcomer.REPORTED)


def test_nothing_is_lost() -> None:
    """While the ledger or Auth0 does not answer, they stay due."""
    made = Made()
    made.fails("signup#", Kind.LOST, times=3)
    with pytest.raises(LedgerUnavailableError):
        made.look()

    assert KEY in made.table.items
    assert made.look() is Newcomer.MISSED
