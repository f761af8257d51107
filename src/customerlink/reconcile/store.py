"""Users and customers side by side in DuckDB, on disk: a join, whatever their number."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from customerlink.reconcile.drift import Drift, Finding

MEMORY = "128MB"
"""What does not fit goes to disk, so that ten times the users take hardly more memory."""

_EVERYTHING = 2**62

_TABLES = """
CREATE OR REPLACE TABLE users (
    user_id VARCHAR, email VARCHAR, email_verified BOOLEAN, name VARCHAR, customer_id VARCHAR,
    marker VARCHAR
);
CREATE OR REPLACE TABLE secondaries (user_id VARCHAR, primary_id VARCHAR);
CREATE OR REPLACE TABLE customers (
    id VARCHAR, email VARCHAR, auth0_user_id VARCHAR, auth0_tenant VARCHAR,
    registration_id VARCHAR, superseded_by VARCHAR
);
"""

_LOAD_USERS = """
CREATE OR REPLACE TEMP TABLE exported AS
SELECT * FROM read_json($files, format = 'newline_delimited', columns = {
    user_id: 'VARCHAR', email: 'VARCHAR', email_verified: 'BOOLEAN', name: 'VARCHAR',
    customer_id: 'VARCHAR', marker: 'VARCHAR',
    identities: 'STRUCT(provider VARCHAR, user_id VARCHAR)[]'
});
INSERT INTO users
SELECT user_id, lower(email), coalesce(email_verified, false), name, nullif(customer_id, ''), marker
FROM exported;
INSERT INTO secondaries
SELECT identity.provider || '|' || identity.user_id, user_id
FROM (SELECT user_id, unnest(identities[2:]) AS identity FROM exported WHERE len(identities) > 1);
DROP TABLE exported;
"""

_LOAD_CUSTOMERS = """
INSERT INTO customers
SELECT id, lower(email), nullif(auth0_user_id, ''), auth0_tenant, registration_id, superseded_by
FROM read_json($files, format = 'newline_delimited', columns = {
    id: 'VARCHAR', email: 'VARCHAR', auth0_user_id: 'VARCHAR', auth0_tenant: 'VARCHAR',
    registration_id: 'VARCHAR', superseded_by: 'VARCHAR'
});
"""

# A listing that runs while customers are made may see one twice, at the edges of two segments.
_CLASSIFY = """
CREATE OR REPLACE TEMP TABLE known AS SELECT DISTINCT * FROM customers;
CREATE OR REPLACE TEMP TABLE owned AS
SELECT auth0_user_id AS user_id, count(*) AS number, min(id) AS first, string_agg(id, ' ') AS ids
FROM known
WHERE coalesce(auth0_tenant, $tenant) = $tenant AND auth0_user_id IS NOT NULL
    AND superseded_by IS NULL
GROUP BY 1;
CREATE OR REPLACE TEMP TABLE addresses AS
SELECT email, count(*) AS number, string_agg(id, ' ') AS ids
FROM known WHERE email IS NOT NULL AND superseded_by IS NULL GROUP BY 1;

CREATE OR REPLACE TABLE findings AS
SELECT
    CASE
        WHEN owned.number > 1 THEN 'duplicate'
        WHEN users.customer_id IS NOT NULL AND customer.id IS NULL THEN 'dangling'
        WHEN users.customer_id IS NOT NULL AND customer.auth0_user_id IS NULL
            AND customer.registration_id IS NOT NULL
            AND customer.auth0_tenant = $tenant THEN 'unclaimed'
        WHEN users.customer_id IS NOT NULL
            AND (customer.auth0_user_id IS DISTINCT FROM users.user_id
                 OR coalesce(customer.auth0_tenant, $tenant) <> $tenant) THEN 'mismatched'
        WHEN users.customer_id IS NULL AND owned.number = 1 THEN 'unrecorded'
        WHEN users.customer_id IS NULL AND users.marker = 'exempt' THEN 'exempt'
        WHEN users.customer_id IS NULL THEN 'unlinked'
        WHEN address.number > 1 THEN 'duplicate'
        WHEN customer.email IS DISTINCT FROM users.email AND users.email IS NOT NULL
            THEN 'email_drift'
        ELSE 'linked'
    END AS drift,
    users.user_id,
    coalesce(users.customer_id, owned.first) AS customer_id,
    CASE
        WHEN owned.number > 1 THEN owned.ids
        WHEN users.customer_id IS NULL AND owned.number IS NULL THEN address.ids
        WHEN customer.auth0_user_id IS DISTINCT FROM users.user_id THEN customer.auth0_user_id
        WHEN address.number > 1 THEN address.ids
    END AS detail
