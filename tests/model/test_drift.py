"""The kinds of difference: each means something, and something is done about it, or nothing."""

from customerlink.model.drift import IN_ORDER, MEANING, REPAIR, Drift
from customerlink.model.repair_plan import ACT


def test_every_kind_has_a_meaning_and_a_repair() -> None:
    """Whoever adds a kind says both."""
    assert set(MEANING) == set(Drift)
    assert set(REPAIR) == set(Drift)


def test_no_two_kinds_mean_the_same() -> None:
    """Whoever reads a report can tell them apart."""
    assert len(set(MEANING.values())) == len(Drift)


def says_nothing(repair: str) -> bool:
    """Return whether nothing is done, perhaps with what happens by itself."""
    return repair.partition(":")[0] == "nothing"


def test_only_what_is_in_order_has_no_act() -> None:
    """And for it the repair says so."""
    without = set(Drift) - set(ACT)

    assert without == IN_ORDER
    assert {kind for kind, repair in REPAIR.items() if says_nothing(repair)} == without
