"""Doctor's look at Stripe: what the key may do, and what the newest customers say."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from customerlink.cli.checks import Check, bad, good, needed, warning
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError
from customerlink.cli.probes import StripeProbe
from customerlink.cli.stored_secret import StoredSecret
from customerlink.cli.tenant_name import tenant_name
from customerlink.model.address import lowered
from customerlink.model.counted import counted
from customerlink.model.listed_customer import ListedCustomer

ROTATE = "customerlink rotate stripe-key"
WRONG_NAME = "docs/operations.md#a-wrong-tenants-name"


@dataclass
class StripeLooks:
    """What is looked at in Stripe; what one look needs of an earlier one is kept here."""

    config: Config
    deployment: Deployment
    secret: Callable[[], StoredSecret]
    """Returns the deployment's secret; raises where it could not be read."""
    probe_write: bool = False
    _probe: StripeProbe | None = None
    _newest: Sequence[ListedCustomer] | None = None

    def key(self) -> Iterator[Check]:
        """Look at the key itself, and ask Stripe by it."""
        key = self.secret().stripe_key
        probe = StripeProbe(str(key), self.config.stripe_api_base, self.config.mode)
        if probe.key.restricted:
            yield good("Stripe key", f"It is restricted, and for {self.config.mode} mode.")
        else:
            yield bad("Stripe key", "It is not restricted: it may do everything.", ROTATE)
        # Once for all that asks Stripe: each would wait for a Stripe that does not answer.
        self._newest = probe.newest()
        self._probe = probe

    def _customers(self) -> Sequence[ListedCustomer]:
        return needed(self._newest, "Stripe's customers", "Stripe key")

    def _asked(self) -> StripeProbe:
        return needed(self._probe, "Stripe", "Stripe key")

    def listed(self) -> Iterator[Check]:
        """Look whether the key may list customers."""
        self._customers()
        yield good("Stripe: list", "The key may list customers.")

    def letter_case(self) -> Iterator[Check]:
        """Look for addresses that a sign-up cannot see."""
        yield _letter_case(self._customers())

    def created(self) -> Iterator[Check]:
        """Create a customer, where somebody asks for that."""
        if self.probe_write:
            left = self._asked().create_and_delete()
            others = f"; {counted(left, 'customer')} of an interrupted probe, too" if left else ""
            yield good("Stripe: create", f"A customer was created and deleted{others}.")

    def charges(self) -> Iterator[Check]:
        """Look for what the key may do besides."""
        if self._asked().may_read_charges():
            meaning = "The key may read charges, which nothing here needs."
            yield warning("Stripe: no more", meaning, ROTATE)
        else:
            yield good("Stripe: no more", "The key may not read charges.")

    def tenants(self) -> Iterator[Check]:
        """Compare the tenant's name with what the newest customers say."""
        yield self._named(self._customers())

    def _named(self, newest: Sequence[ListedCustomer]) -> Check:
        name, outputs = "Stripe: tenant", self.deployment.outputs
        try:
            tenant = tenant_name(self.config, outputs.tenants, self.deployment.recorded_tenants)
        except CliError as unknown:
            return warning(name, unknown.message, unknown.fix)
        named = [each.auth0_tenant for each in newest if each.auth0_user_id and each.auth0_tenant]
        others = [each for each in named if each not in {tenant, *outputs.tenants}]
        of = f"of the newest {counted(len(named), 'customer')} with a user and a tenant"
        if 2 * len(others) > len(named):
            meaning = f"{len(others)} {of} name another one than {tenant}: is, or was, that wrong?"
            return warning(name, meaning, WRONG_NAME)
        return good(name, f"{len(others)} {of} name another one than {tenant}.")


def _letter_case(newest: Sequence[ListedCustomer]) -> Check:
    name, rule = "Stripe: letter case", "Stripe's filter minds letter case"
    looked_at = counted(len(newest), "customer")
    hidden = [each for each in newest if each.email and each.email != lowered(each.email)]
    if hidden:
        who = f"{len(hidden)} of the newest {looked_at}, whose addresses have capitals"
        return warning(name, f"{rule}: a sign-up cannot see {who}.", "customerlink verify")
    return good(name, f"{rule}; no address of the newest {looked_at} has capitals.")
