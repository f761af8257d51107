"""What to do once everything is installed: sign up, and look at both sides."""

from customerlink.cli.config import Config
from customerlink.cli.dashboards import Dashboards


def next_steps(config: Config) -> list[tuple[str, str]]:
    """Return what comes next and where, with links where the domain tells them."""
    dashboards = Dashboards(config)
    tenant = dashboards.auth0 or "Auth0's dashboard, "
    return [
        ("sign up", f"{tenant}connections/database: Try Connection; or your own login"),
        ("then in Auth0", f"{tenant}users: app_metadata.stripe_customer_id"),
        ("and in Stripe", f"{dashboards.stripe}customers: metadata.auth0_user_id"),
        ("both at once", "customerlink verify USER"),
    ]
