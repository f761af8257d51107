"""The ledger on DynamoDB: single-item conditional writes, each clause with a name.

A write whose answer was lost is repeated, and then fails its condition. So a failed condition is
compared with the write's own effect: the lease by `owner`, the link by its customer, the attempt by
its number.

`updated_at` bounds when a create was last sent: an invocation that ends without having sent one
puts back what it found (`Lease.last_tried`).
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from customerlink.adapters.aws_json import AwsRefusedError, AwsSilentError, LedgerClient
from customerlink.errors import LedgerUnavailableError
from customerlink.frozen import frozen
from customerlink.instruction import Reason
from customerlink.ledger import (
    EMAIL_LOCK_SECONDS,
    RECORD_LEASE_SECONDS,
    Busy,
    Lease,
    Linked,
    State,
)
from customerlink.run import Run
from customerlink.user import CustomerId, Tenant, User, UserId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECT_SECONDS = READ_SECONDS = 0.5
"""A sign-up's client has these time-outs."""

OPEN_INDEX = "OpenSignUps"
"""Sign-ups that are open, by `open_since`; a few at any time, so one partition holds them."""

CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS
"""The longest that one call of a sign-up's takes; none is started with less left."""

CONDITION_FAILED = "ConditionalCheckFailedException"
"""By its code: a client makes its exception classes lazily, and two threads each their own."""

_TRIES = 3
_PAUSE_SECONDS = 0.05
_PASSING = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
    },
)
"""Errors that pass by themselves (docs.aws.amazon.com/amazondynamodb: Error handling)."""

# The clauses that the conditions are made of.
_NO_ITEM = "attribute_not_exists(pk)"
_REFUSED = "#state = :refused"
_LEASE_ENDED = "(#state = :open AND lease_until < :now)"
_MY_EPOCH = "(#state = :open AND epoch = :epoch)"
_SAME_ATTEMPT = "attempt = :attempt"
_SAME_LINK = "(#state = :linked AND customer_id = :customer_id AND epoch = :epoch)"
_LOCK_ENDED = "lease_until < :now"
_MY_LOCK = "(holder = :holder AND epoch <= :epoch)"
_SAME_HOLDER = "holder = :holder"
_REPLACED_HOLDER = "holder = :replaced"
_MY_LOCK_OF_THIS_EPOCH = "holder = :holder AND epoch = :epoch"

_INDEXED = "is_open, open_since"
"""The keys of the sparse index `OPEN_INDEX`: an item without them is not in it."""

_RESERVED = {"#state": "state", "#owner": "owner"}
"""Attributes whose names are among DynamoDB's reserved words."""

type _Item = Mapping[str, Any]


@frozen
class _Written:
    old: _Item


@frozen
class _Failed:
    """The condition did not hold; `item` is what stood in its way, at no second read."""

    item: _Item

    def shows(self, **expected: str | int) -> bool:
        """Tell whether the item is as an earlier, unanswered try of this write leaves it."""
        plain = {name: next(iter(self.item.get(name, {"": None}).values())) for name in expected}
        return plain == {name: str(value) for name, value in expected.items()}


