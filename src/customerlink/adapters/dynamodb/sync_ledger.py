"""The memory of reconciliations on DynamoDB: one item a user, written on conditions.

A lease outlives whatever its invocation may have sent. So the next one finds every write of an
earlier one done, or knows that it never will be.
"""

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.dynamodb.items import Item, n, s, sync_key
from customerlink.adapters.dynamodb.table import Failed, Table
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS, Memory, SyncLease
from customerlink.model.user import CustomerId, User
from customerlink.ports.run import Run
from customerlink.ports.sync_ledger import SyncLedger

_ATTRIBUTES = "customer_id, applied, writing, corrections, keyed_by"

# Two reconciliations of one user: the second finds `sync_until` in the future.
_FREE = "attribute_not_exists(pk) OR sync_until < :now"
# A zombie that wakes up: whoever took its lease over has raised the epoch.
_MINE = "sync_epoch = :epoch AND #owner = :owner"


class DynamoDbSyncLedger(SyncLedger):
    """The port over the ledger's table, for one invocation."""

    def __init__(self, client: LedgerClient, table: str, run: Run) -> None:
        """Take a client without retries of its own."""
        self._table, self._run = Table(client, table, run), run

    def recall(self, user: User) -> Memory:
        """Read the item, strongly consistently."""
        return _memory(self._table.read(sync_key(user), _ATTRIBUTES) or {})

    def take(self, user: User) -> SyncLease | None:
        """Take the lease, which nobody has, or whose time is over."""
        now = self._run.clock.time()
        found = self._table.update(
            sync_key(user),
            "SET sync_until = :until, #owner = :owner, "
            "sync_epoch = if_not_exists(sync_epoch, :zero) + :one",
            _FREE,
            {
                ":now": n(now),
                ":until": n(now + SYNC_LEASE_SECONDS),
                ":owner": s(self._run.owner),
                ":zero": n(0),
                ":one": n(1),
            },
        )
        if not isinstance(found, Failed):
            epoch = int(found.old.get("sync_epoch", n(0))["N"]) + 1
            return SyncLease(user, epoch, _memory(found.old))
        # An earlier try of this very call took it, and its answer was lost.
        is_mine = found.item.get("owner") == s(self._run.owner)
        epoch = int(found.item["sync_epoch"]["N"])
        return SyncLease(user, epoch, _memory(found.item)) if is_mine else None

    def remember(self, lease: SyncLease, memory: Memory) -> bool:
        """Write the memory, and keep the lease."""
        return self._written(lease, memory, "", {})

    def give_back(self, lease: SyncLease, memory: Memory) -> bool:
        """Write the memory, and end the lease at once."""
        return self._written(lease, memory, ", sync_until = :zero", {":zero": n(0)})

    def _written(self, lease: SyncLease, memory: Memory, more: str, values: Item) -> bool:
        setting = "applied = :applied, writing = :writing, corrections = :corrections, "
        found = self._table.update(
            sync_key(lease.user),
            f"SET {setting}customer_id = :customer_id, keyed_by = :keyed_by{more}",
            _MINE,
            {
                ":epoch": n(lease.epoch),
                ":owner": s(self._run.owner),
                ":customer_id": s(memory.customer_id or ""),
                ":keyed_by": s(memory.keyed_by),
                ":applied": {"M": {name: s(each) for name, each in memory.applied.items()}},
                # A set of DynamoDB's is never empty.
                ":writing": {
                    "M": {
                        name: {"SS": sorted(each)} for name, each in memory.writing.items() if each
                    }
                },
                ":corrections": {"L": [n(each) for each in memory.corrections]},
                **values,
            },
        )
        return not isinstance(found, Failed)


def _memory(item: Item) -> Memory:
    customer_id = item.get("customer_id", s(""))["S"]
    applied, writing = (item.get(name, {"M": {}})["M"] for name in ("applied", "writing"))
    return Memory(
        customer_id=CustomerId(customer_id) if customer_id else None,
        applied={name: each["S"] for name, each in applied.items()},
        writing={name: frozenset(each["SS"]) for name, each in writing.items()},
        corrections=tuple(float(each["N"]) for each in item.get("corrections", {"L": []})["L"]),
        keyed_by=item.get("keyed_by", s(""))["S"],
    )
