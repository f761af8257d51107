"""What is to be done about a user: a table, and histories of both sides."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import ADA, NOW, customer_of

from customerlink.model.customer import Customer
from customerlink.model.customer_fields import CustomerFields
from customerlink.model.customer_values import Former, LiveCustomer, Told, folded
from customerlink.model.listed_customer import Absence
from customerlink.model.profile import Identity, Profile
from customerlink.model.sync import (
    QUIET,
    Decision,
    Seen,
    SyncAct,
    SyncReason,
    SyncRules,
    Verdict,
    decide,
)
from customerlink.model.sync_memory import (
    AGAIN_SECONDS,
    CORRECTIONS_A_DAY,
    DAY_SECONDS,
    MOST_HINTS,
    Digests,
    Memory,
)
from customerlink.model.sync_policy import (
    DeletedCustomers,
    Differences,
    EditedCustomers,
    EmailChanges,
    SyncPolicy,
)
from customerlink.model.user import CustomerId, Tenant, User, UserId

DIGESTS = Digests.keyed(b"a key")
ADAS = CustomerId("cus_ada")
NEW, OLD, OTHER = "new@example.com", "old@example.com", "other@example.com"
ADA_NOW = Profile(ADA.user_id, NEW, email_verified=True, name="Ada", customer_id=ADAS)
LINKED_ADA = replace(ADA_NOW, identities=(Identity("auth0", "ada"), Identity("sms", "9")))
BOB = User(Tenant("acme"), UserId("auth0|bob"))
FIELDS = CustomerFields.parse(
    '{"name": "name", "phone": "phone_number", "preferred_locales": "locale",'
    ' "metadata.plan": "plan"}'
)


def digest(name: str, value: str) -> str:
    """Return what is remembered of a value."""
    return DIGESTS.of(name, folded(name, value))


def memory(customer_id: str | None = ADAS, **applied: str) -> Memory:
    """Return what is remembered where these values were applied last."""
    digests = {name: digest(name, value) for name, value in applied.items()}
    known = CustomerId(customer_id) if customer_id else None
    return Memory(known, digests, keyed_by=DIGESTS.name)


def writing(before: Memory, **values: str) -> Memory:
    """Return it with values that were about to be written."""
    about_to = {name: frozenset({digest(name, value)}) for name, value in values.items()}
    return replace(before, writing=about_to)


def live(customer: Customer | None = None, /, **values: str) -> LiveCustomer:
    """Return Ada's customer as Stripe has it: with Auth0's values, unless told otherwise."""
    return LiveCustomer(customer or customer_of(ADA, ADAS), {"email": NEW, "name": "Ada"} | values)


def decided(
    customer: LiveCustomer | Absence | None,
    before: Memory | None = None,
    *,
    profile: Profile | None = ADA_NOW,
    fields: CustomerFields | None = None,
    now: float = NOW,
    **more: Any,
) -> Decision:
    """Decide about Ada, by the policies that are named."""
    policies = {name for name in SyncPolicy.__annotations__ if name in more}
    policy = SyncPolicy(**{name: more.pop(name) for name in policies})
    seen = Seen(ADA, profile, customer, memory=before or Memory(), **more)
    return decide(seen, SyncRules(DIGESTS, policy, fields or CustomerFields()), now)


EMPTIED, NOBODYS = Customer(ADAS), Customer(ADAS, None, "acme")
ANOTHERS = customer_of(BOB, ADAS)
OF_ANOTHER_TENANT = customer_of(replace(ADA, tenant=Tenant("other")), ADAS)


@pytest.mark.parametrize(
    ("customer", "more", "act", "reason"),
    [
        (live(), {"profile": None}, SyncAct.NOTHING, SyncReason.USER_GONE),
        (None, {"profile": None}, SyncAct.NOTHING, SyncReason.USER_GONE),
        (None, {}, SyncAct.NOTHING, SyncReason.NO_CUSTOMER),
        (Absence.UNKNOWN, {}, SyncAct.HOLD, SyncReason.MISSING),
        (Absence.OTHER_MODE, {}, SyncAct.HOLD, SyncReason.MISSING),
        (Absence.DELETED, {}, SyncAct.CLEAR, SyncReason.DELETED),
        (live(EMPTIED), {}, SyncAct.HOLD, SyncReason.UNNAMED),
        (live(NOBODYS), {"recorded": ADAS}, SyncAct.RENAME, SyncReason.UNNAMED),
        (live(EMPTIED), {"recorded": ADAS}, SyncAct.RENAME, SyncReason.UNNAMED),
        (live(EMPTIED), {"recorded": "cus_2"}, SyncAct.HOLD, SyncReason.UNNAMED),
        (live(EMPTIED), {"recorded": ADAS, "is_open": True}, SyncAct.HOLD, SyncReason.UNNAMED),
        (
            live(EMPTIED),
            {"recorded": ADAS, "profile": replace(ADA_NOW, customer_id=None)},
            SyncAct.HOLD,
            SyncReason.UNNAMED,
        ),
        (
            live(EMPTIED),
            {"recorded": ADAS, "edited_customers": EditedCustomers.REPORT},
            SyncAct.HOLD,
            SyncReason.UNNAMED,
        ),
        (
            live(replace(EMPTIED, metadata_keys=frozenset(map(str, range(49))))),
            {"recorded": ADAS},
            SyncAct.HOLD,
            SyncReason.UNNAMED,
        ),
        (live(ANOTHERS), {}, SyncAct.HOLD, SyncReason.MISMATCHED),
        (live(OF_ANOTHER_TENANT), {}, SyncAct.HOLD, SyncReason.MISMATCHED),
        (live(), {"recorded": "cus_2"}, SyncAct.HOLD, SyncReason.MISMATCHED),
        (live(), {"recorded": ADAS}, SyncAct.COMPARE, SyncReason.IN_ORDER),
        (live(), {}, SyncAct.COMPARE, SyncReason.IN_ORDER),
        (live(name="Countess"), {}, SyncAct.COMPARE, SyncReason.DIFFERS),
        (live(), {"profile": LINKED_ADA}, SyncAct.FOLLOW, SyncReason.LINKED),
        (live(ANOTHERS), {"profile": LINKED_ADA}, SyncAct.FOLLOW, SyncReason.LINKED),
        (None, {"profile": LINKED_ADA}, SyncAct.FOLLOW, SyncReason.LINKED),
        (Absence.DELETED, {"profile": LINKED_ADA}, SyncAct.CLEAR, SyncReason.DELETED),
        (live(EMPTIED), {"profile": LINKED_ADA}, SyncAct.HOLD, SyncReason.UNNAMED),
        (
            live(EMPTIED),
            {"profile": LINKED_ADA, "recorded": ADAS},
            SyncAct.RENAME,
            SyncReason.UNNAMED,
        ),
        (Absence.UNKNOWN, {"profile": LINKED_ADA}, SyncAct.HOLD, SyncReason.MISSING),
        (
            live(),
            {"profile": LINKED_ADA, "left": LINKED_ADA.identities},
            SyncAct.COMPARE,
            SyncReason.IN_ORDER,
        ),
        (
            live(customer_of(ADA, ADAS, superseded_by="cus_2")),
            {},
            SyncAct.HOLD,
            SyncReason.SUPERSEDED,
        ),
    ],
)
def test_what_is_found(
    customer: LiveCustomer | Absence | None,
    more: dict[str, Any],
    act: SyncAct,
    reason: SyncReason,
) -> None:
    """Each finding has one act; only a customer that names the user is ever written."""
    decision = decided(customer, **more)

    assert (decision.act, decision.reason) == (act, reason)
    assert decision.writes == {}


@pytest.mark.parametrize("policy", DeletedCustomers)
@pytest.mark.parametrize("absence", Absence)
def test_no_link_is_cleared_for_want_of_an_answer(
    policy: DeletedCustomers, absence: Absence
) -> None:
    """By no policy: only Stripe's word that it was deleted clears a link, or makes another."""
    acts = {
        DeletedCustomers.CLEAR: SyncAct.CLEAR,
        DeletedCustomers.RECREATE: SyncAct.RECREATE,
        DeletedCustomers.REPORT: SyncAct.HOLD,
    }
    expected = acts[policy] if absence is Absence.DELETED else SyncAct.HOLD

    assert decided(absence, deleted_customers=policy).act is expected


