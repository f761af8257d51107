"""The Auth0 side of a deployment: Actions, their versions, their places in the flows."""

import copy
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from customerlink.adapters.auth0.actions import Auth0Actions, action_id_of, action_of
from customerlink.adapters.auth0.download import downloading
from customerlink.adapters.auth0.errors import Auth0RefusedError
from customerlink.adapters.auth0.management import Json, Management, Users, object_of
from customerlink.cli.config import Config
from customerlink.cli.errors import AGAIN, CliError, Exit, lacks_scope
from customerlink.cli.event_stream import EventStreams
from customerlink.model.actions import LOGIN, REGISTRATION, VERIFY_URL, Action
from customerlink.model.secret import Auth0Client
from customerlink.model.sync_policy import SyncBy
from customerlink.model.trust import Trust
from customerlink.ports.rate import Rates

VERSIONS = {LOGIN: "v3"} | dict.fromkeys(REGISTRATION, "v2")
RUNTIME = "node22"

SCOPES = ("read:actions", "create:actions", "update:actions", "delete:actions")
CONNECTIONS_SCOPE = "read:connections"
"""Without it `doctor` says less; nothing else needs it."""

GRANT = "Auth0's dashboard, Applications > APIs > Auth0 Management API: grant them."

# Auth0 gives no time for an export; the next run starts another one.
EXPORT_SECONDS = 3600.0
# Giving up loses nothing: the next run finds the draft, and deploys it.
BUILD_SECONDS = 60.0
# Where a tenant's rate limit is lower, `Management.call` waits as Auth0 says.
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Binding:
    """A place in a flow."""

    id: str
    display_name: str
    action_id: str


@dataclass(frozen=True, slots=True)
class Connection:
    """What users log in by."""

    name: str
    strategy: str

    def __str__(self) -> str:
        """Return it as `doctor` tells it."""
        return self.name if self.name == self.strategy else f"{self.name} ({self.strategy})"


