"""What the tests of settling share: a record to settle, over port fakes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.fakes import ADA, NOW, FakeClock, FakeCustomers, FakeLedger

from customerlink.model.customer import Customer, NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy
from customerlink.model.sign_up_record import SETTLED_SECONDS, Lease
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId, registrant_id, registration_id
from customerlink.ports.customers import NotSent, RateLimited, Refused, Unauthorised, Unknown
from customerlink.ports.run import Run
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.settle import Settling

type ACase = Callable[..., "Case"]

ADAS = SignUp(ADA, logins_count=1, email="Ada@example.com", name="Ada Lovelace")
BOB = User(Tenant("acme"), UserId("auth0|bob"))
REGISTRANT = User(ADA.tenant, registrant_id(registration_id(ADA.tenant, "db", "ada@example.com")))
LEASE = Lease(ADA, 1, 1, NOW)
COUNTESS = NewCustomer.of(replace(ADAS, name="Countess"), "countess@example.com")
SENT = replace(LEASE, create=NewCustomer.of(ADAS, "ada@example.com"), was_sent=True)
"""A create that an earlier invocation may have sent, long ago."""
RECENT = replace(SENT, last_write=NOW - SETTLED_SECONDS + 1)
"""One that may still be under way."""
OLD = CustomerId("cus_old")
FAILURES = [Refused("limit"), Unauthorised(), RateLimited(), NotSent(), Unknown()]
NOBODYS = Customer(CustomerId("cus_shop"), email="ada@example.com")


class Case:
    """A record to settle, over fakes that are set up by keyword."""

    def __init__(self, signup: SignUp = ADAS, *, is_admission: bool = True, **ledger: Any) -> None:
        """Make the fakes."""
        self.signup = signup
        self.ledger = FakeLedger(**ledger)
        self.stripe = FakeCustomers()
        self.clock = FakeClock()
        self.run = Run(self.clock, "owner")
        self.policy = Policy()
        self.is_admission = is_admission
        self.how: dict[str, Any] = {"linking_page": lambda signup: f"page of {signup.user.user_id}"}

    def settling(self) -> Settling:
        """Put it together."""
        ports = self.ledger, self.stripe, self.policy, self.run
        return Settling(self.signup, *ports, is_admission=self.is_admission, **self.how)

    def assert_linked(self, reason: Reason, customer_id: str = "cus_new") -> None:
        """Hold an end to the customer, and to why."""
        assert self.settling().settle() == Settled(CustomerId(customer_id), reason)

    def assert_failed(self) -> None:
        """Hold an end to one that another try may mend, with nothing refused or closed."""
        outcome = self.settling().settle()

        assert isinstance(outcome, Unsettled)
        assert outcome.reason is Reason.PROVISIONING_FAILED
        assert not self.ended()

    def assert_turned_down(self, reason: Reason, **more: Any) -> None:
        """Hold an end to its reason: only an admission is refused, anything else is closed."""
        assert self.settling().settle() == Unsettled(reason, **more)
        assert self.ended() == [("refuse", reason) if self.is_admission else "close"]

    def ended(self) -> list[Any]:
        """Return how the ledger was told that nothing comes of it."""
        names = ("refuse", "close")
        return [each for each in self.ledger.calls if each in names or each[0] in names]

    def sent(self) -> list[str]:
        """Return the kinds of calls to Stripe."""
        return [each[0] for each in self.stripe.calls]
