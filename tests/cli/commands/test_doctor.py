"""`customerlink doctor`: everything in order, and each thing that can be wrong."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from tests.cli.conftest import ACTION, Cli
from tests.fakes import FakeClock

from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.cli.commands import doctor
from customerlink.cli.probes import SelfTestResult
from customerlink.cli.release import unmarked
from customerlink.model.user import Tenant, User, UserId
from customerlink.ports.run import Run
from sandbox.aws import ALARM, REGION, TABLE
from sandbox.sandbox import new_signing_secret


def diagnosis(cli: Cli, *words: str) -> dict[str, dict[str, Any]]:
    """Return each check by its name."""
    result = cli(*words, "doctor", "--json")
    checks = {each["name"]: each for each in result.json()["checks"]}
    assert result.code == int(any(each["verdict"] == "bad" for each in checks.values()))
    return checks


def test_everything_in_order(cli: Cli) -> None:
    """Nothing but ✓."""
    cli.install()
    checks = diagnosis(cli)

    assert {name for name, each in checks.items() if each["verdict"] != "good"} == set()
    assert list(checks) == [
        *("AWS credentials", "stack", "secret", "Stripe key", "Stripe: list", "Stripe: no more"),
        *("Auth0 client", "Action: code", "Action: runtime", "Action: secrets", "Login flow"),
        *("endpoint", "alarms", "open sign-ups"),
    ]


def test_for_people(cli: Cli) -> None:
    """A line each, what it means, and the command that mends it."""
    cli.install()
    cli("uninstall")
    result = cli("doctor")

    assert result.code == 1
    assert "✓ AWS credentials" in result.out
    assert f"✗ Action            The tenant has no Action {ACTION}." in result.out
    assert "→ customerlink install" in result.out
    assert "failed" in result.out.splitlines()[-1]


def test_doctor_changes_nothing(cli: Cli) -> None:
    """Neither here nor there."""
    cli.install()
    before = len(cli.box.stripe.live_customers()), cli.stored(), cli.box.aws.items()
    cli.changes()
    cli("doctor")

    assert cli.changes() == []
    assert (len(cli.box.stripe.live_customers()), cli.stored(), cli.box.aws.items()) == before


def test_probe_write(cli: Cli) -> None:
    """A customer is created and deleted, in test mode only."""
    cli.install()
    before = len(cli.box.stripe.live_customers())
    result = cli("doctor", "--probe-write", "--json")

    assert "Stripe: create" in {each["name"] for each in result.json()["checks"]}
    assert len(cli.box.stripe.live_customers()) == before
    assert any(each.startswith("DELETE /v1/customers") for each in cli.box.stripe.requests)


def edited(cli: Cli, **changes: Any) -> None:
    """Edit the Action by hand, and deploy it."""
    [action] = cli.actions().list_page({"actionName": ACTION})["actions"]
    cli.actions().update(action["id"], changes)
    cli.actions().deploy(action["id"])


def code_of(cli: Cli) -> str:
    """Return the Action's code."""
    return str(cli.actions().list_page({"actionName": ACTION})["actions"][0]["code"])


def store(**changes: Any) -> Callable[[Cli], None]:
    """Change fields of the secret."""
    return lambda cli: cli.store(json.dumps(cli.stored() | changes))


def drop_scope(cli: Cli) -> None:
    """Take a client that lacks one."""
    client_id, secret = cli.box.management.add_client(("read:actions", "create:actions"))
    cli.patch.setenv("AUTH0_CLIENT_ID", client_id)
    cli.patch.setenv("AUTH0_CLIENT_SECRET", secret)


def unbind(cli: Cli) -> None:
    """Empty the Login flow."""
    cli.actions().bind("post-login", {"bindings": []})


def draft(cli: Cli) -> None:
    """Leave a draft that is not deployed."""
    [action] = cli.actions().list_page({"actionName": ACTION})["actions"]
    cli.actions().update(action["id"], {"secrets": action["secrets"]})


def reader_of_charges(cli: Cli) -> None:
    """Take a key that may see payments."""
    store(stripe_restricted_key=cli.box.stripe.add_key(charges=True))(cli)


def revoked(cli: Cli) -> None:
    """Revoke the key."""
    key = cli.box.stripe.add_key()
    cli.box.stripe.revoke_key(key)
    store(stripe_restricted_key=key)(cli)


def unrestricted(cli: Cli) -> None:
    """Take a key that may do everything."""
    store(stripe_restricted_key=cli.box.stripe.add_key(prefix="sk_test_"))(cli)


def alarms(cli: Cli) -> Any:
    """Return a client for the stack's alarms."""
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    return session.client("cloudwatch", endpoint_url=cli.box.aws.url)


def alarm(cli: Cli) -> None:
    """Let an alarm of the stack go off."""
    alarms(cli).set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="test")


def no_alarm(cli: Cli) -> None:
    """Let the stack have none."""
    alarms(cli).delete_alarms(AlarmNames=[ALARM])


def open_sign_up(cli: Cli) -> None:
    """Leave a sign-up open since the year 2020."""
    clock = FakeClock()
    clock.now = 1.58e9
    user = User(Tenant("acme"), UserId("auth0|open"))
    DynamoDbLedger(Boto3DynamoDb(cli.box.aws.dynamodb), TABLE, Run(clock, "earlier")).open(
        user, None, admission=True
    )


