"""An Action as a tenant has it, and how ours are known: triggers, secrets, code."""

import hashlib
import re
from collections.abc import Mapping

from customerlink.model.frozen import frozen

LOGIN = "post-login"
REGISTRATION = ("pre-user-registration", "post-user-registration")
TRIGGERS = (LOGIN, *REGISTRATION)
"""The triggers that we have an Action for: also the names of its file and of its route."""

VERIFY_EMAIL = "verify-email"
"""The file of another Action of the Login flow's, which has to stand before ours."""

URL, SIGNING_SECRET = "CUSTOMERLINK_URL", "CUSTOMERLINK_SIGNING_SECRET"
DENIAL_TEXTS = "CUSTOMERLINK_DENIAL_TEXTS"
"""An optional one: what somebody reads whom the Action denies by itself."""
DENYING = (LOGIN, "pre-user-registration")
"""The triggers whose Action reads it."""
VERIFY_URL = "CUSTOMERLINK_VERIFY_URL"
"""A secret that the Action verify-email has, and no other."""


def secrets_of(trigger: str) -> tuple[str, ...]:
    """Return the secrets that an Action of ours gets, whoever puts it in: install, or a tool."""
    return (URL, SIGNING_SECRET, *([DENIAL_TEXTS] if trigger in DENYING else []))


RUNTIMES = frozenset({"node18", "node18-actions", "node20", "node22", "node24"})
"""Those that have `fetch`, which the Action needs."""

_MARK = "// Set up by customerlink install"
# Earlier releases had a print of the Action's secrets behind it.
_MARKED = re.compile(rf"\n{_MARK}(?:: [0-9a-f]{{32}})?\s*\Z")

SETTINGS = "// Settings of Customer Link"
"""The last line where another tool puts the code in; a print of the settings stands behind it."""
_DECLARED = re.compile(rf"\n{SETTINGS}: (\S+)\s*\Z")


@frozen
class Action:
    """An Action as the tenant has it; of secrets only names and times are ever told."""

    id: str
    name: str
    code: str
    runtime: str
    secrets: Mapping[str, str]
    """The draft's, each with the time when it was last set."""
    is_deployed: bool
    """Whether the draft is what is deployed."""
    deployed_code: str | None
    deployed_secrets: Mapping[str, str]
    deployed_runtime: str = ""

    @property
    def is_ours(self) -> bool:
        """Return whether `install` put it in, as it is now or as an earlier release had it."""
        return is_marked(self.code)


def marked(code: str) -> str:
    """Return the code with the mark of an install as its last line."""
    return f"{code.rstrip()}\n{_MARK}\n"


def is_marked(code: str) -> bool:
    """Return whether an install of this release or of an earlier one put the code in."""
    return _MARKED.search(code) is not None


def unmarked(code: str) -> str:
    """Take the mark off, or another tool's last line, if there is one."""
    mark = _MARKED.search(code) or _DECLARED.search(code)
    return code[: mark.start()].rstrip() + "\n" if mark else code


def declared(code: str, settings: str) -> str:
    """Return the code for another tool, with what it replaces by a print of the settings."""
    return f"{code.rstrip()}\n{SETTINGS}: {settings}\n"


def declared_settings(code: str | None) -> str | None:
    """Return what the last line says of the settings, where another tool put the code in."""
    line = _DECLARED.search(code or "")
    return line.group(1) if line else None


def digest(code: str) -> str:
    """Return the SHA-256 of an Action's code, whoever put it in.

    Without the mark, and with one line's end at its own, as the built file has it: other tools
    drop that, or add one.
    """
    return hashlib.sha256(f"{unmarked(code).rstrip()}\n".encode()).hexdigest()
