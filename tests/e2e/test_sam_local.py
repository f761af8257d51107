"""`sam local invoke` and `sam local start-api`, in containers: needs a Docker engine and an image.

The image is either the one that the SAM CLI has pulled, or a local one that LAMBDA_IMAGE names;
`tools/with_docker make sam-local` has both an engine and such an image.
Without an engine the same events run through the runtime emulator, in test_artifact.py.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3
from tests.e2e.runtime import ROOT, free_ports, wait_for
from tests.e2e.test_artifact import EVENTS, MESSAGES

from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import SIGNING_SECRET
from sandbox.tenant import ActionHost, Tenant

SAM = ROOT / ".tools" / "sam" / "bin" / "sam"
AWS_IMAGE = "public.ecr.aws/lambda/python:3.13-rapid-x86_64"
LOCAL_IMAGE = os.environ.get("LAMBDA_IMAGE", "")


def docker(*arguments: str) -> str:
    """Ask Docker; return "" where there is none, or where it refuses."""
    command = shutil.which("docker")
    if command is None:
        return ""
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


HAS_ENGINE = bool(docker("version", "--format", "{{.Server.Version}}"))
HAS_IMAGE = HAS_ENGINE and bool(docker("image", "inspect", LOCAL_IMAGE or AWS_IMAGE))

pytestmark = pytest.mark.skipif(
    not HAS_IMAGE,
    reason="needs a Docker engine, and an image of the Lambda runtime: tools/with_docker",
)


@dataclass(frozen=True)
class Local:
    """The sandbox as containers reach it, and how `sam local` is told."""

    first_port: int
    flags: list[str]

    def sam(self, *words: str) -> list[str]:
        """Return a command of the SAM CLI."""
        return [str(SAM), "local", *words, *self.flags]


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """Run `make sandbox` on the engine's bridge, which is where a container finds this machine."""
    gateway = docker(
        "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"
    )
    first = free_ports(5)
    sandbox = subprocess.Popen(
        ["make", "-s", "sandbox"],
        cwd=ROOT,
        env={**os.environ, "SANDBOX_PORT": str(first), "SANDBOX_HOST": gateway},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    host = "http://host.docker.internal"
    overrides = [
        f"AwsEndpointUrl={host}:{first + 2}",
        f"StripeApiBase={host}:{first + 1}",
        "SignatureTolerance=315360000",
    ]
    image = ["--invoke-image", LOCAL_IMAGE, "--skip-pull-image"] if LOCAL_IMAGE else []
    with sandbox:
        try:
            wait_for(first)
            yield Local(first, ["--parameter-overrides", " ".join(overrides), *image])
        finally:
            os.killpg(sandbox.pid, signal.SIGTERM)


@pytest.mark.parametrize("name", EVENTS)
def test_invoke(local: Local, name: str) -> None:
    """Each event reaches its branch."""
    command = local.sam("invoke", "PostLoginFunction", "-e", f"events/{name}.json")
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    body = json.loads(answer["body"])
    reason = body.get("reason", body.get("error"))
    print(f"  {name}: {answer['statusCode']} {reason}")

    assert (answer["statusCode"], reason) == EVENTS[name]


@pytest.mark.parametrize("name", ["sync-email-changed", "sync-other-tenant", "sync-unreadable"])
def test_invoke_for_the_queue(local: Local, name: str) -> None:
    """The function reads each message; what another try may mend comes again."""
    command = local.sam("invoke", "SyncFunction", "-e", f"events/{name}.json")
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    again = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
    print(f"  {name}: {again}")

    assert again == MESSAGES[name]


@pytest.fixture
def api(local: Local) -> Iterator[str]:
    """Run `sam local start-api`."""
    port = free_ports(1)
    command = local.sam("start-api", "--port", str(port))
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}/post-login"
        finally:
            # A shell lets what it runs in the background ignore SIGINT.
            process.terminate()


def test_start_api(api: str) -> None:
    """The Action's JavaScript signs somebody up, once; a forger gets 401."""
    secrets = {"CUSTOMERLINK_URL": api, "CUSTOMERLINK_SIGNING_SECRET": SIGNING_SECRET}
    with ActionHost() as host:
        tenant = Tenant(host, secrets)
        user = tenant.add_user(email="start-api@example.com", name="Start Api")
        first = tenant.login(user)
        metadata: dict[str, Any] = tenant.users[user]["app_metadata"]
        again = tenant.login(user)

    assert first.decision == "continue", host.logs
    assert metadata["stripe_customer_id"].startswith("cus_")
    assert again.app_metadata == {}
    assert (
        urllib3.request("POST", api, body=b"{}", timeout=PATIENCE_SECONDS, retries=False).status
        == 401
    )
