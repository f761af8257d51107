"""The page /verify-email: over HTTP, and in headless Chromium with JavaScript off."""

import base64
import html
import json
import os
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import jwt
import pytest
import urllib3
from tests.e2e.node import played
from tests.fakes import FakeClock

from customerlink.adapters.dynamodb import usage_limits
from customerlink.functions import send_mail, verify_email
from customerlink.functions.send_mail import MAILS_A_DAY
from sandbox.aws import MAIL_FUNCTION, REGION, TENANT_SECRET
from sandbox.gateway import Context, in_process
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import SESSION_SECRET, Sandbox, sandbox
from sandbox.tenant import ACTIONS, ActionHost, Tenant

STATE = 'the-logins-state"><script>'
BACK = "https://acme.us.auth0.com/continue"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment with the page."""
    with sandbox(settings={"CUSTOMERLINK_VERIFIED_EMAIL": "required"}) as box:
        box.let_functions_into_the_tenant()
        yield box


@pytest.fixture(autouse=True)
def one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test's mails be counted on two days: at midnight a count begins anew."""
    monkeypatch.setattr(usage_limits, "time", FakeClock())


def session(user_id: str, secret: str = SESSION_SECRET, **claims: Any) -> str:
    """Make a session token as Auth0 does."""
    now = int(time.time())
    common = {"sub": user_id, "iat": now, "exp": now + 900, "continue_at": BACK}
    return jwt.encode({**common, **claims}, secret, "HS256")


def page_url(box: Sandbox) -> str:
    """Return the page's address."""
    return box.url.replace("/post-login", "/verify-email")


def get(box: Sandbox, token: str) -> tuple[int, str]:
    """Open the page."""
    query = urlencode({"session_token": token, "state": STATE})
    answer = urllib3.request("GET", f"{page_url(box)}?{query}", timeout=PATIENCE_SECONDS)
    return answer.status, answer.data.decode()


def press(box: Sandbox, token: str) -> tuple[int, str]:
    """Press the button."""
    answer = urllib3.request(
        "POST",
        page_url(box),
        body=urlencode({"session_token": token, "state": STATE}),
        headers={"content-type": "application/x-www-form-urlencoded"},
        timeout=PATIENCE_SECONDS,
    )
    return answer.status, answer.data.decode()


NUMBERS = iter(range(1000))
DEEP_TOKEN = f"{base64.urlsafe_b64encode(b'[' * 30_000).decode()}.e30.e30"


@pytest.fixture
def ada(box: Sandbox) -> str:
    """Add a user whose address is not verified."""
    number = next(NUMBERS)
    return box.tenant.add_user(
        f"auth0|{number}", email=f"ada-{number}@example.com", email_verified=False
    )


def test_opening_it_sends_nothing(box: Sandbox, ada: str) -> None:
    """A link that a scanner opens does not send mails; what came in the query is escaped."""
    before = len(box.management.requests)
    status, body = get(box, session(ada))

    assert (status, "Verify your email address" in body) == (200, True)
    assert len(box.management.requests) == before
    assert "<script>" not in body
    [back] = re.findall(r'href="([^"]+)"', body)
    assert back.partition("?")[0] == BACK
    assert parse_qs(urlsplit(back).query) == {"state": [STATE]}


def test_headers(box: Sandbox, ada: str) -> None:
    """No script, no frame, no cache; and the token in the address goes no further."""
    query = urlencode({"session_token": session(ada), "state": "s"})
    headers = urllib3.request("GET", f"{page_url(box)}?{query}").headers
    policy = headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_mail_is_sent_again_but_not_at_once(box: Sandbox, ada: str) -> None:
    """Once a minute."""
    assert "sent the mail again" in press(box, session(ada))[1]
    assert "Please wait" in press(box, session(ada))[1]

    assert box.management.jobs.mails.count(ada) == 1


