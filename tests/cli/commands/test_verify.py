"""`customerlink verify`: a tenant with each kind of drift in it, and single users."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.cli.conftest import Cli

from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import DESCRIPTION
from customerlink.model.drift import IN_ORDER, Drift
from customerlink.model.errors import ServicesDownError
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Lease
from customerlink.model.user import Tenant, User, UserId
from customerlink.ports.run import Run
from customerlink.usecases.compare import Comparison
from sandbox.aws import TABLE
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Fault, FaultKind

TENANT = ("--tenant", "acme")


@pytest.fixture
def sides(cli: Cli, box: Sandbox) -> Iterator[Cli]:
    """Return an installed deployment whose tenant, account and ledger are empty."""
    cli.install()
    box.tenant.users.clear()
    for each in box.stripe.live_customers():
        box.stripe.delete(each["id"])
    for item in box.aws.items():
        box.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": item["pk"]}})
    # An empty ledger numbers its attempts anew: Stripe would repeat what it answered under a key.
    box.stripe._saved.clear()
    yield cli
    box.tenant.users.clear()


def user(cli: Cli, number: int, customer_id: str | None = None, **more: Any) -> str:
    """Put a user in."""
    metadata = {"stripe_customer_id": customer_id} if customer_id else {}
    email = f"user-{number}@example.com"
    user_id = f"auth0|{number}"
    profile = {"email": email, "app_metadata": metadata, **more}
    cli.box.tenant.users.add(profile, user_id)
    return user_id


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 1, ["unlinked", "dangling", "linked"]),
        (["--kind", "unlinked"], 1, ["unlinked"]),
        (["--kind", "unlinked", "--kind", "dangling"], 1, ["unlinked", "dangling"]),
        (["--kind", "orphaned"], 0, []),
        (["--kind", "linked"], 0, ["linked"]),
    ],
)
def test_kinds(sides: Cli, words: list[str], code: int, told: list[str]) -> None:
    """Of the named ones everybody is told, more than a few; the others are nobody's matter."""
    for number in range(5):
        user(sides, number)
    user(sides, 5, "cus_gone")
    user(sides, 6, customer(sides, 6))
    result = sides("verify", *words, "--json")
    document = result.json()

    assert result.code == code
    assert {kind for kind, count in document["counts"].items() if count} == set(told)
    found = [each["user_id"] for each in document["samples"].get("unlinked", [])]
    assert len(found) == (0 if "unlinked" not in told else 5 if words else 3)


def test_kinds_for_people(sides: Cli) -> None:
    """Of a part nothing is said of the whole; that nobody is of a kind is said by its zero."""
    user(sides, 1)
    shown = sides("verify", "--kind", "denied").out

    assert "Of the kinds that were named:" in shown
    assert "agree" not in shown
    assert "denied" in shown


def customer(cli: Cli, number: int, user_id: str | None = None, **more: Any) -> str:
    """Put a customer in."""
    named = {"auth0_user_id": user_id or f"auth0|{number}", "auth0_tenant": "acme"}
    params = {"email": f"user-{number}@example.com", "metadata": named, **more}
    return str(cli.box.stripe.create(params)["id"])


def linked(cli: Cli, number: int) -> None:
    """Put in a pair that is in order."""
    user(cli, number, customer(cli, number))


def dangling(cli: Cli, number: int) -> None:
    """Delete a customer."""
    gone = customer(cli, number)
    cli.box.stripe.delete(gone)
    user(cli, number, gone)


def wrong_mode(cli: Cli, number: int) -> None:
    """Put in a customer of the other mode."""
    cli.box.stripe.other_mode.add(f"cus_live{number}")
    user(cli, number, f"cus_live{number}")


def orphaned(cli: Cli, number: int) -> None:
    """Link a user into another one's account."""
    customer(cli, number)
    primary = user(cli, number + 1000, customer(cli, number + 1000))
    user(cli, number)
    body = {"provider": "auth0", "user_id": f"{number}"}
    cli.box.tenant.users.link(primary, body)


def superseded(number: int) -> dict[str, str]:
    """Return the metadata of a linked account's second customer."""
    named = {"auth0_user_id": f"auth0|{number}", "auth0_tenant": "acme"}
    return {**named, "superseded_by": "cus_other"}


def registered(cli: Cli, number: int) -> str:
    """Put in the customer of a registration, two days old, never used."""
    named = {"auth0_registration_id": f"{number:032x}", "auth0_tenant": "acme"}
    made = customer(cli, number, metadata=named, description=DESCRIPTION)
    cli.box.stripe._customers[made]["created"] -= 2 * 24 * 3600
    return made


