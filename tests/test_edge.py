"""edge.yaml: what it lets through, and that the functions know what it sends."""

import json
import re
import subprocess
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse
from tests.test_template import OPERATIONS, RESOURCES, there
from tests.translation import ROOT, TEMPLATE

from customerlink.functions.events import ROUTES as EVENTS
from customerlink.functions.post_login import ROUTES as REPORTS
from customerlink.functions.shell.edge import SECRET_HEADER, VIEWER_HEADER
from customerlink.model.documents import LONGEST_BYTES
from sandbox.gateway import ROUTES

EDGE: dict[str, Any] = yaml_parse((ROOT / "edge.yaml").read_text())
PARTS: dict[str, Any] = {name: each["Properties"] for name, each in EDGE["Resources"].items()}
DISTRIBUTION = PARTS["Distribution"]["DistributionConfig"]


RULES: dict[str, Any] = {
    rule["Name"]: rule for rule in (there(each) for each in PARTS["Firewall"]["Rules"])
}
ORIGINS = [there(each) for each in DISTRIBUTION["Origins"]]
BEHAVIOURS = [DISTRIBUTION["DefaultCacheBehavior"], *there(DISTRIBUTION["CacheBehaviors"])]


def test_every_route_and_no_other_path() -> None:
    """What the firewall knows is what the APIs have."""
    pattern = RULES["unknown-path"]["Statement"]["NotStatement"]["Statement"]["RegexMatchStatement"]
    known = re.compile(pattern["RegexString"])

    assert {path for _, path in ROUTES if not known.search(path)} == set()
    for path in ("/", "/post-login/", "/post-logins", "/x/post-login", "/customers/mine", "/.env"):
        assert not known.search(path)


def test_reports_can_be_kept_to_known_callers() -> None:
    """Exactly the Actions' routes; the page and the shop are for everybody."""
    [paths, _] = RULES["unknown-reporter"]["Statement"]["AndStatement"]["Statements"]
    known = re.compile(paths["RegexMatchStatement"]["RegexString"])

    assert {path for _, path in ROUTES if known.search(path)} == {
        each.partition(" ")[2] for each in REPORTS
    }


