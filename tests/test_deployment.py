"""The stack on moto: what exists after a deployment, and after an update of the last release."""

import io
import json
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from samtranslator.yaml_helper import yaml_parse
from tests.translation import BUCKET, ROOT, TEMPLATE, translated

from customerlink.adapters.dynamodb.open_index import count_open
from customerlink.wiring.settings import Settings
from sandbox.aws import REGION

RELEASES = ROOT / "tests/fixtures/releases"
STACK = "customer-link"
SAM_PYTHON = ROOT / ".tools/sam/bin/python"
ASK_SCHEMAS = """
import json, sys
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as manager
schemas = [manager.get_resource_schema("us-east-1", kind).schema for kind in sys.argv[1:]]
kinds = ("createOnlyProperties", "conditionalCreateOnlyProperties")
paths = [[path for kind in kinds for path in each.get(kind) or []] for each in schemas]
print(json.dumps([[path.removeprefix("/properties/") for path in each] for each in paths]))
"""

EVERYTHING = {
    "VerifiedEmail": "required",
    "Auth0Issuer": "https://acme.us.auth0.com/",
    "ShopAudience": "https://shop.example/api",
    "ShopClientIds": "shop-client",
    # Without the slashes of a partner's, which moto reads as an ARN.
    # Beside sources the template's Rules refuse it, which moto does not know.
    "SyncBy": "webhook",
    "Auth0EventSource": "auth0-events",
    "StripeEventSource": "stripe-events",
}
"""What brings the parts that a deployment need not have."""

CREATED = {
    "AWS::CloudWatch::Dashboard": 2,
    "AWS::DynamoDB::Table": 1,
    "AWS::Events::Rule": 2,
    "AWS::IAM::Role": 14,
    "AWS::Lambda::EventSourceMapping": 1,
    "AWS::Lambda::Function": 10,
    "AWS::Logs::LogGroup": 11,
    "AWS::S3::Bucket": 1,
    "AWS::SQS::Queue": 2,
    "AWS::StepFunctions::StateMachine": 1,
}
NOT_ON_MOTO = {
    "AWS::ApiGatewayV2::Api": "its routes are compared with the gateway's that the tests call",
    "AWS::ApiGatewayV2::Stage": "throttling and access log: test_template.py",
    "AWS::CloudWatch::Alarm": "put by its API below; metrics and runbooks: test_template.py",
    "AWS::CodeDeploy::Application": "has no properties but its platform",
    "AWS::CodeDeploy::DeploymentGroup": "alarms and strategy: test_template.py",
    "AWS::Events::EventBus": "made, and listed without an id: the rules are on them",
    "AWS::Lambda::Alias": "its hook runs in tests/e2e/test_deployment_functions.py",
    "AWS::Lambda::Permission": "left out: it names the alias",
    "AWS::Lambda::Version": "its hook runs in tests/e2e/test_deployment_functions.py",
    "AWS::Logs::MetricFilter": "pattern and metric: test_template.py",
    "AWS::Logs::QueryDefinition": "fields are compared with the log line's in test_template.py",
    "AWS::S3::BucketPolicy": "refuses plain HTTP: test_template.py",
    "AWS::SQS::QueuePolicy": "who may send: test_template.py",
    "AWS::Scheduler::Schedule": "rate and target: test_template.py",
    "AWS::SecretsManager::Secret": "replacement: the schemas below; reading: the sandbox",
}
"""Kinds that moto passes over without a word, and what covers them instead."""

type Client = Any

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")


@pytest.fixture
def session() -> Iterator[boto3.Session]:
    """Return an account with the packaged artifacts in their bucket."""
    with mock_aws():
        made = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
        bucket = made.client("s3")
        bucket.create_bucket(Bucket=BUCKET)
        events: Client = made.client("events")
        for name in ("Auth0EventSource", "StripeEventSource"):
            events.create_partner_event_source(Name=EVERYTHING[name], Account=ACCOUNT_ID)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handler.py", "")
        for name in functions(TEMPLATE):
            bucket.put_object(Bucket=BUCKET, Key=name, Body=archive.getvalue())
        yield made


def functions(template: dict[str, Any]) -> list[str]:
    """Name a template's functions."""
    resources = template["Resources"].items()
    return [name for name, each in resources if each["Type"] == "AWS::Serverless::Function"]


def body(template: dict[str, Any]) -> str:
    """Return a template as moto can take it."""
    document = translated(template)
    resources = document["Resources"]
    document["Resources"] = {
        name: each for name, each in resources.items() if each["Type"] != "AWS::Lambda::Permission"
    }
    for each in document["Resources"].values():
        if each["Type"] == "AWS::Events::Rule":
            # moto takes a reference to a bus for the bus itself, and not for its name.
            name = each["Properties"]["EventBusName"]["Ref"]
            bus = document["Resources"][name]
            each["Properties"]["EventBusName"] = bus["Properties"]["Name"]
            each["DependsOn"] = [name]
    return json.dumps(document)


def deploy(session: boto3.Session, template: dict[str, Any], **parameters: str) -> dict[str, str]:
    """Create the stack, or update it; return the physical ids of what exists."""
    stacks: Client = session.client("cloudformation")
    request: dict[str, Any] = {"StackName": STACK, "TemplateBody": body(template)}
    request["Capabilities"] = ["CAPABILITY_IAM"]
    request["Parameters"] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
    ]
    exists = stacks.list_stacks()["StackSummaries"]
    (stacks.update_stack if exists else stacks.create_stack)(**request)
    listed = stacks.describe_stack_resources(StackName=STACK)["StackResources"]
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in listed
        if each.get("PhysicalResourceId")
    }


