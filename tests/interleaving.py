"""A small world for interleavings: real use cases and ledger, over services that come late.

Time passes only where somebody waits. What a client has given up on is carried out at a second that
the test names, in the midst of whatever runs by then.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any

import pytest
from tests.fakes import NOW, FakeClock
from tests.simulation.dynamodb import Item, Table

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError
from customerlink.adapters.dynamodb.deletions import DynamoDbDeletions
from customerlink.adapters.dynamodb.erasing_ledger import DynamoDbErasingLedger
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.ledger_view import DynamoDbLedgerView
from customerlink.adapters.dynamodb.sync_ledger import DynamoDbSyncLedger
from customerlink.adapters.dynamodb.table import READ_SECONDS
from customerlink.model.address import lowered
from customerlink.model.customer import (
    FORMER,
    Customer,
    NewCustomer,
    named_by,
    naming,
    present,
    unnaming,
)
from customerlink.model.customer_values import LiveCustomer, Told, Values, params_of, values_in
from customerlink.model.drift import Drift
from customerlink.model.errors import NoTurnError
from customerlink.model.instruction import Instruction, Reason
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.policy import Policy
from customerlink.model.profile import Profile
from customerlink.model.rates import Endpoint
from customerlink.model.repair_plan import Act, Step
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS, Adoption
from customerlink.model.signup import SignUp
from customerlink.model.sync import SyncRules
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS, Digests
from customerlink.model.sync_policy import EmailChanges, SyncPolicy
from customerlink.model.usage import Subscriptions
from customerlink.model.user import CustomerId, Tenant, User, UserId, registrant_id, registration_id
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.customers import (
    Done,
    Failure,
    KeyMismatch,
    RateLimited,
    Refused,
    Spent,
    Unknown,
)
from customerlink.ports.deadline import SIGN_UP_SECONDS
from customerlink.ports.profiles import ErasableUsers
from customerlink.ports.rate import RateLimiter, Rates
from customerlink.ports.run import Run
from customerlink.ports.synced_customers import SyncedCustomers
from customerlink.usecases.backfill import Backfilled, provision_one
from customerlink.usecases.change_address import AddressChange
from customerlink.usecases.finish_sign_up import FinishStatus, finish
from customerlink.usecases.link_accounts import Account, Followed, LinkFailure, Linking
from customerlink.usecases.look import SyncInvocations
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.repair import Invocations, Repair, Result
from customerlink.usecases.settle import Creates, Settling
from customerlink.usecases.sign_up import Provisioning
from customerlink.usecases.sync import Sync
from customerlink.usecases.synced import Synced
from customerlink.wiring.operator import PROVISION_SECONDS, SYNC_SECONDS
from sandbox.stripe_account import StripeAccount, StripeFailure

TENANT = Tenant("acme")
LEDGER = "ledger"

STRIPE_SECONDS = 3.0
"""After so long a client gives up on an answer of Stripe's."""

# The calls, by what tells them from others: the ledger's by their update, Stripe's by their name.
OPEN = "epoch = if_not_exists"
BEGIN_ADOPTION = "SET adopting"
LOCK = "SET holder = :holder, epoch"
LIST, CREATE, ADOPT, SET_EMAIL = (f"stripe {each}" for each in ("list", "create", "adopt", "email"))
LOOK, UPDATE = "stripe look", "stripe update"
SUBSCRIPTIONS, UNLINK, DELETE = (f"stripe {each}" for each in ("subscriptions", "unlink", "delete"))


class Kind(StrEnum):
    """What becomes of a call."""

    LATE = "late"
    """The client gives up on it; it is carried out at the fault's second."""
    LOST = "lost"
    """The client gives up on it; it is never carried out."""
    DIES_BEFORE = "dies before"
    """The invocation ends before the call is made."""
    DIES_AFTER = "dies after"
    """The call is carried out, and the invocation ends before it has the answer."""


@dataclass(frozen=True)
class Fault:
    """What becomes of the next call of a kind."""

    call: str
    kind: Kind
    second: float = 0.0


class CrashError(BaseException):
    """The invocation ends here; nobody catches it on the way."""


