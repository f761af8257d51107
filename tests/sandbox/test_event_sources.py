"""EventBridge's partner sources, as AWS documents their life."""

import pytest

from sandbox.aws import REGION
from sandbox.event_sources import PENDING_SECONDS, AwsFailure, EventSources

NAME = "aws.partner/auth0.com/acme-1/auth0.events"


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0.0, "PENDING"), (PENDING_SECONDS - 1, "PENDING"), (PENDING_SECONDS, None)],
)
def test_without_a_bus(seconds: float, state: str | None) -> None:
    """A source is pending for seven days, and gone then.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html
    """
    now = [0.0]
    sources = EventSources(REGION, clock=lambda: now[0])
    sources.offer(NAME)
    now[0] = seconds

    assert sources.state(NAME) == state
    listed = sources.answer("ListEventSources", {"NamePrefix": "aws.partner/auth0.com/"})
    assert len((listed or {})["EventSources"]) == (state is not None)


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("DescribeEventSource", {"Name": NAME}, "ResourceNotFoundException"),
        ("ListRules", {"EventBusName": NAME}, "ResourceNotFoundException"),
        ("ListEventSources", {}, "AccessDeniedException"),
    ],
)
def test_refused(operation: str, asked: dict[str, str], code: str) -> None:
    """What is not there, and what the role may not ask for."""
    sources = EventSources(REGION, denied={"ListEventSources"})

    with pytest.raises(AwsFailure) as refused:
        sources.answer(operation, asked)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("operation", "asked"),
    [("ListRules", {}), ("ListRules", {"EventBusName": "default"}), ("PutRule", {})],
)
def test_rest(operation: str, asked: dict[str, str]) -> None:
    """It is left to moto."""
    assert EventSources(REGION).answer(operation, asked) is None
