"""`customerlink doctor`: everything in order, and each thing that can be wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import boto3
import pytest
import stripe
from botocore.client import BaseClient
from botocore.exceptions import ClientError, NoCredentialsError, SSOTokenLoadError
from tests.cli.conftest import ACTION, Cli
from tests.fakes import FakeClock

from customerlink.adapters.built_actions import action_code
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.cli.commands import doctor, rotate
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.probes import SelfTestResult
from customerlink.model.actions import REGISTRATION, SIGNING_SECRET, URL
from customerlink.model.tickets import new_ticket_key
from customerlink.model.user import Tenant, User, UserId
from customerlink.ports.run import Run
from sandbox.auth0.api import SCOPES
from sandbox.aws import ALARM, REGION, TABLE, WATCH_SECRET
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import new_signing_secret

PASSED = SelfTestResult(passed=True, status=200, reason="not_new", milliseconds=1.0, skew=None)


def diagnosis(cli: Cli, *words: str) -> dict[str, dict[str, Any]]:
    """Return each check by its name."""
    result = cli(*words, "doctor", "--json")
    checks = {each["name"]: each for each in result.json()["checks"]}
    assert result.code == int(any(each["verdict"] == "bad" for each in checks.values()))
    return checks


def test_everything_in_order(cli: Cli) -> None:
    """Nothing but ✓."""
    cli.install()
    trusted = {"TrustedConnections": "auth0, google-oauth2,apple,email,sms,acme-saml"}
    cli.box.aws.create_stack(cli.box.url, {"VerifiedEmail": "required"} | trusted)
    checks = diagnosis(cli)

    assert {name for name, each in checks.items() if each["verdict"] != "good"} == set()
    assert list(checks) == [
        *("AWS credentials", "stack", "tenants", "verified email", "secret", "link tickets"),
        *("Stripe key", "Stripe: list"),
        *("Stripe: letter case", "Stripe: tenant", "Stripe: no more"),
        *("Auth0 client", "connections", "Action: code", "Action: runtime", "Action: secrets"),
        *("Login flow", "endpoint", "watch", "watch: last run", "sync", "alarms", "open sign-ups"),
    ]


@pytest.mark.parametrize(
    ("parameters", "check", "verdict", "said"),
    [
        ({}, "connections", "good", "sms, legacy-users (auth0); not of acme-saml (samlp)."),
        ({"VerifiedEmail": "required"}, "connections", "warning", "never get a customer"),
        ({"TrustedConnections": "samlp"}, "connections", "good", "of acme-saml (samlp); not of"),
        ({"TrustedConnections": "acme-saml"}, "connections", "good", "of acme-saml (samlp); not"),
        ({"TrustedConnections": "db"}, "connections", "good", "believed of none; not of"),
        ({"TrustedConnections": "auth0,db,x"}, "trusted connections", "warning", "not: db, x."),
        ({}, "verified email", "warning", "a stranger's address"),
        ({"VerifiedEmail": "required"}, "verified email", "good", "verified addresses only"),
        ({"VerifiedEmail": ""}, "verified email", "warning", "an earlier release's"),
    ],
)
def test_whose_addresses_are_believed(
    cli: Cli, parameters: dict[str, str], check: str, verdict: str, said: str
) -> None:
    """Each connection is judged as a log-in judges it; a choice that can be regretted is told."""
    cli.install()
    cli.box.aws.create_stack(cli.box.url, parameters)
    found = diagnosis(cli)[check]

    assert (found["verdict"], said in found["meaning"]) == (verdict, True), found
    assert found["fix"] or verdict == "good"


def test_more_connections_than_a_page_has(cli: Cli) -> None:
    """All of them are looked at."""
    cli.install()
    connections = cli.box.management.connections
    many = {f"directory-{number}": "waad" for number in range(250)}
    connections.update(many)
    meaning = diagnosis(cli)["connections"]["meaning"]
    for each in many:
        del connections[each]

    assert all(f"{each} (waad)" in meaning for each in many)


def test_connections_without_the_scope(cli: Cli) -> None:
    """It is no failure: that they were not looked at is said."""
    cli.install()
    granted = tuple(each for each in SCOPES if each != "read:connections")
    client_id, secret = cli.box.management.add_client(granted)
    cli.patch.setenv("AUTH0_CLIENT_ID", client_id)
    cli.patch.setenv("AUTH0_CLIENT_SECRET", secret)
    checks = diagnosis(cli)

    assert checks["connections"]["verdict"] == "warning"
    assert "read:connections" in checks["connections"]["meaning"]
    assert checks["Auth0 client"]["verdict"] == "good"


@pytest.mark.parametrize(
    ("count", "fix"),
    [(0, "customerlink install"), (2, "customerlink rotate ticket-key")],
)
def test_keys_of_link_tickets(cli: Cli, count: int, fix: str) -> None:
    """Without one nobody is sent to link; two are a rotation that was interrupted."""
    cli.install()
    keys = [new_ticket_key(each) for each in range(count)]
    cli.store(json.dumps(cli.stored() | {"link_ticket_keys": keys}))
    check = diagnosis(cli)["link tickets"]

    assert (check["verdict"], check["fix"]) == ("warning", fix)


def test_for_people(cli: Cli) -> None:
    """A line each, what it means, and the command that mends it."""
    cli.install()
    cli("uninstall")
    result = cli("doctor")

    assert result.code == 1
    assert "✓ AWS credentials" in result.out
    assert f"✗ Action            The tenant has no Action {ACTION}." in result.out
    assert "→ customerlink install" in result.out
    assert "failed" in result.out.splitlines()[-1]


def test_doctor_changes_nothing(cli: Cli) -> None:
    """Neither here nor there."""
    cli.install()
    before = len(cli.box.stripe.live_customers()), cli.stored(), cli.box.aws.items()
    cli.changes()
    cli("doctor")

    assert cli.changes() == []
    assert (len(cli.box.stripe.live_customers()), cli.stored(), cli.box.aws.items()) == before


def test_probe_write(cli: Cli) -> None:
    """A customer is created and deleted, in test mode only."""
    cli.install()
    before = len(cli.box.stripe.live_customers())
    result = cli("doctor", "--probe-write", "--json")

    assert "Stripe: create" in {each["name"] for each in result.json()["checks"]}
    assert len(cli.box.stripe.live_customers()) == before
    assert any(each.startswith("DELETE /v1/customers") for each in cli.box.stripe.requests)


def test_probe_write_after_one_that_was_interrupted(cli: Cli) -> None:
    """It deletes what that one left, and says so; of the interruption it is said what may stand."""
    cli.install()
    before = len(cli.box.stripe.live_customers())

    def pressed(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    with cli.patch.context() as patch:
        patch.setattr(stripe.CustomerService, "delete", pressed)
        result = cli("doctor", "--probe-write")
    assert (result.code, "nothing was changed" in result.err) == (130, False)
    assert "what was done stands" in result.err
    assert len(cli.box.stripe.live_customers()) == before + 1

    assert "deleted; 1 customer of an interrupted probe, too." in cli("doctor", "--probe-write").out
    assert len(cli.box.stripe.live_customers()) == before
    assert "interrupted probe" not in cli("doctor", "--probe-write").out


def edited(cli: Cli, **changes: Any) -> None:
    """Edit the Action by hand, and deploy it."""
    [action] = cli.actions().list_page({"actionName": ACTION})["actions"]
    cli.actions().update(action["id"], changes)
    cli.actions().deploy(action["id"])


def code_of(cli: Cli) -> str:
    """Return the Action's code."""
    return str(cli.actions().list_page({"actionName": ACTION})["actions"][0]["code"])


