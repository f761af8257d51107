"""The watch over the sandbox: what it finds, what it publishes, and the alarm that looks at it.

moto keeps metrics and alarms, and neither makes metrics of log lines nor evaluates an alarm: the
sandbox does the one (`Aws.publish`), and the alarm's own properties are evaluated here.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from tests.cli.commands.test_doctor import edited, set_by_hand, verify_email
from tests.cli.conftest import ACTION, Cli, cli
from tests.cli.declaring import apply
from tests.test_deployment import resolved
from tests.translation import TEMPLATE

from customerlink.cli.release import action_name
from customerlink.functions import watch
from customerlink.model.actions import REGISTRATION, SIGNING_SECRET, URL
from customerlink.wiring.watch import Watch
from sandbox.aws import REGION, WATCH_SECRET
from sandbox.sandbox import Sandbox, new_signing_secret

__all__ = ["cli"]

ALARM = "customer-link-WatchAlarm"


def cloudwatch(box: Sandbox) -> Any:
    """Return a client of the sandbox's."""
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    return session.client("cloudwatch", endpoint_url=box.aws.url)


def evaluate(box: Sandbox, at: datetime) -> str:
    """Do what CloudWatch does each minute with the alarm of the template; return its state."""
    client, end = cloudwatch(box), at + timedelta(seconds=1)
    alarm = resolved(TEMPLATE["Resources"]["WatchAlarm"]["Properties"])
    client.put_metric_alarm(AlarmName=ALARM, **alarm)
    [put] = client.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    found = client.get_metric_statistics(
        Namespace=put["Namespace"],
        MetricName=put["MetricName"],
        Dimensions=put["Dimensions"],
        StartTime=end - timedelta(seconds=put["Period"] * put["EvaluationPeriods"]),
        EndTime=end,
        Period=put["Period"],
        Statistics=[put["Statistic"]],
    )["Datapoints"]
    values = [each[put["Statistic"]] for each in found]
    assert put["ComparisonOperator"] == "LessThanThreshold"
    is_breaching = (
        min(values) < put["Threshold"] if values else put["TreatMissingData"] == "breaching"
    )
    state = "ALARM" if is_breaching else "OK"
    client.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="evaluated by a test")
    return str(client.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]["StateValue"])


@pytest.fixture(scope="module")
def days() -> Iterator[datetime]:
    """Return a day of its own for each test: moto deletes no metrics, and keeps those of all."""
    return (datetime.now(UTC) - timedelta(days=each) for each in range(1, 15))


@pytest.fixture
def day(days: Iterator[datetime]) -> datetime:
    """Return one that no other test looks at."""
    return next(days)


def minutes(number: float) -> timedelta:
    """Return so many."""
    return timedelta(minutes=number)


def import_of_one_other(cli: Cli) -> None:
    """Replace the Login flow by one other Action, as an import of another tool's does."""
    bindings = cli.actions().bindings("post-login", {})["bindings"]
    other = next(each for each in bindings if each["action"]["name"] != ACTION)
    ref = {"ref": {"type": "action_id", "value": other["action"]["id"]}}
    cli.actions().bind("post-login", {"bindings": [ref]})


def test_alarm_after_an_import_that_unbinds(cli: Cli, day: datetime) -> None:
    """OK after an install; ALARM at the next run; OK ten minutes after what the runbook says."""
    cli.install()
    assert cli.box.look(day) == ()
    assert evaluate(cli.box, day) == "OK"

    import_of_one_other(cli)
    assert cli.box.look(day + minutes(5)) == ("post-login: not_bound",)
    assert evaluate(cli.box, day + minutes(5)) == "ALARM"

    assert cli("install").code == 0
    assert cli.box.look(day + minutes(10)) == ()
    assert evaluate(cli.box, day + minutes(10)) == "ALARM"
    assert cli.box.look(day + minutes(17)) == ()
    assert evaluate(cli.box, day + minutes(17)) == "OK"
    assert evaluate(cli.box, day + minutes(40)) == "ALARM", "nobody has looked any more"


def unbound(cli: Cli) -> None:
    """Empty the Login flow."""
    cli.actions().bind("post-login", {"bindings": []})


