"""Reassign: whose customer becomes whose, what has to be proved, and what may interrupt it."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.interleaving import (
    ADOPT,
    BEGIN_ADOPTION,
    LIST,
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

from customerlink.model.instruction import Decision, Reason
from customerlink.model.profile import Identity
from customerlink.model.sign_up_record import (
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    Adoption,
    Lease,
)
from customerlink.model.signup import ODD_ID, Marker, SignUp
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.usecases.reassign import Plan, Reassignment, Refusal

ADA, BOB, EVE = user("ada"), user("bob"), user("eve")
ADAS = "ada@example.com"
CLAIM, LINK = "SET holder = :holder", "SET #state = :linked"


@dataclass
class Case:
    """Bob had the customer, and is gone; Ada came after, and was denied."""

    world: World = field(default_factory=World)
    customer: CustomerId = field(init=False)

    def __post_init__(self) -> None:
        """Let it be so for longer than anything is under way."""
        self.customer = self.world.customer(ADAS, BOB)
        self.world.tenant.add(ADA, ADAS)
        denied = self.login(count=1)
        assert denied is not None
        assert denied.reason is Reason.EMAIL_IN_USE
        self.world.tenant.merge_app_metadata(ADA.user_id, denied.app_metadata)
        self.world.at(2 * SETTLED_SECONDS)

    @property
    def worker(self) -> Reassignment:
        """Return what carries it out."""
        tenant, account = self.world.tenant, self.world.stripe.account
        both = WorldDirectory(account), WorldOperator(self.world)
        return Reassignment(TENANT, tenant, tenant, *both, self.world.clock)

    def login(self, count: int = 2) -> Any:
        """Let Ada log in as the profile has her."""
        profile = self.world.tenant.profiles[ADA.user_id]
        marker = Marker(profile.marker) if profile.marker else None
        more: dict[str, Any] = {"marker": marker, "customer_id": profile.customer_id}
        return self.world.login(SignUp(ADA, count, ADAS, email_verified=True, **more))

    def plan(self) -> Plan:
        """Look."""
        return self.worker.plan(self.customer, ADA)

    def apply(self) -> Refusal | None:
        """Carry it out; raise `CrashError` where the command dies."""
        return self.worker.carry_out(self.customer, ADA)

    def unmet(self) -> dict[str, str]:
        """Return what stands in the way; with that, nothing is changed."""
        before = self.world.stripe.account.live_customers(), {**self.world.tenant.profiles}
        unmet = {each.name: str(each.unmet) for each in self.plan().unmet}
        refusal = self.apply() if unmet else None
        after = self.world.stripe.account.live_customers(), {**self.world.tenant.profiles}
        assert (before, bool(unmet)) == (after, refusal is not None)
        return unmet

    def assert_done(self) -> None:
        """Both sides name each other, the ledger knows, and there is one customer."""
        profile = self.world.tenant.profiles[ADA.user_id]
        assert (profile.customer_id, profile.marker) == (self.customer, None)
        assert self.world.named(ADA) == self.world.with_address(ADAS) == [self.customer]
        assert self.world.record(ADA)["customer_id"] == self.customer
        answer = self.login()
        assert answer.decision is Decision.CONTINUE


@pytest.fixture
def case() -> Case:
    """Return the usual one."""
    return Case()


def test_done(case: Case) -> None:
    """All conditions hold, and Ada has the customer; once more changes nothing."""
    assert case.plan().unmet == ()
    assert case.plan().former == BOB
    assert case.apply() is None
    case.assert_done()

    record = case.world.record(ADA)
    assert case.apply() is None
    assert case.world.record(ADA) == record


def test_again_at_once(case: Case) -> None:
    """What was not answered is asked again without a wait: of the former nothing was sent."""
    case.world.fails(LIST, Kind.LOST, times=9)
    assert case.apply() is not None
    case.world.outside.faults.clear()

    assert case.apply() is None
    case.assert_done()


@pytest.mark.parametrize("given", ["ADA@example.com", "Ada@Example.com", "ada@EXAMPLE.com"])
def test_letter_case_of_the_address(case: Case, given: str) -> None:
    """It is the same address."""
    case.world.tenant.add(ADA, given, marker="unfinished")
    assert case.apply() is None
    assert case.world.named(ADA) == [case.customer]


@pytest.mark.parametrize("named", [{}, {"plan": "gold"}, {"superseded_by": "cus_9"}])
def test_customer_of_nobodys(case: Case, named: dict[str, str]) -> None:
    """Made by hand or by the shop: under `deny`, this is the way to give it to somebody."""
    case.world.stripe.account.update(case.customer, {"metadata": ""})
    case.world.stripe.account.update(case.customer, {"metadata": named})
    assert case.apply() is None
    case.assert_done()


def test_twice_gone(case: Case) -> None:
    """Who deletes the account again is followed by the next one."""
    assert case.apply() is None
    case.world.at(4 * SETTLED_SECONDS)
    del case.world.tenant.profiles[ADA.user_id]
    case.world.tenant.add(EVE, ADAS)

    assert case.worker.carry_out(case.customer, EVE) is None
    assert case.world.named(EVE) == [case.customer]
    assert case.world.named(ADA) == []


def changed(case: Case, **changes: Any) -> None:
    """Change the customer."""
    case.world.stripe.account.update(case.customer, changes)


def of_ada(case: Case, email: str = ADAS, **more: Any) -> None:
    """Change Ada's profile."""
    case.world.tenant.add(ADA, email, **more)


