"""The ledger on DynamoDB: single-item conditional writes, each clause with a name.

A write whose answer was lost is repeated, and then fails its condition. So a failed condition is
compared with the write's own effect: the lease by `owner`, the link by its customer, the attempt by
its number.

`updated_at` bounds when a create, or an adoption's update, was last sent: an invocation that ends
without having sent one puts back what it found (`Lease.last_tried`).
"""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError, LedgerClient
from customerlink.model.customer import NewCustomer
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.frozen import frozen
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import (
    EMAIL_LOCK_SECONDS,
    RECORD_LEASE_SECONDS,
    SKEW_SECONDS,
    Adoption,
    Busy,
    Lease,
    Linked,
    Lock,
    State,
)
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.run import Run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECT_SECONDS = READ_SECONDS = 0.4
"""A sign-up's client has these time-outs: `run.LEDGER_RESERVE_SECONDS` holds two such calls."""

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
_MY_OWN = "#owner = :owner"
_NOT_LATE = "(attribute_not_exists(updated_at) OR updated_at < :latest)"
"""A write that comes long after its caller gave up must not put a time back."""
_SAME_ATTEMPT = "attempt = :attempt"
_SAME_LINK = "(#state = :linked AND customer_id = :customer_id AND epoch = :epoch)"
_LOCK_ENDED = "lease_until < :now"
_MY_LOCK = "(holder = :holder AND epoch <= :epoch AND lease_until <= :latest)"
_SAME_HOLDER = "holder = :holder"
_REPLACED_HOLDER = "holder = :replaced"
_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch AND #owner = :owner"

_INDEXED = "is_open, open_since"
"""The keys of the sparse index `OPEN_INDEX`: an item without them is not in it."""

_RESERVED = {"#state": "state", "#owner": "owner", "#create": "create"}
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
        """Return whether the item is as an earlier, unanswered try of this write leaves it."""
        plain = {name: next(iter(self.item.get(name, {"": None}).values())) for name in expected}
        return plain == {name: str(value) for name, value in expected.items()}


def open_sign_ups(client: "DynamoDBClient", table: str, before: float) -> Iterator[User]:
    """Return the users whose sign-ups have been open since before a unix time, the oldest first."""
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


class Installation:
    """What a warm function keeps of the deployment's first report."""

    since: float | None = None


