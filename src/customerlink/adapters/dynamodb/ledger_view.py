"""The ledger as an operator looks at it: single items, read and left alone."""

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.dynamodb.items import (
    Item,
    claim_key,
    holder_in,
    lock_key,
    n,
    record_key,
    s,
    sync_key,
)
from customerlink.adapters.dynamodb.table import Table
from customerlink.model.sign_up_record import (
    LOGIN_SECONDS,
    SETTLED_SECONDS,
    HeldLock,
    Standing,
    State,
)
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.ledger import LedgerView
from customerlink.ports.run import Run


class DynamoDbLedgerView(LedgerView):
    """The view over one table, for one invocation."""

    def __init__(self, client: LedgerClient, table: str, run: Run) -> None:
        """Take a client without retries of its own."""
        self._table, self._clock = Table(client, table, run), run.clock

    def standing(self, user: User) -> Standing:
        """Read the record, strongly consistently."""
        attributes = "#state, lease_until, updated_at, customer_id, adopting, had"
        item, now = self._table.read(record_key(user), attributes), self._clock.time()
        if item is None:
            return Standing()
        is_open = item["state"]["S"] == State.OPEN
        customer_id = item.get("adopting", item.get("customer_id", s("")))["S"]
        is_held = is_open and _moment(item, "lease_until") >= now
        age = now - _moment(item, "updated_at")
        has_ended = age > SETTLED_SECONDS, age > LOGIN_SECONDS
        linked = CustomerId(customer_id) if customer_id else None
        had = CustomerId(item["had"]["S"]) if "had" in item else None
        return Standing(is_held, linked, *has_ended, is_open, had)

    def claimed_by(self, customer_id: CustomerId) -> User | None:
        """Read the claim, strongly consistently."""
        item = self._table.read(claim_key(customer_id), "holder")
        return holder_in(item["holder"]["S"]) if item else None

    def is_reconciled(self, user: User) -> bool:
        """Read the lease, strongly consistently; it outlasts what was sent under it."""
        item = self._table.read(sync_key(user), "sync_until") or {}
        return _moment(item, "sync_until") >= self._clock.time()

    def lock_on(self, tenant: Tenant, email: str) -> HeldLock | None:
        """Read the lock, strongly consistently; the TTL may not have cleared one that has ended."""
        item = self._table.read(lock_key(tenant, email), "holder, lease_until")
        until = float(item["lease_until"]["N"]) if item else 0.0
        if item is None or until < self._clock.time():
            return None
        return HeldLock(User(tenant, UserId(item["holder"]["S"])), until)


def _moment(item: Item, name: str) -> float:
    return float(item.get(name, n(0))["N"])
