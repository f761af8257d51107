"""A user who was deleted in Auth0, over the real ledger: what becomes of their customer."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.fakes import NOW
from tests.interleaving import (
    CREATE,
    DELETE,
    LOOK,
    TENANT,
    UNLINK,
    Kind,
    World,
    WorldOperator,
    user,
)
from tests.usecases.test_sync import ADA, NEW, OLD, Shop

from customerlink.model.customer import DESCRIPTION, FORMER, NewCustomer, naming
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, Policy
from customerlink.model.profile import Identity
from customerlink.model.sign_up_record import (
    LATEST_EFFECT_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    SKEW_SECONDS,
    Adoption,
    Linked,
)
from customerlink.model.signup import SignUp
from customerlink.model.sync import SyncReason
from customerlink.model.sync_memory import DAY_SECONDS, SYNC_LEASE_SECONDS
from customerlink.model.sync_policy import DeletedUsers, SyncPolicy
from customerlink.model.user import User
from customerlink.usecases.deleted_user import BEFORE_PARTING_SECONDS
from customerlink.usecases.synced import Synced, SyncOutcome
from customerlink.wiring.operator import PROVISION_SECONDS

BEA = user("bea")
HOUR = 3600.0
MONTH = 30 * DAY_SECONDS
REOPEN, TAKE, OPENED = "epoch = epoch + :one", "SET sync_until", "signup#"


class Left(Shop):
    """A shop in which Ada's customer was made by a sign-up, and Ada is deleted in Auth0."""

    def __init__(self, policy: DeletedUsers = DeletedUsers.DELETE, *, a_day: int = 50) -> None:
        """Let her go; an event says so at once."""
        super().__init__()
        self.by = SyncPolicy(deleted_users=policy, deletions_per_day=a_day)
        self.edit(description=DESCRIPTION)
        self.goes()

    def goes(self, who: User = ADA) -> Synced:
        """Delete a user."""
        self.gone = self.tenant.profiles.pop(who.user_id)
        return self.looked(who)

    def looked(self, who: User = ADA) -> Synced:
        """Look at the user, by the policy."""
        synced = self.sync(who, self.by)
        assert synced is not None
        return synced

    def comes_back(self, **changes: Any) -> None:
        """Let Auth0 have her again, under the same id."""
        self.tenant.add(ADA, changes.get("email", OLD))

    def when(self, seconds: float = MONTH + 1) -> Synced:
        """Look once more after so long."""
        self.clock.sleep(seconds)
        return self.looked()

    def sync_item(self, who: User = ADA) -> dict[str, Any] | None:
        """Return what the ledger remembers after the sign-up."""
        return self.table.items.get(f"sync#{TENANT}#{who.user_id}")

    def metadata(self) -> dict[str, str]:
        """Return the metadata of Ada's customer."""
        found: dict[str, str] = self.stripe.account.retrieve(self.adas)["metadata"]
        return found

    @property
    def is_deleted(self) -> bool:
        """Return whether Ada's customer is."""
        return bool(self.stripe.account.retrieve(self.adas).get("deleted"))

    def until_quiet(self) -> list[SyncOutcome]:
        """Look again and again, as the sweep does, until nothing is due."""
        ends = []
        for _ in range(12):
            self.clock.sleep(SYNC_LEASE_SECONDS + 1)
            ends.append(self.looked().outcome)
            item = self.sync_item()
            if item is None or "open_since" not in item:
                break
        return ends


