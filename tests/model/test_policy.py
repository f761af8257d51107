"""A deployment's choices: their values stand in the parameters of stacks that are deployed."""

from enum import StrEnum

import pytest

from customerlink.model.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    ProvisionAt,
    VerifiedEmail,
)

CHOICES: list[tuple[type[StrEnum], list[str]]] = [
    (VerifiedEmail, ["optional", "required"]),
    (ProvisionAt, ["signup", "checkout"]),
    (ExistingCustomer, ["deny", "adopt"]),
    (ExistingUsers, ["exempt", "provision"]),
    (OnFailure, ["deny", "continue"]),
]


@pytest.mark.parametrize(("choice", "values"), CHOICES)
def test_values(choice: type[StrEnum], values: list[str]) -> None:
    """A stack that was deployed once goes on being understood."""
    assert [*choice] == values


@pytest.mark.parametrize("choice", [choice for choice, _ in CHOICES])
def test_default_comes_first(choice: type[StrEnum]) -> None:
    """What nobody chose is the first value, and no choice is without a default."""
    [chosen] = [each for each in vars(Policy()).values() if isinstance(each, choice)]

    assert chosen is next(iter(choice))


def test_nothing_else_is_chosen() -> None:
    """Every choice of the policy is held to the table above."""
    chosen = {type(each) for each in vars(Policy()).values() if isinstance(each, StrEnum)}

    assert chosen == {choice for choice, _ in CHOICES}
