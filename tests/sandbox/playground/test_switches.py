"""What the playground shows of both sides, its weather, its stories, and its lines for a shell."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import boto3
import pytest
from tests.e2e.runtime import ROOT

from customerlink.model.drift import Drift
from sandbox.aws import REGION, STACK, TABLE
from sandbox.deployment import LINKING_URL, ChoiceError, Deployment, variables
from sandbox.journal import Entry
from sandbox.playground.__main__ import Playground, playground
from sandbox.playground.control import POLICIES, Control
from sandbox.playground.looking import link_of
from sandbox.playground.runbooks import anchors, page, runbook_of
from sandbox.playground.stories import STORIES, Story
from sandbox.playground.weather import Skies, Weather

NUMBERS = count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Playground]:
    """Run one playground for this file."""
    with playground() as made:
        yield made


def somebody(running: Playground, **profile: Any) -> str:
    """Let there be a new user."""
    email = f"switch-{next(NUMBERS)}@example.com"
    return running.box.tenant.add_user(**{"email": email, "email_verified": True, **profile})


def texts(state: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what each panel shows."""
    return {each["title"]: {row[0]: row[1] for row in each["rows"]} for each in state["sides"]}


def links(running: Playground, *users: str) -> list[tuple[str, bool]]:
    """Return the line between both sides of each: its kind, and whether it is green."""
    report = running.page.looking.compared()
    found: list[Any] = [link_of(report, each) for each in users]
    return [(each["kind"], each["is_in_order"]) for each in found]


def test_each_panel_has_what_the_parts_have(running: Playground) -> None:
    """The profile, the customer and the record, read from each of them."""
    user = somebody(running)
    running.box.tenant.login(user)
    state: Any = running.page.looking.shown(user)
    shown, profile = texts(state), running.box.tenant.users.read(user)
    customer = running.box.stripe.retrieve(profile["app_metadata"]["stripe_customer_id"])
    [record] = [each for each in running.box.aws.items() if each["pk"] == f"signup#acme#{user}"]

    assert shown["Auth0 profile"]["email"] == profile["email"]
    assert shown["Auth0 profile"]["app_metadata.stripe_customer_id"] == customer["id"]
    assert shown["Stripe customer"]["id"] == customer["id"]
    assert shown["Stripe customer"]["metadata.auth0_user_id"] == user
    assert shown["Ledger record"]["state"] == record["state"] == "linked"
    assert (state["link"]["kind"], state["link"]["is_in_order"]) == ("linked", True)
    # The log-in has written the customer's id, and nothing of the person's own.
    marked = {path for path, _, is_new in state["sides"][0]["rows"] if is_new}
    assert "app_metadata.stripe_customer_id" in marked
    assert not marked & {"email", "user_id", "created_at", "email_verified"}


def test_line_is_verifys(running: Playground) -> None:
    """Red for an id that is somebody else's, one that is gone, and a second customer."""
    box = running.box
    users = [somebody(running) for _ in range(4)]
    for each in users:
        box.tenant.login(each)
    metadata = [box.tenant.users[each]["app_metadata"] for each in users]
    # By hand, so that no event is told, and followed.
    metadata[0]["stripe_customer_id"] = metadata[3]["stripe_customer_id"]
    metadata[1]["stripe_customer_id"] = "cus_Nowhere0000"
    box.stripe.create({"email": box.tenant.users[users[2]]["email"]})
    foot: Any = running.page.looking.shown("")["foot"]

    assert links(running, *users) == [
        ("mismatched", False),
        ("dangling", False),
        ("duplicate", False),
        ("linked", True),
    ]
    assert (foot["duplicates"], foot["wrong links"]) == (1, 2)
    assert foot["users"] == len(box.tenant.users)
    assert foot["customers"] == len(box.stripe.live_customers())
    for each in users:
        box.tenant.users.delete(each)


@pytest.mark.parametrize("user", ["", "auth0|nobody", "<b>\x00"])
def test_nobody(running: Playground, user: str) -> None:
    """Of whom there is not, nothing is shown."""
    shown = running.page.looking.shown(user)

    assert (shown["user"], shown["sides"], shown["link"]) == ("", [], None)


def test_a_look_is_not_seen(running: Playground) -> None:
    """Neither in the stream, nor by the weather."""
    running.page.control.turn(Weather.LEDGER_GONE)
    before = running.box.journal.after(0)
    running.page.looking.shown(somebody(running))
    running.page.control.turn(Weather.CALM)
    since = running.box.journal.after(0)[len(before) :]

    # What the function does meanwhile is in a flow of its own.
    assert [each.title for each in since if not each.flow] == []


