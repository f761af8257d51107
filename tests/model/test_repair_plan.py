"""A plan: which act mends which kind."""

from customerlink.model.drift import Drift, Finding
from customerlink.model.repair_plan import ACT, DELETING, SAFE, Act, planned


def test_every_act_is_planned_for_some_kind() -> None:
    """Whoever adds an act says for what."""
    found = [
        Finding(kind, "auth0|1", "cus_1", detail) for kind in Drift for detail in ("", "auth0|2")
    ]

    assert {each.act for each in planned(found)} == set(Act)


def test_what_is_repaired_by_default_takes_nothing_away() -> None:
    """It neither deletes, nor makes, nor takes an id out of a profile."""
    assert {ACT[kind] for kind in SAFE} == {Act.RECORD, Act.CLAIM}
    assert not set(SAFE) & set(DELETING)
