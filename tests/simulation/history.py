"""One history: users, logins and faults by seed; and the oracle that judges every step of it."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.simulation.auth0 import TENANT, Auth0, Login, User
from tests.simulation.faults import Faults
from tests.simulation.outside import World
from tests.simulation.scheduler import Scheduler

from customerlink.policy import ExistingCustomer, Policy

DAY = 25 * 3600.0
QUIET_SECONDS = 200.0
"""Long enough for every lease, lock and late effect to end."""

FUNCTION_SECONDS = 5.0
ACTION_SECONDS = 9.5
FINAL_LOGINS = 2


class ViolationError(AssertionError):
    """An invariant does not hold."""


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


def play(
    seed: int,
    without_faults: frozenset[int] = frozenset(),
    without_logins: frozenset[int] = frozenset(),
) -> Outcome:
    """Play a seed's history, with some of its faults and logins left out."""
    history = History(seed, without_faults, without_logins)
    violation = history.play()
    return Outcome(
        seed,
        violation,
        history.scheduler.steps,
        sum(len(user.ended) for user in history.auth0.users.values()),
        history.faults.counts,
        history.faults.drawn,
        history.planned,
        history.world.log,
    )


class History:
    """A seed, played out."""

    def __init__(self, seed: int, without: frozenset[int], without_logins: frozenset[int]) -> None:
        """Draw users and addresses; logins and faults come while it is played."""
        random.seed(seed)  # the adapters' jitter
        self.rng = random.Random(seed)
        self.scheduler = Scheduler()
        rate = self.rng.choice([0.0, 0.03, 0.08, 0.2])
        burst = self.rng.choice([0.0, 0.0, 0.8])
        self.faults = Faults(self.rng, rate, self.rng.randint(0, 10), burst, without)
        self._moves = self.rng.choice([0.0, 0.1, 0.4])
        self.world = World(self.scheduler, self.faults, self.rng)
        self.auth0 = Auth0(self.world)
        self.oracle = Oracle(self.world, self.auth0)
        self.planned = 0
        self._without_logins = without_logins
        self._populate()

    def play(self) -> str | None:
        """Play the phases; gives the first violation."""
        try:
            self._phase(self.rng.choice([0.5, 3.0, 40.0, 40.0]), logins=4)
            if self.rng.random() < 0.3:
                self._operator_acts()
                later = self.rng.choice([QUIET_SECONDS, DAY])
                self._phase(3.0, logins=2, after=later)
            self._converge()
        except ViolationError as violation:
            self.world.tell(f"VIOLATION: {violation}")
            return str(violation)
        return None

    def _populate(self) -> None:
        rng = self.rng
        pool = [f"user{number}@example.com" for number in range(rng.randint(1, 3))]
        is_adopting = rng.random() < 0.3
        # A user between two addresses: under one a customer to adopt, under the other none.
        is_between = is_adopting and rng.random() < 0.4
        if is_adopting:
            self.world.policy = Policy(existing_customer=ExistingCustomer.ADOPT)
        if is_between:
            self._moves = 0.6
            pool = ["user0@example.com", "user1@example.com"]
        if is_between or rng.random() < (0.7 if is_adopting else 0.15):
            self.world.create({"email": pool[0], "metadata": {}})
        for number in range(rng.randint(1, 4)):
            user = User(f"auth0|{number}", _cased(rng, rng.choice(pool)))
            user.is_verified = is_between or rng.random() < 0.7
            kind = rng.random()
            if kind < 0.05:
                user.email = None
            elif kind < 0.10:
                stranger = self.world.create({"email": f"stranger{number}@example.com"})
                user.metadata, user.forged = {"stripe_customer_id": stranger["id"]}, True
            elif kind < 0.14:
                user.logins_count, user.age = rng.randint(1, 50), 90 * DAY
            elif kind < 0.17:
                metadata = {"auth0_user_id": user.user_id, "auth0_tenant": TENANT}
                own = self.world.create(
                    {"email": f"import{number}@example.com", "metadata": metadata},
                )
                user.metadata = {"stripe_customer_id": own["id"]}
            self.auth0.users[user.user_id] = user
        self._pool = pool
        self.world.on_created = self.oracle.created

    def _phase(self, span: float, logins: int, after: float = 0.0) -> None:
        """Let every user log in some times within a span; then wait until all is quiet."""
        for user in self.auth0.users.values():
            for _ in range(self.rng.randint(1, logins)):
                moment = after + self.rng.uniform(0, span)
                moved = _cased(self.rng, self.rng.choice(self._pool))
                changes = user.email is not None and self.rng.random() < self._moves
                self.planned += 1
                if self.planned - 1 not in self._without_logins:
                    self._plan(user, moment, moved if changes else None)
        self._run()

    def _plan(self, user: User, moment: float, moved: str | None) -> None:
        def login() -> None:
            if moved is not None:
                user.email = moved
            self.auth0.login(user)

        self.scheduler.spawn(login, moment)

    def _run(self) -> None:
        self.scheduler.run()
        self.scheduler.now += QUIET_SECONDS
        if self.oracle.violation is not None:
            raise self.oracle.violation

    def _operator_acts(self) -> None:
        """Delete a user's customer in Stripe, and take its id out of the profile."""
        linked = [each for each in self.auth0.users.values() if self.oracle.customers_of(each)]
        if not linked or self.rng.random() < 0.5:
            return
        user = self.rng.choice(linked)
        for customer_id in self.oracle.customers_of(user):
            self.world.stripe.delete(customer_id)
        user.metadata.pop("stripe_customer_id", None)
        user.ended.clear()
        self.world.tell(f"the operator deletes the customer of {user.user_id}")

    def _converge(self) -> None:
        """After the faults ended, every user logs in again: everything must be in order."""
        self.faults.on = False
        self.world.tell("the faults end")
        for _ in range(FINAL_LOGINS):
            for user in self.auth0.users.values():
                self._plan(user, 0.0, None)
                self._run()
        for user in self.auth0.users.values():
            self.oracle.judge_the_end(user)


