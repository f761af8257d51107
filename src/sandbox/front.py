"""The sandbox's front: log-ins of your own, and the Stripe account's keys, over HTTP."""

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from customerlink.cli.output import plain
from customerlink.model.documents import DEEPEST, is_too_deep
from sandbox.auth0.connections import STRATEGIES
from sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DATABASE = "Username-Password-Authentication"

_USER_ID = re.compile(r"[^\s|]+\|\S+")
_TEXTS = {
    *("connection", "user_id", "email", "name", "nickname", "given_name", "family_name"),
    *("picture", "phone_number", "username"),
}
_TYPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(_TEXTS, (str, "a text")),
    **dict.fromkeys(("email_verified", "phone_verified"), (bool, "true or false")),
    **dict.fromkeys(("app_metadata", "user_metadata"), (dict, "an object")),
}


class OddProfileError(Exception):
    """A body that Auth0 would have no user for; the text says what is odd."""


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
        except OddProfileError as error:
            return _json(400, {"error": str(error)})
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
    """Read a profile; raise `OddProfileError` for what would be no user of Auth0's."""
    try:
        profile = json.loads(body, parse_constant=_refused)
        # 1e400 is read as infinite, which no JSON can say.
        text = json.dumps(profile, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        # Half an emoji among them: JSON has it, and no text that could be stored.
        raise OddProfileError("the body is not JSON, or has a text that is no Unicode") from None
    if not isinstance(profile, dict):
        raise OddProfileError("the body is no object: a profile is needed")
    if is_too_deep(text, profile):
        raise OddProfileError(f"the body has more than {DEEPEST} levels")
    for name, value in profile.items():
        if name not in _TYPES:
            raise OddProfileError(f"a field is none of {', '.join(sorted(_TYPES))}")
        kind, told = _TYPES[name]
        if value is not None and not isinstance(value, kind):
            raise OddProfileError(f"{name} is not {told}")
    if profile.get("connection") not in (None, *STRATEGIES):
        raise OddProfileError(f"connection is none of {', '.join(STRATEGIES)}")
    if profile.get("user_id") and not _USER_ID.fullmatch(profile["user_id"]):
        raise OddProfileError("user_id is not like auth0|64f")
    # What is null is not there, as in Auth0's profiles.
    return {name: value for name, value in profile.items() if value is not None}


def _refused(_: str) -> None:
    raise ValueError


def _derived_id(profile: dict[str, Any], connection: str) -> str:
    return f"{STRATEGIES[connection]}|{profile.get('email', 'nobody').lower()}"


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body, indent=2) + "\n", status, content_type="application/json")
