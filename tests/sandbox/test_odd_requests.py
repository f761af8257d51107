"""Odd requests to the stand-ins: an answer in the API's own form, never a traceback.

Every route there is, by the applications' own maps; what is kept of them, `verify` can read.
"""

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from sandbox.auth0.api import ManagementApi, management_app
from sandbox.auth0.tokens import Tokens
from sandbox.auth0.users import Users
from sandbox.aws import MAIL_FUNCTION, _invoking
from sandbox.event_sources import EventSources, with_event_sources
from sandbox.gateway import ROUTES, Gateway
from sandbox.journal import Journal
from sandbox.noting import noting, noting_calls, of_auth0, of_stripe
from sandbox.shapes import LONGEST_BODY
from sandbox.stripe_account import StripeAccount
from sandbox.stripe_checkout import RESOURCE as SESSIONS
from sandbox.stripe_destinations import RESOURCE, Destinations, add_destinations
from sandbox.stripe_server import stripe_app

USES = ("subscription", "invoice", "payment_method", "charge", RESOURCE, SESSIONS)

NO_OBJECTS = [
    *(b"[]", b"5", b'"x"', b"null", b"{", b"\xff\x00", b"{]", b'{"name": NaN}', b'{"name": 1e999}'),
    *(b"[" * 100_000, b'{"name":' * 900 + b"1" + b"}" * 900, b"[" * 250 + b"]" * 250),
    *(b'{"name": "\\ud83d"}', b'{"\\udc00": 1}', b'{"name": "a\\u0000"}', b'{"\\u0000": {}}'),
    b'{"name": "' + b"x" * LONGEST_BODY + b'"}',
]

ODD_VALUES: list[object] = [
    5,
    None,
    True,
    [],
    {},
    [5],
    [[]],
    [None],
    "\n\x1b[31m",
    "x" * 5000,
    -1,
    {"a": [1]},
]

FIELDS = (
    *("user_id", "email", "email_verified", "name", "app_metadata", "connection", "provider"),
    *("supported_triggers", "code", "dependencies", "runtime", "secrets", "bindings"),
    *("destination", "subscriptions", "status", "event_type", "fields", "format", "limit"),
    *("type", "enabled_events", "amazon_eventbridge", "client_id", "grant_type", "audience"),
)

QUERIES = (
    *("page", "per_page", "take", "from", "fields", "q", "include_totals", "limit", "email"),
    *("created", "created[gte]", "created[x]", "starting_after", "customer", "status", "force"),
    *("limit[a]", "email[a]", "test_clock[a]", "actionName", "email[a][b]"),
)

DEEP = base64.urlsafe_b64encode(b"[" * 100_000).decode()
"""A token's header that nests too deep."""

ODD_TEXTS = ("²", "-1", "9" * 5000, "\0", "x", "[", "", "٣")


@dataclass
class Api:
    """An API's routes, and a client that may do everything."""

    app: Flask
    client: Client
    headers: dict[str, str]
    ids: dict[str, str]

    def routes(self) -> Iterator[tuple[str, str]]:
        """Return each method and path, with ids of what is there."""
        for rule in self.app.url_map.iter_rules():
            if rule.endpoint == "static":
                continue
            path = re.sub(r"<(?:[^>]*:)?(\w+)>", lambda found: self.ids[found[1]], str(rule))
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, path

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        """Ask, and hold the answer to what every answer has to be."""
        answer = self.client.open(path, method=method, headers=self.headers, **more)
        assert answer.status_code < 500, (method, path, more)
        if answer.status_code >= 400 and not path.startswith("/exports"):
            assert answer.mimetype == "application/json", (method, path, more)
            assert "Traceback" not in answer.text
        return answer


