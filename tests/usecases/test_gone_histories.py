"""Users who are gone, by random histories: crashes, lost answers, late writes, people who are back.

Whatever happened on the way, it comes to rest in one of the states that the policy names.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from tests.fakes import NOW
from tests.interleaving import CrashError, Kind, World
from tests.usecases.test_deleted_user import HOUR, MONTH, Left, log_in_as
from tests.usecases.test_forget import Person
from tests.usecases.test_sync import ADA, BOB, NEW, OLD

from customerlink.model.errors import CustomerLinkError
from customerlink.model.instruction import Reason
from customerlink.model.sync_memory import DAY_SECONDS, SYNC_LEASE_SECONDS
from customerlink.model.sync_policy import DeletedUsers

HISTORIES = 60
CALLS = (
    *("epoch = epoch + :one", "epoch = if_not_exists", "was_gone = :gone", "signup#", "adoption#"),
    *("SET sync_until", "SET applied", "sync#", "due_", "begun_"),
    *(f"stripe {each}" for each in ("look", "list", "retrieve", "create", "update")),
    *(f"stripe {each}" for each in ("subscriptions", "unlink", "delete")),
)
WAITS = (1.0, 5.0, 16.0, 50.0, SYNC_LEASE_SECONDS + 1, HOUR, DAY_SECONDS, MONTH + 1)


def trouble(world: World, dice: random.Random) -> None:
    """Let something become of the next calls of some kind."""
    second = world.clock.now - NOW + dice.choice((1, 10, 30, 59))
    kind = dice.choice([*Kind])
    world.fails(dice.choice(CALLS), kind, second, times=dice.choice((1, 1, 3)))


def happens(*acts: Callable[[], object]) -> None:
    """Carry out what may die, or be told that a service does not answer."""
    for act in acts:
        with suppress(CrashError, CustomerLinkError):
            act()


class Coming(Left):
    """Ada, who is deleted, and may be back, with whatever address."""

    address = OLD

    def comes_or_goes(self, dice: random.Random) -> None:
        """Let Auth0 delete her, or have her again."""
        if self.is_there:
            del self.tenant.profiles[ADA.user_id]
        else:
            self.address = dice.choice((OLD, NEW))
            self.comes_back(email=self.address)

    @property
    def is_there(self) -> bool:
        """Return whether Auth0 has her."""
        return ADA.user_id in self.tenant.profiles

    def acts(self) -> None:
        """Log her in, or let the repair look at what she left open."""
        happens(lambda: log_in_as(self, ADA, self.address) if self.is_there else self.finish(ADA))

    def rests(self) -> None:
        """Let all leases end, and everything be looked at again."""
        self.outside.faults.clear()
        self.clock.sleep(2 * SYNC_LEASE_SECONDS)
        for wait in (SYNC_LEASE_SECONDS + 1, MONTH + DAY_SECONDS) * 3:
            happens(lambda: self.sync(ADA, self.by))
            self.clock.sleep(wait if not self.is_there else SYNC_LEASE_SECONDS + 1)
            happens(lambda: None if self.is_there else self.finish(ADA))


def let_go(policy: DeletedUsers, dice: random.Random) -> None:
    """Play a history of one who is deleted, and look at what is left."""
    shop = Coming(policy)
    foreign = shop.customer("shop@example.com")
    acts: list[Callable[[], Any]] = [
        lambda: trouble(shop, dice),
        lambda: shop.clock.sleep(dice.choice(WAITS)),
        lambda: happens(lambda: shop.sync(ADA, shop.by)),
        lambda: shop.comes_or_goes(dice),
        shop.acts,
    ]
    for _ in range(dice.randrange(3, 14)):
        dice.choice(acts)()
        assert len(shop.named(ADA)) <= 1
    shop.rests()
    told = log_in_as(shop, ADA, shop.address) if shop.is_there else None

    is_let_in = told not in (None, Reason.EMAIL_IN_USE)
    assert len(shop.named(ADA)) == int(is_let_in)
    assert shop.is_there or shop.sync_item() is None
    assert foreign in [each["id"] for each in shop.stripe.account.live_customers()]
    assert policy is DeletedUsers.DELETE or not shop.is_deleted


def forgotten(dice: random.Random, *, keeps: bool) -> None:
    """Play a history of one who is forgotten, and look at what is left."""
    person = Person()
    is_there = dice.random() < 0.5
    if not is_there:
        person.leaves()

    def forget() -> str | None:
        return person.forget(keeps_customers=keeps, deletes_user=is_there).why

    acts: list[Callable[[], Any]] = [
        lambda: trouble(person, dice),
        lambda: person.clock.sleep(dice.choice(WAITS[:5])),
        lambda: happens(forget),
        lambda: happens(lambda: person.sync(ADA), lambda: person.finish(ADA)),
    ]
    for _ in range(dice.randrange(2, 10)):
        dice.choice(acts)()
    person.outside.faults.clear()
    for _ in range(3):
        person.clock.sleep(2 * SYNC_LEASE_SECONDS)
        happens(forget)

    assert forget() is None
    assert person.traces() == []
    assert {*person.left()[0]} >= {*person.of_others[0]}
    assert len(person.named(BOB)) == 1


@pytest.mark.parametrize("policy", [DeletedUsers.UNLINK, DeletedUsers.DELETE])
def test_let_go(policy: DeletedUsers) -> None:
    """At rest nothing names who is gone; who is back has one customer; the shop's is there."""
    for seed in range(HISTORIES):
        let_go(policy, random.Random(seed))


@pytest.mark.parametrize("keeps", [False, True])
def test_forgotten(*, keeps: bool) -> None:
    """At rest, and with the command run once more, nothing of hers is left, and all of others'."""
    for seed in range(HISTORIES):
        forgotten(random.Random(seed), keeps=keeps)
