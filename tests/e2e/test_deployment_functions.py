"""The functions beside the sign-up's, as built, in the Lambda runtime: new versions and repair.

Lambda's and CodeDeploy's own APIs are stood in for by a few lines around moto: an invocation goes
to the sign-up function's runtime, a verdict is kept.
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from tests.e2e.runtime import BUILD, Runtime, invoke, runtime
from werkzeug.wrappers import Request, Response

from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.cli.main import run
from customerlink.model.customer import NewCustomer
from customerlink.model.sign_up_record import Lease
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.ports.run import Run
from sandbox.aws import EVENTS_SECRET, REGION, TABLE
from sandbox.events import auth0_event, delivered
from sandbox.posts import signed as signed_by_stripe
from sandbox.sandbox import SIGNING_SECRET, Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

VERSION = "arn:aws:lambda:us-east-1:000000000000:function:PostLoginFunction:2"
HOOK = json.dumps({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook-1"}).encode()


@dataclass
class DeploymentApis:
    """Lambda's Invoke and CodeDeploy's verdict, before AWS's stand-in."""

    new_version: str = ""
    """The runtime that stands for the new version."""
    forbidden_times: int = 0
    """How often a permission is not known yet."""
    verdicts: list[dict[str, str]] = field(default_factory=list)

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Serve these two, and leave the rest to an application."""

        def served(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            request = Request(environ)
            if request.path.endswith("/invocations"):
                return self._invoked(request)(environ, start)
            if "CodeDeploy" in request.headers.get("X-Amz-Target", ""):
                self.verdicts.append(json.loads(request.get_data()))
                body = json.dumps({"lifecycleEventHookExecutionId": "hook-1"})
                return Response(body, content_type="application/x-amz-json-1.1")(environ, start)
            return application(environ, start)

        return served

    def _invoked(self, request: Request) -> Response:
        if self.forbidden_times:
            self.forbidden_times -= 1
            headers = {"x-amzn-errortype": "AccessDeniedException"}
            return Response('{"Message": "not yet"}', 403, headers)
        assert f"/functions/{VERSION}/" in request.path
        return Response(invoke(self.new_version, request.get_data()).data)

    def verdict(self) -> str:
        """Return what CodeDeploy was told last."""
        last = self.verdicts[-1]
        assert (last["deploymentId"], last["lifecycleEventHookExecutionId"]) == ("d-1", "hook-1")
        return last["status"]


@pytest.fixture(scope="module")
def apis() -> DeploymentApis:
    """Return the deployment's APIs."""
    return DeploymentApis()


@pytest.fixture(scope="module")
def running(apis: DeploymentApis) -> Iterator[Sandbox]:
    """Run the sandbox with these APIs, and a sign-up function as the new version."""
    with (
        sandbox(signing_secret=SIGNING_SECRET, around=apis.around) as box,
        runtime(box.environment()) as function,
    ):
        apis.new_version = function.url
        yield box


@pytest.fixture(scope="module")
def hook(running: Sandbox) -> Iterator[Runtime]:
    """Run the pre-traffic check."""
    environment = {**running.environment(), "CUSTOMERLINK_NEW_VERSION": VERSION}
    handler = "customerlink.functions.pre_traffic.handler"
    with runtime(environment, BUILD / "PreTrafficFunction", handler) as function:
        yield function


