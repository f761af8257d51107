"""What the watch asks of a tenant's Actions; it changes nothing there."""

from typing import Protocol

from customerlink.model.actions import Action


class TenantActions(Protocol):
    """A tenant's Actions and flows. Each call may raise `TenantUnavailableError`."""

    def flow(self, trigger: str) -> tuple[str, ...]:
        """Return the ids of the Actions in a trigger's flow, in its order."""
        ...

    def find(self, trigger: str, name: str) -> Action | None:
        """Find an Action of a trigger's by its name."""
        ...
