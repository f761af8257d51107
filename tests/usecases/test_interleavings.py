"""Interleavings that once broke the protocol, one by one."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes import NOW, FakeClock
from tests.interleaving import (
    ADOPT,
    BEGIN_ADOPTION,
    CREATE,
    LEDGER,
    LIST,
    LOCK,
    OPEN,
    SET_EMAIL,
    TENANT,
    CrashError,
    Kind,
    Turns,
    World,
    WorldDirectory,
    WorldOperator,
    registrant,
    user,
)
from tests.simulation import outside

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.functions import repair
from customerlink.functions import shop_api as customers
from customerlink.model.customer import NewCustomer
from customerlink.model.customer_fields import CustomerFields
from customerlink.model.drift import Drift
from customerlink.model.instruction import Reason
from customerlink.model.log_names import LogNames
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.repair_plan import Act, Step
from customerlink.model.sign_up_record import (
    EMAIL_LOCK_SECONDS,
    LATEST_EFFECT_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    SKEW_SECONDS,
    Lease,
    State,
)
from customerlink.model.signup import Marker, SignUp
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS
from customerlink.model.user import CustomerId, User
from customerlink.ports.deadline import LEDGER_RESERVE_SECONDS, SIGN_UP_SECONDS
from customerlink.ports.run import Run
from customerlink.usecases.backfill import BackfillStatus, provision_one
from customerlink.usecases.finish_sign_up import FinishStatus
from customerlink.usecases.link_accounts import Account, Followed, LinkFailure
from customerlink.usecases.repair import Outcome, Repair, Result
from customerlink.usecases.settle import Creates, Settling
from customerlink.wiring.operator import PROVISION_SECONDS, SYNC_SECONDS

ADA, BOB, EVE = user("ada"), user("bob"), user("eve")
FIRST, SECOND, THIRD = (f"{each}@example.com" for each in ("first", "second", "third"))
CLAIM = "SET holder = :holder, claimed_at"
DEATHS = (Kind.DIES_BEFORE, Kind.DIES_AFTER)
ADOPTING = Policy(existing_customer=ExistingCustomer.ADOPT)


def first_login(who: User, email: str = FIRST, **more: Any) -> SignUp:
    """Return somebody's first login."""
    return SignUp(who, logins_count=1, email=email, **more)


def registered(world: World, who: User) -> SignUp:
    """Let somebody register; return the first login, with the ids that the profile has by then."""
    ids = world.register("db", FIRST).app_metadata
    return first_login(
        who,
        connection="db",
        customer_id=CustomerId(str(ids["stripe_customer_id"])),
        registration_id=ids["stripe_registration_id"],
    )


def again(signup: SignUp, **changes: Any) -> SignUp:
    """Return the next login of somebody who was denied."""
    count = signup.logins_count + 1
    return replace(signup, logins_count=count, marker=Marker.UNFINISHED, **changes)


def reason_of(told: Any) -> Reason | None:
    """Return the reason of an instruction, or of an outcome; None of an invocation that died."""
    return told.reason if told else None


