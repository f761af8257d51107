"""How one user's record is settled, with the person there and without, over port fakes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes import ADA, FakeClock, customer_of
from tests.simulation.dynamodb import Client, Table
from tests.usecases.settling_case import ADAS, BOB, LEASE, NOBODYS, OLD, RECENT, SENT, ACase, Case

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import Customer
from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy, VerifiedEmail
from customerlink.model.sign_up_record import SETTLED_SECONDS, Adoption, Busy, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, registrant_id
from customerlink.ports.customers import Done, KeySpent, Refused, Unknown
from customerlink.ports.run import Run
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.settle import Creates


class TestEmail:
    """Step 3."""

    def test_missing(self) -> None:
        """Refused without a call to Stripe, and recorded, so that it lasts."""
        case = Case(replace(ADAS, email=None))
        case.assert_turned_down(Reason.EMAIL_MISSING)

        assert case.stripe.calls == []
        assert case.ledger.calls == [("open", None), ("refuse", Reason.EMAIL_MISSING)]

    def test_odd(self) -> None:
        """What the profile has for an address is none: that is not the same as having none."""
        case = Case(replace(ADAS, email=None, dropped=("user.email",)))

        case.assert_turned_down(Reason.EMAIL_INVALID)

    @pytest.mark.parametrize("email", ["ada", "@example.com", "ada@", "a da@example.com", "a\n@b"])
    def test_unusable(self, email: str) -> None:
        """What cannot be looked up safely is not looked up."""
        case = Case(replace(ADAS, email=email))
        case.assert_turned_down(Reason.EMAIL_INVALID)

        assert case.stripe.calls == []

    def test_not_verified(self) -> None:
        """By policy; recorded, so that the next login counts even without a marker."""
        case = Case()
        case.policy = Policy(verified_email=VerifiedEmail.REQUIRED)
        case.assert_turned_down(Reason.DEFERRED)

        assert case.stripe.calls == []

    @pytest.mark.parametrize(
        ("email", "reason"),
        [
            (None, Reason.EMAIL_MISSING),
            ("ada", Reason.EMAIL_INVALID),
            ("ada@example.com", Reason.DEFERRED),
        ],
    )
    def test_without_the_person(self, email: str | None, reason: Reason) -> None:
        """Nothing is even opened."""
        case = Case(replace(ADAS, email=email), is_admission=False)
        case.policy = Policy(verified_email=VerifiedEmail.REQUIRED)

        assert case.settling().settle() == Unsettled(reason)
        assert case.ledger.calls == []

    def test_recorded_link_needs_no_address(self) -> None:
        """The sign-up ended before the address went."""
        case = Case(replace(ADAS, email=None), opened=[Linked(OLD, 1)])
        case.stripe.retrieved = Done(customer_of(ADA, OLD))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)


class TestOpen:
    """Step 4."""

    def test_another_invocation_starts_over(self, a_case: ACase) -> None:
        """Whoever comes second waits, and gets what came of it."""
        case = a_case(opened=[Linked(OLD, 1), Linked(CustomerId("cus_tab"), 2)])
        case.stripe.retrieved = Done(None)
        case.stripe.now["cus_tab"] = Done(customer_of(ADA, "cus_tab"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_tab")

    def test_wait_for_another_invocation(self, a_case: ACase) -> None:
        """The second tab gets the first one's customer."""
        case = a_case(opened=[Busy(), Busy(), Linked(CustomerId("cus_tab"), 1)])
        case.stripe.retrieved = Done(customer_of(ADA, "cus_tab"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_tab")

    @pytest.mark.parametrize("refused", [None, Reason.EMAIL_IN_USE])
    def test_wait_ends_within_the_budget(self, a_case: ACase, refused: Reason | None) -> None:
        """With how an admission was refused before."""
        case = a_case(opened=[Busy(refused)])

        assert case.settling().settle() == Unsettled(Reason.IN_PROGRESS, refused)
        assert case.run.deadline.remaining() > 0

    def test_ledger_that_could_not_be_asked(self, a_case: ACase) -> None:
        """Said beside the failure: what it does not know of leaves no mark."""
        case = a_case(broken=frozenset({"open"}))

        outcome = case.settling().settle()
        assert outcome == Unsettled(Reason.PROVISIONING_FAILED, is_recorded=False)
        assert case.stripe.calls == []


class TestEmailLock:
    """Step 5."""

    def test_taken(self, a_case: ACase) -> None:
        """Two users with one address cannot both pass the look-up."""
        case = a_case(holder=BOB)
        case.assert_turned_down(Reason.EMAIL_IN_USE)

        assert case.stripe.calls == []
        assert "unlock_email" not in case.ledger.calls

    def test_taken_by_another_account(self, a_case: ACase) -> None:
        """Who has verified the address may link the two."""
        case = a_case(replace(ADAS, email_verified=True), holder=BOB)

        case.assert_turned_down(Reason.EMAIL_IN_USE, redirect="page of auth0|ada")

    def test_taken_by_somebody_who_registers(self, a_case: ACase) -> None:
        """There is no account yet that could be linked."""
        verified = replace(ADAS, email_verified=True)
        case = a_case(verified, holder=User(ADA.tenant, registrant_id("ffff")))

        case.assert_turned_down(Reason.EMAIL_IN_USE)

    def test_refused_before(self, a_case: ACase) -> None:
        """How it ended before is told with the end."""
        lease = replace(LEASE, refused=Reason.EMAIL_MISSING)
        case = a_case(holder=BOB, opened=[lease])

        case.assert_turned_down(Reason.EMAIL_IN_USE, refused=Reason.EMAIL_MISSING)

    def test_own_lock_of_another_invocation(self, a_case: ACase) -> None:
        """Not somebody else's: another try, later."""
        case = a_case(holder=ADA)
        case.assert_failed()

        assert case.stripe.calls == []


class TestExistingCustomer:
    """Step 6: others have the address."""

    @pytest.mark.parametrize("address", ["ada@example.com", "Ada@example.com"])
    def test_somebody_elses(self, a_case: ACase, address: str) -> None:
        """Turned down under either case, and the lock is given back."""
        case = a_case()
        case.stripe.listed = {address: (customer_of(BOB, "cus_bobs"),)}

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_bobs",))
        assert case.ledger.calls[-1] == "unlock_email"

    @pytest.mark.parametrize(
        ("verified", "others", "redirect"),
        [
            (True, [customer_of(BOB, "cus_1")], "page of auth0|ada"),
            (False, [customer_of(BOB, "cus_1")], None),
            (True, [NOBODYS], None),
            (True, [customer_of(User(ADA.tenant, registrant_id("ff")), "cus_1")], None),
            (True, [customer_of(User(Tenant("beta"), ADA.user_id), "cus_1")], None),
            (True, [customer_of(BOB, "cus_1"), customer_of(BOB, "cus_2")], None),
        ],
    )
    def test_way_out(
        self, a_case: ACase, *, verified: bool, others: list[Customer], redirect: str | None
    ) -> None:
        """Only where the address, verified here, is one other account's of this tenant."""
        case = a_case(replace(ADAS, email_verified=verified))
        case.stripe.listed["ada@example.com"] = tuple(others)

        in_the_way = tuple(each.id for each in others)
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=in_the_way, redirect=redirect)


class TestLedgerFails:
    """The ledger answers no more once the lease is taken."""

    @pytest.mark.parametrize("call", ["lock_email", "link"])
    def test_ledger_fails(self, a_case: ACase, call: str) -> None:
        """Whatever the step: an outcome, never an exception; with how it was refused before."""
        refused = replace(LEASE, refused=Reason.EMAIL_IN_USE)
        case = a_case(broken=frozenset({call}), opened=[refused])

        outcome = case.settling().settle()
        assert outcome == Unsettled(Reason.PROVISIONING_FAILED, Reason.EMAIL_IN_USE)

    @pytest.mark.parametrize("call", ["refuse", "close", "release"])
    def test_ledger_fails_at_an_end_without_a_customer(self, a_case: ACase, call: str) -> None:
        """The lease ends by itself, and the next try decides."""
        case = a_case(broken=frozenset({"refuse", "close", "release"}))
        others = Unknown() if call == "release" else (customer_of(BOB),)
        case.stripe.listed["ada@example.com"] = others

        assert case.settling().settle() == Unsettled(Reason.PROVISIONING_FAILED)
        assert "unlock_email" not in case.ledger.calls


class TestCreates:
    """Whether a customer is made for a user who has none."""

    def case(self, creates: Creates, **ledger: Any) -> Case:
        """Return a user without a customer, and without the person."""
        case = Case(is_admission=False, **ledger)
        case.how["creates"] = creates
        return case

    @pytest.mark.parametrize("lease", [replace(LEASE, admitted=True), SENT])
    def test_where_one_was_begun(self, lease: Lease) -> None:
        """Somebody waits for it, or a create may have been sent."""
        case = self.case(Creates.IF_BEGUN, opened=[lease])

        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_where_nothing_was_begun(self) -> None:
        """The record is closed, and the address is free."""
        case = self.case(Creates.IF_BEGUN)

        assert case.settling().settle() == Settled(None, Reason.NOT_NEW)
        assert case.ledger.calls[-2:] == ["close", "unlock_email"]
        assert "create" not in case.sent()

    def test_never(self) -> None:
        """Neither is the address locked, nor does it matter who has it."""
        case = self.case(Creates.NEVER, opened=[replace(LEASE, admitted=True)])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB),)

        assert case.settling().settle() == Settled(None, Reason.NOT_NEW)
        assert case.ledger.calls == [("open", None), "close"]

    def test_never_but_there_is_one(self) -> None:
        """It is linked."""
        case = self.case(Creates.NEVER)
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)

    @pytest.mark.parametrize("email", [None, "no address"])
    def test_never_needs_an_address(self, email: str | None) -> None:
        """The record, and what the caller knows of, are looked at all the same."""
        case = self.case(Creates.NEVER)
        case.signup = replace(ADAS, email=email)
        case.how["known"] = (OLD,)
        case.stripe.now[OLD] = Done(customer_of(ADA, OLD))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)

    @pytest.mark.parametrize("creates", [Creates.NEVER, Creates.IF_BEGUN])
    def test_not_while_one_may_come(self, creates: Creates) -> None:
        """The record stays open until nothing can be under way any more."""
        case = self.case(creates, opened=[RECENT])
        case.stripe.created = [Unknown()]
        case.assert_failed()

        assert case.ledger.calls[-1] == "release"


