"""A repair plan's acts, each with what it expects to find at the moment of change."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import pytest
from tests.interleaving import (
    ADOPT,
    LIST,
    OPEN,
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

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import DESCRIPTION
from customerlink.model.customer_values import Former, Told
from customerlink.model.drift import Drift
from customerlink.model.listed_customer import ABANDONED_AFTER_SECONDS, Absence, ListedCustomer
from customerlink.model.profile import Identity
from customerlink.model.rates import A_USER
from customerlink.model.repair_plan import Act, Step
from customerlink.model.row import Row
from customerlink.model.sign_up_record import SETTLED_SECONDS, Adoption, Lease, Linked
from customerlink.model.sync import SyncReason
from customerlink.model.sync_memory import AGAIN_SECONDS, SYNC_LEASE_SECONDS
from customerlink.model.trouble import Trouble
from customerlink.model.user import CustomerId, User
from customerlink.usecases.delete_customer import Deletion
from customerlink.usecases.repair import Outcome, Repair, Result
from customerlink.usecases.synced import BUSY, SyncOutcome
from customerlink.usecases.whose_customer import RUNNING

ADA, BOB = user("ada"), user("bob")
ADAS = "ada@example.com"
NOWHERE = CustomerId("cus_nowhere")


@dataclass(frozen=True)
class Watched(WorldDirectory):
    """The customers, and what happens as soon as one was looked at."""

    afterwards: Callable[[CustomerId], object]

    def retrieve(self, customer_id: CustomerId) -> ListedCustomer | Absence:
        """Retrieve."""
        found = super().retrieve(customer_id)
        self.afterwards(customer_id)
        return found


@dataclass
class Plan:
    """A plan of one step, and the world that it is carried out in."""

    world: World = field(default_factory=World)
    turns: int = 0
    afterwards: Callable[[CustomerId], object] = lambda _: None
    """What happens as soon as a customer was looked at."""
    unknown_is_gone: bool = False

    def carry_out(self, act: Act, customer_id: str | None, user_id: str | None = None) -> Result:
        """Carry out an act; return what became of it."""
        step = Step(act, Drift.LINKED, user_id or ADA.user_id, customer_id, "a reason")
        directory = Watched(self.world.stripe.account, self.afterwards)
        tenant, operator = self.world.tenant, WorldOperator(self.world, Turns(self._turn))
        addresses = self.world.addresses()
        ours = tenant, tenant, directory, operator, addresses, self.world.clock
        worker = Repair(TENANT, *ours, unknown_is_gone=self.unknown_is_gone)
        [result] = worker.apply([step])
        return result

    def done(self, act: Act, customer_id: str | None) -> None:
        """Carry out what nothing stands in the way of."""
        assert self.carry_out(act, customer_id).outcome is Outcome.DONE

    def skipped(self, act: Act, customer_id: str | None) -> str:
        """Carry out what has to be skipped; return why."""
        before = self.world.stripe.account.live_customers(), {**self.world.tenant.profiles}
        result = self.carry_out(act, customer_id)
        after = self.world.stripe.account.live_customers(), {**self.world.tenant.profiles}
        assert (result.outcome, after) == (Outcome.SKIPPED, before)
        return result.why

    def profile(self) -> tuple[str | None, str | None]:
        """Return what Ada's profile says of her customer."""
        profile = self.world.tenant.profiles[ADA.user_id]
        return profile.customer_id, profile.marker

    def registered(self, **changes: Any) -> CustomerId:
        """Let there be the customer of a registration that led to nobody, two days old."""
        made = self.world.customer(ADAS, registrant("db", ADAS))
        self.world.stripe.account.update(made, {"description": DESCRIPTION, **changes})
        self.world.at(2 * ABANDONED_AFTER_SECONDS)
        return made

    def opened(self, who: User) -> tuple[DynamoDbLedger, Lease]:
        """Let an invocation be at it right now; return its ledger, and its lease."""
        _, ledger, _ = self.world.ports()
        lease = ledger.open(who, None, admission=True)
        assert isinstance(lease, Lease)
        return ledger, lease

    def _turn(self) -> None:
        self.turns += 1


