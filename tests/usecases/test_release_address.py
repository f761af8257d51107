"""Release: who holds an address, what would free it, and what is let go of."""

import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from tests.interleaving import (
    OPEN,
    TENANT,
    CrashError,
    Kind,
    World,
    WorldDirectory,
    WorldOperator,
    registrant,
    user,
)

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.profile import Identity
from customerlink.model.sign_up_record import (
    EMAIL_LOCK_SECONDS,
    LOGIN_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Lease,
)
from customerlink.model.signup import Marker, SignUp
from customerlink.model.usage import Usage, Use
from customerlink.model.user import CustomerId, User, UserId
from customerlink.ports.customer_directory import DELETION_SECONDS
from customerlink.ports.customer_usage import CustomerUsage
from customerlink.usecases.delete_customer import BEFORE_DELETION_SECONDS, Deletion
from customerlink.usecases.release_address import AddressRelease, Holder, Holding

ADA, BOB, EVE = user("ada"), user("bob"), user("eve")
BOBS = "bob@example.com"


@dataclass
class Asked(CustomerUsage):
    """What customers were used for, as a test has it."""

    answer: Usage = field(default_factory=Usage)
    meanwhile: Callable[[], object] = lambda: None
    asked: list[CustomerId] = field(default_factory=list)

    def of(self, customer_id: CustomerId) -> Usage:
        """Answer."""
        self.asked.append(customer_id)
        self.meanwhile()
        return self.answer


class Case:
    """Eve has signed up with Bob's address, long ago, and never verified it."""

    def __init__(self) -> None:
        """Let it be so."""
        self.world, self.usage = World(), Asked()
        self.world.tenant.add(EVE, BOBS)
        self.of_eve(email_verified=False)
        answer = self.world.login(SignUp(EVE, 1, BOBS))
        assert answer is not None
        self.world.tenant.merge_app_metadata(EVE.user_id, answer.app_metadata)
        [self.customer] = self.world.named(EVE)
        self.an_hour_ago()
        self.world.at(2 * SETTLED_SECONDS)

    @property
    def worker(self) -> AddressRelease:
        """Return what carries it out."""
        tenant, account = self.world.tenant, self.world.stripe.account
        both = WorldDirectory(account), self.usage, WorldOperator(self.world)
        return AddressRelease(TENANT, tenant, tenant, *both, self.world.clock)

    def look(self) -> Holding:
        """Look."""
        return self.worker.look(BOBS)

    def holder(self) -> Holder:
        """Return the one that holds it."""
        [found] = self.look().holders
        return found

    def of_eve(self, **changes: Any) -> None:
        """Change Eve's profile."""
        profiles = self.world.tenant.profiles
        profiles[EVE.user_id] = replace(profiles[EVE.user_id], **changes)

    def changed(self, **changes: Any) -> None:
        """Change Eve's customer."""
        self.world.stripe.account._customers[self.customer] |= changes

    def opened(self, who: User, create: NewCustomer | None = None) -> tuple[DynamoDbLedger, Lease]:
        """Let an invocation be at somebody's record; return its ledger, and its lease."""
        _, ledger, _ = self.world.ports()
        lease = ledger.open(who, create, admission=True)
        assert isinstance(lease, Lease)
        return ledger, lease

    def an_hour_ago(self) -> None:
        """Let Eve's sign-up have been before any log-in that may go on."""
        item = self.world.table.items[f"signup#{TENANT}#{EVE.user_id}"]
        item["updated_at"] = {"N": str(self.world.clock.now - LOGIN_SECONDS - 1)}

    def without_record(self) -> None:
        """Let the ledger know nothing of Eve."""
        del self.world.table.items[f"signup#{TENANT}#{EVE.user_id}"]

    def state(self) -> tuple[str | None, str | None, list[CustomerId]]:
        """Return what Eve's profile says, and the customers with the address."""
        profile = self.world.tenant.profiles[EVE.user_id]
        return profile.customer_id, profile.marker, self.world.with_address(BOBS)

    def bobs_login(self) -> Reason:
        """Let Bob, whose address it is, sign up."""
        answer = self.world.login(SignUp(BOB, 1, BOBS, email_verified=True))
        assert answer is not None
        return answer.reason


@pytest.fixture
def case() -> Case:
    """Return the usual one."""
    return Case()