def store(**changes: Any) -> Callable[[Cli], None]:
    """Change fields of the secret."""
    return lambda cli: cli.store(json.dumps(cli.stored() | changes))


def drop_scope(cli: Cli) -> None:
    """Take a client that lacks one."""
    client_id, secret = cli.box.management.add_client(("read:actions", "create:actions"))
    cli.patch.setenv("AUTH0_CLIENT_ID", client_id)
    cli.patch.setenv("AUTH0_CLIENT_SECRET", secret)


def unbind(cli: Cli) -> None:
    """Empty the Login flow."""
    cli.actions().bind("post-login", {"bindings": []})


def draft(cli: Cli) -> None:
    """Leave a draft that is not deployed."""
    [action] = cli.actions().list_page({"actionName": ACTION})["actions"]
    cli.actions().update(action["id"], {"secrets": action["secrets"]})


def reader_of_charges(cli: Cli) -> None:
    """Take a key that may see payments."""
    store(stripe_restricted_key=cli.box.stripe.add_key(reads=("charge",)))(cli)


def revoked(cli: Cli) -> None:
    """Revoke the key."""
    key = cli.box.stripe.add_key()
    cli.box.stripe.revoke_key(key)
    store(stripe_restricted_key=key)(cli)


def unrestricted(cli: Cli) -> None:
    """Take a key that may do everything."""
    store(stripe_restricted_key=cli.box.stripe.add_key(prefix="sk_test_"))(cli)


