"""The tenant's name: one fact, asked of who knows it; a domain is asked last, if it can tell."""

import re
from collections.abc import Callable, Collection

from customerlink.cli.config import Config
from customerlink.cli.errors import CliError, Exit
from customerlink.model.user import Tenant

AUTH0 = re.compile(r"(?:https://)?([a-z0-9-]+)(?:\.([a-z0-9-]+))?\.auth0\.com/?")
"""A domain of Auth0's own: the tenant's name, and its region, which the first one's have not.

https://auth0.com/docs/get-started/auth0-overview/create-tenants
"""

TO_SERVE = "sam deploy --guided: the parameter Tenants; or --tenant"
"""What mends it where a deployment is for others than the profile's tenant."""


def tenant_name(
    config: Config, served: Collection[str], recorded: Callable[[], Collection[str]]
) -> Tenant:
    """Return the name; raise where nobody has said it, or a deployment is for other tenants.

    `served` is the deployment's `Tenants`, `recorded` reads the names in the ledger's records.
    """
    if config.tenant:
        return _known(config.tenant, served or recorded() or [config.tenant])
    known = served or recorded()
    told = named_by(config.domain)
    if told:
        return _known(told, known or [told])
    if len(known) == 1:
        return Tenant(next(iter(known)))
    raise _demanded("The domain does not say the tenant's name", known)


def refuse_stranger(config: Config, served: Collection[str]) -> None:
    """Raise where a deployment is for other tenants than the profile's."""
    if name := stranger(config, served):
        text = f"The stack serves {', '.join(served)} alone: every report of {name} is refused."
        raise CliError(text, TO_SERVE, Exit.REFUSED)


def stranger(config: Config, served: Collection[str]) -> str | None:
    """Return the profile's tenant where a deployment is for others alone; None where nobody knows.

    It takes no report of that tenant's: nobody could sign up.
    """
    name = config.tenant or named_by(config.domain)
    return name if served and name not in served else None


def named_by(domain: str) -> str | None:
    """Return the name in a domain of Auth0's; an address, or a custom domain, has none."""
    found = AUTH0.fullmatch(domain)
    return found[1] if found else None


def _known(name: str, known: Collection[str]) -> Tenant:
    if name not in known:
        raise _demanded(f"The deployment is not for the tenant {name}", known)
    return Tenant(name)


def _demanded(why: str, known: Collection[str]) -> CliError:
    names = f" (it knows {', '.join(sorted(known))})" if known else ""
    fix = (
        "--tenant, CUSTOMERLINK_TENANT, or tenant in customerlink.toml; "
        "a new tenant's name goes into the stack's Tenants first"
    )
    return CliError(f"{why}{names}.", fix, Exit.USAGE)
