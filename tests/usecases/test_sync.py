"""One user reconciled, over the real ledger and a Stripe that answers late, or never."""

import itertools
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
from tests.interleaving import (
    ADOPT,
    LIST,
    LOOK,
    TENANT,
    UPDATE,
    Kind,
    World,
    WorldOperator,
    user,
)

from customerlink.adapters.aws.aws_json import AwsSilentError
from customerlink.adapters.dynamodb.items import lock_key
from customerlink.model.customer import naming
from customerlink.model.customer_values import Former, Told
from customerlink.model.errors import NoTurnError
from customerlink.model.failure import FailedAt, Failure, How
from customerlink.model.instruction import Reason
from customerlink.model.profile import Identity, Profile
from customerlink.model.rates import Endpoint
from customerlink.model.sign_up_record import Adoption, Lease
from customerlink.model.signup import Marker, SignUp
from customerlink.model.sync import SyncAct, SyncReason
from customerlink.model.sync_memory import AGAIN_SECONDS, DAY_SECONDS, SYNC_LEASE_SECONDS
from customerlink.model.sync_policy import (
    DeletedCustomers,
    Differences,
    EditedCustomers,
    SyncPolicy,
)
from customerlink.model.user import CustomerId, User, UserId
from customerlink.ports.customers import Refused
from customerlink.usecases.change_address import REFUSED
from customerlink.usecases.link_accounts import LinkFailure
from customerlink.usecases.look import UnansweredError
from customerlink.usecases.synced import (
    BUSY,
    CHANGED_SINCE,
    NO_ANSWER,
    NO_LEDGER,
    NO_TURN,
    Synced,
    SyncOutcome,
)

ADA, BOB = user("ada"), user("bob")
OLD, NEW, THIRD = (f"{each}@example.com" for each in ("old", "new", "third"))
TAKE, REMEMBER, GIVE_BACK = "SET sync_until", "SET applied", "sync_until = :zero"
LATER = SYNC_LEASE_SECONDS + 1


class Shop(World):
    """A world in which Ada has a customer, and both sides are known to agree."""

    def __init__(self) -> None:
        """Reconcile once."""
        super().__init__()
        self.adas = self.linked(ADA, OLD)

    def linked(self, who: User, email: str, name: str = "Ada") -> CustomerId:
        """Let there be a user whose customer is true, and remembered."""
        made = self.customer(email, who)
        self.stripe.account.update(made, {"name": name})
        self.tenant.add(who, email, customer_id=made, name=name)
        assert self.outcome(who) is SyncOutcome.NOTHING
        return made

    def moves(self, who: User = ADA, **changes: Any) -> None:
        """Let a profile change in Auth0."""
        self.tenant.profiles[who.user_id] = replace(self.tenant.profiles[who.user_id], **changes)

    def edit(self, **changes: Any) -> None:
        """Let somebody change Ada's customer in Stripe's dashboard."""
        self.stripe.account.update(self.adas, changes)

    def outcome(self, who: User = ADA, **policy: Any) -> SyncOutcome | None:
        """Reconcile; return how it ended."""
        synced = self.sync(who, SyncPolicy(**policy))
        return synced.outcome if synced else None

    def why(self, who: User = ADA, **policy: Any) -> str | None:
        """Reconcile what another try, or a person, has to mend; return why."""
        synced = self.sync(who, SyncPolicy(**policy))
        assert synced is not None
        assert synced.outcome in (SyncOutcome.AGAIN, SyncOutcome.HELD)
        return synced.why

    def claimed_by(self, who: User) -> None:
        """Let somebody have claimed Ada's customer."""
        assert self.ports()[1].claim(who, Adoption(self.adas))

    def email(self) -> str | None:
        """Return the address of Ada's customer."""
        return self.values(self.adas).get("email")

    def name(self) -> str | None:
        """Return its name."""
        return self.values(self.adas).get("name")

    def memory(self) -> dict[str, Any]:
        """Return what the ledger remembers of Ada."""
        return self.table.items[f"sync#{TENANT}#{ADA.user_id}"]


@pytest.fixture
def shop() -> Shop:
    """Return it."""
    return Shop()


class TestFields:
    """What Auth0 has reaches Stripe; what the shop has stays."""

    def test_first_time(self, shop: Shop) -> None:
        """The ledger learns of the link, and of what both sides have: as digests."""
        assert shop.record(ADA)["customer_id"] == shop.adas
        text = str(shop.memory())
        assert [each for each in (OLD, "Ada") if each in text] == []
        assert shop.memory()["applied"]["M"].keys() == {"email", "name"}

    @pytest.mark.parametrize(
        "changes",
        [{"email": NEW}, {"name": "Countess"}, {"email": NEW, "name": "Countess"}],
    )
    def test_changed_in_auth0(self, shop: Shop, changes: dict[str, Any]) -> None:
        """One update; then there is nothing left to do."""
        shop.moves(**changes)
        assert shop.outcome() is SyncOutcome.DONE

        assert shop.values(shop.adas).items() >= changes.items()
        assert shop.outcome() is SyncOutcome.NOTHING

    @pytest.mark.parametrize(
        "changes", [{"email": None}, {"email": NEW, "email_verified": False}, {"name": None}]
    )
    def test_nothing_is_blanked(self, shop: Shop, changes: dict[str, Any]) -> None:
        """Nor is an unverified address written."""
        before = shop.values(shop.adas)
        shop.moves(**changes)

        assert shop.outcome() is SyncOutcome.NOTHING
        assert shop.values(shop.adas) == before

    def test_the_shops_fields_stay(self, shop: Shop) -> None:
        """Whatever they are."""
        shop.edit(description="a regular", metadata={"vip": "yes"}, phone="+1 555")
        shop.moves(name="Countess")
        shop.outcome()
        body = shop.stripe.account.retrieve(shop.adas)

        assert (body["description"], body["phone"]) == ("a regular", "+1 555")
        assert body["metadata"] == {"vip": "yes", **naming(ADA)}

    @pytest.mark.parametrize("edit", ["Countess", "", "ada"])
    def test_edited_in_stripe(self, shop: Shop, edit: str) -> None:
        """It stays until that field changes in Auth0: another one's change leaves it alone."""
        shop.edit(name=edit)
        assert shop.outcome() is SyncOutcome.NOTHING
        shop.moves(email=NEW)
        assert shop.outcome() is SyncOutcome.DONE
        assert (shop.name() or "", shop.email()) == (edit, NEW)

        shop.moves(name="Lady")
        assert shop.outcome() is SyncOutcome.DONE
        assert shop.name() == "Lady"

    def test_restored_by_policy(self, shop: Shop) -> None:
        """Three times a day, against whoever writes back."""
        restore: dict[str, Any] = {"edited_customers": EditedCustomers.RESTORE}
        for _ in range(3):
            shop.edit(name="Countess")
            assert shop.outcome(**restore) is SyncOutcome.DONE
        shop.edit(name="Countess")
        assert shop.outcome(**restore) is SyncOutcome.HELD

        assert shop.name() == "Countess"
        shop.at(24 * 3600 + 1)
        assert shop.outcome(**restore) is SyncOutcome.DONE

    @pytest.mark.parametrize("kind", [Kind.DIES_AFTER, Kind.LATE])
    def test_correction_without_an_answer(self, shop: Shop, kind: Kind) -> None:
        """It counts among the three: nobody argues longer for want of answers."""
        restore: dict[str, Any] = {"edited_customers": EditedCustomers.RESTORE}
        for number in range(1, 4):
            shop.edit(name="Countess")
            shop.fails(UPDATE, kind, 1.0)
            assert shop.outcome(**restore) in (None, SyncOutcome.AGAIN)
            shop.at(number * LATER)
        shop.edit(name="Countess")

        assert shop.outcome(**restore) is SyncOutcome.HELD
        assert shop.name() == "Countess"

    def test_difference_of_before(self) -> None:
        """Nobody knows which is newer: it is told, and written where somebody says so."""
        shop = Shop()
        del shop.table.items[f"sync#{TENANT}#{ADA.user_id}"]
        shop.moves(email=NEW)
        assert shop.outcome() is SyncOutcome.HELD
        assert shop.email() == OLD

        assert shop.outcome(differences=Differences.APPLY) is SyncOutcome.DONE
        assert shop.email() == NEW