def test_deleted_customer_that_the_profile_does_not_have() -> None:
    """There is nothing to clear."""
    profile = replace(ADA_NOW, customer_id=None)

    assert decided(Absence.DELETED, profile=profile).act is SyncAct.NOTHING


@pytest.mark.parametrize(
    ("changes", "act"),
    [
        ({"customer_id": None}, SyncAct.WAIT),
        ({"marker": "unfinished"}, SyncAct.WAIT),
        ({"customer_id": None, "marker": "unfinished"}, SyncAct.WAIT),
        ({}, SyncAct.COMPARE),
    ],
)
def test_open_sign_up(changes: dict[str, Any], act: SyncAct) -> None:
    """An unfinished one decides by itself, and so does one whose customer is gone by now."""
    profile = replace(ADA_NOW, **changes)
    assert decided(live(), profile=profile, is_open=True).act is act

    for absence in (None, *Absence):
        assert decided(absence, profile=profile, is_open=True).act is SyncAct.WAIT


@pytest.mark.parametrize(
    ("customer", "more"),
    [
        (live(), {"profile": replace(ADA_NOW, customer_id=None)}),
        (live(EMPTIED), {"recorded": ADAS}),
        (Absence.DELETED, {}),
        (Absence.DELETED, {"deleted_customers": DeletedCustomers.RECREATE}),
    ],
)
def test_link_that_is_contested(customer: LiveCustomer | Absence, more: dict[str, Any]) -> None:
    """What was put right three times today waits for a person, or for tomorrow."""
    before = Memory(corrections=(NOW - 3, NOW - 2, NOW - 1))
    assert decided(customer, before, **more).reason is SyncReason.CONTESTED

    assert decided(customer, before, now=NOW + DAY_SECONDS, **more).act is not SyncAct.HOLD


