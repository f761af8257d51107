"""Ours and its peers, each with a Stripe account of its own, asked for the same: sign somebody up.

Each runs in processes of its own that answer lines (`lines.py`), without whatever serves HTTP
before it; ours has its Action in Node and the sandbox's gateway in front, which count for it.
"""

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from tests.e2e.dynalite import dynalite
from tests.e2e.runtime import ROOT
from werkzeug.wrappers import Response

from benchmarks.boundaries import Gate, Trap
from benchmarks.lines import Document, Lines, Pool, cpu_seconds
from benchmarks.postgres import has_postgres, postgres
from benchmarks.sign_up import gateway_event
from sandbox.aws import REGION
from sandbox.sandbox import Sandbox, sandbox
from sandbox.serving import Server
from sandbox.stripe_account import StripeAccount
from sandbox.stripe_server import stripe_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HERE = ROOT / "benchmarks/peers"
INSTALLED = ROOT / ".peers"
PYTHONPATH = f"{ROOT / 'src'}:{ROOT}"
OWNER = "auth0_user_id"


class Outcome(StrEnum):
    """How a try ended for the person."""

    LINKED = "linked"
    REFUSED = "refused"
    """Another account or customer has the address."""
    FAILED = "failed"


@dataclass(frozen=True)
class Person:
    """Somebody who signs up."""

    user_id: str
    email: str
    name: str = "Ada"


@dataclass(frozen=True)
class Link:
    """Whose customer a user has, by the peer's own store."""

    user: str
    email: str
    customer: str


@dataclass
class Contender(ABC):
    """One way to do it."""

    name: str
    stripe: StripeAccount
    command: list[str]
    environment: dict[str, str]
    owner_key: str
    """Of the customer's metadata: who names the user."""
    places: tuple[str, ...] = ("STRIPE",)
    """The variables that hold the addresses of what it asks."""
    pool: Pool = field(default_factory=lambda: Pool([]))

    @abstractmethod
    def sign_up(self, person: Person) -> Outcome:
        """Let a person try once, in whichever tab."""

    @abstractmethod
    def links(self) -> list[Link]:
        """Return who is linked."""

    def start(self, processes: int, trap: Trap | None = None) -> None:
        """Have so many processes; with a trap, each call goes through it."""
        self.pool.kill()
        environment = self.environment if trap is None else self._through(trap)
        self.pool = Pool([Lines(self.command, environment) for _ in range(processes)])

    def cpu_seconds(self) -> float:
        """Return what the processor has spent on it; not on its database, nor on the ledger."""
        return self.pool.cpu_seconds()

    def stop(self) -> None:
        """End its processes."""
        self.pool.kill()

    def _through(self, trap: Trap) -> dict[str, str]:
        return self.environment | {
            name: through(self.environment[name], trap) for name in self.places
        }


def through(address: str, trap: Trap) -> str:
    """Return an address whose calls go through a trap to the one given."""
    url = urlsplit(address)
    gate = Gate(url.hostname or "", url.port or 0, trap)
    return address.replace(f"{url.hostname}:{url.port}", f"127.0.0.1:{gate.port}")


@dataclass
class _InAuth0(Contender):
    """One whose users are Auth0's: the profile has the link."""

    profiles: dict[str, Link] = field(default_factory=dict)

    @abstractmethod
    def event(self, person: Person) -> Document:
        """Return the event of the login."""

    def sign_up(self, person: Person) -> Outcome:
        """Run one login, and keep what it wants written; who is linked is not signing up."""
        if person.user_id in self.profiles:
            return Outcome.LINKED
        answer = self.pool.ask(self.event(person)) or {}
        body = answer.get("app_metadata") or json.loads(answer.get("body") or "{}")
        if "stripe_customer_id" not in body:
            return Outcome.FAILED
        link = Link(person.user_id, person.email, body["stripe_customer_id"])
        self.profiles[person.user_id] = link
        return Outcome.LINKED

    def links(self) -> list[Link]:
        """Return what the profiles say."""
        return [*self.profiles.values()]


class UsualAction(_InAuth0):
    """The Stripe SDK in the Action."""

    def event(self, person: Person) -> Document:
        """Return the event's user."""
        return {**vars(person)}


class UsualLambda(_InAuth0):
    """Powertools, boto3 and the Stripe SDK."""

    def event(self, person: Person) -> Document:
        """Return API Gateway's event."""
        return gateway_event(
            {"x-api-key": self.environment["API_KEY"]}, json.dumps({"user": vars(person)}).encode()
        )


@dataclass
class Ours(Contender):
    """The Action in Node, the gateway, and the function in processes."""

    box: Sandbox = field(kw_only=True)

    def __post_init__(self) -> None:
        """Let the gateway hand what is signed to the processes."""
        self.box.gateway.invoke = lambda event: self.pool.ask(event) or {}

    def cpu_seconds(self) -> float:
        """Count the Action's process too."""
        return super().cpu_seconds() + cpu_seconds(self.box.tenant.host.pid)

    def sign_up(self, person: Person) -> Outcome:
        """Log in."""
        users = self.box.tenant.users
        if person.user_id not in users:
            self.box.tenant.add_user(person.user_id, email=person.email, name=person.name)
        login = self.box.tenant.login(person.user_id)
        if login.denial is None and "stripe_customer_id" in users[person.user_id]["app_metadata"]:
            return Outcome.LINKED
        last = self.box.gateway.exchanges[-1].reason
        return Outcome.REFUSED if last == "email_in_use" else Outcome.FAILED

    def links(self) -> list[Link]:
        """Return what the profiles say."""
        return [
            Link(name, each["email"], each["app_metadata"]["stripe_customer_id"])
            for name, each in self.box.tenant.users.items()
            if "stripe_customer_id" in each["app_metadata"]
        ]


