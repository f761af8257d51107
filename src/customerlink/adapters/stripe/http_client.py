"""How the SDK's requests travel: by kept connections, within the budget, to one host."""

from collections.abc import Mapping
from typing import Any

from customerlink.adapters.connections import Connections, NoAnswerError, NotConnectedError
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.documents import shallow
from customerlink.model.errors import ConfigurationError
from customerlink.model.keys import StripeKey, is_stripe
from customerlink.ports.run import Run

CONNECT_SECONDS = 1.0
"""TCP's and TLS's round trips; less than a try, so that another one may find another host."""

TRY_SECONDS = 2.5
"""The longest that one try waits, so that a lost answer leaves time to ask again."""

WORTHWHILE_SECONDS = 0.2
"""With less left, no answer can be expected."""


class NotSentError(stripe.APIConnectionError):
    """The request did not leave: there was no connection."""


class OutOfTimeError(NotSentError):
    """No time was left for an answer."""


class BudgetedHTTPClient(stripe.HTTPClient):
    """The SDK's HTTP client for one sign-up: its extension point, `stripe.HTTPClient`.

    The SDK's own clients have one time-out for their life; this one gives each request what is
    left of the budget. It follows no redirect, so a key goes to no second host.
    """

    name = "httptools"

    def __init__(self, connections: Connections, key: StripeKey, run: Run) -> None:
        """Share the warm function's connections."""
        super().__init__()
        self._connections = connections
        self._key = key
        self._run = run

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 (the SDK's signature)
        **_: object,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request; raise `stripe.APIConnectionError` when no answer came."""
        if self._key.live and not is_stripe(url):
            raise ConfigurationError("a live key goes to no host but Stripe's")
        seconds = min(self._run.deadline.remaining_for_stripe(), TRY_SECONDS)
        if seconds < WORTHWHILE_SECONDS:
            raise OutOfTimeError("no time left")  # type: ignore[no-untyped-call]
        try:
            answer = self._connections.request(
                method.upper(),
                url,
                headers or {},
                post_data,
                connect=min(CONNECT_SECONDS, seconds),
                total=seconds,
            )
            # The SDK reads each level within the other, and Python ends where it gets too deep.
            body = shallow(answer.body.decode())
        except NotConnectedError:
            raise NotSentError("no connection") from None  # type: ignore[no-untyped-call]
        except (NoAnswerError, UnicodeDecodeError):
            raise stripe.APIConnectionError("no answer") from None  # type: ignore[no-untyped-call]
        self._run.trace.stripe_statuses.append(answer.status)
        # The SDK prints the text of the header Stripe-Notice to standard error.
        told = {name: value for name, value in answer.headers.items() if name != "stripe-notice"}
        return body, answer.status, told
