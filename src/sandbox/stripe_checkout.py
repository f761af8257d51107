"""Stripe's Checkout: a session for a customer, and the page on which it is paid.

https://docs.stripe.com/api/checkout/sessions
"""

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, abort, request
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from sandbox.pages import page
from sandbox.shapes import whole
from sandbox.stripe_account import Body, Params, StripeAccount, StripeFailure, invalid
from sandbox.stripe_forms import nested

RESOURCE = "checkout_session"
"""What a key has to be let at (`StripeAccount.add_key`)."""

PAYMENTS = "/c/pay/"
"""Where Stripe has those pages, on another host."""

_LIFETIME_SECONDS = 24 * 3600
_TEXTS = {
    *("customer", "customer_email", "mode", "success_url", "cancel_url", "client_reference_id"),
}
_COUNTS: tuple[tuple[str, ...], ...] = (("quantity",), ("price_data", "unit_amount"))
_NAMES: tuple[tuple[str, ...], ...] = (
    ("price_data", "currency"),
    ("price_data", "product_data", "name"),
)
_LEVELS = 4
"""Of `line_items[0][price_data][product_data][name]`."""

_URL = re.compile(r"https?://[\x21-\x7e]+")

type Serve = Callable[[Callable[[], Body], str], Any]


class Checkout:
    """An account's sessions, all for one payment of prices that the request gives."""

    def __init__(self, account: StripeAccount) -> None:
        """Start with none."""
        self._account = account
        self._lock = threading.Lock()
        self._sessions: dict[str, Body] = {}
        self._lines: dict[str, list[Mapping[str, Any]]] = {}

    def create(self, params: Params, host: str) -> Body:
        """`POST /v1/checkout/sessions`; the page is served by a host."""
        _validate(params)
        customer = params.get("customer")
        if customer:
            self._account.need(customer)
        lines = _lines_of(params["line_items"])
        total, now = sum(map(_amount, lines)), int(time.time())
        made = f"cs_{'live' if self._account.livemode else 'test'}_{secrets.token_hex(29)}"
        session: Body = {
            "id": made,
            "object": "checkout.session",
            "amount_subtotal": total,
            "amount_total": total,
            "cancel_url": params.get("cancel_url"),
            "client_reference_id": params.get("client_reference_id"),
            "created": now,
            "currency": lines[0]["price_data"]["currency"],
            "customer": customer,
            "customer_email": params.get("customer_email"),
            "expires_at": now + _LIFETIME_SECONDS,
            "livemode": self._account.livemode,
            "metadata": {},
            "mode": "payment",
            "payment_status": "unpaid",
            "status": "open",
            "success_url": params["success_url"],
            "url": f"{host}{PAYMENTS}{made}",
        }
        with self._lock:
            self._sessions[made], self._lines[made] = session, lines
        return dict(session)

    def retrieve(self, session_id: str) -> Body:
        """`GET /v1/checkout/sessions/{id}`."""
        with self._lock:
            return dict(self._existing(session_id))

    def lines(self, session_id: str) -> list[Mapping[str, Any]]:
        """Return what is paid for."""
        return self._lines[session_id]

    def pay(self, session_id: str) -> Body:
        """Let somebody pay: the page is gone then."""
        with self._lock:
            session = self._existing(session_id)
            session |= {"status": "complete", "payment_status": "paid", "url": None}
            return dict(session)

    def _existing(self, session_id: str) -> Body:
        if session_id not in self._sessions:
            text = f"No such checkout.session: '{session_id}'"
            raise StripeFailure(404, "invalid_request_error", text, "resource_missing", "session")
        return self._sessions[session_id]


def add_checkout(app: Flask, checkout: Checkout, serve: Serve) -> None:
    """Serve the sessions, and the page for each, beside the rest of an account."""
    base = "/v1/checkout/sessions"

    def create() -> Response:
        params, host = request.form.to_dict(), request.host_url.rstrip("/")
        made: Response = serve(lambda: checkout.create(nested(params, _LEVELS), host), RESOURCE)
        return made

    def retrieve(session_id: str) -> Response:
        found: Response = serve(lambda: checkout.retrieve(session_id), RESOURCE)
        return found

    def pay(session_id: str) -> Response:
        try:
            session = checkout.retrieve(session_id)
        except StripeFailure:
            session = {"url": None}
        if not session["url"]:
            abort(HTTPStatus.NOT_FOUND)
        if request.method == "POST":
            paid = checkout.pay(session_id)
            return redirect(paid["success_url"], HTTPStatus.SEE_OTHER)
        return _payment(session, checkout.lines(session_id))

    app.add_url_rule(base, "create_session", create, methods=["POST"])
    app.add_url_rule(f"{base}/<session_id>", "retrieve_session", retrieve)
    app.add_url_rule(f"{PAYMENTS}<session_id>", "pay", pay, methods=["GET", "POST"])


def _payment(session: Body, lines: list[Mapping[str, Any]]) -> Response:
    return page("pay", title="Your payment", tenant="Stripe", lines=lines, session=session)


def _validate(params: Params) -> None:
    for name in params.keys() - _TEXTS - {"line_items"}:
        raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    for name in ("mode", "line_items", "success_url"):
        if not params.get(name):
            raise _missing(name)
    for name in _TEXTS & params.keys():
        if not isinstance(params[name], str):
            raise invalid("Invalid string", param=name)
    for name in {"success_url", "cancel_url"} & params.keys():
        if not _URL.fullmatch(params[name]):
            raise invalid("Not a valid URL", param=name, code="url_invalid")
    if params["mode"] != "payment":
        raise invalid("Invalid mode: this stand-in takes payments alone", param="mode")
    if params.get("customer") and params.get("customer_email"):
        names = "customer, customer_email"
        raise invalid(f"You may only specify one of these parameters: {names}.", param="customer")


def _lines_of(given: object) -> list[Mapping[str, Any]]:
    lines = [*given.values()] if isinstance(given, dict) else []
    if not lines:
        raise invalid("Invalid array", param="line_items")
    for number, line in enumerate(lines):
        _check_line(f"line_items[{number}]", line)
    return lines


def _check_line(where: str, line: object) -> None:
    for names in _COUNTS:
        if whole(_at(line, names)) is None:
            param = _named(where, names)
            raise invalid("Invalid integer", param=param, code="parameter_invalid_integer")
    for names in _NAMES:
        value = _at(line, names)
        if not isinstance(value, str) or not value:
            raise _missing(_named(where, names))


def _at(document: object, names: tuple[str, ...]) -> object:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _named(where: str, names: tuple[str, ...]) -> str:
    return "".join([where, *(f"[{each}]" for each in names)])


def _amount(line: Mapping[str, Any]) -> int:
    return int(line["price_data"]["unit_amount"]) * int(line["quantity"])


def _missing(name: str) -> StripeFailure:
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
