"""The join of both sides: every injected drift is found, and nothing else is."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.both_sides import TENANT, Generated

from customerlink.adapters.duckdb import Store
from customerlink.model.drift import Drift, Finding

CUSTOMER: dict[str, Any] = {
    "id": "cus_1",
    "email": "a@x.io",
    "auth0_user_id": "auth0|1",
    "auth0_tenant": TENANT,
}
USER = {"user_id": "auth0|1", "email": "A@x.io", "customer_id": "cus_1"}

OF_CUSTOMERS = {Drift.ORPHANED, Drift.ABANDONED, Drift.SUPERSEDED}


def found(store: Store) -> dict[Drift, set[str]]:
    """Return the ids of each kind: the user's, or the customer's where there is no user."""
    return {
        kind: {
            str(each.customer_id if kind in OF_CUSTOMERS else each.user_id)
            for each in store.findings(kind)
        }
        for kind in Drift
    }


@pytest.mark.parametrize("seed", range(5))
def test_recall_and_precision_are_1(tmp_path: Path, seed: int) -> None:
    """Of each kind, exactly those that were injected."""
    generated = Generated(tmp_path, 2000, seed)
    store = Store(tmp_path)
    store.load_users(generated.users)
    store.load_customers(generated.customers)
    store.classify(TENANT)

    for kind, ids in found(store).items():
        assert ids == generated.expected[kind], kind
    assert store.counts()[Drift.DANGLING] == 20
    store.close()


def test_an_address_that_reads_like_a_user_id(tmp_path: Path) -> None:
    """A custom database's ids may; two customers of each are told apart."""
    name = "auth0|a@x.io"
    users = [USER | {"user_id": name, "customer_id": ""}, USER | {"email": name, "customer_id": ""}]
    owned = CUSTOMER | {"auth0_user_id": name}
    sharing = CUSTOMER | {"auth0_user_id": None, "email": name}
    customers = [
        each | {"id": f"cus_{number}"}
        for number, each in enumerate([owned, owned, sharing, sharing], 1)
    ]
    found = compared(tmp_path, users, customers)

    details = {each.user_id: {*each.detail.split()} for each in found}
    assert details == {name: {"cus_1", "cus_2"}, "auth0|1": {"cus_3", "cus_4"}}


@pytest.mark.parametrize("blank", ["", " ", "\t", "\n ", None])
def test_blanks_in_stripes_metadata(tmp_path: Path, blank: str | None) -> None:
    """They count as absent: of this tenant, superseded by nothing, and naming nobody."""
    linked = CUSTOMER | {"auth0_tenant": blank, "superseded_by": blank, "registration_id": blank}
    nobodys = CUSTOMER | {"id": "cus_2", "email": "b@x.io", "auth0_user_id": blank}
    users = [USER, USER | {"user_id": "auth0|2", "email": "b@x.io", "customer_id": ""}]
    kinds = {each.user_id: each.drift for each in compared(tmp_path, users, [linked, nobodys])}

    assert kinds == {"auth0|1": Drift.LINKED, "auth0|2": Drift.UNLINKED}


@pytest.mark.parametrize(("a_row", "memory"), [(0, "66.7 MiB"), (2**20, "3.8 GiB")])
def test_memory_by_the_number_of_rows(
    tmp_path: Path, a_row: int, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No less than the least; of both sides together."""
    monkeypatch.setattr("customerlink.adapters.duckdb.MEMORY_A_ROW", a_row)
    generated = Generated(tmp_path, 2000, seed=1)
    store = Store(tmp_path)
    store.load_users(generated.users)
    store.load_customers(generated.customers)
    store.classify(TENANT)
    limit = store._database.execute("SELECT current_setting('memory_limit')").fetchall()
    store.close()

    assert limit == [(memory,)]


def compared(folder: Path, users: list[Any], customers: list[Any]) -> list[Finding]:
    """Return all findings for a handful of each."""
    store = Store(folder)
    for name, rows, load in (
        ("users", users, store.load_users),
        ("customers", customers, store.load_customers),
    ):
        path = folder / f"{name}.json"
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
        load(path)
    store.classify(TENANT)
    everything = [each for kind in Drift for each in store.findings(kind)]
    store.close()
    return everything


@pytest.mark.parametrize(
    ("users", "customers", "kinds"),
    [
        ([USER], [CUSTOMER], ["linked"]),
        ([USER], [CUSTOMER, CUSTOMER], ["linked"]),
        ([USER], [CUSTOMER | {"auth0_tenant": None}], ["linked"]),
        ([USER], [CUSTOMER | {"auth0_tenant": "other"}], ["mismatched"]),
        ([], [CUSTOMER], ["orphaned"]),
        ([], [CUSTOMER | {"auth0_tenant": None}], []),
        ([], [CUSTOMER | {"auth0_tenant": "other"}], []),
        ([], [CUSTOMER | {"auth0_user_id": None}], []),
        ([USER | {"email": None}], [CUSTOMER], ["linked"]),
        ([USER | {"email": "b@x.io"}], [CUSTOMER], ["email_drift"]),
        ([USER | {"customer_id": ""}], [CUSTOMER], ["unrecorded"]),
        ([USER | {"customer_id": "cus_2"}], [CUSTOMER], ["dangling"]),
        ([USER | {"customer_id": None, "marker": "exempt"}], [], ["exempt"]),
        ([USER | {"customer_id": None, "marker": "unfinished"}], [], ["unlinked"]),
        ([USER], [CUSTOMER, CUSTOMER | {"id": "cus_2"}], ["duplicate"]),
        ([USER], [CUSTOMER, CUSTOMER | {"id": "cus_2", "auth0_user_id": None}], ["duplicate"]),
    ],
)
def test_kinds(tmp_path: Path, users: list[Any], customers: list[Any], kinds: list[str]) -> None:
    """One by one; of several that hold, the graver one."""
    assert [each.drift for each in compared(tmp_path, users, customers)] == kinds


def test_linked_account_is_found_through_its_primary(tmp_path: Path) -> None:
    """The secondary's user is gone; its customer is told with the primary's id."""
    identities = [
        {"provider": "auth0", "user_id": "9"},
        {"provider": "auth0", "user_id": "1"},
    ]
    primary = {"user_id": "auth0|9", "email": "nine@x.io", "identities": identities}
    findings = compared(tmp_path, [primary], [CUSTOMER])

    assert Finding(Drift.ORPHANED, "auth0|1", "cus_1", "auth0|9") in findings


def test_taken_address_of_an_unlinked_user_is_told(tmp_path: Path) -> None:
    """Which customer has it, so that nobody makes a second one."""
    findings = compared(tmp_path, [USER | {"user_id": "auth0|2", "customer_id": None}], [CUSTOMER])

    assert findings[0] == Finding(Drift.UNLINKED, "auth0|2", None, "cus_1")
