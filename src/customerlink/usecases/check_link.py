"""A link that is there already, in the profile or in the ledger: what has become of it."""

from collections.abc import Sequence

from customerlink.model.customer import Customer, may_adopt
from customerlink.model.frozen import frozen
from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy
from customerlink.model.sign_up_record import Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, is_customer_id, registrant_id
from customerlink.ports.customers import Customers, Done, Unknown
from customerlink.usecases.adopt import Candidate, adopt, finish_begun_adoption
from customerlink.usecases.find_customer import link_own_customer
from customerlink.usecases.open_sign_up import OpenSignUp, Settled, Unsettled


@frozen
class Stale:
    """A recorded link whose customer is gone, or `now` somebody else's."""

    now: Customer | None


def check_profile(
    signup: SignUp, customer_id: CustomerId, customers: Customers, policy: Policy
) -> Settled | Unsettled | Candidate | None:
    """Look at the link that the profile carries; None where it counts as none.

    A `Candidate` where the customer names the user's registration: equal ids on both sides prove
    the link, and it is to name the user. So it is, by policy, where it names nobody.
    """
    if not is_customer_id(customer_id):
        return Unsettled(Reason.LINK_MISMATCH)
    found = customers.retrieve(customer_id)
    if not isinstance(found, Done):
        return Unsettled(Reason.PROVISIONING_FAILED, is_recorded=False)
    if found.result is None:
        return Unsettled(Reason.LINK_MISMATCH)
    return _judged(signup, found.result, policy)


def _judged(
    signup: SignUp, customer: Customer, policy: Policy
) -> Settled | Unsettled | Candidate | None:
    registration = signup.registration_id
    if customer.belongs_to(signup.user):
        return Settled(customer.id, Reason.ALREADY_LINKED)
    registrant = User(signup.user.tenant, registrant_id(registration or ""))
    if customer.belongs_to(registrant):
        return Candidate(customer, registrant)
    if registration and customer.registration_id == registration:
        # Somebody else registered with the address, got the same customer, and came first.
        return None
    others = [customer] if customer.has_address(signup.email) else []
    if may_adopt(policy.existing_customer, signup, others):
        return Candidate(customer)
    return Unsettled(Reason.LINK_MISMATCH)


def link_candidate(
    opened: OpenSignUp,
    signup: SignUp,
    candidate: Candidate,
    policy: Policy,
    known: Sequence[CustomerId],
) -> Settled | Unsettled:
    """Let the profile's customer name the user; nobody's, only where there is no own one.

    It was seen before the wait for the lease: it is judged again, as it is by now.
    """
    begun = finish_begun_adoption(opened)
    if begun is not None:
        return begun
    if candidate.instead_of is None:
        own = link_own_customer(opened, known)
        if not isinstance(own, list):
            return own
    now = check_profile(signup, candidate.customer.id, opened.customers, policy)
    if isinstance(now, Settled):
        return opened.link(candidate.customer.id, now.reason)
    if isinstance(now, Candidate) and now.instead_of == candidate.instead_of:
        return adopt(opened, now, Reason.LINK_MISMATCH)
    if isinstance(now, Unsettled) and now.is_recorded:
        return opened.turn_down(now.reason)
    # Without an answer, or where another rule applies by now, the next try begins anew.
    return opened.fail(Unknown())


def check_record(
    signup: SignUp, recorded: Linked, customers: Customers
) -> Settled | Unsettled | Stale:
    """Look at a recorded link before it is replayed."""
    if not is_customer_id(recorded.customer_id):
        return Unsettled(Reason.CUSTOMER_UNUSABLE, in_the_way=(recorded.customer_id,))
    found = customers.retrieve(recorded.customer_id)
    if not isinstance(found, Done):
        return Unsettled(Reason.PROVISIONING_FAILED, is_linked=True)
    customer = found.result
    if customer is None:
        # Given up only on Stripe's word: another account's key finds none of the customers.
        is_gone = customers.is_deleted(recorded.customer_id) == Done(result=True)
        failed = Unsettled(Reason.PROVISIONING_FAILED, is_linked=True)
        return Stale(None) if is_gone else failed
    if _is_replayable(signup, customer):
        return Settled(customer.id, Reason.CUSTOMER_FOUND)
    if _has_passed_on(signup, customer):
        # Reopened, the record would forget who has the address, and the list may not show it yet.
        return Unsettled(Reason.EMAIL_IN_USE, in_the_way=(customer.id,))
    return Stale(customer)


def _is_replayable(signup: SignUp, customer: Customer) -> bool:
    """Whose registrant has moved to another address does not register again with this one."""
    is_registration = signup.user.registration_id is not None
    has_moved = is_registration and not (signup.email is None or customer.has_address(signup.email))
    return customer.belongs_to(signup.user) and not has_moved


def _has_passed_on(signup: SignUp, customer: Customer) -> bool:
    """Return whether a registrant's customer names its user by now, and keeps the address."""
    has_it = signup.email is None or customer.has_address(signup.email)
    is_registration = signup.user.registration_id is not None
    return is_registration and has_it and not customer.belongs_to(signup.user)