class TestAddress:
    """An address that others may have."""

    @pytest.mark.parametrize("spelling", [NEW, "New@Example.com"])
    def test_taken(self, shop: Shop, spelling: str) -> None:
        """By a customer of the shop's own: it stays as it was, and the rest is written."""
        foreign = shop.customer(spelling)
        shop.moves(email="New@Example.com", name="Countess")

        assert shop.why() == f"the address has {foreign}"
        assert (shop.email(), shop.name()) == (OLD, "Countess")
        shop.stripe.account.delete(foreign)
        assert shop.outcome() is SyncOutcome.DONE
        assert shop.email() == NEW

    @pytest.mark.parametrize("email", ["ada@localhost", "ada@example..com"])
    def test_that_stripe_does_not_take(self, shop: Shop, email: str) -> None:
        """It is held, for a person to look at; the rest is written, and nobody waits for it."""
        shop.moves(email=email, name="Countess")

        synced = shop.sync(ADA)
        assert synced is not None
        assert (synced.outcome, synced.why) == (SyncOutcome.HELD, REFUSED)
        assert (shop.email(), shop.name()) == (OLD, "Countess")
        assert lock_key(TENANT, email)["pk"]["S"] not in shop.table.items
        shop.moves(email=NEW)
        assert shop.outcome() is SyncOutcome.DONE
        assert shop.email() == NEW

    @pytest.mark.parametrize(
        ("param", "why"), [("name", REFUSED), ("id", NO_ANSWER), (None, NO_ANSWER)]
    )
    def test_field_that_stripe_does_not_take(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, param: str | None, why: str
    ) -> None:
        """Likewise; where it blames no field, another try may mend it."""
        shop.moves(name="Countess")
        monkeypatch.setattr(shop.stripe, "update", lambda *_: Refused(param))

        assert shop.why() == why

    def test_of_another_user(self, shop: Shop) -> None:
        """Who has it still."""
        bobs = shop.linked(BOB, NEW)
        shop.moves(email=NEW)

        assert shop.why() == f"the address has {bobs}"
        assert shop.with_address(NEW) == [bobs]

    @pytest.mark.parametrize("accounts", [(), (Identity("auth0", "bob"), Identity("sms", "9"))])
    def test_two_swap(self, shop: Shop, accounts: tuple[Identity, ...]) -> None:
        """Neither waits for the other, even if other accounts were linked to that one."""
        bobs = shop.linked(BOB, NEW)
        shop.moves(BOB, identities=accounts)
        shop.moves(email=NEW)
        shop.moves(BOB, email=OLD)

        assert (shop.outcome(ADA), shop.outcome(BOB)) == (SyncOutcome.DONE, SyncOutcome.DONE)
        assert (shop.with_address(NEW), shop.with_address(OLD)) == ([shop.adas], [bobs])

    @pytest.mark.parametrize("kind", [Kind.LOST, Kind.LATE])
    @pytest.mark.parametrize("changes", [{}, {"name": "Countess"}])
    def test_no_answer_about_the_other(
        self, shop: Shop, kind: Kind, changes: dict[str, Any]
    ) -> None:
        """Whether the other gives the address up nobody knows: another try will tell."""
        shop.linked(BOB, NEW)
        shop.moves(email=NEW, **changes)
        shop.moves(BOB, email=OLD)
        shop.meanwhile(LIST, lambda: shop.fails(LOOK, kind, 1.0))

        assert (shop.why(), shop.email()) == (NO_ANSWER, OLD)
        shop.at(LATER)
        assert (shop.outcome(), shop.email()) == (SyncOutcome.DONE, NEW)

    @pytest.mark.parametrize(
        "changes", [{"email": OLD, "email_verified": False}, {"email": None}, {"customer_id": None}]
    )
    def test_who_does_not_give_it_up(self, shop: Shop, changes: dict[str, Any]) -> None:
        """An address that will not be taken from the other customer is not shared with it."""
        bobs = shop.linked(BOB, NEW)
        shop.moves(email=NEW)
        shop.moves(BOB, **changes)

        assert shop.why() == f"the address has {bobs}"
        assert shop.with_address(NEW) == [bobs]

    def test_sign_up_with_it(self, shop: Shop) -> None:
        """Whoever signs up with the new address comes first; the lock is not given back after."""
        _, ledger, _ = shop.ports()
        bobs = ledger.open(BOB, None, admission=True)
        assert isinstance(bobs, Lease)
        ledger.lock_email(bobs, NEW)
        shop.moves(email=NEW)
        assert "somebody signs up" in str(shop.why())
        assert shop.email() == OLD

        shop.at(80)
        assert shop.outcome() is SyncOutcome.DONE
        told = shop.login(SignUp(user("eve"), 1, email=NEW))
        assert told is not None
        assert told.reason is Reason.EMAIL_IN_USE


