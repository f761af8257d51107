"""`make sandbox`: keep everything running, and take logins over HTTP."""

import os
import signal
import socket
import sys
from queue import SimpleQueue

from rich.console import Console
from rich.markup import escape

from customerlink.cli.output import plain
from sandbox.deployment import NAMED, REGISTRATION, ChoiceError, Deployment, deployment_of
from sandbox.following import by_itself, following
from sandbox.front import Front
from sandbox.sandbox import SIGNING_SECRET, Ports, Sandbox, sandbox
from sandbox.serving import Server
from sandbox.shapes import whole
from sandbox.shop import open_shop
from sandbox.telling import telling

FIRST_PORT = 8800
"""The log-in's; Stripe's, AWS's, the gateway's, Auth0's and the shop's follow.

samconfig.toml names some of them.
"""

_LAST_PORT = 65_535

USED = ("subscription", "invoice", "payment_method")
"""What `forget` and `release` look for, before a customer goes."""

_HELP = """
[bold]The sandbox is running.[/] Log somebody in (again: the same user returns):

  curl -s {login} -H 'content-type: application/json' \\
    -d '{{"email": "ada@example.com", "name": "Ada Lovelace", "connection": "google-oauth2"}}'

Or sign up in a browser, in a shop:

  {shop}

grace@example.com is a customer already, of nobody here: who signs up with it is denied, unless
POLICY=adopt lets whoever has verified it have that customer.

  policies {policies}   (POLICY=…: {names}, or Parameter=value, docs/policies.md)
  gateway  {gateway}   (the function, in this process)
  Stripe   {stripe}   (a restricted test key is in the secret)
  AWS      {aws}   (DynamoDB, Secrets Manager, the stack)
  Auth0    {auth0}   (the Management API)
  mail     {auth0}/u/mail   (which verifies an address: nothing is sent)
  to read  {front}/users, /stripe-customers, /ledger, /stripe-keys

The command line, .venv/bin/customerlink, works on all this with

  export {tools}

Each login is a line here, and each event too: what is changed by Auth0's API or by Stripe's is
followed on the other side a moment later. A user of the shop's orders with

  curl -s {api}/customers/me -d '{{}}' -H 'content-type: application/json' \\
    -H "authorization: Bearer $(curl -s {front}/shop-tokens/access_token \\
    -d '{{"user_id": "google-oauth2|ada@example.com"}}')"

A second Stripe key, to rotate to (DELETE …/stripe-keys/KEY revokes one):

  curl -s -X POST {keys} | .venv/bin/customerlink rotate stripe-key

Keys that may do more, for install --sync and uninstall --sync, and for forget and release:

  curl -s -X POST '{keys}?may=event_destination' | .venv/bin/customerlink install --sync
  CUSTOMERLINK_STRIPE_KEY=$(curl -s -X POST '{keys}?{used}') .venv/bin/customerlink forget USER

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


def first_port(given: str) -> int:
    """Return the first of six ports: the given one, else ours; where one is taken, free ones.

    Ours are the same in each run, so that a line that was exported once goes on to hold.
    """
    if given:
        first = whole(given)
        if first is None or not 0 < first <= _LAST_PORT - 5 or not are_free(first):
            raise ChoiceError("PORT is a port that is free, as the five behind it are")
        return first
    return FIRST_PORT if are_free(FIRST_PORT) else next(filter(are_free, range(20_000, 60_000, 6)))


def are_free(first: int) -> bool:
    """Return whether nobody listens on any of six ports."""
    for port in range(first, first + 6):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def main() -> int:
    """Run until Ctrl-C; return the exit code.

    `PORT` (or `SANDBOX_PORT`) moves the ports; `SANDBOX_HOST` is where containers reach Stripe and
    AWS; `POLICY` is the deployment's.
    """
    console = Console(file=sys.stdout, soft_wrap=True)
    given = os.environ
    port = given.get("PORT") or given.get("SANDBOX_PORT") or ""
    try:
        deployment = deployment_of(given.get("POLICY", ""))
        first = first_port(port)
    except ChoiceError as error:
        console.print(str(error), markup=False, highlight=False)
        return 2
    _run(console, deployment, first)
    return 0


def _run(console: Console, deployment: Deployment, first: int) -> None:
    # A signal may come twice, once from make: of all that a handler could tell, only this queue's
    # `put` may be interrupted by itself.
    ended: SimpleQueue[None] = SimpleQueue()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.put(None))

    def tell(line: str) -> None:
        console.print(plain(line), markup=False, highlight=False)
        console.file.flush()

    host = os.environ.get("SANDBOX_HOST", "127.0.0.1")
    ports = Ports(stripe=first + 1, aws=first + 2, gateway=first + 3, auth0=first + 4, host=host)
    with sandbox(ports=ports, signing_secret=SIGNING_SECRET) as box:
        box.seed()
        box.deploy(deployment)
        with (
            following(box, tell=tell) as told,
            by_itself(told),
            telling(box.journal, tell),
            Server(Front(box), first) as login,
            open_shop(box, first + 5) as shop,
        ):
            console.print(_help(box, login.url, shop, deployment, ports), highlight=False)
            console.file.flush()
            ended.get()


def _help(box: Sandbox, front: str, shop: str, deployment: Deployment, ports: Ports) -> str:
    chosen = [f"{name}={value}" for name, value in deployment.parameters.items()]
    chosen += [REGISTRATION] if deployment.registers else []
    return _HELP.format(
        login=f"{front}/login",
        front=front,
        shop=shop,
        policies=escape(plain(" ".join(chosen))) or "the defaults",
        names=", ".join(NAMED),
        gateway=box.url,
        api=box.url.removesuffix("/post-login"),
        stripe=box.stripe_url,
        aws=box.aws.url,
        auth0=box.auth0_url,
        tools=" ".join(f"{name}={each}" for name, each in box.tools_environment().items()),
        keys=f"{front}/stripe-keys",
        used="&".join(f"may={each}" for each in USED),
        container=in_a_container(ports, sys.platform),
    )


if __name__ == "__main__":
    sys.exit(main())
