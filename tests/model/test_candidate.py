"""Who is to get a customer, on a line of a list."""

import pytest

from customerlink.model.candidate import Candidate
from customerlink.model.user import CustomerId, UserId

ADA = UserId("auth0|ada")


@pytest.mark.parametrize("known", [(), ("cus_1",), ("cus_1", "cus_2", "cus_3")])
def test_line(known: tuple[str, ...]) -> None:
    """Read again, it is the same."""
    candidate = Candidate(ADA, tuple(map(CustomerId, known)))

    assert candidate.line().endswith("}\n")
    assert Candidate.read(candidate.line()) == candidate


def test_line_of_an_earlier_release() -> None:
    """It named no customers, and had the profile's values, which are read anew anyway."""
    line = '{"user_id": "auth0|ada", "email": "ada@example.com", "name": "Ada"}'

    assert Candidate.read(line) == Candidate(ADA)