class TestLink:
    """What has become of the link."""

    def test_profile_that_lacks_the_id(self, shop: Shop) -> None:
        """It is written, and with it what has changed."""
        shop.moves(customer_id=None, name="Countess")
        assert shop.outcome() is SyncOutcome.DONE

        assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas
        assert shop.name() == "Countess"

    @pytest.mark.parametrize("marker", [None, "unfinished"])
    def test_id_that_a_program_takes_out(self, shop: Shop, marker: str | None) -> None:
        """Three times a day it is written again, whatever else is written over."""
        for number in range(3):
            shop.moves(customer_id=None, marker=marker, name=f"Ada {number}")
            assert shop.outcome() is SyncOutcome.DONE
        shop.moves(customer_id=None)
        assert shop.outcome() is SyncOutcome.HELD
        assert shop.memory()["held"]["S"] == SyncReason.CONTESTED
        assert shop.name() == "Ada 2"

        shop.clock.sleep(DAY_SECONDS)
        assert shop.outcome() is SyncOutcome.DONE
        assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas

    @pytest.mark.parametrize("policy", [DeletedCustomers.CLEAR, DeletedCustomers.RECREATE])
    def test_id_that_a_program_puts_back(self, shop: Shop, policy: DeletedCustomers) -> None:
        """Of a customer that was deleted: likewise."""
        shop.stripe.account.delete(shop.adas)
        for _ in range(3):
            shop.moves(customer_id=shop.adas, marker=None)
            assert shop.outcome(deleted_customers=policy) is SyncOutcome.DONE
            shop.clock.sleep(100)
        shop.moves(customer_id=shop.adas, marker=None)

        assert shop.outcome(deleted_customers=policy) is SyncOutcome.HELD
        assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas

    @pytest.mark.parametrize("known", [True, False])
    def test_what_is_asked_where_nothing_is_to_be_done(self, shop: Shop, *, known: bool) -> None:
        """A link that the ledger has is not looked at twice; one that it has not, it learns of."""
        if not known:
            del shop.table.items[f"signup#{TENANT}#{ADA.user_id}"]
        asked: list[str] = []
        shop.meanwhile("stripe retrieve", lambda: asked.append("again"))
        assert shop.outcome() is SyncOutcome.NOTHING

        assert asked == ([] if known else ["again"])
        assert shop.record(ADA)["customer_id"] == shop.adas

    @pytest.mark.parametrize("adopting", [True, False])
    def test_sign_up_that_is_open_still(self, shop: Shop, *, adopting: bool) -> None:
        """Both sides have the link: it is recorded, and nothing waits to be finished."""
        ledger, item = shop.ports()[1], f"signup#{TENANT}#{ADA.user_id}"
        del shop.table.items[item]
        lease = ledger.open(ADA, None, admission=True)
        assert isinstance(lease, Lease)
        if adopting:
            begun = ledger.begin_adoption(lease, Adoption(shop.adas))
            assert isinstance(begun, Lease)
            lease = begun
        ledger.release(lease)
        assert shop.outcome() is SyncOutcome.NOTHING

        assert (shop.record(ADA)["state"], "is_open" in shop.table.items[item]) == ("linked", False)

    @pytest.mark.parametrize("policy", DeletedCustomers)
    def test_deleted_in_stripe(self, shop: Shop, policy: DeletedCustomers) -> None:
        """By policy: the next login makes another one, or it is made at once, or it is told."""
        shop.stripe.account.delete(shop.adas)
        outcome = shop.outcome(deleted_customers=policy)
        profile = shop.tenant.profiles[ADA.user_id]

        if policy is DeletedCustomers.REPORT:
            assert (outcome, profile.customer_id) == (SyncOutcome.HELD, shop.adas)
            return
        assert outcome is SyncOutcome.DONE
        if policy is DeletedCustomers.CLEAR:
            assert (profile.customer_id, profile.marker) == (None, "unfinished")
            shop.at(100)
            shop.login(SignUp(ADA, 2, email=OLD, marker=Marker.UNFINISHED))
        [made] = shop.named(ADA)
        assert made != shop.adas
        if policy is DeletedCustomers.RECREATE:
            assert (profile.customer_id, profile.marker) == (made, None)

    @pytest.mark.parametrize("policy", DeletedCustomers)
    def test_unknown_to_stripe(self, shop: Shop, policy: DeletedCustomers) -> None:
        """As to another account's key: everything is held, and nothing cleared or made."""
        shop.stripe.account._customers.clear()
        assert shop.outcome(deleted_customers=policy) is SyncOutcome.HELD

        assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas
        assert shop.stripe.account.live_customers() == []

    def test_no_answer(self, shop: Shop) -> None:
        """Never taken for an absence; the next one need not wait."""
        shop.stripe.account.delete(shop.adas)
        shop.fails(LOOK, Kind.LOST)
        assert shop.why() == NO_ANSWER
        assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas

        assert shop.outcome() is SyncOutcome.DONE

    def test_no_answer_to_a_plan(self, shop: Shop) -> None:
        """It is an error, and no plan."""
        shop.fails(LOOK, Kind.LOST)

        with pytest.raises(UnansweredError):
            shop.syncing().plan(ADA)

    @pytest.mark.parametrize(
        ("metadata", "reason"),
        [
            (naming(BOB), SyncReason.MISMATCHED),
            ({"auth0_tenant": "another"}, SyncReason.MISMATCHED),
            ({"superseded_by": "cus_9"}, SyncReason.SUPERSEDED),
        ],
    )
    def test_customer_that_is_not_the_users(
        self, shop: Shop, metadata: dict[str, str], reason: SyncReason
    ) -> None:
        """It is never written, nor is the link changed."""
        shop.edit(metadata=metadata)
        shop.moves(email=NEW)
        synced = shop.sync(ADA)

        assert synced is not None
        assert synced.decision is not None
        assert (synced.outcome, synced.decision.reason) == (SyncOutcome.HELD, reason)
        assert shop.email() == OLD
        assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas

    def test_user_who_is_gone(self, shop: Shop) -> None:
        """The customer stays, and nobody is asked: that is the default."""
        del shop.tenant.profiles[ADA.user_id]

        assert shop.outcome() is SyncOutcome.NOTHING
        assert shop.named(ADA) == [shop.adas]

    def test_user_without_a_customer(self) -> None:
        """None is made: that is for a sign-up."""
        world = World()
        world.tenant.add(BOB, OLD)
        synced = world.sync(BOB)

        assert synced is not None
        assert synced.outcome is SyncOutcome.NOTHING
        assert world.stripe.account.live_customers() == []

    def test_sign_up_under_way(self) -> None:
        """It decides by itself."""
        world = World()
        world.tenant.add(BOB, OLD, marker="unfinished")
        _, ledger, _ = world.ports()
        ledger.open(BOB, None, admission=True)
        synced = world.sync(BOB)

        assert synced is not None
        assert synced.outcome is SyncOutcome.AGAIN
        assert world.stripe.account.live_customers() == []

    def test_other_customer_after_linking(self, shop: Shop) -> None:
        """What was applied to the former one is no value of this one's."""
        shop.moves(name="Countess")
        shop.outcome()
        shop.stripe.account.delete(shop.adas)
        shop.outcome()
        second = shop.customer(NEW, ADA)
        shop.table.items.pop(f"signup#{TENANT}#{ADA.user_id}")
        shop.moves(customer_id=second, marker=None, name="Lady")
        assert shop.outcome() is SyncOutcome.DONE

        assert shop.values(second)["name"] == "Lady"