class TestLateWrites:
    """The ledger's writes that are carried out long after their callers gave up."""

    @pytest.mark.parametrize("is_refused", [False, True])
    def test_open_puts_no_time_back(self, *, is_refused: bool) -> None:
        """A create that was sent since would be taken for one that has ended."""
        world, signup = World(), first_login(ADA)
        world.fails(OPEN, Kind.LATE, 60)
        world.fails(OPEN, Kind.LOST, times=2)
        assert reason_of(world.login(signup)) is Reason.PROVISIONING_FAILED
        world.at(50)
        world.fails(CREATE, Kind.LATE, 96)
        world.login(again(signup))
        if is_refused:
            assert reason_of(world.login(again(signup, email=None))) is Reason.EMAIL_MISSING
        before = world.record(ADA)
        world.at(75)

        assert world.record(ADA) == before
        assert before["state"] == ("refused" if is_refused else "open")
        told = world.login(again(signup, email=SECOND))
        assert reason_of(told) is Reason.PROVISIONING_FAILED
        world.at(100)
        assert len(world.named(ADA)) == 1

    def test_begun_adoption_is_of_the_record_that_it_was_begun_in(self) -> None:
        """One of a record that was deleted would hide the next record's own."""
        world = World(ADOPTING)
        world.customer(FIRST)
        adopted = world.customer(SECOND)
        world.fails(ADOPT, Kind.DIES_BEFORE)
        world.login(first_login(BOB, email_verified=True))
        world.at(70)
        world.fails(BEGIN_ADOPTION, Kind.LATE, 82)
        taken = world.checkout(ADA, FIRST, email_verified=True)
        assert (reason_of(taken), world.record(ADA)) == (Reason.EMAIL_IN_USE, {})

        world.at(80)
        world.fails(ADOPT, Kind.LATE, 120)
        signup = first_login(ADA, SECOND, email_verified=True)
        world.login(signup)
        assert world.record(ADA)["adopting"] == adopted
        world.at(95)
        told = world.login(again(signup, email=THIRD))
        world.at(121)
        assert reason_of(told) is Reason.CUSTOMER_FOUND
        assert world.named(ADA) == [adopted]

    def test_address_change_does_not_shorten_a_newer_ones_lock(self) -> None:
        """Both are of one epoch; the newer one's update is still on its way."""
        world = World()
        world.login(first_login(ADA))
        [adas], bobs = world.named(ADA), world.customer(SECOND, BOB)
        world.at(100)
        world.fails(LOCK, Kind.LATE, 157)
        assert world.change_address(ADA, adas, SECOND) == f"the address has {bobs}"
        world.stripe.set_email(bobs, THIRD)
        world.at(155)
        world.fails(SET_EMAIL, Kind.LATE, 199)
        world.change_address(ADA, adas, SECOND)
        world.at(162)
        told = world.login(first_login(EVE, SECOND))

        world.at(200)
        assert reason_of(told) is Reason.EMAIL_IN_USE
        assert world.with_address(SECOND) == [adas]

    def test_sign_up_of_a_deleted_record_does_not_shorten_the_next_ones_lock(self) -> None:
        """Both are of epoch one; the next one's create is still on its way."""
        world = World()
        bobs = world.customer(FIRST, BOB)
        world.fails(LOCK, Kind.LATE, 57)
        assert reason_of(world.checkout(ADA, FIRST)) is Reason.EMAIL_IN_USE
        assert world.record(ADA) == {}
        world.stripe.set_email(bobs, SECOND)
        world.at(55)
        world.fails(CREATE, Kind.LATE, 99)
        world.login(first_login(ADA))
        world.at(62)
        told = world.login(first_login(EVE))

        world.at(100)
        assert reason_of(told) is Reason.EMAIL_IN_USE
        assert world.with_address(FIRST) == world.named(ADA)
        assert len(world.named(ADA)) == 1

    def test_own_lock_that_ends_later_is_left_alone(self) -> None:
        """It is a later invocation's, or one's by another clock: this one waits."""
        world = World()
        bobs = world.customer(SECOND, BOB)
        another = Run(FakeClock(world.clock.now + 30), "another")
        ledger = DynamoDbLedger(world.dynamodb, LEDGER, another)
        for who, email in ((ADA, FIRST), (BOB, THIRD)):
            assert ledger.lock_email(Lease(who, 1, 1, NOW), email).is_mine
        signup = first_login(ADA)
        assert reason_of(world.login(signup)) is Reason.PROVISIONING_FAILED
        assert "somebody signs up" in str(world.change_address(BOB, bobs, THIRD))
        assert world.with_address(SECOND) == [bobs]

        world.at(100)
        assert reason_of(world.login(again(signup))) is Reason.CUSTOMER_CREATED
        assert world.change_address(BOB, bobs, THIRD) is None


class TestOneCustomer:
    """Ways to a second customer for one user."""

    def test_own_customer_comes_before_that_of_ones_own_registration(self) -> None:
        """A user who moved has one under the earlier address, and registers with the new one."""
        world = World()
        signup = first_login(ADA, email_verified=True, connection="email")
        world.fails(CREATE, Kind.LATE, 40)
        world.login(signup)
        world.at(75)
        [own] = world.named(ADA)
        world.register("email", SECOND)
        world.at(80)
        told = world.login(again(signup, email=SECOND))

        assert told is not None
        assert told.app_metadata["stripe_customer_id"] == own
        assert world.named(ADA) == [own]

    def test_registrations_customer_waits_for_an_adoption_that_was_begun(self) -> None:
        """The primary of two linked accounts registered, and logs in while the other's follows."""
        world = World()
        signup = registered(world, ADA)
        bobs = world.customer(SECOND, BOB)
        world.at(100)
        world.fails(ADOPT, Kind.DIES_AFTER)
        primary = Account(ADA, FIRST, signup.customer_id, signup.registration_id)
        assert world.follow(primary, Account(BOB, None, bobs)) is None

        world.at(120)
        told = world.login(signup)
        assert told is not None
        assert told.app_metadata["stripe_customer_id"] == bobs
        assert world.named(ADA) == [bobs]


