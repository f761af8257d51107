"""A sign-up: cold, warm, and what it costs, against what people would otherwise use.

Everything runs as AWS runs it: the artifacts as a zip would hold them, under the Lambda runtime and
its emulator. The runs of all peers are interleaved, so that a busy machine is busy for each.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import urllib3
from rich.progress import track
from tests.e2e.runtime import ARTIFACT, HANDLER, PYTHON, ROOT, runtime

from benchmarks.standins import STRIPE_SECONDS
from customerlink.signature import SigningSecret, sign

PEERS = ROOT / "benchmarks/peers"
USUAL = ROOT / ".aws-sam/peers/usual/UsualFunction"
RESULTS = ROOT / "benchmarks/results.md"
COLD, WARM = 15, 150
MEGABYTE = 2**20

type Figures = dict[str, list[float]]


@dataclass(frozen=True)
class StandIns:
    """Where the outside is."""

    environment: Mapping[str, str]
    stripe: str
    stripe_key: str
    signing_secret: str
    process: "subprocess.Popen[str]" = field(repr=False)

    def set_latency(self, seconds: float) -> None:
        """Let each call to Stripe take so long."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(seconds, file=self.process.stdin, flush=True)
        self.process.stdout.readline()


@dataclass(frozen=True)
class Peer:
    """One way to do it, as a function under the Lambda runtime."""

    name: str
    artifact: Path
    handler: str
    environment: Mapping[str, str]
    event: Callable[[int], dict[str, Any]]
    """Gives the event of the sign-up with a number."""


@contextmanager
def stand_ins() -> Iterator[StandIns]:
    """Run them in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.standins"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield StandIns(process=process, **json.loads(process.stdout.readline()))


def as_a_zip_holds_it(artifact: Path, folder: Path) -> Path:
    """Copy an artifact with every file dated 1980, which is what SAM's zips say."""
    copy = folder / artifact.name
    subprocess.run(["cp", "-R", str(artifact), str(copy)], check=True)
    for path in copy.rglob("*"):
        os.utime(path, (315_532_800, 315_532_800))
    return copy


def login(number: int) -> bytes:
    """Give the body that reports a new user's first login."""
    user = {"user_id": f"auth0|{number}", "email": f"user-{number}@example.com", "name": "Ada"}
    report = {"version": 1, "tenant": {"id": "acme"}, "user": user, "stats": {"logins_count": 1}}
    return json.dumps(report).encode()


