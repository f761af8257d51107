"""A link that is there already, in the profile or in the ledger: what has become of it."""

from customerlink.model.customer import Customer
from customerlink.model.frozen import frozen
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Adoption, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, registrant_id
from customerlink.ports.customers import Customers, Done
from customerlink.usecases.open_sign_up import Settled, Unsettled


@frozen
class Stale:
    """A recorded link whose customer is gone, or `now` somebody else's."""

    now: Customer | None


def check_profile(
    signup: SignUp, customer_id: CustomerId, customers: Customers
) -> Settled | Unsettled | Adoption | None:
    """Look at the link that the profile carries; None where it counts as none.

    An `Adoption` where the customer names the user's registration: equal ids on both sides prove
    the link, and it is to name the user.
    """
    found = customers.retrieve(customer_id)
    if not isinstance(found, Done):
        return Unsettled(Reason.PROVISIONING_FAILED, is_recorded=False)
    customer, registration = found.result, signup.registration_id
    if customer is None:
        return Unsettled(Reason.LINK_MISMATCH)
    if customer.belongs_to(signup.user):
        return Settled(customer_id, Reason.ALREADY_LINKED)
    registrant = User(signup.user.tenant, registrant_id(registration or ""))
    if customer.belongs_to(registrant):
        return Adoption(customer_id, registrant)
    if registration and customer.registration_id == registration:
        # Somebody else registered with the address, got the same customer, and came first.
        return None
    return Unsettled(Reason.LINK_MISMATCH)


def check_record(
    signup: SignUp, recorded: Linked, customers: Customers
) -> Settled | Unsettled | Stale:
    """Look at a recorded link before it is replayed."""
    found = customers.retrieve(recorded.customer_id)
    if not isinstance(found, Done):
        return Unsettled(Reason.PROVISIONING_FAILED, is_linked=True)
    customer = found.result
    if customer is None:
        return Stale(None)
    if _is_replayable(signup, customer):
        return Settled(customer.id, Reason.CUSTOMER_FOUND)
    if _has_passed_on(signup, customer):
        # Reopened, the record would forget who has the address, and the list may not show it yet.
        return Unsettled(Reason.EMAIL_IN_USE, in_the_way=(customer.id,))
    return Stale(customer)


def _is_replayable(signup: SignUp, customer: Customer) -> bool:
    """Whose registrant has moved to another address does not register again with this one."""
    is_registration = signup.user.registration_id is not None
    addresses = {(each or "").lower() for each in (customer.email, signup.email)}
    has_moved = is_registration and signup.email is not None and len(addresses) > 1
    return customer.belongs_to(signup.user) and not has_moved


def _has_passed_on(signup: SignUp, customer: Customer) -> bool:
    """Return whether a registrant's customer names its user by now, and keeps the address."""
    email = signup.email
    has_it = email is None or (customer.email or "").lower() == email.lower()
    is_registration = signup.user.registration_id is not None
    return is_registration and has_it and not customer.belongs_to(signup.user)
