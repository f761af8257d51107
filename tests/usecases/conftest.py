"""What the tests of settling share: each plays with the person there, and without."""

from functools import partial

import pytest
from tests.usecases.settling_case import ACase, Case


@pytest.fixture(params=[True, False], ids=["admission", "without the person"])
def a_case(request: pytest.FixtureRequest) -> ACase:
    """Return both: what refuses, and what never does."""
    return partial(Case, is_admission=request.param)
