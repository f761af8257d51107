"""The comparison of both sides: what is read first, and what gets a second look."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from tests.fakes import ADA, PROFILE, FakeClock, FakeProfiles, FakeRefusals

from customerlink.model.candidate import Candidate, Prospect
from customerlink.model.drift import Drift, Finding
from customerlink.model.instruction import Reason
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.overlap import Overlap
from customerlink.model.profile import Profile
from customerlink.model.row import Row, RowOutcome
from customerlink.model.trouble import Trouble, of_the_row
from customerlink.model.user import CustomerId, Tenant, UserId
from customerlink.ports.both_sides import BothSides
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.usecases.compare import SAMPLES, Comparison, WithoutCustomer

ONE = ListedCustomer(CustomerId("cus_1"), "ada@example.com", ADA.user_id, ADA.tenant)
UNREAD = Row("line 7", RowOutcome.UNREAD, "is not JSON")
DANGLING = Finding(Drift.DANGLING, ADA.user_id, ONE.id, "")


@dataclass
class FakeSides(BothSides):
    """Sides that find what a test says, and note what they were asked."""

    found: list[Finding] = field(default_factory=list)
    calls: list[object] = field(default_factory=list)
    unread: list[Row] = field(default_factory=list)
    in_common: Overlap = field(default_factory=Overlap)

    def list_customers(self) -> None:
        """Note it."""
        self.calls.append("list")

    def export_users(self) -> None:
        """Note it."""
        self.calls.append("export")

    def add(self, profile: Profile, customers: Iterable[ListedCustomer]) -> None:
        """Note them."""
        self.calls.append((profile, *customers))

    def classify(self, tenant: Tenant) -> None:
        """Note it."""
        self.calls.append(tenant)

    def overlap(self, _: Tenant) -> Overlap:
        """Return what a test says."""
        return self.in_common

    def correct(self, finding: Finding, drift: Drift) -> None:
        """Correct it."""
        self.found[self.found.index(finding)] = replace(finding, drift=drift)

    def dismiss(self, finding: Finding) -> None:
        """Take it out."""
        self.found.remove(finding)

    def unfinished(self) -> Iterator[Sequence[UserId]]:
        """Return those without a customer, one a page."""
        yield from [[UserId(str(each.user_id))] for each in self.findings(Drift.UNLINKED)]

    def deny(self, reasons: Mapping[UserId, str]) -> None:
        """Correct them."""
        for each in [*self.findings(Drift.UNLINKED)]:
            if each.user_id in reasons:
                self.correct(each, Drift.DENIED)

    def counts(self) -> dict[Drift, int]:
        """Count."""
        return {kind: len([*self.findings(kind)]) for kind in Drift}

    def findings(self, drift: Drift, limit: int | None = None) -> Iterator[Finding]:
        """Return those of a kind."""
        yield from [each for each in self.found if each.drift is drift][:limit]

    def odd(self) -> list[Row]:
        """Return what a test says."""
        return self.unread

    def without_customer(self) -> Iterator[Candidate]:
        """Return a user."""
        yield Candidate(ADA.user_id)

    def prospects(self) -> Iterator[Prospect]:
        """Return the same one."""
        yield Prospect(Candidate(ADA.user_id))


@dataclass
class FakeDirectory(CustomerDirectory):
    """An account with one customer, or with none for the reason that a test gives."""

    one: ListedCustomer | Absence = ONE
    asked: list[str] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)

    def with_address(self, email: str) -> list[ListedCustomer]:
        """Return the customer, if it has the address."""
        self.asked.append(email)
        found = self.one
        return [found] if isinstance(found, ListedCustomer) and found.email == email else []

    def retrieve(self, customer_id: CustomerId) -> ListedCustomer | Absence:
        """Return it."""
        self.asked.append(customer_id)
        if customer_id in self.fails:
            raise self.fails[customer_id]
        return self.one

    def delete(self, customer_id: CustomerId) -> bool:
        """Refuse: a comparison changes nothing."""
        raise AssertionError(customer_id)


@dataclass
class Parts:
    """What is compared."""

    sides: FakeSides = field(default_factory=FakeSides)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    profiles: FakeProfiles = field(default_factory=FakeProfiles)
    refusals: FakeRefusals = field(default_factory=FakeRefusals)
    told: list[str] = field(default_factory=list)
    trouble_of: Callable[[Exception], Trouble] = of_the_row

    @property
    def comparison(self) -> Comparison:
        """Return the comparison."""

        @contextmanager
        def sides(_name: str) -> Iterator[FakeSides]:
            yield self.sides
            self.sides.calls.append("gone")

        seen = self.profiles, self.directory, sides, self.refusals, FakeClock(), self.told.append
        return Comparison(ADA.tenant, *seen, self.trouble_of)


@pytest.fixture
def parts() -> Parts:
    """Return two empty sides."""
    return Parts()


def test_stripe_is_read_first(parts: Parts) -> None:
    """Who signs up in between has a customer that the list lacks, which a second look can find."""
    report = parts.comparison.everybody()

    assert parts.sides.calls == ["list", "export", ADA.tenant, "gone"]
    assert parts.told == ["list Stripe's customers", "export Auth0's users", "compare"]
    assert (report.in_order, report.tenant) == (True, ADA.tenant)


@pytest.mark.parametrize(
    ("customer", "kind"),
    [
        (Absence.DELETED, Drift.DANGLING),
        (Absence.UNKNOWN, Drift.DANGLING),
        (Absence.OTHER_MODE, Drift.WRONG_MODE),
        (ONE, Drift.LINKED),
        (replace(ONE, auth0_user_id="auth0|other"), Drift.MISMATCHED),
        (replace(ONE, auth0_tenant=Tenant("other")), Drift.OTHER_TENANT),
        (replace(ONE, auth0_tenant=Tenant("no tenant's")), Drift.MISMATCHED),
        (
            replace(ONE, auth0_tenant=Tenant("other"), superseded_by="cus_2"),
            Drift.MISMATCHED,
        ),
        (replace(ONE, auth0_user_id=" "), Drift.MISMATCHED),
        (replace(ONE, auth0_user_id=None), Drift.UNNAMED),
        (replace(ONE, auth0_user_id=None, auth0_tenant=None), Drift.UNNAMED),
        (replace(ONE, auth0_user_id=None, auth0_tenant=Tenant("other")), Drift.MISMATCHED),
        (replace(ONE, auth0_user_id=None, registration_id="1"), Drift.MISMATCHED),
        (replace(ONE, auth0_user_id=None, superseded_by="cus_2"), Drift.MISMATCHED),
    ],
)
def test_second_look(parts: Parts, customer: ListedCustomer | Absence, kind: Drift) -> None:
    """What the list lacks is retrieved, and counted as what it is."""
    parts.sides.found = [DANGLING]
    parts.directory.one = customer
    report = parts.comparison.everybody()

    assert report.counts[kind] == 1
    assert report.samples[kind] == [replace(DANGLING, drift=kind)]
    assert parts.directory.asked == [ONE.id]


def test_second_look_beside_a_customer_that_names_the_user(parts: Parts) -> None:
    """Whose the profile's is, that names nobody, is for a person to decide."""
    parts.sides.found = [replace(DANGLING, detail="cus_2")]
    parts.directory.one = replace(ONE, auth0_user_id=None)

    assert parts.comparison.everybody().counts[Drift.MISMATCHED] == 1


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.EMAIL_IN_USE, Drift.DENIED),
        (Reason.EMAIL_MISSING, Drift.DENIED),
        (Reason.EMAIL_INVALID, Drift.DENIED),
        (Reason.LINK_MISMATCH, Drift.DENIED),
        (Reason.DEFERRED, Drift.UNLINKED),
        (Reason.CUSTOMER_UNUSABLE, Drift.UNLINKED),
        (Reason.PROVISIONING_FAILED, Drift.UNLINKED),
        (Reason.IN_PROGRESS, Drift.UNLINKED),
        (None, Drift.UNLINKED),
    ],
)
def test_refused_in_the_ledger(parts: Parts, reason: Reason | None, kind: Drift) -> None:
    """A decision explains that there is no customer; what was put off, or failed, does not."""
    parts.sides.found = [Finding(Drift.UNLINKED, ADA.user_id, None, "")]
    parts.refusals.reasons = {ADA.user_id: reason} if reason else {}
    report = parts.comparison.everybody()

    assert (report.counts[kind], report.in_order) == (1, kind is Drift.DENIED)


