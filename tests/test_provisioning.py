"""Every branch of the pipeline, over port fakes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.fakes import ADA, NOW, FakeClock, FakeCustomers, FakeLedger, customer_of

from customerlink.customers import (
    Customer,
    Done,
    KeyMismatch,
    KeySpent,
    NotSent,
    RateLimited,
    Refused,
    Unauthorised,
    Unknown,
)
from customerlink.instruction import Decision, Instruction, Reason
from customerlink.ledger import KEY_LIFETIME_SECONDS, Busy, Lease, Linked
from customerlink.policy import (
    DENIAL_MESSAGE,
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    VerifiedEmail,
)
from customerlink.provisioning import Provisioning
from customerlink.run import Run
from customerlink.signup import Marker, SignUp
from customerlink.user import CustomerId, Tenant, User, UserId

ADAS = SignUp(ADA, logins_count=1, email="Ada@example.com", name="Ada Lovelace")
BOB = User(Tenant("acme"), UserId("auth0|bob"))
LEASE = Lease(ADA, 1, 1, NOW, frozenset({"ada@example.com"}))
STALE_LEASE = replace(LEASE, attempt_since=NOW - KEY_LIFETIME_SECONDS - 1)
FAILURES = [Refused("limit"), Unauthorised(), RateLimited(), NotSent(), Unknown()]


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

    def decide(self) -> Instruction:
        """Run the pipeline."""
        provisioning = Provisioning(
            self.signup,
            self.ledger,
            self.stripe,
            self.policy,
            self.run,
        )
        return provisioning.instruction()

    def assert_denied(self, reason: Reason) -> None:
        """Hold a denial to its message and to the marker that makes it last."""
        instruction = self.decide()

        assert (instruction.decision, instruction.reason) == (Decision.DENY, reason)
        assert instruction.message == DENIAL_MESSAGE
        assert instruction.app_metadata == {"stripe_signup": "unfinished"}

    def assert_linked(self, reason: Reason, customer_id: str = "cus_new") -> None:
        """Hold a link to the id, and to the marker's removal."""
        instruction = self.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, reason)
        assert instruction.app_metadata == {
            "stripe_customer_id": customer_id,
            "stripe_signup": None,
        }
        assert instruction.message is None


class TestNewUser:
    """Step 1."""

    def test_second_login_is_not_new(self) -> None:
        """Nothing is asked of Stripe for a user who is not signing up."""
        case = Case(replace(ADAS, logins_count=2))
        instruction = case.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.NOT_NEW)
        assert case.stripe.calls == []
        assert case.ledger.calls == ["knows"]

    @pytest.mark.parametrize(
        ("age", "metadata"),
        [
            (timedelta(minutes=59), {}),
            (timedelta(minutes=61), {"stripe_signup": "exempt"}),
            (None, {}),
        ],
    )
    def test_only_an_older_account_is_exempt(
        self,
        age: timedelta | None,
        metadata: dict[str, str],
    ) -> None:
        """A younger one may have another login on its way to the ledger."""
        born = None if age is None else datetime.fromtimestamp(NOW, UTC) - age

        case = Case(replace(ADAS, logins_count=2, created_at=born))

        assert case.decide().app_metadata == metadata

    def test_a_user_with_a_customer_is_not_exempted(self) -> None:
        """The marker says "no customer", which would contradict the id."""
        old = datetime(2020, 1, 1, tzinfo=UTC)
        case = Case(
            replace(ADAS, logins_count=2, created_at=old, customer_id=CustomerId("cus_1")),
        )

        assert case.decide().app_metadata == {}

    def test_marker_makes_a_later_login_new(self) -> None:
        """A denied user's second login has a count of 2, and is still a sign-up."""
        Case(replace(ADAS, logins_count=2, marker=Marker.UNFINISHED)).assert_linked(
            Reason.CUSTOMER_CREATED,
        )

    def test_ledger_makes_a_later_login_new(self) -> None:
        """The record holds even where Auth0 lost the marker."""
        Case(replace(ADAS, logins_count=2), known=True).assert_linked(Reason.CUSTOMER_CREATED)

    def test_unreadable_ledger_is_not_taken_for_no_record(self) -> None:
        """A look-up that failed is never taken for "there is none"."""
        case = Case(replace(ADAS, logins_count=2), broken=frozenset({"knows"}))

        case.assert_denied(Reason.PROVISIONING_FAILED)


