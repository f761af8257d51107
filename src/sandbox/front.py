"""The sandbox's front: log-ins of your own, and the Stripe account's keys, over HTTP."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

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


_WHO = {"user_id": LINE}

ROUTES = (
    *(
        "POST /login",
        "POST /shop-tokens/access_token",
        "POST /shop-tokens/id_token",
        "GET /users",
        "GET /stripe-customers",
        "GET /ledger",
    ),
    *("POST /stripe-keys", "GET /stripe-keys", "DELETE /stripe-keys/KEY"),
)


class Front:
    """`POST /login`: a profile in, how the login ended out; and what the dashboards would show."""

    def __init__(self, box: Sandbox) -> None:
        """Log in to the sandbox's tenant."""
        self._box = box
        self._one_login = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        return self._respond(Request(environ))(environ, start)

    def _respond(self, request: Request) -> Response:
        try:
            found = self._shown(request.path) if request.method == "GET" else self._done(request)
        except OddRequestError as odd:
            return _json(400, {"error": f"{odd.name} is not {odd.needed}"})
        return found or _json(404, {"error": f"there is {', '.join(ROUTES)}"})

    def _shown(self, path: str) -> Response | None:
        box = self._box
        shown: dict[str, Callable[[], object]] = {
            "/users": lambda: [*box.tenant.users.exported()],
            "/stripe-customers": box.stripe.live_customers,
            "/ledger": box.aws.items,
            "/stripe-keys": box.stripe.list_keys,
        }
        return _json(200, shown[path]()) if path in shown else None

    def _done(self, request: Request) -> Response | None:
        keys, body = self._box.stripe, request.get_data()
        match request.method, request.path.split("/")[1:]:
            case "POST", ["login"]:
                return _json(200, self._login(read(body), request.args.to_dict()))
            case "POST", ["shop-tokens", ("access_token" | "id_token") as name]:
                # Bare as well, for a header.
                return Response(f"{self._tokens(object_of(body, _WHO))[name]}\n")
            case "POST", ["stripe-keys"]:
                # The bare key, for a pipe into `customerlink rotate stripe-key`; what it may
                # beside customers, as "subscription", for the commands that need more.
                return Response(f"{keys.add_key(reads=request.args.getlist('may'))}\n", 201)
            case "DELETE", ["stripe-keys", key] if key in keys.list_keys():
                keys.revoke_key(key)
                return _json(200, {key: "revoked"})
        return None

    def _tokens(self, who: Mapping[str, object]) -> dict[str, str]:
        """Return what the shop's application has of somebody who has just logged in."""
        user_id = str(who.get("user_id"))
        if user_id not in self._box.tenant.users:
            raise OddRequestError("user_id", "that of a user of the tenant's")
        access_token, id_token = self._box.shop_token(user_id), self._box.proof_of(user_id)
        return {"access_token": access_token, "id_token": id_token}

    def _login(self, profile: dict[str, Any], query: Mapping[str, str]) -> dict[str, object]:
        connection = profile.pop("connection", None) or DATABASE
        user_id = profile.pop("user_id", None) or _derived_id(profile, connection)
        users, exchanges = self._box.tenant.users, self._box.gateway.exchanges
        # One by one, so that what went through the gateway meanwhile was this login's.
        with self._one_login:
            before, printed = len(exchanges), self._box.log.tell()
            if user_id not in users:
                denial = self._add(user_id, connection, profile)
                if denial is not None:
                    return _ended(None, "deny", exchanges[-1].reason, denial)
            login = self._box.tenant.login(user_id, connection, query=query)
            asked = exchanges[before:]
            # For `customerlink whois`. What another function prints meanwhile is no log-in's line.
            told = self._box.log.getvalue()[printed:].splitlines()
            self._box.aws.keep_lines("post-login", told)
        reason = asked[-1].reason if asked else None
        return {
            **_ended(user_id, login.decision, reason, login.denial),
            "app_metadata": users[user_id]["app_metadata"],
            **({"redirect": login.redirect} if login.redirect else {}),
        }

    def _add(self, user_id: str, connection: str, profile: Mapping[str, Any]) -> str | None:
        """Let somebody new in, past the registration's Actions if these are bound; or a denial."""
        tenant = self._box.tenant
        if tenant.registers and STRATEGIES[connection] == "auth0":
            registered = tenant.register(connection, user_id=user_id, **profile)
            return registered.denial
        tenant.users.add(profile, user_id)
        return None


def _ended(
    user_id: str | None, decision: str, reason: str | None, denial: str | None
) -> dict[str, object]:
    return {"user_id": user_id, "decision": decision, "reason": reason, "message": denial}


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
