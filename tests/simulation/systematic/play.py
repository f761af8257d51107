"""One run of a scenario: what happens in it, and the state that it ends in."""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.simulation.auth0 import Auth0, User
from tests.simulation.entries import Entries
from tests.simulation.history import FINAL_LOGINS, HOUR, QUIET_SECONDS
from tests.simulation.oracle import Oracle
from tests.simulation.outside import EPOCH, World
from tests.simulation.systematic.deviations import SOON
from tests.simulation.systematic.explorer import Announced, Explorer, steer
from tests.simulation.systematic.steered import Steered, SteeredWorld

from customerlink.model.policy import Policy
from customerlink.model.signup import SignUp
from customerlink.ports.run import Run
from customerlink.usecases.settle import Settling

DAY = 24 * HOUR


class Tenant(Auth0):
    """The tenant, with functions that are warm."""

    def __init__(self, world: World, explorer: Explorer) -> None:
        """Start without users, ten days after the installation."""
        super().__init__(world)
        self._explorer = explorer
        self.installed = -10 * DAY

    def settling(self, signup: SignUp, run: Run, **asked: Any) -> Settling:
        """Put the real use case together."""
        settling = super().settling(signup, run, **asked)
        ledger: Any = settling.ledger
        ledger._installation.since = EPOCH + self.installed
        steer(ledger, settling.customers, self._explorer)
        return settling


class Ways(Entries):
    """Every other way in."""

    def __init__(self, auth0: Auth0, explorer: Explorer) -> None:
        """Work on the tenant."""
        super().__init__(auth0)
        self._explorer = explorer
        profiles: Any = Announced(self.profiles, explorer)
        self.profiles = profiles

    def _ports(self, run: Run) -> Any:
        ledger, customers = super()._ports(run)
        steer(ledger, customers, self._explorer)
        return ledger, customers