@pytest.fixture
def plan() -> Plan:
    """Return an empty world."""
    return Plan()


class TestRecord:
    """Write the customer's id into the profile."""

    def test_done(self, plan: Plan) -> None:
        """The ledger knows the link as well."""
        made = plan.world.customer(ADAS, ADA)
        plan.world.tenant.add(ADA, ADAS, marker="unfinished")
        plan.done(Act.RECORD, made)

        assert plan.profile() == (made, None)
        assert plan.world.record(ADA)["customer_id"] == made

    def test_skipped(self, plan: Plan) -> None:
        """The user is gone, has an id by now, or the customer names somebody else."""
        made = plan.world.customer(ADAS, BOB)
        assert plan.skipped(Act.RECORD, made) == "the user is gone"
        plan.world.tenant.add(ADA, ADAS)
        assert "does not name the user" in plan.skipped(Act.RECORD, made)
        plan.world.tenant.add(ADA, ADAS, customer_id=NOWHERE)
        assert "an id by now" in plan.skipped(Act.RECORD, made)

    def test_login_that_is_under_way(self, plan: Plan) -> None:
        """It is left to finish by itself."""
        made = plan.world.customer(ADAS, ADA)
        plan.world.tenant.add(ADA, ADAS)
        plan.opened(ADA)

        assert plan.skipped(Act.RECORD, made) == "in_progress"


class TestProvision:
    """Run the pipeline."""

    def test_done(self, plan: Plan) -> None:
        """A customer, and the link in the profile."""
        plan.world.tenant.add(ADA, ADAS)
        plan.done(Act.PROVISION, None)

        assert plan.profile() == (plan.world.named(ADA)[0], None)

    def test_skipped(self, plan: Plan) -> None:
        """The user is gone, somebody has the address, or the user has a customer by now."""
        assert plan.skipped(Act.PROVISION, None) == "the user is gone"
        taken = plan.world.customer(ADAS, BOB)
        plan.world.tenant.add(ADA, ADAS)
        assert plan.skipped(Act.PROVISION, None) == f"the address has {taken}"
        made = plan.world.customer("ada@other.example.com", ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        assert "an id by now" in plan.skipped(Act.PROVISION, None)


class TestClear:
    """Take an id that leads nowhere out of the profile."""

    def test_done(self, plan: Plan) -> None:
        """The next login finishes the sign-up."""
        dead = plan.world.customer(ADAS, ADA)
        plan.world.stripe.account.delete(dead)
        plan.world.tenant.add(ADA, ADAS, customer_id=dead)
        plan.done(Act.CLEAR, dead)

        assert plan.profile() == (None, "unfinished")

    def test_skipped(self, plan: Plan) -> None:
        """The user is gone, the profile has another id, or the customer is there after all."""
        dead = plan.world.customer("old@example.com", ADA)
        plan.world.stripe.account.delete(dead)
        assert plan.skipped(Act.CLEAR, dead) == "the user is gone"
        made = plan.world.customer(ADAS, ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        assert "another id by now" in plan.skipped(Act.CLEAR, dead)
        assert plan.skipped(Act.CLEAR, made) == "the customer is there"

    @pytest.mark.parametrize("customer_id", [NOWHERE, "cus_of_another_account", "cus_1"])
    def test_customer_that_stripe_does_not_know(self, plan: Plan, customer_id: str) -> None:
        """As to another account's key: that is no deletion, and clears no link."""
        plan.world.customer(ADAS, ADA)
        plan.world.stripe.account._customers.clear()
        plan.world.tenant.add(ADA, ADAS, customer_id=CustomerId(customer_id))

        assert "does not say that it was deleted" in plan.skipped(Act.CLEAR, customer_id)
        assert plan.profile() == (customer_id, None)

    def test_somebody_vouches_for_the_key(self, plan: Plan) -> None:
        """Then what Stripe does not know is gone, as after all test data were deleted."""
        made = plan.world.customer(ADAS, ADA)
        plan.world.stripe.account._customers.clear()
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.unknown_is_gone = True
        plan.done(Act.CLEAR, made)

        assert plan.profile() == (None, "unfinished")


class TestClearRecorded:
    """The same where the ledger links it: what no login gives up would keep its user out."""

    @pytest.fixture
    def dead(self, plan: Plan) -> CustomerId:
        """Let Ada have a customer that Stripe does not know any more, by somebody's word."""
        plan.world.tenant.add(ADA, ADAS)
        plan.done(Act.PROVISION, None)
        plan.world.stripe.account._customers.clear()
        plan.unknown_is_gone = True
        return CustomerId(str(plan.profile()[0]))

    def test_done(self, plan: Plan, dead: CustomerId) -> None:
        """The next try makes one, and the record has it."""
        plan.done(Act.CLEAR, dead)
        assert plan.profile() == (None, "unfinished")
        plan.done(Act.PROVISION, None)

        [made] = plan.world.named(ADA)
        assert plan.profile() == (made, None)
        assert made != dead
        assert plan.world.record(ADA)["customer_id"] == made

    def test_login_that_is_under_way(self, plan: Plan, dead: CustomerId) -> None:
        """It is left to end, and the profile as it is."""
        _, ledger, _ = plan.world.ports()
        reopened = ledger.reopen(ADA, Linked(dead, 1), None)
        assert isinstance(reopened, Lease)

        assert plan.skipped(Act.CLEAR, dead) == RUNNING
        ledger.link(reopened, dead)
        plan.done(Act.CLEAR, dead)

    def test_record_of_another_customer(self, plan: Plan, dead: CustomerId) -> None:
        """It stays: the next login has that one."""
        plan.world.tenant.add(ADA, ADAS, customer_id=NOWHERE)
        before = plan.world.record(ADA)
        plan.done(Act.CLEAR, NOWHERE)

        assert plan.world.record(ADA) == before
        assert before["customer_id"] == dead

    @pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER])
    @pytest.mark.parametrize("calls", range(5))
    def test_interrupted(self, plan: Plan, dead: CustomerId, calls: int, kind: Kind) -> None:
        """Wherever it dies, the same plan ends it, and one customer comes of it."""
        carry_out = plan.world.outside.call
        left = itertools.repeat(None, calls)

        def dying(text: str, effect: Callable[[], Any], given_up: Callable[[], Any]) -> Any:
            if next(left, "none") is None:
                return carry_out(text, effect, given_up)
            plan.world.fails("", kind)
            return carry_out(text, effect, given_up)

        with patch.object(plan.world.outside, "call", dying), suppress(CrashError):
            plan.carry_out(Act.CLEAR, dead)
        assert plan.profile()[0] in (dead, None)
        plan.world.at(SETTLED_SECONDS)
        if plan.profile()[0]:
            plan.done(Act.CLEAR, dead)
        plan.done(Act.PROVISION, None)

        assert plan.world.named(ADA) == [plan.profile()[0]]