class TestWhen:
    """Nothing is done at once."""

    def test_keep(self) -> None:
        """The default: the customer stays for good, and nobody looks again."""
        shop = Left(DeletedUsers.KEEP)
        assert shop.when(2 * MONTH).outcome is SyncOutcome.NOTHING

        assert shop.metadata() == naming(ADA)
        assert "open_since" not in (shop.sync_item() or {})

    @pytest.mark.parametrize(
        ("policy", "grace"), [(DeletedUsers.UNLINK, HOUR), (DeletedUsers.DELETE, MONTH)]
    )
    def test_after_the_grace(self, policy: DeletedUsers, grace: float) -> None:
        """And not before, however often somebody asks."""
        shop = Left(policy)
        for _ in range(3):
            synced = shop.when(grace / 4)
            assert (synced.outcome, synced.why is not None) == (SyncOutcome.NOTHING, True)
        assert shop.metadata() == naming(ADA)
        assert float((shop.sync_item() or {})["open_since"]["N"]) == NOW + grace

        assert shop.when(grace / 4 + 1).outcome is SyncOutcome.DONE
        if policy is DeletedUsers.DELETE:
            assert shop.is_deleted
        else:
            assert shop.metadata() == {FORMER: ADA.user_id}

    @pytest.mark.parametrize("policy", [DeletedUsers.UNLINK, DeletedUsers.DELETE])
    def test_nothing_is_left(self, policy: DeletedUsers) -> None:
        """The record says that they were gone, and goes in a month; a late event finds nobody."""
        shop = Left(policy)
        shop.when()
        record = shop.record(ADA)

        assert (record["state"], "expires_at" in record) == ("refused", True)
        assert [name for name in ("create", "emails", "customer_id", "had") if name in record] == []
        assert shop.sync_item() is None
        assert shop.looked().outcome is SyncOutcome.NOTHING
        assert shop.sync_item() is None

    @pytest.mark.parametrize("seconds", [60.0, DAY_SECONDS, MONTH - HOUR])
    def test_parked_meanwhile(self, seconds: float) -> None:
        """Whoever is parked while they are looked at is counted once, and waits no longer."""
        shop = Left()
        shop.comes_back()
        shop.looked()
        del shop.tenant.profiles[ADA.user_id]
        shop.clock.sleep(DAY_SECONDS)
        until = shop.clock.time() + MONTH
        for _ in range(3):
            shop.meanwhile("sync_until = :zero", lambda: shop.syncing().park(ADA))
            shop.looked()
            shop.clock.sleep(seconds / 3)

        assert float((shop.sync_item() or {})["gone_until"]["N"]) == until
        assert [each.due for each in WorldOperator(shop).deletions(TENANT).days()] == [1, 1]

    def test_back_and_parked_meanwhile(self) -> None:
        """Whoever is back is not gone, also where an event of theirs is parked at that moment."""
        shop = Left()
        shop.comes_back()
        shop.meanwhile("sync_until = :zero", lambda: shop.syncing().park(ADA))
        shop.looked()

        assert "gone_until" not in (shop.sync_item() or {})

    def test_back_in_time(self) -> None:
        """Who is there again keeps everything, and a later deletion waits its whole time."""
        shop = Left()
        shop.clock.sleep(MONTH - HOUR)
        shop.comes_back()
        assert shop.looked().outcome is SyncOutcome.DONE
        shop.goes()

        assert shop.when(MONTH - HOUR).outcome is SyncOutcome.NOTHING
        assert shop.metadata() == naming(ADA)
        assert shop.when(2 * HOUR).outcome is SyncOutcome.DONE

    def test_grace_that_is_made_longer(self) -> None:
        """It counts for those who wait, and they are counted on their new day."""
        shop = Left()
        shop.by = SyncPolicy(deleted_users=DeletedUsers.DELETE, deleted_users_days=60)
        assert shop.when().outcome is SyncOutcome.NOTHING
        shop.by = SyncPolicy(deleted_users=DeletedUsers.DELETE, deleted_users_days=1)
        assert shop.when(DAY_SECONDS).outcome is SyncOutcome.NOTHING

        assert not shop.is_deleted
        assert shop.when().outcome is SyncOutcome.DONE

    def test_day_that_is_forgotten(self) -> None:
        """After a long outage nobody knows how many there are: they are counted first."""
        shop = Left()
        shop.clock.sleep(3 * MONTH)
        del shop.table.items[f"deletions#{TENANT}"]
        assert shop.looked().outcome is SyncOutcome.NOTHING
        assert not shop.is_deleted

        assert shop.when(HOUR + 1).outcome is SyncOutcome.DONE


