"""The backfill's state machine on moto's interpreter, its worker in this process and as built.

moto serves no real Lambda, so an invocation goes to a few lines in front of it. What moto's
interpreter does not do: redrive, and the tolerated share of failures (AWS's own).
"""

import json
import math
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import urllib3
import yaml
from tests.e2e.runtime import BUILD, ROOT, invoke, runtime
from werkzeug.wrappers import Request, Response

from customerlink.functions import backfill
from customerlink.functions import backfill_steps as steps_of
from sandbox.aws import BUCKET, REGION, TENANT_SECRET
from sandbox.gateway import Context
from sandbox.patience import wait_until
from sandbox.sandbox import Sandbox, sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FUNCTION = f"arn:aws:lambda:{REGION}:123456789012:function:BackfillFunction"
ROLE = "arn:aws:iam::123456789012:role/BackfillStateMachineRole"
DEFINITION = yaml.safe_load((ROOT / "src/statemachine/backfill.asl.yaml").read_text())

type Client = Any


@dataclass
class Worker:
    """Lambda's Invoke for one function, before AWS's stand-in; one call at a time, as it runs."""

    carry_out: Callable[[bytes], bytes] = lambda _: b"null"
    steps: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Serve invocations, and leave the rest to an application."""

        def served(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            request = Request(environ)
            if not request.path.endswith("/invocations"):
                return application(environ, start)
            return self._invoked(request.get_data())(environ, start)

        return served

    def _invoked(self, event: bytes) -> Response:
        with self._lock:
            self.steps.append(json.loads(event)["step"])
            answer = self.carry_out(event)
        document = json.loads(answer)
        is_failed = isinstance(document, dict) and "errorType" in document
        return Response(answer, headers={"X-Amz-Function-Error": "Unhandled"} if is_failed else {})


def in_this_process(event: bytes) -> bytes:
    """Call the handler as the runtime does."""
    context: Any = Context()
    context.get_remaining_time_in_millis = lambda: 900_000
    try:
        return json.dumps(backfill.handler(json.loads(event), context)).encode()
    except Exception as error:  # noqa: BLE001 (as the runtime does)
        return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()


@pytest.fixture(params=["in this process", "as built"])
def machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator["StateMachine"]:
    """Return the state machine over a sandbox, with either worker."""
    worker = Worker()
    with ExitStack() as running:
        box = running.enter_context(sandbox(around=worker.around))
        box.let_functions_into_the_tenant()
        environment = {**box.environment(), "CUSTOMERLINK_BUCKET": BUCKET}
        if request.param == "as built":
            handler = "customerlink.functions.backfill.handler"
            function = running.enter_context(
                runtime(
                    {**environment, "AWS_LAMBDA_FUNCTION_TIMEOUT": "900"},
                    BUILD / "BackfillFunction",
                    handler,
                )
            )
            worker.carry_out = lambda event: invoke(function.url, event).data
        else:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            backfill._backfill.cache_clear()
            worker.carry_out = in_this_process
        monkeypatch.setenv("MOTO_PORT", box.aws.url.rpartition(":")[2])
        yield StateMachine(box, worker)
        backfill._backfill.cache_clear()


class StateMachine:
    """The definition as deployed, but for the time between two looks at the export."""

    def __init__(self, box: Sandbox, worker: Worker) -> None:
        """Create it, and the bucket."""
        self.box, self.worker = box, worker
        urllib3.request(
            "POST",
            f"{box.aws.url}/moto-api/config",
            json={"stepfunctions": {"execute_state_machine": True}},
        )
        session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
        self._states: Client = session.client("stepfunctions", endpoint_url=box.aws.url)
        self._s3: Client = session.client("s3", endpoint_url=box.aws.url)
        self._s3.create_bucket(Bucket=BUCKET)
        definition = json.dumps(DEFINITION)
        for name, value in (("FunctionArn", FUNCTION), ("Bucket", BUCKET)):
            definition = definition.replace(f"${{{name}}}", value)
        document = json.loads(definition)
        document["States"]["WaitForExport"]["Seconds"] = 1
        for retry in _retries(document):
            retry["IntervalSeconds"] = 1
        self._arn = self._states.create_state_machine(
            name="customer-link-backfill", definition=json.dumps(document), roleArn=ROLE
        )["stateMachineArn"]

    def run(self, **given: object) -> dict[str, Any]:
        """Run it to its end; return the execution."""
        started = self._states.start_execution(
            stateMachineArn=self._arn, name=uuid.uuid4().hex, input=json.dumps(given)
        )
        execution: dict[str, Any] = {}

        def has_ended() -> bool:
            arn = started["executionArn"]
            execution.update(self._states.describe_execution(executionArn=arn))
            return bool(execution["status"] != "RUNNING")

        wait_until(has_ended, "the execution's end")
        return execution

    def fates(self, execution: dict[str, Any]) -> Counter[str]:
        """Count what became of the users."""
        listed = self._s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{execution['name']}/done/")
        bodies = [
            self._s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
            for each in listed.get("Contents", [])
        ]
        return Counter(json.loads(row)["fate"] for body in bodies for row in body.splitlines())


def _retries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield from value.get("Retry", [])
        for each in value.values():
            yield from _retries(each)


def users(box: Sandbox, numbers: Iterable[int], **metadata: str) -> None:
    """Let there be users from before the installation."""
    for number in numbers:
        email = f"User-{number}@example.com"
        box.tenant.add_user(f"auth0|{number}", email=email, app_metadata=dict(metadata))


def assert_everybody_has_one(box: Sandbox, number: int) -> None:
    """Each user is linked to a customer of their own, by both sides."""
    customers = {each["id"]: each for each in box.stripe.live_customers()}
    assert len(customers) == number
    for each in box.tenant.users.values():
        mine = customers[each["app_metadata"]["stripe_customer_id"]]
        assert mine["metadata"]["auth0_user_id"] == each["user_id"]


def test_everybody_gets_one(machine: StateMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    """In chunks, by workers side by side; the second run finds nobody."""
    monkeypatch.setattr(steps_of, "CHUNK", 10)
    users(machine.box, range(25))
    users(machine.box, range(25, 30), stripe_signup="exempt")
    jobs = machine.box.management.jobs
    jobs.export_seconds, get = math.inf, jobs.get

    def done_at_the_second_look(*given: str) -> dict[str, Any]:
        found = get(*given)
        jobs.export_seconds = 0.0
        return found

    monkeypatch.setattr(jobs, "get", done_at_the_second_look)
    execution = machine.run()

    assert execution["status"] == "SUCCEEDED", execution
    assert machine.fates(execution) == {"created": 30}
    assert_everybody_has_one(machine.box, 30)
    assert machine.worker.steps.count("export") == 2
    assert "@example.com" not in json.dumps(execution, default=str)
    steps = len(machine.worker.steps)
    assert machine.run()["status"] == "SUCCEEDED"
    assert "provision" not in machine.worker.steps[steps:]


def test_only_compared(machine: StateMachine) -> None:
    """Counts, and no change."""
    users(machine.box, range(3))
    execution = machine.run(only_compare=True)

    assert json.loads(execution["output"])["compared"]["counts"]["unlinked"] == 3
    assert machine.box.stripe.live_customers() == []


def test_trouble_passes(machine: StateMachine) -> None:
    """A step that failed is taken again: no user twice, none left out."""
    users(machine.box, range(12))
    machine.box.management.faults += ["POST /api/v2/jobs", "PATCH /api/v2/users"]
    execution = machine.run()

    assert execution["status"] == "SUCCEEDED", execution
    assert machine.worker.steps.count("start_export") == 2
    assert machine.worker.steps.count("provision") == 2
    assert_everybody_has_one(machine.box, 12)


def test_token_that_expired(machine: StateMachine) -> None:
    """A warm function asks for another one."""
    users(machine.box, range(2))
    assert machine.run(only_compare=True)["status"] == "SUCCEEDED"
    machine.box.management._tokens.clear()

    assert machine.run()["status"] == "SUCCEEDED"
    assert_everybody_has_one(machine.box, 2)


def test_missing_secret(machine: StateMachine) -> None:
    """Ends at once, with the error's kind and no second try."""
    secrets = machine.box.aws.secrets_manager
    secrets.put_secret_value(SecretId=TENANT_SECRET, SecretString="{}")
    execution = machine.run()

    assert execution["status"] == "FAILED"
    assert machine.worker.steps == ["segments"]
    assert execution["error"] == "ConfigurationError"
