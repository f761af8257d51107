"""What an invocation may do with a sign-up's record: by its lease, and by how long ago what was."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerlink.model.customer import NewCustomer
from customerlink.model.sign_up_record import (
    KEY_LIFETIME_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Lease,
)
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId

ADA = User(Tenant("acme"), UserId("auth0|ada"))
NOW = 1_795_000_000.0
NEW = Lease(ADA, epoch=1, attempt=1, attempt_since=NOW)
CREATE = NewCustomer.of(SignUp(ADA, 1), "ada@example.com")
FROZEN = replace(NEW, create=CREATE)
SENT = replace(FROZEN, was_sent=True, last_write=NOW)


class TestKey:
    """The idempotency key of an attempt's create."""

    @pytest.mark.parametrize(
        ("attempt", "key"),
        [
            (1, "58c361036f579de61b87c29498360a5f7503c91cf9dee6bf2b8652eba8541e13"),
            (2, "ff77a2033f8f7319a9787bf184e9a307c3fe0e0ce6c7979be805bdb978660805"),
        ],
    )
    def test_is_the_one_that_is_in_use(self, attempt: int, key: str) -> None:
        """Another derivation would make a second customer of every create whose answer was lost."""
        assert replace(NEW, attempt=attempt).idempotency_key() == f"customerlink-{key}"

    @given(epoch=st.integers(min_value=1), moment=st.floats(min_value=0, allow_infinity=False))
    def test_is_the_attempts(self, epoch: int, moment: float) -> None:
        """Whoever takes the lease over, whenever, sends the same one."""
        taken_over = replace(SENT, epoch=epoch, attempt_since=moment, last_write=moment)

        assert taken_over.idempotency_key() == NEW.idempotency_key()

    def test_is_the_tenants(self) -> None:
        """A user_id names a person only within its tenant."""
        theirs = replace(NEW, user=replace(ADA, tenant=Tenant("beta")))

        assert theirs.idempotency_key() != NEW.idempotency_key()


class TestKeyMakes:
    """Whether the key may be used, and gives a customer with the address."""

    @pytest.mark.parametrize(
        ("lease", "makes"),
        [
            (NEW, False),
            (FROZEN, True),
            (SENT, True),
            (replace(SENT, attempt_since=NOW - KEY_LIFETIME_SECONDS), True),
            (replace(SENT, attempt_since=NOW - KEY_LIFETIME_SECONDS - 1), False),
            (replace(FROZEN, attempt_since=NOW - KEY_LIFETIME_SECONDS - 1), True),
        ],
    )
    def test_until_stripe_may_have_forgotten_it(self, lease: Lease, *, makes: bool) -> None:
        """One that was never sent is new to Stripe, however old it is."""
        assert lease.key_makes("ada@example.com", NOW) is makes

    def test_another_address(self) -> None:
        """What is frozen is sent, so that another address needs another key."""
        assert not SENT.key_makes("countess@example.com", NOW)

    def test_key_that_stripe_has_almost_forgotten(self) -> None:
        """It keeps one for a day, and the call takes its time."""
        almost = replace(SENT, attempt_since=NOW - 24 * 3600 + 60)

        assert not almost.key_makes("ada@example.com", NOW)


class TestSettled:
    """When nothing that was sent is under way any more."""

    @pytest.mark.parametrize("lease", [NEW, FROZEN])
    def test_nothing_was_sent(self, lease: Lease) -> None:
        """There is nothing to wait for."""
        assert lease.has_settled(NOW)
        assert not lease.has_create_under_way(NOW)

    @pytest.mark.parametrize(
        ("seconds", "has_settled"),
        [(0, False), (SETTLED_SECONDS, False), (SETTLED_SECONDS + 1, True)],
    )
    def test_a_create_was(self, seconds: float, *, has_settled: bool) -> None:
        """It is under way until its time is over."""
        assert SENT.has_settled(NOW + seconds) is has_settled
        assert SENT.has_create_under_way(NOW + seconds) is not has_settled

    def test_an_update_was(self) -> None:
        """It has to settle too, but makes no customer."""
        lease = replace(NEW, adopting=Adoption(CustomerId("cus_1")), last_write=NOW)

        assert not lease.has_settled(NOW)
        assert not lease.has_create_under_way(NOW)

    @pytest.mark.parametrize(
        ("send", "last_tried"),
        [
            (lambda lease: lease, NOW),
            (Lease.sending, NOW + 9),
            (lambda lease: replace(lease, sends_update=True), NOW + 9),
            (lambda lease: lease.sending().mismatched(), NOW),
        ],
    )
    def test_whoever_sends_begins_the_wait_anew(
        self, send: Callable[[Lease], Lease], last_tried: float
    ) -> None:
        """Whoever only waits does not put its end off."""
        assert send(SENT).last_tried(NOW + 9) == last_tried


class TestMismatch:
    """Stripe says that the key stands for other parameters."""

    def test_somebody_elses_create_may_be_under_way(self) -> None:
        """The key's own create did nothing: it is the earlier one that is waited for."""
        lease = replace(FROZEN.sending(), last_write=NOW).mismatched()

        assert not lease.sends_create
        assert lease.has_create_under_way(NOW)


class TestEmails:
    """Where an unfinished sign-up may have made a customer."""

    @pytest.mark.parametrize(
        ("lease", "emails"),
        [
            (NEW, set()),
            (FROZEN, {"ada@example.com"}),
            (replace(NEW, earlier_emails=frozenset({"a@b.example"})), {"a@b.example"}),
            (
                replace(FROZEN, earlier_emails=frozenset({"a@b.example"})),
                {"a@b.example", "ada@example.com"},
            ),
        ],
    )
    def test_all_of_them(self, lease: Lease, emails: set[str]) -> None:
        """The frozen create's address, and those that release 0.1 has noted."""
        assert lease.emails() == emails

    def test_are_not_shown(self) -> None:
        """A lease may get into a trace, an address may not."""
        assert "example" not in repr(replace(FROZEN, earlier_emails=frozenset({"a@b.example"})))


class TestWhatIsLeft:
    """What stays of a record whose lease ends."""

    @pytest.mark.parametrize(
        ("lease", "drops"), [(FROZEN, True), (SENT, False), (FROZEN.sending(), False)]
    )
    def test_create(self, lease: Lease, *, drops: bool) -> None:
        """It is forgotten only where nobody can have sent it."""
        assert lease.drops_create() is drops

    def test_nothing_of_a_record_that_is_as_good_as_none(self) -> None:
        """New, nobody's who waits, and nothing sent."""
        assert FROZEN.leaves_nothing()

    @pytest.mark.parametrize(
        "lease",
        [
            replace(FROZEN, epoch=2),
            replace(FROZEN, epoch=2, attempt=2),
            replace(FROZEN, admitted=True),
            SENT,
            FROZEN.sending(),
            replace(FROZEN, adopting=Adoption(CustomerId("cus_1"))),
            replace(FROZEN, sends_update=True),
        ],
    )
    def test_the_record(self, lease: Lease) -> None:
        """Deleted, it would let its first attempt's key be used anew, or a wait be forgotten."""
        assert not lease.leaves_nothing()
