"""An admission's own part: who is new, and what the Action is told; over port fakes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.fakes import ADA, NOW, FakeClock, FakeCustomers, FakeLedger, customer_of

from customerlink.model.customer import Customer
from customerlink.model.instruction import Decision, Instruction, Reason
from customerlink.model.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    ProvisionAt,
    VerifiedEmail,
)
from customerlink.model.sign_up_record import Busy, Lease, Linked
from customerlink.model.signup import Marker, SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId, registrant_id
from customerlink.ports.customers import Done, Unknown
from customerlink.ports.run import Run
from customerlink.usecases.settle import Settling
from customerlink.usecases.sign_up import EXEMPT_FROM_AGE, Provisioning

ADAS = SignUp(ADA, logins_count=1, email="Ada@example.com", name="Ada Lovelace")
LATER = replace(ADAS, logins_count=2)
BOB = User(Tenant("acme"), UserId("auth0|bob"))
LEASE = Lease(ADA, 1, 1, NOW)
UNFINISHED = {"stripe_signup": "unfinished"}


def born(seconds_ago: float) -> datetime:
    """Return when an account was made."""
    return datetime.fromtimestamp(NOW - seconds_ago, UTC)


class NotingLedger(FakeLedger):
    """A ledger that also tells when it was asked about the installation."""

    def installed_at(self) -> float:
        """Note it."""
        self._called("installed_at")
        return self.installed


class Case:
    """A sign-up over fakes that are set up by keyword."""

    def __init__(self, signup: SignUp = ADAS, **ledger: Any) -> None:
        """Make the fakes."""
        self.signup = signup
        self.ledger = FakeLedger(**ledger)
        self.stripe = FakeCustomers()
        self.clock = FakeClock()
        self.run = Run(self.clock, "owner")
        self.policy = Policy()

    def provisioning(self) -> Provisioning:
        """Put the pipeline together."""
        ports = self.ledger, self.stripe, self.policy, self.run
        page = "https://shop.example.com/link"
        return Provisioning(
            Settling(self.signup, *ports, is_admission=True, linking_page=lambda _: page)
        )

    def decide(self) -> Instruction:
        """Decide on a login."""
        return self.provisioning().instruction()

    def assert_denied(self, reason: Reason) -> None:
        """Hold a denial to its reason and to the marker that makes it last."""
        instruction = self.decide()

        assert (instruction.decision, instruction.reason) == (Decision.DENY, reason)
        assert instruction.app_metadata == UNFINISHED

    def assert_linked(self, reason: Reason, customer_id: str = "cus_new") -> None:
        """Hold a link to the id, and to the marker's removal."""
        instruction = self.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, reason)
        assert instruction.app_metadata == {
            "stripe_customer_id": customer_id,
            "stripe_signup": None,
        }

    def assert_not_new(self, *, exempt: bool = False) -> None:
        """Hold a login that is no sign-up to going on without a call to Stripe."""
        instruction = self.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.NOT_NEW)
        assert instruction.app_metadata == ({"stripe_signup": "exempt"} if exempt else {})
        assert self.stripe.calls == []