def auth0() -> Api:
    """Return the Management API, with something of each kind in it."""
    api = ManagementApi(Users())
    client_id, secret = api.add_client()
    asked = {"client_id": client_id, "client_secret": secret, "audience": "/api/v2/"}
    token = api.token({**asked, "grant_type": "client_credentials"})[0]["access_token"]
    api.users.add({"email": "ada@example.com"}, "auth0|ada")
    action = api.actions.create({"name": "one", "supported_triggers": [{"id": "post-login"}]})
    settings = {"type": "eventbridge", "configuration": {"aws_account_id": "1"}}
    stream = api.event_streams.create({"destination": settings})
    version = api.actions.deploy(action["id"])
    ids = {"user_id": "auth0|ada", "action_id": action["id"], "stream_id": stream["id"]}
    ids |= {"version_id": version["id"], "trigger": "post-login", "job_id": "job_1"}
    ids |= {"token": "none", "name": "none", "provider": "auth0"}
    app = management_app(api)
    noted: Any = noting(Journal(), of_auth0)(app)
    return Api(app, Client(noted), {"authorization": f"Bearer {token}"}, ids)


def stripe() -> Api:
    """Return Stripe's, with a customer in it."""
    account = StripeAccount()
    key, destinations = account.add_key(reads=USES), Destinations(account)
    app = stripe_app(account)
    add_destinations(app, destinations)
    body = dict.fromkeys(("name", "event_payload"), "x") | {"enabled_events": ["x"]}
    body |= {"type": "amazon_eventbridge"}
    place = {"aws_account_id": "1", "aws_region": "us-east-1"}
    found = destinations.create({**body, "amazon_eventbridge": place})["id"]
    ids = {"customer_id": account.create({})["id"], "kind": "invoices", "found": found}
    ids["session_id"] = "none"
    noted: Any = noting(Journal(), of_stripe)(app)
    return Api(app, Client(noted), {"authorization": f"Bearer {key}"}, ids)


READS_NO_BODY = re.compile(r"/(deploy|enable|disable)$|^/c/pay/")
ODD_IDS = ("%00", "%ff", "%ED%A0%BD", "x" * 5000, "%0d%0a", "..", "%7b%7d")


@pytest.fixture(params=[auth0, stripe], ids=lambda make: make.__name__)
def api(request: pytest.FixtureRequest) -> Api:
    """Return one of the APIs."""
    made: Api = request.param()
    return made


def writing(api: Api) -> list[tuple[str, str]]:
    """Return the routes that read a body."""
    found = [each for each in api.routes() if each[0] in ("POST", "PATCH")]
    return [each for each in found if not READS_NO_BODY.search(each[1])]


def test_bodies_that_are_no_object(api: Api) -> None:
    """Or no JSON, or none that can be kept, or too much: each is refused."""
    for method, path in writing(api):
        for body in NO_OBJECTS:
            for kind in ("application/json", "text/plain"):
                answer = api.ask(method, path, data=body, content_type=kind)
                assert answer.status_code >= 400, (path, body[:40])


def test_fields_of_odd_types(api: Api) -> None:
    """None is a fault, whether a route has such a field or not."""
    for method, path in writing(api):
        for at, name in enumerate(FIELDS):
            for value in ODD_VALUES[at % 4 :: 4]:
                api.ask(method, path, json={name: value})


def test_queries_and_forms(api: Api) -> None:
    """Neither is a fault: what is no number, what is nested, and what is not known."""
    forms = [each for each in api.routes() if each[0] == "POST" and each[1].startswith("/v1/")]
    for method, path in [each for each in api.routes() if each[0] == "GET"] + forms:
        place = "query_string" if method == "GET" else "data"
        for at, name in enumerate(QUERIES):
            for value in ODD_TEXTS[at % 3 :: 3]:
                api.ask(method, path, **{place: {name: value}})