def alarms(cli: Cli) -> Any:
    """Return a client for the stack's alarms."""
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    return session.client("cloudwatch", endpoint_url=cli.box.aws.url)


def alarm(cli: Cli) -> None:
    """Let an alarm of the stack go off."""
    alarms(cli).set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="test")


def no_alarm(cli: Cli) -> None:
    """Let the stack have none."""
    alarms(cli).delete_alarms(AlarmNames=[ALARM])


def open_sign_up(cli: Cli) -> None:
    """Leave a sign-up open since the year 2020."""
    clock = FakeClock()
    clock.now = 1.58e9
    user = User(Tenant("acme"), UserId("auth0|open"))
    DynamoDbLedger(Boto3DynamoDb(cli.box.aws.dynamodb), TABLE, Run(clock, "earlier")).open(
        user, None, admission=True
    )


def old_runtime(cli: Cli) -> None:
    """Let the Action be one of the days before Node 18, which nobody can make any more."""
    actions = cli.actions()._actions.values()
    [action] = [each for each in actions if each["name"] == ACTION]
    action["runtime"] = "node16"


def wrong_print(cli: Cli) -> None:
    """Let the Action have another deployment's settings."""
    notes = cli.stored()["installed_actions"]
    store(installed_actions={each: notes[each] | {"settings": "0" * 32} for each in notes})(cli)


def set_by_hand(
    *names: str, same: bool = False, deploy: bool = True, action_name: str = ACTION
) -> Callable[[Cli], None]:
    """Set some of the secrets again, to other values or to the same; leave the others."""

    def change(cli: Cli) -> None:
        [action] = cli.actions().list_page({"actionName": action_name})["actions"]
        now = cli.actions().secrets_of(action_name)
        kept = [{"name": each} for each in now if each not in names]
        given = [{"name": each, "value": now.get(each, "") if same else "other"} for each in names]
        cli.actions().update(action["id"], {"secrets": [*kept, *given]})
        if deploy:
            cli.actions().deploy(action["id"])

    return change


def deleted(name: str) -> Callable[[Cli], None]:
    """Take one of the secrets out."""
    return lambda cli: edited(
        cli, secrets=[{"name": each} for each in cli.actions().secrets_of(ACTION) if each != name]
    )


def rolled_back(cli: Cli) -> None:
    """Deploy the version before the last install once more, with the secrets that it has."""
    [action] = cli.actions().list_page({"actionName": ACTION})["actions"]
    set_by_hand(URL, SIGNING_SECRET)(cli)
    assert cli("install").code == 0
    versions = cli.actions().versions(action["id"], {})["versions"]
    cli.actions().roll_back(action["id"], versions[1]["id"])


