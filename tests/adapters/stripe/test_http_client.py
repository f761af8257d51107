"""How the SDK's requests travel: within the budget, to one host, without a word of theirs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import stripe
from tests.adapters.stripe.served import Stripe
from tests.fakes import FakeClock

from customerlink.adapters.connections import Connections, NoAnswerError, NotConnectedError
from customerlink.adapters.http_messages import Answer
from customerlink.adapters.stripe.http_client import (
    CONNECT_SECONDS,
    TRY_SECONDS,
    WORTHWHILE_SECONDS,
    BudgetedHTTPClient,
    NotSentError,
)
from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import StripeKey
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done
from customerlink.ports.deadline import LEDGER_RESERVE_SECONDS, SIGN_UP_SECONDS
from customerlink.ports.run import Run

type Asked = Callable[[], tuple[str, int, Mapping[str, str]]]
type Times = list[tuple[float, float]]


class TestWhereKeysGo:
    """A live key goes to no host but Stripe's."""

    def test_live_key_is_stopped_at_the_last_step(self, served: Stripe) -> None:
        """Even if every earlier check had failed."""
        live = StripeKey("_".join(("rk", "live", "0" * 24)))
        client = BudgetedHTTPClient(Connections(), live, served.run)

        with pytest.raises(ConfigurationError, match="no host but Stripe's"):
            client.request("get", f"{served.server.url}/v1/customers", {})
        assert served.account.requests == []

    def test_redirects_are_not_followed(self) -> None:
        """They would carry the key to another host."""
        seen = []

        def redirecting(environ: Any, start: Any) -> list[bytes]:
            seen.append(environ["PATH_INFO"])
            start("302 Found", [("location", "/elsewhere"), ("content-length", "2")])
            return [b"{}"]

        one = Stripe(redirecting)
        with one.server:
            one.customers().retrieve(CustomerId("cus_1"))

        assert "/elsewhere" not in seen


def test_stripes_notice_is_not_printed(recwarn: pytest.WarningsRecorder) -> None:
    """The SDK would print the text of this header."""

    def noticing(_: Any, start: Any) -> list[bytes]:
        body = b'{"object": "list", "data": [], "has_more": false, "url": "/v1/customers"}'
        start("200 OK", [("Stripe-Notice", "ada@example.com"), ("content-length", str(len(body)))])
        return [body]

    one = Stripe(noticing)
    with one.server:
        assert one.customers().list_by_email("a@b") == Done(())
    assert not recwarn.list


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]")])
@pytest.mark.parametrize("levels", [250, 2000, 20_000])
def test_an_answer_that_is_nested_deep(opening: str, closing: str, levels: int) -> None:
    """The SDK reads what lies less deep, as far as anything of Stripe's is read, and raises not."""
    deep = f"{opening * levels}1{closing * levels}"
    body = f'{{"object": "list", "data": [], "has_more": false, "a": {deep}}}'.encode()

    def nesting(_: Any, start: Any) -> list[bytes]:
        start("200 OK", [("content-length", str(len(body)))])
        return [body]

    one = Stripe(nesting)
    with one.server:
        assert one.customers().list_by_email("a@b") == Done(())


@dataclass
class Scripted:
    """Connections that give one answer, or fail; they note within how many seconds they may."""

    outcome: Answer | Exception
    seconds: list[tuple[float, float]] = field(default_factory=list)

    def request(self, *_: object, connect: float, total: float) -> Answer:
        """Note the times, and give the answer."""
        self.seconds.append((connect, total))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def asked(
    outcome: Answer | Exception, seconds: float = SIGN_UP_SECONDS
) -> tuple[Asked, Run, Times]:
    """Return what asks once, the run that it is asked in, and the times that it was given."""
    connections, run = Scripted(outcome), Run(FakeClock(), "owner", seconds)
    client = BudgetedHTTPClient(cast("Connections", connections), StripeKey("rk_test_0"), run)
    return lambda: client.request("get", "http://127.0.0.1:9/", None), run, connections.seconds


def test_answer() -> None:
    """Its status is noted, and a text for people is left out."""
    headers = {"request-id": "req_1", "stripe-notice": "ada@example.com"}
    ask, run, _ = asked(Answer(402, headers, b"{}"))

    assert ask() == ("{}", 402, {"request-id": "req_1"})
    assert run.trace.stripe_statuses == [402]


@pytest.mark.parametrize(
    ("left", "expected"), [(9.0, (CONNECT_SECONDS, TRY_SECONDS)), (0.5, (0.5, 0.5))]
)
def test_time(left: float, expected: tuple[float, float]) -> None:
    """A try has its own longest, and what is left of the budget without the ledger's share."""
    ask, _, seconds = asked(Answer(200, {}, b"{}"), LEDGER_RESERVE_SECONDS + left)
    ask()

    assert seconds == [pytest.approx(expected)]


def test_no_time_for_an_answer() -> None:
    """Nothing is sent."""
    ask, _, seconds = asked(Answer(200, {}, b"{}"), LEDGER_RESERVE_SECONDS + WORTHWHILE_SECONDS / 2)
    with pytest.raises(NotSentError):
        ask()

    assert seconds == []


@pytest.mark.parametrize(
    ("outcome", "has_left"),
    [
        (NotConnectedError("x"), False),
        (NoAnswerError("x"), True),
        (Answer(200, {}, b"\xff"), True),
    ],
)
def test_no_answer(outcome: Answer | Exception, *, has_left: bool) -> None:
    """Whether the request left is told apart: one that did may have been carried out."""
    ask, run, _ = asked(outcome)
    with pytest.raises(stripe.APIConnectionError) as raised:
        ask()

    assert isinstance(raised.value, NotSentError) is not has_left
    assert (raised.value.__cause__, run.trace.stripe_statuses) == (None, [])
