"""Plays of what follows a sign-up, and of a new version before it gets traffic."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from tests.functions.test_events import LATE, OF_ADA, SECRETS, TOKENS, bearer, post, put
from tests.functions.test_repair import owed

from customerlink.functions import events, pre_traffic, repair, sync
from customerlink.functions.shell.telemetry import SERVICE
from customerlink.model.beats import BEAT, canary_address
from customerlink.model.sync import Decision, SyncAct, SyncReason
from customerlink.model.webhook_secret import WebhookSecret
from customerlink.usecases.synced import Synced, SyncOutcome
from sandbox.aws import REGION
from sandbox.events import AUTH0_SOURCE, STRIPE_SOURCE, auth0_event, delivered
from sandbox.gateway import Context
from sandbox.posts import signed
from sandbox.stripe_account import Fault, FaultKind

if TYPE_CHECKING:
    from tests.test_runbooks import Stage

type Play = "Callable[[Stage], None]"

_HOOK = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook-1"}


def _long() -> Any:
    return Context(_end=time.monotonic() + 60)


def _follow(stage: "Stage", body: str | None = None) -> Any:
    """Hand the function behind the queue a message, by default of a user who is there; return SQS.

    It has queues of its own, and starts anew.
    """
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    sqs = session.client("sqs", endpoint_url=stage.box.aws.url)
    dead = sqs.create_queue(QueueName=f"dead-{time.time_ns()}")["QueueUrl"]
    _with_events(stage)
    stage.patch.setenv("CUSTOMERLINK_SYNC_DEAD_LETTERS", dead)
    sync._kept.cache_clear()
    user = stage.user()
    before, after = user | {"name": "Ada"}, user | {"name": "Countess"}
    text = body or json.dumps(auth0_event("user.updated", after, before))
    sync.handler(delivered([text]), _long())
    wanted: Any = ["ApproximateNumberOfMessages"]
    found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=wanted)["Attributes"]
    return int(found["ApproximateNumberOfMessages"])


def _with_events(stage: "Stage") -> None:
    stage.patch.setenv("CUSTOMERLINK_AUTH0_EVENT_SOURCE", AUTH0_SOURCE)
    stage.patch.setenv("CUSTOMERLINK_STRIPE_EVENT_SOURCE", STRIPE_SOURCE)
    repair._kept.cache_clear()


def _unreadable(stage: "Stage") -> None:
    dead = _follow(stage, "no JSON")
    stage.by_aws["ApproximateNumberOfMessagesVisible"] = dead


def _waits(stage: "Stage") -> None:
    """Let Auth0 be down for so long that an event has waited: SQS counts for how long."""
    stage.box.management.faults += ["GET /api/v2/users"] * 3
    _follow(stage)
    stage.by_aws["ApproximateAgeOfOldestMessage"] = 901


def _no_secret(stage: "Stage") -> None:
    stage.refuse("secret", "AccessDeniedException")
    _follow(stage)


def _wrong_tenant(stage: "Stage") -> None:
    stage.patch.setenv("CUSTOMERLINK_TENANTS", "other")
    _follow(stage)


def _bug(stage: "Stage") -> None:
    def look(*_: object) -> None:
        raise KeyError("ada@example.com")

    stage.patch.setattr("customerlink.usecases.sync.Sync.reconcile", look)
    _follow(stage)


def _locked_out(stage: "Stage") -> None:
    stage.lock_out()
    _follow(stage)


def _no_ledger(stage: "Stage") -> None:
    stage.refuse("ledger", "AccessDeniedException")
    _follow(stage)


def _stripe_is_down(stage: "Stage") -> None:
    user = stage.user()
    user_id = stage.box.tenant.add_user(**user, email_verified=True)
    stage.box.tenant.login(user_id)
    stage.box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    _follow(stage, json.dumps(auth0_event("user.updated", user | {"name": "C"}, user)))


def _posts(stage: "Stage", body: object = OF_ADA) -> None:
    """Let Auth0 post an event to the function, which starts anew."""
    stage.patch.setenv("CUSTOMERLINK_SYNC_QUEUE", f"{stage.box.aws.url}/0/queue")
    events._webhooks.cache_clear()
    post("POST /events/auth0", body)
    events._webhooks.cache_clear()


FORGED: tuple[dict[str, str], ...] = (
    {},
    bearer("x" * 43),
    bearer("\udcff"),
    signed(json.dumps(OF_ADA), "whsec_" + "x" * 32),
    {"stripe-signature": "t=1,v1=" + "0" * 64},
    bearer("x" * 43) | signed("{}", "whsec_" + "x" * 32),
)
"""What a stranger may show, at either route."""


def posted(route: str, headers: dict[str, str], *, has_value: bool = True) -> "Play":
    """Return what posts an event so, to a function whose secret may have no value."""

    def act(stage: "Stage") -> None:
        put(stage.box, WebhookSecret(TOKENS, SECRETS))
        if not has_value:
            name = f"events-{time.time_ns()}"
            stage.box.aws.secrets_manager.create_secret(Name=name)
            stage.patch.setenv("CUSTOMERLINK_EVENTS_SECRET_ID", name)
        stage.patch.setenv("CUSTOMERLINK_SYNC_QUEUE", f"{stage.box.aws.url}/0/queue")
        events._webhooks.cache_clear()
        post(route, OF_ADA, headers)
        events._webhooks.cache_clear()

    return act


def _posts_secret(stage: "Stage") -> None:
    stage.refuse("secret", "AccessDeniedException")
    _posts(stage)


def _posts_queue(stage: "Stage") -> None:
    put(stage.box, WebhookSecret(TOKENS, SECRETS))
    stage.refuse("queue", "AccessDeniedException")
    _posts(stage)


def _posts_nonsense(stage: "Stage") -> None:
    put(stage.box, WebhookSecret(TOKENS, SECRETS))
    _posts(stage, "no JSON")


def _held(stage: "Stage") -> None:
    """Let a day have more deletions than it may."""
    decision = Decision(SyncAct.HOLD, SyncReason.TOO_MANY_DELETIONS)
    held = Synced(SyncOutcome.HELD, decision)
    stage.patch.setattr("customerlink.usecases.sync.Sync.reconcile", lambda *_: held)
    _follow(stage)


def _missed(stage: "Stage") -> None:
    _with_events(stage)
    before = datetime.now(UTC) - timedelta(minutes=20)
    user = stage.user()
    stage.box.tenant.add_user(**user, last_login=before.isoformat())
    owed(stage.box, f"created#acme#{user['user_id']}", "created")
    repair.handler({}, _long())


def _no_canary(stage: "Stage") -> None:
    _with_events(stage)
    repair.handler({}, _long())


def _beat_fails(stage: "Stage") -> None:
    _with_events(stage)
    stage.box.stripe.create({"email": canary_address(SERVICE), "metadata": {BEAT: "none yet"}})
    stage.box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    repair.handler({}, _long())


def _new_version(answer: str | None = None, refused: str = "") -> "Play":
    """Return a play of the pre-traffic check: what the new version answers, or Lambda refuses."""

    def act(stage: "Stage") -> None:
        if refused:
            stage.refuse("secret", refused)
        stage.patch.setenv("CUSTOMERLINK_NEW_VERSION", "post-login:2")
        stage.patch.setattr(pre_traffic, "PAUSE_SECONDS", 0.0)
        if answer is None:
            stage.refuse("invocations", "AccessDeniedException")
        else:
            stage.outside.answers["invocations"] = (200, answer)
        # CodeDeploy itself is no part of the sandbox.
        stage.outside.answers["verdict"] = (200, "{}")
        pre_traffic.handler(_HOOK, None)

    return act


PLAYS: "dict[str, Play]" = {
    "An event cannot be read": _unreadable,
    "Events wait, since Auth0 is down": _waits,
    "Sync's tenant secret is denied": _no_secret,
    "Sync's secret is of a tenant that is not served": _wrong_tenant,
    "Sync has a bug": _bug,
    "Sync's client is refused": _locked_out,
    "Sync meets a dead ledger": _no_ledger,
    "Sync meets a Stripe that is down": _stripe_is_down,
    "More users are deleted than a day may have": _held,
    "A first login was not reported": _missed,
    "The posted events' secret is denied": _posts_secret,
    "The queue does not take a posted event": _posts_queue,
    "A posted event cannot be read": _posts_nonsense,
    "A stranger posts an event": posted("POST /events/stripe", {}),
    "One side posts with another secret": posted("POST /events/auth0", bearer("x" * 43)),
    "An old event is posted again": posted(
        "POST /events/stripe", signed(json.dumps(OF_ADA), SECRETS[0], LATE)
    ),
    "The posted events' secret has no value yet": posted(
        "POST /events/auth0", bearer(), has_value=False
    ),
    "The customer of the beats is gone": _no_canary,
    "A beat is not taken by Stripe": _beat_fails,
    "A new version answers 500": _new_version('{"statusCode": 500, "body": "{}"}'),
    "A new version crashes": _new_version('{"errorMessage": "crashed"}'),
    "The new version's secret is denied": _new_version("{}", "AccessDeniedException"),
    "The new version may not be called": _new_version(),
}