@pytest.mark.parametrize(
    ("spoil", "check", "verdict", "said"),
    [
        (store(stripe_restricted_key=None), "secret", "bad", "stripe_restricted_key"),
        (store(action_signing_secrets=[]), "secret", "bad", "action_signing_secrets"),
        (
            lambda cli: store(
                action_signing_secrets=[
                    *cli.stored()["action_signing_secrets"],
                    new_signing_secret(),
                ]
            )(cli),
            "secret",
            "warning",
            "was a rotation interrupted?",
        ),
        (revoked, "Stripe key", "bad", "does not know this key"),
        (unrestricted, "Stripe key", "bad", "not restricted"),
        (reader_of_charges, "Stripe: no more", "warning", "may read charges"),
        (drop_scope, "Auth0 client", "bad", "update:actions, delete:actions"),
        (lambda cli: cli("uninstall"), "Action", "bad", "has no Action"),
        (lambda cli: edited(cli, code="// ours"), "Action: code", "bad", "not this release's"),
        (draft, "Action: code", "warning", "draft"),
        (old_runtime, "Action: runtime", "bad", "too old"),
        (lambda cli: edited(cli, secrets=[]), "Action: secrets", "bad", "are missing"),
        (deleted(URL), "Action: secrets", "bad", "CUSTOMERLINK_URL is missing"),
        (deleted(SIGNING_SECRET), "Action: secrets", "bad", "CUSTOMERLINK_SIGNING_SECRET is"),
        (wrong_print, "Action: secrets", "bad", "not this stack's"),
        (set_by_hand(URL), "Action: secrets", "bad", "nobody can see: CUSTOMERLINK_URL."),
        (set_by_hand(SIGNING_SECRET), "Action: secrets", "bad", "SIGNING_SECRET."),
        (set_by_hand(URL, SIGNING_SECRET), "Action: secrets", "bad", " and "),
        # It cannot be told apart from another value.
        (set_by_hand(URL, same=True), "Action: secrets", "bad", "Set anew"),
        # The next deployment, whoever makes it, puts them in.
        (set_by_hand(URL, deploy=False), "Action: secrets", "bad", "Set anew"),
        (rolled_back, "Action: secrets", "bad", "Set anew"),
        (set_by_hand("THEIRS"), "Action: secrets", "good", "not looked at: THEIRS"),
        (edited, "Action: secrets", "good", "Nobody has set them anew"),
        (lambda cli: edited(cli, code="// ours"), "Action: secrets", "good", "Nobody"),
        (store(installed_actions={}), "Action: secrets", "bad", "cannot be told"),
        (store(installed_actions="odd"), "Action: secrets", "bad", "cannot be told"),
        (store(installed_actions=None), "Action: secrets", "bad", "cannot be told"),
        (unbind, "Login flow", "bad", "not bound"),
        (store(action_signing_secrets=[new_signing_secret()]), "endpoint", "bad", "401"),
        (alarm, "alarms", "bad", ALARM),
        (no_alarm, "alarms", "warning", "has none"),
        (open_sign_up, "open sign-ups", "warning", "1 sign-up has been open"),
    ],
)
def test_what_is_wrong_is_found(
    cli: Cli, spoil: Callable[[Cli], object], check: str, verdict: str, said: str
) -> None:
    """With what mends it."""
    cli.install()
    spoil(cli)
    found = diagnosis(cli)[check]

    assert (found["verdict"], said in found["meaning"]) == (verdict, True), found
    assert found["fix"] or verdict == "good"


@pytest.mark.parametrize(
    "spoil", [set_by_hand(URL), set_by_hand(URL, SIGNING_SECRET), store(installed_actions={})]
)
def test_install_mends_what_was_set_by_hand(cli: Cli, spoil: Callable[[Cli], object]) -> None:
    """It sets both secrets again, and notes it: then everything is in order."""
    cli.install()
    before = cli.actions().secrets_of(ACTION)
    spoil(cli)
    assert cli("install").code == 0

    assert cli.actions().secrets_of(ACTION) == before
    assert diagnosis(cli)["Action: secrets"]["verdict"] == "good"


def test_rotation_is_no_change_by_hand(cli: Cli) -> None:
    """It notes what it sets, of each Action."""
    cli.install()
    assert cli("install", "--registration").code == 0
    quick = ["--refresh-seconds", "0", "--last-logins-seconds", "0"]
    cli.patch.setattr(rotate, "self_test", lambda *_: PASSED)
    assert cli("rotate", "signing-secret", *quick).code == 0
    checks = diagnosis(cli)

    assert {each["verdict"] for name, each in checks.items() if name.endswith("secrets")} == {
        "good"
    }