def test_so_many_a_day(box: Sandbox, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each user has their own count."""
    monkeypatch.setattr(send_mail, "SECONDS_BETWEEN_MAILS", 0)
    for _ in range(MAILS_A_DAY + 3):
        press(box, session(ada))
    other = box.tenant.add_user(email="other@example.com", email_verified=False)
    press(box, session(other))

    assert box.management.jobs.mails.count(ada) == MAILS_A_DAY
    assert box.management.jobs.mails.count(other) == 1


def test_who_has_verified(box: Sandbox, ada: str) -> None:
    """Gets no mail, and is told to go on."""
    box.tenant.users[ada]["email_verified"] = True

    assert "You can continue" in press(box, session(ada))[1]
    assert ada not in box.management.jobs.mails


@pytest.mark.parametrize("user_id", ["samlp|acme|1", "waad|1", "oidc|acme|1"])
@pytest.mark.parametrize("verified", [False, True])
def test_who_is_not_believed(box: Sandbox, user_id: str, *, verified: bool) -> None:
    """Nothing that they could do would help: they are told so, whatever the connection says."""
    box.tenant.add_user(user_id, email="katherine@corp.example", email_verified=verified)
    before = list(box.management.jobs.mails)
    _, body = press(box, session(user_id))

    assert "cannot be verified here" in body
    assert "You can continue" not in body
    assert box.management.jobs.mails == before


def test_user_who_is_gone(box: Sandbox) -> None:
    """Is not told that the address is verified."""
    status, body = press(box, session("auth0|gone"))

    assert (status, "This page has expired" in body) == (400, True)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="none"),
        pytest.param("nonsense", id="nonsense"),
        pytest.param(session("auth0|1", exp=1), id="expired"),
        pytest.param(session("auth0|1", "another secret of thirty-two characters"), id="forged"),
        pytest.param(session("auth0|1", continue_at="javascript:alert(1)"), id="script"),
        pytest.param(session("auth0|1", continue_at="http://evil.example"), id="plain"),
        pytest.param(jwt.encode({"sub": "auth0|1"}, SESSION_SECRET, "HS256"), id="for ever"),
        pytest.param(
            jwt.encode({"sub": "auth0|1", "iat": 1, "exp": 2**33, "continue_at": BACK}, "", "none"),
            id="algorithm none",
        ),
    ],
)
def test_other_tokens(box: Sandbox, token: str) -> None:
    """A page that says so, and leads nowhere."""
    mails = list(box.management.jobs.mails)
    for status, body in (get(box, token), press(box, token)):
        assert (status, "This page has expired" in body) == (400, True)
        assert "href" not in body
    assert box.management.jobs.mails == mails


def test_outage_of_auth0(box: Sandbox, ada: str) -> None:
    """Said to the browser, and counted."""
    box.management.faults.append("GET /api/v2/users")
    status, body = press(box, session(ada))

    assert (status, "try again" in body) == (503, True)
    assert "auth0_unavailable" in box.log.getvalue()
    assert ada not in box.management.jobs.mails


def mail(box: Sandbox, question: dict[str, object]) -> dict[str, Any]:
    """Invoke the function that sends mails, as the page may, whatever has become of the page."""
    client = boto3.Session("x", "x", "x", REGION).client("lambda", endpoint_url=box.aws.url)
    answer = client.invoke(FunctionName=MAIL_FUNCTION, Payload=json.dumps(question))
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    return told


def test_limits_hold_behind_the_page(
    box: Sandbox, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has taken the page over sends no more than it does: once a minute, five times a day."""
    assert [mail(box, {"user_id": ada})["mail"] for _ in range(2)] == ["sent", "too_often"]

    monkeypatch.setattr(send_mail, "SECONDS_BETWEEN_MAILS", 0)
    other = box.tenant.add_user(email="flooded@example.com", email_verified=False)
    told = [mail(box, {"user_id": other})["mail"] for _ in range(MAILS_A_DAY + 2)]
    assert told == ["sent"] * MAILS_A_DAY + ["too_often"] * 2


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"user_id": ""},
        {"user_id": ["auth0|1"]},
        {"act": "delete"},
        {"email": "ada@example.com"},
    ],
)
def test_nothing_else_can_be_had_of_it(box: Sandbox, question: dict[str, object]) -> None:
    """No other act, no answer about a user, no change in the tenant."""
    before = list(box.management.jobs.mails)

    assert mail(box, question)["mail"] in ("gone", "unavailable")
    assert box.management.jobs.mails == before
    assert not [each for each in box.management.requests if each.startswith(("PATCH", "DELETE"))]


def test_the_page_reads_no_secret_of_the_tenants(box: Sandbox, ada: str) -> None:
    """It works without the name of that secret, or of Auth0."""
    environment = {
        name: value
        for name, value in box.environment().items()
        if "TENANT" not in name and "AUTH0" not in name
    }
    assert "sent the mail again" in pressed(environment, ada)