FROM users
LEFT JOIN known AS customer ON customer.id = users.customer_id
LEFT JOIN owned ON owned.user_id = users.user_id
LEFT JOIN addresses AS address ON address.email = users.email;

INSERT INTO findings
SELECT 'orphaned', known.auth0_user_id, known.id, secondaries.primary_id
FROM known
ANTI JOIN users ON users.user_id = known.auth0_user_id
LEFT JOIN secondaries ON secondaries.user_id = known.auth0_user_id
WHERE known.auth0_tenant = $tenant AND known.auth0_user_id IS NOT NULL
    AND known.superseded_by IS NULL;

INSERT INTO findings
SELECT 'superseded', known.auth0_user_id, known.id, known.superseded_by
FROM known WHERE known.auth0_tenant = $tenant AND known.superseded_by IS NOT NULL;

INSERT INTO findings
SELECT 'abandoned', NULL, known.id, known.registration_id
FROM known
ANTI JOIN users ON users.customer_id = known.id
WHERE known.auth0_tenant = $tenant AND known.registration_id IS NOT NULL
    AND known.auth0_user_id IS NULL;
"""


class Store:
    """The two sides of one tenant, in a file."""

    def __init__(self, folder: Path) -> None:
        """Start with empty tables in a folder."""
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY,
            "temp_directory": str(folder / "spill"),
        }
        self._database = duckdb.connect(str(folder / "both-sides.duckdb"), config=settings)
        self._database.execute("SET preserve_insertion_order = false")
        self._database.execute(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def load_users(self, *files: Path) -> None:
        """Read exported users: JSON lines, gzipped or not (see `sources.EXPORT_FIELDS`)."""
        self._run(_LOAD_USERS, files=[str(each) for each in files])

    def load_customers(self, *files: Path) -> None:
        """Read listed customers: JSON lines of `id`, `email`, `auth0_user_id`, `auth0_tenant`."""
        self._run(_LOAD_CUSTOMERS, files=[str(each) for each in files])

    def classify(self, tenant: str) -> None:
        """Find every user's and every owned customer's kind."""
        self._run(_CLASSIFY, tenant=tenant)

    def correct(self, finding: Finding, drift: Drift) -> None:
        """Put a finding right, after a closer look."""
        self._database.execute(
            "UPDATE findings SET drift = ? WHERE user_id = ? AND drift = ?",
            [drift, finding.user_id, finding.drift],
        )

    def without_customer(self) -> Iterator[dict[str, str | bool | None]]:
        """Give the users who have no customer, those whom policy exempted included."""
        rows = self._database.cursor().execute(
            "SELECT user_id, email, email_verified, name FROM findings JOIN users USING (user_id) "
            "WHERE drift IN ('unlinked', 'exempt') ORDER BY user_id"
        )
        while batch := rows.fetchmany(1000):
            for user_id, email, verified, name in batch:
                profile = {"user_id": user_id, "email": email, "name": name}
                yield {**profile, "email_verified": verified}

    def counts(self) -> dict[Drift, int]:
        """Count the findings of each kind, zeros included."""
        found = self._database.execute("SELECT drift, count(*) FROM findings GROUP BY 1").fetchall()
        return dict.fromkeys(Drift, 0) | {Drift(kind): number for kind, number in found}

    def findings(self, drift: Drift, limit: int | None = None) -> Iterator[Finding]:
        """Give the findings of a kind, in the order of their ids."""
        rows = self._database.cursor().execute(
            "SELECT drift, user_id, customer_id, coalesce(detail, '') FROM findings "
            "WHERE drift = ? ORDER BY user_id, customer_id LIMIT ?",
            [drift, _EVERYTHING if limit is None else limit],
        )
        while batch := rows.fetchmany(1000):
            for kind, user_id, customer_id, detail in batch:
                yield Finding(Drift(kind), user_id, customer_id, detail)

    def _run(self, statements: str, **values: object) -> None:
        for each in duckdb.extract_statements(statements):
            wanted = {name: value for name, value in values.items() if f"${name}" in each.query}
            self._database.execute(each, wanted or None)
