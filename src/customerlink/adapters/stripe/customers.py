"""Stripe's customers API, each outcome of a call typed.

The SDK's errors and what they mean for the caller: https://docs.stripe.com/error-low-level.
"""

import itertools
import random
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from customerlink.adapters.connections import Connections
from customerlink.adapters.stripe.failures import how_it_failed
from customerlink.adapters.stripe.http_client import (
    WORTHWHILE_SECONDS,
    BudgetedHTTPClient,
    NotSentError,
    OutOfTimeError,
)
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.address import lowered
from customerlink.model.customer import FORMER, Customer, NewCustomer, named_by, naming, present
from customerlink.model.customer_fields import Params
from customerlink.model.failure import FailedAt, How
from customerlink.model.keys import StripeKey
from customerlink.model.secret import KeyRefresh
from customerlink.model.user import CustomerId, User, is_customer_id
from customerlink.ports.customers import (
    Done,
    Failure,
    KeyMismatch,
    KeySpent,
    NotSent,
    RateLimited,
    Refused,
    Spent,
    Unauthorised,
    Unknown,
)
from customerlink.ports.run import Run

PAGE = 100
"""Customers a page: the most that Stripe lists (https://docs.stripe.com/api/pagination)."""

_REPLAYED = "idempotent-replayed"
TRIES = 4
"""Of what may not pass by itself; a rate limit does, and is waited out while the budget lasts."""

_KEYS = 2
"""Of an update; a second one where Stripe saved an error with the first."""

_PAUSE_SECONDS = 0.15
"""Times the number of the try: many sign-ups that meet one limit must not come back at once."""

_REFRESH_SECONDS = 2.0
"""What the port may take to fetch a newer key."""

# Telemetry would write a file in the home directory; the SDK has only this switch for it.
stripe.enable_telemetry = False


