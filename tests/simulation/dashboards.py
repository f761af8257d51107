"""What people do to users and customers after the sign-up, in both dashboards, and a program."""

from collections.abc import Callable
from random import Random

from tests.simulation.auth0 import TENANT, Auth0, User
from tests.simulation.oracle import Oracle
from tests.simulation.outside import Body

from customerlink.model.user import registrant_id

NAMES = ("Ada", "Countess", "Lady")
MOST_ANSWERS = 6
"""So often a third program writes back."""

PERSON = "a person"


class Dashboards:
    """Where people act; the oracle of sign-ups is told whom it can judge no more."""

    def __init__(self, auth0: Auth0, rng: Random, oracle: Oracle, pool: list[str]) -> None:
        """Draw whether there is a program that writes back."""
        self.auth0, self.world, self.rng = auth0, auth0.world, rng
        self.oracle, self.pool = oracle, pool
        self.answers = MOST_ANSWERS if rng.random() < 0.2 else 0

    def answer(self, before: Body, after: Body | None, by: object) -> None:
        """Let the program write back what another one has changed."""
        if after is None or by == PERSON or not self.answers or before["name"] == after["name"]:
            return
        self.answers -= 1
        answer = {"name": before["name"] or ""}
        self.world.scheduler.spawn(
            lambda: self._edit(after["id"], answer, "a program writes back:"),
            self.rng.choice([0.1, 2.0, 30.0, 400.0]),
        )

    def act(self) -> None:
        """Let somebody do something."""
        users = [*self.auth0.users.values()]
        linked = [each for each in users if "stripe_customer_id" in each.metadata]
        if not users:
            return
        user = self.rng.choice(linked if linked and self.rng.random() < 0.8 else users)
        kinds: dict[Callable[[User], None], int] = {
            self._moves: 6,
            self._renames: 5,
            self._changes_mind: 9,
            self._verifies: 2,
            self._swaps: 3,
            self._loses_id: 1,
            self._is_deleted: 2,
            self._is_linked: 1,
            self._edits_name: 4,
            self._edits_address: 3,
            self._edits_metadata: 2,
            self._deletes_customer: 1,
        }
        [act] = self.rng.choices(list(kinds), list(kinds.values()))
        act(user)

    def _moves(self, user: User) -> None:
        if user.email is None:
            return
        email, verified = self.rng.choice(self.pool), self.rng.random() < 0.8
        self.world.tell(f"{user.user_id} changes the address to {email}, {verified=}")
        user.is_verified = verified and user.is_verified
        user.email = email
        user.is_verified = verified

    def _renames(self, user: User) -> None:
        name = self.rng.choice(NAMES)
        self.world.tell(f"{user.user_id} changes the name to {name}")
        user.name = name

    def _changes_mind(self, user: User) -> None:
        """Change something, and take it back some time later."""
        email, name = user.email, user.name
        if self.rng.random() < 0.5:
            self._renames(user)
        else:
            self._moves(user)
        self.world.scheduler.sleep(self.rng.choice([0.5, 2.0, 4.0, 30.0, 101.0]))
        if user.user_id in self.auth0.users:
            self.world.tell(f"{user.user_id} takes it back")
            user.name = name
            if email != user.email:
                user.email, user.is_verified = email, True

    def _verifies(self, user: User) -> None:
        user.is_verified = True

    def _swaps(self, user: User) -> None:
        others = [each for each in self.auth0.users.values() if each is not user and each.email]
        if not others or user.email is None:
            return
        other = self.rng.choice(others)
        self.world.tell(f"{user.user_id} and {other.user_id} swap their addresses")
        user.email, other.email = other.email, user.email
        user.is_verified = other.is_verified = True

    def _loses_id(self, user: User) -> None:
        self.world.tell(f"a person clears the metadata of {user.user_id}")
        user.is_touched = True
        if self._record_of(user).get("customer_id") is None:
            self.oracle.out_of_sight.add(user.user_id)
        user.metadata = {}

    def _is_deleted(self, user: User) -> None:
        self.world.tell(f"a person deletes {user.user_id}")
        self.auth0.delete(user)

    def _is_linked(self, user: User) -> None:
        """Link another account by the Management API, past the shop's own way."""
        others = [each for each in self.auth0.users.values() if each is not user]
        others = [each for each in others if not each.identities and each.is_verified]
        if not others or not user.is_verified:
            return
        other = self.rng.choice(others)
        self.world.tell(f"a person links {other.user_id} to {user.user_id}")
        user.identities = [*user.identities, other.user_id]
        self.auth0.delete(other)

    def _edits_name(self, user: User) -> None:
        self._edit_of(user, {"name": self.rng.choice(["", "Shop's", *NAMES])})

    def _edits_address(self, user: User) -> None:
        address = self.rng.choice([*self.pool, "shop@example.com"])
        for each in self._customers(user):
            self.oracle.touch_address(address)
            self.oracle.out_of_sight.add(user.user_id)
            self._touch(user, each)
            self._edit(each, {"email": address}, "a person edits")

    def _edits_metadata(self, user: User) -> None:
        other = self.rng.choice([*self.auth0.users.values()])
        metadata = self.rng.choice(
            [
                {"auth0_user_id": "", "auth0_tenant": ""},
                {"auth0_user_id": other.user_id},
                {"vip": "yes"},
            ]
        )
        if "auth0_user_id" in metadata:
            for each in self._customers(user):
                self._touch(user, each)
                self.oracle.renamed[each] = self.world.scheduler.now
                # Without its user's id, it is who registered by it that it names.
                self.oracle.out_of_sight.add(self._registered_by(each))
            other.is_touched = True
            self.oracle.out_of_sight |= {user.user_id, other.user_id}
        self._edit_of(user, {"metadata": metadata})

    def _edit_of(self, user: User, params: Body) -> None:
        for each in self._customers(user):
            self._edit(each, params, "a person edits")

    def _edit(self, customer_id: str, params: Body, who: str) -> None:
        if customer_id in {each["id"] for each in self.world.stripe.live_customers()}:
            self.world.tell(f"{who} {customer_id}: {params}")
            self.world.update(customer_id, params, by_person=True)

    def _deletes_customer(self, user: User) -> None:
        for each in self._customers(user):
            self.world.tell(f"a person deletes {each}")
            self._touch(user, each)
            self.oracle.deleted_by_hand[each] = self.world.scheduler.now
            self.world.delete(each)

    def _touch(self, user: User, customer_id: str) -> None:
        user.is_touched = True
        for each in self.auth0.users.values():
            carries = each.metadata.get("stripe_customer_id") == customer_id
            each.is_touched |= carries or user.user_id in each.identities

    def _registered_by(self, customer_id: str) -> str | None:
        metadata = self.world.stripe.retrieve(customer_id)["metadata"]
        registration = metadata.get("auth0_registration_id")
        return registrant_id(registration) if registration else None

    def _record_of(self, user: User) -> Body:
        found: Body = self.world.table.items.get(f"signup#{TENANT}#{user.user_id}", {})
        return found

    def _customers(self, user: User) -> list[str]:
        found: list[str] = self.oracle.customers_of(user)
        return found
