"""The composition root of who compares both sides: the one that needs DuckDB."""

import time
from collections.abc import Callable
from pathlib import Path

from customerlink.adapters.both_sides import both_sides
from customerlink.adapters.stripe.directory import StripeDirectory
from customerlink.adapters.stripe.listing import Listing
from customerlink.adapters.stripe.sdk import stripe
from customerlink.adapters.trouble import trouble_of
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant
from customerlink.ports.profiles import Profiles
from customerlink.ports.rate import Rates
from customerlink.ports.refusals import Refusals
from customerlink.usecases.compare import Comparison


def comparison(  # noqa: PLR0913 (both sides, and where they meet)
    tenant: Tenant,
    profiles: Profiles,
    export: Callable[[Path], None],
    customers: stripe.CustomerService,
    rates: Rates,
    *,
    refusals: Refusals,
    folder: Path,
    tell: Callable[[str], None],
    trust: Trust,
) -> Comparison:
    """Return what compares both sides in a folder; `export` writes all of Auth0's users."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    listing = Listing(customers, rates)
    directory = StripeDirectory(customers, rates)
    return Comparison(
        tenant,
        profiles,
        directory,
        lambda name: both_sides(folder / name, listing, export, trust),
        refusals,
        time,
        tell,
        trouble_of,
    )
