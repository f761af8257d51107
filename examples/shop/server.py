"""The shop's own server: its pages, an order, and the way to Customer Link's API.

`Orders` is what to copy; the rest is a frame for it, on Flask.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import jwt
import stripe
import urllib3
from flask import Flask, Response, jsonify, redirect, request, send_file, send_from_directory

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParamsLineItem
    from werkzeug.wrappers import Response as Answer

EXAMPLES = Path(__file__).parents[1]
SDK = EXAMPLES.parent / "node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js"

SERVED = {
    "shop": (
        *("index.html", "index.mjs", "cart.mjs", "callback.html", "callback.mjs", "link.html"),
        *("shop.css", "products.json"),
    ),
    "account-linking": ("shop.mjs", "link.mjs"),
}
CALLED_BACK = ("index.html", "callback.html", "link.html")
"""To which pages Auth0 sends a browser: the application's settings have to allow them."""

SCOPE = "customers:own"
CURRENCY, MOST = "eur", 99
OK = 200


class Product(TypedDict):
    """One of products.json, which the page reads as well."""

    id: str
    name: str
    about: str
    cents: int


PRODUCTS: dict[str, Product] = {
    each["id"]: each for each in json.loads((EXAMPLES / "shop/products.json").read_text())
}
"""A browser says which of them, and how many; never for how much."""


@dataclass(frozen=True)
class Settings:
    """Whose shop it is."""

    auth0: str
    """The tenant, as `https://acme.us.auth0.com`."""
    client_id: str
    audience: str
    claim: str
    """Where the Action puts the customer's id: `CUSTOMERLINK_CLAIM_NAMESPACE`, and the name."""
    api: str
    """The stack's output `ShopUrl`."""
    stripe_key: str = field(repr=False)
    """A restricted key, for *Checkout Sessions: Write*."""
    stripe: str = "https://api.stripe.com"
    links: bool = False
    """Whether the stack has a `LinkingUrl`: nobody else's log-in is led to link.html."""
    framed_by: str = "'none'"
    """Whose pages may show the shop in a frame."""

    @classmethod
    def from_environment(cls, given: Mapping[str, str]) -> "Settings":
        """Read what README.md lists."""
        return cls(
            auth0=given["SHOP_AUTH0"],
            client_id=given["SHOP_CLIENT_ID"],
            audience=given["SHOP_AUDIENCE"],
            claim=given["SHOP_CLAIM"],
            api=given["SHOP_API"],
            stripe_key=given["SHOP_STRIPE_KEY"],
            links=given["SHOP_LINKING_URL"] != "",
        )

    def for_the_page(self) -> dict[str, str | bool]:
        """Return what the browser may know."""
        tenant = {"domain": self.auth0, "clientId": self.client_id, "audience": self.audience}
        return {**tenant, "claim": self.claim, "links": self.links}


@dataclass(frozen=True)
class Refused:
    """Why there is no order: a status, and a code that the page has a text for."""

    status: int
    error: str


ODD_REQUEST = Refused(400, "invalid_request")
NOT_AUTHORISED = Refused(401, "not_authorised")
NOT_REACHED = Refused(503, "not_reached")


class Orders:
    """From a cart to Stripe's page for the payment."""

    def __init__(self, settings: Settings) -> None:
        """Ask the tenant for its keys, once for five minutes, and Stripe by the shop's own key."""
        self._settings = settings
        self._keys = jwt.PyJWKClient(f"{settings.auth0}/.well-known/jwks.json", timeout=5)
        self._stripe = stripe.StripeClient(
            settings.stripe_key,
            base_addresses={"api": settings.stripe},
            max_network_retries=2,
            http_client=stripe.UrllibClient(),
        )

    def place(self, token: str, counts: object, shop: str) -> str | Refused:
        """Return the address at which whoever has this access token pays, or why there is none."""
        lines = lines_of(counts)
        if lines is None:
            return ODD_REQUEST
        customer = self._refusal(token) or self._customer(token)
        if isinstance(customer, Refused):
            return customer
        try:
            session = self._stripe.v1.checkout.sessions.create(
                {
                    "customer": customer,
                    "mode": "payment",
                    "line_items": lines,
                    "success_url": f"{shop}?ordered",
                    "cancel_url": shop,
                }
            )
        except stripe.StripeError:
            return NOT_REACHED
        return session.url or NOT_REACHED

    def _refusal(self, token: str) -> Refused | None:
        """Say whether it is no access token of this tenant's, for this shop's API and scope.

        An ID token is for the application, not for the API: it proves nothing here.
        """
        settings = self._settings
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            issuer = f"{settings.auth0}/"
            claims = jwt.decode(
                token, key, algorithms=["RS256"], audience=settings.audience, issuer=issuer
            )
        except jwt.PyJWKClientConnectionError:
            return NOT_REACHED
        except jwt.PyJWTError:
            return NOT_AUTHORISED
        is_for_us = claims.get("azp") == settings.client_id
        may_order = SCOPE in str(claims.get("scope", "")).split()
        return None if is_for_us and may_order else NOT_AUTHORISED

    def _customer(self, token: str) -> str | Refused:
        """Return the customer of whoever has this token: made now, if there is none."""
        answer = asked(f"{self._settings.api}/customers/me", token)
        if isinstance(answer, Refused):
            return answer
        try:
            document = answer.json()
        except ValueError:
            return NOT_REACHED
        if answer.status != OK:
            return Refused(answer.status, document.get("error", NOT_REACHED.error))
        return str(document["stripe_customer_id"])


