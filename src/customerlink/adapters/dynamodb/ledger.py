"""The ledger on DynamoDB: single-item conditional writes, each clause with a name.

A write whose answer was lost is repeated, and then fails its condition. So a failed condition is
compared with the write's own effect: the lease by `owner`, the link by its customer, the attempt by
its number.

`updated_at` bounds when a create, or an adoption's update, was last sent: an invocation that ends
without having sent one puts back what it found (`Lease.last_tried`).
"""

from typing import Any

from customerlink.adapters.aws.aws_json import LedgerClient
from customerlink.adapters.dynamodb.items import (
    ADOPTING,
    INDEXED,
    Item,
    adoption_values,
    busy,
    claim_key,
    freezing,
    frozen_values,
    holder,
    is_admitted,
    lease_over,
    lock_key,
    n,
    record_key,
    s,
)
from customerlink.adapters.dynamodb.table import Failed, Table, Written
from customerlink.model.customer import NewCustomer
from customerlink.model.frozen import replace
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import (
    EMAIL_LOCK_SECONDS,
    GONE_SECONDS,
    RECORD_LEASE_SECONDS,
    SETTLED_SECONDS,
    SKEW_SECONDS,
    Adoption,
    Busy,
    Lease,
    Linked,
    Lock,
    State,
)
from customerlink.model.user import CustomerId, User, UserId
from customerlink.ports.run import Run

# The clauses that the conditions are made of, each with the race that it decides. DynamoDB carries
# out the writes to one item one after another, so of two that race the second sees the first.

