"""The function to which both sides post, in this process: its queue and its secret are moto's."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.functions.test_sync import client
from tests.odd_values import ODD_VALUES
from tests.test_template import RESOURCES

from customerlink.functions import events
from customerlink.functions.events import ROUTES
from customerlink.functions.shell.telemetry import Metric
from customerlink.model.events import Served, read_event
from customerlink.model.signature import TOLERANCE_SECONDS
from customerlink.model.user import Tenant
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.model.webhooks import LONGEST_BYTES
from sandbox.aws import EVENTS_SECRET
from sandbox.events import Document, auth0_event, stripe_event
from sandbox.gateway import Context
from sandbox.posts import signed
from sandbox.sandbox import Sandbox, sandbox

pytestmark = pytest.mark.usefixtures("box")

TOKENS = ("old-" * 8, "new-" * 8)
SECRETS = ("whsec_" + "o" * 32, "whsec_" + "n" * 32)
ADA = {"user_id": "auth0|64", "email": "ada@example.com", "name": "Ada Lovelace"}
CUSTOMER = {"id": "cus_1", "email": "ada@example.com", "metadata": {"auth0_user_id": "auth0|64"}}
OF_ADA = auth0_event("user.deleted", ADA)["detail"]
OF_A_CUSTOMER = stripe_event("customer.deleted", CUSTOMER)["detail"]


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Sandbox, "Waiting"]]:
    """Return a sandbox with the queue."""
    with sandbox() as box:
        sqs = client(box, "sqs")
        size = RESOURCES["SyncQueue"]["Properties"]["MaximumMessageSize"]
        made = sqs.create_queue(QueueName="queue", Attributes={"MaximumMessageSize": str(size)})
        yield box, Waiting(sqs, made["QueueUrl"])


@pytest.fixture
def waiting(shared: tuple[Sandbox, "Waiting"]) -> "Waiting":
    """Return the queue, with nothing in it."""
    shared[1].taken()
    return shared[1]


@pytest.fixture
def box(shared: tuple[Sandbox, "Waiting"], monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return it in the function's environment, amid the rotation of both secrets."""
    box, queue = shared
    put(box, WebhookSecret(TOKENS, SECRETS))
    for name, value in (box.environment() | {"CUSTOMERLINK_SYNC_QUEUE": queue.url}).items():
        monkeypatch.setenv(name, value)
    events._webhooks.cache_clear()
    yield box
    events._webhooks.cache_clear()


def put(box: Sandbox, secret: WebhookSecret) -> None:
    """Store by what senders are known."""
    box.aws.secrets_manager.put_secret_value(SecretId=EVENTS_SECRET, SecretString=secret.text())


def bearer(token: str = TOKENS[1]) -> dict[str, str]:
    """Return what Auth0 sends along."""
    return {"authorization": f"Bearer {token}"}


def post(route: str, body: object, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Invoke the function as API Gateway does; by its own side's headers, unless told others."""
    text = body if isinstance(body, str) else json.dumps(body)
    own = bearer() if route.endswith("auth0") else signed(text, SECRETS[1])
    context: Any = Context()
    event = {"routeKey": route, "headers": own if headers is None else headers, "body": text}
    return events.handler(event, context)


def said(answer: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return an answer's status and body."""
    return answer["statusCode"], json.loads(answer["body"])


@dataclass
class Waiting:
    """The queue."""

    sqs: Any
    url: str

    def taken(self) -> list[Document]:
        """Return what is in it, and take it out."""
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        messages = found.get("Messages", [])
        for each in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(each["Body"]) for each in messages]


def printed(box: Sandbox, since: int) -> str:
    """Return what the function has logged and counted since."""
    return box.log.getvalue()[since:]


@pytest.mark.parametrize(
    ("route", "body", "secret"),
    [
        *(("POST /events/auth0", OF_ADA, each) for each in TOKENS),
        *(("POST /events/stripe", OF_A_CUSTOMER, each) for each in SECRETS),
    ],
)
def test_taken(box: Sandbox, waiting: Waiting, route: str, body: Document, secret: str) -> None:
    """By either secret: it is in the queue once it is answered, and nothing of it in the log."""
    since = len(box.log.getvalue())
    # Signed now: a signature is good for five minutes, and parameters are made long before.
    headers = bearer(secret) if secret in TOKENS else signed(json.dumps(body), secret)

    assert said(post(route, body, headers)) == (200, {"followed": True})
    [message] = waiting.taken()
    assert message["detail"] == body
    assert message["source"] == f"customerlink.webhook/{ROUTES[route]}"
    assert printed(box, since) == ""


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("POST /events/auth0", auth0_event("organization.created", {})["detail"]),
        ("POST /events/auth0", OF_A_CUSTOMER),
        ("POST /events/stripe", stripe_event("invoice.paid", {})["detail"]),
        ("POST /events/stripe", stripe_event("customer.updated", {}, {"balance": 1})["detail"]),
        ("POST /events/stripe", OF_ADA),
        ("POST /events/stripe", {}),
    ],
)
def test_dropped(waiting: Waiting, route: str, body: Document) -> None:
    """What no rule would take costs no message, and does not come again."""
    assert said(post(route, body)) == (200, {"followed": False})
    assert waiting.taken() == []