def test_nothing_else_gets_a_second_look(parts: Parts) -> None:
    """Stripe is asked only for what seems to be gone."""
    parts.sides.found = [replace(DANGLING, drift=each) for each in Drift if each != Drift.DANGLING]
    parts.comparison.everybody()

    assert parts.directory.asked == []


def test_samples(parts: Parts) -> None:
    """A few of each kind, and all of those that a plan asks for."""
    several = SAMPLES + 1
    for kind in (Drift.UNLINKED, Drift.UNRECORDED):
        parts.sides.found += [Finding(kind, f"auth0|{each}", None, "") for each in range(several)]
    report = parts.comparison.everybody([Drift.UNRECORDED])

    assert len(report.samples[Drift.UNLINKED]) == SAMPLES
    assert len(report.samples[Drift.UNRECORDED]) == several == report.counts[Drift.UNLINKED]


def test_users_without_customer(parts: Parts) -> None:
    """They are read before the sides are gone, and what could not be read is told beside them."""
    parts.sides.unread = [UNREAD]
    found = parts.comparison.without_customer()

    assert found == WithoutCustomer([Candidate(ADA.user_id)], [UNREAD])
    assert parts.sides.calls[-1] == "gone"


@pytest.mark.parametrize("name", [ADA.user_id, "Ada@Example.com"])
def test_one_user(parts: Parts, name: str) -> None:
    """By id or address; beside are the customers of both spellings and the profile's own, once."""
    found = replace(PROFILE, email="Ada@Example.com", customer_id=ONE.id)
    parts.profiles.profile = found
    parts.comparison.one(name)

    assert parts.directory.asked == ["Ada@Example.com", "ada@example.com", ONE.id]
    assert parts.sides.calls == [(found, ONE), ADA.tenant, "gone"]


