"""The endpoint over HTTP: gateway, function, ledger and Stripe, in this process."""

import base64
import gc
import itertools
import json
import random
import re
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
import snapshot_restore_py
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.calling import post, report, signed
from tests.conftest import FIXTURES

from customerlink.functions import post_login
from customerlink.model.denial_texts import DenialTexts, reference_of
from customerlink.model.instruction import Reason
from customerlink.model.log_names import LogNames
from customerlink.model.signature import SigningSecret
from customerlink.usecases.self_test import SelfTest, has_passed
from customerlink.wiring.application import Application
from customerlink.wiring.settings import Settings
from sandbox.gateway import Context
from sandbox.sandbox import Sandbox, application, new_signing_secret
from sandbox.stripe_account import Fault, FaultKind, Permission

NUMBERS = itertools.count()
ROUTE: dict[str, Any] = {"routeKey": "POST /post-login"}
LOGINS = sorted((FIXTURES / "logins").glob("*.json"))


def document(**user: Any) -> dict[str, Any]:
    """Return a first login of a user whom nobody knows yet."""
    number = next(NUMBERS)
    profile = {"user_id": f"auth0|endpoint-{number}", "email": f"endpoint-{number}@example.com"}
    return {
        "version": 1,
        "tenant": {"id": "acme"},
        "user": {**profile, **user},
        "stats": {"logins_count": 1},
    }


def traces(box: Sandbox) -> tuple[int, int]:
    """Count what a refused request must not leave: Stripe calls and ledger items."""
    return len(box.stripe.requests), len(box.aws.items())


@pytest.mark.parametrize("path", LOGINS, ids=lambda path: path.stem)
def test_whole_event_of_every_connection(box: Sandbox, path: Any) -> None:
    """Posted whole, as Auth0 has it."""
    event = json.loads(path.read_text())
    reply = report(box.url, box.signing_secret, event)

    assert reply.status == 200
    if "email" not in event["user"]:
        assert (reply.body["decision"], reply.body["reason"]) == ("deny", "email_missing")
        return
    assert (reply.body["decision"], reply.body["reason"]) == ("continue", "customer_created")
    customer = box.stripe.retrieve(reply.body["app_metadata"]["stripe_customer_id"])
    assert customer["email"] == event["user"]["email"].lower()
    assert customer["name"] == event["user"].get("name")
    assert customer["metadata"]["auth0_user_id"] == event["user"]["user_id"]


def test_answer_is_the_wire_contracts(box: Sandbox) -> None:
    """Key by key, for a link and for a denial."""
    one = document()
    created = report(box.url, box.signing_secret, one)
    body = json.dumps(document(email=one["user"]["email"])).encode()
    headers = signed(box.signing_secret, body)
    denied = post(box.url, body, headers)
    customer_id = created.body["app_metadata"]["stripe_customer_id"]

    assert created.body == {
        "version": 1,
        "decision": "continue",
        "reason": "customer_created",
        "app_metadata": {"stripe_customer_id": customer_id, "stripe_signup": None},
    }
    assert denied.body == {
        "version": 1,
        "decision": "deny",
        "reason": "email_in_use",
        "message": DenialTexts().text(Reason.EMAIL_IN_USE, (), reference_of(headers["webhook-id"])),
        "app_metadata": {"stripe_signup": "unfinished"},
    }


def test_same_report_twice(box: Sandbox) -> None:
    """A replay inside the window is harmless."""
    one = document()
    body = json.dumps(one).encode()
    headers = signed(box.signing_secret, body)
    first, second = (post(box.url, body, headers) for _ in range(2))

    assert first.body["app_metadata"] == second.body["app_metadata"]
    assert second.body["reason"] == "customer_found"