EMPTIED = {"auth0_user_id": "", "auth0_tenant": ""}


class TestRenaming:
    """A customer whose metadata somebody has emptied, though profile and record have it."""

    @pytest.mark.parametrize("emptied", [EMPTIED, {"auth0_user_id": ""}, {"auth0_user_id": "  "}])
    @pytest.mark.parametrize("policy", [EditedCustomers.KEEP, EditedCustomers.RESTORE])
    def test_names_the_user_again(
        self, shop: Shop, policy: EditedCustomers, emptied: dict[str, str]
    ) -> None:
        """And has what changed meanwhile; the record is as it was."""
        before = shop.record(ADA)
        shop.edit(metadata=emptied)
        shop.moves(email=NEW)
        assert shop.outcome(edited_customers=policy) is SyncOutcome.DONE

        assert (shop.named(ADA), shop.email()) == ([shop.adas], NEW)
        assert shop.record(ADA).keys() == before.keys()
        assert shop.outcome() is SyncOutcome.NOTHING

    def test_is_reported_by_policy(self, shop: Shop) -> None:
        """Not even that is written over then."""
        shop.edit(metadata=EMPTIED)

        assert shop.outcome(edited_customers=EditedCustomers.REPORT) is SyncOutcome.HELD
        assert shop.named(ADA) == []

    def test_against_a_third_program(self, shop: Shop) -> None:
        """Three times a day, counted with whatever else is written over."""
        for _ in range(3):
            shop.edit(metadata=EMPTIED)
            assert shop.outcome() is SyncOutcome.DONE
        shop.edit(metadata=EMPTIED)
        assert shop.outcome() is SyncOutcome.HELD
        assert shop.memory()["held"]["S"] == SyncReason.CONTESTED

        shop.clock.sleep(DAY_SECONDS)
        assert shop.outcome() is SyncOutcome.DONE

    @pytest.mark.parametrize(
        ("changes", "held"),
        [
            (lambda shop: shop.moves(customer_id=None), SyncOutcome.HELD),
            (lambda shop: shop.table.items.pop(f"signup#{TENANT}#{ADA.user_id}"), SyncOutcome.HELD),
            (lambda shop: shop.claimed_by(BOB), SyncOutcome.HELD),
        ],
    )
    def test_whose_it_is_not_certain(
        self, shop: Shop, changes: Callable[[Shop], object], held: SyncOutcome
    ) -> None:
        """Where profile and record do not agree, or another user has claimed it: nobody's."""
        shop.edit(metadata=EMPTIED)
        changes(shop)

        assert shop.outcome() is held
        assert (shop.named(ADA), shop.named(BOB)) == ([], [])
        assert "adopting" not in shop.record(ADA)

    @pytest.mark.parametrize(
        "changes",
        [
            lambda shop: shop.edit(metadata=naming(BOB)),
            lambda shop: shop.edit(metadata={"superseded_by": "cus_9"}),
            lambda shop: shop.stripe.account.delete(shop.adas),
            lambda shop: shop.moves(customer_id=None),
            lambda shop: shop.tenant.profiles.clear(),
            lambda shop: shop.memory().update(sync_epoch={"N": "99"}),
        ],
    )
    def test_change_meanwhile(self, shop: Shop, changes: Callable[[Shop], object]) -> None:
        """It is looked at once more, right before it is named."""
        shop.edit(metadata=EMPTIED)
        shop.meanwhile("adoption#", lambda: changes(shop))

        assert shop.outcome() in (SyncOutcome.AGAIN, SyncOutcome.HELD)
        assert shop.named(ADA) == []
        assert "adopting" not in shop.record(ADA)

    @pytest.mark.parametrize(
        "call", ["SET adopting", "adoption#", REMEMBER, ADOPT, "REMOVE adopting"]
    )
    @pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER])
    def test_dies(self, shop: Shop, call: str, kind: Kind) -> None:
        """At any step: the next one goes on from there, and so does a login."""
        shop.edit(metadata=EMPTIED)
        shop.fails(call, kind)
        assert shop.outcome() is None
        shop.at(LATER)
        assert shop.outcome() in (SyncOutcome.DONE, SyncOutcome.NOTHING)

        assert shop.named(ADA) == [shop.adas]
        shop.login(SignUp(ADA, 2, email=OLD, marker=Marker.UNFINISHED))
        assert shop.named(ADA) == [shop.adas]

    @pytest.mark.parametrize("second", [20, 50])
    def test_late_update(self, shop: Shop, second: float) -> None:
        """A login in between, with another address, makes no second customer."""
        shop.edit(metadata=EMPTIED)
        shop.fails(ADOPT, Kind.LATE, second)
        assert shop.why() == NO_ANSWER
        shop.moves(email=NEW, customer_id=None, marker="unfinished")
        shop.login(SignUp(ADA, 2, email=NEW, marker=Marker.UNFINISHED))
        shop.at(LATER + second)
        shop.login(SignUp(ADA, 3, email=NEW, marker=Marker.UNFINISHED))

        assert shop.named(ADA) == [shop.adas]
        assert len(shop.stripe.account.live_customers()) == 1

    def test_that_stripe_refuses(self, shop: Shop) -> None:
        """Nothing is on its way, so the mark goes."""
        shop.edit(metadata=EMPTIED)
        shop.meanwhile(ADOPT, lambda: shop.stripe.account.delete(shop.adas))

        assert shop.why() == NO_ANSWER
        assert "adopting" not in shop.record(ADA)


GOOGLES = User(TENANT, UserId("google-oauth2|9"))
OWN, LINKED = Identity("auth0", "ada"), Identity("google-oauth2", "9", NEW)


