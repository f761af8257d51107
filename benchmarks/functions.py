"""The cold starts that people wait for beside the sign-up's: the checkout's, and the page's.

As the sign-up's are measured (`sign_up.py`): the artifacts as a zip would hold them, under the
Lambda runtime and its emulator, in turns, so that a busy machine is busy for each. What counts is
the ratio to the sign-up's. Stripe, Auth0 and AWS are the sandbox's, in this process.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tests.e2e.runtime import BUILD, ROOT, invoke, runtime

from benchmarks.sign_up import as_a_zip_holds_it, gateway_event, login, machine, markdown
from customerlink.model.signature import SigningSecret, sign
from sandbox.sandbox import (
    SESSION_SECRET,
    SHOP_AUDIENCE,
    SHOP_CLIENT,
    SIGNING_SECRET,
    Sandbox,
    sandbox,
)

RESULTS = ROOT / "benchmarks/functions.md"
RUNS = 15
BOUNDS = {"checkout": 1.6, "page": 1.3}
"""At most so many times the sign-up's."""

type Event = dict[str, Any]
type Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Function:
    """A function as it is built, and what it is asked first."""

    artifact: str
    handler: str
    event: Callable[[Sandbox, int], Event]


def _sign_up(_: Sandbox, number: int) -> Event:
    body = login(number)
    secret = SigningSecret.parse(SIGNING_SECRET)
    return gateway_event(sign(secret, f"msg_{number}", int(time.time()), body), body)


def _checkout(box: Sandbox, number: int) -> Event:
    user_id = box.tenant.add_user(email=f"shopper-{number}@example.com", email_verified=True)
    claims = {
        "iss": box.management.tokens.issuer,
        "sub": user_id,
        "aud": SHOP_AUDIENCE,
        "azp": SHOP_CLIENT,
        "scope": "customers:own",
    }
    context = {"authorizer": {"jwt": {"claims": claims}}}
    return {"routeKey": "POST /customers/me", "headers": {}, "requestContext": context}


def _page(_: Sandbox, number: int) -> Event:
    now = int(time.time())
    claims = {
        "sub": f"auth0|{number}",
        "iat": now,
        "exp": now + 900,
        "continue_at": "https://acme.us.auth0.com/continue",
    }
    token = jwt.encode(claims, SESSION_SECRET, "HS256")
    query = urlencode({"session_token": token, "state": "a"})
    return {"routeKey": "GET /verify-email", "headers": {}, "rawQueryString": query}


FUNCTIONS = {
    "sign-up": Function("PostLoginFunction", "post_login", _sign_up),
    "checkout": Function("CustomersFunction", "shop_api", _checkout),
    "page": Function("VerifyEmailFunction", "verify_email", _page),
}


def cold_start(
    artifact: Path, handler: str, environment: Mapping[str, str], event: Event
) -> dict[str, float]:
    """Return the milliseconds from the process's start to the first answer, and its processor's."""
    with runtime(environment, artifact, f"customerlink.functions.{handler}.handler") as running:
        if psutil.Process(running.process.pid).children():
            sys.exit("the function runs before it is invoked: this is no cold start")
        start = time.monotonic()
        answer = invoke(running.url, json.dumps(event).encode()).json()
        took = (time.monotonic() - start) * 1000
        if answer.get("statusCode") != 200:  # noqa: PLR2004 (OK)
            sys.exit(f"{handler} failed: {answer}\n{running.log()}")
        [python] = psutil.Process(running.process.pid).children()
        tasks = Path(f"/proc/{python.pid}/task").iterdir()
        spent = sum(int((each / "schedstat").read_text().split()[0]) for each in tasks) / 1e6
    return {"cold": took, "processor": spent}


def measure(folder: Path) -> Figures:
    """Measure each in turn."""
    copies = {
        name: as_a_zip_holds_it(BUILD / each.artifact, folder / name)
        for name, each in FUNCTIONS.items()
    }
    figures: Figures = {}
    # As a deployment has it where the checkout is what a person waits for.
    settings = {"CUSTOMERLINK_PROVISION_AT": "signup", "CUSTOMERLINK_VERIFIED_EMAIL": "optional"}
    with sandbox(signing_secret=SIGNING_SECRET, settings=settings) as box:
        box.let_functions_into_the_tenant()
        # /var/task is read-only: what is not compiled in the artifact is compiled each time.
        environment = {**box.environment(), **settings, "PYTHONDONTWRITEBYTECODE": "1"}
        for number in track(range(1, RUNS + 1), "cold starts"):
            for name, each in FUNCTIONS.items():
                event = each.event(box, number)
                run = cold_start(copies[name], each.handler, environment, event)
                for figure, value in run.items():
                    figures.setdefault(f"{figure} {name}", []).append(value)
    return figures


def tables(figures: Figures) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Return what is shown: the ratios, and then each figure with its spread."""
    rows = []
    for name, most in BOUNDS.items():
        for kind in ("cold", "processor"):
            ours = statistics.median(figures[f"{kind} {name}"])
            sign_ups = statistics.median(figures[f"{kind} sign-up"])
            reached = "reached" if ours <= most * sign_ups else "missed"
            both = [f"{ours:.0f} ms", f"{sign_ups:.0f} ms"]
            title = "cold start" if kind == "cold" else "its processor time"
            rows.append([f"{name}: {title}", f"{ours / sign_ups:.2f}", f"{most}", reached, *both])
    yield ["ratio to the sign-up's", "measured", "at most", "", "it", "the sign-up"], rows
    rows = []
    for name, values in figures.items():
        spread = [f"{each:.1f}" for each in (min(values), statistics.median(values), max(values))]
        rows.append([name, "ms", str(len(values)), *spread])
    yield ["figure", "unit", "runs", "least", "median", "most"], rows


def main() -> None:
    """Measure, show, and write functions.md."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    text = f"# Cold starts beside the sign-up's\n\nBy `make bench`; {machine()}.\n"
    console = Console(width=110)
    for head, rows in tables(figures):
        table = Table(*head)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        text += f"\n{markdown(head, rows)}"
    RESULTS.write_text(text)


if __name__ == "__main__":
    main()
