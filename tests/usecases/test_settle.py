"""How one user's record is settled, with the person there and without, over port fakes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from tests.fakes import ADA, NOW, FakeClock, FakeCustomers, FakeLedger, customer_of
from tests.simulation.dynamodb import Client, Table

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import Customer, NewCustomer, may_adopt
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy, VerifiedEmail
from customerlink.model.sign_up_record import (
    KEY_LIFETIME_SECONDS,
    LIST_LAG_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Busy,
    Lease,
    Linked,
)
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId, registrant_id, registration_id
from customerlink.ports.customers import (
    Done,
    KeyMismatch,
    KeySpent,
    NotSent,
    RateLimited,
    Refused,
    Unauthorised,
    Unknown,
)
from customerlink.ports.run import LEDGER_RESERVE_SECONDS, Run
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.settle import Creates, Settling

type ACase = Callable[..., "Case"]

ADAS = SignUp(ADA, logins_count=1, email="Ada@example.com", name="Ada Lovelace")
BOB = User(Tenant("acme"), UserId("auth0|bob"))
REGISTRANT = User(ADA.tenant, registrant_id(registration_id(ADA.tenant, "db", "ada@example.com")))
LEASE = Lease(ADA, 1, 1, NOW)
COUNTESS = NewCustomer.of(replace(ADAS, name="Countess"), "countess@example.com")
SENT = replace(LEASE, create=NewCustomer.of(ADAS, "ada@example.com"), was_sent=True)
"""A create that an earlier invocation may have sent, long ago."""
RECENT = replace(SENT, last_write=NOW - SETTLED_SECONDS + 1)
"""One that may still be under way."""
OLD = CustomerId("cus_old")
FAILURES = [Refused("limit"), Unauthorised(), RateLimited(), NotSent(), Unknown()]
NOBODYS = Customer(CustomerId("cus_shop"), email="ada@example.com")


class KeepingCustomers(FakeCustomers):
    """A Stripe that keeps what it was to create."""

    def create(self, new: NewCustomer, idempotency_key: str) -> Any:
        """Note the parameters."""
        created = super().create(new, idempotency_key)
        self.calls.append(new)
        return created


class Case:
    """A record to settle, over fakes that are set up by keyword."""

    def __init__(self, signup: SignUp = ADAS, *, is_admission: bool = True, **ledger: Any) -> None:
        """Make the fakes."""
        self.signup = signup
        self.ledger = FakeLedger(**ledger)
        self.stripe = FakeCustomers()
        self.clock = FakeClock()
        self.run = Run(self.clock, "owner")
        self.policy = Policy()
        self.is_admission = is_admission
        self.how: dict[str, Any] = {"linking_page": lambda user: f"page of {user.user_id}"}

    def settling(self) -> Settling:
        """Put it together."""
        ports = self.ledger, self.stripe, self.policy, self.run
        return Settling(self.signup, *ports, is_admission=self.is_admission, **self.how)

    def assert_linked(self, reason: Reason, customer_id: str = "cus_new") -> None:
        """Hold an end to the customer, and to why."""
        assert self.settling().settle() == Settled(CustomerId(customer_id), reason)

    def assert_failed(self) -> None:
        """Hold an end to one that another try may mend, with nothing refused or closed."""
        outcome = self.settling().settle()

        assert isinstance(outcome, Unsettled)
        assert outcome.reason is Reason.PROVISIONING_FAILED
        assert not self.ended()

    def assert_turned_down(self, reason: Reason, **more: Any) -> None:
        """Hold an end to its reason: only an admission is refused, anything else is closed."""
        assert self.settling().settle() == Unsettled(reason, **more)
        assert self.ended() == [("refuse", reason) if self.is_admission else "close"]

    def ended(self) -> list[Any]:
        """Return how the ledger was told that nothing comes of it."""
        names = ("refuse", "close")
        return [each for each in self.ledger.calls if each in names or each[0] in names]

    def sent(self) -> list[str]:
        """Return the kinds of calls to Stripe."""
        return [each[0] for each in self.stripe.calls]


@pytest.fixture(params=[True, False], ids=["admission", "without the person"])
def a_case(request: pytest.FixtureRequest) -> ACase:
    """Return both: what refuses, and what never does."""
    return partial(Case, is_admission=request.param)


class TestDataIntegrity:
    """Step 2."""

    SIGNUP = replace(ADAS, customer_id=CustomerId("cus_given"))

    def test_true_link(self, a_case: ACase) -> None:
        """An imported user comes with a link that is true on both sides."""
        case = a_case(self.SIGNUP)
        case.stripe.retrieved = Done(customer_of(ADA, "cus_given"))

        case.assert_linked(Reason.ALREADY_LINKED, "cus_given")
        assert case.ledger.calls == []

    @pytest.mark.parametrize(
        "found",
        [
            None,
            customer_of(BOB, "cus_given"),
            Customer(CustomerId("cus_given")),
            Customer(CustomerId("cus_given"), ADA.user_id, "another-tenant"),
        ],
    )
    def test_false_link(self, a_case: ACase, found: Customer | None) -> None:
        """Deleted, somebody else's, nobody's, another tenant's: nothing is written or created."""
        case = a_case(self.SIGNUP)
        case.stripe.retrieved = Done(found)

        assert case.settling().settle() == Unsettled(Reason.LINK_MISMATCH)
        assert case.stripe.calls == [("retrieve", "cus_given")]
        assert case.ledger.calls == []

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failed_look_up(self, a_case: ACase, failure: object) -> None:
        """Not knowing is neither a true link nor a false one."""
        case = a_case(self.SIGNUP)
        case.stripe.retrieved = failure

        outcome = case.settling().settle()
        assert outcome == Unsettled(Reason.PROVISIONING_FAILED, is_recorded=False)
        assert case.ledger.calls == []