def of_eve(case: Case, email: str, *, names_nobody: bool = False) -> None:
    """Let Eve's profile have the customer's id, as an import leaves it."""
    if names_nobody:
        changed(case, metadata="")
    case.world.tenant.add(EVE, email, customer_id=case.customer)


def unverified(case: Case) -> None:
    """Let Ada not have verified the address."""
    profiles = case.world.tenant.profiles
    ada = profiles[ADA.user_id]
    profiles[ADA.user_id] = type(ada)(ada.user_id, ada.email, email_verified=False)


def linked_into(case: Case, primary: User) -> None:
    """Let Bob's account be a part of somebody's."""
    parts = (Identity("auth0", "x"), Identity("auth0", "bob"))
    case.world.tenant.add(primary, "other@example.com", identities=parts)


def recorded(case: Case) -> None:
    """Let Ada's record have a customer, whose address is another one's by now."""
    other = case.world.customer("old@example.com", ADA)
    _, ledger, _ = case.world.ports()
    lease = ledger.open(ADA, None, admission=True)
    assert isinstance(lease, Lease)
    ledger.link(lease, other)


def opened(case: Case, who: User) -> None:
    """Let a login of somebody's be under way."""
    _, ledger, _ = case.world.ports()
    assert isinstance(ledger.open(who, None, admission=True), Lease)


OTHER_TENANT = User(Tenant("other"), BOB.user_id)
UNMET: list[tuple[Callable[[Case], object], str, str]] = [
    (lambda case: case.world.stripe.account.delete(case.customer), "customer", "deleted"),
    (lambda case: setattr(case, "customer", CustomerId("cus_0")), "customer", "knows none"),
    (lambda case: changed(case, metadata={"auth0_tenant": "other"}), "tenant", "another tenant"),
    (lambda case: changed(case, metadata={"auth0_user_id": "bob"}), "tenant", "no user_id"),
    (lambda case: changed(case, metadata={"auth0_user_id": "bob@x"}), "tenant", "no user_id"),
    (
        lambda case: setattr(case, "customer", case.world.customer(ADAS, registrant("db", ADAS))),
        "tenant",
        "repair --kind abandoned",
    ),
    (lambda case: case.world.tenant.add(BOB, ADAS), "former user", "is there"),
    (lambda case: case.world.tenant.add(BOB, "new@example.com"), "former user", "is there"),
    (lambda case: linked_into(case, EVE), "former user", "linked into auth0|eve"),
    (lambda case: linked_into(case, ADA), "former user", "repair --kind orphaned"),
    (lambda case: case.world.tenant.profiles.pop(ADA.user_id), "user", "no such user"),
    (lambda case: of_ada(case, "other@example.com"), "address", "another address"),
    (lambda case: of_ada(case, ""), "address", "another address"),
    (lambda case: changed(case, email=""), "address", "another address"),
    (unverified, "address", "not verified"),
    (lambda case: of_ada(case, customer_id=CustomerId("cus_9")), "other customers", "cus_9"),
    (lambda case: of_ada(case, customer_id=ODD_ID), "other customers", "(odd)"),
    (lambda case: case.world.customer(ADAS, ADA), "other customers", "names the user"),
    (recorded, "other customers", "names the user"),
    (lambda case: of_eve(case, ADAS), "other profiles", "auth0|eve has it too"),
    (lambda case: of_eve(case, "eve@example.com"), "other profiles", "auth0|eve has it too"),
    (lambda case: of_eve(case, ""), "other profiles", "auth0|eve has it too"),
    (
        lambda case: of_eve(case, "eve@example.com", names_nobody=True),
        "other profiles",
        "has it too",
    ),
    (lambda case: opened(case, ADA), "sign-ups", "auth0|ada has one"),
    (lambda case: opened(case, BOB), "sign-ups", "auth0|bob has one"),
]