class TestHeir:
    """A customer that becomes the user's where there is none of their own."""

    def case(self, **ledger: Any) -> Case:
        """Return a user who is to have Bob's."""
        case = Case(is_admission=False, **ledger)
        case.how |= {"creates": Creates.NEVER, "heir_to": Adoption(CustomerId("cus_bobs"), BOB)}
        return case

    def test_none_of_their_own(self) -> None:
        """Begun, claimed, changed, linked."""
        case = self.case()
        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_bobs")

        assert case.ledger.calls == [
            ("open", None),
            ("begin_adoption", "cus_bobs"),
            ("claim", "cus_bobs"),
            ("link", "cus_bobs"),
        ]

    @pytest.mark.parametrize("keys", [49, 50])
    def test_no_room_for_a_name(self, keys: int) -> None:
        """Looked at before it is claimed."""
        case = self.case()
        full = frozenset(f"key{each}" for each in range(keys))
        case.stripe.now["cus_bobs"] = Done(customer_of(BOB, "cus_bobs", metadata_keys=full))
        case.assert_turned_down(Reason.CUSTOMER_UNUSABLE, in_the_way=("cus_bobs",))

        assert "begin_adoption" not in str(case.ledger.calls)

    @pytest.mark.parametrize("customer_id", ["cus/1", "cus 1", "x" * 256])
    def test_id_that_no_profile_can_take(self, customer_id: str) -> None:
        """Likewise."""
        case = self.case()
        case.how["heir_to"] = Adoption(CustomerId(customer_id), BOB)
        case.assert_turned_down(Reason.CUSTOMER_UNUSABLE, in_the_way=(customer_id,))

        assert "begin_adoption" not in str(case.ledger.calls)

    def test_one_of_their_own(self) -> None:
        """It stays."""
        case = self.case()
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)
        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)

        assert "adopt" not in case.sent()

    def test_one_may_come(self) -> None:
        """Another try, later."""
        case = self.case(opened=[RECENT])
        case.assert_failed()

        assert "adopt" not in case.sent()

    def test_claimed_by_another_user(self) -> None:
        """It is not changed."""
        case = self.case(claims=False)
        outcome = case.settling().settle()

        assert isinstance(outcome, Unsettled)
        assert outcome.in_the_way == ("cus_bobs",)
        assert "adopt" not in case.sent()