class TestPreTraffic:
    """A new version before it gets traffic."""

    def test_working_version(self, box: Sandbox, apis: DeploymentApis, hook: Runtime) -> None:
        """The self-test passes: no call to Stripe, and when it was is all that the ledger notes."""
        before = len(box.stripe.requests)
        invoke(hook.url, HOOK)

        assert apis.verdict() == "Succeeded", hook.log()
        assert len(box.stripe.requests) == before
        assert [each["pk"] for each in box.aws.items()] == ["installation"]

    def test_permission_that_is_not_known_yet(self, apis: DeploymentApis, hook: Runtime) -> None:
        """Asked for again."""
        apis.forbidden_times = 1
        invoke(hook.url, HOOK)

        assert (apis.verdict(), apis.forbidden_times) == ("Succeeded", 0)

    def test_broken_version(self, running: Sandbox, apis: DeploymentApis, hook: Runtime) -> None:
        """A wrong setting in it: the deployment stops."""
        good = apis.new_version
        environment = {**running.environment(), "CUSTOMERLINK_SIGNATURE_TOLERANCE": "soon"}
        with runtime(environment) as broken:
            apis.new_version = broken.url
            invoke(hook.url, HOOK)
        apis.new_version = good

        assert apis.verdict() == "Failed"
        assert '"reason":"internal_error"' in hook.log()

    def test_version_that_crashes(self, apis: DeploymentApis, hook: Runtime) -> None:
        """What cannot be invoked at all fails too, and CodeDeploy is told."""
        good, apis.new_version = apis.new_version, "http://127.0.0.1:9"
        invoke(hook.url, HOOK)
        apis.new_version = good

        assert apis.verdict() == "Failed"

    def test_secret_without_a_value(
        self, box: Sandbox, apis: DeploymentApis, hook: Runtime
    ) -> None:
        """Nobody signs up yet, so nothing is at stake: the deployment goes on."""
        value = box.aws.secrets_manager.get_secret_value(SecretId="CustomerLinkSecret")
        box.aws.secrets_manager.delete_secret(
            SecretId="CustomerLinkSecret", ForceDeleteWithoutRecovery=True
        )
        box.aws.secrets_manager.create_secret(Name="CustomerLinkSecret")
        invoke(hook.url, HOOK)
        box.aws.secrets_manager.put_secret_value(
            SecretId="CustomerLinkSecret", SecretString=value["SecretString"]
        )

        assert apis.verdict() == "Succeeded"
        assert "the secret has no value yet" in hook.log()

    def test_log_holds_no_secret(self, box: Sandbox, hook: Runtime) -> None:
        """Neither key."""
        assert box.stripe_key not in hook.log()
        assert SIGNING_SECRET not in hook.log()


def published(function: Runtime) -> list[dict[str, Any]]:
    """Return the metrics that a function printed."""
    lines = [json.loads(each) for each in function.log().splitlines() if each.startswith("{")]
    return [each for each in lines if "_aws" in each]


class TestRepair:
    """Sign-ups that their users left open."""

    def test_finishes_and_counts(self, running: Sandbox) -> None:
        """From two minutes on it is finished; whoever cannot be is counted from 15 minutes on."""
        running.let_functions_into_the_tenant()
        running.tenant.add_user("auth0|old", email="16@example.com")
        running.tenant.add_user("auth0|stuck", email="17@example.com")
        handler = "customerlink.functions.repair.handler"
        environment = {**running.environment(), "AWS_LAMBDA_FUNCTION_TIMEOUT": "60"}
        with runtime(environment, BUILD / "RepairFunction", handler) as function:
            invoke(function.url, b"{}")
            for minutes, name in ((16, "old"), (1, "young"), (18, "linked")):
                open_sign_up(running, f"auth0|{name}", minutes, linked=name == "linked")
            invoke(function.url, b"{}")
            running.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
            open_sign_up(running, "auth0|stuck", 17, linked=False)
            invoke(function.url, b"{}")
            metrics, log = published(function), function.log()
        running.stripe.faults.clear()
        profile = running.tenant.users["auth0|old"]["app_metadata"]

        assert [each["open_sign_ups"] for each in metrics] == [[0.0], [0.0], [1.0]], log
        assert metrics[1]["repair_finished"] == metrics[2]["repair_failed"] == [1.0]
        assert metrics[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "CustomerLink"
        assert metrics[0]["service"] == "customer-link"
        customer = running.stripe.retrieve(profile["stripe_customer_id"])
        assert customer["metadata"]["auth0_user_id"] == "auth0|old"
        assert "@example.com" not in log
        assert running.stripe_key not in log


class _EarlierClock:
    """Time as it was some minutes ago."""

    def __init__(self, minutes: float) -> None:
        self._offset = minutes * 60

    def time(self) -> float:
        return time.time() - self._offset

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        time.sleep(seconds)


def open_sign_up(box: Sandbox, user_id: str, minutes: float, *, linked: bool) -> None:
    """Open a sign-up as a function did some minutes ago."""
    user = User(Tenant("acme"), UserId(user_id))
    ledger = DynamoDbLedger(
        Boto3DynamoDb(box.aws.dynamodb), TABLE, Run(_EarlierClock(minutes), "earlier")
    )
    signup = SignUp(user, 1, email=f"{minutes}@example.com")
    create = NewCustomer.of(signup, f"{minutes}@example.com")
    lease = ledger.open(user, create, admission=True)
    assert isinstance(lease, Lease)
    if linked:
        ledger.link(lease, CustomerId("cus_1"))


def test_sync(running: Sandbox) -> None:
    """An event is followed, and its line names no address; what is no event is no bug."""
    running.let_functions_into_the_tenant()
    user = running.tenant.add_user(email="sync@example.com", email_verified=True, name="Ada")
    running.tenant.login(user)
    before = dict(running.tenant.users[user])
    running.management.users.patch(user, {"name": "Countess"})
    event = auth0_event("user.updated", running.tenant.users[user], before)
    handler, environment = "customerlink.functions.sync.handler", running.environment()
    environment["AWS_LAMBDA_FUNCTION_TIMEOUT"] = "30"
    with runtime(environment, BUILD / "SyncFunction", handler) as function:
        event_of_queue = delivered([json.dumps(event), "no event"])
        answer = json.loads(invoke(function.url, json.dumps(event_of_queue).encode()).data)
        log = function.log()
    profile = running.tenant.users[user]["app_metadata"]

    assert running.stripe.retrieve(profile["stripe_customer_id"])["name"] == "Countess", log
    # There are no dead letters in this environment.
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}, log
    assert '"message":"sync"' in log
    assert "@example.com" not in log


