"""Both sides of a deployment compared, or those of one user: what differs, by kind."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from customerlink.model.address import spellings
from customerlink.model.candidate import Candidate, Prospect
from customerlink.model.counted import counted
from customerlink.model.drift import IN_ORDER, Drift, Finding
from customerlink.model.instruction import Reason
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.row import Row, RowOutcome, unread
from customerlink.model.trouble import Trouble, of_the_row
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.both_sides import BothSides, Compared, Counted
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.deadline import Clock
from customerlink.ports.profiles import Profiles
from customerlink.ports.refusals import Refusals
from customerlink.usecases.open_sign_up import PASSING
from customerlink.usecases.rows import RowFailed, Rows

SAMPLES = 3

_NO_DENIAL = PASSING | {Reason.DEFERRED, Reason.CUSTOMER_UNUSABLE}
"""With these the record of somebody ends who is to have a customer all the same.

`customer_unusable` is nobody's own fault: a wrong `CustomerFields` gives it to everybody at once.
"""


@dataclass(frozen=True)
class Report:
    """What was found, at a moment."""

    at: str
    tenant: Tenant
    counts: Mapping[Drift, int]
    samples: Mapping[Drift, list[Finding]]
    """The first of each kind; all of them for the kinds that a plan asked for."""
    rows: Sequence[Row] = ()
    """What could not be read, or looked at."""
    links: int = 0
    """Profiles with a customer's id."""

    @property
    def in_order(self) -> bool:
        """Return whether everybody is linked, exempt, or rightly without a customer.

        Who could not be read may be none of these.
        """
        if unread(self.rows):
            return False
        return not any(number for kind, number in self.counts.items() if kind not in IN_ORDER)

    @property
    def shown(self) -> Mapping[Drift, int]:
        """Return the counts that say something: of named kinds, nothing is known of the others."""
        is_part = len(self.counts) < len(Drift)
        return {
            kind: number
            for kind, number in self.counts.items()
            if number or is_part or kind in IN_ORDER
        }

    def of(self, kinds: Collection[Drift]) -> "Report":
        """Return it for some kinds alone; who could not be read may be of any."""
        counts = {kind: number for kind, number in self.counts.items() if kind in kinds}
        samples = {kind: found for kind, found in self.samples.items() if kind in kinds}
        return replace(self, counts=counts, samples=samples)


def count_denied(sides: Compared, refusals: Refusals) -> None:
    """Tell those without a customer whose last login was refused from those who lack one.

    A refusal stands until a login, or a backfill, finds its cause gone.
    """
    for users in sides.unfinished():
        found = refusals.of(users)
        sides.deny({user: why for user, why in found.items() if why not in _NO_DENIAL})


def foreign(sides: Counted, tenant: Tenant, *, is_asked_for: bool = False) -> list[Row]:
    """Say where Stripe's list has nobody of ours; raise where the tenant's name is not ours.

    Unless it is asked for who names another tenant: only so is there a plan that renames them.

    A restricted key may not read whose account it is for, so it is told by what it lists.
    """
    overlap, counts = sides.overlap(tenant), sides.counts()
    if not is_asked_for:
        overlap.check(tenant)
    if not overlap.is_of_nothing(counts[Drift.DANGLING] + counts[Drift.WRONG_MODE]):
        return []
    mode = ", or the other mode's" if counts[Drift.WRONG_MODE] else ""
    why = (
        f"no customer of {counted(overlap.links, 'profile')} is there: another account's key{mode}?"
    )
    return [Row("Stripe's list", RowOutcome.ODD, why)]


@dataclass(frozen=True)
class WithoutCustomer[Who: (Candidate, Prospect)]:
    """Who has no customer, and what could not be read, or looked at."""

    users: list[Who]
    rows: Sequence[Row] = ()


