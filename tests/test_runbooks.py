"""docs/operations.md, from the cause to the line: each row of its table, played.

A cause is made in the stand-ins, the real function logs and counts, and the row is held to that:
its alarm's metric was counted, its saved query finds the line, its runbook has the line's words.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import pytest
import urllib3
from tests.calling import signed
from tests.e2e.test_deployment_functions import open_sign_up
from tests.functions.test_verify_email import session
from tests.insights import evaluate
from tests.plays import after_sign_up, by_aws
from tests.test_template import alarms, metrics
from tests.translation import ROOT
from tools.make_queries import saved_queries
from werkzeug.wrappers import Request, Response

from customerlink.functions import backfill, post_login, repair, send_mail, shop_api, verify_email
from customerlink.functions.events import ROUTES
from customerlink.functions.shell import telemetry
from customerlink.functions.shell.telemetry import Metric
from customerlink.model.actions import LOGIN
from customerlink.model.errors import SecretUnavailableError
from customerlink.model.log_names import LogNames
from customerlink.usecases.whois import whois
from customerlink.wiring.application import Application
from sandbox.aws import MAIL_FUNCTION, WATCH_SECRET
from sandbox.gateway import Context, in_process
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import Sandbox, application, new_signing_secret, sandbox
from sandbox.stripe_account import Fault, FaultKind, Permission

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from customerlink.ports.profiles import Profiles

PAGE = (ROOT / "docs/operations.md").read_text()
QUERIES = {each.name: each for each in saved_queries()}
SECONDS = 5.0
"""What an invocation has: a little less than on Lambda, so that a slow Stripe is told sooner."""


class Outside:
    """What answers in a service's place, by the service."""

    def __init__(self) -> None:
        """Let every service answer by itself."""
        self.answers: dict[str, tuple[int, str]] = {}
        self.once: dict[str, tuple[int, str]] = {}
        """For one request."""

    def around(self, served: "WSGIApplication") -> "WSGIApplication":
        """Put it around a stand-in."""

        def disturbed(environ: "WSGIEnvironment", start: "StartResponse") -> Any:
            asked = _asked(Request(environ))
            once = self.once.pop(asked, None)
            answer = once or self.answers.get(asked)
            if answer is None:
                return served(environ, start)
            return Response(answer[1], answer[0], content_type="text/html")(environ, start)

        return disturbed


def _asked(request: Request) -> str:
    target = request.headers.get("x-amz-target", "")
    if target.startswith("DynamoDB"):
        return "ledger"
    if target.startswith("secretsmanager"):
        return "secret"
    if target.startswith("AmazonSQS"):
        return "queue"
    if target.startswith("CodeDeploy"):
        return "verdict"
    return "stripe" if request.path.startswith("/v1/") else request.path.rpartition("/")[2]