def test_released(case: Case) -> None:
    """The address is free, and Eve's next login is another try."""
    holder = case.holder()
    assert (holder.kept, holder.whose.user) == (None, EVE)
    assert case.bobs_login() is Reason.EMAIL_IN_USE
    case.world.at(4 * SETTLED_SECONDS)
    assert case.worker.release(holder) is None

    assert case.state() == (None, "unfinished", [])
    assert case.bobs_login() is Reason.CUSTOMER_CREATED
    signup = SignUp(EVE, 2, BOBS, marker=Marker.UNFINISHED)
    answer = case.world.login(signup)
    assert answer is not None
    assert answer.reason is Reason.EMAIL_IN_USE


def test_eve_may_come_back(case: Case) -> None:
    """Whoever logs in first has it: with a customer of another key than the deleted one's."""
    case.worker.release(case.holder())
    answer = case.world.login(SignUp(EVE, 2, BOBS, marker=Marker.UNFINISHED))

    assert answer is not None
    assert answer.reason is Reason.CUSTOMER_CREATED
    assert case.world.named(EVE) != [case.customer]


def of_bob(case: Case, email: str) -> None:
    """Let Bob's profile have the customer's id, as an import leaves it."""
    case.world.tenant.add(BOB, email, customer_id=case.customer)


KEPT: list[tuple[Callable[[Case], object], str, str]] = [
    (lambda case: case.of_eve(email_verified=True), "verified", "link their accounts"),
    (lambda case: case.of_eve(customer_id=CustomerId("cus_9")), "another customer", "a person"),
    (lambda case: case.of_eve(email="eve@example.com"), "another address", "email_drift"),
    (lambda case: case.changed(description="VIP"), "made elsewhere", "a person"),
    (lambda case: case.changed(description=None), "made elsewhere", "a person"),
    (
        lambda case: case.changed(metadata={"auth0_user_id": EVE.user_id}),
        "made elsewhere",
        "a person",
    ),
    (lambda case: case.changed(balance=-500), "was used", "a person"),
    (lambda case: case.changed(email="Bob@example.com"), "has capitals", "kind letter_case"),
    (lambda case: case.changed(email="bob@Example.com"), "has capitals", "kind letter_case"),
    (lambda case: case.changed(email=BOBS.upper()), "has capitals", "kind letter_case"),
    (lambda case: of_bob(case, BOBS), "the profile of auth0|bob has it too", "a person"),
    (lambda case: of_bob(case, "other@example.com"), "auth0|bob has it too", "a person"),
    (lambda case: of_bob(case, ""), "the profile of auth0|bob has it too", "a person"),
    (
        lambda case: case.changed(metadata={"auth0_tenant": "other"}),
        "another tenant",
        "a person",
    ),
    (lambda case: case.changed(metadata={}), "nobody", "customerlink reassign"),
    (lambda case: case.changed(metadata={"auth0_user_id": "eve"}), "no user_id", "a person"),
    (
        lambda case: case.changed(
            metadata={"auth0_registration_id": registrant("db", BOBS).registration_id}
        ),
        "a registration",
        "repair --kind abandoned",
    ),
    (
        lambda case: case.world.tenant.profiles.pop(EVE.user_id),
        "who is gone",
        "customerlink reassign",
    ),
]


@pytest.mark.parametrize(("change", "why", "way"), KEPT)
def test_kept(case: Case, change: Callable[[Case], object], why: str, way: str) -> None:
    """What somebody may miss, or what is not provable, stays; and what would free it is told."""
    holder = case.holder()
    change(case)
    before = case.world.stripe.account.live_customers(), {**case.world.tenant.profiles}
    # The look of before is no reason either: it is looked at anew.
    told = case.worker.release(holder)
    holders = [each for each in case.look().holders if each.customer.id == case.customer]

    assert told is not None
    assert (case.world.stripe.account.live_customers(), case.world.tenant.profiles) == before
    assert case.world.record(EVE).get("customer_id", case.customer) == case.customer
    for each in holders:
        assert why in str(each.kept)
        assert way in each.way_out
        assert case.worker.release(each) == each.kept


@pytest.mark.parametrize("use", Use)
@pytest.mark.parametrize("is_hidden", [False, True])
def test_used_or_not_to_be_seen(case: Case, use: Use, *, is_hidden: bool) -> None:
    """What the key may not read counts as found."""
    holder = case.holder()
    case.usage.answer = Usage(hidden=(use,)) if is_hidden else Usage((use,))
    told = case.holder()

    assert str(use) in str(told.kept)
    assert told.way_out.startswith("a Stripe key" if is_hidden else "a person")
    assert str(use) in str(case.worker.release(holder))
    assert case.state() == (case.customer, None, [case.customer])
    assert case.world.record(EVE)["customer_id"] == case.customer


