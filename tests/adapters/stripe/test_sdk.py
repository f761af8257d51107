"""The Stripe SDK as the functions import it."""

import subprocess
import sys

import pytest
import stripe as whole

from customerlink.adapters.stripe.sdk import stripe

CODE = """
import sys
from customerlink.adapters.stripe.sdk import stripe
print("asyncio" in sys.modules)
"""


def test_it_is_the_sdk_itself() -> None:
    """No copy: an error that one raises, the other catches."""
    assert stripe is whole
    with pytest.raises(whole.StripeError):
        raise stripe.APIConnectionError("no answer")  # type: ignore[no-untyped-call]


def test_a_cold_start_goes_without_asyncio() -> None:
    """Which only the SDK's asynchronous client needs."""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
