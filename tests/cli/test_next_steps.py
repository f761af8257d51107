"""Where to look after an installation."""

import pytest

from customerlink.cli.config import Config, Mode
from customerlink.cli.next_steps import next_steps


@pytest.mark.parametrize(
    ("domain", "users"),
    [
        ("acme.eu.auth0.com", "https://manage.auth0.com/dashboard/eu/acme/users"),
        ("https://acme.jp.auth0.com/", "https://manage.auth0.com/dashboard/jp/acme/users"),
        ("acme.auth0.com", "https://manage.auth0.com/dashboard/us/acme/users"),
        ("login.acme.example", "Auth0's dashboard, users"),
        ("http://127.0.0.1:8804", "Auth0's dashboard, users"),
        ("evil.auth0.com.example", "Auth0's dashboard, users"),
    ],
)
def test_links(domain: str, users: str) -> None:
    """Auth0's own domain tells the dashboard's page, any other one does not."""
    told = dict(next_steps(Config(domain=domain)))

    assert told["then in Auth0"].startswith(f"{users}: ")


@pytest.mark.parametrize(
    ("mode", "page"), [(Mode.TEST, "test/customers"), (Mode.LIVE, "customers")]
)
def test_stripes_mode(mode: Mode, page: str) -> None:
    """Test customers have another page than live ones."""
    told = dict(next_steps(Config(mode=mode)))

    assert told["and in Stripe"].startswith(f"https://dashboard.stripe.com/{page}: ")
