"""The count of deletions on DynamoDB: one item a tenant, an attribute for each day and number."""

import re
from collections.abc import Collection, Iterator

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.dynamodb.items import Item, deletions_key, n
from customerlink.adapters.dynamodb.table import Failed, Table
from customerlink.model.deletions import KEPT_DAYS, DueDay
from customerlink.model.user import Tenant
from customerlink.ports.deletions import Deletions
from customerlink.ports.run import Run

_NUMBER = re.compile(r"(due|begun|approved)_([0-9]+)")


class DynamoDbDeletions(Deletions):
    """The port over one table, for one invocation."""

    def __init__(self, client: LedgerClient, table: str, run: Run, tenant: Tenant) -> None:
        """Take a client without retries of its own."""
        self._table, self._key = Table(client, table, run), deletions_key(tenant)

    def count(self, day: int, today: int) -> None:
        """Add one; after a lost answer it may be two, which holds sooner and deletes no more."""
        item = self._table.write(self._key, _one_more(f"due_{day}"), {":zero": n(0), ":one": n(1)})
        old = [name for name, each in _numbers(item) if each < today - KEPT_DAYS]
        if old:
            removing = f"SET pruned = :today REMOVE {', '.join(old)}"
            self._table.write(self._key, removing, {":today": n(today)})

    def due_on(self, day: int) -> DueDay:
        """Read one day's, strongly consistently."""
        return _day(self._read(f"due_{day}, approved_{day}"), day)

    def begin(self, day: int, today: int, a_day: int) -> bool:
        """Count it as begun while the day has room; what was approved needs none."""
        due = self.due_on(day)
        if due.due and due.due <= due.approved:
            return True
        begun = self._table.update(
            self._key,
            _one_more(f"begun_{today}"),
            # Two at once, and room for one: the second one finds `begun` at the limit. Where one
            # more came due since that was looked at, `due` has passed it.
            f"due_{day} <= :a_day AND "
            f"(attribute_not_exists(begun_{today}) OR begun_{today} < :a_day)",
            {":zero": n(0), ":one": n(1), ":a_day": n(a_day)},
        )
        return not isinstance(begun, Failed)

    def days(self) -> list[DueDay]:
        """Read them all."""
        item = self._read()
        return [_day(item, day) for day in sorted({each for _, each in _numbers(item)})]

    def approve(self, days: Collection[DueDay]) -> None:
        """Write how many were seen: of more, that come later, nothing was said."""
        for each in days:
            setting = f"SET approved_{each.day} = :seen"
            self._table.write(self._key, setting, {":seen": n(each.due)})

    def _read(self, attributes: str = "") -> Item:
        return self._table.read(self._key, attributes) or {}


def _one_more(name: str) -> str:
    return f"SET {name} = if_not_exists({name}, :zero) + :one"


def _numbers(item: Item) -> Iterator[tuple[str, int]]:
    """Return the item's attributes that count, with their days."""
    for name in item:
        found = _NUMBER.fullmatch(name)
        if found:
            yield name, int(found[2])


def _day(item: Item, day: int) -> DueDay:
    due, approved = (
        int(float(item.get(f"{name}_{day}", n(0))["N"])) for name in ("due", "approved")
    )
    return DueDay(day, due, approved)
