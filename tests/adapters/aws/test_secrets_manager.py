"""The cached secret."""

import json
from typing import Any

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.aws.secrets_manager import SecretsManagerSecret
from customerlink.model.errors import ConfigurationError, SecretUnavailableError
from customerlink.model.keys import StripeKey

DOWN = AwsSilentError("ConnectionRefusedError")
SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Client:
    """Secrets Manager with one secret, in as many lines as needed."""

    def __init__(self) -> None:
        """Start with version 1."""
        self.calls = 0
        self.trouble: Exception | None = None
        self.put("one")

    def put(self, name: str) -> None:
        """Store a version."""
        self.version = name
        document = {"stripe_restricted_key": f"rk_test_{name}", "action_signing_secrets": [SIGNING]}
        self.text = json.dumps(document)

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 (boto3's)
        """Answer as boto3 does."""
        self.calls += 1
        assert SecretId == "secret"
        if self.trouble is not None:
            raise self.trouble
        return {"VersionId": self.version, "SecretString": self.text}


class Case:
    """A cache over a client and a clock."""

    def __init__(self) -> None:
        """Start cold."""
        self.client = Client()
        self.clock = FakeClock()
        client: Any = self.client
        self.secret = SecretsManagerSecret(client, "secret", self.clock)

    def key(self) -> str:
        """Return the current key."""
        return self.secret.current().stripe_key.value


def test_cached_for_five_minutes() -> None:
    """Then a new version is seen."""
    case = Case()
    case.key()
    case.client.put("two")
    case.clock.sleep(299)

    assert case.key() == "rk_test_one"
    case.clock.sleep(2)
    assert case.key() == "rk_test_two"
    assert case.client.calls == 2


def test_stale_copy_serves_up_to_an_hour() -> None:
    """And is not refreshed at every call meanwhile."""
    case = Case()
    case.key()
    case.client.trouble = DOWN
    case.clock.sleep(301)

    assert case.key() == "rk_test_one"
    assert case.key() == "rk_test_one"
    assert case.client.calls == 2
    case.clock.sleep(3600)
    with pytest.raises(SecretUnavailableError):
        case.key()


def test_unreadable_new_version_does_not_replace_a_good_one() -> None:
    """A slip in the console is no outage."""
    case = Case()
    case.key()
    case.client.version, case.client.text = "two", "{}"
    case.clock.sleep(301)

    assert case.key() == "rk_test_one"


def test_nothing_to_serve() -> None:
    """Cold and without an answer."""
    case = Case()
    case.client.trouble = DOWN

    with pytest.raises(SecretUnavailableError):
        case.key()


def test_refused_fetch() -> None:
    """Named by AWS's code, which tells the operator what to mend."""
    case = Case()
    case.client.trouble = AwsRefusedError("AccessDeniedException")

    with pytest.raises(SecretUnavailableError, match=r"answered AccessDeniedException$"):
        case.key()


def test_missing_field_is_named() -> None:
    """In the first version."""
    case = Case()
    case.client.text = "{}"

    with pytest.raises(ConfigurationError, match="stripe_restricted_key"):
        case.key()


def test_replacement() -> None:
    """After a 401: the new key, or nothing if it is the same or cannot be had."""
    case = Case()
    one = StripeKey(case.key())

    assert case.secret.replacement_of(one) is None
    case.client.put("two")
    assert case.secret.replacement_of(one) == StripeKey("rk_test_two")
    case.client.trouble = DOWN
    assert case.secret.replacement_of(one) is None
