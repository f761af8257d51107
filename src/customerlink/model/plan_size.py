"""How much a plan takes away, and when that is too much to be carried out without a word.

The threshold is octoDNS's: a list that is short, of another account or not read to its end, looks
like a tenant in which nearly everything is gone.
"""

import json
from collections.abc import Iterable

from customerlink.model.repair_plan import Act, Step

FEW = 10
"""So many may be taken away in any case."""

PERCENT = 30
"""Of the links, so much may."""

TAKING = frozenset({Act.CLEAR, Act.FOLLOW, Act.REMOVE})
"""Acts by which an id is cleared, a customer gets another user's name, or is deleted."""

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


def without_header(lines: Iterable[str]) -> tuple[list[str], int | None]:
    """Return a plan's lines, the header's blank, and how many links it says that there were."""
    rest, links = [], None
    for each in lines:
        found = _links(each)
        links = links if found is None else found
        rest.append(each if found is None else "")
    return rest, links


def _links(line: str) -> int | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    links = document.get(_LINKS) if isinstance(document, dict) and len(document) == 1 else None
    # Not isinstance: in Python, true is an int.
    return links if type(links) is int and links >= 0 else None