@dataclass(frozen=True)
class Comparison:
    """A comparison of both sides of a tenant; `tell` gets each step."""

    tenant: Tenant
    profiles: Profiles
    customers: CustomerDirectory
    sides: Callable[[str], AbstractContextManager[BothSides]]
    """Returns two sides by a name, which are empty at first, and gone afterwards."""
    refusals: Refusals
    clock: Clock
    tell: Callable[[str], None] = lambda _: None
    trouble_of: Callable[[Exception], Trouble] = of_the_row

    def everybody(self, whole: Collection[Drift] = ()) -> Report:
        """Compare the whole tenant; of the kinds in `whole` the report has every finding."""
        with self._everybody(whole) as (sides, rows):
            return self._report(sides, rows, whole)

    def without_customer(self) -> WithoutCustomer[Candidate]:
        """Return every user who has no customer."""
        with self._everybody() as (sides, rows):
            return WithoutCustomer([*sides.without_customer()], rows)

    def prospects(self) -> WithoutCustomer[Prospect]:
        """Return the same users, with what is known of how their provisioning would end."""
        with self._everybody() as (sides, rows):
            return WithoutCustomer([*sides.prospects()], rows)

    def one(self, user: str) -> Report | None:
        """Compare one user, by id or address, as one would check two dashboards by hand.

        None where the tenant has no such user.
        """
        is_id = "|" in user
        found = [self.profiles.get(user)] if is_id else self.profiles.with_address(user)
        profile = next(iter(found), None)
        if profile is None:
            return None
        with self.sides("one") as sides:
            sides.add(profile, self._customers_of(profile))
            rows = self._classified(sides)
            self._keep_true_orphans(sides)
            return self._report(sides, rows)

    @contextmanager
    def _everybody(self, whole: Collection[Drift] = ()) -> Iterator[tuple[BothSides, list[Row]]]:
        with self.sides("parts") as sides:
            # Stripe first: whoever signs up meanwhile has a customer that the list lacks, which the
            # second look finds. The other way round, the customer would seem to be nobody's.
            self.tell("list Stripe's customers")
            sides.list_customers()
            self.tell("export Auth0's users")
            sides.export_users()
            self.tell("compare")
            rows = self._classified(sides)
            is_asked_for = Drift.OTHER_TENANT in whole
            yield sides, [*foreign(sides, self.tenant, is_asked_for=is_asked_for), *rows]

    def _classified(self, sides: BothSides) -> list[Row]:
        """Find every kind; return what could not be read, or looked at a second time."""
        sides.classify(self.tenant)
        count_denied(sides, self.refusals)
        found, rows = [*sides.odd()], Rows(self.trouble_of, self.clock)
        for finding in [*sides.findings(Drift.DANGLING)]:
            kind = rows.attempt(partial(self._second_look, finding))
            if isinstance(kind, RowFailed):
                found.append(Row(str(finding.user_id), RowOutcome.FAILED, kind.reason))
            elif kind is not finding.drift:
                sides.correct(finding, kind)
        return found

    def _keep_true_orphans(self, sides: BothSides) -> None:
        """Take out what is another user's: beside one user, all others seem to be gone."""
        for each in [*sides.findings(Drift.ORPHANED)]:
            if self.profiles.get(str(each.user_id)) is not None:
                sides.dismiss(each)

    def _second_look(self, finding: Finding) -> Drift:
        """Retrieve a customer that the list lacks: it may be new, deleted, or of the other mode."""
        found = self.customers.retrieve(CustomerId(str(finding.customer_id)))
        if isinstance(found, Absence):
            return Drift.WRONG_MODE if found is Absence.OTHER_MODE else Drift.DANGLING
        user = User(self.tenant, UserId(str(finding.user_id)))
        if found.names(user):
            return Drift.LINKED
        if found.tenant_instead(user) and not finding.detail:
            return Drift.OTHER_TENANT
        # The detail is another customer, which names the user: there is something to decide.
        is_free = found.is_nobodys(self.tenant) and not finding.detail
        return Drift.UNNAMED if is_free else Drift.MISMATCHED

    def _customers_of(self, profile: Profile) -> list[ListedCustomer]:
        addresses = spellings(profile.email)
        found = [each for address in addresses for each in self.customers.with_address(address)]
        if profile.customer_id:
            one = self.customers.retrieve(profile.customer_id)
            found += [] if isinstance(one, Absence) else [one]
        return [*{each.id: each for each in found}.values()]

    def _report(
        self, sides: BothSides, rows: Sequence[Row], whole: Collection[Drift] = ()
    ) -> Report:
        samples = {
            kind: [*sides.findings(kind, None if kind in whole else SAMPLES)] for kind in Drift
        }
        at = datetime.fromtimestamp(self.clock.time(), UTC).isoformat(timespec="seconds")
        links = sides.overlap(self.tenant).links
        return Report(at, self.tenant, sides.counts(), samples, rows, links)
