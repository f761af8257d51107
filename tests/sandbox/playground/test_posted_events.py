"""The playground under a policy that it begins with, and that its page does not offer."""

from sandbox.playground.__main__ import playground


def test_posted_events() -> None:
    """Both sides post their events, as the stack has it."""
    with playground(policies="SyncBy=webhook") as running:
        box = running.box
        assert box.management.event_streams.posted_to("user.updated")
        assert box.settings["CUSTOMERLINK_SYNC_BY"] == "webhook"