class TestRegistration:
    """A profile that carries the ids of its registration."""

    SIGNUP = replace(ADAS, customer_id=CustomerId("cus_reg"), registration_id="a1b2")
    REGISTERED = customer_of(User(ADA.tenant, registrant_id("a1b2")), "cus_reg")

    def case(self, a_case: ACase, found: Customer, **ledger: Any) -> Case:
        """Return a user whose registration made a customer."""
        case = a_case(self.SIGNUP, **ledger)
        case.stripe.retrieved = Done(found)
        return case

    def test_named_after_it(self, a_case: ACase) -> None:
        """Equal ids on both sides prove the link; begun, claimed, changed, recorded."""
        case = self.case(a_case, self.REGISTERED)

        case.assert_linked(Reason.ALREADY_LINKED, "cus_reg")
        assert case.ledger.calls == [
            ("open", None),
            ("begin_adoption", "cus_reg"),
            ("claim", "cus_reg"),
            ("link", "cus_reg"),
        ]
        assert case.sent() == ["retrieve", "adopt"]

    def test_claimed_by_another_user(self, a_case: ACase) -> None:
        """It is not changed."""
        case = self.case(a_case, self.REGISTERED, claims=False)
        case.assert_turned_down(Reason.LINK_MISMATCH, in_the_way=("cus_reg",))

        assert "adopt" not in case.sent()

    def test_waits_for_a_create_that_may_be_under_way(self, a_case: ACase) -> None:
        """Or the user would have two."""
        case = self.case(a_case, self.REGISTERED, opened=[RECENT])
        case.assert_failed()

        assert "adopt" not in case.sent()

    def test_somebody_else_registered_with_it_and_came_first(self, a_case: ACase) -> None:
        """The link counts as none, so that the user gets a customer."""
        theirs = customer_of(BOB, "cus_reg", registration_id="a1b2")

        self.case(a_case, theirs).assert_linked(Reason.CUSTOMER_CREATED)

    def test_another_registrations_customer(self, a_case: ACase) -> None:
        """The ids differ."""
        theirs = customer_of(User(ADA.tenant, registrant_id("ffff")), "cus_reg")

        case = self.case(a_case, theirs)
        assert case.settling().settle() == Unsettled(Reason.LINK_MISMATCH)

    def test_another_adoption_has_begun(self, a_case: ACase) -> None:
        """It is finished first: its update may be on its way."""
        begun = replace(LEASE, adopting=Adoption(CustomerId("cus_shop")))
        case = self.case(a_case, self.REGISTERED, opened=[begun])
        case.stripe.now["cus_shop"] = Done(NOBODYS)

        case.assert_linked(Reason.ALREADY_LINKED, "cus_shop")


