"""AWS's and Stripe's lists, which come in pages."""

from types import SimpleNamespace
from typing import Any

import pytest

from customerlink.cli.event_bridge import EventBridge
from customerlink.cli.sync_beats import canaries
from customerlink.model.beats import BEAT, canary_address


class Events:
    """A client that lists one entry a page."""

    def __init__(self, entries: list[dict[str, str]]) -> None:
        """Take them all."""
        self.entries = entries

    def list_event_sources(self, **asked: str) -> dict[str, Any]:
        """Return a page of sources."""
        return self._page("EventSources", **asked)

    def list_rules(self, **asked: str) -> dict[str, Any]:
        """Return a page of rules."""
        return self._page("Rules", **asked)

    def _page(self, name: str, **asked: str) -> dict[str, Any]:
        at = int(asked.get("NextToken", 0))
        following = {"NextToken": f"{at + 1}"} if at + 1 < len(self.entries) else {}
        return {name: self.entries[at : at + 1], **following}


def bridge(*entries: dict[str, str]) -> EventBridge:
    """Return what asks such a client."""
    session: Any = SimpleNamespace(client=lambda *_, **__: Events([*entries]))
    return EventBridge(session, "shop")


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_every_page_is_read(number: int) -> None:
    """Of rules and of sources that wait; what is active waits for nothing."""
    states = [{"Name": f"{each}", "State": "PENDING"} for each in range(number)]
    rules = [{"Name": f"{each}", "State": "ENABLED"} for each in range(number)]
    active = {"Name": "active", "State": "ACTIVE"}

    found = bridge(active, *states).pending("aws.partner/")
    assert [each.name for each in found] == [f"{each}" for each in range(number)]
    assert bridge(*rules).rules("bus") == {f"{each}": True for each in range(number)}


def test_canary_on_a_later_page() -> None:
    """Is found: whoever else has its address is not taken for it."""
    address = canary_address("shop")
    others = [{"id": f"cus_{each}", "metadata": {}} for each in range(2)]
    pages = [[*others], [{"id": "cus_canary", "metadata": {BEAT: "now"}}]]

    def listed(asked: dict[str, str]) -> Any:
        assert asked == {"email": address}
        made = [SimpleNamespace(**each) for page in pages for each in page]
        return SimpleNamespace(data=made[:2], auto_paging_iter=lambda: iter(made))

    customers: Any = SimpleNamespace(list=listed)
    assert canaries(customers, "shop") == ["cus_canary"]
