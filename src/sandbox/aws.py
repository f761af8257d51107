"""AWS on one machine: Secrets Manager and DynamoDB by moto, one request at a time; Lambda's Invoke.

moto's server is not atomic under concurrent requests, so a lock stands before it.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, override

import boto3
from moto.cloudwatch.models import cloudwatch_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from customerlink.adapters.dynamodb.items import OPEN_INDEX
from sandbox.event_sources import EventSources, with_event_sources
from sandbox.serving import Middleware, Server, one_at_a_time, unchanged
from sandbox.shapes import OddRequestError, document_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION = "us-east-1"
# The names that `sam local` gives the template's resources.
TABLE = "LedgerTable"
SECRET = "CustomerLinkSecret"  # noqa: S105 (a name)
TENANT_SECRET = "TenantSecret"  # noqa: S105 (likewise)
SESSION_SECRET_NAME = "SessionSecret"  # noqa: S105 (likewise)
WATCH_SECRET = "WatchSecret"  # noqa: S105 (likewise)
EVENTS_SECRET = "EventsSecret"  # noqa: S105 (likewise)
MAIL_FUNCTION = "SendMailFunction"
BUCKET = "backfillbucket"
STACK = "customer-link"
ALARM = "customer-link-InternalErrorsAlarm"
NO_LIMITS = {"Auth0PerSecond": "1000", "StripePerSecond": "1000"}
"""Parameters of the stack: the stand-ins refuse nobody, unless they are told to."""

EVENT_SOURCES = ("Auth0EventSource", "StripeEventSource")
DEAD_LETTERS = "SyncDeadLettersUrl"

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_SESSION_TOKEN": "sandbox",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


@dataclass(frozen=True)
class Aws:
    """The stand-in's address, and clients of its own for looking inside."""

    url: str
    functions: dict[str, Callable[[Any], object]]
    """What Lambda invokes, by name."""
    event_sources: EventSources
    """What partners offer to EventBridge."""
    inside: str
    """Another address, past what is around: who looks inside is neither noted nor disturbed."""

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("sandbox", "sandbox", "sandbox", REGION)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """Return a client for looking inside."""
        return self._session.client("dynamodb", endpoint_url=self.inside)

    @cached_property
    def secrets_manager(self) -> "SecretsManagerClient":
        """Return a client for looking inside."""
        return self._session.client("secretsmanager", endpoint_url=self.url)

    @cached_property
    def _cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", endpoint_url=self.url)

    @cached_property
    def _cloudwatch(self) -> "CloudWatchClient":
        return self._session.client("cloudwatch", endpoint_url=self.url)

    def environment(self) -> dict[str, str]:
        """Return what points any AWS SDK here and nowhere else."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true"}

    def create_stack(self, url: str, parameters: dict[str, str] | None = None) -> None:
        """Let there be a stack with template.yaml's outputs and an alarm, for the tools.

        Of its parameters it has those that the tools look at.
        """
        given = {"VerifiedEmail": "optional", "TrustedConnections": "", "Tenants": "acme"}
        given |= {"SyncBy": "eventbridge", **dict.fromkeys(EVENT_SOURCES, "")} | NO_LIMITS
        given |= parameters or {}
        outputs = {"PostLoginUrl": url, "SecretName": SECRET, "LedgerTableName": TABLE}
        outputs |= {"WatchSecretName": WATCH_SECRET, "TenantSecretName": TENANT_SECRET}
        template = _template(given, outputs)
        stacks = self._cloudformation
        with suppress(stacks.exceptions.ClientError):
            stacks.delete_stack(StackName=STACK)
        stacks.create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in given.items()
            ],
        )
        self._cloudwatch.put_metric_alarm(
            AlarmName=ALARM,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            EvaluationPeriods=1,
            MetricName="internal_error",
            Namespace="CustomerLink",
            Period=300,
            Statistic="Sum",
            Threshold=1,
        )

    def keep_lines(self, function: str, lines: Iterable[str]) -> None:
        """Put lines into a function's log group, as Lambda does by itself."""
        logs: Any = self._session.client("logs", endpoint_url=self.url)
        where = {"logGroupName": f"/aws/lambda/{STACK}-{function}", "logStreamName": "sandbox"}
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=where["logGroupName"])
            logs.create_log_stream(**where)
        events = [{"timestamp": int(time.time() * 1000), "message": each} for each in lines]
        if events:
            logs.put_log_events(**where, logEvents=events)

    def publish(self, document: Mapping[str, Any], at: datetime) -> None:
        """Make metrics of a line in the embedded format, as CloudWatch Logs does and moto does not.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
        """
        metrics: Any = self._cloudwatch
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = [{"Name": each, "Value": document[each]} for each in names]
                data = [
                    {
                        "MetricName": each["Name"],
                        "Dimensions": dimensions,
                        "Value": value,
                        "Timestamp": at,
                    }
                    for each in directive["Metrics"]
                    for value in document[each["Name"]]
                ]
                metrics.put_metric_data(Namespace=directive["Namespace"], MetricData=data)

    def items(self) -> list[dict[str, object]]:
        """Return the ledger's items, types left out."""
        return items(self.dynamodb)