def gateway_event(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Give API Gateway's event, payload format 2.0."""
    http = {"method": "POST", "path": "/post-login", "sourceIp": "127.0.0.1"}
    return {
        "version": "2.0",
        "routeKey": "POST /post-login",
        "rawPath": "/post-login",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **headers},
        "requestContext": {"http": http, "stage": "$default", "requestId": "1"},
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def peers(outside: StandIns, folder: Path) -> dict[str, Peer]:
    """Give ours, the usual Lambda, and the floor."""
    secret = SigningSecret.parse(outside.signing_secret)
    # /var/task is read-only: what is not compiled in the artifact is compiled at each cold start.
    common = {**outside.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    usual = {
        "STRIPE": outside.stripe,
        "SECRET_ID": outside.environment["CUSTOMERLINK_SECRET_ID"],
        "TABLE": outside.environment["CUSTOMERLINK_LEDGER_TABLE"],
        "POWERTOOLS_METRICS_NAMESPACE": "Usual",
    }
    floor = {"STRIPE": outside.stripe, "STRIPE_KEY": outside.stripe_key}

    def signed(number: int) -> dict[str, Any]:
        body = login(number)
        return gateway_event(sign(secret, f"msg_{number}", int(time.time()), body), body)

    def with_key(number: int) -> dict[str, Any]:
        return gateway_event({"x-api-key": outside.signing_secret}, login(number))

    floors = as_a_zip_holds_it(PEERS / "floor", folder)
    made = [
        Peer("ours", as_a_zip_holds_it(ARTIFACT, folder), HANDLER, common, signed),
        Peer("usual", as_a_zip_holds_it(USUAL, folder), "app.handler", common | usual, with_key),
        Peer("floor", floors, "app.handler", common | floor, with_key),
        Peer("empty", floors, "app.empty", common | floor, with_key),
    ]
    return {each.name: each for each in made}


NUMBERS = iter(range(1, 10**9))
POOL = urllib3.PoolManager()


def invoke(url: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Invoke once, and check that it did what it should."""
    answer = POOL.request(
        "POST",
        f"{url}/2015-03-31/functions/function/invocations",
        body=json.dumps(event),
        timeout=60,
        retries=False,
    ).json()
    body = json.loads(answer.get("body") or "{}")
    metadata = body.get("app_metadata") or body
    if answer.get("statusCode") != 200 or (body and "stripe_customer_id" not in metadata):  # noqa: PLR2004
        sys.exit(f"a sign-up failed: {answer}")
    return body


def cold_start(peer: Peer) -> tuple[float, str]:
    """Give the milliseconds from the process's start to the first answer, and the log."""
    start = time.monotonic()
    with runtime(peer.environment, peer.artifact, peer.handler) as running:
        invoke(running.url, peer.event(next(NUMBERS)))
        return (time.monotonic() - start) * 1000, running.log()


def action_cold_start(outside: StandIns) -> float:
    """Give the milliseconds of a Node process that runs the usual Action once."""
    number = next(NUMBERS)
    host, _, port = outside.stripe.removeprefix("http://").partition(":")
    event = json.loads(login(number)) | {
        "secrets": {"STRIPE_KEY": outside.stripe_key, "STRIPE_HOST": host, "STRIPE_PORT": port}
    }
    folder = PEERS / "usual_action"
    command = ["node", str(folder / "run.js"), str(folder / "post-login.js"), json.dumps(event)]
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return (time.monotonic() - start) * 1000


def import_milliseconds(peer: Peer) -> float:
    """Give what the handler's module takes to import, in a fresh interpreter."""
    module = peer.handler.rpartition(".")[0]
    code = (
        "import time; start = time.perf_counter()\n"
        f"import {module}\nprint((time.perf_counter() - start) * 1000)"
    )
    done = subprocess.run(
        [str(PYTHON), "-c", code],
        env={**peer.environment, "PYTHONPATH": str(peer.artifact), "AWS_REGION": "us-east-1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


class Warm:
    """A function that stays warm, with what its process spends."""

    def __init__(self, peer: Peer, url: str, emulator: int) -> None:
        """Invoke it a few times before anything is measured."""
        self.peer, self.url = peer, url
        self.milliseconds: list[float] = []
        for _ in range(10):
            invoke(url, peer.event(next(NUMBERS)))
        [self._python] = psutil.Process(emulator).children()
        self._cpu = self._cpu_seconds()

    def sign_up(self) -> None:
        """Measure one."""
        event = self.peer.event(next(NUMBERS))
        start = time.monotonic()
        invoke(self.url, event)
        self.milliseconds.append((time.monotonic() - start) * 1000)

    def cpu_milliseconds(self) -> float:
        """Give what one sign-up cost on average."""
        return (self._cpu_seconds() - self._cpu) * 1000 / len(self.milliseconds)

    def peak_megabytes(self) -> float:
        """Give the most memory that the process ever had."""
        status = Path(f"/proc/{self._python.pid}/status").read_text()
        [line] = [each for each in status.splitlines() if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / MEGABYTE

    def _cpu_seconds(self) -> float:
        times = self._python.cpu_times()
        return float(times.user + times.system)


def measure(outside: StandIns, made: Mapping[str, Peer]) -> Figures:
    """Measure everything, each peer's runs between the others'."""
    figures: Figures = {}
    outside.set_latency(0.0)
    for _ in track(range(COLD), "cold starts"):
        for name, peer in made.items():
            milliseconds, log = cold_start(peer)
            figures.setdefault(f"cold {name}", []).append(milliseconds)
            if name == "ours":
                steps = next(
                    json.loads(line)["steps"] for line in log.splitlines() if '"steps"' in line
                )
                figures.setdefault("clients ours", []).append(steps["start"])
                figures.setdefault("imports ours", []).append(import_milliseconds(peer))
        figures.setdefault("cold action", []).append(action_cold_start(outside))
    outside.set_latency(STRIPE_SECONDS)
    with ExitStack() as running:
        warm = []
        for name in ("ours", "usual", "floor"):
            peer = made[name]
            function = running.enter_context(runtime(peer.environment, peer.artifact, peer.handler))
            warm.append(Warm(peer, function.url, function.process.pid))
        for _ in track(range(WARM), "warm sign-ups"):
            for each in warm:
                each.sign_up()
        for each in warm:
            figures[f"warm {each.peer.name}"] = each.milliseconds
            figures[f"cpu {each.peer.name}"] = [each.cpu_milliseconds()]
            figures[f"memory {each.peer.name}"] = [each.peak_megabytes()]
    for name in ("ours", "usual"):
        files = [each for each in made[name].artifact.rglob("*") if each.is_file()]
        figures[f"size {name}"] = [sum(each.stat().st_size for each in files) / MEGABYTE]
    return figures