class TestEmail:
    """Step 3."""

    @pytest.mark.parametrize("email", [None, "   "])
    def test_missing(self, email: str | None) -> None:
        """Refused without a call to Stripe, and recorded, so that it lasts."""
        case = Case(replace(ADAS, email=email))
        case.assert_turned_down(Reason.EMAIL_MISSING)

        assert case.stripe.calls == []
        assert case.ledger.calls == [("open", None), ("refuse", Reason.EMAIL_MISSING)]

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

    def test_recorded_link_is_replayed(self, a_case: ACase) -> None:
        """A concurrent or a lost sign-up's link, after a look that it is still true."""
        case = a_case(opened=[Linked(OLD, 1)])
        case.stripe.retrieved = Done(customer_of(ADA, OLD))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)
        assert case.stripe.calls == [("retrieve", OLD)]

    @pytest.mark.parametrize("failure", FAILURES)
    def test_recorded_link_that_cannot_be_checked(self, a_case: ACase, failure: object) -> None:
        """A customer that may be gone is not handed out."""
        case = a_case(opened=[Linked(OLD, 1)])
        case.stripe.retrieved = failure

        case.assert_failed()
        assert case.ledger.calls == [("open", "ada@example.com")]

    @pytest.mark.parametrize("now_is", [None, Customer(OLD), customer_of(BOB, OLD)])
    def test_recorded_customer_is_gone(self, a_case: ACase, now_is: Customer | None) -> None:
        """Deleted, or another's: the sign-up starts over with the next attempt's key."""
        second = replace(LEASE, attempt=2)
        case = a_case(opened=[Linked(OLD, 1)], reopened=second)
        case.stripe.retrieved = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert case.stripe.calls[-1] == ("create", "ada@example.com", second.idempotency_key())

    def test_registrations_customer_names_its_user_by_now(self, a_case: ACase) -> None:
        """It has the address, and the record goes on saying so: the list may be behind."""
        registrant = User(ADA.tenant, registrant_id("r1"))
        signup = replace(ADAS, user=registrant)
        case = a_case(signup, opened=[Linked(CustomerId("cus_1"), 1)], reopened=Busy())
        case.stripe.retrieved = Done(customer_of(ADA, "cus_1", email="ada@example.com"))
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.EMAIL_IN_USE, in_the_way=(CustomerId("cus_1"),))
        assert "reopen" not in str(case.ledger.calls)

    def test_own_customer_that_has_become_anothers(self, a_case: ACase) -> None:
        """A list that is behind shows it as the user's; it has the address all the same."""
        case = a_case()
        shown = customer_of(ADA, "cus_1", email="ada@example.com")
        case.stripe.listed["ada@example.com"] = (shown,)
        case.stripe.now[shown.id] = Done(customer_of(BOB, "cus_1", email="ada@example.com"))

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_1",))

    def test_recorded_customer_is_anothers_and_has_the_address(self, a_case: ACase) -> None:
        """It stands in the way, although Stripe's list may not show it yet."""
        case = a_case(opened=[Linked(OLD, 1)], reopened=replace(LEASE, attempt=2))
        case.stripe.retrieved = Done(customer_of(BOB, OLD, email="ada@example.com"))

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=(OLD,))

    def test_another_invocation_starts_over(self, a_case: ACase) -> None:
        """Whoever comes second waits, and gets what came of it."""
        case = a_case(opened=[Linked(OLD, 1), Linked(CustomerId("cus_tab"), 2)])
        case.stripe.retrieved = Done(None)
        case.stripe.now["cus_tab"] = Done(customer_of(ADA, "cus_tab"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_tab")

    def test_registrant_who_has_moved(self, a_case: ACase) -> None:
        """Whoever registers with an address gets no customer that has another by now."""
        second = Lease(REGISTRANT, 2, 2, NOW)
        case = a_case(replace(ADAS, user=REGISTRANT), opened=[Linked(OLD, 1)], reopened=second)
        case.stripe.retrieved = Done(customer_of(REGISTRANT, OLD, email="countess@example.com"))

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert ("reopen", OLD) in case.ledger.calls

    def test_registrant_who_registers_again(self, a_case: ACase) -> None:
        """The same customer, whatever the letter case of the address."""
        case = a_case(replace(ADAS, user=REGISTRANT), opened=[Linked(OLD, 1)])
        case.stripe.retrieved = Done(customer_of(REGISTRANT, OLD, email="ada@example.com"))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)

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
        assert case.run.remaining() > 0

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


class TestOwnRegistration:
    """The address is locked by the user's own registration, whose end the profile does not say."""

    SIGNUP = replace(ADAS, connection="db")

    def test_its_customer(self, a_case: ACase) -> None:
        """The registration is settled first, and its customer names the user."""
        opened = [LEASE, Linked(CustomerId("cus_reg"), 1)]
        case = a_case(self.SIGNUP, holders=[REGISTRANT], opened=opened)
        case.stripe.retrieved = Done(customer_of(REGISTRANT, "cus_reg", email="ada@example.com"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")
        assert ("claim", "cus_reg") in case.ledger.calls
        assert "create" not in case.sent()

    def test_its_create_is_finished(self, a_case: ACase) -> None:
        """Under the registration's key, whose answer was lost."""
        begun = Lease(REGISTRANT, 2, 1, NOW, was_sent=True)
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None], opened=[LEASE, begun])
        case.stripe.created = [Done(customer_of(REGISTRANT, "cus_reg"))]

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")
        assert ("create", "ada@example.com", begun.idempotency_key()) in case.stripe.calls
        assert ("adopt", "cus_reg") in case.stripe.calls

    def test_nothing_had_begun(self, a_case: ACase) -> None:
        """The registration's record is closed, and the user gets a customer of their own."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None, None])

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "close" in case.ledger.calls
        assert case.sent().count("create") == 1

    def test_its_customer_is_the_users_by_now(self, a_case: ACase) -> None:
        """What stands in the registration's way is no other than the user's own."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None])
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)
        assert "create" not in case.sent()

    def test_something_stands_in_its_way(self, a_case: ACase) -> None:
        """It stands in the user's way too."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.EMAIL_IN_USE, in_the_way=(CustomerId("cus_bobs"),))
        assert ("refuse" in str(case.ledger.calls)) is case.is_admission

    @pytest.mark.parametrize("failure", FAILURES)
    def test_what_stands_in_its_way_cannot_be_looked_at(
        self, a_case: ACase, failure: object
    ) -> None:
        """Not knowing whose it is is no reason to turn anybody down."""
        case = a_case(self.SIGNUP, holders=[REGISTRANT, None])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        case.stripe.now["cus_bobs"] = failure
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.PROVISIONING_FAILED)
        assert ("refuse", Reason.EMAIL_IN_USE) not in case.ledger.calls

    @pytest.mark.parametrize("registration", [Busy(), replace(RECENT, user=REGISTRANT)])
    def test_it_is_running(self, a_case: ACase, registration: Lease | Busy) -> None:
        """Another try, later: its customer may come yet."""
        opened = [LEASE, registration]
        case = a_case(self.SIGNUP, holders=[REGISTRANT], opened=opened)
        case.stripe.created = [Unknown()]
        case.assert_failed()

        assert case.ledger.calls[-1] == "release"
        assert ("link", "cus_new") not in case.ledger.calls

    def test_found_without_the_lock(self, a_case: ACase) -> None:
        """Its customer has the address: the user's, by connection and address."""
        case = a_case(self.SIGNUP)
        case.stripe.listed["ada@example.com"] = (customer_of(REGISTRANT, "cus_reg"),)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")
        assert ("begin_adoption", "cus_reg") in case.ledger.calls

    def test_another_connections(self, a_case: ACase) -> None:
        """An address is unique in a connection only."""
        case = a_case(replace(ADAS, connection="other"))
        case.stripe.listed["ada@example.com"] = (customer_of(REGISTRANT, "cus_reg"),)

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_reg",))

    def test_own_customer_beside_it(self, a_case: ACase) -> None:
        """Whoever has one gets no second one of the registration's."""
        opened = [LEASE, Linked(CustomerId("cus_reg"), 1)]
        case = a_case(self.SIGNUP, holders=[REGISTRANT], opened=opened)
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)
        case.stripe.retrieved = Done(customer_of(REGISTRANT, "cus_reg", email="ada@example.com"))

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)

    def test_found_beside_another_customer(self, a_case: ACase) -> None:
        """Whoever else has the address."""
        case = a_case(self.SIGNUP)
        found = (customer_of(BOB, "cus_bobs"), customer_of(REGISTRANT, "cus_reg"))
        case.stripe.listed["ada@example.com"] = found

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_reg")


