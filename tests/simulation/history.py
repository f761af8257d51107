"""One history: users, ways in, people, policies and faults by seed, judged by the oracle."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.auth0 import DATABASE, PASSWORDLESS, TENANT, Auth0, User
from tests.simulation.entries import Entries
from tests.simulation.faults import Faults
from tests.simulation.life import SHARE, Life
from tests.simulation.oracle import Oracle, ViolationError
from tests.simulation.outside import EPOCH, World
from tests.simulation.scheduler import Scheduler

from customerlink.model.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    ProvisionAt,
    VerifiedEmail,
)

HOUR = 3600.0
QUIET_SECONDS = 200.0
"""Long enough for every lease, lock and late effect to end."""

FINAL_LOGINS = 2

EDGES = (0.5, 14.0, 16.0, 69.0, 72.0, 79.0, 82.0, 130.0, 23 * HOUR - 40, 23 * HOUR + 10, 25 * HOUR)
"""Jumps of time to the edges: lease, lock, what has settled, the repair, the key's life."""

ENTRIES = ("registration", "checkout", "linking", "repair", "backfill", "command line")
"""The ways in beside the login."""


@dataclass(frozen=True)
class Outcome:
    """How a history went."""

    seed: int
    violation: str | None
    steps: int
    logins: int
    faults: Counter[str]
    drawn: int
    planned: int
    log: list[str]
    policies: frozenset[str]
    """The values that differ from the defaults, of every policy that was in force."""
    entries: Counter[str]
    """How often each way in was taken."""


def play(
    seed: int,
    without_faults: frozenset[int] = frozenset(),
    without_acts: frozenset[int] = frozenset(),
) -> Outcome:
    """Play a seed's history, with some of its faults and acts left out."""
    history = History(seed, without_faults, without_acts)
    violation = history.play()
    everybody = [*history.auth0.users.values(), *history.auth0.gone.values()]
    outcome = Outcome(
        seed,
        violation,
        history.scheduler.steps,
        sum(len(user.ended) for user in everybody),
        history.faults.counts,
        history.faults.drawn,
        history.planned,
        history.world.log,
        frozenset(history.policies),
        history.taken,
    )
    history.scheduler.forget()
    return outcome