class TestNoDeadEnd:
    """Ends from which nobody found out any more."""

    def test_adoption_that_stripe_refuses_for_good(self) -> None:
        """Nobody claims what has no room for a name; a user who moves on gets a customer."""
        world = World(ADOPTING)
        world.customer(FIRST, metadata={f"key{number}": "full" for number in range(50)})
        signup = first_login(ADA, email_verified=True)
        assert reason_of(world.login(signup)) is Reason.CUSTOMER_UNUSABLE
        world.at(100)
        assert reason_of(world.login(again(signup))) is Reason.CUSTOMER_UNUSABLE
        world.at(200)
        assert reason_of(world.login(again(signup, email=SECOND))) is Reason.CUSTOMER_CREATED

    def test_claim_of_a_user_who_is_gone_before_the_update(self) -> None:
        """The repair lets it go: who registers with the address after that has the customer."""
        world = World()
        signup = registered(world, ADA)
        world.fails(ADOPT, Kind.DIES_BEFORE)
        assert world.login(signup) is None
        world.at(200)
        assert world.finish(ADA) == (FinishStatus.GONE, Reason.USER_GONE)

        world.at(300)
        assert reason_of(world.register("db", FIRST)) is Reason.CUSTOMER_FOUND
        assert reason_of(world.login(replace(signup, user=BOB))) is Reason.ALREADY_LINKED
        assert world.named(BOB) == [signup.customer_id]

    @pytest.mark.parametrize("call", [CLAIM, ADOPT])
    @pytest.mark.parametrize("kind", [Kind.LOST, Kind.DIES_BEFORE, Kind.DIES_AFTER])
    @pytest.mark.parametrize("is_repaired", [True, False])
    def test_registered_again_after_the_account_was_deleted(
        self, call: str, kind: Kind, *, is_repaired: bool
    ) -> None:
        """The claim of who is gone keeps nobody out who registers, unless it came to the update."""
        world = World()
        signup = registered(world, ADA)
        world.fails(call, kind, times=1 if kind in DEATHS else 9)
        told = world.login(signup)
        assert told is None or told.customer_id is None
        world.outside.faults.clear()
        is_done = bool(world.named(ADA))

        world.at(2 * SETTLED_SECONDS)
        if not is_done:
            signup = registered(world, BOB)
        if is_repaired:
            assert world.finish(ADA) == (FinishStatus.GONE, Reason.USER_GONE)
        world.at(4 * SETTLED_SECONDS)
        expected = Reason.EMAIL_IN_USE if is_done else Reason.ALREADY_LINKED
        assert reason_of(world.login(replace(signup, user=BOB))) is expected
        assert world.finish(ADA)[0] is FinishStatus.GONE
        assert bool(world.named(BOB)) is not is_done

    @pytest.mark.parametrize("seconds", [SETTLED_SECONDS + 1, 2 * SETTLED_SECONDS, 9e5])
    def test_claim_of_before_a_persons_edit(self, seconds: float) -> None:
        """Who handed it on in Stripe's dashboard hindered no linking for longer than a minute."""
        world = World(ADOPTING)
        customer = world.customer(FIRST)
        signup = first_login(EVE, email_verified=True)
        assert reason_of(world.login(signup)) is Reason.CUSTOMER_FOUND
        named = {"metadata": {"auth0_user_id": BOB.user_id}}
        world.stripe.account.update(customer, named)
        accounts = Account(ADA, FIRST, None), Account(BOB, FIRST, customer)
        assert world.follow(*accounts) is LinkFailure.FAILED
        world.at(seconds)

        assert world.follow(*accounts) == Followed(customer)
        assert world.named(ADA) == [customer]

    def test_frozen_create_that_stripe_refuses(self) -> None:
        """Once all has settled, a profile that was mended gives another one."""
        fields = CustomerFields.parse('{"phone": "user_metadata.phone"}')
        world = World(Policy(customer_fields=fields))
        world.stripe.refused_param = "phone"
        signup = first_login(ADA, profile={"user_metadata.phone": "odd"})
        world.fails(LIST, Kind.DIES_BEFORE)
        assert world.login(signup) is None
        world.at(60)
        mended = again(signup, profile={})
        assert reason_of(world.login(mended)) is Reason.PROVISIONING_FAILED
        world.at(SETTLED_SECONDS + 10)
        assert reason_of(world.login(mended)) is Reason.CUSTOMER_CREATED

    def test_checkout_beside_a_create_under_way_leaves_the_record_open(self) -> None:
        """The address is taken; what comes of the create, the repair finds."""
        world = World()
        world.customer(SECOND)
        world.fails(CREATE, Kind.LATE, 50)
        world.login(first_login(ADA))
        world.at(10)
        assert reason_of(world.checkout(ADA, SECOND)) is Reason.EMAIL_IN_USE
        assert world.record(ADA)["is_open"] == State.OPEN

        world.at(130)
        world.tenant.add(ADA, SECOND, marker="unfinished")
        assert world.finish(ADA) == (FinishStatus.FINISHED, Reason.CUSTOMER_FOUND)
        assert world.tenant.profiles[ADA.user_id].customer_id == world.named(ADA)[0]


