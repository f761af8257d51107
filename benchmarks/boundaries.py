"""What stands between a process and the outside, and kills it at one boundary of its calls.

A call is what is sent at a stretch, and what comes back for it: a request to Stripe or to DynamoDB,
a statement to PostgreSQL. It is killed when the request has left and nobody has had it yet, or when
its effect is there and the answer has not arrived.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum


class Moment(StrEnum):
    """When, in a call."""

    BEFORE = "before"
    AFTER = "after"


@dataclass
class Trap:
    """Counts the calls, and springs at one of them."""

    calls: int = 0
    sprung: threading.Event = field(default_factory=threading.Event)
    _at: tuple[int, Moment] | None = None
    _kill: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, call: int, moment: Moment, kill: Callable[[], None]) -> None:
        """Choose the boundary, by the number of calls from now on, and the victim."""
        with self._lock:
            self.calls, self._at, self._kill = 0, (call, moment), kill
            self.sprung.clear()

    def count(self) -> int:
        """Count the calls from now on; return how many there were before."""
        with self._lock:
            before, self.calls, self._at = self.calls, 0, None
        return before

    def asked(self) -> tuple[int, bool]:
        """Note that a call begins; return its number, and whether the trap sprang."""
        with self._lock:
            number, self.calls = self.calls, self.calls + 1
        return number, self.passes(number, Moment.BEFORE)

    def passes(self, number: int, moment: Moment) -> bool:
        """Kill, if this is the boundary."""
        with self._lock:
            if self._at != (number, moment):
                return False
            self._at = None
        self._kill()
        self.sprung.set()
        return True


class Gate:
    """A way to one service, through which each byte goes while the block runs."""

    def __init__(self, host: str, port: int, trap: Trap) -> None:
        """Stand before a service."""
        self._service, self._trap = (host, port), trap
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._service) as service:
            for each in (client, service):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Way(client, service, self._trap).carry()


@dataclass
class _Way:
    """One connection; `_call` is the number of the call that waits for its answer."""

    client: socket.socket
    service: socket.socket
    trap: Trap
    _call: int | None = None

    def carry(self) -> None:
        """Carry both ways until either ends."""
        back = threading.Thread(target=self._back, daemon=True)
        back.start()
        with suppress(OSError):
            while sent := self.client.recv(65536):
                if self._call is None:
                    self._call, is_sprung = self.trap.asked()
                    if is_sprung:
                        break
                self.service.sendall(sent)
        self._end()
        back.join()

    def _back(self) -> None:
        with suppress(OSError):
            while told := self.service.recv(65536):
                call, self._call = self._call, None
                if call is not None and self.trap.passes(call, Moment.AFTER):
                    break
                self.client.sendall(told)
        self._end()

    def _end(self) -> None:
        for each in (self.client, self.service):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
