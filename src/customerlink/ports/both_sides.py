"""The two sides of a tenant, Auth0's users and Stripe's customers, side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from customerlink.model.candidate import Candidate, Prospect
from customerlink.model.drift import Drift, Finding
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.overlap import Overlap
from customerlink.model.profile import Profile
from customerlink.model.row import Row
from customerlink.model.user import Tenant, UserId


class Compared(Protocol):
    """Two sides that were compared, of which the ledger knows more."""

    def unfinished(self) -> Iterator[Sequence[UserId]]:
        """Return the users without a customer whose sign-up is marked unfinished, in pages."""
        ...

    def deny(self, reasons: Mapping[UserId, str]) -> None:
        """Count users without a customer as denied, each with the reason."""
        ...


class Counted(Protocol):
    """Two sides of which the findings are counted."""

    def counts(self) -> Mapping[Drift, int]:
        """Count the findings of each kind, zeros included."""
        ...

    def overlap(self, tenant: Tenant) -> Overlap:
        """Count what the two sides have in common."""
        ...


class BothSides(Compared, Counted, Protocol):
    """Takes in both sides, and finds what each user and each customer is."""

    def list_customers(self) -> None:
        """Take in all of Stripe's customers."""
        ...

    def export_users(self) -> None:
        """Take in all of Auth0's users."""
        ...

    def odd(self) -> Sequence[Row]:
        """Return what is odd among the users that were taken in."""
        ...

    def add(self, profile: Profile, customers: Iterable[ListedCustomer]) -> None:
        """Take in a single user, and the customers to look at beside."""
        ...

    def classify(self, tenant: Tenant) -> None:
        """Find every user's and every owned customer's kind."""
        ...

    def correct(self, finding: Finding, drift: Drift) -> None:
        """Put a finding right, after a closer look."""
        ...

    def dismiss(self, finding: Finding) -> None:
        """Take a finding out, after a closer look."""
        ...

    def findings(self, drift: Drift, limit: int | None = None) -> Iterator[Finding]:
        """Return the findings of a kind, in the order of their ids."""
        ...

    def without_customer(self) -> Iterator[Candidate]:
        """Return the users who have no customer, those whom policy exempted included."""
        ...

    def prospects(self) -> Iterator[Prospect]:
        """Return the same users, with what is known of how their provisioning would end."""
        ...
