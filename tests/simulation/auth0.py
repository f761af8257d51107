"""Auth0's side: users, the Login and registration flows, the Management API, the Action's rules.

The rules are a second writing of `src/actions/post-login.js`; `test_action_rules.py` holds the two
to the same decisions.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.simulation import faults
from tests.simulation.outside import (
    EPOCH,
    SimulatedClock,
    SimulatedCustomers,
    SimulatedDynamoDb,
    SimulatedSyncedCustomers,
    World,
)
from tests.simulation.scheduler import Task

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.table import CALL_SECONDS
from customerlink.model.profile import Profile
from customerlink.model.signup import SignUp, parse, parse_registered, parse_registration
from customerlink.model.trust import Trust
from customerlink.model.user import UserId
from customerlink.ports.deadline import SIGN_UP_SECONDS
from customerlink.ports.profiles import Identities, Profiles
from customerlink.ports.run import Run
from customerlink.usecases.settle import Creates, Settling
from customerlink.usecases.sign_up import Provisioning

TRY_SECONDS = 6.0
ALL_TRIES_SECONDS = 9.0
FAST_SECONDS = 2.0
TENANT = "acme"
DATABASE, PASSWORDLESS = "db", "email"
"""The connections whose users pass through the registration flow; the latter's keep no metadata."""


class ManagementError(Exception):
    """What the Management API's client raises."""


@dataclass
class User:
    """A user's profile in Auth0, and how the logins went."""

    user_id: str
    email: str | None
    is_verified: bool = False
    logins_count: int = 0
    born: float = 0.0
    """When the account was made, in seconds from the history's start."""
    connection: str = "social"
    metadata: dict[str, Any] = field(default_factory=dict)
    identities: list[str] = field(default_factory=list)
    """The ids of accounts that were linked to this one."""
    is_returning: bool = False
    """Could log in before the history began."""
    forged: bool = False
    """Came to the first login with somebody else's customer id."""
    is_imported: bool = False
    """Came to the first login with the id of a customer that names nobody."""
    is_touched: bool = False
    """A person changed something in Stripe or in the profile that may keep the user out."""
    name: str | None = None
    """Another one at each login, unless it is given."""
    ended: list["Login"] = field(default_factory=list)

    on_changed: Callable[["User"], None] | None = None

    def __setattr__(self, name: str, value: object) -> None:
        """Let whoever watches this user know of what an event would tell."""
        object.__setattr__(self, name, value)
        if self.on_changed is not None and name in _TOLD:
            self.on_changed(self)

    @property
    def full_name(self) -> str:
        """Return the name that the profile has."""
        return self.name or f"Name {self.logins_count % 2}"


