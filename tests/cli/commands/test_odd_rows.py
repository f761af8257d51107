"""One row's trouble, in backfill, verify and repair: the others are done, and it is named."""

import gzip
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.cli.commands.test_backfill import backfill, begun
from tests.cli.commands.test_repair import plan
from tests.cli.commands.test_verify import TENANT, customer, dangling, sides, user
from tests.cli.conftest import Cli

from customerlink.adapters.auth0.errors import Auth0RefusedError
from customerlink.adapters.auth0.management import Users
from customerlink.adapters.stripe.directory import StripeDirectory
from customerlink.model.drift import Drift
from customerlink.model.profile import Profile
from customerlink.model.told import digest
from customerlink.model.user import CustomerId
from sandbox.stripe_account import Permission

__all__ = ["sides"]

ODD: list[tuple[dict[str, Any], str]] = [
    ({"name": ["Ina", "Berg"]}, "user.name"),
    ({"name": "Ina \ud83d"}, "user.name"),
    ({"name": {"first": "Ina"}}, "user.name"),
    ({"email_verified": "yes"}, "user.email_verified"),
    ({"email_verified": ["true"]}, "user.email_verified"),
    ({"app_metadata": {"stripe_signup": {"state": 7}}}, "user.app_metadata.stripe_signup"),
]
LOST = [
    (b'{"user_id": ', "is not JSON"),
    (b"<html>", "is not JSON"),
    (b"[]", "is not an object"),
    (b'{"email": "x@example.com"}', "user_id is missing"),
    (b'{"user_id": "auth0|\\ud83d"}', "user_id is not a text"),
]


def add_line(cli: Cli, content: bytes) -> None:
    """Let every export have one more line, before all others."""
    files = cli.box.management.jobs.file

    def file(token: str) -> bytes | None:
        rows = files(token)
        return None if rows is None else gzip.compress(content + b"\n" + gzip.decompress(rows))

    cli.patch.setattr(cli.box.management.jobs, "file", file)


@pytest.fixture(autouse=True)
def quick(sides: Cli) -> None:
    """Try those that failed again at once."""
    sides.patch.setattr("customerlink.cli.side_by_side.PAUSES", (0.1, 0.1))


class TestOddField:
    """It counts as absent, and the user gets a customer."""

    @pytest.mark.parametrize(("odd", "field"), ODD)
    def test_everywhere(self, sides: Cli, odd: dict[str, Any], field: str) -> None:
        """Named by the comparison, on the terminal and for machines."""
        for number in range(5):
            user(sides, number)
        user(sides, 7, **odd)
        row = {"id": "auth0|7", "outcome": "odd", "reason": field}
        told = sides(*TENANT, "verify")
        planned = sides(*TENANT, "repair", "--kind", "unlinked")
        code, document = backfill(sides)

        assert f"odd: auth0|7: {field}\n" in told.out
        assert f"odd: auth0|7: {field}\n" in planned.err
        assert (code, document["left"], document["rows"]) == (0, 0, [row])
        assert document["counts"]["created"] == 6
        assert sides(*TENANT, "verify").code == 0


@pytest.mark.parametrize(("content", "reason"), LOST)
def test_line_that_is_lost(sides: Cli, content: bytes, reason: str) -> None:
    """It is named by its number; all others are done, and the run does not pass for whole."""
    for number in range(3):
        user(sides, number)
    add_line(sides, content)
    row = {"id": "line 1", "outcome": "unread", "reason": reason}
    code, document = backfill(sides)

    assert (code, document["counts"]["created"], document["rows"]) == (1, 3, [row])
    verified = sides(*TENANT, "verify", "--json")
    assert (verified.code, verified.json()["rows"]) == (1, [row])
    assert (verified.json()["in_order"], verified.json()["counts"]["linked"]) == (False, 3)
    # Nobody is left but the line.
    assert backfill(sides) == (1, {"left": 0, "counts": {}, "rows": [row]})


@pytest.mark.parametrize(("content", "reason"), LOST[:3])
@pytest.mark.parametrize("kind", [Drift.UNLINKED, Drift.DANGLING])
def test_plan_beside_a_line_that_is_lost(
    sides: Cli, content: bytes, reason: str, kind: Drift
) -> None:
    """It is printed, empty or not, and does not pass for whole."""
    user(sides, 1)
    add_line(sides, content)
    planned = sides(*TENANT, "repair", "--kind", kind)

    assert (planned.code, f"unread: line 1: {reason}\n" in planned.err) == (1, True)
    assert ("auth0|1" in planned.out) is (kind is Drift.UNLINKED)


