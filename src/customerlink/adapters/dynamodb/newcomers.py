"""Whom the tenant has made, on DynamoDB: an item each, in the sparse index until they are due."""

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.dynamodb.items import CREATED, created_key, n, s
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.table import Table
from customerlink.model.user import User
from customerlink.ports.newcomers import Newcomers
from customerlink.ports.run import Run

FORGOTTEN_SECONDS = 30 * 24 * 3600.0
"""So long after they were due nobody is looked at any more."""


# Day 1: nobody has reported them, and that is told; day 2: the event comes once more.
_NOT_TOLD = "attribute_not_exists(open_since) OR is_open = :created OR open_since < :due"


class DynamoDbNewcomers(Newcomers):
    """The port over the ledger's table, for one invocation."""

    def __init__(self, client: LedgerClient, table: str, run: Run) -> None:
        """Take a client without retries of its own."""
        self._table = Table(client, table, run)
        self._ledger = DynamoDbLedger(client, table, run)

    def note(self, user: User, due_at: float) -> None:
        """Write the item; an event that comes twice writes the same, or nothing after `told`."""
        self._table.update(
            created_key(user),
            "SET is_open = :created, open_since = :due, expires_at = :expires",
            _NOT_TOLD,
            {
                ":created": s(CREATED),
                ":due": n(due_at),
                ":expires": n(int(due_at + FORGOTTEN_SECONDS)),
            },
        )

    def told(self, user: User) -> None:
        """Take the item out of the index; it is there until it expires."""
        open_, values = "is_open = :created", {":created": s(CREATED)}
        self._table.update(created_key(user), "REMOVE is_open", open_, values)

    def forget(self, user: User) -> None:
        """Delete the item, if it is there."""
        self._table.delete(created_key(user), "is_open = :created", {":created": s(CREATED)})

    def has_record(self, user: User) -> bool:
        """Read the sign-up's record, strongly consistently."""
        return self._ledger.has_record(user)