def test_session_secrets_of_an_earlier_release(box: Sandbox, ada: str) -> None:
    """While the page's own secret has no value, those in the tenant's are taken."""
    secrets = box.aws.secrets_manager
    tenant = secrets.get_secret_value(SecretId=TENANT_SECRET)["SecretString"]
    earlier = json.dumps(json.loads(tenant) | {"session_secrets": [SESSION_SECRET]})
    secrets.put_secret_value(SecretId=TENANT_SECRET, SecretString=earlier)
    secrets.create_secret(Name="empty")
    environment = box.environment() | {"CUSTOMERLINK_SESSION_SECRET_ID": "empty"}
    with patch.dict(os.environ, environment), patch.dict(box.aws.functions):
        started = send_mail.Post()
        box.aws.functions[MAIL_FUNCTION] = in_process(partial(send_mail.respond, lambda: started))
        shown = pressed(environment, ada)
    secrets.put_secret_value(SecretId=TENANT_SECRET, SecretString=tenant)
    secrets.delete_secret(SecretId="empty", ForceDeleteWithoutRecovery=True)

    assert "sent the mail again" in shown


def pressed(environment: dict[str, str], user_id: str) -> str:
    """Press the button of a page that has just started in an environment."""
    event = {
        "routeKey": "POST /verify-email",
        "body": urlencode({"session_token": session(user_id), "state": STATE}),
    }
    with patch.dict(os.environ, environment, clear=True):
        page = verify_email.Page()
        answer = verify_email.respond(lambda: page, event, Context())  # type: ignore[arg-type]
    return str(answer["body"])


@pytest.mark.parametrize("answer", [None, [], {}, {"mail": "perhaps"}, {"errorMessage": "crash"}])
def test_answers_that_say_nothing(box: Sandbox, ada: str, answer: object) -> None:
    """No mail is claimed to be sent where nobody said so."""
    with patch.dict(box.aws.functions, {MAIL_FUNCTION: lambda _: answer}):
        status, body = press(box, session(ada))

    assert (status, "try again" in body) == (503, True)


def test_nothing_that_is_sent_raises(box: Sandbox) -> None:
    """Too many fields, no body, bytes that are no text, a token that is deep or endless."""
    event: dict[str, Any] = {"headers": {}, "requestContext": {}}
    for each in (
        {**event, "routeKey": "GET /verify-email", "rawQueryString": "a=1&" * 50},
        {**event, "routeKey": "POST /verify-email", "body": "/w==", "isBase64Encoded": True},
        {**event, "routeKey": "POST /verify-email"},
        {"routeKey": "GET /verify-email", "headers": "none", "rawQueryString": {"a": 1}},
        {"routeKey": "POST /verify-email", "body": ["session_token"]},
        {"routeKey": "GET /verify-email", "rawQueryString": "session_token=\ud800"},
        {"routeKey": "GET /verify-email", "rawQueryString": "session_token=%00.%ed%a0%80.a"},
        {"routeKey": "POST /verify-email", "body": "session_token=" + "%5b" * 100_000},
        {"routeKey": "POST /verify-email", "body": "session_token=" + DEEP_TOKEN},
    ):
        assert box.gateway.page(each)["statusCode"] == 400


@pytest.mark.parametrize("state", ["\ud800", "a\udfff", "\0"])
def test_state_that_is_no_text(box: Sandbox, ada: str, state: str) -> None:
    """It is left out: the runtime could not even send the page."""
    query = f"session_token={session(ada)}&state={state}"
    answer = box.gateway.page({"routeKey": "GET /verify-email", "rawQueryString": query})

    assert answer["statusCode"] == 200
    answer["body"].encode()
    assert state not in answer["body"]


@pytest.mark.parametrize(
    ("locale", "browser", "language", "title"),
    [
        ("de-AT en", "fr", "de", "Bestätigen Sie Ihre E-Mail-Adresse"),
        ("nl", "fr-CA,fr;q=0.9,en;q=0.8", "fr", "Vérifiez votre adresse e-mail"),
        (None, "es", "es", "Verifique su dirección de correo electrónico"),
        (None, "", "en", "Verify your email address"),
        ("nl ja", "nl, *;q=0.5", "en", "Verify your email address"),
        (7, "de\0," * 99, "en", "Verify your email address"),
    ],
)
def test_language(box: Sandbox, locale: object, browser: str, language: str, title: str) -> None:
    """The log-in's, else the browser's, else English; also where there is nothing to show."""
    events: list[dict[str, Any]] = [
        {"rawQueryString": urlencode({"session_token": token, "state": STATE})}
        for token in (session("auth0|1", locale=locale), "expired")
    ]
    good, expired = (
        box.gateway.page(
            {**each, "routeKey": "GET /verify-email", "headers": {"accept-language": browser}}
        )["body"]
        for each in events
    )

    assert f'<html lang="{language}">' in good
    assert f"<h1>{title}</h1>" in good
    if locale is None:
        assert f'<html lang="{language}">' in expired