class TestDataIntegrity:
    """Step 2."""

    SIGNUP = replace(ADAS, customer_id=CustomerId("cus_given"))

    def test_true_link(self) -> None:
        """An imported user comes with a link that is true on both sides."""
        case = Case(self.SIGNUP)
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
    def test_false_link(self, found: Customer | None) -> None:
        """Deleted, somebody else's, nobody's, another tenant's: denied, and nothing created."""
        case = Case(self.SIGNUP)
        case.stripe.retrieved = Done(found)

        case.assert_denied(Reason.LINK_MISMATCH)
        assert case.stripe.calls == [("retrieve", "cus_given")]

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failed_look_up(self, failure: object) -> None:
        """Not knowing is neither a true link nor a false one."""
        case = Case(self.SIGNUP)
        case.stripe.retrieved = failure

        case.assert_denied(Reason.PROVISIONING_FAILED)


class TestEmail:
    """Step 3."""

    @pytest.mark.parametrize("email", [None, "   "])
    def test_missing(self, email: str | None) -> None:
        """Denied without a call to Stripe, and recorded, so that it lasts."""
        case = Case(replace(ADAS, email=email))

        case.assert_denied(Reason.EMAIL_MISSING)
        assert case.stripe.calls == []
        assert case.ledger.calls == [("open", None), ("refuse", Reason.EMAIL_MISSING)]

    @pytest.mark.parametrize("email", ["ada", "@example.com", "ada@", "a da@example.com", "a\n@b"])
    def test_unusable(self, email: str) -> None:
        """What cannot be looked up safely is not looked up."""
        case = Case(replace(ADAS, email=email))

        case.assert_denied(Reason.EMAIL_INVALID)
        assert case.stripe.calls == []

    def test_recorded_link_needs_no_address(self) -> None:
        """The sign-up ended before the address went."""
        case = Case(replace(ADAS, email=None), opened=[Linked(CustomerId("cus_old"), 1)])
        case.stripe.retrieved = Done(customer_of(ADA, "cus_old"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_old")


class TestOpen:
    """Step 4."""

    def test_recorded_link_is_replayed(self) -> None:
        """A concurrent or a lost sign-up's link, after a look that it is still true."""
        case = Case(opened=[Linked(CustomerId("cus_old"), 1)])
        case.stripe.retrieved = Done(customer_of(ADA, "cus_old"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_old")
        assert case.stripe.calls == [("retrieve", "cus_old")]

    @pytest.mark.parametrize("failure", FAILURES)
    def test_recorded_link_that_cannot_be_checked(self, failure: object) -> None:
        """A customer that may be gone is not handed out."""
        case = Case(opened=[Linked(CustomerId("cus_old"), 1)])
        case.stripe.retrieved = failure

        case.assert_denied(Reason.PROVISIONING_FAILED)

    def test_recorded_customer_is_gone(self) -> None:
        """The sign-up starts over with the next attempt's key."""
        second = replace(LEASE, attempt=2)
        case = Case(opened=[Linked(CustomerId("cus_old"), 1)], reopened=second)

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert case.stripe.calls[-1] == ("create", "ada@example.com", second.idempotency_key())

    def test_wait_for_another_invocation(self) -> None:
        """The second tab gets the first one's customer."""
        case = Case(opened=[Busy(), Busy(), Linked(CustomerId("cus_tab"), 1)])
        case.stripe.retrieved = Done(customer_of(ADA, "cus_tab"))

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_tab")

    def test_wait_ends_within_the_budget(self) -> None:
        """The user gets an answer, and the marker."""
        case = Case(opened=[Busy()])

        case.assert_denied(Reason.IN_PROGRESS)
        assert case.run.remaining() > 0


class TestEmailLock:
    """Step 5."""

    def test_taken(self) -> None:
        """Two users with one address cannot both pass the look-up."""
        case = Case(locks=False)

        case.assert_denied(Reason.EMAIL_IN_USE)
        assert case.stripe.calls == []
        assert ("refuse", Reason.EMAIL_IN_USE) in case.ledger.calls


class TestExistingCustomer:
    """Step 6."""

    def test_both_cases_of_the_address_are_looked_up(self) -> None:
        """Stripe's filter is case-sensitive."""
        case = Case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[:2] == [("list", "Ada@example.com"), ("list", "ada@example.com")]

    def test_lower_case_address_is_looked_up_once(self) -> None:
        """Two calls to Stripe for the usual sign-up."""
        case = Case(replace(ADAS, email="ada@example.com"))
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert [each[0] for each in case.stripe.calls] == ["list", "create"]

    def test_own_customer(self) -> None:
        """An earlier attempt's customer is linked; the oldest, should there be more."""
        case = Case()
        case.stripe.listed = {
            "ada@example.com": (
                customer_of(ADA, "cus_young", created=2),
                customer_of(BOB, "cus_bobs", created=0),
                customer_of(ADA, "cus_old", created=1),
            ),
        }

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_old")
        assert ("link", "cus_old") in case.ledger.calls

    @pytest.mark.parametrize("address", ["ada@example.com", "Ada@example.com"])
    def test_somebody_elses(self, address: str) -> None:
        """Denied under either case, and the lock is given back."""
        case = Case()
        case.stripe.listed = {address: (customer_of(BOB),)}

        case.assert_denied(Reason.EMAIL_IN_USE)
        assert case.ledger.calls[-2:] == [("refuse", Reason.EMAIL_IN_USE), "unlock_email"]

    def test_earlier_addresses_are_looked_up_too(self) -> None:
        """A create whose answer was lost may have used the address of that time."""
        lease = replace(LEASE, emails=frozenset({"countess@example.com", "ada@example.com"}))
        case = Case(opened=[lease])
        case.stripe.listed = {"countess@example.com": (customer_of(ADA, "cus_countess"),)}

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_countess")

    def test_others_at_an_earlier_address_do_not_matter(self) -> None:
        """Somebody may have taken the address that the user gave up."""
        lease = replace(LEASE, emails=frozenset({"countess@example.com", "ada@example.com"}))
        case = Case(opened=[lease])
        case.stripe.listed = {"countess@example.com": (customer_of(BOB),)}

        case.assert_linked(Reason.CUSTOMER_CREATED)

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failed_look_up(self, failure: object) -> None:
        """Never taken for "there is none"; the lock stays, an earlier create may be on its way."""
        case = Case()
        case.stripe.listed = {"ada@example.com": failure}

        case.assert_denied(Reason.PROVISIONING_FAILED)
        assert [each[0] for each in case.stripe.calls] == ["list", "list"]
        assert case.ledger.calls[-1] == "release"

    def test_address_that_stripe_refuses(self) -> None:
        """The look-up says so before the create does."""
        case = Case()
        case.stripe.listed = {"ada@example.com": Refused("email")}

        case.assert_denied(Reason.EMAIL_INVALID)


class TestCreate:
    """Step 7."""

    def test_parameters(self) -> None:
        """Lower case, and the key of the attempt."""
        case = Case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.stripe.calls[-1] == ("create", "ada@example.com", LEASE.idempotency_key())

    def test_stripe_refuses_the_address(self) -> None:
        """Its own reason, recorded."""
        case = Case()
        case.stripe.created = [Refused("email")]

        case.assert_denied(Reason.EMAIL_INVALID)
        assert ("refuse", Reason.EMAIL_INVALID) in case.ledger.calls

    @pytest.mark.parametrize("failure", FAILURES)
    def test_failure_leaves_the_sign_up_open(self, failure: object) -> None:
        """Nothing is deleted or refused, and nobody else gets the lock."""
        case = Case()
        case.stripe.created = [failure]

        case.assert_denied(Reason.PROVISIONING_FAILED)
        assert case.ledger.calls == [("open", "Ada@example.com"), "lock_email", "release"]

    def test_spent_key_looks_again_before_the_next_attempt(self) -> None:
        """List, then the next key: the customer may be there all the same."""
        case = Case()
        case.stripe.created = [KeySpent()]

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert [each[0] for each in case.stripe.calls] == [
            *("list", "list", "create"),
            *("list", "list", "create"),
        ]
        assert case.stripe.calls[2][2] != case.stripe.calls[5][2]
        assert "next_attempt" in case.ledger.calls

    def test_spent_key_and_the_customer_is_there(self) -> None:
        """The replayed error hid a create that took effect."""
        case = Case()
        case.stripe.created = [KeySpent()]
        case.stripe.listed = {"ada@example.com": [(), (customer_of(ADA, "cus_hidden"),)]}

        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_hidden")
        assert "next_attempt" not in case.ledger.calls

    def test_spent_key_and_the_look_up_fails(self) -> None:
        """No new attempt on a guess."""
        case = Case()
        case.stripe.created = [KeySpent()]
        case.stripe.listed = {"ada@example.com": [(), Unknown()]}

        case.assert_denied(Reason.PROVISIONING_FAILED)
        assert "next_attempt" not in case.ledger.calls

    def test_second_key_is_spent_too(self) -> None:
        """The next login goes on from there."""
        case = Case()
        case.stripe.created = [KeySpent(), KeySpent()]

        case.assert_denied(Reason.PROVISIONING_FAILED)

    def test_another_invocation_raised_the_attempt(self) -> None:
        """Its lease, its sign-up."""
        case = Case(raised=Busy())
        case.stripe.created = [KeySpent()]

        case.assert_denied(Reason.IN_PROGRESS)

    @pytest.mark.parametrize(
        ("last_write", "mismatched_at"),
        [(NOW - 71, None), (NOW - 1, NOW - 71), (0.0, None)],
    )
    def test_mismatch_after_a_while(self, last_write: float, mismatched_at: float | None) -> None:
        """The key's own request must have ended by now: look again, then the next attempt."""
        lease = replace(LEASE, last_write=last_write, mismatched_at=mismatched_at)
        case = Case(opened=[lease])
        case.stripe.created = [KeyMismatch()]

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "next_attempt" in case.ledger.calls

    @pytest.mark.parametrize(
        ("last_write", "mismatched_at"),
        [(NOW - 69, None), (NOW - 1, NOW - 69), (NOW - 1, None)],
    )
    def test_mismatch_while_the_first_request_may_be_under_way(
        self,
        last_write: float,
        mismatched_at: float | None,
    ) -> None:
        """A second key would make a second customer beside the one that is still to come."""
        lease = replace(LEASE, last_write=last_write, mismatched_at=mismatched_at)
        case = Case(opened=[lease])
        case.stripe.created = [KeyMismatch()]

        case.assert_denied(Reason.PROVISIONING_FAILED)
        assert "next_attempt" not in case.ledger.calls
        assert case.ledger.calls[-1] == "mismatched"

    def test_old_key_is_not_used(self) -> None:
        """Stripe may have forgotten it, and would create anew under it."""
        case = Case(opened=[STALE_LEASE])

        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert [each[0] for each in case.stripe.calls] == ["list", "list", "create"]
        assert case.stripe.calls[-1][2] != STALE_LEASE.idempotency_key()
        assert case.run.attempt == 2

    def test_replayed_answer_is_checked(self) -> None:
        """It tells of the past; the customer is retrieved."""
        case = Case()
        case.stripe.created = [Done(customer_of(ADA), replayed=True)]
        case.stripe.retrieved = Done(customer_of(ADA))

        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_replayed_customer_is_gone(self) -> None:
        """Deleted since: the key is spent, and the next one makes another."""
        case = Case()
        case.stripe.created = [Done(customer_of(ADA, "cus_gone"), replayed=True)]

        case.assert_linked(Reason.CUSTOMER_CREATED, "cus_new")

    def test_replayed_customer_cannot_be_checked(self) -> None:
        """Not handed out."""
        case = Case()
        case.stripe.created = [Done(customer_of(ADA), replayed=True)]
        case.stripe.retrieved = Unknown()

        case.assert_denied(Reason.PROVISIONING_FAILED)


class TestRecord:
    """Step 8."""

    def test_order(self) -> None:
        """Link before unlock."""
        case = Case()
        case.assert_linked(Reason.CUSTOMER_CREATED)

        assert case.ledger.calls == [
            ("open", "Ada@example.com"),
            "lock_email",
            ("link", "cus_new"),
            "unlock_email",
        ]

    def test_lease_was_taken_over(self) -> None:
        """The other invocation links; this user tries again."""
        Case(links=False).assert_denied(Reason.IN_PROGRESS)

    def test_lock_that_cannot_be_given_back(self) -> None:
        """Its lease ends by itself: no reason for another answer."""
        Case(broken=frozenset({"unlock_email"})).assert_linked(Reason.CUSTOMER_CREATED)
        case = Case(broken=frozenset({"unlock_email"}))
        case.stripe.listed = {"ada@example.com": (customer_of(BOB),)}

        case.assert_denied(Reason.EMAIL_IN_USE)

    @pytest.mark.parametrize("call", ["open", "lock_email", "link"])
    def test_ledger_fails(self, call: str) -> None:
        """Whatever the step: an instruction, never an exception."""
        Case(broken=frozenset({call})).assert_denied(Reason.PROVISIONING_FAILED)


def test_denial_text_is_settable() -> None:
    """By the deployment's policy."""
    case = Case(locks=False)
    case.policy = Policy("Please call us.")

    assert case.decide().message == "Please call us."


class TestVerifiedEmail:
    """`VERIFIED_EMAIL=required`."""

    REQUIRED = Policy(verified_email=VerifiedEmail.REQUIRED)

    def test_unverified_is_put_off(self) -> None:
        """In, without a customer; recorded, so that the next login counts even without a marker."""
        case = Case()
        case.policy = self.REQUIRED
        instruction = case.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.DEFERRED)
        assert instruction.app_metadata == {"stripe_signup": "unfinished"}
        assert case.ledger.calls == [("open", None), ("refuse", Reason.DEFERRED)]
        assert case.stripe.calls == []

    def test_verified_gets_one(self) -> None:
        """At the first login after verifying."""
        case = Case(replace(ADAS, logins_count=2, marker=Marker.UNFINISHED, email_verified=True))
        case.policy = self.REQUIRED
        case.assert_linked(Reason.CUSTOMER_CREATED)

    def test_no_address_is_no_address(self) -> None:
        """Denied before anybody asks whether it is verified."""
        case = Case(replace(ADAS, email=None))
        case.policy = self.REQUIRED
        case.assert_denied(Reason.EMAIL_MISSING)


NOBODYS = Customer(CustomerId("cus_shop"))


class TestAdoption:
    """`EXISTING_CUSTOMER=adopt`."""

    FRESH = replace(LEASE, untried="ada@example.com")

    def case(self, *found: Customer, verified: bool = True, **ledger: Any) -> Case:
        """Give a user whose address customers have."""
        ledger.setdefault("opened", [self.FRESH])
        case = Case(replace(ADAS, email_verified=verified), **ledger)
        case.policy = Policy(existing_customer=ExistingCustomer.ADOPT)
        case.stripe.listed["ada@example.com"] = found
        return case

    def test_adopted(self) -> None:
        """Claimed, changed, linked, in this order."""
        case = self.case(NOBODYS)
        case.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")

        assert ("adopt", "cus_shop") in case.stripe.calls
        claim, link = ("claim", "cus_shop"), ("link", "cus_shop")
        assert case.ledger.calls.index(claim) < case.ledger.calls.index(link)

    @pytest.mark.parametrize(
        "found",
        [
            (NOBODYS, replace(NOBODYS, id=CustomerId("cus_2"))),
            (customer_of(BOB),),
        ],
    )
    def test_more_than_one_or_somebodys(self, found: tuple[Customer, ...]) -> None:
        """Nothing is changed."""
        case = self.case(*found)
        case.assert_denied(Reason.EMAIL_IN_USE)
        assert "adopt" not in str(case.stripe.calls)

    def test_unverified(self) -> None:
        """Whoever typed the address need not own it."""
        case = self.case(NOBODYS, verified=False)
        case.assert_denied(Reason.EMAIL_IN_USE)
        assert "adopt" not in str(case.stripe.calls)

    def test_claimed_by_another_user(self) -> None:
        """One of two gets it."""
        case = self.case(NOBODYS, claims=False)
        case.assert_denied(Reason.EMAIL_IN_USE)
        assert "adopt" not in str(case.stripe.calls)

    def test_lost_answer(self) -> None:
        """It stays open, for the next login to finish."""
        case = self.case(NOBODYS)
        case.stripe.adopted = Unknown()
        case.assert_denied(Reason.PROVISIONING_FAILED)
        assert "release" in case.ledger.calls

    def test_waits_for_a_create_that_may_be_under_way(self) -> None:
        """Or the user would have two."""
        case = self.case(NOBODYS, opened=[replace(LEASE, last_write=NOW - 60)])
        case.assert_denied(Reason.PROVISIONING_FAILED)
        assert "adopt" not in str(case.stripe.calls)

        settled = self.case(NOBODYS, opened=[replace(LEASE, last_write=NOW - 71)])
        settled.assert_linked(Reason.CUSTOMER_FOUND, "cus_shop")

    @pytest.mark.parametrize(
        ("now_is", "expected"),
        [
            (Done(NOBODYS), "cus_shop"),
            (Done(replace(NOBODYS, auth0_user_id=ADA.user_id)), "cus_shop"),
            (Done(customer_of(BOB)), "cus_new"),
            (Done(None), "cus_new"),
        ],
    )
    def test_begun_earlier(self, now_is: Any, expected: str) -> None:
        """Finished whatever the address is now, unless the customer is gone or somebody's."""
        case = self.case(opened=[replace(self.FRESH, adopting=CustomerId("cus_shop"))])
        case.stripe.retrieved = now_is
        reason = Reason.CUSTOMER_CREATED if expected == "cus_new" else Reason.CUSTOMER_FOUND
        case.assert_linked(reason, expected)

    def test_begun_earlier_and_not_known_now(self) -> None:
        """A look-up that failed is no answer."""
        case = self.case(opened=[replace(self.FRESH, adopting=CustomerId("cus_shop"))])
        case.stripe.retrieved = Unknown()
        case.assert_denied(Reason.PROVISIONING_FAILED)


class TestExistingUsers:
    """`EXISTING_USERS=provision`."""

    def test_provisioned(self) -> None:
        """Like a sign-up; the ledger need not be asked who is new."""
        case = Case(replace(ADAS, logins_count=42))
        case.policy = Policy(existing_users=ExistingUsers.PROVISION)
        case.assert_linked(Reason.CUSTOMER_CREATED)
        assert "knows" not in case.ledger.calls

    def test_linked_users_are_left_alone(self) -> None:
        """Nothing is asked of Stripe."""
        case = Case(replace(ADAS, logins_count=42, customer_id=CustomerId("cus_1")))
        case.policy = Policy(existing_users=ExistingUsers.PROVISION)

        assert case.decide().reason is Reason.NOT_NEW
        assert case.stripe.calls == []


class TestOnFailure:
    """`ON_FAILURE=continue`."""

    def outage(self, signup: SignUp = ADAS, **ledger: Any) -> Case:
        """Give a sign-up that Stripe does not answer."""
        case = Case(signup, **ledger)
        case.policy = Policy(on_failure=OnFailure.CONTINUE)
        case.stripe.listed["Ada@example.com"] = Unknown()
        case.stripe.retrieved = Unknown()
        return case

    def assert_let_in(self, case: Case) -> None:
        """For now: by the marker, the next login tries again."""
        instruction = case.decide()

        assert (instruction.decision, instruction.reason) == (Decision.CONTINUE, Reason.DEFERRED)
        assert instruction.app_metadata == {"stripe_signup": "unfinished"}

    @pytest.mark.parametrize(
        "ledger",
        [
            {},
            {"broken": frozenset({"open"})},
            {"opened": [Busy()]},
            {"opened": [Linked(CustomerId("cus_1"), 1)]},
            {"opened": [replace(LEASE, refused=Reason.DEFERRED)]},
        ],
    )
    def test_let_in(self, ledger: dict[str, Any]) -> None:
        """Stripe, or the ledger, or the other invocation of the same sign-up."""
        self.assert_let_in(self.outage(**ledger))

    def test_whoever_was_denied_stays_denied(self) -> None:
        """Its cause is not known to be gone."""
        lease = replace(LEASE, refused=Reason.EMAIL_IN_USE)
        self.outage(opened=[lease]).assert_denied(Reason.PROVISIONING_FAILED)

    def test_an_id_in_doubt_stays_denied(self) -> None:
        """It may be somebody else's customer."""
        doubtful = replace(ADAS, customer_id=CustomerId("cus_1"))
        self.outage(doubtful).assert_denied(Reason.PROVISIONING_FAILED)

    def test_a_real_denial_is_one(self) -> None:
        """Only outages are forgiven."""
        case = self.outage()
        case.stripe.listed = {"ada@example.com": (customer_of(BOB),)}
        case.assert_denied(Reason.EMAIL_IN_USE)
