"""How a lease ends without a link, and what the record keeps of it for the next one."""

from dataclasses import replace

import pytest
from tests.adapters.dynamodb.ledger_world import CUSTOMER, OTHERS_LEASE, World, ended

from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import (
    GONE_SECONDS,
    KEY_LIFETIME_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Lease,
    Lock,
)


@pytest.mark.parametrize("ending", ["release", "refuse", "close"])
class TestFrozenCreate:
    """What the record keeps of a create, when a lease ends without a link."""

    def test_one_that_may_have_been_sent(self, world: World, ending: str) -> None:
        """It wins over what a later profile says, and its address is looked up."""
        ledger, lease = world.opened()
        since = world.clock.now
        ended(ledger, lease.sending(), ending)
        world.clock.sleep(100)
        _, second = world.opened("countess@example.com", name="Countess")

        assert (second.create, second.was_sent) == (world.create(), True)
        assert second.attempt_since == since
        assert second.emails() == {"ada@example.com"}

    def test_one_that_nobody_sent(self, world: World, ending: str) -> None:
        """It is forgotten, and so is since when its key would have counted."""
        ledger, lease = world.opened()
        ended(ledger, lease, ending)
        assert world.record().keys().isdisjoint({"create", "attempt_since"})
        world.clock.sleep(100)
        _, second = world.opened("countess@example.com", name="Countess")

        assert second.create == world.create("countess@example.com", "Countess")
        assert (second.attempt, second.attempt_since) == (1, world.clock.now)
        assert not second.was_sent

    def test_one_that_an_earlier_invocation_may_have_sent(self, world: World, ending: str) -> None:
        """It is kept, although this one sent nothing."""
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        ledger, lease = world.opened("countess@example.com")
        ended(ledger, lease, ending)
        _, third = world.opened("countess@example.com")

        assert (third.create, third.was_sent) == (world.create(), True)

    def test_no_lease(self, world: World, ending: str) -> None:
        """The index of open sign-ups loses what has ended, and keeps what was released."""
        ledger, lease = world.opened()
        ended(ledger, lease, ending)

        assert "owner" not in world.record()
        assert ("is_open" in world.record()) is (ending == "release")
        assert ("open_since" in world.record()) is (ending == "release")


