"""The sandbox's front: log-ins of your own, and the Stripe account's keys, over HTTP."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from customerlink.cli.output import plain
from sandbox.auth0.bodies import PROFILE
from sandbox.auth0.connections import STRATEGIES
from sandbox.sandbox import Sandbox
from sandbox.shapes import LINE, OddRequestError, Schema, Shape, object_of, or_null

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DATABASE = "Username-Password-Authentication"

_USER_ID = re.compile(r"[^\s|]+\|\S+")
_PROFILE: Mapping[str, Schema] = {
    **PROFILE,
    "connection": or_null(
        Shape(f"one of {', '.join(STRATEGIES)}", lambda value: value in [*STRATEGIES])
    ),
    "user_id": or_null(
        Shape("like auth0|64f", lambda value: LINE.holds(value) and _is_user_id(str(value)))
    ),
}


class Front:
    """`POST /login`: a profile in, how the login ended out. `/stripe-keys`: make, list, revoke."""

    def __init__(self, box: Sandbox, tell: Callable[[str], None]) -> None:
        """Log in to the sandbox's tenant; `tell` gets a line for each login."""
        self._box, self._tell = box, tell
        self._one_login = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        return self._respond(Request(environ))(environ, start)

    def _respond(self, request: Request) -> Response:
        try:
            match request.method, request.path.split("/")[1:]:
                case "POST", ["login"]:
                    return _json(200, self._login(read(request.get_data())))
                case "POST", ["stripe-keys"]:
                    # The bare key, for a pipe into `customerlink rotate stripe-key`; what it may
                    # beside customers, as "subscription", for the commands that need more.
                    key = self._box.stripe.add_key(reads=request.args.getlist("may"))
                    return Response(f"{key}\n", 201)
                case "GET", ["stripe-keys"]:
                    return _json(200, self._box.stripe.list_keys())
                case "DELETE", ["stripe-keys", key] if key in self._box.stripe.list_keys():
                    self._box.stripe.revoke_key(key)
                    return _json(200, {key: "revoked"})
        except OddRequestError as odd:
            return _json(400, {"error": f"{odd.name} is not {odd.needed}"})
        routes = "POST a profile to /login, or a key to /stripe-keys; GET, or DELETE, the latter"
        return _json(404, {"error": routes})

    def _login(self, profile: dict[str, Any]) -> dict[str, object]:
        connection = profile.pop("connection", None) or DATABASE
        user_id = profile.pop("user_id", None) or _derived_id(profile, connection)
        users, exchanges = self._box.tenant.users, self._box.gateway.exchanges
        # One by one, so that what went through the gateway meanwhile was this login's.
        with self._one_login:
            if user_id not in users:
                users.add(profile, user_id)
            before, printed = len(exchanges), self._box.log.tell()
            login = self._box.tenant.login(user_id, connection)
            asked = exchanges[before:]
            # For `customerlink whois`. What another function prints meanwhile is no log-in's line.
            told = self._box.log.getvalue()[printed:].splitlines()
            self._box.aws.keep_lines("post-login", told)
        reason = asked[-1].reason if asked else None
        self._tell(plain(f"{user_id}: {login.decision}, {reason or 'nobody was asked'}"))
        return {
            "user_id": user_id,
            "decision": login.decision,
            "reason": reason,
            "message": login.denial,
            "app_metadata": users[user_id]["app_metadata"],
        }


def read(body: bytes) -> dict[str, Any]:
    """Read a profile; raise `OddRequestError` for what would be no user of Auth0's."""
    profile = object_of(body, _PROFILE)
    if profile.keys() - _PROFILE.keys():
        raise OddRequestError("a field", f"one of {', '.join(sorted(_PROFILE))}")
    # What is null is not there, as in Auth0's profiles.
    return {name: value for name, value in profile.items() if value is not None}


def _is_user_id(text: str) -> bool:
    return not text or _USER_ID.fullmatch(text) is not None


def _derived_id(profile: dict[str, Any], connection: str) -> str:
    return f"{STRATEGIES[connection]}|{profile.get('email', 'nobody').lower()}"


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body, indent=2) + "\n", status, content_type="application/json")
