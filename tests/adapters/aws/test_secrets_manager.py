"""The cached secret."""

import json
from typing import Any

import pytest
from tests.fakes import FakeClock

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.aws.secrets_manager import CachedSecret, SecretsManagerSecret
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


class TestWithoutAValue:
    """A secret into which nobody has put one yet."""

    def case(self) -> tuple[Client, FakeClock, CachedSecret[str]]:
        """Return one that may be so."""
        client, clock = Client(), FakeClock()
        made: Any = client
        return client, clock, CachedSecret(made, "secret", clock, lambda text, _: text, absent="")

    def test_serves_until_there_is_one(self) -> None:
        """Looked for as often as any other."""
        client, clock, secret = self.case()
        client.trouble = AwsRefusedError("ResourceNotFoundException")
        assert (secret.current(), secret.current()) == ("", "")
        assert client.calls == 1
        client.trouble = None
        clock.sleep(30)

        assert secret.current(within=30) == client.text

    @pytest.mark.parametrize("code", ["AccessDeniedException", "InternalServiceError", ""])
    def test_other_trouble(self, code: str) -> None:
        """Says nothing of whether it has one."""
        client, _, secret = self.case()
        client.trouble = AwsRefusedError(code)

        with pytest.raises(SecretUnavailableError):
            secret.current()

    def test_one_that_was_there(self) -> None:
        """It serves for its hour, and then its absence is trouble."""
        client, clock, secret = self.case()
        assert secret.current() == client.text
        client.trouble = AwsRefusedError("ResourceNotFoundException")
        clock.sleep(3000)

        assert secret.current() == client.text
        clock.sleep(601)
        with pytest.raises(SecretUnavailableError):
            secret.current()


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