def test_profile_that_lacks_the_id() -> None:
    """It is written, and the fields are compared all the same."""
    profile = replace(ADA_NOW, customer_id=None)
    decision = decided(live(name="Countess"), memory(name="Countess"), profile=profile)

    assert (decision.act, decision.writes) == (SyncAct.LINK, {"name": "Ada"})


@pytest.mark.parametrize(
    ("stripe", "before", "verdict"),
    [
        (NEW, memory(), Verdict.AGREED),
        (NEW.upper(), memory(), Verdict.AGREED),
        (NEW, memory(email=OLD), Verdict.AGREED),
        (OLD, memory(), Verdict.UNKNOWN),
        (OLD, Memory(), Verdict.UNKNOWN),
        ("", memory(), Verdict.UNKNOWN),
        (OLD, memory(email=OLD), Verdict.CHANGED),
        (OLD, memory(email=OLD.upper()), Verdict.CHANGED),
        (OTHER, memory(email=OLD), Verdict.CHANGED),
        (OLD, memory(email=NEW), Verdict.EDITED),
        ("", memory(email=NEW), Verdict.EDITED),
        (OLD, writing(memory(), email=OLD), Verdict.CHANGED),
        (OLD, writing(memory(email=NEW), email=OLD), Verdict.CHANGED),
        (OTHER, writing(memory(email=NEW), email=OLD), Verdict.EDITED),
        (OTHER, writing(memory(), email=OLD), Verdict.UNKNOWN),
        (OLD, memory("cus_before", email=OTHER), Verdict.CHANGED),
        (OLD, memory("cus_before", email=NEW), Verdict.CHANGED),
        (OLD, replace(memory(email=NEW), keyed_by="another"), Verdict.UNKNOWN),
    ],
)
def test_comparison(stripe: str, before: Memory, verdict: Verdict) -> None:
    """Auth0's is new@example.com; each row has Stripe's, and what is remembered."""
    decision = decided(live(email=stripe), before)

    assert decision.verdicts["email"] is verdict
    assert ("email" in decision.writes) is (verdict is Verdict.CHANGED)


@pytest.mark.parametrize(
    ("policy", "profile"),
    [
        (EmailChanges.VERIFIED, {"email_verified": False}),
        (EmailChanges.VERIFIED, {"email": None, "email_verified": False}),
        (EmailChanges.VERIFIED, {"email": "no address"}),
        (EmailChanges.IGNORE, {}),
        (EmailChanges.IGNORE, {"email_verified": False}),
    ],
)
@pytest.mark.parametrize("stripe", [NEW, NEW.upper(), OLD, ""])
@pytest.mark.parametrize("before", [memory(), memory(email=OTHER), memory(email=NEW)])
def test_address_that_may_not_be_written(
    policy: EmailChanges, profile: dict[str, Any], stripe: str, before: Memory
) -> None:
    """It never is; where it only waits to be verified, both sides may have it all the same."""
    current = replace(ADA_NOW, **profile)
    decision = decided(live(email=stripe), before, profile=current, email_changes=policy)
    is_alike = policy is EmailChanges.VERIFIED and current.email == NEW and stripe.lower() == NEW

    assert decision.verdicts["email"] is (Verdict.AGREED if is_alike else Verdict.LEFT)
    known = decision.outcome(NOW, ()).applied.get("email")
    assert known == (digest("email", NEW) if is_alike else before.applied.get("email"))
    restoring: dict[str, Any] = {"edited_customers": EditedCustomers.RESTORE}
    applying: dict[str, Any] = {"differences": Differences.APPLY}
    for each in (restoring, applying):
        again = decided(live(email=stripe), before, profile=current, email_changes=policy, **each)
        assert "email" not in again.writes


