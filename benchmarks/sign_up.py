"""A sign-up: cold, warm, and what it costs, against what people would otherwise use.

Everything runs as AWS runs it: the artifacts as a zip would hold them, under the Lambda runtime and
its emulator. The runs of all peers are interleaved, so that a busy machine is busy for each.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import urllib3
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tests.e2e.runtime import ARTIFACT, HANDLER, PYTHON, ROOT, runtime

from benchmarks.chart import Group, chart
from benchmarks.floor import ledger_requests
from benchmarks.lines import cpu_seconds
from benchmarks.standins import STRIPE_SECONDS
from customerlink.model.signature import SigningSecret, sign

PEERS = ROOT / "benchmarks/peers"
SAM = ROOT / ".tools/sam/bin/sam"
USUAL = ROOT / ".aws-sam/peers/usual/UsualFunction"
RESULTS = ROOT / "benchmarks/results.md"
COLD, WARM = 31, 150
IN_A_ROW = 10
"""Sign-ups whose processor time is taken together: what follows an answer is in it."""
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
        print(seconds, file=self.process.stdin, flush=True)
        _line_of(self.process)


@dataclass(frozen=True)
class Peer:
    """One way to do it, as a function under the Lambda runtime."""

    name: str
    artifact: Path
    handler: str
    environment: Mapping[str, str]
    event: Callable[[int], dict[str, Any]]
    """Returns the event of the sign-up with a number."""


def build_usual() -> None:
    """Build the usual Lambda as its makers do: `sam build` and a plain requirements.txt."""
    source = ROOT / ".aws-sam/peers/source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(PEERS / "usual_lambda", source)
    path = f"{ROOT / '.tools/uv/bin'}:{os.environ['PATH']}"
    subprocess.run(
        [str(SAM), "build", "--build-dir", str(USUAL.parent)],
        cwd=source,
        env={**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"},
        check=True,
        capture_output=True,
    )


def _node() -> str:
    return shutil.which("node") or "node"


@contextmanager
def stand_ins() -> Iterator[StandIns]:
    """Run them in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.standins"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield StandIns(process=process, **json.loads(_line_of(process)))


def _line_of(process: "subprocess.Popen[str]") -> str:
    return process.stdout.readline() if process.stdout else ""


def as_a_zip_holds_it(artifact: Path, copy: Path) -> Path:
    """Copy an artifact with every file dated 1980, which is what SAM's zips say."""
    shutil.copytree(artifact, copy)
    for path in copy.rglob("*"):
        os.utime(path, (315_532_800, 315_532_800))
    return copy


def login(number: int) -> bytes:
    """Return the body that reports a new user's first login."""
    user = {"user_id": f"auth0|{number}", "email": f"user-{number}@example.com", "name": "Ada"}
    report = {"version": 1, "tenant": {"id": "acme"}, "user": user, "stats": {"logins_count": 1}}
    return json.dumps(report).encode()


