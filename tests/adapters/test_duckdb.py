"""The join of both sides: every injected drift is found, and nothing else is."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.both_sides import TENANT, Generated

from customerlink.adapters.duckdb import Store
from customerlink.model.drift import Drift, Finding
from customerlink.model.instruction import Reason
from customerlink.model.repair_plan import Act, planned
from customerlink.model.signup import ODD_ID
from customerlink.model.told import digest
from customerlink.model.trust import Trust
from customerlink.model.user import UserId

CUSTOMER: dict[str, Any] = {
    "id": "cus_1",
    "email": "a@x.io",
    "auth0_user_id": "auth0|1",
    "auth0_tenant": TENANT,
}
USER = {"user_id": "auth0|1", "email": "A@x.io", "customer_id": "cus_1"}

OF_CUSTOMERS = {Drift.ORPHANED, Drift.ABANDONED, Drift.SUPERSEDED, Drift.LETTER_CASE}
NOBODYS = CUSTOMER | {"auth0_user_id": None}
OTHERS = CUSTOMER | {"auth0_tenant": "other"}
BOB = USER | {"user_id": "auth0|2", "email": "b@x.io"}


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
    store = Store(tmp_path, Trust())
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
    store = Store(tmp_path, Trust())
    store.load_users(generated.users)
    store.load_customers(generated.customers)
    store.classify(TENANT)
    limit = store._database.execute("SELECT current_setting('memory_limit')").fetchall()
    store.close()

    assert limit == [(memory,)]


def loaded(folder: Path, users: list[Any], customers: list[Any]) -> Store:
    """Return a handful of each, compared."""
    store = Store(folder, Trust())
    for name, rows, load in (
        ("users", users, store.load_users),
        ("customers", customers, store.load_customers),
    ):
        path = folder / f"{name}.json"
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
        load(path)
    store.classify(TENANT)
    return store


def compared(folder: Path, users: list[Any], customers: list[Any]) -> list[Finding]:
    """Return all findings for a handful of each."""
    with closing(loaded(folder, users, customers)) as store:
        return [each for kind in Drift for each in store.findings(kind)]


@pytest.mark.parametrize(
    ("users", "customers", "kinds"),
    [
        ([USER], [CUSTOMER], ["linked"]),
        ([USER], [CUSTOMER, CUSTOMER], ["linked"]),
        ([USER], [CUSTOMER | {"auth0_tenant": None}], ["linked"]),
        ([USER], [OTHERS], ["other_tenant"]),
        ([USER | {"customer_id": ""}], [OTHERS], ["other_tenant"]),
        ([USER | {"customer_id": "", "marker": "exempt"}], [OTHERS], ["other_tenant"]),
        # What could rightly be another tenant's, or is not clear, is no wrong name.
        ([USER | {"customer_id": "", "marker": "unfinished"}], [OTHERS], ["unlinked"]),
        ([USER | {"customer_id": "", "email": "b@x.io"}], [OTHERS], ["unlinked"]),
        ([USER | {"customer_id": "", "email": None}], [OTHERS | {"email": None}], ["unlinked"]),
        ([USER], [OTHERS, OTHERS | {"id": "cus_2"}], ["mismatched"]),
        ([USER], [OTHERS, CUSTOMER | {"id": "cus_2"}], ["mismatched"]),
        ([USER], [OTHERS | {"superseded_by": "cus_2"}], ["mismatched"]),
        ([USER], [OTHERS | {"auth0_tenant": "no name"}], ["mismatched"]),
        ([], [CUSTOMER], ["orphaned"]),
        ([], [CUSTOMER | {"auth0_tenant": None}], ["orphaned"]),
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
        ([USER], [NOBODYS], ["unnamed"]),
        ([USER], [NOBODYS | {"auth0_tenant": None}], ["unnamed"]),
        ([USER], [NOBODYS, NOBODYS | {"id": "cus_2"}], ["unnamed"]),
        ([USER], [NOBODYS | {"email": "b@x.io"}], ["unnamed"]),
        ([USER], [NOBODYS | {"auth0_tenant": "other"}], ["mismatched"]),
        ([USER], [NOBODYS | {"registration_id": "1", "auth0_tenant": None}], ["mismatched"]),
        ([USER], [NOBODYS | {"superseded_by": "cus_2"}], ["mismatched", "superseded"]),
        ([USER], [NOBODYS, CUSTOMER | {"id": "cus_2"}], ["mismatched"]),
        ([USER], [CUSTOMER | {"auth0_user_id": "?"}], ["mismatched", "orphaned"]),
        ([USER], [CUSTOMER | {"auth0_user_id": "?", "auth0_tenant": None}], ["mismatched"]),
        ([USER | {"customer_id": ODD_ID}], [], ["mismatched"]),
        ([USER | {"customer_id": ODD_ID}], [CUSTOMER], ["mismatched"]),
        ([USER | {"customer_id": ODD_ID}], [NOBODYS], ["mismatched"]),
        ([USER], [CUSTOMER | {"email": "A@x.io"}], ["linked", "letter_case"]),
        ([USER], [CUSTOMER | {"email": "a@X.IO"}], ["linked", "letter_case"]),
        ([], [NOBODYS | {"email": "\u00c4@x.io"}], []),
        ([], [NOBODYS | {"email": "\u212aate@x.io"}], []),
        ([], [NOBODYS | {"email": "\u00c4DA@x.io"}], ["letter_case"]),
        ([], [CUSTOMER | {"email": "A@x.io", "auth0_tenant": "other"}], []),
        ([], [NOBODYS | {"email": "A@x.io", "auth0_tenant": "other"}], []),
        ([], [NOBODYS | {"email": "A@x.io", "auth0_tenant": None}], ["letter_case"]),
        ([], [CUSTOMER | {"email": "A@x.io", "superseded_by": "cus_2"}], ["superseded"]),
        ([], [NOBODYS | {"email": "A@x.io", "superseded_by": "cus_2"}], ["superseded"]),
        ([], [NOBODYS | {"email": "\u00e4\u00df@x.io"}, NOBODYS | {"email": None}], []),
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


def test_customer_that_several_profiles_have(tmp_path: Path) -> None:
    """Each of them is told with another one, so that none is taken for the only one."""
    users = [USER, BOB, USER | {"user_id": "auth0|3"}]
    findings = compared(tmp_path, users, [NOBODYS])

    told = {each.user_id: each.detail for each in findings if each.drift is Drift.UNNAMED}
    assert told == {"auth0|1": "auth0|3", "auth0|2": "auth0|1", "auth0|3": "auth0|1"}


@pytest.mark.parametrize(
    ("users", "customers", "customer_id", "detail"),
    [
        ([USER | {"customer_id": ODD_ID}], [], None, "(odd)"),
        ([USER | {"customer_id": ODD_ID}], [CUSTOMER], "cus_1", "(odd)"),
        ([USER], [CUSTOMER | {"auth0_user_id": "auth0|9"}], "cus_1", "auth0|9"),
        ([USER], [NOBODYS, CUSTOMER | {"id": "cus_2"}], "cus_1", "cus_2"),
    ],
)
def test_mismatched(
    tmp_path: Path, users: list[Any], customers: list[Any], customer_id: str | None, detail: str
) -> None:
    """Told with what a person needs who has to decide."""
    [found, *_] = compared(tmp_path, users, customers)

    assert found == Finding(Drift.MISMATCHED, "auth0|1", customer_id, detail)


def test_denied(tmp_path: Path) -> None:
    """Those whose sign-up is marked unfinished are asked for; a backfill tries them again."""
    markers: list[str | None] = [None, "exempt", "unfinished", "unfinished"]
    users: list[Any] = [
        USER | {"user_id": f"auth0|{number}", "customer_id": "", "marker": marker}
        for number, marker in enumerate(markers, 5)
    ]
    with closing(loaded(tmp_path, users, [CUSTOMER])) as store:
        asked = [each for page in store.unfinished() for each in page]
        # Of the first one the export says that policy exempts it, whatever the ledger has.
        store.deny(dict.fromkeys(map(UserId, ("auth0|6", "auth0|7")), Reason.EMAIL_IN_USE))
        store.deny({})
        counts = store.counts()

        assert sorted(asked) == ["auth0|7", "auth0|8"]
        assert [*store.findings(Drift.DENIED)] == [
            Finding(Drift.DENIED, "auth0|7", None, "email_in_use cus_1")
        ]
        assert (counts[Drift.UNLINKED], counts[Drift.EXEMPT]) == (2, 1)
        assert len([*store.without_customer()]) == 4


def test_denied_page_by_page(tmp_path: Path) -> None:
    """A page is put right while the next one is still to come."""
    users = [{"user_id": f"auth0|{n}", "marker": "unfinished"} for n in range(2500)]
    with closing(loaded(tmp_path, users, [])) as store:
        for page in store.unfinished():
            store.deny(dict.fromkeys(page, Reason.EMAIL_MISSING))

        assert store.counts()[Drift.DENIED] == 2500


def test_taken_address_of_an_unlinked_user_is_told(tmp_path: Path) -> None:
    """Which customer has it, so that nobody makes a second one."""
    findings = compared(tmp_path, [USER | {"user_id": "auth0|2", "customer_id": None}], [CUSTOMER])

    assert findings[0] == Finding(Drift.UNLINKED, "auth0|2", None, "cus_1")


class TestWhatIsNoId:
    """It may be a person's address, and has a digest in its place wherever it is told."""

    PERSONAL = ("ada@example.com", "Ada Lovelace", "+15550100 \u00e4\u00df")

    @pytest.mark.parametrize("personal", PERSONAL)
    def test_customers(self, tmp_path: Path, personal: str) -> None:
        """In what is found, in a list of whom to do, and in a plan, which leaves it to a person."""
        user = USER | {"customer_id": None}
        shared = NOBODYS | {"id": personal, "email": "A@x.io"}
        with closing(loaded(tmp_path, [user], [shared])) as store:
            [candidate] = store.without_customer()
            found = [each for kind in Drift for each in store.findings(kind)]
            steps = [*planned(found)]

        assert candidate.known == (digest(personal),)
        assert {each.drift for each in found} == {Drift.UNLINKED, Drift.LETTER_CASE}
        assert {each.act for each in steps} == {Act.DECIDE}
        assert personal not in f"{candidate.line()} {found} {[each.line() for each in steps]}"

    @pytest.mark.parametrize("personal", PERSONAL)
    @pytest.mark.parametrize(
        ("field", "drift"),
        [
            ("auth0_user_id", Drift.ORPHANED),
            ("superseded_by", Drift.SUPERSEDED),
            ("registration_id", Drift.ABANDONED),
        ],
    )
    def test_metadata(self, tmp_path: Path, personal: str, field: str, drift: Drift) -> None:
        """Whatever a person or a program wrote there."""
        users = [USER | {"customer_id": "cus_9"}]
        [found] = [
            each
            for each in compared(tmp_path, users, [NOBODYS | {field: personal}])
            if each.drift is drift
        ]

        assert digest(personal) in (found.user_id, found.detail)
        assert personal not in f"{found} {[each.line() for each in planned([found])]}"

    def test_owner(self, tmp_path: Path) -> None:
        """Told as whose the customer is that a profile has."""
        named = CUSTOMER | {"auth0_user_id": "eve@example.com", "auth0_tenant": None}
        [found] = compared(tmp_path, [USER], [named])

        assert (found.drift, found.detail) == (Drift.MISMATCHED, digest("eve@example.com"))