def test_forged_requests_get_one_answer(box: Sandbox) -> None:
    """Unsigned, wrongly signed, stale, future, malformed: the same 401, and nothing happens."""
    before = traces(box)
    body = json.dumps(document()).encode()
    good = signed(box.signing_secret, body)
    forged = [
        {"content-type": "application/json"},
        signed(new_signing_secret(), body),
        signed(box.signing_secret, body, at=time.time() - 600),
        signed(box.signing_secret, body, at=time.time() + 600),
        signed(box.signing_secret, body + b" "),
        {**good, "webhook-signature": "v1,%%%"},
        {**good, "webhook-signature": "v1"},
        {**good, "webhook-id": "msg_é"},
        {**good, "webhook-timestamp": "now"},
        {k: v for k, v in good.items() if k != "webhook-id"},
        *({**good, name: f"{good[name]},{good[name]}"} for name in good if name != "content-type"),
    ]
    replies = [post(box.url, body, headers) for headers in forged]

    assert {each.status for each in replies} == {401}
    assert all(each.body == replies[0].body for each in replies)
    assert replies[0].body["error"] == "invalid_signature"
    assert traces(box) == before


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b"{", 400, "body is not JSON"),
        (b"[]", 400, "body is not a JSON object"),
        (
            b'{"tenant": {"id": "acme"}, "stats": {"logins_count": 1}, "user": {}}',
            400,
            "user.user_id",
        ),
        (b"\xff", 400, "body is not JSON"),
        (b'"' + b"a" * 65536 + b'"', 413, "65536"),
    ],
)
def test_bad_bodies(box: Sandbox, body: bytes, status: int, named: str) -> None:
    """The field is named; no Stripe call, no ledger item."""
    before = traces(box)
    reply = post(box.url, body, signed(box.signing_secret, body))

    assert reply.status == status
    assert named in reply.body["detail"]
    assert traces(box) == before


def test_content_type(box: Sandbox) -> None:
    """JSON, with or without a charset; else 415, but only for who signed."""
    body = json.dumps(document()).encode()
    headers = signed(box.signing_secret, body)

    assert post(box.url, body, {**headers, "content-type": "text/plain"}).status == 415
    utf8 = {**headers, "content-type": "application/json; charset=utf-8"}
    assert post(box.url, body, utf8).status == 200


def test_base64_body(box: Sandbox) -> None:
    """API Gateway encodes what it takes for binary."""
    body = json.dumps(document()).encode()
    headers = signed(box.signing_secret, body)
    event = {**ROUTE, "headers": headers, "isBase64Encoded": True}
    event |= {"body": base64.b64encode(body).decode()}

    assert box.gateway.invoke(event)["statusCode"] == 200
    assert box.gateway.invoke({**event, "body": "%%%"})["statusCode"] == 401


@given(
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"]),
        st.text(),
    ),
    body=st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()),
    encoded=st.booleans(),
)
@settings(max_examples=200)
def test_no_event_raises(
    box: Sandbox,
    headers: dict[str, str],
    body: str,
    *,
    encoded: bool,
) -> None:
    """Unsigned, whatever it is: 401."""
    event = {"headers": headers, "body": body, "isBase64Encoded": encoded}

    assert box.gateway.invoke(event)["statusCode"] == 401


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=6,
)


@given(
    json_values
    | st.fixed_dictionaries(
        {},
        optional={
            "headers": json_values,
            "body": json_values,
            "isBase64Encoded": json_values,
            "routeKey": json_values,
            "requestContext": json_values | st.fixed_dictionaries({"http": json_values}),
        },
    )
)
@settings(max_examples=200)
def test_no_odd_event_raises(box: Sandbox, event: Any) -> None:
    """What is no event of API Gateway's at all: 401 as well."""
    assert box.gateway.invoke(event)["statusCode"] == 401


@given(
    st.binary(max_size=300)
    | st.text(max_size=100).map(lambda text: json.dumps({"user": text}).encode())
)
@settings(max_examples=100)
def test_no_signed_body_raises(box: Sandbox, body: bytes) -> None:
    """Signed, whatever it is: 400, without a trace."""
    event = {
        **ROUTE,
        "headers": signed(box.signing_secret, body),
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }

    assert box.gateway.invoke(event)["statusCode"] == 400


