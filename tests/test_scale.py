"""The figures of docs/scale.md, docs/sync.md and the dollars in them follow from the limits."""

import math
import re
from pathlib import Path

import pytest

from customerlink.functions.backfill_steps import CHUNK
from customerlink.model.rates import A_USER, RESERVE, STRIPES, Endpoint, Limits, Plan

ROOT = Path(__file__).parents[1]
TEMPLATE = (ROOT / "template.yaml").read_text()
SCALE = (ROOT / "docs/scale.md").read_text()
READ, WRITE, REST = Endpoint.READ_USERS, Endpoint.WRITE_USERS, Endpoint.REST
LIVE = Limits(is_live=True)
RAISED = Limits(is_live=True, stripe_per_second=100.0, auth0_per_second=200.0)


def rows(heading: str, columns: int) -> list[list[str]]:
    """Return the rows of the first table under a heading that has so many columns."""
    part = SCALE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", part, re.MULTILINE)
    every = [
        [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in each.splitlines()]
        for each in tables
    ]
    return next(each[2:] for each in every if len(each[0]) == columns)


def numbers(text: str) -> list[float]:
    """Return the numbers in a text, outside of code."""
    plain = re.sub(r"`[^`]*`", "", text).replace(",", "")
    return [float(each) for each in re.findall(r"\d+(?:\.\d+)?", plain)]


@pytest.mark.parametrize(
    ("row", "limits", "endpoint"),
    [
        (0, LIVE, Endpoint.LIST),
        (1, Limits(), Endpoint.LIST),
        (2, Limits(Plan.FREE), READ),
        (3, Limits(Plan.ESSENTIALS), READ),
        (4, Limits(Plan.PROFESSIONAL), WRITE),
        (5, Limits(Plan.ESSENTIALS), REST),
        (6, Limits(Plan.ENTERPRISE), WRITE),
    ],
)
def test_limits(row: int, limits: Limits, endpoint: Endpoint) -> None:
    """What a service allows, and what is left of it for sync, repair and backfill."""
    _, allowed, ours = rows("Limits", 3)[row]
    bucket = limits.bucket(endpoint)

    assert numbers(allowed)[0] == pytest.approx(bucket.limit, abs=0.005)
    assert numbers(ours)[0] == pytest.approx(bucket.per_second, abs=0.005)
    by_the_minute = re.search(r"(\d+) a minute", allowed)
    assert by_the_minute is None or int(by_the_minute[1]) / 60 == bucket.limit


@pytest.mark.parametrize(
    ("row", "limits"),
    [
        (0, Limits(Plan.FREE)),
        (1, Limits(Plan.PROFESSIONAL)),
        (2, Limits(Plan.ENTERPRISE)),
        (3, Limits(auth0_per_second=100.0)),
        (4, Limits(is_live=True, auth0_per_second=100.0)),
        (5, RAISED),
    ],
)
def test_hours(row: int, limits: Limits) -> None:
    """Users by the rate that is reached first."""
    *_, rate, few, many = rows("Ten million users: the arithmetic", 5)[row]
    users = limits.users_per_second

    assert numbers(rate)[0] == pytest.approx(users, abs=0.005)
    assert numbers(few)[0] == pytest.approx(100_000 / users / 3600, abs=0.05)
    assert numbers(many)[0] == pytest.approx(10_000_000 / users / 3600, abs=0.5)


def test_of_either_mode() -> None:
    """Auth0's public plans are reached before Stripe's limit in a sandbox, and in live mode."""
    for plan in Plan:
        assert Limits(plan).users_per_second == Limits(plan, is_live=True).users_per_second


@pytest.mark.parametrize(("limits", "sign_ups"), [(LIVE, 5.0), (Limits(), 2.5)])
def test_reserve(limits: Limits, sign_ups: float) -> None:
    """As many sign-ups fit beside, each of a list and a create."""
    asked = [limits.bucket(each) for each in (Endpoint.LIST, Endpoint.CREATE)]
    left = min(each.limit * RESERVE / asked.count(each) for each in asked)

    assert left == sign_ups
    assert f"in live mode {5} sign-ups a second, which are {18_000:,} an hour" in SCALE
    assert "in a sandbox 2.5" in SCALE


def test_dollars() -> None:
    """Each row's arithmetic, and their sum."""
    priced = rows("Ten million users: the arithmetic", 3)
    *parts, _ = [each for each in dollars() if each]
    hours = 10_000_000 / Limits(Plan.ENTERPRISE).users_per_second / 3600
    workers = int(re.findall(r"MaxConcurrency: (\d+)", STATES)[-1])
    by_hand = [
        workers * 2 * hours * 3600 / 1e6 * 13.33,
        (50 + 4 * 10) * 0.625,
        10_000_000 / CHUNK * 4 / 1e6 * 25,
        1,
    ]

    assert priced
    assert [*map(round, by_hand)] == parts
    assert dollars()[-1] == sum(parts)


STATES = (ROOT / "src/statemachine/backfill.asl.yaml").read_text()


def dollars() -> list[int]:
    """Return the last column of the table of dollars."""
    table = SCALE.partition("| what | arithmetic | dollars |\n")[2].partition("\n\n")[0]
    return [int(numbers(line.split("|")[-2])[0]) for line in table.splitlines()[1:]]


def test_chunk_fits_its_step() -> None:
    """By the lowest plan's limits, with half of them for others."""
    workers = int(re.findall(r"MaxConcurrency: (\d+)", STATES)[-1])
    seconds = CHUNK * workers / Limits().users_per_second

    assert 2 * seconds <= 900
    assert f"chunks of {CHUNK} users,<br>{workers} workers" in SCALE


def test_parameters() -> None:
    """The template's defaults are the lowest plan and Stripe's own figure."""
    for name, value in (("Auth0Plan", "free"), ("StripePerSecond", "25"), ("Auth0PerSecond", "0")):
        found = re.search(rf"  {name}:\n(?:    .*\n)*?    Default: (\S+)\n", TEMPLATE)
        assert found
        assert found[1] == value
    assert f"AllowedValues: [{', '.join(Plan)}]" in TEMPLATE
    assert math.isclose(sum(LIVE.bucket(each).per_second for each in STRIPES), 80)
    assert len(A_USER) == 4