def hinted(before: Memory, *former: dict[str, str]) -> Memory:
    """Return it with what events say that Auth0 had."""
    return before.hinted(DIGESTS.hints(Told(hints=tuple(map(Former, former)))))


def edited(before: Memory, *former: Former) -> Memory:
    """Return it with what events say that customers had."""
    return before.hinted(DIGESTS.hints(Told(edits=former)))


def edit(customer_id: str = ADAS, **former: str) -> Former:
    """Return what an event says that a customer had."""
    return Former(former, CustomerId(customer_id))


@pytest.mark.parametrize(
    ("stripe", "before", "edits", "verdict"),
    [
        # Stripe has what Auth0 had: it has only not followed yet.
        (OLD, hinted(memory(), {"email": OLD}), [], Verdict.CHANGED),
        (OLD, hinted(Memory(), {"email": OLD.upper()}), [], Verdict.CHANGED),
        (OLD, hinted(memory(), {"email": OTHER}, {"email": OLD}), [], Verdict.CHANGED),
        (OLD, hinted(memory(), {"email": OTHER}, {"name": OLD}), [], Verdict.UNKNOWN),
        (OLD, hinted(memory(), {}), [], Verdict.UNKNOWN),
        # Stripe had what Auth0 has, until somebody edited it.
        (OLD, memory(), [edit(email=NEW)], Verdict.EDITED),
        (OLD, Memory(), [edit(name="Ada"), edit(email=NEW.upper())], Verdict.EDITED),
        ("", memory(), [edit(email=NEW)], Verdict.EDITED),
        (OLD, memory(), [edit(email=OTHER)], Verdict.UNKNOWN),
        (OLD, memory(), [edit(name=NEW)], Verdict.UNKNOWN),
        (OLD, memory(), [edit("cus_other", email=NEW)], Verdict.UNKNOWN),
        (OLD, memory(), [Former({"email": NEW})], Verdict.UNKNOWN),
        # Both: then what Stripe has is Auth0's former value.
        (OLD, hinted(memory(), {"email": OLD}), [edit(email=NEW)], Verdict.CHANGED),
        # What was applied is known better than by any event.
        (OLD, hinted(memory(email=NEW), {"email": OLD}), [], Verdict.EDITED),
        (OLD, memory(email=OLD), [edit(email=NEW)], Verdict.CHANGED),
        (NEW, hinted(memory(), {"email": NEW}), [edit(email=NEW)], Verdict.AGREED),
    ],
)
def test_what_events_say(
    stripe: str, before: Memory, edits: list[Former], verdict: Verdict
) -> None:
    """Of before, and only where nothing is remembered; Auth0's is new@example.com."""
    decision = decided(live(email=stripe), edited(before, *edits))

    assert decision.verdicts["email"] is verdict


@pytest.mark.parametrize("policy", EditedCustomers)
def test_edit_that_an_event_tells(policy: EditedCustomers) -> None:
    """From then on it is remembered what Auth0 had: it is the same edit without the event."""
    by: dict[str, Any] = {"edited_customers": policy}
    before = edited(memory(email=NEW), edit(name="Ada"))
    first = decided(live(name="Countess"), before, **by)
    second = decided(live(name="Countess"), first.outcome(NOW, first.writes), **by)

    assert first.verdicts["name"] is second.verdicts["name"]
    assert first.verdicts["name"] in (Verdict.EDITED, Verdict.RESTORED, Verdict.REPORTED)