WEATHER = [
    (Weather.CALM, "continue", "customer_created"),
    (Weather.STRIPE_DOWN, "deny", "provisioning_failed"),
    (Weather.STRIPE_SLOW, "deny", "provisioning_failed"),
    (Weather.LOST_ANSWER, "continue", "customer_created"),
    (Weather.KEY_REVOKED, "deny", "provisioning_failed"),
    (Weather.LEDGER_GONE, "deny", "provisioning_failed"),
    (Weather.ACTION_ANSWER_LOST, "deny", "customer_found"),
    (Weather.KILLED, "deny", None),
]


def end_leases(running: Playground) -> None:
    """Let the leases in the ledger be over, as time does."""
    for each in running.box.aws.items():
        if "lease_until" in each:
            running.box.aws.dynamodb.update_item(
                TableName=TABLE,
                Key={"pk": {"S": str(each["pk"])}},
                UpdateExpression="SET lease_until = :then",
                ExpressionAttributeValues={":then": {"N": "1"}},
            )


@pytest.mark.parametrize(("weather", "decision", "reason"), WEATHER)
def test_weather(running: Playground, weather: Weather, decision: str, reason: str | None) -> None:
    """It comes about as its name says, and when it is calm again there is one customer, linked."""
    user = somebody(running)
    running.page.control.turn(weather)
    before = len(running.box.gateway.exchanges)
    login = running.box.tenant.login(user)
    running.page.control.turn(Weather.CALM)
    reasons = [each.reason for each in running.box.gateway.exchanges[before:]]
    end_leases(running)

    assert (login.decision, reasons[-1]) == (decision, reason)
    assert running.box.tenant.login(user).decision == "continue"
    own = [
        each["id"]
        for each in running.box.stripe.live_customers()
        if each["metadata"].get("auth0_user_id") == user
    ]
    assert own == [running.box.tenant.users[user]["app_metadata"]["stripe_customer_id"]]


def test_every_weather() -> None:
    """Is played above."""
    assert [each for each, *_ in WEATHER] == [*Weather]


@pytest.mark.parametrize("name", STORIES)
def test_story(running: Playground, name: str) -> None:
    """Each ends as expected, calm, and under the policies that were set before."""
    control = running.page.control
    control._teller.wait = lambda seconds: end_leases(running) if seconds > 1 else None
    control.choose("VerifiedEmail", "required")
    told = control.tell(STORIES[name])
    login = running.box.tenant.login(somebody(running, email_verified=False))
    control.choose("VerifiedEmail", "optional")

    assert told == {"title": STORIES[name].title, "wrong": []}
    assert control.skies.now is Weather.CALM
    assert (login.decision, running.box.gateway.exchanges[-1].reason) == ("continue", "deferred")


def test_one_story_at_a_time(running: Playground) -> None:
    """A second one is not begun."""
    inner: list[object] = []
    control = running.page.control
    story = replace(
        STORIES["two_tabs"], tell=lambda _: inner.append(control.tell(STORIES["second_try"]))
    )

    assert control.tell(story) is not None
    assert inner == [None]


@pytest.mark.parametrize("name", ["ProvisionAt", "OnFailure", "LinkingUrl"])
def test_policy(running: Playground, name: str) -> None:
    """Each value is deployed, the Action's own among them."""
    control, values = running.page.control, running.page.control.policies()[name]
    for value in reversed(values):
        assert control.choose(name, value)
        shown: Any = control.shown()["policies"]
        assert {each["name"]: each["value"] for each in shown}[name] == value
        told = running.box.tenant.secrets.get("CUSTOMERLINK_ON_FAILURE", "deny")
        assert told == control.deployment.parameters.get("OnFailure", "deny")


def parameters(running: Playground) -> dict[str, str]:
    """Return the stack's, as the command line reads them."""
    box = running.box
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    stacks: Any = session.client("cloudformation", endpoint_url=box.aws.url)
    [stack] = stacks.describe_stacks(StackName=STACK)["Stacks"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}


@pytest.mark.parametrize("name", [*POLICIES, "LinkingUrl"])
def test_policy_is_everywhere(running: Playground, name: str) -> None:
    """The stack's parameters and every function's environment have what was chosen."""
    control, box = running.page.control, running.box
    for value in reversed(control.policies()[name]):
        control.choose(name, value)

        assert parameters(running)[name] == value
        assert box.environment()[variables()[name]] == value


@pytest.mark.parametrize("page", ["https://mine.example/link", LINKING_URL, ""])
def test_a_page_of_ones_own_to_link(running: Playground, page: str) -> None:
    """It can be chosen again after none was, and is ours where none was given."""
    control = Control(running.box, Skies(), Deployment({"LinkingUrl": page}))
    off, on = control.choose("LinkingUrl", ""), control.choose("LinkingUrl", page or LINKING_URL)
    running.page.control.deploy(running.page.control.deployment)

    assert (off, on) == (True, True)