class InDatabase(Contender):
    """One that keeps its users in PostgreSQL, and does what a line names."""

    def do(self, act: str, **told: object) -> Document:
        """Let it do something."""
        return self.pool.ask({"act": act, **told}) or {"outcome": "failed"}

    def sign_up(self, person: Person) -> Outcome:
        """Sign up; who is known already logs in."""
        return Outcome(self.do("sign_up", **vars(person))["outcome"])

    def links(self) -> list[Link]:
        """Return what its tables say."""
        rows = self.do("links")["links"]
        return [Link(**each) for each in rows if each["customer"]]


@contextmanager
def contenders(processes: int) -> Iterator[dict[str, Contender]]:
    """Run all that this machine can run, each in so many processes."""
    with ExitStack() as running:
        made = [*_in_auth0(running)]
        if has_postgres():
            made += _in_postgres(running)
        for each in made:
            running.callback(each.stop)
            each.start(1)
            if isinstance(each, InDatabase):
                each.do("migrate")
            each.start(processes)
        yield {each.name: each for each in made}


@contextmanager
def only_ours(processes: int, trap: Trap | None = None) -> Iterator[Ours]:
    """Run ours alone."""
    with ExitStack() as running:
        made = _ours(running)
        running.callback(made.stop)
        made.start(processes, trap)
        yield made


LINES = [sys.executable, "-m", "benchmarks.lines"]
DYNAMODB = "AWS_ENDPOINT_URL_DYNAMODB"


def _ours(running: ExitStack) -> Ours:
    box = running.enter_context(sandbox())
    ledger, _ = running.enter_context(dynalite())
    aws = _bare() | box.environment() | {DYNAMODB: ledger}
    aws |= {"AWS_REGION": REGION, "PYTHONPATH": PYTHONPATH}
    command = [*LINES, "customerlink.functions.post_login:handler"]
    places = ("CUSTOMERLINK_STRIPE_API_BASE", DYNAMODB)
    return Ours("ours", box.stripe, command, aws, OWNER, places, box=box)


def _in_auth0(running: ExitStack) -> Iterable[Contender]:
    ours = _ours(running)
    box, aws = ours.box, ours.environment
    yield ours
    stripe, where = _stripe(running)
    secret = {
        "stripe_restricted_key": where["STRIPE_KEY"],
        "action_signing_secrets": [box.signing_secret],
    }
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    secrets = session.client("secretsmanager", endpoint_url=box.aws.url)
    secrets.create_secret(Name="usual", SecretString=json.dumps(secret))
    usual = (
        aws
        | where
        | {
            "API_KEY": box.signing_secret,
            "SECRET_ID": "usual",
            "TABLE": aws["CUSTOMERLINK_LEDGER_TABLE"],
            "PYTHONPATH": f"{HERE / 'usual_lambda'}:{PYTHONPATH}",
        }
    )
    yield UsualLambda(
        "usual Lambda", stripe, [*LINES, "app:handler"], usual, OWNER, ("STRIPE", DYNAMODB)
    )
    stripe, where = _stripe(running)
    action = ["node", str(HERE / "usual_action/lines.js")]
    yield UsualAction("usual Action", stripe, action, _bare() | where, OWNER)


def _in_postgres(running: ExitStack) -> Iterable[Contender]:
    url = running.enter_context(postgres("better_auth", "dj_stripe"))
    stripe, where = _stripe(running)
    yield InDatabase(
        "better-auth",
        stripe,
        ["node", str(INSTALLED / "better_auth/sign_up.mjs")],
        _bare() | where | {"DATABASE": f"{url}/better_auth"},
        "userId",
        ("STRIPE", "DATABASE"),
    )
    stripe, where = _stripe(running)
    yield InDatabase(
        "dj-stripe",
        stripe,
        [str(INSTALLED / "dj_stripe/bin/python"), str(HERE / "dj_stripe/sign_up.py")],
        _bare() | where | {"DATABASE": f"{url}/dj_stripe"},
        "djstripe_subscriber",
        ("STRIPE", "DATABASE"),
    )


def _stripe(running: ExitStack) -> tuple[StripeAccount, dict[str, str]]:
    """Run an account of its own."""
    account = StripeAccount()
    server = running.enter_context(Server(with_more(account, stripe_app(account))))
    return account, {"STRIPE": server.url, "STRIPE_KEY": account.add_key()}


NOBODY = {"object": "search_result", "data": [], "has_more": False, "url": ""}
"""Stripe's search lags: it finds nobody whose customer is seconds old."""

MORE = {
    "/v1/customers/search": NOBODY,
    "/v1/account": {"id": "acct_peers", "object": "account", "settings": {}},
}
"""What only a peer asks for."""


def with_more(account: StripeAccount, stripe: "WSGIApplication") -> "WSGIApplication":
    """Answer what the stand-in has not, and a peer asks for."""

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in MORE:
            return stripe(environ, start)
        time.sleep(account.latency)
        account.requests.append(f"GET {path} 200")
        return Response(json.dumps(MORE[path]), 200, mimetype="application/json")(environ, start)

    return answer


def _bare() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
