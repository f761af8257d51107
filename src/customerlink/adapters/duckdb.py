"""Users and customers side by side in DuckDB, on disk: a join, whatever their number."""

import gzip
import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from customerlink.adapters.auth0.exported import clean_line, clean_lines
from customerlink.adapters.both_sides_sql import (
    CLASSIFY,
    LOAD_CUSTOMERS,
    LOAD_USERS,
    LOWERED,
    PROSPECTS,
    TABLES,
)
from customerlink.model.candidate import NO_ADDRESS, Candidate, Prospect
from customerlink.model.drift import WITHOUT_CUSTOMER, Drift, Finding
from customerlink.model.errors import CustomerLinkError
from customerlink.model.failure import FailedAt
from customerlink.model.listed_customer import NOT_VERIFIED, OTHER_ADDRESS
from customerlink.model.overlap import Overlap
from customerlink.model.profile import Profile
from customerlink.model.row import Row
from customerlink.model.signup import ODD_ID
from customerlink.model.told import USER_ID
from customerlink.model.trust import Trust
from customerlink.model.user import CUSTOMER_ID, TENANT, CustomerId, UserId

LEAST_MEMORY, MEMORY_A_ROW = 70_000_000, 30
"""Bytes for DuckDB, which puts on disk what does not fit: up to a million users take the least. A
join wants some memory for every row all the same (of ten million users, more than the least)."""

THREADS = 1
"""Each wants memory of its own: two would halve the time, and need half as much again."""

PART = 500_000
"""Users that are on disk twice at a time: as lines, and in the table."""

_OBSTACLES = {
    "no_address": NO_ADDRESS,
    "not_verified": NOT_VERIFIED,
    "other_address": OTHER_ADDRESS,
}

_EVERYTHING = 2**62


_OVERLAP = """
CREATE OR REPLACE TEMP TABLE overlap AS
SELECT
    (SELECT count(*) FROM users WHERE customer_id <> $odd_id) AS links,
    count(*) FILTER (coalesce(auth0_tenant, $tenant) = $tenant) AS ours,
    count(*) FILTER (coalesce(auth0_tenant, $tenant) <> $tenant) AS others
FROM customers SEMI JOIN users ON users.user_id = customers.auth0_user_id;
"""


class UnreadableExportError(CustomerLinkError):
    """The export's file is cut short, or is not compressed as Auth0 does it."""

    failed_at = FailedAt.AUTH0


