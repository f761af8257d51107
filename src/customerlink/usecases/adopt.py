"""A customer that is to name the user: begun in the record, claimed, then changed in Stripe.

In that order, so that whoever comes after a crash knows what may be on its way to Stripe.
"""

from dataclasses import replace

from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Adoption, Busy
from customerlink.ports.customers import Done, Refused, Unknown
from customerlink.usecases.open_sign_up import OpenSignUp, Settled, Unsettled


def finish_begun_adoption(opened: OpenSignUp) -> Settled | Unsettled | None:
    """Finish what an earlier invocation began: its update may be on its way. None without one."""
    lease = opened.lease
    if lease.adopting is None:
        return None
    found = opened.customers.retrieve(lease.adopting.customer_id)
    if not isinstance(found, Done):
        return opened.fail(found)
    if found.result is not None:
        if found.result.may_come_to_name(lease.user, lease.adopting.instead_of):
            return _claim(opened, lease.adopting)
        # It names somebody else. The update that was begun could still overwrite that, so nothing
        # is decided before it must have ended.
        if not lease.has_settled(opened.run.clock.time()):
            return opened.fail(Unknown())
    opened.lease = replace(lease, adopting=None)
    return None


def adopt(opened: OpenSignUp, adoption: Adoption) -> Settled | Unsettled:
    """Link a customer once it names the user."""
    # A create under way would make a second customer beside this one, and cannot be called back.
    if opened.lease.has_create_under_way(opened.run.clock.time()):
        return opened.fail(Unknown())
    begun = opened.ledger.begin_adoption(opened.lease, adoption)
    if isinstance(begun, Busy):
        return opened.ended(Reason.IN_PROGRESS)
    opened.lease = begun
    claimed = _claim(opened, adoption)
    if claimed is not None:
        return claimed
    reason = Reason.EMAIL_IN_USE if opened.email else Reason.LINK_MISMATCH
    return opened.turn_down(reason, (adoption.customer_id,))


def _claim(opened: OpenSignUp, adoption: Adoption) -> Settled | Unsettled | None:
    """Claim the customer before it is changed, so that two users cannot; None for who is second.

    The claim stays: an update whose answer was lost may still be on its way.
    """
    with opened.run.trace.step("claim"):
        claimed = opened.ledger.claim(opened.user, adoption)
    opened.lease = replace(opened.lease, sends_update=claimed)
    if not claimed:
        opened.lease = replace(opened.lease, adopting=None)
        return None
    adopted = opened.customers.adopt(adoption.customer_id, opened.user)
    if isinstance(adopted, Refused) and opened.lease.has_settled(opened.run.clock.time()):
        # Stripe never takes it, and nothing of an earlier try is on its way: it is in the way.
        opened.lease = replace(opened.lease, adopting=None, sends_update=False)
        return None
    if not isinstance(adopted, Done):
        return opened.fail(adopted)
    if not opened.is_own(adopted.result):
        return opened.fail(Unknown())
    return opened.link(adopted.result.id, Reason.CUSTOMER_FOUND)
