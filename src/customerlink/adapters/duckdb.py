"""Users and customers side by side in DuckDB, on disk: a join, whatever their number."""

import gzip
import itertools
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from customerlink.adapters.auth0.exported import clean_line, clean_lines
from customerlink.model.candidate import Candidate
from customerlink.model.drift import WITHOUT_CUSTOMER, Drift, Finding
from customerlink.model.errors import CustomerLinkError
from customerlink.model.overlap import Overlap
from customerlink.model.profile import Profile
from customerlink.model.row import Row
from customerlink.model.signup import ODD_ID
from customerlink.model.told import USER_ID
from customerlink.model.trust import Trust
from customerlink.model.user import CUSTOMER_ID, CustomerId, UserId

LEAST_MEMORY, MEMORY_A_ROW = 70_000_000, 30
"""Bytes for DuckDB, which puts on disk what does not fit: up to a million users take the least. A
join wants some memory for every row all the same (of ten million users, more than the least)."""

THREADS = 1
"""Each wants memory of its own: two would halve the time, and need half as much again."""

PART = 500_000
"""Users that are on disk twice at a time: as lines, and in the table."""

_EVERYTHING = 2**62

_TABLES = """
CREATE OR REPLACE TABLE users (
    user_id VARCHAR, email VARCHAR, email_verified BOOLEAN, name VARCHAR, customer_id VARCHAR,
    marker VARCHAR
);
CREATE OR REPLACE TABLE secondaries (user_id VARCHAR, primary_id VARCHAR);
CREATE OR REPLACE TABLE customers (
    id VARCHAR, email VARCHAR, has_capitals BOOLEAN, auth0_user_id VARCHAR, auth0_tenant VARCHAR,
    registration_id VARCHAR, superseded_by VARCHAR
);
CREATE OR REPLACE TEMP MACRO present(value) AS
    CASE WHEN trim(value, E' \\t\\r\\n') <> '' THEN value END;
CREATE OR REPLACE TEMP MACRO told(value, form) AS
    CASE WHEN regexp_full_match(value, form) THEN value
        ELSE 'sha256:' || left(sha256(value), 16) END;
"""

LOWERED = """
CREATE OR REPLACE TEMP MACRO lowered(address) AS
    translate(address, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz');
"""
"""As `lowered` does it: model/address.py."""

_LOAD_USERS = """
CREATE OR REPLACE TEMP TABLE exported AS
SELECT * FROM read_json($files, format = 'newline_delimited', columns = {
    user_id: 'VARCHAR', email: 'VARCHAR', email_verified: 'BOOLEAN', name: 'VARCHAR',
    customer_id: 'VARCHAR', marker: 'VARCHAR', linked: 'VARCHAR[]'
});
INSERT INTO users
SELECT user_id, lowered(email), coalesce(email_verified, false), name, customer_id, marker
FROM exported;
INSERT INTO secondaries
SELECT unnest(linked), user_id FROM exported WHERE len(linked) > 0;
DROP TABLE exported;
"""

# What stands in Stripe may be an address where an id is expected: no table has it, but a digest as
# `model.told` makes it.
_LOAD_CUSTOMERS = """
INSERT INTO customers
SELECT told(id, $customer), lowered(email), coalesce(email <> lowered(email), false),
    told(present(auth0_user_id), $user), present(auth0_tenant),
    told(present(registration_id), $customer), told(present(superseded_by), $customer)
FROM read_json($files, format = 'newline_delimited', columns = {
    id: 'VARCHAR', email: 'VARCHAR', auth0_user_id: 'VARCHAR', auth0_tenant: 'VARCHAR',
    registration_id: 'VARCHAR', superseded_by: 'VARCHAR'
});
"""