class TestOutcomeLine:
    """What the function prints of a sign-up."""

    @staticmethod
    def lines(box: Sandbox, document: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the log line and the metrics of one report."""
        start = len(box.log.getvalue())
        report(box.url, box.signing_secret, document)
        line, metrics = box.log.getvalue()[start:].strip().splitlines()
        return json.loads(line), json.loads(metrics)

    def test_fields(self, box: Sandbox) -> None:
        """Everything that one asks at night."""
        one = document()
        line, metrics = self.lines(box, one)

        assert line["user_id"] == LogNames.keyed(box.stripe_key).name(one["user"]["user_id"])
        assert line["tenant"] == "acme"
        assert (line["decision"], line["reason"]) == ("continue", "customer_created")
        assert line["attempt"] == 1
        assert line["request_id"]
        assert len(line["stripe_request_ids"]) == 2
        assert {"open", "lock_email", "stripe_list", "stripe_create", "link"} <= line[
            "steps"
        ].keys()
        assert 0 < sum(line["steps"].values()) <= line["milliseconds"]
        assert metrics["customer_created"] == [1.0]
        assert metrics["milliseconds"] == [line["milliseconds"]]
        assert "action_retry" not in metrics

    def test_a_slow_start_is_part_of_the_budget(self, box: Sandbox) -> None:
        """A cold start's clients take their time; the user waits for all of it."""
        one = application(box.environment())

        def slowly() -> Application:
            time.sleep(0.3)
            return one()

        _, log = called(slowly, box)
        line = json.loads(log.splitlines()[0])

        assert line["steps"]["start"] >= 300
        assert line["milliseconds"] >= sum(line["steps"].values()) - 1

    def test_retries_and_unknown_outcomes_are_counted(self, box: Sandbox) -> None:
        """The Action's second try, ours, and answers that were lost for good."""
        box.stripe.faults.append(Fault(FaultKind.DROP_BEFORE, "POST", times=99))
        line, metrics = self.lines(box, {**document(), "try": 2})

        assert line["reason"] == "provisioning_failed"
        assert metrics["action_retry"] == [1.0]
        assert metrics["unknown_outcome"] == [1.0]
        assert metrics["stripe_retry"] == [float(line["stripe_retries"])] != [0.0]

    def test_rejected_key_is_counted(self, box: Sandbox) -> None:
        """An alarm hangs on it."""
        reader = box.stripe.add_key(Permission.READ)
        secret = {"stripe_restricted_key": reader, "action_signing_secrets": [box.signing_secret]}
        one = other_application(box, secret)
        answer, log = called(lambda: one, box)

        assert json.loads(answer["body"])["reason"] == "provisioning_failed"
        assert '"stripe_key_rejected":[1.0]' in log

    @pytest.mark.parametrize(
        "name", ["ada@corp.example", "ada@corp.example|42", "ada%40corp.example", "Ada Corp"]
    )
    def test_name_in_a_user_id_is_not_logged(self, box: Sandbox, name: str) -> None:
        """SAML's name ids often are addresses."""
        line, _ = self.lines(box, document(user_id=f"samlp|acme|{name}"))

        assert re.fullmatch(r"samlp\|digest:[0-9a-f]{16}", line["user_id"])

    @pytest.mark.parametrize("kind", [*FaultKind])
    def test_nothing_personal_in_any_outcome(self, box: Sandbox, kind: FaultKind) -> None:
        """No address, no key, none of Stripe's words, whatever goes wrong."""
        start = len(box.log.getvalue())
        box.stripe.faults.append(Fault(kind, "POST", times=2, seconds=0.1))
        one = document(name="Nomen Nescio")
        report(box.url, box.signing_secret, one)
        report(box.url, box.signing_secret, document(email="not an address@"))
        log = box.log.getvalue()[start:]

        assert "sign_up" in log
        for word in (one["user"]["email"], "Nomen", "not an", box.stripe_key, "whsec_", "Invalid"):
            assert word not in log


def other_application(box: Sandbox, secret: dict[str, Any], **environment: str) -> Application:
    """Make an application with a secret and settings of its own."""
    name = f"other-{next(NUMBERS)}"
    box.aws.secrets_manager.create_secret(Name=name, SecretString=json.dumps(secret))
    return application({**box.environment(), "CUSTOMERLINK_SECRET_ID": name, **environment})()


def called(application: Callable[[], Application], box: Sandbox) -> tuple[dict[str, Any], str]:
    """Return an application's answer to a signed first login, and what it printed."""
    start = len(box.log.getvalue())
    body = json.dumps(document()).encode()
    event = {**ROUTE, "headers": signed(box.signing_secret, body), "body": body.decode()}
    context: Any = Context()
    return post_login.respond(application, event, context), box.log.getvalue()[start:]


class TestDenialTexts:
    """What somebody reads who is denied."""

    TEXTS: ClassVar = {"de": {"as_before": "Wie bisher, bitte."}, "fr": {"support": "Au secours"}}

    def deployed(self, box: Sandbox, texts: str) -> Callable[[], Application]:
        """Return a deployment with these texts."""
        return application({**box.environment(), "CUSTOMERLINK_DENIAL_TEXTS": texts})

    def denied(
        self, box: Sandbox, texts: str = "", **changes: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return an answer to a login that is denied for its address, and the log's line."""
        one = document()
        report(box.url, box.signing_secret, one)
        start = len(box.log.getvalue())
        body = json.dumps({**document(email=one["user"]["email"]), **changes}).encode()
        event = {**ROUTE, "headers": signed(box.signing_secret, body), "body": body.decode()}
        answer = post_login.respond(self.deployed(box, texts), event, Context())  # type: ignore[arg-type]
        line = json.loads(box.log.getvalue()[start:].splitlines()[0])
        return json.loads(answer["body"]), line

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"locale": "de-AT en"}, "Wie bisher, bitte."),
            ({"transaction": {"ui_locales": ["de"], "locale": "en"}}, "Wie bisher, bitte."),
            ({"locale": "fr"}, "Votre adresse e-mail est déjà utilisée."),
            ({}, "Wie bisher, bitte."),
            ({"locale": 7}, "Wie bisher, bitte."),
        ],
    )
    def test_by_locale(self, box: Sandbox, changes: dict[str, Any], text: str) -> None:
        """The shop's, else the built-in one; an older Action's report gets the shop's first."""
        told, line = self.denied(box, json.dumps(self.TEXTS), **changes)

        assert told["reason"] == "email_in_use"
        assert told["message"].startswith(text)
        assert line["reference"] in told["message"]

    @pytest.mark.parametrize(
        "texts", ["nowhere", "[]", '{"de": {"as_before": "<b>Wie</b>"}}', '{"de": {"hope": "x"}}']
    )
    def test_odd_ones_keep_nobody_out(self, box: Sandbox, texts: str) -> None:
        """Log-ins go on with the built-in texts; the self-test fails, and names the field."""
        told, line = self.denied(box, texts)
        test = SelfTest.signed(SigningSecret.parse(box.signing_secret), time.time())
        start = len(box.log.getvalue())
        tested = post_login.respond(self.deployed(box, texts), test.event(""), Context())  # type: ignore[arg-type]
        first, _ = called(self.deployed(box, texts), box)
        log = box.log.getvalue()[start:]

        assert told["message"] == DenialTexts().text(Reason.EMAIL_IN_USE, (), line["reference"])
        assert json.loads(first["body"])["decision"] == "continue"
        assert (tested["statusCode"], "CUSTOMERLINK_DENIAL_TEXTS" in log) == (500, True)
        assert "nowhere" not in log
        assert not has_passed(tested["statusCode"], json.loads(tested["body"]))

    def test_cold_start_tells_of_odd_ones(
        self, box: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In a line of the log, by the field's name."""
        environment = {**box.environment(), "CUSTOMERLINK_DENIAL_TEXTS": '{"de": {"hope": "x"}}'}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        post_login.forget()
        start = len(box.log.getvalue())
        post_login._application()
        post_login.forget()
        line = json.loads(box.log.getvalue()[start:])

        assert line["message"] == "odd_setting"
        assert line["detail"] == "CUSTOMERLINK_DENIAL_TEXTS (has an unknown class for de)"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"body": "{}"}, "rejected"),
            ({"routeKey": "POST /elsewhere"}, "rejected"),
            ({"headers": {"webhook-id": "\ud800"}}, "rejected"),
            ({"body": "[" * 70_000}, "rejected"),
        ],
    )
    def test_what_gets_no_decision_is_found_too(
        self, box: Sandbox, change: dict[str, Any], message: str
    ) -> None:
        """The Action denies then, and the person reads its text with the same reference."""
        body = json.dumps(document())
        event = {**ROUTE, "headers": signed(box.signing_secret, body.encode()), "body": body}
        sent: dict[str, Any] = {**event, **change}
        start = len(box.log.getvalue())
        post_login.respond(application(box.environment()), sent, Context())  # type: ignore[arg-type]
        line = json.loads(box.log.getvalue()[start:].splitlines()[0])

        assert line["message"] == message
        assert line["reference"] == reference_of(sent["headers"]["webhook-id"])

    def test_a_bug_is_found_too(self, box: Sandbox) -> None:
        """Likewise."""

        def broken() -> Application:
            raise KeyError

        _, log = called(broken, box)

        reference = json.loads(log.splitlines()[0])["reference"]
        assert re.fullmatch(r"[0-9A-F]{4}-[0-9A-F]{4}", reference)