@pytest.mark.parametrize("trigger", REGISTRATION)
def test_registration_actions(cli: Cli, trigger: str) -> None:
    """Where they are, they are looked at as the Login flow's is; what mends them is named."""
    cli.install()
    assert cli("install", "--registration").code == 0
    before = diagnosis(cli)
    set_by_hand(URL, action_name=f"{ACTION} ({trigger})")(cli)
    after = diagnosis(cli)
    spoilt = f"Action ({trigger}): secrets"

    assert {each["verdict"] for name, each in before.items() if "Action" in name} == {"good"}
    others = {
        each["verdict"] for name, each in after.items() if "Action" in name and name != spoilt
    }
    assert others == {"good"}
    assert after[spoilt]["verdict"] == "bad"
    assert after[spoilt]["fix"] == "customerlink install --registration"


def test_registration_action_that_is_not_deployed(cli: Cli) -> None:
    """An install that was interrupted left a draft."""
    cli.install()
    cli.box.management.faults.append("POST /api/v2/actions/actions/")
    assert cli("install", "--registration").code == 3

    assert diagnosis(cli)[f"Action ({REGISTRATION[0]})"]["verdict"] == "bad"


def empty(cli: Cli) -> None:
    """Delete all customers, which the file's other tests share."""
    for each in cli.box.stripe.live_customers():
        cli.box.stripe.delete(each["id"])


@pytest.mark.parametrize(
    ("addresses", "verdict", "said"),
    [
        (["ada@example.com", None], "good", "of the newest 2 customers"),
        ([], "good", "of the newest 0 customers"),
        (["Ada@example.com", "bob@example.com"], "warning", "1 of the newest 2 customers"),
        (["ada@Example.com", "BOB@EXAMPLE.COM"], "warning", "2 of the newest 2 customers"),
        (["Eva@example.com", *(["x@example.com"] * 99)], "warning", "1 of the newest 100"),
        (["Ada@example.com", *(["x@example.com"] * 100)], "good", "of the newest 100"),
    ],
)
def test_letter_case(cli: Cli, addresses: list[str | None], verdict: str, said: str) -> None:
    """By one page of customers: before a first sign-up makes a duplicate, verify is run."""
    cli.install()
    empty(cli)
    for address in addresses:
        cli.box.stripe.create({"email": address} if address else {})
    found = diagnosis(cli)["Stripe: letter case"]
    empty(cli)

    assert (found["verdict"], said in found["meaning"]) == (verdict, True), found
    assert "Stripe's filter minds letter case" in found["meaning"]
    assert "@" not in json.dumps(found)
    assert found["fix"] == ("customerlink verify" if verdict == "warning" else "")


def test_the_other_mode(cli: Cli) -> None:
    """A test key in a live profile."""
    cli.install()
    found = diagnosis(cli, "--mode", "live")["Stripe key"]

    assert (found["verdict"], "for test mode" in found["meaning"]) == ("bad", True)


def test_nothing_at_all(cli: Cli) -> None:
    """Before an install: every check is made, none ends the others."""
    cli.patch.setenv("CUSTOMERLINK_STACK", "gone")
    cli.patch.setenv("AUTH0_CLIENT_SECRET", "wrong")
    checks = diagnosis(cli)

    assert checks["AWS credentials"]["verdict"] == "good"
    assert len([each for each in checks.values() if each["verdict"] == "bad"]) == 18


def no_aws(error: Exception) -> Callable[[Cli], None]:
    """Let every call of AWS's end so, but for the test's own look at the secret."""

    def change(cli: Cli) -> None:
        made = vars(BaseClient)["_make_api_call"]
        ours = cli.box.aws.secrets_manager

        def call(client: object, *given: Any) -> Any:
            if client is not ours:
                raise error
            return made(client, *given)

        cli.patch.setattr(BaseClient, "_make_api_call", call)

    return change


def nobody_at(variable: str, url: str = "http://127.0.0.1:1") -> Callable[[Cli], None]:
    """Let a service be where nobody listens."""
    return lambda cli: cli.patch.setenv(variable, url)


EXPIRED = ClientError({"Error": {"Code": "ExpiredToken"}}, "Anything")
STRIPES = ("Stripe: list", "Stripe: letter case", "Stripe: tenant", "Stripe: no more")
AWSES = ("stack", "tenants", "verified email", "secret", "alarms", "endpoint", *STRIPES)


