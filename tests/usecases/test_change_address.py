"""A customer's address follows its user's, as a sign-up would have it."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from tests.fakes import ADA, NOW, FakeClock, FakeCustomers, FakeLedger, customer_of
from tests.simulation.dynamodb import Client, Table

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import Customer, NewCustomer
from customerlink.model.errors import LedgerUnavailableError, NoTurnError
from customerlink.model.policy import Policy
from customerlink.model.sign_up_record import EMAIL_LOCK_SECONDS, Busy, Lease, Linked
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, UserId, stand_in
from customerlink.ports.customers import Done, NotSent, RateLimited, Refused, Unknown
from customerlink.ports.ledger import Ledger
from customerlink.ports.run import Run
from customerlink.usecases.change_address import REFUSED, AddressChange, LowerCase
from customerlink.usecases.settle import Creates, Settling

ADAS = customer_of(ADA, "cus_ada", email="old@example.com")
BOB = replace(ADA, user_id=UserId("auth0|bob"))
AGAIN = "Stripe did not answer as it should: again in a minute"
RUNNING = "somebody signs up: again in a minute"
WRITTEN = ("set_email", "cus_ada", "Ada@example.com")
CREATE = NewCustomer.of(SignUp(ADA, 1), "old@example.com")
LEASE = Lease(ADA, 2, 1, NOW)
LINKED = Linked(CustomerId("cus_ada"), 1)
NOTHING_SENT = [Refused("id"), Refused(None), RateLimited(), NotSent()]


class Customers(FakeCustomers):
    """A Stripe whose update may fail, and whose customer may change after a look-up."""

    update: Any = None
    then: Any = None

    def list_by_email(self, email: str) -> Any:
        """Answer, and let the customer be what it is `then`."""
        self.now |= {"cus_ada": self.then} if self.then else {}
        return super().list_by_email(email)

    def set_email(self, customer_id: CustomerId, email: str) -> Any:
        """Answer `update`, or that it is done."""
        done = super().set_email(customer_id, email)
        return self.update or done


@dataclass
class Parts:
    """What an address is given with."""

    ledger: FakeLedger = field(default_factory=lambda: FakeLedger(opened=[LINKED]))
    customers: Customers = field(default_factory=lambda: Customers(retrieved=Done(ADAS)))

    def give(self, ledger: Ledger | None = None, **more: Any) -> str | None:
        """Give Ada's customer her address."""
        customer_id, email = CustomerId("cus_ada"), "Ada@example.com"
        settling = Settling(
            SignUp(ADA, logins_count=0),
            ledger or self.ledger,
            self.customers,
            Policy(),
            Run(FakeClock(), "repair"),
            creates=Creates.NEVER,
            known=(customer_id,),
        )
        write = partial(self.customers.set_email, customer_id, email)
        return AddressChange(settling, customer_id, email, write, **more).carry_out()

    def is_written(self) -> bool:
        """Return whether Stripe was asked to change the address."""
        return WRITTEN in self.customers.calls


@pytest.fixture
def parts() -> Parts:
    """Return a linked customer that has its user's old address."""
    return Parts()


@pytest.fixture(params=[[LINKED], [LEASE, LINKED]], ids=["linked", "not linked"])
def either(request: pytest.FixtureRequest) -> Parts:
    """Return one that the ledger knows of, and one that it does not know of before."""
    return Parts(FakeLedger(opened=[*request.param]))


def test_order(parts: Parts) -> None:
    """Settled, locked, looked up in both cases, looked at, written; the lock is left to lapse."""
    assert parts.give() is None
    assert parts.customers.calls == [
        ("retrieve", "cus_ada"),
        ("list", "Ada@example.com"),
        ("list", "ada@example.com"),
        ("retrieve", "cus_ada"),
        WRITTEN,
    ]
    assert parts.ledger.calls == [("open", None), ("open", None), "lock_email"]


def test_link_that_the_ledger_did_not_know_of(parts: Parts) -> None:
    """It is recorded before anything is changed."""
    parts.ledger.opened = [LEASE, LINKED]

    assert parts.give() is None
    assert parts.ledger.calls == [
        *(("open", None), ("link", "cus_ada")),
        *(("open", None), "lock_email"),
    ]