def gateway_event(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return API Gateway's event, payload format 2.0."""
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
    """Return ours, the usual Lambda, the floor, and two that do nothing."""
    secret = SigningSecret.parse(outside.signing_secret)
    # /var/task is read-only: what is not compiled in the artifact is compiled at each cold start.
    common = {**outside.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    stripe = {"STRIPE": outside.stripe, "STRIPE_KEY": outside.stripe_key}
    table = outside.environment["CUSTOMERLINK_LEDGER_TABLE"]
    floor = common | stripe | {"LEDGER_REQUESTS": json.dumps(ledger_requests(table))}
    usual = floor | {
        "SECRET_ID": outside.environment["CUSTOMERLINK_SECRET_ID"],
        "TABLE": table,
    }

    def signed(number: int) -> dict[str, Any]:
        body = login(number)
        return gateway_event(sign(secret, f"msg_{number}", int(time.time()), body), body)

    def with_key(number: int) -> dict[str, Any]:
        return gateway_event({"x-api-key": outside.signing_secret}, login(number))

    usuals = as_a_zip_holds_it(USUAL, folder / "usual")
    floors = as_a_zip_holds_it(PEERS / "floor", folder / "floor")
    made = [
        Peer("ours", as_a_zip_holds_it(ARTIFACT, folder / "ours"), HANDLER, common, signed),
        Peer("usual", usuals, "app.handler", usual, with_key),
        Peer("floor", floors, "app.handler", floor, with_key),
        Peer("empty", floors, "app.empty", floor, with_key),
        Peer("bare", floors, "bare.handler", floor, with_key),
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
    body: dict[str, Any] = json.loads(answer.get("body") or "{}")
    metadata = body.get("app_metadata") or body
    if answer.get("statusCode") != HTTPStatus.OK or (body and "stripe_customer_id" not in metadata):
        sys.exit(f"a sign-up failed: {answer}")
    return body


def cold_start(peer: Peer) -> tuple[float, str]:
    """Return the milliseconds from the process's start to the first answer, and the log.

    The emulator, which no user waits for, runs already; it starts the function's process when it
    is invoked for the first time.
    """
    with runtime(peer.environment, peer.artifact, peer.handler) as running:
        if psutil.Process(running.process.pid).children():
            sys.exit("the function runs before it is invoked: this is no cold start")
        event = peer.event(next(NUMBERS))
        start = time.monotonic()
        invoke(running.url, event)
        return (time.monotonic() - start) * 1000, running.log()


def action_cold_start(outside: StandIns) -> float:
    """Return the milliseconds of a Node process that runs the usual Action once."""
    number = next(NUMBERS)
    host, _, port = outside.stripe.removeprefix("http://").partition(":")
    event = json.loads(login(number)) | {
        "secrets": {"STRIPE_KEY": outside.stripe_key, "STRIPE_HOST": host, "STRIPE_PORT": port}
    }
    folder = PEERS / "usual_action"
    command = [_node(), str(folder / "run.js"), str(folder / "post-login.js"), json.dumps(event)]
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return (time.monotonic() - start) * 1000


def import_milliseconds(peer: Peer) -> float:
    """Return what the handler's module takes to import, in a fresh interpreter."""
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
        self.cpu: list[float] = []
        """Milliseconds of a sign-up, each the mean of so many in a row."""

    def sign_up(self) -> None:
        """Measure one."""
        event = self.peer.event(next(NUMBERS))
        start = time.monotonic()
        invoke(self.url, event)
        self.milliseconds.append((time.monotonic() - start) * 1000)
        if len(self.milliseconds) % IN_A_ROW == 0:
            spent = self._cpu_seconds()
            self.cpu.append((spent - self._cpu) * 1000 / IN_A_ROW)
            self._cpu = spent

    def peak_megabytes(self) -> float:
        """Return the most memory that the process ever had."""
        status = Path(f"/proc/{self._python.pid}/status").read_text()
        [line] = [each for each in status.splitlines() if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024 / MEGABYTE

    def _cpu_seconds(self) -> float:
        return cpu_seconds(self._python.pid)


def action_login_microseconds() -> float:
    """Return what a linked user's login costs in the Action, which makes no call then."""
    done = subprocess.run(
        [_node(), str(PEERS / "linked_login.js")], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def measure(outside: StandIns, made: Mapping[str, Peer]) -> Figures:
    """Measure everything, each peer's runs between the others'."""
    figures: Figures = defaultdict(list)
    outside.set_latency(0.0)
    for _ in track(range(COLD), "cold starts"):
        for name, peer in made.items():
            milliseconds, log = cold_start(peer)
            figures[f"cold {name}"].append(milliseconds)
            if name == "ours":
                [line] = [each for each in log.splitlines() if '"steps"' in each]
                steps = json.loads(line)["steps"]
                figures["clients"].append(steps.pop("start"))
                figures["first calls"].append(sum(steps.values()))
                figures["imports"].append(import_milliseconds(peer))
        figures["cold action"].append(action_cold_start(outside))
        figures["linked login"].append(action_login_microseconds())
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
            figures[f"cpu {each.peer.name}"] = each.cpu
            figures[f"memory {each.peer.name}"] = [each.peak_megabytes()]
    for name in ("ours", "usual"):
        files = [each for each in made[name].artifact.rglob("*") if each.is_file()]
        figures[f"size {name}"] = [sum(each.stat().st_size for each in files) / MEGABYTE]
    return figures


@dataclass(frozen=True)
class Reach:
    """A ratio that is aimed at."""

    name: str
    ours: str
    theirs: str
    most: float
    unit: str = "ms"

    def ratio(self, figures: Figures) -> float:
        """Return that of the medians."""
        ours, theirs = (statistics.median(figures[name]) for name in (self.ours, self.theirs))
        return ours / theirs

    def spread(self, figures: Figures) -> str:
        """Return between which values half of the ratios are, run by run; of one run, none."""
        both = zip(figures[self.ours], figures[self.theirs], strict=True)
        ratios = [ours / theirs for ours, theirs in both]
        if len(ratios) < 2:  # noqa: PLR2004 (one ratio has no spread)
            return ""
        least, _, most = statistics.quantiles(ratios)
        return f"{least:.2f} to {most:.2f}"


REACH = (
    Reach("cold start / the usual Lambda's", "cold ours", "cold usual", 0.40),
    Reach("cold start / the usual Action's", "cold ours", "cold action", 0.90),
    Reach("cold start / an empty function's", "cold ours", "cold empty", 1.90),
    Reach("warm sign-up / the floor's", "warm ours", "warm floor", 1.04),
    Reach("processor time / the usual Lambda's", "cpu ours", "cpu usual", 0.55),
    Reach("artifact / the usual Lambda's", "size ours", "size usual", 0.5, "MB"),
    Reach("peak memory / the usual Lambda's", "memory ours", "memory usual", 0.8, "MB"),
)


UNITS = defaultdict(lambda: "ms", memory="MB", size="MB", linked="µs")
"""By a figure's first word; milliseconds where there is no other."""


def tables(figures: Figures) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Return what is shown: the ratios, and then each figure with its spread."""
    rows = []
    for each in REACH:
        ours, theirs = (statistics.median(figures[name]) for name in (each.ours, each.theirs))
        ratio = each.ratio(figures)
        reached = "reached" if ratio <= each.most else "missed"
        both = [f"{ours:.1f} {each.unit}", f"{theirs:.1f} {each.unit}"]
        measured = [f"{ratio:.2f}", each.spread(figures), f"{each.most:.2f}"]
        rows.append([each.name, *measured, reached, *both])
    yield ["ratio", "measured", "half between", "at most", "", "ours", "theirs"], rows
    rows = []
    for name, values in figures.items():
        ranked = sorted(values)
        p99 = ranked[min(len(ranked) - 1, round(0.99 * len(ranked)))]
        spread = [f"{each:.2f}" for each in (ranked[0], statistics.median(ranked), p99, ranked[-1])]
        rows.append([name, UNITS[name.partition(" ")[0]], str(len(values)), *spread])
    yield ["figure", "unit", "runs", "least", "median", "p99", "most"], rows


def picture(figures: Figures) -> str:
    """Draw the medians."""
    names = {"ours": "ours", "usual Lambda": "usual", "usual Action": "action", "floor": "floor"}
    groups: list[Group] = []
    for kind, title, unit in (
        ("cold", "Cold start", "ms"),
        ("warm", "Warm sign-up, 80 ms a call to Stripe", "ms"),
        ("cpu", "Processor time of a warm sign-up", "ms"),
        ("memory", "Peak memory", "MB"),
        ("size", "Artifact", "MB"),
    ):
        bars = {
            label: statistics.median(figures[f"{kind} {name}"])
            for label, name in names.items()
            if f"{kind} {name}" in figures
        }
        groups.append((title, unit, bars))
    return chart(groups)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Put a table as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(each)} |\n" for each in lines)


def machine() -> str:
    """Say what this was measured on."""
    cores, python = psutil.cpu_count(), platform.python_version()
    return f"{platform.machine()}, {cores} cores, Python {python}, {datetime.now(UTC):%Y-%m-%d}"


def main() -> None:
    """Measure, show, and write results.md with its chart."""
    build_usual()
    with tempfile.TemporaryDirectory() as folder, stand_ins() as outside:
        figures = measure(outside, peers(outside, Path(folder)))
    text = f"# Results\n\nBy `make bench`; {machine()}.\n\n![chart](results.svg)\n"
    console = Console(width=110)
    for head, rows in tables(figures):
        table = Table(*head)
        for row in rows:
            table.add_row(*row)
        console.print(table)
        text += f"\n{markdown(head, rows)}"
    RESULTS.write_text(text)
    RESULTS.with_suffix(".svg").write_text(picture(figures))


if __name__ == "__main__":
    main()