class TestInternalErrors:
    """500 `internal_error`: never an exception for the runtime to print."""

    def test_bug(self, box: Sandbox) -> None:
        """Logged by kind and place; its text may quote anything."""

        def broken() -> Application:
            raise KeyError("ada@example.com")

        answer, log = called(broken, box)

        assert answer["statusCode"] == 500
        assert json.loads(answer["body"])["error"] == "internal_error"
        assert '"exception":"KeyError"' in log
        assert '"internal_error":[1.0]' in log
        assert "ada@" not in log

    def test_missing_setting(self, box: Sandbox) -> None:
        """Named in the log, not in the answer."""

        def unset() -> Application:
            return Application(Settings.from_environment({}))

        answer, log = called(unset, box)

        assert answer["statusCode"] == 500
        assert "CUSTOMERLINK_SECRET_ID" in log
        assert "CUSTOMERLINK_SECRET_ID" not in answer["body"]

    @pytest.mark.parametrize(
        ("key", "environment", "problem"),
        [
            ("rk_live", {}, "CUSTOMERLINK_STRIPE_API_BASE is not Stripe's"),
            ("sk_test", {}, "is not restricted"),
            (
                "rk_live",
                {
                    "CUSTOMERLINK_STRIPE_API_BASE": "https://api.stripe.com",
                    "CUSTOMERLINK_SIGNATURE_TOLERANCE": "301",
                },
                "CUSTOMERLINK_SIGNATURE_TOLERANCE",
            ),
        ],
    )
    def test_unfit_key(
        self,
        box: Sandbox,
        key: str,
        environment: dict[str, str],
        problem: str,
    ) -> None:
        """Nothing is sent anywhere."""
        before = traces(box)
        secret = {
            "stripe_restricted_key": f"{key}_{'0' * 24}",
            "action_signing_secrets": [box.signing_secret],
        }
        unfit = other_application(box, secret, **environment)
        answer, log = called(lambda: unfit, box)

        assert answer["statusCode"] == 500
        assert problem in log
        assert traces(box) == before