class TestExistingCustomer:
    """Step 6."""

    def test_both_cases_of_the_address_are_looked_up(self, a_case: ACase) -> None:
        """Stripe's filter is case-sensitive."""
        case = a_case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[:2] == [("list", "Ada@example.com"), ("list", "ada@example.com")]

    def test_lower_case_address_is_looked_up_once(self, a_case: ACase) -> None:
        """Two calls to Stripe for the usual sign-up."""
        case = a_case(replace(ADAS, email="ada@example.com"))
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.sent() == ["list", "create"]

    def test_own_customer(self, a_case: ACase) -> None:
        """An earlier attempt's customer is linked; the oldest, should there be more."""
        case = a_case()
        case.stripe.listed = {
            "ada@example.com": (
                customer_of(ADA, "cus_young", created=2),
                customer_of(BOB, "cus_bobs", created=0),
                customer_of(ADA, OLD, created=1),
            ),
        }

        case.assert_linked(Reason.CUSTOMER_FOUND, OLD)
        assert ("link", OLD) in case.ledger.calls

    def test_own_customer_is_retrieved_before_it_is_linked(self, a_case: ACase) -> None:
        """A list may show what is deleted by now."""
        case = a_case()
        case.stripe.listed["ada@example.com"] = (
            customer_of(ADA, OLD, created=1),
            customer_of(ADA, "cus_young", created=2),
        )
        case.stripe.now[OLD] = Done(None)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_young")
        assert case.sent() == ["list", "list", "retrieve", "retrieve"]

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, OLD)])
    def test_no_own_customer_is_left(self, a_case: ACase, now_is: Customer | None) -> None:
        """Gone, or another's by now: there is none."""
        case = a_case()
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)
        case.stripe.now[OLD] = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_own_customer_that_cannot_be_retrieved(self, a_case: ACase, failure: object) -> None:
        """It is neither linked nor taken for gone."""
        case = a_case()
        case.stripe.listed["ada@example.com"] = (customer_of(ADA, OLD),)
        case.stripe.now[OLD] = failure
        case.assert_failed()

        assert "create" not in case.sent()

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

    @pytest.mark.parametrize(
        "lease",
        [
            replace(SENT, create=COUNTESS),
            replace(LEASE, earlier_emails=frozenset({"countess@example.com"}), was_sent=True),
        ],
    )
    def test_earlier_addresses_are_looked_up_too(self, a_case: ACase, lease: Lease) -> None:
        """A create whose answer was lost may have used the address of that time."""
        case = a_case(opened=[lease])
        case.stripe.listed["countess@example.com"] = (customer_of(ADA, "cus_countess"),)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_countess")

    def test_others_at_an_earlier_address_do_not_matter(self, a_case: ACase) -> None:
        """Somebody may have taken the address that the user gave up."""
        case = a_case(opened=[replace(SENT, create=COUNTESS)])
        case.stripe.listed["countess@example.com"] = (customer_of(BOB),)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failed_look_up(self, a_case: ACase, failure: object) -> None:
        """Never taken for "there is none"."""
        case = a_case()
        case.stripe.listed = {"ada@example.com": failure}

        case.assert_failed()
        assert case.sent() == ["list", "list"]
        assert "release" in case.ledger.calls

    def test_address_that_stripe_refuses(self, a_case: ACase) -> None:
        """The look-up says so before the create does."""
        case = a_case()
        case.stripe.listed = {"ada@example.com": Refused("email")}

        case.assert_turned_down(Reason.EMAIL_INVALID)

    def test_customer_that_the_caller_knows_of(self, a_case: ACase) -> None:
        """It is looked at beside those that have the address."""
        case = a_case()
        case.how["known"] = CustomerId("cus_known")
        case.stripe.now["cus_known"] = Done(customer_of(ADA, "cus_known"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_known")

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, "cus_known")])
    def test_known_customer_that_is_not_the_users(
        self, a_case: ACase, now_is: Customer | None
    ) -> None:
        """It counts for nothing."""
        case = a_case()
        case.how["known"] = CustomerId("cus_known")
        case.stripe.now["cus_known"] = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_known_customer_that_cannot_be_retrieved(self, a_case: ACase) -> None:
        """A look-up that failed is no answer."""
        case = a_case()
        case.how["known"] = CustomerId("cus_known")
        case.stripe.now["cus_known"] = Unknown()
        case.assert_failed()

        assert "create" not in case.sent()