class Play:
    """One run of a scenario."""

    def __init__(self, explorer: Explorer) -> None:
        """Start a world without users."""
        random.seed(0)  # the adapters' jitter
        self.explorer = explorer
        self.scheduler = Steered()
        self.world = SteeredWorld(self.scheduler, explorer)
        explorer.into(self.scheduler, self.world)
        self.auth0 = Tenant(self.world, explorer)
        self.entries = Ways(self.auth0, explorer)
        self.oracle = Oracle(self.world, self.auth0)
        self.entries.on_settled = self.oracle.settled
        self.scheduler.now = 1.0

    # What scenarios are made of

    def choose[Option](self, *options: Option) -> Option:
        """Take one of the scenario's own options, which no bound counts."""
        taken = self.explorer.choose([str(each) for each in options])
        self.world.tell(f"the scenario: {options[taken]}")
        return options[taken]

    def user(self, name: str, email: str = "one@example.com", **more: Any) -> User:
        """Let there be a new user, with a verified address."""
        user = User(f"auth0|{name}", email, is_verified=True, connection=name, born=1.0)
        for attribute, value in more.items():
            setattr(user, attribute, value)
        self.auth0.users[user.user_id] = user
        return user

    def returning(self, name: str, **more: Any) -> User:
        """Let there be a user from before the installation."""
        return self.user(name, logins_count=5, born=-90 * DAY, is_returning=True, **more)

    def set_policy(self, **chosen: Any) -> None:
        """Let the deployment have another policy."""
        self.world.policy = Policy(**chosen)
        self.auth0.on_failure = str(self.world.policy.on_failure)
        self.oracle.watch_policy()

    def login(self, user: User, email: str | None = None) -> Callable[[], None]:
        """Return a login, with an address that the user has by then."""

        def login() -> None:
            if user.user_id in self.auth0.users:
                user.email = email or user.email
                self.auth0.login(user)

        return login

    def registration(
        self, user: User, *, is_told: bool = False, is_refused: bool = False
    ) -> Callable[[], None]:
        """Return a registration."""
        return lambda: self.auth0.register(user, is_told=is_told, is_refused=is_refused)

    def registration_and_login(self, user: User) -> Callable[[], None]:
        """Return a registration, and a login right after it if it succeeded."""

        def both() -> None:
            self.registration(user)()
            self.login(user)()

        return both

    def one_after_another(self, *acts: Callable[[], Any], gaps: Sequence[float] = (SOON,)) -> None:
        """Start acts in this order; the gap before each later one is chosen."""
        moment = self.scheduler.now
        self.scheduler.start(acts[0], moment)
        for _, act in pairwise(acts):
            moment += self.choose(*gaps) if len(gaps) > 1 else gaps[0]
            self.scheduler.start(act, moment)

    def in_either_order(
        self, one: Callable[[], Any], other: Callable[[], Any], gaps: Sequence[float] = (SOON,)
    ) -> None:
        """Start two acts; which is the first is chosen."""
        acts = [one, other]
        if self.choose("as listed", "the other one first") != "as listed":
            acts.reverse()
        self.one_after_another(*acts, gaps=gaps)

    def before_all(self, *acts: Callable[[], Any], forced: dict[str, str] | None = None) -> None:
        """Let acts run to their ends, with no choices, and no faults but those that are forced."""
        self.explorer.on, self.explorer.forced = False, forced or {}
        for act in acts:
            self.scheduler.start(act, self.scheduler.now)
            self.run()
        self.explorer.on, self.explorer.forced = True, {}

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.scheduler.now += seconds

    def run(self) -> None:
        """Run until nothing is left to do."""
        self.scheduler.run()
        if self.oracle.violation is not None:
            raise self.oracle.violation

    # The end

    def end(self) -> tuple[Any, ...]:
        """Return all that decides what comes once every lease, lock and late effect has ended."""
        now = EPOCH + self.scheduler.now
        records = [
            (
                key,
                *(f"{k}{v}" for k, v in sorted(item.items()) if k not in _PASSING),
                _age(now, item),
            )
            for key, item in sorted(self.world.table.items.items())
            if not key.startswith("email#")
        ]
        customers = [
            (each["id"], each["email"], str(sorted(each["metadata"].items())))
            for each in self.world.stripe.live_customers()
        ]
        saved = sorted(
            (key, round((now - each.since) / HOUR), each.status, str((each.body or {}).get("id")))
            for key, each in self.world.stripe._saved.items()
        )
        users = [_state(user) for user in self.auth0.users.values()]
        setting = (str(self.world.policy), self.world.lag)
        return setting, tuple(records), tuple(customers), tuple(saved), tuple(users)

    def converge(self) -> None:
        """After the faults ended, everything is done once more: all must be in order."""
        self.explorer.on = False
        self.world.tell("the faults end")
        self.later(QUIET_SECONDS)
        for _ in range(FINAL_LOGINS):
            for user in list(self.auth0.users.values()):
                self._settle(user)
            self.entries.repair()
            self.run()
        for user in self.auth0.users.values():
            self.oracle.judge_the_end(user)
        self.oracle.judge_profiles()

    def _settle(self, user: User) -> None:
        for secondary in user.identities:
            self.entries.link(user, self.auth0.gone[secondary])
            self.run()
        self.scheduler.start(self.login(user), self.scheduler.now)
        self.run()
        self.later(QUIET_SECONDS)
        for customer_id in self.oracle.customers_of(user):
            self.entries.record(user, customer_id)
            self.run()
        self.entries.claim(user)
        self.run()


_PASSING = frozenset(
    {
        *("lease_until", "updated_at", "attempt_since", "open_since", "expires_at", "claimed_at"),
        *("epoch", "owner"),
    }
)
"""A record's moments, and whose turn it was: by the end they decide nothing any more."""


def _age(now: float, item: Mapping[str, Any]) -> int:
    """Return the age of an attempt's key in hours."""
    return round((now - float(item.get("attempt_since", {"N": now})["N"])) / HOUR)


def _state(user: User) -> tuple[Any, ...]:
    """Return what a user is like, and what their log-ins so far mean to the oracle."""
    last = [(each.decision, each.reason, each.marker_lost) for each in user.ended[-1:]]
    is_traced = any(each.decision == "deny" and not each.marker_lost for each in user.ended)
    profile = (user.user_id, user.email, user.logins_count, str(sorted(user.metadata.items())))
    return (*profile, tuple(user.identities), tuple(last), is_traced)