@pytest.mark.parametrize(("change", "name", "why"), UNMET)
def test_unmet(case: Case, change: Callable[[Case], object], name: str, why: str) -> None:
    """What is not as it has to be is told by its name, and nothing is changed."""
    change(case)
    unmet = case.unmet()

    assert name in unmet
    assert why in unmet[name]
    assert "@example" not in str(case.plan())


def test_former_login_of_a_moment_ago(case: Case) -> None:
    """What it sent may be under way for a minute: so long the customer stays theirs."""
    _, ledger, _ = case.world.ports()
    lease = ledger.open(BOB, None, admission=True)
    assert isinstance(lease, Lease)
    ledger.link(lease, case.customer)

    assert "sign-ups" in case.unmet()
    case.world.at(2 * SETTLED_SECONDS + SETTLED_SECONDS + 1)
    assert case.apply() is None
    case.assert_done()


@pytest.mark.parametrize("seconds", [0, 30, SYNC_LEASE_SECONDS - 1])
def test_former_look_of_a_moment_ago(case: Case, seconds: float) -> None:
    """Likewise what was sent for them after their sign-up."""
    assert WorldOperator(case.world).sync_ledger().take(BOB)
    case.world.clock.sleep(seconds)

    assert "sign-ups" in case.unmet()
    case.world.clock.sleep(SYNC_LEASE_SECONDS + 1)
    assert case.apply() is None
    case.assert_done()


STEPS = [(OPEN, 1), (OPEN, 2), (LIST, 1), (BEGIN_ADOPTION, 1), (CLAIM, 1), (ADOPT, 1), (LINK, 1)]
"""Both records are opened: first the former user's, then the user's."""

KINDS = [Kind.DIES_BEFORE, Kind.DIES_AFTER]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("step", "nth"), STEPS)
def test_crash(case: Case, step: str, nth: int, kind: Kind) -> None:
    """At each step, before and after it: the same command finishes it."""
    interrupted(case, step, nth, kind)
    case.world.at(4 * SETTLED_SECONDS)

    assert case.apply() is None
    case.assert_done()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("step", "nth"), STEPS)
def test_crash_and_a_login(case: Case, step: str, nth: int, kind: Kind) -> None:
    """The user's next login finishes it or is denied as before; then the command does."""
    interrupted(case, step, nth, kind)
    case.world.at(2 * SETTLED_SECONDS + RECORD_LEASE_SECONDS + 1)
    answer = case.login()
    assert answer.reason in (Reason.CUSTOMER_FOUND, Reason.EMAIL_IN_USE)
    case.world.tenant.merge_app_metadata(ADA.user_id, answer.app_metadata)
    case.world.at(4 * SETTLED_SECONDS)

    assert case.apply() is None
    case.assert_done()


def interrupted(case: Case, step: str, nth: int, kind: Kind) -> None:
    """Carry it out until the nth call of a kind, where the command dies."""
    seen = 0
    call = case.world.outside.call

    def counted(text: str, effect: Any, given_up: Any) -> Any:
        nonlocal seen
        seen += step in text
        if step in text and seen == nth:
            case.world.fails(step, kind)
        return call(text, effect, given_up)

    case.world.outside.call = counted  # type: ignore[method-assign]
    with pytest.raises(CrashError):
        case.apply()
    case.world.outside.call = call  # type: ignore[method-assign]