def test_several(case: Case) -> None:
    """Each is told, the oldest first; only what qualifies is let go of."""
    theirs = case.world.customer(BOBS, ADA)
    case.world.tenant.add(ADA, BOBS, customer_id=theirs)
    shops = case.world.customer(BOBS)
    holders = {each.customer.id: each.kept for each in case.look().holders}

    assert [*holders] == [case.customer, theirs, shops]
    assert [each for each, kept in holders.items() if kept is None] == [case.customer]


@pytest.mark.parametrize("spelled", ["Bob@example.com", "BOB@EXAMPLE.COM", "bOb@example.com"])
def test_letter_case(case: Case, spelled: str) -> None:
    """What a profile carries, or how it spells the address, is found whatever the letter case."""
    case.world.tenant.add(ADA, BOBS, identities=(Identity("db", "x", spelled),))
    other = case.world.customer(spelled, BOB)
    carried = case.world.customer(BOBS.title(), EVE)
    case.of_eve(customer_id=carried)
    found = {each.customer.id for each in case.look().holders}

    assert found == {case.customer, other, carried}


def test_nobody(case: Case) -> None:
    """An address that nobody has."""
    assert case.worker.look("nobody@example.com") == Holding((), None, ())


def test_linked_into_another(case: Case) -> None:
    """The primary is told, and the repair that lets the customer follow."""
    parts = (Identity("auth0", "ada"), Identity("auth0", "eve"))
    del case.world.tenant.profiles[EVE.user_id]
    case.world.tenant.add(ADA, "ada@example.com", identities=parts)
    holder = case.holder()

    assert holder.whose.profile is not None
    assert (holder.whose.profile.user_id, holder.way_out) == (
        ADA.user_id,
        "customerlink repair --kind orphaned",
    )


@pytest.mark.parametrize("waiting", [0, 1, 2])
def test_who_waits_for_it(case: Case, waiting: int) -> None:
    """The command names the user, if there is one to name."""
    del case.world.tenant.profiles[EVE.user_id]
    for who in (BOB, ADA)[:waiting]:
        case.world.tenant.add(who, BOBS)
    to = "'auth0|bob'" if waiting == 1 else "USER"

    assert case.holder().way_out == f"customerlink reassign {case.customer} --to {to}"


@pytest.mark.parametrize("name", ["samlp|acme|o'hara", "oidc|a b", "oauth2|x|$(id)"])
@pytest.mark.parametrize("customer_id", ["cus_1", "old-shop_7"])
def test_command_to_copy(name: str, customer_id: str) -> None:
    """A shell takes both ids as they are; a customer's id of another form is in no command."""
    case = Case()
    case.world.stripe.account.delete(case.customer)
    case.world.customer(BOBS, customer_id=customer_id)
    case.world.tenant.add(User(TENANT, UserId(name)), BOBS)

    words = ["customerlink", "reassign", customer_id, "--to", name]
    assert shlex.split(case.holder().way_out) == words


def test_lock(case: Case) -> None:
    """A running sign-up's is told, until it has ended."""
    ledger, lease = case.opened(BOB)
    ledger.lock_email(lease, BOBS.upper())
    lock = case.look().lock
    assert lock is not None
    assert (lock.holder, lock.until) == (BOB, case.world.clock.now + EMAIL_LOCK_SECONDS)

    case.world.at(2 * SETTLED_SECONDS + EMAIL_LOCK_SECONDS + 1)
    assert case.look().lock is None


