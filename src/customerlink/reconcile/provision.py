"""A user who has been here for long, through the sign-up's pipeline."""

import time
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import urllib3

from customerlink.adapters.dynamodb_ledger import DynamoDbLedger
from customerlink.adapters.stripe_customers import StripeCustomers
from customerlink.instruction import Instruction
from customerlink.keys import StripeKey
from customerlink.policy import DENIAL_MESSAGE, Policy
from customerlink.provisioning import Provisioning
from customerlink.reconcile.bucket import Bucket, Pace
from customerlink.reconcile.listing import line, patiently
from customerlink.run import Run
from customerlink.signup import Marker, SignUp, Tenant, User, UserId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Provisioner:
    """Provisions users one by one, from any thread, at a rate."""

    tenant: str
    dynamodb: "DynamoDBClient"
    table: str
    api_base: str
    key: StripeKey
    customers: Any
    """The SDK's service."""
    bucket: Pace
    """Of creations; the look-ups beside each go at the same pace."""
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=32))

    def provision(self, user: dict[str, Any]) -> Instruction | str:
        """Run the pipeline for a user of the export's form; a text says why it was not begun.

        A refusal in the ledger would shut out somebody who could log in until now. So an address
        that is missing or taken is found before the sign-up is opened.
        """
        email = user["email"]
        if not email:
            return "the user has no address"
        self.bucket.take()
        for address in sorted({email, email.lower()}):
            taken = self._taken(user["user_id"], address)
            if taken:
                return f"the address has {taken}"
        run = Run(time, owner=token_hex(16))
        signup = SignUp(
            user=User(Tenant(self.tenant), UserId(user["user_id"])),
            logins_count=0,
            email=email,
            name=user.get("name"),
            marker=Marker.UNFINISHED,
        )
        customers = StripeCustomers(self._pool, self.api_base, self.key, lambda _: None, run)
        ledger = DynamoDbLedger(self.dynamodb, self.table, run)
        return Provisioning(signup, ledger, customers, Policy(DENIAL_MESSAGE), run).instruction()

    def _taken(self, user_id: str, address: str) -> str | None:
        """Give a customer that has the address and does not name the user."""
        listed = partial(self.customers.list, {"email": address, "limit": 100})
        rows = [line(each) for each in patiently(Bucket(1e6), listed).data]
        others = [each["id"] for each in rows if each["auth0_user_id"] != user_id]
        return str(others[0]) if others else None
