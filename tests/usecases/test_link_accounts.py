"""Two accounts made one, over faked ports: what cannot be had over HTTP alone."""

from dataclasses import replace

import pytest
from tests.fakes import ADA, NOW, FakeClock, FakeCustomers, FakeLedger, customer_of

from customerlink.model.customer import NewCustomer
from customerlink.model.policy import Policy
from customerlink.model.sign_up_record import Adoption, Busy, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, UserId
from customerlink.ports.customers import Done, Unknown
from customerlink.ports.run import Run
from customerlink.usecases.link_accounts import Account, Followed, LinkFailure, Linking

GOOGLE = User(ADA.tenant, UserId("google-oauth2|1"))
LEAVING = customer_of(GOOGLE, CustomerId("cus_google"), created=5)
STAYING = customer_of(ADA, CustomerId("cus_ada"), created=9)
SECONDARYS, PRIMARYS = Lease(GOOGLE, 1, 1, NOW), Lease(ADA, 1, 1, NOW)
CREATE = NewCustomer.of(SignUp(ADA, 1), "ada@example.com")


def under_way(lease: Lease) -> Lease:
    """Return a lease of an account whose create may still be under way."""
    return replace(lease, create=CREATE, was_sent=True, last_write=NOW - 1)


def linking(ledger: FakeLedger, customers: FakeCustomers) -> Linking:
    """Link Ada's accounts, of which the second has a customer."""
    customers.listed.setdefault("google@example.com", (LEAVING,))
    return Linking(
        Account(ADA, "ada@example.com", None),
        Account(GOOGLE, "google@example.com", None),
        ledger,
        customers,
        Run(FakeClock(), "owner"),
        Policy(),
    )


def is_untouched(customers: FakeCustomers) -> bool:
    """Return whether nothing of Stripe's was changed."""
    return {each[0] for each in customers.calls} <= {"list", "retrieve"}


def test_only_the_second_has_one() -> None:
    """The second account's record is settled first, and then its customer comes."""
    ledger, customers = FakeLedger(), FakeCustomers()

    assert linking(ledger, customers).follow() == Followed(LEAVING.id)
    assert ledger.calls == [
        ("open", None),
        ("link", LEAVING.id),
        ("open", None),
        ("begin_adoption", LEAVING.id),
        ("claim", LEAVING.id),
        ("link", LEAVING.id),
    ]
    assert ("adopt", LEAVING.id) in customers.calls


def test_both_have_one() -> None:
    """The first account's stays, and the second one's says by which it is superseded."""
    ledger, customers = FakeLedger(), FakeCustomers(listed={"ada@example.com": (STAYING,)})

    assert linking(ledger, customers).follow() == Followed(STAYING.id, (LEAVING.id,))
    assert ("supersede", LEAVING.id, STAYING.id) in customers.calls
    assert "claim" not in str(ledger.calls)


def test_one_that_only_the_profile_leads_to() -> None:
    """The first account has another address by now: its customer stays all the same."""
    customers = FakeCustomers(now={"cus_ada": Done(STAYING)})
    with_id = replace(
        linking(FakeLedger(), customers), primary=Account(ADA, "ada@example.com", STAYING.id)
    )

    assert with_id.follow() == Followed(STAYING.id, (LEAVING.id,))
    assert ("adopt", LEAVING.id) not in customers.calls


def test_the_second_has_two() -> None:
    """The oldest comes, and the other one says by which it is superseded."""
    older = replace(LEAVING, id=CustomerId("cus_older"), created=1)
    customers = FakeCustomers(listed={"google@example.com": (LEAVING, older)})

    assert linking(FakeLedger(), customers).follow() == Followed(older.id, (LEAVING.id,))


def test_nobody_has_one() -> None:
    """None is made, and both records are closed."""
    ledger, customers = FakeLedger(), FakeCustomers(listed={"google@example.com": ()})

    assert linking(ledger, customers).follow() == Followed(None)
    assert ledger.calls == [("open", None), "close"] * 2
    assert is_untouched(customers)


def test_one_that_only_the_ledger_knows_of() -> None:
    """Neither a profile nor a list shows it yet."""
    ledger = FakeLedger(opened=[Linked(LEAVING.id, 1), PRIMARYS])
    customers = FakeCustomers(listed={"google@example.com": ()}, retrieved=Done(LEAVING))

    assert linking(ledger, customers).follow() == Followed(LEAVING.id)
    assert ("claim", LEAVING.id) in ledger.calls