def old_runtime(cli: Cli) -> None:
    """Let the Action be one of the days before Node 18, which nobody can make any more."""
    actions = cli.actions()._actions.values()
    [action] = [each for each in actions if each["name"] == ACTION]
    action["runtime"] = "node16"


def wrong_print(cli: Cli) -> None:
    """Let the Action have another deployment's settings."""
    settings = unmarked(code_of(cli))[1] or ""
    edited(cli, code=code_of(cli).replace(settings, "0" * 32))


@pytest.mark.parametrize(
    ("spoil", "check", "verdict", "said"),
    [
        (store(stripe_restricted_key=None), "secret", "bad", "stripe_restricted_key"),
        (store(action_signing_secrets=[]), "secret", "bad", "action_signing_secrets"),
        (
            lambda cli: store(
                action_signing_secrets=[
                    *cli.stored()["action_signing_secrets"],
                    new_signing_secret(),
                ]
            )(cli),
            "secret",
            "warning",
            "was a rotation interrupted?",
        ),
        (revoked, "Stripe key", "bad", "does not know this key"),
        (unrestricted, "Stripe key", "bad", "not restricted"),
        (reader_of_charges, "Stripe: no more", "warning", "may read charges"),
        (drop_scope, "Auth0 client", "bad", "update:actions, delete:actions"),
        (lambda cli: cli("uninstall"), "Action", "bad", "has no Action"),
        (lambda cli: edited(cli, code="// ours"), "Action: code", "warning", "not this release's"),
        (draft, "Action: code", "warning", "draft"),
        (old_runtime, "Action: runtime", "bad", "too old"),
        (lambda cli: edited(cli, secrets=[]), "Action: secrets", "bad", "are missing"),
        (wrong_print, "Action: secrets", "bad", "not this stack's"),
        (
            lambda cli: edited(cli, code=unmarked(code_of(cli))[0]),
            "Action: secrets",
            "warning",
            "by hand",
        ),
        (unbind, "Login flow", "bad", "not bound"),
        (store(action_signing_secrets=[new_signing_secret()]), "endpoint", "bad", "401"),
        (alarm, "alarms", "bad", ALARM),
        (no_alarm, "alarms", "warning", "has none"),
        (open_sign_up, "open sign-ups", "warning", "1 have been open"),
    ],
)
def test_what_is_wrong_is_found(
    cli: Cli, spoil: Callable[[Cli], object], check: str, verdict: str, said: str
) -> None:
    """With what mends it."""
    cli.install()
    spoil(cli)
    found = diagnosis(cli)[check]

    assert (found["verdict"], said in found["meaning"]) == (verdict, True), found
    assert found["fix"] or verdict == "good"


def test_the_other_mode(cli: Cli) -> None:
    """A test key in a live profile."""
    cli.install()
    found = diagnosis(cli, "--mode", "live")["Stripe key"]

    assert (found["verdict"], "for test mode" in found["meaning"]) == ("bad", True)


def test_nothing_at_all(cli: Cli) -> None:
    """Before an install: every check is made, none ends the others."""
    cli.patch.setenv("CUSTOMERLINK_STACK", "gone")
    cli.patch.setenv("AUTH0_CLIENT_SECRET", "wrong")
    checks = diagnosis(cli)

    assert checks["AWS credentials"]["verdict"] == "good"
    assert len([each for each in checks.values() if each["verdict"] == "bad"]) == 8


def test_action_that_is_not_deployed(cli: Cli) -> None:
    """An install that was interrupted left a draft, which nobody runs."""
    cli.box.management.faults.append("POST /api/v2/actions/actions/")
    assert cli("install", stdin=cli.box.stripe_key).code == 3
    found = diagnosis(cli)["Action"]

    assert (found["verdict"], "is not deployed" in found["meaning"]) == ("bad", True)


@pytest.mark.parametrize(
    ("milliseconds", "skew", "check", "said"),
    [
        (doctor.SLOW_MILLISECONDS + 1, None, "endpoint", "self-test in"),
        (1.0, -40.0, "clock", "40 s apart"),
        (1.0, 40.0, "clock", "40 s apart"),
    ],
)
def test_endpoint_that_passed(
    cli: Cli, milliseconds: float, skew: float | None, check: str, said: str
) -> None:
    """Its answer may be slow all the same, or its clock another one than this machine's."""
    cli.install()
    result = SelfTestResult(
        passed=True, status=200, reason="not_new", milliseconds=milliseconds, skew=skew
    )
    cli.patch.setattr(doctor, "self_test", lambda *_: result)
    found = diagnosis(cli)[check]

    assert (found["verdict"], said in found["meaning"]) == ("warning", True)


def test_bug_in_a_check(cli: Cli) -> None:
    """It ends the command as a bug: no verdict of a deployment."""

    def broken(*_: object) -> SelfTestResult:
        raise ZeroDivisionError

    cli.install()
    cli.patch.setattr(doctor, "self_test", broken)
    result = cli("doctor")

    assert (result.code, "A bug: ZeroDivisionError" in result.err) == (70, True)
