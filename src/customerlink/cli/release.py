"""What this release puts into a tenant: the Actions' code, with a line that says who put it in."""

import re
from pathlib import Path

# A wheel holds the built Actions beside this file (pyproject.toml); a clone does not.
_PACKAGED = Path(__file__).with_name("actions")
_IN_SOURCE = Path(__file__).parents[2] / "actions" / "dist"

_MARK = "// Set up by customerlink install"
# Earlier releases had a print of the Action's secrets behind it.
_MARKED = re.compile(rf"\n{_MARK}(?:: [0-9a-f]{{32}})?\n?\Z")

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


def marked(code: str) -> str:
    """Return the code with the mark of an install as its last line."""
    return f"{code.rstrip()}\n{_MARK}\n"


def is_marked(code: str) -> bool:
    """Return whether an install of this release or of an earlier one put the code in."""
    return _MARKED.search(code) is not None


def unmarked(code: str) -> str:
    """Take the mark off, if there is one."""
    mark = _MARKED.search(code)
    return code[: mark.start()].rstrip() + "\n" if mark else code
