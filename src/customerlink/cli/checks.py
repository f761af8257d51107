"""What a check of a deployment comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
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
    cause: str = ""
    """What kept it from being made; others may have the same."""

    def as_json(self) -> dict[str, str]:
        """Return it for machines."""
        words = {Verdict.GOOD: "good", Verdict.WARNING: "warning", Verdict.BAD: "bad"}
        told = {"name": self.name, "verdict": words[self.verdict]}
        return told | {"meaning": self.meaning, "fix": self.fix}


def good(name: str, meaning: str) -> Check:
    """Return a check that passed."""
    return Check(name, Verdict.GOOD, meaning)


def warning(name: str, meaning: str, fix: str = "") -> Check:
    """Return a check that somebody should look at."""
    return Check(name, Verdict.WARNING, meaning, fix)


def bad(name: str, meaning: str, fix: str = "") -> Check:
    """Return a check that failed."""
    return Check(name, Verdict.BAD, meaning, fix)


class NeededError(CliError):
    """A check needs what an earlier one has not found."""

    def __init__(self, what: str, check: str) -> None:
        """Name what is needed, and the check that finds it."""
        text = f"It could not be checked without {what}."
        super().__init__(text, "Mend that one first.")
        self.check = check


def needed[Part](part: Part | None, what: str, check: str) -> Part:
    """Return what an earlier check has found; raise where it has not."""
    if part is None:
        raise NeededError(what, check)
    return part


def stopped(name: str, trouble: CliError, causes: dict[str, str]) -> Check:
    """Return a check that could not be made; `causes` are those of earlier ones, by their names."""
    # A cause's detail in brackets, as the kind of error, may differ from call to call.
    own = trouble.message.partition(" (")[0]
    earlier = trouble.check if isinstance(trouble, NeededError) else ""
    causes[name] = causes.get(earlier, earlier or own)
    return Check(name, Verdict.BAD, trouble.message, trouble.fix, causes[name])


def names_of(names: Iterable[str]) -> str:
    """Return names as a sentence has them."""
    return " and ".join(names)
