"""One line and a handful of metrics for each call: what they say, and what they never say."""

import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

import pytest
from tests.e2e.runtime import ROOT
from tests.fakes import ADA, FakeClock
from tests.functions.shell.conftest import Printed

from customerlink.functions.shell import telemetry
from customerlink.functions.shell.api_gateway import Rejection
from customerlink.functions.shell.telemetry import (
    DRIFT,
    EMITTED,
    Metric,
    report_bug,
    report_drift,
    report_linked,
    report_open,
    report_outcome,
    report_rejection,
    report_repair,
    report_run_failed,
    report_step,
    report_watch,
)
from customerlink.model.drift import Drift
from customerlink.model.failure import FailedAt, Failure, How
from customerlink.model.instruction import Instruction, Reason, deferred, denied, linked, not_new
from customerlink.model.log_names import LogNames
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.run import Run
from customerlink.usecases.finish_sign_up import FinishStatus

BOTH = ("service", "function_name")
OPERATIONS = (ROOT / "docs/operations.md").read_text()
SAML = User(Tenant("acme"), UserId("samlp|okta|ada@example.com"))
PERSONAL = SignUp(
    SAML, 1, email="ada@example.com", name="Ada Lovelace", profile={"phone_number": "+15550100"}
)
NAMES = LogNames.keyed("a key of this test")
CREATED = linked(CustomerId("cus_1"), Reason.CUSTOMER_CREATED)
DENIED = denied(Reason.EMAIL_IN_USE)
BAD = Rejection(HTTPStatus.BAD_REQUEST, "invalid_request", "user.user_id is missing")


def a_run() -> Run:
    """Return an invocation that took 1.25 s, and one try of two calls to Stripe."""
    clock = FakeClock()
    run = Run(clock, "owner")
    with run.trace.step("stripe_list"):
        clock.sleep(1.25)
    run.trace.attempt = 2
    run.trace.stripe_request_ids = ["req_1", "req_2"]
    run.trace.stripe_statuses = [200, 200]
    return run


def quote() -> None:
    """Raise with a text that quotes somebody's address."""
    raise KeyError(PERSONAL.email)


def caught_bug() -> Exception:
    """Return an exception that was raised."""
    try:
        quote()
    except KeyError as bug:
        return bug
    raise AssertionError


class TestOutcome:
    """The one line of a sign-up."""

    def test_line(self, printed: Printed) -> None:
        """Everything that one asks at night, under the names that saved queries use."""
        report_outcome(SignUp(ADA, 1, strategy="auth0"), a_run(), CREATED, "request-1", NAMES)
        [line] = printed.lines()

        said = {
            "message": "sign_up",
            "request_id": "request-1",
            "tenant": "acme",
            "user_id": NAMES.name(ADA.user_id),
            "decision": "continue",
            "reason": "customer_created",
            "strategy": "auth0",
            "action_try": 1,
            "attempt": 2,
            "stripe_request_ids": ["req_1", "req_2"],
            "stripe_statuses": [200, 200],
            "stripe_retries": 0,
            "unknown_outcomes": 0,
            "milliseconds": 1250,
            "steps": {"stripe_list": 1250},
        }
        assert said.items() <= line.items()

    def test_metrics_of_an_uneventful_one(self, printed: Printed) -> None:
        """What did not happen is not counted: CloudWatch charges by the metric."""
        report_outcome(SignUp(ADA, 1), a_run(), CREATED, "request-1", NAMES)

        assert printed.metrics() == {
            "customer_created": [1],
            "stripe_2xx": [2],
            "milliseconds": [1250],
        }
        assert printed.units()["milliseconds"] == "Milliseconds"

    @pytest.mark.parametrize(
        ("instruction", "is_told", "counts"),
        [
            (CREATED, False, ["customer_created"]),
            (denied(Reason.PROVISIONING_FAILED), True, ["provisioning_failed"]),
            (denied(Reason.LINK_MISMATCH), True, ["link_mismatch"]),
            (deferred(), True, ["deferred", "provisioning_failed"]),
            (not_new(exempt=False), True, ["not_new", "provisioning_failed"]),
        ],
    )
    def test_failure(
        self, printed: Printed, instruction: Instruction, counts: list[str], *, is_told: bool
    ) -> None:
        """Told where it did not end well; whom an outage let in counts as failed beside."""
        run = a_run()
        run.trace.fail(FailedAt.LEDGER, "ThrottlingException")
        report_outcome(SignUp(ADA, 1), run, instruction, "request-1", NAMES)
        [line] = printed.lines()

        assert (line.get("failed_at") == "ledger") is is_told
        assert sorted(printed.metrics().keys() & {*Reason}) == counts

    def test_metrics_of_a_bad_night(self, printed: Printed) -> None:
        """Tries of the Action's and of ours, lost answers, and Stripe's statuses by kind."""
        run = a_run()
        run.trace.stripe_statuses = [200, 402, 404, 429, 500, 503, 302]
        run.trace.stripe_retries, run.trace.unknown_outcomes, run.trace.key_rejections = 3, 1, 1
        instruction = denied(Reason.PROVISIONING_FAILED)
        report_outcome(SignUp(ADA, 1, tries=2), run, instruction, "request-1", NAMES)

        assert printed.metrics() == {
            "provisioning_failed": [1],
            "action_retry": [1],
            "stripe_retry": [3],
            "unknown_outcome": [1],
            "stripe_key_rejected": [1],
            "stripe_2xx": [1],
            "stripe_4xx": [2],
            "stripe_429": [1],
            "stripe_5xx": [2],
            "milliseconds": [1250],
        }