def test_each_path_goes_to_its_api() -> None:
    """The shop's to the shop's API, the others to the sign-up's."""
    shops = [each["PathPattern"].removesuffix("*") for each in BEHAVIOURS[1:]]
    for each in RESOURCES.values():
        for event in each["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                is_the_shops = event["Properties"]["ApiId"]["Ref"] == "ShopApi"
                assert event["Properties"]["Path"].startswith(tuple(shops)) is is_the_shops


def test_length() -> None:
    """The firewall looks at as much of a body as the functions read, and blocks what is longer."""
    [too_long, other] = RULES["long-body"]["Statement"]["AndStatement"]["Statements"]
    constraint = too_long["SizeConstraintStatement"]
    looked_at = PARTS["Firewall"]["AssociationConfig"]["RequestBody"]["CLOUDFRONT"]

    assert (constraint["ComparisonOperator"], constraint["Size"]) == ("GT", LONGEST_BYTES)
    assert constraint["FieldToMatch"]["Body"]["OversizeHandling"] == "MATCH"
    assert looked_at["DefaultSizeInspectionLimit"] == f"KB_{LONGEST_BYTES // 1024}"
    events = other["NotStatement"]["Statement"]["RegexMatchStatement"]["RegexString"]
    assert {path for _, path in ROUTES if re.search(events, path)} == {
        each.partition(" ")[2] for each in EVENTS
    }


def test_rate_holds_for_whom_nobody_knows() -> None:
    """All of a tenant's log-ins come from a few addresses."""
    rate = RULES["rate"]["Statement"]["RateBasedStatement"]

    assert rate["AggregateKeyType"] == "IP"
    assert rate["Limit"] == {"Ref": "CallsPerAddress"}
    known = rate["ScopeDownStatement"]["NotStatement"]["Statement"]["OrStatement"]["Statements"]
    sets = [each["IPSetReferenceStatement"]["Arn"]["Fn::GetAtt"][0] for each in known]
    assert [PARTS[each]["IPAddressVersion"] for each in sets] == ["IPV4", "IPV6"]


def test_everything_is_blocked_in_order_and_counted() -> None:
    """Cheap rules first; each has its own metric."""
    priorities = [each["Priority"] for each in RULES.values()]

    assert priorities == sorted({*priorities})
    for name, rule in RULES.items():
        assert rule["Action"].keys() == {"Block"}
        assert rule["VisibilityConfig"]["MetricName"] == name


def test_secret_goes_to_every_origin_over_tls() -> None:
    """Under the header that the functions ask for, and nowhere into an output."""
    for origin in ORIGINS:
        [header] = origin["OriginCustomHeaders"]
        assert header == {"HeaderName": SECRET_HEADER, "HeaderValue": {"Ref": "EdgeSecret"}}
        assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert EDGE["Parameters"]["EdgeSecret"]["NoEcho"] is True
    assert "EdgeSecret" not in str(EDGE["Outputs"])


def test_nothing_is_kept() -> None:
    """Neither an answer nor an error of one user's is shown to another."""
    uncached = {"CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"}
    for each in BEHAVIOURS:
        assert uncached.items() <= each.items()
        assert "POST" in each["AllowedMethods"]
    errors = DISTRIBUTION["CustomErrorResponses"]
    assert {each["ErrorCachingMinTTL"] for each in errors} == {0}
    assert {400, 403, 404, 503} <= {each["ErrorCode"] for each in errors}


@pytest.mark.parametrize("claimed", [None, "203.0.113.7", "203.0.113.7, 198.51.100.1"])
def test_viewers_address_is_the_edges_word(claimed: str | None) -> None:
    """Whatever a caller has put there is overwritten, on every path."""
    headers = {VIEWER_HEADER: {"value": claimed}} if claimed else {}
    event = {"viewer": {"ip": "2001:db8::7"}, "request": {"headers": headers}}
    code = PARTS["ViewerAddress"]["FunctionCode"]
    script = f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["headers"] == {VIEWER_HEADER: {"value": "2001:db8::7"}}
    for each in BEHAVIOURS:
        [associated] = each["FunctionAssociations"]
        assert associated["FunctionARN"] == {"Fn::GetAtt": ["ViewerAddress", "FunctionARN"]}


def test_what_is_logged_has_no_tokens() -> None:
    """Who was blocked, and where; the query may be a session token, a header an access token."""
    log = PARTS["BlockedLog"]
    redacted = str(log["RedactedFields"])

    assert all(each in redacted for each in ("QueryString", "authorization", "cookie"))
    assert log["LoggingFilter"]["DefaultBehavior"] == "DROP"
    assert PARTS["BlockedLogGroup"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_alarm_has_a_runbook() -> None:
    """The same one as the API's alarms on a flood."""
    alarm = PARTS["BlockedAlarm"]

    assert alarm["AlarmDescription"]["Fn::Sub"].endswith("See ${RunbookBaseUrl}#flood")
    assert "\n## Flood\n" in OPERATIONS
    assert alarm["Threshold"] == {"Ref": "BlockedForAlarm"}
    assert alarm["Dimensions"][0]["Value"] == PARTS["Firewall"]["VisibilityConfig"]["MetricName"]


@pytest.mark.parametrize("name", EDGE["Parameters"])
def test_every_parameter_is_described_constrained_and_used(name: str) -> None:
    """Whoever deploys reads it in the console, in one group."""
    parameter = EDGE["Parameters"][name]
    used = str([EDGE["Resources"], EDGE["Conditions"], EDGE["Rules"]])
    groups = EDGE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert parameter["Description"].endswith(".")
    assert parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue"}
    assert f"{{'Ref': '{name}'}}" in used or f"${{{name}}}" in used
    assert [each for group in groups for each in group["Parameters"]].count(name) == 1


def test_both_templates_know_each_other() -> None:
    """What one puts out is a parameter of the other's."""
    page = (ROOT / "docs/deploy.md").read_text()

    assert {"ApiDomain", "ShopApiDomain"} <= TEMPLATE["Outputs"].keys() & EDGE["Parameters"].keys()
    assert "EdgeDomain" in EDGE["Outputs"].keys() & TEMPLATE["Parameters"].keys()
    for each in EDGE["Outputs"].keys() - {"Target"}:
        assert f"`{each}`" in page
