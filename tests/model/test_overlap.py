"""A list of somebody else's is told from ours."""

import pytest

from customerlink.model.overlap import OtherTenantError, Overlap


@pytest.mark.parametrize(
    ("ours", "others", "is_ours"),
    [(0, 0, True), (1, 0, True), (1, 1, True), (5, 4, True), (0, 1, False), (4, 5, False)],
)
def test_most(ours: int, others: int, *, is_ours: bool) -> None:
    """Most of the customers that name our users name the tenant, or none."""
    overlap = Overlap(10, ours, others)
    if is_ours:
        overlap.check("acme")
        return
    with pytest.raises(OtherTenantError, match="The tenant is not acme"):
        overlap.check("acme")


@pytest.mark.parametrize(
    ("links", "gone", "of_nothing"),
    [(0, 0, False), (1, 0, False), (1, 1, True), (12, 11, False), (12, 12, True)],
)
def test_nothing_in_common(links: int, gone: int, *, of_nothing: bool) -> None:
    """Only where there are links, and each of them leads nowhere."""
    assert Overlap(links).is_of_nothing(gone) is of_nothing