def unclaimed(cli: Cli, number: int) -> None:
    """Put in a user whose post-registration got lost."""
    metadata = {"stripe_customer_id": registered(cli, number)}
    metadata["stripe_registration_id"] = f"{number:032x}"
    user(cli, number, app_metadata=metadata)


def unnamed(cli: Cli, number: int) -> None:
    """Put in a customer that names nobody, and a user whose profile has its id."""
    user(cli, number, customer(cli, number, metadata={}), email_verified=True)


def denied(cli: Cli, number: int, reason: Reason = Reason.EMAIL_IN_USE) -> None:
    """Let a user be refused at a login."""
    user_id = user(cli, number, app_metadata={"stripe_signup": "unfinished"})
    run = Run(time, f"login of {number}")
    ledger = DynamoDbLedger(Boto3DynamoDb(cli.box.aws.dynamodb), TABLE, run)
    lease = ledger.open(User(Tenant("acme"), UserId(user_id)), None, admission=True)
    assert isinstance(lease, Lease)
    ledger.refuse(lease, reason)


def with_capitals(cli: Cli, number: int) -> str:
    """Put in a customer that names nobody, whom no look-up by the address in lower case finds."""
    return customer(cli, number, metadata={}, email=f"User-{number}@example.com")


def under_another_name(cli: Cli, number: int, tenant: str = "127") -> str:
    """Put in a pair as a backfill makes it under a wrong tenant's name."""
    named = {"auth0_user_id": f"auth0|{number}", "auth0_tenant": tenant}
    made = customer(cli, number, metadata=named)
    user(cli, number, made)
    return made


OTHER_TENANTS = {"auth0_user_id": "auth0|x", "auth0_tenant": "other"}
INJECTED: dict[Drift, Callable[[Cli, int], object]] = {
    Drift.EXEMPT: lambda cli, n: user(cli, n, app_metadata={"stripe_signup": "exempt"}),
    Drift.UNLINKED: user,
    Drift.UNRECORDED: lambda cli, n: (user(cli, n), customer(cli, n)),
    Drift.DANGLING: dangling,
    Drift.WRONG_MODE: wrong_mode,
    Drift.MISMATCHED: lambda cli, n: user(cli, n, customer(cli, n, metadata=OTHER_TENANTS)),
    Drift.OTHER_TENANT: under_another_name,
    Drift.DUPLICATE: lambda cli, n: (user(cli, n, customer(cli, n)), customer(cli, n)),
    Drift.ORPHANED: orphaned,
    Drift.EMAIL_DRIFT: lambda cli, n: user(
        cli, n, customer(cli, n, email=f"old-{n}@example.com"), email_verified=True
    ),
    Drift.UNCLAIMED: unclaimed,
    Drift.ABANDONED: registered,
    Drift.SUPERSEDED: lambda cli, n: customer(cli, n, metadata=superseded(n)),
    Drift.UNNAMED: unnamed,
    Drift.DENIED: denied,
    Drift.LETTER_CASE: with_capitals,
}
OF_NO_USER = {Drift.ORPHANED, Drift.ABANDONED, Drift.SUPERSEDED, Drift.LETTER_CASE}


def test_everybody_in_order(sides: Cli) -> None:
    """Exit code 0, with the exempt ones among them."""
    for number in range(5):
        linked(sides, number)
    INJECTED[Drift.EXEMPT](sides, 5)
    result = sides(*TENANT, "verify", "--json")

    assert result.code == 0, result.err
    document = json.loads(result.out)
    assert document["in_order"] is True
    assert {kind: n for kind, n in document["counts"].items() if n} == {"linked": 5, "exempt": 1}


def test_each_kind_is_counted(sides: Cli) -> None:
    """Exit code 1; every kind that was injected, and no other."""
    for number, inject in enumerate(INJECTED.values()):
        for copy in range(2 + number % 2):
            inject(sides, 10 * number + copy)
    result = sides(*TENANT, "verify", "--json")
    counts = result.json()["counts"]

    expected = {kind: 2 + number % 2 for number, kind in enumerate(INJECTED)}
    assert result.code == 1
    assert counts == expected | {"linked": expected[Drift.ORPHANED]}