class TestClose:
    """A user who cannot have a customer."""

    def close(self, **ledger: Any) -> tuple[Case, Settled | Unsettled]:
        """Close a record without the person."""
        case = Case(is_admission=False, **ledger)
        return case, case.settling().close(is_gone=False)

    def test_closed(self) -> None:
        """Without a call to Stripe."""
        case, outcome = self.close(opened=[SENT])

        assert outcome == Settled(None, Reason.NOT_NEW)
        assert case.ledger.calls == [("open", None), "close"]
        assert case.stripe.calls == []

    def test_not_while_a_create_may_be_under_way(self) -> None:
        """It would come to a record that nobody looks at."""
        case, outcome = self.close(opened=[RECENT])

        assert outcome == Unsettled(Reason.PROVISIONING_FAILED)
        assert case.ledger.calls == [("open", None), "release"]

    def test_somebody_has_the_lease(self) -> None:
        """Left for the next time."""
        _, outcome = self.close(opened=[Busy()])

        assert outcome == Unsettled(Reason.IN_PROGRESS)

    def test_lease_was_taken_over(self) -> None:
        """Somebody else is at it by now: nothing was ended."""
        _, outcome = self.close(links=False)

        assert outcome == Unsettled(Reason.IN_PROGRESS)

    @pytest.mark.parametrize("call", ["open", "close"])
    def test_ledger_fails(self, call: str) -> None:
        """An outcome, never an exception."""
        _, outcome = self.close(broken=frozenset({call}))

        assert isinstance(outcome, Unsettled)
        assert outcome.reason is Reason.PROVISIONING_FAILED

    def test_adoption_that_has_begun(self) -> None:
        """It is finished: its update may be on its way."""
        case = Case(
            is_admission=False,
            opened=[replace(LEASE, adopting=Adoption(CustomerId("cus_shop")))],
        )
        case.stripe.now["cus_shop"] = Done(NOBODYS)
        found = Settled(CustomerId("cus_shop"), Reason.CUSTOMER_FOUND)

        assert case.settling().close(is_gone=False) == found


