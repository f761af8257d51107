"""Actions: drafts that are built, versions that are deployed, and the triggers' bindings."""

import copy
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.auth0.failure import Auth0Failure, bad_body, page_of

TRIGGERS = {
    "post-login": "v3",
    "pre-user-registration": "v2",
    "post-user-registration": "v2",
    "credentials-exchange": "v2",
    "post-change-password": "v2",
    "send-phone-message": "v2",
}
RUNTIMES = ("node18-actions", "node22")
DEFAULT_RUNTIME = "node22"

_DRAFT = ("code", "dependencies", "runtime", "secrets")

type Json = dict[str, Any]
type Query = dict[str, str]


class Actions:
    """A tenant's Actions (https://auth0.com/docs/api/management/v2/actions)."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Start with none."""
        self.build_seconds = 0.0
        """How long a draft stays `pending`."""
        self.broken_code = "does not build"
        """A draft whose code says so fails to build."""
        self.limit = 100
        """How many Actions the tenant's plan allows."""
        self._clock = clock
        self._lock = threading.RLock()
        self._actions: dict[str, Json] = {}
        self._versions: dict[str, list[Json]] = {}
        self._bindings: dict[str, list[Json]] = {name: [] for name in TRIGGERS}

    # Drafts

    def create(self, body: Mapping[str, Any]) -> Json:
        """`POST /actions/actions`: a draft, which is built in the background."""
        for name in ("name", "supported_triggers"):
            if not body.get(name):
                raise bad_body(f"Missing required property: {name}")
        _check_triggers(body["supported_triggers"])
        with self._lock:
            if any(each["name"] == body["name"] for each in self._actions.values()):
                raise Auth0Failure(409, "An action with the same name already exists.")
            if len(self._actions) >= self.limit:
                raise Auth0Failure(403, "The tenant has reached its limit of actions.")
            action = {
                "id": secrets.token_hex(16),
                "name": body["name"],
                "supported_triggers": copy.deepcopy(body["supported_triggers"]),
                "created_at": self._now(),
                "code": "",
                "dependencies": [],
                "runtime": DEFAULT_RUNTIME,
                "secrets": [],
                "deployed_version": None,
            }
            self._actions[action["id"]] = action
            self._versions[action["id"]] = []
            self._change(action, body)
            return self._shown(action)

    def update(self, action_id: str, body: Mapping[str, Any]) -> Json:
        """`PATCH /actions/actions/{id}`: a new draft; lists of secrets are replaced."""
        with self._lock:
            action = self._existing(action_id)
            if "supported_triggers" in body:
                _check_triggers(body["supported_triggers"])
            self._change(action, body)
            return self._shown(action)

    def get(self, action_id: str) -> Json:
        """`GET /actions/actions/{id}`: the draft, its build's status, the deployed version."""
        with self._lock:
            return self._shown(self._existing(action_id))

    def list_page(self, query: Query) -> Json:
        """`GET /actions/actions`, by name or trigger."""
        page, per_page = page_of(query)
        with self._lock:
            found = [
                self._shown(each)
                for each in self._actions.values()
                if query.get("actionName", each["name"]) == each["name"]
                and query.get("triggerId") in (None, each["supported_triggers"][0]["id"])
            ]
        return _page("actions", found, page, per_page)

    def delete(self, action_id: str, query: Query) -> None:
        """`DELETE /actions/actions/{id}`: a bound one only with `force`."""
        with self._lock:
            self._existing(action_id)
            bound = [
                (trigger, each)
                for trigger, bindings in self._bindings.items()
                for each in bindings
                if each["action_id"] == action_id
            ]
            if bound and query.get("force") != "true":
                raise Auth0Failure(409, "The action is bound to a trigger.")
            for trigger, each in bound:
                self._bindings[trigger].remove(each)
            del self._actions[action_id], self._versions[action_id]

    # Versions

    def deploy(self, action_id: str) -> Json:
        """`POST …/deploy`: the draft becomes the deployed version, once it is built."""
        with self._lock:
            action = self._existing(action_id)
            if self._status(action) != "built":
                raise Auth0Failure(400, "The action's draft is not in the 'built' state.")
            return self._add_version(action, {name: action[name] for name in _DRAFT})

    def roll_back(self, action_id: str, version_id: str) -> Json:
        """`POST …/versions/{id}/deploy`: a new version, the same as an earlier one."""
        with self._lock:
            version = self._version(action_id, version_id)
            return self._add_version(
                self._existing(action_id), {name: version[name] for name in _DRAFT}
            )

    def versions(self, action_id: str, query: Query) -> Json:
        """`GET …/versions`, the newest first."""
        page, per_page = page_of(query)
        with self._lock:
            self._existing(action_id)
            found = [_public(each) for each in reversed(self._versions[action_id])]
        return _page("versions", found, page, per_page)

    def version(self, action_id: str, version_id: str) -> Json:
        """`GET …/versions/{id}`."""
        with self._lock:
            return _public(self._version(action_id, version_id))

    def secrets_of(self, name: str) -> dict[str, str]:
        """Return a deployed Action's secrets: what its code sees, and no API call tells."""
        with self._lock:
            action = next(each for each in self._actions.values() if each["name"] == name)
            return {each["name"]: each["value"] for each in action["deployed_version"]["secrets"]}

    # Bindings

    def triggers(self) -> Json:
        """`GET /actions/triggers`."""
        common = {"status": "CURRENT", "runtimes": [*RUNTIMES], "default_runtime": DEFAULT_RUNTIME}
        return {
            "triggers": [
                {"id": each, "version": version, **common} for each, version in TRIGGERS.items()
            ]
        }

    def bindings(self, trigger: str, query: Query) -> Json:
        """`GET /actions/triggers/{id}/bindings`, in the order of the flow."""
        page, per_page = page_of(query)
        with self._lock:
            found = [self._bound(each) for each in self._of_trigger(trigger)]
        return _page("bindings", found, page, per_page)

    def bind(self, trigger: str, body: Mapping[str, Any]) -> Json:
        """`PATCH /actions/triggers/{id}/bindings`: the whole list is replaced."""
        with self._lock:
            old = self._of_trigger(trigger)
            new = [self._binding(trigger, old, each) for each in body.get("bindings", [])]
            ids = [each["action_id"] for each in new]
            if len(set(ids)) != len(ids):
                raise Auth0Failure(400, "An action can be bound to a trigger only once.")
            self._bindings[trigger] = new
            return {"bindings": [self._bound(each) for each in new]}

    def _binding(self, trigger: str, old: list[Json], wanted: Json) -> Json:
        ref = wanted.get("ref", {})
        kind, value = ref.get("type"), ref.get("value")
        kept = next((each for each in old if kind == "binding_id" and each["id"] == value), None)
        if kept:
            return kept | {"display_name": wanted.get("display_name", kept["display_name"])}
        field = {"action_id": "id", "action_name": "name"}.get(kind)
        action = next(
            (each for each in self._actions.values() if field and each[field] == value), None
        )
        if not action:
            raise Auth0Failure(404, "The action of a binding does not exist.")
        if not action["deployed_version"]:
            raise Auth0Failure(400, "An action must be deployed before it is bound.")
        if action["supported_triggers"][0]["id"] != trigger:
            raise Auth0Failure(400, "The action does not support this trigger.")
        before = next((each for each in old if each["action_id"] == action["id"]), None)
        return {
            "id": before["id"] if before else secrets.token_hex(16),
            "trigger_id": trigger,
            "display_name": wanted.get("display_name") or action["name"],
            "action_id": action["id"],
            "created_at": before["created_at"] if before else self._now(),
            "updated_at": self._now(),
        }

    def _bound(self, binding: Json) -> Json:
        shown = {name: value for name, value in binding.items() if name != "action_id"}
        return shown | {"action": self._shown(self._actions[binding["action_id"]])}

    def _of_trigger(self, trigger: str) -> list[Json]:
        if trigger not in self._bindings:
            raise Auth0Failure(404, "The trigger does not exist.")
        return self._bindings[trigger]

    # What is behind

    def _change(self, action: Json, body: Mapping[str, Any]) -> None:
        if "secrets" in body:
            action["secrets"] = self._secrets(action["secrets"], body["secrets"])
        if body.get("runtime", DEFAULT_RUNTIME) not in RUNTIMES:
            raise bad_body(f"No enum match on property runtime ({', '.join(RUNTIMES)})")
        for name in ("name", "code", "dependencies", "runtime", "supported_triggers"):
            if name in body:
                action[name] = copy.deepcopy(body[name])
        action |= {"updated_at": self._now(), "changed_at": self._clock()}
        action["all_changes_deployed"] = False

    def _secrets(self, old: Sequence[Json], wanted: Sequence[Json]) -> list[Json]:
        known = {each["name"]: each for each in old}
        new = []
        for each in wanted:
            name = each.get("name")
            if not name or ("value" not in each and name not in known):
                raise bad_body("Missing required property: value")
            given = {"name": name, "value": each.get("value"), "updated_at": self._now()}
            new.append(given if "value" in each else known[name])
        return new

    def _status(self, action: Json) -> str:
        if self._clock() - action["changed_at"] < self.build_seconds:
            return "pending"
        return "failed" if self.broken_code in action["code"] else "built"

    def _add_version(self, action: Json, content: Json) -> Json:
        versions = self._versions[action["id"]]
        for each in versions:
            each["deployed"] = False
        version = {
            "id": secrets.token_hex(16),
            "action_id": action["id"],
            **copy.deepcopy(content),
            "supported_triggers": action["supported_triggers"],
            "number": len(versions) + 1,
            "deployed": True,
            "status": "built",
            "errors": [],
            "created_at": self._now(),
            "built_at": self._now(),
            "updated_at": self._now(),
        }
        versions.append(version)
        action["deployed_version"] = version
        action["all_changes_deployed"] = all(action[name] == version[name] for name in _DRAFT)
        return _public(version)

    def _shown(self, action: Json) -> Json:
        shown = _public(action) | {"status": self._status(action)}
        deployed = shown.pop("deployed_version")
        del shown["changed_at"]
        return shown | ({"deployed_version": _public(deployed)} if deployed else {})

    def _existing(self, action_id: str) -> Json:
        if action_id not in self._actions:
            raise Auth0Failure(404, "The action does not exist.")
        return self._actions[action_id]

    def _version(self, action_id: str, version_id: str) -> Json:
        self._existing(action_id)
        for each in self._versions[action_id]:
            if each["id"] == version_id:
                return each
        raise Auth0Failure(404, "The version does not exist.")

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat()


def _public(item: Json) -> Json:
    """Leave out the values of secrets, which no answer ever has."""
    names = [{key: each[key] for key in ("name", "updated_at")} for each in item["secrets"]]
    return copy.deepcopy(item) | {"secrets": names}


def _check_triggers(triggers: Sequence[Json]) -> None:
    if not triggers:
        raise bad_body("Array is too short (0), minimum 1 on property supported_triggers")
    for each in triggers:
        version = TRIGGERS.get(each.get("id", ""))
        if not version or each.get("version", version) != version:
            raise bad_body("No enum match on property supported_triggers")


def _page(name: str, found: list[Json], page: int, per_page: int) -> Json:
    shown = found[page * per_page : (page + 1) * per_page]
    return {"total": len(found), "page": page, "per_page": per_page, name: shown}