# A listing that runs while customers are made may see one twice, at the edges of two segments.
# A customer that was made by hand may name no tenant: it counts as this one's.
# One join a statement: each of them can go to disk, several at once would have to fit into memory.
_CLASSIFY = """
DELETE FROM customers
USING (SELECT id, min(rowid) AS first FROM customers GROUP BY id HAVING count(*) > 1) AS twice
WHERE customers.id = twice.id AND customers.rowid > twice.first;

CREATE OR REPLACE TEMP TABLE owned AS
SELECT auth0_user_id AS user_id, count(*) AS number, min(id) AS first FROM customers
WHERE coalesce(auth0_tenant, $tenant) = $tenant AND auth0_user_id IS NOT NULL
    AND superseded_by IS NULL
GROUP BY 1;
CREATE OR REPLACE TEMP TABLE addresses AS
SELECT email, count(*) AS number, min(id) AS first FROM customers
WHERE email IS NOT NULL AND superseded_by IS NULL GROUP BY 1;
CREATE OR REPLACE TEMP TABLE several_owned AS
SELECT customers.auth0_user_id AS holder, string_agg(customers.id, ' ') AS ids
FROM customers SEMI JOIN (SELECT * FROM owned WHERE number > 1) AS owned
    ON owned.user_id = customers.auth0_user_id
WHERE coalesce(auth0_tenant, $tenant) = $tenant AND superseded_by IS NULL GROUP BY 1;
CREATE OR REPLACE TEMP TABLE several_sharing AS
SELECT customers.email AS address, string_agg(customers.id, ' ') AS ids
FROM customers SEMI JOIN (SELECT * FROM addresses WHERE number > 1) AS addresses
    ON addresses.email = customers.email
WHERE superseded_by IS NULL GROUP BY 1;

CREATE OR REPLACE TEMP TABLE beside AS
SELECT users.user_id, users.email, users.customer_id, users.marker = 'exempt' AS is_exempt,
    customer.id IS NOT NULL AS is_there,
    customer.auth0_user_id AS owner,
    customer.auth0_user_id IS NULL AND customer.registration_id IS NOT NULL
        AND customer.auth0_tenant = $tenant AS is_registrations,
    customer.id IS NOT NULL AND coalesce(customer.auth0_user_id, customer.registration_id,
        customer.superseded_by) IS NULL AS names_nobody,
    coalesce(customer.auth0_tenant, $tenant) = $tenant AS is_of_tenant,
    customer.email IS NOT DISTINCT FROM users.email AS has_same_email
FROM users LEFT JOIN customers AS customer ON customer.id = users.customer_id;
CREATE OR REPLACE TEMP TABLE beside AS
SELECT beside.*, owned.number AS owned, owned.first AS first
FROM beside LEFT JOIN owned ON owned.user_id = beside.user_id;
CREATE OR REPLACE TEMP TABLE beside AS
SELECT beside.*, addresses.number AS sharing, addresses.first AS sharer
FROM beside LEFT JOIN addresses ON addresses.email = beside.email;
CREATE OR REPLACE TEMP TABLE contested AS
SELECT customer_id AS id, min(user_id) AS first, max(user_id) AS last
FROM beside WHERE names_nobody GROUP BY 1 HAVING count(*) > 1;

CREATE OR REPLACE TABLE findings AS
SELECT
    CASE
        WHEN owned > 1 THEN 'duplicate'
        WHEN customer_id = $odd_id THEN 'mismatched'
        WHEN customer_id IS NOT NULL AND NOT is_there THEN 'dangling'
        WHEN customer_id IS NOT NULL AND is_registrations THEN 'unclaimed'
        WHEN names_nobody AND is_of_tenant AND owned IS NULL THEN 'unnamed'
        WHEN customer_id IS NOT NULL AND (owner IS DISTINCT FROM user_id OR NOT is_of_tenant)
            THEN 'mismatched'
        WHEN customer_id IS NULL AND owned = 1 THEN 'unrecorded'
        WHEN customer_id IS NULL AND is_exempt THEN 'exempt'
        WHEN customer_id IS NULL THEN 'unlinked'
        WHEN sharing > 1 THEN 'duplicate'
        WHEN NOT has_same_email AND email IS NOT NULL THEN 'email_drift'
        ELSE 'linked'
    END AS drift,
    user_id,
    coalesce(nullif(customer_id, $odd_id), first) AS customer_id,
    CASE
        WHEN owned > 1 THEN (SELECT ids FROM several_owned WHERE holder = user_id)
        WHEN customer_id = $odd_id THEN customer_id
        WHEN customer_id IS NULL AND owned IS NULL
            THEN coalesce((SELECT ids FROM several_sharing WHERE address = email), sharer)
        WHEN owner IS DISTINCT FROM user_id THEN coalesce(owner, first)
        WHEN sharing > 1 THEN (SELECT ids FROM several_sharing WHERE address = email)
    END AS detail
FROM beside;
DROP TABLE beside;
UPDATE findings
SET detail = if(contested.first = findings.user_id, contested.last, contested.first)
FROM contested WHERE contested.id = findings.customer_id AND findings.drift = 'unnamed';

INSERT INTO findings
SELECT 'orphaned', customers.auth0_user_id, customers.id, secondaries.primary_id
FROM customers
ANTI JOIN users ON users.user_id = customers.auth0_user_id
LEFT JOIN secondaries ON secondaries.user_id = customers.auth0_user_id
WHERE customers.auth0_tenant = $tenant AND customers.auth0_user_id IS NOT NULL
    AND customers.superseded_by IS NULL;

INSERT INTO findings
SELECT 'superseded', customers.auth0_user_id, customers.id, customers.superseded_by
FROM customers WHERE customers.auth0_tenant = $tenant AND customers.superseded_by IS NOT NULL;

INSERT INTO findings
SELECT 'letter_case', auth0_user_id, id, NULL FROM customers
WHERE has_capitals AND coalesce(auth0_tenant, $tenant) = $tenant AND superseded_by IS NULL;

INSERT INTO findings
SELECT 'abandoned', NULL, customers.id, customers.registration_id
FROM customers
ANTI JOIN users ON users.customer_id = customers.id
WHERE customers.auth0_tenant = $tenant AND customers.registration_id IS NOT NULL
    AND customers.auth0_user_id IS NULL;

ALTER TABLE findings ADD COLUMN reason VARCHAR;
"""


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


