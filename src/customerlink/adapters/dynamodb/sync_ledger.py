"""The memory of reconciliations on DynamoDB: one item a user, written on conditions.

A lease outlives whatever its invocation may have sent. So the next one finds every write of an
earlier one done, or knows that it never will be.
"""

from collections.abc import Mapping

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.dynamodb.items import ADOPTING, SYNC, Item, n, record_key, s, sync_key
from customerlink.adapters.dynamodb.table import Failed, Table, Written
from customerlink.model.sign_up_record import State
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS, Hints, Memory, SyncLease
from customerlink.model.user import CustomerId, User
from customerlink.ports.run import Run
from customerlink.ports.sync_ledger import SyncLedger

_MEMORY = ("applied", "writing", "corrections", "followed", "customer_id", "keyed_by")
_ATTRIBUTES = ", ".join(
    (*_MEMORY, "hints", "held", "held_since", "open_since", "gone_since", "gone_until")
)

# Two reconciliations of one user: the second finds `sync_until` in the future.
_FREE = "attribute_not_exists(sync_until) OR sync_until < :now"
# A zombie that wakes up: whoever took its lease over has raised the epoch.
_MINE = "sync_epoch = :epoch AND #owner = :owner"
# 0 s: no answer; 1 s: repeated, and the lease is given back; 2 s: the first one arrives.
_NOT_GIVEN_BACK = "sync_until > :zero"
# 0 s: both sides are read; 1 s: an event of a later change is parked; 2 s: given back, still due.
_NOT_PARKED_SINCE = "(attribute_not_exists(parks) OR parks = :parks)"
# Two are parked, or one who is held: the earlier time is the one that counts.
_DUE_LATER = "attribute_not_exists(open_since) OR open_since > :due"
_DUE_EARLIER = "open_since <= :due"
# A login finds the customer naming nobody, and reopens the record: it finishes the renaming itself.
_SAME_LINK = "#state = :linked AND customer_id = :customer_id"


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
            return _lease(user, found.old, _number(found.old, "sync_epoch") + 1)
        # An earlier try of this very call took it, and its answer was lost.
        is_mine = found.item.get("owner") == s(self._run.owner)
        return _lease(user, found.item, _number(found.item, "sync_epoch")) if is_mine else None

    def remember(self, lease: SyncLease, memory: Memory) -> bool:
        """Write what is about to be written, and keep the lease."""
        condition = f"{_MINE} AND {_NOT_GIVEN_BACK}"
        return isinstance(self._written(lease, memory, condition, "", {":zero": n(0)}), Written)

    def give_back(self, lease: SyncLease, memory: Memory) -> bool:
        """Write the memory, and end the lease at once."""
        ending, ended = ", sync_until = :zero", {":zero": n(0)}
        gone = _gone(memory)
        due, values = _clauses({**_due(memory), **gone})
        found = self._written(
            lease,
            memory,
            f"{_MINE} AND {_NOT_PARKED_SINCE}",
            ending + due,
            {**ended, **values, ":parks": n(lease.parks)},
        )
        if isinstance(found, Written):
            return True
        # Taken over, or parked meanwhile: which of the two the same condition tells, without that.
        # Who is gone stays so, or would be counted among the deletions once more.
        known, values = _clauses(gone)
        again = self._written(lease, memory, _MINE, ending + known, {**ended, **values})
        return isinstance(again, Written)

    def mark_renaming(self, user: User, customer_id: CustomerId) -> bool:
        """Write it on the linked record, with when an update may have been sent."""
        setting = "SET adopting = :customer_id, updated_at = :now REMOVE instead_of, gone_since"
        values = {**_link(customer_id), ":now": n(self._run.clock.time())}
        return self._is_written(record_key(user), setting, _SAME_LINK, values)

    def end_renaming(self, user: User, customer_id: CustomerId) -> None:
        """Remove the mark."""
        self._is_written(record_key(user), f"REMOVE {ADOPTING}", _SAME_LINK, _link(customer_id))

    def forget(self, lease: SyncLease) -> bool:
        """Delete the item, unless there is more in it by now."""
        mine = {":epoch": n(lease.epoch), ":owner": s(self._run.owner)}
        condition = f"{_MINE} AND {_NOT_PARKED_SINCE}"
        found = self._table.delete(
            sync_key(lease.user), condition, {**mine, ":parks": n(lease.parks)}
        )
        is_gone = isinstance(found, Written) or not found.item
        return is_gone or self.give_back(lease, Memory())

    def park(self, user: User, due_at: float, hints: Hints, held: str | None = None) -> None:
        """Note when the user is due, unless that is sooner already; and the hints in any case."""
        key, flat = sync_key(user), _flat(hints)
        counted, adding = "SET parks = if_not_exists(parks, :zero) + :one", ""
        values: Item = {":due": n(due_at), ":zero": n(0), ":one": n(1)}
        if flat:
            adding, values = " ADD hints :hints", {**values, ":hints": {"SS": flat}}
        sooner, due = f"{counted}, is_open = :sync, open_since = :due", {":sync": s(SYNC)}
        if held:
            sooner = f"{sooner}, held = :held, held_since = :now"
            due |= {":held": s(held), ":now": n(self._run.clock.time())}
        is_noted = False
        # Between the two, another one may change what the first one failed for.
        while not is_noted:
            is_noted = self._is_written(
                key, f"{sooner}{adding}", _DUE_LATER, {**values, **due}
            ) or self._is_written(key, f"{counted}{adding}", _DUE_EARLIER, values)

    def _is_written(self, key: Item, update: str, condition: str, values: Item) -> bool:
        return isinstance(self._table.update(key, update, condition, values), Written)

    def _written(
        self,
        lease: SyncLease,
        memory: Memory,
        condition: str,
        more: str = "",
        values: Item | None = None,
    ) -> Written | Failed:
        return self._table.update(
            sync_key(lease.user),
            f"SET {', '.join(f'{each} = :{each}' for each in _MEMORY)}{more}",
            condition,
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
                ":followed": {"L": [s(each) for each in sorted(memory.followed)]},
                **(values or {}),
            },
        )