class TestClose:
    """Ending a sign-up without the person."""

    def test_nothing_is_left(self, world: World) -> None:
        """A new record from which nothing was sent goes."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        assert not world.has_item()
        _, second = world.opened()

        assert (second.epoch, second.attempt, second.refused) == (1, 1, None)

    def test_lock_of_an_earlier_invocation(self, world: World) -> None:
        """The same user's, and none of this invocation's: what it guards may still be new."""
        email = f"{world.user.user_id}@example.com"
        first, lease = world.opened(email)
        first.lock_email(lease, email)
        first.release(lease)
        second, again = world.opened(email)

        assert second.lock_email(again, email) == Lock(world.user)

    def test_whoever_comes_next_keeps_the_lock(self, world: World) -> None:
        """Epochs start anew where a record went: a late unlock of the one before is none of it."""
        email = f"{world.user.user_id}@example.com"
        first, lease = world.opened(email, admission=False)
        first.lock_email(lease, email)
        first.close(lease)
        second, next_lease = world.opened(email)
        assert second.lock_email(next_lease, email).holder == world.user
        first.unlock_email(lease, email)

        assert next_lease.epoch == lease.epoch
        assert world.invocation().lock_email(OTHERS_LEASE, email).holder == world.user

    def test_not_once_the_attempt_was_raised(self, world: World) -> None:
        """The first key was used: a new record would use it again."""
        ledger, lease = world.opened(admission=False)
        raised = ledger.next_attempt(lease, world.create("countess@example.com"))
        assert isinstance(raised, Lease)
        ledger.close(raised)
        _, second = world.opened()

        assert (second.epoch, second.attempt) == (2, 2)

    def test_not_the_first_epoch(self, world: World) -> None:
        """The record stays, and the next one opens it under a higher epoch."""
        ledger, lease = world.opened(admission=False)
        ledger.release(lease)
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        assert (world.record()["state"], world.record()["admitted"]) == ("refused", False)
        _, third = world.opened()

        assert (third.epoch, third.refused) == (3, None)

    def test_of_an_admission(self, world: World) -> None:
        """The record stays, so that the next login takes notice of it."""
        ledger, lease = world.opened()
        ledger.close(lease)

        assert (world.record()["state"], world.record()["admitted"]) == ("refused", True)

    def test_something_was_sent(self, world: World) -> None:
        """The record stays, with what it was."""
        ledger, lease = world.opened(admission=False)
        ledger.close(lease.sending())
        assert world.record()["state"] == "refused"
        _, second = world.opened()

        assert (second.create, second.was_sent) == (world.create(), True)

    def test_adoption_that_has_begun(self, world: World) -> None:
        """The record stays, for the next one to finish it."""
        ledger, lease = world.opened(admission=False)
        begun = ledger.begin_adoption(lease, Adoption(CUSTOMER))
        assert isinstance(begun, Lease)
        ledger.close(begun)
        _, second = world.opened()

        assert second.adopting == Adoption(CUSTOMER)

    def test_by_another_invocation(self, world: World) -> None:
        """Only who opened a record lets it go."""
        _, lease = world.opened(admission=False)
        world.invocation().close(lease)

        assert world.record()["state"] == "open"

    def test_taken_over(self, world: World) -> None:
        """The record is another invocation's by then."""
        ledger, lease = world.opened(admission=False)
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        world.opened()
        world.clock.now -= RECORD_LEASE_SECONDS  # its budget is not what is tested here
        ledger.close(lease)

        assert (world.record()["state"], world.record()["epoch"]) == ("open", "2")

    def test_refused_before(self, world: World) -> None:
        """The refusal is put back with its reason, and stays an admission's."""
        ledger, lease = world.opened()
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
        ledger, lease = world.opened(admission=False)
        ledger.close(lease)
        record = world.record()

        assert (record["state"], record["reason"]) == ("refused", "email_in_use")
        assert record["admitted"] is True
        assert "is_open" not in record

    @pytest.mark.parametrize("admission", [True, False])
    def test_lost_answer(self, world: World, *, admission: bool) -> None:
        """The repetition changes nothing more."""
        ledger, lease = world.opened(admission=admission)
        world.client.lost = 1
        assert ledger.close(lease)

        assert world.has_item() is admission

    @pytest.mark.parametrize("is_gone", [True, False])
    @pytest.mark.parametrize("admission", [True, False])
    def test_lease_was_taken_over(self, world: World, *, admission: bool, is_gone: bool) -> None:
        """It ends nothing, and says so."""
        _, lease = world.opened(admission=admission)
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        ledger, _ = world.opened(admission=admission)
        before = world.record()

        assert not ledger.close(lease, is_gone=is_gone)
        assert world.record() == before

    def test_lost_answer_of_a_user_who_is_gone(self, world: World) -> None:
        """The repetition finds its own end."""
        ledger, lease = world.opened()
        world.client.lost = 1

        assert ledger.close(lease, is_gone=True)

    def test_of_a_user_who_is_gone(self, world: World) -> None:
        """Nothing personal is kept, and the key that was used is not used again."""
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        ledger, lease = world.opened()
        ledger.close(lease, is_gone=True)
        assert "ada@" not in str(world.record()).lower()
        _, third = world.opened()

        assert (third.attempt, third.was_sent) == (2, False)

    def test_of_a_user_who_stays_away(self, world: World) -> None:
        """The id in the key goes too, later than any key that Stripe may know still."""
        ledger, lease = world.opened()
        ledger.close(lease.sending(), is_gone=True)
        left = float(str(world.record()["expires_at"])) - world.clock.now

        assert KEY_LIFETIME_SECONDS + 3600 < left <= GONE_SECONDS

    @pytest.mark.parametrize("admission", [True, False])
    def test_that_a_user_was_gone(self, world: World, *, admission: bool) -> None:
        """Each login knows of it, of a record that was new too, until one has a customer."""
        ledger, lease = world.opened(admission=admission)
        assert not lease.was_gone
        ledger.close(lease, is_gone=True)
        ledger, lease = world.opened()
        assert lease.was_gone
        ledger.release(lease)
        ledger, lease = world.opened()
        assert lease.was_gone
        ledger.link(lease, CUSTOMER)

        assert "was_gone" not in world.record()

    def test_what_a_user_had(self, world: World) -> None:
        """Each login knows of it, until one has a customer."""
        ledger, lease = world.opened()
        ledger.close(replace(lease, had=CUSTOMER), is_gone=True)
        ledger, lease = world.opened()
        ledger.close(lease, is_gone=True)
        ledger, lease = world.opened()
        assert lease.had == CUSTOMER
        ledger.link(lease, CUSTOMER)

        assert "had" not in world.record()

    @pytest.mark.parametrize("how", ["release", "refuse", "close", "link"])
    def test_of_a_user_who_comes_back(self, world: World, how: str) -> None:
        """SAML's ids come back with their users: a record that is in use again does not go."""
        ledger, lease = world.opened()
        ledger.close(lease.sending(), is_gone=True)
        ledger, lease = world.opened()
        assert "expires_at" not in world.record()
        if how == "link":
            ledger.link(lease, CUSTOMER)
        else:
            ended(ledger, lease, how)

        assert "expires_at" not in world.record()


