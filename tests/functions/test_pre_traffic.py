"""The pre-traffic check, in this process; tests/e2e runs it as it is built."""

import json
from collections.abc import Iterator

import pytest
from tests.e2e.test_deployment_functions import HOOK, VERSION, DeploymentApis
from werkzeug.wrappers import Request, Response

from customerlink.functions import pre_traffic
from customerlink.functions.post_login import respond
from sandbox.gateway import Context
from sandbox.sandbox import Sandbox, application, sandbox


class InProcess(DeploymentApis):
    """Lambda's and CodeDeploy's APIs; the new version is this process's own handler."""

    answers: list[object]
    environment: dict[str, str]

    def _invoked(self, request: Request) -> Response:
        """Answer as the new version, or as what stands in for it."""
        if self.forbidden_times:
            return super()._invoked(request)
        if self.answers:
            return Response(json.dumps(self.answers.pop()))
        answer = respond(application(self.environment), request.get_json(force=True), Context())  # type: ignore[arg-type]
        return Response(json.dumps(answer))


@pytest.fixture
def apis() -> InProcess:
    """Return the APIs."""
    made = InProcess()
    made.answers = []
    return made


@pytest.fixture
def deployment(apis: InProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return a sandbox with these APIs, in the environment of its functions."""
    monkeypatch.setattr(pre_traffic, "PAUSE_SECONDS", 0.0)
    with sandbox(around=apis.around) as box:
        apis.environment = box.environment()
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CUSTOMERLINK_NEW_VERSION", VERSION)
        yield box


def verdict(apis: InProcess) -> str:
    """Run the check; return what CodeDeploy was told."""
    pre_traffic.handler(json.loads(HOOK), None)
    return apis.verdict()


@pytest.mark.usefixtures("deployment")
class TestPreTraffic:
    """What CodeDeploy is told."""

    def test_working_version(self, apis: InProcess) -> None:
        """It passes, also when the permission to ask it takes some seconds."""
        apis.forbidden_times = 2
        assert verdict(apis) == "Succeeded"

    def test_restricted_callers(self, apis: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        """The self-test comes from a network that may call."""
        networks = "CUSTOMERLINK_ALLOWED_CALLER_CIDRS"
        apis.environment[networks] = "203.0.113.0/24"
        assert verdict(apis) == "Failed"

        monkeypatch.setenv(networks, "203.0.113.0/24")
        assert verdict(apis) == "Succeeded"

    @pytest.mark.parametrize(
        "answer",
        [
            {"statusCode": 500, "body": '{"error": "internal_error"}'},
            {"statusCode": 200, "body": '{"reason": "customer_created"}'},
            {"statusCode": 200, "body": "no JSON"},
            {"errorMessage": "crashed"},
            ["nothing"],
        ],
    )
    def test_any_other_answer(self, apis: InProcess, answer: object) -> None:
        """Fails, whatever it is."""
        apis.answers.append(answer)
        assert verdict(apis) == "Failed"

    def test_forbidden_for_good(self, apis: InProcess) -> None:
        """Asked a few times, and then failed."""
        apis.forbidden_times = 99
        assert verdict(apis) == "Failed"
        assert apis.forbidden_times == 99 - pre_traffic.TRIES

    def test_secret_without_a_value(self, apis: InProcess, deployment: Sandbox) -> None:
        """Nothing to sign with, nobody to disturb."""
        secrets = deployment.aws.secrets_manager
        secrets.delete_secret(SecretId="CustomerLinkSecret", ForceDeleteWithoutRecovery=True)
        secrets.create_secret(Name="CustomerLinkSecret")
        assert verdict(apis) == "Succeeded"
        assert apis.answers == []
        secrets.put_secret_value(SecretId="CustomerLinkSecret", SecretString="{}")
        assert verdict(apis) == "Failed"
