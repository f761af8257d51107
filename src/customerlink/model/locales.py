"""In which languages somebody reads, and which of the texts that there are is for them."""

import re
from collections.abc import Iterator, Mapping, Sequence

from customerlink.model.values import OddValueError, text

LOCALE = r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*"
"""A language, and what may narrow it: `de`, `de-CH`, with hyphens or underscores."""

MAX_LOCALES = 8
_LONGEST_LIST = 256

type Locales = tuple[str, ...]
"""The one that is liked best first, each as `normal` has it."""


def normal(locale: str) -> str:
    """Return one spelling of a locale, whatever its letter case and its hyphens are."""
    return locale.replace("_", "-").lower()


def locales(value: object) -> Locales:
    """Read locales by blanks, as OpenID Connect has `ui_locales`; what is none is passed over."""
    found = text(value) or ""
    if len(found) > _LONGEST_LIST:
        raise OddValueError
    read = [normal(each) for each in found.split() if re.fullmatch(LOCALE, each)]
    return tuple(dict.fromkeys(read))[:MAX_LOCALES]


def locale_list(value: object) -> Locales:
    """Read a list of locales, as Auth0's event has `transaction.ui_locales`."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise OddValueError
    return locales(" ".join(value))


def best[Text](texts: Mapping[str, Text], wanted: Sequence[str]) -> Text:
    """Return the text of the first locale that has one; of none, the first text there is.

    Each is looked up as RFC 4647 (section 3.4) has it: `de-ch-1996`, `de-ch`, `de`.
    """
    known = (texts[each] for locale in wanted for each in _wider(locale) if each in texts)
    return next(known, next(iter(texts.values())))


def _wider(locale: str) -> Iterator[str]:
    parts = locale.split("-")
    return ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
