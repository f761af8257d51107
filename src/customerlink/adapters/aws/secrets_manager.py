"""Secrets, cached in the warm function: the deployment's, and others."""

from collections.abc import Callable

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError, SecretsManager
from customerlink.model.errors import ConfigurationError, SecretUnavailableError
from customerlink.model.failure import How
from customerlink.model.keys import StripeKey
from customerlink.model.secret import Secret
from customerlink.ports.deadline import Clock

# So long a rotation waits until every function knows the new version.
REFRESH_SECONDS = 300.0
FETCH_SECONDS = 2.0
"""The longest that a fetch takes; a sign-up may need one."""

STALE_SECONDS = 3600.0
"""How long a copy serves when every refresh fails."""

_RETRY_SECONDS = 30.0
"""After a failed refresh the stale copy serves this long before the next one is tried."""

_NO_VALUE = "ResourceNotFoundException"
"""What Secrets Manager says of a secret without a value, and of one that is not there."""


class CachedSecret[Parsed]:
    """The current version of one secret: parsed once, refreshed every 300 s."""

    def __init__(
        self,
        client: SecretsManager,
        secret_id: str,
        clock: Clock,
        parse: Callable[[str, str], Parsed],
        absent: Parsed | None = None,
    ) -> None:
        """Take a client whose time-outs fit into a call, and what reads a text and a version.

        `absent` serves until a value was put in, where that is no trouble.
        """
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._parse, self._absent = parse, absent
        self._secret: Parsed | None = None
        self._version = ""
        self._asked_at = self._fetched_at = 0.0
        self._next_refresh = 0.0

    def current(self, within: float = REFRESH_SECONDS) -> Parsed:
        """Return the secret as it was within so many seconds, an older copy if need be.

        Raise `SecretUnavailableError`, or `ConfigurationError` for a first version that cannot be
        read.
        """
        now = self._clock.monotonic()
        due = min(self._next_refresh, self._asked_at + within)
        if self._secret is not None and now < due:
            return self._secret
        try:
            return self._fetch()
        except (SecretUnavailableError, ConfigurationError):
            # A version that cannot be read is somebody's slip: the last good one serves meanwhile.
            if self._secret is None or now - self._fetched_at > STALE_SECONDS:
                raise
            self._next_refresh = now + _RETRY_SECONDS
            return self._secret

    def _fetch(self) -> Parsed:
        self._asked_at = self._clock.monotonic()
        try:
            answer = self._client.get_secret_value(SecretId=self._secret_id)
        except AwsRefusedError as error:
            # One that had a value and is gone is trouble.
            if self._absent is None or self._version or error.code != _NO_VALUE:
                raise SecretUnavailableError.answered(error.code) from None
            return self._kept(self._absent)
        except AwsSilentError as error:
            text = f"Secrets Manager did not answer: {error}"
            raise SecretUnavailableError(text, How.NO_ANSWER) from None
        version = answer["VersionId"]
        if self._secret is None or version != self._version:
            self._secret = self._parse(answer.get("SecretString", ""), version)
            self._version = version
        return self._kept(self._secret)

    def _kept(self, secret: Parsed) -> Parsed:
        self._secret, self._fetched_at = secret, self._clock.monotonic()
        self._next_refresh = self._fetched_at + REFRESH_SECONDS
        return secret


class SecretsManagerSecret(CachedSecret[Secret]):
    """The sign-up's."""

    def __init__(self, client: SecretsManager, secret_id: str, clock: Clock) -> None:
        """Take a client whose time-outs fit into a sign-up."""
        super().__init__(client, secret_id, clock, Secret.parse)

    def replacement_of(self, rejected: StripeKey) -> StripeKey | None:
        """Fetch once more after Stripe answered 401: the new key, or None if it is the same."""
        try:
            key = self._fetch().stripe_key
        except (SecretUnavailableError, ConfigurationError):
            return None
        return None if key == rejected else key