def deleted(cli: Cli) -> None:
    """Delete the Action."""
    assert cli("uninstall").code == 0


def revoked(cli: Cli) -> None:
    """Delete the watch's application."""
    cli.box.management._clients.pop(cli.watched()["client_id"])


def with_another_key(cli: Cli) -> None:
    """Let the watch have another key than the functions know."""
    changed = cli.watched() | {"self_test_key": new_signing_secret()}
    put(cli, json.dumps(changed))


def put(cli: Cli, text: str) -> None:
    """Put in another version of the watch's secret."""
    cli.box.aws.secrets_manager.put_secret_value(SecretId=WATCH_SECRET, SecretString=text)


def old_runtime(cli: Cli) -> None:
    """Let the deployed version run on what has no `fetch`."""
    actions = cli.actions()._actions.values()
    [action] = [each for each in actions if each["name"] == ACTION]
    action["deployed_version"]["runtime"] = "node16"


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (unbound, ["post-login: not_bound"]),
        (import_of_one_other, ["post-login: not_bound"]),
        (deleted, ["post-login: gone"]),
        (lambda cli: edited(cli, code="// theirs"), ["post-login: other_code"]),
        (lambda cli: edited(cli, code=f"{code(cli)}// and more\n"), ["post-login: other_code"]),
        (lambda cli: edited(cli, secrets=[]), ["post-login: secrets_missing"]),
        (set_by_hand(URL), ["post-login: secrets_set_anew"]),
        (set_by_hand(SIGNING_SECRET), ["post-login: secrets_set_anew"]),
        (set_by_hand(URL, same=True), ["post-login: secrets_set_anew"]),
        (old_runtime, ["post-login: old_runtime"]),
        (lambda cli: verify_email(cli, first=False), []),
        (revoked, ["tenant: status 401"]),
        (with_another_key, ["endpoint: status 401"]),
        (lambda cli: put(cli, "{}"), ["secret: the secret's field self_test_key is missing"]),
        (lambda cli: edited(cli, code=code(cli).rstrip()), []),
        (lambda cli: edited(cli, code=f"{code(cli)}\n"), []),
        (edited, []),
        (set_by_hand("THEIRS"), []),
    ],
)
def test_what_it_finds(cli: Cli, spoil: Callable[[Cli], object], found: list[str]) -> None:
    """And what is no difference, as a foreign owner's line end, or a secret of somebody's own."""
    cli.install()
    spoil(cli)

    assert [*cli.box.look()] == found


def code(cli: Cli) -> str:
    """Return the Action's code."""
    return str(cli.actions().list_page({"actionName": ACTION})["actions"][0]["code"])


@pytest.mark.parametrize("trigger", REGISTRATION)
def test_registration(cli: Cli, trigger: str) -> None:
    """Once it is installed, its flows are watched."""
    cli.install()
    assert cli("install", "--registration").code == 0
    assert cli.watched()["actions"][trigger] == action_name(ACTION, trigger)
    cli.actions().bind(trigger, {"bindings": []})

    assert cli.box.look() == (f"{trigger}: not_bound",)


def test_verify_email(cli: Cli) -> None:
    """Bound when install was run, it is to be bound, and an install after an accident knows it."""
    cli.install()
    verify_email(cli, first=True)
    assert cli("install").code == 0
    assert cli.box.look() == ()
    bindings = cli.actions().bindings("post-login", {})["bindings"]
    refs = [{"ref": {"type": "binding_id", "value": each["id"]}} for each in bindings]
    cli.actions().bind("post-login", {"bindings": refs[1:]})
    assert cli("install").code == 0
    assert cli.box.look() == ("verify-email: not_bound",)

    cli.actions().bind("post-login", {"bindings": moved(bindings)})
    assert cli.box.look() == ("post-login: wrong_order",)


def moved(bindings: list[Any]) -> list[Any]:
    """Return a flow of these Actions, the first one at the end."""
    ids = [each["action"]["id"] for each in (*bindings[1:], bindings[0])]
    return [{"ref": {"type": "action_id", "value": each}} for each in ids]


def test_before_it_is_set_up(cli: Cli, day: datetime) -> None:
    """Neither a failure nor silently green."""
    assert cli.box.look(day) == ("secret: the secret has no value yet",)
    assert evaluate(cli.box, day) == "ALARM"