def _template(parameters: Iterable[str], outputs: Mapping[str, str]) -> dict[str, Any]:
    """Return what stands for template.yaml: of its resources, those into which tools look."""
    is_by_webhook = {"Fn::Equals": [{"Ref": "SyncBy"}, "webhook"]}
    is_without = [{"Fn::Equals": [{"Ref": each}, ""]} for each in EVENT_SOURCES]
    is_without.append({"Fn::Not": [is_by_webhook]})
    queues = {each: {"Ref": each.removesuffix("Url")} for each in ("SyncQueueUrl", DEAD_LETTERS)}
    return {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Conditions": {
            "HasEvents": {"Fn::Not": [{"Fn::And": is_without}]},
            "HasWebhooks": is_by_webhook,
        },
        "Resources": {
            "Marker": {"Type": "AWS::SNS::Topic"},
            **{
                each["Ref"]: {"Type": "AWS::SQS::Queue", "Condition": "HasEvents"}
                for each in queues.values()
            },
        },
        "Outputs": {
            **{name: {"Value": value} for name, value in outputs.items()},
            **{name: {"Value": each, "Condition": "HasEvents"} for name, each in queues.items()},
            "EventsUrl": {
                "Value": outputs["PostLoginUrl"].replace("/post-login", "/events"),
                "Condition": "HasWebhooks",
            },
            "EventsSecretName": {"Value": EVENTS_SECRET, "Condition": "HasWebhooks"},
        },
    }


def create_ledger(dynamodb: "DynamoDBClient") -> None:
    """Make the table as the template has it."""
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "is_open", "AttributeType": "S"},
            {"AttributeName": "open_since", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": OPEN_INDEX,
                "KeySchema": [
                    {"AttributeName": "is_open", "KeyType": "HASH"},
                    {"AttributeName": "open_since", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def items(dynamodb: "DynamoDBClient") -> list[dict[str, object]]:
    """Return a ledger's items, types left out."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=TABLE)
    found = [item for page in pages for item in page["Items"]]
    return [{k: next(iter(v.values())) for k, v in item.items()} for item in found]


def forget_metrics() -> None:
    """Forget CloudWatch's metrics and alarms, which moto keeps for whoever is next in a process."""
    for account in cloudwatch_backends.values():
        for region in account.values():
            region.reset()


class _Services(DomainDispatcherApplication):
    """moto's services by their hosts, each host looked up once.

    moto looks through its folders and some 300 patterns for each request, a few milliseconds.
    """

    def __init__(self, create_app: Callable[[Any], Any]) -> None:
        super().__init__(create_app)
        self._known: dict[str | None, Any] = {}

    @override
    def get_backend_for_host(self, host: str | None) -> Any:
        if host not in self._known:
            self._known[host] = super().get_backend_for_host(host)
        return self._known[host]


@contextmanager
def aws(
    secret: Mapping[str, object],
    port: int = 0,
    host: str = "127.0.0.1",
    around: "Middleware" = unchanged,
) -> Iterator[Aws]:
    """Serve AWS with the deployment's table and secret in it."""
    forget_metrics()
    functions: dict[str, Callable[[Any], object]] = {}
    sources = EventSources(REGION)
    services = one_at_a_time(_Services(create_backend_app))
    services = with_event_sources(sources, services)
    # Before the lock: a function has calls of its own to make.
    application = around(_invoking(functions, services))
    with Server(application, port, host) as server, Server(services) as inside:
        made = Aws(server.url, functions, sources, inside.url)
        create_ledger(made.dynamodb)
        made.secrets_manager.create_secret(Name=SECRET, SecretString=json.dumps(secret))
        empty = (TENANT_SECRET, SESSION_SECRET_NAME, WATCH_SECRET, EVENTS_SECRET)
        for each in empty:
            made.secrets_manager.create_secret(Name=each)
        try:
            yield made
        finally:
            made.dynamodb.delete_table(TableName=TABLE)
            for each in (SECRET, *empty):
                made.secrets_manager.delete_secret(SecretId=each, ForceDeleteWithoutRecovery=True)


def _invoking(
    functions: Mapping[str, Callable[[Any], object]], application: "WSGIApplication"
) -> "WSGIApplication":
    """Serve Lambda's Invoke for functions of this process, and leave the rest to an application.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def served(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        _, _, name = request.path.removesuffix("/invocations").rpartition("/")
        if not request.path.endswith("/invocations") or name not in functions:
            return application(environ, start)
        try:
            answer = functions[name](document_of(request.get_data()))
        except OddRequestError as odd:
            answer = {"errorMessage": f"{odd.name} is not {odd.needed}"}
        return Response(json.dumps(answer), content_type="application/json")(environ, start)

    return served