class TestCreate:
    """Step 7."""

    def test_parameters(self, a_case: ACase) -> None:
        """Lower case, and the key of the attempt."""
        case = a_case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[-1] == ("create", "ada@example.com", LEASE.idempotency_key())

    def test_frozen_parameters(self, a_case: ACase) -> None:
        """What an earlier invocation may have sent is sent again, whatever the profile says now."""
        earlier = NewCustomer.of(replace(ADAS, name="Miss Byron"), "ada@example.com")
        case = a_case(opened=[replace(SENT, create=earlier)])
        case.stripe = KeepingCustomers()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[-1] == earlier

    def test_stripe_refuses_the_address(self, a_case: ACase) -> None:
        """Its own reason, recorded."""
        case = a_case()
        case.stripe.created = [Refused("email")]

        case.assert_turned_down(Reason.EMAIL_INVALID)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failure_leaves_the_sign_up_open(self, a_case: ACase, failure: object) -> None:
        """Nothing is deleted or refused."""
        case = a_case()
        case.stripe.created = [failure]

        case.assert_failed()
        assert case.ledger.calls[:3] == [("open", "ada@example.com"), "lock_email", "release"]

    @pytest.mark.parametrize(
        "answer", [customer_of(BOB), Customer(CustomerId("cus_new")), customer_of(REGISTRANT)]
    )
    def test_answer_that_is_not_the_users_customer(self, a_case: ACase, answer: Customer) -> None:
        """It is never linked; what became of the create is not known."""
        case = a_case()
        case.stripe.created = [Done(answer)]

        case.assert_failed()
        assert case.ledger.calls[-1] == "release"

    def test_ids_of_the_attempt(self, a_case: ACase) -> None:
        """The run tells which attempt it was."""
        case = a_case(opened=[replace(LEASE, attempt=3)])
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.run.attempt == 3

    def test_key_is_the_tenants(self) -> None:
        """A user_id names a person only within its tenant."""
        theirs = replace(LEASE, user=replace(ADA, tenant=Tenant("beta")))

        assert theirs.idempotency_key() != LEASE.idempotency_key()

    def test_frozen_parameters_that_stripe_refuses(self, a_case: ACase) -> None:
        """What the profile gives by now is created under the next key."""
        earlier = NewCustomer.of(replace(ADAS, name="Miss Byron"), "ada@example.com")
        case = a_case(opened=[replace(LEASE, create=earlier)])
        case.stripe.created = [Refused("name")]
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert "next_attempt" in case.ledger.calls


class TestSpentKey:
    """A key that stands for a request which ended in an error, or whose customer is gone."""

    def test_looks_again_before_the_next_attempt(self, a_case: ACase) -> None:
        """List, then the next key: the customer may be there all the same."""
        case = a_case()
        case.stripe.created = [KeySpent()]

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert case.sent() == [*("list", "list", "create"), *("list", "list", "create")]
        assert case.stripe.calls[2][2] != case.stripe.calls[5][2]
        assert "next_attempt" in case.ledger.calls

    def test_waits_for_the_list(self, a_case: ACase) -> None:
        """It may be a little behind what the spent key made."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.clock.now == NOW + LIST_LAG_SECONDS
        assert case.run.steps["wait"] == LIST_LAG_SECONDS * 1000

    def test_no_time_to_wait(self, a_case: ACase) -> None:
        """The next try goes on from there."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        budget = LEDGER_RESERVE_SECONDS + LIST_LAG_SECONDS
        case.run = Run(case.clock, "owner", budget)
        case.assert_failed()

        assert case.clock.now == NOW
        assert case.sent().count("create") == 1
        assert case.ledger.calls[-1] == "release"
        assert "next_attempt" not in case.ledger.calls

    def test_the_customer_is_there(self, a_case: ACase) -> None:
        """The replayed error hid a create that took effect."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        case.stripe.listed = {"ada@example.com": [(), (customer_of(ADA, "cus_hidden"),)]}

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_hidden")
        assert "next_attempt" not in case.ledger.calls

    def test_the_look_up_fails(self, a_case: ACase) -> None:
        """No new attempt on a guess; and the list may not show yet what the spent key made."""
        case = a_case()
        case.stripe.created = [KeySpent()]
        case.stripe.listed = {"ada@example.com": [(), Unknown()]}
        case.assert_failed()

        assert "next_attempt" not in case.ledger.calls
        assert case.ledger.calls[-1] == "release"

    def test_second_key_is_spent_too(self, a_case: ACase) -> None:
        """The next try goes on from there."""
        case = a_case()
        case.stripe.created = [KeySpent(), KeySpent()]

        case.assert_failed()

    def test_another_invocation_raised_the_attempt(self, a_case: ACase) -> None:
        """Its lease, its sign-up."""
        case = a_case(raised=Busy())
        case.stripe.created = [KeySpent()]

        assert case.settling().settle() == Unsettled(Reason.IN_PROGRESS)

    def test_replayed_answer_is_checked(self, a_case: ACase) -> None:
        """It tells of the past; the customer is retrieved."""
        case = a_case()
        case.stripe.created = [Done(customer_of(ADA), replayed=True)]
        case.stripe.retrieved = Done(customer_of(ADA))

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, "cus_gone")])
    def test_replayed_customer_is_gone(self, a_case: ACase, now_is: Customer | None) -> None:
        """Deleted or another's since: the key is spent, and the next one makes another."""
        case = a_case()
        case.stripe.created = [Done(customer_of(ADA, "cus_gone"), replayed=True)]
        case.stripe.retrieved = Done(now_is)

        case.assert_linked(Reason.CUSTOMER_CREATED, "cus_new")
        assert "next_attempt" in case.ledger.calls

    def test_replayed_customer_cannot_be_checked(self, a_case: ACase) -> None:
        """Not handed out."""
        case = a_case()
        case.stripe.created = [Done(customer_of(ADA), replayed=True)]
        case.stripe.retrieved = Unknown()

        case.assert_failed()


