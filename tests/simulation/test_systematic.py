"""The systematic search: it leaves nothing out, finds what is planted, and repeats itself."""

import itertools
import sys
from typing import Any
from unittest.mock import patch

import pytest
from tests.simulation.systematic.choices import (
    Bounds,
    Choice,
    NotDeterministicError,
    incremented,
)
from tests.simulation.systematic.explorer import Explorer
from tests.simulation.systematic.report import main
from tests.simulation.systematic.scenarios import SCENARIOS
from tests.simulation.systematic.search import Found, Scenario, explore, played

from customerlink.adapters.dynamodb import ledger as dynamodb_ledger
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import Customer
from customerlink.model.sign_up_record import Lease

BY_NAME = {each.name: each for each in SCENARIOS}
ONE, ONE_OF_EACH = Bounds(1, 1, 1), Bounds(1, 1, 2)


def random_key() -> Any:
    """Plant an idempotency key that is another one each time."""
    numbers = itertools.count()
    return patch.object(Lease, "idempotency_key", lambda _: f"key-{next(numbers)}")


def no_lock() -> Any:
    """Plant a lock that keeps nobody out."""
    return patch.object(dynamodb_ledger, "EMAIL_LOCK_SECONDS", -1.0)


def no_claim() -> Any:
    """Plant a claim that everybody gets."""
    return patch.object(DynamoDbLedger, "claim", lambda *_: True)


def no_patience() -> Any:
    """Plant a new attempt while the old one's create may be under way."""
    return patch.object(Lease, "has_settled", lambda *_: True)


def no_ownership() -> Any:
    """Plant customers that are everybody's."""
    return patch.object(Customer, "belongs_to", lambda *_: True)


PLANTED = [
    ("two-tabs", random_key, "1: a second customer for auth0|ada"),
    ("one-address", no_lock, "2: a second customer for one@example.com"),
    ("one-address", no_ownership, "3: auth0|eve gets cus_1, which is not theirs"),
    ("changed-address", no_patience, "1: a second customer for auth0|ada"),
    ("adoption-by-two", no_claim, "1: auth0|ada takes the customer of auth0|eve"),
    ("address-and-sign-up", no_lock, "2: a second customer for one@example.com"),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=list(BY_NAME))
def test_every_schedule(scenario: Scenario) -> None:
    """Within the quick bounds no invariant breaks, no schedule is left out, and there are many."""
    found = explore(scenario, scenario.quick)

    assert found.shortest == {}
    assert found.is_exhausted
    assert found.schedules >= scenario.at_least
    assert len(found.ends) > 2


@pytest.mark.parametrize(("name", "plant", "text"), PLANTED)
def test_planted_bug(name: str, plant: Any, text: str) -> None:
    """The scenario that should find it does, within its quick bounds."""
    with plant():
        found = explore(BY_NAME[name], BY_NAME[name].quick, first_only=True)

    assert list(found.shortest) == [text]
    assert not found.is_exhausted


def test_a_path_is_a_run() -> None:
    """The same path gives the same log, choices and end."""
    with no_lock():
        [found] = explore(BY_NAME["one-address"], ONE_OF_EACH, first_only=True).shortest.values()
        again = played(BY_NAME["one-address"], Explorer(ONE_OF_EACH, found.path), set())
    without = played(BY_NAME["one-address"], Explorer(ONE_OF_EACH, found.path[:4]), set())

    assert again == found
    assert without is None


def test_a_path_of_something_else() -> None:
    """Other choices than before are no end of the search, but an error."""
    with pytest.raises(NotDeterministicError):
        played(BY_NAME["two-tabs"], Explorer(ONE_OF_EACH, [Choice(0, 17)]), set())


def test_an_end_is_judged_once() -> None:
    """Leaving out the ends that were judged before changes nothing that is found."""
    scenario, ends = BY_NAME["changed-address"], set[Any]()
    path: list[Choice] | None = []
    while path is not None:
        explorer, own = Explorer(ONE, path), set[Any]()
        assert played(scenario, explorer, own) is None
        ends |= own
        path = incremented(explorer.path)

    assert ends == explore(scenario, ONE).ends


def test_depth_first() -> None:
    """The last choice that has options left is the one that changes."""
    path: list[Choice] | None = [Choice(0, 2), Choice(1, 3), Choice(1, 2)]
    seen = []
    while path is not None:
        seen.append([each.taken for each in path])
        path = incremented(path)

    assert seen == [[0, 1, 1], [0, 2], [1]]


def test_limit() -> None:
    """A search that is stopped says so."""
    found = explore(BY_NAME["two-tabs"], Bounds(1, 1, 1, limit=5))

    assert (found.schedules, found.is_exhausted) == (5, False)


def test_report(capsys: pytest.CaptureFixture[str]) -> None:
    """A table, a verdict, and exit status 0."""
    with patch.object(sys, "argv", ["systematic", "two-secondaries", "two-address-changes"]):
        assert main() == 0

    shown = capsys.readouterr().out
    assert "two-secondaries" in shown
    assert "two-address-changes" in shown
    assert "one-address" not in shown
    assert shown.endswith("every invariant holds, in all of them\n")


def test_a_violation_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all the runs that lead to it the shortest, with its log, and exit status 1."""
    with patch.object(sys, "argv", ["systematic", "list-behind"]), no_lock():
        assert main() == 1

    *_, told = capsys.readouterr().out.split("\n\n")
    title, *log = told.splitlines()
    assert title == "list-behind: 2: a second customer for one@example.com (no deviation)"
    assert "VIOLATION" in log[-1] or "VIOLATION" in log[-3]
    assert len(log) < 15


def test_quick_is_part_of_deep() -> None:
    """The deep bounds are nowhere below the quick ones."""
    for each in SCENARIOS:
        assert each.deep.together >= each.quick.together
        assert each.deep.faults >= each.quick.faults
        assert each.deep.preemptions >= each.quick.preemptions
        assert Found(each, each.deep).bounds.limit >= each.quick.limit
