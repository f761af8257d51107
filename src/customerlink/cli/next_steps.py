"""What to do once everything is installed: sign up, and look at both sides."""

from customerlink.cli.config import Config, Mode
from customerlink.cli.tenant_name import AUTH0


def next_steps(config: Config) -> list[tuple[str, str]]:
    """Return what comes next and where, with links where the domain tells them."""
    found = AUTH0.fullmatch(config.domain)
    tenant = f"https://manage.auth0.com/dashboard/{found[2] or 'us'}/{found[1]}/" if found else ""
    test = "" if config.mode is Mode.LIVE else "test/"
    dashboard = "Auth0's dashboard, "
    return [
        (
            "sign up",
            f"{tenant or dashboard}connections/database: Try Connection; or your own login",
        ),
        ("then in Auth0", f"{tenant or dashboard}users: app_metadata.stripe_customer_id"),
        ("and in Stripe", f"https://dashboard.stripe.com/{test}customers: metadata.auth0_user_id"),
        ("both at once", "customerlink verify USER"),
    ]
