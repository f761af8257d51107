"""Both sides of a tenant in a folder that nobody else may read, and that is gone afterwards."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from customerlink.adapters.duckdb import Store
from customerlink.adapters.locked import locked
from customerlink.adapters.stripe.listing import Listing, line
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.trust import Trust
from customerlink.ports.both_sides import BothSides


@contextmanager
def both_sides(
    folder: Path, listing: Listing, export: Callable[[Path], None], trust: Trust
) -> Iterator["StoredSides"]:
    """Return two sides in a folder of their own; `export` writes all of Auth0's users to a file."""
    with emptied(folder), closing(StoredSides(folder, listing, export, trust)) as sides:
        yield sides


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """Return a folder that is empty, and gone afterwards: what is in it has addresses.

    Raise `InUseError` where another run has it.
    """
    with locked(folder):
        # A run that was killed has left its own.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class StoredSides(Store, BothSides):
    """The files that the two sides are read from, and their join."""

    def __init__(
        self, folder: Path, listing: Listing, export: Callable[[Path], None], trust: Trust
    ) -> None:
        """Start with empty tables in a folder."""
        super().__init__(folder, trust)
        self._listing, self._export = listing, export

    def list_customers(self) -> None:
        """Write one file for each segment of Stripe's list, and read them."""
        self.load_customers(*self._listing.write(self._folder))

    def export_users(self) -> None:
        """Write the export, and read it."""
        users = self._folder / "users.json.gz"
        self._export(users)
        self.load_users(users)

    def add(self, profile: Profile, customers: Iterable[ListedCustomer]) -> None:
        """Read a user as if exported, and customers as if listed."""
        listed = self._folder / "customers.json"
        listed.write_text("".join(map(line, customers)), encoding="utf-8")
        self.add_user(profile)
        self.load_customers(listed)
