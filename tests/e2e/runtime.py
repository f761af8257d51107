"""The artifact under the real Lambda runtime: `awslambdaric` and AWS's runtime emulator.

The emulator is the one that the SAM CLI carries; the runtime's environment holds nothing but the
runtime, so that what the artifact lacks is missed.
"""

import os
import platform
import random
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import urllib3

from sandbox.patience import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".aws-sam" / "build"
ARTIFACT = BUILD / "PostLoginFunction"
_ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
_RAPID = ROOT / ".tools/sam/lib/python3.13/site-packages/samcli/local/rapid"
EMULATOR = _RAPID / f"aws-lambda-rie-{_ARCHITECTURE}"
PYTHON = ROOT / ".tools" / "runtime" / "bin" / "python"
HANDLER = "customerlink.functions.post_login.handler"

_PORTS_TRIES = 5
"""Between a free port's choice and its use another process may take it."""


@dataclass(frozen=True)
class Runtime:
    """A function that runs, its process, and what it printed."""

    url: str
    process: "subprocess.Popen[bytes]"
    output: IO[bytes]

    def log(self) -> str:
        """Return everything printed so far; the function goes on writing where it was."""
        size = os.fstat(self.output.fileno()).st_size
        return os.pread(self.output.fileno(), size, 0).decode()


@contextmanager
def runtime(
    environment: Mapping[str, str],
    artifact: Path = ARTIFACT,
    handler: str = HANDLER,
) -> Iterator[Runtime]:
    """Run a built function with an environment while the block runs."""
    with tempfile.TemporaryFile() as output:
        port, process = _started(environment, artifact, handler, output)
        with process:
            try:
                yield Runtime(f"http://127.0.0.1:{port}", process, output)
            finally:
                kill(process.pid)


def _started(
    environment: Mapping[str, str], artifact: Path, handler: str, output: IO[bytes]
) -> tuple[int, "subprocess.Popen[bytes]"]:
    """Start the emulator; return the port on which it listens, and its process."""
    for _ in range(_PORTS_TRIES):
        emulator, api = _free_port(), _free_port()
        command = [
            str(EMULATOR),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{emulator}"),
            *("--runtime-api-address", f"127.0.0.1:{api}"),
            *(str(PYTHON), "-m", "awslambdaric", handler),
        ]
        process = subprocess.Popen(
            command,
            cwd=artifact,
            env=_environment(artifact, environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if _listens(process, {emulator, api}):
            return emulator, process
    raise OSError("the emulator does not start")


def _listens(process: "subprocess.Popen[bytes]", ports: set[int]) -> bool:
    """Wait until it listens there, and not another process that was quicker; or has ended."""

    def taken() -> set[int]:
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(process.pid).net_connections("tcp4")
            return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}
        return set()

    wait_until(lambda: process.poll() is not None or ports <= taken())
    return process.poll() is None


def kill(emulator: int) -> None:
    """Kill -9 the function and its emulator, which are in process groups of their own."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(emulator)
        for each in [*family.children(recursive=True), family]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


def _environment(artifact: Path, extra: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(artifact),
        "LAMBDA_TASK_ROOT": str(artifact),
        "AWS_LAMBDA_FUNCTION_NAME": "PostLoginFunction",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "8",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        **extra,
    }


def wait_for(port: int) -> None:
    """Wait until somebody listens."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, "what was started")


def free_ports(count: int) -> int:
    """Find the first of some ports in a row that nobody listens on; no other process's choice."""
    places = range(18_800, 32_000, 10)
    for first in random.sample(places, len(places)):
        probes = [socket.socket() for _ in range(count)]
        try:
            for offset, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + offset))
        except OSError:
            continue
        else:
            return first
        finally:
            for probe in probes:
                probe.close()
    raise OSError("no free ports")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def invoke(url: str, event: bytes) -> urllib3.BaseHTTPResponse:
    """Invoke the function with an event."""
    path = "/2015-03-31/functions/function/invocations"
    return urllib3.request(
        "POST", f"{url}{path}", body=event, timeout=PATIENCE_SECONDS, retries=False
    )
