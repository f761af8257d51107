"""auth0-deploy-cli itself, against the stand-in's Management API: what it imports, and unbinds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.runtime import ROOT

from customerlink.adapters.aws import secrets_manager
from customerlink.model.actions import DENIAL_TEXTS, LOGIN
from sandbox.auth0.api import management_app
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import Sandbox, sandbox
from sandbox.serving import Server

ACTION, OTHER = "Customer Link", "Enrich the profile"
TOOL = ROOT / "node_modules" / "auth0-deploy-cli" / "lib" / "index.js"
QUICK = ("--refresh-seconds", "1", "--last-logins-seconds", "0.1")
ENV = "customerlink.env"
TEXTS = {"en": {"support": 'It\'s "$&": # ask\n{reference}'}, "de": {"support": "$$\\'"}}


@dataclass(frozen=True)
class Tenant:
    """A tenant that somebody manages by files, and a deployment."""

    box: Sandbox
    folder: Path
    environment: dict[str, str]
    tool_environment: dict[str, str]

    def cli(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run `customerlink`."""
        command = [sys.executable, "-m", "customerlink.cli.main", *words]
        return self._run(command, self.environment, stdin)

    def a0deploy(self, *words: str) -> None:
        """Run the tool, in a shell that has what was handed over."""
        given = f"if [ -e {ENV} ]; then set -a; . ./{ENV}; set +a; fi"
        command = ["bash", "-euc", f'{given}; exec node "$@"', "-", str(TOOL), *words]
        done = self._run(command, self.tool_environment)
        assert done.returncode == 0, done.stdout + done.stderr

    def _run(
        self, command: list[str], environment: dict[str, str], stdin: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )

    def wrong(self) -> dict[str, str]:
        """Return what doctor finds not good, by its name."""
        checks = json.loads(self.cli("doctor", "--json").stdout)["checks"]
        return {
            each["name"]: each["meaning"]
            for each in checks
            # No schedule runs the watch here, the stack has its first policy, and that a busy
            # machine is slow is no finding.
            if each["verdict"] != "good"
            and not each["name"].startswith(("watch", "verified"))
            and (each["name"], each["verdict"]) != ("endpoint", "warning")
        }

    def rotate(self, *words: str) -> bool:
        """Rotate the signing secret; return whether it came to the end."""
        done = self.cli("rotate", "signing-secret", *words, *QUICK, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return bool(json.loads(done.stdout)["done"])

    def flow(self) -> list[str]:
        """Name the Login flow's Actions."""
        bindings = self.box.management.actions.bindings(LOGIN, {})["bindings"]
        return [each["action"]["name"] for each in bindings]

    def write(self, name: str, document: dict[str, Any]) -> None:
        """Write the tenant's own file."""
        (self.folder / name).write_text(yaml.safe_dump(document))


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """Return one with somebody's Action in the Login flow; the API is behind a certificate."""
    monkeypatch.setattr(secrets_manager, "REFRESH_SECONDS", 0.2)
    certificate, key = (str(tmp_path / each) for each in ("certificate.pem", "key.pem"))
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1"
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*make.split(), *named], check=True, capture_output=True)
    with sandbox() as box:
        api = management_app(box.management)
        with Server(api, certificate=(certificate, key)) as server:
            client_id, client_secret = box.management.add_client()
            tool = {
                "AUTH0_DOMAIN": server.url.removeprefix("https://"),
                "AUTH0_CLIENT_ID": client_id,
                "AUTH0_CLIENT_SECRET": client_secret,
                "AUTH0_INCLUDED_ONLY": '["actions","triggers"]',
                "NODE_EXTRA_CA_CERTS": certificate,
            }
            ours = {**box.tools_environment(), "PYTHONPATH": str(ROOT / "src")}
            made = Tenant(box, tmp_path, ours, tool)
            _bind(box, OTHER)
            yield made