def apply(world: World, *steps: Step, pace: Turns | None = None) -> list[Result]:
    """Carry a plan out on the command line."""
    directory = WorldDirectory(world.stripe.account)
    tenant, operator = world.tenant, WorldOperator(world, pace or Turns())
    ours = tenant, tenant, directory, operator, world.addresses(), world.clock
    return [*Repair(TENANT, *ours).apply(steps)]


class TestKeyOfAnotherAccount:
    """Stripe knows none of the customers: it is told 404 of each."""

    @pytest.mark.parametrize("enter", ["login", "checkout", "backfill", "sync"])
    def test_no_second_customer(self, enter: str) -> None:
        """By no way in: a recorded link is given up only on Stripe's word that it was deleted."""
        world = World()
        world.login(first_login(ADA))
        [adas] = world.named(ADA)
        world.tenant.add(ADA, FIRST, marker="unfinished")
        customers = dict(world.stripe.account._customers)
        world.stripe.account._customers.clear()
        world.at(200)
        ways: dict[str, Callable[[], object]] = {
            "login": lambda: world.login(again(first_login(ADA))),
            "checkout": lambda: world.checkout(ADA, FIRST),
            "backfill": lambda: world.backfill(ADA),
            "sync": lambda: world.sync(ADA),
        }
        ways[enter]()
        assert world.stripe.account.live_customers() == []

        world.stripe.account._customers.update(customers)
        assert reason_of(world.login(again(first_login(ADA)))) is Reason.CUSTOMER_FOUND
        assert world.named(ADA) == [adas]

    @pytest.mark.parametrize("profiles_id", ["another's", "unknown", "odd"])
    def test_open_record_ends(self, profiles_id: str) -> None:
        """A profile whose id is in doubt does not keep its record open for ever."""
        world = World()
        ids = {"another's": world.customer(SECOND, BOB), "unknown": "cus_gone", "odd": "(odd)"}
        world.tenant.add(ADA, FIRST, customer_id=ids[profiles_id], marker="unfinished")
        _, ledger, _ = world.ports()
        ledger.open(ADA, None, admission=True)
        world.at(200)

        assert world.finish(ADA) == (FinishStatus.DENIED, Reason.LINK_MISMATCH)
        assert "is_open" not in world.record(ADA)