class TestSetEmail:
    """Let the customer have the user's address."""

    def test_done(self, plan: Plan) -> None:
        """Then both sides have the same."""
        made = plan.world.customer("old@example.com", ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.done(Act.SET_EMAIL, made)

        assert plan.world.with_address(ADAS) == [made]

    def test_skipped(self, plan: Plan) -> None:
        """The profile or the customer has changed, or they agree."""
        made = plan.world.customer("old@example.com", BOB)
        assert "profile has changed" in plan.skipped(Act.SET_EMAIL, made)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        assert plan.skipped(Act.SET_EMAIL, made) == SyncReason.MISMATCHED
        mine = plan.world.customer(ADAS, ADA)
        plan.world.tenant.add(ADA, ADAS.upper(), customer_id=mine)
        assert plan.skipped(Act.SET_EMAIL, mine) == "the addresses agree by now"

    @pytest.mark.parametrize("profile", [{"email_verified": False}, {"email": None}])
    def test_address_that_may_not_be_used(self, plan: Plan, profile: dict[str, Any]) -> None:
        """By policy: invoices go there."""
        made = plan.world.customer("old@example.com", ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        profiles = plan.world.tenant.profiles
        profiles[ADA.user_id] = replace(profiles[ADA.user_id], **profile)

        assert "--email-changes" in plan.skipped(Act.SET_EMAIL, made)

    def test_nothing_but_the_address(self, plan: Plan) -> None:
        """Whoever edited it in Stripe; what sync knows of other fields, it knows still."""
        made = plan.world.customer(ADAS, ADA)
        plan.world.stripe.account.update(made, {"name": "Ada"})
        plan.world.tenant.add(ADA, ADAS, customer_id=made, name="Ada")
        plan.world.sync(ADA)
        plan.world.stripe.account.update(made, {"name": "Countess", "email": "old@example.com"})
        plan.done(Act.SET_EMAIL, made)

        values = plan.world.values(made)
        assert (values["email"], values["name"]) == (ADAS, "Countess")
        again = plan.world.sync(ADA)
        assert again is not None
        assert again.outcome is SyncOutcome.NOTHING

    @pytest.mark.parametrize("email", ["old@example.com", ADAS])
    def test_who_is_due(self, plan: Plan, email: str) -> None:
        """Stays due, with what events said: of other fields a repair of addresses knows nothing."""
        made = plan.world.customer(email, ADA)
        plan.world.stripe.account.update(made, {"name": "Ada"})
        plan.world.tenant.add(ADA, ADAS, customer_id=made, name="Countess")
        told = Told(hints=(Former({"name": "Ada"}),))
        plan.world.syncing().park(ADA, told)
        plan.carry_out(Act.SET_EMAIL, made)
        item = plan.world.table.items[f"sync#{TENANT}#{ADA.user_id}"]
        assert float(item["open_since"]["N"]) == plan.world.clock.now + AGAIN_SECONDS

        plan.world.sync(ADA)
        assert plan.world.values(made)["name"] == "Countess"
        assert "open_since" not in plan.world.table.items[f"sync#{TENANT}#{ADA.user_id}"]

    def test_deleted_customer(self, plan: Plan) -> None:
        """Its link is for another kind of repair."""
        made = plan.world.customer("old@example.com", ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.world.stripe.account.delete(made)

        assert plan.skipped(Act.SET_EMAIL, made) == SyncReason.DELETED

    def test_while_another_looks(self, plan: Plan) -> None:
        """One at a time."""
        made = plan.world.customer("old@example.com", ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        WorldOperator(plan.world).sync_ledger().take(ADA)

        assert plan.skipped(Act.SET_EMAIL, made) == BUSY


class TestClaim:
    """Let a registration's customer name the user."""

    def test_done(self, plan: Plan) -> None:
        """The profile's registration is the proof."""
        who = registrant("db", ADAS)
        made = plan.world.customer(ADAS, who)
        plan.world.tenant.add(ADA, ADAS, customer_id=made, registration_id=who.registration_id)
        plan.done(Act.CLAIM, made)

        assert plan.world.named(ADA) == [made]

    def test_skipped(self, plan: Plan) -> None:
        """The user is gone, or the profile has another id."""
        made = plan.world.customer(ADAS, registrant("db", ADAS))
        assert plan.skipped(Act.CLAIM, made) == "the user is gone"
        plan.world.tenant.add(ADA, ADAS)
        assert "another id by now" in plan.skipped(Act.CLAIM, made)


class TestAdopt:
    """Let a customer that names nobody name the user whose profile has its id."""

    def test_done(self, plan: Plan) -> None:
        """Both sides say so then, the ledger as well, and the marker of a denial is gone."""
        made = plan.world.customer(ADAS.title())
        plan.world.tenant.add(ADA, ADAS, customer_id=made, marker="unfinished")
        plan.done(Act.ADOPT, made)

        assert plan.world.named(ADA) == [made]
        assert plan.profile() == (made, None)
        assert plan.world.record(ADA)["customer_id"] == made

    def test_skipped(self, plan: Plan) -> None:
        """The user is gone, has another id, or has proved nothing."""
        made = plan.world.customer(ADAS)
        assert plan.skipped(Act.ADOPT, made) == "the user is gone"
        plan.world.tenant.add(ADA, ADAS)
        assert "another id by now" in plan.skipped(Act.ADOPT, made)
        plan.world.tenant.add(ADA, ADAS, customer_id=NOWHERE)
        assert "another id by now" in plan.skipped(Act.ADOPT, NOWHERE)
        plan.world.tenant.add(ADA, "new@example.com", customer_id=made)
        assert "different addresses" in plan.skipped(Act.ADOPT, made)
        profile = replace(plan.world.tenant.profiles[ADA.user_id], email_verified=False)
        plan.world.tenant.profiles[ADA.user_id] = profile
        assert "not verified" in plan.skipped(Act.ADOPT, made)

    @pytest.mark.parametrize(
        "named",
        [
            {"auth0_user_id": BOB.user_id},
            {"auth0_user_id": "?"},
            {"auth0_tenant": "other"},
            {"auth0_registration_id": "1"},
        ],
    )
    def test_somebodys_by_now(self, plan: Plan, named: dict[str, str]) -> None:
        """Nobody's name is overwritten."""
        made = plan.world.customer(ADAS, metadata=named)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)

        assert "names somebody by now" in plan.skipped(Act.ADOPT, made)

    @pytest.mark.parametrize("email", [ADAS, "bob@example.com", ""])
    def test_two_profiles(self, plan: Plan, email: str) -> None:
        """Neither of them gets it, though the plan may be for both, whatever their address."""
        made = plan.world.customer(ADAS)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.world.tenant.add(BOB, email, customer_id=made)

        assert BOB.user_id in plan.skipped(Act.ADOPT, made)
        other = plan.carry_out(Act.ADOPT, made, BOB.user_id)
        assert (other.outcome, plan.world.named(BOB)) == (Outcome.SKIPPED, [])

    @pytest.mark.parametrize(
        "changes",
        [
            {"metadata": {"auth0_user_id": BOB.user_id}},
            {"metadata": {"auth0_user_id": "auth0|x", "auth0_tenant": "other"}},
            {"metadata": {"auth0_tenant": "other"}},
            {"email": "bob@example.com"},
        ],
    )
    def test_changed_after_the_look(self, plan: Plan, changes: dict[str, Any]) -> None:
        """It is looked at once more under the lease."""
        made = plan.world.customer(ADAS)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        account = plan.world.stripe.account
        plan.world.meanwhile(LIST, lambda: account.update(made, changes))

        result = plan.carry_out(Act.ADOPT, made)
        assert (result.outcome, result.why) == (Outcome.SKIPPED, "the customer has changed")
        assert plan.world.named(ADA) == []

    def test_claimed(self, plan: Plan) -> None:
        """For good: another user's update may still be on its way, whatever is written by now."""
        made = plan.world.customer(ADAS)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        _, ledger, _ = plan.world.ports()
        assert ledger.claim(BOB, Adoption(made))

        assert plan.skipped(Act.ADOPT, made) == "another user has claimed the customer"

    def test_another_one_names_the_user(self, plan: Plan) -> None:
        """Two customers of one user come to be no more than one."""
        made, own = plan.world.customer(ADAS), plan.world.customer(ADAS, ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)

        assert plan.skipped(Act.ADOPT, made) == f"the user has {own}"

    def test_login_that_is_under_way(self, plan: Plan) -> None:
        """It is left to finish by itself."""
        made = plan.world.customer(ADAS)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.opened(ADA)

        assert plan.skipped(Act.ADOPT, made) == "in_progress"

    def test_again(self, plan: Plan) -> None:
        """What was done is skipped, and said."""
        made = plan.world.customer(ADAS)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.done(Act.ADOPT, made)

        assert "names somebody by now" in plan.skipped(Act.ADOPT, made)

    @pytest.mark.parametrize("kind", [Kind.LOST, Kind.LATE])
    def test_lost_answer(self, plan: Plan, kind: Kind) -> None:
        """The same plan finishes what it began."""
        made = plan.world.customer(ADAS)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.world.fails(ADOPT, kind, 30)
        assert plan.skipped(Act.ADOPT, made) == "provisioning_failed"
        plan.world.at(20)
        plan.done(Act.ADOPT, made)
        plan.world.at(40)

        assert plan.world.named(ADA) == [made]


class TestLowerEmail:
    """Write a customer's address in lower case."""

    @pytest.mark.parametrize("who", [None, ADA, registrant("db", ADAS)])
    @pytest.mark.parametrize("email", ["Ada@example.com", "ada@Example.com", "ADA@EXAMPLE.COM"])
    def test_done(self, plan: Plan, who: User | None, email: str) -> None:
        """Whosever it is, it is that afterwards."""
        made = plan.world.customer(email, who)
        before = plan.world.stripe.account.retrieve(made)["metadata"]
        plan.done(Act.LOWER_EMAIL, made)

        assert plan.world.with_address(ADAS) == [made]
        assert plan.world.stripe.account.retrieve(made)["metadata"] == before

    def test_skipped(self, plan: Plan) -> None:
        """The customer is gone, has none of that by now, or is another tenant's."""
        assert plan.skipped(Act.LOWER_EMAIL, NOWHERE) == "the customer is gone"
        made = plan.world.customer(ADAS)
        assert "in lower case by now" in plan.skipped(Act.LOWER_EMAIL, made)
        foreign = plan.world.customer("Bob@example.com", metadata={"auth0_tenant": "other"})
        assert "another tenant's" in plan.skipped(Act.LOWER_EMAIL, foreign)
        without = plan.world.stripe.make({"metadata": {}})
        assert "in lower case by now" in plan.skipped(Act.LOWER_EMAIL, without)

    @pytest.mark.parametrize("who", [None, ADA, BOB])
    def test_another_customer_has_it(self, plan: Plan, who: User | None) -> None:
        """Two customers would have one address: somebody has to decide."""
        taken = plan.world.customer(ADAS)
        made = plan.world.customer("Ada@example.com", who)

        assert plan.skipped(Act.LOWER_EMAIL, made) == f"the address has {taken}"

    def test_two_that_differ_by_case_alone(self, plan: Plan) -> None:
        """One of them comes to have it."""
        first, second = (
            plan.world.customer(each) for each in ("Ada@example.com", "ADA@example.com")
        )
        plan.done(Act.LOWER_EMAIL, first)
        plan.world.at(100)

        assert plan.skipped(Act.LOWER_EMAIL, second) == f"the address has {first}"


class TestRename:
    """Let a customer that was made under a wrong tenant's name name this one."""

    def made(self, plan: Plan, email: str = ADAS, **metadata: str) -> CustomerId:
        """Put in a customer that names the user under another tenant's name."""
        named = {"auth0_user_id": ADA.user_id, "auth0_tenant": "127"}
        return plan.world.customer(email, metadata=named | metadata)

    @pytest.mark.parametrize("is_linked", [True, False])
    def test_done(self, plan: Plan, is_linked: bool) -> None:  # noqa: FBT001
        """With the id in the profile, or for want of it by the address."""
        made = self.made(plan)
        plan.world.tenant.add(ADA, ADAS, customer_id=made if is_linked else None)
        plan.done(Act.RENAME, made)

        assert (plan.profile()[0], plan.world.named(ADA)) == (made, [made])
        assert "does not name the user under" in plan.skipped(Act.RENAME, made)

    def test_skipped(self, plan: Plan) -> None:
        """The user is gone, has another customer, or the customer names somebody else by now."""
        made = self.made(plan)
        assert plan.skipped(Act.RENAME, made) == "the user is gone"
        plan.world.tenant.add(ADA, ADAS, customer_id="cus_else")
        assert "another id" in plan.skipped(Act.RENAME, made)
        plan.world.tenant.add(ADA, "other@example.com")
        assert "different addresses" in plan.skipped(Act.RENAME, made)
        plan.world.tenant.add(ADA, "")
        assert "different addresses" in plan.skipped(Act.RENAME, made)

    @pytest.mark.parametrize(
        "metadata",
        [
            {"auth0_user_id": "auth0|eve"},
            {"auth0_tenant": str(TENANT)},
            {"auth0_tenant": "no tenant's name"},
            {"superseded_by": "cus_2"},
        ],
    )
    def test_named_otherwise_by_now(self, plan: Plan, metadata: dict[str, str]) -> None:
        """It is none that was made under a wrong name."""
        made = self.made(plan, **metadata)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)

        assert "does not name the user under" in plan.skipped(Act.RENAME, made)

    def test_user_who_has_one(self, plan: Plan) -> None:
        """Whose the second one is, a person decides."""
        made, own = self.made(plan), plan.world.customer(ADAS, ADA)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)

        assert plan.skipped(Act.RENAME, made) == f"the user has {own}"

    def test_login_that_is_under_way(self, plan: Plan) -> None:
        """It goes first."""
        made = self.made(plan)
        plan.world.tenant.add(ADA, ADAS, customer_id=made)
        plan.opened(ADA)

        assert plan.skipped(Act.RENAME, made) == "in_progress"


class TestFollow:
    """Let a linked account's customer follow into the primary."""

    LINKED = (Identity("auth0", "ada"), Identity("auth0", "bob"))

    def test_done(self, plan: Plan) -> None:
        """It becomes the primary's, who had none."""
        made = plan.world.customer(ADAS, BOB)
        plan.world.tenant.add(ADA, ADAS, identities=self.LINKED)
        plan.done(Act.FOLLOW, made)

        assert (plan.profile()[0], plan.world.named(ADA)) == (made, [made])

    def test_skipped(self, plan: Plan) -> None:
        """The primary is gone, or the customer names nobody who is a part of it."""
        made = plan.world.customer(ADAS, BOB)
        assert plan.skipped(Act.FOLLOW, made) == "the user is gone"
        plan.world.tenant.add(ADA, ADAS, identities=self.LINKED[:1])
        assert "names no account" in plan.skipped(Act.FOLLOW, made)
        plan.world.tenant.add(ADA, ADAS, identities=self.LINKED)
        assert "names no account" in plan.skipped(Act.FOLLOW, NOWHERE)
        nobodys = plan.world.customer(ADAS)
        assert "names no account" in plan.skipped(Act.FOLLOW, nobodys)

    def test_login_that_is_under_way(self, plan: Plan) -> None:
        """Of either account: its customer may still be made."""
        made = plan.world.customer(ADAS, BOB)
        plan.world.tenant.add(ADA, ADAS, identities=self.LINKED)
        plan.opened(BOB)

        assert plan.skipped(Act.FOLLOW, made) == "in_progress"

    @pytest.mark.parametrize("seconds", [0, 30, SYNC_LEASE_SECONDS - 1])
    def test_look_that_is_under_way(self, plan: Plan, seconds: float) -> None:
        """Likewise at what was sent for the account after its sign-up."""
        made = plan.world.customer(ADAS, BOB)
        plan.world.tenant.add(ADA, ADAS, identities=self.LINKED)
        assert WorldOperator(plan.world).sync_ledger().take(BOB)
        plan.world.clock.sleep(seconds)

        assert plan.skipped(Act.FOLLOW, made) == "in_progress"
        plan.world.clock.sleep(SYNC_LEASE_SECONDS + 1)
        plan.done(Act.FOLLOW, made)

    def test_customer_that_goes_meanwhile(self, plan: Plan) -> None:
        """Between the look at it and the change: nothing is left to follow."""
        made = plan.world.customer(ADAS, BOB)
        plan.world.tenant.add(ADA, ADAS, identities=self.LINKED)
        plan.afterwards = plan.world.stripe.account.delete
        result = plan.carry_out(Act.FOLLOW, made)

        assert (result.outcome, result.why) == (Outcome.SKIPPED, "the customer has moved on")
        assert plan.profile() == (None, None)


class TestRemove:
    """Delete a registration's customer."""

    @pytest.mark.parametrize("end", [Deletion.TOO_LATE, Deletion.UNKNOWN])
    def test_not_known_to_be_deleted(
        self, plan: Plan, monkeypatch: pytest.MonkeyPatch, end: Deletion
    ) -> None:
        """Told as it is; nobody registers while a deletion may be on its way."""
        made = plan.registered()
        if end is Deletion.TOO_LATE:
            plan.world.tenant.meanwhile = lambda: plan.world.clock.sleep(6)
        else:
            monkeypatch.setattr(Watched, "delete", lambda *_: False)

        assert plan.skipped(Act.REMOVE, made) == end
        record = plan.world.record(registrant("db", ADAS))
        assert record.get("state") == (None if end is Deletion.TOO_LATE else "open")

    def test_done(self, plan: Plan) -> None:
        """Nobody came of it, and the address is free again."""
        plan.done(Act.REMOVE, plan.registered())

        assert plan.world.with_address(ADAS) == []

    def test_registration_that_was_recorded(self, plan: Plan) -> None:
        """Its record is opened again for as long as the customer is deleted."""
        made = plan.registered()
        ledger, lease = plan.opened(registrant("db", ADAS))
        ledger.link(lease, made)
        plan.done(Act.REMOVE, made)

        assert plan.world.with_address(ADAS) == []
        assert "customer_id" not in plan.world.record(registrant("db", ADAS))

    def test_somebody_registers_right_now(self, plan: Plan) -> None:
        """With the address: the customer is about to be theirs."""
        made = plan.registered()
        plan.opened(registrant("db", ADAS))

        assert plan.skipped(Act.REMOVE, made) == "somebody registers right now"

    def test_ledger_that_does_not_answer(self, plan: Plan) -> None:
        """Nothing is deleted without it, and the plan goes on with its next step."""
        made = plan.registered()
        plan.world.fails(OPEN, Kind.LOST, times=99)

        assert plan.carry_out(Act.REMOVE, made).outcome is Outcome.FAILED
        assert plan.world.stripe.account.live_customers()

    def test_gone(self, plan: Plan) -> None:
        """Deleted, or never there; or no registration's."""
        made = plan.registered()
        plan.world.stripe.account.delete(made)
        theirs = plan.world.customer(ADAS, BOB)

        for each in (made, NOWHERE, theirs):
            assert "is gone, or is no registration's" in plan.skipped(Act.REMOVE, each)

    def test_profile_that_has_it(self, plan: Plan) -> None:
        """The user's first login will claim it."""
        made = plan.registered()
        plan.world.tenant.add(ADA, ADAS, customer_id=made)

        assert plan.skipped(Act.REMOVE, made) == "a user has it"

    def test_changed_by_hand(self, plan: Plan) -> None:
        """It is somebody's by now."""
        made = plan.registered(description="Our best customer")

        assert "was changed" in plan.skipped(Act.REMOVE, made)


def test_decision(plan: Plan) -> None:
    """It is left to a person, without a turn and without a look."""
    result = plan.carry_out(Act.DECIDE, None)

    assert (result.outcome, result.why, plan.turns) == (Outcome.LEFT, "a reason", 0)


def test_turns(plan: Plan) -> None:
    """Each act waits for one."""
    plan.skipped(Act.CLEAR, NOWHERE)

    assert plan.turns == len(A_USER)


class TestSteps:
    """What one step has costs no other one anything."""

    STEPS = tuple(Step(Act.CLEAR, Drift.DANGLING, ADA.user_id, f"cus_{e}", "") for e in "abc")

    @pytest.mark.parametrize("error", [TypeError(), KeyError("text"), OSError("text")])
    def test_that_raises(self, plan: Plan, error: Exception) -> None:
        """It has failed, by the exception's kind; what comes next in the plan is carried out."""
        first, failed, last = self.applied(plan, error, Trouble.OF_THE_ROW)

        assert (failed.outcome, failed.why) == (Outcome.FAILED, type(error).__name__)
        assert [first.outcome, last.outcome] == [Outcome.SKIPPED] * 2
        assert failed.row() == Row(f"{ADA.user_id} cus_b", "failed", type(error).__name__)

    def test_after_which_all_must_fail(self, plan: Plan) -> None:
        """Then no other one is begun."""
        with pytest.raises(TypeError):
            self.applied(plan, TypeError(), Trouble.LASTING)

    def applied(self, plan: Plan, error: Exception, trouble: Trouble) -> list[Result]:
        """Apply three steps, of which the second one raises."""

        def look(customer_id: CustomerId) -> None:
            if customer_id == "cus_b":
                raise error

        directory = Watched(plan.world.stripe.account, look)
        tenant, operator = plan.world.tenant, WorldOperator(plan.world)
        addresses = plan.world.addresses()
        ours = tenant, tenant, directory, operator, addresses, plan.world.clock
        return [*Repair(TENANT, *ours, lambda _: trouble).apply(self.STEPS)]
