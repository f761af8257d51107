"""`make demo`: the exit status tells the truth."""

import io
from unittest.mock import patch

import pytest
from rich.console import Console

from customerlink.adapters.dynamodb import ledger as dynamodb_ledger
from sandbox import demo
from sandbox.stripe_account import StripeAccount


def played() -> tuple[int, str]:
    """Play it, and give the status and what a person sees."""
    shown = io.StringIO()
    status = demo.main(Console(file=shown, width=120))
    return status, shown.getvalue()


def test_every_expectation_holds() -> None:
    """The scenes, and both sides compared."""
    status, shown = played()

    assert status == 0, shown
    assert "Every expectation held" in shown
    assert shown.count("✓") == 14 + 9
    assert "✗" not in shown


def test_a_broken_stripe_is_noticed() -> None:
    """Were Stripe's list to lose customers for longer than a lock guards them, it would fail."""
    empty = {"object": "list", "data": [], "has_more": False, "url": "/v1/customers"}
    no_lock = patch.object(dynamodb_ledger, "EMAIL_LOCK_SECONDS", 0.0)
    with no_lock, patch.object(StripeAccount, "list_page", return_value=empty):
        status, shown = played()

    assert status == 1
    assert "two customers with one address" in " ".join(shown.split())
    assert "✗" in shown


@pytest.mark.parametrize("policy", [each for each in demo.PLAYS if each])
def test_every_policy_is_played(policy: str) -> None:
    """By its own deployment."""
    shown = io.StringIO()

    assert demo.main(Console(file=shown, width=120), policy) == 0, shown.getvalue()
    assert "Every expectation held" in shown.getvalue()


def test_unknown_policy() -> None:
    """Named are those that there are."""
    shown = io.StringIO()

    assert demo.main(Console(file=shown, width=120), "none") == 2
    policies = "verified, adopt, provision, continue, checkout, registration, linking"
    assert policies in shown.getvalue()
