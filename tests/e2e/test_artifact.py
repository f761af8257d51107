"""Action → gateway → the Lambda runtime running what `sam build` made → the sandbox."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.calling import report
from tests.conftest import FIXTURES
from tests.e2e.runtime import ARTIFACT, ROOT, Runtime, invoke, runtime

from sandbox.gateway import by_runtime_emulators
from sandbox.sandbox import SIGNING_SECRET, Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind

EVENTS = {
    "new-database-user": (200, "customer_created"),
    "new-google-user": (200, "customer_created"),
    "returning-user": (200, "not_new"),
    "foreign-customer-id": (200, "link_mismatch"),
    "taken-email": (200, "email_in_use"),
    "no-email": (200, "email_missing"),
    "unsigned": (401, "invalid_signature"),
    "malformed": (400, "invalid_request"),
}


@pytest.fixture(scope="module")
def deployed() -> Iterator[tuple[Sandbox, Runtime]]:
    """Run the sandbox with the function in the Lambda runtime instead of in this process."""
    with sandbox(signing_secret=SIGNING_SECRET) as box:
        box.seed()
        environment = {**box.environment(), "CUSTOMERLINK_SIGNATURE_TOLERANCE": "315360000"}
        with runtime(environment) as function:
            box.gateway.invoke = by_runtime_emulators(function.url)
            yield box, function


def test_sign_up(deployed: tuple[Sandbox, Runtime]) -> None:
    """The Action's real JavaScript, the real runtime, the real SDKs."""
    box, function = deployed
    user = box.tenant.add_user(email="Runtime@example.com", name="Run Time")
    login = box.tenant.login(user)
    customer = box.stripe.retrieve(box.tenant.users[user]["app_metadata"]["stripe_customer_id"])

    assert login.decision == "continue", function.log()
    assert customer["email"] == "runtime@example.com"
    assert customer["metadata"] == {"auth0_user_id": user, "auth0_tenant": "acme"}
    assert box.tenant.login(user).app_metadata == {}
    assert '"reason":"customer_created"' in function.log()
    assert "untime@example.com" not in function.log()


def test_outage_and_recovery(deployed: tuple[Sandbox, Runtime]) -> None:
    """Denied while Stripe is down, linked when it is back."""
    box, _ = deployed
    user = box.tenant.add_user(email="outage@example.com")
    box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    denied = box.tenant.login(user)
    box.stripe.faults.clear()

    assert denied.decision == "deny"
    assert box.tenant.login(user).decision == "continue"


@pytest.mark.parametrize("path", sorted((FIXTURES / "logins").glob("*.json")), ids=lambda p: p.stem)
def test_whole_events(deployed: tuple[Sandbox, Runtime], path: Path) -> None:
    """Every connection's event, posted whole."""
    box, _ = deployed
    event = json.loads(path.read_text())
    reply = report(box.url, SIGNING_SECRET, event)

    expected = "customer_created" if "email" in event["user"] else "email_missing"
    assert (reply.status, reply.body["reason"]) == (200, expected)


@pytest.mark.parametrize("name", EVENTS)
def test_local_events(deployed: tuple[Sandbox, Runtime], name: str) -> None:
    """The events for `sam local invoke` reach their branches."""
    _, function = deployed
    event = (ROOT / "events" / f"{name}.json").read_bytes()
    answer: dict[str, Any] = invoke(function.url, event).json()
    body = json.loads(answer["body"])

    assert (answer["statusCode"], body.get("reason", body.get("error"))) == EVENTS[name]


def test_every_event_is_expected() -> None:
    """No file in events/ without a branch."""
    assert {path.stem for path in (ROOT / "events").glob("*.json")} == set(EVENTS)


def test_artifact_holds_the_function_only() -> None:
    """No tests, sandbox, Action, type stubs or installer's leftovers."""
    names = {path.relative_to(ARTIFACT).as_posix() for path in ARTIFACT.rglob("*")}
    top = {name.split("/")[0] for name in names}

    assert "customerlink/entrypoints/post_login.py" in names
    assert not top & {"sandbox", "action", "tests", "pytest", "moto", "bin"}
    assert not [name for name in names if name.endswith(".pyi")]
    assert not [name for name in names if ".dist-info" in name or "/tests/" in name]


def test_byte_code_is_used_as_it_is() -> None:
    """Hash-based and unchecked (PEP 552, flags 0b01): valid whatever date the zip gives a file."""
    compiled = next((ARTIFACT / "customerlink" / "__pycache__").glob("provisioning*.pyc"))

    assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00"
