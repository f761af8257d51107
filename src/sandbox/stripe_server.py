"""The Stripe stand-in over HTTP: customers and their uses, as the SDKs speak to it."""

import secrets
import socket
import time
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, jsonify, request

from sandbox.noting import DROPPED_HEADER
from sandbox.serving import refuse_what_is_odd
from sandbox.stripe_account import (
    Body,
    Fault,
    FaultKind,
    Permission,
    StripeAccount,
    StripeFailure,
    invalid,
)
from sandbox.stripe_checkout import Checkout, add_checkout
from sandbox.stripe_forms import nested

_IS_READ = {"GET": Permission.READ, "POST": Permission.WRITE, "DELETE": Permission.WRITE}


class _DroppedError(Exception):
    """The connection ends without an answer."""


def stripe_app(account: StripeAccount) -> Flask:  # noqa: C901 (a function for each route)
    """Return the WSGI application over an account."""
    app = Flask("stripe")

    def serve(carry_out: Callable[[], Body], resource: str = "customer") -> Response:
        request_id = f"req_{secrets.token_hex(7)}"
        try:
            _check_form()
            status, body, headers = _answer(account, carry_out, resource)
        except StripeFailure as failure:
            status, body, headers = failure.status, failure.body(), dict(failure.headers)
        account.requests.append(f"{request.method} {request.path} {status}")
        response = jsonify(body)
        response.status_code = status
        response.headers.update({"Request-Id": request_id, **headers})
        return response

    @app.get("/v1/customers")
    def list_customers() -> Response:
        return serve(lambda: account.list_page(nested(request.args.to_dict())))

    @app.post("/v1/customers")
    def create_customer() -> Response:
        return serve(lambda: account.create(nested(request.form.to_dict())))

    @app.get("/v1/customers/<customer_id>")
    def retrieve_customer(customer_id: str) -> Response:
        return serve(lambda: account.retrieve(customer_id))

    @app.post("/v1/customers/<customer_id>")
    def update_customer(customer_id: str) -> Response:
        return serve(lambda: account.update(customer_id, nested(request.form.to_dict())))

    @app.delete("/v1/customers/<customer_id>")
    def delete_customer(customer_id: str) -> Response:
        return serve(lambda: account.delete(customer_id))

    @app.get("/v1/<any(subscriptions, invoices):kind>")
    def list_uses(kind: str) -> Response:
        resource = kind.removesuffix("s")
        return serve(lambda: account.uses_page(resource, request.args.to_dict()), resource)

    @app.get("/v1/customers/<customer_id>/payment_methods")
    def list_payment_methods(customer_id: str) -> Response:
        asked = {**request.args.to_dict(), "customer": customer_id}
        return serve(lambda: account.uses_page("payment_method", asked), "payment_method")

    add_checkout(app, Checkout(account), serve)

    @app.get("/v1/charges")
    def list_charges() -> Response:
        empty = {"object": "list", "data": [], "has_more": False, "url": "/v1/charges"}
        return serve(lambda: empty, "charge")

    @app.errorhandler(_DroppedError)
    def drop(_: _DroppedError) -> Response:
        account.requests.append(f"{request.method} {request.path} dropped")
        connection = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        return Response(status=500, headers={DROPPED_HEADER: "true"})

    def said(status: int, text: str) -> Body:
        unknown = f"Unrecognized request URL ({request.method}: {request.path})."
        message = unknown if status == HTTPStatus.NOT_FOUND else text
        return StripeFailure(status, "invalid_request_error", message).body()

    refuse_what_is_odd(app, said)
    return app


def _check_form() -> None:
    is_form = request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data")
    if request.method == "POST" and request.content_length and not is_form:
        raise invalid(
            "Invalid request (check that your POST content type is "
            "application/x-www-form-urlencoded)."
        )


def _answer(
    account: StripeAccount,
    carry_out: Callable[[], Body],
    resource: str,
) -> tuple[int, Body, dict[str, str]]:
    """Serve one request in the order of Stripe's layers: key, rate, idempotency, the call."""
    time.sleep(account.latency)
    fault = account.next_fault(request.method)
    _fail_before(fault)
    key = request.authorization.token if request.authorization else None
    account.authorise(key or _basic_user(), _IS_READ[request.method], resource)
    endpoint = f"{request.method} {request.url_rule}"
    refusal = account.limits.refusal(endpoint) if account.limits else None
    if refusal:
        raise _rate_limited(refusal)
    idempotency_key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or not idempotency_key:
        return 200, _with_fault(fault, carry_out), {}
    echo = {"Idempotency-Key": idempotency_key}
    fingerprint = request.get_data(as_text=True) or repr(sorted(request.form.items()))
    saved = account.begin(idempotency_key, request.path, fingerprint)
    if saved is not None:
        return *saved, {**echo, "Idempotent-Replayed": "true"}
    try:
        status, body = 200, _with_fault(fault, carry_out)
    except StripeFailure as failure:
        if failure.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            account.abandon(idempotency_key)
            raise
        status, body = failure.status, failure.body()
    except _DroppedError as dropped:
        account.finish(idempotency_key, 200, dropped.args[0])
        raise
    account.finish(idempotency_key, status, body)
    return status, body, echo


def _basic_user() -> str:
    return (request.authorization.username if request.authorization else None) or ""


def _fail_before(fault: Fault | None) -> None:
    """Fail ahead of the idempotency layer, or be slow."""
    match fault:
        case Fault(kind=FaultKind.DOWN):
            raise StripeFailure(503, "api_error", "Stripe is down.")
        case Fault(kind=FaultKind.RATE_LIMIT):
            raise _rate_limited("global-rate")
        case Fault(kind=FaultKind.DROP_BEFORE):
            raise _DroppedError
        case Fault(kind=FaultKind.SLOW):
            time.sleep(fault.seconds)


def _rate_limited(reason: str) -> StripeFailure:
    message = "Request rate limit exceeded."
    headers = {"Stripe-Rate-Limited-Reason": reason}
    return StripeFailure(429, "invalid_request_error", message, "rate_limit", None, headers)


def _with_fault(fault: Fault | None, carry_out: Callable[[], Body]) -> Body:
    error = StripeFailure(500, "api_error", "An unknown error occurred")
    if fault and fault.kind is FaultKind.ERROR_BEFORE:
        raise error
    body = carry_out()
    if fault and fault.kind is FaultKind.ERROR_AFTER:
        raise error
    if fault and fault.kind is FaultKind.DROP_AFTER:
        raise _DroppedError(body)
    return body
