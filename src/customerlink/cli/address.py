"""An address that a person gave as an argument: never printed, and looked at before it is used."""

from customerlink.cli.errors import CliError, Exit
from customerlink.model.values import TOO_LONG_AN_EMAIL


def address_given(text: str, command: str) -> str:
    """Read it; of what is none, say how the command is called, and do not repeat it."""
    address = text.strip()
    is_one = "@" in address[1:-1] and address.isprintable() and " " not in address
    if not is_one or len(address) >= TOO_LONG_AN_EMAIL:
        raise CliError("That is no address.", command, Exit.USAGE)
    return address