class TestAccounts:
    """Accounts that were linked: the customers follow, by the use case of the shop's own page."""

    def second(self, shop: Shop, **metadata: str) -> CustomerId:
        """Let another account have been linked to Ada's, which had a customer of its own."""
        made = shop.customer(NEW, GOOGLES, metadata)
        shop.moves(identities=(OWN, LINKED))
        return made

    def superseded(self, shop: Shop, customer_id: CustomerId) -> str | None:
        """Return by which customer one is superseded."""
        body = shop.stripe.account.retrieve(customer_id)
        return body["metadata"].get("superseded_by")  # type: ignore[no-any-return]

    def test_both_had_one(self, shop: Shop) -> None:
        """The other one is superseded, once; what changed in Auth0 is followed at the same time."""
        made = self.second(shop)
        shop.moves(name="Countess")
        assert shop.outcome() is SyncOutcome.DONE
        assert (self.superseded(shop, made), shop.name()) == (shop.adas, "Countess")

        shop.fails("stripe supersede", Kind.LOST)
        shop.fails("stripe list", Kind.LOST)
        assert shop.outcome() is SyncOutcome.NOTHING
        assert shop.tenant.profiles[ADA.user_id].customer_id == shop.adas

    def test_only_the_second_had_one(self) -> None:
        """It is the primary's from then on, on both sides."""
        world = World()
        made = world.customer(OLD, GOOGLES)
        world.tenant.add(ADA, OLD, identities=(OWN, LINKED))
        synced = world.sync(ADA)

        assert synced is not None
        assert synced.outcome is SyncOutcome.DONE
        assert world.named(ADA) == [made]
        assert world.tenant.profiles[ADA.user_id].customer_id == made

    @pytest.mark.parametrize("call", [ADOPT, UPDATE])
    @pytest.mark.parametrize("seconds", [0, 30, 57])
    def test_write_for_the_second_on_its_way(self, call: str, seconds: float) -> None:
        """It is waited for: it would take the customer back, or have its values be the former's."""
        shop = Shop()
        shop.edit(metadata=EMPTIED) if call == ADOPT else shop.moves(name="Countess")
        shop.fails(call, Kind.LATE, 60)
        assert shop.why() == NO_ANSWER
        shop.clock.sleep(seconds)
        del shop.tenant.profiles[ADA.user_id]
        shop.tenant.add(GOOGLES, NEW, identities=(LINKED, Identity("auth0", "ada", OLD)))

        assert shop.why(GOOGLES) == LinkFailure.IN_PROGRESS
        assert shop.named(GOOGLES) == []
        shop.at(LATER)
        shop.outcome(GOOGLES)
        assert shop.named(GOOGLES) == [shop.adas]

    def test_neither_had_one(self) -> None:
        """None is made."""
        world = World()
        world.tenant.add(ADA, OLD, identities=(OWN, LINKED))
        synced = world.sync(ADA)

        assert synced is not None
        assert (synced.outcome, world.record(ADA)) == (SyncOutcome.NOTHING, {})

    @pytest.mark.parametrize("linked", [(), (Identity("", ""),), (Identity("", ""),) * 2])
    def test_nobody_to_follow(self, shop: Shop, linked: tuple[Identity, ...]) -> None:
        """What is no account is none that was linked."""
        shop.moves(identities=(OWN, *linked))
        shop.fails("stripe list", Kind.LOST)

        assert shop.outcome() is SyncOutcome.NOTHING

    def test_that_cannot_follow(self, shop: Shop) -> None:
        """A person has to look; the fields do not wait for it, and it is tried again."""
        made = self.second(shop, **{f"key {number}": "x" for number in range(48)})
        shop.moves(name="Countess")
        synced = shop.sync(ADA)
        assert synced is not None
        assert (synced.outcome, synced.reason) == (SyncOutcome.HELD, SyncReason.LINKED)
        assert (shop.name(), shop.memory()["held"]["S"]) == ("Countess", SyncReason.LINKED)

        shop.stripe.account.update(made, {"metadata": {"key 0": ""}})
        assert shop.outcome() is SyncOutcome.NOTHING
        assert self.superseded(shop, made) == shop.adas

    @pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER, Kind.LOST])
    @pytest.mark.parametrize("call", ["stripe supersede", REMEMBER, "stripe list"])
    def test_interrupted(self, shop: Shop, call: str, kind: Kind) -> None:
        """Another try finishes it."""
        made = self.second(shop)
        shop.moves(name="Countess")
        shop.fails(call, kind, times=3 if call == REMEMBER and kind is Kind.LOST else 1)
        assert shop.outcome() in (None, SyncOutcome.AGAIN)
        shop.at(LATER)
        assert shop.outcome() is SyncOutcome.DONE

        assert (self.superseded(shop, made), shop.name()) == (shop.adas, "Countess")

    @pytest.mark.parametrize("call", ["stripe supersede", "stripe list", REMEMBER])
    @pytest.mark.parametrize("identities", [(OWN,), (OWN, LINKED, Identity("sms", "8"))])
    def test_change_meanwhile(
        self, shop: Shop, call: str, identities: tuple[Identity, ...]
    ) -> None:
        """One that was taken apart is let go; one that was linked follows at the next look."""
        self.second(shop)
        shop.meanwhile(call, lambda: shop.moves(identities=identities))
        is_more = len(identities) > 2
        assert shop.outcome() is (SyncOutcome.AGAIN if is_more else SyncOutcome.NOTHING)

        assert shop.outcome() is SyncOutcome.NOTHING
        followed = shop.memory()["followed"]["L"]
        assert len(followed) == len(identities) - 1

    def test_emptied_too(self, shop: Shop) -> None:
        """The user's own customer is named first."""
        made = self.second(shop)
        shop.edit(metadata=EMPTIED)
        assert shop.outcome() is SyncOutcome.AGAIN
        assert shop.outcome() is SyncOutcome.NOTHING

        assert (shop.named(ADA), self.superseded(shop, made)) == ([shop.adas], shop.adas)

    def test_linked_once_more(self, shop: Shop) -> None:
        """After it was taken apart: it is followed again."""
        made = self.second(shop)
        shop.outcome()
        shop.moves(identities=(OWN,))
        shop.outcome()
        shop.stripe.account.update(made, {"metadata": {"superseded_by": ""}})
        shop.moves(identities=(OWN, LINKED))
        assert shop.outcome() is SyncOutcome.NOTHING

        assert self.superseded(shop, made) == shop.adas

    def test_by_another_accounts_key(self, shop: Shop) -> None:
        """It finds nothing, and so nothing counts as done."""
        made = self.second(shop)
        kept = dict(shop.stripe.account._customers)
        shop.stripe.account._customers.clear()
        assert shop.outcome() is SyncOutcome.HELD
        shop.stripe.account._customers.update(kept)
        shop.outcome()

        assert self.superseded(shop, made) == shop.adas

    def test_beside_a_sign_up(self) -> None:
        """It decides first."""
        world = World()
        world.tenant.add(ADA, OLD, marker="unfinished", identities=(OWN, LINKED))
        world.ports()[1].open(ADA, None, admission=True)
        synced = world.sync(ADA)

        assert synced is not None
        assert synced.outcome is SyncOutcome.AGAIN
        assert world.record(ADA)["state"] == "open"


