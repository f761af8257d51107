"""A tenant's Actions, read by the project's own HTTP: three calls need no SDK in an artifact.

https://auth0.com/docs/api/management/v2/actions
"""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from customerlink.adapters.connections import (
    ONCE,
    Connections,
    NoAnswerError,
    NotConnectedError,
)
from customerlink.model.actions import Action
from customerlink.model.errors import TenantUnavailableError
from customerlink.model.secret import Auth0Client
from customerlink.ports.tenant_actions import TenantActions

CALL_SECONDS = 5.0
_CONNECT_SECONDS = 3.0
_PER_PAGE = 100
"""The longest page; a flow, and a name's Actions, are fewer."""

_EARLY_SECONDS = 60.0
"""A token is asked for anew so long before it expires."""

type Json = dict[str, Any]


class Auth0Actions(TenantActions):
    """A tenant's Actions, by a machine-to-machine application that may read them."""

    def __init__(self, connections: Connections, client: Auth0Client) -> None:
        """Take the application; nothing is called yet."""
        self._connections, self._client = connections, client
        self._token, self._token_until = "", 0.0

    def flow(self, trigger: str) -> tuple[str, ...]:
        """Return the ids of the Actions in a trigger's flow, in its order."""
        found = self._read(f"actions/triggers/{trigger}/bindings", "bindings")
        return tuple(str(_object(each.get("action")).get("id", "")) for each in found)

    def find(self, trigger: str, name: str) -> Action | None:
        """Find an Action of a trigger's by its name."""
        query = {"triggerId": trigger, "actionName": name}
        found = self._read("actions/actions", "actions", query)
        # Auth0 may take the name for the beginning of one.
        return next((_action(each) for each in found if each.get("name") == name), None)

    def _read(
        self, path: str, field: str, query: Mapping[str, str] | None = None
    ) -> tuple[Json, ...]:
        asked = urlencode({**(query or {}), "per_page": _PER_PAGE})
        url = f"{self._client.url}/api/v2/{path}?{asked}"
        document = self._answer("GET", url, {"authorization": f"Bearer {self._granted()}"}, None)
        found = document.get(field)
        if not isinstance(found, list):
            raise TenantUnavailableError("something else than the API answered")
        return tuple(_object(each) for each in found)

    def _granted(self) -> str:
        """Return a token, which is good for many runs: Auth0 counts those that it gives."""
        if time.time() >= self._token_until:
            body = {
                "grant_type": "client_credentials",
                "client_id": self._client.client_id,
                "client_secret": self._client.client_secret,
                "audience": f"{self._client.url}/api/v2/",
            }
            headers = {"content-type": "application/json"}
            url = f"{self._client.url}/oauth/token"
            given = self._answer("POST", url, headers, json.dumps(body))
            self._token = str(given.get("access_token", ""))
            seconds = given.get("expires_in")
            lasts = seconds if isinstance(seconds, int) else 0
            self._token_until = time.time() + lasts - _EARLY_SECONDS
        return self._token

    def _answer(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> Json:
        try:
            answer = self._connections.request(
                method,
                url,
                {**headers, **ONCE},
                body,
                connect=_CONNECT_SECONDS,
                total=CALL_SECONDS,
            )
        except (NotConnectedError, NoAnswerError) as error:
            raise TenantUnavailableError(f"no answer: {error}") from None
        if answer.status != HTTPStatus.OK:
            # A token that Auth0 refuses serves no other call.
            self._token_until = 0.0
            raise TenantUnavailableError(f"status {answer.status}")
        try:
            return _object(json.loads(answer.body))
        except (ValueError, RecursionError):
            raise TenantUnavailableError("something else than the API answered") from None


def _action(found: Json) -> Action:
    deployed = found.get("deployed_version")
    version = _object(deployed)
    return Action(
        id=str(found.get("id", "")),
        name=str(found.get("name", "")),
        code=str(found.get("code") or ""),
        runtime=str(found.get("runtime") or ""),
        secrets=dict(_times(found.get("secrets"))),
        is_deployed=bool(found.get("all_changes_deployed") and deployed),
        deployed_code=str(version.get("code") or "") if deployed else None,
        deployed_secrets=dict(_times(version.get("secrets"))),
        deployed_runtime=str(version.get("runtime") or ""),
    )


def _times(secrets: object) -> Iterator[tuple[str, str]]:
    """Read when each secret was last set, in the one form that a note has (`isoformat`)."""
    for each in secrets if isinstance(secrets, list) else ():
        given = _object(each)
        yield str(given.get("name", "")), _time(given.get("updated_at"))


def _time(text: object) -> str:
    try:
        return datetime.fromisoformat(str(text)).isoformat()
    except ValueError:
        return ""


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
