"""A person erased, over the real ledger: all that names them, and nothing of anybody else's."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tests.interleaving import (
    CREATE,
    DELETE,
    LEDGER,
    TENANT,
    UNLINK,
    UPDATE,
    CrashError,
    Kind,
    WorldOperator,
    registrant,
    user,
)
from tests.usecases.test_sync import ADA, BOB, NEW, OLD, Shop

from customerlink.adapters.dynamodb.newcomers import DynamoDbNewcomers
from customerlink.model.customer import FORMER, naming
from customerlink.model.instruction import Reason
from customerlink.model.profile import Identity
from customerlink.model.sign_up_record import Adoption
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User
from customerlink.ports.customers import NotSent
from customerlink.usecases.forget import NOT_TAKEN, Forgetting, Forgotten
from customerlink.usecases.look import UnansweredError
from customerlink.usecases.person import ANOTHERS, HIDDEN, MISSING, STILL_THERE, SUBSCRIBED
from customerlink.usecases.synced import BUSY, SyncOutcome
from customerlink.usecases.whose_customer import RUNNING

SECOND = user("second")
REGISTERED = registrant("Username-Password-Authentication", OLD)
HERS = (ADA.user_id, str(REGISTERED.registration_id))


class Person(Shop):
    """Ada, everywhere: registered, linked, adopted, superseded; and Bob, who stays."""

    def __init__(self) -> None:
        """Let there be all of it."""
        super().__init__()
        self.linked(BOB, NEW, "Bob")
        registration = str(REGISTERED.registration_id)
        self.edit(metadata={"auth0_registration_id": registration, "plan": "free"})
        _, ledger, _ = self.ports()
        opened = ledger.open(REGISTERED, None, admission=True)
        ledger.link(opened, self.adas)  # type: ignore[arg-type]
        ledger.claim(ADA, Adoption(self.adas))
        DynamoDbNewcomers(self.dynamodb, LEDGER, self.run()).note(ADA, self.clock.time())
        self.capitals = self.customer("Old@Example.com", ADA)
        self.superseded = self.customer(OLD, ADA, {"superseded_by": self.adas})
        self.foreign = self.customer(OLD, metadata={"plan": "paid"})
        self.tenant.profiles[ADA.user_id] = replace(
            self.tenant.profiles[ADA.user_id], email="Old@Example.com"
        )
        self.of_others = self.left()

    def leaves(self) -> None:
        """Delete her in Auth0."""
        del self.tenant.profiles[ADA.user_id]

    def forgetting(self, *emails: str, who: User = ADA, **asked: Any) -> Forgetting:
        """Return what erases her."""
        known = emails or ("Old@Example.com",)
        return Forgetting(who, known, self.tenant, WorldOperator(self), self.clock, **asked)

    def forget(self, *emails: str, **asked: Any) -> Forgotten:
        """Erase her."""
        return self.forgetting(*emails, **asked).carry_out()

    def left(self) -> tuple[list[str], list[Any]]:
        """Return the ledger's items and the customers that have nothing to do with her."""
        hers = (*HERS, SECOND.user_id)
        items = {key: item for key, item in self.table.items.items() if key[:5] != "email"}
        keys = [key for key, item in items.items() if not any(each in str(item) for each in hers)]
        live = [
            each
            for each in self.stripe.account.live_customers()
            if not any(one in str(each) for one in hers)
        ]
        return sorted(keys), live

    def traces(self) -> list[str]:
        """Return where she is still to be found, locks that lapse left out."""
        items = {key: item for key, item in self.table.items.items() if key[:5] != "email"}
        found = [key for key, item in items.items() if any(each in str(item) for each in HERS)]
        live = self.stripe.account.live_customers()
        found += [each["id"] for each in live if any(one in str(each) for one in HERS)]
        return found + [each for each in self.tenant.profiles if each == ADA.user_id]


@pytest.fixture
def person() -> Person:
    """Return her."""
    return Person()


def test_plan(person: Person) -> None:
    """All customers that name her, however their address is spelled; nothing is changed."""
    person.leaves()
    before = repr(person.table.items), person.stripe.account.live_customers()
    plan = person.forgetting().plan()

    assert {each.id for each in plan.customers} == {
        person.adas,
        person.capitals,
        person.superseded,
    }
    assert (plan.refusals, plan.is_there) == ((), False)
    assert (repr(person.table.items), person.stripe.account.live_customers()) == before


def test_forgotten(person: Person) -> None:
    """Nothing of hers is left, and everything of others'."""
    person.leaves()
    done = person.forget()

    assert (done.why, done.deleted, done.unlinked, done.items) == (None, 3, 0, 4)
    assert person.traces() == []
    assert person.left() == person.of_others
    assert person.forget() == replace(done, deleted=0, items=0)


