"""A customer that is to name the user: begun in the record, claimed, then changed in Stripe.

In that order, so that whoever comes after a crash knows what may be on its way to Stripe.
"""

from customerlink.model.customer import Customer
from customerlink.model.frozen import frozen, replace
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Adoption, Busy
from customerlink.model.user import User, is_customer_id
from customerlink.ports.customers import Done, Refused, Unknown
from customerlink.usecases.open_sign_up import OpenSignUp, Settled, Unsettled


@frozen
class Candidate:
    """A customer that is to name the user, as it was seen, and whom it names now, if anybody."""

    customer: Customer
    instead_of: User | None = None


def finish_begun_adoption(
    opened: OpenSignUp, *, is_gone: bool = False
) -> Settled | Unsettled | None:
    """Finish what an earlier invocation began: its update may be on its way. None without one.

    Who is gone gets nothing more: once no update is on its way, what was begun is let go.
    """
    lease = opened.lease
    if lease.adopting is None:
        return None
    found = opened.customers.retrieve(lease.adopting.customer_id)
    if not isinstance(found, Done):
        return opened.fail(found)
    if found.result is not None:
        is_let_go = is_gone or lease.adopting.is_over(opened.run.clock.time())
        if _is_to_finish(opened, found.result, lease.adopting, is_let_go=is_let_go):
            claimed = _claim(opened, lease.adopting)
            return None if isinstance(claimed, Reason) else claimed
        # It names somebody else, has no room, or nobody wants it. The update that was begun could
        # still overwrite that, so nothing is decided before it must have ended.
        if not lease.has_settled(opened.run.clock.time()):
            return opened.fail(Unknown())
    opened.lease = replace(lease, adopting=None)
    return None


def _is_to_finish(
    opened: OpenSignUp, customer: Customer, adoption: Adoption, *, is_let_go: bool
) -> bool:
    """Return whether the customer may still name the user; of one that does, all is done."""
    if is_let_go and not opened.is_own(customer):
        return False
    user = opened.user
    return customer.may_come_to_name(user, adoption.instead_of) and customer.can_name(user)


def adopt(
    opened: OpenSignUp, candidate: Candidate, otherwise: Reason = Reason.EMAIL_IN_USE
) -> Settled | Unsettled:
    """Link a customer once it names the user; `otherwise` is why not, if another one comes first.

    What Stripe or the Action would refuse is refused here, before anybody has claimed anything.
    """
    customer = candidate.customer
    return _adopt(opened, customer, Adoption(customer.id, candidate.instead_of), otherwise)


def inherit(opened: OpenSignUp, adoption: Adoption) -> Settled | Unsettled:
    """Link a customer that falls to the user, if it still is what it was when that was decided."""
    found = opened.customers.retrieve(adoption.customer_id)
    if not isinstance(found, Done):
        return opened.fail(found)
    if found.result is None:
        return let_name(opened, adoption)
    customer, address = found.result, adoption.address
    is_same = address is None or customer.has_address(address)
    if not (is_same and customer.may_come_to_name(opened.user, adoption.instead_of)):
        return opened.turn_down(Reason.LINK_MISMATCH, (customer.id,))
    return _adopt(opened, customer, adoption)


def _adopt(
    opened: OpenSignUp,
    customer: Customer,
    adoption: Adoption,
    otherwise: Reason = Reason.EMAIL_IN_USE,
) -> Settled | Unsettled:
    if not customer.can_name(opened.user):
        return opened.turn_down(Reason.CUSTOMER_UNUSABLE, (customer.id,))
    return let_name(opened, adoption, otherwise)


def let_name(
    opened: OpenSignUp, adoption: Adoption, otherwise: Reason = Reason.EMAIL_IN_USE
) -> Settled | Unsettled:
    """Let a customer name the user; nobody has seen more of it than the id."""
    if not is_customer_id(adoption.customer_id):
        return opened.turn_down(Reason.CUSTOMER_UNUSABLE, (adoption.customer_id,))
    # A create under way would make a second customer beside this one, and cannot be called back.
    if opened.lease.has_create_under_way(opened.run.clock.time()):
        return opened.fail(Unknown())
    begun = opened.ledger.begin_adoption(opened.lease, adoption)
    if isinstance(begun, Busy):
        return opened.ended(Reason.IN_PROGRESS)
    opened.lease = begun
    claimed = _claim(opened, adoption, otherwise)
    if not isinstance(claimed, Reason):
        return claimed
    return opened.turn_down(claimed, (adoption.customer_id,))


def _claim(
    opened: OpenSignUp, adoption: Adoption, otherwise: Reason = Reason.EMAIL_IN_USE
) -> Settled | Unsettled | Reason:
    """Claim the customer before it is changed, so that two users cannot; `otherwise` if one has.

    The claim stays: an update whose answer was lost may still be on its way.
    """
    with opened.run.trace.step("claim"):
        claimed = opened.ledger.claim(opened.user, adoption)
    opened.lease = replace(opened.lease, sends_update=claimed)
    if not claimed:
        opened.lease = replace(opened.lease, adopting=None)
        return otherwise
    adopted = opened.customers.adopt(adoption.customer_id, opened.user)
    if isinstance(adopted, Refused) and opened.lease.has_settled(opened.run.clock.time()):
        # Stripe never takes it, and nothing of an earlier try is on its way.
        opened.lease = replace(opened.lease, adopting=None, sends_update=False)
        return Reason.CUSTOMER_UNUSABLE
    if not isinstance(adopted, Done):
        return opened.fail(adopted)
    if not opened.is_own(adopted.result):
        return opened.fail(Unknown())
    return opened.link(adopted.result.id, Reason.CUSTOMER_FOUND)