@pytest.mark.parametrize(
    ("spoil", "said", "first", "others"),
    [
        (no_aws(NoCredentialsError()), "No AWS credentials were", "AWS credentials", AWSES),
        (no_aws(SSOTokenLoadError(error_msg="x")), "have expired.", "AWS credentials", AWSES),
        (no_aws(EXPIRED), "have expired.", "AWS credentials", AWSES),
        (nobody_at("AWS_ENDPOINT_URL"), "AWS did not answer", "AWS credentials", AWSES),
        (nobody_at("CUSTOMERLINK_STRIPE_API_BASE"), "Stripe did not", "Stripe key", STRIPES),
        (nobody_at("AUTH0_DOMAIN", "127.0.0.1:1"), "did not answer", "Auth0 client", ("Action",)),
        (nobody_at("AUTH0_CLIENT_SECRET", "x"), "no token", "Auth0 client", ("Login flow",)),
    ],
)
def test_one_cause_of_many(
    cli: Cli, spoil: Callable[[Cli], None], said: str, first: str, others: tuple[str, ...]
) -> None:
    """It is said once, and below it which checks could not be made; machines get each by itself."""
    cli.install()
    with cli.patch.context() as patch:
        cli.patch, before = patch, cli.patch
        spoil(cli)
        shown, made = cli("doctor"), cli("doctor", "--json")
        cli.patch = before
    checks = {each["name"]: each for each in made.json()["checks"]}
    [line] = [each for each in shown.out.splitlines() if said in each]
    [named] = [each for each in shown.out.splitlines() if "✗ not checked" in each]

    assert (shown.code, made.code) == (1, 1)
    assert line.startswith(f"✗ {first} ")
    assert f"For the same reason as {first}: " in named
    assert {*others} <= {*named.removesuffix(".").partition(f"as {first}: ")[2].split(", ")}
    assert [checks[each]["verdict"] for each in others] == ["bad"] * len(others)
    assert f"{sum(each['verdict'] == 'bad' for each in checks.values())} failed" in shown.out


def test_what_a_check_needs(cli: Cli) -> None:
    """Where it was made, and has found something wrong, the others that need it are named once."""
    cli.install()
    store(stripe_restricted_key=None)(cli)
    shown = cli("doctor").out

    assert shown.count("It could not be checked without the secret.") == 1
    assert "✗ not checked       For the same reason as link tickets: Stripe key, " in shown


def test_action_that_is_not_deployed(cli: Cli) -> None:
    """An install that was interrupted left a draft, which nobody runs."""
    cli.box.management.faults.append("POST /api/v2/actions/actions/")
    assert cli("install", stdin=cli.box.stripe_key).code == 3
    found = diagnosis(cli)["Action"]

    assert (found["verdict"], "is not deployed" in found["meaning"]) == ("bad", True)


@pytest.mark.parametrize(
    ("milliseconds", "skew", "check", "said"),
    [
        (PATIENCE_SECONDS * 1000 + 1, None, "endpoint", "self-test in"),
        (1.0, -40.0, "clock", "40 s apart"),
        (1.0, 40.0, "clock", "40 s apart"),
    ],
)
def test_endpoint_that_passed(
    cli: Cli, milliseconds: float, skew: float | None, check: str, said: str
) -> None:
    """Its answer may be slow all the same, or its clock another one than this machine's."""
    cli.install()
    result = SelfTestResult(
        passed=True, status=200, reason="not_new", milliseconds=milliseconds, skew=skew
    )
    cli.patch.setattr(doctor, "self_test", lambda *_: result)
    found = diagnosis(cli)[check]

    assert (found["verdict"], said in found["meaning"]) == ("warning", True)


def test_bug_in_a_check(cli: Cli) -> None:
    """It ends the command as a bug: no verdict of a deployment."""

    def broken(*_: object) -> SelfTestResult:
        raise ZeroDivisionError

    cli.install()
    cli.patch.setattr(doctor, "self_test", broken)
    result = cli("doctor")

    assert (result.code, "A bug: ZeroDivisionError" in result.err) == (70, True)