class TestKeyOfNoUse:
    """A key that stands for other parameters, or may be forgotten: the next attempt has to wait."""

    STALE = replace(SENT, attempt_since=NOW - KEY_LIFETIME_SECONDS - 1)
    """Stripe may have forgotten the key, and would create anew under it."""
    ELSEWHERE = replace(SENT, create=COUNTESS)
    """The frozen create has an address that is not the user's any more."""

    @pytest.mark.parametrize("lease", [STALE, ELSEWHERE])
    def test_once_all_has_settled(self, a_case: ACase, lease: Lease) -> None:
        """Look again, then the next attempt, under whose key alone is created."""
        settled = replace(lease, last_write=NOW - SETTLED_SECONDS - 1)
        case = a_case(opened=[settled])

        case.assert_linked(Reason.CUSTOMER_CREATED)
        raised = replace(settled, attempt=2)
        assert [each for each in case.stripe.calls if each[0] == "create"] == [
            ("create", "ada@example.com", raised.idempotency_key())
        ]
        assert case.sent()[-2] == "list"
        assert case.run.attempt == 2

    @pytest.mark.parametrize("lease", [STALE, ELSEWHERE])
    def test_while_a_create_may_be_under_way(self, a_case: ACase, lease: Lease) -> None:
        """A second key would make a second customer beside the one that is still to come."""
        case = a_case(opened=[replace(lease, last_write=NOW - SETTLED_SECONDS + 1)])
        case.assert_failed()

        assert "create" not in case.sent()
        assert "next_attempt" not in case.ledger.calls
        assert case.ledger.calls[-1] == "release"

    def test_old_key_that_nobody_used(self, a_case: ACase) -> None:
        """It is as good as new."""
        unused = replace(LEASE, attempt_since=NOW - KEY_LIFETIME_SECONDS - 1)
        case = a_case(opened=[unused])
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[-1][2] == unused.idempotency_key()

    def test_mismatch_of_a_key_that_nobody_is_known_to_have_used(self, a_case: ACase) -> None:
        """Somebody must have, so that the address stays locked and the next one waits too."""
        case = a_case(opened=[replace(LEASE, last_write=NOW - 1)])
        case.stripe.created = [KeyMismatch()]
        case.assert_failed()

        assert case.ledger.calls[-1] == "release"
        assert case.ledger.ended is not None
        assert (case.ledger.ended.was_sent, case.ledger.ended.sends_create) == (True, False)

    def test_mismatch_once_all_has_settled(self, a_case: ACase) -> None:
        """The key's own request must have ended by now: look again, then the next attempt."""
        case = a_case(opened=[replace(SENT, last_write=NOW - SETTLED_SECONDS - 1)])
        case.stripe.created = [KeyMismatch()]

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "next_attempt" in case.ledger.calls

    def test_mismatch_while_the_first_request_may_be_under_way(self, a_case: ACase) -> None:
        """No second key beside it."""
        case = a_case(opened=[RECENT])
        case.stripe.created = [KeyMismatch()]
        case.assert_failed()

        assert "next_attempt" not in case.ledger.calls
        assert case.ledger.calls[-1] == "release"

    def test_key_that_stripe_has_almost_forgotten(self) -> None:
        """It keeps one for a day, and the call takes its time."""
        almost = replace(SENT, attempt_since=NOW - 24 * 3600 + 60)

        assert not almost.key_makes("ada@example.com", NOW)


