"""How much a plan takes away, and when that is too much to be carried out without a word.

The threshold is octoDNS's: a list that is short, of another account or not read to its end, looks
like a tenant in which nearly everything is gone, and one whose addresses were scrubbed like one in
which everybody has a new address.
"""

import json
from collections.abc import Iterable

from customerlink.model.repair_plan import Act, Step

FEW = 10
"""So many may be taken away in any case."""

PERCENT = 30
"""Of the links, so much may."""

TAKING = frozenset({Act.CLEAR, Act.SET_EMAIL, Act.RENAME, Act.FOLLOW, Act.REMOVE})
"""Acts after which something is gone: an id, an address, another user's or tenant's name, a
customer.

No other act loses anything: it writes where nothing was, or the same address in lower case.
"""

_LINKS = "links"


def taken_by(steps: Iterable[Step]) -> int:
    """Count the steps that take something away."""
    return sum(each.act in TAKING for each in steps)


def is_too_much(taken: int, links: int | None) -> bool:
    """Return whether somebody has to say the number; of unknown links, more than a few are."""
    return taken > FEW and (links is None or taken * 100 > links * PERCENT)


def header(links: int) -> str:
    """Return the line that says how many links there were when the plan was made."""
    return json.dumps({_LINKS: links})


def links_said(lines: Iterable[str]) -> int | None:
    """Return how many links a plan says that there were, in a line of its own or its document."""
    said = [links for each in lines if (links := _links(each)) is not None]
    return said[-1] if said else None


def _links(line: str) -> int | None:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_said = isinstance(document, dict) and (len(document) == 1 or "plan" in document)
    links = document.get(_LINKS) if is_said else None
    # Not isinstance: in Python, true is an int.
    return links if type(links) is int and links >= 0 else None