class TestPlan:
    """`customerlink repair --apply`."""

    def test_unclaimed_makes_no_customer(self) -> None:
        """Somebody else, who registered with the address too, came first."""
        world = World()
        signup = registered(world, BOB)
        world.login(signup)
        customer_id, registration = signup.customer_id, signup.registration_id
        world.tenant.add(ADA, SECOND, customer_id=customer_id, registration_id=registration)
        world.at(100)
        step = Step(Act.CLAIM, Drift.UNCLAIMED, ADA.user_id, customer_id, "")

        assert [each.outcome for each in apply(world, step)] == [Outcome.SKIPPED]
        assert world.named(ADA) == []
        assert world.named(BOB) == [customer_id]

    def test_ledger_that_does_not_answer_fails_the_step(self) -> None:
        """What comes next in the plan is carried out."""
        world = World()
        adas = world.customer(FIRST, ADA)
        world.tenant.add(ADA, SECOND, customer_id=adas)
        world.tenant.add(BOB, THIRD)
        world.fails(LOCK, Kind.LOST, times=3)
        steps = [
            Step(Act.SET_EMAIL, Drift.EMAIL_DRIFT, ADA.user_id, adas, ""),
            Step(Act.PROVISION, Drift.UNLINKED, BOB.user_id, None, ""),
        ]
        failed, done = apply(world, *steps)

        assert (failed.outcome, done.outcome) == (Outcome.FAILED, Outcome.DONE)
        assert failed.why == "LedgerUnavailableError"
        assert world.with_address(FIRST) == [adas]
        assert len(world.named(BOB)) == 1

    def test_abandoned_customer_that_a_first_login_takes_over(self) -> None:
        """Auth0 has the user, whose profile does not have the id yet."""
        world = World()
        customer_id = registered(world, ADA).customer_id
        world.at(2 * 24 * 3600)
        world.tenant.meanwhile = lambda: world.login(first_login(ADA, connection="db"))
        step = Step(Act.REMOVE, Drift.ABANDONED, None, customer_id, "")

        assert [each.why for each in apply(world, step)] == ["a user has it"]
        assert world.named(ADA) == [customer_id]


class TestLetterCase:
    """An address is written in lower case while somebody signs up with it."""

    @pytest.fixture
    def world(self) -> World:
        """Return one with a customer whom no look-up finds."""
        world = World()
        world.customer(FIRST.title())
        return world

    def lower(self, world: World) -> Result:
        """Carry the plan out."""
        step = Step(Act.LOWER_EMAIL, Drift.LETTER_CASE, None, CustomerId("cus_1"), "")
        [result] = apply(world, step)
        return result

    def test_sign_up_comes_first(self, world: World) -> None:
        """Its create may be on its way: nothing is written before its lock has ended."""
        world.fails(CREATE, Kind.LATE, 30)
        world.login(first_login(ADA))
        assert "somebody signs up" in self.lower(world).why
        world.at(EMAIL_LOCK_SECONDS + 5)
        [adas] = world.named(ADA)

        assert self.lower(world).why == f"the address has {adas}"
        assert len(world.with_address(FIRST)) == 1

    @pytest.mark.parametrize("kind", [Kind.LATE, Kind.LOST, None])
    def test_sign_up_comes_second(self, world: World, kind: Kind | None) -> None:
        """It passes once Stripe shows the address, or it is certain that nothing was written."""
        if kind:
            world.fails(SET_EMAIL, kind, 40)
        self.lower(world)
        assert reason_of(world.login(first_login(ADA))) is Reason.EMAIL_IN_USE
        world.at(EMAIL_LOCK_SECONDS + 5)
        if kind is Kind.LOST:
            assert self.lower(world).outcome is Outcome.DONE
            world.at(2 * EMAIL_LOCK_SECONDS + 10)
        assert reason_of(world.login(again(first_login(ADA)))) is Reason.EMAIL_IN_USE

        assert world.with_address(FIRST) == ["cus_1"]
        assert world.named(ADA) == []

    @pytest.mark.parametrize("given", [FIRST, FIRST.title(), FIRST.upper()])
    @pytest.mark.parametrize("kind", [Kind.LATE, Kind.LOST, None])
    def test_login_of_whom_the_customer_names(self, given: str, kind: Kind | None) -> None:
        """It is theirs under either spelling, so nothing keeps them out meanwhile."""
        world = World()
        world.customer(FIRST.title(), ADA)
        if kind:
            world.fails(SET_EMAIL, kind, 40)
        self.lower(world)
        told = world.login(replace(first_login(ADA), email=given))

        assert reason_of(told) is Reason.CUSTOMER_FOUND
        assert world.named(ADA) == ["cus_1"]

    @pytest.mark.parametrize("given", [FIRST, FIRST.title(), FIRST.upper()])
    def test_login_of_whom_the_customer_does_not_name(self, given: str) -> None:
        """Somebody else waits, whether or not the list shows what was written."""
        world = World()
        world.customer(FIRST.title(), BOB)
        world.fails(SET_EMAIL, Kind.LATE, 40)
        self.lower(world)

        assert reason_of(world.login(replace(first_login(ADA), email=given))) is Reason.EMAIL_IN_USE
        assert world.named(ADA) == []

    @pytest.mark.parametrize("given", ["0123456789abcdef" * 2, "0" * 32, "shop-42"])
    def test_own_customer_whose_id_the_shop_chose(self, given: str) -> None:
        """The lock of an update without an answer keeps nobody from it, whatever its id is."""
        world = World()
        own = world.customer(FIRST.title(), ADA, customer_id=given)
        world.fails(SET_EMAIL, Kind.LOST, times=9)
        apply(world, Step(Act.LOWER_EMAIL, Drift.LETTER_CASE, None, own, ""))
        told = world.login(first_login(ADA))

        assert told is not None
        assert told.customer_id == own

    def test_first_login_after_a_registration(self) -> None:
        """The customer that names their registration is theirs too."""
        world = World()
        customer_id = world.customer(FIRST.title(), registrant("db", FIRST))
        step = Step(Act.LOWER_EMAIL, Drift.LETTER_CASE, None, customer_id, "")
        apply(world, step)
        told = world.login(first_login(ADA, connection="db"))

        assert reason_of(told) is Reason.CUSTOMER_FOUND
        assert world.named(ADA) == [customer_id]

    def test_adopted_once_it_can_be_seen(self) -> None:
        """Which is what it is written for."""
        world = World(ADOPTING)
        world.customer(FIRST.title())
        self.lower(world)
        world.at(EMAIL_LOCK_SECONDS + 5)
        world.login(first_login(ADA, email_verified=True))

        assert world.named(ADA) == ["cus_1"]