def test_hints_until_something_is_applied() -> None:
    """Field by field: of an address that may not be used yet they stay."""
    unverified = replace(ADA_NOW, email_verified=False)
    before = hinted(memory(), {"email": OLD, "name": "Countess"})
    decision = decided(live(email=OLD, name="Countess"), before, profile=unverified)
    after = decision.outcome(NOW, decision.writes)
    assert decision.writes == {"name": "Ada"}
    assert after.hints.keys() == {"email"}

    verified = decided(live(email=OLD), after)
    assert verified.writes == {"email": NEW}
    assert verified.outcome(NOW, verified.writes).hints == {}


@pytest.mark.parametrize(
    ("profile", "auth0", "verdict"),
    [
        ({}, "Lady", Verdict.UNKNOWN),
        ({"email": None}, "Ada", Verdict.EDITED),
        ({"name": None}, "Ada", Verdict.LEFT),
    ],
)
def test_edits_until_they_are_compared(
    profile: dict[str, Any], auth0: str, verdict: Verdict
) -> None:
    """What was no edit of Auth0's value then is none of its next one; what waits is kept."""
    before = edited(memory(), edit(name="Ada", email=OTHER), edit("cus_other", name="Lady"))
    current = replace(ADA_NOW, **({"name": auth0} | profile))
    decision = decided(live(name="Countess"), before, profile=current)
    after = decision.outcome(NOW, decision.writes)
    assert decision.verdicts["name"] is verdict
    assert bool(after.hints) is ("name" in profile or "email" in profile)

    again = decided(live(name="Countess"), after)
    assert again.verdicts["name"] is (Verdict.UNKNOWN if auth0 == "Lady" else Verdict.EDITED)


def test_edit_that_is_not_written_over_yet() -> None:
    """It stays known, or the next try would take it for a difference of before."""
    before = edited(memory(email=NEW), edit(name="Ada"))
    restoring: dict[str, Any] = {"edited_customers": EditedCustomers.RESTORE}
    decision = decided(live(name="Countess"), before, **restoring)
    again = decided(live(name="Countess"), decision.outcome(NOW, ()), **restoring)

    assert again.writes == {"name": "Ada"}


@pytest.mark.parametrize("name", ["name", "email", "metadata.a plan"])
def test_few_hints_are_kept(name: str) -> None:
    """However often somebody changes a field, on either side."""
    former = [Former({name: f"value {number}"}, ADAS) for number in range(200)]
    before = Memory().hinted(DIGESTS.hints(Told(tuple(former), tuple(former))))

    assert [len(each) for each in before.hints.values()] == [MOST_HINTS] * 2


class TestDue:
    """When a user is looked at again without an event."""

    def test_held(self) -> None:
        """After 1, 2, 4, then every 7 days, for good."""
        held, now, days = Memory(), NOW, []
        for _ in range(6):
            held = held.held_for("email_taken", now)
            days.append(((held.due_at or 0.0) - now) / DAY_SECONDS)
            now = held.due_at or 0.0

        assert days == [1, 2, 4, 7, 7, 7]

    def test_held_for_another_reason(self) -> None:
        """It begins anew, as it does once it was mended meanwhile."""
        held, now = Memory().held_for("email_taken", NOW), NOW + 9 * DAY_SECONDS
        for before in (held.held_for("missing", now), held.at_rest().held_for("email_taken", now)):
            assert (before.held_since, before.due_at) == (now, now + DAY_SECONDS)

    def test_put_off(self) -> None:
        """What was due stays so; what was not has been asked for by somebody who asks again."""
        assert Memory().put_off(NOW) == Memory()
        assert Memory(due_at=NOW - 9).put_off(NOW) == Memory(due_at=NOW + AGAIN_SECONDS)

    def test_at_rest(self) -> None:
        """Nothing is due, and nothing is held."""
        assert Memory().held_for("email_taken", NOW).at_rest() == Memory()


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        (EditedCustomers.KEEP, Verdict.EDITED),
        (EditedCustomers.RESTORE, Verdict.RESTORED),
        (EditedCustomers.REPORT, Verdict.REPORTED),
    ],
)
@pytest.mark.parametrize("stripe", ["Countess", "", "ada"])
def test_edited_in_stripe(policy: EditedCustomers, verdict: Verdict, stripe: str) -> None:
    """It stays unless policy has it written over."""
    decision = decided(live(name=stripe), memory(name="Ada"), edited_customers=policy)

    assert decision.verdicts["name"] is verdict