@pytest.mark.parametrize("kind", [each for each in INJECTED if each not in OF_NO_USER])
def test_one_user(sides: Cli, kind: Drift) -> None:
    """By id, and by address; the same kind that the whole tenant's comparison finds."""
    INJECTED[kind](sides, 1)
    by_id = sides(*TENANT, "verify", "auth0|1", "--json")
    by_email = sides(*TENANT, "verify", "User-1@example.com", "--json")

    for each in (by_id, by_email):
        found = {name for name, number in each.json()["counts"].items() if number}
        # By hand nobody finds what has neither the address nor the id.
        assert found == {kind}
        assert each.code == int(kind not in IN_ORDER)


@pytest.mark.parametrize(
    "reason", [Reason.EMAIL_IN_USE, Reason.EMAIL_MISSING, Reason.EMAIL_INVALID]
)
def test_denied_with_the_reason(sides: Cli, tmp_path: Path, reason: Reason) -> None:
    """No difference, and told all the same: on the screen, for machines, on the page."""
    linked(sides, 1)
    denied(sides, 2, reason)
    page = tmp_path / "report.html"
    told = sides(*TENANT, "verify", "--html", str(page))
    document = sides(*TENANT, "verify", "--json").json()

    assert (told.code, document["in_order"]) == (0, True)
    assert f"auth0|2  -  {reason}" in told.out
    [sample] = document["samples"]["denied"]
    assert (sample["user_id"], sample["detail"]) == ("auth0|2", str(reason))
    assert str(reason) in page.read_text()


def test_denied_although_the_address_is_free_by_now(sides: Cli) -> None:
    """Until the user logs in again, or a backfill is run, which tries the user as well."""
    denied(sides, 1)
    before = sides(*TENANT, "verify", "--json").json()["counts"]
    filled = sides(*TENANT, "backfill", "--json")
    after = sides(*TENANT, "verify", "--json").json()["counts"]

    assert (before["denied"], before["unlinked"]) == (1, 0)
    assert filled.json()["counts"]["created"] == 1, filled.err
    assert (after["denied"], after["linked"]) == (0, 1)


@pytest.mark.parametrize("marker", [None, "unfinished"])
@pytest.mark.parametrize("reason", [None, Reason.DEFERRED])
def test_no_denial(sides: Cli, marker: str | None, reason: Reason | None) -> None:
    """Who was never refused, and whose customer was put off, has none and should have one."""
    denied(sides, 1, reason) if reason else user(sides, 1)
    sides.box.tenant.users["auth0|1"]["app_metadata"] = {"stripe_signup": marker} if marker else {}
    counts = sides(*TENANT, "verify", "--json").json()["counts"]

    assert (counts["unlinked"], counts["denied"]) == (1, 0)


@pytest.mark.parametrize("address", ["User-1@example.com", "user-1@Example.com"])
def test_capitals_of_a_linked_users_customer(sides: Cli, address: str) -> None:
    """Counted beside the user, who is linked: a second sign-up with the address cannot see it."""
    made = customer(sides, 1, email=address)
    user(sides, 1, made)
    result = sides(*TENANT, "verify", "--json")
    document = result.json()

    assert result.code == 1
    assert {name: n for name, n in document["counts"].items() if n} == {
        "linked": 1,
        "letter_case": 1,
    }
    assert document["samples"]["letter_case"][0]["customer_id"] == made


@pytest.mark.parametrize("odd", [42, ["cus_1"], {"id": "cus_1"}, True, "cus_\0"])
def test_id_that_is_no_text(sides: Cli, odd: object) -> None:
    """No customer has it, so that it does not dangle: whose the user's is, a person decides."""
    user(sides, 1, app_metadata={"stripe_customer_id": odd})
    for words in (("auth0|1",), ()):
        document = sides(*TENANT, "verify", *words, "--json").json()

        [found] = document["samples"]["mismatched"]
        assert (found["customer_id"], found["detail"]) == (None, "(odd)")
        assert document["counts"]["dangling"] == 0


def test_unknown_user(sides: Cli) -> None:
    """A sentence."""
    result = sides(*TENANT, "verify", "auth0|nobody")

    assert (result.code, "no such user" in result.err) == (1, True)


def test_who_signs_up_meanwhile_is_no_difference(sides: Cli, box: Sandbox) -> None:
    """Between Stripe's list and Auth0's export: the second look finds the customer."""
    linked(sides, 1)
    jobs = box.management.jobs
    exported = jobs._users.exported

    def later() -> Any:
        linked(sides, 2)
        return exported()

    sides.patch.setattr(jobs._users, "exported", later)
    result = sides(*TENANT, "verify", "--json")

    assert (result.code, result.json()["counts"]["linked"]) == (0, 2)


