"""The playground in Chromium: at a desk and on a phone, by day and by night, by keyboard alone."""

import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3
from tests.e2e.node import played
from tests.e2e.runtime import ROOT

from sandbox.patience import PATIENCE_SECONDS
from sandbox.playground.__main__ import playground
from sandbox.sandbox import TAKEN_EMAIL

VIEWS = [f"{size}, {scheme}" for size in ("desk", "phone") for scheme in ("light", "dark")]


@dataclass(frozen=True)
class Seen:
    """What the browser showed, and what the parts themselves had at that time."""

    page: dict[str, Any]
    profile: dict[str, Any]
    customer: dict[str, Any]
    record: dict[str, object]
    foot: list[str]
    titles: set[str]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Open the page once, and play a story."""
    with playground() as running:
        box, page = running.box, played("playground.mjs", running.address)
        profile = box.tenant.users.read(page["desk, light"]["user"])
        linked = profile["app_metadata"]["stripe_customer_id"]
        key = f"signup#acme#{profile['user_id']}"
        [record] = [each for each in box.aws.items() if each["pk"] == key]
        users, customers = len(box.tenant.users), len(box.stripe.live_customers())
        titles = {each.title for each in box.journal.after(0)}
        return Seen(
            page,
            profile,
            box.stripe.retrieve(linked),
            record,
            [f"users\n{users}", f"customers\n{customers}", "duplicates\n0", "wrong links\n0"],
            titles,
        )


@pytest.mark.parametrize("view", VIEWS)
def test_accessible(seen: Seen, view: str) -> None:
    """No rule of axe-core's is broken, nor left to a person, contrast among them."""
    assert seen.page[view]["violations"] == []
    assert seen.page[view]["unsure"] == []
    judged = {"color-contrast", "label", "select-name", "frame-title", "landmark-one-main", "list"}
    assert judged <= {*seen.page[view]["passed"]}


@pytest.mark.parametrize("view", VIEWS)
def test_panels(seen: Seen, view: str) -> None:
    """Each shows what the profile, the customer, the record and the comparison have."""
    page = seen.page[view]
    sides, linked = page["sides"], seen.profile["app_metadata"]["stripe_customer_id"]

    assert sides["Auth0 profile"]["email"] == seen.profile["email"]
    assert sides["Auth0 profile"]["app_metadata.stripe_customer_id"] == linked
    assert sides["Stripe customer"]["email"] == seen.customer["email"] == seen.profile["email"]
    assert sides["Ledger record"]["customer_id"] == seen.record["customer_id"] == linked
    assert linked in page["marked"]
    assert page["link"]["text"] == "✓ linked: user and customer name each other"
    assert page["foot"] == seen.foot


@pytest.mark.parametrize("view", VIEWS)
def test_stream(seen: Seen, view: str) -> None:
    """Every row is an entry of the journal's, the create with its idempotency key."""
    rows = seen.page[view]["rows"]

    assert len(rows) > 20
    assert [each for each in rows if not any(title in each for title in seen.titles)] == []
    assert any("POST /v1/customers 200 key customerlink-" in each for each in rows)
    assert any(re.search(r"stripe_create \d+\.\d ms", each) for each in rows)
    assert any("continue, customer_created" in each for each in rows)


@pytest.mark.parametrize("view", VIEWS)
def test_on_every_screen(seen: Seen, view: str) -> None:
    """Nothing is wider than it, and it is dark where the person's machine is."""
    paper = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 20, 23)"}

    assert not seen.page[view]["overflows"]
    assert seen.page[view]["paper"] == paper[view.partition(", ")[2]]


def test_start(seen: Seen) -> None:
    """The page says how somebody is let in and how denied, and that it shows nobody yet."""
    said, user = seen.page["desk, start"]

    assert said.startswith("Sign up on the left, or choose a story.")
    assert TAKEN_EMAIL in said
    assert user == "nobody yet"


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_signs_up(seen: Seen, size: str) -> None:
    """Whoever signs up on the left has a customer, and is offered nothing that is not there."""
    welcome = rf"The shop\s+{size}@example\.com\s+Customer: cus_\w+\s"

    assert re.match(welcome, seen.page[f"{size}, shop"])
    assert "Link my accounts" not in seen.page[f"{size}, shop"]


def test_is_denied(seen: Seen) -> None:
    """Whose address another customer has reads why not, and the reference for support."""
    assert "\nYour email address is in use already.\n" in seen.page["denied"]
    assert re.search(r"^Reference: [\w-]+$", seen.page["denied"], re.MULTILINE)
    said = r"auth0\|\w+: deny \(the function: deny, email_in_use\)"
    assert re.fullmatch(said, seen.page["deniedSaid"])


def test_verifies(seen: Seen) -> None:
    """With the policy that asks for it, the page is in the frame, the mail a link away."""
    mail = seen.page["verified"]["seen"]

    assert "verifies@example.com" in seen.page["asked"]
    assert (mail["violations"], mail["unsure"]) == ([], [])
    assert re.search(r"verifies@example\.com\s+Customer: cus_", seen.page["verified"]["shop"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_runbooks(seen: Seen, scheme: str) -> None:
    """They can be read by everybody too, on a phone."""
    page = seen.page[f"operations, {scheme}"]

    assert (page["violations"], page["unsure"], page["overflows"]) == ([], [], False)


def test_by_keyboard(seen: Seen) -> None:
    """A story is told, a row opened, and its line copied, with no more than Tab and Enter."""
    raw, copied = json.loads(seen.page["opened"]["raw"]), seen.page["opened"]["copied"]

    assert raw["status"] == 200
    assert copied.startswith("curl -sS -X POST http://127.0.0.1:")
    assert raw["idempotency_key"] in copied
    assert '"$STRIPE_KEY:"' in copied


def test_the_sandbox_has_ended(seen: Seen) -> None:
    """Whoever goes on with a page of an earlier run reads so, and no button is stuck."""
    assert seen.page["gone"] is True


def test_nothing_from_elsewhere(seen: Seen) -> None:
    """Only this machine is asked, and neither the page nor its policy has a complaint."""
    assert {*seen.page["hosts"]} == {"127.0.0.1"}
    assert seen.page["complaints"] == []


def test_make_playground() -> None:
    """It prints the address, which answers, and ends when it is told to."""
    command = ["make", "-s", "playground"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        address = line.removeprefix("The playground: ").partition("/#")[0]
        answer = urllib3.request("GET", address, timeout=PATIENCE_SECONDS, retries=False)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE_SECONDS)

    assert re.fullmatch(r"The playground: http://127\.0\.0\.1:\d+/#[\w-]{32}\n", line)
    assert "<title>Customer Link: the playground</title>" in answer.data.decode()