# Two first tabs: one writes the record, the other finds it.
_NO_ITEM = "attribute_not_exists(pk)"
# A refusal holds until somebody tries again.
_REFUSED = "#state = :refused"
# Two tabs: the second finds `lease_until` in the future. After a crash, the next try finds it past.
_LEASE_ENDED = "(#state = :open AND lease_until < :now)"
# A zombie that wakes up: whoever took its lease over has raised `epoch`.
_MY_EPOCH = "(#state = :open AND epoch = :epoch)"
# Epochs begin anew where a record was deleted: a zombie may meet its own number there.
_MY_OWN = "#owner = :owner"
# Sent, given up, and carried out after a later write: it must not put that one's time back.
_NOT_LATE = "(attribute_not_exists(updated_at) OR updated_at < :latest)"
# A raise that is repeated after a lost answer: the first one has changed the number.
_SAME_ATTEMPT = "attempt = :attempt"
# Two tabs find the customer gone: the second finds the record open again.
_SAME_LINK = "(#state = :linked AND customer_id = :customer_id AND epoch = :epoch)"
# Two users with one address: the second finds `lease_until` in the future.
_LOCK_ENDED = "lease_until < :now"
# One user's next try takes its own lock along; a zombie's or a late write would shorten it.
_MY_LOCK = "(holder = :holder AND epoch <= :epoch AND lease_until <= :latest)"
# A claim is for good, so a repeated one finds itself; linked accounts hand theirs over.
_SAME_HOLDER = "holder = :holder"
_REPLACED_HOLDER = "holder = :replaced"
# Whoever was gone has come back, and has the customer: the adoption in their place is too late.
_SINCE_GONE = "(attribute_not_exists(claimed_at) OR claimed_at < :gone_since)"
# The other way round: what the heir has sent may be on its way, until its claim is old.
_CLAIM_SETTLED = "attribute_not_exists(claimed_at) OR claimed_at < :settled"
# The user's next try may have the lock by now, at the same epoch of a record made anew.
_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch AND #owner = :owner"


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
        *,
        lease_seconds: float = RECORD_LEASE_SECONDS,
    ) -> None:
        """Take a client without retries of its own; a warm function keeps the installation."""
        self._lease_seconds = lease_seconds
        self._table = Table(client, table, run)
        self._run = run
        self._installation = installation or Installation()

    def installed_at(self) -> float:
        """Read when the first one asked; the first one writes it."""
        if self._installation.since is None:
            item = self._table.write(
                {"pk": s("installation")},
                # Two first reports: the second one keeps the first one's time.
                "SET installed_at = if_not_exists(installed_at, :now)",
                {":now": n(self._now())},
            )
            self._installation.since = float(item["installed_at"]["N"])
        return self._installation.since

    def has_record(self, user: User) -> bool:
        """Read the record, strongly consistently.

        One of release 0.1 does not say who opened it: an admission, as far as a login must know.
        """
        item = self._table.read(record_key(user), "#state, admitted, reason")
        if item is None:
            return False
        return item["state"]["S"] == State.LINKED or "reason" in item or is_admitted(item)

    def open(
        self, user: User, create: NewCustomer | None, *, admission: bool
    ) -> Lease | Linked | Busy:
        """Take the lease of a new, an ended or an abandoned sign-up."""
        now = self._now()
        admitted = ":admission" if admission else "if_not_exists(admitted, :admission)"
        found = self._table.update(
            record_key(user),
            "SET #state = :open, lease_until = :until, #owner = :owner, updated_at = :now, "
            "epoch = if_not_exists(epoch, :zero) + :one, attempt = if_not_exists(attempt, :one), "
            "attempt_since = if_not_exists(attempt_since, :now), "
            f"is_open = :open, open_since = if_not_exists(open_since, :now), admitted = {admitted}"
            f"{freezing(create)}"
            # Of a record that would soon have gone, since its user had.
            " REMOVE expires_at",
            # 0 s: tab 1 opens; 0.1 s: tab 2 fails, and is busy; 16 s: tab 1 has died, tab 3 opens.
            f"{_NO_ITEM} OR (({_REFUSED} OR {_LEASE_ENDED}) AND {_NOT_LATE})",
            self._lease_values(now, create)
            | {
                ":refused": s(State.REFUSED),
                ":latest": n(now + 2 * SKEW_SECONDS),
                ":zero": n(0),
                ":admission": {"BOOL": admission},
            },
        )
        if isinstance(found, Failed):
            return self._held(found.item, user, create)
        return lease_over(
            user, found.old, create, now, admitted=admission or is_admitted(found.old)
        )

    def reopen(self, user: User, stale: Linked, create: NewCustomer | None) -> Lease | Busy:
        """Open a linked sign-up whose customer is gone, with the next attempt.

        A login takes notice of a linked record, and goes on doing so.
        """
        now = self._now()
        found = self._table.update(
            record_key(user),
            "SET #state = :open, lease_until = :until, #owner = :owner, updated_at = :now, "
            "epoch = epoch + :one, attempt = attempt + :one, attempt_since = :now, "
            "is_open = :open, open_since = :now, admitted = :yes"
            f"{', #create = :create, emails = :emails' if create else ''} "
            f"REMOVE customer_id{'' if create else ', #create, emails'}",
            _SAME_LINK,
            self._lease_values(now, create)
            | {
                ":linked": s(State.LINKED),
                ":customer_id": s(stale.customer_id),
                ":epoch": n(stale.epoch),
                ":yes": {"BOOL": True},
            },
        )
        if isinstance(found, Failed):
            held = self._held(found.item, user, create)
            return held if isinstance(held, Lease) else busy(found.item)
        return replace(
            lease_over(user, found.old, create, now, admitted=True),
            attempt=int(found.old["attempt"]["N"]) + 1,
            attempt_since=now,
            create=create,
            was_sent=False,
            earlier_emails=frozenset(),
        )

    def next_attempt(self, lease: Lease, create: NewCustomer) -> Lease | Busy:
        """Raise the attempt, and with it the idempotency key."""
        now = self._now()
        found = self._table.update(
            record_key(lease.user),
            "SET attempt = :next, attempt_since = :now, updated_at = :now, #create = :create, "
            "emails = :emails",
            f"{_MY_EPOCH} AND {_SAME_ATTEMPT}",
            {
                ":open": s(State.OPEN),
                ":epoch": n(lease.epoch),
                ":attempt": n(lease.attempt),
                ":next": n(lease.attempt + 1),
                ":now": n(now),
                **frozen_values(create),
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
        if isinstance(found, Failed) and not found.shows(epoch=lease.epoch, attempt=raised.attempt):
            return busy(found.item)
        return raised

    def link(self, lease: Lease, customer_id: CustomerId) -> bool:
        """Record the link; what was kept for the next try has served its purpose and goes."""
        return self._linked(lease, customer_id, self._now())

    def restore(self, lease: Lease, recorded: Linked) -> bool:
        """Record the link once more, of the time that it had: no log-in was told of it since."""
        at = lease.last_tried(self._now())
        return self._linked(lease, recorded.customer_id, at)

    def _linked(self, lease: Lease, customer_id: CustomerId, at: float) -> bool:
        found = self._table.update(
            record_key(lease.user),
            "SET #state = :linked, customer_id = :customer_id, updated_at = :now "
            "REMOVE lease_until, #owner, #create, emails, reason, admitted, "
            # The first one where a release that knew nothing of it had opened the record.
            f"expires_at, was_gone, had, {ADOPTING}, {INDEXED}",
            # A zombie fails here, and its successor links: both have the same customer, by the key.
            _MY_EPOCH,
            {
                ":open": s(State.OPEN),
                ":linked": s(State.LINKED),
                ":epoch": n(lease.epoch),
                ":customer_id": s(customer_id),
                ":now": n(at),
            },
        )
        if isinstance(found, Failed):
            return found.shows(state=State.LINKED, customer_id=customer_id)
        return True

    def refuse(self, lease: Lease, reason: Reason) -> None:
        """Record the refusal."""
        self._end(lease, State.REFUSED, "reason = :reason", {":reason": s(reason)})

    def close(self, lease: Lease, *, is_gone: bool = False) -> bool:
        """Put back what was there: the refusal that an admission had ended with, or nothing at all.

        A record of the first epoch, from which nothing was sent, is no use to anybody. Deleting it
        is safe because its owner does: no earlier epoch's zombie can take the next one for its own.
        One of a user who is gone tells them, should they come back, that they were, and what they
        had: no look-up finds that, should they have another address by then.
        """
        if is_gone:
            # Its key has been used, so the next one is another's.
            gone = replace(lease, create=None, was_sent=False, adopting=None)
            expires = n(int(self._now() + GONE_SECONDS))
            setting = "attempt = attempt + :one, expires_at = :expires, was_gone = :gone"
            values = {":one": n(1), ":expires": expires, ":gone": {"BOOL": True}}
            if lease.had:
                setting, values = f"{setting}, had = :had", {**values, ":had": s(lease.had)}
            return self._end(gone, State.REFUSED, setting, values)
        if lease.leaves_nothing():
            deleted = self._table.delete(
                record_key(lease.user),
                f"{_MY_EPOCH} AND {_MY_OWN}",
                {
                    ":open": s(State.OPEN),
                    ":epoch": n(lease.epoch),
                    ":owner": s(self._run.owner),
                },
            )
            return isinstance(deleted, Written) or not deleted.item
        return self._end(lease, State.REFUSED)

    def release(self, lease: Lease) -> None:
        """End the lease now; the sign-up stays open."""
        self._end(lease, State.OPEN, "lease_until = :zero", {":zero": n(0)})

    def _end(
        self, lease: Lease, state: State, setting: str = "", values: Item | None = None
    ) -> bool:
        """End a lease; the record keeps a create only if somebody may have sent it.

        Whoever finds one there has to take it for sent: an invocation that died says nothing.
        """
        dropped = "" if state is State.OPEN else f", lease_until, {INDEXED}"
        dropped += ", #create, emails, attempt_since" if lease.drops_create() else ""
        dropped += "" if lease.adopting else f", {ADOPTING}"
        ended = self._table.update(
            record_key(lease.user),
            f"SET #state = :state, updated_at = :tried, admitted = :admitted"
            f"{f', {setting}' if setting else ''} REMOVE #owner{dropped}",
            _MY_EPOCH,
            {
                ":open": s(State.OPEN),
                ":state": s(state),
                ":epoch": n(lease.epoch),
                ":tried": n(lease.last_tried(self._now())),
                ":admitted": {"BOOL": lease.admitted},
                **(values or {}),
            },
        )
        return isinstance(ended, Written) or ended.shows(state=state, epoch=lease.epoch)

    def begin_adoption(self, lease: Lease, adoption: Adoption) -> Lease | Busy:
        """Write down whom it is about, before the claim, which is not fenced and never goes."""
        more = adoption_values(adoption)
        dropped = ", ".join(each for each in ADOPTING.split(", ") if f":{each}" not in more)
        found = self._table.update(
            record_key(lease.user),
            f"SET {', '.join(f'{each[1:]} = {each}' for each in more)}, updated_at = :now"
            f"{f' REMOVE {dropped}' if dropped else ''}",
            # 0 s: sent, given up; 1 s: deleted; 2 s: opened anew, at this epoch; 3 s: it arrives.
            f"{_MY_EPOCH} AND {_MY_OWN}",
            {
                ":open": s(State.OPEN),
                ":epoch": n(lease.epoch),
                ":owner": s(self._run.owner),
                ":now": n(self._now()),
                **more,
            },
        )
        if isinstance(found, Failed):
            return busy(found.item)
        return replace(lease, adopting=adoption, sends_update=True)

    def claim(self, user: User, adoption: Adoption) -> bool:
        """Write who adopts the customer, unless somebody else has."""
        if adoption.instead_of is None:
            return self._claimed(user, adoption.customer_id, _SAME_HOLDER, {})
        replaced = {":replaced": s(holder(adoption.instead_of))}
        if adoption.gone_since is not None:
            unless = f"({_REPLACED_HOLDER} AND {_SINCE_GONE})"
            values = {**replaced, ":gone_since": n(adoption.gone_since)}
            return self._claimed(user, adoption.customer_id, unless, values)
        unless = f"{_REPLACED_HOLDER} OR {_CLAIM_SETTLED}"
        return self._claimed(user, adoption.customer_id, unless, {**replaced, **self._settled()})

    def reclaim(self, user: User, customer_id: CustomerId) -> bool:
        """Write that its user has it, unless whoever claimed it last may have sent an update."""
        return self._claimed(user, customer_id, _CLAIM_SETTLED, self._settled())

    def _settled(self) -> Item:
        """Return before when a claim was made of which nothing is on its way."""
        return {":settled": n(self._now() - SETTLED_SECONDS)}

    def _claimed(self, user: User, customer_id: CustomerId, unless: str, values: Item) -> bool:
        """Write a claim that nobody has, the user has, or whose holder may be replaced."""
        claimed = self._table.update(
            claim_key(customer_id),
            "SET holder = :holder, claimed_at = :now",
            f"{_NO_ITEM} OR {_SAME_HOLDER} OR {unless}",
            {":holder": s(holder(user)), ":now": n(self._now()), **values},
        )
        return not isinstance(claimed, Failed)

    def lock_email(self, lease: Lease, email: str) -> Lock:
        """Take the lock: free, ended, or this user's own of an earlier or the same epoch."""
        now = self._now()
        until = now + EMAIL_LOCK_SECONDS
        found = self._table.update(
            lock_key(lease.user.tenant, email),
            "SET holder = :holder, epoch = :epoch, #owner = :owner, lease_until = :until, "
            "expires_at = :expires",
            f"{_NO_ITEM} OR {_LOCK_ENDED} OR {_MY_LOCK}",
            {
                ":holder": s(lease.user.user_id),
                ":epoch": n(lease.epoch),
                ":owner": s(self._run.owner),
                ":now": n(now),
                ":until": n(until),
                # One that ends later, by more than clocks differ, was taken after this was sent.
                ":latest": n(until + 2 * SKEW_SECONDS),
                # For DynamoDB's TTL, which counts whole seconds: never before the lock's own end.
                ":expires": n(int(until) + 1),
            },
        )
        if isinstance(found, Failed):
            other = UserId(found.item.get("holder", s(""))["S"])
            return Lock(User(lease.user.tenant, other), is_mine=False)
        # After a lost answer it seems to be an old one, and is left to lapse.
        return Lock(lease.user, is_new=float(found.old.get("lease_until", n(0))["N"]) < now)

    def unlock_email(self, lease: Lease, email: str) -> None:
        """Delete the lock if it is still this invocation's."""
        self._table.delete(
            lock_key(lease.user.tenant, email),
            _MY_OWN_LOCK,
            {
                ":holder": s(lease.user.user_id),
                ":epoch": n(lease.epoch),
                ":owner": s(self._run.owner),
            },
        )

    def _held(self, item: Item, user: User, create: NewCustomer | None) -> Lease | Linked | Busy:
        """Say who holds a record that could not be opened."""
        if item["state"]["S"] == State.LINKED:
            return Linked(CustomerId(item["customer_id"]["S"]), int(item["epoch"]["N"]))
        if item.get("owner", {}).get("S") != self._run.owner:
            return busy(item)
        # An earlier try of this very call took the lease, and its answer was lost. What the record
        # was before is lost with it, so but for a new record's the create is taken for sent.
        now, admitted = self._now(), is_admitted(item)
        if int(item["epoch"]["N"]) == 1:
            since = float(item["attempt_since"]["N"])
            return replace(
                lease_over(user, {}, create, now, admitted=admitted), attempt_since=since
            )
        lease = lease_over(user, item, create, now, admitted=admitted)
        return replace(lease, epoch=lease.epoch - 1)

    def _lease_values(self, now: float, create: NewCustomer | None) -> dict[str, Any]:
        values = {
            ":open": s(State.OPEN),
            ":owner": s(self._run.owner),
            ":now": n(now),
            ":until": n(now + self._lease_seconds),
            ":one": n(1),
        }
        return values | (frozen_values(create) if create else {})

    def _now(self) -> float:
        return self._run.clock.time()
