"""What becomes of a request to a function: an answer, whatever happens.

The runtime prints what a handler raises, and its text may be personal: so it is told by kind.
"""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from customerlink.functions.shell.api_gateway import Answer, Rejection
from customerlink.functions.shell.telemetry import report_bug, report_rejection
from customerlink.model.errors import CustomerLinkError

_INTERNAL_ERROR = Rejection(
    HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the request could not be handled"
)


def answered(
    decide: Callable[[], Answer | Rejection], request_id: str, reference: str | None = None
) -> Answer:
    """Return the decision's answer; a rejection, an expected error and a bug are reported too.

    `reference` is what a person reads who is denied because there is no decision.
    """
    try:
        outcome = decide()
    except CustomerLinkError as trouble:
        # These messages name settings and fields only, and are what an operator needs to see.
        report_rejection(replace(_INTERNAL_ERROR, detail=str(trouble)), request_id, reference)
        return _INTERNAL_ERROR.answer()
    except Exception as bug:  # noqa: BLE001 (a bug is logged by kind and place, and alarmed)
        report_bug(bug, request_id, reference)
        return _INTERNAL_ERROR.answer()
    if isinstance(outcome, Rejection):
        report_rejection(outcome, request_id, reference)
        return outcome.answer()
    return outcome