class TestUnnamed:
    """A customer that names nobody, whose id a profile has, while its user logs in."""

    def adopt(self, world: World, who: User) -> Result:
        """Carry the plan out."""
        step = Step(Act.ADOPT, Drift.UNNAMED, who.user_id, CustomerId("cus_1"), "")
        [result] = apply(world, step)
        return result

    @pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER])
    @pytest.mark.parametrize("call", [BEGIN_ADOPTION, ADOPT])
    def test_plan_that_dies(self, call: str, kind: Kind) -> None:
        """A second one finishes, and never makes another customer."""
        world = World()
        made = world.customer(FIRST)
        world.tenant.add(ADA, FIRST, customer_id=made)
        world.fails(call, kind)
        with pytest.raises(CrashError):
            self.adopt(world, ADA)
        world.at(RECORD_LEASE_SECONDS + 5)
        again = self.adopt(world, ADA)

        assert world.named(ADA) == [made] == world.with_address(FIRST)
        is_named = (call, kind) == (ADOPT, Kind.DIES_AFTER)
        assert again.outcome is (Outcome.SKIPPED if is_named else Outcome.DONE)

    def test_login_adopts_it_by_its_address(self) -> None:
        """Another user, who has verified it, was faster."""
        world = World(ADOPTING)
        made = world.customer(FIRST)
        world.tenant.add(ADA, FIRST, customer_id=made)
        world.fails(ADOPT, Kind.LATE, 30)
        world.login(first_login(BOB, email_verified=True))
        assert "claimed" in self.adopt(world, ADA).why
        world.at(40)

        assert (world.named(ADA), world.named(BOB)) == ([], [made])


def backfilled(world: World, pace: Turns) -> str:
    """Run the backfill for Ada; return her fate."""
    settling = WorldOperator(world).settling
    done = provision_one(ADA, world.tenant, settling, pace)
    return done.status


def planned(world: World, pace: Turns) -> str:
    """Carry out a plan that gives Ada a customer; return how it ended."""
    step = Step(Act.PROVISION, Drift.UNLINKED, ADA.user_id, None, "")
    [result] = apply(world, step, pace=pace)
    return result.outcome


@pytest.mark.parametrize(
    ("way", "done", "skipped"),
    [
        (backfilled, BackfillStatus.CREATED, BackfillStatus.SKIPPED),
        (planned, Outcome.DONE, Outcome.SKIPPED),
    ],
)
class TestWaitForOnesTurn:
    """What was read before a wait would be stale after it."""

    def test_address_that_changes_meanwhile(
        self, way: Callable[[World, Turns], str], done: str, skipped: str
    ) -> None:
        """The new one is taken."""
        world = World()
        world.tenant.add(ADA, FIRST)
        turns = Turns(lambda: world.tenant.add(ADA, SECOND))

        assert way(world, turns) == done != skipped
        assert world.with_address(SECOND) == world.named(ADA)
        assert world.with_address(FIRST) == []

    def test_user_who_goes_meanwhile(
        self, way: Callable[[World, Turns], str], done: str, skipped: str
    ) -> None:
        """Nothing is made for nobody."""
        world = World()
        world.tenant.add(ADA, FIRST)
        turns = Turns(world.tenant.profiles.clear)

        assert way(world, turns) == skipped != done
        assert world.named(ADA) == []


