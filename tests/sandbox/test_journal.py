"""The journal: what one log-in causes, in one flow; who waits for what; no secret in it."""

import json
import threading
from typing import Any

import pytest
import urllib3
from werkzeug.test import Client
from werkzeug.wrappers import Response

from sandbox.following import following
from sandbox.journal import Entry, Journal, Kind, flow, flow_under_way
from sandbox.noting import noting_calls
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Fault, FaultKind


def of_kind(entries: list[Entry], kind: Kind) -> list[Entry]:
    """Return the entries of a kind."""
    return [each for each in entries if each.kind is kind]


def test_a_log_in_is_one_flow(box: Sandbox) -> None:
    """The report, what the function did, the instruction, the Action, and the end."""
    before = box.journal.last
    user_id = box.tenant.add_user(email="journal@example.com")
    login = box.tenant.login(user_id)
    found = box.journal.after(before)

    assert len({each.flow for each in found}) == 1
    assert [each.number for each in found] == [*range(before + 1, before + 1 + len(found))]
    assert found[0].title == f"{user_id} logs in"
    assert [each.kind for each in found[-3:]] == [Kind.INSTRUCTION, Kind.ACTION, Kind.LOGIN]
    assert found[-3].title == "continue, customer_created"
    assert found[-1].detail["app_metadata"] == login.app_metadata
    assert of_kind(found, Kind.REPORT)[0].detail["raw"]
    assert {each.title for each in of_kind(found, Kind.STEP)} >= {"open", "link"}
    assert [each.title for each in of_kind(found, Kind.LOG)] == ["sign_up"]
    assert f"UpdateItem signup#acme#{user_id}" in {
        each.title for each in of_kind(found, Kind.DYNAMODB)
    }
    [created] = [each for each in of_kind(found, Kind.STRIPE) if each.title.startswith("POST")]
    assert created.detail["idempotency_key"]
    assert all(each.ms > 0 for each in of_kind(found, Kind.STRIPE))


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ({"decision": "deny", "reason": "email_in_use"}, 200, "deny, email_in_use"),
        ({"stripe_customer_id": "cus_1"}, 200, "cus_1"),
        ({"error": "not_authorised", "detail": "…"}, 401, "not_authorised"),
        ({}, 200, "200 OK"),
        ("<!doctype html>", 303, "303 SEE OTHER"),
        (None, 502, "502 BAD GATEWAY"),
    ],
)
def test_each_answer_is_in_words(answer: object, status: int, told: str) -> None:
    """Of the function's, the shop's and the page's answers none is a bare number."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    served = noting_calls(journal := Journal())(Response(text, status))
    Client(served).post("/customers/me")

    [title] = [each.title for each in of_kind(journal.after(0), Kind.INSTRUCTION)]
    assert title == told


def test_two_log_ins_are_two_flows(box: Sandbox) -> None:
    """Also while both are under way."""
    before = box.journal.last
    box.stripe.latency = 0.05
    users = [box.tenant.add_user(email=f"journal-{each}@example.com") for each in "ab"]
    threads = [threading.Thread(target=box.tenant.login, args=(each,)) for each in users]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = box.journal.after(before)

    by_flow = {each.flow: each for each in of_kind(found, Kind.LOGIN)}
    assert len(by_flow) == 2
    for entry in of_kind(found, Kind.REPORT):
        user: Any = entry.detail["body"]
        assert user["user"]["user_id"] == by_flow[entry.flow].detail["user_id"]
    assert {each.flow for each in of_kind(found, Kind.STRIPE)} == {*by_flow}


def test_a_registration_is_one_flow(box: Sandbox) -> None:
    """With both of its Actions."""
    before = box.journal.last
    box.tenant.register(email="journal-registers@example.com")
    found = box.journal.after(before)

    assert len({each.flow for each in found}) == 1
    assert [each.title for each in of_kind(found, Kind.ACTION)] == [
        "onExecutePreUserRegistration",
        "onExecutePostUserRegistration",
    ]


def test_an_event_is_a_flow(box: Sandbox) -> None:
    """With the requests by which it is followed, Auth0's among them."""
    user_id = box.tenant.add_user(email="journal-moves@example.com", email_verified=True)
    box.tenant.login(user_id)
    with following(box) as what:
        what.run()
        before = box.journal.last
        box.tenant.users.patch(user_id, {"name": "Ada"})
        what.run()
    found = box.journal.after(before)
    [followed] = of_kind(found, Kind.SYNC)

    assert followed.title == "user.updated: followed"
    assert {each.flow for each in found} == {followed.flow}
    assert {Kind.AUTH0, Kind.STRIPE, Kind.DYNAMODB} <= {each.kind for each in found}