class Oracle:
    """The invariants of docs/architecture.md."""

    def __init__(self, world: World, auth0: Auth0) -> None:
        """Look at every answer and every end of a login."""
        self.world = world
        self.auth0 = auth0
        self.violation: ViolationError | None = None
        world.on_written = self.written
        world.on_updated = self.updated
        auth0.on_answer = self.answered
        auth0.on_ended = self.ended
        auth0.on_bug = lambda bug: self._violated(f"the function raises {bug!r}")

    def _violated(self, text: str) -> None:
        self.world.tell(f"VIOLATION: {text}")
        self.violation = self.violation or ViolationError(text)

    def customers_of(self, user: User) -> list[str]:
        """Give the live customers that name the user."""
        return [
            each["id"]
            for each in self.world.stripe.live_customers()
            if each["metadata"].get("auth0_user_id") == user.user_id
        ]

    def created(self, customer: dict[str, Any]) -> None:
        """Check invariants 1 and 2 whenever Stripe has made a customer."""
        self.world.tell(f"  Stripe makes {customer['id']} for {customer['email']}")
        live = [each for each in self.world.stripe.live_customers() if each["id"] != customer["id"]]
        owner = customer["metadata"].get("auth0_user_id")
        if any(each["metadata"].get("auth0_user_id") == owner for each in live):
            self._violated(f"1: a second customer for {owner}")
        if any(str(each["email"]).lower() == str(customer["email"]).lower() for each in live):
            self._violated(f"2: a second customer for {customer['email']}")

    def updated(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Check that an adoption takes a customer from nobody."""
        self.world.tell(f"  Stripe updates {after['id']}: {after['metadata']}")
        owners = [each["metadata"].get("auth0_user_id") for each in (before, after)]
        if owners[0] not in (None, owners[1]):
            self._violated(f"1: {owners[1]} takes the customer of {owners[0]}")

    def written(self, key: str, epoch: str | None, old: dict[str, Any]) -> None:
        """Check at every fenced write that no zombie made it."""
        if epoch is not None and key.startswith("signup#") and old["epoch"]["N"] != epoch:
            self._violated(f"a zombie of epoch {epoch} changes {key}, epoch {old['epoch']['N']}")

    def answered(self, user: User, answer: dict[str, Any], seconds: float) -> None:
        """Check invariants 3 and 6 whenever the function answers."""
        customer_id = answer["app_metadata"].get("stripe_customer_id")
        given = answer["decision"] == "continue" and customer_id is not None
        if given and customer_id not in self.customers_of(user):
            self._violated(f"3: {user.user_id} gets {customer_id}, which is not theirs")
        frozen = self.world.faults.counts["freeze"]
        if seconds > FUNCTION_SECONDS and not frozen:
            self._violated(f"6: the function took {seconds:.2f} s")

    def ended(self, user: User, login: Login) -> None:
        """Check invariants 5 and 6 whenever a login has ended."""
        if login.ended - login.started > ACTION_SECONDS:
            self._violated(f"6: the Action took {login.ended - login.started:.2f} s")
        if login.decision == "deny" or login.customer_id in self.customers_of(user):
            return
        earlier = [each for each in user.ended if each.ended <= login.started]
        if earlier and earlier[-1].decision == "deny" and self._is_known(user, earlier[-1]):
            self._violated(f"5: {user.user_id} was denied, and is let in without a customer")

    def judge_the_end(self, user: User) -> None:
        """Check that a user is linked on both sides, or denied for a cause that is still there."""
        owned, last = self.customers_of(user), user.ended[-1]
        linked = user.metadata.get("stripe_customer_id")
        if owned:
            if owned != [linked] or "stripe_signup" in user.metadata:
                self._end_violated(user, f"has {owned}, the profile {user.metadata}")
        elif last.decision == "deny":
            self._judge_denial(user, last)
        elif not self._may_be_let_in(user):
            self._end_violated(user, "was let in without a customer")

    def _judge_denial(self, user: User, last: Login) -> None:
        email = (user.email or "").lower()
        holders = [each for each in self.world.stripe.live_customers() if each["email"] == email]
        justified = {
            "email_missing": user.email is None,
            "link_mismatch": user.forged,
            "email_in_use": bool(holders),
        }
        if not justified.get(str(last.reason), False):
            self._end_violated(user, f"is still denied: {last.reason}")

    def _end_violated(self, user: User, text: str) -> None:
        raise ViolationError(f"the end: {user.user_id} {text}")

    def _is_known(self, user: User, denial: Login) -> bool:
        """Tell whether the denial left a trace: Auth0's marker, or the ledger's record."""
        return not denial.marker_lost or self._record(user) is not None

    def _may_be_let_in(self, user: User) -> bool:
        """Exempt users, and those whose every denial left no trace: see docs/architecture.md."""
        denials = [each for each in user.ended if each.decision == "deny"]
        traced = any(not each.marker_lost for each in denials)
        return user.age > 0 or not (traced or self._record(user))

    def _record(self, user: User) -> Any:
        return self.world.table.items.get(f"signup#{TENANT}#{user.user_id}")


def _cased(rng: random.Random, email: str) -> str:
    """Write an address in one of the ways in which people do."""
    return rng.choice([email, email, email.capitalize(), email.upper()])
