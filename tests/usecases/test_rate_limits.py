"""A rate limit that is met amid what a verb does under a lease: nobody waits for it there.

What is held is given back, the limit is waited for, and the verb goes on; where it lasts, the verb
says so, and the same one ends it later.
"""

import itertools
from collections.abc import Iterator
from functools import partial

import pytest
from tests.interleaving import RateLimit, World
from tests.usecases.test_forget import Person
from tests.usecases.test_release_address import EVE, Case
from tests.usecases.test_sync import ADA, OLD

from customerlink.model.errors import LIMITED
from customerlink.model.instruction import Reason
from customerlink.model.repair_plan import Act
from customerlink.model.signup import Marker, SignUp
from customerlink.ports.rate import TRIES
from customerlink.usecases.repair import Outcome


class Verb:
    """What is carried out, and what it is to come to."""

    world: World
    least = 0
    """So many requests it makes by turns that were taken before."""

    def run(self) -> str | None:
        """Carry it out; return why not, if so."""
        raise NotImplementedError

    def is_done(self) -> bool:
        """Return whether all of it is."""
        raise NotImplementedError

    def log_in(self) -> Reason | None:
        """Let the person log in."""
        raise NotImplementedError


class Forget(Verb):
    """Ada is erased, while she is there, or after she was deleted."""

    least = 16
    deletes_user = True

    def __init__(self) -> None:
        """Let there be all of her."""
        self.person = self.world = Person()
        if not self.deletes_user:
            self.person.leaves()

    def run(self) -> str | None:
        """Forget her."""
        return self.person.forget(deletes_user=self.deletes_user).why

    def is_done(self) -> bool:
        """Return whether nothing is left of her, and everything of others."""
        return self.person.traces() == [] and self.person.left() == self.person.of_others

    def log_in(self) -> Reason | None:
        """Let her log in, as somebody who is not linked."""
        answer = self.person.login(SignUp(ADA, 2, OLD, marker=Marker.UNFINISHED))
        return answer.reason if answer else None


class ForgetOneWhoIsGone(Forget):
    """By who has deleted her in Auth0 before."""

    deletes_user = False


class Release(Verb):
    """What Eve holds with Bob's address, and never verified, is let go of."""

    least = 6

    def __init__(self) -> None:
        """Let her have it."""
        self.case = Case()
        self.world = self.case.world

    def run(self) -> str | None:
        """Release it."""
        holders = self.case.look().holders
        return next((why for each in holders if (why := self.case.worker.release(each))), None)

    def is_done(self) -> bool:
        """Return whether nobody has the address."""
        return self.case.state() == (None, "unfinished", [])

    def log_in(self) -> Reason | None:
        """Let her log in, as somebody who is not linked."""
        profile = self.world.tenant.profiles[EVE.user_id]
        answer = self.world.login(SignUp(EVE, 2, profile.email, marker=Marker.UNFINISHED))
        return answer.reason if answer else None


class Remove(Verb):
    """The customer of a registration that led to nobody is deleted."""

    least = 3

    def __init__(self) -> None:
        """Let somebody have registered."""
        self.world = World()
        self.world.register("database", OLD)
        [self.customer] = self.world.with_address(OLD)
        self.world.stripe.account._customers[self.customer]["created"] -= 2 * 24 * 3600
        self.world.at(2 * 24 * 3600)

    def run(self) -> str | None:
        """Carry out a plan's step."""
        done = self.world.repair(Act.REMOVE, ADA, self.customer)
        return None if done.outcome is Outcome.DONE else done.why

    def is_done(self) -> bool:
        """Return whether it is deleted."""
        return self.world.with_address(OLD) == []

    def log_in(self) -> Reason | None:
        """Let the person register once more."""
        return self.world.register("database", OLD).reason


VERBS: list[type[Verb]] = [Forget, ForgetOneWhoIsGone, Release, Remove]


def each(
    verb: type[Verb], patch: pytest.MonkeyPatch, *, lasts: bool
) -> Iterator[tuple[Verb, RateLimit]]:
    """Begin anew for each request that may be refused."""
    for number in itertools.count(1):
        with patch.context() as patched:
            case = verb()
            limit = RateLimit(case.world, number, patched, lasts=lasts)
            yield case, limit
        if not limit.was_met:
            break
    assert number - 1 >= verb.least


@pytest.mark.parametrize("verb", VERBS)
def test_goes_on(verb: type[Verb], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a wait in which nothing is held, whichever request was refused."""
    for case, limit in each(verb, monkeypatch, lasts=False):
        assert case.run() is None, limit.number
        assert case.is_done(), limit.number
        assert limit.held == limit.leased() == [], limit.number


@pytest.mark.parametrize("verb", VERBS)
def test_log_in_meanwhile(verb: type[Verb], monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds no sign-up in progress, and the verb nothing that is held."""
    for case, limit in each(verb, monkeypatch, lasts=False):
        reasons: list[Reason | None] = []
        limit.meanwhile = partial(log_in, case, reasons)
        case.run()
        assert len(reasons) == limit.was_met
        assert Reason.IN_PROGRESS not in reasons
        assert limit.held == limit.leased() == [], limit.number


def log_in(case: Verb, reasons: list[Reason | None]) -> None:
    """Note what a log-in is answered."""
    reasons.append(case.log_in())


@pytest.mark.parametrize("verb", VERBS)
def test_lasts(verb: type[Verb], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and what was done stands: the same once more ends it, without any wait."""
    for case, limit in each(verb, monkeypatch, lasts=True):
        why = case.run()
        assert why == (LIMITED if limit.was_met else None), limit.number
        assert limit.waits == (TRIES if limit.was_met else 1)
        assert limit.held == limit.leased() == [], limit.number

        limit.is_over = True
        assert not limit.was_met or case.run() is None, limit.number
        assert case.is_done(), limit.number
