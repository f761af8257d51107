"""Addresses that a request can go to."""

import re
from urllib.parse import SplitResult, urlsplit

# RFC 9110, 4.2, without the user that it deprecates, and the fragment, which nobody sends. A name
# beyond ASCII has a spelling within it (IDNA), and `urlsplit` drops what breaks a line.
_ADDRESS = (
    r"[Hh][Tt][Tt][Pp][Ss]?://(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?([/?][!-\"$-~]*)?"
)


class WebAddressError(ValueError):
    """It is none."""


def parts_of(address: str) -> SplitResult:
    """Return the parts; raise `WebAddressError`, which quotes nothing."""
    try:
        parts = urlsplit(address)
        is_one = re.fullmatch(_ADDRESS, address) and parts.port != 0
    except ValueError:  # of what is no IPv6 address, and no port
        is_one = False
    if not is_one:
        raise WebAddressError
    return parts
