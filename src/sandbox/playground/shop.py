"""The least that a shop is: a way to the log-in page, and who came back from there.

A page without a script; the code is exchanged here, with PKCE, as any web application does it.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode

import urllib3
from werkzeug.wrappers import Request, Response

from sandbox.sandbox import SHOP_CLIENT, SHOP_NAMESPACE, Sandbox

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'self'"
_MOST_UNDER_WAY = 100


class Shop:
    """The page at one address, whose log-ins may be under way in several tabs."""

    def __init__(self, box: Sandbox) -> None:
        """Belong to a sandbox's tenant."""
        self._box, self.address = box, ""
        self._verifiers: dict[str, str] = {}

    def open(self, address: str) -> None:
        """Be at an address, to which the tenant may send people."""
        self.address = address
        self._box.open_shop(address)

    def respond(self, request: Request) -> Response:
        """Return the page: for somebody who came back, how the log-in ended."""
        state, code = (request.args.get(each, "") for each in ("state", "code"))
        told: Iterable[str] = ["You are not logged in."]
        if state:
            verifier = self._verifiers.pop(state, "")
            told = self._welcome(code, verifier) if code else _denied(request)
        return Response(
            self._page(told),
            content_type="text/html; charset=utf-8",
            headers={"content-security-policy": POLICY},
        )

    def _welcome(self, code: str, verifier: str) -> list[str]:
        given = {"grant_type": "authorization_code", "client_id": SHOP_CLIENT}
        given |= {"redirect_uri": self.address, "code": code, "code_verifier": verifier}
        url = f"{self._box.auth0_url}/oauth/token"
        answer = urllib3.request("POST", url, json=given, retries=False)
        token = answer.json().get("id_token", "")
        claims = self._box.management.tokens.claims_of(token, SHOP_CLIENT)
        if claims is None:
            return ["That log-in is over. Please begin anew."]
        customer = claims.get(f"{SHOP_NAMESPACE}/stripe_customer_id") or "none"
        return [f"Welcome, {claims.get('email') or claims['sub']}!", f"Your customer: {customer}"]

    def _page(self, told: Iterable[str]) -> str:
        paragraphs = "".join(f"<p>{escape(each)}</p>" for each in told)
        leave = urlencode({"client_id": SHOP_CLIENT, "returnTo": self.address})
        links = {
            "Log in": self._way_in(),
            "Sign up": self._way_in(screen_hint="signup"),
            "Log out": f"{self._box.auth0_url}/v2/logout?{leave}",
        }
        ways = "".join(f'<li><a href="{escape(to)}">{name}</a></li>' for name, to in links.items())
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>The shop</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="/playground.css"><body class="text">'
            f'<main><h1>The shop</h1><div role="status">{paragraphs}</div><ul>{ways}</ul></main>'
        )

    def _way_in(self, **more: str) -> str:
        state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        self._verifiers = dict([*self._verifiers.items()][-_MOST_UNDER_WAY:]) | {state: verifier}
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "client_id": SHOP_CLIENT,
            "redirect_uri": self.address,
            "response_type": "code",
            "scope": "openid profile email",
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "prompt": "login",
        }
        return f"{self._box.auth0_url}/authorize?{urlencode(asked | more)}"


def _denied(request: Request) -> list[str]:
    # A denial is what the Action says, line by line.
    text = request.args.get("error_description") or request.args.get("error", "")
    return [*map(str.strip, text.splitlines())]
