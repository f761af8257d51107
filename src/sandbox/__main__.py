"""`make sandbox`: keep everything running, and take logins over HTTP."""

import os
import signal
import sys
from queue import SimpleQueue

from rich.console import Console

from sandbox.following import by_itself, following
from sandbox.front import Front
from sandbox.sandbox import SIGNING_SECRET, Ports, sandbox
from sandbox.serving import Server

FIRST_PORT = 8800
"""The log-in's; Stripe's, AWS's, the gateway's and Auth0's follow. samconfig.toml names them."""

USED = ("subscription", "invoice", "payment_method")
"""What `forget` and `release` look for, before a customer goes."""

_HELP = """
[bold]The sandbox is running.[/] Log somebody in (again: the same user returns):

  curl -s {login} -H 'content-type: application/json' \\
    -d '{{"email": "ada@example.com", "name": "Ada Lovelace", "connection": "google-oauth2"}}'

grace@example.com is a customer already, of a user who is gone: who signs up with it is denied.

  gateway  {gateway}   (the function, in this process)
  Stripe   {stripe}   (a restricted test key is in the secret)
  AWS      {aws}   (DynamoDB, Secrets Manager, the stack)
  Auth0    {auth0}   (the Management API)

The command line works on all this with

  export {tools}

Each login is a line here, and each event too: what is changed by Auth0's API or by Stripe's is
followed on the other side a moment later. A second Stripe key, to rotate to (DELETE
…/stripe-keys/KEY revokes one):

  curl -s -X POST {keys} | customerlink rotate stripe-key

Keys that may do more, for install --sync and uninstall --sync, and for forget and release:

  curl -s -X POST '{keys}?may=event_destination' | customerlink install --sync
  CUSTOMERLINK_STRIPE_KEY=$(curl -s -X POST '{keys}?{used}') customerlink forget USER

Built with [bold]make build-host[/], the function also runs in a container against these:

{container}

Ctrl-C ends it.
"""


_INVOKE = "  sam local invoke PostLoginFunction -e events/new-database-user.json"
_FROM_LINUX = """\
  Ctrl-C, and then, since on Linux a container reaches this machine by Docker's bridge alone:

  SANDBOX_HOST=172.17.0.1 make sandbox

"""


def in_a_container(ports: Ports, platform: str) -> str:
    """Say how the function is run in a container on this platform, against these ports."""
    invoke = _INVOKE
    if (ports.stripe, ports.aws) != (FIRST_PORT + 1, FIRST_PORT + 2):
        host = "http://host.docker.internal"
        places = f"AwsEndpointUrl={host}:{ports.aws} StripeApiBase={host}:{ports.stripe}"
        tolerance = "SignatureTolerance=315360000"
        invoke += f' \\\n    --parameter-overrides "{places} {tolerance}"'
    is_unheard = platform == "linux" and ports.host == "127.0.0.1"
    return (_FROM_LINUX if is_unheard else "") + invoke


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

    def tell(line: str) -> None:
        console.print(line, markup=False, highlight=False)
        console.file.flush()

    first = int(os.environ.get("SANDBOX_PORT", FIRST_PORT))
    host = os.environ.get("SANDBOX_HOST", "127.0.0.1")
    ports = Ports(stripe=first + 1, aws=first + 2, gateway=first + 3, auth0=first + 4, host=host)
    with sandbox(ports=ports, signing_secret=SIGNING_SECRET) as box:
        box.seed()
        with (
            following(box, tell=tell) as told,
            by_itself(told),
            Server(Front(box, tell), first) as login,
        ):
            tools = " ".join(f"{name}={each}" for name, each in box.tools_environment().items())
            places = {"gateway": box.url, "stripe": box.stripe_url, "aws": box.aws.url}
            places |= {"used": "&".join(f"may={each}" for each in USED)}
            places |= {"keys": f"{login.url}/stripe-keys", "auth0": box.auth0_url, "tools": tools}
            places["container"] = in_a_container(ports, sys.platform)
            console.print(_HELP.format(login=f"{login.url}/login", **places), highlight=False)
            console.file.flush()
            ended.get()


if __name__ == "__main__":
    main()
