"""The table of round trips in docs/performance.md, counted."""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from tests.e2e.runtime import ROOT

from customerlink.model.signup import Marker
from sandbox.demo import LONG_AGO
from sandbox.sandbox import Sandbox, sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NUMBERS = itertools.count()
TABLE = {
    row: [int(each) for each in cells.split(" | ")]
    for row, cells in re.findall(
        r"^\| (.+?) \| (\d \| \d \| \d) \|$",
        (ROOT / "docs/performance.md").read_text(),
        re.MULTILINE,
    )
}


class Count:
    """Counts requests to Stripe and DynamoDB."""

    def __init__(self) -> None:
        """Start at zero."""
        self.calls: Counter[str] = Counter()

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Count before an application answers."""

        def counted(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            target = environ.get("HTTP_X_AMZ_TARGET", "")
            is_stripes = environ["PATH_INFO"].startswith("/v1/")
            self.calls["DynamoDB"] += target.startswith("DynamoDB_")
            self.calls["Stripe"] += is_stripes
            return application(environ, start)

        return counted


@pytest.fixture(scope="module")
def counting() -> Iterator[tuple[Sandbox, Count]]:
    """Run a sandbox whose function is warm."""
    count = Count()
    with sandbox(around=count.around) as box:
        box.tenant.login(box.tenant.add_user(email="first@example.com"))
        yield box, count


def email() -> str:
    """Return an address that nobody has."""
    return f"trip-{next(NUMBERS)}@example.com"


def new(box: Sandbox) -> str:
    """Add a user who never logged in."""
    return box.tenant.add_user(email=email())


def linked(box: Sandbox) -> str:
    """Add a user who has a customer."""
    user = new(box)
    box.tenant.login(user)
    return user


def with_capitals(box: Sandbox) -> str:
    """Add a user whose address has some."""
    return box.tenant.add_user(email=email().upper())


def whose_address_a_customer_has(box: Sandbox) -> str:
    """Add a user beside somebody's customer."""
    user = new(box)
    box.stripe.create({"email": box.tenant.users[user]["email"]})
    return user


def whose_address_is_locked(box: Sandbox) -> str:
    """Add a user, and another with the address, who has signed up a moment ago."""
    return box.tenant.add_user(email=box.tenant.users[linked(box)]["email"])


def who_returns(box: Sandbox) -> str:
    """Add a user of before the installation, who has logged in before."""
    return box.tenant.add_user(email=email(), created_at=LONG_AGO, logins_count=7)


def with_an_id(box: Sandbox) -> str:
    """Add a user who is linked, and marked: the Action asks again."""
    user = linked(box)
    box.tenant.users.merge_app_metadata(user, {"stripe_signup": Marker.UNFINISHED.value})
    return user


ROWS: dict[str, Callable[[Sandbox], str]] = {
    "linked user, exempt user": linked,
    "new user": new,
    "new user, address with capitals": with_capitals,
    "new user, another customer has the address": whose_address_a_customer_has,
    "new user, another sign-up has the address's lock": whose_address_is_locked,
    "returning user who is not marked": who_returns,
    "profile that carries an id": with_an_id,
}


def test_every_row_is_counted() -> None:
    """A new one needs somebody here."""
    assert TABLE.keys() == ROWS.keys()


@pytest.mark.parametrize("row", ROWS)
def test_round_trips(counting: tuple[Sandbox, Count], row: str) -> None:
    """Of the Action, to DynamoDB, and to Stripe; a machine that is busy may need a call twice."""
    tries = (round_trips(*counting, row) for _ in range(5))

    assert TABLE[row] in tries


def round_trips(box: Sandbox, count: Count, row: str) -> list[int]:
    """Return how many a login makes."""
    user = ROWS[row](box)
    before, reports = count.calls.copy(), len(box.gateway.exchanges)
    box.tenant.login(user)
    made = count.calls - before
    return [len(box.gateway.exchanges) - reports, made["DynamoDB"], made["Stripe"]]
