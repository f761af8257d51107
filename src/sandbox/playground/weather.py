"""The weather: what may go wrong outside of the function, at a click.

What it can, the stand-ins do by themselves; the rest is done where requests pass.
"""

import ctypes
import json
import threading
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from sandbox.aws import SECRET
from sandbox.gateway import Event, Invoke
from sandbox.journal import flow_under_way
from sandbox.noting import FLOW_HEADER, noting, of_dynamodb
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import Fault, FaultKind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SLOW_SECONDS = 3.0
"""Longer than the function waits for one call."""

_ALWAYS = 10**9
_KEY = "stripe_restricted_key"


class Weather(StrEnum):
    """One at a time."""

    CALM = "calm"
    STRIPE_DOWN = "Stripe down"
    STRIPE_SLOW = "Stripe slow"
    LOST_ANSWER = "Stripe's answer lost"
    KEY_REVOKED = "key revoked"
    LEDGER_GONE = "ledger gone"
    ACTION_ANSWER_LOST = "the Action's answer lost"
    KILLED = "killed half-way"


_FAULTS = {
    Weather.STRIPE_DOWN: [
        Fault(FaultKind.DOWN, method, _ALWAYS) for method in ("GET", "POST", "DELETE")
    ],
    Weather.LOST_ANSWER: [Fault(FaultKind.DROP_AFTER, "POST")],
}


class KilledError(BaseException):
    """The function's end at that very place: nothing in it catches this."""


class Skies:
    """The weather that there is, and how it comes about."""

    def __init__(self) -> None:
        """Begin calm."""
        self.now = Weather.CALM
        self._running: dict[str, int] = {}
        """The thread that serves a flow."""
        self._no_ledger: WSGIApplication = _no_ledger

    def turn(self, box: Sandbox, weather: Weather) -> None:
        """Let it be so from now on."""
        before, self.now = self.now, weather
        if Weather.KEY_REVOKED in (before, weather) and before != weather:
            self._change_key(box)
        # A copy of each: an account counts down how often its faults come.
        box.stripe.faults[:] = [Fault(f.kind, f.method, f.times) for f in _FAULTS.get(weather, [])]
        box.stripe.latency = SLOW_SECONDS if weather is Weather.STRIPE_SLOW else 0.0
        self._no_ledger = noting(box.journal, of_dynamodb)(_no_ledger)
        box.gateway.loses_answers = weather is Weather.ACTION_ANSWER_LOST

    def _change_key(self, box: Sandbox) -> None:
        if self.now is Weather.KEY_REVOKED:
            box.stripe.revoke_key(_secret(box)[_KEY])
        else:
            _put_key(box, box.stripe.add_key())

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Stand around Stripe's and AWS's stand-ins."""

        def served(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            asked = Request(environ)
            is_ledgers = asked.headers.get("x-amz-target", "").startswith("DynamoDB_")
            if self.now is Weather.LEDGER_GONE and is_ledgers:
                return self._no_ledger(environ, start)
            answer = application(environ, start)
            if self.now is Weather.KILLED and (asked.method, asked.path) == _CREATE:
                answer = [b"".join(answer)]
                self._kill(asked.headers.get(FLOW_HEADER, ""))
            return answer

        return served

    def over(self, invoke: Invoke) -> Invoke:
        """Return a function that may be killed: API Gateway then has no answer of it."""

        def invoked(event: Event) -> Mapping[str, Any]:
            self._running[flow_under_way()] = threading.get_ident()
            try:
                return invoke(event)
            except KilledError:
                return {}
            finally:
                del self._running[flow_under_way()]

        return invoked

    def _kill(self, flow: str) -> None:
        # The function waits for the answer that is about to be sent: it dies when it has it.
        if thread := self._running.get(flow):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(KilledError)
            )


_CREATE = ("POST", "/v1/customers")


def _no_ledger(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    error = {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}
    answer = Response(json.dumps(error), 400, content_type="application/x-amz-json-1.0")
    return answer(environ, start)


def _secret(box: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        box.aws.secrets_manager.get_secret_value(SecretId=SECRET)["SecretString"]
    )
    return found


def _put_key(box: Sandbox, key: str) -> None:
    """Rotate to a key, as an operator does after one was revoked."""
    text = json.dumps(_secret(box) | {_KEY: key})
    box.aws.secrets_manager.put_secret_value(SecretId=SECRET, SecretString=text)