def test_one_user_without_address_and_customer(parts: Parts) -> None:
    """Stripe is not asked for the customers of nobody."""
    parts.profiles.profile = found = replace(PROFILE, email=None)
    parts.comparison.one(ADA.user_id)

    assert parts.directory.asked == []
    assert parts.sides.calls[0] == (found,)


@pytest.mark.parametrize("is_there", [True, False])
def test_another_users_customer_beside_one_user(parts: Parts, *, is_there: bool) -> None:
    """A customer that names a user who is there is no orphan; only the one user was taken in."""
    parts.sides.found = [Finding(Drift.ORPHANED, "auth0|bob", "cus_2", "")]
    there = {ADA.user_id, "auth0|bob"} if is_there else {ADA.user_id}
    parts.profiles.get = lambda user_id: PROFILE if user_id in there else None  # type: ignore[method-assign]
    report = parts.comparison.one(ADA.user_id)

    assert report is not None
    assert report.counts[Drift.ORPHANED] == (0 if is_there else 1)


@pytest.mark.parametrize("name", [ADA.user_id, "nobody@example.com"])
def test_no_such_user(parts: Parts, name: str) -> None:
    """Nothing is compared."""
    parts.profiles.profile = None

    assert parts.comparison.one(name) is None
    assert parts.sides.calls == []


class TestRows:
    """What one row has costs no other one anything."""

    FINDINGS = tuple(Finding(Drift.DANGLING, f"auth0|{e}", f"cus_{e}", "") for e in "abc")

    @pytest.mark.parametrize("error", [TypeError(), KeyError("text"), ValueError("text")])
    def test_closer_look_that_fails(self, parts: Parts, error: Exception) -> None:
        """It is told by the user's id and the exception's kind; the others are looked at."""
        parts.sides.found = [*self.FINDINGS]
        parts.directory.fails = {"cus_b": error}
        report = parts.comparison.everybody()

        assert [*report.rows] == [Row("auth0|b", RowOutcome.FAILED, type(error).__name__)]
        assert report.counts[Drift.DANGLING] == 1
        assert not report.in_order

    def test_next_look_that_must_fail_as_well(self, parts: Parts) -> None:
        """Then nobody else is looked at: what ends the comparison is told as it is."""
        parts.sides.found = [*self.FINDINGS]
        parts.directory.fails = {"cus_b": TypeError()}
        parts.trouble_of = lambda _: Trouble.LASTING
        with pytest.raises(TypeError):
            parts.comparison.everybody()

        assert parts.directory.asked == ["cus_a", "cus_b"]

    def test_nobody_is_in_order_unread(self, parts: Parts) -> None:
        """Whoever stands on a line that cannot be read may have no customer."""
        parts.sides.unread = [UNREAD]

        assert (parts.comparison.everybody().in_order) is False

    def test_odd_field_is_no_difference(self, parts: Parts) -> None:
        """It is told, and the user is compared by what else there is."""
        parts.sides.unread = [Row(ADA.user_id, RowOutcome.ODD, "user.name")]
        report = parts.comparison.everybody()

        assert (report.in_order, [*report.rows]) == (True, parts.sides.unread)