def test_interrupted_after_the_change() -> None:
    """The customer names the first account by then, and has the second one's address."""
    moved = customer_of(ADA, LEAVING.id)
    begun = replace(PRIMARYS, adopting=Adoption(LEAVING.id, GOOGLE))
    ledger = FakeLedger(opened=[SECONDARYS, begun])
    customers = FakeCustomers(listed={"google@example.com": (moved,)})

    assert linking(ledger, customers).follow() == Followed(LEAVING.id)
    assert ledger.calls[-1] == ("link", LEAVING.id)


def test_create_that_may_be_under_way() -> None:
    """The first account would get two: another try, later, and the lease is given back."""
    ledger = FakeLedger(opened=[SECONDARYS, under_way(PRIMARYS)])
    customers = FakeCustomers()

    assert linking(ledger, customers).follow() is LinkFailure.FAILED
    assert ledger.calls[-1] == "release"
    assert is_untouched(customers)


def test_create_of_the_second_that_may_be_under_way() -> None:
    """Its customer would come too late to follow: another try, later."""
    ledger = FakeLedger(opened=[under_way(SECONDARYS)])
    customers = FakeCustomers(listed={"google@example.com": ()})

    assert linking(ledger, customers).follow() is LinkFailure.FAILED
    assert ledger.calls == [("open", None), "release"]
    assert is_untouched(customers)


@pytest.mark.parametrize("opened", [[Busy()], [SECONDARYS, Busy()]])
def test_sign_up_that_is_running(opened: list[Lease | Linked | Busy]) -> None:
    """Somebody else has the lease of either account's record."""
    customers = FakeCustomers()

    assert linking(FakeLedger(opened=opened), customers).follow() is LinkFailure.IN_PROGRESS
    assert is_untouched(customers)


def test_lease_that_was_taken_over() -> None:
    """The other invocation says what becomes of it."""
    customers = FakeCustomers()

    assert linking(FakeLedger(links=False), customers).follow() is LinkFailure.IN_PROGRESS
    assert is_untouched(customers)


@pytest.mark.parametrize("address", ["ada@example.com", "google@example.com"])
def test_look_up_that_failed(address: str) -> None:
    """Never taken for "there is none"."""
    customers = FakeCustomers(listed={address: Unknown()})

    assert linking(FakeLedger(), customers).follow() is LinkFailure.FAILED
    assert is_untouched(customers)


def test_recorded_customer_that_is_gone() -> None:
    """The first account's record starts over, and the second one's customer comes."""
    gone = Linked(CustomerId("cus_gone"), 1)
    ledger = FakeLedger(opened=[SECONDARYS, gone], reopened=Lease(ADA, 2, 2, NOW))
    customers = FakeCustomers(retrieved=Done(None))

    assert linking(ledger, customers).follow() == Followed(LEAVING.id)
    assert ("reopen", "cus_gone") in ledger.calls


def test_customer_that_another_user_claimed() -> None:
    """It is not changed."""
    customers = FakeCustomers()

    assert linking(FakeLedger(claims=False), customers).follow() is LinkFailure.FAILED
    assert is_untouched(customers)


@pytest.mark.parametrize("call", ["open", "begin_adoption", "claim", "link"])
def test_ledger_that_fails(call: str) -> None:
    """Another try may do."""
    ledger = FakeLedger(broken=frozenset({call}))

    assert linking(ledger, FakeCustomers()).follow() is LinkFailure.FAILED


def test_customer_of_somebody_elses() -> None:
    """Whoever has the address: only the second account's customers follow."""
    third = customer_of(User(ADA.tenant, UserId("auth0|third")), CustomerId("cus_third"))
    customers = FakeCustomers(listed={"ada@example.com": (third,)})

    assert linking(FakeLedger(), customers).follow() == Followed(LEAVING.id)
    assert ("adopt", LEAVING.id) in customers.calls


def test_letter_case() -> None:
    """Customers have their addresses in lower case, whatever the profiles say."""
    older = replace(LEAVING, id=CustomerId("cus_older"), created=1)
    customers = FakeCustomers(listed={"google@example.com": (LEAVING, older)})
    accounts = linking(FakeLedger(), customers)
    secondary = Account(GOOGLE, "Google@example.com", None)

    assert replace(accounts, secondary=secondary).follow() == Followed(older.id, (LEAVING.id,))
