"""What the ledger has beside the records: locks on addresses, and claims on customers."""

from dataclasses import replace

import pytest
from tests.adapters.dynamodb.ledger_world import (
    CUSTOMER,
    NUMBERS,
    OTHER,
    OTHERS_LEASE,
    World,
    ended,
)

from customerlink.model.sign_up_record import (
    EMAIL_LOCK_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Busy,
    Lease,
    Lock,
)
from customerlink.model.user import CustomerId, Tenant, User, UserId


class TestEmailLock:
    """The lock on an address."""

    def test_one_holder(self, world: World) -> None:
        """Whatever the letter case; the other one learns who it is; free when given back."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"

        assert ledger.lock_email(lease, email) == Lock(world.user, is_new=True)
        assert world.invocation().lock_email(OTHERS_LEASE, email.upper()).holder == world.user
        ledger.unlock_email(lease, email)
        assert world.invocation().lock_email(OTHERS_LEASE, email) == Lock(OTHER, is_new=True)

    def test_own_again(self, world: World) -> None:
        """Of the same or an earlier epoch; the earlier one cannot give it back any more."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        ledger.lock_email(lease, email)
        world.client.lost = 1
        assert ledger.lock_email(lease, email).holder == world.user
        assert ledger.lock_email(replace(lease, epoch=2), email).holder == world.user
        ledger.unlock_email(lease, email)

        assert world.invocation().lock_email(OTHERS_LEASE, email).holder == world.user

    def test_ends_by_itself(self, world: World) -> None:
        """A crash frees it after its lease; TTL clears the item later."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        ledger.lock_email(lease, email)
        world.clock.sleep(EMAIL_LOCK_SECONDS + 0.01)

        assert world.invocation().lock_email(OTHERS_LEASE, email) == Lock(OTHER, is_new=True)

    def test_holds_no_address(self, world: World) -> None:
        """Only a digest of it."""
        ledger, lease = world.opened()
        ledger.lock_email(lease, "secret@example.com")

        assert not any("secret@" in str(each) for each in world.items())

    def test_late(self, world: World) -> None:
        """A call that arrives long after its caller gave up shortens nothing."""
        ledger, lease = world.opened()
        email = f"{world.user.user_id}@example.com"
        ledger.lock_email(lease, email)
        world.clock.now -= 10

        assert not ledger.lock_email(lease, email).is_mine

    def test_is_not_cleared_before_its_end(self, world: World) -> None:
        """TTL deletes what has expired."""
        ledger, lease = world.opened()
        ledger.lock_email(lease, f"{world.user.user_id}@example.com")
        holder = world.user.user_id
        [lock] = [each for each in world.items() if each.get("holder") == holder]

        assert float(str(lock["expires_at"])) > float(str(lock["lease_until"]))


class TestBeginAdoption:
    """That an adoption begins is in the record before anybody claims or changes the customer."""

    @pytest.mark.parametrize("gone_since", [None, 1_795_000_000.123])
    @pytest.mark.parametrize("instead_of", [None, OTHER])
    def test_next_invocation_learns_of_it(
        self, world: World, instead_of: User | None, gone_since: float | None
    ) -> None:
        """However this one ends, and whom the customer named before comes along."""
        adoption = Adoption(CUSTOMER, instead_of, gone_since=gone_since)
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, adoption)
        assert isinstance(begun, Lease)
        assert (begun.adopting, begun.sends_update) == (adoption, True)
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        _, lease = world.opened()

        assert lease.adopting == adoption

    def test_another_one(self, world: World) -> None:
        """Nothing is left of the first."""
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER, OTHER, gone_since=1.0))
        assert isinstance(begun, Lease)
        second = Adoption(CustomerId("cus_2"))
        ledger.begin_adoption(begun, second)
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        _, lease = world.opened()

        assert lease.adopting == second

    def test_lost_answer(self, world: World) -> None:
        """The repetition writes the same."""
        ledger, lease = world.opened()
        world.client.lost = 1

        assert isinstance(ledger.begin_adoption(lease, Adoption(CUSTOMER)), Lease)

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_abandoned(self, world: World, ending: str) -> None:
        """Where somebody else has the customer, the record forgets it."""
        ledger, lease = world.opened()
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER, OTHER, gone_since=1.0))
        assert isinstance(begun, Lease)
        ended(ledger, replace(begun, adopting=None, sends_update=False), ending)
        assert world.record().keys().isdisjoint({"adopting", "instead_of", "gone_since"})
        _, lease = world.opened()

        assert (lease.adopting, lease.last_write) == (None, 0.0)

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_still_under_way(self, world: World, ending: str) -> None:
        """Kept with when its update was sent, until it is finished."""
        ledger, lease = world.opened()
        adoption = Adoption(CUSTOMER, OTHER, gone_since=1.0)
        begun = ledger.begin_adoption(lease, adoption)
        assert isinstance(begun, Lease)
        sent_at = world.clock.now
        ended(ledger, begun, ending)
        world.clock.sleep(1)
        ledger, lease = world.opened()
        assert (lease.adopting, lease.last_write) == (adoption, sent_at)
        assert not lease.has_settled(world.clock.now)
        ledger.link(lease, CUSTOMER)

        assert world.record().keys().isdisjoint({"adopting", "instead_of", "gone_since"})

    def test_record_that_was_deleted_meanwhile(self, world: World) -> None:
        """Epochs start anew there: a late one is none of the next record's."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        _, second = world.opened()

        assert second.epoch == lease.epoch
        assert isinstance(ledger.begin_adoption(lease, Adoption(CUSTOMER)), Busy)