class StripeCustomers:
    """The customers port over Stripe's API, for one invocation."""

    update_tries = TRIES
    """So often an update is sent whose answer was lost."""

    def __init__(
        self,
        connections: Connections,
        api_base: str,
        key: StripeKey,
        refresh: KeyRefresh,
        run: Run,
    ) -> None:
        """Take a key that was checked for `api_base`; `refresh` is asked when Stripe rejects it."""
        self._connections = connections
        self._api_base = api_base
        self._key = key
        self._refresh = refresh
        self._run = run
        self._client = self._client_with(key)
        self._how = ""
        """Of the call under way: how its last try failed."""

    def list_by_email(self, email: str) -> Done[tuple[Customer, ...]] | Failure:
        """List by `email`, a case-sensitive filter (https://docs.stripe.com/api/customers/list).

        An empty address would be no filter at all, so it is refused here.
        """
        if not email:
            return Refused("email")

        def pages() -> Done[tuple[Customer, ...]]:
            page = self._client.v1.customers.list({"email": email, "limit": PAGE})
            found = [*_read_page(page)]
            while page.has_more:
                page = page.next_page()
                found += _read_page(page)
            self._note(page)
            return Done(tuple(found))

        return without_key_spent(self._call("stripe_list", pages))

    def retrieve(self, customer_id: CustomerId) -> Done[Customer | None] | Failure:
        """Retrieve by id; a deleted customer is answered with `deleted: true`, not with 404."""
        # It becomes part of the path: with a slash it would ask something else.
        if not is_customer_id(customer_id):
            return Done(None)

        def read(found: "stripe.Customer") -> Customer | None:
            return None if is_gone(found) else read_customer(found)

        outcome = self._read("stripe_retrieve", customer_id, read)
        return Done(None) if self._is_unknown(outcome) else outcome

    def is_deleted(self, customer_id: CustomerId) -> Done[bool] | Failure:
        """Retrieve by id: 404 is no deletion, which is answered with `deleted: true`."""
        outcome = self._read("stripe_retrieve", customer_id, is_gone)
        return Done(result=False) if self._is_unknown(outcome) else outcome

    def adopt(self, customer_id: CustomerId, user: User) -> Done[Customer] | Failure:
        """Update the metadata keys of ours; others stay (docs.stripe.com/api/metadata).

        A customer that was superseded before is not any more: an empty value removes the key.
        """
        return self._updated(customer_id, {"metadata": {**naming(user), "superseded_by": ""}})

    def set_email(self, customer_id: CustomerId, email: str) -> Done[Customer] | Failure:
        """Update the address, in lower case as it is created."""
        return self._updated(customer_id, {"email": lowered(email)})

    def supersede(self, customer_id: CustomerId, by: CustomerId) -> Done[Customer] | Failure:
        """Set one more key beside those that name the user."""
        return self._updated(customer_id, {"metadata": {"superseded_by": by}})

    def create(self, new: NewCustomer, idempotency_key: str) -> Done[Customer] | Spent | Failure:
        """Create under a key of ours: the SDK's own one is random and repeats nothing."""

        def created() -> Done[Customer]:
            customer = self._client.v1.customers.create(
                new.params,  # type: ignore[arg-type]  # a TypedDict over there
                {"idempotency_key": idempotency_key},
            )
            self._note(expected(customer, "customer"))
            answer = customer.last_response
            replayed = answer is not None and answer.headers.get(_REPLAYED) == "true"
            return Done(read_customer(customer), replayed=replayed)

        return self._call("stripe_create", created)

    def _read[Result](
        self, step: str, customer_id: CustomerId, read: Callable[["stripe.Customer"], Result]
    ) -> Done[Result] | Failure:
        def retrieved() -> Done[Result]:
            found = self._client.v1.customers.retrieve(customer_id)
            self._note(expected(found, "customer", customer_id))
            return Done(read(found))

        return without_key_spent(self._call(step, retrieved))

    def _is_unknown(self, outcome: object) -> bool:
        """Return whether Stripe does not know a customer's id, which is noted: it may be the key.

        A deleted customer is known. Another account's key, or one of the other mode, knows none.
        """
        is_unknown = outcome == Refused("id")
        if is_unknown:
            self._run.trace.fail(FailedAt.STRIPE, How.CUSTOMER_UNKNOWN)
        return is_unknown

    def _updated(self, customer_id: CustomerId, changes: Params) -> Done[Customer] | Failure:
        """Update under one key for all tries: a lost one that lands late is no second update.

        What Stripe has saved as failed is over, and is tried once more under another key. No
        later call has the key: it would be told what an earlier one has done.
        """

        def updated(idempotency_key: str) -> Done[Customer]:
            customer = self._client.v1.customers.update(
                customer_id,
                changes,  # type: ignore[arg-type]  # a TypedDict over there
                {"idempotency_key": idempotency_key},
            )
            self._note(expected(customer, "customer", customer_id))
            return Done(read_customer(customer))

        for _ in range(_KEYS):
            request = partial(updated, f"customerlink-{token_hex(32)}")
            outcome = self._call("stripe_update", request, self.update_tries)
            if not isinstance(outcome, KeySpent):
                break
        return without_key_spent(outcome)

    def _client_with(self, key: StripeKey) -> stripe.StripeClient:
        return stripe.StripeClient(
            key.value,
            base_addresses={"api": self._api_base},
            http_client=BudgetedHTTPClient(self._connections, key, self._run),
            max_network_retries=0,  # the SDK's retries know no deadline: `_call` has its own
        )

    def _call[Result](
        self,
        step: str,
        request: Callable[[], Done[Result]],
        tries: int = TRIES,
    ) -> Done[Result] | Spent | Failure:
        """Make a call, again with jitter while it may help and the budget lasts.

        A repetition carries the same idempotency key, so it is safe after a lost answer too.
        """
        with self._run.trace.step(step):
            lost_one, self._how = False, ""
            for number in itertools.count(1):
                outcome = self._once(request)
                lost_one = lost_one or isinstance(outcome, Unknown)
                if isinstance(outcome, Unauthorised) and self._has_new_key():
                    continue
                pause = random.uniform(0.5, 1.5) * _PAUSE_SECONDS * min(number, TRIES)  # noqa: S311 (jitter)
                if not self._is_worth_another_try(outcome, number, tries, pause):
                    break
                self._run.trace.stripe_retries += 1
                self._run.clock.sleep(pause)
            # What was lost may have been carried out, whatever the last answer says of itself.
            if lost_one and isinstance(outcome, RateLimited | NotSent | Unauthorised | Refused):
                outcome = Unknown()
            self._run.trace.unknown_outcomes += isinstance(outcome, Unknown)
            self._note_failure(outcome)
            return outcome

    def _note_failure(self, outcome: object) -> None:
        """Note what none of the tries mended; what was refused is its asker's to judge."""
        if not isinstance(outcome, Unauthorised | RateLimited | NotSent | Unknown):
            return
        if self._how == How.OUT_OF_TIME:
            self._run.trace.run_out()
        else:
            self._run.trace.fail(FailedAt.STRIPE, self._how)

    def _is_worth_another_try(self, outcome: object, number: int, tries: int, pause: float) -> bool:
        """Rate limits pass by themselves; of other trouble the user need not wait for the end."""
        helps = isinstance(outcome, RateLimited) or (
            isinstance(outcome, NotSent | Unknown) and number < tries
        )
        return helps and self._run.deadline.remaining_for_stripe() > pause + WORTHWHILE_SECONDS

    def _once[Result](
        self,
        request: Callable[[], Done[Result]],
    ) -> Done[Result] | Spent | Failure:
        try:
            return request()
        except NotSentError as error:
            is_late = isinstance(error, OutOfTimeError)
            # After a try, it is that one which took the time.
            self._how = self._how or (How.OUT_OF_TIME if is_late else How.NO_CONNECTION)
            return NotSent()
        except stripe.StripeError as error:
            self._note_id(error.request_id)
            self._how = how_it_failed(error)
            return _outcome(error)
        except (AttributeError, LookupError, TypeError, ValueError):
            # An answer that is nothing of Stripe's: the SDK itself trips over it in many ways.
            self._how = How.ODD_ANSWER
            return Unknown()

    def _has_new_key(self) -> bool:
        # Once: a second rejection is of the key that was fetched just now.
        self._run.trace.key_rejections += 1
        if (
            self._run.trace.key_rejections > 1
            or self._run.deadline.remaining_for_stripe() < _REFRESH_SECONDS
        ):
            return False
        key = self._refresh(self._key)
        if key is None:
            return False
        self._key = key
        self._client = self._client_with(key)
        return True

    def _note(self, answer: stripe.StripeObject) -> None:
        self._note_id(answer.last_response.request_id if answer.last_response else None)

    def _note_id(self, request_id: str | None) -> None:
        if request_id:
            self._run.trace.stripe_request_ids.append(request_id)


