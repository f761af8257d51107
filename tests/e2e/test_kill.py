"""kill -9 at every boundary of a sign-up; then the user logs in again: one customer, linked."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tests.e2e.runtime import kill, runtime
from werkzeug.wrappers import Response
from werkzeug.wsgi import ClosingIterator

from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS
from sandbox.gateway import by_runtime_emulators
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import Sandbox, sandbox

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CALLS = ["note the installation", "open", "lock email", "list", "create", "link"]
MOMENTS = ["request sent", "effect committed", "answer received"]
MAY_HAVE_ANSWERED = {("link", "answer received")}
BOUNDARIES = [(call, moment) for call in CALLS for moment in MOMENTS]


@dataclass
class Executioner:
    """Stands around Stripe and DynamoDB, and kills the runtime at one boundary."""

    boundary: tuple[str, str] | None = None
    victim: int = 0
    killed: threading.Event = field(default_factory=threading.Event)
    _calls: int = 0
    _was_last: bool = False
    """Whether the process is to call nobody any more: it has the answer, and is killed."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, boundary: tuple[str, str], victim: int) -> None:
        """Choose the next boundary, and the process to kill there."""
        self.killed.clear()
        self.boundary, self.victim, self._calls = boundary, victim, 0
        self._was_last = False

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Put the trap around an application."""

        def trapped(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            if self._was_last:
                self.killed.wait(PATIENCE_SECONDS)
                return Response(status=503)(environ, start)
            moment = self._moment(environ)
            if moment == "request sent":
                self._kill()
                return Response(status=503)(environ, start)
            answer = application(environ, start)
            if moment == "effect committed":
                answer = [b"".join(answer)]
                self._kill()
            if moment == "answer received":
                self._was_last = True
                return ClosingIterator(answer, self._kill)
            return answer

        return trapped

    def _moment(self, environ: "WSGIEnvironment") -> str | None:
        """Return the moment to kill at, if this is the call to kill at."""
        if self.boundary is None or "secretsmanager" in environ.get("HTTP_X_AMZ_TARGET", ""):
            return None
        with self._lock:
            call, self._calls = self._calls, self._calls + 1
        return self.boundary[1] if call == CALLS.index(self.boundary[0]) else None

    def _kill(self) -> None:
        kill(self.victim)
        self.boundary, self._was_last = None, False
        self.killed.set()


def test_kill_at_every_boundary(capsys: pytest.CaptureFixture[str]) -> None:
    """The first login dies, the second one finishes what it left."""
    executioner = Executioner()
    with sandbox(around=executioner.around) as box:
        users = {each: first_login(box, executioner, each) for each in BOUNDARIES}
        time.sleep(RECORD_LEASE_SECONDS + 0.5)
        with runtime(box.environment()) as function:
            box.gateway.invoke = by_runtime_emulators(function.url)
            results = {each: second_login(box, user) for each, user in users.items()}
    with capsys.disabled():
        print()
        for (call, moment), result in results.items():
            print(f"  killed at {call + ',':13} {moment + ':':17} {result}")

    assert {each.partition(", ")[2] for each in results.values()} == {"one customer, linked"}


def first_login(box: Sandbox, executioner: Executioner, boundary: tuple[str, str]) -> str:
    """Log a new user in, with a runtime that is killed at the boundary."""
    name = "-".join(boundary).replace(" ", "-")
    user = box.tenant.add_user(f"auth0|{name}", email=f"{name}@example.com")
    with runtime(box.environment()) as function:
        box.gateway.invoke = by_runtime_emulators(function.url)
        executioner.arm(boundary, function.process.pid)
        login = box.tenant.login(user)

        assert executioner.killed.wait(PATIENCE_SECONDS), boundary
        assert function.process.wait(PATIENCE_SECONDS) == -9
        # Once the link is recorded, the function's answer may just have left before the kill.
        assert login.decision == "deny" or boundary in MAY_HAVE_ANSWERED
    return user


def second_login(box: Sandbox, user: str) -> str:
    """Log in again, and say what became of it on both sides."""
    before = len(box.gateway.exchanges)
    box.tenant.login(user)
    reason = next((each.reason for each in box.gateway.exchanges[before:]), "no call needed")
    linked = box.tenant.users[user]["app_metadata"].get("stripe_customer_id")
    own = [
        each["id"]
        for each in box.stripe.live_customers()
        if each["metadata"].get("auth0_user_id") == user
    ]
    count = "one customer" if len(own) == 1 else f"{len(own)} customers"
    return f"{reason}, {count}, {'linked' if own == [linked] else 'not linked'}"
