"""The Lambda function that CodeDeploy asks before a new version gets traffic.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from customerlink.functions.shell.telemetry import logger
from customerlink.model.errors import SecretUnavailableError
from customerlink.model.failure import FailedAt, Failure, fields_of, told
from customerlink.model.secret import Secret
from customerlink.usecases.self_test import SelfTest, has_passed
from customerlink.wiring.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

TRIES = 5
PAUSE_SECONDS = 3.0
"""A permission that this very deployment gave takes some seconds to be known everywhere."""


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Send the new version a self-test, and tell CodeDeploy whether it passed."""
    try:
        passed = check(boto3.client("lambda"), boto3.client("secretsmanager"), os.environ)
    except Exception as trouble:  # noqa: BLE001 (CodeDeploy waits for an hour if it is not told)
        failure = getattr(trouble, "failure", Failure(FailedAt.NEW_VERSION, _kind(trouble)))
        logger.error("self_test", extra={"trouble": type(trouble).__name__, **failure.fields()})
        passed = False
    boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if passed else "Failed",
    )


def check(
    functions: "LambdaClient",
    secrets: "SecretsManagerClient",
    environment: Mapping[str, str],
) -> bool:
    """Return whether `CUSTOMERLINK_NEW_VERSION` answers a signed self-test as it should.

    Before the secret got its first value there is nothing to sign with, and nobody to disturb.
    """
    settings = Settings.from_environment(environment)
    try:
        stored = secrets.get_secret_value(SecretId=settings.secret_id)
    except secrets.exceptions.ResourceNotFoundException:
        logger.warning("self_test", extra={"trouble": "the secret has no value yet"})
        return True
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise SecretUnavailableError.answered(code) from None
    secret = Secret.parse(stored.get("SecretString", ""), stored["VersionId"])
    test = SelfTest.signed(secret.signing_secrets[0], time.time())
    # From a network that may call: no other way leads past the function's own check.
    event = test.event(str(next((each[0] for each in settings.allowed_callers), "")))
    answer = _invoked(functions, environment["CUSTOMERLINK_NEW_VERSION"], event)
    status, body = answer.get("statusCode", 0), json.loads(answer.get("body") or "null")
    passed = has_passed(status, body)
    reason = body.get("reason", body.get("error")) if isinstance(body, dict) else None
    failure = None if passed else Failure(FailedAt.NEW_VERSION, told(status or ""))
    tested = {"status": status, "reason": reason, "passed": passed, **fields_of(failure)}
    logger.info("self_test", extra=tested)
    return passed


def _kind(trouble: Exception) -> str:
    """Return what AWS calls a refusal; of anything else, what Python does."""
    if isinstance(trouble, ClientError):
        return told(trouble.response.get("Error", {}).get("Code"))
    return type(trouble).__name__


def _invoked(functions: "LambdaClient", version: str, event: Mapping[str, Any]) -> dict[str, Any]:
    for tries_left in reversed(range(TRIES)):
        try:
            answer = functions.invoke(FunctionName=version, Payload=json.dumps(event))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code != "AccessDeniedException" or not tries_left:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            body = json.loads(answer["Payload"].read())
            return body if isinstance(body, dict) else {}
    raise AssertionError("unreachable")
