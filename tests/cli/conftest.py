"""The command line over the sandbox: its tenant, its stack, its Stripe."""

import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from tests.waiting import nobody_waits

from customerlink.cli.commands import doctor
from customerlink.cli.main import run
from customerlink.functions.post_login import respond
from customerlink.wiring import application as application_of
from customerlink.wiring import watch as watch_of
from sandbox.auth0.actions import Actions
from sandbox.aws import SECRET, WATCH_SECRET, forget_metrics
from sandbox.gateway import in_process
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import Sandbox, application

ACTION = "Customer Link"
FOREIGN = ("Enrich the profile", "Block a country", "Add claims")


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Read the JSON document."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@dataclass
class Cli:
    """Runs commands in this process, and looks at what they did."""

    box: Sandbox
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    typed: set[str] = field(default_factory=set)
    """What was piped in, which must never come out."""

    def __call__(self, *words: str, stdin: str = "") -> Result:
        """Run a command; return how it ended."""
        self.patch.setattr(sys, "stdin", io.StringIO(f"{stdin}\n"))
        self.capture.readouterr()
        try:
            run(list(words))
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        done = self.capture.readouterr()
        stored = self.stored()
        kept = *stored.get("action_signing_secrets", []), *stored.get("link_ticket_keys", [])
        kept += (stored.get("self_test_key", ""),)
        for secret in {*self.typed, stdin, *kept} - {""}:
            assert secret not in done.out + done.err, "a secret was printed"
        assert "Traceback" not in done.out + done.err
        return Result(code, done.out, done.err)

    def stored(self) -> dict[str, Any]:
        """Return the deployment's secret."""
        client = self.box.aws.secrets_manager
        try:
            text = client.get_secret_value(SecretId=SECRET)["SecretString"]
            document = json.loads(text)
        except (client.exceptions.ResourceNotFoundException, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def store(self, text: str | None) -> None:
        """Put in another version of the secret; None for a secret without a value."""
        client = self.box.aws.secrets_manager
        client.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
        if text is None:
            client.create_secret(Name=SECRET)
        else:
            client.create_secret(Name=SECRET, SecretString=text)

    def store_live_key(self) -> None:
        """Let the stack be one of live mode, by a key that nobody has."""
        self.store(json.dumps(self.stored() | {"stripe_restricted_key": "rk_live_" + "1" * 24}))

    def watched(self) -> dict[str, Any]:
        """Return the watch's secret."""
        client = self.box.aws.secrets_manager
        try:
            text = client.get_secret_value(SecretId=WATCH_SECRET)["SecretString"]
        except client.exceptions.ResourceNotFoundException:
            return {}
        document: dict[str, Any] = json.loads(text)
        return document

    def actions(self) -> Actions:
        """Return the tenant's Actions."""
        return self.box.management.actions

    def flow(self) -> list[str]:
        """Name the Login flow's Actions, in order."""
        bindings = self.actions().bindings("post-login", {})["bindings"]
        return [each["action"]["name"] for each in bindings]

    def changes(self) -> list[str]:
        """Return the requests so far that changed the tenant, and start to count anew."""
        requests = self.box.management.requests
        made = [each for each in requests if not each.startswith("GET")]
        requests.clear()
        return made

    def install(self) -> None:
        """Install for what comes next, and let the watch look once."""
        assert self("install", stdin=self.box.stripe_key).code == 0
        assert self.box.look() == ()


def foreign(actions: Actions, name: str, *, bound: bool = True) -> str:
    """Put somebody else's Action into the tenant; return its id."""
    made = actions.create(
        {
            "name": name,
            "supported_triggers": [{"id": "post-login", "version": "v3"}],
            "code": f"// {name}",
            "secrets": [{"name": "THEIRS", "value": name}],
        }
    )
    actions.deploy(made["id"])
    if bound:
        before = actions.bindings("post-login", {})["bindings"]
        kept = [{"ref": {"type": "binding_id", "value": each["id"]}} for each in before]
        new = {"ref": {"type": "action_id", "value": made["id"]}, "display_name": f"{name} (1)"}
        actions.bind("post-login", {"bindings": [*kept, new]})
    return str(made["id"])


@pytest.fixture
def no_waits(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test fail in which somebody waits for a turn while a user's record is leased."""
    with nobody_waits(box.aws, monkeypatch):
        yield


@pytest.fixture
def cli(
    box: Sandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> Iterator[Cli]:
    """Return it over a tenant with three foreign Actions, and a stack whose secret has no value."""
    for name, value in box.tools_environment().items():
        monkeypatch.setenv(name, value)
    for name in ("CUSTOMERLINK_PROFILE", "CUSTOMERLINK_STACK", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    # Of its own: an earlier test's history would be this one's.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # That a busy machine is slow is no finding.
    monkeypatch.setattr(doctor, "SLOW_MILLISECONDS", PATIENCE_SECONDS * 1000)
    # Nor is a stand-in that takes more than a second to give a secret.
    for module in (application_of, watch_of):
        monkeypatch.setattr(module, "FETCH_SECONDS", PATIENCE_SECONDS)
    monkeypatch.chdir(tmp_path)
    made = Cli(box, capsys, monkeypatch, {box.stripe_key})
    made.typed.add(os.environ["CUSTOMERLINK_WATCH_CLIENT_SECRET"])
    _clear(made.actions())
    for name in FOREIGN:
        foreign(made.actions(), name)
    made.store(None)
    box.aws.secrets_manager.delete_secret(SecretId=WATCH_SECRET, ForceDeleteWithoutRecovery=True)
    box.aws.secrets_manager.create_secret(Name=WATCH_SECRET)
    # The watch of the test before may have found something.
    forget_metrics()
    box.aws.create_stack(box.url)
    made.changes()
    # A cold start: the warm function still has the last test's secret.
    invoke = box.gateway.invoke
    box.gateway.invoke = in_process(partial(respond, application(box.environment())))
    yield made
    box.gateway.invoke = invoke
    box.management.faults.clear()
    _clear(made.actions())


def _clear(actions: Actions) -> None:
    for each in actions.list_page({"per_page": "100"})["actions"]:
        actions.delete(each["id"], {"force": "true"})
