"""The Lambda function that does, every few minutes, what is owed to users.

It finishes the sign-ups that they left open; lets those be looked at whom the ledger says to; and
finds out whose first login nobody reported. And it sends the beats by which an alarm knows that
Stripe's events come.
"""

import json
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING

import boto3

from customerlink.adapters.dynamodb.open_index import (
    count_open,
    due_newcomers,
    due_users,
    open_sign_ups,
)
from customerlink.adapters.token_bucket import Taken
from customerlink.adapters.trouble import failure_of, trouble_of
from customerlink.functions.shell.sync_report import SyncReport
from customerlink.functions.shell.telemetry import (
    SERVICE,
    report_beat,
    report_open,
    report_repair,
    report_run_failed,
)
from customerlink.model.events import due as message_of
from customerlink.model.rates import A_USER
from customerlink.model.signup import SignUp
from customerlink.model.trouble import Trouble
from customerlink.model.user import User
from customerlink.ports.rate import take_turns
from customerlink.ports.run import Run
from customerlink.usecases.finish_sign_up import FinishStatus, finish
from customerlink.usecases.follow_events import Message
from customerlink.usecases.rows import RowFailed, Rows
from customerlink.usecases.send_beat import BeatEnd
from customerlink.usecases.settle import Creates, Settling
from customerlink.wiring.application import Application
from customerlink.wiring.settings import Settings
from customerlink.wiring.sync import AfterTheSignUp
from customerlink.wiring.tenant import served, stored_tenant, users_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

    from customerlink.model.secret import Secret, TenantSecret
    from customerlink.ports.profiles import Profiles
    from customerlink.ports.rate import Rates

REPAIR_AFTER_SECONDS = 120
"""A user who is still there has tried again by now."""

OPEN_FOR_SECONDS = 15 * 60
"""A sign-up that is open for so long could not be repaired either."""

AT_MOST = 500
"""Sign-ups that one invocation looks at."""

TENANT_SECONDS = 4.0
"""The longest that one call to Auth0 takes; a repair makes two."""

BEAT_SECONDS = 5.0
"""The longest that a beat keeps the others waiting."""

# Two calls to Auth0, a sign-up's 5 s, and the turns for which a backfill is ahead: eight workers'
# at two requests a second to all of Auth0 (docs/scale.md).
TIME_FOR_ONE_SECONDS = 25.0
"""No repair begins with less time left."""


def handler(_event: object, context: "LambdaContext") -> None:
    """Finish what is open, and publish how many sign-ups stay open.

    Without credentials of the tenant's nothing is finished: only Auth0 knows whether a user is
    still there.
    """
    try:
        _finish_all(context)
    except Exception as trouble:
        # The alarm says that nobody counts; this, why.
        report_run_failed(failure_of(trouble))
        raise


def _finish_all(context: "LambdaContext") -> None:
    application = _application()
    table = application.settings.ledger_table
    ends: Counter[str] = Counter()
    tenant = stored_tenant(application.aws)
    if tenant is not None:
        trust = application.settings.policy.trust
        served(tenant, application.settings)
        _send_beat(application, tenant)
        secret, rates = application.secret(), _kept(application, tenant).rates
        # One try: the next run comes in five minutes, and other users wait for this one.
        users = users_of(tenant, trust, Taken(rates), tries=1, seconds=TENANT_SECONDS)
        before = time.time() - REPAIR_AFTER_SECONDS
        oldest = [*islice(open_sign_ups(_dynamodb(), table, before), AT_MOST)]
        # Some may never end; in another order each time, they hold nobody up.
        random.shuffle(oldest)
        # Another tenant's users are not known to this one's API: they would seem to be gone.
        ours = [user for user in oldest if user.tenant == tenant.tenant]
        repaired = partial(_repaired, application, secret, users, rates)
        for end in _each(ours, repaired, context):
            ends[end] += 1
        _look_after(_kept(application, tenant), context)
    # Last: the alarm is for what the repair could not finish.
    still_open = count_open(_dynamodb(), table, time.time() - OPEN_FOR_SECONDS)
    report_open(ends, still_open)