class TestClaim:
    """Who adopts a customer."""

    def test_one_user_for_good(self, world: World) -> None:
        """The same user again, and no other, whatever became of the sign-up."""
        adoption = Adoption(CustomerId(f"cus_{next(NUMBERS)}"))
        ledger, lease = world.opened()

        assert ledger.claim(world.user, adoption)
        assert ledger.claim(world.user, adoption)
        assert not ledger.claim(OTHER, adoption)
        ledger.release(lease)
        assert not world.invocation().claim(OTHER, adoption)

    def test_instead_of_another_user(self, world: World) -> None:
        """Who is replaced has the claim no more, and nobody else may replace the new one."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        third = replace(OTHER, user_id=UserId("auth0|third"))
        ledger = world.invocation()
        assert ledger.claim(OTHER, Adoption(customer_id))

        assert not ledger.claim(world.user, Adoption(customer_id))
        assert not ledger.claim(world.user, Adoption(customer_id, third))
        assert ledger.claim(world.user, Adoption(customer_id, OTHER))
        assert ledger.claim(world.user, Adoption(customer_id, OTHER))
        assert not ledger.claim(OTHER, Adoption(customer_id))

    def test_another_tenants_user(self, world: World) -> None:
        """A user_id names a person only within its tenant."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        ledger = world.invocation()
        assert ledger.claim(OTHER, Adoption(customer_id))

        assert not ledger.claim(replace(OTHER, tenant=Tenant("beta")), Adoption(customer_id))

    def test_lost_answer(self, world: World) -> None:
        """The repetition finds its own claim."""
        world.client.lost = 1

        assert world.invocation().claim(world.user, Adoption(CustomerId(f"cus_{next(NUMBERS)}")))

    @pytest.mark.parametrize("seconds", [1.0, 60.0, SETTLED_SECONDS - 1, SETTLED_SECONDS + 1, 1e6])
    def test_third_ones(self, world: World, seconds: float) -> None:
        """Once nothing of it is on its way it stands in nobody's, but in who was gone's, place."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        third = replace(OTHER, user_id=UserId("auth0|third"))
        assert world.invocation().claim(third, Adoption(customer_id))
        world.clock.sleep(seconds)
        ledger, since = world.invocation(), world.clock.now
        is_old = seconds > SETTLED_SECONDS

        assert not ledger.claim(world.user, Adoption(customer_id))
        assert not ledger.claim(world.user, Adoption(customer_id, OTHER, gone_since=since))
        assert ledger.claim(world.user, Adoption(customer_id, OTHER)) is is_old

    @pytest.mark.parametrize("seconds", [-1.0, -60.0])
    def test_of_one_who_was_gone_before(self, world: World, seconds: float) -> None:
        """Who had it before they were gone is replaced, as often as it is tried."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        assert world.invocation().claim(OTHER, Adoption(customer_id))
        world.clock.sleep(100)
        ledger = world.invocation()
        since = world.clock.now + seconds
        heir_to = Adoption(customer_id, OTHER, gone_since=since)

        assert ledger.claim(world.user, heir_to)
        assert ledger.claim(world.user, heir_to)

    @pytest.mark.parametrize("seconds", [1.0, 60.0])
    def test_of_one_who_is_there_again(self, world: World, seconds: float) -> None:
        """Who has claimed it since keeps it; but for another reason they are replaced."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        since = world.clock.now
        world.clock.sleep(seconds)
        ledger = world.invocation()
        assert ledger.reclaim(OTHER, customer_id)

        assert not ledger.claim(world.user, Adoption(customer_id, OTHER, gone_since=since))
        assert ledger.claim(world.user, Adoption(customer_id, OTHER))

    @pytest.mark.parametrize("seconds", [0.0, 60.0, SETTLED_SECONDS - 1])
    def test_taken_back_too_early(self, world: World, seconds: float) -> None:
        """What whoever claimed it has sent may be on its way; its holder has it all the same."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        assert world.invocation().claim(world.user, Adoption(customer_id))
        world.clock.sleep(seconds)
        ledger = world.invocation()

        assert not ledger.reclaim(OTHER, customer_id)
        assert ledger.reclaim(world.user, customer_id)

    def test_taken_back(self, world: World) -> None:
        """Nobody has it, or somebody has not used it: it is the user's, and nobody else's."""
        customer_id = CustomerId(f"cus_{next(NUMBERS)}")
        assert world.invocation().reclaim(OTHER, customer_id)
        world.clock.sleep(SETTLED_SECONDS + 1)
        ledger = world.invocation()
        assert ledger.reclaim(world.user, customer_id)

        assert not ledger.claim(OTHER, Adoption(customer_id))
