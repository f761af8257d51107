"""The template, held to what the code and the operator rely on."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse
from tests.e2e.runtime import HANDLER
from tests.translation import ROOT, TEMPLATE, translated
from tools.build_artifact import FUNCTIONS as BUILT

from customerlink.adapters.aws.mail_function import SECONDS as MAIL_SECONDS
from customerlink.adapters.aws.secrets_manager import FETCH_SECONDS
from customerlink.functions.backfill_steps import TIME_TO_WRITE_SECONDS
from customerlink.functions.events import ROUTES as EVENTS
from customerlink.functions.repair import TENANT_SECONDS, TIME_FOR_ONE_SECONDS
from customerlink.functions.send_mail import TENANT_SECONDS as MAIL_TENANT_SECONDS
from customerlink.functions.shell.telemetry import BY_FUNCTION, DRIFT, EMITTED, NAMESPACE
from customerlink.functions.shop_api import PATIENCE_SECONDS
from customerlink.functions.shop_api import ROUTES as SHOP_ROUTES
from customerlink.functions.shop_api import TENANT_SECONDS as SHOP_TENANT_SECONDS
from customerlink.model.actions import TRIGGERS
from customerlink.model.beats import PAUSE_SECONDS
from customerlink.model.denial_texts import DenialTexts
from customerlink.model.drift import Drift
from customerlink.model.instruction import Reason
from customerlink.model.message_fields import LONGEST as LONGEST_MESSAGE
from customerlink.model.row import RowOutcome
from customerlink.model.sign_up_record import EMAIL_LOCK_SECONDS, RECORD_LEASE_SECONDS
from customerlink.ports.deadline import SIGN_UP_SECONDS
from customerlink.usecases.deleted_user import HELD_SECONDS
from customerlink.usecases.follow_events import DEAD_AT, PARKED_AT
from customerlink.wiring.settings import Settings
from customerlink.wiring.sync import BATCH_SECONDS, MOST_A_DAY, MOST_DAYS, SyncSettings
from customerlink.wiring.watch import ANSWER_SECONDS, CALL_SECONDS, SECOND_LOOK_SECONDS
from sandbox.aws import SECRET, TABLE
from sandbox.gateway import FUNCTION_SECONDS, ROUTES, SCOPES

RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
TRANSLATED: dict[str, Any] = translated(TEMPLATE)["Resources"]
FUNCTIONS = [
    name for name, each in RESOURCES.items() if each["Type"] == "AWS::Serverless::Function"
]
FUNCTION = RESOURCES["PostLoginFunction"]["Properties"]
VARIABLES = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
OPERATIONS = (ROOT / "docs/operations.md").read_text()


def of_type(kind: str) -> Iterator[dict[str, Any]]:
    """Return the properties of all resources of a type."""
    return (each["Properties"] for each in TRANSLATED.values() if each["Type"] == kind)


def test_function_reads_what_the_template_sets() -> None:
    """Every variable is known to the settings, and the defaults are good."""
    defaults = {name: value["Default"] for name, value in TEMPLATE["Parameters"].items()}
    environment = {
        name: str(defaults.get(value.get("Ref"), value.get("Ref")))
        for name, value in VARIABLES.items()
        if name.startswith("CUSTOMERLINK_")
    }
    settings = Settings.from_environment(environment)

    assert len(environment) == 17
    assert (settings.denial_texts, settings.odd) == (DenialTexts(), ())
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
    routes = [event for _, event in behind_routes()]

    assert {(each["Method"], each["Path"]) for each in routes} == ROUTES.keys()
    assert {each["PayloadFormatVersion"] for each in routes} == {"2.0"}
    assert FUNCTION["Handler"] == HANDLER


def behind_routes() -> list[tuple[str, dict[str, Any]]]:
    """Return each route with its function's name."""
    return [
        (name, event["Properties"])
        for name in FUNCTIONS
        for event in RESOURCES[name]["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]


def test_no_call_outlasts_its_function() -> None:
    """Nor does API Gateway give up before the function does."""
    for name, route in behind_routes():
        seconds = RESOURCES[name]["Properties"]["Timeout"]
        assert seconds * 1000 < route["TimeoutInMillis"] <= 30_000
    mail, page = (
        RESOURCES[each]["Properties"]["Timeout"]
        for each in ("SendMailFunction", "VerifyEmailFunction")
    )
    assert 3 * MAIL_TENANT_SECONDS < mail <= MAIL_SECONDS < page
    shop = RESOURCES["CustomersFunction"]["Properties"]["Timeout"]
    assert shop > 5 * SHOP_TENANT_SECONDS + PATIENCE_SECONDS + SIGN_UP_SECONDS


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a role may do, the part for a key of one's own as well."""
    return [
        each["Fn::If"][1] if "Fn::If" in each else each
        for policy in role.get("Policies", [])
        for each in policy["PolicyDocument"]["Statement"]
    ]


def test_sign_ups_permissions_are_exact() -> None:
    """The calls that the adapters make, on the resources that they make them on."""
    granted = {
        each["Sid"]: (each["Action"], each["Resource"])
        for each in statements(TRANSLATED["PostLoginRole"]["Properties"])
    }

    assert granted == {
        "Ledger": (
            ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
            {"Fn::GetAtt": ["LedgerTable", "Arn"]},
        ),
        "Secret": ("secretsmanager:GetSecretValue", {"Ref": "CustomerLinkSecret"}),
        "Logs": (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            {"Fn::GetAtt": ["PostLoginLogGroup", "Arn"]},
        ),
        "Key": ("kms:Decrypt", {"Ref": "KmsKeyArn"}),
    }


WILDCARDS = {
    ("BackfillRole", "Files", "/*"): "objects of the backfill's bucket, named when written",
    ("BackfillStateMachineRole", "Results", "/*"): "likewise",
    ("BackfillStateMachineRole", "ItsOwnWorkers", "/*"): "executions, named when started",
    ("SendMailRole", "CountMails", "mail#*"): "items of the ledger, one for each user",
    **{
        ("SyncRole", "Ledger", f"{each}#*"): "likewise, or for each address, customer or day"
        for each in ("sync", "signup", "email", "adoption", "created", "deletions", "rate")
    },
    ("SyncQueuePolicy", "OnlyEncrypted", "*"): "a denial: to everybody, by plain HTTP",
    ("SyncQueuePolicy", "OnlyEncrypted", "sqs:*"): "of everything",
    ("BackfillBucketPolicy", "OnlyEncrypted", "*"): "a denial: to everybody, by plain HTTP",
    ("BackfillBucketPolicy", "OnlyEncrypted", "s3:*"): "of everything",
    ("BackfillBucketPolicy", "OnlyEncrypted", "/*"): "on every object",
}
"""Every wildcard in a policy: where it ends, and why no single name will do."""


def wildcards(part: Any) -> Iterator[str]:
    """Return each text with a wildcard, from behind the last name in it on."""
    match part:
        case str(text) if "*" in text:
            yield text.rpartition("}")[2].removeprefix("-backfill")
        case dict():
            yield from wildcards([*part.values()])
        case list():
            for each in part:
                yield from wildcards(each)


def policies(part: Any) -> Iterator[dict[str, Any]]:
    """Return every statement in a resource, whichever property it is in."""
    match part:
        case {"Statement": [*inside]}:
            yield from (each["Fn::If"][1] if "Fn::If" in each else each for each in inside)
        case dict():
            yield from policies([*part.values()])
        case list():
            for each in part:
                yield from policies(each)


def test_every_wildcard_is_known() -> None:
    """In any policy of any resource, the translator's own among them, and SECURITY.md has each."""
    found = {
        (name, str(each.get("Sid", "")), text)
        for name, resource in TRANSLATED.items()
        for each in policies(resource)
        for text in wildcards(each)
    }

    assert found == WILDCARDS.keys()
    assert not [each for name, sid, each in found if "Role" in name and each == "*"]


@pytest.mark.parametrize(
    "name", [name for name, each in TRANSLATED.items() if each["Type"] == "AWS::IAM::Role"]
)
def test_no_action_is_a_wildcard(name: str) -> None:
    """Of AWS's managed policies, which have some, CodeDeploy's own is the only one."""
    role = TRANSLATED[name]["Properties"]

    for each in statements(role):
        assert "*" not in str(each["Action"])
    managed = json.dumps(role.get("ManagedPolicyArns", []))
    assert managed == "[]" or "AWSCodeDeployRoleForLambda" in managed
    assert statements(role) or managed != "[]"


def test_every_partition_has_its_own_names() -> None:
    """No ARN and no host name is of one partition alone, but for services, which are called so."""
    texts = [*strings([TEMPLATE["Globals"], RESOURCES, TEMPLATE["Outputs"]])]

    assert [each for each in texts if re.search(r"arn:(?!\$\{AWS::Partition\})", each)] == []
    hosts = [each for each in texts if "amazonaws" in each]
    services = {"events", "lambda", "states"}
    assert {*hosts} == {f"{each}.amazonaws.com" for each in services}
    for each in ("PostLoginUrl", "ShopUrl", "VerifyEmailUrl", "ApiDomain", "ShopApiDomain"):
        assert "${AWS::URLSuffix}" in str(TEMPLATE["Outputs"][each])


def strings(part: Any) -> Iterator[str]:
    """Return every text in a part of the template."""
    match part:
        case str():
            yield part
        case dict():
            yield from strings([*part.values()])
        case list():
            for each in part:
                yield from strings(each)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_bounded(name: str) -> None:
    """Time-out, memory, processor, concurrency; a role and a log group of its own."""
    function = TRANSLATED[name]["Properties"]
    others = [TRANSLATED[each]["Properties"] for each in FUNCTIONS if each != name]
    group = function["LoggingConfig"]["LogGroup"]["Ref"]

    assert function["Architectures"] == [{"Ref": "Architecture"}]
    for bound in ("Timeout", "MemorySize", "ReservedConcurrentExecutions"):
        assert bound in function
    assert "RetentionInDays" in TRANSLATED[group]["Properties"]
    for own in ("Role", "LoggingConfig"):
        assert function[own] not in [each[own] for each in others]
    assert function["Handler"].startswith("customerlink.functions.")
    assert BUILT[name].packages


def test_every_route_is_signed_or_authorised() -> None:
    """Each function behind a route checks the signature itself, or the route has an authoriser."""
    signed = {
        "customerlink.functions.post_login.handler": "the Standard Webhooks signature",
        "customerlink.functions.verify_email.handler": "the session token",
        "customerlink.functions.events.handler": "Stripe's signature, or Auth0's bearer token",
    }
    authorised = [
        name
        for name, each in RESOURCES.items()
        if each["Type"] == "AWS::Serverless::HttpApi"
        and each["Properties"].get("Auth", {}).get("DefaultAuthorizer")
    ]

    assert authorised == ["ShopApi"]
    for name, route in behind_routes():
        has_authoriser = route["ApiId"]["Ref"] in authorised
        assert has_authoriser is not (RESOURCES[name]["Properties"]["Handler"] in signed)


def test_the_shops_authoriser_knows_issuer_and_audience() -> None:
    """And neither may be empty."""
    [authoriser] = RESOURCES["ShopApi"]["Properties"]["Auth"]["Authorizers"].values()

    assert authoriser["JwtConfiguration"] == {
        "issuer": {"Ref": "Auth0Issuer"},
        "audience": [{"Ref": "ShopAudience"}],
    }
    assert TEMPLATE["Rules"].keys() == {
        "CheckoutNeedsTheShop",
        "TheShopNeedsAnAudience",
        "WebhooksNeedNoSources",
    }


def test_the_shops_routes_ask_for_the_functions_scopes() -> None:
    """API Gateway for each route, the function itself, and the sandbox's gateway, for the same."""
    events = RESOURCES["CustomersFunction"]["Properties"]["Events"].values()
    routes = [each["Properties"] for each in events]
    asked = {
        f"{each['Method']} {each['Path']}": each["Auth"]["AuthorizationScopes"] for each in routes
    }

    assert asked == {name: [route.scope] for name, route in SHOP_ROUTES.items()}
    assert {name: [scope] for name, scope in SCOPES.items()} == asked
    needed = TEMPLATE["Rules"]["TheShopNeedsAnAudience"]["Assertions"]
    assert [each["AssertDescription"].split()[2] for each in needed] == [
        "ShopAudience,",
        "ShopClientIds,",
    ]


def test_the_page_may_ask_for_a_mail_and_nothing_else() -> None:
    """It is open to every browser, so no table, no tenant and no Stripe key is in its reach."""
    granted = {each["Sid"]: each for each in statements(role_of("VerifyEmailFunction"))}

    assert granted["Mail"]["Action"] == "lambda:InvokeFunction"
    assert granted["Mail"]["Resource"] == {"Fn::GetAtt": ["SendMailFunction", "Arn"]}
    assert granted["Secret"]["Resource"] == {"Ref": "SessionSecret"}
    assert granted.keys() == {"Mail", "Secret", "Logs", "Key"}


def test_who_sends_mails_is_behind_no_route() -> None:
    """It may read what lets it into the tenant, and count: the page's limits are kept there."""
    granted = {each["Sid"]: each for each in statements(role_of("SendMailFunction"))}

    assert "Events" not in RESOURCES["SendMailFunction"]["Properties"]
    assert granted["CountMails"]["Action"] == "dynamodb:UpdateItem"
    [keys] = granted["CountMails"]["Condition"]["ForAllValues:StringLike"].values()
    assert keys == ["mail#*"]
    assert granted["Secret"]["Resource"] == {"Ref": "TenantSecret"}
    assert granted.keys() == {"CountMails", "Secret", "Logs", "Key"}


def test_only_the_backfill_reads_many_records_at_once() -> None:
    """Which users were refused; of the ledger alone."""
    granted = {each["Sid"]: each for each in statements(role_of("BackfillFunction"))}

    assert granted["Refusals"]["Action"] == "dynamodb:BatchGetItem"
    assert granted["Refusals"]["Resource"] == granted["Ledger"]["Resource"]
    others = [each for each in FUNCTIONS if each != "BackfillFunction"]
    assert not any("BatchGetItem" in str(statements(role_of(each))) for each in others)


def test_stage() -> None:
    """Throttled; its log names who called, by the address, and no user, no body."""
    for name in ("Api", "ShopApi"):
        api = RESOURCES[name]["Properties"]
        logged = set(re.findall(r"\$context\.([\w.]+)", api["AccessLogSettings"]["Format"]))

        assert api["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
        assert api["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
        assert logged == {
            *("requestId", "requestTimeEpoch", "identity.sourceIp", "routeKey", "status"),
            *("responseLatency", "integrationLatency", "integrationErrorMessage"),
        }


def alarms() -> dict[str, dict[str, Any]]:
    """Return the alarms' properties by name."""
    kind = "AWS::CloudWatch::Alarm"
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == kind}


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm looks at, one or several."""
    several = [
        each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each
    ]
    return several or [alarm]


def of_the_api() -> list[dict[str, Any]]:
    """Return the alarms on what API Gateway counts by itself, and on what its log says."""
    [counted] = of_type("AWS::Logs::MetricFilter")
    [counts] = counted["MetricTransformations"]
    logged = (counts["MetricNamespace"], counts["MetricName"])
    found = [
        each
        for each in alarms().values()
        if each.get("Namespace") == "AWS/ApiGateway"
        or (each.get("Namespace"), each.get("MetricName")) == logged
    ]
    assert counted["LogGroupName"] == {"Ref": "ApiLogGroup"}
    return found


def of_the_queues() -> list[dict[str, Any]]:
    """Return the alarms on what SQS counts: dead letters at once, others once they are late."""
    dead, late = (alarms()[each] for each in ("SyncDeadLettersAlarm", "SyncAgeAlarm"))
    for alarm, queue in ((dead, "SyncDeadLetters"), (late, "SyncQueue")):
        [dimension] = alarm["Dimensions"]
        assert dimension == {"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}
    assert (dead["MetricName"], dead["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 1)
    assert late["MetricName"] == "ApproximateAgeOfOldestMessage"
    # By then what another try may mend has been parked.
    assert late["Threshold"] > PARKED_AT * RESOURCES["SyncQueue"]["Properties"]["VisibilityTimeout"]
    return [dead, late]


def test_a_flood_is_alarmed() -> None:
    """By what the API refused, and by what it turned away; from which number on is a parameter."""
    refused, turned_away = of_the_api()

    assert (refused["MetricName"], turned_away["MetricName"]) == ("4xx", "turned_away")
    assert refused["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "Api"}}]
    assert refused["Threshold"] == {"Ref": "ClientErrorsForAlarm"}
    assert turned_away["Threshold"] == {"Ref": "TurnedAwayForAlarm"}
    [pattern] = [each["FilterPattern"] for each in of_type("AWS::Logs::MetricFilter")]
    assert pattern == '{ $.status = "429" }'
    assert (
        '"status":"$context.status"'
        in RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]
    )


@pytest.mark.parametrize("name", alarms())
def test_every_alarm_has_a_metric_that_is_emitted(name: str) -> None:
    """By the code, with the dimension it gives it, or by Lambda itself."""
    for metric in metrics(alarms()[name]):
        if metric in of_the_api():
            continue
        if metric["Namespace"] == "AWS/SQS":
            assert metric in of_the_queues()
            continue
        dimensions = {each["Name"]: each["Value"]["Ref"] for each in metric["Dimensions"]}
        if metric["Namespace"] == "AWS/Lambda":
            assert metric["MetricName"] in {"Errors", "Throttles", "Duration"}
            assert dimensions["FunctionName"] in FUNCTIONS
        else:
            assert metric["Namespace"] == NAMESPACE
            assert metric["MetricName"] in EMITTED
            assert dimensions.pop("service") == "AWS::StackName"
            is_by_function = metric["MetricName"] in BY_FUNCTION
            assert (dimensions.get("function_name") in FUNCTIONS) is is_by_function
    assert VARIABLES["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


@pytest.mark.parametrize("name", alarms())
def test_every_alarm_has_a_runbook(name: str) -> None:
    """The description leads to a section of docs/operations.md, and the topic is told."""
    alarm = alarms()[name]
    address = alarm["AlarmDescription"]["Fn::Sub"]
    [anchor] = re.findall(r"^[^$]+[.?] See \$\{RunbookBaseUrl\}#([a-z-]+)$", address)
    headings = re.findall(r"^#+ (.+)$", OPERATIONS, re.MULTILINE)

    assert anchor in {each.lower().replace(" ", "-") for each in headings}
    assert "AlarmTopicArn" in str(alarm["AlarmActions"])
    assert alarm["TreatMissingData"] in {"notBreaching", "breaching"}


def test_slow_is_80_percent_of_the_time_out() -> None:
    """The threshold follows the function's time-out."""
    assert alarms()["SlowAlarm"]["Threshold"] == 0.8 * FUNCTION["Timeout"] * 1000


def test_dashboards_show_what_is_emitted() -> None:
    """Metrics of ours, or of Lambda's; fields of the log line."""
    shown = set()
    for each in of_type("AWS::CloudWatch::Dashboard"):
        for widget in json.loads(each["DashboardBody"]["Fn::Sub"])["widgets"]:
            for metric in widget["properties"].get("metrics", []):
                shown.add((metric[0], metric[1]))

    ours = {name for namespace, name in shown if namespace == NAMESPACE}
    lambdas = {name for namespace, name in shown if namespace != NAMESPACE}
    drift = {f"{DRIFT}{each}" for each in (*Drift, RowOutcome.UNREAD)}
    assert ours == EMITTED - {Reason.USER_GONE} | drift
    assert lambdas == {"Invocations", "Errors", "Throttles", "ConcurrentExecutions", "Duration"}


LANGUAGE = {"SOURCE", "and", "as", "avg", "bin", "by", "count", "desc", "fields", "filter", "h"}
LANGUAGE |= {"in", "ispresent", "like", "limit", "or", "pct", "sort", "stats", "steps"}
COMPUTED = {"calls", "logins", "cold", "all_calls", "milliseconds", "times"}


def test_queries_ask_for_fields_that_are_logged() -> None:
    """Saved queries and the dashboards' own: each word is the language's, or a field of a line."""
    widgets = [
        widget["properties"].get("query", "")
        for each in of_type("AWS::CloudWatch::Dashboard")
        for widget in json.loads(each["DashboardBody"]["Fn::Sub"])["widgets"]
    ]
    queries = [each["QueryString"] for each in of_type("AWS::Logs::QueryDefinition")] + widgets
    computed = re.compile(r"\"[^\"]*\"|'[^']*'|@\w+|\w+_p\d+")
    words = set(re.findall(r"[A-Za-z_]+", computed.sub("", " ".join(queries))))
    code = "".join(path.read_text() for path in (ROOT / "src/customerlink").rglob("*.py"))
    code += RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]

    assert len(queries) > 6
    unknown = words - LANGUAGE - COMPUTED - {"message"}
    assert "user_id" in unknown
    assert "stripe_list" in unknown
    for each in unknown:
        assert f'"{each}"' in code, each


def test_bugs_are_alarmed_for_every_function_that_answers() -> None:
    """Each by its own alarm, so that it tells whose bug it is."""
    behind = {name for name, _ in behind_routes()}
    alarmed = [
        each["Value"]["Ref"]
        for alarm in alarms().values()
        for metric in metrics(alarm)
        if metric["MetricName"] == "internal_error"
        for each in metric["Dimensions"]
        if each["Name"] == "function_name"
    ]

    assert sorted(alarmed) == sorted(behind | {"SendMailFunction", "SyncFunction"})


def test_deployment_is_checked_and_rolled_back() -> None:
    """A canary with a pre-traffic check, alarms that stop it, and settings that make a version.

    Each of them looks at the sign-up's function alone: nobody else's user rolls it back.
    """
    preference = FUNCTION["DeploymentPreference"]
    rolled_back_by = {each["Ref"] for each in preference["Alarms"]}

    assert FUNCTION["AutoPublishAlias"] == "live"
    assert FUNCTION["AutoPublishAliasAllProperties"] is True
    assert TEMPLATE["Parameters"]["DeploymentPreference"]["Default"].startswith("Canary")
    assert preference["Hooks"] == {"PreTraffic": {"Ref": "PreTrafficFunction"}}
    assert rolled_back_by <= alarms().keys()
    for name in rolled_back_by:
        for metric in metrics(alarms()[name]):
            assert {"Ref": "PostLoginFunction"} in [each["Value"] for each in metric["Dimensions"]]
    assert "FunctionErrorsAlarm" in rolled_back_by
    hook = RESOURCES["PreTrafficFunction"]["Properties"]
    assert hook["FunctionName"] == {"Fn::Sub": "CodeDeployHook_${AWS::StackName}"}
    version = hook["Environment"]["Variables"]["CUSTOMERLINK_NEW_VERSION"]
    assert version == {"Ref": "PostLoginFunction.Version"}
    assert {"Ref": "PostLoginFunction.Version"} in [
        each["Resource"] for each in statements(RESOURCES["PreTrafficRole"]["Properties"])
    ]


def test_repair_comes_every_five_minutes() -> None:
    """As often as its alarm looks; two at once would only meet each other's leases."""
    schedule = schedule_of("RepairFunction")

    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert alarms()["OpenSignUpsAlarm"]["Period"] == 300
    assert alarms()["OpenSignUpsAlarm"]["TreatMissingData"] == "breaching"
    assert RESOURCES["RepairFunction"]["Properties"]["ReservedConcurrentExecutions"] == 1


def schedule_of(function: str) -> dict[str, Any]:
    """Return the schedule by which a function is invoked."""
    [found] = [
        each
        for each in of_type("AWS::Scheduler::Schedule")
        if each["Target"]["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
    ]
    return found


SYNCING = {name for name, each in RESOURCES.items() if each.get("Condition") == "HasEvents"}


def test_without_a_source_nothing_of_sync_is_there() -> None:
    """No queue is asked for messages, and no alarm looks at one: nothing costs anything."""
    of_one = {name: each.get("Condition") for name, each in RESOURCES.items()}
    auth0 = {each for each, condition in of_one.items() if condition == "HasAuth0Events"}
    stripe = {each for each, condition in of_one.items() if condition == "HasStripeEvents"}

    assert auth0 == {"Auth0Bus", "UsersChangedRule"}
    assert stripe == {"StripeBus", "CustomersChangedRule"}
    assert of_one["MissedSignUpsAlarm"] == "HasUsersEvents"
    assert of_one["SyncBeatAlarm"] == "HasCustomersEvents"
    assert {name for name in RESOURCES if name.startswith("Sync")} < SYNCING | {"SyncBeatAlarm"}
    assert TEMPLATE["Parameters"]["SyncBy"]["Default"] == "eventbridge"
    assert TEMPLATE["Parameters"]["Auth0EventSource"]["Default"] == ""
    assert TEMPLATE["Parameters"]["StripeEventSource"]["Default"] == ""


def test_nobody_but_the_stacks_own_rules_puts_into_its_queues() -> None:
    """Each by its ARN, where it is there: no other rule of the account's, on whichever bus."""
    granted = {each["Sid"]: each for each in policies(RESOURCES["SyncQueuePolicy"])}
    [sources] = granted["Events"]["Condition"]["ArnEquals"].values()

    assert sources == [
        {"Fn::If": [condition, {"Fn::GetAtt": [rule, "Arn"]}, {"Ref": "AWS::NoValue"}]}
        for condition, rule in (
            ("HasAuth0Events", "UsersChangedRule"),
            ("HasStripeEvents", "CustomersChangedRule"),
        )
    ]
    for each in sources:
        condition, rule, _ = each["Fn::If"]
        assert RESOURCES[rule["Fn::GetAtt"][0]]["Condition"] == condition


@pytest.mark.parametrize("name", ["UsersChangedRule", "CustomersChangedRule"])
def test_rules(name: str) -> None:
    """A day of tries, and then the dead letters, of which nothing is lost."""
    rule = RESOURCES[name]["Properties"]
    [target] = rule["Targets"]

    assert target["Arn"] == {"Fn::GetAtt": ["SyncQueue", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["SyncDeadLetters", "Arn"]}}
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 24 * 3600
    assert "InputPath" not in target
    [source] = rule["EventPattern"]["source"]
    bus = RESOURCES[rule["EventBusName"]["Ref"]]["Properties"]
    assert bus == {"Name": source, "EventSourceName": source}


def test_the_queue_outlasts_its_function() -> None:
    """Six times, as Lambda asks for; SQS gives up after the function has."""
    queue, dead, function = (
        RESOURCES[each]["Properties"] for each in ("SyncQueue", "SyncDeadLetters", "SyncFunction")
    )
    [source] = function["Events"].values()

    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"] == 6 * BATCH_SECONDS
    assert PARKED_AT < DEAD_AT < queue["RedrivePolicy"]["maxReceiveCount"]
    assert (queue["MessageRetentionPeriod"], dead["MessageRetentionPeriod"]) == (
        4 * 24 * 3600,
        14 * 24 * 3600,
    )
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["Properties"]["ScalingConfig"]["MaximumConcurrency"] == 2
    assert source["Properties"]["BatchSize"] == 5


def test_both_kinds_of_encryption() -> None:
    """By SQS's own keys, or by the deployment's, whose policy has to admit EventBridge."""
    for each in of_type("AWS::SQS::Queue"):
        assert each["SqsManagedSseEnabled"] == {
            "Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, True]
        }
        assert each["KmsMasterKeyId"] == FUNCTION_KEY
    for name in ("RepairFunction", "SyncFunction"):
        [key] = [each for each in statements(role_of(name)) if each["Sid"] == "Key"]
        assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert "`events.amazonaws.com`" in (ROOT / "docs/deploy.md").read_text()


FUNCTION_KEY = TEMPLATE["Globals"]["Function"]["KmsKeyArn"]


def test_who_looks_at_users_may_do_so_and_nothing_else() -> None:
    """Of the ledger the items that a look reads and writes; of the queues its own."""
    granted = {each["Sid"]: each for each in statements(role_of("SyncFunction"))}

    assert granted.keys() == {"Ledger", "Secrets", "Queue", "DeadLetters", "Logs", "Key"}
    items = (ROOT / "src/customerlink/adapters/dynamodb/items.py").read_text()
    written = {f"{each}#*" for each in re.findall(r'"pk": s\(f"(\w+)#', items)}
    [keys] = granted["Ledger"]["Condition"]["ForAllValues:StringLike"].values()
    assert {*keys} == written | {"rate#*"}
    assert granted["DeadLetters"]["Action"] == "sqs:SendMessage"
    assert granted["DeadLetters"]["Resource"] == {"Fn::GetAtt": ["SyncDeadLetters", "Arn"]}
    assert "sqs:SendMessage" not in granted["Queue"]["Action"]
    repair = {each["Sid"]: each for each in statements(role_of("RepairFunction"))}
    assert repair["Queue"]["Action"] == "sqs:SendMessage"
    assert repair["Queue"]["Resource"] == {"Fn::GetAtt": ["SyncQueue", "Arn"]}


def test_what_follows_a_sign_up_is_set_for_both_who_look() -> None:
    """The repair looks itself where there is no queue; its policies are the same, the defaults."""
    functions = [RESOURCES[each]["Properties"] for each in ("SyncFunction", "RepairFunction")]
    [variables] = [each["Environment"]["Variables"] for each in functions[:1]]
    defaults = {name: each["Default"] for name, each in TEMPLATE["Parameters"].items()}
    environment = {name: str(defaults.get(each.get("Ref"), "")) for name, each in variables.items()}

    assert functions[0]["Environment"] == functions[1]["Environment"]
    assert SyncSettings.from_environment(environment) == SyncSettings.from_environment({})
    days, a_day = (TEMPLATE["Parameters"][each] for each in ("DeletedUsersDays", "DeletionsPerDay"))
    assert (days["MaxValue"], a_day["MaxValue"]) == (MOST_DAYS, MOST_A_DAY)


def test_held_deletions_ring_until_somebody_has_looked() -> None:
    """They are looked at again every hour, and the alarm looks at two."""
    alarm = alarms()["HeldDeletionsAlarm"]

    assert alarm["Period"] == HELD_SECONDS
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (2, 1)


def test_a_beat_may_be_lost_before_the_alarm_rings() -> None:
    """An hour has room for three more, of runs that come a little apart; none at all rings."""
    alarm = alarms()["SyncBeatAlarm"]

    assert schedule_of("RepairFunction")["ScheduleExpression"] == "rate(5 minutes)"
    assert 2 * 300 < PAUSE_SECONDS < 3 * 300
    assert alarm["Period"] == 4 * 3 * 300
    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Sum", 1)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"
    assert RESOURCES["SyncBeatAlarm"]["Condition"] == "HasCustomersEvents"


def test_posted_events_are_taken_by_who_may_do_little_else() -> None:
    """It reads its own secret and sends to the queue; fewer at once than of any sign-up."""
    granted = {each["Sid"]: each for each in statements(role_of("EventsFunction"))}
    mine = [name for name, each in RESOURCES.items() if each.get("Condition") == "HasWebhooks"]
    throttled = there(RESOURCES["Api"]["Properties"]["RouteSettings"])
    of_all = RESOURCES["Api"]["Properties"]["DefaultRouteSettings"]

    assert granted.keys() == {"Secret", "Queue", "Logs", "Key"}
    assert granted["Secret"]["Resource"] == {"Ref": "EventsSecret"}
    assert granted["Queue"]["Action"] == "sqs:SendMessage"
    assert granted["Queue"]["Resource"] == {"Fn::GetAtt": ["SyncQueue", "Arn"]}
    assert {*mine} == {f"Events{each}" for each in ("Function", "Role", "LogGroup", "Secret")} | {
        "EventsErrorsAlarm"
    }
    assert throttled.keys() == EVENTS.keys()
    for each in throttled.values():
        assert {name for name in of_all if 0 < each[name] < of_all[name]} == of_all.keys()
    assert RESOURCES["SyncQueue"]["Properties"]["MaximumMessageSize"] == LONGEST_MESSAGE


def there(part: Any) -> Any:
    """Return a part of the template with all that conditions bring."""
    return part["Fn::If"][1] if isinstance(part, dict) and "Fn::If" in part else part


def test_failures_are_alarmed_once_they_last() -> None:
    """As often as the repair looks at who is due: what passes by itself rings no bell."""
    alarm = alarms()["SyncFailuresAlarm"]

    assert schedule_of("RepairFunction")["ScheduleExpression"] == "rate(5 minutes)"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (300, 3)


def test_the_watch_comes_twice_in_its_alarms_period() -> None:
    """So that two runs that come a little apart leave no gap; one bad run is enough, or none."""
    alarm = alarms()["WatchAlarm"]

    assert schedule_of("WatchFunction")["ScheduleExpression"] == "rate(5 minutes)"
    assert alarm["Period"] == 2 * 300
    assert (alarm["Statistic"], alarm["EvaluationPeriods"]) == ("Minimum", 1)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert alarm["TreatMissingData"] == "breaching"


def test_the_watch_ends() -> None:
    """Both looks fit into its time, and the next run comes later."""
    calls = 1 + 2 * (len(TRIGGERS) + 1)
    longest = 2 * (calls * CALL_SECONDS + ANSWER_SECONDS + FETCH_SECONDS) + SECOND_LOOK_SECONDS
    function = RESOURCES["WatchFunction"]["Properties"]

    assert longest < function["Timeout"] < 300
    assert function["ReservedConcurrentExecutions"] == 1


def test_the_watch_may_look_and_nothing_else() -> None:
    """Its role reads its own secret: no Stripe key, no signing secret, no table."""
    granted = {each["Sid"]: each for each in statements(role_of("WatchFunction"))}

    assert granted.keys() == {"Secret", "Logs", "Key"}
    assert granted["Secret"]["Resource"] == {"Ref": "WatchSecret"}
    watching = ("WatchFunction", "WatchSecret", "WatchRole", "WatchLogGroup", "WatchAlarm")
    assert {RESOURCES[each].get("Condition") for each in watching} == {"HasWatch"}
    assert TEMPLATE["Parameters"]["Watch"]["Default"] == "yes"
    given = RESOURCES["WatchFunction"]["Properties"]["Environment"]["Variables"]
    assert given["CUSTOMERLINK_ENDPOINT"] == TEMPLATE["Outputs"]["PostLoginUrl"]["Value"]


def test_a_repair_that_begins_ends() -> None:
    """Two calls to Auth0 and the pipeline between them fit into what it is begun with."""
    assert TIME_FOR_ONE_SECONDS > SIGN_UP_SECONDS + 2 * TENANT_SECONDS
    assert RESOURCES["RepairFunction"]["Properties"]["Timeout"] > 2 * TIME_FOR_ONE_SECONDS


def test_the_state_machine_invokes_what_it_may() -> None:
    """Its definition's placeholders are filled in, and its workers fit into the function."""
    text = (ROOT / "src/statemachine/backfill.asl.yaml").read_text()
    given = RESOURCES["BackfillStateMachine"]["Properties"]["DefinitionSubstitutions"]
    function = RESOURCES["BackfillFunction"]["Properties"]

    assert set(re.findall(r"\$\{(\w+)\}", text)) == given.keys()
    workers = yaml_parse(text)["States"]["Provision"]["MaxConcurrency"]
    assert workers <= function["ReservedConcurrentExecutions"]
    assert function["Timeout"] > 10 * TIME_TO_WRITE_SECONDS


def test_nothing_of_the_sign_ups_holds_the_tenants_secret() -> None:
    """Only the functions that speak to Auth0 can read it."""
    for name in FUNCTIONS:
        may_read = "TenantSecret" in str(statements(role_of(name)))
        without = {"PostLoginFunction", "PreTrafficFunction", "VerifyEmailFunction"}
        without |= {"WatchFunction", "EventsFunction"}
        assert may_read is (name not in without)


def test_the_bucket_forgets() -> None:
    """What the backfill writes down holds addresses: private, encrypted, gone after a week."""
    [bucket] = of_type("AWS::S3::Bucket")
    [policy] = of_type("AWS::S3::BucketPolicy")

    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 7
    assert "aws:SecureTransport" in str(policy)


def test_snap_start_is_off_by_default() -> None:
    """And a parameter."""
    assert TEMPLATE["Parameters"]["SnapStart"]["Default"] == "None"
    assert FUNCTION["SnapStart"]["ApplyOn"] == {"Ref": "SnapStart"}


def test_a_key_of_ones_own_is_used_everywhere() -> None:
    """Table, secret, log groups, functions' settings; and every role may decrypt."""
    used = [
        *of_type("AWS::DynamoDB::Table"),
        *of_type("AWS::SecretsManager::Secret"),
        *of_type("AWS::Logs::LogGroup"),
        *of_type("AWS::Lambda::Function"),
        *of_type("AWS::S3::Bucket"),
        *of_type("AWS::SQS::Queue"),
    ]

    assert len(used) == 30
    for each in used:
        assert "KmsKeyArn" in str(each)
    for name in FUNCTIONS:
        assert "kms:Decrypt" in str(statements(role_of(name)))


def role_of(function: str) -> dict[str, Any]:
    """Return the properties of a function's role."""
    role = RESOURCES[function]["Properties"]["Role"]["Fn::GetAtt"][0]
    properties: dict[str, Any] = RESOURCES[role]["Properties"]
    return properties


@pytest.mark.parametrize(
    "name",
    [
        "LedgerTable",
        "CustomerLinkSecret",
        "TenantSecret",
        "SessionSecret",
        "WatchSecret",
    ],
)
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
    assert all(each["SSEEnabled"] for each in table["SSESpecification"]["Fn::If"][1:])
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]


def test_every_log_group_has_retention() -> None:
    """Nothing is kept for ever."""
    groups = list(of_type("AWS::Logs::LogGroup"))

    assert len(groups) == len(FUNCTIONS) + 1
    assert all(each["RetentionInDays"] == {"Ref": "LogRetentionDays"} for each in groups)


def test_what_comes_and_goes_leaves_no_name_behind() -> None:
    """CloudFormation makes nothing whose name is taken, by what an earlier setting left either."""
    come_and_go = {name: each for name, each in RESOURCES.items() if "Condition" in each}
    kept = {
        name: {word for word in each.get("Properties", {}) if re.fullmatch(r"(\w+)?Name", word)}
        for name, each in come_and_go.items()
        if "Retain" in (each.get("DeletionPolicy"), each.get("UpdateReplacePolicy"))
    }

    assert {"CustomersLogGroup", "WatchLogGroup"} < come_and_go.keys()
    assert "WatchSecret" in kept
    assert not any(kept.values()), kept


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_every_parameter_is_described_and_constrained(name: str) -> None:
    """Whoever deploys reads it in the console."""
    parameter = TEMPLATE["Parameters"][name]

    assert parameter["Description"].endswith(".")
    assert parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue", "MaxLength"}


def parameters_in(part: Any) -> Iterator[str]:
    """Return the names that a part of the template refers to, by its conditions as well."""
    match part:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{(\w+)\}", text)
        case {"Fn::Sub": [str(text), dict(values)]}:
            yield from parameters_in([{"Fn::Sub": text}, values])
        case {"Fn::If": [condition, *choices]}:
            yield from parameters_in([TEMPLATE["Conditions"][condition], choices])
        case {"Condition": str(condition), **rest}:
            yield from parameters_in([TEMPLATE["Conditions"][condition], rest])
        case dict():
            yield from parameters_in(list(part.values()))
        case list():
            for each in part:
                yield from parameters_in(each)


def test_every_parameter_reaches_something() -> None:
    """A property, a function's environment, an output, or whether a resource exists."""
    parts = [TEMPLATE[name] for name in ("Globals", "Resources", "Outputs")]
    reached = set(parameters_in(parts))

    assert TEMPLATE["Parameters"].keys() - reached == set()


def test_outputs_say_what_to_paste() -> None:
    """Into Auth0, and into the secret."""
    descriptions = " ".join(each["Description"] for each in TEMPLATE["Outputs"].values())

    assert "CUSTOMERLINK_URL" in descriptions
    assert "CUSTOMERLINK_SIGNING_SECRET" in descriptions
    assert "stripe_restricted_key" in descriptions