LATE = int(time.time() - TOLERANCE_SECONDS - 60)
FORGED: list[tuple[str, dict[str, str]]] = [
    ("auth0", {}),
    ("auth0", bearer("")),
    ("auth0", bearer("x" * 32)),
    ("auth0", bearer(TOKENS[0][:-1])),
    ("auth0", {"authorization": f"Basic {TOKENS[0]}"}),
    ("auth0", {"authorization": TOKENS[0]}),
    ("auth0", signed(json.dumps(OF_ADA), SECRETS[0])),
    ("stripe", {}),
    ("stripe", bearer()),
    ("stripe", signed(json.dumps(OF_ADA), "whsec_" + "x" * 32)),
    ("stripe", signed("{}", SECRETS[0])),
    ("stripe", signed(json.dumps(OF_ADA), SECRETS[0], LATE)),
    ("stripe", {"stripe-signature": "t=1,v1=é"}),
    ("stripe", {"stripe-signature": "\udcff"}),
]


@pytest.mark.parametrize(("path", "headers"), FORGED)
@pytest.mark.parametrize("body", [json.dumps(OF_ADA), "no JSON", "x" * (LONGEST_BYTES + 1)])
def test_forged(waiting: Waiting, path: str, headers: dict[str, str], body: str) -> None:
    """Who is not known is told that, and nothing else, whatever the body is."""
    answer = post(f"POST /events/{path}", body, headers)

    assert said(answer) == (
        401,
        {"error": "invalid_signature", "detail": "the sender is not known"},
    )
    assert waiting.taken() == []


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", (400, "body is not JSON")),
        ("{", (400, "body is not JSON")),
        ("[]", (400, "body is not a JSON object")),
        ("7", (400, "body is not a JSON object")),
        (
            '{"a":"' + "x" * LONGEST_BYTES + '"}',
            (413, f"body is longer than {LONGEST_BYTES} bytes"),
        ),
    ],
)
def test_unreadable(
    box: Sandbox, waiting: Waiting, route: str, body: str, problem: tuple[int, str]
) -> None:
    """It is said how, and counted for the alarm: its sender may give up."""
    since = len(box.log.getvalue())

    code, told = said(post(route, body))
    assert (code, told["detail"]) == problem
    assert f'"{Metric.EVENT_NOT_TAKEN}":[1' in printed(box, since).replace(" ", "")
    assert waiting.taken() == []


@pytest.mark.parametrize("odd", ODD_VALUES)
def test_an_odd_field(waiting: Waiting, odd: str) -> None:
    """It is taken as any other, and whoever reads the queue finds whom to look at."""
    event = auth0_event("user.deleted", ADA | {"user_metadata": "HERE"})["detail"]
    body = json.dumps(event).replace('"HERE"', ODD_VALUES[odd])

    assert said(post("POST /events/auth0", body)) == (200, {"followed": True})
    [message] = waiting.taken()
    found = read_event(json.dumps(message), Served(Tenant("acme")))
    assert isinstance(found, tuple)
    assert [each.user.user_id for each in found] == [ADA["user_id"]]


OF_A_PARTNER = 256 * 1024
"""As long as an event is that EventBridge takes."""