class TestRecord:
    """Step 8."""

    def test_order(self, a_case: ACase) -> None:
        """The lock is not given back: Stripe's list may not know of the customer yet."""
        case = a_case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.ledger.calls == [
            ("open", "ada@example.com"),
            "lock_email",
            ("link", "cus_new"),
        ]

    def test_lease_was_taken_over(self, a_case: ACase) -> None:
        """The other invocation links; this one tries again."""
        case = a_case(links=False, opened=[replace(LEASE, refused=Reason.EMAIL_IN_USE)])

        outcome = case.settling().settle()
        assert outcome == Unsettled(Reason.IN_PROGRESS, Reason.EMAIL_IN_USE)

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

    def test_budget_of_a_machine_that_slept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its monotonic clock stood still, the lock's lease did not."""
        case = Case()
        monkeypatch.setattr(case.clock, "monotonic", lambda: NOW)
        case.clock.now += 60

        assert case.run.remaining() < 0


class TestUnlock:
    """When the address is free for others again."""

    def case(self, a_case: ACase, **ledger: Any) -> Case:
        """Return a sign-up whose look-up fails."""
        case = a_case(**ledger)
        case.stripe.listed["ada@example.com"] = Unknown()
        return case

    @pytest.mark.parametrize("lease", [LEASE, SENT])
    def test_after_a_failure_with_no_create_on_its_way(self, a_case: ACase, lease: Lease) -> None:
        """Nobody sent one, or it must have arrived."""
        case = self.case(a_case, opened=[lease])
        case.assert_failed()

        assert case.ledger.calls[-2:] == ["release", "unlock_email"]

    def test_not_while_an_earlier_create_may_be_on_its_way(self, a_case: ACase) -> None:
        """Nobody else with the address may pass the look-up before it has arrived."""
        case = self.case(a_case, opened=[RECENT])
        case.assert_failed()

        assert "unlock_email" not in case.ledger.calls

    def test_not_after_a_create_whose_answer_was_lost(self, a_case: ACase) -> None:
        """It may still be on its way."""
        case = a_case()
        case.stripe.created = [Unknown()]
        case.assert_failed()

        assert case.ledger.calls[-1] == "release"

    def test_not_after_a_refusal_while_a_create_may_be_on_its_way(self, a_case: ACase) -> None:
        """A refusal is no proof that nothing comes."""
        case = a_case(opened=[RECENT])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        outcome = case.settling().settle()

        assert outcome == Unsettled(Reason.EMAIL_IN_USE, in_the_way=(CustomerId("cus_bobs"),))
        assert "unlock_email" not in case.ledger.calls

    def test_lock_that_cannot_be_given_back(self, a_case: ACase) -> None:
        """Its lease ends by itself: no reason for another answer."""
        case = a_case(broken=frozenset({"unlock_email"}))
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)

        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_bobs",))

    def test_record_stays_open_while_a_create_may_be_on_its_way(self) -> None:
        """Without the person: for the repair to find what comes of it."""
        case = Case(is_admission=False, opened=[RECENT])
        case.stripe.listed["ada@example.com"] = (customer_of(BOB, "cus_bobs"),)
        case.settling().settle()

        assert case.ledger.calls[-1] == "release"


class TestAdoption:
    """`EXISTING_CUSTOMER=adopt`."""

    def case(self, a_case: ACase, *found: Customer, verified: bool = True, **ledger: Any) -> Case:
        """Return a user whose address customers have."""
        case = a_case(replace(ADAS, email_verified=verified), **ledger)
        case.policy = Policy(existing_customer=ExistingCustomer.ADOPT)
        case.stripe.listed["ada@example.com"] = found
        return case

    def test_adopted(self, a_case: ACase) -> None:
        """Begun, claimed, changed, linked, in this order."""
        case = self.case(a_case, NOBODYS)
        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")

        assert ("adopt", "cus_shop") in case.stripe.calls
        assert case.ledger.calls[2:] == [
            ("begin_adoption", "cus_shop"),
            ("claim", "cus_shop"),
            ("link", "cus_shop"),
        ]

    @pytest.mark.parametrize(
        "found",
        [
            (NOBODYS, replace(NOBODYS, id=CustomerId("cus_2"))),
            (replace(NOBODYS, auth0_user_id=BOB.user_id),),
        ],
    )
    def test_more_than_one_or_somebodys(self, a_case: ACase, found: tuple[Customer, ...]) -> None:
        """Nothing is changed."""
        case = self.case(a_case, *found)
        in_the_way = tuple(each.id for each in found)
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=in_the_way)

        assert "adopt" not in case.sent()
        assert "begin_adoption" not in str(case.ledger.calls)

    def test_unverified(self, a_case: ACase) -> None:
        """Whoever typed the address need not own it."""
        case = self.case(a_case, NOBODYS, verified=False)
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_shop",))

        assert "adopt" not in case.sent()

    def test_claimed_by_another_user(self, a_case: ACase) -> None:
        """One of two gets it."""
        case = self.case(a_case, NOBODYS, claims=False)
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_shop",))

        assert "adopt" not in case.sent()
        assert case.ledger.ended is not None
        assert (case.ledger.ended.adopting, case.ledger.ended.sends_update) == (None, False)

    def test_lease_was_taken_over(self, a_case: ACase) -> None:
        """Nothing is claimed, which nobody could undo."""
        case = self.case(a_case, NOBODYS, links=False)

        assert case.settling().settle() == Unsettled(Reason.IN_PROGRESS)
        assert "claim" not in str(case.ledger.calls)

    @pytest.mark.parametrize("failure", FAILURES[1:])
    def test_lost_answer(self, a_case: ACase, failure: object) -> None:
        """It stays open, for the next try to finish."""
        case = self.case(a_case, NOBODYS)
        case.stripe.adopted = failure
        case.assert_failed()

        assert case.ledger.ended is not None
        assert case.ledger.ended.adopting == Adoption(CustomerId("cus_shop"))
        assert case.ledger.ended.sends_update

    def test_customer_that_stripe_never_changes(self, a_case: ACase) -> None:
        """It is in the way, like a claim of somebody else's: no try is the last one for ever."""
        case = self.case(a_case, NOBODYS)
        case.stripe.adopted = Refused("metadata")
        case.assert_turned_down(Reason.EMAIL_IN_USE, in_the_way=("cus_shop",))

        assert case.ledger.ended is not None
        assert case.ledger.ended.adopting is None

    def test_answer_that_does_not_name_the_user(self, a_case: ACase) -> None:
        """It is not linked."""
        case = self.case(a_case, NOBODYS)
        case.stripe.adopted = Done(NOBODYS)

        case.assert_failed()

    def test_waits_for_a_create_that_may_be_under_way(self, a_case: ACase) -> None:
        """Or the user would have two."""
        case = self.case(a_case, NOBODYS, opened=[RECENT])
        case.assert_failed()
        assert "adopt" not in case.sent()

        settled = self.case(a_case, NOBODYS, opened=[SENT])
        settled.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")

    def test_who_may_adopt(self) -> None:
        """One customer, nobody's so far, and a user who has proved to own its address."""
        yes = ExistingCustomer.ADOPT
        assert may_adopt(yes, verified=True, others=[NOBODYS])
        assert not may_adopt(ExistingCustomer.DENY, verified=True, others=[NOBODYS])
        assert not may_adopt(yes, verified=False, others=[NOBODYS])
        assert not may_adopt(yes, verified=True, others=[])
        assert not may_adopt(yes, verified=True, others=[NOBODYS, NOBODYS])
        assert not may_adopt(yes, verified=True, others=[customer_of(BOB)])


