"""`customerlink uninstall`: out comes what install put in, and nothing else."""

from types import SimpleNamespace
from typing import Any

from tests.cli.conftest import ACTION, FOREIGN, Cli, foreign
from tests.cli.declaring import ENV, apply, declare

from customerlink.cli.commands.uninstall import take_out


def test_takes_out_ours_alone(cli: Cli) -> None:
    """The flow is as it was before the install."""
    cli.install()
    result = cli("uninstall")

    assert result.code == 0
    assert "Watch=no" in result.out
    assert cli.box.look() == ("post-login: gone",)
    assert cli.flow() == [*FOREIGN]
    assert cli.actions().list_page({"actionName": ACTION})["actions"] == []
    assert cli.stored()["action_signing_secrets"]


def test_again_and_dry_run(cli: Cli) -> None:
    """Nothing to do, nothing done."""
    cli.install()
    assert "would unbind" in cli("uninstall", "--dry-run").out
    assert cli("uninstall", "--dry-run", "--json").json()["actions"] == [ACTION]
    assert cli.flow() == [*FOREIGN, ACTION]
    cli("uninstall")
    assert "Nothing to do" in cli("uninstall").out


def test_interrupted(cli: Cli) -> None:
    """Unbound, not deleted yet: the second run deletes."""
    cli.install()
    cli.box.management.faults.append("DELETE /api/v2/actions")
    first, second = cli("uninstall"), cli("uninstall")

    assert (first.code, second.code) == (3, 0)
    assert cli.actions().list_page({"actionName": ACTION})["actions"] == []


def test_somebody_elses_is_left_alone(cli: Cli) -> None:
    """An Action of the name that install did not put in."""
    foreign(cli.actions(), ACTION)

    for words in ([], ["--dry-run"], ["--dry-run", "--json"]):
        refused = cli("uninstall", *words)
        assert (refused.code, "would" in refused.out) == (4, False)
    assert cli.flow() == [*FOREIGN, ACTION]


def test_declared(cli: Cli) -> None:
    """The plan for what another tool put in is the refusal that the run itself ends with."""
    declare(cli)
    assert cli("install", "--to-file", ENV, stdin=cli.box.stripe_key).code == 0
    apply(cli)

    assert [cli("uninstall", *words).code for words in ([], ["--dry-run"])] == [4, 4]
    assert ACTION in cli.flow()


class TestLiveMode:
    """A change has to be confirmed."""

    def test_without_a_terminal(self, cli: Cli) -> None:
        """Only with `--yes`."""
        cli.install()
        cli.store_live_key()
        refused = cli("--mode", "live", "uninstall")
        assert (refused.code, cli.flow()) == (2, [*FOREIGN, ACTION])
        assert "--yes" in refused.err

        assert cli("--mode", "live", "uninstall", "--yes").code == 0
        assert cli.flow() == [*FOREIGN]

    def test_reading_needs_none(self, cli: Cli) -> None:
        """Neither does a dry run."""
        cli.install()
        cli.store_live_key()

        assert cli("--mode", "live", "uninstall", "--dry-run").code == 0


def test_somebody_else_was_quicker() -> None:
    """Between the look at the tenant and the change: what is gone is no trouble."""
    told: list[str] = []
    emptied: Any = SimpleNamespace(find=lambda _: None)
    take_out(emptied, ACTION, told.append)

    assert told == []