class TestNewUser:
    """Step 1."""

    def test_first_login(self) -> None:
        """It is a sign-up by the count alone; nobody is asked."""
        case = Case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert "has_record" not in case.ledger.calls

    def test_second_login_is_not_new(self) -> None:
        """Nothing is asked of Stripe for a user who is not signing up."""
        case = Case(LATER)
        case.assert_not_new()

        assert case.ledger.calls == ["has_record"]

    def test_marker_makes_a_later_login_new(self) -> None:
        """A denied user's second login has a count of 2, and is still a sign-up."""
        Case(replace(LATER, marker=Marker.UNFINISHED)).assert_linked(Reason.CUSTOMER_CREATED)

    def test_ledger_makes_a_later_login_new(self) -> None:
        """The record holds even where Auth0 lost the marker."""
        Case(LATER, known=True).assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("seconds_after", [0, 1])
    def test_age_makes_a_later_login_new(self, seconds_after: float) -> None:
        """Whoever is younger than the installation signs up, however often Auth0 counted."""
        case = Case(replace(LATER, created_at=born(7200 - seconds_after)), installed=NOW - 7200)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_account_from_before_the_installation(self) -> None:
        """It was there when nobody asked for customers."""
        case = Case(replace(LATER, created_at=born(7201)), installed=NOW - 7200)

        case.assert_not_new(exempt=True)

    @pytest.mark.parametrize("logins_count", [0, 2, 42])
    def test_profile_with_an_id(self, logins_count: int) -> None:
        """It ended well: neither the ledger nor Stripe is asked."""
        linked = replace(ADAS, logins_count=logins_count, customer_id=CustomerId("cus_1"))
        case = Case(replace(linked, created_at=born(7200)), known=True)
        case.assert_not_new()

        assert case.ledger.calls == []
        assert "installed_at" not in case.run.trace.steps

    def test_profile_with_an_id_and_a_marker(self) -> None:
        """The id is looked at."""
        signup = replace(LATER, customer_id=CustomerId("cus_1"), marker=Marker.UNFINISHED)
        case = Case(signup)
        case.stripe.retrieved = Done(customer_of(ADA, "cus_1"))

        case.assert_linked(Reason.ALREADY_LINKED, "cus_1")

    @pytest.mark.parametrize("call", ["has_record", "installed_at"])
    def test_nobody_can_be_asked(self, call: str) -> None:
        """An outage keeps out only who is signing up; the login leaves no mark."""
        case = Case(replace(LATER, created_at=born(7200)), broken=frozenset({call}))

        case.assert_not_new()

    def test_known_and_then_the_ledger_fails(self) -> None:
        """It goes on unmarked: neither a first login, nor marked, nor with an id."""
        case = Case(LATER, known=True, broken=frozenset({"open"}))

        case.assert_not_new()

    @pytest.mark.parametrize("signup", [ADAS, replace(LATER, marker=Marker.UNFINISHED)])
    def test_sign_up_and_the_ledger_fails(self, signup: SignUp) -> None:
        """A first login, or a marked one, is denied."""
        Case(signup, broken=frozenset({"open"})).assert_denied(Reason.PROVISIONING_FAILED)

    def test_known_and_then_the_ledger_fails_later(self) -> None:
        """The ledger has the sign-up: it is denied."""
        case = Case(LATER, known=True, broken=frozenset({"link"}))

        case.assert_denied(Reason.PROVISIONING_FAILED)


class TestExempt:
    """Whether later logins need not ask."""

    HOUR = EXEMPT_FROM_AGE.total_seconds()

    @pytest.mark.parametrize(("age", "exempt"), [(HOUR - 1, False), (HOUR + 1, True)])
    def test_only_an_older_account(self, age: float, *, exempt: bool) -> None:
        """A younger one may have another login on its way to the ledger."""
        Case(replace(LATER, created_at=born(age))).assert_not_new(exempt=exempt)

    def test_of_unknown_age(self) -> None:
        """It is asked about each time."""
        Case(LATER).assert_not_new()

    def test_younger_than_the_installation(self) -> None:
        """However old: it is a sign-up."""
        case = Case(replace(LATER, created_at=born(50 * self.HOUR)), installed=0.0)

        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_of_the_future(self) -> None:
        """Clocks differ; it is a sign-up."""
        case = Case(replace(LATER, created_at=datetime.fromtimestamp(NOW, UTC) + timedelta(1)))

        case.assert_linked(Reason.CUSTOMER_CREATED)


class TestInstallation:
    """Since when the deployment is asked: its first report notes it, whatever that is."""

    @pytest.mark.parametrize(
        "signup",
        [ADAS, replace(LATER, marker=Marker.UNFINISHED), LATER, replace(LATER, created_at=born(9))],
    )
    def test_noted_by_a_login(self, signup: SignUp) -> None:
        """It may be the first one, and the user be there again in an hour."""
        case = Case(signup)
        case.ledger = NotingLedger()
        case.decide()

        assert "installed_at" in case.ledger.calls

    @pytest.mark.parametrize("email", [None, "ada@example.com"])
    def test_noted_by_a_registration(self, email: str | None) -> None:
        """Also by one that is denied."""
        case = Case(replace(ADAS, email=email))
        case.ledger = NotingLedger()
        case.provisioning().at_registration()

        assert case.ledger.calls[0] == "installed_at"

    def test_not_noted(self) -> None:
        """No reason to deny: the next report notes it."""
        case = Case(broken=frozenset({"installed_at"}))

        case.assert_linked(Reason.CUSTOMER_CREATED)