@pytest.mark.parametrize("stripe", ["Countess", "", "ada"])
def test_difference_of_before(stripe: str) -> None:
    """It is written only where somebody says so."""
    applied = decided(live(name=stripe), differences=Differences.APPLY)

    assert applied.writes == {"name": "Ada"}
    assert decided(live(name=stripe)).writes == {}


@pytest.mark.parametrize(
    ("email", "verified", "used"),
    [
        (NEW, True, {"verified", "any"}),
        (NEW, False, {"any"}),
        (None, True, set()),
        ("no address", True, set()),
        ("@", True, set()),
    ],
)
@pytest.mark.parametrize("policy", EmailChanges)
def test_address_that_is_used(
    *, email: str | None, verified: bool, used: set[str], policy: EmailChanges
) -> None:
    """A missing one is never written, and one that is not verified only by policy."""
    profile = replace(ADA_NOW, email=email, email_verified=verified)
    decision = decided(live(email=OLD), memory(email=OLD), profile=profile, email_changes=policy)

    expected = Verdict.CHANGED if policy in used else Verdict.LEFT
    assert decision.verdicts["email"] is expected


def test_address_is_written_in_lower_case() -> None:
    """As customers are made."""
    profile = replace(ADA_NOW, email="Ada@Example.com")

    assert decided(live(), memory(email=NEW), profile=profile).writes == {
        "email": "ada@example.com"
    }


def test_mapped_fields() -> None:
    """Each by itself: what Auth0 has not is left, and whose customer it is is no field."""
    profile = replace(
        ADA_NOW, fields={"phone_number": "+1 555", "locale": "de_AT", "plan": "p" * 600}
    )
    stripe = live(phone="+1 444", preferred_locales="de-AT", **{"metadata.plan": "free"})
    before = memory(phone="+1 444", **{"metadata.plan": "free"})
    decision = decided(stripe, before, profile=profile, fields=FIELDS)

    assert decision.writes == {"phone": "+1 555", "metadata.plan": "p" * 500}
    assert decision.verdicts["preferred_locales"] is Verdict.AGREED
    assert {each for each in decision.verdicts if "auth0" in each} == set()


class TestCap:
    """A third program writes back."""

    EDITED = live(name="Countess")

    def decide(self, *ages: float) -> Decision:
        """Decide after corrections of so long ago."""
        before = replace(memory(name="Ada"), corrections=tuple(NOW - age for age in ages))
        return decided(self.EDITED, before, edited_customers=EditedCustomers.RESTORE)

    def test_few(self) -> None:
        """It is corrected, and counted."""
        decision = self.decide(1.0, 2.0)
        outcome = decision.outcome(NOW, decision.writes)

        assert decision.writes == {"name": "Ada"}
        assert outcome.corrections == (NOW - 1.0, NOW - 2.0, NOW)

    def test_too_many(self) -> None:
        """It is not argued with."""
        decision = self.decide(*range(CORRECTIONS_A_DAY))

        assert (decision.writes, decision.reason) == ({}, SyncReason.CONTESTED)

    def test_a_day_later(self) -> None:
        """It is corrected again, and the old ones are forgotten."""
        decision = self.decide(1.0, DAY_SECONDS + 1, DAY_SECONDS + 2)
        outcome = decision.outcome(NOW, decision.writes)

        assert decision.writes == {"name": "Ada"}
        assert outcome.corrections == (NOW - 1.0, NOW)


def test_other_customer_by_the_rules_for_addresses() -> None:
    """What it has of other fields is where they start from, too."""
    decision = decided(live(), memory("cus_2", name="Countess"), fields=CustomerFields(()))

    assert decision.outcome(NOW, ()) == memory(email=NEW, name="Ada")


def test_other_key() -> None:
    """What is remembered from now on is by the new one."""
    decision = decided(live(), replace(memory(name="Countess"), keyed_by="another"))

    assert decision.outcome(NOW, ()) == memory(email=NEW, name="Ada")


def test_what_is_passed_over_is_not_settled() -> None:
    """An earlier write of its may be what Stripe has."""
    before = writing(memory(email=OLD, name="Countess"), email=OTHER, name="Lady")
    decision = decided(live(email=OLD, name="Countess"), before)
    outcome = decision.outcome(NOW, ["name"])

    assert outcome == writing(memory(email=OLD, name="Ada"), email=OTHER)
    # Auth0 has no usable address: neither is that settled.
    unverified = replace(ADA_NOW, email_verified=False)
    left = decided(live(email=OLD), before, profile=unverified)
    assert left.outcome(NOW, ()).writing.keys() == {"email"}


