"""The sync's own way in: an invocation for the users whom messages name, over the real use case."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulation.acts import SimulatedInvocations
from tests.simulation.auth0 import TENANT, Auth0, SimulatedProfiles
from tests.simulation.auth0 import User as Person
from tests.simulation.outside import SimulatedDynamoDb, SimulatedSyncedCustomers, Turns, World

from customerlink.adapters.dynamodb.deletions import DynamoDbDeletions
from customerlink.adapters.dynamodb.erasing_ledger import DynamoDbErasingLedger
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.ledger_view import DynamoDbLedgerView
from customerlink.adapters.dynamodb.sync_ledger import DynamoDbSyncLedger
from customerlink.model.customer_values import Told
from customerlink.model.profile import Identity, Profile
from customerlink.model.rates import Endpoint
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS
from customerlink.model.signup import SignUp
from customerlink.model.sync import Decision, SyncRules
from customerlink.model.sync_memory import SYNC_LEASE_SECONDS
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.run import Run
from customerlink.usecases.link_accounts import Account, Linking
from customerlink.usecases.settle import Creates, Settling
from customerlink.usecases.sync import Sync
from customerlink.usecases.synced import Synced
from customerlink.wiring.operator import PROVISION_SECONDS, SYNC_SECONDS

LEDGER = "ledger"
_NOTHING_TOLD = Told()


@dataclass(eq=False)
class Attempt:
    """One reconciliation of one user: what it saw last, and what it did."""

    world: World
    user_id: str
    number: int
    on_called: Callable[["Attempt", str, str, Mapping[str, Any] | None], None]
    is_foreign: bool = False
    """Whether its key is another account's."""
    started: float = 0.0
    trail: list[str] = field(default_factory=list)
    """Its calls since it read the profile last."""
    looks: list[float] = field(default_factory=list)
    """When its own user's customer was as it was shown it."""
    read: Profile | None = None
    """The profile, the last time that it was read."""
    read_since: float = 0.0
    seen: Mapping[str, Any] = field(default_factory=dict)
    """That customer, the last time."""
    sent: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    """What it wrote to a customer, and when it was sent."""
    synced: Synced | None = None

    def called(self, name: str, target: str, params: Mapping[str, Any] | None = None) -> None:
        """Note that it makes a call."""
        self.on_called(self, name, target, params)
        self.trail.append(name)

    def looked(self, body: Mapping[str, Any], moment: float) -> None:
        """Note what it was shown: of another user's customer, where an address is shared, not."""
        if self.trail[:1] == ["get"]:
            self.looks.append(moment)
            self.seen = body

    def __str__(self) -> str:
        """Return what the log calls it."""
        return f"sync-{self.number}"


class SyncedProfiles(SimulatedProfiles):
    """The Management API, as a reconciliation asks it."""

    def __init__(
        self, auth0: Auth0, attempt: Attempt, on_merged: Callable[..., None], down_until: float
    ) -> None:
        """Tell what it reads and writes."""
        super().__init__(auth0)
        self._attempt, self._on_merged = attempt, on_merged
        self.down_until = down_until

    def get(self, user_id: str) -> Profile | None:
        """Read a user; from the own one on, the calls are counted."""
        asked = self._auth0.world.scheduler.now
        found = super().get(user_id)
        is_own = user_id == self._attempt.user_id
        self._attempt.trail = ["get" if is_own else "get another"]
        if is_own:
            self._attempt.read, self._attempt.read_since = found, asked
        return found

    def _profile(self, user_id: str) -> Profile | None:
        """Read a user with the accounts that it is made of."""
        found, user = super()._profile(user_id), self._auth0.users.get(user_id)
        if found is None or user is None:
            return None
        parts = [user, *(self._auth0.gone[each] for each in user.identities)]
        return replace(found, identities=tuple(_identity(each) for each in parts))

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Merge."""
        self._on_merged(self._attempt, user_id, changes)
        return super().merge_app_metadata(user_id, changes)


def _identity(user: Person) -> Identity:
    provider, name = user.user_id.split("|", 1)
    return Identity(provider, name, user.email)


class _WatchedDynamoDb(SimulatedDynamoDb):
    """The ledger, whose calls are counted but for those of sync's own memory."""

    def __init__(self, world: World, owner: str, attempt: Attempt) -> None:
        super().__init__(world, owner)
        self._attempt = attempt

    def _call(self, operation: Callable[[Any], Any], request: Any) -> Any:
        key = request["Key"]["pk"]["S"]
        if not key.startswith("sync#"):
            is_read = "UpdateExpression" not in request
            self._attempt.called("read" if is_read else "write", key)
        return super()._call(operation, request)