@pytest.mark.parametrize(
    ("tenants", "recorded", "said"),
    [
        ("", "acme", "names none"),
        ("acme", "acme", "serves acme alone"),
        ("acme", "other", "records of other"),
        ("acme,other", "other", "serves acme and other alone"),
    ],
)
def test_tenants(cli: Cli, tenants: str, recorded: str, said: str) -> None:
    """Whom the stack is for, beside whom the ledger has records of."""
    key = {"S": f"signup#{recorded}#auth0|doctor"}
    cli.box.aws.dynamodb.put_item(TableName=TABLE, Item={"pk": key})
    cli.box.aws.create_stack(cli.box.url, {"Tenants": tenants})
    told = cli("doctor", "--json").json()["checks"]
    cli.box.aws.dynamodb.delete_item(TableName=TABLE, Key={"pk": key})

    [meaning] = [each["meaning"] for each in told if each["name"] == "tenants"]
    assert said in meaning


@pytest.mark.parametrize("served", ["acme-prod", "other,acme-prod", "Acme"])
def test_tenant_that_the_stack_does_not_serve(cli: Cli, served: str) -> None:
    """Every log-in would be refused, however well its Action is: bad, and no install goes on."""
    cli.install()
    cli.box.aws.create_stack(cli.box.url, {"Tenants": served})
    check = diagnosis(cli, "--tenant", "acme")["tenants"]
    cli.changes()
    refused = cli("--tenant", "acme", "install", "--registration")

    assert (check["verdict"], "every report of acme is refused" in check["meaning"]) == (
        "bad",
        True,
    )
    assert (refused.code, cli.changes()) == (4, [])
    assert "every report of acme" in refused.err
    assert cli("--tenant", served.split(",", maxsplit=1)[0], "install").code == 0


@pytest.mark.parametrize(
    ("names", "served", "verdict", "said"),
    [
        ([], "acme", "good", "0 of the newest 0 customers"),
        (["acme"], "acme", "good", "0 of the newest 1 customer with"),
        (["acme", "acme", "127"], "acme", "good", "1 of the newest 3"),
        (["acme", "127"], "acme", "good", "1 of the newest 2"),
        (["127"], "acme", "warning", "1 of the newest 1 customer with"),
        (["acme", "127", "other"], "acme", "warning", "2 of the newest 3"),
        (["other", "other"], "acme,other", "good", "0 of the newest 2"),
    ],
)
def test_tenant_that_the_customers_name(
    cli: Cli, names: list[str], served: str, verdict: str, said: str
) -> None:
    """The name that is worked with, compared with what the newest customers say."""
    cli.install()
    empty(cli)
    cli.box.aws.create_stack(cli.box.url, {"Tenants": served})
    for number, each in enumerate(names):
        named = {"auth0_user_id": f"auth0|{number}", "auth0_tenant": each}
        cli.box.stripe.create({"metadata": named})
    found = diagnosis(cli, "--tenant", "acme")["Stripe: tenant"]
    empty(cli)

    assert (found["verdict"], said in found["meaning"]) == (verdict, True), found


def verify_email(cli: Cli, *, first: bool) -> None:
    """Bind the Action verify-email, by whatever name, before ours or behind it."""
    made = cli.actions().create(
        {
            "name": "Ask to verify",
            "supported_triggers": [{"id": "post-login", "version": "v3"}],
            "code": action_code("verify-email"),
            "secrets": [{"name": "CUSTOMERLINK_VERIFY_URL", "value": "https://x.example"}],
        }
    )
    cli.actions().deploy(made["id"])
    before = cli.actions().bindings("post-login", {})["bindings"]
    kept = [{"ref": {"type": "binding_id", "value": each["id"]}} for each in before]
    new = {"ref": {"type": "action_id", "value": made["id"]}}
    cli.actions().bind("post-login", {"bindings": [new, *kept] if first else [*kept, new]})


@pytest.mark.parametrize(("first", "verdict"), [(True, "good"), (False, "bad")])
def test_order_that_a_policy_needs(cli: Cli, *, first: bool, verdict: str) -> None:
    """The Action verify-email stands before ours, or nobody is asked to verify."""
    cli.install()
    verify_email(cli, first=first)

    assert diagnosis(cli)["Login flow"]["verdict"] == verdict