def release(name: str) -> dict[str, Any]:
    """Return the template of a release."""
    template: dict[str, Any] = yaml_parse((RELEASES / f"{name}.yaml").read_text())
    return template


def test_what_exists_afterwards(session: boto3.Session) -> None:
    """Every resource of the template, or a kind that moto does not know."""
    kinds = {name: each["Type"] for name, each in translated(TEMPLATE)["Resources"].items()}
    existing = deploy(session, TEMPLATE, **EVERYTHING)

    assert Counter(kinds[name] for name in existing) == CREATED
    assert {kind for name, kind in kinds.items() if name not in existing} == NOT_ON_MOTO.keys()


def test_environment_resolves(session: boto3.Session) -> None:
    """No reference is left in what the functions read, but to kinds that moto does not know."""
    existing = deploy(session, TEMPLATE, **EVERYTHING)
    configured: Client = session.client("lambda").get_function_configuration
    # The pre-traffic function's is left out: moto cannot name a version.
    for name in set(functions(TEMPLATE)) - {"PreTrafficFunction"}:
        variables = configured(FunctionName=existing[name])["Environment"]["Variables"]
        # moto leaves numbers as they are; Lambda makes them text.
        variables |= {name: str(value) for name, value in variables.items()}
        settings = Settings.from_environment(variables | {"CUSTOMERLINK_SECRET_ID": "secret"})

        assert settings.ledger_table == existing["LedgerTable"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == STACK
        # The secret and the API are such kinds.
        for each in variables.keys() - {"CUSTOMERLINK_SECRET_ID", "CUSTOMERLINK_ENDPOINT"}:
            assert "${" not in variables[each], each
            assert "Ref" not in variables[each], each


def test_table_works(session: boto3.Session) -> None:
    """The ledger's key, its sparse index and its TTL."""
    table = deploy(session, TEMPLATE)["LedgerTable"]
    dynamodb: Client = session.client("dynamodb")
    described = dynamodb.describe_table(TableName=table)["Table"]

    assert described["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert described["GlobalSecondaryIndexes"][0]["IndexName"] == "OpenSignUps"
    assert described["DeletionProtectionEnabled"] is True


def test_update_from_the_last_release(session: boto3.Session) -> None:
    """Table and logs are the same ones afterwards, with what was in them.

    moto changes neither a table nor a log group of a stack, so these two are left as they are in
    the update, and the table's new index is added as CloudFormation adds it.
    """
    before = deploy(session, release("0.1.0"))
    table = before["LedgerTable"]
    dynamodb: Client = session.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "signup#acme#auth0|1"}})
    ledger = TEMPLATE["Resources"]["LedgerTable"]["Properties"]
    unchanged = ("LedgerTable", "PostLoginLogGroup", "ApiLogGroup")
    as_before = {name: release("0.1.0")["Resources"][name] for name in unchanged}
    after = deploy(session, TEMPLATE | {"Resources": TEMPLATE["Resources"] | as_before})
    dynamodb.update_table(
        TableName=table,
        AttributeDefinitions=ledger["AttributeDefinitions"],
        GlobalSecondaryIndexUpdates=[{"Create": ledger["GlobalSecondaryIndexes"][0]}],
    )

    assert after["LedgerTable"] == table
    assert after["PostLoginLogGroup"] == before["PostLoginLogGroup"]
    assert after["PostLoginFunction"] == before["PostLoginFunction"]
    assert dynamodb.scan(TableName=table)["Count"] == 1
    assert count_open(dynamodb, table, 0.0) == 0


def test_nothing_that_would_replace_data_has_changed() -> None:
    """By CloudFormation's own schemas: which properties can only be set at creation."""
    old, new = release("0.1.0")["Resources"], TEMPLATE["Resources"]
    kept = ["LedgerTable", "CustomerLinkSecret", "PostLoginLogGroup"]
    done = subprocess.run(
        [str(SAM_PYTHON), "-c", ASK_SCHEMAS, *(new[name]["Type"] for name in kept)],
        capture_output=True,
        text=True,
        check=True,
    )
    for name, fixed in zip(kept, json.loads(done.stdout), strict=True):
        assert fixed
        assert old[name]["Type"] == new[name]["Type"]
        for each in fixed:
            assert old[name]["Properties"].get(each) == new[name]["Properties"].get(each), each


def test_alarms_can_be_put(session: boto3.Session) -> None:
    """CloudWatch takes each as it is, without a topic."""
    cloudwatch: Client = session.client("cloudwatch")
    resources = translated(TEMPLATE)["Resources"].items()
    alarms = {name: each for name, each in resources if each["Type"] == "AWS::CloudWatch::Alarm"}
    for name, each in alarms.items():
        cloudwatch.put_metric_alarm(AlarmName=name, **resolved(each["Properties"]))
    put = cloudwatch.describe_alarms()["MetricAlarms"]

    assert {each["AlarmName"] for each in put} == alarms.keys()
    assert not [each for each in put if "Fn::" in str(each)]


def resolved(value: Any) -> Any:
    """Put a name in place of each reference, and leave out what hangs on a condition."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" in value:
        return value["Fn::Sub"].replace("${AWS::StackName}", STACK)
    if "Fn::GetAtt" in value:
        return f"{STACK}-{value['Fn::GetAtt'][0]}"
    if "Ref" in value:
        default = TEMPLATE["Parameters"].get(value["Ref"], {}).get("Default")
        return default or (STACK if value["Ref"] == "AWS::StackName" else f"{STACK}-{value['Ref']}")
    kept = {name: each for name, each in value.items() if "Fn::If" not in str(each)}
    return {name: resolved(each) for name, each in kept.items()}
