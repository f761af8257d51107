"""What DuckDB is asked: the tables of both sides, how they are read, and how they are joined."""

TABLES = """
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

LOAD_USERS = """
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
LOAD_CUSTOMERS = """
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
CLASSIFY = """
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

-- What was made for a user of ours in another tenant's name, if it is one customer alone.
CREATE OR REPLACE TEMP TABLE elsewhere AS
SELECT auth0_user_id AS user_id, min(id) AS id, min(email) AS email, min(auth0_tenant) AS tenant
FROM customers
WHERE auth0_tenant <> $tenant AND regexp_full_match(auth0_tenant, $tenant_form)
    AND auth0_user_id IS NOT NULL AND superseded_by IS NULL
GROUP BY 1 HAVING count(*) = 1;

CREATE OR REPLACE TEMP TABLE beside AS
SELECT users.user_id, users.email, users.email_verified, users.customer_id,
    users.marker = 'exempt' AS is_exempt,
    users.marker IS NOT DISTINCT FROM 'unfinished' AS is_unfinished,
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
CREATE OR REPLACE TEMP TABLE beside AS
SELECT beside.*, elsewhere.id AS elsewhere, elsewhere.tenant AS other_tenant,
    elsewhere.email AS elsewhere_email
FROM beside LEFT JOIN elsewhere ON elsewhere.user_id = beside.user_id;
CREATE OR REPLACE TEMP TABLE beside AS
-- Whose sign-up is unfinished was refused for it perhaps, and may rightly be another tenant's.
SELECT beside.*, elsewhere IS NOT NULL AND owned IS NULL AND coalesce(customer_id = elsewhere,
    elsewhere_email = email AND NOT is_unfinished) AS is_elsewhere
FROM beside;
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
        WHEN is_elsewhere THEN 'other_tenant'
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
    coalesce(nullif(customer_id, $odd_id), if(is_elsewhere, elsewhere, first)) AS customer_id,
    CASE
        WHEN owned > 1 THEN (SELECT ids FROM several_owned WHERE holder = user_id)
        WHEN customer_id = $odd_id THEN customer_id
        WHEN is_elsewhere THEN other_tenant
        WHEN customer_id IS NULL AND owned IS NULL
            THEN coalesce((SELECT ids FROM several_sharing WHERE address = email), sharer)
        WHEN owner IS DISTINCT FROM user_id THEN coalesce(owner, first)
        WHEN sharing > 1 THEN (SELECT ids FROM several_sharing WHERE address = email)
    END AS detail
FROM beside;
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
-- One that names no tenant is told once: with the profile that has its id, if there is one.
CREATE OR REPLACE TEMP TABLE nowhere AS
SELECT customers.id, customers.auth0_user_id FROM customers
ANTI JOIN users ON users.customer_id = customers.id
WHERE auth0_tenant IS NULL AND auth0_user_id IS NOT NULL AND superseded_by IS NULL;
CREATE OR REPLACE TEMP TABLE nowhere AS
SELECT nowhere.* FROM nowhere ANTI JOIN users ON users.user_id = nowhere.auth0_user_id;
INSERT INTO findings
SELECT 'orphaned', nowhere.auth0_user_id, nowhere.id, secondaries.primary_id
FROM nowhere LEFT JOIN secondaries ON secondaries.user_id = nowhere.auth0_user_id;

INSERT INTO findings
SELECT 'superseded', customers.auth0_user_id, customers.id, customers.superseded_by
FROM customers WHERE coalesce(customers.auth0_tenant, $tenant) = $tenant
    AND customers.superseded_by IS NOT NULL;

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

-- What repair would stop at, by the rules of its acts.
ALTER TABLE findings ADD COLUMN obstacle VARCHAR;
UPDATE findings SET obstacle = CASE
        WHEN drift = 'unlinked' AND beside.email IS NULL THEN $no_address
        WHEN drift = 'unnamed' AND (beside.email IS NULL OR NOT beside.email_verified)
            THEN $not_verified
        WHEN drift = 'unnamed' AND NOT beside.has_same_email THEN $other_address
        WHEN drift = 'email_drift' AND beside.sharing > 0 THEN 'the address has ' || beside.sharer
    END
FROM beside
WHERE beside.user_id = findings.user_id AND drift IN ('unlinked', 'unnamed', 'email_drift');
DROP TABLE beside;
-- Of several that differ by letter case alone, one may come to have the address.
CREATE OR REPLACE TEMP TABLE lowest AS
SELECT email, coalesce(min(id) FILTER (NOT has_capitals), min(id) FILTER (
    coalesce(auth0_tenant, $tenant) = $tenant AND superseded_by IS NULL)) AS id
FROM customers WHERE email IS NOT NULL GROUP BY 1 HAVING count(*) > 1;
UPDATE findings SET obstacle = 'the address has ' || lowest.id
FROM customers JOIN lowest ON lowest.email = customers.email
WHERE customers.id = findings.customer_id AND drift = 'letter_case' AND lowest.id <> customers.id;
"""

# For a dry run alone. One join a statement, as above.
PROSPECTS = """
CREATE OR REPLACE TEMP TABLE prospects AS
SELECT findings.user_id, coalesce(findings.detail, '') AS sharing, users.email, users.email_verified
FROM findings JOIN users ON users.user_id = findings.user_id
WHERE list_contains($kinds, findings.drift);
CREATE OR REPLACE TEMP TABLE earliest AS
SELECT email, min(user_id) AS first FROM prospects
WHERE email IS NOT NULL GROUP BY 1 HAVING count(*) > 1;
CREATE OR REPLACE TEMP TABLE prospects AS
SELECT prospects.*, nullif(earliest.first, prospects.user_id) AS before
FROM prospects LEFT JOIN earliest ON earliest.email = prospects.email;
CREATE OR REPLACE TABLE foreseen AS
SELECT prospects.*, customers.id IS NOT NULL AS is_free
FROM prospects LEFT JOIN customers ON customers.id = prospects.sharing
    AND coalesce(auth0_user_id, registration_id, superseded_by) IS NULL
    AND coalesce(auth0_tenant, $tenant) = $tenant;
"""
