"""What can be wrong with an Action of ours: doctor and the watch decide it here, and only here."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from customerlink.model.actions import (
    RUNTIMES,
    SIGNING_SECRET,
    URL,
    Action,
    declared_settings,
    digest,
)
from customerlink.model.notes import Note

# Longer than a request, shorter than a second visit to the dashboard.
_ONE_REQUEST_SECONDS = 10.0


class Fault(StrEnum):
    """By the word that the watch's log line has for it."""

    GONE = "gone"
    NOT_DEPLOYED = "not_deployed"
    OTHER_CODE = "other_code"
    DRAFT = "draft"
    """Logins run this release's code; the next deployment, whoever makes it, puts in another."""
    OLD_RUNTIME = "old_runtime"
    SECRETS_MISSING = "secrets_missing"
    SECRETS_NOT_NOTED = "secrets_not_noted"
    SECRETS_SET_ANEW = "secrets_set_anew"
    NOT_BOUND = "not_bound"
    WRONG_ORDER = "wrong_order"


LATER = frozenset({Fault.DRAFT})
"""What logins do not meet: doctor warns of it, and nobody is woken. All else fails both."""


def code_fault(action: Action, release: str) -> Fault | None:
    """Compare what logins run, whatever the draft has become, with a release's digest."""
    if action.deployed_code is None:
        return Fault.NOT_DEPLOYED
    if digest(action.deployed_code) != release:
        return Fault.OTHER_CODE
    return None if action.is_deployed else Fault.DRAFT


def runtime_fault(action: Action) -> Fault | None:
    """Look at what logins run on, and will run on after the next deployment."""
    used = {action.runtime, action.deployed_runtime or action.runtime}
    return None if used <= RUNTIMES else Fault.OLD_RUNTIME


def missing_secrets(action: Action) -> tuple[str, ...]:
    """Name those of our secrets that the Action lacks."""
    both = action.secrets.keys() & action.deployed_secrets.keys()
    return tuple(each for each in (URL, SIGNING_SECRET) if each not in both)


def secrets_fault(action: Action, note: Note | None, prints: Collection[str] = ()) -> Fault | None:
    """Compare what logins run with, and will after the next deployment, with what was noted.

    `prints` are those of the settings that a tool may have set which declares the Actions; without
    one nobody but install sets them, whatever the code says of itself.
    """
    if missing_secrets(action):
        return Fault.SECRETS_MISSING
    if prints:
        return _declared_fault(action, note, prints)
    if note is None:
        return Fault.SECRETS_NOT_NOTED
    return Fault.SECRETS_SET_ANEW if set_anew(action, note) else None


def _declared_fault(action: Action, note: Note | None, prints: Collection[str]) -> Fault | None:
    """Look at what a note says that stands, or else the tool."""
    if stands := standing(action, note):
        return None if stands.settings in prints else Fault.SECRETS_SET_ANEW
    if not is_declared(action):
        return Fault.SECRETS_NOT_NOTED
    is_valid = declared_settings(action.deployed_code) in prints and not set_apart(action)
    return None if is_valid else Fault.SECRETS_SET_ANEW


def standing(action: Action, note: Note | None) -> Note | None:
    """Return a note of what logins run with, unless that was set anew since."""
    return None if note is None or note.changed(action.deployed_secrets) else note


def is_declared(action: Action) -> bool:
    """Return whether another tool put the code in, with a print in place of its keyword."""
    settings = declared_settings(action.deployed_code)
    return settings is not None and "##" not in settings


def set_apart(action: Action) -> str | None:
    """Name the one of our secrets that was set after the other, so by hand.

    A tool sets all of an Action's secrets by one request.
    """
    times = {
        each: _seconds(action.deployed_secrets.get(each, "")) for each in (URL, SIGNING_SECRET)
    }
    if abs(times[URL] - times[SIGNING_SECRET]) <= _ONE_REQUEST_SECONDS:
        return None
    return max(times, key=times.__getitem__)


def _seconds(time: str) -> float:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0


def set_anew(action: Action, note: Note) -> tuple[str, ...]:
    """Name those of our secrets that somebody has set since they were noted."""
    return note.changed(action.deployed_secrets) or note.changed(action.secrets)


def place_fault(flow: Sequence[str], action_id: str, verify_id: str | None = None) -> Fault | None:
    """Look for an Action's place among the ids of a flow's.

    The Action verify-email, where it is bound, stands before: ours may deny who has not verified
    the address, or give out no customer, and nobody would be asked to verify it.
    """
    if action_id not in flow:
        return Fault.NOT_BOUND
    is_behind = verify_id in flow and flow.index(str(verify_id)) > flow.index(action_id)
    return Fault.WRONG_ORDER if is_behind else None


def action_faults(
    action: Action, release: str, note: Note | None, prints: Collection[str] = ()
) -> tuple[Fault, ...]:
    """Return everything that is wrong with one of those that report, but for its place."""
    secrets = secrets_fault(action, note, prints)
    found = code_fault(action, release), runtime_fault(action), secrets
    return tuple(each for each in found if each)
