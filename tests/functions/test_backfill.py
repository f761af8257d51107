"""The backfill's function, step by step in this process; tests/e2e runs its state machine."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from customerlink.functions import backfill
from customerlink.functions.backfill import StepFailedError
from customerlink.functions.backfill_steps import ChunkUnfinishedError
from customerlink.model.errors import ConfigurationError
from sandbox.aws import BUCKET, REGION
from sandbox.gateway import Context
from sandbox.sandbox import Sandbox

RATES = ("AUTH0_PLAN", "AUTH0_PER_SECOND", "STRIPE_PER_SECOND")


@pytest.fixture(scope="module")
def bucket(running: Sandbox) -> str:
    """Make the bucket of a file's tests."""
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    session.client("s3", endpoint_url=running.aws.url).create_bucket(Bucket=BUCKET)
    return BUCKET


@pytest.fixture
def box(box: Sandbox, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return the sandbox, in the environment of the function, which starts anew."""
    for name, value in (box.environment() | {"CUSTOMERLINK_BUCKET": bucket}).items():
        monkeypatch.setenv(name, value)
    box.let_functions_into_the_tenant()
    backfill._backfill.cache_clear()
    yield box
    backfill._backfill.cache_clear()


def step(name: str, run: str = "run", *, milliseconds: int = 900_000, **given: object) -> Any:
    """Do a step; return what goes into the execution's state."""
    context: Any = Context()
    context.get_remaining_time_in_millis = lambda: milliseconds
    answer = backfill.handler({"step": name, "run": run, **given}, context)
    assert "@example.com" not in json.dumps(answer)
    return answer


def test_all_steps(box: Sandbox) -> None:
    """One after the other, as the state machine takes them: at the end the user has a customer."""
    ada = box.tenant.add_user("auth0|steps", email="Steps@example.com")
    for segment in step("segments"):
        assert step("list", segment=segment)["is_done"]
    job = step("start_export")["job"]
    assert step("export", job=job) == {"job": job, "is_done": True}
    before = len(box.log.getvalue())
    assert step("compare")["unlinked"] == 1
    assert step("provision", key="run/todo/000000.json") == {"created": 1}
    linked = box.tenant.users[ada]["app_metadata"]["stripe_customer_id"]

    assert box.stripe.retrieve(linked)["metadata"]["auth0_user_id"] == ada
    printed = box.log.getvalue()[before:].replace(" ", "")
    assert '"drift_unlinked":[1.0]' in printed
    assert '"drift_unread":[0.0]' in printed


class TestErrors:
    """What another try may mend is told apart from what it may not."""

    @pytest.fixture
    def carry_out(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
        """Return what lets the step fail."""

        def failing(error: Exception) -> None:
            def carry_out(*_: object) -> object:
                raise error

            monkeypatch.setattr(backfill.Backfill, "carry_out", carry_out)

        return failing

    @pytest.mark.usefixtures("box")
    def test_of_an_sdk(self, carry_out: Callable[[Exception], None]) -> None:
        """Its text may be personal, so its kind goes on alone."""
        carry_out(KeyError("ada@example.com"))
        with pytest.raises(StepFailedError, match=r"^KeyError$") as raised:
            step("segments")

        assert raised.value.__cause__ is None

    @pytest.mark.usefixtures("box")
    def test_of_our_own(self, carry_out: Callable[[Exception], None]) -> None:
        """The state machine knows it by its kind."""
        carry_out(ChunkUnfinishedError("some users failed"))

        with pytest.raises(ChunkUnfinishedError):
            step("segments")

    @pytest.mark.usefixtures("box")
    def test_next_try_starts_anew(self, carry_out: Callable[[Exception], None]) -> None:
        """A secret, or a token, may have expired; a step that went well keeps both."""
        step("segments")
        kept = backfill._backfill()
        step("segments")
        assert backfill._backfill() is kept
        carry_out(KeyError())
        with pytest.raises(StepFailedError):
            step("segments")

        assert backfill._backfill() is not kept

    @pytest.mark.usefixtures("box")
    @pytest.mark.parametrize("name", RATES)
    @pytest.mark.parametrize("value", ["many", "-1", "1e3"])
    def test_setting(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
        """One that is wrong is named."""
        monkeypatch.setenv(f"CUSTOMERLINK_{name}", value)

        with pytest.raises(ConfigurationError, match=f"missing or wrong: CUSTOMERLINK_{name}"):
            step("segments")


def test_time_of_the_function(box: Sandbox) -> None:
    """A step ends before the function is ended, and says how far it came."""
    made = box.stripe.create({"email": "late@example.com"})["id"]
    *_, newest = step("segments")
    listed = step("list", "late", segment=newest, milliseconds=1)

    assert (listed["after"] is not None, listed["is_done"]) == (True, False)
    assert box.stripe.retrieve(made)["created"] >= newest["start"]
