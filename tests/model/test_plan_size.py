"""When a plan takes away too much: at its boundaries, one step more or fewer."""

import json

import pytest

from customerlink.model.drift import Drift
from customerlink.model.plan_size import header, is_too_much, links_said, taken_by
from customerlink.model.repair_plan import Act, PlanError, Step, read


@pytest.mark.parametrize(
    ("taken", "links", "too_much"),
    [
        (0, 0, False),
        (10, 0, False),
        (10, 10, False),
        (11, 11, True),
        (11, 36, True),
        (11, 37, False),
        (30, 100, False),
        (31, 100, True),
        (300, 1000, False),
        (301, 1000, True),
        (1000, 1000, True),
        (11, 0, True),
        (10, None, False),
        (11, None, True),
    ],
)
def test_boundaries(taken: int, links: int | None, *, too_much: bool) -> None:
    """More than ten, and more than 30 % of the links; of unknown ones, more than ten."""
    assert is_too_much(taken, links) is too_much


@pytest.mark.parametrize("act", Act)
def test_what_counts(act: Act) -> None:
    """What clears an id, gives a customer another name or address, or deletes it."""
    steps = [Step(act, Drift.DANGLING, "auth0|1", "cus_1", "why")] * 3
    taking = {Act.CLEAR, Act.SET_EMAIL, Act.RENAME, Act.FOLLOW, Act.REMOVE}

    assert taken_by(steps) == (3 if act in taking else 0)


@pytest.mark.parametrize("links", [0, 12, 10_000_000])
def test_header(links: int) -> None:
    """It is read again, wherever it stands, and is no step."""
    step = Step(Act.CLEAR, Drift.DANGLING, "auth0|1", "cus_1", "why")
    lines = [step.line(), header(links)]

    assert links_said(lines) == links
    assert [*read(lines)] == [step]


@pytest.mark.parametrize("links", [0, 12, 10_000_000])
def test_document(links: int) -> None:
    """A document says it beside its steps."""
    step = Step(Act.CLEAR, Drift.DANGLING, "auth0|1", "cus_1", "why")
    lines = [json.dumps({"links": links, "plan": [json.loads(step.line())], "rows": []})]

    assert links_said(lines) == links
    assert [*read(lines)] == [step]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[" * 100_000,
        '{"plan": ' * 100_000,
        "[1]",
        "7",
        '{"links": true}',
        '{"links": -1}',
        '{"links": "9"}',
        '{"l": 1}',
    ],
)
def test_no_header(line: str) -> None:
    """What is none says nothing, and is no step either."""
    assert links_said([line]) is None
    if line:
        with pytest.raises(PlanError):
            [*read([line])]


def test_header_beside_a_step() -> None:
    """A step that has the name as well is a step."""
    line = json.dumps({"links": 5, "act": "clear"})

    assert links_said([line]) is None
