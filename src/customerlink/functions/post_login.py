"""The Lambda function that Auth0's Actions call: of the Login flow, and of the registration's."""

import os
import random
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from snapshot_restore_py import register_after_restore, register_before_snapshot

from customerlink.functions.shell.answering import answered
from customerlink.functions.shell.api_gateway import (
    NO_SUCH_ROUTE,
    NOT_SERVED,
    Answer,
    Event,
    Rejection,
    Request,
    answer,
    headers_of,
)
from customerlink.functions.shell.edge import not_reporting
from customerlink.functions.shell.json_body import NOT_JSON, TOO_LARGE, is_too_large
from customerlink.functions.shell.telemetry import Metric, report_odd, report_outcome
from customerlink.model.denial_texts import DenialTexts, reference_of
from customerlink.model.errors import ConfigurationError
from customerlink.model.failure import FailedAt, Failure, How
from customerlink.model.frozen import replace
from customerlink.model.instruction import Decision, Instruction
from customerlink.model.locales import Locales
from customerlink.model.signature import ID_HEADER, has_the_form, is_signed, why_unsigned
from customerlink.model.signup import (
    InvalidRequest,
    SignUp,
    parse,
    parse_registered,
    parse_registration,
)
from customerlink.model.trust import Trust
from customerlink.ports.deadline import SIGN_UP_SECONDS
from customerlink.ports.run import Run
from customerlink.usecases.self_test import is_self_test
from customerlink.usecases.sign_up import Provisioning
from customerlink.wiring.application import Application
from customerlink.wiring.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from customerlink.model.secret import Secret
    from customerlink.model.signature import SigningSecret

# A function that runs into its time-out says nothing, neither to the Action nor to the log.
_TIME_TO_ANSWER_SECONDS = 0.5
_AHEAD = frozenset({"on-demand", "provisioned-concurrency"})

type _Read = Callable[[bytes, Trust], SignUp | InvalidRequest]
type _Decide = Callable[[Provisioning], Instruction]

ROUTES: dict[str, tuple[_Read, _Decide]] = {
    "POST /post-login": (parse, Provisioning.instruction),
    "POST /pre-user-registration": (parse_registration, Provisioning.at_registration),
    "POST /post-user-registration": (parse_registered, Provisioning.after_registration),
}

_UNSIGNED = Rejection(
    HTTPStatus.UNAUTHORIZED,
    "invalid_signature",
    "the request is not signed with a current secret",
)
# Counted apart: anybody sends it, and what rings is that our Action's signature is wrong.
_WITHOUT_SIGNATURE = replace(
    _UNSIGNED, counted=Metric.UNSIGNED, failure=Failure(FailedAt.SIGNATURE, How.NO_SIGNATURE)
)


def handler(event: Event, context: "LambdaContext") -> Answer:
    """Answer one login, or one registration, that an Action reports."""
    return respond(_application, event, context)


def respond(
    application: Callable[[], Application],
    event: Event,
    context: "LambdaContext",
) -> Answer:
    """Answer, whatever happens."""
    run = Run(time, owner=secrets.token_hex(16), seconds=_budget(context))

    def decide() -> Answer | Rejection:
        with run.trace.step("start"):
            # Not at import: so a wrong setting becomes an answer, and a line of the log.
            started = application()
        # First: for strangers no secret is fetched, and no body is read.
        if refused := not_reporting(started.settings, event):
            return refused
        return _decide(started, Request.of(event), run, context.aws_request_id)

    return answered(decide, context.aws_request_id, _reference(headers_of(event)))


def _decide(
    application: Application,
    request: Request,
    run: Run,
    request_id: str,
) -> Answer | Rejection:
    # Before the signature, which costs time with the length.
    if is_too_large(request):
        return TOO_LARGE
    # Before a secret is fetched: a stranger's call costs none, nor meets one that is missing.
    if not has_the_form(request.headers):
        return _WITHOUT_SIGNATURE
    with run.trace.step("secret"):
        secret = application.secret()
    signed = _keys_for(secret, request), request.headers, request.body
    tolerance = application.settings.signature_tolerance
    if not is_signed(*signed, now=run.clock.time(), tolerance=tolerance):
        return replace(_UNSIGNED, failure=Failure(FailedAt.SIGNATURE, why_unsigned(*signed)))
    # After the signature: who has not signed learns of nothing else.
    if application.settings.odd and is_self_test(request.body):
        # A wrong text keeps nobody out, but for the version that brings it.
        raise ConfigurationError(f"missing or wrong: {', '.join(application.settings.odd)}")
    reported = _read(application.settings, request)
    if isinstance(reported, Rejection):
        return reported
    signup, decide = reported
    settling = application.settling(signup, secret, run, is_admission=True)
    instruction = decide(Provisioning(settling))
    reference = _reference(request.headers)
    report_outcome(signup, run, instruction, request_id, secret.log_names, reference=reference)
    texts = application.settings.denial_texts
    return answer(HTTPStatus.OK, _told(instruction, texts, signup.locales, reference))


def _told(
    instruction: Instruction, texts: DenialTexts, wanted: Locales, reference: str
) -> dict[str, object]:
    """Return the answer; who is denied has something to read."""
    is_denied = instruction.decision is Decision.DENY
    return instruction.as_json(
        texts.text(instruction.reason, wanted, reference) if is_denied else None
    )


def _read(settings: Settings, request: Request) -> tuple[SignUp, _Decide] | Rejection:
    """Read a signed report, and how it is decided; refuse what is none, or is not for us."""
    if not request.is_json():
        return NOT_JSON
    if request.route not in ROUTES:
        return NO_SUCH_ROUTE
    read, decide = ROUTES[request.route]
    signup = read(request.body, settings.policy.trust)
    if isinstance(signup, InvalidRequest):
        return Rejection(HTTPStatus.BAD_REQUEST, "invalid_request", str(signup))
    if not (settings.serves(signup.user.tenant) or is_self_test(request.body)):
        return NOT_SERVED
    return signup, decide


def _reference(headers: Mapping[str, str]) -> str:
    """Return what the Action, and whoever reads its text, call a request."""
    return reference_of(headers.get(ID_HEADER, ""))


def _keys_for(secret: "Secret", request: Request) -> tuple["SigningSecret", ...]:
    """Return what may have signed a request: one key is for self-tests, and for nothing else."""
    tests = secret.self_test_keys if is_self_test(request.body) else ()
    return secret.signing_secrets + tests


def _budget(context: "LambdaContext") -> float:
    """Return the seconds from here on, the cold start's making of clients included."""
    left = context.get_remaining_time_in_millis() / 1000 - _TIME_TO_ANSWER_SECONDS
    return min(SIGN_UP_SECONDS, left)


@cache
def _application() -> Application:
    application = Application(Settings.from_environment(os.environ))
    report_odd(application.settings.odd)
    return application


def warm_up(environment: Mapping[str, str]) -> None:
    """Make the clients, fetch the secret and note the installation ahead of the first login.

    Not outside of Lambda, nor for a SnapStart snapshot, which would keep the secret (`environment`
    says which: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html). What
    fails here is tried again, and told, by the first login.
    """
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") not in _AHEAD:
        return
    with suppress(Exception):
        _application().secret()
        _application().ledger(Run(time, owner="warm-up")).installed_at()


def forget() -> None:
    """Leave clients, connections and secrets out of a SnapStart snapshot.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
    """
    _application.cache_clear()


def reseed() -> None:
    """Let no two copies of a snapshot draw the same jitter."""
    random.seed()


warm_up(os.environ)
register_before_snapshot(forget)
register_after_restore(reseed)
