"""What the tests of Stripe's adapters share: an account behind a server, and adapters for it."""

import time
from typing import Any

from tests.fakes import ADA, FakeClock

from customerlink.adapters.connections import Connections
from customerlink.adapters.stripe.customers import StripeCustomers
from customerlink.model.customer import NewCustomer
from customerlink.model.keys import StripeKey
from customerlink.model.signup import SignUp
from customerlink.ports.deadline import Clock
from customerlink.ports.run import Run
from sandbox.serving import Server
from sandbox.stripe_account import Fault, FaultKind, StripeAccount
from sandbox.stripe_server import stripe_app

NEW = NewCustomer.of(SignUp(ADA, 1, name="Ada Lovelace"), "Ada@example.com")


class Stripe:
    """An account behind a server, and adapters for it."""

    def __init__(self, application: Any = None) -> None:
        """Start with an empty account, or with something that is no Stripe at all."""
        self.account = StripeAccount()
        self.server = Server(application or stripe_app(self.account))
        self.key = StripeKey(self.account.add_key())
        self.replacement: StripeKey | None = None
        self.run = Run(time, "owner")

    def customers(
        self, key: StripeKey | None = None, seconds: float = 5.0, clock: Clock | None = None
    ) -> StripeCustomers:
        """Return the adapter as a new invocation has it; a busy machine costs it nothing."""
        self.run = Run(clock or FakeClock(), "owner", seconds)
        return StripeCustomers(
            Connections(),
            self.server.url,
            key or self.key,
            lambda _: self.replacement,
            self.run,
        )

    def fault(
        self, kind: FaultKind, method: str = "POST", times: int = 1, seconds: float = 0
    ) -> None:
        """Let the next requests fail."""
        self.account.faults.append(Fault(kind, method, times, seconds))