def test_has_it_already(either: Parts) -> None:
    """The customer itself is not in its own way."""
    either.customers.listed["ada@example.com"] = (ADAS,)

    assert either.give() is None


def test_somebody_signs_up_with_it(either: Parts) -> None:
    """Nothing is written, as two may be about to pass."""
    either.ledger.holder = BOB

    assert either.give() == RUNNING
    assert not either.is_written()
    assert "unlock_email" not in either.ledger.calls


def test_user_signs_up(parts: Parts) -> None:
    """Nothing is done beside the user's own sign-up."""
    parts.ledger.opened = [Busy()]

    assert parts.give() == "in_progress"
    assert parts.customers.calls == []


def test_user_signs_up_meanwhile(parts: Parts) -> None:
    """Nor once it has begun."""
    parts.ledger.opened = [LINKED, Busy()]

    assert parts.give() == RUNNING
    assert not parts.is_written()


def test_record_that_starts_over_meanwhile(parts: Parts) -> None:
    """It is left as it was."""
    parts.ledger.opened = [LINKED, LEASE]

    assert parts.give() == RUNNING
    assert parts.ledger.calls[-1] == "close"
    assert not parts.is_written()


def test_no_customer_is_made(parts: Parts) -> None:
    """Where the user has none, there is nothing to give an address to."""
    parts.ledger.opened = [LEASE]
    parts.customers.retrieved = Done(None)

    assert parts.give() == "the user has no customer"
    assert "create" not in str(parts.customers.calls)


def test_no_customer_yet(parts: Parts) -> None:
    """While a create may be under way, it is too early to say."""
    parts.ledger.opened = [replace(LEASE, create=CREATE, was_sent=True, last_write=NOW - 1)]
    parts.customers.retrieved = Done(None)

    assert parts.give() == "provisioning_failed"


def test_another_customer_is_linked(parts: Parts) -> None:
    """The profile is behind the ledger."""
    parts.ledger.opened = [Linked(CustomerId("cus_newer"), 2)]
    parts.customers.now["cus_newer"] = Done(customer_of(ADA, "cus_newer"))

    assert parts.give() == "the user has cus_newer"
    assert not parts.is_written()


@pytest.mark.parametrize("address", ["Ada@example.com", "ada@example.com"])
@pytest.mark.parametrize(
    "other", [customer_of(BOB, "cus_2"), Customer(CustomerId("cus_2"), created=9)]
)
def test_another_customer_has_it(either: Parts, address: str, other: Customer) -> None:
    """Whosever it is: nothing is written, and the address is free for others at once."""
    either.customers.listed[address] = (ADAS, other)

    assert either.give() == "the address has cus_2"
    assert either.ledger.calls[-2:] == ["lock_email", "unlock_email"]
    assert not either.is_written()


def test_another_customer_of_the_users_has_it(parts: Parts) -> None:
    """Two customers of one user come to have one address no more than anybody's."""
    second = customer_of(ADA, "cus_2", created=9)
    parts.customers.listed["ada@example.com"] = (second,)

    assert parts.give() == "the address has cus_2"
    assert not parts.is_written()


@pytest.mark.parametrize("address", ["Ada@example.com", "ada@example.com"])
def test_look_up_that_failed(parts: Parts, address: str) -> None:
    """Never taken for "there is none"."""
    parts.customers.listed[address] = Unknown()

    assert parts.give() == AGAIN
    assert not parts.is_written()


@pytest.mark.parametrize("now_is", [None, customer_of(BOB, "cus_ada")])
def test_customer_that_is_not_the_users(parts: Parts, now_is: Customer | None) -> None:
    """Gone, or another's by now: it is neither changed nor linked."""
    parts.ledger.opened = [LEASE]
    parts.customers.retrieved = Done(now_is)

    assert parts.give() == "the user has no customer"
    assert not parts.is_written()
    assert "link" not in str(parts.ledger.calls)


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (Done(None), "the customer is gone"),
        (Done(customer_of(BOB, "cus_ada")), "the customer does not name the user any more"),
        (Unknown(), AGAIN),
    ],
)
def test_customer_that_changes_meanwhile(parts: Parts, then: Any, why: str) -> None:
    """It is looked at once more, right before it is changed."""
    parts.customers.then = then

    assert parts.give() == why
    assert not parts.is_written()
    assert parts.ledger.calls[-2:] == ["lock_email", "unlock_email"]