def _each(
    users: Sequence[User],
    repaired: Callable[[User], FinishStatus],
    context: "LambdaContext",
) -> Iterator[FinishStatus]:
    """Repair one after the other while there is time, and unless the next ones must fail too."""
    rows = Rows(trouble_of, time)
    for user in users:
        if not _has_time(context):
            return
        try:
            end = rows.attempt(partial(repaired, user))
        except Exception:  # noqa: BLE001 (it is told by then, by its kind)
            yield FinishStatus.FAILED
            return
        yield FinishStatus.FAILED if isinstance(end, RowFailed) else end


def _repaired(
    application: Application, secret: "Secret", users: "Profiles", rates: "Rates", user: User
) -> FinishStatus:
    runs: list[Run] = []

    def settling(signup: SignUp) -> Settling:
        # Auth0 may have taken its time: the budget counts from here.
        runs.append(Run(time, owner=secrets.token_hex(16)))
        return application.settling(signup, secret, runs[-1], creates=Creates.IF_BEGUN)

    try:
        take_turns(rates, A_USER)
        end, reason = finish(user, users, settling)
    except Exception as error:
        # Its text may be personal: its kind is told.
        kind, failed = type(error).__name__, FinishStatus.FAILED
        report_repair(user, failed, kind, secret.log_names, failure_of(error))
        raise
    failure = runs[-1].trace.failure if end is FinishStatus.FAILED and runs else None
    report_repair(user, end, reason, secret.log_names, failure)
    return end


def _send_beat(application: Application, tenant: "TenantSecret") -> None:
    """Send a beat where Stripe's events come; whatever is in its way stops no repair."""
    # First, since an alarm takes silence for events that do not come.
    run = Run(time, owner=secrets.token_hex(16), seconds=BEAT_SECONDS)
    try:
        end = _kept(application, tenant).send_beat(SERVICE, run)
    except Exception as error:  # noqa: BLE001 (its text may be personal: its kind is told)
        report_beat(BeatEnd.FAILED, failure_of(error))
        return
    if end:
        report_beat(end, run.trace.failure if end is BeatEnd.FAILED else None)


def _look_after(kept: AfterTheSignUp, context: "LambdaContext") -> None:
    """See to the users whom the ledger says to look at, and to those whom Auth0 made."""
    report = SyncReport(kept.log_names, context.aws_request_id)
    has_time = partial(_has_time, context)
    due = due_users(*_table(kept), AT_MOST, kept.tenant)
    bodies = [json.dumps(message_of(each)) for each in due]
    if kept.settings.queue:
        kept.queue.send_all(bodies)
    else:
        # Where no events come there is no queue either, and few are due.
        batch = kept.follow(report, has_time).batch(
            Message(str(at), body) for at, body in enumerate(bodies)
        )
        for at in range(len(bodies)):
            batch.end(str(at))
            if batch.is_refused:
                _kept.cache_clear()
                break
    _welcome(kept, report, has_time)
    report.flush()


def _welcome(kept: AfterTheSignUp, report: SyncReport, has_time: Callable[[], bool]) -> None:
    newcomers = due_newcomers(*_table(kept), AT_MOST, kept.tenant)
    random.shuffle(newcomers)
    check = kept.missed_sign_ups()
    for user in newcomers:
        if not has_time():
            return
        try:
            report.newcomer(user, check.look(user))
        except Exception as error:  # noqa: BLE001 (its text may be personal: its kind is told)
            report.failed(user, (), error)
            if trouble_of(error) is not Trouble.OF_THE_ROW:
                # The next ones must meet it too; a token may have expired.
                _kept.cache_clear()
                return
            report.bug(error)


def _table(kept: AfterTheSignUp) -> "tuple[DynamoDBClient, str, float]":
    return _dynamodb(), kept.application.settings.ledger_table, time.time()


def _has_time(context: "LambdaContext") -> bool:
    return context.get_remaining_time_in_millis() >= TIME_FOR_ONE_SECONDS * 1000


@cache
def _dynamodb() -> "DynamoDBClient":
    return boto3.client("dynamodb")


@cache
def _kept(application: Application, tenant: "TenantSecret") -> AfterTheSignUp:
    """Keep the token for the tenant as long as the secret is the same."""
    return AfterTheSignUp(application, tenant)


@cache
def _application() -> Application:
    return Application(Settings.from_environment(os.environ))
