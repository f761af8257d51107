"""When two addresses are the same: the letter case of A to Z makes no difference.

Nothing else does. Beyond ASCII a letter may fold into another one, as the Kelvin sign into `k`, and
the two mailboxes may be different people's.
"""

import string

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def lowered(address: str) -> str:
    """Return an address in lower case, as it is compared, and as customers are made with it."""
    return address.translate(_LOWER)


def is_same_address(one: str | None, other: str | None) -> bool:
    """Return whether two are one address, in whatever letter case; of none there is one."""
    return lowered(one or "") == lowered(other or "")


def spellings(*addresses: str | None) -> list[str]:
    """Return as what to look addresses up where letter case counts: as given, and in lower case."""
    given = {each for each in addresses if each}
    return sorted(given | {lowered(each) for each in given})


def has_the_form_of_one(text: str) -> bool:
    """Catch what could not be looked up safely; the rest is for Stripe to judge."""
    name, _, domain = text.rpartition("@")
    return bool(name and domain) and text.isprintable() and " " not in text
