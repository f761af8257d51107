"""What a warm function keeps, and which keys it lets through to Stripe."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.fakes import ADA

from customerlink.model.errors import ConfigurationError, LedgerUnavailableError
from customerlink.model.keys import STRIPE_API_BASE, StripeKey
from customerlink.model.signup import SignUp
from customerlink.model.tickets import digest_of, new_ticket_key, redeem
from customerlink.ports.run import Run
from customerlink.wiring.application import Application
from customerlink.wiring.settings import Settings
from sandbox.aws import SECRET, Aws
from sandbox.sandbox import SIGNING_SECRET

TEST, OTHER, UNRESTRICTED = "rk_test_0", "rk_test_1", "sk_test_0"
LIVE = "_".join(("rk", "live", "0" * 24))

type Start = Callable[..., Application]


@pytest.fixture
def start(environment: dict[str, str]) -> Start:
    """Return what starts a function, with more variables of its environment."""

    def started(more: Mapping[str, str] | None = None) -> Application:
        return Application(Settings.from_environment(environment | dict(more or {})))

    return started


URL, BROWSER = "https://shop.example/link", digest_of("a browser's state")
KEY = new_ticket_key(0)
OF_THE_ACTION = f"ltk_0_{SIGNING_SECRET.removeprefix('whsec_')}"


def store(cloud: Aws, key: str, **others: object) -> None:
    """Put in another version of the secret."""
    signing = {"action_signing_secrets": [SIGNING_SECRET], "link_ticket_keys": [KEY]}
    document = {"stripe_restricted_key": key, **signing, **others}
    cloud.secrets_manager.put_secret_value(SecretId=SECRET, SecretString=json.dumps(document))


def test_nothing_is_called_yet(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cold start waits for nobody: only who asks for something finds out that nobody answers."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    application = start()

    with pytest.raises(LedgerUnavailableError):
        application.ledger(Run(time, "owner")).has_record(ADA)


def test_secret(start: Start, cloud: Aws) -> None:
    """It is read once, and kept."""
    store(cloud, TEST)
    application = start()
    first = application.secret()
    store(cloud, OTHER)

    assert first.stripe_key == StripeKey(TEST)
    assert application.secret() is first


@pytest.mark.parametrize(
    ("key", "settings", "said"),
    [
        (UNRESTRICTED, {}, "is not restricted"),
        (LIVE, {"CUSTOMERLINK_STRIPE_API_BASE": "http://127.0.0.1:9"}, "is not Stripe's"),
        (LIVE, {"CUSTOMERLINK_SIGNATURE_TOLERANCE": "301"}, "SIGNATURE_TOLERANCE is too long"),
    ],
)
def test_key_that_does_not_fit(
    start: Start, cloud: Aws, key: str, settings: dict[str, str], said: str
) -> None:
    """It is refused before anything is sent with it, by a sentence without it."""
    store(cloud, key)
    with pytest.raises(ConfigurationError, match=said) as raised:
        start(settings).secret()

    assert key not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        (UNRESTRICTED, {"CUSTOMERLINK_ALLOW_UNRESTRICTED_KEY": "true"}),
        (LIVE, {"CUSTOMERLINK_STRIPE_API_BASE": STRIPE_API_BASE}),
        (TEST, {"CUSTOMERLINK_SIGNATURE_TOLERANCE": "301"}),
    ],
)
def test_key_that_fits(start: Start, cloud: Aws, key: str, settings: dict[str, str]) -> None:
    """Where the deployment allows it."""
    store(cloud, key)

    assert start(settings).secret().stripe_key == StripeKey(key)


@pytest.mark.parametrize(("stored", "expected"), [(OTHER, StripeKey(OTHER)), (TEST, None)])
def test_key_that_stripe_rejected(
    start: Start, cloud: Aws, stored: str, expected: StripeKey | None
) -> None:
    """The secret is asked for a newer one."""
    store(cloud, TEST)
    application = start()
    rejected = application.secret().stripe_key
    store(cloud, stored)

    assert application._replacement_of(rejected) == expected


def test_newer_key_that_does_not_fit(start: Start, cloud: Aws) -> None:
    """It is none: the sign-up ends as one whose key was rejected."""
    store(cloud, TEST)
    application = start()
    rejected = application.secret().stripe_key
    store(cloud, UNRESTRICTED)

    assert application._replacement_of(rejected) is None


@pytest.mark.parametrize("url", ["https://shop.example/link", "https://shop.example/link?lang=en"])
def test_linking_page(start: Start, cloud: Aws, url: str) -> None:
    """With a ticket that says who has just logged in, and where, beside what the address had."""
    store(cloud, TEST)
    application = start({"CUSTOMERLINK_LINKING_URL": url})
    secret = application.secret()
    settling = application.settling(just_now(), secret, Run(time, "owner"))
    page = settling.linking_page(settling.signup) or ""
    asked = parse_qs(urlsplit(page).query)
    ticket = redeem(secret.ticket_keys, asked.pop("link_ticket")[0], time.time())

    assert page.startswith(url)
    assert asked == parse_qs(urlsplit(url).query)
    assert ticket is not None
    assert (ticket.user, ticket.browser) == (ADA, BROWSER)


def just_now(**others: Any) -> SignUp:
    """Return a log-in that began at the shop's page, moments ago."""
    given: dict[str, Any] = {"browser": BROWSER, "authenticated_at": datetime.now(UTC)} | others
    return SignUp(ADA, 1, **given)


@pytest.mark.parametrize(
    ("signup", "url", "keys"),
    [
        pytest.param(just_now(), "", [KEY], id="no page"),
        pytest.param(just_now(), URL, [], id="no key"),
        pytest.param(just_now(), URL, ["odd"], id="no good key"),
        pytest.param(just_now(), URL, KEY, id="no list of keys"),
        pytest.param(just_now(), URL, [OF_THE_ACTION], id="the Action's key"),
        pytest.param(just_now(browser=None), URL, [KEY], id="begun elsewhere"),
        pytest.param(just_now(authenticated_at=None), URL, [KEY], id="no time"),
        pytest.param(
            just_now(authenticated_at=datetime(2026, 1, 1, tzinfo=UTC)), URL, [KEY], id="a session"
        ),
        pytest.param(
            just_now(authenticated_at=datetime(2099, 1, 1, tzinfo=UTC)), URL, [KEY], id="odd time"
        ),
    ],
)
def test_no_linking_page(start: Start, cloud: Aws, signup: SignUp, url: str, keys: object) -> None:
    """Then there is the denial, and nobody's log-in fails for it."""
    store(cloud, TEST, link_ticket_keys=keys)
    application = start({"CUSTOMERLINK_LINKING_URL": url})
    settling = application.settling(signup, application.secret(), Run(time, "owner"))

    assert settling.linking_page(signup) is None