class TestGuards:
    """What is looked at when the time has come."""

    @pytest.mark.parametrize(
        ("happens", "reason"),
        [
            (lambda shop: shop.stripe.account.use(shop.adas, "subscription"), "subscribed"),
            (lambda shop: setattr(shop.stripe, "hides_subscriptions", True), "subscribed"),
            (lambda shop: shop.edit(balance=-500), "has_balance"),
            (lambda shop: shop.stripe.account._customers.clear(), "missing"),
        ],
    )
    def test_held(self, happens: Callable[[Left], object], reason: str) -> None:
        """A person is told, and it is due again by itself."""
        shop = Left()
        happens(shop)
        synced = shop.when()

        assert (synced.outcome, synced.reason) == (SyncOutcome.HELD, SyncReason(reason))
        item = shop.sync_item() or {}
        assert (item["held"]["S"], "open_since" in item) == (reason, True)
        assert shop.record(ADA)["state"] == "linked"

    def test_held_no_more(self) -> None:
        """Once the subscription has ended it is done."""
        shop = Left()
        shop.edit(balance=5)
        assert shop.when().outcome is SyncOutcome.HELD
        shop.edit(balance=0)

        assert shop.when(DAY_SECONDS + 1).outcome is SyncOutcome.DONE
        assert shop.is_deleted

    @pytest.mark.parametrize(
        "happens",
        [
            lambda shop: shop.edit(description="a regular"),
            lambda shop: shop.edit(description=""),
            lambda shop: shop.ports()[1].claim(ADA, Adoption(shop.adas)),
        ],
    )
    def test_the_shops_own(self, happens: Callable[[Left], object]) -> None:
        """It is not deleted: it names nobody any more."""
        shop = Left()
        happens(shop)

        assert shop.when().outcome is SyncOutcome.DONE
        assert shop.metadata() == {FORMER: ADA.user_id}

    @pytest.mark.parametrize("named", [{"auth0_user_id": BEA.user_id}, {"auth0_user_id": ""}])
    def test_somebody_elses_by_now(self, named: dict[str, str]) -> None:
        """Reassigned, or taken out by hand: it is left as it is."""
        shop = Left()
        shop.edit(metadata=named)
        before = shop.stripe.account.retrieve(shop.adas)
        assert shop.when().outcome is SyncOutcome.NOTHING

        assert shop.stripe.account.retrieve(shop.adas) == before

    @pytest.mark.parametrize("policy", [DeletedUsers.UNLINK, DeletedUsers.DELETE])
    def test_linked_just_now(self, policy: DeletedUsers) -> None:
        """Where the search shows it at once it is no deletion, and is not counted as one."""
        shop = Shop()
        parts = (Identity("auth0", "bea"), Identity("auth0", "ada"))
        shop.tenant.add(BEA, NEW, identities=parts)
        del shop.tenant.profiles[ADA.user_id]

        assert shop.outcome(deleted_users=policy) is SyncOutcome.DONE
        assert shop.named(BEA) == [shop.adas]
        assert f"deletions#{TENANT}" not in shop.table.items

    def test_superseded(self) -> None:
        """What another account's customer supersedes is a part of that one's past: it stays."""
        shop = Left()
        shop.edit(metadata={"superseded_by": "cus_other"})

        assert shop.when().outcome is SyncOutcome.NOTHING
        assert shop.metadata() == {**naming(ADA), "superseded_by": "cus_other"}
        assert shop.sync_item() is None

    def test_sign_up_that_had_not_ended(self) -> None:
        """Its customer is found once the repair has closed what was left open."""
        shop = Left()
        shop.fails(CREATE, Kind.LATE, 30.0, times=9)
        shop.tenant.add(BEA, NEW)
        assert log_in_as(shop, BEA, NEW) is Reason.PROVISIONING_FAILED
        shop.outside.faults.clear()
        assert shop.goes(BEA).outcome is SyncOutcome.AGAIN
        shop.clock.sleep(SETTLED_SECONDS + 30)
        shop.finish(BEA)
        assert shop.looked(BEA).outcome is SyncOutcome.NOTHING
        assert len(shop.named(BEA)) == 1
        shop.clock.sleep(MONTH + 1)

        assert shop.looked(BEA).outcome is SyncOutcome.DONE
        assert shop.named(BEA) == []

    @pytest.mark.parametrize("policy", [DeletedUsers.UNLINK, DeletedUsers.DELETE])
    def test_linked_into_another_account(self, policy: DeletedUsers) -> None:
        """Auth0 deletes the secondary's user: the customer follows into the primary."""
        shop = Left(policy)
        parts = (Identity("auth0", "bea"), Identity("auth0", "ada"))
        shop.tenant.add(BEA, NEW, identities=parts)

        assert shop.when().outcome is SyncOutcome.DONE
        assert shop.metadata() == naming(BEA)
        assert shop.tenant.profiles[BEA.user_id].customer_id == shop.adas
        assert shop.sync_item() is None