class TestTrueLink:
    """A link that was found to be true on both sides."""

    def test_recorded(self) -> None:
        """The ledger learns of it."""
        case = Case(is_admission=False)

        assert case.settling().record(OLD) == Settled(OLD, Reason.ALREADY_LINKED)
        assert case.ledger.calls == [("open", None), ("link", OLD)]

    def test_recorded_before(self) -> None:
        """The ledger knew."""
        case = Case(is_admission=False, opened=[Linked(OLD, 1)])
        case.stripe.retrieved = Done(customer_of(ADA, OLD))

        assert case.settling().record(OLD) == Settled(OLD, Reason.CUSTOMER_FOUND)
        assert "link" not in str(case.ledger.calls)


class TestOverTheLedger:
    """Several invocations in a row, over the simulated DynamoDB."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """Return a clock that they share."""
        return FakeClock()

    @pytest.fixture
    def invoke(self, clock: FakeClock) -> Callable[..., Case]:
        """Return what makes the next invocation."""
        client = Client(Table())

        def invoke(signup: SignUp = ADAS, *, is_admission: bool = True) -> Case:
            case = Case(signup, is_admission=is_admission)
            case.clock, case.run = clock, Run(clock, f"owner-{clock.now}")
            case.ledger = DynamoDbLedger(client, "ledger", case.run)  # type: ignore[assignment]
            clock.sleep(0.01)
            return case

        return invoke

    def test_taken_address_without_the_person(self, invoke: ACase) -> None:
        """No login takes notice of what was tried for a user meanwhile."""
        beside = invoke(is_admission=False)
        beside.stripe.listed["ada@example.com"] = (customer_of(BOB),)
        outcome = beside.settling().settle()

        assert outcome.reason is Reason.EMAIL_IN_USE
        assert not beside.ledger.has_record(ADA)

    def test_refusal_outlasts_what_runs_without_the_person(self, invoke: ACase) -> None:
        """The next login is told how the admission ended, and is a sign-up."""
        for is_admission in (True, False):
            case = invoke(is_admission=is_admission)
            case.stripe.listed["ada@example.com"] = (customer_of(BOB),)
            case.settling().settle()
        outage = invoke()
        outage.stripe.listed["ada@example.com"] = Unknown()
        outcome = outage.settling().settle()

        assert outcome == Unsettled(Reason.PROVISIONING_FAILED, Reason.EMAIL_IN_USE)
        assert outage.ledger.has_record(ADA)

    def test_lost_create_and_another_address(self, invoke: ACase, clock: FakeClock) -> None:
        """No second key while the first create may come; then both addresses are looked up."""
        lost = invoke()
        lost.stripe.created = [Unknown()]
        lost.settling().settle()
        moved = replace(ADAS, email="countess@example.com", name="Countess")
        waiting = invoke(moved)
        outcome = waiting.settling().settle()
        assert outcome.reason is Reason.PROVISIONING_FAILED
        assert "create" not in waiting.sent()
        clock.sleep(SETTLED_SECONDS)
        found = invoke(moved)
        found.stripe.listed["ada@example.com"] = (customer_of(ADA, "cus_late"),)

        found.assert_linked(Reason.CUSTOMER_FOUND, "cus_late")

    def test_address_that_stripe_refuses_and_another_one(self, invoke: ACase) -> None:
        """Nothing was made, so whoever corrects the address need not wait."""
        refused = invoke(replace(ADAS, email="ada@example.con"))
        refused.stripe.created = [Refused("email")]
        assert refused.settling().settle().reason is Reason.EMAIL_INVALID

        invoke().assert_linked(Reason.CUSTOMER_CREATED)

    def test_spent_key_and_another_address(self, invoke: ACase, clock: FakeClock) -> None:
        """An error that Stripe saved may hide a customer: its address is looked up later on."""
        spent = invoke()
        spent.stripe.created = [KeySpent()]
        spent.stripe.listed["ada@example.com"] = [(), Unknown()]
        spent.settling().settle()
        others = invoke(replace(ADAS, user=BOB)).settling().settle()
        assert others == Unsettled(Reason.EMAIL_IN_USE)
        clock.sleep(SETTLED_SECONDS + 1)
        moved = invoke(replace(ADAS, email="countess@example.com"))
        moved.stripe.listed["ada@example.com"] = (customer_of(ADA, "cus_hidden"),)

        moved.assert_linked(Reason.CUSTOMER_FOUND, "cus_hidden")

    def test_address_of_somebody_who_failed(self, invoke: ACase) -> None:
        """It is free for others at once, where no create can be on its way."""
        failed = invoke()
        failed.stripe.listed["ada@example.com"] = Unknown()
        failed.settling().settle()

        invoke(replace(ADAS, user=BOB)).assert_linked(Reason.CUSTOMER_CREATED)

    def test_address_of_somebody_who_may_have_created(
        self, invoke: ACase, clock: FakeClock
    ) -> None:
        """It is locked until the create must have arrived."""
        lost = invoke()
        lost.stripe.created = [Unknown()]
        lost.settling().settle()
        bobs = replace(ADAS, user=BOB)
        assert invoke(bobs).settling().settle() == Unsettled(Reason.EMAIL_IN_USE)
        clock.sleep(SETTLED_SECONDS)

        invoke(bobs).assert_linked(Reason.CUSTOMER_CREATED)

    def test_lock_outlasts_a_link(self, invoke: ACase) -> None:
        """Stripe's list may not know of the customer yet."""
        invoke().assert_linked(Reason.CUSTOMER_CREATED)

        assert invoke(replace(ADAS, user=BOB)).settling().settle() == Unsettled(Reason.EMAIL_IN_USE)
