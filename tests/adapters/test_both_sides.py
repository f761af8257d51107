"""Both sides in a folder: what is written there is read again, and gone afterwards."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from customerlink.adapters.both_sides import StoredSides, both_sides, emptied
from customerlink.adapters.stripe.listing import Listing, line
from customerlink.model.drift import Drift, Finding
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.profile import Identity, Profile
from customerlink.model.trust import Trust
from customerlink.model.user import CustomerId, Tenant, UserId

ACME = Tenant("acme")
ADA = Profile(
    UserId("auth0|ada"),
    "ada@example.com",
    email_verified=True,
    name="Ada",
    customer_id=CustomerId("cus_1"),
)
ADAS = ListedCustomer(CustomerId("cus_1"), "ada@example.com", "auth0|ada", ACME)


class Listed:
    """A listing of two segments, of which one is empty."""

    def write(self, folder: Path) -> list[Path]:
        """Write them."""
        files = [folder / "customers-000.json", folder / "customers-001.json"]
        files[0].write_text("")
        files[1].write_text(line(ADAS))
        return files


def export(file: Path) -> None:
    """Write a tenant of one user, as Auth0 exports it."""
    row: dict[str, Any] = {"user_id": ADA.user_id, "email": "ADA@example.com"}
    row["customer_id"] = "cus_1"
    file.write_bytes(gzip.compress(json.dumps(row).encode()))


@contextmanager
def sides_in(folder: Path) -> Iterator[StoredSides]:
    """Return both sides of that tenant."""
    with both_sides(folder, cast("Listing", Listed()), export, Trust()) as sides:
        yield sides


def kinds(sides: StoredSides) -> dict[Drift, int]:
    """Compare; return how many there are of each kind, zeros left out."""
    sides.classify(ACME)
    return {kind: number for kind, number in sides.counts().items() if number}


def test_listed_and_exported(tmp_path: Path) -> None:
    """Every segment's file, and the export, are read; letter case makes no difference."""
    with sides_in(tmp_path / "sides") as sides:
        sides.list_customers()
        sides.export_users()

        assert kinds(sides) == {Drift.LINKED: 1}


def test_one_user_by_hand(tmp_path: Path) -> None:
    """Read as if exported: what says that the user has, or was to have, a customer comes along."""
    exempt = Profile(UserId("auth0|bob"), "bob@example.com", marker="exempt")
    with sides_in(tmp_path / "sides") as sides:
        sides.add(ADA, [ADAS])
        sides.add(exempt, [])

        assert kinds(sides) == {Drift.LINKED: 1, Drift.EXEMPT: 1}
        assert [each.user_id for each in sides.without_customer()] == [exempt.user_id]


def test_linked_accounts_by_hand(tmp_path: Path) -> None:
    """A customer that names one of them leads to the user whose part it is."""
    several = (Identity("auth0", "ada"), Identity("sms", "1"))
    primary = Profile(ADA.user_id, ADA.email, customer_id=ADA.customer_id, identities=several)
    others = ListedCustomer(CustomerId("cus_2"), "x@example.com", "sms|1", ACME)
    with sides_in(tmp_path / "sides") as sides:
        sides.add(primary, [ADAS, others])
        sides.classify(ACME)
        found = [*sides.findings(Drift.ORPHANED)]

    assert found == [Finding(Drift.ORPHANED, UserId("sms|1"), CustomerId("cus_2"), ADA.user_id)]


def test_folder_is_gone_afterwards(tmp_path: Path) -> None:
    """What is in it has addresses, so nobody else may read it while it is there."""
    folder = tmp_path / "sides"
    with sides_in(folder) as sides:
        sides.export_users()
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not folder.exists()


def test_folder_is_gone_after_a_failure(tmp_path: Path) -> None:
    """However the block ends."""
    folder = tmp_path / "sides"
    with pytest.raises(ZeroDivisionError), emptied(folder):
        raise ZeroDivisionError

    assert not folder.exists()


def test_what_an_earlier_one_left(tmp_path: Path) -> None:
    """A comparison that was killed left a folder: it is emptied before anything is read."""
    folder = tmp_path / "sides"
    folder.mkdir()
    (folder / "users.json.gz").write_text("of last week")
    with emptied(folder) as made:
        assert (made, [*folder.iterdir()]) == (folder, [])