def test_customer_that_cannot_be_retrieved(either: Parts) -> None:
    """Not knowing whose it is is no reason to change it."""
    either.customers.retrieved = Unknown()

    assert either.give() == "provisioning_failed"
    assert not either.is_written()


@pytest.mark.parametrize("failure", [Unknown(), *NOTHING_SENT])
def test_update_that_failed(either: Parts, failure: object) -> None:
    """The lock stays where it may still be on its way, and nowhere else."""
    either.customers.update = failure

    assert either.give() == AGAIN
    assert ("unlock_email" in either.ledger.calls) == (failure != Unknown())


def test_want_of_a_turn(either: Parts) -> None:
    """While others with the address are looked at: nothing was written, so nobody waits for it."""

    def has_none(_: object) -> bool:
        raise NoTurnError

    either.customers.listed["ada@example.com"] = (customer_of(BOB, "cus_2"),)
    with pytest.raises(NoTurnError):
        either.give(may_share=has_none)
    assert either.ledger.calls[-1] == "unlock_email"


def test_address_that_stripe_does_not_take(either: Parts) -> None:
    """No other try would mend it, and nothing is on its way: the lock goes."""
    either.customers.update = Refused("email")

    assert either.give() == REFUSED
    assert either.ledger.calls[-2:] == ["lock_email", "unlock_email"]


@pytest.mark.parametrize("call", ["lock_email", "unlock_email"])
def test_ledger_that_fails(either: Parts, call: str) -> None:
    """The command line says so."""
    either.ledger.broken = frozenset({call})
    either.customers.listed["ada@example.com"] = (customer_of(BOB, "cus_2"),)

    with pytest.raises(LedgerUnavailableError):
        either.give()
    assert not either.is_written()


@pytest.mark.parametrize("call", ["open", "link"])
def test_ledger_that_fails_before_the_record_is_settled(parts: Parts, call: str) -> None:
    """Nothing is written."""
    parts.ledger.opened, parts.ledger.broken = [LEASE], frozenset({call})

    assert parts.give() == "provisioning_failed"
    assert not parts.is_written()


SHOWN = "Ada@Example.com"


class TestLowerCase:
    """A customer's address comes to be one that a sign-up can see."""

    @pytest.fixture
    def parts(self) -> Parts:
        """Return a customer whose address has capitals; it names nobody."""
        return Parts(customers=Customers(retrieved=Done(Customer(ADAS.id, email=SHOWN))))

    def lower(self, parts: Parts, ledger: Ledger | None = None) -> str | None:
        """Write its address in lower case."""
        nobody = SignUp(stand_in(ADA.tenant, ADAS.id), logins_count=0)
        run = Run(FakeClock(), "repair")
        settling = Settling(nobody, ledger or parts.ledger, parts.customers, Policy(), run)
        return LowerCase(settling, ADAS.id, SHOWN).carry_out()

    def test_order(self, parts: Parts) -> None:
        """Locked, looked up, looked at, written; nobody's record is opened."""
        assert self.lower(parts) is None
        assert parts.customers.calls == [
            ("list", "ada@example.com"),
            ("retrieve", "cus_ada"),
            ("set_email", "cus_ada", "ada@example.com"),
        ]
        assert parts.ledger.calls == ["lock_email"]

    def test_somebody_signs_up_with_it(self, parts: Parts) -> None:
        """Nothing is written, as that may be about to make a customer."""
        parts.ledger.holder = BOB

        assert self.lower(parts) == RUNNING
        assert parts.customers.calls == []

    @pytest.mark.parametrize("other", [customer_of(BOB, "cus_2"), Customer(CustomerId("cus_2"))])
    def test_another_customer_has_it(self, parts: Parts, other: Customer) -> None:
        """Whosever it is: two would have one address."""
        parts.customers.listed["ada@example.com"] = (other,)

        assert self.lower(parts) == "the address has cus_2"
        assert parts.ledger.calls == ["lock_email", "unlock_email"]

    @pytest.mark.parametrize(
        ("then", "why"),
        [
            (Done(None), "the customer is gone"),
            (Done(Customer(ADAS.id, email="new@example.com")), "another address by now"),
            (Done(Customer(ADAS.id, email="ada@example.com")), "another address by now"),
            (Done(Customer(ADAS.id)), "another address by now"),
            (Unknown(), AGAIN),
        ],
    )
    def test_changes_meanwhile(self, parts: Parts, then: Any, why: str) -> None:
        """What somebody else has written since is not overwritten."""
        parts.customers.then = then

        assert why in str(self.lower(parts))
        assert "set_email" not in str(parts.customers.calls)
        assert parts.ledger.calls == ["lock_email", "unlock_email"]

    def test_look_up_that_failed(self, parts: Parts) -> None:
        """Never taken for "there is none"."""
        parts.customers.listed["ada@example.com"] = Unknown()

        assert self.lower(parts) == AGAIN
        assert "set_email" not in str(parts.customers.calls)
        assert parts.ledger.calls == ["lock_email", "unlock_email"]

    @pytest.mark.parametrize("failure", [Unknown(), *NOTHING_SENT])
    def test_update_that_failed(self, parts: Parts, failure: object) -> None:
        """The lock stays where it may be on its way; the same plan may be carried out again."""
        client, parts.customers.update = Client(Table()), failure
        ledger = DynamoDbLedger(client, "ledger", Run(FakeClock(), "repair"))
        assert self.lower(parts, ledger) == AGAIN
        bobs = ledger.open(BOB, None, admission=True)
        assert isinstance(bobs, Lease)
        assert ledger.lock_email(bobs, "ada@example.com").is_mine == (failure != Unknown())
        ledger.unlock_email(bobs, "ada@example.com")
        parts.customers.update = None
        again = DynamoDbLedger(client, "ledger", Run(FakeClock(), "again"))

        assert self.lower(parts, again) is None