def test_odd_ids(api: Api) -> None:
    """Nothing is there under one."""
    for rule in [each for each in api.app.url_map.iter_rules() if each.arguments]:
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for odd in ODD_IDS:
                answer = api.ask(method, re.sub(r"<[^>]+>", odd, str(rule)))
                # Whom Auth0 does not know, it deletes without a word.
                assert answer.status_code >= 400 or answer.status_code == 204


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "POST"])
@pytest.mark.parametrize("path", ["/", "/no/route", "/%ff%00", "/api/v2", "/v1/customers/"])
def test_no_such_route(api: Api, method: str, path: str) -> None:
    """Also says so in the API's form."""
    assert api.ask(method, path).status_code in (401, 404, 405)


STREAM: Any = {"type": "eventbridge", "configuration": {"aws_account_id": "1"}}
NAMED: list[tuple[str, dict[str, Any], str]] = [
    ("/users", {"connection": "x", "user_id": 5}, "user_id"),
    ("/users", {"connection": "x", "user_id": "a\nb"}, "user_id"),
    ("/users", {"connection": ["x"]}, "connection"),
    ("/users", {"connection": "x", "email": ["ada@example.com"]}, "email"),
    ("/users", {"connection": "x", "email_verified": "yes"}, "email_verified"),
    ("/users", {"connection": "x", "app_metadata": []}, "app_metadata"),
    ("/users", {"connection": "x", "name": "x" * 301}, "name"),
    ("/users", {"connection": "x", "created_at": 5}, "created_at"),
    ("/users", {"connection": "x", "identities": 5}, "identities"),
    ("/users/auth0|ada", {"email": {"a": 1}}, "email"),
    ("/users/auth0|ada", {"user_id": "auth0|bob"}, "user_id"),
    ("/users/auth0|ada", {"user_metadata": None}, "user_metadata"),
    ("/users/auth0|ada", {"blocked": 1}, "blocked"),
    ("/users/auth0|ada/identities", {"provider": 5, "user_id": "x"}, "provider"),
    ("/users/auth0|ada/identities", {"provider": "auth0", "user_id": ["x"]}, "user_id"),
    ("/jobs/users-exports", {"format": "json", "fields": [5]}, "fields"),
    ("/jobs/users-exports", {"format": "json", "fields": [{"export_as": "x"}]}, "fields"),
    ("/jobs/users-exports", {"format": "json", "limit": "5"}, "limit"),
    ("/jobs/verification-email", {"user_id": {}}, "user_id"),
    ("/actions/actions", {"name": [], "supported_triggers": []}, "name"),
    ("/actions/actions", {"name": "x", "supported_triggers": [5]}, "supported_triggers"),
    ("/actions/actions", {"name": "x", "supported_triggers": [{"id": 5}]}, "supported_triggers"),
    ("/actions/actions", {"name": "x", "code": 5}, "code"),
    ("/actions/triggers/post-login/bindings", {"bindings": [5]}, "bindings"),
    ("/actions/triggers/post-login/bindings", {"bindings": None}, "bindings"),
    ("/actions/triggers/post-login/bindings", {"bindings": [{"ref": 5}]}, "bindings.ref"),
    ("/event-streams", {"destination": 5}, "destination"),
    ("/event-streams", {"destination": {**STREAM, "configuration": 5}}, "configuration"),
    ("/event-streams", {"destination": STREAM, "subscriptions": 5}, "subscriptions"),
]


@pytest.mark.parametrize(("path", "body", "named"), NAMED)
def test_the_field_is_named(path: str, body: dict[str, Any], named: str) -> None:
    """With what it should be, and nothing is kept."""
    api = auth0()
    before = api.ask("GET", "/api/v2/users").text
    is_changed = path.endswith(("|ada", "/bindings"))
    answer = api.ask("PATCH" if is_changed else "POST", f"/api/v2{path}", json=body)

    assert answer.status_code == 400
    assert named in json.loads(answer.text)["message"]
    assert api.ask("GET", "/api/v2/users").text == before


