"""Where users and customers are looked at by hand."""

import pytest

from customerlink.cli.config import Config
from customerlink.cli.dashboards import Dashboards

ACME = Config(domain="acme.us.auth0.com")


@pytest.mark.parametrize(
    ("user_id", "name"),
    [
        ("auth0|61ec52e8a3cf250068b8cefe", "YXV0aDAlN0M2MWVjNTJlOGEzY2YyNTAwNjhiOGNlZmU"),
        ("google-oauth2|1", "Z29vZ2xlLW9hdXRoMiU3QzE"),
        ("samlp|corp|ada lovelace", "c2FtbHAlN0Njb3JwJTdDYWRhJTIwbG92ZWxhY2U"),
        ("auth0|ü", "YXV0aDAlN0MlQzMlQkM"),
        ("sha256:0123456789abcdef", None),
        ("email_in_use", None),
        ("", None),
    ],
)
def test_user(user_id: str, name: str | None) -> None:
    """Auth0's own links have the id as a URL has it, in base64 without padding."""
    users = "https://manage.auth0.com/dashboard/us/acme/users/"

    assert Dashboards(ACME).user(user_id) == (f"{users}{name}" if name else None)


@pytest.mark.parametrize("domain", ["login.acme.example", "http://127.0.0.1:8804", ""])
def test_user_of_another_domain(domain: str) -> None:
    """It does not tell the tenant's dashboard."""
    assert Dashboards(Config(domain=domain)).user("auth0|ada") is None


@pytest.mark.parametrize(
    ("customer_id", "base", "is_there"),
    [
        ("cus_1", "https://api.stripe.com", True),
        ("shops-own_7", "https://api.stripe.com", True),
        ("cus_1", "http://127.0.0.1:8801", False),
        ("sha256:0123456789abcdef", "https://api.stripe.com", False),
        ("ada@example.com", "https://api.stripe.com", False),
        ("", "https://api.stripe.com", False),
    ],
)
def test_customer(customer_id: str, base: str, is_there: bool) -> None:  # noqa: FBT001
    """No page for what is no id, nor where something else stands for Stripe."""
    page = Dashboards(Config(stripe_api_base=base)).customer(customer_id)

    assert (page == f"https://dashboard.stripe.com/test/customers/{customer_id}") is is_there
    assert is_there or page is None
