"""What settles records without anybody's login, one by one, from any thread, at a rate."""

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.aws.server_clock import ServerClock
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.stripe.customers import StripeCustomers
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.rate import RateLimiter
from customerlink.ports.run import Clock, Run
from customerlink.usecases.link_accounts import Account, Linking
from customerlink.usecases.settle import Creates, Settling

PROVISION_SECONDS = 8.0
"""Nobody waits for it, so it may take longer than a sign-up; a call begun at its end is over well
before the record's lease is."""


@dataclass
class Provisioner:
    """Settles users' records one by one, from any thread, at a rate."""

    tenant: str
    dynamodb: LedgerClient
    table: str
    api_base: str
    key: StripeKey
    customers: Any
    """The SDK's service."""
    bucket: RateLimiter
    """Of creations; the look-ups beside each go at the same pace."""
    policy: Policy = field(default_factory=Policy)
    clock: Clock = field(default_factory=ServerClock)
    _connections: Connections = field(default_factory=Connections)

    def settling(self, signup: SignUp, creates: Creates = Creates.ALWAYS) -> Settling:
        """Return what settles a record; who asks has had a turn, and then read the profile."""
        run, ledger, customers = self.ports()
        return Settling(signup, ledger, customers, self.policy, run, creates=creates)

    def recording(self, user: User, email: str | None, customer_id: CustomerId) -> Settling:
        """Return what records the link to a customer that names the user, and makes none."""
        run, ledger, customers = self.ports()
        signup = SignUp(user, logins_count=0, email=email)
        never = Creates.NEVER
        return Settling(
            signup, ledger, customers, self.policy, run, creates=never, known=customer_id
        )

    def linking(self, primary: dict[str, Any], secondary_id: str, customer_id: str) -> Linking:
        """Return what lets a linked account's customer follow into the primary."""
        run, ledger, customers = self.ports()
        own = primary["customer_id"]
        staying = Account(self.user(primary["user_id"]), primary["email"], own)
        leaving = Account(self.user(secondary_id), None, CustomerId(customer_id))
        return Linking(staying, leaving, ledger, customers, run)

    def user(self, user_id: str) -> User:
        """Name a user of the tenant's."""
        return User(Tenant(self.tenant), UserId(user_id))

    def ports(self) -> tuple[Run, DynamoDbLedger, StripeCustomers]:
        """Return a budget of time, and the ledger and Stripe's customers within it."""
        run = Run(self.clock, owner=token_hex(16), seconds=PROVISION_SECONDS)
        customers = StripeCustomers(self._connections, self.api_base, self.key, lambda _: None, run)
        return run, DynamoDbLedger(self.dynamodb, self.table, run), customers
