"""The Stripe SDK as the functions import it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import stripe as whole

from customerlink.adapters.stripe.sdk import stripe

CODE = """
import sys
from customerlink.adapters.stripe.sdk import stripe
print("asyncio" in sys.modules)
"""


ANSWER = """
import sys
from customerlink.adapters.stripe.sdk import stripe
before = {*sys.modules}
discount = {"object": "discount", "coupon": {"object": "coupon"}}
answer = {"object": "list", "data": [{"object": "customer", "id": "cus_1", "discount": discount}]}
found = stripe.convert_to_stripe_object(answer, api_mode="V1")
assert type(found) is stripe.ListObject
assert found.data[0].id == "cus_1"
assert type(found.data[0].discount.coupon) is stripe.StripeObject
print({*sys.modules} - before)
"""


def test_an_answer_imports_nothing() -> None:
    """Whatever it brings along: the modules of most objects are in no artifact."""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", ANSWER], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"


def test_nobody_imports_it_otherwise() -> None:
    """But for type checkers: it would be read in another way, by what was imported first."""
    ours = Path(__file__).parents[3] / "src/customerlink"
    others = [
        path.relative_to(ours).as_posix()
        for path in ours.rglob("*.py")
        if re.search(r"^(import stripe\b|from stripe\b)", path.read_text(), re.MULTILINE)
    ]

    assert others == []


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