class DynamoDbLedger:
    """The ledger port over one table, for one invocation."""

    def __init__(
        self,
        client: LedgerClient,
        table: str,
        run: Run,
        installation: Installation | None = None,
    ) -> None:
        """Take a client without retries of its own; a warm function keeps the installation."""
        self._client = client
        self._table = table
        self._run = run
        self._installation = installation or Installation()

    def installed_at(self) -> float:
        """Read when the first one asked; the first one writes it."""
        if self._installation.since is None:
            answer = self._call(
                self._client.update_item,
                Key={"pk": _s("installation")},
                UpdateExpression="SET installed_at = if_not_exists(installed_at, :now)",
                ExpressionAttributeValues={":now": _n(self._now())},
                ReturnValues="ALL_NEW",
            )
            self._installation.since = float(answer["Attributes"]["installed_at"]["N"])
        return self._installation.since

    def has_record(self, user: User) -> bool:
        """Read the record, strongly consistently.

        One of release 0.1 does not say who opened it: an admission, as far as a login must know.
        """
        answer = self._call(
            self._client.get_item,
            Key=_record_key(user),
            ConsistentRead=True,
            ProjectionExpression="#state, admitted, reason",
            ExpressionAttributeNames={"#state": "state"},
        )
        item = answer.get("Item")
        if item is None:
            return False
        return item["state"]["S"] == State.LINKED or "reason" in item or _is_admitted(item)

    def open(
        self, user: User, create: NewCustomer | None, *, admission: bool
    ) -> Lease | Linked | Busy:
        """Take the lease of a new, an ended or an abandoned sign-up."""
        now = self._now()
        admitted = ":admission" if admission else "if_not_exists(admitted, :admission)"
        found = self._update(
            _record_key(user),
            "SET #state = :open, lease_until = :until, #owner = :owner, updated_at = :now, "
            "epoch = if_not_exists(epoch, :zero) + :one, attempt = if_not_exists(attempt, :one), "
            "attempt_since = if_not_exists(attempt_since, :now), "
            f"is_open = :open, open_since = if_not_exists(open_since, :now), admitted = {admitted}"
            f"{_freezing(create)}",
            f"{_NO_ITEM} OR (({_REFUSED} OR {_LEASE_ENDED}) AND {_NOT_LATE})",
            self._lease_values(now, create)
            | {
                ":refused": _s(State.REFUSED),
                ":latest": _n(now + 2 * SKEW_SECONDS),
                ":zero": _n(0),
                ":admission": {"BOOL": admission},
            },
        )
        if isinstance(found, _Failed):
            return self._held(found.item, user, create)
        return _lease(user, found.old, create, now, admitted=admission or _is_admitted(found.old))

    def reopen(self, user: User, stale: Linked, create: NewCustomer | None) -> Lease | Busy:
        """Open a linked sign-up whose customer is gone, with the next attempt.

        A login takes notice of a linked record, and goes on doing so.
        """
        now = self._now()
        found = self._update(
            _record_key(user),
            "SET #state = :open, lease_until = :until, #owner = :owner, updated_at = :now, "
            "epoch = epoch + :one, attempt = attempt + :one, attempt_since = :now, "
            "is_open = :open, open_since = :now, admitted = :yes"
            f"{', #create = :create, emails = :emails' if create else ''} "
            f"REMOVE customer_id{'' if create else ', #create, emails'}",
            _SAME_LINK,
            self._lease_values(now, create)
            | {
                ":linked": _s(State.LINKED),
                ":customer_id": _s(stale.customer_id),
                ":epoch": _n(stale.epoch),
                ":yes": {"BOOL": True},
            },
        )
        if isinstance(found, _Failed):
            held = self._held(found.item, user, create)
            return held if isinstance(held, Lease) else _busy(found.item)
        return replace(
            _lease(user, found.old, create, now, admitted=True),
            attempt=int(found.old["attempt"]["N"]) + 1,
            attempt_since=now,
            create=create,
            was_sent=False,
            earlier_emails=frozenset(),
        )

    def next_attempt(self, lease: Lease, create: NewCustomer) -> Lease | Busy:
        """Raise the attempt, and with it the idempotency key."""
        now = self._now()
        found = self._update(
            _record_key(lease.user),
            "SET attempt = :next, attempt_since = :now, updated_at = :now, #create = :create, "
            "emails = :emails",
            f"{_MY_EPOCH} AND {_SAME_ATTEMPT}",
            {
                ":open": _s(State.OPEN),
                ":epoch": _n(lease.epoch),
                ":attempt": _n(lease.attempt),
                ":next": _n(lease.attempt + 1),
                ":now": _n(now),
                **_frozen(create),
            },
        )
        raised = replace(
            lease,
            attempt=lease.attempt + 1,
            attempt_since=now,
            create=create,
            was_sent=False,
            earlier_emails=frozenset(),
        )
        if isinstance(found, _Failed) and not found.shows(
            epoch=lease.epoch, attempt=raised.attempt
        ):
            return _busy(found.item)
        return raised

    def link(self, lease: Lease, customer_id: CustomerId) -> bool:
        """Record the link; what was kept for the next try has served its purpose and goes."""
        found = self._update(
            _record_key(lease.user),
            "SET #state = :linked, customer_id = :customer_id, updated_at = :now "
            "REMOVE lease_until, #owner, #create, emails, reason, admitted, "
            f"adopting, instead_of, {_INDEXED}",
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
        """Record the refusal."""
        self._end(lease, State.REFUSED, "reason = :reason", {":reason": _s(reason)})

    def close(self, lease: Lease, *, is_gone: bool = False) -> None:
        """Put back what was there: the refusal that an admission had ended with, or nothing at all.

        A record of the first epoch, from which nothing was sent, is no use to anybody. Deleting it
        is safe because its owner does: no earlier epoch's zombie can take the next one for its own.
        """
        if lease.leaves_nothing():
            self._write(
                self._client.delete_item,
                Key=_record_key(lease.user),
                ConditionExpression=f"{_MY_EPOCH} AND {_MY_OWN}",
                ExpressionAttributeNames={"#state": "state", "#owner": "owner"},
                ExpressionAttributeValues={
                    ":open": _s(State.OPEN),
                    ":epoch": _n(lease.epoch),
                    ":owner": _s(self._run.owner),
                },
            )
            return
        if is_gone:
            # Its key has been used, so the next one is another's.
            gone = replace(lease, create=None, was_sent=False, adopting=None)
            self._end(gone, State.REFUSED, "attempt = attempt + :one", {":one": _n(1)})
            return
        self._end(lease, State.REFUSED)

    def release(self, lease: Lease) -> None:
        """End the lease now; the sign-up stays open."""
        self._end(lease, State.OPEN, "lease_until = :zero", {":zero": _n(0)})

    def _end(
        self, lease: Lease, state: State, setting: str = "", values: _Item | None = None
    ) -> None:
        """End a lease; the record keeps a create only if somebody may have sent it.

        Whoever finds one there has to take it for sent: an invocation that died says nothing.
        """
        dropped = "" if state is State.OPEN else f", lease_until, {_INDEXED}"
        dropped += ", #create, emails, attempt_since" if lease.drops_create() else ""
        dropped += "" if lease.adopting else ", adopting, instead_of"
        self._update(
            _record_key(lease.user),
            f"SET #state = :state, updated_at = :tried, admitted = :admitted"
            f"{f', {setting}' if setting else ''} REMOVE #owner{dropped}",
            _MY_EPOCH,
            {
                ":open": _s(State.OPEN),
                ":state": _s(state),
                ":epoch": _n(lease.epoch),
                ":tried": _n(lease.last_tried(self._now())),
                ":admitted": {"BOOL": lease.admitted},
                **(values or {}),
            },
        )

    def begin_adoption(self, lease: Lease, adoption: Adoption) -> Lease | Busy:
        """Write down whom it is about, before the claim, which is not fenced and never goes."""
        other = adoption.instead_of
        found = self._update(
            _record_key(lease.user),
            "SET adopting = :customer_id, updated_at = :now"
            f"{', instead_of = :other' if other else ' REMOVE instead_of'}",
            # The owner too: a late one could meet the same epoch of a record that was deleted.
            f"{_MY_EPOCH} AND {_MY_OWN}",
            {
                ":open": _s(State.OPEN),
                ":epoch": _n(lease.epoch),
                ":owner": _s(self._run.owner),
                ":customer_id": _s(adoption.customer_id),
                ":now": _n(self._now()),
                **({":other": _s(other.user_id)} if other else {}),
            },
        )
        if isinstance(found, _Failed):
            return _busy(found.item)
        return replace(lease, adopting=adoption, sends_update=True)

    def claim(self, user: User, adoption: Adoption) -> bool:
        """Write who adopts the customer, unless somebody else has."""
        claimed = self._update(
            {"pk": _s(f"adoption#{adoption.customer_id}")},
            "SET holder = :holder",
            f"{_NO_ITEM} OR {_SAME_HOLDER} OR {_REPLACED_HOLDER}",
            {
                ":holder": _s(_holder(user)),
                ":replaced": _s(_holder(adoption.instead_of or user)),
            },
        )
        return not isinstance(claimed, _Failed)

    def lock_email(self, lease: Lease, email: str) -> Lock:
        """Take the lock: free, ended, or this user's own of an earlier or the same epoch.

        Not one that ends later than clocks may differ: this call may be a late one, and must not
        shorten what a newer one guards.
        """
        now = self._now()
        until = now + EMAIL_LOCK_SECONDS
        found = self._update(
            _lock_key(lease.user.tenant, email),
            "SET holder = :holder, epoch = :epoch, #owner = :owner, lease_until = :until, "
            "expires_at = :expires",
            f"{_NO_ITEM} OR {_LOCK_ENDED} OR {_MY_LOCK}",
            {
                ":holder": _s(lease.user.user_id),
                ":epoch": _n(lease.epoch),
                ":owner": _s(self._run.owner),
                ":now": _n(now),
                ":until": _n(until),
                ":latest": _n(until + 2 * SKEW_SECONDS),
                ":expires": _n(int(until) + 1),
            },
        )
        if isinstance(found, _Failed):
            holder = UserId(found.item.get("holder", _s(""))["S"])
            return Lock(User(lease.user.tenant, holder), is_mine=False)
        # After a lost answer it seems to be an old one, and is left to lapse.
        return Lock(lease.user, is_new=float(found.old.get("lease_until", _n(0))["N"]) < now)

    def unlock_email(self, lease: Lease, email: str) -> None:
        """Delete the lock if it is still this invocation's.

        The epoch alone does not say so: it starts anew where a record was deleted.
        """
        self._write(
            self._client.delete_item,
            Key=_lock_key(lease.user.tenant, email),
            ConditionExpression=_MY_OWN_LOCK,
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={
                ":holder": _s(lease.user.user_id),
                ":epoch": _n(lease.epoch),
                ":owner": _s(self._run.owner),
            },
        )

    def _held(self, item: _Item, user: User, create: NewCustomer | None) -> Lease | Linked | Busy:
        """Say who holds a record that could not be opened."""
        if item["state"]["S"] == State.LINKED:
            return Linked(CustomerId(item["customer_id"]["S"]), int(item["epoch"]["N"]))
        if item.get("owner", {}).get("S") != self._run.owner:
            return _busy(item)
        # An earlier try of this very call took the lease, and its answer was lost. What the record
        # was before is lost with it, so but for a new record's the create is taken for sent.
        now, admitted = self._now(), _is_admitted(item)
        if int(item["epoch"]["N"]) == 1:
            since = float(item["attempt_since"]["N"])
            return replace(_lease(user, {}, create, now, admitted=admitted), attempt_since=since)
        lease = _lease(user, item, create, now, admitted=admitted)
        return replace(lease, epoch=lease.epoch - 1)

    def _lease_values(self, now: float, create: NewCustomer | None) -> dict[str, Any]:
        values = {
            ":open": _s(State.OPEN),
            ":owner": _s(self._run.owner),
            ":now": _n(now),
            ":until": _n(now + RECORD_LEASE_SECONDS),
            ":one": _n(1),
        }
        return values | (_frozen(create) if create else {})

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


def _lease(
    user: User, old: _Item, create: NewCustomer | None, now: float, *, admitted: bool
) -> Lease:
    """Return the lease that an update of `old` took."""
    frozen_create, earlier = old.get("create"), old.get("emails", {}).get("SS", ())
    reason, adopting = old.get("reason"), old.get("adopting")
    return Lease(
        user,
        epoch=int(old.get("epoch", _n(0))["N"]) + 1,
        attempt=int(old.get("attempt", _n(1))["N"]),
        attempt_since=float(old.get("attempt_since", _n(now))["N"]),
        create=NewCustomer.read(frozen_create["S"]) if frozen_create else create,
        was_sent=bool(frozen_create or earlier),
        last_write=float(old.get("updated_at", _n(0))["N"]),
        admitted=admitted,
        refused=Reason(reason["S"]) if reason else None,
        adopting=_adoption(user.tenant, old) if adopting else None,
        earlier_emails=frozenset(earlier),
    )


def _freezing(create: NewCustomer | None) -> str:
    """Return the clauses that freeze a create, unless one is frozen already.

    `emails` is for the functions of release 0.1, which a deployment may go back to.
    """
    if create is None:
        return ""
    frozen_already = "if_not_exists(#create, :create), emails = if_not_exists(emails, :emails)"
    return f", #create = {frozen_already}"


def _frozen(create: NewCustomer) -> dict[str, Any]:
    return {":create": _s(create.text()), ":emails": {"SS": [create.email]}}


def _adoption(tenant: Tenant, item: _Item) -> Adoption:
    other = item.get("instead_of")
    instead_of = User(tenant, UserId(other["S"])) if other else None
    return Adoption(CustomerId(item["adopting"]["S"]), instead_of)


def _is_admitted(item: _Item) -> bool:
    """Return whether an admission opened a record; True for an item of release 0.1."""
    return bool(item) and bool(item.get("admitted", {"BOOL": True})["BOOL"])


def _busy(item: _Item) -> Busy:
    reason = item.get("reason")
    return Busy(Reason(reason["S"]) if reason else None)


def _s(value: str) -> dict[str, str]:
    return {"S": str(value)}


def _n(value: float) -> dict[str, str]:
    return {"N": str(value) if isinstance(value, int) else f"{value:.3f}"}