@pytest.mark.parametrize("trigger", REGISTRATION)
def test_registration_that_is_not_bound(cli: Cli, trigger: str) -> None:
    """Each in its own flow."""
    cli.install()
    assert cli("install", "--registration").code == 0
    cli.actions().bind(trigger, {"bindings": []})
    checks = diagnosis(cli)

    assert {each: checks[f"{each} flow"]["verdict"] for each in REGISTRATION} == {
        each: "bad" if each == trigger else "good" for each in REGISTRATION
    }


def watched_by(*scopes: str) -> Callable[[Cli], None]:
    """Let the watch have an application with these scopes."""

    def change(cli: Cli) -> None:
        client_id, secret = cli.box.management.add_client(scopes)
        told = {"client_id": client_id, "client_secret": secret}
        watched(**told)(cli)

    return change


def watched(**changes: Any) -> Callable[[Cli], None]:
    """Change fields of the watch's secret."""
    return lambda cli: put_watch(cli, json.dumps(cli.watched() | changes))


def put_watch(cli: Cli, text: str) -> None:
    """Put in another version of the watch's secret."""
    cli.box.aws.secrets_manager.put_secret_value(SecretId=WATCH_SECRET, SecretString=text)


def seen_unbound(cli: Cli) -> None:
    """Let the watch see that the Login flow is empty."""
    unbind(cli)
    cli.box.look()


@pytest.mark.parametrize(
    ("spoil", "check", "verdict", "said"),
    [
        (lambda cli: put_watch(cli, "{}"), "watch", "bad", "is not set up"),
        (watched(domain="other.us.auth0.com"), "watch", "warning", "another tenant"),
        (watched_by("read:users"), "watch", "bad", "lacks read:actions"),
        (watched_by("read:actions", "update:actions"), "watch", "bad", "more than read:actions"),
        (watched_by(), "watch", "bad", "lacks read:actions"),
        (watched(client_secret="wrong"), "watch", "bad", "gave no token"),
        (watched(self_test_key=new_signing_secret()), "watch", "bad", "something else"),
        (watched(installed_actions={}), "watch", "bad", "something else"),
        (watched(actions={"post-login": "Other"}), "watch", "bad", "does not have: Other"),
        (seen_unbound, "watch: last run", "bad", "something wrong"),
    ],
)
def test_watch(
    cli: Cli, spoil: Callable[[Cli], object], check: str, verdict: str, said: str
) -> None:
    """Its secret, what its application may do, and what it has seen."""
    cli.install()
    spoil(cli)
    found = diagnosis(cli)[check]

    assert (found["verdict"], said in found["meaning"]) == (verdict, True), found
    assert found["fix"]


def test_watch_of_an_action_that_is_gone(cli: Cli) -> None:
    """The Login flow's own is put in again by `install` alone."""
    cli.install()
    assert cli("uninstall").code == 0

    assert diagnosis(cli)["watch"]["fix"] == "customerlink install"


def test_watch_that_has_not_run(cli: Cli) -> None:
    """No run in a quarter of an hour is something to look at."""
    cli.install()
    cli.patch.setattr(Deployment, "last_watch", lambda _: None)

    assert diagnosis(cli)["watch: last run"]["verdict"] == "warning"


def test_stack_without_a_watch(cli: Cli) -> None:
    """It is said that nobody looks."""
    cli.install()
    outputs = replace(Deployment(Config()).outputs, watch_secret_name=None)
    cli.patch.setattr(Deployment, "outputs", outputs)

    assert diagnosis(cli)["watch"]["verdict"] == "warning"


def test_rotation_tells_the_watch(cli: Cli) -> None:
    """What it gave the Actions is what the watch is to find."""
    cli.install()
    quick = ["--refresh-seconds", "0", "--last-logins-seconds", "0"]
    cli.patch.setattr(rotate, "self_test", lambda *_: PASSED)
    assert cli("rotate", "signing-secret", *quick).code == 0

    assert cli.box.look() == ()
    assert diagnosis(cli)["watch"]["verdict"] == "good"