class TestWaitForAnEarlierCreate:
    """Its end is put off by nothing but another create."""

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_who_sends_nothing(self, world: World, ending: str) -> None:
        """However often: the wait goes on from the last invocation that may have sent one."""
        ledger, lease = world.opened()
        tried_at = world.clock.now
        ledger.release(lease.sending())
        for _ in range(3):
            world.clock.sleep(SETTLED_SECONDS / 3 - 0.1)
            ledger, lease = world.opened()
            assert lease.last_write == tried_at
            assert lease.has_create_under_way(world.clock.time())
            ended(ledger, lease, ending)
        world.clock.sleep(1)
        _, lease = world.opened()

        assert not lease.has_create_under_way(world.clock.time())

    def test_who_sends_again(self, world: World) -> None:
        """The wait begins anew."""
        ledger, lease = world.opened()
        ledger.release(lease.sending())
        world.clock.sleep(SETTLED_SECONDS + 1)
        ledger, lease = world.opened()
        assert not lease.has_create_under_way(world.clock.now)
        ledger.release(lease.sending())
        _, lease = world.opened()

        assert lease.last_write == world.clock.now
        assert lease.has_create_under_way(world.clock.now)

    def test_who_was_told_that_the_key_stands_for_something_else(self, world: World) -> None:
        """That is no sending; but somebody must have sent that something."""
        ledger, lease = world.opened()
        ledger.release(lease.sending().mismatched())
        _, second = world.opened()

        assert (second.was_sent, second.last_write) == (True, 0.0)
        assert not second.has_create_under_way(world.clock.now)

    def test_who_died(self, world: World) -> None:
        """May have sent one."""
        world.opened()
        opened_at = world.clock.now
        world.clock.sleep(RECORD_LEASE_SECONDS + 1)
        ledger, lease = world.opened()
        assert lease.last_write == opened_at
        ledger.release(lease)
        world.clock.sleep(SETTLED_SECONDS - RECORD_LEASE_SECONDS)
        _, lease = world.opened()

        assert not lease.has_create_under_way(world.clock.time())


class TestRelease01:
    """Records of release 0.1, which kept addresses in place of a create."""

    def test_addresses_are_looked_up(self, world: World) -> None:
        """A create was sent with one of them, and may be under way."""
        world.had_release_0_1(
            state={"S": "open"}, lease_until={"N": "0"}, emails={"SS": ["countess@example.com"]}
        )
        _, lease = world.opened()

        assert lease.earlier_emails == {"countess@example.com"}
        assert lease.emails() == {"countess@example.com", "ada@example.com"}
        assert lease.was_sent
        assert lease.has_create_under_way(world.clock.now)

    @pytest.mark.parametrize("ending", ["release", "refuse", "close"])
    def test_addresses_are_kept_until_the_link(self, world: World, ending: str) -> None:
        """However often a sign-up ends without one."""
        world.had_release_0_1(
            state={"S": "open"}, lease_until={"N": "0"}, emails={"SS": ["countess@example.com"]}
        )
        ledger, lease = world.opened()
        ended(ledger, lease, ending)
        ledger, lease = world.opened()
        assert lease.earlier_emails == {"countess@example.com"}
        ledger.link(lease, CUSTOMER)

        assert "emails" not in world.record()

    def test_refused(self, world: World) -> None:
        """Its reason is read, and nobody sent anything."""
        world.had_release_0_1(state={"S": "refused"}, reason={"S": "email_in_use"})
        _, lease = world.opened()

        assert (lease.epoch, lease.refused) == (2, Reason.EMAIL_IN_USE)
        assert (lease.was_sent, lease.admitted) == (False, True)