class TestTold:
    """What becomes of a settled record's outcome."""

    def test_true_link(self) -> None:
        """An imported user's link is said again, and the marker goes."""
        case = Case(replace(ADAS, customer_id=CustomerId("cus_given")))
        case.stripe.retrieved = Done(customer_of(ADA, "cus_given"))

        case.assert_linked(Reason.ALREADY_LINKED, "cus_given")

    def test_false_link(self) -> None:
        """Denied."""
        case = Case(replace(ADAS, customer_id=CustomerId("cus_given")))
        case.stripe.retrieved = Done(customer_of(BOB, "cus_given"))

        case.assert_denied(Reason.LINK_MISMATCH)

    def test_link_that_cannot_be_checked(self) -> None:
        """Denied."""
        case = Case(replace(ADAS, customer_id=CustomerId("cus_given")))
        case.stripe.retrieved = Unknown()

        case.assert_denied(Reason.PROVISIONING_FAILED)

    @pytest.mark.parametrize(
        ("email", "reason"), [(None, Reason.EMAIL_MISSING), ("ada", Reason.EMAIL_INVALID)]
    )
    def test_no_usable_address(self, email: str | None, reason: Reason) -> None:
        """Denied and recorded, so that it lasts."""
        case = Case(replace(ADAS, email=email))
        case.assert_denied(reason)

        assert case.ledger.calls == [("open", None), ("refuse", reason)]

    def test_taken_address(self) -> None:
        """Denied and recorded."""
        case = Case(holder=BOB)
        case.assert_denied(Reason.EMAIL_IN_USE)

        assert ("refuse", Reason.EMAIL_IN_USE) in case.ledger.calls

    @pytest.mark.parametrize("is_locked", [True, False])
    def test_way_out(self, *, is_locked: bool) -> None:
        """The Action may send the person to the linking page in place of the denial."""
        case = Case(replace(ADAS, email_verified=True), holder=BOB if is_locked else None)
        case.stripe.listed["ada@example.com"] = (customer_of(BOB),)
        instruction = case.decide()

        assert instruction.decision is Decision.DENY
        assert instruction.redirect == "https://shop.example.com/link"

    def test_another_invocation(self) -> None:
        """Denied for now: by the marker, the next login tries again."""
        case = Case(opened=[Busy()])
        case.assert_denied(Reason.IN_PROGRESS)

        assert case.run.deadline.remaining() > 0

    @pytest.mark.parametrize("call", ["open", "lock_email", "link"])
    def test_ledger_fails(self, call: str) -> None:
        """Whatever the step: an instruction, never an exception."""
        Case(broken=frozenset({call})).assert_denied(Reason.PROVISIONING_FAILED)


class TestAtRegistration:
    """A user who has no `user_id` yet."""

    SIGNUP = replace(ADAS, user=User(ADA.tenant, registrant_id("a1b2")))

    def test_goes_on(self) -> None:
        """The ids on both sides will prove the link."""
        case = Case(self.SIGNUP)
        instruction = case.provisioning().at_registration()

        assert instruction.decision is Decision.CONTINUE
        assert instruction.reason is Reason.CUSTOMER_CREATED
        assert instruction.app_metadata == {
            "stripe_customer_id": "cus_new",
            "stripe_registration_id": "a1b2",
        }

    def test_denied(self) -> None:
        """There is no profile that could be marked, nor anybody to link accounts."""
        case = Case(replace(self.SIGNUP, email_verified=True), holder=BOB)
        instruction = case.provisioning().at_registration()

        assert (instruction.decision, instruction.reason) == (Decision.DENY, Reason.EMAIL_IN_USE)
        assert instruction.app_metadata == {}
        assert instruction.redirect is None
        assert ("refuse", Reason.EMAIL_IN_USE) in case.ledger.calls

    def test_without_address(self) -> None:
        """Denied before anything is opened: nobody could be told from anybody."""
        case = Case(replace(self.SIGNUP, email=None))
        instruction = case.provisioning().at_registration()

        assert (instruction.decision, instruction.reason) == (Decision.DENY, Reason.EMAIL_MISSING)
        assert case.ledger.calls == []

    def test_put_off(self) -> None:
        """Until the checkout."""
        case = Case(self.SIGNUP)
        case.policy = Policy(provision_at=ProvisionAt.CHECKOUT)
        instruction = case.provisioning().at_registration()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.DEFERRED)
        assert instruction.app_metadata == {}

    def test_ledger_fails(self) -> None:
        """An instruction, never an exception."""
        case = Case(self.SIGNUP, broken=frozenset({"open", "installed_at"}))

        assert case.provisioning().at_registration().reason is Reason.PROVISIONING_FAILED