def open_sign_ups(client: "DynamoDBClient", table: str, before: float) -> Iterator[User]:
    """Give the users whose sign-ups have been open since before a unix time, the oldest first."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        IndexName=OPEN_INDEX,
        KeyConditionExpression="is_open = :open AND open_since < :before",
        ExpressionAttributeValues={":open": _s(State.OPEN), ":before": _n(before)},
    )
    for page in pages:
        for item in page["Items"]:
            _, tenant, user_id = item["pk"]["S"].split("#", 2)
            yield User(Tenant(tenant), UserId(user_id))


def count_open(client: "DynamoDBClient", table: str, before: float) -> int:
    """Count those sign-ups."""
    return sum(1 for _ in open_sign_ups(client, table, before))


class DynamoDbLedger:
    """The ledger port over one table, for one invocation."""

    def __init__(self, client: LedgerClient, table: str, run: Run) -> None:
        """Take a client without retries of its own."""
        self._client = client
        self._table = table
        self._run = run

    def knows(self, user: User) -> bool:
        """Tell whether there is a record, by a strongly consistent read."""
        answer = self._call(
            self._client.get_item,
            Key=_record_key(user),
            ConsistentRead=True,
            ProjectionExpression="pk",
        )
        return "Item" in answer

    def open(self, user: User, email: str | None) -> Lease | Linked | Busy:
        """Take the lease of a new, a refused or an abandoned sign-up."""
        now = self._now()
        found = self._update(
            _record_key(user),
            "SET #state = :open, lease_until = :until, #owner = :owner, updated_at = :now, "
            "epoch = if_not_exists(epoch, :zero) + :one, attempt = if_not_exists(attempt, :one), "
            "attempt_since = if_not_exists(attempt_since, :now), "
            "is_open = :open, open_since = if_not_exists(open_since, :now)"
            f"{_noting(email)}",
            f"{_NO_ITEM} OR {_REFUSED} OR {_LEASE_ENDED}",
            self._lease_values(now, email) | {":refused": _s(State.REFUSED), ":zero": _n(0)},
        )
        if isinstance(found, _Failed):
            return self._held(found.item, user, email)
        return _lease(user, found.old, email, now)

    def reopen(self, user: User, stale: Linked, email: str | None) -> Lease | Busy:
        """Open a linked sign-up whose customer is gone, with the next attempt."""
        now = self._now()
        found = self._update(
            _record_key(user),
            "SET #state = :open, lease_until = :until, #owner = :owner, updated_at = :now, "
            "epoch = epoch + :one, attempt = attempt + :one, attempt_since = :now, "
            "is_open = :open, open_since = :now "
            f"REMOVE customer_id, mismatched_at{_noting(email)}",
            _SAME_LINK,
            self._lease_values(now, email)
            | {
                ":linked": _s(State.LINKED),
                ":customer_id": _s(stale.customer_id),
                ":epoch": _n(stale.epoch),
            },
        )
        if isinstance(found, _Failed):
            held = self._held(found.item, user, email)
            return held if isinstance(held, Lease) else Busy()
        return replace(
            _lease(user, found.old, email, now),
            attempt=int(found.old["attempt"]["N"]) + 1,
            attempt_since=now,
            mismatched_at=None,
        )

    def next_attempt(self, lease: Lease) -> Lease | Busy:
        """Raise the attempt, and with it the idempotency key."""
        now = self._now()
        found = self._update(
            _record_key(lease.user),
            "SET attempt = :next, attempt_since = :now, updated_at = :now REMOVE mismatched_at",
            f"{_MY_EPOCH} AND {_SAME_ATTEMPT}",
            {
                ":open": _s(State.OPEN),
                ":epoch": _n(lease.epoch),
                ":attempt": _n(lease.attempt),
                ":next": _n(lease.attempt + 1),
                ":now": _n(now),
            },
        )
        raised = replace(lease, attempt=lease.attempt + 1, attempt_since=now)
        if isinstance(found, _Failed) and not found.shows(
            epoch=lease.epoch, attempt=raised.attempt
        ):
            return Busy()
        return raised

    def link(self, lease: Lease, customer_id: CustomerId) -> bool:
        """Record the link; the addresses have served their purpose and go."""
        found = self._update(
            _record_key(lease.user),
            "SET #state = :linked, customer_id = :customer_id, updated_at = :now "
            f"REMOVE lease_until, #owner, emails, mismatched_at, reason, adopting, {_INDEXED}",
            _MY_EPOCH,
            {
                ":open": _s(State.OPEN),
                ":linked": _s(State.LINKED),
                ":epoch": _n(lease.epoch),
                ":customer_id": _s(customer_id),
                ":now": _n(self._now()),
            },
        )
        if isinstance(found, _Failed):
            return found.shows(state=State.LINKED, customer_id=customer_id)
        return True

    def refuse(self, lease: Lease, reason: Reason) -> None:
        """Record the refusal, which keeps only addresses that a create was sent with."""
        forgetting, untried = _forgetting(lease)
        self._update(
            _record_key(lease.user),
            "SET #state = :refused, reason = :reason, updated_at = :tried "
            f"REMOVE lease_until, #owner, {_INDEXED}{forgetting}",
            _MY_EPOCH,
            {
                ":open": _s(State.OPEN),
                ":refused": _s(State.REFUSED),
                ":reason": _s(reason),
                ":epoch": _n(lease.epoch),
                ":tried": _n(lease.last_tried(self._now())),
            }
            | untried,
        )

    def release(self, lease: Lease, *, mismatched: bool = False) -> None:
        """End the lease now; the sign-up stays open."""
        forgetting, untried = _forgetting(lease)
        noting = ", mismatched_at = if_not_exists(mismatched_at, :tried)" if mismatched else ""
        self._update(
            _record_key(lease.user),
            f"SET lease_until = :zero, updated_at = :tried{noting} REMOVE #owner{forgetting}",
            _MY_EPOCH,
            {
                ":open": _s(State.OPEN),
                ":epoch": _n(lease.epoch),
                ":zero": _n(0),
                ":tried": _n(lease.last_tried(self._now())),
            }
            | untried,
        )

    def lock_email(self, lease: Lease, email: str) -> bool:
        """Take the lock: free, ended, or this user's own of an earlier or the same epoch."""
        now = self._now()
        until = now + EMAIL_LOCK_SECONDS
        found = self._update(
            _lock_key(lease.user.tenant, email),
            "SET holder = :holder, epoch = :epoch, lease_until = :until, expires_at = :expires",
            f"{_NO_ITEM} OR {_LOCK_ENDED} OR {_MY_LOCK}",
            {
                ":holder": _s(lease.user.user_id),
                ":epoch": _n(lease.epoch),
                ":now": _n(now),
                ":until": _n(until),
                ":expires": _n(int(until) + 1),
            },
        )
        return not isinstance(found, _Failed)

    def claim(self, lease: Lease, customer_id: CustomerId, instead_of: User | None = None) -> bool:
        """Write who adopts the customer, unless somebody else has; then, that it begins."""
        claimed = self._update(
            {"pk": _s(f"adoption#{customer_id}")},
            "SET holder = :holder",
            f"{_NO_ITEM} OR {_SAME_HOLDER} OR {_REPLACED_HOLDER}",
            {
                ":holder": _s(_holder(lease.user)),
                ":replaced": _s(_holder(instead_of or lease.user)),
            },
        )
        if isinstance(claimed, _Failed):
            return False
        begun = self._update(
            _record_key(lease.user),
            "SET adopting = :customer_id, updated_at = :now",
            _MY_EPOCH,
            {
                ":open": _s(State.OPEN),
                ":epoch": _n(lease.epoch),
                ":customer_id": _s(customer_id),
                ":now": _n(self._now()),
            },
        )
        return not isinstance(begun, _Failed)

    def unlock_email(self, lease: Lease, email: str) -> None:
        """Delete the lock if it is still this epoch's."""
        self._write(
            self._client.delete_item,
            Key=_lock_key(lease.user.tenant, email),
            ConditionExpression=_MY_LOCK_OF_THIS_EPOCH,
            ExpressionAttributeValues={
                ":holder": _s(lease.user.user_id),
                ":epoch": _n(lease.epoch),
            },
        )

    def _held(self, item: _Item, user: User, email: str | None) -> Lease | Linked | Busy:
        """Say who holds a record that could not be opened."""
        if item["state"]["S"] == State.LINKED:
            return Linked(CustomerId(item["customer_id"]["S"]), int(item["epoch"]["N"]))
        if item.get("owner", {}).get("S") != self._run.owner:
            return Busy()
        # An earlier try of this very call took the lease, and its answer was lost.
        epoch = int(item["epoch"]["N"])
        if epoch == 1:
            return _lease(user, {}, email, float(item["attempt_since"]["N"]))
        return replace(
            _lease(user, item, email, self._now()),
            epoch=epoch,
            untried=None,
            last_write=self._now(),
        )

    def _lease_values(self, now: float, email: str | None) -> dict[str, Any]:
        values = {
            ":open": _s(State.OPEN),
            ":owner": _s(self._run.owner),
            ":now": _n(now),
            ":until": _n(now + RECORD_LEASE_SECONDS),
            ":one": _n(1),
        }
        return values | ({":emails": {"SS": list(_lowered(email))}} if email else {})

    def _update(
        self,
        key: _Item,
        update: str,
        condition: str,
        values: _Item,
    ) -> _Written | _Failed:
        expressions = update + condition
        names = {alias: name for alias, name in _RESERVED.items() if alias in expressions}
        return self._write(
            self._client.update_item,
            Key=key,
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_OLD",
            **({"ExpressionAttributeNames": names} if names else {}),
        )

    def _write(self, operation: Callable[..., Any], **request: object) -> _Written | _Failed:
        try:
            answer = self._call(
                operation,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **request,
            )
        except AwsRefusedError as failed:
            return _Failed(failed.item)
        return _Written(answer.get("Attributes", {}))

    def _call(self, operation: Callable[..., Any], **request: object) -> Any:  # noqa: ANN401 (DynamoDB's documents)
        for tries_left in reversed(range(_TRIES)):
            if self._run.remaining() < CALL_SECONDS:
                break
            try:
                return operation(TableName=self._table, **request)
            except AwsRefusedError as error:
                if error.code == CONDITION_FAILED:
                    raise
                if error.code not in _PASSING:
                    raise LedgerUnavailableError(f"DynamoDB answered {error.code}") from None
            except AwsSilentError:
                pass  # no connection, or the answer was lost: a repetition is safe either way
            if tries_left:
                self._run.clock.sleep(random.uniform(0.5, 1.5) * _PAUSE_SECONDS)  # noqa: S311 (jitter)
        raise LedgerUnavailableError("DynamoDB did not answer within the budget")

    def _now(self) -> float:
        return self._run.clock.time()