class Store:
    """The two sides of one tenant, in a file."""

    def __init__(self, folder: Path, trust: Trust) -> None:
        """Start with empty tables in a folder."""
        self._folder, self._trust = folder, trust
        self._odd: list[Row] = []
        self._tenant = ""
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{LEAST_MEMORY}B",
            "temp_directory": str(folder / "spill"),
            "threads": THREADS,
        }
        self._database = duckdb.connect(str(folder / "both-sides.duckdb"), config=settings)
        # To keep the files' order, which nobody asks for, DuckDB would need memory.
        self._database.execute("SET preserve_insertion_order = false")
        self._database.execute(TABLES + LOWERED)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def load_users(self, *files: Path) -> None:
        """Read exported users: JSON lines of `management.EXPORTED`, gzipped or not."""
        for each in files:
            with _opened(each) as lines:
                self._load_users(clean_lines(lines, self._odd.append, self._trust))

    def add_user(self, profile: Profile) -> None:
        """Read a user as if exported."""
        self._load_users(iter([clean_line(profile)]))

    def odd(self) -> list[Row]:
        """Return the exported users of whom something is odd."""
        return self._odd

    def _load_users(self, lines: Iterator[bytes]) -> None:
        part = self._folder / "users-part.json"
        for first in lines:
            with part.open("wb") as rows:
                rows.write(first)
                rows.writelines(itertools.islice(lines, PART - 1))
            self._run(LOAD_USERS, files=[str(part)])
        part.unlink(missing_ok=True)

    def load_customers(self, *files: Path) -> None:
        """Read listed customers: JSON lines of `id`, `email`, `auth0_user_id`, `auth0_tenant`."""
        forms = {"customer": CUSTOMER_ID.pattern, "user": USER_ID.pattern}
        self._run(LOAD_CUSTOMERS, files=[str(each) for each in files], **forms)

    def classify(self, tenant: str) -> None:
        """Find every user's and every owned customer's kind."""
        self._tenant = tenant
        [(rows,)] = self._database.execute(
            "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM customers)"
        ).fetchall()
        memory = max(LEAST_MEMORY, MEMORY_A_ROW * rows)
        self._database.execute(f"SET memory_limit = '{memory}B'")
        forms = {"tenant_form": TENANT.pattern}
        self._run(CLASSIFY, tenant=tenant, odd_id=ODD_ID, **forms, **_OBSTACLES)

    def correct(self, finding: Finding, drift: Drift) -> None:
        """Put a finding right, after a closer look."""
        self._database.execute(
            "UPDATE findings SET drift = ? WHERE user_id = ? AND drift = ?",
            [drift, finding.user_id, finding.drift],
        )

    def dismiss(self, finding: Finding) -> None:
        """Take a finding out, after a closer look."""
        self._database.execute(
            "DELETE FROM findings WHERE user_id = ? AND customer_id = ? AND drift = ?",
            [finding.user_id, finding.customer_id, finding.drift],
        )

    def unfinished(self) -> Iterator[Sequence[UserId]]:
        """Return the users without a customer whose sign-up is marked unfinished, in pages."""
        rows = self._database.cursor().execute(
            "SELECT user_id FROM findings JOIN users USING (user_id) "
            "WHERE drift = 'unlinked' AND marker = 'unfinished'"
        )
        while batch := rows.fetchmany(1000):
            yield [user_id for (user_id,) in batch]

    def deny(self, reasons: Mapping[UserId, str]) -> None:
        """Count users without a customer as denied, each with the reason."""
        users, whys = [*reasons], [str(each) for each in reasons.values()]
        self._database.execute(
            "UPDATE findings SET drift = 'denied', reason = denial.reason "
            "FROM (SELECT unnest(?::VARCHAR[]) AS id, unnest(?::VARCHAR[]) AS reason) AS denial "
            "WHERE user_id = denial.id AND drift = 'unlinked'",
            [users, whys],
        )

    def without_customer(self) -> Iterator[Candidate]:
        """Return the users who have no customer, those whom policy exempted included."""
        # A cursor of its own: the connection's next query would end this one half-way.
        rows = self._database.cursor().execute(
            "SELECT user_id, coalesce(detail, '') FROM findings "
            "WHERE list_contains(?::VARCHAR[], drift) ORDER BY user_id",
            [[str(each) for each in WITHOUT_CUSTOMER]],
        )
        while batch := rows.fetchmany(1000):
            for user_id, sharing in batch:
                yield _candidate(user_id, sharing)

    def prospects(self) -> Iterator[Prospect]:
        """Return the same users, with what is known of how their provisioning would end."""
        kinds = [str(each) for each in WITHOUT_CUSTOMER]
        self._run(PROSPECTS, kinds=kinds, tenant=self._tenant)
        rows = self._database.cursor().execute(
            "SELECT user_id, sharing, email IS NOT NULL, email_verified, is_free, before "
            "FROM foreseen ORDER BY user_id"
        )
        while batch := rows.fetchmany(1000):
            for user_id, sharing, *known in batch:
                yield Prospect(_candidate(user_id, sharing), *known)

    def user_ids(self) -> Iterator[UserId]:
        """Return the users' ids, and those of the accounts that were linked to them."""
        rows = self._database.cursor().execute(
            "SELECT user_id FROM users UNION SELECT user_id FROM secondaries ORDER BY 1"
        )
        while batch := rows.fetchmany(1000):
            yield from (UserId(user_id) for (user_id,) in batch)

    def counts(self) -> dict[Drift, int]:
        """Count the findings of each kind, zeros included."""
        found = self._database.execute("SELECT drift, count(*) FROM findings GROUP BY 1").fetchall()
        return dict.fromkeys(Drift, 0) | {Drift(kind): number for kind, number in found}

    def overlap(self, tenant: str) -> Overlap:
        """Count what the two sides have in common."""
        self._run(_OVERLAP, tenant=tenant, odd_id=ODD_ID)
        [counts] = self._database.execute("SELECT * FROM overlap").fetchall()
        return Overlap(*counts)

    def findings(self, drift: Drift, limit: int | None = None) -> Iterator[Finding]:
        """Return the findings of a kind, in the order of their ids."""
        rows = self._database.cursor().execute(
            "SELECT drift, user_id, customer_id, concat_ws(' ', reason, detail), "
            "coalesce(obstacle, '') FROM findings "
            "WHERE drift = ? ORDER BY user_id, customer_id LIMIT ?",
            [drift, _EVERYTHING if limit is None else limit],
        )
        while batch := rows.fetchmany(1000):
            for kind, *told in batch:
                yield Finding(Drift(kind), *told)

    def _run(self, statements: str, **values: object) -> None:
        for each in duckdb.extract_statements(statements):
            # DuckDB refuses a statement that is given more values than it names.
            wanted = {name: value for name, value in values.items() if f"${name}" in each.query}
            self._database.execute(each, wanted or None)


def _candidate(user_id: str, sharing: str) -> Candidate:
    return Candidate(UserId(user_id), tuple(map(CustomerId, sharing.split())))


@contextmanager
def _opened(file: Path) -> Iterator[Iterable[bytes]]:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            yield lines
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise UnreadableExportError("Auth0's export of the users cannot be unpacked") from None