def test_rotation_while_running(box: Sandbox) -> None:
    """Stripe rejects the cached key; the new one is fetched, and the user notices nothing."""
    old, new = box.stripe.add_key(), box.stripe.add_key()
    secret = {"stripe_restricted_key": old, "action_signing_secrets": [box.signing_secret]}
    one = other_application(box, secret)
    one.secret()
    box.aws.secrets_manager.put_secret_value(
        SecretId=one.settings.secret_id,
        SecretString=json.dumps({**secret, "stripe_restricted_key": new}),
    )
    box.stripe.revoke_key(old)
    answer, _ = called(lambda: one, box)

    assert json.loads(answer["body"])["reason"] == "customer_created"


def test_rotated_key_that_is_unfit(box: Sandbox) -> None:
    """A live key in the secret of a sandbox is not sent there."""
    old = box.stripe.add_key()
    secret = {"stripe_restricted_key": old, "action_signing_secrets": [box.signing_secret]}
    one = other_application(box, secret)
    one.secret()
    box.aws.secrets_manager.put_secret_value(
        SecretId=one.settings.secret_id,
        SecretString=json.dumps({**secret, "stripe_restricted_key": f"rk_live_{'0' * 24}"}),
    )
    box.stripe.revoke_key(old)
    answer, _ = called(lambda: one, box)

    assert json.loads(answer["body"])["reason"] == "provisioning_failed"


class TestAllowedCallers:
    """A deployment that takes calls from some networks only."""

    def invoked(self, box: Sandbox, networks: str, event: dict[str, Any]) -> dict[str, Any]:
        """Answer an event with the setting."""
        settings_ = {**box.environment(), "CUSTOMERLINK_ALLOWED_CALLER_CIDRS": networks}
        return post_login.respond(application(settings_), event, Context("allowed-callers"))  # type: ignore[arg-type]

    def test_others_are_refused_before_the_body_is_read(self, box: Sandbox) -> None:
        """403, even for what is no body at all; no secret is fetched, nothing is left."""
        before = traces(box)
        event = {"body": object(), "requestContext": {"http": {"sourceIp": "198.51.100.1"}}}
        answer = self.invoked(box, "203.0.113.0/24", event)

        assert answer["statusCode"] == 403
        assert json.loads(answer["body"])["error"] == "caller_not_allowed"
        assert traces(box) == before

    def test_missing_address(self, box: Sandbox) -> None:
        """Refused: the gateway always names one."""
        assert self.invoked(box, "203.0.113.0/24", {"body": "{}"})["statusCode"] == 403

    def test_those_who_may_still_have_to_sign(self, box: Sandbox) -> None:
        """The network is no proof of who calls."""
        test = SelfTest.signed(SigningSecret.parse(box.signing_secret), time.time())
        signed_event = test.event("203.0.113.7")
        unsigned = {**signed_event, "headers": {"content-type": "application/json"}}

        assert self.invoked(box, "203.0.113.0/24", signed_event)["statusCode"] == 200
        assert self.invoked(box, "203.0.113.0/24", unsigned)["statusCode"] == 401