class Agenda(FakeClock):
    """A clock with what is to happen by itself at a moment."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        super().__init__()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()

    def later(self, second: float, effect: Callable[[], object]) -> None:
        """Let something happen at a second from the start."""
        heapq.heappush(self._due, (NOW + second, next(self._order), effect))

    def sleep(self, seconds: float, /) -> None:
        """Move on, and let happen on the way what is due."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            moment, _, effect = heapq.heappop(self._due)
            self.now = max(self.now, moment)
            # A late write whose condition fails changes nothing, and nobody hears of it.
            with suppress(AwsRefusedError):
                effect()
        self.now = end


@dataclass
class Outside:
    """What lies between the invocations and both services: the faults that are still to happen."""

    clock: Agenda
    faults: list[Fault] = field(default_factory=list)

    def call[Answer](
        self, text: str, effect: Callable[[], Answer], given_up: Callable[[], Answer]
    ) -> Answer:
        """Carry a call out, or let become of it what the first fault of its kind says."""
        fault = next((each for each in self.faults if each.call in text), None)
        if fault is None:
            return effect()
        self.faults.remove(fault)
        if fault.kind is Kind.DIES_AFTER:
            effect()
        if fault.kind in (Kind.DIES_BEFORE, Kind.DIES_AFTER):
            raise CrashError
        if fault.kind is Kind.LATE:
            self.clock.later(fault.second, effect)
        return given_up()


@dataclass(frozen=True)
class LateDynamoDb:
    """The ledger's client; it notes each sign-up's record as every write leaves it."""

    table: Table
    outside: Outside
    written: list[Item] = field(default_factory=list)

    def get_item(self, **request: Any) -> Any:
        """Read."""
        return self._called(self.table.get_item, request)

    def update_item(self, **request: Any) -> Any:
        """Write."""
        return self._called(self.table.update_item, request)

    def delete_item(self, **request: Any) -> Any:
        """Delete."""
        return self._called(self.table.delete_item, request)

    def _called(self, operation: Callable[[Mapping[str, Any]], Any], request: Item) -> Any:
        key = request["Key"]["pk"]["S"]

        def effect() -> Any:
            answer = operation(request)
            if key.startswith("signup#") and key in self.table.items:
                self.written.append(dict(self.table.items[key]))
            return answer

        return self.outside.call(
            f"{key} {request.get('UpdateExpression', '')}", effect, self._given_up
        )

    def _given_up(self) -> Any:
        self.outside.clock.sleep(READ_SECONDS)
        raise AwsSilentError("TimeoutError")