@dataclass(frozen=True)
class Application:
    """What the functions take from the deployment, over a world."""

    world: World

    def secret(self) -> SimpleNamespace:
        """Return what names users in the log; no key is asked for."""
        return SimpleNamespace(log_names=LogNames.keyed("any"))

    def settling(self, signup: SignUp, _: object, run: Run, **asked: Any) -> Settling:
        """Return what settles a record within a budget."""
        return self.world.settling(signup, run, **asked)


class TestBudget:
    """It begins once Auth0 has answered, which may take longer than the budget is."""

    def test_checkout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The order gets its customer."""
        world = self.slow_world(monkeypatch, customers)
        users = SimpleNamespace(patient=lambda _: world.tenant)
        shop: Any = SimpleNamespace(application=Application(world), users=users)
        request: Any = None
        answered = customers.Call(shop, ADA, request, "request").customer()

        assert isinstance(answered, dict)
        assert json.loads(answered["body"]) == {"stripe_customer_id": world.named(ADA)[0]}

    def test_repair(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The sign-up is finished."""
        world = self.slow_world(monkeypatch, repair)
        world.fails(CREATE, Kind.LOST)
        world.login(first_login(ADA))
        world.at(200)
        application: Any = Application(world)
        users: Any = world.tenant

        assert (
            repair._repaired(application, application.secret(), users, Turns(), ADA)
            is FinishStatus.FINISHED
        )
        assert len(world.named(ADA)) == 1

    @staticmethod
    def slow_world(monkeypatch: pytest.MonkeyPatch, function: Any) -> World:
        """Return a world in which Auth0 takes its time, and let a function have its clock."""
        world = World()
        world.tenant.add(ADA, FIRST, marker="unfinished")
        world.tenant.seconds = 4.5
        monkeypatch.setattr(function, "time", world.clock)
        return world


def logging_in(world: World) -> Reason | None:
    """Let Ada log in for the first time."""
    return reason_of(world.login(first_login(ADA, name="Ada Lovelace")))


def registering(world: World) -> Reason | None:
    """Let Ada register."""
    return reason_of(world.register("db", FIRST))


class TestNothingPersonalIsKept:
    """Of a user who is gone, or of a registration that Auth0 refused."""

    @pytest.mark.parametrize(
        ("who", "report"),
        [(ADA, logging_in), (registrant("db", FIRST), registering)],
    )
    def test_create_that_was_sent(
        self, who: User, report: Callable[[World], Reason | None]
    ) -> None:
        """It goes once it has settled; whoever comes next with the id has another key."""
        world = World()
        world.fails(CREATE, Kind.LOST)
        assert report(world) is Reason.PROVISIONING_FAILED
        assert "create" in world.record(who)
        world.at(200)
        assert world.finish(who) == (FinishStatus.GONE, Reason.USER_GONE)
        record = world.record(who)
        assert record.keys() & {"create", "emails", "is_open"} == set()
        assert "example.com" not in str(record)

        world.at(300)
        assert report(world) is Reason.CUSTOMER_CREATED
        first, second = world.stripe.keys
        assert first != second


def by_release_01(world: World, who: User, **attributes: str) -> None:
    """Leave a record as release 0.1 does."""
    key = f"signup#{TENANT}#{who.user_id}"
    numbers = {name: {"N": "1"} for name in ("epoch", "attempt", "attempt_since", "updated_at")}
    texts = {name: {"S": value} for name, value in attributes.items()}
    world.table.items[key] = {"pk": {"S": key}, **numbers, **texts}


def link_anew(world: World, who: User) -> None:
    """Make a customer again where the linked one is gone."""
    for number in range(2):
        world.login(first_login(who, f"{number}@linked.example"))
        assert world.record(who)["state"] == State.LINKED
        for each in world.named(who):
            world.stripe.account.delete(each)


