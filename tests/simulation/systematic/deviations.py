"""In what way an invocation may deviate from the default, and at which of its calls."""

from collections.abc import Mapping

SOON = 0.1
"""Enough for an invocation to end by itself: the default is one after the other."""

GAPS = (SOON, 20.0, 80.0)
"""At once; past the record's lease; past the email lock, and past what has settled."""

FREEZES = {f"frozen for {seconds:.0f} s": seconds for seconds in GAPS[1:]}

PUT_OFF_SECONDS = 0.3
"""Lets all others run to their ends; who is put off later waits longer."""

GO_ON, CRASH, PUT_OFF, ARRIVES = "goes on", "crashes", "is put off", "what is late arrives"

WRITES = frozenset({"update_item", "delete_item", "create", "update", "merge_app_metadata", "link"})
"""Calls after which a crash differs from one before."""

PREPARED = frozenset({"update_item", "delete_item", "get", "merge_app_metadata", "link"})
"""Calls that no budget stops any more once they are prepared: to be frozen there is to act late."""

STICKY = frozenset(
    {
        "effect long after the time-out",
        "time-out after the effect",
        "503",
        "throttled",
    }
)
"""Faults that stay for all an invocation's calls of a kind: the adapter would mend a single one."""

FAULTS: Mapping[str, tuple[str, ...]] = {
    "create": (
        "effect long after the time-out",
        "time-out after the effect",
        "dropped after the effect",
        "500 saved, with effect",
        "500 saved, no effect",
        "long in flight",
    ),
    "update": (
        "effect long after the time-out",
        "time-out after the effect",
        "dropped after the effect",
    ),
    "list": ("503",),
    "retrieve": ("503",),
    "update_item": (
        "answer lost after the write",
        "one item throttled",
        "write long after the time-out",
    ),
    "delete_item": ("answer lost after the write",),
    "get_item": ("throttled",),
    "get": ("unavailable",),
    "merge_app_metadata": ("unavailable", "answer lost after the effect"),
    "link": ("unavailable", "answer lost after the effect"),
    "report": ("answer lost", "delivered twice"),
    "metadata": ("metadata lost",),
}
"""What may go wrong with each call."""
