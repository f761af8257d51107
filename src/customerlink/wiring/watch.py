"""The composition root of the watch: its own secret, the tenant's Actions, the endpoint."""

import os
import time
from functools import cached_property

from customerlink.adapters.auth0.actions import Auth0Actions
from customerlink.adapters.auth0.management import Management
from customerlink.adapters.aws.aws_json import Aws, AwsRefusedError, AwsSilentError
from customerlink.adapters.aws.secrets_manager import FETCH_SECONDS
from customerlink.adapters.built_actions import action_code
from customerlink.adapters.connections import (
    ONCE,
    Connections,
    NoAnswerError,
    NotConnectedError,
)
from customerlink.model.actions import TRIGGERS, VERIFY_EMAIL, digest
from customerlink.model.errors import ConfigurationError
from customerlink.model.secret import Auth0Client
from customerlink.model.watch_secret import WatchSecret
from customerlink.usecases.self_test import SelfTest
from customerlink.usecases.watch import (
    About,
    Expected,
    Finding,
    Restrictions,
    findings,
    trouble_with,
)
from customerlink.wiring.settings import Settings

ANSWER_SECONDS = 10.0
"""API Gateway answers after 9 s at the latest."""

CALL_SECONDS = 5.0
"""The longest that one call to Auth0 takes."""

SECOND_LOOK_SECONDS = 15.0


class Watch:
    """What a warm watch keeps: connections, and the token for the tenant."""

    def __init__(self, settings: Settings) -> None:
        """Make the clients; nothing is called yet."""
        self._restrictions = Restrictions(
            callers=bool(settings.allowed_callers), edge=bool(settings.edge_digests)
        )
        self._url = os.environ["CUSTOMERLINK_ENDPOINT"]
        self._connections = Connections()
        aws = Aws(self._connections, {**os.environ})
        self._secrets = aws.secrets_manager(FETCH_SECONDS / 2, FETCH_SECONDS / 2)
        self._tenants: dict[Auth0Client, Auth0Actions] = {}

    def look(self) -> tuple[Finding, ...]:
        """Return everything that is wrong now."""
        try:
            secret = self._secret()
        except (ConfigurationError, AwsSilentError, AwsRefusedError) as trouble:
            return (Finding(About.SECRET, str(trouble)),)
        expected = Expected(secret.actions, secret.notes, self._digests, secret.prints)
        return findings(self._tenant(secret.client), expected, lambda: self._tested(secret))

    @staticmethod
    def wait() -> None:
        """Let what is half done be done."""
        time.sleep(SECOND_LOOK_SECONDS)

    def _secret(self) -> WatchSecret:
        """Read it at each look: an install has just changed what is to be found, perhaps."""
        try:
            stored = self._secrets.get_secret_value(
                SecretId=os.environ["CUSTOMERLINK_WATCH_SECRET_ID"]
            )
        except AwsRefusedError as error:
            if error.code == "ResourceNotFoundException":
                # Of the version: the template makes the secret, and puts nothing in.
                raise ConfigurationError("the secret has no value yet") from None
            raise
        return WatchSecret.parse(stored.get("SecretString", ""))

    def _tenant(self, client: Auth0Client) -> Auth0Actions:
        """Return the tenant's Actions; as long as the client is the same, by the same token."""
        if client not in self._tenants:
            asked = Management(client, tries=1, seconds=CALL_SECONDS, connections=self._connections)
            self._tenants = {client: Auth0Actions(asked)}
        return self._tenants[client]

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {each: digest(action_code(each)) for each in (*TRIGGERS, VERIFY_EMAIL)}

    def _tested(self, secret: WatchSecret) -> str | None:
        """Send a self-test; say what was answered, unless it passed."""
        test = SelfTest.signed(secret.signing(), time.time())
        try:
            answer = self._connections.request(
                "POST",
                self._url,
                {**test.headers, **ONCE},
                test.body,
                connect=ANSWER_SECONDS,
                total=ANSWER_SECONDS,
            )
        except (NotConnectedError, NoAnswerError) as error:
            return f"no answer: {error}"
        return trouble_with(answer.status, answer.body, self._restrictions)
