"""The template, held to what the code and the operator rely on."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.e2e.runtime import HANDLER, ROOT

from customerlink.ledger import EMAIL_LOCK_SECONDS, RECORD_LEASE_SECONDS
from customerlink.policy import DENIAL_MESSAGE
from customerlink.run import SIGN_UP_SECONDS
from customerlink.settings import Settings
from sandbox.aws import SECRET, TABLE
from sandbox.gateway import FUNCTION_SECONDS, ROUTES


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms: `!Ref X` as {"Ref": "X"}."""


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {tag: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)

TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 (a safe loader)
RESOURCES = TEMPLATE["Resources"]
FUNCTION = RESOURCES["PostLoginFunction"]["Properties"]


def of_type(kind: str) -> Iterator[dict[str, Any]]:
    """Give the properties of all resources of a type."""
    return (each["Properties"] for each in RESOURCES.values() if each["Type"] == kind)


def test_function_reads_what_the_template_sets() -> None:
    """Every variable is known to the settings, and the denial text arrives as it should."""
    variables = FUNCTION["Environment"]["Variables"]
    defaults = {name: value["Default"] for name, value in TEMPLATE["Parameters"].items()}
    environment = {
        name: str(defaults.get(value.get("Ref"), value.get("Ref")))
        for name, value in variables.items()
        if name.startswith("CUSTOMERLINK_")
    }
    settings = Settings.from_environment(environment)

    assert len(environment) == 6
    assert settings.policy.denial_message == DENIAL_MESSAGE
    assert settings.stripe_api_base == "https://api.stripe.com"
    assert settings.signature_tolerance == 300
    assert (settings.secret_id, settings.ledger_table) == (SECRET, TABLE)


def test_times_fit_into_each_other() -> None:
    """Budget < the Action's try < time-out < gateway < lease, with room for clocks."""
    gateway = FUNCTION["Events"]["PostLogin"]["Properties"]["TimeoutInMillis"] / 1000

    assert SIGN_UP_SECONDS < 6 < FUNCTION["Timeout"] == FUNCTION_SECONDS < gateway
    assert FUNCTION_SECONDS + 4 < RECORD_LEASE_SECONDS < EMAIL_LOCK_SECONDS


def test_sandbox_serves_the_templates_routes() -> None:
    """Path, method, handler, payload."""
    event = FUNCTION["Events"]["PostLogin"]["Properties"]

    assert {(event["Method"], event["Path"])} == ROUTES
    assert event["PayloadFormatVersion"] == "2.0"
    assert FUNCTION["Handler"] == HANDLER


def test_permissions_are_exact() -> None:
    """The calls that the adapters make, on the resources that they make them on."""
    [role] = of_type("AWS::IAM::Role")
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    granted = {each["Sid"]: (each["Action"], each["Resource"]) for each in statements}

    assert granted["Ledger"] == (
        ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        {"GetAtt": "LedgerTable.Arn"},
    )
    assert granted["Secret"] == ("secretsmanager:GetSecretValue", {"Ref": "CustomerLinkSecret"})
    assert "*" not in str(statements)


@pytest.mark.parametrize("name", ["LedgerTable", "CustomerLinkSecret"])
def test_data_survives_the_stack(name: str) -> None:
    """Neither a deletion nor a replacement takes it along."""
    assert RESOURCES[name]["DeletionPolicy"] == "Retain"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_table() -> None:
    """On demand, encrypted, recoverable, and cleared of old locks."""
    [table] = of_type("AWS::DynamoDB::Table")

    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]


def test_every_log_group_has_retention() -> None:
    """And the function has one of its own."""
    groups = list(of_type("AWS::Logs::LogGroup"))

    assert len(groups) == 2
    assert all(each["RetentionInDays"] == {"Ref": "LogRetentionDays"} for each in groups)
    assert FUNCTION["LoggingConfig"]["LogGroup"] == {"Ref": "PostLoginLogGroup"}


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_every_parameter_is_described_and_constrained(name: str) -> None:
    """Whoever deploys reads it in the console."""
    parameter = TEMPLATE["Parameters"][name]

    assert parameter["Description"].endswith(".")
    assert parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue", "MaxLength"}


def test_outputs_say_what_to_paste() -> None:
    """Into Auth0, and into the secret."""
    descriptions = " ".join(each["Description"] for each in TEMPLATE["Outputs"].values())

    assert "CUSTOMERLINK_URL" in descriptions
    assert "CUSTOMERLINK_SIGNING_SECRET" in descriptions
    assert "stripe_restricted_key" in descriptions
