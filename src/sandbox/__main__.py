"""`make sandbox`: keep everything running, and take logins over HTTP."""

import json
import os
import signal
import sys
from collections.abc import Iterable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from rich.console import Console
from werkzeug.wrappers import Request, Response

from sandbox.auth0.connections import STRATEGIES
from sandbox.sandbox import SIGNING_SECRET, Ports, Sandbox, sandbox
from sandbox.serving import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FIRST_PORT = 8800
"""The log-in's; Stripe's, AWS's, the gateway's and Auth0's follow. samconfig.toml names them."""

_HELP = """
[bold]The sandbox is running.[/] Log somebody in (again: the same user returns):

  curl -s {login} -H 'content-type: application/json' \\
    -d '{{"email": "ada@example.com", "name": "Ada Lovelace", "connection": "google-oauth2"}}'

  gateway  {gateway}   (the function, in this process)
  Stripe   {stripe}   (a restricted test key is in the secret)
  AWS      {aws}   (DynamoDB, Secrets Manager, the stack)
  Auth0    {auth0}   (the Management API)

The command line works on all this with

  export {tools}

Built with [bold]make build-host[/], the function also runs in a container against these:

  sam local invoke PostLoginFunction -e events/new-database-user.json

Ctrl-C ends it.
"""


class LoginPage:
    """`POST /login` of the tenant: a profile in, how the login ended out."""

    def __init__(self, box: Sandbox) -> None:
        """Log in to the sandbox's tenant."""
        self._box = box

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        return self._respond(Request(environ))(environ, start)

    def _respond(self, request: Request) -> Response:
        profile = request.get_json(silent=True) if request.path == "/login" else None
        if request.method != "POST" or not isinstance(profile, dict):
            return _json(400, {"error": "POST a JSON profile to /login"})
        connection = profile.pop("connection", "Username-Password-Authentication")
        if connection not in STRATEGIES:
            return _json(400, {"error": f"connection is none of {', '.join(STRATEGIES)}"})
        tenant = self._box.tenant
        wanted = profile.pop("user_id", None) or _derived_id(profile, connection)
        user_id = wanted if wanted in tenant.users else tenant.add_user(wanted, **profile)
        login = tenant.login(user_id, connection)
        return _json(
            200,
            {
                "user_id": user_id,
                "decision": login.decision,
                "message": login.denial,
                "app_metadata": tenant.users[user_id]["app_metadata"],
            },
        )


def _derived_id(profile: dict[str, str], connection: str) -> str:
    return f"{STRATEGIES[connection]}|{profile.get('email', 'nobody').lower()}"


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body, indent=2) + "\n", status, content_type="application/json")


def main() -> None:
    """Run until Ctrl-C.

    `SANDBOX_PORT` moves the ports; `SANDBOX_HOST` is where containers reach Stripe and AWS.
    """
    console = Console(file=sys.stdout, soft_wrap=True)
    # A signal may come twice, once from make: of all that a handler could tell, only this queue's
    # `put` may be interrupted by itself.
    ended: SimpleQueue[None] = SimpleQueue()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.put(None))
    first = int(os.environ.get("SANDBOX_PORT", FIRST_PORT))
    host = os.environ.get("SANDBOX_HOST", "127.0.0.1")
    ports = Ports(stripe=first + 1, aws=first + 2, gateway=first + 3, auth0=first + 4, host=host)
    with sandbox(ports=ports, signing_secret=SIGNING_SECRET) as box:
        box.seed()
        with Server(LoginPage(box), first) as login:
            tools = " ".join(f"{name}={each}" for name, each in box.tools_environment().items())
            places = {"gateway": box.url, "stripe": box.stripe_url, "aws": box.aws.url}
            places |= {"auth0": box.auth0_url, "tools": tools}
            console.print(_HELP.format(login=f"{login.url}/login", **places), highlight=False)
            console.file.flush()
            ended.get()


if __name__ == "__main__":
    main()
