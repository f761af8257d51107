"""The ledger for who lets go of a user: claims are taken back, and records deleted.

The sign-up's never are, since they keep a second customer from being made.
"""

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.dynamodb.items import (
    CREATED,
    claim_key,
    created_key,
    holder,
    n,
    record_key,
    s,
)
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.table import Written
from customerlink.model.sign_up_record import Lease, State
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS
from customerlink.model.user import CustomerId, User
from customerlink.ports.ledger import ErasingLedger
from customerlink.ports.run import Run

# Who came after them has the customer by now.
_THEIRS = "holder = :holder"
_CREATED = "attribute_not_exists(is_open) OR is_open = :created"
# Another one has opened the record since: what it does with it is its own.
_MINE = "#state = :open AND epoch = :epoch AND #owner = :owner"


class DynamoDbErasingLedger(DynamoDbLedger, ErasingLedger):
    """The port over one table, for one invocation."""

    def __init__(self, client: LedgerClient, table: str, run: Run) -> None:
        """Take a client without retries of its own."""
        super().__init__(client, table, run, lease_seconds=SYNC_LEASE_SECONDS)

    def disclaim(self, user: User, customer_id: CustomerId) -> bool:
        """Delete the claim, if it is this user's."""
        deleted = self._table.delete(claim_key(customer_id), _THEIRS, {":holder": s(holder(user))})
        return isinstance(deleted, Written)

    def forget(self, lease: Lease) -> bool:
        """Delete the record, if this invocation has it; what is gone was deleted before.

        And what says that the tenant made the user: before, since nothing leads there afterwards.
        """
        self._table.delete(created_key(lease.user), _CREATED, {":created": s(CREATED)})
        values = {":open": s(State.OPEN), ":epoch": n(lease.epoch), ":owner": s(self._run.owner)}
        deleted = self._table.delete(record_key(lease.user), _MINE, values)
        return isinstance(deleted, Written) or not deleted.item
