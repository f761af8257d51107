"""All of Stripe's customers, as files: segments of `created`, read side by side within a rate."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from customerlink.adapters.stripe.rate_limits import PAUSE_SECONDS, at_its_turn
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.customer import without_blanks
from customerlink.model.errors import NoTurnError
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.rates import Endpoint
from customerlink.model.user import CustomerId
from customerlink.model.values import Reader, id_in, text
from customerlink.ports.rate import Rates

if TYPE_CHECKING:
    from stripe.params import CustomerListParams

SEGMENTS, WORKERS = 64, 8
PAGE = 100
STRIPES_FIRST_DAY = 1_293_840_000
"""2011-01-01: nobody has an older customer."""

_TRIES = 6
"""Nobody waits for a listing, and one page that fails ends all of it."""


@dataclass
class Listing:
    """Reads customers by an SDK client that does not retry by itself."""

    customers: stripe.CustomerService
    rates: Rates
    on_page: Callable[[int], None] = lambda _: None
    """Told the number of customers of each page."""

    def write(self, folder: Path, now: float | None = None) -> list[Path]:
        """Write one file of JSON lines for each segment; return the files."""
        edges = self.edges(time.time() if now is None else now)
        files = [folder / f"customers-{number:03d}.json" for number in range(len(edges) - 1)]
        segments, stop = zip(files, edges, edges[1:], strict=False), Event()
        with ThreadPoolExecutor(WORKERS) as workers:
            try:
                # What a worker raised is raised only where its result is asked for.
                for _ in workers.map(lambda each: self._write(stop, *each), segments):
                    pass
            finally:
                # Nobody waits for the others after one has failed, or somebody pressed Ctrl-C.
                stop.set()
        return files

    def edges(self, now: float) -> list[int]:
        """Cut the time in which customers can have been made into equal segments.

        The newest segment has no end, so that a clock which is behind loses nobody.
        """
        end = int(now) + 1
        newest = self._page({})
        if not newest.data:
            return [STRIPES_FIRST_DAY, 2 * end]
        span = max(1, end - STRIPES_FIRST_DAY)
        edges = [STRIPES_FIRST_DAY + span * number // SEGMENTS for number in range(SEGMENTS)]
        return [*edges, 2 * end]

    def pages(
        self, start: int, end: int, after: str | None = None
    ) -> Iterator[list[ListedCustomer]]:
        """Return the customers created in a segment, from behind one of them on, page by page."""
        while True:
            asked: CustomerListParams = {"created": {"gte": start, "lt": end}}
            # Not by the SDK's paging: each page waits for its turn, and is tried again by itself.
            page = self._page({**asked, "starting_after": after} if after else asked)
            self.on_page(len(page.data))
            yield [listed(each) for each in page.data]
            if not page.has_more:
                return
            after = page.data[-1].id

    def _write(self, stop: Event, file: Path, start: int, end: int) -> None:
        with file.open("w", encoding="utf-8") as lines:
            for page in takewhile(lambda _: not stop.is_set(), self.pages(start, end)):
                lines.writelines(map(line, page))

    def _page(self, params: "CustomerListParams") -> "stripe.ListObject[stripe.Customer]":
        asked: CustomerListParams = {**params, "limit": PAGE}
        return patiently(self.rates, Endpoint.LIST, lambda: self.customers.list(asked))


def patiently[Result](rates: Rates, endpoint: Endpoint, request: Callable[[], Result]) -> Result:
    """Make a request that changes nothing, again on 429, 5xx and lost answers.

    Raise `NoTurnError` on 429 where nobody may wait.
    """
    paced = at_its_turn(rates, endpoint, request)
    for tries_left in reversed(range(_TRIES)):
        try:
            return paced()
        except stripe.RateLimitError:
            if rates.is_ahead:
                # A log-in may wait for what is leased meanwhile.
                raise NoTurnError(endpoint) from None
            if not tries_left:
                raise
        except (stripe.APIConnectionError, stripe.APIError):
            if not tries_left:
                raise
            rates.of(endpoint).pause(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def listed(customer: "stripe.Customer") -> ListedCustomer:
    """Return what is needed of a customer of the SDK's."""
    read = Reader({name: getattr(customer, name, None) for name in ("email", "description")})
    metadata = Reader(without_blanks(_metadata(customer)))
    return ListedCustomer(
        id=CustomerId(customer.id),
        email=read("email", text),
        auth0_user_id=id_in(metadata, "auth0_user_id"),
        auth0_tenant=id_in(metadata, "auth0_tenant"),
        registration_id=id_in(metadata, "auth0_registration_id"),
        superseded_by=id_in(metadata, "superseded_by"),
        description=read("description", text),
        created=customer.created,
        is_used=_is_used(customer),
    )


def _metadata(customer: "stripe.Customer") -> dict[str, str]:
    found = getattr(customer, "metadata", None)
    return found.to_dict() if isinstance(found, stripe.StripeObject) else {}


def line(customer: ListedCustomer) -> str:
    """Return what the comparison needs of a customer, as a line of JSON."""
    row = {
        "id": customer.id,
        "email": customer.email,
        "auth0_user_id": customer.auth0_user_id,
        "auth0_tenant": customer.auth0_tenant,
        "registration_id": customer.registration_id,
        "superseded_by": customer.superseded_by,
    }
    return json.dumps(row) + "\n"


def _is_used(customer: "stripe.Customer") -> bool:
    """Return whether money was, or is to be, involved.

    One that never had an invoice has the first number still to give
    (https://docs.stripe.com/api/customers/object).
    """
    settings = getattr(customer, "invoice_settings", None)
    is_paying = getattr(settings, "default_payment_method", None) or getattr(
        customer, "default_source", None
    )
    has_invoice = getattr(customer, "next_invoice_sequence", None) != 1
    return bool(getattr(customer, "balance", None) or is_paying or has_invoice)
