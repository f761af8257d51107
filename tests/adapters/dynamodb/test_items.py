"""The ledger's items: keys as golden values, since another release has to find the same items."""

from typing import Any

import pytest
from tests.fakes import ADA, NOW

from customerlink.adapters.dynamodb.items import (
    busy,
    claim_key,
    freezing,
    frozen_values,
    holder,
    is_admitted,
    lease_over,
    lock_key,
    n,
    record_key,
)
from customerlink.model.customer import NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Adoption, Busy, Lease
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId

CREATE = NewCustomer.of(SignUp(ADA, 1, name="Ada"), "ada@example.com")


def test_keys() -> None:
    """One for each user, customer and address; an address is there by its digest alone."""
    digest = "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"

    assert record_key(ADA) == {"pk": {"S": "signup#acme#auth0|ada"}}
    assert claim_key(CustomerId("cus_1")) == {"pk": {"S": "adoption#cus_1"}}
    assert lock_key(ADA.tenant, "ada@example.com") == {"pk": {"S": f"email#acme#{digest}"}}


def test_one_lock_for_an_address() -> None:
    """However its letters are written; each tenant has its own."""
    assert lock_key(ADA.tenant, "Straße@Example.com") == lock_key(ADA.tenant, "STRASSE@example.com")
    assert lock_key(ADA.tenant, "a@b") != lock_key(Tenant("beta"), "a@b")


def test_holder() -> None:
    """A user_id names a person only within its tenant."""
    assert holder(ADA) == "acme#auth0|ada"


@pytest.mark.parametrize(("value", "text"), [(3, "3"), (NOW, "1795000000.000"), (0.0004, "0.000")])
def test_numbers(value: float, text: str) -> None:
    """Counts as they are, and times to the millisecond."""
    assert n(value) == {"N": text}


def test_lease_over_nothing() -> None:
    """The first epoch and attempt, with what is to be created, of which nothing was sent."""
    assert lease_over(ADA, {}, CREATE, NOW, admitted=True) == Lease(
        ADA, epoch=1, attempt=1, attempt_since=NOW, create=CREATE, admitted=True
    )


def test_lease_over_a_record() -> None:
    """Everything that the record says comes along, and its create goes before the new one."""
    old = {
        "epoch": {"N": "4"},
        "attempt": {"N": "2"},
        "attempt_since": {"N": "1795000000.500"},
        "updated_at": {"N": "1795000001.250"},
        "create": {"S": CREATE.text()},
        "reason": {"S": "email_in_use"},
        "adopting": {"S": "cus_1"},
        "instead_of": {"S": "auth0|bob"},
        "emails": {"SS": ["countess@example.com"]},
    }
    newer = NewCustomer.of(SignUp(ADA, 1), "newer@example.com")

    assert lease_over(ADA, old, newer, NOW, admitted=False) == Lease(
        ADA,
        epoch=5,
        attempt=2,
        attempt_since=NOW + 0.5,
        create=CREATE,
        was_sent=True,
        last_write=NOW + 1.25,
        admitted=False,
        refused=Reason.EMAIL_IN_USE,
        adopting=Adoption(CustomerId("cus_1"), User(ADA.tenant, UserId("auth0|bob"))),
        earlier_emails=frozenset({"countess@example.com"}),
    )


def test_busy() -> None:
    """What another invocation holds tells of an earlier refusal, if there was one."""
    assert busy({}) == Busy()
    assert busy({"reason": {"S": "email_in_use"}}) == Busy(Reason.EMAIL_IN_USE)


def test_reason_of_a_later_release() -> None:
    """After a roll-back: a refusal that this one does not know is a refusal all the same."""
    old = {"reason": {"S": "email_blocked"}}
    lease = lease_over(ADA, old, CREATE, NOW, admitted=True)

    assert busy(old) == Busy(Reason.PROVISIONING_FAILED)
    assert lease.refused is Reason.PROVISIONING_FAILED


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, False),
        ({"pk": {"S": "x"}}, True),
        ({"admitted": {"BOOL": True}}, True),
        ({"admitted": {"BOOL": False}}, False),
    ],
)
def test_admitted(item: Any, *, expected: bool) -> None:
    """As the item says; one of release 0.1 says nothing, and had nothing but admissions."""
    assert is_admitted(item) is expected


def test_frozen_create() -> None:
    """Its clauses and its values name the same; without an address there is neither."""
    values = frozen_values(CREATE)

    assert freezing(None) == ""
    assert all(name in freezing(CREATE) for name in values)
    assert NewCustomer.read(values[":create"]["S"]) == CREATE
    assert values[":emails"] == {"SS": ["ada@example.com"]}
