"""Both sides of a deployment compared, or those of one user: what differs, by kind."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from customerlink.model.drift import IN_ORDER, Drift, Finding
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.user import CustomerId, Tenant
from customerlink.ports.both_sides import BothSides
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.deadline import Clock
from customerlink.ports.profiles import Profiles

SAMPLES = 3


@dataclass(frozen=True)
class Report:
    """What was found, at a moment."""

    at: str
    tenant: Tenant
    counts: Mapping[Drift, int]
    samples: Mapping[Drift, list[Finding]]
    """The first of each kind; all of them for the kinds that a plan asked for."""

    @property
    def in_order(self) -> bool:
        """Return whether everybody is linked or exempt."""
        return not any(number for kind, number in self.counts.items() if kind not in IN_ORDER)


@dataclass(frozen=True)
class Comparison:
    """A comparison of both sides of a tenant; `tell` gets each step."""

    tenant: Tenant
    profiles: Profiles
    customers: CustomerDirectory
    sides: Callable[[str], AbstractContextManager[BothSides]]
    """Returns two sides by a name, which are empty at first, and gone afterwards."""
    clock: Clock
    tell: Callable[[str], None] = lambda _: None

    def everybody(self, whole: Collection[Drift] = ()) -> Report:
        """Compare the whole tenant; of the kinds in `whole` the report has every finding."""
        with self._everybody() as sides:
            return self._report(sides, whole)

    def without_customer(self) -> list[Profile]:
        """Return every user who has no customer."""
        with self._everybody() as sides:
            return [*sides.without_customer()]

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
            self._classify(sides)
            return self._report(sides)

    @contextmanager
    def _everybody(self) -> Iterator[BothSides]:
        with self.sides("parts") as sides:
            # Stripe first: whoever signs up meanwhile has a customer that the list lacks, which the
            # second look finds. The other way round, the customer would seem to be nobody's.
            self.tell("list Stripe's customers")
            sides.list_customers()
            self.tell("export Auth0's users")
            sides.export_users()
            self.tell("compare")
            self._classify(sides)
            yield sides

    def _classify(self, sides: BothSides) -> None:
        sides.classify(self.tenant)
        for finding in [*sides.findings(Drift.DANGLING)]:
            kind = self._second_look(finding)
            if kind is not finding.drift:
                sides.correct(finding, kind)

    def _second_look(self, finding: Finding) -> Drift:
        """Retrieve a customer that the list lacks: it may be new, deleted, or of the other mode."""
        found = self.customers.retrieve(CustomerId(str(finding.customer_id)))
        if isinstance(found, Absence):
            return Drift.WRONG_MODE if found is Absence.OTHER_MODE else Drift.DANGLING
        is_named = found.auth0_user_id == finding.user_id
        return Drift.LINKED if is_named else Drift.MISMATCHED

    def _customers_of(self, profile: Profile) -> list[ListedCustomer]:
        email = profile.email
        addresses = sorted({email, email.lower()} if email else ())
        found = [each for address in addresses for each in self.customers.with_address(address)]
        if profile.customer_id:
            one = self.customers.retrieve(profile.customer_id)
            found += [] if isinstance(one, Absence) else [one]
        return [*{each.id: each for each in found}.values()]

    def _report(self, sides: BothSides, whole: Collection[Drift] = ()) -> Report:
        samples = {
            kind: [*sides.findings(kind, None if kind in whole else SAMPLES)] for kind in Drift
        }
        at = datetime.fromtimestamp(self.clock.time(), UTC).isoformat(timespec="seconds")
        return Report(at, self.tenant, sides.counts(), samples)