class TestMeanwhile:
    """What changes between the looks."""

    @pytest.mark.parametrize(
        ("happens", "outcome"),
        [
            (lambda shop: shop.comes_back(), SyncOutcome.AGAIN),
            (lambda shop: shop.comes_back(email=NEW), SyncOutcome.AGAIN),
            (lambda shop: shop.edit(metadata={"auth0_user_id": BEA.user_id}), SyncOutcome.AGAIN),
            (lambda shop: shop.stripe.account.use(shop.adas, "subscription"), SyncOutcome.AGAIN),
            (lambda shop: shop.edit(description="a regular"), SyncOutcome.AGAIN),
            (lambda shop: shop.edit(balance=1), SyncOutcome.AGAIN),
        ],
    )
    def test_after_the_first_look(
        self, happens: Callable[[Left], object], outcome: SyncOutcome
    ) -> None:
        """Nothing is done by what was seen before the record was opened; the link is put back."""
        shop = Left()
        shop.meanwhile(REOPEN, lambda: happens(shop))
        assert shop.when().outcome is outcome

        assert not shop.is_deleted
        record = shop.record(ADA)
        assert (record["state"], record["customer_id"]) == ("linked", shop.adas)

    def test_nobody_signs_up_amid_it(self) -> None:
        """A login of theirs finds the record taken, for as long as the deletion may take."""
        shop = Left()
        told: list[Reason | None] = []

        def log_in() -> None:
            shop.comes_back()
            told.append(log_in_as(shop, ADA))

        shop.meanwhile(DELETE, log_in)
        assert shop.when().outcome is SyncOutcome.DONE
        assert told == [Reason.IN_PROGRESS]
        assert log_in_as(shop, ADA) is Reason.CUSTOMER_CREATED
        assert len(shop.named(ADA)) == 1

    def test_sign_up_that_may_be_under_way(self) -> None:
        """Its create could still arrive: it is waited for."""
        shop = Left()
        shop.clock.sleep(MONTH + 1)
        _, ledger, _ = shop.ports()
        linked = ledger.open(ADA, None, admission=True)
        assert isinstance(linked, Linked)
        ledger.reopen(ADA, linked, NewCustomer.of(SignUp(ADA, logins_count=1), OLD))
        shop.clock.sleep(RECORD_LEASE_SECONDS + 1)
        assert shop.looked().outcome is SyncOutcome.AGAIN

        assert not shop.is_deleted
        assert shop.until_quiet()[-1] in (SyncOutcome.DONE, SyncOutcome.NOTHING)
        assert shop.is_deleted


