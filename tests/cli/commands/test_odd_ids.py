"""Whoever chooses a user's id gives the terminal, the reports and the plans no orders."""

import json
from pathlib import Path

import pytest
from tests.cli.commands.test_verify import TENANT, sides
from tests.cli.conftest import Cli, Result

from customerlink.cli.errors import Exit
from customerlink.cli.output import plain

__all__ = ["sides"]

IDS = {
    "markup": "samlp|acme|[/]",
    "colours": "samlp|acme|[bold red]ada[/bold red]",
    "link": "samlp|acme|[link=https://evil.example]ada[/link]",
    "screen": "samlp|acme|\x1b[2J\x1b]0;title\x07ada",
    "c1": "samlp|acme|\x9b2Jada",
    "return": "samlp|acme|ada\r✓ everything is in order",
    "line": "samlp|acme|ada\nBoth sides agree.",
    "separator": "samlp|acme|ada\u2028Both sides agree.",
    "right to left": "samlp|acme|\u202egnp.exe",
    "isolate": "samlp|acme|\u2067ada\u2069",
    "invisible": "samlp|acme|a\u200bda\ufeff",
    "page": "samlp|acme|</code><script>alert(1)</script>",
}


@pytest.fixture(params=[*IDS.values()], ids=[*IDS])
def chosen(request: pytest.FixtureRequest, sides: Cli) -> str:
    """Put in a user with such an id, who has neither an address nor a customer."""
    user_id = str(request.param)
    sides.box.tenant.users.add({}, user_id)
    return user_id


def assert_no_orders(result: Result) -> None:
    """Expect an end that is no bug's, and lines that do nothing."""
    lines = (result.out + result.err).split("\n")

    assert result.code != Exit.BUG, lines
    assert [each for each in lines if not each.isprintable()] == []
    assert not any(each.startswith(("Both sides agree", "✓ every")) for each in lines)


def assert_shows(result: Result, user_id: str) -> None:
    """Expect that besides, and the id as people or machines can read it."""
    assert_no_orders(result)
    forms = [
        plain(user_id),
        *(json.dumps(user_id, ensure_ascii=each)[1:-1] for each in (False, True)),
    ]

    assert [each for each in forms if each in result.out + result.err]


def test_verify(sides: Cli, chosen: str, tmp_path: Path) -> None:
    """Everybody or one, for people and for machines, and as a page."""
    page = tmp_path / "page.html"
    one = sides(*TENANT, "verify", chosen)
    everybody = sides(*TENANT, "verify", "--html", str(page))
    machines = sides(*TENANT, "verify", "--json")

    assert_no_orders(one)
    for each in (everybody, machines):
        assert_shows(each, chosen)
    assert [each["user_id"] for each in machines.json()["samples"]["unlinked"]] == [chosen]
    html = page.read_text()
    assert [each for each in html.split("\n") if not each.isprintable()] == []
    assert "<script" not in html


def test_repair(sides: Cli, chosen: str, tmp_path: Path) -> None:
    """The plan is one line, whose id is the user's; carried out, it is told."""
    planned = sides(*TENANT, "repair", "--kind", "unlinked")
    assert_shows(planned, chosen)
    [line] = planned.out.splitlines()
    assert json.loads(line)["user_id"] == chosen

    plan = tmp_path / "plan"
    plan.write_text(planned.out)
    assert_shows(sides(*TENANT, "repair", "--apply", str(plan)), chosen)
    assert_shows(sides(*TENANT, "repair", "--apply", str(plan), "--json"), chosen)


def test_backfill(sides: Cli, chosen: str) -> None:
    """Who gets no customer is told, and ends no run."""
    result = sides(*TENANT, "backfill")

    assert_shows(result, chosen)
    assert result.code == 0


def test_whois(sides: Cli, chosen: str) -> None:
    """For people and for machines."""
    people, machines = sides("whois", chosen), sides("whois", chosen, "--json")

    assert_shows(people, chosen)
    assert_shows(machines, chosen)
    assert machines.json()["users"][0]["user_id"] == chosen


@pytest.mark.parametrize("name", IDS.values(), ids=IDS)
@pytest.mark.parametrize("verb", ["doctor", "install", "uninstall"])
def test_names_of_others_actions(cli: Cli, name: str, verb: str) -> None:
    """An Action may be called so too, and the profile, the stack and the domain."""
    words = ("--action-name", name, verb, *(["--dry-run"] if verb != "doctor" else []))
    assert_no_orders(cli(*words, stdin=cli.box.stripe_key))
