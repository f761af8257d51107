"""Two accounts made one, over faked ports: what cannot be had over HTTP alone."""

import pytest
from tests.fakes import ADA, NOW, FakeClock, FakeCustomers, FakeLedger, customer_of

from customerlink.customers import Done, Unknown
from customerlink.ledger import Busy, Lease, Linked
from customerlink.linking import Account, Followed, Linking, Trouble
from customerlink.run import Run
from customerlink.user import CustomerId, User, UserId

GOOGLE = User(ADA.tenant, UserId("google-oauth2|1"))
LEAVING = customer_of(GOOGLE, CustomerId("cus_google"))


def linking(ledger: FakeLedger, customers: FakeCustomers) -> Linking:
    """Link Ada's accounts, of which the second has a customer."""
    customers.listed.setdefault("google@example.com", (LEAVING,))
    return Linking(
        Account(ADA, "ada@example.com", None),
        Account(GOOGLE, "google@example.com", None),
        ledger,
        customers,
        Run(FakeClock(), "owner"),
    )


def test_create_that_may_be_under_way() -> None:
    """The first account would get two: another try, later, and the lease is given back."""
    emails = frozenset({"ada@example.com"})
    ledger = FakeLedger(opened=[Lease(ADA, 2, 1, NOW, emails=emails, last_write=NOW - 1)])
    customers = FakeCustomers()

    assert linking(ledger, customers).follow() is Trouble.IN_PROGRESS
    assert ledger.calls[-1] == "release"
    assert ("adopt", "cus_google") not in customers.calls


def test_sign_up_that_is_running() -> None:
    """Somebody else has the lease."""
    ledger, customers = FakeLedger(opened=[Busy()]), FakeCustomers()

    assert linking(ledger, customers).follow() is Trouble.IN_PROGRESS


def test_lease_that_was_taken_over() -> None:
    """The other invocation says what becomes of it."""
    assert linking(FakeLedger(links=False), FakeCustomers()).follow() is Trouble.IN_PROGRESS


def test_look_up_that_failed() -> None:
    """Never taken for "there is none"."""
    customers = FakeCustomers(listed={"ada@example.com": Unknown()})
    ledger = FakeLedger()

    assert linking(ledger, customers).follow() is Trouble.FAILED
    assert ledger.calls == []


def test_recorded_customer_that_is_gone() -> None:
    """The first account's record starts over, and the second one's customer comes."""
    ledger = FakeLedger(opened=[Linked(CustomerId("cus_gone"), 1)], reopened=Lease(ADA, 2, 2, NOW))
    customers = FakeCustomers(retrieved=Done(None))

    assert linking(ledger, customers).follow() == Followed(CustomerId("cus_google"))
    assert ("reopen", "cus_gone") in ledger.calls


@pytest.mark.parametrize("call", ["open", "claim", "link"])
def test_ledger_that_fails(call: str) -> None:
    """Another try may do."""
    ledger = FakeLedger(broken=frozenset({call}))

    assert linking(ledger, FakeCustomers()).follow() is Trouble.FAILED
