"""Where the command line gets its settings: flags, then the environment, then customerlink.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from customerlink.cli.errors import CliError, Exit
from customerlink.cli.private_files import may_be_read_by_others
from customerlink.model.keys import STRIPE_API_BASE
from customerlink.model.rates import Plan
from customerlink.model.user import is_tenant

DEFAULT_FILE = Path("customerlink.toml")
DEFAULT_PROFILE = "default"


class Mode(StrEnum):
    """Stripe's modes; a profile is for one of them."""

    TEST = "test"
    LIVE = "live"


class Actions(StrEnum):
    """Who puts the Actions into the tenant: `customerlink install`, or another tool."""

    INSTALLED = "installed"
    DECLARED = "declared"


@dataclass(frozen=True, slots=True)
class Config:
    """One deployment: a tenant, a stack, a mode."""

    profile: str = DEFAULT_PROFILE
    mode: Mode = Mode.TEST
    domain: str = ""
    tenant: str = ""
    """Auth0's name of the tenant (`event.tenant.id`); what the deployment knows, unless given."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    stack: str = "customer-link"
    region: str = ""
    aws_profile: str = ""
    plan: str = ""
    """Auth0's, by its name; what the stack says, unless given."""
    action_name: str = "Customer Link"
    verified_email: str = ""
    """What `install` is to set; asked for, or left as the stack has it, where there is none."""
    actions: Actions = Actions.INSTALLED
    stripe_api_base: str = STRIPE_API_BASE
    stripe_key: str = field(default="", repr=False)
    """The operator's own, which may read what the deployment's key may not."""

    def __post_init__(self) -> None:
        """Raise where what is to be part of the ledger's keys could be none."""
        if self.tenant and not is_tenant(self.tenant):
            fix = "--tenant, CUSTOMERLINK_TENANT or customerlink.toml: event.tenant.id, as acme"
            raise CliError("tenant is no tenant's name.", fix, Exit.USAGE)

    @property
    def is_declared(self) -> bool:
        """Return whether another tool than this one puts the Actions in."""
        return self.actions is Actions.DECLARED

    def auth0_url(self) -> str:
        """Return the tenant's address; only this very machine is spoken to over plain HTTP."""
        if not self.domain:
            fix = "--domain, AUTH0_DOMAIN, or domain in customerlink.toml"
            raise CliError("The Auth0 domain is missing.", fix, Exit.USAGE)
        host = self.domain.removeprefix("https://").removesuffix("/")
        if host.startswith("http://127.0.0.1:"):
            return host
        if not _HOST.fullmatch(host):
            fix = "--domain, or AUTH0_DOMAIN: it looks like example.us.auth0.com."
            raise CliError("The Auth0 domain is wrong.", fix, Exit.USAGE)
        return f"https://{host}"


_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?")
_NAME = re.compile(r"\w[\w.-]*")
_NAMES = "A name is of letters, digits, - and _, since a folder has it too."
_MOST_BYTES = 1 << 20
"""Of settings: a device may have no end."""

_LINE = re.compile(r"at line [0-9]+")
"""Where tomllib says that it stopped; what else it says may quote the file."""

_SECRET = "client_secret"  # noqa: S105 (a setting's name)
_FLAGS = {each.name for each in fields(Config)} - {"profile"}


def load(file: Path | None, profile: str | None, flags: Mapping[str, str | None]) -> Config:
    """Put the settings together; `flags` hold what flags or the environment gave.

    `customerlink.toml` has settings for all profiles on its top level, and those of one under
    `[profiles.NAME]`.
    """
    document = _read(file)
    path = file or DEFAULT_FILE
    profiles = _profiles(path, document.pop("profiles", {}))
    _check_secrets(path, document, *profiles.values())
    name = profile or DEFAULT_PROFILE
    if not _NAME.fullmatch(name):
        raise CliError("--profile is no profile's name.", _NAMES, Exit.USAGE)
    if profile and name not in profiles and name != DEFAULT_PROFILE:
        known = ", ".join(sorted(profiles)) or "none"
        raise CliError(f"There is no profile {name}.", f"Known profiles: {known}.", Exit.USAGE)
    chosen = {**document, **profiles.get(name, {})}
    for key, value in chosen.items():
        if key not in _FLAGS or not isinstance(value, str):
            fix = f"Known settings, all of them text: {', '.join(sorted(_FLAGS))}."
            raise CliError(f"{path}: {key} is unknown or no text.", fix, Exit.USAGE)
    given = {key: value for key, value in flags.items() if value}
    settings: dict[str, Any] = {**chosen, **given}
    settings["mode"] = _choice(Mode, "mode", settings)
    settings["actions"] = _choice(Actions, "actions", settings)
    if settings.get("plan"):
        settings["plan"] = _choice(Plan, "plan", settings)
    return Config(profile=name, **settings)


def _profiles(path: Path, found: object) -> Mapping[str, Mapping[str, object]]:
    if isinstance(found, dict) and all(isinstance(each, dict) for each in found.values()):
        return found
    fix = "[profiles.NAME], with settings under it"
    raise CliError(f"{path}: profiles is no table of tables.", fix, Exit.USAGE)


def _choice[Choice: StrEnum](kind: type[Choice], name: str, settings: Mapping[str, str]) -> Choice:
    first, *others = kind
    try:
        return kind(settings.get(name, first))
    except ValueError:
        known = " nor ".join([first, *others])
        raise CliError(f"{name} is neither {known}.", "", Exit.USAGE) from None


def _check_secrets(path: Path, *settings: Mapping[str, object]) -> None:
    if any(_SECRET in each for each in settings) and may_be_read_by_others(path):
        text = f"{path} holds a secret, and others may read it."
        raise CliError(text, f"chmod 600 {path}", Exit.USAGE)


def _read(file: Path | None) -> dict[str, Any]:
    path = file or DEFAULT_FILE
    if not path.exists():
        if file:
            raise CliError(f"{path} does not exist.", "", Exit.USAGE)
        return {}
    try:
        with path.open("rb") as opened:
            return tomllib.loads(opened.read(_MOST_BYTES).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        # Of nothing but brackets, it nests deeper than Python goes.
        found = _LINE.search(str(error)) if isinstance(error, tomllib.TOMLDecodeError) else None
        where = f" ({found[0]})" if found else ""
        raise CliError(f"{path} is not TOML{where}.", "https://toml.io", Exit.USAGE) from None