class TestTrouble:
    """Answers that are lost, and invocations that die."""

    @pytest.mark.parametrize(
        ("policy", "call"), [(DeletedUsers.UNLINK, UNLINK), (DeletedUsers.DELETE, DELETE)]
    )
    @pytest.mark.parametrize("kind", [Kind.LATE, Kind.LOST])
    def test_lost_answer(self, policy: DeletedUsers, call: str, kind: Kind) -> None:
        """Until it must have landed nobody looks, and nobody signs up; then it is seen."""
        shop = Left(policy)
        shop.clock.sleep(MONTH + 1)
        shop.fails(call, kind, MONTH + 60)
        assert shop.looked().outcome is SyncOutcome.AGAIN
        assert shop.looked().outcome is SyncOutcome.AGAIN
        shop.clock.sleep(40)
        shop.comes_back(email=NEW)
        assert log_in_as(shop, ADA, NEW) is Reason.IN_PROGRESS
        del shop.tenant.profiles[ADA.user_id]

        shop.until_quiet()
        assert shop.named(ADA) == []
        assert shop.sync_item() is None

    @pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER])
    @pytest.mark.parametrize(
        "call", [TAKE, "due_", LOOK, OPENED, REOPEN, "begun_", DELETE, "was_gone = :gone"]
    )
    def test_dies(self, call: str, kind: Kind) -> None:
        """Whoever comes next ends it; it is counted, deleted and closed."""
        shop = Left()
        shop.clock.sleep(MONTH + 1)
        shop.fails(call, kind)
        shop.sync(ADA, shop.by)
        shop.until_quiet()
        shop.finish(ADA)

        assert shop.is_deleted
        assert shop.sync_item() is None
        assert shop.record(ADA)["state"] == "refused"

    @pytest.mark.parametrize("call", ["due_", "begun_", DELETE, REOPEN])
    @pytest.mark.parametrize("email", [OLD, NEW])
    def test_dies_and_the_user_is_back(self, call: str, email: str) -> None:
        """With whatever address: one customer, which is theirs."""
        shop = Left()
        shop.clock.sleep(MONTH + 1)
        shop.fails(call, Kind.DIES_AFTER)
        shop.sync(ADA, shop.by)
        shop.clock.sleep(SYNC_LEASE_SECONDS + 1)
        shop.comes_back(email=email)

        assert log_in_as(shop, ADA, email) in (Reason.CUSTOMER_FOUND, Reason.CUSTOMER_CREATED)
        assert len(shop.named(ADA)) == 1

    @pytest.mark.parametrize("call", [LOOK, "stripe subscriptions"])
    def test_stripe_does_not_answer(self, call: str) -> None:
        """Nothing is done, and it is tried again."""
        shop = Left()
        shop.clock.sleep(MONTH + 1)
        shop.fails(call, Kind.LOST)
        assert shop.looked().outcome in (SyncOutcome.AGAIN, SyncOutcome.HELD)

        assert not shop.is_deleted


def test_the_lease_outlasts_what_is_sent() -> None:
    """Begun at the last moment, tried for as long as a call may be, and carried out late."""
    latest = BEFORE_PARTING_SECONDS + PROVISION_SECONDS + LATEST_EFFECT_SECONDS

    assert latest + 2 * SKEW_SECONDS < SYNC_LEASE_SECONDS


class TestHowMany:
    """Of more than a day may have, none goes before somebody has looked."""

    def crowd(self, policy: DeletedUsers, a_day: int) -> tuple[Left, list[User]]:
        """Let three go on one day, Ada among them."""
        shop = Left(policy, a_day=a_day)
        others = [user(f"user-{number}") for number in range(2)]
        for number, each in enumerate(others):
            made = shop.linked(each, f"user-{number}@example.com")
            shop.stripe.account.update(made, {"description": DESCRIPTION})
            shop.goes(each)
        return shop, [ADA, *others]

    @pytest.mark.parametrize("policy", [DeletedUsers.UNLINK, DeletedUsers.DELETE])
    def test_too_many(self, policy: DeletedUsers) -> None:
        """All are held, the first as well as the last; once approved, all go."""
        shop, gone = self.crowd(policy, a_day=2)
        shop.clock.sleep(MONTH + 1)
        reasons = {shop.looked(each).reason for each in gone}
        assert reasons == {SyncReason.TOO_MANY_DELETIONS}
        assert all(len(shop.named(each)) == 1 for each in gone)

        deletions = shop.syncing().invocations.deletions(TENANT)
        deletions.approve([each for each in deletions.days() if each.is_held(2)])
        shop.clock.sleep(HOUR + 1)
        assert {shop.looked(each).outcome for each in gone} == {SyncOutcome.DONE}
        assert [each for each in gone if shop.named(each)] == []

    def test_as_many_as_may_be(self) -> None:
        """They go without anybody."""
        shop, gone = self.crowd(DeletedUsers.DELETE, a_day=3)
        shop.clock.sleep(MONTH + 1)

        assert {shop.looked(each).outcome for each in gone} == {SyncOutcome.DONE}

    def test_one_who_is_told_twice(self) -> None:
        """Counts once: events come more than once."""
        shop = Left(a_day=1)
        for _ in range(3):
            shop.looked()

        assert shop.when().outcome is SyncOutcome.DONE

    def test_days_of_an_outage(self) -> None:
        """What was due on several days is not done on one: the rest waits for the next."""
        shop = Left(a_day=1)
        shop.clock.sleep(DAY_SECONDS)
        shop.linked(BEA, NEW)
        shop.goes(BEA)
        shop.clock.sleep(MONTH + DAY_SECONDS)

        assert shop.looked().outcome is SyncOutcome.DONE
        assert shop.looked(BEA).outcome is SyncOutcome.NOTHING
        assert len(shop.named(BEA)) == 1
        shop.clock.sleep(DAY_SECONDS)
        assert shop.looked(BEA).outcome is SyncOutcome.DONE