_TOLD = {"email", "is_verified", "name", "metadata", "identities", "logins_count"}


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
    refused_before: str | None = None
    """How the ledger says that the user was refused, when the login began."""
    is_asked_in_vain: bool = False
    """Whether neither marker nor id said who it is, and nobody could be asked."""
    was_verified: bool = False
    """What the report said of the address; the user may have verified it since."""


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
        self.gone: dict[str, User] = {}
        self.reassigned: set[tuple[str, str]] = set()
        """In whose place a person wants whom, of those who are gone."""
        self.on_failure = "deny"
        """The Action's own setting."""
        self.installed = 0.0
        """When the deployment was there, in seconds from the history's start."""
        self.on_answer: Any = lambda *_: None
        self.on_ended: Any = lambda *_: None
        self.on_bug: Any = lambda *_: None
        self.on_deleted: Any = lambda *_: None
        self.invocations = 0

    def login(self, user: User) -> None:
        """Run one login, from the count to the metadata's writing."""
        world = self.world
        user.logins_count += 1
        login = Login(world.scheduler.now, refused_before=self.refusal_of(user))
        metadata = dict(user.metadata)
        count = user.logins_count
        world.tell(f"{user.user_id} logs in, count {count}, {user.email}, {metadata}")
        changes: dict[str, Any] = {}
        login.was_verified = user.is_verified
        if not is_to_be_reported(count, metadata):
            login.decision, login.customer_id = "continue", metadata.get("stripe_customer_id")
        else:
            body = self._body(user)
            answer = self._report(lambda tries: self._login_of(user, body, tries))
            if answer is None:
                login.decision, changes = self._without_answer(count, metadata)
                login.is_asked_in_vain = not metadata
            else:
                login.is_asked_in_vain = not metadata and answer["is_troubled"]
                login.decision, login.reason = answer["decision"], answer["reason"]
                changes = answer["app_metadata"]
                login.customer_id = changes.get("stripe_customer_id")
        world.scheduler.sleep(world.rng.uniform(0.001, 0.05))
        lost = bool(changes) and world.faults.draw(faults.AUTH0, share=0.5) is not None
        login.marker_lost = lost
        if not lost:
            self.merge(user, changes)
        login.ended = world.scheduler.now
        note = ", Auth0 loses the metadata" if lost else ""
        world.tell(f"{user.user_id}: {login.decision} {login.reason} {changes}{note}")
        self.on_ended(user, login)
        user.ended.append(login)

    def _without_answer(self, count: int, metadata: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Decide as the Action does when nobody answers: an outage keeps out who is signing up."""
        is_marked = metadata.get("stripe_signup") == "unfinished"
        if count != 1 and not is_marked:
            return "continue", {}
        lets_in = self.on_failure == "continue" and not metadata.get("stripe_customer_id")
        return "continue" if lets_in else "deny", {"stripe_signup": "unfinished"}

    def register(self, user: User, *, is_told: bool, is_refused: bool) -> None:
        """Run the registration flow for somebody who is to be `user`, unless it is denied.

        `is_told`: whether the trigger behind it gets through; `is_refused`: whether Auth0 refuses
        after it (a password that is too weak).
        """
        world = self.world
        world.tell(f"somebody registers to be {user.user_id}, {user.email}")
        body = self._body(user)
        answer = self._report(lambda tries: self._registration_of(user, body, tries))
        if answer is None:
            decision, ids = self.on_failure, {}
        else:
            decision, ids = answer["decision"], answer["app_metadata"]
        world.tell(f"{user.user_id}: registration: {decision} {ids}")
        is_taken = any(
            (each.connection, each.email) == (user.connection, user.email)
            for each in self.users.values()
        )
        if decision == "deny" or is_refused or is_taken:
            return
        world.scheduler.sleep(world.rng.uniform(0.001, 0.05))
        user.born = world.scheduler.now
        self.merge(user, ids if user.connection == DATABASE else {})
        self.users[user.user_id] = user
        if is_told and user.metadata:
            self._registered(user)

    def is_from_before(self, user: User) -> bool:
        """Return whether the account is older than the installation."""
        return user.born < self.installed

    def refusal_of(self, user: User) -> str | None:
        """Return the refusal that the ledger keeps of a user, if any."""
        record = self.world.table.items.get(f"signup#{TENANT}#{user.user_id}", {})
        reason: str | None = record.get("reason", {}).get("S")
        return reason

    def delete(self, user: User) -> None:
        """Delete a user."""
        self.gone[user.user_id] = user
        if self.users.pop(user.user_id, None) is not None:
            self.on_deleted(user)

    def merge(self, user: User, changes: Mapping[str, Any]) -> None:
        """Merge changes into a user's `app_metadata`; None removes."""
        merged = {**user.metadata, **changes}
        user.metadata = {k: v for k, v in merged.items() if v is not None}

    # What the Actions send, and the invocations that it leads to

    def _body(self, user: User) -> dict[str, Any]:
        born = datetime.fromtimestamp(EPOCH + user.born, UTC).isoformat()
        profile = {"user_id": user.user_id, "email": user.email, "created_at": born}
        return {
            "version": 1,
            "tenant": {"id": TENANT},
            "user": {
                **profile,
                "name": user.full_name,
                "email_verified": user.is_verified,
                "app_metadata": dict(user.metadata),
            },
            "stats": {"logins_count": user.logins_count},
            "connection": {"name": user.connection, "strategy": "auth0"},
        }

    def _login_of(self, user: User, body: dict[str, Any], tries: int) -> Task:
        signup = parse(json.dumps({**body, "try": tries}).encode(), Trust())
        return self._admission(user, signup, Provisioning.instruction)

    def _registration_of(self, user: User, body: dict[str, Any], tries: int) -> Task:
        signup = parse_registration(json.dumps({**body, "try": tries}).encode(), Trust())
        return self._admission(user, signup, Provisioning.at_registration)

    def _registered(self, user: User) -> None:
        signup = parse_registered(json.dumps(self._body(user)).encode(), Trust())
        self._admission(user, signup, Provisioning.after_registration)

    def _admission(self, user: User, signup: object, decide: Callable[[Provisioning], Any]) -> Task:
        assert isinstance(signup, SignUp)
        world = self.world
        if world.faults.draw(faults.SECRETS, share=0.2) == "key rotated":
            world.rotate_key()

        def work(run: Run) -> dict[str, Any]:
            started = world.scheduler.now
            settling = self.settling(signup, run, is_admission=True)
            answer: dict[str, Any] = decide(Provisioning(settling)).as_json()
            world.tell(f"  {run.owner} of {user.user_id}: {answer['decision']} {answer['reason']}")
            self.on_answer(user, signup, answer, world.scheduler.now - started)
            # Nobody asks the ledger either when there is no time left for it.
            is_late = run.deadline.remaining() < CALL_SECONDS
            return {**answer, "is_troubled": is_late or run.owner in world.troubled}

        return self.invoke(work, SIGN_UP_SECONDS)

    def settling(self, signup: SignUp, run: Run, **asked: Any) -> Settling:
        """Put the real use case together, over the real adapters."""
        client: Any = SimulatedDynamoDb(self.world, run.owner)
        ledger = DynamoDbLedger(client, "ledger", run)
        return self.settled_by(ledger, SimulatedCustomers(self.world, run), signup, run, **asked)

    def settled_by(
        self,
        ledger: DynamoDbLedger,
        customers: SimulatedCustomers | SimulatedSyncedCustomers,
        signup: SignUp,
        run: Run,
        **asked: Any,
    ) -> Settling:
        """Put it together over these."""
        asked.setdefault("creates", Creates.ALWAYS)
        return Settling(signup, ledger, customers, self.world.policy, run, **asked)

    def invoke(
        self, work: Callable[[Run], Any], seconds: float, function: str = "invocation"
    ) -> Task:
        """Start an invocation, with a clock and a budget of its own."""
        self.invocations += 1
        owner = f"{function}-{self.invocations}"

        def invocation() -> Any:
            try:
                return work(Run(SimulatedClock(self.world), owner, seconds))
            except Exception as bug:
                self.on_bug(bug)
                raise

        task = self.world.scheduler.spawn(invocation, self.world.rng.uniform(0.0005, 0.05))
        task.function = function
        return task

    def _report(self, call: Callable[[int], Task]) -> dict[str, Any] | None:
        """Call the function as the Action does: a try, and one more if it failed fast."""
        start = self.world.scheduler.now
        answer, fast = self._try(lambda: call(1), TRY_SECONDS)
        spent = self.world.scheduler.now - start
        if answer is None and fast and spent < FAST_SECONDS:
            left = min(TRY_SECONDS, ALL_TRIES_SECONDS - spent)
            answer, _ = self._try(lambda: call(2), left)
        return answer

    def _try(self, call: Callable[[], Task], seconds: float) -> tuple[dict[str, Any] | None, bool]:
        world = self.world
        fault = world.faults.draw(faults.NETWORK)
        world.scheduler.sleep(world.rng.uniform(0.001, 0.05))
        if fault is not None:
            world.tell(f"  network: {fault}")
        if fault == "request lost":
            return None, True
        invocation = call()
        if fault == "delivered twice":
            call()
        if fault == "answer lost":
            world.scheduler.sleep(world.rng.uniform(0.05, 1))
            return None, True
        if not world.scheduler.wait(invocation, seconds):
            return None, False
        if invocation.error is not None:
            return None, False
        answer: dict[str, Any] = invocation.result
        return answer, False


class SimulatedProfiles(Profiles, Identities):
    """The Management API, as an invocation without the person asks it."""

    down_until = 0.0

    def __init__(self, auth0: Auth0) -> None:
        """Speak to the tenant."""
        self._auth0 = auth0

    def get(self, user_id: str) -> Profile | None:
        """Read a user, consistently."""
        return self._call(lambda: self._profile(user_id))

    def with_address(self, email: str) -> list[Profile]:
        """Find the users with an address, consistently."""

        def found() -> list[Profile]:
            profiles = [self._profile(each) for each in self._auth0.users]
            return [each for each in profiles if each and each.email == email]

        return self._call(found)

    def primary_of(self, user_id: str) -> Profile | None:
        """Find the user of whom an account is an identity."""

        def found() -> Profile | None:
            primaries = [k for k, v in self._auth0.users.items() if user_id in v.identities]
            return self._profile(primaries[0]) if primaries else None

        return self._call(found)

    def with_customer(self, customer_id: str) -> list[Profile]:
        """Find the users who have a customer's id."""

        def found() -> list[Profile]:
            profiles = [self._profile(each) for each in self._auth0.users]
            return [each for each in profiles if each and each.customer_id == customer_id]

        return self._call(found)

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Merge; False when the user is gone."""

        def merged() -> bool:
            user = self._auth0.users.get(user_id)
            if user is not None:
                self._auth0.world.tell(f"  Auth0 merges {dict(changes)} into {user_id}")
                self._auth0.merge(user, changes)
            return user is not None

        return self._call(merged)

    def link(self, primary_id: str, secondary_id: str) -> bool:
        """Make a user an identity of another one's; False when one of them is gone."""

        def linked() -> bool:
            primary = self._auth0.users.get(primary_id)
            secondary = self._auth0.users.get(secondary_id)
            if primary is None or secondary is None:
                return False
            self._auth0.world.tell(f"  Auth0 links {secondary_id} to {primary_id}")
            primary.identities += [secondary_id, *secondary.identities]
            self._auth0.delete(secondary)
            return True

        return self._call(linked)

    def _profile(self, user_id: str) -> Profile | None:
        user = self._auth0.users.get(user_id)
        if user is None:
            return None
        return Profile(
            UserId(user_id),
            user.email,
            user.is_verified,
            user.full_name,
            user.metadata.get("stripe_customer_id"),
            user.metadata.get("stripe_signup"),
            user.connection,
            user.metadata.get("stripe_registration_id"),
        )

    def _call[Result](self, effect: Callable[[], Result]) -> Result:
        world = self._auth0.world
        world.give_way()
        fault = world.faults.draw(faults.MANAGEMENT)
        if fault is not None:
            world.tell(f"  Management API: {fault}")
        if fault == "unavailable" or world.scheduler.now < self.down_until:
            raise ManagementError
        result = effect()
        world.give_way()
        if fault == "answer lost after the effect":
            raise ManagementError
        return result
