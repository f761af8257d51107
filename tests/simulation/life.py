"""The life after the sign-up, in some of the histories: who changes what, and sync after them."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from tests.simulation.auth0 import Auth0, User
from tests.simulation.dashboards import NAMES, Dashboards
from tests.simulation.events import MOST_RECEIVES, Feeds
from tests.simulation.oracle import Oracle
from tests.simulation.outside import Body
from tests.simulation.reconciling import Reconciling
from tests.simulation.sync_function import SyncFunction
from tests.simulation.sync_oracle import SyncOracle
from tests.simulation.sync_rest import Rest

from customerlink.model.sync import Decision, SyncRules
from customerlink.model.sync_memory import Digests
from customerlink.model.sync_policy import (
    DeletedCustomers,
    DeletedUsers,
    EditedCustomers,
    EmailChanges,
    SyncPolicy,
)
from customerlink.ports.run import Run
from customerlink.wiring.operator import SYNC_SECONDS

SHARE = 0.11
"""Of the histories."""

MOST_ROUNDS = 2
"""So often those who are due are looked at again before both sides are compared."""


class Life:
    """Two-way sync, beside everything else that a history does."""

    def __init__(self, auth0: Auth0, rng: Random, oracle: Oracle, pool: list[str]) -> None:
        """Draw what there is beside people."""
        self.auth0, self.world, self.rng = auth0, auth0.world, rng
        self.everybodys = oracle
        self.reconciling = Reconciling(auth0, SyncRules(Digests.keyed(b"a key")))
        self.oracle = SyncOracle(self.world, auth0, oracle.violated)
        self.function = SyncFunction(auth0, rng, self.reconciling, self.oracle)
        self.people = Dashboards(auth0, rng, oracle, pool)
        self.feeds = Feeds(auth0, self.function.queue.send)
        self._has_windows = rng.random() < 0.15
        self._has_outages = rng.random() < 0.2
        rate, most = rng.choice([0.0, 0.05, 0.15]), rng.randint(2, 15)
        is_sync = lambda: self.world.scheduler.current().function == "sync"  # noqa: E731
        self.world.faults.beside(is_sync, rate, most, rng.choice([0.0, 0.5]))

    def watch(self, users: list[User]) -> None:
        """Watch everybody from now on."""
        for user in users:
            user.name = self.rng.choice(NAMES)
            self.oracle.user_changed(user)
        self.feeds.watch(users)
        for user in users:
            user.on_changed = self._user_changed
        self.auth0.on_deleted = self._user_deleted
        self.world.on_changed = self._customer_changed
        made = self.world.on_created

        def created(customer: Body) -> None:
            self.oracle.customer_made(customer)
            made(customer)

        self.world.on_created = created
        self.world.on_called = self.oracle.trespassed
        self.everybodys.is_moving = self.oracle.is_moving
        self.everybodys.may_let_go = self.oracle.may_let_go
        reconciling, oracle = self.reconciling, self.oracle
        reconciling.on_begun, reconciling.on_ended = oracle.begun, oracle.ended
        reconciling.on_called, reconciling.on_merged = oracle.called, oracle.merged

    def draw_policy(self) -> set[str]:
        """Let the deployment have another policy; return the values that are no defaults."""
        chosen: dict[str, Any] = {
            "email_changes": _drawn(self.rng, EmailChanges, 0.4),
            "edited_customers": _drawn(self.rng, EditedCustomers, 0.5),
            "deleted_customers": _drawn(self.rng, DeletedCustomers, 0.5),
            "deleted_users": _drawn(self.rng, DeletedUsers, 0.5),
        }
        limits: dict[str, Any] = {
            "deleted_users_days": self.rng.choice([1, 30]),
            "deletions_per_day": self.rng.choice([1, 50]),
        }
        policy, default = SyncPolicy(**chosen, **limits), SyncPolicy()
        self.reconciling.rules = SyncRules(self.reconciling.rules.digests, policy)
        self.oracle.watch_policy(policy)
        return {f"{name}={each}" for name, each in chosen.items() if each != getattr(default, name)}

    def acts(self) -> list[Callable[[], Any]]:
        """Return what happens within a phase; what was held back comes now."""
        self.function.queue.release()
        acts: list[Callable[[], Any]] = [self.people.act] * self.rng.randint(1, 6)
        if self._has_windows and self.rng.random() < 0.5:
            acts.append(self._mistakes_key)
        if self._has_outages and self.rng.random() < 0.5:
            acts.append(self._is_down)
        if self.rng.random() < 0.2:
            acts.append(self._subscribes)
        if self.rng.random() < 0.3:
            acts.append(self.function.approves)
        return [*acts, *[self._asks] * self.rng.choice([0, 0, 1, 2])]

    def compares(self) -> None:
        """Reconcile everybody, as who switches sync on does; or not yet."""
        if self.rng.random() < 0.8:
            for user in self.auth0.users.values():
                self.function.asks(user)

    def _asks(self) -> None:
        users = [*self.auth0.users.values(), *self.auth0.gone.values()]
        if users:
            self.function.asks(self.rng.choice(users))

    def _subscribes(self) -> None:
        for customer in self.world.stripe.live_customers():
            if self.rng.random() < 0.5:
                self.oracle.subscribed.setdefault(customer["id"], self.world.scheduler.now)
                self.world.subscribed.add(customer["id"])

    def _mistakes_key(self) -> None:
        self.reconciling.foreign_until = self.world.scheduler.now + self.rng.uniform(1, 600)
        self.world.tell("the key is another account's for a while")

    def _is_down(self) -> None:
        self.reconciling.down_until = self.world.scheduler.now + self.rng.uniform(1, 1200)
        self.world.tell("the Management API is down for a while")

    def _user_changed(self, user: User) -> None:
        self.oracle.user_changed(user)
        self.feeds.changed(user)

    def _user_deleted(self, user: User) -> None:
        self.oracle.user_deleted(user)
        self.feeds.deleted(user)

    def _customer_changed(self, before: Body, after: Body | None, by: object) -> None:
        try:
            self.oracle.customer_changed(before, after, by)
        except Exception as bug:  # noqa: BLE001 (the adapter takes it for an odd answer of Stripe's)
            self.everybodys.violated(f"the oracle raises {bug!r}")
        if after is None or after["email"] != before["email"]:
            self.everybodys.freed[str(before["email"]).lower()] = self.world.scheduler.now
        self.feeds.customer(before, after)
        self.people.answer(before, after, by)

    # The end

    def come_to_rest(self, run: Callable[[], None], rounds: int = MOST_ROUNDS) -> None:
        """Deliver all that is left, and look again at whoever is due, some days on."""
        queue, self.people.answers = self.function.queue, 0
        self.reconciling.foreign_until = self.reconciling.down_until = 0.0
        queue.is_calm = True
        queue.release()
        run()
        for _ in range(rounds):
            moments = self.function.due().values()
            if self.rng.random() < 0.5:
                self.function.approves()
            if moments:
                self.world.scheduler.now = max(self.world.scheduler.now, *moments) + 1
                self.function.sweep()
                run()

    def judge(self, run: Callable[[], None]) -> None:
        """Check what everybody is left with."""
        queue = self.function.queue
        # Who crashes again and again cannot park: the dead letters are for that.
        lost = [each for each in queue.dead if each.unanswered < MOST_RECEIVES / 2]
        if lost or queue.under_way:
            self.everybodys.violated(f"21: {len(lost)} messages are lost")
        decisions: dict[str, Decision] = {}

        def planned(user_id: str, run: Run) -> None:
            decisions[user_id] = self.reconciling.on(run).planned(user_id)

        for each in self.auth0.users:
            self.auth0.invoke(partial(planned, each), SYNC_SECONDS, "sync")
        run()
        Rest(self.oracle, decisions).judge()


def _drawn[Choice](rng: Random, choices: type[Choice], share: float) -> Choice:
    """Return the default, or with a probability another value."""
    default, *others = list(choices)  # type: ignore[call-overload]
    return rng.choice(others) if rng.random() < share else default  # type: ignore[no-any-return]