@dataclass
class Stage:
    """The sandbox, and what a play prints."""

    box: Sandbox
    outside: Outside
    patch: pytest.MonkeyPatch
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))
    by_aws: dict[str, float] = field(default_factory=dict)
    """What AWS counts by itself, by its metrics' names: nothing here does it for it."""

    def refuse(self, service: str, code: str) -> None:
        """Let a service of AWS's answer with an error."""
        self.outside.answers[service] = (400, json.dumps({"__type": code}))

    def prints(self, line: str) -> None:
        """Let AWS write a line beside the functions'."""
        self.box.log.write(f"{line}\n")

    def user(self) -> dict[str, str]:
        """Return somebody whom nobody knows yet."""
        name = f"{time.time_ns():x}-{next(self.numbers)}"
        return {"user_id": f"auth0|{name}", "email": f"{name}@example.com"}

    def log_in(  # noqa: PLR0913 (what may be odd of one)
        self,
        user: Mapping[str, object] | None = None,
        *,
        deployed: Callable[[], Application] | None = None,
        tenant: str = "acme",
        count: int = 1,
        secret: str = "",
        at: float | None = None,
        is_signed: bool = True,
    ) -> None:
        """Report a log-in to the function as it is deployed, or as it starts anew."""
        report = {"version": 1, "tenant": {"id": tenant}, "stats": {"logins_count": count}}
        body = json.dumps({**report, "user": user or self.user()}).encode()
        headers = signed(secret or self.box.signing_secret, body, at)
        headers = headers if is_signed else {"content-type": "application/json"}
        event = {"routeKey": "POST /post-login", "headers": headers, "body": body.decode()}
        context: Any = Context(_end=time.monotonic() + SECONDS)
        started = deployed or application(self.box.environment())
        post_login.respond(started, event, context)

    def with_secret(self, **changes: object) -> Callable[[], Application]:
        """Return a deployment with a secret of its own."""
        name = f"secret-{time.time_ns()}"
        secret = {
            "stripe_restricted_key": self.box.stripe_key,
            "action_signing_secrets": [self.box.signing_secret],
        }
        text = json.dumps({**secret, **changes})
        self.box.aws.secrets_manager.create_secret(Name=name, SecretString=text)
        return application({**self.box.environment(), "CUSTOMERLINK_SECRET_ID": name})

    def order(self) -> None:
        """Place an order."""
        user = self.box.tenant.add_user(**self.user())
        url = self.box.url.replace("/post-login", "/customers/me")
        token = {"authorization": f"Bearer {self.box.shop_token(user)}"}
        urllib3.request("POST", url, headers=token, timeout=PATIENCE_SECONDS)

    def ask_for_a_mail(self) -> None:
        """Press the page's button."""
        user = self.box.tenant.add_user(**self.user(), email_verified=False)
        given = urlencode({"session_token": session(user), "state": "state"})
        form = {"content-type": "application/x-www-form-urlencoded"}
        event = {"routeKey": "POST /verify-email", "headers": form, "body": given}
        self.box.gateway.page(event)

    def restart(self) -> None:
        """Let every function but the sign-up's start anew."""
        environment = self.box.environment()
        for kept in (repair._application, repair._dynamodb, backfill._backfill):
            kept.cache_clear()
        starts = {"shop": (shop_api, shop_api.Shop), "page": (verify_email, verify_email.Page)}
        for name, (module, make) in starts.items():
            setattr(self.box.gateway, name, _anew(module, make))
        self.box.aws.functions[MAIL_FUNCTION] = _anew(send_mail, send_mail.Post)
        for name, value in environment.items():
            self.patch.setenv(name, value)

    def step(self, name: str, **given: object) -> None:
        """Take a step of the backfill, however it ends."""
        with suppress(Exception):
            backfill.handler({"step": name, "run": "run", **given}, _long())

    def lock_out(self) -> None:
        """Let Auth0 refuse the functions' client."""
        self.box.management._clients.clear()


def _long() -> Any:
    return Context(_end=time.monotonic() + 60)


def _anew(module: Any, make: Callable[[], Any]) -> Any:
    return in_process(lambda event, context: module.respond(make, event, context))


@pytest.fixture(scope="module")
def theatre() -> Iterator[tuple[Sandbox, Outside]]:
    """Run one sandbox for all plays."""
    outside = Outside()
    with sandbox(around=outside.around) as box:
        yield box, outside