class SyncingInvocations(SimulatedInvocations):
    """What a reconciliation is made of, in one invocation of the function's."""

    def __init__(self, auth0: Auth0, run: Run, attempt: Attempt) -> None:
        """Begin in an invocation, whose clock all share."""
        self._auth0, self._world, self._attempt = auth0, auth0.world, attempt
        self._clock, self._numbers, self._owner = run.clock, itertools.count(), run.owner

    def ahead(self, endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
        """Wait for turns, before anything is leased."""
        return Turns(self._world).ahead(endpoints)

    def settling(self, signup: SignUp, **asked: Any) -> Settling:
        """Settle a record."""
        return self._settling(signup, self._run(), **asked)[0]

    def syncing(
        self, signup: SignUp, customer_id: CustomerId
    ) -> tuple[Settling, SimulatedSyncedCustomers]:
        """Settle one, and make no customer."""
        asked: dict[str, Any] = {"creates": Creates.NEVER, "known": (customer_id,)}
        return self._settling(signup, self._run(), **asked)

    def synced_customers(self) -> SimulatedSyncedCustomers:
        """Return Stripe's customers with their fields."""
        return SimulatedSyncedCustomers(self._world, self._run(), self._attempt)

    def sync_ledger(self) -> DynamoDbSyncLedger:
        """Return what remembers."""
        run = self._run(SYNC_SECONDS)
        return DynamoDbSyncLedger(self._client(run), LEDGER, run)

    def linking(self, primary: Account, secondary: Account) -> Linking:
        """Let a linked account's customer follow."""
        run = self._run()
        customers: Any = SimulatedSyncedCustomers(self._world, run, self._attempt)
        return Linking(primary, secondary, self._ledger(run), customers, run, self._world.policy)

    def ledger(self) -> DynamoDbLedger:
        """Return the sign-ups' ledger."""
        return self._ledger(self._run(RECORD_LEASE_SECONDS))

    def erasing_ledger(self) -> DynamoDbErasingLedger:
        """Return the ledger for who lets go of a user."""
        run = self._run(SYNC_LEASE_SECONDS)
        return DynamoDbErasingLedger(self._client(run), LEDGER, run)

    def deletions(self, tenant: Tenant) -> DynamoDbDeletions:
        """Return the count of deletions."""
        run = self._run(SYNC_SECONDS)
        return DynamoDbDeletions(self._client(run), LEDGER, run, tenant)

    def view(self) -> DynamoDbLedgerView:
        """Return the ledger to look at."""
        run = self._run()
        return DynamoDbLedgerView(self._client(run), LEDGER, run)

    def _settling(
        self, signup: SignUp, run: Run, **asked: Any
    ) -> tuple[Settling, SimulatedSyncedCustomers]:
        ledger = self._ledger(run)
        customers = SimulatedSyncedCustomers(self._world, run, self._attempt)
        return self._auth0.settled_by(ledger, customers, signup, run, **asked), customers

    def _ledger(self, run: Run) -> DynamoDbLedger:
        return DynamoDbLedger(self._client(run), LEDGER, run)

    def _client(self, run: Run) -> Any:
        return _WatchedDynamoDb(self._world, run.owner, self._attempt)

    def _run(self, seconds: float = PROVISION_SECONDS) -> Run:
        return Run(self._clock, f"{self._owner}.{next(self._numbers)}", seconds)


class Reconciling:
    """Reconciles users, each time as an attempt that is watched."""

    def __init__(self, auth0: Auth0, rules: SyncRules) -> None:
        """Work on the tenant."""
        self.auth0, self.world, self.rules = auth0, auth0.world, rules
        self.foreign_until = 0.0
        """Until when the key is another account's."""
        self.down_until = 0.0
        """Until when the Management API answers nobody here."""
        self.on_begun: Callable[[Attempt], None] = lambda _: None
        self.on_called: Callable[..., None] = lambda *_: None
        self.on_merged: Callable[..., None] = lambda *_: None
        self.on_ended: Callable[[Attempt], None] = lambda _: None
        self._numbers = itertools.count(1)

    def on(self, run: Run) -> "WatchedSync":
        """Return what reconciles users in one invocation."""
        return WatchedSync(self, run)

    def begin(self, user_id: str, run: Run) -> tuple[Sync, Attempt]:
        """Return what reconciles a user once."""
        now = self.world.scheduler.now
        is_foreign = now < self.foreign_until
        attempt = Attempt(
            self.world, user_id, next(self._numbers), self.on_called, is_foreign, started=now
        )
        profiles = SyncedProfiles(self.auth0, attempt, self.on_merged, self.down_until)
        invocations: Any = SyncingInvocations(self.auth0, run, attempt)
        return Sync(profiles, invocations, self.rules, run.clock), attempt


class WatchedSync(Sync):
    """The use case in one invocation; each user is an attempt."""

    def __init__(self, reconciling: Reconciling, run: Run) -> None:
        """Begin."""
        sync, _ = reconciling.begin("", run)
        super().__init__(sync.profiles, sync.invocations, sync.rules, sync.clock)
        object.__setattr__(self, "_reconciling", reconciling)
        object.__setattr__(self, "_run", run)

    def reconcile(self, user: User, told: Told = _NOTHING_TOLD) -> Synced:
        """Reconcile a user; raise what the services' clients raise."""
        reconciling, run = self._both
        sync, attempt = reconciling.begin(user.user_id, run)
        reconciling.on_begun(attempt)
        attempt.synced = sync.reconcile(user, told)
        reconciling.world.tell(f"  {attempt} of {user.user_id}: {_told(attempt.synced)}")
        reconciling.on_ended(attempt)
        return attempt.synced

    def planned(self, user_id: str) -> Decision:
        """Say what would be done, as who looks and does nothing."""
        reconciling, run = self._both
        return reconciling.begin(user_id, run)[0].plan(named(user_id))

    @property
    def _both(self) -> tuple[Reconciling, Run]:
        kept = vars(self)
        return kept["_reconciling"], kept["_run"]


def named(user_id: str) -> User:
    """Return the user as the package names one."""
    return User(Tenant(TENANT), UserId(user_id))


def _told(synced: Synced) -> str:
    decision = synced.decision
    verdicts = {name: str(each) for name, each in decision.verdicts.items()} if decision else {}
    seen = f"{decision.act} {decision.reason} {verdicts}" if decision else ""
    return f"{synced.outcome} {synced.why or ''} {seen}"