class LateStripe(SyncedCustomers):
    """Stripe's customers: the port, over the sandbox's account."""

    def __init__(self, account: StripeAccount, outside: Outside) -> None:
        """Start with an account."""
        self.account = account
        self.keys: list[str] = []
        """The idempotency keys, as they came."""
        self.hides_subscriptions = False
        """Whether the key may not read them."""
        self.refused_param: str | None = None
        """A parameter that Stripe takes from nobody."""
        self._outside = outside
        self._numbers = itertools.count(1)

    def make(self, params: Mapping[str, Any], customer_id: str | None = None) -> CustomerId:
        """Create a customer with the next id, or with one that the shop chose."""
        given = customer_id or f"cus_{next(self._numbers)}"
        return CustomerId(self.account.create(params, given)["id"])

    def list_by_email(self, email: str) -> Done[tuple[Customer, ...]] | Failure:
        """List."""
        return self._called(LIST, lambda: Done(tuple(_listed(self.account, email))))

    def retrieve(self, customer_id: CustomerId) -> Done[Customer | None] | Failure:
        """Retrieve."""
        return self._called("stripe retrieve", lambda: Done(_found(self.account, customer_id)))

    def is_deleted(self, customer_id: CustomerId) -> Done[bool] | Failure:
        """Ask whether Stripe has deleted it."""
        deleted = _looked_at(self.account, customer_id) is Absence.DELETED
        return self._called("stripe retrieve", lambda: Done(deleted))

    def look(self, customer_id: CustomerId) -> Done[LiveCustomer | Absence] | Failure:
        """Retrieve with its fields."""
        return self._called(LOOK, lambda: Done(_looked_at(self.account, customer_id)))

    def update(self, customer_id: CustomerId, values: Values) -> Done[Customer] | Failure:
        """Write some fields."""
        return self._updated(UPDATE, customer_id, **params_of(values))

    def subscriptions(self, customer_id: CustomerId) -> Done[Subscriptions] | Failure:
        """List."""

        def listed() -> Done[Subscriptions] | Failure:
            if self.hides_subscriptions:
                return Done(Subscriptions.HIDDEN)
            asked = {"customer": customer_id, "limit": "9"}
            try:
                found = self.account.uses_page("subscription", asked)
            except StripeFailure as failure:
                return Refused(failure.param)
            return Done(Subscriptions.LIVE if found["data"] else Subscriptions.NONE)

        return self._called(SUBSCRIPTIONS, listed)

    def unlink(self, customer_id: CustomerId, former: str | None) -> Done[Customer] | Failure:
        """Let it name nobody."""
        return self._updated(UNLINK, customer_id, metadata=unnaming(former))

    def delete(self, customer_id: CustomerId) -> Done[bool] | Failure:
        """Delete, once."""

        def deleted() -> Done[bool]:
            try:
                self.account.delete(customer_id)
            except StripeFailure:
                return Done(result=False)
            return Done(result=True)

        return self._called(DELETE, deleted)

    def adopt(self, customer_id: CustomerId, user: User) -> Done[Customer] | Failure:
        """Let a customer name a user."""
        return self._updated(ADOPT, customer_id, metadata={**naming(user), "superseded_by": ""})

    def set_email(self, customer_id: CustomerId, email: str) -> Done[Customer] | Failure:
        """Change the address."""
        return self._updated(SET_EMAIL, customer_id, email=lowered(email))

    def supersede(self, customer_id: CustomerId, by: CustomerId) -> Done[Customer] | Failure:
        """Name the customer that takes its place."""
        return self._updated("stripe supersede", customer_id, metadata={"superseded_by": by})

    def create(self, new: NewCustomer, idempotency_key: str) -> Done[Customer] | Spent | Failure:
        """Create under a key, once."""
        self.keys.append(idempotency_key)
        given_up: Callable[[], Done[Customer] | Spent | Failure] = self._given_up
        return self._outside.call(CREATE, lambda: self._created(new, idempotency_key), given_up)

    def _created(self, new: NewCustomer, key: str) -> Done[Customer] | Spent | Failure:
        if self.refused_param in new.params:
            return Refused(self.refused_param)
        try:
            saved = self.account.begin(key, "/v1/customers", new.text())
        except StripeFailure:
            return KeyMismatch()
        if saved is not None:
            return Done(_read(saved[1]), replayed=True)
        made = self.make(new.params)
        body = self.account.retrieve(made)
        self.account.finish(key, 200, body)
        return Done(_read(body))

    def _updated(self, call: str, customer_id: str, **changes: object) -> Done[Customer] | Failure:
        def effect() -> Done[Customer] | Failure:
            try:
                return Done(_read(self.account.update(customer_id, changes)))
            except StripeFailure as failure:
                return Refused(failure.param)

        return self._called(call, effect)

    def _called[Result](
        self, call: str, effect: Callable[[], Done[Result] | Failure]
    ) -> Done[Result] | Failure:
        given_up: Callable[[], Done[Result] | Failure] = self._given_up
        return self._outside.call(call, effect, given_up)

    def _given_up(self) -> Unknown:
        self._outside.clock.sleep(STRIPE_SECONDS)
        return Unknown()