@pytest.mark.parametrize("longest", ["é", "\U0001f600", "\uffff", "x"])
def test_what_a_side_tells_fits_into_the_queue(waiting: Waiting, longest: str) -> None:
    """Also where each letter takes more in the message, or is none that SQS would take."""
    detail = {"type": "user.deleted", "text": ""}
    room = OF_A_PARTNER - len(json.dumps(detail))
    detail["text"] = longest * (room // len(longest.encode()))
    body = json.dumps(detail, ensure_ascii=False)

    assert said(post("POST /events/auth0", body)) == (200, {"followed": True})
    assert [each["detail"] for each in waiting.taken()] == [detail]


@pytest.mark.parametrize("count", [180_000, 200_000, 220_000])
def test_what_grows_beyond_the_queue(waiting: Waiting, count: int) -> None:
    """Of a user, the profile is left out; of a customer, its sender need not come again for it."""
    event = auth0_event("user.updated", ADA | {"name": "\x7f" * count})["detail"]
    assert said(post("POST /events/auth0", event)) == (200, {"followed": True})
    [message] = waiting.taken()
    assert message["detail"]["data"] == {"object": {"user_id": ADA["user_id"]}}

    body = f'{{"type": "customer.deleted", "text": "{"\x7f" * count}"}}'
    assert len(body) < LONGEST_BYTES
    assert said(post("POST /events/stripe", body))[0] == 413


def test_a_queue_that_does_not_take_it(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """No queue, or no answer: 503, and the sender comes again; the alarm's count has it."""
    for name, value, how in (
        ("CUSTOMERLINK_SYNC_QUEUE", f"{box.aws.url}/000000000000/none", "QueueDoesNotExist"),
        ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9", "no_answer"),
    ):
        monkeypatch.setenv(name, value)
        events._webhooks.cache_clear()
        since = len(box.log.getvalue())

        assert said(post("POST /events/auth0", OF_ADA))[0] == 503
        log = printed(box, since)
        assert ('"failed_at":"queue"' in log, how in log) == (True, True), log
        assert Metric.EVENT_NOT_TAKEN in log
        assert "ada@" not in log


def test_a_secret_of_a_moment_ago(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warm function looks for it where a sender is not known, but not for each forger."""
    new, calls = "just-rotated-" * 3, 0
    assert said(post("POST /events/auth0", OF_ADA))[0] == 200
    put(box, WebhookSecret((TOKENS[1], new)))
    assert said(post("POST /events/auth0", OF_ADA, bearer(new)))[0] == 401
    secret = events._webhooks().secret
    secret._asked_at -= events.FRESH_SECONDS
    fetch = secret._fetch

    def counted() -> WebhookSecret:
        nonlocal calls
        calls += 1
        return fetch()

    monkeypatch.setattr(secret, "_fetch", counted)
    assert said(post("POST /events/auth0", OF_ADA, bearer(new)))[0] == 200
    assert said(post("POST /events/auth0", OF_ADA, bearer(TOKENS[0])))[0] == 401
    for _ in range(5):
        assert said(post("POST /events/auth0", OF_ADA, bearer("x" * 40)))[0] == 401
    assert calls == 1


class TestWithoutAValue:
    """Until the switching on has put a value in, nobody is known, and nothing rings."""

    @pytest.fixture(autouse=True)
    def name(self, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
        """Return the secret, as the template makes it."""
        name = f"events-{time.time_ns()}"
        box.aws.secrets_manager.create_secret(Name=name)
        monkeypatch.setenv("CUSTOMERLINK_EVENTS_SECRET_ID", name)
        events._webhooks.cache_clear()
        return name

    @pytest.mark.parametrize(("path", "headers"), FORGED)
    def test_anybody(
        self, box: Sandbox, waiting: Waiting, path: str, headers: dict[str, str]
    ) -> None:
        """Is answered as everybody is who is not known, and rings nothing."""
        since = len(box.log.getvalue())

        assert said(post(f"POST /events/{path}", OF_ADA, headers))[0] == 401
        log = printed(box, since)
        assert f'"{Metric.UNKNOWN_SENDER}":[1' in log.replace(" ", "")
        assert ("internal_error" in log, Metric.EVENT_NOT_TAKEN in log) == (False, False)
        assert waiting.taken() == []

    @pytest.mark.parametrize("route", ROUTES)
    def test_looked_for_seldom(self, route: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not at all for who has nothing to show, and for all others once in a while."""
        calls = 0
        secret = events._webhooks().secret
        fetch = secret._fetch

        def counted() -> WebhookSecret:
            nonlocal calls
            calls += 1
            return fetch()

        monkeypatch.setattr(secret, "_fetch", counted)
        for headers in ({}, {"authorization": "Bearer "}, {"stripe-signature": ""}):
            assert said(post(route, OF_ADA, headers))[0] == 401
        assert calls == 0
        for _ in range(5):
            assert said(post(route, OF_ADA))[0] == 401
        assert calls == 1

    def test_once_it_has_one(self, box: Sandbox, name: str) -> None:
        """A warm function knows both sides as soon as it looks again."""
        assert said(post("POST /events/auth0", OF_ADA))[0] == 401
        text = WebhookSecret(TOKENS, SECRETS).text()
        box.aws.secrets_manager.put_secret_value(SecretId=name, SecretString=text)
        events._webhooks().secret._asked_at -= events.FRESH_SECONDS

        assert said(post("POST /events/auth0", OF_ADA))[0] == 200
        assert said(post("POST /events/stripe", OF_A_CUSTOMER))[0] == 200

    @pytest.mark.parametrize("route", ROUTES)
    def test_of_one_side_alone(self, box: Sandbox, name: str, route: str) -> None:
        """The other side is not known by anything, and its line says so."""
        is_auth0 = route.endswith("auth0")
        text = WebhookSecret(() if is_auth0 else TOKENS, SECRETS if is_auth0 else ()).text()
        box.aws.secrets_manager.put_secret_value(SecretId=name, SecretString=text)
        since = len(box.log.getvalue())

        assert said(post(route, OF_ADA))[0] == 401
        assert '"failed_at":"secret","failure":"no_value"' in printed(box, since)


@pytest.mark.parametrize(
    ("path", "headers", "why"),
    [
        ("auth0", {}, "no_signature"),
        ("auth0", {"authorization": f"Basic {TOKENS[0]}"}, "no_signature"),
        ("auth0", bearer("x" * 32), "wrong_secret"),
        ("stripe", bearer(), "no_signature"),
        ("stripe", signed(json.dumps(OF_ADA), SECRETS[0], LATE), "wrong_time"),
        ("stripe", signed(json.dumps(OF_ADA), "whsec_" + "x" * 32, LATE), "wrong_secret"),
        ("stripe", {"stripe-signature": "é"}, "wrong_secret"),
    ],
)
def test_why_unknown(box: Sandbox, path: str, headers: dict[str, str], why: str) -> None:
    """The log says it, and the answer does not."""
    since = len(box.log.getvalue())
    answer = post(f"POST /events/{path}", OF_ADA, headers)

    assert why not in answer["body"]
    assert f'"failed_at":"signature","failure":"{why}"' in printed(box, since)


@pytest.mark.parametrize("text", ["{", '{"auth0_bearer_tokens": ["short"]}', "[]"])
def test_a_secret_that_cannot_be_read(box: Sandbox, text: str) -> None:
    """It lets nobody in, and says nothing of it to whom it does not concern."""
    box.aws.secrets_manager.put_secret_value(SecretId=EVENTS_SECRET, SecretString=text)

    code, told = said(post("POST /events/auth0", OF_ADA))
    assert (code, told["error"]) == (500, "internal_error")
    assert "secret" not in told["detail"]


@pytest.mark.parametrize("route", ["GET /events/auth0", "POST /events", "POST /events/x", ""])
def test_no_such_route(route: str) -> None:
    """It is said so, as by API Gateway."""
    assert said(post(route, OF_ADA))[0] == 404


def test_around_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is an edge, nobody posts around it."""
    monkeypatch.setenv("CUSTOMERLINK_EDGE_SECRET_DIGESTS", "a" * 64)
    context: Any = Context()
    came = {"routeKey": "POST /events/auth0", "requestContext": {"apiId": "api"}}
    answer = events.handler(came | {"headers": bearer(), "body": json.dumps(OF_ADA)}, context)

    assert said(answer)[1]["error"] == "not_by_the_edge"
