"""docs/data.md: every place that keeps something is in it, with the time for which it does."""

import ast
import re
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse
from tests.test_template import RESOURCES
from tests.translation import ROOT, TEMPLATE

from customerlink.adapters.auth0.management import EXPORTED
from customerlink.adapters.dynamodb.newcomers import FORGOTTEN_SECONDS
from customerlink.adapters.dynamodb.usage_limits import DAY_SECONDS, PROOF_SECONDS
from customerlink.model.customer import naming
from customerlink.model.sign_up_record import EMAIL_LOCK_SECONDS, GONE_SECONDS
from customerlink.model.user import Tenant, User, UserId, registrant_id
from customerlink.usecases.follow_events import REPORTED_WITHIN_SECONDS

PAGE = (ROOT / "docs/data.md").read_text()
SOURCE = ROOT / "src/customerlink"
KEEPS = (
    *("S3::Bucket", "DynamoDB::Table", "Logs::LogGroup", "SecretsManager::Secret"),
    *("Serverless::StateMachine", "SQS::Queue", "SNS::Topic", "RDS::DBInstance"),
    *("Kinesis::Stream", "Events::Archive", "Serverless::SimpleTable", "ElastiCache::CacheCluster"),
)


def section(title: str) -> str:
    """Return a section of the page."""
    _, _, rest = PAGE.partition(f"# {title}\n")
    return rest.partition("\n## ")[0].partition("\n### ")[0]


def texts(path: Path) -> list[str]:
    """Return what a module says in quotes; of a text with holes what stands before the first."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
                found.append(text)
            case ast.Constant(value=str(text)):
                found.append(text)
    return found


TEMPLATES = {**RESOURCES, **yaml_parse((ROOT / "edge.yaml").read_text())["Resources"]}
KEEPING = [name for name, each in TEMPLATES.items() if each["Type"].partition("::")[2] in KEEPS]


@pytest.mark.parametrize("name", KEEPING)
def test_every_resource_that_keeps_something(name: str) -> None:
    """Table, bucket, log groups, secrets, executions; a queue, if ever there is one."""
    assert f"`{name}`" in section("In the cloud")


def prefixes() -> set[str]:
    """Return what the keys of the ledger's items begin with."""
    modules = sorted((SOURCE / "adapters/dynamodb").glob("*.py"))
    said = {text for path in modules for text in texts(path)}
    named = {found[1] for text in said if (found := re.match(r"([a-z]+)#", text))}
    # Counts have the name that who counts gives them.
    counted = {
        found[1]
        for path in sorted((SOURCE / "functions").glob("*.py"))
        for found in re.finditer(r"limits\.allows\(\s*\"(\w+)\"", path.read_text())
    }
    return named | counted


def test_every_item_of_the_ledger() -> None:
    """And none that is not written any more."""
    listed = set(re.findall(r"^\| `([a-z]+)(?:#…)?`", section("The ledger's items"), re.MULTILINE))

    assert prefixes() >= {"signup", "email", "adoption", "proof", "rate", "mail"}
    assert listed == prefixes() | {"installation"}


def test_times() -> None:
    """As the code and the template have them."""
    items = section("The ledger's items")
    rules = RESOURCES["BackfillBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]

    assert EMAIL_LOCK_SECONDS == 70
    assert PROOF_SECONDS == 3600
    assert "two days" in items
    assert DAY_SECONDS == 86_400
    assert f"after {GONE_SECONDS / DAY_SECONDS:.0f} days (`expires_at`)" in items
    assert f"| {rules[0]['ExpirationInDays']} days, without versions |" in PAGE
    days = TEMPLATE["Parameters"]["LogRetentionDays"]["Default"]
    assert f"`LogRetentionDays`, {days} by default" in PAGE


def test_every_log_group_forgets() -> None:
    """After the days that the page names."""
    groups = [each for each in RESOURCES.values() if each["Type"] == "AWS::Logs::LogGroup"]

    assert {str(each["Properties"]["RetentionInDays"]) for each in groups} == {
        "{'Ref': 'LogRetentionDays'}"
    }


def test_every_file_of_the_bucket() -> None:
    """Those of the steps, and what the state machine writes."""
    steps = (SOURCE / "functions/backfill_steps.py").read_text()
    machine = (ROOT / "src/statemachine/backfill.asl.yaml").read_text()
    named = set(re.findall(r"\"(\w+/)(?:\{|users)", steps))
    named |= set(re.findall(r"put\(\"([\w.]+)\"", steps))
    named |= set(re.findall(r"'\{\}/(\w+/?)'", machine))

    assert named >= {"users/", "customers/", "todo/", "done/", "results"}
    assert [each for each in named if f"`{each}`" not in section("In the cloud")] == []


def test_every_name_in_others_stores() -> None:
    """The metadata of Stripe's customers and of Auth0's users."""
    user = User(Tenant("acme"), UserId("auth0|1"))
    registrant = User(Tenant("acme"), registrant_id("1"))
    metadata = {*naming(user), *naming(registrant), "superseded_by"}
    ours = {each.partition(".")[2] for each in EXPORTED if each.startswith("app_metadata.")}

    assert [
        each for each in sorted(metadata | ours) if f"`{each}`" not in section("Elsewhere")
    ] == []


def test_what_waits() -> None:
    """In the queue and among its dead letters, so long; and in no archive."""
    days = {
        name: each["Properties"]["MessageRetentionPeriod"] / DAY_SECONDS
        for name, each in RESOURCES.items()
        if each["Type"] == "AWS::SQS::Queue"
    }
    kept = section("In the cloud")

    assert days == {"SyncQueue": 4, "SyncDeadLetters": 14}
    assert "| 4 days at the most; mostly seconds |" in kept
    assert "| 14 days |" in kept
    assert not [each for each in RESOURCES.values() if "Archive" in each["Type"]]
    assert FORGOTTEN_SECONDS == 30 * DAY_SECONDS
    assert f"or {REPORTED_WITHIN_SECONDS / 60:.0f} minutes later" in section("The ledger's items")