class TestByFunction:
    """What an alarm of one function's looks at is counted for it by itself."""

    @pytest.fixture(autouse=True)
    def on_lambda(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let it run as a function of the stack's."""
        monkeypatch.setattr(telemetry, "FUNCTION", "the-shops")

    def test_bug(self, printed: Printed) -> None:
        """For the stack's dashboard, and for the function's alarm."""
        report_bug(caught_bug(), "request-1")

        assert printed.dimensions() == {"internal_error": [("service",), BOTH]}
        assert printed.values("function_name") == ["the-shops"]

    def test_outcome(self, printed: Printed) -> None:
        """Failures and decisions; each other metric is charged for once."""
        report_outcome(
            SignUp(ADA, 1), a_run(), denied(Reason.PROVISIONING_FAILED), "request-1", NAMES
        )

        assert printed.dimensions() == {
            "provisioning_failed": [("service",), BOTH],
            "milliseconds": [("service",), BOTH],
            "stripe_2xx": [("service",)],
        }

    def test_rejection(self, printed: Printed) -> None:
        """What has no alarm by function has no further metric."""
        report_rejection(BAD, "request-1")

        assert printed.dimensions() == {"invalid_request": [("service",)]}
        assert printed.values("function_name") == []


class TestOtherLines:
    """What else a function may have to say."""

    def test_rejection(self, printed: Printed) -> None:
        """Counted by its code, and told with what was wrong."""
        report_rejection(BAD, "request-1")
        [line] = printed.lines()

        said = {"message": "rejected", "request_id": "request-1", "error": "invalid_request"}
        assert said.items() <= line.items()
        assert (line["level"], line["detail"]) == ("WARNING", "user.user_id is missing")
        assert printed.metrics() == {"invalid_request": [1]}

    def test_bug(self, printed: Printed) -> None:
        """By kind and place, from where it was caught to where it was raised."""
        report_bug(caught_bug(), "request-1")
        [line] = printed.lines()

        assert (line["level"], line["exception"]) == ("ERROR", "KeyError")
        assert [each.split(":")[0] for each in line["at"]] == ["caught_bug", "quote"]
        assert printed.metrics() == {"internal_error": [1]}

    def test_repair(self, printed: Printed) -> None:
        """Whose sign-up, and how it ended; it is counted with all others."""
        report_repair(ADA, FinishStatus.FINISHED, "customer_found", NAMES)
        [line] = printed.lines()

        said = {"user_id": NAMES.name(ADA.user_id), "end": "finished", "reason": "customer_found"}
        assert said.items() <= line.items()
        assert printed.metrics() == {}

    def test_linked_accounts(self, printed: Printed) -> None:
        """Both accounts, and how many customers are left over."""
        report_linked(ADA, "auth0|work", "linked", ["cus_2", "cus_3"], NAMES)
        [line] = printed.lines()

        said = [line["user_id"], line["secondary_user_id"]]
        assert said == [NAMES.name(ADA.user_id), NAMES.name("auth0|work")]
        assert line["superseded"] == ["cus_2", "cus_3"]
        assert printed.metrics() == {"accounts_linked": [1], "customers_superseded": [2]}

    @pytest.mark.parametrize(
        "failure",
        [
            Failure(FailedAt.STRIPE, How.KEY_EXPIRED),
            Failure(FailedAt.LEDGER, "ThrottlingException"),
            Failure(FailedAt.AUTH0, "status_401"),
        ],
    )
    @pytest.mark.parametrize(
        "report",
        [
            lambda failure: report_repair(ADA, FinishStatus.FAILED, "why", NAMES, failure),
            lambda failure: report_linked(ADA, "auth0|b", "failed", [], NAMES, failure),
            lambda failure: report_rejection(replace(BAD, failure=failure), "request-1"),
            lambda failure: report_step("compare", failure),
            report_run_failed,
        ],
    )
    def test_where_it_failed(
        self, report: Callable[[Failure], None], failure: Failure, printed: Printed
    ) -> None:
        """In the same two fields of every line."""
        report(failure)
        [line] = printed.lines()

        assert failure.fields().items() <= line.items()

    def test_open_sign_ups(self, printed: Printed) -> None:
        """Zeros too: an alarm on what is missing would not tell a zero from silence."""
        report_open(dict.fromkeys(FinishStatus, 0), 0)

        names = ["open_sign_ups", *(f"repair_{end}" for end in FinishStatus)]
        assert printed.metrics() == {name: [0] for name in names}
        assert {*names} <= EMITTED

    def test_drift(self, printed: Printed) -> None:
        """By kind, zeros included, so that what was mended is seen to be gone."""
        report_drift({Drift.UNLINKED: 2, Drift.DUPLICATE: 0})

        assert printed.metrics() == {"drift_unlinked": [2], "drift_duplicate": [0]}


class TestNothingPersonal:
    """No line quotes a name, an address or a number."""

    @pytest.mark.parametrize(
        "report",
        [
            lambda: report_outcome(PERSONAL, a_run(), CREATED, "1", NAMES),
            lambda: report_outcome(PERSONAL, a_run(), DENIED, "1", NAMES),
            lambda: report_bug(caught_bug(), "1"),
            lambda: report_repair(SAML, FinishStatus.GONE, "user_gone", NAMES),
            lambda: report_linked(SAML, "samlp|okta|ada@example.com", "linked", [], NAMES),
        ],
    )
    def test_line(self, report: Callable[[], None], printed: Printed) -> None:
        """Whatever is reported of whomever."""
        report()

        assert printed.lines() != []
        for word in ("example.com", "Lovelace", "Hello", "5550100"):
            assert word not in printed.text.getvalue()

    def test_strategy(self, printed: Printed) -> None:
        """One of Auth0's is told, and nothing else that a connection says."""
        for each in ("samlp", "ada@example.com", None):
            report_outcome(SignUp(ADA, 1, strategy=each), a_run(), CREATED, "1", NAMES)

        assert [line.get("strategy") for line in printed.lines()] == ["samlp", "other", None]


def test_every_metric_is_documented() -> None:
    """And nothing else is; reasons and error codes are counted by their own names."""
    _, _, section = OPERATIONS.partition("## The metrics\n")
    rows = re.findall(r"^\| (`.*?) \|", section.partition("\n## ")[0], re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+…?)`", row)}

    assert documented == {*Metric, f"{DRIFT}…"}


def test_every_end_of_a_repair_is_counted() -> None:
    """Each by a metric of its own."""
    counted = {each for each in Metric if each.startswith("repair_")}

    assert counted == {f"repair_{each}" for each in FinishStatus}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_metric(reason: Reason, printed: Printed) -> None:
    """Dashboards and alarms know each by its name."""
    report_outcome(SignUp(ADA, 1), a_run(), denied(reason), "request-1", NAMES)

    assert printed.metrics()[str(reason)] == [1]
    assert printed.metrics().keys() <= EMITTED


@pytest.mark.parametrize(
    ("found", "healthy"),
    [([], 1), (["post-login: gone"], 0), (["a: b", "endpoint: status 500"], 0)],
)
def test_watch(printed: Printed, found: list[str], healthy: int) -> None:
    """1 or 0 at each run, and a line with every finding."""
    report_watch(found)
    [line] = printed.lines()

    assert printed.metrics() == {"watch_healthy": [healthy]}
    assert (line["message"], line["findings"]) == ("watch", found)
    assert (line["level"] == "INFO") is (not found)