class TestSelfTest:
    """The request by which a deployment is checked."""

    def test_passes_and_changes_nothing(self, box: Sandbox) -> None:
        """`not_new`, without a call to Stripe and without an item in the ledger."""
        before = traces(box)
        test = SelfTest.signed(SigningSecret.parse(box.signing_secret), time.time())
        reply = post(box.url, test.body, test.headers)

        assert has_passed(reply.status, reply.body)
        assert traces(box) == before

    def test_fails_with_another_secret(self, box: Sandbox) -> None:
        """As with any answer but the expected one."""
        test = SelfTest.signed(SigningSecret.parse(new_signing_secret()), time.time())
        reply = post(box.url, test.body, test.headers)

        assert not has_passed(reply.status, reply.body)
        assert not has_passed(200, {"reason": "customer_created"})
        assert not has_passed(500, {"reason": "not_new"})
        assert not has_passed(200, "not_new")


class TestInit:
    """What is done ahead of the first login."""

    @pytest.fixture
    def event(self, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        """Return an event that needs the secret, in the function's environment."""
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        test = SelfTest.signed(SigningSecret.parse(box.signing_secret), time.time())
        yield test.event("203.0.113.7")
        post_login.forget()

    @pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
    def test_secret_is_there_already(
        self, event: Any, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The login asks for none."""
        post_login.warm_up({"AWS_LAMBDA_INITIALIZATION_TYPE": kind})
        secrets = post_login._application()._secret
        monkeypatch.setattr(secrets, "_fetch", None)

        assert post_login.handler(event, Context("warm"))["statusCode"] == 200  # type: ignore[arg-type]

    def test_what_fails_is_told_by_the_login(
        self, event: Any, box: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever it is: the init phase ends well, or Lambda would only start it again."""
        monkeypatch.setenv("CUSTOMERLINK_SECRET_ID", "none")
        start = len(box.log.getvalue())
        post_login.warm_up({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})
        answer = post_login.handler(event, Context("cold"))  # type: ignore[arg-type]

        assert answer["statusCode"] == 500
        told = [json.loads(each) for each in box.log.getvalue()[start:].splitlines()]
        details = [each["detail"] for each in told if "detail" in each]
        assert details == ["Secrets Manager answered ResourceNotFoundException"]
        monkeypatch.setenv("CUSTOMERLINK_SIGNATURE_TOLERANCE", "soon")
        post_login.forget()
        post_login.warm_up({"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})

    @pytest.mark.parametrize("kind", ["snap-start", ""])
    def test_not_for_a_snapshot(self, event: Any, kind: str) -> None:
        """Nor outside of Lambda."""
        assert event
        post_login.warm_up({"AWS_LAMBDA_INITIALIZATION_TYPE": kind})

        assert post_login._application.cache_info().currsize == 0


class TestSnapStart:
    """What the runtime calls around a snapshot."""

    def test_nothing_secret_is_in_the_snapshot(
        self, box: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither the secret nor a client; after the restore everything is made anew."""
        for name, value in box.environment().items():
            monkeypatch.setenv(name, value)
        test = SelfTest.signed(SigningSecret.parse(box.signing_secret), time.time())
        event = test.event("203.0.113.7")
        context: Any = Context("snap-start")
        before = snapshot_restore_py.get_before_snapshot()
        after = snapshot_restore_py.get_after_restore()

        assert post_login.handler(event, context)["statusCode"] == 200
        warm = weakref.ref(post_login._application())
        for hook in list(before):
            call(hook)
        gc.collect()
        assert warm() is None

        random.seed(1)
        expected = random.random()
        random.seed(1)
        for hook in list(after):
            call(hook)
        assert random.random() != expected
        assert post_login.handler(event, context)["statusCode"] == 200
        post_login.forget()


def call(hook: Any) -> None:
    """Call a registered hook as the runtime does: a function, or one with its arguments."""
    function, args, kwargs = hook if isinstance(hook, tuple) else (hook, (), {})
    function(*args, **kwargs)