@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        ("", {"email[a]": "b"}, "email"),
        ("", {"name[0]": "b"}, "name"),
        ("", {"balance": "²"}, "balance"),
        ("", {"balance": "9" * 5000}, "balance"),
        ("", {"balance[a]": "5"}, "balance"),
        ("", {"metadata": "x"}, "metadata"),
        ("", {"metadata": "x", "metadata[a]": "y"}, "metadata"),
        ("", {"metadata[a][b]": "y"}, "metadata"),
        ("", {"name": "a\0b"}, "name"),
        ("/{customer_id}", {"phone[a]": "5"}, "phone"),
        ("/{customer_id}", {"metadata[a][]": "5"}, "metadata"),
        ("/{customer_id}", {"description[]": "5"}, "description"),
    ],
)
def test_stripe_names_the_parameter(path: str, form: dict[str, str], param: str) -> None:
    """And keeps nothing of it."""
    api = stripe()
    where = f"/v1/customers{path.format(**api.ids)}"
    before = api.ask("GET", "/v1/customers").text
    answer = api.ask("POST", where, data=form)

    assert (answer.status_code, json.loads(answer.text)["error"]["param"]) == (400, param)
    assert api.ask("GET", "/v1/customers").text == before


def test_a_user_is_not_made_twice() -> None:
    """By the same id, without an address: the first one stays."""
    api = auth0()
    body = {"connection": "x", "user_id": "ada"}

    assert api.ask("POST", "/api/v2/users", json=body).status_code == 409
    assert json.loads(api.ask("GET", "/api/v2/users/auth0|ada").text)["email"]


@pytest.mark.parametrize(
    "row",
    [
        *(5, None, [], "x", {"email": 5}, {"email": ["x"]}, {"email": "a", "user_id": 5}),
        *({"email": "a", "app_metadata": []}, {"email": "a", "name": {}}),
    ],
)
def test_a_row_that_is_none(row: object) -> None:
    """Of an import: it is counted as failed, and the others are imported."""
    api = auth0()
    rows = json.dumps([row, {"email": "bob@example.com", "logins_count": "x", "identities": 5}])
    file = (io.BytesIO(rows.encode()), "users.json")
    data = {"connection_id": "con_1", "users": file}
    answer = api.ask("POST", "/api/v2/jobs/users-imports", data=data)

    counts = {"inserted": 1, "failed": 1, "updated": 0, "total": 2}
    assert json.loads(answer.text)["summary"] == counts


def nobody(_: object) -> dict[str, Any]:
    """Stand for a function."""
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": ""}


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer x", "Bearer a.b.c", "Bearer \xff", "Basic !", f"Bearer {DEEP}.e30.x"],
)
def test_the_gateway(authorization: str) -> None:
    """It hands on whatever is no token's business, and refuses whatever is no token."""
    gateway = Gateway(nobody)
    gateway.authorise = partial(Tokens("https://acme/").claims_of, audience="shop")
    client = Client(noting_calls(Journal())(gateway))
    for method, path in ROUTES:
        for body in NO_OBJECTS:
            environ = {"QUERY_STRING": "\xff=\x00&%ff", "HTTP_AUTHORIZATION": authorization}
            answer = client.open(path, method=method, data=body, environ_overrides=environ)
            is_shop = ROUTES[method, path] == "shop"

            assert answer.status_code == (401 if is_shop else 200)


@pytest.mark.parametrize("body", NO_OBJECTS[:-1])
def test_what_stands_for_aws(body: bytes) -> None:
    """What is no request of an SDK's is named, at EventBridge and at Lambda."""
    bridge = Client(with_event_sources(EventSources("us-east-1"), _invoking({}, Response())))
    headers = {"X-Amz-Target": "AWSEvents.DescribeEventSource"}
    answer = bridge.post("/", data=body, headers=headers)
    called: list[object] = []
    function = Client(_invoking({MAIL_FUNCTION: called.append}, Response()))
    function.post(f"/2015-03-31/functions/{MAIL_FUNCTION}/invocations", data=body)

    assert answer.status_code == 400
    assert b"SerializationException" in answer.data
    assert not [each for each in called if isinstance(each, dict)]