def test_many_customers_of_one_second(sides: Cli) -> None:
    """Several pages of one segment."""
    for number in range(230):
        linked(sides, number)

    assert sides(*TENANT, "verify", "--json").json()["counts"]["linked"] == 230


def test_no_address_is_shown_or_kept(sides: Cli, tmp_path: Path) -> None:
    """Neither on the screen, nor in the page, nor in the folder."""
    for number, inject in enumerate(INJECTED.values()):
        inject(sides, 10 * number)
    page = tmp_path / "report.html"
    result = sides(*TENANT, "verify", "--html", str(page))
    kept = [each for each in (tmp_path / "state").rglob("*") if each.is_file()]

    assert "The two sides differ" in result.out
    assert [each.name for each in kept] == ["history-acme-test.jsonl"]
    for text in (result.out, result.err, page.read_text(), *(each.read_text() for each in kept)):
        assert "@" not in text.replace("@media", "")


def test_page(sides: Cli, tmp_path: Path) -> None:
    """Counts, samples and the history; nothing is fetched, nothing is script."""
    page = tmp_path / "report.html"
    linked(sides, 1)
    sides(*TENANT, "verify", "--html", str(page))
    first = page.read_text()
    user(sides, 2, name="<script>")
    sides.box.tenant.users["auth0|<script>"] = {
        "user_id": "auth0|<script>",
        "email": "x@example.com",
    }
    sides(*TENANT, "verify", "--html", str(page))
    second = page.read_text()

    assert "Both sides agree" in first
    assert "first run" in first
    assert "2 runs; not in order: 0 at first, 2 at the most, 2 now" in second
    assert "auth0|&lt;script&gt;" in second
    assert "<script" not in second
    assert not re.search(r"://|url\(|src=|<link", second)


def test_scope(sides: Cli) -> None:
    """Named where it is missing."""
    client_id, secret = sides.box.management.add_client(("read:actions",))
    sides.patch.setenv("AUTH0_CLIENT_ID", client_id)
    sides.patch.setenv("AUTH0_CLIENT_SECRET", secret)
    result = sides(*TENANT, "verify")

    assert (result.code, "read:users" in result.err) == (4, True)


def test_stripe_trouble_in_the_middle(sides: Cli, box: Sandbox) -> None:
    """429 and 500 are waited out."""
    linked(sides, 1)
    box.stripe.faults += [
        Fault(FaultKind.RATE_LIMIT, "GET", times=2),
        Fault(FaultKind.ERROR_BEFORE, "GET"),
    ]
    result = sides(*TENANT, "verify", "--json")
    box.stripe.faults.clear()

    assert result.code == 0, result.err


@pytest.mark.parametrize(("number", "told"), [(2, None), (3, None), (4, "1"), (9, "6")])
def test_more_than_the_samples(sides: Cli, tmp_path: Path, number: int, told: str | None) -> None:
    """Three are shown, and how many more there are, in the terminal and on the page."""
    for each in range(number):
        user(sides, each)
    page = tmp_path / "page.html"
    shown = sides(*TENANT, "verify", "--html", str(page)).out

    for text in (shown, page.read_text()):
        assert (f"and {told} more" if told else "more") in text or told is None
        assert told is not None or "more" not in text


@pytest.mark.parametrize("place", ["no/such/folder/page.html", ".", "file/page.html"])
def test_page_that_cannot_be_written(sides: Cli, tmp_path: Path, place: str) -> None:
    """It is told by its name before anything is compared, and is no failure of the network."""
    (tmp_path / "file").touch()
    result = sides(*TENANT, "verify", "--html", str(tmp_path / place))

    assert (result.code, str(tmp_path) in result.err) == (2, True)
    assert "network" not in result.err
    assert "Compare" not in result.out
    assert tmp_path.stat().st_mode & 0o700 == 0o700


@pytest.mark.parametrize("older", [None, "", "<p>of last week</p>"])
def test_page_of_a_run_that_fails(
    sides: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older: str | None
) -> None:
    """What was there before is there still, and no part of another page."""
    page = tmp_path / "page.html"
    if older is not None:
        page.write_text(older)
    monkeypatch.setattr(Comparison, "everybody", failing)
    result = sides(*TENANT, "verify", "--html", str(page), "--folder", "here")

    assert result.code == 3
    assert [each.name for each in tmp_path.glob("page*")] == ([] if older is None else [page.name])
    assert older is None or page.read_text() == older


def failing(*_: object) -> NoReturn:
    """Be a comparison without a network."""
    raise ServicesDownError("Auth0 did not answer")
