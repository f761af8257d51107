"""How far an enrolment was: whoever chooses a user's id spoils no line of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from customerlink.cli.enrolling import Enrolling
from customerlink.model.sync_policy import Differences
from customerlink.model.user import Tenant, User, UserId
from customerlink.usecases.enrol import Enrolled, EnrolStatus


class Run(Enrolling):
    """An enrolment of users who are named, one after the other."""

    users: list[User]
    looked_at: list[str]

    def _linked(self) -> list[User]:
        return self.users

    def _each(self, users: list[User]) -> Any:
        for each in users:
            self.looked_at.append(each.user_id)
            yield each, Enrolled(EnrolStatus.ENROLLED)


def run(folder: Path, users: list[str]) -> list[str]:
    """Enrol these users; return who was looked at."""
    output = SimpleNamespace(say=lambda _: None, step=lambda _: None)
    now: Any = SimpleNamespace(folder=lambda _: folder, output=output)
    made = Run(now, Differences.REPORT)
    object.__setattr__(made, "users", [User(Tenant("acme"), UserId(each)) for each in users])
    object.__setattr__(made, "looked_at", [])
    made.run()
    return made.looked_at


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\x0b", "\n", "\r", " ", '"'])
def test_ids_with_line_ends(tmp_path: Path, end: str) -> None:
    """Are noted whole: who is done with is not looked at again."""
    users = [f"auth0|a{end}b", f"auth0|a{end}enrolled auth0|c"]
    assert run(tmp_path, users) == users

    assert run(tmp_path, [*users, "auth0|c"]) == ["auth0|c"]


@pytest.mark.parametrize("rest", ["enrol", '{"user_id": "auth0|b", "sta', "[]", "{}", "\u2028"])
def test_what_a_crash_cut_short(tmp_path: Path, rest: str) -> None:
    """Counts for nothing."""
    run(tmp_path, ["auth0|a"])
    with (tmp_path / "enrolled").open("a") as file:
        file.write(rest)

    assert run(tmp_path, ["auth0|a", "auth0|b"]) == ["auth0|b"]