class TestEvents:
    """What events add, where nothing is remembered, and where they cannot be followed now."""

    MOVED = Told(hints=(Former({"email": OLD}),))

    def fresh(self, shop: Shop) -> None:
        """Let the ledger have forgotten everything."""
        shop.table.items.pop(f"sync#{TENANT}#{ADA.user_id}", None)

    def due_in(self, shop: Shop) -> float | None:
        """Return in how many seconds Ada is due; None if she is not."""
        item = shop.memory()
        assert ("is_open" in item) is ("open_since" in item)
        return float(item["open_since"]["N"]) - shop.clock.now if "is_open" in item else None

    def test_former_value_of_auth0(self, shop: Shop) -> None:
        """Stripe has it still: it is followed, though nothing is remembered."""
        self.fresh(shop)
        shop.moves(email=NEW)
        assert shop.outcome() is SyncOutcome.HELD
        synced = shop.sync(ADA, told=self.MOVED)

        assert synced is not None
        assert (synced.outcome, shop.email()) == (SyncOutcome.DONE, NEW)

    def test_former_value_of_stripe(self, shop: Shop) -> None:
        """It was edited: it stays, and stays known for an edit."""
        self.fresh(shop)
        shop.edit(name="Countess")
        told = Told(edits=(Former({"name": "Ada"}, shop.adas),))
        for each in (told, None):
            synced = shop.sync(ADA, told=each)
            assert synced is not None
            assert synced.outcome is SyncOutcome.NOTHING
        assert shop.name() == "Countess"

    @pytest.mark.parametrize("named", [naming(ADA), naming(BOB), {}])
    def test_customer_that_only_an_event_knows(self, named: dict[str, str]) -> None:
        """It is the user's where it names them; else an event says nothing of whose it is."""
        world = World()
        made = world.customer(OLD, metadata=named)
        world.tenant.add(ADA, OLD)
        synced = world.sync(ADA, told=Told(edits=(Former({}, made),)))
        is_adas = named == naming(ADA)

        assert synced is not None
        assert synced.outcome is (SyncOutcome.DONE if is_adas else SyncOutcome.NOTHING)
        assert world.tenant.profiles[ADA.user_id].customer_id == (made if is_adas else None)

    def test_parked(self, shop: Shop) -> None:
        """Of a user of whom nothing is known: what the event said is remembered until it is due."""
        self.fresh(shop)
        shop.moves(email=NEW)
        shop.syncing().park(ADA, self.MOVED)
        assert self.due_in(shop) == AGAIN_SECONDS
        assert [each for each in (OLD, NEW) if each in str(shop.memory())] == []

        assert shop.outcome() is SyncOutcome.DONE
        assert (shop.email(), self.due_in(shop)) == (NEW, None)
        assert "hints" not in shop.memory()

    @pytest.mark.parametrize(
        ("edit", "told"),
        [
            ({"name": "Countess"}, Former({"name": "Ada"})),
            ({"email": NEW}, Former({"email": OLD.upper()})),
            ({"name": ""}, Former({"name": "Ada", "email": NEW})),
        ],
    )
    @pytest.mark.parametrize("times", [1, 3])
    def test_parked_edit(self, shop: Shop, edit: dict[str, str], told: Former, times: int) -> None:
        """It stays known for one until it is due, by digests, and by no other customer's event."""
        self.fresh(shop)
        shop.edit(**edit)
        for customer_id in (CustomerId("cus_other"), shop.adas)[-times:]:
            shop.syncing().park(ADA, Told(edits=(replace(told, customer_id=customer_id),)))
        assert [each for each in (OLD, "Ada") if each in str(shop.memory())] == []

        for _ in range(times):
            assert shop.outcome() is SyncOutcome.NOTHING
        assert (shop.email(), shop.name()) == (
            edit.get("email", OLD),
            edit.get("name", "Ada") or None,
        )
        assert "hints" not in shop.memory()

    def test_parked_edit_of_another_customer(self, shop: Shop) -> None:
        """It says nothing of this one."""
        self.fresh(shop)
        shop.edit(name="Countess")
        told = Told(edits=(Former({"name": "Ada"}, CustomerId("cus_other")),))
        shop.syncing().park(ADA, told)

        assert shop.outcome() is SyncOutcome.HELD

    @pytest.mark.parametrize("call", ["stripe retrieve", UPDATE, GIVE_BACK])
    def test_parked_while_another_is_at_it(self, shop: Shop, call: str) -> None:
        """That one may have seen what was before: the user stays due."""
        shop.moves(email=NEW)
        shop.meanwhile(call, lambda: shop.syncing().park(ADA, self.MOVED))
        assert shop.outcome() is SyncOutcome.DONE
        assert self.due_in(shop) == AGAIN_SECONDS

        assert shop.outcome() is SyncOutcome.NOTHING
        assert self.due_in(shop) is None

    @pytest.mark.parametrize(
        ("happens", "reason"),
        [
            (lambda shop: shop.customer(NEW), SyncReason.EMAIL_TAKEN),
            (lambda shop: shop.stripe.account._customers.clear(), SyncReason.MISSING),
            (lambda shop: shop.edit(metadata=naming(BOB)), SyncReason.MISMATCHED),
        ],
    )
    def test_held(self, shop: Shop, happens: Callable[[Shop], object], reason: SyncReason) -> None:
        """It is due again after a day, then after two; the ledger has why."""
        shop.moves(email=NEW)
        happens(shop)
        for days in (1, 2):
            synced = shop.sync(ADA)
            assert synced is not None
            assert (synced.outcome, synced.reason) == (SyncOutcome.HELD, reason)
            assert (shop.memory()["held"]["S"], self.due_in(shop)) == (reason, days * DAY_SECONDS)
            shop.clock.sleep(days * DAY_SECONDS)

    def test_held_and_mended(self, shop: Shop) -> None:
        """It is followed when it is due, and due no more."""
        foreign = shop.customer(NEW)
        shop.moves(email=NEW)
        shop.why()
        shop.stripe.account.delete(foreign)
        shop.clock.sleep(DAY_SECONDS)
        assert shop.outcome() is SyncOutcome.DONE

        assert (shop.email(), self.due_in(shop)) == (NEW, None)
        assert shop.memory().keys() & {"held", "held_since"} == set()

    def test_again(self, shop: Shop) -> None:
        """What was due is due again soon; what was not, who asked for it asks for once more."""
        shop.fails(LOOK, Kind.LOST, times=2)
        assert shop.why() == NO_ANSWER
        assert self.due_in(shop) is None
        shop.syncing().park(ADA, seconds=-60.0)
        assert shop.why() == NO_ANSWER
        assert self.due_in(shop) == AGAIN_SECONDS

        assert shop.outcome() is SyncOutcome.NOTHING
        assert self.due_in(shop) is None

    @pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER, Kind.LOST])
    @pytest.mark.parametrize("call", [REMEMBER, UPDATE])
    def test_that_is_not_finished(self, shop: Shop, call: str, kind: Kind) -> None:
        """It stays due, however it ended."""
        shop.moves(email=NEW)
        shop.syncing().park(ADA, seconds=-60.0)
        shop.fails(call, kind, times=3 if kind is Kind.LOST else 1)
        shop.outcome()
        assert (self.due_in(shop) or 0.0) < 0

        shop.outside.faults.clear()
        shop.clock.sleep(LATER)
        shop.outcome()
        assert (shop.email(), self.due_in(shop)) == (NEW, None)