class TestBegunAdoption:
    """An adoption that an earlier invocation began."""

    def case(self, a_case: ACase, now_is: object, **more: Any) -> Case:
        """Return one whose update may be on its way."""
        lease = replace(LEASE, adopting=Adoption(CustomerId("cus_shop"), more.pop("other", None)))
        case = a_case(opened=[replace(lease, **more.pop("lease", {}))], **more)
        case.stripe.now["cus_shop"] = now_is
        return case

    @pytest.mark.parametrize("now_is", [NOBODYS, customer_of(ADA, "cus_shop")])
    def test_finished(self, a_case: ACase, now_is: Customer) -> None:
        """Whatever the address is now."""
        case = self.case(a_case, Done(now_is))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")
        assert case.ledger.calls[1:] == [("claim", "cus_shop"), ("link", "cus_shop")]

    def test_finished_in_place_of_another_account(self, a_case: ACase) -> None:
        """Whom it still names, or the user already."""
        case = self.case(a_case, Done(customer_of(BOB, "cus_shop")), other=BOB)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")

    @pytest.mark.parametrize("now_is", [None, customer_of(BOB, "cus_shop")])
    def test_gone_or_anothers(self, a_case: ACase, now_is: Customer | None) -> None:
        """Another customer is made."""
        case = self.case(a_case, Done(now_is))

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "claim" not in str(case.ledger.calls)

    def test_anothers_while_the_update_may_be_on_its_way(self, a_case: ACase) -> None:
        """It could name the user after all."""
        recent = {"last_write": NOW - SETTLED_SECONDS + 1}
        case = self.case(a_case, Done(customer_of(BOB, "cus_shop")), lease=recent)
        case.assert_failed()

        assert "create" not in case.sent()

    def test_claimed_by_another_user(self, a_case: ACase) -> None:
        """Another customer is made."""
        case = self.case(a_case, Done(NOBODYS), claims=False)

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "adopt" not in case.sent()

    @pytest.mark.parametrize(
        ("now_is", "claims"), [(None, True), (customer_of(BOB, "cus_shop"), True), (NOBODYS, False)]
    )
    def test_abandoned(self, a_case: ACase, now_is: Customer | None, *, claims: bool) -> None:
        """However the sign-up ends, the adoption is forgotten with it."""
        case = self.case(a_case, Done(now_is), claims=claims)
        case.stripe.created = [Unknown()]
        case.assert_failed()

        assert case.ledger.ended is not None
        assert (case.ledger.ended.adopting, case.ledger.ended.sends_update) == (None, False)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_not_known_now(self, a_case: ACase, failure: object) -> None:
        """A look-up that failed is no answer."""
        case = self.case(a_case, failure)
        case.assert_failed()

        assert case.sent() == ["retrieve"]

    def test_refused_while_an_earlier_update_may_be_on_its_way(self, a_case: ACase) -> None:
        """That one could name the user after all."""
        recent = {"last_write": NOW - SETTLED_SECONDS + 1}
        case = self.case(a_case, Done(NOBODYS), lease=recent)
        case.stripe.adopted = Refused("metadata")
        case.assert_failed()

        assert "create" not in case.sent()


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
        case.how["known"] = OLD
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
