"""Who a sign-up belongs to.

Before Auth0 has a `user_id` for somebody (the registration flow), a registrant stands for the user
in the ledger and in Stripe's metadata, named by what is known: the connection, and the address,
which is unique in it. So trying again finds the same sign-up, and the same customer.
"""

import hashlib
import json
import re
from typing import NewType

from customerlink.model.address import lowered
from customerlink.model.frozen import frozen

Tenant = NewType("Tenant", str)
UserId = NewType("UserId", str)
CustomerId = NewType("CustomerId", str)

_REGISTRANT = "registration|"
_STAND_IN = "customer|"
"""Of no registration's id, which is hexadecimal, as a customer's may be too."""
CUSTOMER_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
"""What `is_customer_id` judges by."""

# The tenant's name is a part of the ledger's keys, which end at 2,048 bytes.
TENANT = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""What `is_tenant` judges by."""


@frozen
class User:
    """Who a sign-up belongs to: a `user_id` names a person only within its tenant."""

    tenant: Tenant
    user_id: UserId

    @property
    def registration_id(self) -> str | None:
        """Return a registrant's registration id; None for a user whom Auth0 knows."""
        name = self.user_id
        return name.removeprefix(_REGISTRANT) if name.startswith(_REGISTRANT) else None


def registration_id(tenant: Tenant, connection: str, email: str) -> str:
    """Derive the id of an address's registration with a connection: 32 digits, nothing personal."""
    # As JSON: joined by a separator, two different triples could read alike.
    seed = json.dumps([tenant, connection, lowered(email)])
    return hashlib.sha256(seed.encode()).hexdigest()[:32]


def stand_in(tenant: Tenant, customer_id: CustomerId) -> User:
    """Return in whose name an address is locked for a customer, whoever's that is.

    As a registrant's, the name is nobody's account: no person is asked to link theirs with it.
    """
    return User(tenant, registrant_id(f"{_STAND_IN}{customer_id}"))


def stood_in_for(holder: User) -> CustomerId | None:
    """Return the customer for which an address is locked by a stand-in; None for anybody else."""
    name = holder.registration_id or ""
    customer_id = name.removeprefix(_STAND_IN)
    is_a_stand_in = customer_id != name and is_customer_id(customer_id)
    return CustomerId(customer_id) if is_a_stand_in else None


def registrant_id(registration: str) -> UserId:
    """Return the id that stands for a user of Auth0's until there is one."""
    return UserId(f"{_REGISTRANT}{registration}")


def is_tenant(text: str) -> bool:
    """Return whether a text could be a tenant's name: no `#` is in it, and no comma."""
    return TENANT.fullmatch(text) is not None


def is_customer_id(text: str) -> bool:
    """Return whether a customer's id has the form that a link can be written with.

    Stripe has given no other since 2018; one from before, which the shop chose, may be a person's
    address. The Actions write what has this form, and nothing else: src/actions/ids.js.
    """
    return CUSTOMER_ID.fullmatch(text) is not None
