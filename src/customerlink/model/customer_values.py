"""A customer's fields by their names, as texts: what two sides are compared by, and written from.

Of `email`, `name`, `phone`, `preferred_locales` and `metadata.<key>`; whatever else a customer has
is the shop's.
"""

from collections.abc import Mapping

from customerlink.model.address import has_the_form_of_one, lowered
from customerlink.model.customer import DESCRIPTION, Customer, NewCustomer
from customerlink.model.customer_fields import CustomerFields, Params
from customerlink.model.frozen import field, frozen
from customerlink.model.profile import Profile, unfinished
from customerlink.model.sync_policy import EmailChanges
from customerlink.model.user import CustomerId, Tenant, User

EMAIL = "email"
_METADATA = "metadata."
_TEXTS = (EMAIL, "name", "phone")
_LOCALES = "preferred_locales"

type Values = Mapping[str, str]


@frozen
class LiveCustomer:
    """A customer that is there, and what its fields hold."""

    customer: Customer
    values: Values = field(repr=False)
    description: str | None = field(default=None, repr=False)
    has_balance: bool = False

    @classmethod
    def of(cls, customer: Customer, fields: Mapping[str, object]) -> "LiveCustomer":
        """Read what a link does not depend on; a balance that is not told counts as one."""
        credit = fields.get("invoice_credit_balance")
        balances = [fields.get("balance"), *(credit.values() if isinstance(credit, dict) else ())]
        description = fields.get("description")
        return cls(
            customer,
            values_in(fields),
            description if isinstance(description, str) else None,
            has_balance=balances.count(0) < len(balances),
        )

    def is_ours(self, tenant: Tenant) -> bool:
        """Return whether a sign-up of the tenant's made it, and nobody has changed that."""
        return self.description == DESCRIPTION and self.customer.auth0_tenant == tenant


@frozen
class Former:
    """What one side had before a change, as an event tells it: of use where nothing is remembered.

    Events come twice, late and in any order, so of what is there now they say nothing.
    """

    values: Values = field(default_factory=dict, repr=False)
    """Of the fields that changed."""
    customer_id: CustomerId | None = None
    """The customer that changed; in Auth0, the one that the profile had."""


@frozen
class Told:
    """What events say of one user and their customer."""

    hints: tuple[Former, ...] = ()
    """What Auth0 had."""
    edits: tuple[Former, ...] = ()
    """What Stripe had."""

    @property
    def customer_id(self) -> CustomerId | None:
        """Return a customer that they are about, if any."""
        return next(
            (each.customer_id for each in self.hints + self.edits if each.customer_id), None
        )


def values_in(params: Mapping[str, object]) -> dict[str, str]:
    """Return the fields that parameters, or a customer, have; an empty one is absent."""
    texts = {name: params.get(name) for name in _TEXTS}
    locales, metadata = params.get(_LOCALES), params.get("metadata")
    if isinstance(locales, list):
        texts[_LOCALES] = ",".join(map(str, locales))
    if isinstance(metadata, Mapping):
        texts |= {f"{_METADATA}{key}": value for key, value in metadata.items()}
    return {name: value for name, value in texts.items() if isinstance(value, str) and value}


def params_of(values: Values) -> Params:
    """Return the parameters of an update that writes these fields."""
    metadata = {
        name.removeprefix(_METADATA): value
        for name, value in values.items()
        if name.startswith(_METADATA)
    }
    plain: Params = {
        name: value.split(",") if name == _LOCALES else value
        for name, value in values.items()
        if not name.startswith(_METADATA)
    }
    return plain | ({"metadata": metadata} if metadata else {})


def values_of(
    user: User, profile: Profile, fields: CustomerFields, changes: EmailChanges
) -> dict[str, str]:
    """Return what the customer of a profile is to have: what a new one would be made with.

    Without the address where it is not to be used; what says whose the customer is, is no field.
    """
    new = NewCustomer.of(unfinished(user, profile), profile.email or "", fields)
    found = {name: value for name, value in values_in(new.params).items() if not _is_ours(name)}
    if not _is_usable(profile, changes):
        found.pop(EMAIL, None)
    return found


def folded(name: str, value: str) -> str:
    """Return a value as it is compared: of an address, the letter case makes no difference."""
    return lowered(value) if name == EMAIL else value


def _is_ours(name: str) -> bool:
    return name.startswith(f"{_METADATA}auth0_")


def _is_usable(profile: Profile, changes: EmailChanges) -> bool:
    email = profile.email
    if email is None or not has_the_form_of_one(email) or changes is EmailChanges.IGNORE:
        return False
    return profile.email_verified or changes is EmailChanges.ANY
