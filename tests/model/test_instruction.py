"""What the Action is told to do, as the wire contract's version 1 has it."""

from dataclasses import replace
from typing import Any

import pytest

from customerlink.model.instruction import (
    Instruction,
    Reason,
    deferred,
    deferred_to_checkout,
    denied,
    link_metadata,
    linked,
    not_new,
    registered,
)
from customerlink.model.user import CustomerId

CUSTOMER = CustomerId("cus_1")


@pytest.mark.parametrize(
    ("instruction", "rest"),
    [
        (
            linked(CUSTOMER, Reason.CUSTOMER_CREATED),
            {
                "decision": "continue",
                "reason": "customer_created",
                "app_metadata": {"stripe_customer_id": "cus_1", "stripe_signup": None},
            },
        ),
        (
            registered(CUSTOMER, Reason.CUSTOMER_FOUND, "a1b2"),
            {
                "decision": "continue",
                "reason": "customer_found",
                "app_metadata": {"stripe_customer_id": "cus_1", "stripe_registration_id": "a1b2"},
            },
        ),
        (
            not_new(exempt=True),
            {
                "decision": "continue",
                "reason": "not_new",
                "app_metadata": {"stripe_signup": "exempt"},
            },
        ),
        (
            not_new(exempt=False),
            {"decision": "continue", "reason": "not_new", "app_metadata": {}},
        ),
        (
            deferred(),
            {
                "decision": "continue",
                "reason": "deferred",
                "app_metadata": {"stripe_signup": "unfinished"},
            },
        ),
        (
            deferred_to_checkout(),
            {
                "decision": "continue",
                "reason": "deferred",
                "app_metadata": {"stripe_signup": "exempt"},
            },
        ),
        (
            denied(Reason.EMAIL_IN_USE),
            {
                "decision": "deny",
                "reason": "email_in_use",
                "app_metadata": {"stripe_signup": "unfinished"},
            },
        ),
        (
            replace(denied(Reason.EMAIL_IN_USE), redirect="https://shop.example/link?ticket=1"),
            {
                "decision": "deny",
                "reason": "email_in_use",
                "redirect": "https://shop.example/link?ticket=1",
                "app_metadata": {"stripe_signup": "unfinished"},
            },
        ),
    ],
)
def test_document(instruction: Instruction, rest: dict[str, Any]) -> None:
    """Key by key, which Actions that were installed long ago go by."""
    assert instruction.as_json() == {"version": 1, **rest}
    assert instruction.as_json("No.") == {"version": 1, "message": "No.", **rest}


@pytest.mark.parametrize(
    "instruction",
    [linked(CUSTOMER, Reason.ALREADY_LINKED), registered(CUSTOMER, Reason.CUSTOMER_FOUND, "a1b2")],
)
def test_customer_that_somebody_is_let_in_with(instruction: Instruction) -> None:
    """It is known beside the metadata, whatever that is called there."""
    assert instruction.customer_id == CUSTOMER


@pytest.mark.parametrize("instruction", [deferred(), not_new(exempt=True), denied(Reason.DEFERRED)])
def test_nobody_else_is_let_in_with_one(instruction: Instruction) -> None:
    """Without a link there is no customer."""
    assert instruction.customer_id is None


def test_link_ends_an_earlier_attempt() -> None:
    """The marker goes with the very write that links, or a linked user would be a sign-up still."""
    assert link_metadata(CUSTOMER) == {"stripe_customer_id": "cus_1", "stripe_signup": None}


def test_document_is_the_readers_own() -> None:
    """Whoever changes an answer changes no other one."""
    instruction = deferred()
    metadata = instruction.as_json()["app_metadata"]
    assert isinstance(metadata, dict)
    metadata.clear()

    assert instruction.as_json()["app_metadata"] == {"stripe_signup": "unfinished"}