def test_a_dropped_connection_has_no_status(box: Sandbox) -> None:
    """Nor an answer: nobody got it."""
    before = box.journal.last
    box.stripe.faults.append(Fault(FaultKind.DROP_AFTER))
    box.tenant.login(box.tenant.add_user(email="journal-dropped@example.com"))
    [dropped] = [
        each for each in box.journal.after(before) if each.title == "POST /v1/customers dropped"
    ]

    assert (dropped.detail["status"], dropped.detail["answer"]) == (None, None)


def test_requests_from_outside_have_no_flow(box: Sandbox) -> None:
    """Such as curl's."""
    before = box.journal.last
    urllib3.request("GET", f"{box.stripe_url}/v1/customers")

    assert [each.flow for each in box.journal.after(before)] == [""]


@pytest.mark.parametrize(
    "detail",
    [
        {"secrets": {"KEY": "whsec_" + "hidden=="}},
        {"body": {"client_secret": 'hi"hidden'}, "answer": {"access_token": "hidden"}},
        {"key": "rk_test_" + "hidden"},
        {"headers": {"Authorization": "Bearer hidden"}},
        {"log": "the key sk_live_" + "hidden is bad"},
    ],
)
def test_secrets_are_left_out(detail: dict[str, object]) -> None:
    """Whatever their place is."""
    journal = Journal()
    journal.note(Kind.AUTH0, "asked", detail)
    [entry] = journal.after(0)

    text = json.dumps(entry.document(), ensure_ascii=False)
    assert ("…" in text, "hidden" in text) == (True, False)


def test_a_system_s_secrets_are_left_out(box: Sandbox) -> None:
    """With a client that gets a token, and one that logs in."""
    client_id, client_secret = box.management.add_client()
    asked = {"grant_type": "client_credentials", "client_id": client_id}
    asked |= {"client_secret": client_secret, "audience": "https://acme/api/v2/"}
    answer = urllib3.request("POST", f"{box.auth0_url}/oauth/token", json=asked).json()
    box.tenant.login(box.tenant.add_user(email="journal-secret@example.com"))
    text = json.dumps([each.document() for each in box.journal.after(0)])

    for secret in (client_secret, answer["access_token"], box.signing_secret, box.stripe_key):
        assert secret not in text


@pytest.mark.parametrize("detail", [{"a": "x" * 100_000}, {"a": {1, 2}}, {"a": float("inf")}])
def test_what_cannot_be_shown(detail: dict[str, object]) -> None:
    """It is no reason to fail; what is too much is counted."""
    journal = Journal()
    journal.note(Kind.LOG, "odd", detail)

    assert journal.after(0)[0].title == "odd"


@pytest.mark.parametrize("title", ["\x1b[31mred", "two\nlines", "turned \u202e round"])
def test_a_title_is_one_plain_line(title: str) -> None:
    """A terminal and a browser show it as it is."""
    journal = Journal()
    journal.note(Kind.LOGIN, title, {})

    assert journal.after(0)[0].title.isprintable()


def test_only_the_newest_are_kept() -> None:
    """Their numbers go on."""
    journal = Journal(kept=3)
    for each in range(5):
        journal.note(Kind.LOG, str(each), {})

    assert [each.number for each in journal.after(0)] == [3, 4, 5]
    assert [each.number for each in journal.after(4)] == [5]
    assert [each.number for each in journal.after(99)] == [3, 4, 5]


def test_who_waits_is_told() -> None:
    """At once, and not before there is something; nothing comes back once time is up."""
    journal = Journal()
    assert journal.after(0, 0.01) == []
    later = threading.Timer(0.05, journal.note, (Kind.LOG, "now", {}))
    later.start()

    assert [each.title for each in journal.after(0, 5)] == ["now"]
    later.join()


def test_a_flow_ends_with_its_block() -> None:
    """One inside another is the same one, unless it is named."""
    with flow() as outer:
        with flow() as inner, flow("other") as other:
            assert flow_under_way() == other == "other"
        assert flow_under_way() == outer == inner

    assert flow_under_way() == ""