@pytest.mark.parametrize("second", [140.5, 150.0, 185.0])
def test_update_that_comes_late(case: Case, second: float) -> None:
    """Stripe's answer is lost, and the effect is late: told as such, and finished by another."""
    case.world.fails(ADOPT, Kind.LATE, second)
    refusal = case.apply()
    assert refusal is not None
    assert refusal.is_passing
    assert case.world.tenant.profiles[ADA.user_id].customer_id is None
    case.world.at(4 * SETTLED_SECONDS)

    assert case.apply() is None
    case.assert_done()


def test_profile_that_cannot_be_written(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user is deleted at the very end."""
    with monkeypatch.context() as patch:
        patch.setattr(case.world.tenant, "merge_app_metadata", lambda *_: False)
        assert case.apply() == Refusal("the user is gone by now")

    assert case.apply() is None
    case.assert_done()


def test_login_that_waits(case: Case) -> None:
    """It holds the record: the command is told to come again, and nothing is half done."""
    opened(case, ADA)
    assert "sign-ups" in case.unmet()
    case.world.at(2 * SETTLED_SECONDS + RECORD_LEASE_SECONDS + 1)

    assert case.apply() is None
    case.assert_done()


def claimed_by(case: Case, who: User) -> None:
    """Let the ledger have promised the customer to somebody, some time ago."""
    _, ledger, _ = case.world.ports()
    assert ledger.claim(who, Adoption(case.customer))
    case.world.clock.sleep(SETTLED_SECONDS)


def living(case: Case) -> User:
    """Return a user of the tenant's."""
    case.world.tenant.add(EVE, "eve@example.com")
    return EVE


def linked(case: Case) -> User:
    """Return an account that is a part of another one."""
    parts = (Identity("auth0", "x"), Identity("auth0", "eve"))
    case.world.tenant.add(user("x"), "other@example.com", identities=parts)
    return EVE


CLAIMANTS: list[Callable[[Case], User]] = [
    living,
    linked,
    lambda _: User(Tenant("other"), EVE.user_id),
    lambda _: registrant("db", ADAS),
]


@pytest.mark.parametrize("claimant", CLAIMANTS)
def test_claimed_by_another(case: Case, claimant: Callable[[Case], User]) -> None:
    """The ledger has promised it to somebody: a person decides, and nothing is changed."""
    claimed_by(case, claimant(case))
    unmet = case.unmet()

    assert "a person has to decide" in unmet["claim"]
    assert case.world.named(BOB) == [case.customer]


@pytest.mark.parametrize("who", [EVE, user("dan"), User(TENANT, UserId("google-oauth2|1#2"))])
def test_claimed_by_somebody_who_is_gone(case: Case, who: User) -> None:
    """Nothing will come of it: it is replaced, like the former user's."""
    claimed_by(case, who)

    assert case.plan().claimant == who
    assert case.apply() is None
    case.assert_done()


@pytest.mark.parametrize("step", [BEGIN_ADOPTION, CLAIM, ADOPT, LINK])
@pytest.mark.parametrize("kind", KINDS)
def test_crash_and_the_user_goes(case: Case, step: str, kind: Kind) -> None:
    """Who comes next gets the customer, whatever the command has left of the one before."""
    interrupted(case, step, 1, kind)
    case.world.at(4 * SETTLED_SECONDS)
    del case.world.tenant.profiles[ADA.user_id]
    case.world.tenant.add(EVE, ADAS)
    for number in range(5, 8):
        refusal = case.worker.carry_out(case.customer, EVE)
        assert refusal is None or "again in a minute" in refusal.why
        case.world.at(2 * number * SETTLED_SECONDS)

    assert case.world.named(EVE) == [case.customer]
    assert case.world.named(ADA) == []


@pytest.mark.parametrize("kind", KINDS)
def test_crash_at_the_claim_of_who_is_gone(case: Case, kind: Kind) -> None:
    """The same command finishes it."""
    claimed_by(case, EVE)
    interrupted(case, CLAIM, 1, kind)
    case.world.at(4 * SETTLED_SECONDS)

    assert case.apply() is None
    case.assert_done()


def test_claim_that_the_ledger_does_not_take(case: Case) -> None:
    """It does not answer: again in a minute, and nothing is changed."""
    claimed_by(case, EVE)
    case.world.fails(CLAIM, Kind.LOST, times=99)
    refusal = case.apply()
    case.world.outside.faults.clear()

    assert refusal is not None
    assert refusal.is_passing
    assert case.world.named(BOB) == [case.customer]


CHANGES_MEANWHILE: list[dict[str, Any]] = [
    {"metadata": {"auth0_user_id": EVE.user_id}},
    {"metadata": {"auth0_tenant": "other"}},
    {"metadata": {"auth0_user_id": "a person's note"}},
    {"email": "eve@example.com"},
    {"email": ""},
]


@pytest.mark.parametrize("changes", CHANGES_MEANWHILE)
def test_changed_between_plan_and_act(case: Case, changes: dict[str, Any]) -> None:
    """What it has come to be by then is not overwritten: it is looked at under the lease."""
    case.world.meanwhile(LIST, lambda: changed(case, **changes))
    refusal = case.apply()

    assert refusal is not None
    assert "changed" in refusal.why
    assert case.world.named(ADA) == []
    customer = case.world.stripe.account.retrieve(case.customer)
    assert (customer["email"] or "") == changes.get("email", ADAS)
    assert customer["metadata"].items() >= changes.get("metadata", {}).items()


@pytest.mark.parametrize("name", ["samlp|acme|o'hara", "oidc|a b", "oauth2|x|$(id)"])
def test_command_to_copy(case: Case, name: str) -> None:
    """A shell takes the user_id as it is."""
    odd = User(TENANT, UserId(name))
    case.world.tenant.add(odd, ADAS, customer_id=CustomerId("cus_9"))
    unmet = {each.name: str(each.unmet) for each in case.worker.plan(case.customer, odd).unmet}
    command = unmet["other customers"].partition(": ")[2]

    assert shlex.split(command) == ["customerlink", "verify", name]


def test_odd_user_id_is_never_looked_for(case: Case) -> None:
    """Auth0 refuses what is no user_id; that says nothing of whether somebody is gone."""
    changed(case, metadata={"auth0_user_id": "64f"})
    case.world.tenant.profiles[UserId("64f")] = case.world.tenant.profiles[ADA.user_id]

    assert "tenant" in case.unmet()


@pytest.mark.parametrize("keys", [48, 49])
def test_customer_without_room_for_a_name(keys: int) -> None:
    """It is told before anybody claims it: Stripe allows fifty keys, and has ours already."""
    case = Case()
    metadata = {f"key{number}": "full" for number in range(keys)}
    full = case.world.customer(ADAS, metadata=metadata)
    case.world.stripe.account.delete(case.customer)
    refusal = case.worker.carry_out(full, ADA)

    expected = Refusal(f"{full} cannot be linked: a person has to decide") if keys > 48 else None
    assert refusal == expected
    assert (case.world.named(ADA) == [full]) is (refusal is None)
    assert any(each == f"adoption#{full}" for each in case.world.table.items) is (refusal is None)


def back(case: Case, email: str = ADAS) -> Any:
    """Let Bob be there again under the user_id that he had, as a social connection gives it."""
    if BOB.user_id not in case.world.tenant.profiles:
        case.world.tenant.add(BOB, email)
    profile = case.world.tenant.profiles[BOB.user_id]
    marker = Marker(profile.marker) if profile.marker else None
    more: dict[str, Any] = {"marker": marker, "customer_id": profile.customer_id}
    answer = case.world.login(SignUp(BOB, 1, email, email_verified=True, **more))
    assert answer is not None
    case.world.tenant.merge_app_metadata(BOB.user_id, answer.app_metadata)
    return answer


def ada_logs_in(case: Case) -> None:
    """Let the user's own login finish what was begun."""
    case.world.tenant.merge_app_metadata(ADA.user_id, case.login().app_metadata)


def repaired(case: Case) -> None:
    """Let the scheduled repair finish it."""
    case.world.finish(ADA)


def applied(case: Case) -> None:
    """Let the same command finish it."""
    case.apply()


BEFORE_THE_UPDATE = [
    (BEGIN_ADOPTION, Kind.DIES_AFTER),
    (CLAIM, Kind.DIES_BEFORE),
    (CLAIM, Kind.DIES_AFTER),
    (ADOPT, Kind.DIES_BEFORE),
]
FINISHERS: list[Callable[[Case], None]] = [ada_logs_in, repaired, applied]


@pytest.mark.parametrize("finish", FINISHERS)
@pytest.mark.parametrize("has_record", [True, False])
@pytest.mark.parametrize(("step", "kind"), BEFORE_THE_UPDATE)
def test_former_user_comes_back(
    case: Case, step: str, kind: Kind, finish: Callable[[Case], None], *, has_record: bool
) -> None:
    """Who is there again, and has the customer, keeps it: nobody finishes what was begun."""
    if has_record:
        link_of_bob(case)
    interrupted(case, step, 1, kind)
    case.world.at(6 * SETTLED_SECONDS)
    assert back(case).customer_id == case.customer
    finish(case)
    case.world.at(8 * SETTLED_SECONDS)
    finish(case)

    assert case.world.named(BOB) == [case.customer]
    assert case.world.tenant.profiles[ADA.user_id].customer_id is None
    assert case.login().reason is Reason.EMAIL_IN_USE


@pytest.mark.parametrize("finish", FINISHERS)
@pytest.mark.parametrize("step", [CLAIM, ADOPT])
@pytest.mark.parametrize("email", [ADAS, "bob@example.com", "ADA@example.com"])
def test_former_user_comes_back_at_once(
    case: Case, step: str, finish: Callable[[Case], None], email: str
) -> None:
    """While the update may be on its way nobody can say whose it is; then it is one user's."""
    interrupted(case, step, 1, Kind.DIES_AFTER)
    for number in range(3):
        case.world.at(2 * SETTLED_SECONDS + 20 + number)
        assert back(case, email).customer_id != case.customer
    finish(case)
    case.world.at(4 * SETTLED_SECONDS)
    back(case, email)
    finish(case)
    ada_logs_in(case)

    [owner] = [each for each in (ADA, BOB) if case.world.named(each) == [case.customer]]
    profiles = case.world.tenant.profiles.values()
    assert [each.user_id for each in profiles if each.customer_id == case.customer] == [
        owner.user_id
    ]


def test_former_user_dies_before_the_link(case: Case) -> None:
    """That the user had been gone is known to the next login too, until one has the customer."""
    interrupted(case, CLAIM, 1, Kind.DIES_AFTER)
    case.world.at(5 * SETTLED_SECONDS)
    case.world.tenant.add(BOB, ADAS)
    case.world.fails(LIST, Kind.DIES_BEFORE)
    assert case.world.login(SignUp(BOB, 1, ADAS, email_verified=True)) is None
    case.world.at(5 * SETTLED_SECONDS + RECORD_LEASE_SECONDS + 1)
    assert back(case).customer_id == case.customer
    ada_logs_in(case)

    assert case.world.named(BOB) == [case.customer]


def test_former_user_goes_again(case: Case) -> None:
    """Whose claim is of before is replaced, and so it is of one who came back and left."""
    interrupted(case, CLAIM, 1, Kind.DIES_AFTER)
    case.world.at(5 * SETTLED_SECONDS)
    assert back(case).customer_id == case.customer
    del case.world.tenant.profiles[BOB.user_id]
    case.world.at(7 * SETTLED_SECONDS)

    assert case.apply() is None
    case.assert_done()


def link_of_bob(case: Case) -> None:
    """Let the ledger have known of Bob's customer."""
    _, ledger, _ = case.world.ports()
    lease = ledger.open(BOB, None, admission=True)
    assert isinstance(lease, Lease)
    ledger.link(lease, case.customer)
    case.world.at(4 * SETTLED_SECONDS)