class Tenants(ErasableUsers):
    """A tenant's users, by their ids; to read one may take its time."""

    def __init__(self, clock: FakeClock) -> None:
        """Start without users."""
        self.profiles: dict[str, Profile] = {}
        self.seconds = 0.0
        """How long it takes to read a user."""
        self.meanwhile: Callable[[], object] = lambda: None
        """What happens while an address is looked for."""
        self._clock = clock

    def add(self, user: User, email: str, **more: Any) -> None:
        """Let there be a user."""
        profile = Profile(user.user_id, email, email_verified=True, **more)
        self.profiles[user.user_id] = profile

    def get(self, user_id: str) -> Profile | None:
        """Read a user."""
        self._clock.sleep(self.seconds)
        return self.profiles.get(user_id)

    def with_address(self, email: str) -> list[Profile]:
        """Find the users with an address."""
        self.meanwhile()
        return [each for each in self.profiles.values() if each.email == email]

    def primary_of(self, user_id: str) -> Profile | None:
        """Find the user of whom an account is a part."""
        return next((each for each in self.profiles.values() if each.linked(user_id)), None)

    def with_customer(self, customer_id: str) -> list[Profile]:
        """Find the users who have a customer's id."""
        return [each for each in self.profiles.values() if each.customer_id == customer_id]

    def delete(self, user_id: str) -> None:
        """Delete a user."""
        self.profiles.pop(user_id, None)

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Write the link."""
        if user_id not in self.profiles:
            return False
        ours = {"stripe_customer_id": "customer_id", "stripe_signup": "marker"}
        written: dict[str, Any] = {ours[name]: value for name, value in changes.items()}
        self.profiles[user_id] = replace(self.profiles[user_id], **written)
        return True


class World:
    """Everything that the invocations of a test share, and the ways in."""

    def __init__(self, policy: Policy | None = None) -> None:
        """Start empty, at second zero."""
        self.clock = Agenda()
        self.outside = Outside(self.clock)
        self.table = Table()
        self.dynamodb = LateDynamoDb(self.table, self.outside)
        self.stripe = LateStripe(StripeAccount(clock=self.clock.time), self.outside)
        self.tenant = Tenants(self.clock)
        self.policy = policy or Policy()
        self._owners = itertools.count(1)

    # What happens

    def fails(self, call: str, kind: Kind, second: float = 0.0, *, times: int = 1) -> None:
        """Let something become of the next calls of a kind."""
        self.outside.faults += [Fault(call, kind, second)] * times

    def meanwhile(self, call: str, happens: Callable[[], object]) -> None:
        """Let something happen right before the next call of a kind."""
        carry_out = self.outside.call

        def hooked(text: str, effect: Callable[[], Any], given_up: Callable[[], Any]) -> Any:
            if call in text:
                self.outside.call = carry_out  # type: ignore[method-assign]
                happens()
            return carry_out(text, effect, given_up)

        self.outside.call = hooked  # type: ignore[method-assign]

    def at(self, second: float) -> None:
        """Wait for a second from the start, and let happen on the way what is due."""
        self.clock.sleep(NOW + second - self.clock.now)

    def customer(
        self,
        email: str,
        user: User | None = None,
        metadata: Mapping[str, str] | None = None,
        customer_id: str | None = None,
    ) -> CustomerId:
        """Let there be a customer, which may name a user."""
        named = {**(metadata or {}), **(naming(user) if user else {})}
        return self.stripe.make({"email": email, "metadata": named}, customer_id)

    # The ways in

    def login(self, signup: SignUp) -> Instruction | None:
        """Log in; None where the invocation dies."""
        with suppress(CrashError):
            return Provisioning(self.settling(signup, is_admission=True)).instruction()
        return None

    def register(self, connection: str, email: str) -> Instruction:
        """Register, which comes before there is a user."""
        user = registrant(connection, email)
        signup = SignUp(user, logins_count=1, email=email, connection=connection)
        return Provisioning(self.settling(signup, is_admission=True)).at_registration()

    def checkout(self, user: User, email: str, **more: Any) -> Settled | Unsettled | None:
        """Order something; None where the invocation dies."""
        with suppress(CrashError):
            return self.settling(SignUp(user, logins_count=0, email=email, **more)).settle()
        return None

    def finish(self, user: User) -> tuple[FinishStatus, Reason]:
        """Run the repair for an open sign-up."""
        return finish(
            user, self.tenant, lambda signup: self.settling(signup, creates=Creates.IF_BEGUN)
        )

    def change_address(self, user: User, customer_id: CustomerId, email: str) -> str | None:
        """Let a customer have its user's new address; return why not."""
        signup = SignUp(user, logins_count=0)
        settling = self.settling(signup, creates=Creates.NEVER, known=(customer_id,))
        write = partial(self.stripe.set_email, customer_id, email)
        return AddressChange(settling, customer_id, email, write).carry_out()

    def follow(self, primary: Account, secondary: Account) -> Followed | LinkFailure | None:
        """Let a linked account's customer follow; None where the invocation dies."""
        run, ledger, stripe = self.ports()
        with suppress(CrashError):
            return Linking(primary, secondary, ledger, stripe, run, self.policy).follow()
        return None

    def settling(self, signup: SignUp, run: Run | None = None, **asked: Any) -> Settling:
        """Return what settles a record, in an invocation of its own."""
        run, ledger, stripe = self.ports(run)
        return Settling(signup, ledger, stripe, self.policy, run, **asked)

    def ports(self, run: Run | None = None) -> tuple[Run, DynamoDbLedger, LateStripe]:
        """Return an invocation's budget and ports."""
        run = run or self.run()
        return run, DynamoDbLedger(self.dynamodb, LEDGER, run), self.stripe

    def run(self, seconds: float = SIGN_UP_SECONDS) -> Run:
        """Begin an invocation."""
        return Run(self.clock, f"owner-{next(self._owners)}", seconds)

    def backfill(self, user: User) -> Backfilled:
        """Give a user of the tenant a customer, as the backfill does."""
        return provision_one(user, self.tenant, WorldOperator(self).settling, Turns())

    def repair(self, act: Act, user: User, customer_id: CustomerId | None) -> Result:
        """Carry one step of a plan out."""
        operator, directory = WorldOperator(self), WorldDirectory(self.stripe.account)
        step = Step(act, Drift.MISMATCHED, user.user_id, customer_id, "")
        ours = self.tenant, self.tenant, directory, operator, self.addresses(), self.clock
        worker = Repair(TENANT, *ours)
        [result] = worker.apply([step])
        return result

    def sync(
        self, user: User, policy: SyncPolicy | None = None, told: Told | None = None
    ) -> Synced | None:
        """Reconcile a user; None where the invocation dies."""
        with suppress(CrashError):
            return self.syncing(policy).reconcile(user, told or Told())
        return None

    def syncing(self, policy: SyncPolicy | None = None) -> Sync:
        """Return what reconciles users."""
        fields = self.policy.customer_fields
        rules = SyncRules(Digests.keyed(b"a key"), policy or SyncPolicy(), fields)
        return Sync(self.tenant, WorldOperator(self), rules, self.clock)

    def addresses(self) -> Sync:
        """Return what lets a customer's address follow."""
        rules = SyncRules.of_addresses(Digests.keyed(b"a key"), EmailChanges.VERIFIED)
        return Sync(self.tenant, WorldOperator(self), rules, self.clock)

    # What came of it

    def values(self, customer_id: CustomerId) -> dict[str, str]:
        """Return what a customer's fields hold."""
        return values_in(self.stripe.account.retrieve(customer_id))

    def named(self, user: User) -> list[CustomerId]:
        """Return the customers that name a user."""
        live = [_read(each) for each in self.stripe.account.live_customers()]
        return [each.id for each in live if each.belongs_to(user)]

    def with_address(self, email: str) -> list[CustomerId]:
        """Return the customers that have an address."""
        return [each.id for each in _listed(self.stripe.account, email)]

    def record(self, user: User) -> Item:
        """Return a user's record, types left out; empty where there is none."""
        item = self.table.items.get(f"signup#{TENANT}#{user.user_id}", {})
        return {name: next(iter(value.values())) for name, value in item.items()}


