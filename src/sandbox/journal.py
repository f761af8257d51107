"""What happens in the sandbox, in the order in which it ended: for a page, and for tests.

`sandbox()` makes a `Journal`, `Sandbox.journal` is it, and whatever requests pass through writes to
it (`sandbox.noting`). An `Entry` has

- `number`: 1, 2, 3 and so on; `Journal.after(number, seconds)` waits for those behind one,
- `time`: unix seconds,
- `kind`: see below,
- `flow`: what belongs together, such as all that one log-in caused; "" for a request from outside,
- `title`: one line, without anything that a terminal or a browser would carry out,
- `ms`: the milliseconds that it took, 0 for a moment,
- `detail`: JSON, in which secrets are `…`.

By kind, a title as an example, and what `detail` has:

- `login`: "auth0|ada logs in", and at its end "auth0|ada: continue": `user_id` and `connection`, at
  the end `decision`, `denial`, `redirect`, `app_metadata`, `claims` and `milliseconds` as well
- `action`: "onExecutePostLogin": `handler`, `event`, and `asked`, which has `denial`, `redirect`,
  `app_metadata` and more
- `report`: "POST /post-login": `method`, `path`, `headers`, `body`, and `raw`, which was signed
- `step`: "open", one of the pipeline's, with its times added up: nothing
- `dynamodb`: "UpdateItem signup#acme#auth0|ada": `operation`, `body`, `status`, `answer`
- `stripe`: "POST /v1/customers 200": `method`, `path`, `query`, `body`, `idempotency_key`, `status`
  (null where the connection was dropped), `request_id`, `is_replayed`, `answer`
- `auth0`: "PATCH /api/v2/users/auth0|ada 200": `method`, `path`, `query`, `body`, `status` and
  `answer`
- `instruction`: "continue, customer_created", or the error's code: `status`, `body`
- `log`: "sign_up": the line
- `sync`: "user.updated: followed": `event`, `is_done`

An Action's `report` comes before its `action`, which tells what came of it; what the function did
stands between. Nothing of this is known to the product: a flow goes along as a header that the
sandbox adds to its requests.
"""

import json
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from enum import StrEnum

from customerlink.cli.output import plain

_KEPT = 2000
"""Entries; the oldest go first."""

_LONGEST_TITLE, _LONGEST_DETAIL = 200, 64 * 1024

_FIELDS = "client_secret|(?:access|id|refresh|primary_id|secondary_id)_token|password|authorization"
_SECRETS = (
    (re.compile(rf'("(?:{_FIELDS})": )"(?:[^"\\]|\\.)*"', re.IGNORECASE), r'\1"…"'),
    (re.compile(r"\b(whsec_|[rs]k_(?:test|live)_)[\w+/=-]+"), r"\1…"),
)

_FLOW: ContextVar[str] = ContextVar("flow", default="")

type Json = dict[str, object]


class Kind(StrEnum):
    """What an entry tells of."""

    LOGIN = "login"
    ACTION = "action"
    REPORT = "report"
    STEP = "step"
    DYNAMODB = "dynamodb"
    STRIPE = "stripe"
    AUTH0 = "auth0"
    INSTRUCTION = "instruction"
    LOG = "log"
    SYNC = "sync"


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    number: int
    time: float
    kind: Kind
    flow: str
    title: str
    ms: float
    detail: Json

    def document(self) -> Json:
        """Return it as JSON."""
        return asdict(self)


class Journal:
    """The newest entries; every method is safe to call from several threads."""

    def __init__(self, kept: int = _KEPT, clock: Callable[[], float] = time.time) -> None:
        """Start with none."""
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._clock = clock
        self._last = 0
        self._arrived = threading.Condition()

    @property
    def last(self) -> int:
        """Return the newest entry's number, 0 where there is none."""
        return self._last

    def note(
        self, kind: Kind, title: str, detail: Json, *, ms: float = 0.0, flow: str | None = None
    ) -> None:
        """Append an entry, of the flow that is under way unless another one is named."""
        shown, line = _without_secrets(detail), plain(_masked(title))[:_LONGEST_TITLE]
        of = flow_under_way() if flow is None else flow
        with self._arrived:
            self._last += 1
            entry = Entry(self._last, self._clock(), kind, of, line, round(ms, 3), shown)
            self._entries.append(entry)
            self._arrived.notify_all()

    def after(self, number: int, seconds: float = 0.0) -> list[Entry]:
        """Return the entries behind a number, waiting so long for the first one.

        A number that there has not been yet is of an earlier run: all are behind it.
        """
        with self._arrived:
            known = number if number <= self._last else 0
            self._arrived.wait_for(lambda: self._last > known, seconds)
            return [each for each in self._entries if each.number > known]


def flow_under_way() -> str:
    """Return the flow in which the caller is; "" outside of any."""
    return _FLOW.get()


@contextmanager
def flow(name: str = "") -> Iterator[str]:
    """Run the block in a flow: the named one, else the one under way, else a new one."""
    chosen = name or flow_under_way() or uuid.uuid4().hex
    token = _FLOW.set(chosen)
    try:
        yield chosen
    finally:
        _FLOW.reset(token)


def _without_secrets(detail: Json) -> Json:
    """Return a copy with secrets masked; of what is too much to show, how much it is."""
    try:
        text = json.dumps(detail, default=str)
        if len(text) > _LONGEST_DETAIL:
            return {"characters": len(text)}
        shown: Json = json.loads(_masked(text))
    except (ValueError, RecursionError):
        return {}
    return shown


def _masked(text: str) -> str:
    for pattern, placeholder in _SECRETS:
        text = pattern.sub(placeholder, text)
    return text
