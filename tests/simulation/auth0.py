"""Auth0's side: users, the Login flow, and the Action's rules.

The rules are a second writing of `src/action/post-login.js`; `test_action_rules.py` holds the two
to the same decisions.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.simulation import faults
from tests.simulation.outside import (
    EPOCH,
    SimulatedClock,
    SimulatedCustomers,
    SimulatedDynamoDb,
    World,
)
from tests.simulation.scheduler import Task

from customerlink.adapters.dynamodb_ledger import DynamoDbLedger
from customerlink.provisioning import Provisioning
from customerlink.run import Run
from customerlink.signup import SignUp, parse

TRY_SECONDS = 6.0
ALL_TRIES_SECONDS = 9.0
FAST_SECONDS = 2.0
TENANT = "acme"


@dataclass
class User:
    """A user's profile in Auth0, and how the logins went."""

    user_id: str
    email: str | None
    is_verified: bool = False
    logins_count: int = 0
    age: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)
    forged: bool = False
    """Came to the first login with somebody else's customer id."""
    ended: list["Login"] = field(default_factory=list)


@dataclass
class Login:
    """One login: when it was, and how it ended."""

    started: float
    ended: float = 0.0
    decision: str = ""
    reason: str | None = None
    """None where the Action decided by itself."""
    customer_id: str | None = None
    marker_lost: bool = False


def is_to_be_reported(logins_count: int, metadata: dict[str, Any]) -> bool:
    """Decide as the Action does."""
    if logins_count == 1 or metadata.get("stripe_signup") == "unfinished":
        return True
    return not metadata.get("stripe_customer_id") and metadata.get("stripe_signup") != "exempt"


class Auth0:
    """The tenant."""

    def __init__(self, world: World) -> None:
        """Start without users."""
        self.world = world
        self.users: dict[str, User] = {}
        self.on_answer: Any = lambda *_: None
        self.on_ended: Any = lambda *_: None
        self.on_bug: Any = lambda *_: None
        self.invocations = 0

    def login(self, user: User) -> None:
        """Run one login, from the count to the metadata's writing."""
        world = self.world
        user.logins_count += 1
        login = Login(world.scheduler.now)
        metadata = dict(user.metadata)
        world.tell(f"{user.user_id} logs in, count {user.logins_count}, {user.email}, {metadata}")
        changes: dict[str, Any] = {}
        if not is_to_be_reported(user.logins_count, metadata):
            login.decision, login.customer_id = "continue", metadata.get("stripe_customer_id")
        else:
            answer = self._report(user, self._body(user, metadata))
            if answer is None:
                login.decision, changes = "deny", {"stripe_signup": "unfinished"}
            else:
                login.decision, login.reason = answer["decision"], answer["reason"]
                changes = answer["app_metadata"]
                login.customer_id = changes.get("stripe_customer_id")
        world.scheduler.sleep(world.rng.uniform(0.001, 0.05))
        lost = bool(changes) and world.faults.draw(faults.AUTH0, share=0.5) is not None
        if lost:
            login.marker_lost = True
        else:
            merged = {**user.metadata, **changes}
            user.metadata = {k: v for k, v in merged.items() if v is not None}
        login.ended = world.scheduler.now
        note = ", Auth0 loses the metadata" if lost else ""
        world.tell(f"{user.user_id}: {login.decision} {login.reason} {changes}{note}")
        self.on_ended(user, login)
        user.ended.append(login)

    def _body(self, user: User, metadata: dict[str, Any]) -> dict[str, Any]:
        born = datetime.fromtimestamp(EPOCH - user.age, UTC).isoformat()
        profile: dict[str, Any] = {"user_id": user.user_id, "email": user.email, "created_at": born}
        profile |= {"email_verified": user.is_verified}
        return {
            "version": 1,
            "tenant": {"id": TENANT},
            "user": {**profile, "app_metadata": metadata},
            "stats": {"logins_count": user.logins_count},
        }

    def _report(self, user: User, body: dict[str, Any]) -> dict[str, Any] | None:
        """Call the function as the Action does: a try, and one more if it failed fast."""
        start = self.world.scheduler.now
        answer, fast = self._try(user, body, TRY_SECONDS)
        spent = self.world.scheduler.now - start
        if answer is None and fast and spent < FAST_SECONDS:
            left = min(TRY_SECONDS, ALL_TRIES_SECONDS - spent)
            answer, _ = self._try(user, {**body, "try": 2}, left)
        return answer

    def _try(
        self,
        user: User,
        body: dict[str, Any],
        seconds: float,
    ) -> tuple[dict[str, Any] | None, bool]:
        world = self.world
        fault = world.faults.draw(faults.NETWORK)
        world.scheduler.sleep(world.rng.uniform(0.001, 0.05))
        if fault is not None:
            world.tell(f"  network: {fault}")
        if fault == "request lost":
            return None, True
        call = self._invoke(user, body)
        if fault == "delivered twice":
            self._invoke(user, body)
        if fault == "answer lost":
            world.scheduler.sleep(world.rng.uniform(0.05, 1))
            return None, True
        if not world.scheduler.wait(call, seconds):
            return None, False
        if call.error is not None:
            self.on_bug(call.error)
            return None, False
        answer: dict[str, Any] = call.result
        return answer, False

    def _invoke(self, user: User, body: dict[str, Any]) -> Task:
        """Start an invocation: the real parser, pipeline, ledger and Stripe adapter."""
        self.invocations += 1
        owner = f"invocation-{self.invocations}"
        signup = parse(json.dumps(body).encode())
        assert isinstance(signup, SignUp)
        world = self.world
        if world.faults.draw(faults.SECRETS, share=0.2) == "key rotated":
            world.rotate_key()

        def work() -> dict[str, Any]:
            run = Run(SimulatedClock(world), owner)
            client: Any = SimulatedDynamoDb(world)
            started = world.scheduler.now
            instruction = Provisioning(
                replace(signup),
                DynamoDbLedger(client, "ledger", run),
                SimulatedCustomers(world, run),
                world.policy,
                run,
            ).instruction()
            answer = instruction.as_json()
            world.tell(f"  {owner} of {user.user_id}: {answer['decision']} {answer['reason']}")
            self.on_answer(user, answer, world.scheduler.now - started)
            return answer

        return world.scheduler.spawn(work, world.rng.uniform(0.0005, 0.05))