class TestResumed:
    """What was lost in the comparison is lost until another one reads it."""

    ROW: ClassVar = {"id": "line 1", "outcome": "unread"}

    @pytest.mark.parametrize(("content", "reason"), LOST[:3])
    def test_after_a_dry_run(self, sides: Cli, content: bytes, reason: str) -> None:
        """Neither it nor the run after it passes for whole; both name the line."""
        user(sides, 1)
        add_line(sides, content)
        rows = [self.ROW | {"reason": reason}]
        foretold = {"id": "auth0|1", "outcome": "created", "reason": "customer_created"}

        assert backfill(sides, "--dry-run") == (
            1,
            {"left": 1, "counts": {"created": 1}, "rows": [*rows, foretold]},
        )
        told = sides(*TENANT, "backfill", "--dry-run").out
        assert f"unread: line 1: {reason}\n" in told
        code, document = backfill(sides)
        assert (code, document["left"], document["rows"]) == (1, 0, rows)

    @pytest.mark.parametrize("error", [TypeError, KeyError, RecursionError])
    def test_after_a_failure(self, sides: Cli, error: type[Exception]) -> None:
        """Though nobody is left but the line."""
        for number in range(3):
            user(sides, number)
        add_line(sides, b"<html>")
        read, failing = Users.get, [error("ada@example.com")]

        def get(users: Users, user_id: str) -> Profile | None:
            if failing:
                raise failing.pop()
            return read(users, user_id)

        sides.patch.setattr(Users, "get", get)
        first, second = backfill(sides), backfill(sides)

        assert (first[0], first[1]["left"], len(first[1]["rows"])) == (1, 1, 2)
        assert second[0] == 1
        assert second[1]["rows"] == [self.ROW | {"reason": "is not JSON"}]

    @pytest.mark.parametrize("before", [("--dry-run",), (), ("--fresh",)])
    def test_read_by_now(self, sides: Cli, before: tuple[str, ...]) -> None:
        """The next comparison says so; where nobody is left, the next run makes one."""
        user(sides, 1)
        with sides.patch.context() as patch:
            whole = sides.box.management.jobs.file
            add_line(sides, b"<html>")
            assert backfill(sides, *before)[0] == 1
            patch.setattr(sides.box.management.jobs, "file", whole)
            again = backfill(sides, "--fresh")

        assert (again[0], again[1]["rows"]) == (0, [])

    def test_nobody_is_left(self, sides: Cli) -> None:
        """Whoever came since is found: a finished list is not gone on with."""
        add_line(sides, b"<html>")
        assert backfill(sides)[0] == 1
        user(sides, 1)
        code, document = backfill(sides)

        assert (code, document["counts"]["created"], len(document["rows"])) == (1, 1, 1)


@pytest.mark.parametrize("chosen", ["user-1@example.com", "Ada Lovelace", "+15550100"])
def test_id_that_a_shop_chose(sides: Cli, tmp_path: Path, chosen: str) -> None:
    """It may be a person's address: nothing that is printed or kept has it."""
    sides.box.stripe.create({"email": "USER-1@example.com"}, customer_id=chosen)
    user(sides, 1)
    told = [sides(*TENANT, *words) for words in (["verify"], ["repair", "--kind", "unlinked"])]
    told += [sides(*TENANT, "backfill", "--dry-run", "--json")]
    told += [sides(*TENANT, "backfill", "--json")]
    kept = [*(tmp_path / "state").rglob("*.jsonl")]
    texts = [each.out + each.err for each in told] + [each.read_text() for each in kept]
    row = json.loads(told[-1].out)["rows"][0]

    assert {each.name for each in kept} >= {"history-acme-test.jsonl", "done.jsonl"}
    assert [each for each in texts if chosen in each or "example.com" in each] == []
    assert row["reason"] == f"{digest(chosen)} cannot be linked"


class TestRaised:
    """What a row raises is its own outcome, whatever it is."""

    @pytest.mark.parametrize("error", [TypeError, KeyError, RecursionError])
    def test_backfill(self, sides: Cli, error: type[Exception]) -> None:
        """The others are linked; the next run is for that one alone, and ends as well."""
        for number in range(40):
            user(sides, number)
        read = Users.get

        def get(users: Users, user_id: str) -> Profile | None:
            if user_id == "auth0|7":
                raise error("ada@example.com")
            return read(users, user_id)

        sides.patch.setattr(Users, "get", get)
        row = {"id": "auth0|7", "outcome": "failed", "reason": error.__name__}
        first = sides(*TENANT, "backfill")
        code, second = backfill(sides)

        assert first.code == code == 1
        assert f"failed: auth0|7: {error.__name__}\n" in first.out
        assert "ada@" not in first.out + first.err
        assert len(sides.box.stripe.live_customers()) == 39
        assert (second["left"], second["rows"]) == (1, [row])
        sides.patch.setattr(Users, "get", read)
        assert backfill(sides)[1]["counts"]["created"] == 1

    @pytest.mark.parametrize("error", [TypeError, KeyError, RecursionError])
    def test_verify(self, sides: Cli, error: type[Exception]) -> None:
        """One that is not looked at a second time; the others are."""
        for number in range(3):
            dangling(sides, number)
        self.break_for(sides, "auth0|1", error)
        result = sides(*TENANT, "verify", "--json")
        row = {"id": "auth0|1", "outcome": "failed", "reason": error.__name__}

        assert (result.code, result.json()["counts"]["dangling"]) == (1, 3)
        # Beside it stands that no customer of the profiles is there, which is so here.
        assert result.json()["rows"][1:] == [row]

    @pytest.mark.parametrize("error", [TypeError, KeyError, RecursionError])
    def test_repair(self, sides: Cli, tmp_path: Path, error: type[Exception]) -> None:
        """The steps behind it are carried out; the exit code says that one was not."""
        for number in range(3):
            dangling(sides, number)
        lines = plan(sides, Drift.DANGLING)
        path = tmp_path / "plan"
        path.write_text("".join(json.dumps(each) + "\n" for each in lines))
        self.break_for(sides, "auth0|1", error)
        result = sides(*TENANT, "repair", "--apply", str(path), "--json")
        outcomes = [each["outcome"] for each in result.json()["rows"]]

        assert (result.code, outcomes) == (1, ["done", "failed", "done"])
        assert result.json()["rows"][1]["reason"] == error.__name__
        assert result.json()["rows"][1]["id"].startswith("auth0|1 cus_")

    @staticmethod
    def break_for(cli: Cli, user_id: str, error: type[Exception]) -> None:
        """Let a look at a user's customer raise something."""
        retrieve = StripeDirectory.retrieve
        broken = cli.box.tenant.users[user_id]["app_metadata"]["stripe_customer_id"]

        def raising(directory: StripeDirectory, customer_id: CustomerId) -> Any:
            if customer_id == broken:
                raise error("ada@example.com")
            return retrieve(directory, customer_id)

        cli.patch.setattr(StripeDirectory, "retrieve", raising)