def _bind(box: Sandbox, name: str) -> None:
    """Put somebody's Action into the Login flow."""
    actions = box.management.actions
    trigger = {"id": LOGIN, "version": "v3"}
    made = actions.create({"name": name, "supported_triggers": [trigger], "code": f"// {name}"})
    actions.deploy(made["id"])
    actions.bind(LOGIN, {"bindings": [{"ref": {"type": "action_id", "value": made["id"]}}]})


def merged(tenant: Tenant) -> dict[str, Any]:
    """Merge the exported files as they say: our Actions, and our places behind what is there."""
    ours, flows = (
        yaml.safe_load((tenant.folder / "customer-link" / each).read_text())
        for each in ("tenant.yaml", "triggers.yaml")
    )
    for each in ours["actions"]:
        each["code"] = each["code"].replace("./", "./customer-link/")
    theirs = {"action_name": OTHER, "display_name": OTHER}
    return {"actions": ours["actions"], "triggers": {LOGIN: [theirs, *flows["triggers"][LOGIN]]}}


def test_declared(tenant: Tenant) -> None:
    """Export, import, all green; rotate, import, all green; an older export changes nothing."""
    (tenant.folder / "customerlink.toml").write_text('actions = "declared"\n')
    tenant.box.aws.create_stack(tenant.box.url, {"DenialTexts": json.dumps(TEXTS, indent=1)})
    installed = tenant.cli("install", "--to-file", ENV, stdin=tenant.box.stripe_key)
    assert installed.returncode == 0, installed.stderr
    assert tenant.cli("export", "--format", "a0deploy").returncode == 0
    tenant.write("tenant.yaml", merged(tenant))
    tenant.a0deploy("import", "--input_file", "tenant.yaml")

    assert tenant.flow() == [OTHER, ACTION]
    assert tenant.wrong() == {}
    has = tenant.box.management.actions.secrets_of(ACTION)[DENIAL_TEXTS]
    assert json.loads(has) == TEXTS
    tenant.a0deploy("export", "--format", "yaml", "--output_folder", "older")
    assert tenant.rotate("--to-file", ENV) is False
    tenant.a0deploy("import", "--input_file", "tenant.yaml")
    assert tenant.rotate("--to-file", ENV) is True
    assert tenant.wrong() == {}
    # The end of the rotation has noted what the Action has: an export without secrets, with an
    # older line about them, takes nothing of it back.
    (tenant.folder / ENV).rename(tenant.folder / "elsewhere.env")
    tenant.a0deploy("import", "--input_file", "older/tenant.yaml")
    assert tenant.wrong() == {}
    assert tenant.rotate("--to-file", ENV) is False


def test_an_import_that_unbinds(tenant: Tenant) -> None:
    """A login flow that lists another Action alone takes ours out: doctor and the watch say so."""
    tenant.a0deploy("export", "--format", "yaml", "--output_folder", "before")
    installed = tenant.cli("install", stdin=tenant.box.stripe_key)
    assert (installed.returncode, tenant.flow()) == (0, [OTHER, ACTION])
    # As of then: moto keeps metrics for the tests of other files, whose doctor looks at today's.
    then = datetime.now(UTC) - timedelta(days=20)
    assert (tenant.wrong(), tenant.box.look(then)) == ({}, ())
    tenant.a0deploy("import", "--input_file", "before/tenant.yaml")

    assert tenant.flow() == [OTHER]
    # What rings then is the alarm of tests/functions/test_watch.py.
    assert tenant.box.look(then) == ("post-login: not_bound",)
    assert tenant.wrong() == {"Login flow": "The Action is not bound to it."}
    assert tenant.cli("doctor").returncode == 1


def test_installed_and_exported(tenant: Tenant) -> None:
    """What install put in, exported, rotated, and imported again: doctor is right, rotate goes."""
    assert tenant.cli("install", stdin=tenant.box.stripe_key).returncode == 0
    tenant.a0deploy("export", "--format", "yaml", "--output_folder", "before")
    assert tenant.rotate() is True
    tenant.a0deploy("import", "--input_file", "before/tenant.yaml")

    assert tenant.wrong() == {}
    assert tenant.rotate() is True
    assert tenant.wrong() == {}