class History:
    """A seed, played out."""

    def __init__(self, seed: int, without: frozenset[int], without_acts: frozenset[int]) -> None:
        """Draw users and addresses; acts and faults come while it is played."""
        random.seed(seed)  # the adapters' jitter
        self.rng = rng = random.Random(seed)
        self._imports = random.Random(f"imports of {seed}")
        self.scheduler = Scheduler()
        rate = rng.choice([0.0, 0.03, 0.08, 0.2])
        burst = rng.choice([0.0, 0.0, 0.8])
        self.faults = Faults(rng, rate, rng.randint(0, 10), burst, without)
        self._moves = rng.choice([0.0, 0.1, 0.4])
        self.world = World(self.scheduler, self.faults, rng)
        self.world.lag = rng.choice([0.0, 0.0, 1.0])
        self.auth0 = Auth0(self.world)
        self.entries = Entries(self.auth0)
        self.oracle = Oracle(self.world, self.auth0)
        self.entries.on_settled = self.oracle.settled
        self.planned = 0
        self.policies: set[str] = set()
        self.taken: Counter[str] = Counter()
        is_mixed = rng.random() < 0.7
        self._open_to = {each for each in ENTRIES if is_mixed and rng.random() < 0.5}
        self._without_acts = without_acts
        self._populate()
        self.life = self._drawn_life(random.Random(f"life of {seed}"))

    def play(self) -> str | None:
        """Play the phases; return the first violation."""
        try:
            self._phase(self.rng.choice([0.5, 3.0, 40.0, 40.0]), logins=4)
            for _ in range(self.rng.choice([0, 0, 1, 2])):
                self.scheduler.now += self.rng.choice(EDGES)
                if self.rng.random() < 0.3:
                    self._draw_policy()
                self._phase(self.rng.choice([1.0, 3.0, 30.0]), logins=2)
            if self.life is not None:
                self._live(self.life)
            self._converge()
        except ViolationError as violation:
            self.world.tell(f"VIOLATION: {violation}")
            return str(violation)
        return None

    # The beginning

    def _populate(self) -> None:
        rng = self.rng
        pool = [f"user{number}@example.com" for number in range(rng.randint(1, 3))]
        self._draw_policy()
        self._draw_installation()
        is_adopting = self.world.policy.existing_customer is ExistingCustomer.ADOPT
        # A user between two addresses: under one a customer to adopt, under the other none.
        is_between = is_adopting and rng.random() < 0.4
        if is_between:
            self._moves = 0.6
            pool = ["user0@example.com", "user1@example.com"]
        if is_between or rng.random() < (0.7 if is_adopting else 0.15):
            self.world.create({"email": pool[0], "metadata": self._metadata()}, by_person=True)
        for number in range(rng.randint(1, 4)):
            user = User(f"auth0|{number}", _cased(rng, rng.choice(pool)), connection=f"c{number}")
            user.is_verified = is_between or rng.random() < 0.7
            self._draw_kind(user, number)
            self.auth0.users[user.user_id] = user
        if self._imports.random() < (0.25 if is_adopting else 0.08):
            self._import_ids()
        self._registering = [
            User(f"auth0|r{number}", rng.choice(pool), is_verified=True, connection=each)
            for number, each in enumerate([DATABASE, rng.choice([DATABASE, PASSWORDLESS])])
        ]
        self._pool = pool

    def _metadata(self) -> dict[str, str]:
        """Return what a shop has written into a customer: now and then as much as there can be."""
        number = 50 if self._imports.random() < 0.1 else 0
        return {f"key{each}": "full" for each in range(number)}

    def _import_ids(self) -> None:
        """Let a person write an id into profiles, of a customer that names nobody: one too many."""
        fresh = [each for each in self.auth0.users.values() if not each.metadata]
        new = [each for each in fresh if each.email and not each.is_returning]
        if not new:
            return
        address = str(new[0].email).lower()
        params = {"email": address, "metadata": self._metadata()}
        made = self.world.create(params, by_person=True)
        for user in new[: self._imports.choice([1, 2, 2])]:
            user.metadata, user.is_imported = {"stripe_customer_id": made["id"]}, True
            user.is_verified = self._imports.random() < 0.9

    def _draw_kind(self, user: User, number: int) -> None:
        kind = self.rng.random()
        if kind < 0.05:
            user.email = None
        elif kind < 0.10:
            stranger = self.world.create({"email": f"stranger{number}@example.com"})
            user.metadata, user.forged = {"stripe_customer_id": stranger["id"]}, True
        elif kind < (0.3 if self._open_to & {"checkout", "backfill", "linking"} else 0.14):
            user.logins_count, user.born = self.rng.randint(1, 50), -90 * 24 * HOUR
            user.is_returning = True
        elif kind < 0.33:
            metadata = {"auth0_user_id": user.user_id, "auth0_tenant": TENANT}
            own = self.world.create({"email": f"import{number}@example.com", "metadata": metadata})
            user.metadata = {"stripe_customer_id": own["id"]}
        elif kind < 0.4 and self.auth0.installed < 0:
            # Imported, or invited: the account is older than its first log-in.
            user.born = -2 * HOUR

    def _draw_installation(self) -> None:
        """Let the deployment's own check have noted it, some time ago; or nobody yet."""
        self.auth0.installed = self.rng.choice([-10 * 24 * HOUR, -1.0, 0.001])
        if self.auth0.installed < 0:
            moment = {"N": f"{EPOCH + self.auth0.installed:.3f}"}
            item = {"pk": {"S": "installation"}, "installed_at": moment}
            self.world.table.items["installation"] = item

    def _draw_policy(self) -> None:
        rng = self.rng
        self.world.policy = Policy(
            existing_customer=_drawn(rng, ExistingCustomer, 0.3),
            on_failure=_drawn(rng, OnFailure, 0.2),
            verified_email=_drawn(rng, VerifiedEmail, 0.1),
            provision_at=_drawn(rng, ProvisionAt, 0.1),
            existing_users=_drawn(rng, ExistingUsers, 0.15),
        )
        self.auth0.on_failure = str(self.world.policy.on_failure)
        self.oracle.watch_policy()
        if self.world.policy == Policy():
            self.policies.add("defaults")
        named = vars(self.world.policy).items()
        self.policies |= {f"{name}={each}" for name, each in named if each in _OTHERS}

    def _drawn_life(self, rng: random.Random) -> Life | None:
        """Let there be sync in some histories."""
        if rng.random() >= SHARE:
            return None
        life = Life(self.auth0, rng, self.oracle, self._pool)
        life.function.taken = self.taken
        life.watch([*self.auth0.users.values(), *self._registering])
        self.policies |= life.draw_policy()
        return life

    # The acts

    def _phase(self, span: float, logins: int) -> None:
        """Let everybody act some times within a span; then wait until all is quiet."""
        for user in list(self.auth0.users.values()):
            for _ in range(self.rng.randint(1, logins)):
                moved = _cased(self.rng, self.rng.choice(self._pool))
                changes = user.email is not None and self.rng.random() < self._moves
                self._plan(span, "login", self._login(user, moved if changes else None))
            for each in self._others_of(user, span):
                self._plan(span, *each)
        if "registration" in self._open_to:
            for user in self._registering:
                self._plan(span, "registration", self._registration(user))
        if "repair" in self._open_to:
            self._plan(span + 200, "repair", self.entries.repair)
        if self.rng.random() < 0.15:
            self._plan(span, "person", self._person)
        if self.life is not None:
            self._plan_life(self.life, span)
        self._run()

    def _plan_life(self, life: Life, span: float) -> None:
        for act in life.acts():
            self._plan(span, "person", act)
        self._plan(span + 400, "repair", life.function.sweep)
        if life.rng.random() < 0.3:
            self._plan(span, "command line", lambda: self._reassign(life.rng))

    def _reassign(self, rng: random.Random) -> None:
        """Let what a user who is gone had become another one's with the address."""
        for former in self.auth0.gone.values():
            heirs = [each for each in self.auth0.users.values() if each.is_verified and each.email]
            for customer_id in self.oracle.customers_of(former) if heirs else []:
                heir = rng.choice(heirs)
                address = self.world.stripe.retrieve(customer_id)["email"]
                same = [each for each in heirs if str(each.email).lower() == str(address).lower()]
                self.entries.reassign(customer_id, former, same[0] if same else heir)

    def _live(self, life: Life) -> None:
        """Let changes come to those who have signed up, and whom sync knows or not."""
        for _ in range(life.rng.choice([1, 1, 2])):
            self.scheduler.now += life.rng.choice(EDGES)
            if life.rng.random() < 0.3:
                self.policies |= life.draw_policy()
            life.compares()
            self._run()
            span = life.rng.choice([3.0, 20.0, 200.0])
            for user in self.auth0.users.values():
                if life.rng.random() < 0.3:
                    self._plan(span, "login", self._login(user, None))
            self._plan_life(life, span)
            if "repair" in self._open_to:
                self._plan(span + 200, "repair", self.entries.repair)
            self._run()

    def _others_of(self, user: User, span: float) -> list[tuple[str, Callable[[], Any]]]:
        rng = self.rng
        found: list[tuple[str, Callable[[], Any]]] = []
        if "checkout" in self._open_to and rng.random() < 0.5:
            found += [("checkout", lambda: self.entries.checkout(user))] * rng.randint(1, 2)
        if "backfill" in self._open_to and rng.random() < 0.5:
            found.append(("backfill", lambda: self.entries.backfill(user)))
        if "linking" in self._open_to and rng.random() < 0.3:
            other = rng.choice([*self.auth0.users.values()])
            if other is not user:
                link = lambda: self._linking(user, other)  # noqa: E731
                found += [("linking", link)] * rng.randint(1, 2)
        if "command line" in self._open_to and rng.random() < 0.5:
            found.append(("command line", lambda: self._operator(user, span)))
        return found

    def _login(self, user: User, moved: str | None) -> Callable[[], None]:
        def login() -> None:
            if user.user_id not in self.auth0.users:
                return
            if moved is not None:
                user.email = moved
            self.auth0.login(user)

        return login

    def _registration(self, user: User) -> Callable[[], None]:
        def registration() -> None:
            if user.user_id in self.auth0.users or user.user_id in self.auth0.gone:
                return
            told, refused = self.rng.random() < 0.6, self.rng.random() < 0.2
            self.auth0.register(user, is_told=told, is_refused=refused)
            if user.user_id not in self.auth0.users:
                return
            if self.rng.random() < self._moves:
                # Somebody else may register with the address next.
                user.email = self.rng.choice(self._pool)
            if self.rng.random() < 0.7:
                self.scheduler.sleep(self.rng.choice([0.05, 1.0, 30.0]))
                self.auth0.login(user)

        return registration

    def _linking(self, primary: User, secondary: User) -> None:
        is_there = primary.user_id in self.auth0.users
        if is_there and primary.is_verified and secondary.is_verified and not secondary.identities:
            self.entries.link(primary, secondary)

    def _operator(self, user: User, span: float) -> None:
        """Repair by what a comparison showed a while ago."""
        owned = self.oracle.customers_of(user)
        self.scheduler.sleep(self.rng.uniform(0, span))
        act = self.rng.choice(["address", "claim", "record"])
        if act == "record" and owned:
            self.entries.record(user, owned[0])
        elif act == "claim":
            self.entries.claim(user)
        elif act == "address" and self.life is not None:
            self.life.function.asks(user)
        elif act == "address":
            self.entries.address(user)

    def _person(self) -> None:
        """Let a person delete or edit in Stripe, or delete or verify in Auth0."""
        users = [*self.auth0.users.values()]
        if not users:
            return
        user, act = self.rng.choice(users), self.rng.random()
        if act < 0.2:
            self.world.tell(f"a person deletes {user.user_id}")
            self.auth0.delete(user)
        elif act < 0.4:
            user.is_verified = True
        elif act < 0.6:
            address = self.rng.choice(self._pool)
            self.oracle.touch_address(address)
            made = self.world.create({"email": address}, by_person=True)
            self.world.tell(f"a person makes {made['id']} for {address}")
        else:
            self._touch_customer(user, act < 0.8)

    def _touch_customer(self, user: User, is_deletion: bool) -> None:  # noqa: FBT001
        for customer_id in self.oracle.customers_of(user):
            user.is_touched = True
            for each in [*self.auth0.users.values(), *self._registering]:
                carries = each.metadata.get("stripe_customer_id") == customer_id
                each.is_touched |= carries or user.user_id in each.identities
            if is_deletion:
                self.world.tell(f"a person deletes {customer_id}")
                self.oracle.deleted_by_hand[customer_id] = self.world.scheduler.now
                self.world.delete(customer_id)
                if self.rng.random() < 0.7:
                    kept = {**user.metadata}
                    kept.pop("stripe_customer_id", None)
                    user.metadata = kept
            else:
                address = self.rng.choice(self._pool)
                self.oracle.touch_address(address)
                self.oracle.out_of_sight.add(user.user_id)
                self.world.tell(f"a person gives {customer_id} the address {address}")
                self.world.update(customer_id, {"email": address}, by_person=True)

    def _plan(self, span: float, kind: str, act: Callable[[], Any]) -> None:
        moment = self.rng.uniform(0, span)
        self.planned += 1
        if self.planned - 1 not in self._without_acts:
            self.taken[kind] += 1
            self.scheduler.spawn(act, moment)

    def _run(self) -> None:
        self.scheduler.run()
        if self.oracle.violation is not None:
            raise self.oracle.violation

    # The end

    def _converge(self) -> None:
        """After the faults ended, everything is done once more: all must be in order."""
        self.scheduler.now += QUIET_SECONDS
        self.faults.on = False
        self.world.tell("the faults end")
        for number in range(FINAL_LOGINS):
            for user in list(self.auth0.users.values()):
                for secondary in user.identities:
                    self.entries.link(user, self.auth0.gone[secondary])
                    self._run()
                self.scheduler.spawn(self._login(user, None))
                self._run()
                self.scheduler.now += QUIET_SECONDS
                for customer_id in self.oracle.customers_of(user):
                    self.entries.record(user, customer_id)
                    self._run()
                self.entries.claim(user)
                self._run()
            self.entries.repair()
            self._run()
            if self.life is not None:
                self.life.come_to_rest(self._run, rounds=1 + number)
        if self.life is not None:
            self.life.judge(self._run)
        for user in self.auth0.users.values():
            self.oracle.judge_the_end(user)
        self.oracle.judge_profiles()


_OTHERS = {
    *list(ExistingCustomer)[1:],
    *list(OnFailure)[1:],
    *list(VerifiedEmail)[1:],
    *list(ProvisionAt)[1:],
    *list(ExistingUsers)[1:],
}


def _drawn[Choice](rng: random.Random, choices: type[Choice], share: float) -> Choice:
    """Return the default, or with a probability the other value."""
    default, other = list(choices)  # type: ignore[call-overload]
    return other if rng.random() < share else default  # type: ignore[no-any-return]


def _cased(rng: random.Random, email: str) -> str:
    """Write an address in one of the ways in which people do."""
    return rng.choice([email, email, email.capitalize(), email.upper()])
