"""The choices of a deployment: each with the default first, and a section in docs/policies.md."""

from enum import StrEnum

from customerlink.model.customer_fields import NAME_ONLY, CustomerFields
from customerlink.model.frozen import frozen
from customerlink.model.trust import Trust


class VerifiedEmail(StrEnum):
    """Whether a customer is made only for a verified address."""

    OPTIONAL = "optional"
    REQUIRED = "required"


class ProvisionAt(StrEnum):
    """When the customer is made: at sign-up, or when the shop asks for it."""

    SIGNUP = "signup"
    CHECKOUT = "checkout"


class ExistingCustomer(StrEnum):
    """What a customer that was made elsewhere means to a user with its address."""

    DENY = "deny"
    ADOPT = "adopt"


class ExistingUsers(StrEnum):
    """What a login of a user from before the installation gets."""

    EXEMPT = "exempt"
    PROVISION = "provision"


class OnFailure(StrEnum):
    """What an outage does to a sign-up."""

    DENY = "deny"
    CONTINUE = "continue"


@frozen
class Policy:
    """What a deployment chose; the defaults are the recommended choices."""

    verified_email: VerifiedEmail = VerifiedEmail.OPTIONAL
    provision_at: ProvisionAt = ProvisionAt.SIGNUP
    existing_customer: ExistingCustomer = ExistingCustomer.DENY
    existing_users: ExistingUsers = ExistingUsers.EXEMPT
    on_failure: OnFailure = OnFailure.DENY
    linking_url: str = ""
    """The shop's page on which somebody links two accounts; empty for none."""
    customer_fields: CustomerFields = NAME_ONLY
    trust: Trust = Trust()
