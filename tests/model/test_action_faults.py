"""What can be wrong with an Action, each by itself."""

from typing import Any

import pytest

from customerlink.model.action_faults import (
    Fault,
    action_faults,
    code_fault,
    place_fault,
    secrets_fault,
    set_anew,
    set_apart,
)
from customerlink.model.actions import SIGNING_SECRET, URL, Action, declared, digest, marked
from customerlink.model.notes import Note

CODE = "exports.onExecutePostLogin = async () => {};\n"
SECRETS = {URL: "2026-07-01", SIGNING_SECRET: "2026-07-02"}
LATER = {URL: "2026-07-01", SIGNING_SECRET: "2026-08-01"}
NOTE = Note("print", SECRETS)
RELEASE = digest(CODE)


def action(**changes: Any) -> Action:
    """Return one that is in order, but for the changes."""
    given = {
        "id": "act_1",
        "name": "Customer Link",
        "code": marked(CODE),
        "runtime": "node22",
        "secrets": SECRETS,
        "is_deployed": True,
        "deployed_code": marked(CODE),
        "deployed_secrets": SECRETS,
        "deployed_runtime": "node22",
    }
    return Action(**{**given, **changes})


@pytest.mark.parametrize(
    "code", [CODE, CODE.rstrip(), f"{CODE}\n", marked(CODE), marked(CODE)[:-1]]
)
def test_in_order(code: str) -> None:
    """Whoever put this release's code in, with or without a last line's end."""
    assert action_faults(action(deployed_code=code), RELEASE, NOTE) == ()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"deployed_code": None}, Fault.NOT_DEPLOYED),
        ({"deployed_code": ""}, Fault.OTHER_CODE),
        ({"deployed_code": f"// edited\n{CODE}"}, Fault.OTHER_CODE),
        ({"deployed_code": f"{marked(CODE)}// edited\n"}, Fault.OTHER_CODE),
        ({"is_deployed": False}, Fault.DRAFT),
        ({"runtime": "node16"}, Fault.OLD_RUNTIME),
        ({"deployed_runtime": "node12"}, Fault.OLD_RUNTIME),
        ({"runtime": ""}, Fault.OLD_RUNTIME),
        ({"secrets": {}}, Fault.SECRETS_MISSING),
        ({"deployed_secrets": {URL: "2026-07-01"}}, Fault.SECRETS_MISSING),
        ({"secrets": LATER}, Fault.SECRETS_SET_ANEW),
        ({"deployed_secrets": LATER}, Fault.SECRETS_SET_ANEW),
        ({"deployed_secrets": {**SECRETS, URL: ""}}, Fault.SECRETS_SET_ANEW),
    ],
)
def test_fault(changes: dict[str, Any], fault: Fault) -> None:
    """Each is told, and nothing beside it."""
    assert action_faults(action(**changes), RELEASE, NOTE) == (fault,)


def test_several() -> None:
    """One does not hide another."""
    found = action_faults(action(deployed_code="", runtime="node16"), RELEASE, None)

    assert found == (Fault.OTHER_CODE, Fault.OLD_RUNTIME, Fault.SECRETS_NOT_NOTED)


def test_what_logins_run_comes_first() -> None:
    """A draft of this release's does not make up for what is deployed."""
    assert code_fault(action(deployed_code="x", is_deployed=False), RELEASE) is Fault.OTHER_CODE
    assert set_anew(action(deployed_secrets=LATER), NOTE) == (SIGNING_SECRET,)


@pytest.mark.parametrize(
    ("flow", "verify", "fault"),
    [
        (["act_1"], None, None),
        (["x", "act_1", "y"], None, None),
        (["verify", "act_1"], "verify", None),
        (["verify", "x", "act_1"], "verify", None),
        (["act_1"], "verify", None),
        (["act_1", "verify"], "verify", Fault.WRONG_ORDER),
        (["act_1", "x", "verify"], "verify", Fault.WRONG_ORDER),
        (["verify"], "verify", Fault.NOT_BOUND),
        (["x"], None, Fault.NOT_BOUND),
        ([], None, Fault.NOT_BOUND),
    ],
)
def test_place(flow: list[str], verify: str | None, fault: Fault | None) -> None:
    """In the flow, and behind verify-email where that is in it; others' places are theirs."""
    assert place_fault(flow, "act_1", verify) is fault


@pytest.mark.parametrize(
    ("says", "later", "fault", "name"),
    [
        ("0f" * 16, "2026-07-01T08:00:00Z", None, None),
        ("0f" * 16, "2026-07-01T08:00:09+00:00", None, None),
        ("0f" * 16, "2026-07-01T08:01:00Z", Fault.SECRETS_SET_ANEW, SIGNING_SECRET),
        ("0f" * 16, "2026-06-01T08:00:00Z", Fault.SECRETS_SET_ANEW, URL),
        ("0f" * 16, "", Fault.SECRETS_SET_ANEW, URL),
        ("0e" * 16, "2026-07-01T08:00:00Z", Fault.SECRETS_SET_ANEW, None),
        ("##CUSTOMERLINK_PRINT##", "2026-07-01T08:00:00Z", Fault.SECRETS_NOT_NOTED, None),
    ],
)
def test_declared_by_another_tool(
    says: str, later: str, fault: Fault | None, name: str | None
) -> None:
    """No note is needed where the tool says what it has set, in one go; one set by hand is told."""
    times = {URL: "2026-07-01T08:00:00Z", SIGNING_SECRET: later}
    seen = action(deployed_code=declared(CODE, says), secrets=times, deployed_secrets=times)

    assert (secrets_fault(seen, None, ["0f" * 16]), set_apart(seen)) == (fault, name)


@pytest.mark.parametrize("says", ["0f" * 16, "0e" * 16, "##CUSTOMERLINK_PRINT##"])
def test_code_that_calls_itself_declared(says: str) -> None:
    """Where install sets the secrets, whoever makes the Action anew needs more than a line."""
    seen = action(deployed_code=declared(CODE, says))

    assert secrets_fault(seen, None) is Fault.SECRETS_NOT_NOTED


@pytest.mark.parametrize(
    ("note", "fault"),
    [
        (Note("valid", SECRETS), None),
        (Note("dropped", SECRETS), Fault.SECRETS_SET_ANEW),
        # Set anew since: what the tool says counts.
        (Note("dropped", LATER), None),
        (Note("valid", {}), None),
    ],
)
def test_note_beside_a_declaration(note: Note, fault: Fault | None) -> None:
    """It goes before the code's line while the times that it holds stand."""
    at = SECRETS if note.updated_at == SECRETS else dict.fromkeys(SECRETS, "2026-07-03")
    seen = action(deployed_code=declared(CODE, "said"), secrets=at, deployed_secrets=at)

    assert secrets_fault(seen, note, ["valid", "said"]) is fault