@pytest.mark.parametrize(
    ("name", "colours"), [("Ada & Söhne", "#ffd700"), ("", ""), ("Ada\n", "gold")]
)
def test_the_shops_look(box: Sandbox, ada: str, name: str, colours: str) -> None:
    """Odd settings are named in the log, and keep nobody from their log-in."""
    environment = box.environment() | {
        "CUSTOMERLINK_SHOP_NAME": name,
        "CUSTOMERLINK_SHOP_COLORS": colours,
    }
    start = len(box.log.getvalue())
    body = pressed(environment, ada)
    log = box.log.getvalue()[start:]

    is_good = colours != "gold"
    assert ("Ada &amp; Söhne" in body) is (is_good and bool(name))
    assert ("#ffd700" in body) is (is_good and bool(name))
    assert ("CUSTOMERLINK_SHOP_NAME" in log, "CUSTOMERLINK_SHOP_COLORS" in log) == (
        not is_good,
        not is_good,
    )


@pytest.mark.parametrize("email", ["ada@example.com", "o'neil&co@exämple.com", "<b>@example.com"])
def test_address_that_was_written_to(box: Sandbox, email: str) -> None:
    """The page shows it, as text; the address of the page does not."""
    user = box.tenant.add_user(email=email, email_verified=False)
    secrets = {
        "CUSTOMERLINK_VERIFY_URL": page_url(box),
        "CUSTOMERLINK_SESSION_SECRET": SESSION_SECRET,
    }
    with ActionHost(ACTIONS / "verify-email.js") as host:
        redirect = str(Tenant(host, secrets, users=box.tenant.users).login(user).redirect)
    event = {"routeKey": "GET /verify-email", "rawQueryString": urlsplit(redirect).query}
    body = box.gateway.page(event)["body"]
    [shown] = re.findall(r'<bdi class="address">(.*?)</bdi>', body)
    [token] = parse_qs(urlsplit(redirect).query)["session_token"]

    assert html.unescape(shown) == email
    assert "<b>" not in body
    payload = token.split(".")[1]
    claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    assert email not in claims


def test_no_session_secret(box: Sandbox) -> None:
    """Nobody can come here, and the operator finds out."""

    def missing() -> Any:
        raise RuntimeError

    answer = verify_email.respond(missing, {"routeKey": "GET /verify-email"}, Context())  # type: ignore[arg-type]
    assert answer["statusCode"] == 503
    assert "internal_error" in box.log.getvalue()


def test_in_chromium(box: Sandbox, ada: str, tmp_path: Path) -> None:
    """On the smallest phone, without JavaScript, by the link that the Action makes."""
    secrets = {
        "CUSTOMERLINK_VERIFY_URL": page_url(box),
        "CUSTOMERLINK_SESSION_SECRET": SESSION_SECRET,
    }
    with ActionHost(ACTIONS / "verify-email.js") as host:
        login = Tenant(host, secrets, users=box.tenant.users).login(ada)
    screenshot = tmp_path / "page.png"
    shown = played("page.mjs", str(login.redirect), str(screenshot))
    first, (again, too_soon) = shown["first"], shown["pressed"]

    assert login.decision == "redirect"
    assert shown["status"] == 200
    assert shown["complaints"] == []
    assert first["heading"] == "Verify your email address"
    assert first["back"] == [f"{BACK}?state=the-logins-state"]
    assert not first["overflows"]
    assert first["button"][0]["height"] >= 44
    assert first["button"][0]["radius"] != "0px", "the style was refused"
    assert again["notice"] == ["We have sent the mail again."]
    assert "wait" in too_soon["notice"][0]
    assert again["back"] == first["back"]
    assert screenshot.stat().st_size > 5000


def test_no_address_reaches_the_log(box: Sandbox) -> None:
    """Whatever happened above."""
    assert "@example.com" not in box.log.getvalue()
