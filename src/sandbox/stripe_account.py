"""A Stripe account: customers, keys, idempotency, and the faults that one wants to see."""

import itertools
import operator
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from sandbox.rate_limits import StripeLimits
from sandbox.shapes import whole

KEY_LIFETIME_SECONDS = 24 * 3600
MAX_KEY = 255
MAX_PAGE = 100

_LIMITS = {"email": 512, "name": 256, "description": 5000, "phone": 20}
_MAX_METADATA, _MAX_METADATA_KEY, _MAX_METADATA_VALUE = 50, 40, 500
# No dot in the domain, a port, a URL: Stripe refuses `otameshi@com`, `temp@http://localhost:3000`.
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f.:/]+(\.[^@\s\x00-\x1f.:/]+)+")
_LIST_PARAMS = {
    *("email", "limit", "starting_after", "ending_before", "created", "expand", "test_clock")
}
_LIST_TEXTS = {"email", "starting_after", "ending_before", "test_clock"}
_TEXTS = {*_LIMITS, "test_clock"}
_WHOLE = re.compile("-?[0-9]{1,12}")
_NOT_LIMITED = {"balance", "metadata", "expand", "preferred_locales", "test_clock"}

type Params = Mapping[str, Any]
type Body = dict[str, Any]
type Tell = Callable[[Body | None, Body | None], None]
"""Called with a customer as it was and as it is: None where there is none."""


class Permission(StrEnum):
    """What a restricted key may do with customers; writing includes reading."""

    NONE = "none"
    READ = "read"
    WRITE = "write"


@dataclass
class StripeFailure(Exception):  # noqa: N818 (Stripe's own word is "error", and it is an answer)
    """An error answer, in Stripe's form (https://docs.stripe.com/api/errors)."""

    status: int
    type: str
    message: str
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> Body:
        """Return the JSON document."""
        error = {"type": self.type, "message": self.message}
        optional = {"code": self.code, "param": self.param}
        return {"error": error | {k: v for k, v in optional.items() if v is not None}}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> StripeFailure:
    """Return the answer to a bad parameter."""
    return StripeFailure(400, "invalid_request_error", message, code, param)


class FaultKind(StrEnum):
    """What goes wrong with a request."""

    DOWN = "down"
    """503 before anything was done; not saved under the idempotency key."""
    ERROR_BEFORE = "error_before"
    """500 without the effect; saved under the idempotency key."""
    ERROR_AFTER = "error_after"
    """500 although the effect is there; saved."""
    RATE_LIMIT = "rate_limit"
    DROP_BEFORE = "drop_before"
    """The connection drops and nothing was done."""
    DROP_AFTER = "drop_after"
    """The effect is there, the answer is lost."""
    SLOW = "slow"
    """`seconds` pass before anything is done."""


@dataclass
class Fault:
    """A fault for the next `times` requests of a method."""

    kind: FaultKind
    method: str = "POST"
    times: int = 1
    seconds: float = 0.0


@dataclass
class _Saved:
    fingerprint: tuple[str, str]
    since: float
    status: int | None = None
    body: Body | None = None


