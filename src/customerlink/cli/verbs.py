"""The verbs, each imported when it is run: nobody waits for the SDKs of another, or of help's."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from customerlink.cli.errors import InterruptError

if TYPE_CHECKING:
    # typer carries a copy of click, and has no public name for these two.
    from typer._click import Command, Context

VERBS = {
    "install": "Put this release's Action into the tenant, and the keys into Secrets Manager.",
    "export": "Write this release's Actions for a tool that declares them: auth0-deploy-cli or"
    " Terraform.",
    "uninstall": "Take out of the tenant what install put in: Actions, and their places in the"
    " flows.",
    "doctor": "Check a deployment from end to end: what is wrong, what it means, and what mends"
    " it.",
    "verify": "Compare Auth0's users with Stripe's customers, and count what differs by kind.",
    "repair": "Print a plan that mends what verify finds, one action a line; or carry one out.",
    "sync": "Let a user's customer follow what has changed in Auth0, and the link what has in"
    " Stripe.",
    "forget": "Erase a person: their customers in Stripe, and what the ledger has of them.",
    "approve-deletions": "Show the days on which more customers are due to go than a day may have,"
    " or let them go.",
    "reassign": "Let a customer be another user's, once it is proved that whom it names is gone.",
    "release": "Tell who holds an address, since when, and what would free it.",
    "backfill": "Make a customer for every user without one, those of before the installation"
    " included.",
    "whois": "Name the user whom a log or a denied person's reference means, or say what logs call"
    " one.",
    "version": "Print the version.",
    "rotate": "Replace a key or a secret, while sign-ups go on.",
}
"""Each verb's first sentence of help, for the list of all: its module is not looked at for it."""

READING = frozenset({"doctor", "verify", "whois", "version"})
"""Those that change nothing on either side, unless they say so."""

CHANGES = "customerlink.changes"
"""Where a context keeps that such a verb is to change something."""

STEPS = "customerlink.steps"
"""Where a context keeps what a verb has told of."""

_OF_DUCKDB = "Query interrupted"
"""The text of the error that it makes of Ctrl-C amid a query, in place of Python's own."""


class Verbs(TyperGroup):
    """A group that knows its commands' names and sentences, and imports the one that is run."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 (as typer gives it)
        """Take what typer says of a group; in place of its commands stand their names."""
        super().__init__(**given)
        self.commands = {name: TyperCommand(name, help=said) for name, said in VERBS.items()}

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """Return the command itself, in place of what stands for it."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, command(str(name)), rest

    def make_context(self, *given: Any, **named: Any) -> "Context":  # noqa: ANN401 (as typer has it)
        """Read the flags before the verb; raise where somebody presses Ctrl-C meanwhile."""
        try:
            return super().make_context(*given, **named)
        except KeyboardInterrupt:
            raise InterruptError(is_reading=True) from None

    def invoke(self, ctx: "Context") -> object:
        """Run the verb; raise what stands where somebody presses Ctrl-C, whatever it is at."""
        try:
            return super().invoke(ctx)
        # Not left to typer, which ends without a word.
        except (KeyboardInterrupt, RuntimeError) as error:
            if isinstance(error, RuntimeError) and str(error) != _OF_DUCKDB:
                raise
            steps, changes = ctx.meta.get(STEPS), ctx.meta.get(CHANGES, False)
            is_reading = ctx.invoked_subcommand in READING and not changes
            raise InterruptError(steps[-1] if steps else "", is_reading=is_reading) from None


def command(verb: str) -> "Command":
    """Import a verb's module, and return its command."""
    parent = typer.Typer(rich_markup_mode=None, add_completion=False)
    parent.add_typer(import_module(f"customerlink.cli.commands.{verb.replace('-', '_')}").app)
    return get_group(parent).commands[verb]