def test_customers_that_stay(person: Person) -> None:
    """They name nobody, nor whom they named."""
    person.leaves()
    done = person.forget(keeps_customers=True)

    assert (done.why, done.deleted, done.unlinked) == (None, 0, 3)
    assert person.traces() == []
    assert person.stripe.account.retrieve(person.adas)["metadata"] == {"plan": "free"}


def test_user_who_is_there(person: Person) -> None:
    """Auth0's as well, where that is asked for; an account that was linked into it is the same."""
    seconds = person.customer("second@example.com", SECOND)
    parts = (Identity("auth0", "ada"), Identity("auth0", "second", "second@example.com"))
    person.moves(identities=parts)
    done = person.forget(deletes_user=True)

    assert (done.why, done.users, done.deleted) == (None, 1, 4)
    assert (person.traces(), person.named(SECOND)) == ([], [])
    assert person.stripe.account.retrieve(seconds)["deleted"]
    assert person.left() == person.of_others


def is_part_of_bob(person: Person) -> None:
    """Let Ada's account be linked into Bob's."""
    person.leaves()
    person.moves(BOB, identities=(Identity("auth0", "bob"), Identity("auth0", "ada")))


def signs_up(person: Person) -> None:
    """Let a sign-up be under way."""
    person.leaves()
    _, ledger, _ = person.ports()
    linked = ledger.open(ADA, None, admission=True)
    ledger.reopen(ADA, linked, None)  # type: ignore[arg-type]


def is_subscribed(person: Person) -> None:
    """Let one of her customers have a subscription."""
    person.leaves()
    person.stripe.account.use(person.capitals, "subscription")


def is_hidden(person: Person) -> None:
    """Let the key not see whether she has one."""
    person.leaves()
    person.stripe.hides_subscriptions = True


def is_unknown(person: Person) -> None:
    """Let Stripe know nothing of her customer, as it says to another account's key."""
    person.leaves()
    del person.stripe.account._customers[person.adas]


def is_bobs(made: str) -> Callable[[Person], None]:
    """Let somebody have edited the customer that Bob's profile has, so that it names Ada."""

    def happens(person: Person) -> None:
        person.leaves()
        found: str = getattr(person, made)
        person.moves(BOB, customer_id=CustomerId(found))

    return happens


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (is_bobs("adas"), ANOTHERS),
        (is_bobs("capitals"), ANOTHERS),
        (is_bobs("superseded"), ANOTHERS),
        (lambda _: None, STILL_THERE),
        (is_part_of_bob, f"the account is a part of {BOB.user_id}: forget that one"),
        (signs_up, RUNNING),
        (is_subscribed, SUBSCRIBED),
        (is_hidden, HIDDEN),
        (is_unknown, MISSING),
        (lambda person: (person.leaves(), WorldOperator(person).sync_ledger().take(ADA)), BUSY),
    ],
)
@pytest.mark.parametrize("keeps", [False, True])
def test_refused(
    person: Person, happens: Callable[[Person], object], why: str, *, keeps: bool
) -> None:
    """Nothing is changed."""
    happens(person)
    before = person.stripe.account.live_customers()

    assert person.forget(keeps_customers=keeps).why == why
    assert person.stripe.account.live_customers() == before
    assert person.table.items[f"adoption#{person.adas}"]


def test_customer_that_is_vouched_to_be_gone(person: Person) -> None:
    """As after Stripe's test data were deleted: the rest is done."""
    is_unknown(person)
    done = person.forget(unknown_is_gone=True)

    assert (done.why, done.deleted) == (None, 2)


def test_subscription_that_begins_meanwhile(person: Person) -> None:
    """It is looked for again while nobody can sign up; the record is put back."""
    person.leaves()
    begins = lambda: person.stripe.account.use(person.adas, "subscription")  # noqa: E731
    person.meanwhile("SET sync_until", begins)

    assert person.forget().why == SUBSCRIBED
    assert person.record(ADA)["customer_id"] == person.adas
    assert len(person.named(ADA)) == 3


@pytest.mark.parametrize("spelled", ["Once@example.com", "once@example.com"])
def test_address_that_only_a_person_knows(person: Person, spelled: str) -> None:
    """Stripe lists by address: one that she had once leads to what is under it."""
    once = person.customer(spelled, ADA)
    person.leaves()
    assert once not in [each.id for each in person.forgetting().plan().customers]

    told = "Once@example.com", "Old@Example.com"
    assert once in [each.id for each in person.forgetting(*told).plan().customers]
    assert person.forget(*told).deleted == 4
    assert person.traces() == []