class TestAfterRegistration:
    """The registration's customer comes to name the user, without the person."""

    SIGNUP = replace(
        ADAS, logins_count=0, customer_id=CustomerId("cus_reg"), registration_id="a1b2"
    )
    REGISTERED = customer_of(User(ADA.tenant, registrant_id("a1b2")), "cus_reg")

    def told(self, case: Case, found: Customer | None) -> Instruction:
        """Let the registration's customer be this one."""
        case.stripe.retrieved = Done(found)
        return case.provisioning().after_registration()

    def test_named(self) -> None:
        """Adopted, and recorded."""
        case = Case(self.SIGNUP)

        assert self.told(case, self.REGISTERED).reason is Reason.ALREADY_LINKED
        assert ("adopt", "cus_reg") in case.stripe.calls
        assert ("link", "cus_reg") in case.ledger.calls

    def test_no_registration(self) -> None:
        """Nothing is asked."""
        case = Case(replace(self.SIGNUP, customer_id=None))

        assert self.told(case, None).reason is Reason.NOT_NEW
        assert (case.ledger.calls, case.stripe.calls) == ([], [])

    def test_claimed_by_another_user(self) -> None:
        """Nobody is refused in the ledger: that is for a login to decide."""
        case = Case(self.SIGNUP, claims=False)

        assert self.told(case, self.REGISTERED).reason is Reason.LINK_MISMATCH
        assert "close" in case.ledger.calls
        assert "refuse" not in str(case.ledger.calls)

    @pytest.mark.parametrize("call", ["open", "begin_adoption", "claim", "link"])
    def test_ledger_fails(self, call: str) -> None:
        """An instruction, never an exception; it leaves no mark where the ledger was not asked."""
        case = Case(self.SIGNUP, broken=frozenset({call}))
        expected = Reason.NOT_NEW if call == "open" else Reason.PROVISIONING_FAILED

        assert self.told(case, self.REGISTERED).reason is expected

    def test_no_customer_is_made(self) -> None:
        """Somebody else came first: what the user gets is for a login to decide."""
        case = Case(self.SIGNUP)
        self.told(case, customer_of(BOB, "cus_reg", registration_id="a1b2"))

        assert {each[0] for each in case.stripe.calls} <= {"retrieve", "list"}


class TestVerifiedEmail:
    """`VERIFIED_EMAIL=required`."""

    REQUIRED = Policy(verified_email=VerifiedEmail.REQUIRED)

    def test_unverified_is_put_off(self) -> None:
        """In, without a customer; recorded, so that the next login counts even without a marker."""
        case = Case()
        case.policy = self.REQUIRED
        instruction = case.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.DEFERRED)
        assert instruction.app_metadata == UNFINISHED
        assert case.ledger.calls == [("open", None), ("refuse", Reason.DEFERRED)]
        assert case.stripe.calls == []

    def test_verified_gets_one(self) -> None:
        """At the first login after verifying."""
        case = Case(replace(LATER, marker=Marker.UNFINISHED, email_verified=True))
        case.policy = self.REQUIRED
        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_no_address_is_no_address(self) -> None:
        """Denied before anybody asks whether it is verified."""
        case = Case(replace(ADAS, email=None))
        case.policy = self.REQUIRED
        case.assert_denied(Reason.EMAIL_MISSING)


class TestProvisionAtCheckout:
    """`PROVISION_AT=checkout`."""

    AT_CHECKOUT = Policy(provision_at=ProvisionAt.CHECKOUT)

    def test_put_off(self) -> None:
        """In without a customer, and later logins cost no call."""
        case = Case()
        case.policy = self.AT_CHECKOUT
        instruction = case.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.DEFERRED)
        assert instruction.app_metadata == {"stripe_signup": "exempt"}
        assert (case.ledger.calls, case.stripe.calls) == ([], [])

    def test_link_is_checked_all_the_same(self) -> None:
        """A first login may come with somebody else's customer."""
        case = Case(replace(ADAS, customer_id=CustomerId("cus_1")))
        case.policy = self.AT_CHECKOUT
        case.stripe.retrieved = Done(customer_of(BOB, "cus_1"))

        case.assert_denied(Reason.LINK_MISMATCH)


class TestExistingCustomer:
    """`EXISTING_CUSTOMER=adopt`."""

    def test_adopted(self) -> None:
        """Found, as far as the Action is concerned."""
        case = Case(replace(ADAS, email_verified=True))
        case.policy = Policy(existing_customer=ExistingCustomer.ADOPT)
        case.stripe.listed["ada@example.com"] = (Customer(CustomerId("cus_shop")),)

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")


