"""What each contender does by itself after the sign-up: each change is made, and then looked at.

Stripe tells those that have a webhook for it; then the person logs in once more. Ours follows both
sides' events, as `customerlink install --sync` has it, under its defaults and under other policies.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import SimpleNamespace
from unittest.mock import patch

from benchmarks.contenders import Contender, InDatabase, Person
from benchmarks.lines import Document
from benchmarks.sync import linked_customer
from sandbox.buses import Delivery
from sandbox.following import Following, following
from sandbox.sandbox import sandbox
from sandbox.stripe_account import StripeAccount

POLICIES: tuple[dict[str, str], ...] = (
    {},
    {
        "CUSTOMERLINK_EDITED_CUSTOMERS": "restore",
        "CUSTOMERLINK_DELETED_CUSTOMERS": "recreate",
        "CUSTOMERLINK_DELETED_USERS": "unlink",
    },
)


class Change(StrEnum):
    """What happens to somebody who has signed up."""

    ADDRESS = "the user's address changes"
    USER = "the user is deleted"
    EDIT = "the customer's address is edited in Stripe"
    CUSTOMER = "the customer is deleted in Stripe"
    LINK = "the user's account is linked into another, which has a customer too"


type Found = dict[Change, str]


def told(customer: Document | None, before: Document) -> Document:
    """Return Stripe's event of a change."""
    kind = "customer.deleted" if customer is None else "customer.updated"
    return {
        "id": f"evt_{time.time_ns()}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "api_version": "2025-11-17.clover",
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": customer or before},
    }


@dataclass
class Someone:
    """A person who has signed up, and what of them can be changed."""

    contender: Contender
    who: Person
    customer: str

    @classmethod
    def signed_up(cls, contender: Contender, name: str) -> "Someone":
        """Let somebody new sign up."""
        who = Person(f"auth0|after-{name}", f"after-{name}@example.com")
        contender.sign_up(who)
        [link] = [each for each in contender.links() if each.email == who.email]
        return cls(contender, who, link.customer)

    def tell(self, change: Callable[[StripeAccount], object]) -> None:
        """Change the customer in Stripe, which tells those that it has a webhook of."""
        stripe = self.contender.stripe
        before = stripe.retrieve(self.customer)
        change(stripe)
        after = stripe.retrieve(self.customer)
        if isinstance(self.contender, InDatabase):
            event = told(None if after.get("deleted") else after, before)
            answer = self.contender.do("webhook", event=event)
            if answer.get("status") != 200:  # noqa: PLR2004 (OK)
                raise RuntimeError(f"the webhook of {self.contender.name} failed: {answer}")

    def act(self, what: str, **more: object) -> None:
        """Let the peer's own code change the user; whose users are Auth0's hears of nothing."""
        if isinstance(self.contender, InDatabase):
            answer = self.contender.do(what, **vars(self.who), **more)
            if "error" in answer:
                raise RuntimeError(f"{what} of {self.contender.name} failed: {answer}")

    def linked_now(self) -> str | None:
        """Return whose customer they have after one more log-in."""
        self.contender.sign_up(self.who)
        links = [each for each in self.contender.links() if each.email == self.who.email]
        return links[0].customer if links else None


def tried(contender: Contender) -> Found:
    """Make each change once, and say what became of it."""
    stripe = contender.stripe
    stripe.latency = 0.0
    name = contender.name.replace(" ", "-").lower()
    moved = Someone.signed_up(contender, f"moves-{name}")
    moved.act("change_address", to="moved@example.com")
    edited = Someone.signed_up(contender, f"edited-{name}")
    edited.tell(lambda at: at.update(edited.customer, {"email": "edited@example.com"}))
    edited.linked_now()
    emptied = Someone.signed_up(contender, f"emptied-{name}")
    emptied.tell(lambda at: at.delete(emptied.customer))
    gone = Someone.signed_up(contender, f"gone-{name}")
    gone.act("delete_user")
    one_user = isinstance(contender, InDatabase)
    return {
        Change.ADDRESS: address(stripe.retrieve(moved.customer), moved.who.email),
        Change.USER: user(stripe.retrieve(gone.customer), contender.owner_key),
        Change.EDIT: edit(stripe.retrieve(edited.customer), edited.who.email),
        Change.CUSTOMER: link(stripe, emptied.linked_now()),
        Change.LINK: "not applicable: one user there" if one_user else "not followed",
    }