def asked(url: str, token: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse | Refused:
    """Ask Customer Link's API on behalf of whoever has the token; it is slow where Auth0 is."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    try:
        return urllib3.request("POST", url, headers=headers, body=body, timeout=29, retries=False)
    except urllib3.exceptions.HTTPError:
        return NOT_REACHED


def lines_of(counts: object) -> "list[SessionCreateParamsLineItem] | None":
    """Return what a cart has to be paid for; None for what is no cart of this shop's."""
    if not isinstance(counts, dict) or not counts or not counts.keys() <= PRODUCTS.keys():
        return None
    if not all(type(each) is int and 0 < each <= MOST for each in counts.values()):
        return None
    return [_line(PRODUCTS[name], count) for name, count in counts.items()]


def _line(product: Product, count: int) -> "SessionCreateParamsLineItem":
    return {
        "price_data": {
            "currency": CURRENCY,
            "unit_amount": product["cents"],
            "product_data": {"name": product["name"]},
        },
        "quantity": count,
    }


def shop_app(settings: Settings) -> Flask:
    """Return the WSGI application."""
    shop = Flask("shop", static_folder=None)
    shop.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    _add_pages(shop, settings)
    _add_calls(shop, settings)

    @shop.errorhandler(RecursionError)
    def too_deep(_: RecursionError) -> Response:
        return _refused(ODD_REQUEST)

    @shop.after_request
    def guarded(response: Response) -> Response:
        response.headers.update(_headers(settings))
        return response

    return shop


def _add_pages(shop: Flask, settings: Settings) -> None:
    @shop.get("/")
    def index() -> "Answer":
        return redirect("/shop/index.html")

    @shop.get("/<folder>/<name>")
    def page(folder: str, name: str) -> Response:
        if name not in SERVED.get(folder, ()):
            return Response("Not Found", 404)
        return send_from_directory(EXAMPLES / folder, name)

    @shop.get("/account-linking/settings.mjs")
    def page_settings() -> Response:
        text = f"export const settings = {json.dumps(settings.for_the_page())};"
        return Response(text, content_type="text/javascript")

    @shop.get("/account-linking/auth0-spa-js.mjs")
    def sdk() -> Response:
        return send_file(SDK, "text/javascript")


def _add_calls(shop: Flask, settings: Settings) -> None:
    orders = Orders(settings)

    @shop.post("/orders")
    def order() -> Response:
        page = f"{request.root_url}shop/index.html"
        placed = orders.place(_token(), request.get_json(silent=True), page)
        if isinstance(placed, Refused):
            return _refused(placed)
        return jsonify(url=placed)

    @shop.post("/accounts/link")
    def link() -> Response:
        """Pass a request on: the API judges it."""
        answer = asked(f"{settings.api}/accounts/link", _token(), request.get_data())
        if isinstance(answer, Refused):
            return _refused(answer)
        return Response(answer.data, answer.status, content_type="application/json")


def _headers(settings: Settings) -> dict[str, str]:
    """Let the pages run this shop's code alone, and speak to nobody but it and the tenant."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; "
        f"connect-src 'self' {settings.auth0}; frame-src {settings.auth0}; "
        f"frame-ancestors {settings.framed_by}"
    )
    return {
        "content-security-policy": policy,
        # A log-in comes back with a code or a ticket in the address.
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }


def _token() -> str:
    given = request.authorization
    return (given.token or "") if given and given.type == "bearer" else ""


def _refused(why: Refused) -> Response:
    response = jsonify(error=why.error)
    response.status_code = why.status
    return response


if __name__ == "__main__":
    shop_app(Settings.from_environment(os.environ)).run(port=8080)