def test_events(running: Sandbox) -> None:
    """With the SDK of Stripe's alone: a posted event is in the queue, and a stranger's is not."""
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    sqs = session.client("sqs", endpoint_url=running.aws.url)
    queue = sqs.create_queue(QueueName="posted")["QueueUrl"]
    signing, body = "whsec_" + "e" * 32, json.dumps({"type": "customer.deleted"})
    secret = WebhookSecret().with_secrets("", signing).text()
    running.aws.secrets_manager.put_secret_value(SecretId=EVENTS_SECRET, SecretString=secret)
    handler, environment = "customerlink.functions.events.handler", running.environment()
    environment["CUSTOMERLINK_SYNC_QUEUE"] = queue
    with runtime(environment, BUILD / "EventsFunction", handler) as function:
        statuses = []
        for key in (signing, signing.replace("e" * 32, "f" * 32)):
            headers = signed_by_stripe(body, key)
            event = {"routeKey": "POST /events/stripe", "headers": headers, "body": body}
            answer = json.loads(invoke(function.url, json.dumps(event).encode()).data)
            statuses.append(answer["statusCode"])
        log = function.log()
    found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]

    assert statuses == [200, 401], log
    assert [json.loads(each["Body"])["detail"] for each in found] == [json.loads(body)]


@pytest.fixture(scope="module")
def watch(running: Sandbox) -> Iterator[Runtime]:
    """Run the watch."""
    handler = "customerlink.functions.watch.handler"
    environment = {**running.environment(), "AWS_LAMBDA_FUNCTION_TIMEOUT": "60"}
    with runtime(environment, BUILD / "WatchFunction", handler) as function:
        yield function


def test_watch(box: Sandbox, watch: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an SDK of anybody's: all is well after an install, and an unbinding is seen."""
    for name, value in box.tools_environment().items():
        monkeypatch.setenv(name, value)
    with suppress(SystemExit):
        run(["install"])
    invoke(watch.url, b"{}")
    box.management.actions.bind("post-login", {"bindings": []})
    invoke(watch.url, b"{}")
    told = [json.loads(each) for each in watch.log().splitlines() if each.startswith("{")]

    assert [each["findings"] for each in told if each.get("message") == "watch"] == [
        [],
        ["post-login: not_bound"],
    ], watch.log()
    assert [each["watch_healthy"] for each in told if "watch_healthy" in each] == [[1.0], [0.0]]