class TestEverybodysTrouble:
    """It ends the run: the next rows must fail as well."""

    @pytest.mark.parametrize("permission", [Permission.NONE, Permission.READ])
    def test_key_that_may_not_create(self, sides: Cli, permission: Permission) -> None:
        """Nobody but those under way is tried, and the way out is told."""
        begun(sides, *range(100))
        sides.patch.setitem(sides.box.stripe._keys, sides.box.stripe_key, permission)
        sides.box.stripe.requests.clear()
        result = sides(*TENANT, "backfill")

        assert (result.code, "customerlink rotate stripe-key" in result.err) == (4, True)
        assert len(sides.box.stripe.requests) < 100
        sides.patch.setitem(sides.box.stripe._keys, sides.box.stripe_key, Permission.WRITE)

    @pytest.mark.parametrize("status", [401, 403])
    def test_tenant_that_refuses(self, sides: Cli, status: int) -> None:
        """Credentials that were revoked meanwhile, or a scope."""
        begun(sides, *range(100))
        asked = []

        def get(_: Users, user_id: str) -> Profile | None:
            asked.append(user_id)
            raise Auth0RefusedError(status)

        sides.patch.setattr(Users, "get", get)

        assert sides(*TENANT, "backfill").code == 4
        assert len(asked) < 100


class TestLetterCase:
    """Stripe's filter minds it, and the comparison does not."""

    @pytest.mark.parametrize(
        "addresses",
        [
            ["USER-1@example.com"],
            ["User-1@Example.com"],
            ["USER-1@example.com", "uSER-1@example.com"],
        ],
    )
    def test_no_second_one_is_made(self, sides: Cli, addresses: list[str]) -> None:
        """All that have the address are told."""
        made = [str(sides.box.stripe.create({"email": each})["id"]) for each in addresses]
        user(sides, 1, email_verified=True)
        user(sides, 2)
        code, document = backfill(sides)
        [row] = document["rows"]

        assert (code, document["counts"]["created"], document["counts"]["skipped"]) == (0, 1, 1)
        assert (row["id"], row["outcome"]) == ("auth0|1", "skipped")
        assert {*row["reason"].removeprefix("the address has ").split()} == {*made}
        assert len(sides.box.stripe.live_customers()) == len(made) + 1

    def test_adopted_by_policy(self, sides: Cli) -> None:
        """The only one that has the verified address."""
        made = str(sides.box.stripe.create({"email": "USER-1@example.com"})["id"])
        user(sides, 1, email_verified=True)
        code, document = backfill(sides, "--adopt")

        assert (code, document["counts"]["found"], document["rows"]) == (0, 1, [])
        assert sides.box.stripe.retrieve(made)["metadata"]["auth0_user_id"] == "auth0|1"

    def test_another_users(self, sides: Cli) -> None:
        """It is in the way, whatever the policy."""
        user(sides, 2, customer(sides, 2, email="USER-1@example.com"))
        user(sides, 1, email_verified=True)
        code, document = backfill(sides, "--adopt")

        assert (code, document["counts"]["skipped"]) == (0, 1)
        assert len(sides.box.stripe.live_customers()) == 1

    def test_repair_leaves_it_to_a_person(self, sides: Cli) -> None:
        """The plan has the id, and nothing that makes a second one."""
        made = str(sides.box.stripe.create({"email": "USER-1@example.com"})["id"])
        user(sides, 1)
        [step] = plan(sides, Drift.UNLINKED)

        assert (step["act"], made in step["reason"]) == ("decide", True)
