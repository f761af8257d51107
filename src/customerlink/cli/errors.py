"""What the command line says when something is wrong: a sentence, a way out, an exit code."""

from enum import IntEnum

from customerlink.model.errors import CustomerLinkError

AGAIN = "Run the same command again: it goes on where it stopped."


class Exit(IntEnum):
    """The exit codes."""

    FAILED = 1
    """A check failed, or something could not be done."""
    USAGE = 2
    """A flag, a setting or an answer is missing or wrong."""
    UNREACHABLE = 3
    """The network, or a service behind it, is down: running the command again goes on."""
    REFUSED = 4
    """Auth0, AWS or Stripe refused: credentials, a scope, a permission, a limit."""
    BUG = 70
    INTERRUPTED = 130


class CliError(CustomerLinkError):
    """An expected end: `fix` is the command or the click that mends it."""

    def __init__(self, message: str, fix: str = "", code: Exit = Exit.FAILED) -> None:
        """Take a sentence that carries no key and no address of a user."""
        super().__init__(message)
        self.message, self.fix, self.code = message, fix, code


class DeclinedError(CliError):
    """Somebody was asked, and said no."""

    def __init__(self) -> None:
        """Say what became of it: nothing."""
        super().__init__("Nothing was changed.", "", Exit.INTERRUPTED)


class InterruptError(CliError):
    """Somebody pressed Ctrl-C."""

    def __init__(self, step: str = "", *, is_reading: bool = False) -> None:
        """Say where it was, if that is known, and what stands."""
        at = f' at "{step}"' if step else ""
        stands = (
            "nothing was changed"
            if is_reading
            else "what was done stands, and nothing is half-written"
        )
        fix = "Run the same command again." if is_reading else AGAIN
        super().__init__(f"Interrupted{at}: {stands}.", fix, Exit.INTERRUPTED)


def lacks_scope(scope: str) -> CliError:
    """Say what the Auth0 client may not do, and where it is granted."""
    fix = (
        "Auth0's dashboard, Applications > APIs > Auth0 Management API > Machine to Machine "
        f"Applications: grant {scope} to this client."
    )
    return CliError(f"The Auth0 client lacks the scope {scope}.", fix, Exit.REFUSED)