class StripeAccount:
    """The state behind the stand-in; every method is safe to call from several threads."""

    def __init__(self, *, livemode: bool = False, clock: Callable[[], float] = time.time) -> None:
        """Start with no customers, no keys and no faults."""
        self.livemode = livemode
        self.latency = 0.0
        self.faults: list[Fault] = []
        self.fault_rate = 0.0
        """The share of requests that meet a fault of a random kind."""
        self.limits: StripeLimits | None = None
        """Without them nobody is refused."""
        self.requests: list[str] = []
        self._clock = clock
        self._lock = threading.RLock()
        self._customers: dict[str, Body] = {}
        self._deleted: set[str] = set()
        self.other_mode: set[str] = set()
        """Ids of customers that Stripe's other mode has."""
        self.tell: Tell = lambda *_: None
        """Who hears of every change of a customer."""
        self._keys: dict[str, Permission] = {}
        self._reads: dict[str, frozenset[str]] = {}
        """Which resources a key may read beside customers."""
        self._used: dict[tuple[str, str], list[Body]] = {}
        """What a customer has of a resource, by both of their names."""
        self._revoked: set[str] = set()
        self._expired: set[str] = set()
        self._saved: dict[str, _Saved] = {}
        self._numbers = itertools.count(1)

    # Keys

    def add_key(
        self,
        permission: Permission = Permission.WRITE,
        *,
        prefix: str = "rk_test_",
        reads: Collection[str] = (),
    ) -> str:
        """Make a restricted test key; `reads` are resources that it may read as well."""
        key = f"{prefix}{secrets.token_hex(16)}"
        self._keys[key] = permission
        self._reads[key] = frozenset(reads)
        return key

    def list_keys(self) -> dict[str, str]:
        """Return what each key may do with customers, or that it is revoked."""
        may = {key: str(permission) for key, permission in self._keys.items()}
        return may | dict.fromkeys(self._revoked, "revoked")

    def revoke_key(self, key: str) -> None:
        """Make a key answer 401 from now on."""
        self._revoked.add(key)

    def expire_key(self, key: str) -> None:
        """Make a key answer 401 with `api_key_expired`, as after a roll with a set end."""
        self._expired.add(key)

    def authorise(self, key: str, needed: Permission, resource: str = "customer") -> None:
        """Raise the 401 or 403 that Stripe answers; a resource is named as its permission is."""
        shown = f"{key[:8]}{'*' * 8}{key[-4:]}"
        if key in self._expired:
            message = f"Expired API Key provided: {shown}"
            raise StripeFailure(401, "invalid_request_error", message, "api_key_expired")
        if key not in self._keys or key in self._revoked:
            kind, message = "invalid_request_error", f"Invalid API Key provided: {shown}"
            raise StripeFailure(401, kind, message)
        if resource == "customer":
            is_allowed = self._keys[key] in (Permission.WRITE, needed)
        else:
            is_allowed = resource in self._reads[key]
        if is_allowed:
            return
        message = (
            f"The provided key '{shown}' does not have the required permissions for this endpoint. "
            f"Having the 'rak_{resource}_{needed}' permission would allow this request to continue."
        )
        raise StripeFailure(403, "invalid_request_error", message, "more_permissions_required")

    # Faults

    def next_fault(self, method: str) -> Fault | None:
        """Take the fault that is due for a request, if any."""
        with self._lock:
            for fault in self.faults:
                if fault.method == method and fault.times > 0:
                    fault.times -= 1
                    return fault
        if random.random() < self.fault_rate:  # noqa: S311 (trouble, not cryptography)
            return Fault(random.choice([*FaultKind]), method, seconds=1.0)  # noqa: S311
        return None

    def enforce_limits(self) -> StripeLimits:
        """Refuse from now on what Stripe would; return what counts it."""
        self.limits = StripeLimits(self._clock, livemode=self.livemode)
        return self.limits

    # Idempotency (https://docs.stripe.com/api/idempotent_requests)

    def begin(self, key: str, path: str, fingerprint: str) -> tuple[int, Body] | None:
        """Claim a key, or give the answer that is saved under it."""
        if len(key) > MAX_KEY:
            raise invalid(f"Idempotency keys may be at most {MAX_KEY} characters.")
        with self._lock:
            saved = self._saved.get(key)
            if saved is None or self._clock() - saved.since > KEY_LIFETIME_SECONDS:
                self._saved[key] = _Saved((path, fingerprint), self._clock())
                return None
            if saved.fingerprint != (path, fingerprint):
                raise StripeFailure(
                    400,
                    "idempotency_error",
                    "Keys for idempotent requests can only be used with the same parameters they "
                    "were first used with.",
                )
            if saved.status is None or saved.body is None:
                raise StripeFailure(
                    409,
                    "idempotency_error",
                    "There is currently another in-progress request using this Idempotent Key.",
                    "idempotency_key_in_use",
                )
            return saved.status, saved.body

    def finish(self, key: str, status: int, body: Body) -> None:
        """Save the answer of a request that was carried out."""
        with self._lock:
            self._saved[key].status = status
            self._saved[key].body = body

    def abandon(self, key: str) -> None:
        """Forget a key whose request was refused before it was carried out."""
        with self._lock:
            self._saved.pop(key, None)

    # Customers (https://docs.stripe.com/api/customers)

    def create(self, params: Params, customer_id: str | None = None) -> Body:
        """Create a customer; two may have the same address. Only the sandbox chooses the id."""
        _validate(params)
        with self._lock:
            number = next(self._numbers)
            customer: Body = {
                "id": customer_id or f"cus_{secrets.token_hex(7)}",
                "object": "customer",
                "address": None,
                "balance": int(params.get("balance", 0)),
                "created": int(self._clock()),
                "currency": None,
                "default_source": None,
                "delinquent": False,
                "description": params.get("description") or None,
                "discount": None,
                "email": params.get("email") or None,
                "invoice_prefix": f"{number:08X}",
                "invoice_settings": {
                    "custom_fields": None,
                    "default_payment_method": None,
                    "footer": None,
                    "rendering_options": None,
                },
                "livemode": self.livemode,
                "metadata": _set_metadata({}, params.get("metadata")),
                "name": params.get("name") or None,
                "next_invoice_sequence": 1,
                "phone": params.get("phone") or None,
                "preferred_locales": _items(params.get("preferred_locales")),
                "shipping": None,
                "tax_exempt": "none",
                "test_clock": params.get("test_clock") or None,
            }
            self._customers[customer["id"]] = customer
            self.tell(None, customer)
            return dict(customer)

    def retrieve(self, customer_id: str) -> Body:
        """Return a customer; of a deleted one only that it was."""
        with self._lock:
            if customer_id in self._deleted:
                return {"id": customer_id, "object": "customer", "deleted": True}
            return dict(self._existing(customer_id))

    def update(self, customer_id: str, params: Params) -> Body:
        """Change a customer; an empty string unsets a field or a metadata key."""
        _validate(params)
        with self._lock:
            customer = self._existing(customer_id)
            before = dict(customer)
            for name in _LIMITS.keys() & params.keys():
                customer[name] = params[name] or None
            if "balance" in params:
                customer["balance"] = int(params["balance"])
            if "preferred_locales" in params:
                customer["preferred_locales"] = _items(params["preferred_locales"])
            customer["metadata"] = _set_metadata(customer["metadata"], params.get("metadata"))
            if customer != before:
                self.tell(before, customer)
            return dict(customer)

    def delete(self, customer_id: str) -> Body:
        """Delete a customer for good."""
        with self._lock:
            self.tell(self._existing(customer_id), None)
            del self._customers[customer_id]
            self._deleted.add(customer_id)
            return {"id": customer_id, "object": "customer", "deleted": True}

    def list_page(self, params: Params) -> Body:
        """List a page, newest first; `email` is matched with its letter case, "" is no filter.

        Customers on a test clock are listed for that clock alone.
        """
        unknown = sorted(params.keys() - _LIST_PARAMS)
        if unknown:
            raise _unknown_parameter(unknown[0])
        for name in _LIST_TEXTS & params.keys():
            if not isinstance(params[name], str):
                raise invalid("Invalid string", param=name)
        limit = _limit(params.get("limit", "10"))
        created = _created(params.get("created"))
        with self._lock:
            found = [
                customer
                for customer in reversed(self._customers.values())
                if (not params.get("email") or customer["email"] == params["email"])
                and customer["test_clock"] == (params.get("test_clock") or None)
                and all(holds(customer["created"]) for holds in created)
            ]
            found = self._page_from(found, params)
            return {
                "object": "list",
                "data": [dict(each) for each in found[:limit]],
                "has_more": len(found) > limit,
                "url": "/v1/customers",
            }

    # What a customer was used for (https://docs.stripe.com/api/subscriptions/list, and others)

    def use(self, customer_id: str, resource: str, status: str = "active") -> None:
        """Let a customer have a subscription, an invoice or a payment method."""
        with self._lock:
            of_it = self._used.setdefault((customer_id, resource), [])
            number = len(of_it)
            of_it.append({"id": f"{resource}_{number}", "object": resource, "status": status})

    def uses_page(self, resource: str, params: Params) -> Body:
        """List what a customer has of a resource; of a customer that is not there, an error.

        A canceled subscription is listed with `status=all` only.
        """
        customer_id = str(params.get("customer", ""))
        with self._lock:
            self.need(customer_id)
            limit, every = _limit(params.get("limit", "10")), params.get("status") == "all"
            uses = self._used.get((customer_id, resource), [])
            found = [each for each in uses if every or each["status"] != "canceled"]
            return {
                "object": "list",
                "data": [dict(each) for each in found[:limit]],
                "has_more": len(found) > limit,
                "url": f"/v1/{resource}s",
            }

    def need(self, customer_id: str) -> None:
        """Raise the error of a parameter that names no live customer."""
        with self._lock:
            if customer_id not in self._customers:
                raise _no_such_customer(customer_id, "customer")

    def live_customers(self) -> list[Body]:
        """Return every live customer, oldest first: what the dashboard would show."""
        with self._lock:
            return [dict(each) for each in self._customers.values()]

    def _page_from(self, found: list[Body], params: Params) -> list[Body]:
        after = params.get("starting_after")
        if not after:
            return found
        ids = [each["id"] for each in found]
        if after not in ids:
            raise _no_such_customer(after, "starting_after")
        return found[ids.index(after) + 1 :]

    def _existing(self, customer_id: str) -> Body:
        if customer_id not in self._customers:
            other = ("test" if self.livemode else "live") if customer_id in self.other_mode else ""
            raise _no_such_customer(customer_id, "id", other)
        return self._customers[customer_id]