@pytest.mark.parametrize("heir", [BOB, None])
def test_customer_that_was_hers(person: Person, heir: User | None) -> None:
    """Unlinked before, and another's by now or the shop's: only the note of her goes."""
    metadata = {FORMER: ADA.user_id, "plan": "free", **(naming(heir) if heir else {})}
    theirs = person.stripe.make({"email": OLD, "metadata": metadata})
    person.leaves()
    person.forget()

    kept = {"plan": "free", **(naming(heir) if heir else {})}
    assert person.stripe.account.retrieve(theirs)["metadata"] == kept
    assert person.traces() == []


def test_create_that_is_under_way(person: Person) -> None:
    """It is waited for, found and deleted."""
    late = user("ada-late")
    person.tenant.add(late, "late@example.com")
    person.fails(CREATE, Kind.LATE, 30.0, times=9)
    signup = SignUp(late, logins_count=1, email="late@example.com", email_verified=True)
    told = person.login(signup)
    assert told is not None
    assert told.reason is Reason.PROVISIONING_FAILED
    del person.tenant.profiles[late.user_id]
    person.outside.faults.clear()
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        person.clock.sleep(seconds)

    done = person.forget(who=late, wait=wait)
    assert (done.why, done.deleted) == (None, 1)
    assert 60 < sum(waited) < 90
    assert person.named(late) == []


@pytest.mark.parametrize(
    "claimant", [BOB, User(TENANT, SECOND.user_id)], ids=["another", "a third one"]
)
def test_claim_of_another(person: Person, claimant: User) -> None:
    """Only hers are taken back: this one is somebody's who was to have the customer."""
    other = person.capitals
    _, ledger, _ = person.ports()
    ledger.claim(claimant, Adoption(other))
    person.leaves()
    person.forget()

    assert person.table.items[f"adoption#{other}"]["holder"]["S"].endswith(claimant.user_id)


def test_late_event(person: Person) -> None:
    """It finds nobody, and makes nothing."""
    person.leaves()
    person.forget()
    items = {*person.table.items}

    assert person.outcome(ADA) is SyncOutcome.NOTHING
    assert {*person.table.items} == items


@pytest.mark.parametrize("kind", [Kind.DIES_BEFORE, Kind.DIES_AFTER])
@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize(
    "call",
    [
        "epoch = epoch + :one",
        "SET sync_until",
        "adoption#",
        "stripe look",
        "stripe list",
        DELETE,
        f"signup#{TENANT}#registration|",
        f"signup#{TENANT}#auth0|ada ",
        f"sync#{TENANT}#auth0|ada ",
    ],
)
def test_interrupted(person: Person, call: str, kind: Kind, *, is_there: bool) -> None:
    """The same command ends it: nothing of hers is left, whatever was done before."""
    if not is_there:
        person.leaves()
    person.fails(call, kind)
    with suppress(CrashError):
        person.forget(deletes_user=is_there)
    person.clock.sleep(101)

    assert person.forget(deletes_user=is_there).why is None
    assert person.traces() == []
    assert person.left() == person.of_others


@pytest.mark.parametrize(
    ("call", "keeps"), [(DELETE, False), (UNLINK, True), (UPDATE, False), (DELETE, True)]
)
@pytest.mark.parametrize("kind", [Kind.LATE, Kind.LOST])
def test_lost_answer(person: Person, call: str, kind: Kind, *, keeps: bool) -> None:
    """Until it must have landed nobody signs up as her; then the same command ends it."""
    person.stripe.make({"email": OLD, "metadata": {FORMER: ADA.user_id}})
    person.leaves()
    person.fails(call, kind, 40.0)
    why = person.forget(keeps_customers=keeps).why
    assert (why is None) == (call == DELETE and keeps)
    person.clock.sleep(101)

    assert person.forget(keeps_customers=keeps).why is None
    assert person.traces() == []


@pytest.mark.parametrize("call", ["stripe look", "stripe list", "stripe subscriptions"])
def test_stripe_does_not_answer(person: Person, call: str) -> None:
    """Never taken for "there is none"; nothing was sent, so nobody has to wait for it."""
    person.leaves()
    person.fails(call, Kind.LOST, times=2)

    with pytest.raises(UnansweredError):
        person.forget()
    with pytest.raises(UnansweredError):
        person.forget()
    assert len(person.named(ADA)) == 3
    assert person.forget().why is None


def test_stripe_does_not_take_it(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and the same command ends it at once: nothing may be on its way."""
    person.leaves()
    with monkeypatch.context() as patch:
        patch.setattr(person.stripe, "delete", lambda _: NotSent())
        done = person.forget()
    assert (done.why, done.deleted) == (NOT_TAKEN, 0)

    assert person.forget().why is None
    assert person.traces() == []