class TestMeanwhile:
    """What happens between the look and the deletion."""

    @pytest.mark.parametrize("seconds", [0.0, SETTLED_SECONDS + 1, LOGIN_SECONDS - 1])
    @pytest.mark.parametrize("has_looked", [False, True])
    def test_login_of_a_moment_ago(self, case: Case, seconds: float, *, has_looked: bool) -> None:
        """Its Action has still to write the id, which would lead nowhere."""
        case.without_record()
        case.of_eve(customer_id=None, marker="unfinished")
        holder = case.holder()
        answer = case.world.login(SignUp(EVE, 2, BOBS, marker=Marker.UNFINISHED))
        assert answer is not None
        assert answer.reason is Reason.CUSTOMER_FOUND
        case.world.clock.sleep(seconds)
        holder = holder if has_looked else case.holder()

        assert "within the hour" in str(case.worker.release(holder))
        case.world.tenant.merge_app_metadata(EVE.user_id, answer.app_metadata)
        assert case.state() == (case.customer, None, [case.customer])
        case.an_hour_ago()
        assert case.worker.release(case.holder()) is None
        assert case.state() == (None, "unfinished", [])

    def test_login_under_way(self, case: Case) -> None:
        """Of the user whose customer it is: nobody deletes it under their feet."""
        holder = case.holder()
        case.without_record()
        case.opened(EVE)

        assert "somebody signs up" in str(case.worker.release(holder))
        assert case.state() == (case.customer, None, [case.customer])

    @pytest.mark.parametrize("sent", ["create", "adoption"])
    def test_sign_up_that_has_not_ended(self, case: Case, sent: str) -> None:
        """A customer may come of it yet."""
        case.without_record()
        ledger, lease = case.opened(EVE, NewCustomer.of(SignUp(EVE, 1), BOBS))
        if sent == "create":
            ledger.release(lease.sending())
        else:
            begun = ledger.begin_adoption(lease, Adoption(case.customer))
            assert isinstance(begun, Lease)
            ledger.release(begun)

        assert "has not ended" in str(case.worker.release(case.holder()))
        assert case.world.with_address(BOBS) == [case.customer]

    def test_services_that_take_their_time(self, case: Case) -> None:
        """Before the lease could end, the link is put back."""
        holder = case.holder()
        case.usage.meanwhile = lambda: case.world.clock.sleep(BEFORE_DELETION_SECONDS + 0.1)

        assert "took too long" in str(case.worker.release(holder))
        assert case.state() == (None, "unfinished", [case.customer])
        assert case.world.record(EVE)["customer_id"] == case.customer
        answer = case.world.login(SignUp(EVE, 2, BOBS, marker=Marker.UNFINISHED))
        assert answer is not None
        assert answer.reason is Reason.CUSTOMER_FOUND

    @pytest.mark.parametrize("asks", ["get", "with_address", "with_customer"])
    def test_auth0_that_does_not_answer(
        self, case: Case, monkeypatch: pytest.MonkeyPatch, asks: str
    ) -> None:
        """Nothing was written: the link is put back as it was, and the next release is done."""
        holder, before = case.holder(), case.world.record(EVE)["updated_at"]

        def silent(_: str) -> None:
            raise TimeoutError

        with monkeypatch.context() as patch:
            patch.setattr(case.world.tenant, asks, silent)
            with pytest.raises(TimeoutError):
                case.worker.release(holder)
        assert case.state() == (case.customer, None, [case.customer])
        record = case.world.record(EVE)
        assert (record["state"], float(record["updated_at"])) == ("linked", float(before))

        assert case.worker.release(case.holder()) is None
        assert case.state() == (None, "unfinished", [])

    def test_record_of_another_customer(self, case: Case) -> None:
        """The ledger knows better than the customer's metadata."""
        holder = case.holder()
        case.world.table.items[f"signup#{TENANT}#{EVE.user_id}"]["customer_id"] = {"S": "cus_9"}

        assert case.worker.release(holder) == "the ledger has cus_9 for its user"

    def test_ledger_that_does_not_answer(self, case: Case) -> None:
        """Nothing is deleted without it."""
        holder = case.holder()
        case.world.fails(OPEN, Kind.LOST, times=99)

        assert "the ledger did not answer" in str(case.worker.release(holder))
        assert case.state() == (case.customer, None, [case.customer])

    def test_user_who_goes(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        """At the very moment: the customer is another act's then."""
        holder = case.holder()
        monkeypatch.setattr(case.world.tenant, "merge_app_metadata", lambda *_: False)

        assert case.worker.release(holder) == "its user is gone by now"
        assert case.world.with_address(BOBS) == [case.customer]


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("written", [False, True])
def test_crash(
    case: Case, monkeypatch: pytest.MonkeyPatch, *, written: bool, deleted: bool
) -> None:
    """Before or after each write: no id leads nowhere, and the next release finishes it."""
    holder, tenant = case.holder(), case.world.tenant
    merge, delete = tenant.merge_app_metadata, WorldDirectory.delete

    def dies_at_the_profile(*given: Any) -> bool:
        assert not written
        assert merge(*given)
        raise CrashError

    def dies_at_the_deletion(self: WorldDirectory, customer_id: CustomerId) -> bool:
        if deleted:
            delete(self, customer_id)
        raise CrashError

    with monkeypatch.context() as patch:
        if not written:
            patch.setattr(tenant, "merge_app_metadata", dies_at_the_profile)
        patch.setattr(WorldDirectory, "delete", dies_at_the_deletion)
        with pytest.raises(CrashError):
            case.worker.release(holder)
    carried, marker, left = case.state()
    assert (carried, marker) == (None, "unfinished")
    case.world.at(3 * SETTLED_SECONDS + RECORD_LEASE_SECONDS + 1)

    for each in case.look().holders:
        assert case.worker.release(each) is None
    assert case.state() == (None, "unfinished", [])
    assert left == ([] if written and deleted else [case.customer])


@pytest.mark.parametrize("record", ["none", "refused"])
def test_user_without_a_linked_record(case: Case, record: str) -> None:
    """An import, or one whom the ledger remembers as denied: the next login is another try."""
    case.without_record()
    if record == "refused":
        ledger, lease = case.opened(EVE)
        ledger.refuse(lease, Reason.EMAIL_IN_USE)

    assert case.worker.release(case.holder()) is None
    assert case.state() == (None, "unfinished", [])
    assert case.world.record(EVE).get("reason") == ("email_in_use" if record == "refused" else None)


def test_deletion_ends_within_the_lease() -> None:
    """Begun at the last moment, and given up on as late as can be."""
    assert BEFORE_DELETION_SECONDS + DELETION_SECONDS < RECORD_LEASE_SECONDS


@pytest.mark.parametrize("has_record", [False, True])
@pytest.mark.parametrize("is_done", [False, True])
def test_deletion_without_an_answer(
    case: Case, monkeypatch: pytest.MonkeyPatch, *, is_done: bool, has_record: bool
) -> None:
    """Nobody signs up while it may be on its way; asked for once, and looked for later."""
    holder, asked = case.holder(), []
    if not has_record:
        case.without_record()

    def given_up(self: WorldDirectory, customer_id: CustomerId) -> bool:
        asked.append(customer_id)
        case.world.clock.sleep(DELETION_SECONDS)
        if is_done:
            self.account.delete(customer_id)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(WorldDirectory, "delete", given_up)
        assert case.worker.release(holder) is Deletion.UNKNOWN
    assert asked == [case.customer]
    answer = case.world.login(SignUp(EVE, 2, BOBS, marker=Marker.UNFINISHED))
    assert answer is not None
    assert answer.reason is Reason.IN_PROGRESS

    case.world.at(4 * SETTLED_SECONDS)
    for each in case.look().holders:
        assert case.worker.release(each) is None
    assert case.state() == (None, "unfinished", [])


@pytest.mark.parametrize("has_record", [False, True])
@pytest.mark.parametrize("seconds", [4.0, 7.9, DELETION_SECONDS])
def test_deletion_that_takes_its_time(
    case: Case, monkeypatch: pytest.MonkeyPatch, seconds: float, *, has_record: bool
) -> None:
    """It is done, and told as done, and the record is ended."""
    holder, delete = case.holder(), WorldDirectory.delete
    if not has_record:
        case.without_record()

    def slow(self: WorldDirectory, customer_id: CustomerId) -> bool:
        case.world.clock.sleep(seconds)
        return delete(self, customer_id)

    monkeypatch.setattr(WorldDirectory, "delete", slow)
    assert case.worker.release(holder) is None
    assert case.world.record(EVE).get("state") == ("refused" if has_record else None)
    assert case.state() == (None, "unfinished", [])


@pytest.mark.parametrize("is_done", [False, True])
def test_record_that_cannot_be_ended(
    case: Case, monkeypatch: pytest.MonkeyPatch, *, is_done: bool
) -> None:
    """The lease ends by itself; what became of the customer is told all the same."""
    holder, delete = case.holder(), WorldDirectory.delete

    def without_ledger(seconds: float) -> None:
        case.world.clock.sleep(seconds)
        case.world.fails("", Kind.LOST, times=99)

    def deletes(self: WorldDirectory, customer_id: CustomerId) -> bool:
        without_ledger(0)
        return delete(self, customer_id)

    monkeypatch.setattr(WorldDirectory, "delete", deletes)
    if not is_done:
        case.usage.meanwhile = partial(without_ledger, BEFORE_DELETION_SECONDS + 0.1)
    told = case.worker.release(holder)
    case.world.outside.faults.clear()

    assert told == (None if is_done else Deletion.TOO_LATE)
    assert case.world.with_address(BOBS) == ([] if is_done else [case.customer])


@pytest.mark.parametrize("error", [CrashError, TimeoutError])
def test_user_who_moves_after_an_interruption(
    case: Case, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """The next login looks under the former address too, and makes no second customer."""

    def dies(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(WorldDirectory, "delete", dies)
        with suppress(CrashError, TimeoutError):
            case.worker.release(case.holder())
    case.world.at(2 * SETTLED_SECONDS + 2 * RECORD_LEASE_SECONDS)
    case.of_eve(email="eve@example.com")
    case.world.login(SignUp(EVE, 2, "eve@example.com", marker=Marker.UNFINISHED))

    assert case.world.named(EVE) == [case.customer]