class TestOverTheLedger:
    """The record and the lock, over the simulated DynamoDB."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """Return a clock."""
        return FakeClock()

    @pytest.fixture
    def ledger(self, clock: FakeClock) -> DynamoDbLedger:
        """Return an empty ledger, with more time than the lock's lease."""
        return DynamoDbLedger(Client(Table()), "ledger", Run(clock, "owner", 1000.0))

    def lease(self, ledger: DynamoDbLedger, user: User = ADA) -> Lease:
        """Open a sign-up."""
        create = NewCustomer.of(SignUp(user, 1), "ada@example.com")
        opened = ledger.open(user, create, admission=True)
        assert isinstance(opened, Lease)
        return opened

    def test_nobody_else_signs_up_with_it(
        self, parts: Parts, ledger: DynamoDbLedger, clock: FakeClock
    ) -> None:
        """Until Stripe's list must show it."""
        assert parts.give(ledger) is None
        bobs = self.lease(ledger, BOB)
        assert ledger.lock_email(bobs, "ada@example.com").holder == ADA
        clock.now = NOW + EMAIL_LOCK_SECONDS + 1

        assert ledger.lock_email(bobs, "ada@example.com").holder == bobs.user

    def test_record_stays_linked(self, parts: Parts, ledger: DynamoDbLedger) -> None:
        """As it was, or from then on."""
        assert parts.give(ledger) is None
        before = ledger.open(ADA, None, admission=False)
        assert before == LINKED
        assert parts.give(ledger) is None

        assert ledger.open(ADA, None, admission=False) == before

    def test_users_own_sign_up(self, parts: Parts, ledger: DynamoDbLedger) -> None:
        """It is not disturbed."""
        own = self.lease(ledger)
        assert ledger.lock_email(own, "ada@example.com").holder == own.user
        other = DynamoDbLedger(ledger._table.client, "ledger", Run(FakeClock(), "repair"))

        assert parts.give(other) == "in_progress"

    def test_customer_goes_and_the_user_signs_up(
        self, parts: Parts, ledger: DynamoDbLedger
    ) -> None:
        """The sign-up takes the lock over at once."""
        assert parts.give(ledger) is None
        again = ledger.reopen(ADA, LINKED, CREATE)
        assert isinstance(again, Lease)

        assert ledger.lock_email(again, "ada@example.com").holder == again.user

    def test_again(self, parts: Parts, ledger: DynamoDbLedger) -> None:
        """A repair that failed may be repeated at once."""
        parts.customers.update = Unknown()
        assert parts.give(ledger) == AGAIN
        parts.customers.update = None

        assert parts.give(ledger) is None