class TestComesBackAsSomebodyElse:
    """Who deletes an account and signs up again has another user id."""

    @pytest.mark.parametrize("existing", ExistingCustomer)
    def test_after_keep(self, existing: ExistingCustomer) -> None:
        """The customer names the former one: nobody else gets it, nor the address."""
        shop = Left(DeletedUsers.KEEP)
        shop.policy = Policy(existing_customer=existing)
        shop.when()
        shop.tenant.add(BEA, OLD)

        assert log_in_as(shop, BEA) is Reason.EMAIL_IN_USE

    @pytest.mark.parametrize(
        ("existing", "reason"),
        [
            (ExistingCustomer.ADOPT, Reason.CUSTOMER_FOUND),
            (ExistingCustomer.DENY, Reason.EMAIL_IN_USE),
        ],
    )
    def test_after_unlink(self, existing: ExistingCustomer, reason: Reason) -> None:
        """It is nobody's: with `adopt` it is theirs again."""
        shop = Left(DeletedUsers.UNLINK)
        shop.policy = Policy(existing_customer=existing)
        shop.when()
        shop.tenant.add(BEA, OLD)

        assert log_in_as(shop, BEA) is reason
        is_theirs = [shop.adas] if reason is Reason.CUSTOMER_FOUND else []
        assert shop.named(BEA) == is_theirs

    def test_after_an_adopted_one_is_unlinked(self) -> None:
        """Nobody's claim is left on it: who comes after may adopt it as the former one did."""
        shop = Left(DeletedUsers.UNLINK)
        shop.ports()[1].claim(ADA, Adoption(shop.adas))
        shop.policy = Policy(existing_customer=ExistingCustomer.ADOPT)
        shop.when()
        shop.tenant.add(BEA, OLD)

        assert log_in_as(shop, BEA) is Reason.CUSTOMER_FOUND

    def test_after_delete(self) -> None:
        """The address is free: they are new."""
        shop = Left()
        shop.when()
        shop.tenant.add(BEA, OLD)

        assert log_in_as(shop, BEA) is Reason.CUSTOMER_CREATED


def log_in_as(shop: World, who: User, email: str = OLD) -> Reason | None:
    """Log in for the first time with a verified address; return what came of it."""
    told = shop.login(SignUp(who, logins_count=1, email=email, email_verified=True))
    return told.reason if told else None


@pytest.mark.parametrize("policy", [DeletedUsers.UNLINK, DeletedUsers.DELETE])
@pytest.mark.parametrize("claimed", [False, True])
def test_whose_profile_has_the_customer(policy: DeletedUsers, *, claimed: bool) -> None:
    """Somebody has let it name Ada, and it is Bea's: it stays hers until a person has looked."""
    shop = Left(policy)
    shop.tenant.add(BEA, NEW, customer_id=shop.adas)
    if claimed:
        shop.ports()[1].claim(BEA, Adoption(shop.adas))
    synced = shop.when()

    assert (synced.outcome, synced.reason) == (SyncOutcome.HELD, SyncReason.MISMATCHED)
    assert shop.metadata()["auth0_user_id"] == ADA.user_id
    shop.tenant.profiles.pop(BEA.user_id)
    assert shop.when(8 * DAY_SECONDS).outcome is SyncOutcome.DONE