class Tenant:
    """A tenant's Actions, by a machine-to-machine application."""

    def __init__(
        self,
        config: Config,
        on_wait: Callable[[float], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        trust: Callable[[], Trust] = Trust,
        rates: Rates | None = None,
    ) -> None:
        """Name the tenant; `on_wait` is told the seconds of each wait for the rate limit.

        `trust` is asked for once somebody asks for users.
        """
        self.trigger: str = LOGIN
        self._config = config
        self._on_wait = on_wait
        self._sleep = sleep
        self._trust, self._rates = trust, rates

    def at(self, trigger: str) -> "Tenant":
        """Return the same tenant for another trigger's Action and flow."""
        other = copy.copy(self)
        other.trigger = trigger
        return other

    @cached_property
    def _management(self) -> Management:
        for name in ("client_id", "client_secret"):
            if not getattr(self._config, name):
                fix = f"AUTH0_{name.upper()}, or {name} in customerlink.toml"
                raise CliError(f"The Auth0 {name} is missing.", fix, Exit.USAGE)
        config = self._config
        client = Auth0Client(config.auth0_url(), config.client_id, config.client_secret)
        return Management(client, self._on_wait, self._sleep, rates=self._rates)

    @property
    def _actions(self) -> Auth0Actions:
        return Auth0Actions(self._management)

    @cached_property
    def users(self) -> Users:
        """Return the tenant's users."""
        return Users(self._management, self._trust())

    def missing_scopes(self, wanted: Iterable[str] = SCOPES) -> tuple[str, ...]:
        """Return the scopes that the client lacks."""
        return tuple(str(each) for each in wanted if each not in self._granted())

    def streams(self, name: str, by: SyncBy = SyncBy.EVENTBRIDGE) -> EventStreams:
        """Return the tenant's event streams of a name, by that way."""
        return EventStreams(self._management, name, by)

    def may_list_connections(self) -> bool:
        """Return whether the client has the scope for it."""
        return CONNECTIONS_SCOPE in self._granted()

    def connections(self) -> Iterator[Connection]:
        """List the tenant's connections, page by page.

        https://auth0.com/docs/api/management/v2/connections/get-connections
        """
        after: dict[str, str] = {}
        while True:
            query = {"take": "100", "fields": "name,strategy", **after}
            page = self._management.read("connections", **query)
            for each in page["connections"]:
                yield Connection(str(each["name"]), str(each["strategy"]))
            if not page.get("next"):
                return
            after = {"from": str(page["next"])}

    def expect_scope(self, scope: str) -> None:
        """Raise unless the application may do what is asked of it later."""
        if scope not in self._granted():
            raise lacks_scope(scope)

    def _granted(self) -> list[str]:
        return str(self._management.granted.get("scope", "")).split()

    def find(self, name: str) -> Action | None:
        """Find an Action of the trigger's by its name."""
        return self._actions.find(self.trigger, name)

    def verify_email(self) -> Action | None:
        """Find the Action verify-email in the Login flow: by a secret that no other one has."""
        flow = [each.action_id for each in self.at(LOGIN).bindings()]
        found = map(action_of, self._actions.of(LOGIN))
        return next(
            (each for each in found if each.id in flow and VERIFY_URL in each.secrets), None
        )

    def get(self, action_id: str) -> Action:
        """Read an Action."""
        return action_of(self._read(action_id))

    def _read(self, action_id: str) -> Json:
        return object_of(self._management.read(_path(action_id)))

    def create(self, name: str, code: str, secrets: Mapping[str, str]) -> Action:
        """Create a draft."""
        wanted = {
            "name": name,
            "supported_triggers": [{"id": self.trigger, "version": VERSIONS[self.trigger]}],
            "code": code,
            "runtime": RUNTIME,
            "secrets": _values(secrets),
        }
        try:
            return action_of(object_of(self._management.ask("POST", "actions/actions", wanted)))
        except Auth0RefusedError as error:
            if error.status == HTTPStatus.CONFLICT:
                text = f"The tenant has an Action {name} already, for another trigger."
                raise CliError(text, "--action-name", Exit.REFUSED) from None
            # A scope that is missing has a code; a full library's 403 has none.
            if error.status != HTTPStatus.FORBIDDEN or error.code:
                raise
            text = "The tenant takes no more Actions: the limit of its plan is reached."
            fix = "Auth0's dashboard, Actions > Library: delete one that is not needed."
            raise CliError(text, fix, Exit.REFUSED) from None

    def update(
        self, action: Action, code: str, secrets: Mapping[str, str], gone: Collection[str] = ()
    ) -> Action:
        """Change code, runtime and these secrets, and take some out; others keep their values."""
        # The list is replaced as a whole; a name without a value keeps the value that it has.
        kept = [{"name": each} for each in action.secrets if each not in {*secrets, *gone}]
        changes = {"code": code, "runtime": RUNTIME, "secrets": [*kept, *_values(secrets)]}
        return action_of(object_of(self._management.ask("PATCH", _path(action.id), changes)))

    def deploy(self, action_id: str) -> None:
        """Wait until the draft is built, and deploy it."""
        end = time.monotonic() + BUILD_SECONDS
        while True:
            status = self._read(action_id).get("status")
            # Auth0 builds after the answer, and deploys nothing that is not built.
            if status == "built":
                break
            if status == "failed":
                fix = "Auth0's dashboard, Actions > Library, shows what the build says."
                raise CliError("Auth0 could not build the Action.", fix)
            if time.monotonic() > end:
                raise CliError("Auth0 has not built the Action yet.", "Run the same command again.")
            self._sleep(_POLL_SECONDS)
        self._management.ask("POST", f"{_path(action_id)}/deploy")

    def delete(self, action_id: str) -> None:
        """Delete an Action that is bound nowhere."""
        self._management.ask("DELETE", _path(action_id))

    def bindings(self) -> tuple[Binding, ...]:
        """Return the trigger's flow, in its order."""
        return tuple(
            Binding(
                str(each.get("id", "")),
                str(each.get("display_name", "")),
                action_id_of(each),
            )
            for each in self._actions.bound(self.trigger)
        )

    def bind(self, kept: Sequence[Binding], added: Action | None = None) -> None:
        """Replace the flow: those that are kept, in their order, and one more at its end."""
        wanted = [_ref("binding_id", each.id, each.display_name) for each in kept]
        wanted += [_ref("action_id", added.id, added.name)] if added else []
        path = f"actions/triggers/{quote(self.trigger)}/bindings"
        self._management.ask("PATCH", path, {"bindings": wanted})

    def export_users(self, file: Path) -> None:
        """Export all users as gzipped JSON lines."""
        job = self.users.start_export()
        end = time.monotonic() + EXPORT_SECONDS
        while (state := self.users.export(job))[0] != "completed":
            if state[0] == "failed":
                raise CliError("Auth0's export of the users failed.", AGAIN)
            if time.monotonic() > end:
                raise CliError("Auth0's export of the users takes too long.", AGAIN)
            self._sleep(_POLL_SECONDS)
        with downloading(str(state[1])) as pieces, file.open("wb") as content:
            content.writelines(pieces)


def _path(action_id: str) -> str:
    return f"actions/actions/{quote(action_id, safe='')}"


def _values(secrets: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in secrets.items()]


def _ref(kind: str, value: str, display_name: str) -> Json:
    return {"ref": {"type": kind, "value": value}, "display_name": display_name}
