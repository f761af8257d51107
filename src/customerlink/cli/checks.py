"""What a check of a deployment comes to."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from customerlink.cli.errors import CliError

INSTALL = "customerlink install"
DEPLOY = "make build && sam deploy --guided"


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "✓"
    WARNING = "!"
    BAD = "✗"


@dataclass(frozen=True, slots=True)
class Check:
    """One line."""

    name: str
    verdict: Verdict
    meaning: str
    fix: str = ""

    def as_json(self) -> dict[str, str]:
        """Return it for machines."""
        words = {Verdict.GOOD: "good", Verdict.WARNING: "warning", Verdict.BAD: "bad"}
        return asdict(self) | {"verdict": words[self.verdict]}


def good(name: str, meaning: str) -> Check:
    """Return a check that passed."""
    return Check(name, Verdict.GOOD, meaning)


def warning(name: str, meaning: str, fix: str = "") -> Check:
    """Return a check that somebody should look at."""
    return Check(name, Verdict.WARNING, meaning, fix)


def bad(name: str, meaning: str, fix: str = "") -> Check:
    """Return a check that failed."""
    return Check(name, Verdict.BAD, meaning, fix)


def needed[Part](part: Part | None, name: str) -> Part:
    """Return what an earlier check has found; raise where it has not."""
    if part is None:
        raise CliError(f"It could not be checked without {name}.", "Mend that one first.")
    return part


def names_of(names: Iterable[str]) -> str:
    """Return names as a sentence has them."""
    return " and ".join(names)