@dataclass(frozen=True)
class WorldOperator(Invocations, SyncInvocations):
    """What the command line and the backfill settle records with, over a world's services."""

    world: World
    pace: "Turns" = field(default_factory=lambda: Turns())  # noqa: PLW0108 (made below)

    def ahead(self, endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
        """Wait for a turn at each, as the pace has it."""
        return self.pace.ahead(endpoints)

    def settling(
        self,
        signup: SignUp,
        *,
        creates: Creates = Creates.ALWAYS,
        known: tuple[CustomerId, ...] = (),
        heir_to: Adoption | None = None,
    ) -> Settling:
        """Return what settles a record, in an invocation of its own."""
        asked = {"creates": creates, "known": known, "heir_to": heir_to}
        return self.world.settling(signup, self._run(), **asked)

    def linking(self, primary: Account, secondary: Account) -> Linking:
        """Return what lets a customer follow."""
        run, ledger, stripe = self.world.ports(self._run())
        return Linking(primary, secondary, ledger, stripe, run, self.world.policy)

    def syncing(self, signup: SignUp, customer_id: CustomerId) -> tuple[Settling, LateStripe]:
        """Return what settles a record and makes no customer."""
        return self.settling(signup, creates=Creates.NEVER, known=(customer_id,)), self.world.stripe

    def synced_customers(self) -> LateStripe:
        """Return Stripe's customers."""
        return self.world.stripe

    def sync_ledger(self) -> DynamoDbSyncLedger:
        """Return what remembers."""
        return DynamoDbSyncLedger(self.world.dynamodb, LEDGER, self.world.run(SYNC_SECONDS))

    def erasing_ledger(self) -> DynamoDbErasingLedger:
        """Return it with leases that outlast what is sent under them."""
        run = self.world.run(SYNC_LEASE_SECONDS)
        return DynamoDbErasingLedger(self.world.dynamodb, LEDGER, run)

    def deletions(self, tenant: Tenant) -> DynamoDbDeletions:
        """Return the count of the deletions."""
        run = self.world.run(SYNC_SECONDS)
        return DynamoDbDeletions(self.world.dynamodb, LEDGER, run, tenant)

    def ledger(self) -> DynamoDbLedger:
        """Return the ledger."""
        return self.world.ports(self.world.run(RECORD_LEASE_SECONDS))[1]

    def view(self) -> DynamoDbLedgerView:
        """Return the ledger to look at."""
        return DynamoDbLedgerView(self.world.dynamodb, LEDGER, self._run())

    def _run(self) -> Run:
        return self.world.run(PROVISION_SECONDS)


@dataclass(frozen=True)
class WorldDirectory(CustomerDirectory):
    """A world's customers, as an operator looks at them: every call is answered at once."""

    account: StripeAccount

    def with_address(self, email: str) -> list[ListedCustomer]:
        """List."""
        return [
            _read_listed(each) for each in self.account.live_customers() if each["email"] == email
        ]

    def retrieve(self, customer_id: CustomerId) -> ListedCustomer | Absence:
        """Retrieve."""
        try:
            body = self.account.retrieve(customer_id)
        except StripeFailure:
            return Absence.UNKNOWN
        return Absence.DELETED if body.get("deleted") else _read_listed(body)

    def delete(self, customer_id: CustomerId) -> bool:
        """Delete."""
        self.account.delete(customer_id)
        return True


@dataclass
class Turns(RateLimiter, Rates):
    """A pace at which every turn takes its time; what happens meanwhile is up to the test."""

    meanwhile: Callable[[], object] = lambda: None

    def of(self, _endpoint: Endpoint) -> RateLimiter:
        """Be one for all."""
        return self

    def take(self) -> None:
        """Wait for a turn."""
        self.meanwhile()

    def pause(self, seconds: float) -> None:
        """Wait no longer for it."""

    def slow(self) -> None:
        """Nor at another pace."""


def user(name: str) -> User:
    """Name a user."""
    return User(TENANT, UserId(f"auth0|{name}"))


def registrant(connection: str, email: str) -> User:
    """Return who stands for a user until Auth0 has one."""
    return User(TENANT, registrant_id(registration_id(TENANT, connection, email)))


def _listed(account: StripeAccount, email: str) -> Iterable[Customer]:
    return [_read(each) for each in account.live_customers() if each["email"] == email]


def _found(account: StripeAccount, customer_id: str) -> Customer | None:
    try:
        body = account.retrieve(customer_id)
    except StripeFailure:
        return None
    return None if body.get("deleted") else _read(body)


def _looked_at(account: StripeAccount, customer_id: str) -> LiveCustomer | Absence:
    try:
        body = account.retrieve(customer_id)
    except StripeFailure:
        return Absence.UNKNOWN
    if body.get("deleted"):
        return Absence.DELETED
    return LiveCustomer.of(_read(body), body)


def _read(body: Mapping[str, Any]) -> Customer:
    metadata = body["metadata"]
    return Customer(
        CustomerId(body["id"]),
        named_by(metadata),
        present(metadata, "auth0_tenant"),
        body["created"],
        body["email"],
        present(metadata, "auth0_registration_id"),
        frozenset(metadata),
        present(metadata, "superseded_by"),
        present(metadata, FORMER),
    )


def _read_listed(body: Mapping[str, Any]) -> ListedCustomer:
    metadata = body["metadata"]
    return ListedCustomer(
        CustomerId(body["id"]),
        body["email"],
        metadata.get("auth0_user_id"),
        metadata.get("auth0_tenant"),
        metadata.get("auth0_registration_id"),
        metadata.get("superseded_by"),
        body["description"],
        body["created"],
        is_used=body["balance"] != 0,
    )


AUTH0S = ("get", "with_address", "primary_of", "with_customer", "merge_app_metadata", "delete")
STRIPES = ("look", "list_by_email", "subscriptions", "delete", "unlink", "update")
DIRECTORYS = ("with_address", "retrieve", "delete")


class RateLimit:
    """What a service refuses of all that is asked by turns that were taken before."""

    def __init__(
        self, world: World, number: int, patch: pytest.MonkeyPatch, *, lasts: bool
    ) -> None:
        """Refuse a request by its number, and those after it where that lasts."""
        self.world, self.number, self.lasts = world, number, lasts
        self.asked, self.waits = 0, 0
        self.was_met = self.is_over = False
        self.held: list[str] = []
        """What was held while a turn was waited for."""
        self.meanwhile: Callable[[], object] = lambda: None
        """What happens in each wait after a refusal."""
        self._is_ahead = False
        patch.setattr(WorldOperator, "ahead", lambda _, endpoints: self._ahead(endpoints))
        for name in AUTH0S:
            patch.setattr(world.tenant, name, partial(self._read, getattr(world.tenant, name)))
        for name in STRIPES:
            patch.setattr(world.stripe, name, partial(self._typed, getattr(world.stripe, name)))
        for name in DIRECTORYS:
            patch.setattr(WorldDirectory, name, self._raising(getattr(WorldDirectory, name)))

    @contextmanager
    def _ahead(self, endpoints: Iterable[Endpoint]) -> Iterator[None]:
        assert {*endpoints}
        self.held += self.leased()
        self.waits += 1
        if self.waits > 1:
            self.meanwhile()
        before, self._is_ahead = self._is_ahead, True
        try:
            yield
        finally:
            self._is_ahead = before

    def leased(self) -> list[str]:
        """Return what a log-in would wait for, or another reconciliation."""
        now, untils = self.world.clock.time(), ("lease_until", "sync_until")
        items = self.world.table.items.items()
        return [
            f"{key} {name}"
            for key, item in items
            for name in untils
            if not key.startswith("email#") and float(item.get(name, {"N": "0"})["N"]) > now
        ]

    def _is_met(self) -> bool:
        if self.is_over or not self._is_ahead:
            return False
        self.asked += 1
        is_met = self.asked >= self.number if self.lasts else self.asked == self.number
        self.was_met = self.was_met or is_met
        return is_met

    def _read(self, ask: Callable[..., Any], *given: Any) -> Any:
        if self._is_met():
            raise NoTurnError(Endpoint.READ_USERS)
        return ask(*given)

    def _raising(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: self._read(ask, *given)

    def _typed(self, ask: Callable[..., Any], *given: Any) -> Any:
        return RateLimited() if self._is_met() else ask(*given)
