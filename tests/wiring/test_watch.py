"""The watch put together: what it says when one of its own services fails."""

import pytest

from customerlink.wiring.settings import Settings
from customerlink.wiring.watch import Watch

NOBODY = "http://127.0.0.1:9"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": NOBODY,
    "CUSTOMERLINK_SECRET_ID": "secret",
    "CUSTOMERLINK_LEDGER_TABLE": "table",
    "CUSTOMERLINK_WATCH_SECRET_ID": "watch",
    "CUSTOMERLINK_ENDPOINT": f"{NOBODY}/post-login",
}
STORED = """{"domain": "http://127.0.0.1:9", "client_id": "a", "client_secret": "hidden",
"self_test_key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "actions": {"post-login": "A"}}"""


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Return one whose services all are away."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    return Watch(Settings.from_environment(VARIABLES))


def test_secret_that_cannot_be_had(watch: Watch) -> None:
    """It knows nothing then, which is not well."""
    assert [str(each) for each in watch.look()] == ["secret: ConnectionRefusedError"]


def test_everybody_else_is_away(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is told, and nothing of what the secret holds."""
    monkeypatch.setattr(watch, "_secrets", _Stored())

    assert [str(each) for each in watch.look()] == [
        "tenant: no answer: ConnectionRefusedError",
        "endpoint: no answer: ConnectionRefusedError",
    ]


class _Stored:
    def get_secret_value(self, **_: object) -> dict[str, str]:
        """Return the secret."""
        return {"SecretString": STORED}
