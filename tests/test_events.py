"""events/: what `make events` writes."""

import json
import runpy

import pytest
from tests.e2e.runtime import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "make_events.py"))


@pytest.mark.parametrize("name", TOOL["REPORTS"])
def test_file_is_what_the_tool_writes(name: str) -> None:
    """So that nobody mends one by hand and loses it."""
    written = json.loads((ROOT / "events" / f"{name}.json").read_text())

    assert written == TOOL["gateway_event"](name, TOOL["REPORTS"][name])


@pytest.mark.parametrize("name", TOOL["MESSAGES"])
def test_message_is_what_the_tool_writes(name: str) -> None:
    """Likewise of what the queue delivers."""
    written = json.loads((ROOT / "events" / f"{name}.json").read_text())

    assert written == TOOL["queue_event"](TOOL["MESSAGES"][name])