def test_a_storys_policy_is_over_with_it(running: Playground) -> None:
    """While it is told its policies are everywhere, and the chosen ones after it."""
    control, seen = running.page.control, list[str]()
    control.choose("OnFailure", "continue")
    adopts = {"ExistingCustomer": "adopt"}
    story = Story("", lambda _: seen.append(parameters(running)["ExistingCustomer"]), adopts)
    control.tell(story)
    after = parameters(running)
    control.choose("OnFailure", "deny")

    assert seen == ["adopt"]
    assert (after["OnFailure"], after.get("ExistingCustomer", "deny")) == ("continue", "deny")


@pytest.mark.parametrize("policies", ["nonsense", "VerifiedEmail=perhaps", "'"])
def test_no_policy(policies: str) -> None:
    """Nothing is begun with a policy that there is not."""
    with pytest.raises(ChoiceError), playground(policies=policies):
        pass


def asked(running: Playground, kind: str) -> Entry:
    """Return a request of a kind which may be sent once more: a report, or one that reads."""
    entries = [each for each in running.box.journal.after(0) if each.kind == kind]
    return next(each for each in entries if each.title.startswith(("POST /post-login", "G")))


@pytest.fixture(scope="module")
def told(running: Playground) -> None:
    """Tell a story that asks everybody."""
    running.page.control.tell(STORIES["address_changes"])


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("kind", ["report", "stripe", "dynamodb", "auth0"])
def test_curl(running: Playground, kind: str) -> None:
    """The line, pasted behind the foot's, gets the answer that the function got."""
    entry = asked(running, kind)
    line = f"{running.page.places.curl(entry)} -o /dev/null -w '%{{http_code}}'"
    shell = subprocess.run(
        ["bash", "-c", f"{running.page.export}\n{line}"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert shell.stdout == str(entry.detail.get("status", 200))


def test_an_orphan(running: Playground) -> None:
    """The line of docs/playground.md, pasted behind the foot's, makes one that `verify` finds."""
    text = (ROOT / "docs/playground.md").read_text()
    [line] = [each for each in text.splitlines() if each.startswith("curl ")]
    before = running.page.looking.compared().counts[Drift.ORPHANED]
    subprocess.run(
        ["bash", "-c", f"{running.page.export}\n{line}"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )

    assert running.page.looking.compared().counts[Drift.ORPHANED] == before + 1


@pytest.mark.parametrize(
    ("line", "anchor"),
    [
        ({"failed_at": "stripe", "failure": "key_unknown"}, "stripe-key-rejected"),
        ({"failed_at": "ledger", "failure": "ResourceNotFoundException"}, "provisioning-failed"),
        ({"failed_at": "signature", "failure": "wrong_secret"}, "invalid-signatures"),
        ({"reason": "email_in_use"}, "a-person-is-denied-email_in_use"),
        ({"reason": "customer_unusable"}, "a-person-is-denied-customer_unusable"),
        ({"reason": "customer_created"}, "the-log-line"),
        ({}, "the-log-line"),
    ],
)
def test_runbook(line: dict[str, object], anchor: str) -> None:
    """A line of the log leads to the part that docs/operations.md names for it."""
    assert runbook_of(line) == anchor
    assert anchor in anchors()
    assert f'id="{anchor}"' in page()


def test_a_runbook_for_each_cause() -> None:
    """Every row of the table of causes leads to a part that there is."""
    text = (ROOT / "docs/operations.md").read_text()
    table = text.partition("## From the cause to the line")[2].partition("\n## ")[0]
    causes = [row.split("|")[5].split("`")[1::2] for row in table.splitlines() if row[:1] == "|"]
    # Of who is turned away before the function there is a line of the API's, and none of ours.
    ours = [each for each in causes if len(each) > 1 and not each[0].startswith("POST ")]
    pairs = [(each[-2], each[-1]) for each in ours]

    assert len(pairs) > 30
    leads = [runbook_of({"failed_at": at, "failure": how}) for at, how in pairs]
    assert set(leads) <= set(anchors())
    assert "the-log-line" not in leads


def test_export_line(running: Playground) -> None:
    """It is for a shell: every name that the command line reads."""
    names = [each.partition("=")[0] for each in running.page.export.removeprefix("export ").split()]

    assert {"AUTH0_DOMAIN", "AWS_ENDPOINT_URL", "CUSTOMERLINK_STRIPE_API_BASE"} <= {*names}
    assert json.dumps(running.page._state(""))