def _created(given: object) -> list[Callable[[int], bool]]:
    """Read `created`, a moment or bounds in unix seconds."""
    one = {"eq": given} if given else {}
    bounds: Mapping[str, Any] = given if isinstance(given, Mapping) else one
    holds = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
    holds["eq"] = operator.eq
    for name, bound in bounds.items():
        if name not in holds or whole(str(bound)) is None:
            raise invalid("Invalid created", param=f"created[{name}]")
    return [partial(_compared, holds[name], int(bound)) for name, bound in bounds.items()]


def _compared(compare: Callable[[int, int], bool], bound: int, value: int) -> bool:
    return compare(value, bound)


def _no_such_customer(customer_id: str, param: str, other_mode: str = "") -> StripeFailure:
    message = f"No such customer: '{customer_id}'"
    if other_mode:
        message += f"; a similar object exists in {other_mode} mode, but another key was used."
    status = 404 if param == "id" else 400
    return StripeFailure(status, "invalid_request_error", message, "resource_missing", param)


def _items(given: object) -> list[str]:
    """Read a list, which form encoding gives item by item, as `name[0]` and `name[1]`."""
    return [str(each) for each in given.values()] if isinstance(given, dict) else []


def _unknown_parameter(name: str) -> StripeFailure:
    return invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")