def address(customer: Document, before: str) -> str:
    """Say whether a customer has another address than before."""
    return "not followed" if customer["email"] == before else "followed"


def user(customer: Document, owner_key: str) -> str:
    """Say what became of the customer of a user who is gone."""
    if customer.get("deleted"):
        return "the customer is deleted"
    return "the customer stays" if owner_key in customer["metadata"] else "the customer is unlinked"


def edit(customer: Document, users: str) -> str:
    """Say which address there is after the edit."""
    return "put back" if customer["email"] == users else "left as edited"


def link(stripe: StripeAccount, linked: str | None) -> str:
    """Say what a user is linked to whose customer is gone."""
    if linked is None:
        return "unlinked"
    is_dead = stripe.retrieve(linked).get("deleted", False)
    return "linked to what is gone" if is_dead else "another customer"


def ours() -> Found:
    """Make each change under each of the policies; where they differ, say both."""
    found = [_ours(each) for each in POLICIES]
    return {each: " / ".join(dict.fromkeys(some[each] for some in found)) for each in Change}


@contextmanager
def _clock() -> Iterator[Callable[[float], None]]:
    """Let the function look at a time that can be moved."""
    ahead = [0.0]
    clock = SimpleNamespace(
        time=lambda: time.time() + ahead[0], monotonic=time.monotonic, sleep=time.sleep
    )

    def move(seconds: float) -> None:
        ahead[0] += seconds

    with patch("customerlink.wiring.sync.time", clock):
        move.time = clock.time  # type: ignore[attr-defined]
        yield move


def _ours(settings: Mapping[str, str]) -> Found:
    with sandbox() as box, _clock() as move:
        delivery = Delivery(clock=move.time)  # type: ignore[attr-defined]
        with following(box, settings=settings, delivery=delivery) as followed:
            people = {each: _joins(followed, each.name.lower()) for each in Change}
            other = _joins(followed, "other")[0]
            users, stripe = box.management.users, box.stripe
            moved, customer = people[Change.ADDRESS]
            users.patch(moved, {"email": "moved@example.com"})
            _, edited = people[Change.EDIT]
            stripe.update(edited, {"email": "edited@example.com"})
            emptied, dead = people[Change.CUSTOMER]
            stripe.delete(dead)
            secondary, second = people[Change.LINK]
            provider, _, name = secondary.partition("|")
            users.link(other, {"provider": provider, "user_id": name})
            gone, last = people[Change.USER]
            users.delete(gone)
            followed.run()
            move(3700)
            followed.call_up()
            followed.run()
            box.tenant.login(emptied)
            now = box.tenant.users[emptied]["app_metadata"].get("stripe_customer_id")
            superseded = "superseded_by" in stripe.retrieve(second)["metadata"]
            return {
                Change.ADDRESS: address(stripe.retrieve(customer), _email("address")),
                Change.USER: user(stripe.retrieve(last), "auth0_user_id"),
                Change.EDIT: edit(stripe.retrieve(edited), _email("edit")),
                Change.CUSTOMER: link(stripe, now),
                Change.LINK: "followed" if superseded else "not followed",
            }


def _joins(followed: Following, name: str) -> tuple[str, str]:
    user = followed.box.tenant.add_user(email=_email(name), email_verified=True, name="Ada")
    customer = linked_customer(followed.box, user)
    followed.run()
    return user, customer


def _email(name: str) -> str:
    return f"after-{name}@example.com"
