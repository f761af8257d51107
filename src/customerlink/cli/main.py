"""`customerlink`: its verbs put together, the flags that all of them have, and how it ends."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from customerlink.cli.commands.version import version
from customerlink.cli.config import Mode, load
from customerlink.cli.errors import CliError, Exit, InterruptError
from customerlink.cli.private_files import only_for_their_owner
from customerlink.cli.streams import UnwrittenError, prepare, written
from customerlink.cli.verbs import Verbs
from customerlink.model.rates import Plan

app = typer.Typer(
    name="customerlink",
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Sets up, checks and looks after a Customer Link deployment.",
    epilog="Example: customerlink --profile live doctor",
)


def _flag(text: str, variable: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(help=text, envvar=variable)
    return option


def _version(is_asked: bool) -> None:  # noqa: FBT001 (typer gives it so)
    if is_asked:
        version()
        raise typer.Exit


@app.callback()
def main(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option(help="The settings' file; customerlink.toml if it is there.")
    ] = None,
    profile: Annotated[str | None, _flag("A profile of that file.", "CUSTOMERLINK_PROFILE")] = None,
    mode: Annotated[Mode | None, _flag("Stripe's mode.", "CUSTOMERLINK_MODE")] = None,
    domain: Annotated[str | None, _flag("The Auth0 tenant's domain.", "AUTH0_DOMAIN")] = None,
    tenant: Annotated[
        str | None,
        _flag("Its name, where the deployment does not say it.", "CUSTOMERLINK_TENANT"),
    ] = None,
    client_id: Annotated[
        str | None, _flag("Its machine-to-machine application.", "AUTH0_CLIENT_ID")
    ] = None,
    stack: Annotated[str | None, _flag("The CloudFormation stack.", "CUSTOMERLINK_STACK")] = None,
    region: Annotated[str | None, _flag("The stack's AWS region.", "AWS_REGION")] = None,
    aws_profile: Annotated[str | None, _flag("A profile of the AWS CLI's.", "AWS_PROFILE")] = None,
    plan: Annotated[
        Plan | None, _flag("Auth0's plan, where the stack does not say it.", "CUSTOMERLINK_PLAN")
    ] = None,
    action_name: Annotated[
        str | None, _flag("The Action's name in Auth0.", "CUSTOMERLINK_ACTION_NAME")
    ] = None,
    stripe_api_base: Annotated[
        str | None, typer.Option(hidden=True, envvar="CUSTOMERLINK_STRIPE_API_BASE")
    ] = None,
    _version_asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Set up, check and look after a Customer Link deployment.

    Settings come from flags, then the environment, then customerlink.toml. The Auth0 client's
    secret comes from AUTH0_CLIENT_SECRET, or is asked for.
    """
    flags = {
        "mode": mode,
        "domain": domain,
        "tenant": tenant,
        "client_id": client_id,
        # No flag, for this one and the key: others of the machine can read arguments, and shells
        # keep them.
        "client_secret": os.environ.get("AUTH0_CLIENT_SECRET"),
        "stack": stack,
        "region": region,
        "aws_profile": aws_profile,
        "plan": plan,
        "action_name": action_name,
        "stripe_api_base": stripe_api_base,
        "stripe_key": os.environ.get("CUSTOMERLINK_STRIPE_KEY"),
    }
    # Read by who needs them: `version` and help work beside a file that is wrong.
    context.obj = lambda: load(config, profile, flags)


def _refuse_odd(words: list[str]) -> None:
    """Raise where an argument is no text, or empty: mostly a variable that is not set.

    Of every verb, and before any of them reads it: an empty path would be the folder that somebody
    is in, and a user without a name everybody.
    """
    for before, word in pairwise(["", *words]):
        if any("\ud800" <= each <= "\udfff" for each in word):
            raise CliError("An argument is no text.", "Is it all in UTF-8?", Exit.USAGE)
        option, equals, value = word.partition("=")
        is_option = option.startswith("--") and bool(equals)
        if (value if is_option else word).strip():
            continue
        # Neither is told unless it is an option's name: it may be an address.
        where = f" of {option}" if is_option else f" behind {before}" if before[:1] == "-" else ""
        text = f"The argument{where} is empty."
        raise CliError(text, "Is a variable of the shell's not set?", Exit.USAGE)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let who presses Ctrl-C once more wait for the sentence."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _told(error: Exception | KeyboardInterrupt, *, as_json: bool) -> Exit:
    """Say what is wrong; return the exit code."""
    # None of these is imported for help, and each costs as much as everything else of it.
    from customerlink.cli.output import Output  # noqa: PLC0415

    match error:
        case KeyboardInterrupt():
            told: CliError = InterruptError()
        case CliError():
            told = error
        case _:
            from customerlink.cli.explain import explain  # noqa: PLC0415

            told = explain(error)
    for is_document in (as_json and not isinstance(told, UnwrittenError), False):
        # Of an output that takes no more, a person is told; of no errors' either, the exit code.
        with suppress(OSError, UnwrittenError), written():
            Output(as_json=is_document).error(told)
            break
    return told.code


def run(arguments: list[str] | None = None) -> None:
    """Run a command; every expected end is a sentence and an exit code, never a stack trace."""
    words = sys.argv[1:] if arguments is None else arguments
    prepare()
    try:
        _refuse_odd(words)
        with only_for_their_owner(), written():
            app(words, prog_name="customerlink")
    # The one place where errors become sentences.
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001
        with _undisturbed():
            code = _told(error, as_json="--json" in words)
        sys.exit(int(code))


if __name__ == "__main__":
    run()