class TestExistingUsers:
    """`EXISTING_USERS=provision`."""

    PROVISION = Policy(existing_users=ExistingUsers.PROVISION)

    def test_provisioned(self) -> None:
        """Like a sign-up; the ledger need not be asked who is new."""
        case = Case(replace(ADAS, logins_count=42, created_at=born(7200)))
        case.policy = self.PROVISION
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert "has_record" not in case.ledger.calls

    def test_linked_users_are_left_alone(self) -> None:
        """Nothing is asked of anybody."""
        case = Case(replace(ADAS, logins_count=42, customer_id=CustomerId("cus_1")))
        case.policy = self.PROVISION
        case.assert_not_new()

        assert case.ledger.calls == []

    def test_outage(self) -> None:
        """A user of long standing goes on unmarked where the ledger does not answer."""
        case = Case(replace(ADAS, logins_count=42), broken=frozenset({"open"}))
        case.policy = self.PROVISION

        case.assert_not_new()


class TestOnFailure:
    """`ON_FAILURE=continue`."""

    def outage(self, signup: SignUp = ADAS, **ledger: Any) -> Case:
        """Return a sign-up that Stripe does not answer."""
        case = Case(signup, **ledger)
        case.policy = Policy(on_failure=OnFailure.CONTINUE)
        case.stripe.listed["Ada@example.com"] = Unknown()
        case.stripe.retrieved = Unknown()
        return case

    def assert_let_in(self, case: Case) -> None:
        """For now: by the marker, the next login tries again."""
        instruction = case.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.DEFERRED)
        assert instruction.app_metadata == UNFINISHED

    @pytest.mark.parametrize(
        "ledger",
        [
            {},
            {"broken": frozenset({"open"})},
            {"broken": frozenset({"lock_email"})},
            {"opened": [Busy()]},
            {"opened": [Busy(Reason.DEFERRED)]},
            {"opened": [Linked(CustomerId("cus_1"), 1)]},
            {"opened": [replace(LEASE, refused=Reason.DEFERRED)]},
        ],
    )
    def test_let_in(self, ledger: dict[str, Any]) -> None:
        """Stripe, or the ledger, or the other invocation of the same sign-up."""
        self.assert_let_in(self.outage(**ledger))

    @pytest.mark.parametrize("policy", [*OnFailure])
    def test_linked_without_a_login(self, policy: OnFailure) -> None:
        """Whom a backfill linked goes on, unmarked, while Stripe is down."""
        linked = [Linked(CustomerId("cus_1"), 1)]
        case = self.outage(replace(ADAS, logins_count=2), known=True, opened=linked)
        case.policy = Policy(on_failure=policy)
        instruction = case.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.NOT_NEW)
        assert instruction.app_metadata == {}

    def test_whoever_was_denied_stays_denied(self) -> None:
        """Its cause is not known to be gone."""
        lease = replace(LEASE, refused=Reason.EMAIL_IN_USE)
        self.outage(opened=[lease]).assert_denied(Reason.PROVISIONING_FAILED)

    def test_whoever_was_denied_and_waits_stays_denied(self) -> None:
        """The one that holds the record tells how it was refused before."""
        self.outage(opened=[Busy(Reason.EMAIL_IN_USE)]).assert_denied(Reason.IN_PROGRESS)

    @pytest.mark.parametrize("call", ["lock_email", "link", "refuse", "release"])
    def test_whoever_was_denied_and_the_ledger_fails_stays_denied(self, call: str) -> None:
        """What the lease told is not forgotten at the next step."""
        lease = replace(LEASE, refused=Reason.EMAIL_IN_USE)
        case = self.outage(opened=[lease], broken=frozenset({call}))
        if call == "link":
            case.stripe.listed = {}
        if call == "refuse":
            case.stripe.listed = {"ada@example.com": (customer_of(BOB),)}

        case.assert_denied(Reason.PROVISIONING_FAILED)

    def test_a_marker_may_stand_for_a_denial(self) -> None:
        """Where the ledger cannot be asked, a marked user is not let in."""
        marked = replace(LATER, marker=Marker.UNFINISHED)
        case = self.outage(marked, broken=frozenset({"open"}))

        case.assert_denied(Reason.PROVISIONING_FAILED)

    def test_an_id_in_doubt_stays_denied(self) -> None:
        """It may be somebody else's customer."""
        doubtful = replace(ADAS, customer_id=CustomerId("cus_1"))
        self.outage(doubtful).assert_denied(Reason.PROVISIONING_FAILED)

    def test_a_real_denial_is_one(self) -> None:
        """Only outages are forgiven."""
        case = self.outage()
        case.stripe.listed = {"ada@example.com": (customer_of(BOB),)}
        case.assert_denied(Reason.EMAIL_IN_USE)

    def test_who_is_not_new_goes_on_unmarked(self) -> None:
        """Under either value of the policy."""
        self.outage(LATER, broken=frozenset({"has_record"})).assert_not_new()