def _record_key(user: User) -> _Item:
    return {"pk": _s(f"signup#{user.tenant}#{user.user_id}")}


def _holder(user: User) -> str:
    return f"{user.tenant}#{user.user_id}"


def _lock_key(tenant: Tenant, email: str) -> _Item:
    digest = hashlib.sha256(email.casefold().encode()).hexdigest()
    return {"pk": _s(f"email#{tenant}#{digest}")}


def _lease(user: User, old: _Item, email: str | None, now: float) -> Lease:
    """Give the lease that an update of `old` took."""
    known = frozenset(old.get("emails", {}).get("SS", ()))
    mismatched_at, reason = old.get("mismatched_at"), old.get("reason")
    adopting = old.get("adopting")
    return Lease(
        user,
        epoch=int(old.get("epoch", _n(0))["N"]) + 1,
        attempt=int(old.get("attempt", _n(1))["N"]),
        attempt_since=float(old.get("attempt_since", _n(now))["N"]),
        emails=known | _lowered(email),
        untried=next(iter(_lowered(email) - known), None),
        last_write=float(old.get("updated_at", _n(0))["N"]),
        mismatched_at=float(mismatched_at["N"]) if mismatched_at else None,
        refused=Reason(reason["S"]) if reason else None,
        adopting=CustomerId(adopting["S"]) if adopting else None,
    )


def _lowered(email: str | None) -> frozenset[str]:
    return frozenset({email.lower()} if email else ())


def _forgetting(lease: Lease) -> tuple[str, dict[str, Any]]:
    """Give the clause that drops an address which no create was sent with, and its value."""
    if lease.untried is None or lease.has_tried:
        return "", {}
    return " DELETE emails :untried", {":untried": {"SS": [lease.untried]}}


def _noting(email: str | None) -> str:
    return " ADD emails :emails" if email else ""


def _s(value: str) -> dict[str, str]:
    return {"S": str(value)}


def _n(value: float) -> dict[str, str]:
    return {"N": str(value) if isinstance(value, int) else f"{value:.3f}"}
