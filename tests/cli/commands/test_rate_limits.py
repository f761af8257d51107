"""Auth0's rate limit, met while a person's record is held: that is given back before any wait.

Over the real parts, so that every verb is known to ask Auth0 by the rates of who holds leases.
"""

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands.test_reassign import forgetful
from tests.cli.commands.test_release import FIRST, READS, own_key
from tests.cli.commands.test_verify import TENANT, customer, registered, sides, user
from tests.cli.conftest import Cli
from tests.waiting import held

from customerlink.cli.output import Output
from customerlink.model.customer import DESCRIPTION
from sandbox.auth0.api import ManagementApi
from sandbox.auth0.failure import Auth0Failure
from sandbox.stripe_account import Permission

pytestmark = pytest.mark.usefixtures("no_waits")

__all__ = ["forgetful", "sides"]


class Limit:
    """A limit of the tenant's, met by the first request while something is held, or by its kind."""

    def __init__(self, cli: Cli, method: str) -> None:
        """Take the method of the first request that is refused."""
        self.cli, self.method = cli, method
        self.until = 0.0
        self.refused: list[str] = []
        """What is refused, with what is held by then."""
        self.waits: list[list[str]] = []
        """What is held in each wait for it."""
        count, waiting = ManagementApi.count, Output.waiting

        def counted(api: ManagementApi, method: str, path: str) -> dict[str, str]:
            if path.startswith("/api/v2/users"):
                self._count(method)
            return count(api, method, path)

        def told(output: Output, seconds: float) -> None:
            self.waits.append(self._held())
            waiting(output, seconds)

        cli.patch.setattr(ManagementApi, "count", counted)
        cli.patch.setattr(Output, "waiting", told)

    def _held(self) -> list[str]:
        return [*held(self.cli.box.aws, ("signup#", "email#"))]

    def _count(self, method: str) -> None:
        if not self.refused and method == self.method and (now_held := self._held()):
            self.refused += now_held
            self.until = time.time() + 1
        if time.time() < self.until:
            reset = {"x-ratelimit-reset": str(math.ceil(self.until))}
            raise Auth0Failure(429, "Global limit has been reached", "too_many_requests", reset)


def profile(cli: Cli, **changes: Any) -> None:
    """Change user 1's."""
    users: Mapping[str, dict[str, Any]] = cli.box.tenant.users
    users["auth0|1"].update(changes)


def to_forget(cli: Cli, _: Path) -> Iterator[str]:
    """Let there be somebody with a customer."""
    customer(cli, 1)
    user(cli, 1)
    key = cli.box.stripe.add_key(Permission.READ, reads=["subscription"])
    cli.patch.setenv("CUSTOMERLINK_STRIPE_KEY", key)
    yield from ("forget", "auth0|1", "--delete-user", "--apply")


def to_release(cli: Cli, _: Path) -> Iterator[str]:
    """Let somebody hold an address that they have not verified."""
    user(cli, 1, customer(cli, 1, description=DESCRIPTION))
    own_key(cli, *READS)
    yield from ("release", FIRST, "--apply")


def to_remove(cli: Cli, folder: Path) -> Iterator[str]:
    """Let a registration have led to nobody."""
    registered(cli, 1)
    yield from planned(cli, folder, "abandoned")


def to_write(cli: Cli, folder: Path) -> Iterator[str]:
    """Let a user have another address than the customer."""
    user(cli, 1, customer(cli, 1))
    profile(cli, email="new-1@example.com", email_verified=True)
    yield from planned(cli, folder, "email_drift")


def planned(cli: Cli, folder: Path, kind: str) -> Iterator[str]:
    """Write a plan."""
    (folder / "plan").write_text(cli(*TENANT, "repair", "--kind", kind).out)
    yield from ("repair", "--apply", str(folder / "plan"))


@pytest.mark.parametrize(
    ("case", "method", "left"),
    [
        (to_forget, "GET", 0),
        (to_forget, "DELETE", 0),
        (to_release, "GET", 0),
        (to_release, "PATCH", 0),
        (to_remove, "GET", 0),
    ],
)
def test_goes_on(forgetful: Cli, tmp_path: Path, case: Any, method: str, left: int) -> None:
    """Once the limit is over, having held nothing meanwhile."""
    words = [*case(forgetful, tmp_path)]
    limit = Limit(forgetful, method)
    result = forgetful(*TENANT, *words)

    assert result.code == 0, result.out + result.err
    assert len(limit.refused) == 1
    assert [each for each in limit.waits if each] == []
    assert len(forgetful.box.stripe.live_customers()) == left


def test_address_that_is_locked(forgetful: Cli, tmp_path: Path) -> None:
    """Nothing was written, so it is locked no more while the limit is waited for."""
    words = [*to_write(forgetful, tmp_path)]
    limit = Limit(forgetful, "GET")
    result = forgetful(*TENANT, *words)

    assert (result.code, "1 done" in result.out) == (0, True)
    assert limit.refused[0].startswith("email#")
    assert [each for each in limit.waits if each] == []
    [found] = forgetful.box.stripe.live_customers()
    assert found["email"] == "new-1@example.com"
