"""What becomes of a request to a function: an answer, whatever happens.

The runtime prints what a handler raises, and its text may be personal: so it is told by kind.
"""

from collections.abc import Callable
from http import HTTPStatus

from customerlink.functions.shell.api_gateway import Answer, Rejection
from customerlink.functions.shell.telemetry import report_bug, report_rejection
from customerlink.model.errors import CustomerLinkError, LedgerUnavailableError
from customerlink.model.frozen import replace

_INTERNAL_ERROR = Rejection(
    HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the request could not be handled"
)
_NO_LEDGER = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE, "ledger_unavailable", "the ledger did not answer as it should"
)


def answered(
    decide: Callable[[], Answer | Rejection], request_id: str, reference: str | None = None
) -> Answer:
    """Return the decision's answer; a rejection, an expected error and a bug are reported too.

    `reference` is what a person reads who is denied because there is no decision.
    """
    try:
        outcome = decide()
    except Exception as trouble:  # noqa: BLE001 (a bug is logged by kind and place, and alarmed)
        return report_trouble(trouble, request_id, reference).answer()
    if isinstance(outcome, Rejection):
        report_rejection(outcome, request_id, reference)
        return outcome.answer()
    return outcome


def report_trouble(trouble: Exception, request_id: str, reference: str | None = None) -> Rejection:
    """Report what nobody has caught, an expected error or a bug; return what is answered."""
    if not isinstance(trouble, CustomerLinkError):
        report_bug(trouble, request_id, reference)
        return _INTERNAL_ERROR
    answered = _NO_LEDGER if isinstance(trouble, LedgerUnavailableError) else _INTERNAL_ERROR
    # These messages name settings and fields only, and are what an operator needs to see.
    told = replace(answered, detail=str(trouble), failure=trouble.failure)
    report_rejection(told, request_id, reference)
    return answered
