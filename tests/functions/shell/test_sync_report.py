"""What is told of the looks at users: counts, and lines that hold nobody's address."""

import pytest
from tests.functions.shell.conftest import Printed

from customerlink.functions.shell.sync_report import SyncReport
from customerlink.functions.shell.telemetry import Metric
from customerlink.model.events import EventKind, Passed
from customerlink.model.failure import FailedAt, Failure, How
from customerlink.model.log_names import LogNames
from customerlink.model.message_fields import Unreadable
from customerlink.model.sync import Decision, SyncAct, SyncReason, Verdict
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.usecases.missed_sign_ups import Newcomer
from customerlink.usecases.synced import Synced, SyncOutcome

SAML = User(Tenant("acme"), UserId("samlp|okta|ada@example.com"))
KINDS = (EventKind.USER_UPDATED, EventKind.USER_UPDATED, EventKind.DUE)


@pytest.fixture
def report() -> SyncReport:
    """Return one of an invocation."""
    return SyncReport(LogNames.keyed("a key of this test"), "request-1")


@pytest.mark.parametrize("why", Passed)
def test_who_leads_to_nobody(report: SyncReport, printed: Printed, why: Passed) -> None:
    """Counted; told where it should not have come, or somebody waits for it."""
    report.passed(why)
    report.flush()
    counted = {
        Passed.TEST: "sync_test",
        Passed.BEAT: "sync_beat",
        Passed.OTHER_KIND: "sync_passed",
        Passed.NOBODY: "sync_passed",
        Passed.IRRELEVANT: "sync_passed",
    }

    assert printed.metrics() == {counted.get(why, "sync_foreign"): [1.0]}
    assert len(printed.lines()) == (
        why not in (Passed.OTHER_KIND, Passed.NOBODY, Passed.IRRELEVANT)
    )


def test_a_look(report: SyncReport, printed: Printed) -> None:
    """One line: who, why, how it ended, and the fields by their names."""
    verdicts = {"email": Verdict.CHANGED, "metadata.plan": Verdict.AGREED}
    values = {"email": "ada@example.com"}
    address = "ada@example.com"
    decision = Decision(
        SyncAct.COMPARE, SyncReason.DIFFERS, CustomerId("cus_1"), verdicts, values, address
    )
    report.looked(SAML, KINDS, Synced(SyncOutcome.DONE, decision, "ada@example.com"))
    report.flush()
    [line] = printed.lines()

    assert line["message"] == "sync"
    assert line["events"] == ["due", "user.updated"]
    assert (line["outcome"], line["act"], line["reason"]) == ("done", "compare", "differs")
    assert line["fields"] == {"email": "changed", "metadata.plan": "agreed"}
    assert printed.metrics() == {"sync_done": [1.0]}
    assert "ada@" not in printed.text.getvalue()


@pytest.mark.parametrize("outcome", SyncOutcome)
def test_every_outcome_is_counted(
    report: SyncReport, printed: Printed, outcome: SyncOutcome
) -> None:
    """By a metric of its own, and without a decision as well."""
    report.looked(SAML, (), Synced(outcome))
    report.flush()

    assert printed.metrics() == {Metric(f"sync_{outcome}"): [1.0]}


@pytest.mark.parametrize("at", [FailedAt.LEDGER, FailedAt.STRIPE])
def test_service_that_is_down(report: SyncReport, printed: Printed, at: FailedAt) -> None:
    """Is told with whose trouble it was, and counted for the alarm: the look has failed."""
    failure = Failure(at, How.NO_ANSWER)
    report.looked(SAML, KINDS, Synced(SyncOutcome.AGAIN, why="…", failure=failure))
    report.flush()
    [line] = printed.lines()

    assert (line["failed_at"], line["failure"]) == (at, "no_answer")
    assert printed.metrics() == {"sync_failed": [1.0]}


def test_deletions_that_are_held(report: SyncReport, printed: Printed) -> None:
    """Are counted for their alarm."""
    decision = Decision(SyncAct.HOLD, SyncReason.TOO_MANY_DELETIONS)
    report.looked(SAML, KINDS, Synced(SyncOutcome.HELD, decision))
    report.flush()

    assert printed.metrics() == {"sync_held": [1.0], "deletions_held": [1.0]}


def test_trouble(report: SyncReport, printed: Printed) -> None:
    """By its kind, and by what is wrong with a message: no text of an exception."""
    report.failed(SAML, KINDS, ValueError("ada@example.com"))
    report.unreadable(Unreadable("detail.data", "is missing"))
    report.parked(SAML)
    report.bug(ValueError("ada@example.com"))
    report.flush()

    assert [each["message"] for each in printed.lines()] == [
        *("sync_failed", "sync_unreadable", "sync_parked", "internal_error")
    ]
    assert printed.values("detail") == ["detail.data is missing"]
    counts = {"sync_failed", "sync_unreadable", "sync_parked", "internal_error"}
    assert printed.metrics().keys() == counts
    assert "ada@" not in printed.text.getvalue()


@pytest.mark.parametrize("found", Newcomer)
def test_newcomers(report: SyncReport, printed: Printed, found: Newcomer) -> None:
    """Only those whose first login nobody reported are told."""
    report.newcomer(SAML, found)
    report.flush()
    is_told = found in (Newcomer.MISSED, Newcomer.PROVISIONED)

    assert printed.metrics() == ({"missed_sign_up": [1.0]} if is_told else {})
    assert [each["end"] for each in printed.lines()] == ([found] if is_told else [])


def test_nothing_is_counted_twice(report: SyncReport, printed: Printed) -> None:
    """Nor published where there was nothing."""
    report.flush()
    report.parked(SAML)
    report.flush()
    report.flush()

    assert printed.metrics() == {"sync_parked": [1.0]}
