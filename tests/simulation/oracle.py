"""The invariants of docs/architecture.md, judged at every write, create, update and answer."""

from collections.abc import Callable
from typing import Any

from tests.simulation.auth0 import TENANT, Auth0, Login, User
from tests.simulation.outside import World

from customerlink.model.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    ProvisionAt,
    VerifiedEmail,
)
from customerlink.model.signup import SignUp
from customerlink.model.user import registrant_id
from customerlink.usecases.open_sign_up import Settled, Unsettled

FUNCTION_SECONDS = 5.0
ACTION_SECONDS = 9.5
PERSON_SECONDS = 120.0
"""So long what a person did in Stripe may have come between a look-up and its create."""


class ViolationError(AssertionError):
    """An invariant does not hold."""


class Oracle:
    """Looks at everything that a history does."""

    def __init__(self, world: World, auth0: Auth0) -> None:
        """Look at every answer and every end of a login."""
        self.world = world
        self.auth0 = auth0
        self.violation: ViolationError | None = None
        self.provisions_existing = False
        """Whether the policy ever was to make customers for users from before."""
        self.checked_out = False
        """Whether the policy ever was to make customers at the checkout."""
        self.out_of_sight: set[str | None] = set()
        """Whose unlinked customer a person gave another address: no look-up finds it any more."""
        self.renamed: dict[str, float] = {}
        """Customers that a person let name somebody else, or nobody, and when."""
        self.deleted_by_hand: dict[str, float] = {}
        """What a person deleted, and when: an invocation of before may still answer with it."""
        self.is_moving: Callable[[dict[str, Any], str], bool] = lambda *_: False
        """Whether a customer with an address is about to have another one (sync)."""
        self.may_let_go: Callable[[str], bool] = lambda _: False
        """Whether a customer that names this user may name nobody from now on (sync)."""
        self.freed: dict[str, float] = {}
        """Addresses that a customer had, and when sync took them away."""
        self.touched: dict[str, float] = {}
        """Addresses that a person gave to a customer, and when; for ever, if to a second one."""
        world.on_written = self.written
        world.on_updated = self.updated
        world.on_created = self.created
        auth0.on_answer = self.answered
        auth0.on_ended = self.ended
        auth0.on_bug = lambda bug: self.violated(f"the function raises {bug!r}")

    def watch_policy(self) -> None:
        """Note what the policy of the moment allows from now on."""
        policy = self.world.policy
        self.provisions_existing |= policy.existing_users is ExistingUsers.PROVISION
        self.checked_out |= policy.provision_at is ProvisionAt.CHECKOUT

    def violated(self, text: str) -> None:
        """Note a violation; the first one is the history's."""
        self.world.tell(f"VIOLATION: {text}")
        self.violation = self.violation or ViolationError(text)

    def customers_of(self, user: User) -> list[str]:
        """Return the live customers that name the user, but for superseded ones."""
        return [
            each["id"]
            for each in self.world.stripe.live_customers()
            if each["metadata"].get("auth0_user_id") == user.user_id
            and "superseded_by" not in each["metadata"]
        ]

    # What is written

    def written(self, key: str, epoch: str | None, old: dict[str, Any]) -> None:
        """Check at every fenced write that no zombie made it."""
        if epoch is not None and key.startswith("signup#") and old["epoch"]["N"] != epoch:
            self.violated(f"a zombie of epoch {epoch} changes {key}, epoch {old['epoch']['N']}")

    def created(self, customer: dict[str, Any]) -> None:
        """Check invariants 1 and 2 whenever Stripe has made a customer."""
        self.world.tell(f"  Stripe makes {customer['id']} for {customer['email']}")
        self._judge_owner(customer)
        self._judge_address(customer)

    def updated(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Check that an update takes a customer from nobody, and gains nobody a second one."""
        self.world.tell(f"  Stripe updates {after['id']}: {after['email']} {after['metadata']}")
        if owner_of(before) != owner_of(after):
            # By who had looked before a person named somebody else: docs, not covered.
            renamed = self.renamed.get(after["id"], -FUNCTION_SECONDS)
            is_late = self.world.sent < renamed + FUNCTION_SECONDS
            if not is_late and not self._may_pass(owner_of(before), str(owner_of(after))):
                self.violated(f"1: {owner_of(after)} takes the customer of {owner_of(before)}")
            self._judge_owner(after)
        if before["email"] != after["email"]:
            self._judge_address(after, is_moving=self.is_moving)

    def _judge_owner(self, customer: dict[str, Any]) -> None:
        owner = owner_of(customer)
        if owner in self.out_of_sight:
            return
        if owner is not None and any(owner_of(each) == owner for each in self._others(customer)):
            self.violated(f"1: a second customer for {owner}")

    def touch_address(self, address: str) -> None:
        """Note that a person gives a customer this address."""
        live = self.world.stripe.live_customers()
        is_taken = any(str(each["email"]).lower() == address for each in live)
        self.touched[address] = float("inf") if is_taken else self.world.scheduler.now

    def _judge_address(
        self,
        customer: dict[str, Any],
        is_moving: Callable[[dict[str, Any], str], bool] = lambda *_: False,
    ) -> None:
        address = str(customer["email"]).lower()
        recently = self.world.scheduler.now - PERSON_SECONDS
        if self.touched.get(address, recently) > recently:
            return
        having = [
            each
            for each in self._others(customer)
            if str(each["email"]).lower() == address
            # A list may be behind, and by its own record nobody finds it any more.
            and self.renamed.get(each["id"], recently) <= recently
        ]
        if not all(is_moving(each, address) for each in having):
            self.violated(f"2: a second customer for {address}")

    def _others(self, customer: dict[str, Any]) -> list[dict[str, Any]]:
        live = self.world.stripe.live_customers()
        is_left_over = "superseded_by" in customer["metadata"]
        return [
            each
            for each in live
            if each["id"] != customer["id"]
            and not (is_left_over or "superseded_by" in each["metadata"])
        ]

    def _may_pass(self, before: str | None, after: str) -> bool:
        """Return whether a customer may pass on: from nobody, a registrant, a part, the gone."""
        if before is None or before.startswith("registration|"):
            return True
        if after == str(None):
            return self.may_let_go(before)
        if before in self.auth0.gone and (before, after) in self.auth0.reassigned:
            return True
        heir = self.auth0.users.get(after) or self.auth0.gone.get(after)
        return (heir is not None and before in heir.identities) or self._is_late(before, after)

    def _is_late(self, before: str, after: str) -> bool:
        """Return whether an update of before the linking arrives after it (docs: not covered)."""
        primary = self.auth0.users.get(before)
        return primary is not None and after in primary.identities

    # What is answered

    def answered(self, user: User, signup: SignUp, answer: dict[str, Any], seconds: float) -> None:
        """Check invariants 3 and 6 whenever the function answers an Action."""
        customer_id = answer["app_metadata"].get("stripe_customer_id")
        given = answer["decision"] == "continue" and customer_id is not None
        registrant = signup.user.registration_id
        if given and registrant is None and not self._is_theirs(user, customer_id):
            self.violated(f"3: {user.user_id} gets {customer_id}, which is not theirs")
        if (
            given
            and registrant is not None
            and not self._is_registered(customer_id, registrant, self.world.scheduler.now - seconds)
        ):
            self.violated(f"3: {registrant} registers with {customer_id}, which is not theirs")
        if seconds > FUNCTION_SECONDS and not self.world.faults.counts["freeze"]:
            self.violated(f"6: the function took {seconds:.2f} s")

    def _is_theirs(self, user: User, customer_id: str | None) -> bool:
        """Return whether the customer names the user; a person may have deleted either just now."""
        is_gone = user.user_id in self.auth0.gone
        return user.is_touched or is_gone or str(customer_id) in self.customers_of(user)

    def _is_registered(self, customer_id: str, registration: str, began: float) -> bool:
        if self.deleted_by_hand.get(customer_id, -1.0) >= began:
            return True
        customer = self.world.stripe.retrieve(customer_id)
        metadata: dict[str, str] = customer.get("metadata", {})
        return metadata.get("auth0_registration_id") == registration

    def settled(self, entry: str, user: User, outcome: Settled | Unsettled) -> None:
        """Check invariant 3 for those that nobody logs in for."""
        customer_id = outcome.customer_id if isinstance(outcome, Settled) else None
        if customer_id is not None and not self._is_theirs(user, customer_id):
            self.violated(f"3: {entry} gives {user.user_id} a customer that is not theirs")

    def ended(self, user: User, login: Login) -> None:
        """Check invariants 5, 6 and 10 whenever a login has ended."""
        if login.ended - login.started > ACTION_SECONDS:
            self.violated(f"6: the Action took {login.ended - login.started:.2f} s")
        if login.decision == "deny":
            is_bystander = user.is_returning and not (user.is_touched or user.forged)
            if is_bystander and not self.provisions_existing:
                self.violated(f"10: {user.user_id} could log in before, and is denied")
            return
        # With a customer by now, the cause of an earlier denial is gone.
        if user.is_touched or self.customers_of(user) or self._is_let_in(user, login):
            return
        earlier = [each for each in user.ended if each.ended <= login.started]
        if earlier and earlier[-1].decision == "deny" and self._is_known(user, earlier[-1]):
            self.violated(f"5: {user.user_id} was denied, and is let in without a customer")

    def _is_let_in(self, user: User, login: Login) -> bool:
        """Return whether policy lets the user in without a customer, for now."""
        policy = self.world.policy
        if policy.provision_at is ProvisionAt.CHECKOUT or self._had_to_verify(login):
            return True
        if user.metadata.get("stripe_signup") == "exempt" and self.auth0.is_from_before(user):
            return True
        if login.is_asked_in_vain and login.reason in (None, "not_new"):
            return True
        if login.reason is None:
            return self.auth0.on_failure == "continue"
        is_forgiven = login.reason == "deferred" and policy.on_failure is OnFailure.CONTINUE
        return is_forgiven and login.refused_before in (None, "deferred")

    def _had_to_verify(self, login: Login) -> bool:
        required = self.world.policy.verified_email is VerifiedEmail.REQUIRED
        return required and not login.was_verified

    def _has_to_verify(self, user: User) -> bool:
        required = self.world.policy.verified_email is VerifiedEmail.REQUIRED
        return required and not user.is_verified

    def _is_known(self, user: User, denial: Login) -> bool:
        """Return whether the denial left a trace: Auth0's marker, or the ledger's record."""
        asks = "stripe_customer_id" not in user.metadata
        return not denial.marker_lost or (asks and self._is_recorded(user))

    # What everybody is left with

    def judge_the_end(self, user: User) -> None:
        """Check that a user is linked on both sides, or denied for a cause that is still there."""
        owned, last = self.customers_of(user), user.ended[-1]
        linked = user.metadata.get("stripe_customer_id")
        if user.is_touched:
            return
        if owned:
            # `exempt` beside an id is harmless: a login at the checkout's very moment.
            if owned != [linked] or user.metadata.get("stripe_signup") == "unfinished":
                self._end_violated(user, f"has {owned}, the profile {user.metadata}")
        elif last.decision == "deny":
            self._judge_denial(user, last)
        elif not self._may_be_let_in(user):
            self._end_violated(user, "was let in without a customer")

    def judge_profiles(self) -> None:
        """Check that no two profiles carry one customer, and that each lives and names its user."""
        carried: dict[str, str] = {}
        for user in self.auth0.users.values():
            customer_id = user.metadata.get("stripe_customer_id")
            # Asked for a verified address first, who is marked is asked about the id then.
            is_marked = user.metadata.get("stripe_signup") == "unfinished"
            is_asked = is_marked and user.ended[-1].reason == "deferred"
            is_denied = user.ended[-1].decision == "deny" or is_asked
            # Not covered: a denial of who carries an id, whose marker is lost.
            if user.forged or is_denied or any(each.marker_lost for each in user.ended):
                continue
            if customer_id is None or customer_id in self.renamed:
                continue
            if not user.is_touched and customer_id not in self.customers_of(user):
                self._end_violated(user, f"carries {customer_id}, which is not theirs")
            if customer_id in carried:
                self._end_violated(user, f"carries {customer_id}, as {carried[customer_id]} does")
            carried[customer_id] = user.user_id

    def _judge_denial(self, user: User, last: Login) -> None:
        email = (user.email or "").lower()
        holders = [each for each in self.world.stripe.live_customers() if each["email"] == email]
        carried = self._carried(user)
        concerned = [carried] if carried else holders
        justified = {
            "email_missing": user.email is None,
            "link_mismatch": user.forged or self._is_in_doubt(user, carried),
            # Stripe's list may still have shown it where it was.
            "email_in_use": bool(holders)
            or self.freed.get(email, -1.0) > last.ended - self.world.lag,
            "customer_unusable": any(len(each.get("metadata", ())) > 48 for each in concerned),
        }
        if not justified.get(str(last.reason), False):
            self._end_violated(user, f"is still denied: {last.reason}")

    def _carried(self, user: User) -> dict[str, Any] | None:
        """Return the customer whose id the user's profile has, if any."""
        customer_id = user.metadata.get("stripe_customer_id")
        return self.world.stripe.retrieve(customer_id) if customer_id else None

    def _is_in_doubt(self, user: User, carried: dict[str, Any] | None) -> bool:
        """Return whether nothing says that the customer whose id the profile has is the user's."""
        if carried is None or not user.is_imported:
            return False
        if carried.get("deleted") or owner_of(carried) is not None:
            return True
        claim = self.world.table.items.get(f"adoption#{carried['id']}", {})
        is_claimed = claim.get("holder", {}).get("S") not in (None, f"{TENANT}#{user.user_id}")
        is_same = str(carried["email"]).lower() == str(user.email).lower()
        adopts = self.world.policy.existing_customer is ExistingCustomer.ADOPT
        return is_claimed or not (adopts and user.is_verified and is_same)

    def _may_be_let_in(self, user: User) -> bool:
        """Exempt users, and those whose every denial left no trace: see docs/architecture.md."""
        if self.world.policy.provision_at is ProvisionAt.CHECKOUT or self._has_to_verify(user):
            return True
        is_from_before = self.auth0.is_from_before(user)
        if user.metadata.get("stripe_signup") == "exempt" and (self.checked_out or is_from_before):
            return True
        denials = [each for each in user.ended if each.decision == "deny"]
        traced = any(not each.marker_lost for each in denials)
        is_exempt = is_from_before and not self.provisions_existing
        # Who carries an id looks linked, whatever the ledger has (docs: not covered).
        asks = "stripe_customer_id" not in user.metadata
        return is_exempt or not (traced or (asks and self._is_recorded(user)))

    def _end_violated(self, user: User, text: str) -> None:
        raise ViolationError(f"the end: {user.user_id} {text}")

    def _is_recorded(self, user: User) -> bool:
        """Return whether the ledger holds what a login is to take notice of."""
        item = self.world.table.items.get(f"signup#{TENANT}#{user.user_id}")
        if item is None:
            return False
        return bool(item.get("admitted", {}).get("BOOL")) or item["state"]["S"] == "linked"


def owner_of(customer: dict[str, Any]) -> str | None:
    """Return whom a customer names: a user, a registrant, or nobody."""
    metadata = customer["metadata"]
    registration = metadata.get("auth0_registration_id")
    registrant = registrant_id(registration) if registration else None
    found: str | None = metadata.get("auth0_user_id") or registrant
    return found
