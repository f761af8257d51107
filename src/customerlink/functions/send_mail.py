"""The Lambda function that has Auth0 send a mail which verifies an address, and nothing else.

It is behind no route: the page `/verify-email`, which every browser can reach, may invoke it, and
holds no credentials of the tenant's. So the limits are kept here, whatever becomes of the page.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from customerlink.adapters.auth0.errors import Auth0Error
from customerlink.adapters.aws.aws_json import Aws
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb.table import CONNECT_SECONDS, READ_SECONDS
from customerlink.functions.shell.answering import report_trouble
from customerlink.functions.shell.api_gateway import Rejection
from customerlink.functions.shell.telemetry import report_rejection
from customerlink.model.verification_mail import MAIL, SESSION_SECRETS, USER_ID, Mail
from customerlink.wiring.settings import Settings
from customerlink.wiring.tenant import needed_tenant, served, usage_limits, users_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MAILS_A_DAY = 5
SECONDS_BETWEEN_MAILS = 60

TENANT_SECONDS = 3.0
"""The longest that one call to Auth0 takes; a mail takes three: token, user, mail."""

_UNAVAILABLE = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE, "auth0_unavailable", "the mail could not be sent"
)

type Answer = dict[str, object]


class Post:
    """What a warm function keeps."""

    def __init__(self) -> None:
        """Read the tenant's secret, and whose `email_verified` is believed."""
        settings, connections = Settings.from_environment(os.environ), Connections()
        aws = Aws(connections, {**os.environ})
        tenant = served(needed_tenant(aws), settings)
        self._users = users_of(
            tenant,
            settings.policy.trust,
            tries=1,
            seconds=TENANT_SECONDS,
            connections=connections,
        )
        self._limits = usage_limits(aws.dynamodb(CONNECT_SECONDS, READ_SECONDS))
        self._session_secrets = tenant.session_secrets

    def answer(self, question: Mapping[str, object]) -> Answer:
        """Have a mail sent; or give the session secrets that an earlier release put in here."""
        if SESSION_SECRETS in question:
            return {SESSION_SECRETS: [*self._session_secrets]}
        return {MAIL: self._sent(str(question[USER_ID]))}

    def _sent(self, user_id: str) -> Mail:
        user = self._users.get(user_id)
        if user is None:
            return Mail.GONE
        if user.email_verified:
            return Mail.VERIFIED
        if not user.is_believed:
            return Mail.UNTRUSTED
        if not self._limits.allows("mail", user_id, MAILS_A_DAY, SECONDS_BETWEEN_MAILS):
            return Mail.TOO_OFTEN
        self._users.send_verification_mail(user_id)
        return Mail.SENT


def handler(event: Mapping[str, object], context: "LambdaContext") -> Answer:
    """Answer the page."""
    return respond(_the_post, event, context)


def respond(
    post: Callable[[], Post], event: Mapping[str, object], context: "LambdaContext"
) -> Answer:
    """Answer, whatever happens; what the SDKs raise may be personal, and is told by kind."""
    try:
        return post().answer(event)
    except Auth0Error as trouble:
        # The next call asks for a new token, and reads the secret anew: one may have expired.
        _the_post.cache_clear()
        failed = replace(_UNAVAILABLE, detail=type(trouble).__name__, failure=trouble.failure)
        report_rejection(failed, context.aws_request_id)
    except Exception as trouble:  # noqa: BLE001 (a bug is logged by kind and place, and alarmed)
        report_trouble(trouble, context.aws_request_id)
    return {MAIL: Mail.UNAVAILABLE}


@cache
def _the_post() -> Post:
    return Post()