class Store:
    """The two sides of one tenant, in a file."""

    def __init__(self, folder: Path, trust: Trust) -> None:
        """Start with empty tables in a folder."""
        self._folder, self._trust = folder, trust
        self._odd: list[Row] = []
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{LEAST_MEMORY}B",
            "temp_directory": str(folder / "spill"),
            "threads": THREADS,
        }
        self._database = duckdb.connect(str(folder / "both-sides.duckdb"), config=settings)
        # To keep the files' order, which nobody asks for, DuckDB would need memory.
        self._database.execute("SET preserve_insertion_order = false")
        self._database.execute(_TABLES + LOWERED)

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
            self._run(_LOAD_USERS, files=[str(part)])
        part.unlink(missing_ok=True)

    def load_customers(self, *files: Path) -> None:
        """Read listed customers: JSON lines of `id`, `email`, `auth0_user_id`, `auth0_tenant`."""
        forms = {"customer": CUSTOMER_ID.pattern, "user": USER_ID.pattern}
        self._run(_LOAD_CUSTOMERS, files=[str(each) for each in files], **forms)

    def classify(self, tenant: str) -> None:
        """Find every user's and every owned customer's kind."""
        [(rows,)] = self._database.execute(
            "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM customers)"
        ).fetchall()
        memory = max(LEAST_MEMORY, MEMORY_A_ROW * rows)
        self._database.execute(f"SET memory_limit = '{memory}B'")
        self._run(_CLASSIFY, tenant=tenant, odd_id=ODD_ID)

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
                yield Candidate(UserId(user_id), tuple(map(CustomerId, sharing.split())))

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
            "SELECT drift, user_id, customer_id, concat_ws(' ', reason, detail) FROM findings "
            "WHERE drift = ? ORDER BY user_id, customer_id LIMIT ?",
            [drift, _EVERYTHING if limit is None else limit],
        )
        while batch := rows.fetchmany(1000):
            for kind, user_id, customer_id, detail in batch:
                yield Finding(Drift(kind), user_id, customer_id, detail)

    def _run(self, statements: str, **values: object) -> None:
        for each in duckdb.extract_statements(statements):
            # DuckDB refuses a statement that is given more values than it names.
            wanted = {name: value for name, value in values.items() if f"${name}" in each.query}
            self._database.execute(each, wanted or None)


@contextmanager
def _opened(file: Path) -> Iterator[Iterable[bytes]]:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            yield lines
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise UnreadableExportError("Auth0's export of the users cannot be unpacked") from None