def _limit(value: object) -> int:
    limit = whole(value)
    if limit is None:
        raise invalid("Invalid integer", param="limit", code="parameter_invalid_integer")
    if not 1 <= limit <= MAX_PAGE:
        raise invalid("This value must be between 1 and 100.", param="limit")
    return limit


def _validate(params: Params) -> None:
    for name in params.keys() - _LIMITS.keys() - _NOT_LIMITED:
        raise _unknown_parameter(name)
    for name in _TEXTS & params.keys():
        if not isinstance(params[name], str):
            raise invalid("Invalid string", param=name)
    if not _WHOLE.fullmatch(str(params.get("balance", 0))):
        raise invalid("Invalid integer", param="balance", code="parameter_invalid_integer")
    for name, limit in _LIMITS.items():
        value = params.get(name, "")
        if len(value) > limit:
            message = f"Invalid string: {value[:10]}…; must be at most {limit} characters"
            raise invalid(message, param=name, code="string_too_long")
    email = params.get("email")
    if email and not _EMAIL.fullmatch(email):
        raise invalid(f"Invalid email address: {email}", param="email", code="email_invalid")


def _set_metadata(
    old: Mapping[str, str], changes: Mapping[str, str] | str | None
) -> dict[str, str]:
    if changes == "":
        return {}
    if not isinstance(changes, Mapping | None):
        raise invalid("Invalid object", param="metadata")
    given = changes or {}
    for key, value in given.items():
        if len(key) > _MAX_METADATA_KEY:
            raise invalid("Metadata keys can be at most 40 characters.", param="metadata")
        if len(value) > _MAX_METADATA_VALUE:
            message = "Metadata values can be at most 500 characters."
            raise invalid(message, param=f"metadata[{key}]")
    merged = {key: value for key, value in {**old, **given}.items() if value != ""}
    if len(merged) > _MAX_METADATA:
        raise invalid("Metadata can have at most 50 keys.", param="metadata")
    return merged