def _outcome(error: stripe.StripeError) -> Spent | Failure:
    """Say what an error answer means; its message, which may quote an address, is left behind."""
    # An error that Stripe saved with the key comes again and again, and says nothing of now.
    replayed = (error.headers or {}).get(_REPLAYED) == "true"
    if replayed:
        return KeySpent()
    if isinstance(error, stripe.IdempotencyError):
        return KeyMismatch()
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Unauthorised()
    if isinstance(error, stripe.RateLimitError):
        return RateLimited()
    if isinstance(error, stripe.InvalidRequestError) and error.http_status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
    ):
        return Refused(error.param)
    return Unknown()


def without_key_spent[Result](
    outcome: Done[Result] | Spent | Failure,
) -> Done[Result] | Failure:
    """Narrow the outcomes: a read carries no idempotency key."""
    return Unknown() if isinstance(outcome, KeySpent | KeyMismatch) else outcome


def expected(answer: stripe.StripeObject, kind: str, customer_id: str | None = None) -> Any:  # noqa: ANN401 (of the SDK's)
    """Return an answer that says to be what was asked for; a 200 proves nothing by itself."""
    is_one = getattr(answer, "object", None) == kind
    if not is_one or (customer_id is not None and _id(answer) != customer_id):
        raise _OddAnswerError
    return answer


def _read_page(page: "stripe.ListObject[stripe.Customer]") -> list[Customer]:
    """Read a page of a list: without its customers it says nothing, not that there are none."""
    expected(page, "list")
    if not isinstance(getattr(page, "data", None), list):
        raise _OddAnswerError
    return [read_customer(each) for each in page.data]


def is_gone(found: "stripe.Customer") -> bool:
    """Return whether an answer is what is left of a customer that was deleted."""
    return getattr(found, "deleted", False) is True


def read_customer(customer: "stripe.Customer") -> Customer:
    """Read a customer; raise `_OddAnswerError` for what is none, or has values of other types."""
    expected(customer, "customer")
    metadata = customer.metadata.to_dict()  # type: ignore[union-attr]  # Stripe's are never null
    email, created = getattr(customer, "email", None), getattr(customer, "created", 0)
    has_types = isinstance(created, int) and isinstance(email, str | None)
    if not has_types or not all(isinstance(each, str) for each in metadata.values()):
        raise _OddAnswerError
    return Customer(
        id=CustomerId(_id(customer)),
        auth0_user_id=named_by(metadata),
        auth0_tenant=present(metadata, "auth0_tenant"),
        created=created,
        email=email,
        registration_id=present(metadata, "auth0_registration_id"),
        metadata_keys=frozenset(metadata),
        superseded_by=present(metadata, "superseded_by"),
        former_user_id=present(metadata, FORMER),
    )


def _id(answer: stripe.StripeObject) -> str:
    found = getattr(answer, "id", None)
    # Whether a link can be written with it is no question of whether Stripe has said it.
    if not isinstance(found, str) or not found:
        raise _OddAnswerError
    return found


class _OddAnswerError(ValueError):
    """An answer that cannot be Stripe's, or is no answer to the question."""