@pytest.mark.parametrize("tenant", [TENANT, None])
@pytest.mark.parametrize("named", ["auth0|gone", "google-oauth2|9"])
def test_customer_of_a_user_who_is_gone(tmp_path: Path, tenant: str | None, named: str) -> None:
    """It is counted, whether it names the tenant or none."""
    customer = CUSTOMER | {"auth0_user_id": named, "auth0_tenant": tenant}
    [finding] = compared(tmp_path, [], [customer])

    assert finding == Finding(Drift.ORPHANED, named, "cus_1", "")


def test_customer_of_another_tenants_user(tmp_path: Path) -> None:
    """It is none of ours to count."""
    assert compared(tmp_path, [], [CUSTOMER | {"auth0_tenant": "other"}]) == []


VERIFIED = USER | {"email_verified": True}
LOW = NOBODYS | {"id": "cus_low"}


@pytest.mark.parametrize(
    ("users", "customers", "drift", "obstacles"),
    [
        ([USER], [NOBODYS], Drift.UNNAMED, ["the user has not verified an address"]),
        (
            [VERIFIED | {"email": "b@x.io"}],
            [NOBODYS],
            Drift.UNNAMED,
            ["user and customer have different addresses"],
        ),
        ([VERIFIED], [NOBODYS], Drift.UNNAMED, [""]),
        ([USER | {"email": "b@x.io"}], [CUSTOMER], Drift.EMAIL_DRIFT, [""]),
        (
            [USER | {"email": "b@x.io"}],
            [CUSTOMER, LOW | {"email": "b@x.io"}],
            Drift.EMAIL_DRIFT,
            ["the address has cus_low"],
        ),
        (
            [USER | {"customer_id": None, "email": None}],
            [],
            Drift.UNLINKED,
            ["the user has no address"],
        ),
        ([], [NOBODYS | {"email": "A@x.io"}], Drift.LETTER_CASE, [""]),
        ([], [NOBODYS | {"email": "A@x.io"}, LOW], Drift.LETTER_CASE, ["the address has cus_low"]),
        (
            [],
            [NOBODYS | {"email": "A@x.io"}, LOW | {"email": "A@X.io"}],
            Drift.LETTER_CASE,
            ["", "the address has cus_1"],
        ),
        (
            [],
            [
                LOW | {"email": "A@x.io"},
                NOBODYS | {"email": "A@X.io", "auth0_tenant": "other"},
            ],
            Drift.LETTER_CASE,
            [""],
        ),
    ],
)
def test_what_repair_would_stop_at(
    tmp_path: Path,
    users: list[dict[str, Any]],
    customers: list[dict[str, Any]],
    drift: Drift,
    obstacles: list[str],
) -> None:
    """It is found by the act's own rule, and the plan leaves it to a person with the reason."""
    found = [each for each in compared(tmp_path, users, customers) if each.drift is drift]
    steps = [*planned(found)]

    assert [each.obstacle for each in found] == obstacles
    assert [each.act is Act.DECIDE for each in steps] == [bool(each) for each in obstacles]
    assert all(each.obstacle in step.reason for each, step in zip(found, steps, strict=True))