class TestInterleavings:
    """Whatever happens in the midst of it."""

    def test_intent_before_effect(self, shop: Shop) -> None:
        """It ends after the write; Auth0 goes back: that is no edit of Stripe's."""
        shop.moves(email=NEW)
        shop.fails(UPDATE, Kind.DIES_AFTER)
        assert shop.outcome() is None
        assert shop.email() == NEW
        shop.moves(email=OLD)
        shop.at(LATER)
        assert shop.outcome() is SyncOutcome.DONE

        assert shop.email() == OLD

    @pytest.mark.parametrize("call", [UPDATE, REMEMBER, GIVE_BACK])
    @pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER])
    @pytest.mark.parametrize("back", [True, False])
    def test_dies(self, shop: Shop, call: str, kind: Kind, *, back: bool) -> None:
        """At any step: the next one finds what there is, and both sides agree."""
        shop.moves(email=NEW, name="Countess")
        shop.fails(call, kind)
        assert shop.outcome() is None
        if back:
            shop.moves(email=OLD, name="Ada")
        shop.at(LATER)
        shop.outcome()

        profile = shop.tenant.profiles[ADA.user_id]
        assert (shop.email(), shop.name()) == (profile.email, profile.name)
        assert shop.outcome() is SyncOutcome.NOTHING

    @pytest.mark.parametrize("second", [40, 60, 69])
    def test_late_write(self, shop: Shop, second: float) -> None:
        """Nobody begins before it has landed, or never will."""
        shop.moves(email=NEW)
        shop.fails(UPDATE, Kind.LATE, second)
        assert shop.why() == NO_ANSWER
        shop.moves(email=OLD)
        shop.at(20)
        assert shop.why() == BUSY
        shop.at(second + 10)
        assert shop.why() == BUSY
        shop.at(LATER + 10)
        assert shop.outcome() is SyncOutcome.DONE

        assert shop.email() == OLD

    @pytest.mark.parametrize("second", [1, 10, 60])
    @pytest.mark.parametrize("changes", [{"email": NEW}, {"name": "Countess"}])
    def test_late_intent(self, shop: Shop, second: float, changes: dict[str, Any]) -> None:
        """One that was repeated changes nothing once the lease is given back: an edit stays."""
        shop.moves(**changes)
        shop.fails(REMEMBER, Kind.LATE, second)
        assert shop.outcome() is SyncOutcome.DONE
        shop.at(second + 1)
        shop.edit(name="Lady", email=THIRD)

        assert shop.outcome() is SyncOutcome.NOTHING
        assert (shop.name(), shop.email()) == ("Lady", THIRD)

    @pytest.mark.parametrize("call", [TAKE, REMEMBER, GIVE_BACK])
    def test_ledger_that_does_not_answer(self, shop: Shop, call: str) -> None:
        """Without a word of what is about to be written, nothing is."""
        shop.moves(email=NEW)
        shop.fails(call, Kind.LOST, times=3)
        synced = shop.sync(ADA)
        failure = Failure(FailedAt.LEDGER, How.NO_ANSWER)
        assert synced == Synced(SyncOutcome.AGAIN, why=NO_LEDGER, failure=failure)

        assert shop.email() == (NEW if call == GIVE_BACK else OLD)
        shop.at(LATER)
        shop.outcome()
        assert shop.email() == NEW

    @pytest.mark.parametrize("call", [TAKE, REMEMBER])
    def test_write_whose_answer_was_lost(self, shop: Shop, call: str) -> None:
        """It is repeated, and knows its own."""
        shop.moves(email=NEW)
        carry_out = shop.dynamodb.table.update_item
        lost = iter([call])

        def update(request: Any) -> Any:
            answer = carry_out(request)
            if call in request["UpdateExpression"] and next(lost, None):
                raise AwsSilentError("TimeoutError")
            return answer

        shop.dynamodb.table.update_item = update  # type: ignore[method-assign]
        assert shop.outcome() is SyncOutcome.DONE
        assert shop.email() == NEW

    def test_two_at_once(self, shop: Shop) -> None:
        """The second one waits for another time."""
        shop.moves(email=NEW)
        whys: list[str | None] = []
        shop.meanwhile(UPDATE, lambda: whys.append(shop.why()))

        assert shop.outcome() is SyncOutcome.DONE
        assert whys == [BUSY]

    def test_zombie(self, shop: Shop) -> None:
        """Whose lease was taken over writes nothing."""
        shop.moves(email=NEW)

        def taken_over() -> None:
            shop.memory()["sync_epoch"] = {"N": "99"}

        shop.meanwhile("stripe retrieve", taken_over)
        shop.outcome()
        assert shop.email() == OLD

    def test_that_takes_too_long(self, shop: Shop) -> None:
        """It writes nothing: its lease may be over by the time that a late write has landed."""
        shop.moves(email=NEW)
        shop.meanwhile("SET holder = :holder, epoch", lambda: shop.clock.sleep(31))
        assert shop.outcome() is SyncOutcome.AGAIN

        assert shop.email() == OLD

    @pytest.mark.parametrize(
        "changes",
        [
            lambda shop: shop.moves(email=THIRD),
            lambda shop: shop.moves(email=THIRD, name="Lady"),
            lambda shop: shop.tenant.profiles.clear(),
            lambda shop: shop.edit(metadata=naming(BOB)),
            lambda shop: shop.edit(metadata={"superseded_by": "cus_9"}),
            lambda shop: shop.stripe.account.delete(shop.adas),
        ],
    )
    @pytest.mark.parametrize("field", ["email", "name"])
    def test_change_meanwhile(
        self, shop: Shop, changes: Callable[[Shop], object], field: str
    ) -> None:
        """What was seen is looked at once more, right before the write."""
        changed: dict[str, Any] = {field: NEW}
        shop.moves(**changed)
        shop.meanwhile("stripe retrieve", lambda: changes(shop))
        assert shop.outcome() in (SyncOutcome.AGAIN, SyncOutcome.HELD)

        assert shop.stripe.account.retrieve(shop.adas).get(field) != NEW

    @pytest.mark.parametrize("changes", [{"email_verified": False}, {"email": None}])
    def test_address_that_counts_no_more(self, shop: Shop, changes: dict[str, Any]) -> None:
        """Between the look and the write."""
        shop.moves(email=NEW)
        shop.meanwhile("stripe retrieve", lambda: shop.moves(**changes))
        assert shop.outcome() is SyncOutcome.AGAIN

        assert shop.email() == OLD

    @pytest.mark.parametrize("policy", [DeletedCustomers.CLEAR, DeletedCustomers.RECREATE])
    def test_link_that_changes_meanwhile(self, shop: Shop, policy: DeletedCustomers) -> None:
        """A profile that has another id by now keeps it."""
        shop.stripe.account.delete(shop.adas)
        second = shop.customer(NEW, ADA)
        once = iter([True])
        get = shop.tenant.get

        def then_another(user_id: str) -> Any:
            found = get(user_id)
            if next(once, None):
                shop.moves(customer_id=second)
            return found

        shop.tenant.get = then_another  # type: ignore[method-assign]
        assert shop.why(deleted_customers=policy) == CHANGED_SINCE
        assert shop.tenant.profiles[ADA.user_id].customer_id == second

    def test_id_that_is_written_meanwhile(self, shop: Shop) -> None:
        """A login has written it: not over that."""
        shop.moves(customer_id=None)
        second = CustomerId("cus_other")
        shop.meanwhile("stripe retrieve", lambda: shop.moves(customer_id=second))
        assert shop.outcome() is SyncOutcome.AGAIN

        assert shop.tenant.profiles[ADA.user_id].customer_id == second


