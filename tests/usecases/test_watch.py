"""What the watch finds, of what it sees."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.model.test_action_faults import CODE, NOTE, RELEASE, action

from customerlink.model.actions import LOGIN, REGISTRATION, TRIGGERS, VERIFY_EMAIL, Action
from customerlink.model.errors import TenantUnavailableError
from customerlink.usecases.watch import (
    Expected,
    Finding,
    Restrictions,
    confirmed,
    findings,
    trouble_with,
)

NAMES = {LOGIN: "Customer Link"}
DIGESTS = dict.fromkeys((*TRIGGERS, VERIFY_EMAIL), RELEASE)
EVERYWHERE = Restrictions(callers=False, edge=False)


@dataclass
class FakeTenant:
    """A tenant's Actions by their names, and its flows."""

    actions: dict[str, Action] = field(default_factory=lambda: {"Customer Link": action()})
    flows: dict[str, tuple[str, ...]] = field(default_factory=lambda: {LOGIN: ("x", "act_1")})
    trouble: str = ""

    def flow(self, trigger: str) -> tuple[str, ...]:
        """Return a flow."""
        return self.flows.get(trigger, ())

    def find(self, _trigger: str, name: str) -> Action | None:
        """Find an Action."""
        if self.trouble:
            raise TenantUnavailableError(self.trouble)
        return self.actions.get(name)


def found(tenant: FakeTenant, answer: str | None = None, **names: str) -> list[str]:
    """Return what is found; each noted Action is as `NOTE` has it."""
    notes = dict.fromkeys(("act_1", "act_2"), NOTE)
    expected = Expected({**NAMES, **names}, notes, DIGESTS)
    return [str(each) for each in findings(tenant, expected, lambda: answer)]


def test_in_order() -> None:
    """Nothing is told."""
    assert found(FakeTenant()) == []


@pytest.mark.parametrize(
    ("tenant", "told"),
    [
        (FakeTenant(actions={}), ["post-login: gone"]),
        (FakeTenant(flows={}), ["post-login: not_bound"]),
        (FakeTenant(flows={LOGIN: ("x",)}), ["post-login: not_bound"]),
        (FakeTenant(flows={"pre-user-registration": ("act_1",)}), ["post-login: not_bound"]),
        (
            FakeTenant(actions={"Customer Link": action(deployed_code="x")}, flows={}),
            ["post-login: other_code", "post-login: not_bound"],
        ),
        (
            FakeTenant(actions={"Customer Link": action(id="new")}, flows={LOGIN: ("new",)}),
            ["post-login: secrets_not_noted"],
        ),
        (FakeTenant(trouble="status 403"), ["tenant: status 403"]),
    ],
)
def test_tenant(tenant: FakeTenant, told: list[str]) -> None:
    """Everything that is wrong, by the words that doctor's checks are made of."""
    assert found(tenant) == told


def test_endpoint_beside_the_tenant() -> None:
    """One does not hide the other."""
    assert found(FakeTenant(trouble="no answer"), "status 500") == [
        "tenant: no answer",
        "endpoint: status 500",
    ]


def test_draft_is_for_the_day() -> None:
    """Logins do not meet it, and nobody is woken."""
    assert found(FakeTenant({"Customer Link": action(is_deployed=False)})) == []


@pytest.mark.parametrize("trigger", REGISTRATION)
def test_registration(trigger: str) -> None:
    """Where it was installed, its Action is looked at in its own flow."""
    tenant = FakeTenant({"Customer Link": action(), "Other": action(id="act_2")})
    names = {trigger: "Other"}
    assert found(tenant, **names) == [f"{trigger}: not_bound"]

    tenant.flows[trigger] = ("act_2",)
    assert found(tenant, **names) == []


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        (("verify", "act_1"), []),
        (("act_1", "verify"), ["post-login: wrong_order"]),
        (("act_1",), ["verify-email: not_bound"]),
        (("verify",), ["post-login: not_bound"]),
        ((), ["verify-email: not_bound", "post-login: not_bound"]),
    ],
)
def test_verify_email(flow: tuple[str, ...], told: list[str]) -> None:
    """Where it was bound, it is to be, and before ours; its secrets are not install's."""
    ask = action(id="verify", secrets={}, deployed_secrets={})
    tenant = FakeTenant({"Customer Link": action(), "Ask": ask}, {LOGIN: flow})

    assert found(tenant, **{VERIFY_EMAIL: "Ask"}) == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"deployed_code": CODE + "x"}, ["verify-email: other_code"]),
        ({"deployed_runtime": "node16"}, ["verify-email: old_runtime"]),
        ({"is_deployed": False}, []),
        (None, ["verify-email: gone"]),
    ],
)
def test_verify_email_itself(changes: dict[str, Any] | None, told: list[str]) -> None:
    """Its code is this release's, too."""
    tenant = FakeTenant(flows={LOGIN: ("verify", "act_1")})
    if changes is not None:
        tenant.actions["Ask"] = action(id="verify", **changes)

    assert found(tenant, **{VERIFY_EMAIL: "Ask"}) == told


@pytest.mark.parametrize(
    ("looks", "counts"),
    [
        ([[]], []),
        ([["a"], []], []),
        ([["a"], ["a"]], ["a"]),
        # What was hidden at the first look is not forgiven at the second.
        ([["tenant"], ["unbound"]], ["unbound"]),
    ],
)
def test_second_look(looks: list[list[str]], counts: list[str]) -> None:
    """It counts, and is taken only where the first found something."""
    waits: list[None] = []
    left = iter(looks)

    def look() -> tuple[Finding, ...]:
        return tuple(Finding("x", each) for each in next(left))

    told = [each.what for each in confirmed(look, lambda: waits.append(None))]

    assert (told, len(waits)) == (counts, len(looks) - 1)


PASSED, TURNED_AWAY = b'{"reason": "not_new"}', b'{"error": "caller_not_allowed"}'
AROUND = b'{"error": "not_by_the_edge"}'
CALLERS, EDGE = Restrictions(callers=True, edge=False), Restrictions(callers=False, edge=True)
BOTH = Restrictions(callers=True, edge=True)


@pytest.mark.parametrize(
    ("status", "raw", "restrictions", "is_well"),
    [
        (200, PASSED, EVERYWHERE, True),
        (200, PASSED, CALLERS, True),
        (200, b'{"reason": "customer_created"}', EVERYWHERE, False),
        (200, b"<html>", EVERYWHERE, False),
        (200, b"[]", EVERYWHERE, False),
        (401, b'{"error": "invalid_signature"}', CALLERS, False),
        (500, b'{"error": "internal_error"}', EDGE, False),
        (403, TURNED_AWAY, CALLERS, True),
        (403, TURNED_AWAY, EVERYWHERE, False),
        (403, TURNED_AWAY, EDGE, False),
        # The function does not know the edge's secret: nobody's log-in gets through.
        *((403, AROUND, each, False) for each in (EVERYWHERE, CALLERS, EDGE, BOTH)),
        (403, TURNED_AWAY, BOTH, True),
        (403, b"<html>Request blocked.</html>", EDGE, True),
        (403, b"<html>Request blocked.</html>", EVERYWHERE, False),
        (403, b'{"message": "Forbidden"}', EDGE, False),
        (503, b"", EDGE, False),
    ],
)
def test_answer_to_a_self_test(
    status: int, raw: bytes, restrictions: Restrictions, *, is_well: bool
) -> None:
    """The right one; or, where the watch's network may not call, that it may not."""
    assert trouble_with(status, raw, restrictions) == (None if is_well else f"status {status}")