def test_no_value_is_remembered_or_shown() -> None:
    """Digests, by a key that the memory does not hold."""
    decision = decided(live(email=OLD, name="Countess"), memory(email=OLD, name="Countess"))
    text = repr(
        (decision, decision.intent(decision.writes, NOW), decision.outcome(NOW, decision.writes))
    )

    assert [each for each in (NEW, OLD, "'Ada'", "Countess") if each in text] == []


@dataclass
class History:
    """A name on both sides, and what is remembered; a reconciliation may end at any step."""

    policy: EditedCustomers
    auth0: str = "a"
    stripe: str = "a"
    memory: Memory = field(default_factory=lambda: memory(name="a", email=NEW))
    seconds: float = NOW

    def reconcile(self, steps: int = 3) -> Decision:
        """Carry out so many of: remember the intent, write, remember the outcome."""
        self.seconds += 60
        profile = replace(ADA_NOW, name=self.auth0)
        decision = decided(
            live(name=self.stripe),
            self.memory,
            profile=profile,
            now=self.seconds,
            edited_customers=self.policy,
        )
        if steps >= 1:
            self.memory = decision.intent(decision.writes, self.seconds)
        if steps >= 2:
            self.stripe = decision.writes.get("name", self.stripe)
        if steps >= 3:
            self.memory = decision.outcome(self.seconds, decision.writes)
        return decision


NAMES = st.sampled_from("abc")
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("auth0"), NAMES),
        st.tuples(st.just("stripe"), NAMES),
        st.tuples(st.just("reconcile"), st.integers(0, 3)),
    ),
    max_size=12,
)


def played(policy: EditedCustomers, events: list[tuple[str, Any]]) -> History:
    """Play a history, which then comes to rest."""
    history = History(policy)
    for kind, value in events:
        if kind == "reconcile":
            history.reconcile(value)
        else:
            setattr(history, kind, value)
    return history


class TestHistories:
    """Any order of changes, of reconciliations, and of crashes within them."""

    @given(st.sampled_from(EditedCustomers), EVENTS)
    def test_comes_to_rest(self, policy: EditedCustomers, events: list[tuple[str, Any]]) -> None:
        """One reconciliation is enough: the next one writes nothing."""
        history = played(policy, events)
        history.reconcile()
        again = history.reconcile()

        assert again.writes == {}
        assert history.stripe == history.auth0 or again.verdicts["name"] not in {
            Verdict.AGREED,
            Verdict.CHANGED,
        }

    @given(st.sampled_from(EditedCustomers), EVENTS)
    def test_without_an_edit_both_sides_agree(
        self, policy: EditedCustomers, events: list[tuple[str, Any]]
    ) -> None:
        """Wherever a reconciliation ended: what it wrote is never taken for a person's edit."""
        history = played(policy, [each for each in events if each[0] != "stripe"])
        history.reconcile()

        assert history.stripe == history.auth0

    @given(EVENTS, NAMES)
    def test_an_edit_is_kept(self, events: list[tuple[str, Any]], edit: str) -> None:
        """Until that field changes in Auth0, however often it is looked at."""
        history = played(EditedCustomers.KEEP, events)
        history.reconcile()
        history.stripe = edit
        for _ in range(3):
            history.reconcile()
        assert history.stripe == edit

        history.auth0 = "d"
        history.reconcile()
        assert history.stripe == "d"

    @given(st.lists(st.tuples(NAMES, st.integers(2, 3)), min_size=4, max_size=12))
    def test_writes_against_a_third_program(self, edits: list[tuple[str, int]]) -> None:
        """Not more than three a day, however often it writes back, and whoever dies after that."""
        history, writes = History(EditedCustomers.RESTORE), 0
        for edit, steps in edits:
            history.stripe = edit
            writes += bool(history.reconcile(steps).writes)

        assert writes <= CORRECTIONS_A_DAY

    @given(st.sampled_from(EditedCustomers), EVENTS)
    def test_what_is_quiet_is_not_told(
        self, policy: EditedCustomers, events: list[tuple[str, Any]]
    ) -> None:
        """Both sides agree then, or the edit is kept by policy."""
        decision = played(policy, events).reconcile()
        is_quiet = {*decision.verdicts.values()} <= QUIET

        assert (decision.reason is SyncReason.IN_ORDER) is is_quiet