@pytest.fixture
def stage(theatre: tuple[Sandbox, Outside], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Return it without the faults of the play before."""
    box, outside = theatre
    monkeypatch.setattr(telemetry, "FUNCTION", "a-function")
    made = Stage(box, outside, monkeypatch)
    monkeypatch.setenv("CUSTOMERLINK_BUCKET", "a-bucket")
    box.let_functions_into_the_tenant()
    made.restart()
    yield made
    outside.answers.clear()
    box.stripe.faults.clear()
    box.management.faults.clear()


PLAYS: dict[str, Callable[[Stage], None]] = {}


def play(cause: str) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Say which cause a function plays, in the page's words."""

    def noted(act: Callable[[Stage], None]) -> Callable[[Stage], None]:
        PLAYS[cause] = act
        return act

    return noted


@play("Stripe's key is revoked")
def _revoked(stage: Stage) -> None:
    key = stage.box.stripe.add_key()
    stage.box.stripe.revoke_key(key)
    stage.log_in(deployed=stage.with_secret(stripe_restricted_key=key))


@play("Stripe's key has expired")
def _expired(stage: Stage) -> None:
    key = stage.box.stripe.add_key()
    stage.box.stripe.expire_key(key)
    stage.log_in(deployed=stage.with_secret(stripe_restricted_key=key))


@play("Stripe's key may only read")
def _reads(stage: Stage) -> None:
    key = stage.box.stripe.add_key(Permission.READ)
    stage.log_in(deployed=stage.with_secret(stripe_restricted_key=key))


@play("Stripe's key is of the other mode")
def _other_mode(stage: Stage) -> None:
    user = stage.user()
    stage.log_in(user)
    stripe = stage.box.stripe
    [customer] = [each for each in stripe.live_customers() if each["email"] == user["email"]]
    del stripe._customers[customer["id"]]
    stripe.other_mode.add(customer["id"])
    stage.log_in(user)


@play("Stripe's key is of the other mode, and profiles have ids")
def _other_mode_of_profiles(stage: Stage) -> None:
    stage.box.stripe.other_mode.add("cus_OfTheOtherMode")
    linked = {"stripe_customer_id": "cus_OfTheOtherMode", "stripe_signup": "unfinished"}
    stage.log_in({**stage.user(), "app_metadata": linked})


@play("Stripe is down")
def _down(stage: Stage) -> None:
    stage.box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    stage.log_in()


@play("Stripe is down, people are let in")
def _down_and_in(stage: Stage) -> None:
    stage.box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    going_on = {**stage.box.environment(), "CUSTOMERLINK_ON_FAILURE": "continue"}
    stage.log_in(deployed=application(going_on))


@play("Stripe is slow")
def _slow(stage: Stage) -> None:
    stage.box.stripe.faults.append(Fault(FaultKind.SLOW, "POST", times=9, seconds=3.0))
    stage.log_in()


@play("Stripe is not reached")
def _not_reached(stage: Stage) -> None:
    nowhere = {**stage.box.environment(), "CUSTOMERLINK_STRIPE_API_BASE": "http://127.0.0.1:9"}
    stage.log_in(deployed=application(nowhere))


@play("Stripe answers with a page")
def _page(stage: Stage) -> None:
    stage.outside.answers["stripe"] = (200, "<html>Back soon</html>")
    stage.log_in()


@play("Stripe's rate limit is reached")
def _limit(stage: Stage) -> None:
    stage.box.stripe.faults.append(Fault(FaultKind.RATE_LIMIT, "GET", times=99))
    stage.log_in()


@play("A lost create is on its way")
def _under_way(stage: Stage) -> None:
    user = stage.user()
    stage.box.stripe.faults.append(Fault(FaultKind.DROP_BEFORE, "POST", times=99))
    stage.log_in(user)
    stage.box.stripe.faults.clear()
    stage.log_in({**user, "email": f"new-{user['email']}"})


@play("The ledger failed once, then Stripe's key")
def _ledger_then_key(stage: Stage) -> None:
    key = stage.box.stripe.add_key()
    stage.box.stripe.revoke_key(key)
    stage.outside.once["ledger"] = (400, json.dumps({"__type": "AccessDeniedException"}))
    stage.log_in(deployed=stage.with_secret(stripe_restricted_key=key))


def ledger_refuses(code: str, count: int = 1) -> Callable[[Stage], None]:
    """Return a play in which the ledger answers a log-in with a code."""

    def act(stage: Stage) -> None:
        stage.refuse("ledger", f"com.amazonaws.dynamodb.v20120810#{code}")
        stage.log_in(count=count)

    return act


PLAYS |= {
    "The ledger is gone": ledger_refuses("ResourceNotFoundException"),
    "The ledger is gone, of who has signed up": ledger_refuses("ResourceNotFoundException", 7),
    "The ledger is throttled": ledger_refuses("ThrottlingException"),
    "The ledger is denied": ledger_refuses("AccessDeniedException"),
}


@play("The ledger answers with a page")
def _ledgers_page(stage: Stage) -> None:
    stage.outside.answers["ledger"] = (503, "<html>Back soon</html>")
    stage.log_in()


@play("The secret is gone")
def _no_secret(stage: Stage) -> None:
    stage.refuse("secret", "ResourceNotFoundException")
    stage.log_in()


@play("The secret is denied")
def _denied_secret(stage: Stage) -> None:
    stage.refuse("secret", "AccessDeniedException")
    stage.log_in()


@play("The secret's field is wrong")
def _wrong_field(stage: Stage) -> None:
    stage.log_in(deployed=stage.with_secret(action_signing_secrets="none"))


@play("The code has a bug")
def _bug(stage: Stage) -> None:
    def broken() -> Application:
        raise KeyError("ada@example.com")

    stage.log_in(deployed=broken)


@play("The Action signs with another secret")
def _other_secret(stage: Stage) -> None:
    stage.log_in(secret=new_signing_secret())


@play("A clock is wrong")
def _clock(stage: Stage) -> None:
    stage.log_in(at=time.time() + 3600)


@play("A stranger calls")
def _stranger(stage: Stage) -> None:
    stage.log_in(is_signed=False)


@play("Another tenant reports")
def _other_tenant(stage: Stage) -> None:
    stage.log_in(tenant="other")


@play("The Action is not bound")
def _unbound(stage: Stage) -> None:
    box = stage.box
    client_id, client_secret = box.management.add_client(("read:actions",))
    trigger = {"id": "post-login", "version": "v3"}
    action = {"name": "Customer Link", "supported_triggers": [trigger], "code": "exports = {};"}
    box.management.actions.create({**action, "runtime": "node22"})
    secret = {
        "domain": box.auth0_url,
        "client_id": client_id,
        "client_secret": client_secret,
        "self_test_key": box.self_test_key,
        "actions": {LOGIN: "Customer Link"},
    }
    text = json.dumps(secret)
    box.aws.secrets_manager.put_secret_value(SecretId=WATCH_SECRET, SecretString=text)
    box.look()


@play("The repair's client is refused")
def _repair(stage: Stage) -> None:
    open_sign_up(stage.box, stage.user()["user_id"], 20, linked=False)
    stage.lock_out()
    repair.handler({}, _long())


@play("The repair meets a dead ledger")
def _repairs_ledger(stage: Stage) -> None:
    stage.refuse("ledger", "ResourceNotFoundException")
    with suppress(Exception):
        repair.handler({}, _long())


@play("The repair's tenant secret is denied")
def _repairs_secret(stage: Stage) -> None:
    stage.refuse("secret", "AccessDeniedException")
    with suppress(Exception):
        repair.handler({}, _long())


@play("The repair meets Stripe's rate limit")
def _repairs_stripe(stage: Stage) -> None:
    user = stage.user()
    stage.box.tenant.add_user(**user)
    open_sign_up(stage.box, user["user_id"], 20, linked=False)
    stage.box.stripe.faults.append(Fault(FaultKind.RATE_LIMIT, "GET", times=99))
    repair.handler({}, _long())


@play("The ledger is gone at the checkout")
def _shops_ledger(stage: Stage) -> None:
    stage.refuse("ledger", "ResourceNotFoundException")
    stage.order()


@play("The shop's tenant secret is denied")
def _shops_secret(stage: Stage) -> None:
    stage.refuse("secret", "AccessDeniedException")
    stage.order()


@play("The page's secret is denied")
def _pages_secret(stage: Stage) -> None:
    stage.refuse("secret", "AccessDeniedException")
    stage.ask_for_a_mail()


@play("The mail's tenant secret is denied")
def _mails_secret(stage: Stage) -> None:
    stage.refuse("secret", "AccessDeniedException")
    stage.box.aws.functions[MAIL_FUNCTION]({"user_id": "auth0|ada"})


@play("Auth0 is down at the checkout")
def _shops_auth0(stage: Stage) -> None:
    stage.box.management.faults += ["GET /api/v2/users"] * 3
    stage.order()


@play("Auth0 refuses to send a mail")
def _mails_auth0(stage: Stage) -> None:
    stage.box.management.faults += ["POST /api/v2/jobs/verification-email"]
    stage.ask_for_a_mail()


@play("The ledger is throttled for a mail")
def _mails_ledger(stage: Stage) -> None:
    stage.refuse("ledger", "ThrottlingException")
    stage.ask_for_a_mail()


@play("The page may not ask for a mail")
def _pages_mail(stage: Stage) -> None:
    stage.refuse("invocations", "AccessDeniedException")
    stage.ask_for_a_mail()


@play("The backfill's client is refused")
def _backfills_auth0(stage: Stage) -> None:
    stage.lock_out()
    stage.step("start_export")


@play("The backfill's bucket is gone")
def _backfills_bucket(stage: Stage) -> None:
    stage.step("compare")


@play("The backfill meets a dead ledger")
def _backfills_ledger(stage: Stage) -> None:
    stage.refuse("ledger", "ResourceNotFoundException")
    stage.step("segments")


PLAYS |= after_sign_up.PLAYS | by_aws.PLAYS


@dataclass(frozen=True)
class Row:
    """One of the page's table."""

    cause: str
    alarm: str
    anchor: str
    query: str
    line: tuple[str, ...]


def rows() -> list[Row]:
    """Read the table."""
    pattern = r"^\| ([^|`]+) \| (`\w+`|none) \| \[this\]\(#([a-z0-9-]+)\) \| \*(.+?)\* \| (.+) \|$"
    return [
        Row(cause, alarm.strip("`"), anchor, query, tuple(re.findall(r"`([^`]+)`", line)))
        for cause, alarm, anchor, query, line in re.findall(pattern, PAGE, re.MULTILINE)
    ]


def section(anchor: str) -> str:
    """Return a runbook."""
    for each in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, text = each.partition("\n")
        if heading.lower().replace(" ", "-").replace("'", "") == anchor:
            return text
    raise LookupError(anchor)


def counted(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Return the metrics that were counted, and how often."""
    found: dict[str, float] = {}
    for line in lines:
        for group in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in group["Metrics"]:
                found[metric["Name"]] = line[metric["Name"]][0]
    return found


def lines_of(printed: str) -> list[dict[str, Any]]:
    """Read a log as Insights does: a line that is JSON has fields, and each has its text."""
    read = []
    for each in printed.splitlines():
        is_json = each.startswith("{")
        read.append({**(json.loads(each) if is_json else {}), "@message": each})
    return read


def rings(alarm: str, lines: list[dict[str, Any]], by_aws: dict[str, float]) -> bool:
    """Return whether a metric of an alarm's was counted; of the watch's, that it is not healthy."""
    counts = counted(lines) | by_aws
    names = {each["MetricName"] for each in metrics(alarms()[alarm])} & counts.keys()
    is_low = alarms()[alarm].get("ComparisonOperator") == "LessThanThreshold"
    names -= {"milliseconds"}
    if not names:
        return str(alarms()[alarm]["TreatMissingData"]) == "breaching"
    return all((counts[each] > 0) is not is_low for each in names)


def is_told(words: Iterable[str], row: Mapping[str, object]) -> bool:
    """Return whether a query's row has words: values, fields that have one, or parts of a text."""
    shown = {name: value for name, value in row.items() if value is not None}
    text = str(shown.get("@message", ""))
    return all(each in shown or each in map(str, shown.values()) or each in text for each in words)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.cause)
def test_row(stage: Stage, row: Row) -> None:
    """The alarm rings, the query finds the line, and the runbook has its words."""
    before = len(stage.box.log.getvalue())
    PLAYS[row.cause](stage)
    printed = stage.box.log.getvalue()[before:]
    lines = lines_of(printed)
    found = evaluate(QUERIES[row.query].query, lines)

    assert row.alarm == "none" or rings(row.alarm, lines, stage.by_aws)
    assert any(is_told(row.line, each) for each in found), lines
    runbook = section(row.anchor)
    assert f"*{row.query}*" in runbook
    linked = [section(each) for each in re.findall(r"\]\(#([a-z0-9-]+)\)", runbook)]
    told = " ".join([runbook, *linked])
    assert [each for each in row.line if f"`{each.rpartition(': ')[2]}`" not in told] == []
    for word in ("@example.com", stage.box.stripe_key, "whsec_", "Invalid API"):
        assert word not in printed


ANYBODYS: list[Callable[[Stage], None]] = [
    lambda stage: stage.log_in(is_signed=False),
    *(
        after_sign_up.posted(route, each, has_value=has_value)
        for route in ROUTES
        for each in after_sign_up.FORGED
        for has_value in (True, False)
    ),
]
"""What a stranger sends, before and after the events' secret has a value."""


@pytest.mark.parametrize("send", ANYBODYS)
def test_a_stranger_rings_nothing(stage: Stage, send: Callable[[Stage], None]) -> None:
    """However often: nothing that an alarm looks at was counted."""
    before = len(stage.box.log.getvalue())
    send(stage)
    lines = lines_of(stage.box.log.getvalue()[before:])

    assert counted(lines).keys() <= {Metric.UNSIGNED, Metric.UNKNOWN_SENDER}
    assert counted(lines)
    watched = {each["MetricName"] for alarm in alarms().values() for each in metrics(alarm)}
    assert watched.isdisjoint(counted(lines))


def test_every_alarm_is_in_the_table() -> None:
    """Each of the template's has a cause that is played, in the runbook that its text names."""
    led = {(each.alarm, each.anchor) for each in rows() if each.alarm != "none"}
    named = {
        (name, re.findall(r"#([a-z0-9-]+)", str(each["AlarmDescription"]))[-1])
        for name, each in alarms().items()
    }

    assert {alarm for alarm, _ in led} == alarms().keys()
    assert named <= led


def test_every_cause_is_in_the_table() -> None:
    """And every row is played."""
    assert {each.cause for each in rows()} == PLAYS.keys()


class TestOneUser:
    """The saved query *One user*, by what `customerlink whois` calls somebody."""

    @pytest.mark.parametrize(
        "user_id",
        ["samlp|acme|ada@corp.example", "google-oauth2|100000000000000000001", "auth0|ada"],
    )
    @pytest.mark.parametrize("is_digest_alone", [False, True])
    def test_is_found(self, stage: Stage, user_id: str, *, is_digest_alone: bool) -> None:
        """In the lines of sign-ups, and of nobody else's: by the name in logs, or its digest."""
        names = LogNames.keyed(stage.box.stripe_key)
        [known] = whois(user_id, names, cast("Profiles", None), list)
        before = len(stage.box.log.getvalue())
        stage.log_in({"user_id": user_id, "email": f"{time.time_ns()}@example.com"})
        stage.log_in()
        lines = [json.loads(each) for each in stage.box.log.getvalue()[before:].splitlines()]
        put_in = known.log_name
        if is_digest_alone:
            put_in = put_in.rpartition("digest:")[2]
        found = evaluate(QUERIES["One user"].query.replace("auth0|…", put_in), lines)

        assert [each["message"] for each in found] == ["sign_up"]

    def test_second_account_and_repair(self) -> None:
        """A line that names somebody as the second account is theirs as well."""
        lines = [
            {"message": "accounts_linked", "user_id": "auth0|1", "secondary_user_id": "auth0|2"},
            {"message": "repair", "user_id": "auth0|2", "end": "finished"},
            {"message": "repair", "user_id": "auth0|3", "end": "finished"},
        ]
        found = evaluate(QUERIES["One user"].query.replace("auth0|…", "auth0|2"), lines)

        assert [each["message"] for each in found] == ["accounts_linked", "repair"]


def test_a_repair_that_fails_as_a_whole(stage: Stage) -> None:
    """It says where, before the alarm for nobody who counts rings."""
    stage.refuse("secret", "AccessDeniedException")
    before = len(stage.box.log.getvalue())
    with pytest.raises(SecretUnavailableError):
        repair.handler({}, _long())
    lines = [json.loads(each) for each in stage.box.log.getvalue()[before:].splitlines()]

    [row] = evaluate(QUERIES["What failed"].query, lines)
    assert (row["failed_at"], row["failure"]) == ("secret", "AccessDeniedException")
