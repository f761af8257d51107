"""How often something may be done."""

from typing import Protocol


class RateLimiter(Protocol):
    """At which requests are made."""

    def take(self) -> None:
        """Wait for this request's turn."""
        ...

    def pause(self, seconds: float) -> None:
        """Let nobody go on for some seconds: the other side said so."""
        ...
