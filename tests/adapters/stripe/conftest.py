"""The stand-in for Stripe, with an empty account: for all tests of its adapters."""

from collections.abc import Iterator

import pytest
from tests.adapters.stripe.served import Stripe


@pytest.fixture
def served() -> Iterator[Stripe]:
    """Serve a fresh account."""
    one = Stripe()
    with one.server:
        yield one
