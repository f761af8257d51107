"""What this release puts into a tenant: the Action's code, signed with a print of its settings."""

import hashlib
import re
from pathlib import Path

# A wheel holds the built Actions beside this file (pyproject.toml); a clone does not.
_PACKAGED = Path(__file__).with_name("actions")
_IN_SOURCE = Path(__file__).parents[2] / "actions" / "dist"

_MARK = re.compile(r"\n// Set up by customerlink install: (?P<print>[0-9a-f]{32})\n?\Z")

LOGIN = "post-login"
REGISTRATION = ("pre-user-registration", "post-user-registration")
TRIGGERS = (LOGIN, *REGISTRATION)
"""The triggers that we have an Action for: also the names of its file and of its route."""

URL, SIGNING_SECRET = "CUSTOMERLINK_URL", "CUSTOMERLINK_SIGNING_SECRET"


def action_code(trigger: str = LOGIN) -> str:
    """Return the text of this release's Action for a trigger."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _IN_SOURCE
    return (folder / f"{trigger}.js").read_text()


def action_name(name: str, trigger: str) -> str:
    """Return the name in Auth0 of a trigger's Action; that of the Login flow has none beside it."""
    return name if trigger == LOGIN else f"{name} ({trigger})"


def endpoint(url: str, trigger: str) -> str:
    """Return the address that a trigger's Action calls, beside the Login flow's."""
    return f"{url.removesuffix(f'/{LOGIN}')}/{trigger}"


def fingerprint(url: str, signing_secret: str) -> str:
    """Return a print of the Action's settings, which tells nothing of a secret of 24 random bytes.

    Auth0 never tells a secret's value, so this is how one sees whether it is the current one.
    """
    return hashlib.sha256(f"{url}\n{signing_secret}".encode()).hexdigest()[:32]


def marked(code: str, settings: str) -> str:
    """Return the code with the print of its settings as its last line."""
    return f"{code.rstrip()}\n// Set up by customerlink install: {settings}\n"


def unmarked(code: str) -> tuple[str, str | None]:
    """Take the last line off: the code, and the print, if there is one."""
    mark = _MARK.search(code)
    return (code[: mark.start()].rstrip() + "\n", mark["print"]) if mark else (code, None)
