"""Where a deployment's users and customers are looked at by hand."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from urllib.parse import quote

from customerlink.cli.config import Config, Mode
from customerlink.cli.tenant_name import AUTH0
from customerlink.model.keys import STRIPE_API_BASE
from customerlink.model.told import USER_ID
from customerlink.model.user import is_customer_id


@dataclass(frozen=True, slots=True)
class Dashboards:
    """Both services' pages for a deployment."""

    config: Config

    @property
    def auth0(self) -> str | None:
        """Return the tenant's dashboard; None where the domain does not tell it."""
        found = AUTH0.fullmatch(self.config.domain)
        region = found and (found[2] or "us")
        return f"https://manage.auth0.com/dashboard/{region}/{found[1]}/" if found else None

    @property
    def stripe(self) -> str:
        """Return the dashboard of the account's mode."""
        test = "" if self.config.mode is Mode.LIVE else "test/"
        return f"https://dashboard.stripe.com/{test}"

    def user(self, user_id: str) -> str | None:
        """Return a user's page; None where there is none, or for what is no user's id."""
        if self.auth0 is None or not USER_ID.fullmatch(user_id):
            return None
        # Of the id as a URL has it, without padding: Auth0's own links have it so.
        name = urlsafe_b64encode(quote(user_id, safe="").encode()).decode().rstrip("=")
        return f"{self.auth0}users/{name}"

    def customer(self, customer_id: str) -> str | None:
        """Return a customer's page; None for a digest, and where another one stands for Stripe."""
        is_stripes = self.config.stripe_api_base == STRIPE_API_BASE
        is_there = is_stripes and is_customer_id(customer_id)
        return f"{self.stripe}customers/{customer_id}" if is_there else None