def try_twice(world: World, who: User) -> None:
    """Move to another address after a create whose answer was lost, and lose the next one's."""
    signup = first_login(who, "0@next.example")
    world.fails(CREATE, Kind.LOST, times=2)
    world.login(signup)
    world.clock.sleep(100)
    world.login(again(signup, email="1@next.example"))
    assert world.record(who)["attempt"] == "2"


def refuse(world: World, who: User) -> None:
    """Refuse a login whose address is taken."""
    world.customer("0@refused.example")
    world.login(first_login(who, "0@refused.example"))
    assert world.record(who)["state"] == State.REFUSED


def close(world: World, who: User) -> None:
    """End a checkout whose address is taken, after one that died."""
    world.customer("0@closed.example")
    world.fails(LIST, Kind.DIES_BEFORE)
    world.checkout(who, "0@closed.example")
    world.clock.sleep(100)
    world.checkout(who, "0@closed.example")
    assert "is_open" not in world.record(who)


def go(world: World, who: User) -> None:
    """End the sign-up of a user who is gone."""
    world.fails(CREATE, Kind.LOST)
    world.login(first_login(who, "0@gone.example"))
    world.clock.sleep(100)
    assert world.finish(who) == (FinishStatus.GONE, Reason.USER_GONE)


class TestRelease01:
    """A deployment may have come from it, and go back to it."""

    def test_refusal_is_known_although_somebody_without_the_person_died(self) -> None:
        """Its record does not say who opened it; the backfill's try must not let the user in."""
        world = World()
        world.customer(FIRST)
        by_release_01(world, ADA, state="refused", reason="email_in_use")
        world.fails(LIST, Kind.DIES_BEFORE)
        assert world.checkout(ADA, FIRST) is None
        assert world.record(ADA)["state"] == State.OPEN
        world.at(20)

        told = world.login(SignUp(ADA, logins_count=4, email=FIRST))
        assert reason_of(told) is Reason.EMAIL_IN_USE

    @pytest.mark.parametrize("story", [link_anew, try_twice, refuse, close, go])
    def test_its_functions_understand_every_record(
        self, story: Callable[[World, User], None]
    ) -> None:
        """They know three states, and look up under `emails` what a create may have made."""
        world = World()
        story(world, ADA)
        written = world.dynamodb.written

        assert {item["state"]["S"] for item in written} <= {"open", "linked", "refused"}
        kept = [item for item in written if "create" in item or "emails" in item]
        assert kept != []
        for item in kept:
            assert item["emails"] == {"SS": [json.loads(item["create"]["S"])["email"]]}

    def test_create_that_it_left_in_a_linked_record(self) -> None:
        """It does not know of one: whoever opens the record without another one forgets it."""
        world = World()
        create = NewCustomer.of(first_login(ADA), FIRST).text()
        gone = world.customer(FIRST, ADA)
        world.stripe.account.delete(gone)
        by_release_01(world, ADA, state="linked", customer_id=gone, create=create)
        never = world.settling(SignUp(ADA, logins_count=0, email=SECOND), creates=Creates.NEVER)

        assert reason_of(never.settle()) is Reason.NOT_NEW
        assert world.record(ADA).keys() & {"create", "emails"} == set()


def test_times_fit_into_each_other() -> None:
    """A lease outlives whoever has it, a lock what may be on its way, and settling both."""
    timeout = 8.0
    template = (Path(__file__).parents[2] / "template.yaml").read_text()
    assert f"Timeout: {timeout:.0f}\n" in template

    assert max(timeout, PROVISION_SECONDS) + 2 * SKEW_SECONDS < RECORD_LEASE_SECONDS
    sent = max(SIGN_UP_SECONDS, PROVISION_SECONDS) - LEDGER_RESERVE_SECONDS
    assert sent + LATEST_EFFECT_SECONDS + SKEW_SECONDS < EMAIL_LOCK_SECONDS
    assert outside.LATEST_EFFECT_SECONDS < LATEST_EFFECT_SECONDS
    synced = SYNC_SECONDS + PROVISION_SECONDS - LEDGER_RESERVE_SECONDS
    assert synced + LATEST_EFFECT_SECONDS + SKEW_SECONDS < SYNC_LEASE_SECONDS
    assert EMAIL_LOCK_SECONDS + 2 * SKEW_SECONDS < SETTLED_SECONDS