def test_no_run_at_all(cli: Cli, day: datetime) -> None:
    """Silence is a watch that fails."""
    assert evaluate(cli.box, day) == "ALARM"


def test_handler(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another look before it tells; nothing of a key, or of a person, in what it prints."""
    cli.install()
    waits: list[None] = []
    monkeypatch.setattr(Watch, "wait", lambda _: waits.append(None))
    for name, value in cli.box.environment().items():
        monkeypatch.setenv(name, value)
    watch._watch.cache_clear()
    before = len(cli.box.log.getvalue())
    watch.handler({}, None)
    assert not waits
    unbound(cli)
    watch.handler({}, None)
    watch._watch.cache_clear()
    printed = cli.box.log.getvalue()[before:]
    lines = [json.loads(each) for each in printed.splitlines()]

    assert len(waits) == 1
    assert [each["findings"] for each in lines if each.get("message") == "watch"] == [
        [],
        ["post-login: not_bound"],
    ]
    assert [each["watch_healthy"] for each in lines if "watch_healthy" in each] == [[1], [0]]
    stored = cli.watched()
    assert not [each for each in ("client_secret", "self_test_key") if stored[each] in printed]
    assert "@" not in printed


def test_auth0_in_a_bad_moment(cli: Cli) -> None:
    """What is over at the second look is nothing to be woken for."""
    cli.install()
    for fault in ("GET /api/v2/actions/actions", "GET /api/v2/actions/triggers"):
        cli.box.management.faults.append(fault)
        assert cli.box.look() == ()


@pytest.mark.parametrize("gone", ["pre-user-registration", "post-user-registration", "verify"])
def test_install_after_an_accident(cli: Cli, gone: str) -> None:
    """What was watched and is gone stays an alarm, until it is back, or somebody lets it go."""
    cli.install()
    verify_email(cli, first=True)
    assert cli("install", "--registration").code == 0
    name = "Ask to verify" if gone == "verify" else action_name(ACTION, gone)
    [found] = cli.actions().list_page({"actionName": name})["actions"]
    cli.actions().delete(found["id"], {"force": "true"})
    about = "verify-email" if gone == "verify" else gone
    before = cli.box.look()
    assert cli("install").code == 0
    after = cli.box.look()
    checks = {each["name"]: each for each in cli("doctor", "--json").json()["checks"]}

    assert before == after == (f"{about}: gone",)
    assert checks["watch"]["verdict"] == "bad"
    assert cli("install", "--watch-anew").code == 0
    assert cli.box.look() == ()


def test_taken_out_by_uninstall(cli: Cli) -> None:
    """The registration flow's Actions are let go; the Login flow's is missed."""
    cli.install()
    assert cli("install", "--registration").code == 0
    assert cli("uninstall").code == 0

    assert cli.box.look() == ("post-login: gone",)
    assert cli("install").code == 0
    assert cli.box.look() == ()


@pytest.mark.parametrize("says", ["0" * 32, "f" * 32, "none"])
def test_recreated_with_declared_code(cli: Cli, says: str) -> None:
    """Where install sets the secrets, an Action of whoever made it anew is a finding."""
    cli.install()
    [found] = cli.actions().list_page({"actionName": ACTION})["actions"]
    cli.actions().delete(found["id"], {"force": "true"})
    values = {
        "CUSTOMERLINK_API": "https://x.example",
        SIGNING_SECRET: "whsec_AAAA",
        "CUSTOMERLINK_PRINT": says,
    }
    apply(cli, values)

    assert cli.box.look() == ("post-login: secrets_not_noted",)


@pytest.mark.parametrize("domain", ["other.eu.auth0.com", "acme.us.auth0.com", "x.example"])
def test_another_tenants_watch(cli: Cli, domain: str) -> None:
    """A stack has one: it is not taken from another tenant, unless somebody says so."""
    cli.install()
    put(cli, json.dumps(cli.watched() | {"domain": domain}))
    refused = cli("install")

    assert (refused.code, cli.watched()["domain"]) == (4, domain)
    assert "--watch-anew" in refused.err
    assert cli("install", "--watch-anew").code == 0
    assert cli.box.look() == ()
