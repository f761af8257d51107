"""A user who has been here for long, through the sign-up's pipeline."""

import time
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from typing import Any

from customerlink.adapters.aws_json import LedgerClient
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb_ledger import DynamoDbLedger
from customerlink.adapters.stripe_customers import StripeCustomers
from customerlink.instruction import Instruction
from customerlink.keys import StripeKey
from customerlink.linking import Account, Linking
from customerlink.policy import ExistingCustomer, Policy, VerifiedEmail
from customerlink.provisioning import Provisioning
from customerlink.reconcile.bucket import Bucket, Pace
from customerlink.reconcile.listing import line, patiently
from customerlink.reconcile.profile import unfinished
from customerlink.run import Run
from customerlink.user import CustomerId, Tenant, User, UserId

PROVISION_SECONDS = 8.0
"""Nobody waits for it, so it may take longer than a sign-up; a call begun at its end is over well
before the record's lease is."""


@dataclass
class Provisioner:
    """Provisions users one by one, from any thread, at a rate."""

    tenant: str
    dynamodb: LedgerClient
    table: str
    api_base: str
    key: StripeKey
    customers: Any
    """The SDK's service."""
    bucket: Pace
    """Of creations; the look-ups beside each go at the same pace."""
    policy: Policy = field(default_factory=Policy)
    _connections: Connections = field(default_factory=Connections)

    def provision(self, user: dict[str, Any]) -> Instruction | str:
        """Run the pipeline for a user of the export's form; a text says why it was not begun.

        A refusal in the ledger would shut out somebody who could log in until now. So an address
        that is missing or taken is found before the sign-up is opened.
        """
        email = user["email"]
        if not email:
            return "the user has no address"
        if self.policy.verified_email is VerifiedEmail.REQUIRED and not user.get("email_verified"):
            return "the address is not verified"
        self.bucket.take()
        others = [
            each
            for address in sorted({email, email.lower()})
            for each in self._listed(address)
            if each["auth0_user_id"] != user["user_id"]
        ]
        if others and not self._may_adopt(user, others):
            return f"the address has {others[0]['id']}"
        return self.pipeline(user).instruction()

    def pipeline(self, user: dict[str, Any]) -> Provisioning:
        """Give the pipeline for a user of the export's form."""
        run, ledger, customers = self._ports()
        signup = unfinished(self.user(user["user_id"]), user)
        return Provisioning(signup, ledger, customers, self._asks_less(), run)

    def linking(self, primary: dict[str, Any], secondary_id: str, customer_id: str) -> Linking:
        """Give what lets a linked account's customer follow into the primary."""
        run, ledger, customers = self._ports()
        own = primary["customer_id"]
        staying = Account(self.user(primary["user_id"]), primary["email"], own)
        leaving = Account(self.user(secondary_id), None, CustomerId(customer_id))
        return Linking(staying, leaving, ledger, customers, run)

    def user(self, user_id: str) -> User:
        """Name a user of the tenant's."""
        return User(Tenant(self.tenant), UserId(user_id))

    def ledger(self) -> DynamoDbLedger:
        """Give the ledger for one repair."""
        return self._ports()[1]

    def _ports(self) -> tuple[Run, DynamoDbLedger, StripeCustomers]:
        run = Run(time, owner=token_hex(16), seconds=PROVISION_SECONDS)
        customers = StripeCustomers(self._connections, self.api_base, self.key, lambda _: None, run)
        return run, DynamoDbLedger(self.dynamodb, self.table, run), customers

    def _asks_less(self) -> Policy:
        """Nobody is let in or kept out here, so that few of the policies count."""
        return Policy(
            existing_customer=self.policy.existing_customer,
            customer_fields=self.policy.customer_fields,
        )

    def _may_adopt(self, user: dict[str, Any], others: list[dict[str, Any]]) -> bool:
        """Tell whether the pipeline would link the one customer that is nobody's."""
        is_one_of_nobodys = len(others) == 1 and others[0]["auth0_user_id"] is None
        adopts = self.policy.existing_customer is ExistingCustomer.ADOPT
        return adopts and is_one_of_nobodys and bool(user.get("email_verified"))

    def _listed(self, address: str) -> list[dict[str, Any]]:
        listed = partial(self.customers.list, {"email": address, "limit": 100})
        return [line(each) for each in patiently(Bucket(1e6), listed).data]
