"""What a check comes to, for people and for machines."""

import pytest

from customerlink.cli.checks import Check, bad, good, warning


@pytest.mark.parametrize(
    ("check", "verdict", "sign"),
    [
        (good("stack", "it is there"), "good", "✓"),
        (warning("alarms", "one is on", "look"), "warning", "!"),
        (bad("secret", "it has no key", "customerlink install"), "bad", "✗"),
    ],
)
def test_verdict(check: Check, verdict: str, sign: str) -> None:
    """A sign for people, a word for machines; what mends it comes along."""
    document = {"name": check.name, "meaning": check.meaning, "fix": check.fix}

    assert check.as_json() == document | {"verdict": verdict}
    assert check.verdict == sign