def _lease(user: User, item: Item, epoch: int) -> SyncLease:
    return SyncLease(user, epoch, _memory(item), _number(item, "parks"))


def _link(customer_id: CustomerId) -> Item:
    return {":linked": s(State.LINKED), ":customer_id": s(customer_id)}


def _due(memory: Memory) -> dict[str, Item | None]:
    """Return what says why nothing is done, and until when; None for what is not so."""
    return {
        "is_open": s(SYNC) if memory.due_at else None,
        "open_since": n(memory.due_at) if memory.due_at else None,
        "held": s(memory.held) if memory.held else None,
        "held_since": n(memory.held_since) if memory.held_since else None,
        "hints": {"SS": _flat(memory.hints)} if any(memory.hints.values()) else None,
    }


def _gone(memory: Memory) -> dict[str, Item | None]:
    """Return since when the user is gone, and until when that is waited for."""
    return {
        "gone_since": n(memory.gone_since) if memory.gone_since else None,
        "gone_until": n(memory.gone_until) if memory.gone_until else None,
    }


def _clauses(found: Mapping[str, Item | None]) -> tuple[str, Item]:
    """Return the clauses that set and remove attributes, and their values."""
    setting = "".join(f", {name} = :{name}" for name, each in found.items() if each)
    removed = ", ".join(name for name, each in found.items() if not each)
    values = {f":{name}": each for name, each in found.items() if each}
    return f"{setting}{f' REMOVE {removed}' if removed else ''}", values


def _flat(hints: Hints) -> list[str]:
    """Return the hints as one set, to which more can be added without a look: digest, field."""
    return sorted(f"{each} {name}" for name, digests in hints.items() for each in digests)


def _hints(item: Item) -> dict[str, frozenset[str]]:
    hints: dict[str, frozenset[str]] = {}
    for each in item.get("hints", {"SS": ()})["SS"]:
        digest, _, name = each.partition(" ")
        hints[name] = hints.get(name, frozenset()) | {digest}
    return hints


def _number(item: Item, name: str) -> int:
    return int(item.get(name, n(0))["N"])


def _moment(item: Item, name: str) -> float | None:
    return float(item[name]["N"]) if name in item else None


def _memory(item: Item) -> Memory:
    customer_id = item.get("customer_id", s(""))["S"]
    applied, writing = (item.get(name, {"M": {}})["M"] for name in ("applied", "writing"))
    return Memory(
        customer_id=CustomerId(customer_id) if customer_id else None,
        applied={name: each["S"] for name, each in applied.items()},
        writing={name: frozenset(each["SS"]) for name, each in writing.items()},
        corrections=tuple(float(each["N"]) for each in item.get("corrections", {"L": []})["L"]),
        keyed_by=item.get("keyed_by", s(""))["S"],
        followed=frozenset(each["S"] for each in item.get("followed", {"L": []})["L"]),
        hints=_hints(item),
        held=item["held"]["S"] if "held" in item else None,
        held_since=_moment(item, "held_since"),
        due_at=_moment(item, "open_since"),
        gone_since=_moment(item, "gone_since"),
        gone_until=_moment(item, "gone_until"),
    )
