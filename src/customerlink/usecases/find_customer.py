"""Which customers there are for a user: their own, and others' that have the address."""

from collections.abc import Sequence

from customerlink.model.address import spellings
from customerlink.model.customer import Customer
from customerlink.model.frozen import replace
from customerlink.model.instruction import Reason
from customerlink.model.user import CustomerId, is_customer_id
from customerlink.ports.customers import Done
from customerlink.usecases.open_sign_up import OpenSignUp, Settled, Unsettled


def link_own_customer(
    opened: OpenSignUp, known: Sequence[CustomerId]
) -> Settled | Unsettled | list[Customer]:
    """Link the user's own customer; return the others that have the address where there is none.

    `known` are those to look at beside what Stripe lists under an address of the user's.
    """
    unusable = tuple(each for each in known if not is_customer_id(each))
    if unusable:
        return opened.turn_down(Reason.CUSTOMER_UNUSABLE, unusable)
    listed = _listed(opened, known)
    if isinstance(listed, Unsettled):
        return listed
    own, others = listed
    linked = link_oldest(opened, own)
    return others + linked if isinstance(linked, list) else linked


def note_own_customer(opened: OpenSignUp) -> Unsettled | None:
    """Note what came of a create whose user is gone; None when that is done.

    The address is forgotten then, so that no later look-up would find it.
    """
    if not opened.lease.was_sent:
        return None
    listed = _under_addresses(opened)
    if isinstance(listed, Unsettled):
        return listed
    for oldest in sorted(listed[0], key=_oldest_first)[:1]:
        opened.lease = replace(opened.lease, had=oldest.id)
    return None


def link_oldest(opened: OpenSignUp, own: list[Customer]) -> Settled | Unsettled | list[Customer]:
    """Link the oldest that is still the user's; return those that are others' by now.

    Each is retrieved before it is believed: a list may show what was deleted or handed on since.
    One whose id no profile can take is the user's all the same, and stands in for no other.
    """
    passed_on: list[Customer] = []
    unusable = tuple(each.id for each in own if not is_customer_id(each.id))
    for each in sorted((each for each in own if each.id not in unusable), key=_oldest_first):
        found = opened.customers.retrieve(each.id)
        if not isinstance(found, Done):
            return opened.fail(found)
        customer = found.result
        if customer is not None and opened.is_own(customer):
            return opened.link(customer.id, Reason.CUSTOMER_FOUND)
        if customer is not None and customer.has_address(opened.email):
            passed_on.append(customer)
    return opened.turn_down(Reason.CUSTOMER_UNUSABLE, unusable) if unusable else passed_on


def _listed(
    opened: OpenSignUp, known: Sequence[CustomerId]
) -> tuple[list[Customer], list[Customer]] | Unsettled:
    """Look under every address that the user may have a customer under; own ones, and others'.

    Others' customers count only under the address that is being signed up. A look-up that failed is
    never taken for "there is none".
    """
    listed = _under_addresses(opened)
    if isinstance(listed, Unsettled):
        return listed
    own, others = listed
    seen = {each.id for each in own + others}
    had = (opened.lease.had,) if opened.lease.had else ()
    may_be_own = {*had, *known[:1]}
    known = (*had, *known)
    for each in known:
        # Two others are in the way, however many more there are.
        if each in seen or (len(others) > 1 and each not in may_be_own):
            continue
        retrieved = opened.customers.retrieve(each)
        if not isinstance(retrieved, Done):
            return opened.fail(retrieved)
        customer = retrieved.result
        if customer is not None and opened.is_own(customer):
            own.append(customer)
        elif customer is not None and customer.has_address(opened.email):
            others.append(customer)
    return own, others + _recorded(opened, others)


def _under_addresses(opened: OpenSignUp) -> tuple[list[Customer], list[Customer]] | Unsettled:
    own: list[Customer] = []
    others: dict[CustomerId, Customer] = {}
    # Stripe's filter is case-sensitive: our creates are in lower case, a person's may be as given.
    current = set(spellings(opened.email))
    for address in sorted(opened.lease.emails() | current):
        listed = opened.customers.list_by_email(address)
        if not isinstance(listed, Done):
            return opened.fail(listed)
        own += [each for each in listed.result if opened.is_own(each)]
        if address in current:
            others |= {each.id: each for each in listed.result if not opened.is_own(each)}
    return own, [*others.values()]


def _recorded(opened: OpenSignUp, others: list[Customer]) -> list[Customer]:
    """Return what the record linked before and is another's by now, where no list shows it yet."""
    recorded = opened.recorded
    if recorded is None or opened.is_own(recorded) or recorded.id in {each.id for each in others}:
        return []
    return [recorded] if recorded.has_address(opened.email) else []


def _oldest_first(customer: Customer) -> tuple[int, str]:
    return customer.created, customer.id
