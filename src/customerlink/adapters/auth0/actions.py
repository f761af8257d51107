"""A tenant's Actions, as the Management API has them.

https://auth0.com/docs/api/management/v2/actions
"""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from customerlink.adapters.auth0.management import Json, Management, object_of
from customerlink.model.actions import Action
from customerlink.ports.tenant_actions import TenantActions


class Auth0Actions(TenantActions):
    """A tenant's Actions, by a machine-to-machine application that may read them."""

    def __init__(self, management: Management) -> None:
        """Take the API; nothing is called yet."""
        self._management = management

    def flow(self, trigger: str) -> tuple[str, ...]:
        """Return the ids of the Actions in a trigger's flow, in its order."""
        return tuple(
            str(object_of(each.get("action")).get("id", "")) for each in self.bound(trigger)
        )

    def bound(self, trigger: str) -> Iterator[Json]:
        """Return a trigger's flow, in its order."""
        return self._management.pages(f"actions/triggers/{quote(trigger)}/bindings", "bindings")

    def find(self, trigger: str, name: str) -> Action | None:
        """Find an Action of a trigger's by its name."""
        # Auth0 may take the name for the beginning of one.
        found = (each for each in self.of(trigger, actionName=name) if each.get("name") == name)
        return next(map(action_of, found), None)

    def of(self, trigger: str, **query: str) -> Iterator[Json]:
        """Return the Actions that are made for a trigger."""
        return self._management.pages("actions/actions", "actions", triggerId=trigger, **query)


def action_id_of(binding: Json) -> str:
    """Return whose place in a flow it is; empty where it is nobody's."""
    return str(object_of(binding.get("action")).get("id", ""))


def action_of(found: Json) -> Action:
    """Read an Action; what is odd in it is as what it lacks."""
    deployed = found.get("deployed_version")
    version = object_of(deployed)
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
        given = object_of(each)
        yield str(given.get("name", "")), _time(given.get("updated_at"))


def _time(text: object) -> str:
    try:
        return datetime.fromisoformat(str(text)).isoformat()
    except ValueError:
        return ""
