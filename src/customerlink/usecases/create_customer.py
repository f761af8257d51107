"""A customer for a user who has none: under the attempt's key, or at last under the next one's.

A new key could make a second customer. So it is taken only when nothing under the old one can be
under way any more, and right after a look-up that found none.
https://docs.stripe.com/api/idempotent_requests
"""

from collections.abc import Callable

from customerlink.model.customer import Customer, NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import LIST_LAG_SECONDS, Busy, Lease
from customerlink.model.user import is_customer_id
from customerlink.ports.customers import (
    NOTHING_CHANGED,
    Done,
    Failure,
    KeyMismatch,
    KeySpent,
    Refused,
    Spent,
    Unknown,
)
from customerlink.usecases.open_sign_up import OpenSignUp, Settled, Unsettled

type LookUp = Callable[[OpenSignUp], Settled | Unsettled | None]


def create_customer(
    opened: OpenSignUp, new: NewCustomer, existing_customer: LookUp
) -> Customer | Settled | Unsettled:
    """Return the customer that was created, or what a last look-up found in its place.

    `new` is what the profile asks for now; what is sent is what the record has frozen.
    """
    created: Customer | Failure | Spent = KeyMismatch()
    if opened.lease.key_makes(new.email, opened.run.clock.time()):
        created = _send(opened)
    if isinstance(created, Customer):
        return _usable(opened, created)
    if _has_been_mended(created, opened.lease, new):
        created = KeyMismatch()
    if not isinstance(created, KeySpent | KeyMismatch):
        return _failed(opened, created)
    if isinstance(created, KeyMismatch):
        opened.lease = opened.lease.mismatched()
    if not _has_ended(opened, created):
        return opened.fail(created)
    existing = existing_customer(opened)
    return existing if existing is not None else _next_attempt(opened, new)


def _has_been_mended(created: Spent | Failure, lease: Lease, new: NewCustomer) -> bool:
    """Return whether Stripe refuses what was frozen, and the profile has something else now."""
    is_refused = isinstance(created, Refused) and created.param != "email"
    return is_refused and lease.create != new


def _is_final(created: Spent | Failure) -> bool:
    """Return whether Stripe blames what was sent, so that no other try of it helps.

    Without a parameter it is the account that is in trouble, whoever signs up.
    """
    return isinstance(created, Refused) and created.param not in (None, "email")


def _failed(opened: OpenSignUp, created: Spent | Failure) -> Unsettled:
    is_final = _is_final(created)
    return opened.turn_down(Reason.CUSTOMER_UNUSABLE) if is_final else opened.fail(created)


def _usable(opened: OpenSignUp, created: Customer) -> Customer | Unsettled:
    """Return a customer that a link can be written with; or refuse it before one is."""
    if is_customer_id(created.id):
        return created
    return opened.turn_down(Reason.CUSTOMER_UNUSABLE, (created.id,))


def _has_ended(opened: OpenSignUp, spent: Spent) -> bool:
    """Return whether nothing under the key is under way, and the list shows what it made.

    A saved answer proves the first; Stripe's list may be a little behind it.
    """
    if isinstance(spent, KeyMismatch):
        return opened.lease.has_settled(opened.run.clock.time())
    if opened.run.deadline.remaining_for_stripe() <= LIST_LAG_SECONDS:
        return False
    with opened.run.trace.step("wait"):
        opened.run.clock.sleep(LIST_LAG_SECONDS)
    return True


def _next_attempt(opened: OpenSignUp, new: NewCustomer) -> Customer | Unsettled:
    raised = opened.ledger.next_attempt(opened.lease, new)
    if isinstance(raised, Busy):
        return opened.ended(Reason.IN_PROGRESS)
    opened.lease, opened.run.trace.attempt = raised, raised.attempt
    created = _send(opened)
    return _usable(opened, created) if isinstance(created, Customer) else _failed(opened, created)


def _send(opened: OpenSignUp) -> Customer | Spent | Failure:
    """Send the frozen create; the answer is looked at before it is believed."""
    before = opened.lease
    # Noted before the call: should it end in an exception, the create counts as sent.
    opened.lease = lease = before.sending()
    if lease.create is None:
        raise AssertionError("a create is frozen before it is sent")
    created = opened.customers.create(lease.create, lease.idempotency_key())
    if isinstance(created, NOTHING_CHANGED):
        opened.lease = before
    if not isinstance(created, Done):
        return created
    if not opened.is_own(created.result):
        return Unknown()
    if not created.replayed or not is_customer_id(created.result.id):
        return created.result
    # A replayed answer tells of the past: the customer may have been deleted since.
    found = opened.customers.retrieve(created.result.id)
    if not isinstance(found, Done):
        return found
    return found.result if found.result and opened.is_own(found.result) else KeySpent()