def test_plan_changes_nothing(shop: Shop) -> None:
    """It takes no lease either."""
    shop.moves(email=NEW)
    before = str(shop.table.items)
    plan = shop.syncing().plan(ADA)

    assert (plan.act, plan.writes) == (SyncAct.COMPARE, {"email": NEW})
    assert str(shop.table.items) == before
    assert shop.email() == OLD


def test_error_of_auth0(shop: Shop) -> None:
    """It is raised, and leaves no lease behind."""
    get = shop.tenant.get

    def broken(user_id: str) -> Any:
        raise OSError(f"a text of {user_id}")

    shop.tenant.get = broken  # type: ignore[method-assign]
    with pytest.raises(OSError, match="a text"):
        shop.sync(ADA)
    shop.tenant.get = get  # type: ignore[method-assign]

    assert shop.outcome() is SyncOutcome.NOTHING


def lacks_the_id(shop: Shop) -> None:
    """Let a program have taken the id out of Ada's profile."""
    shop.moves(customer_id=None)


def names_nobody(shop: Shop) -> None:
    """Let somebody have emptied the metadata of Ada's customer."""
    shop.edit(metadata=dict.fromkeys(naming(ADA), ""))


TO_DO: list[Callable[[Shop], object]] = [
    lambda shop: shop.moves(name="Lady"),
    lambda shop: shop.moves(email=NEW),
    lambda shop: shop.moves(email=NEW, name="Lady"),
    lacks_the_id,
    names_nobody,
    lambda shop: shop.stripe.account.delete(shop.adas),
]


class TestTurns:
    """Whoever waits for a turn of a rate limit keeps nobody else waiting."""

    def leased(self, shop: Shop) -> list[str]:
        """Return what a log-in would wait for, or another reconciliation."""
        now, untils = shop.clock.time(), ("lease_until", "sync_until", "adopting")
        return [
            f"{key} {name}"
            for key, item in shop.table.items.items()
            for name in untils
            if name in item and float(item[name].get("N", "inf")) > now
        ]

    @pytest.mark.parametrize("to_do", TO_DO)
    @pytest.mark.parametrize("number", [1, 2])
    def test_none_in_time(
        self,
        shop: Shop,
        to_do: Callable[[Shop], object],
        number: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """They are put off, before and after it was decided: nothing stays leased."""
        to_do(shop)
        before, numbers = shop.clock.time(), itertools.count(1)
        held: list[str] = []

        def ahead(_: WorldOperator, endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
            held.extend(each for each in self.leased(shop) if not each.startswith("sync#"))
            if next(numbers) == number:
                raise NoTurnError
            return nullcontext([*endpoints])  # type: ignore[arg-type]

        policy = SyncPolicy(deleted_customers=DeletedCustomers.RECREATE)
        with monkeypatch.context() as world:
            world.setattr(WorldOperator, "ahead", ahead)
            assert shop.sync(ADA, policy) == Synced(SyncOutcome.AGAIN, why=NO_TURN)

        assert held == self.leased(shop) == []
        assert shop.outcome(deleted_customers=DeletedCustomers.RECREATE) is SyncOutcome.DONE
        assert shop.clock.time() == before

    @pytest.mark.parametrize("to_do", TO_DO)
    def test_none_while_it_acts(
        self, to_do: Callable[[Shop], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whichever request has none: the lease ends at once, as nothing was sent."""
        for number in itertools.count(1):
            shop = Shop()
            to_do(shop)
            if self.is_done(shop, number, monkeypatch):
                break
            assert self.leased(shop) == []
        assert number >= 2

    def is_done(self, shop: Shop, number: int, monkeypatch: pytest.MonkeyPatch) -> bool:
        """Reconcile, with no turn for one request to Auth0; return whether it had so many."""
        numbers, get = itertools.count(1), shop.tenant.get

        def read(user_id: str) -> Profile | None:
            if next(numbers) == number:
                raise NoTurnError
            return get(user_id)

        with monkeypatch.context() as world:
            world.setattr(shop.tenant, "get", read)
            shop.outcome(deleted_customers=DeletedCustomers.RECREATE)
        return next(numbers) <= number
