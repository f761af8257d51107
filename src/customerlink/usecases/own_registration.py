"""The user's own registration, which may have locked the address or made the customer before.

An address is unique in a connection, so whoever registered with it there is this user.
"""

from customerlink.model.customer import Customer
from customerlink.model.sign_up_record import Adoption
from customerlink.model.signup import SignUp
from customerlink.model.user import User, registrant_id, registration_id
from customerlink.ports.customers import Done, Unknown
from customerlink.usecases.adopt import let_name
from customerlink.usecases.find_customer import link_oldest
from customerlink.usecases.open_sign_up import PASSING, OpenSignUp, Settled, Unsettled


def registrant_of(signup: SignUp, email: str) -> User | None:
    """Return who the user was when registering, should the profile not say it."""
    user, connection = signup.user, signup.connection
    if connection is None or user.registration_id is not None:
        return None
    return User(user.tenant, registrant_id(registration_id(user.tenant, connection, email)))


def take_over(
    opened: OpenSignUp, registrant: User, outcome: Settled | Unsettled
) -> Settled | Unsettled | list[Customer] | None:
    """Take over what came of the registration; None where that was nothing.

    A list has the others' customers that stood in its way, and stand in the user's too.
    """
    if isinstance(outcome, Settled):
        customer_id = outcome.customer_id
        return let_name(opened, Adoption(customer_id, registrant)) if customer_id else None
    if outcome.reason in PASSING:
        return opened.fail(Unknown())
    seen: list[Customer] = []
    for customer_id in outcome.in_the_way:
        found = opened.customers.retrieve(customer_id)
        if not isinstance(found, Done):
            return opened.fail(found)
        seen += [found.result] if found.result else []
    if not seen:
        return opened.turn_down(outcome.reason)
    # What is in a registrant's way may be the user's own.
    linked = link_oldest(opened, [each for each in seen if opened.is_own(each)])
    return seen if isinstance(linked, list) else linked
