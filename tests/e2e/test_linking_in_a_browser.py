"""The example's pages in Chromium: the friendly way, and twelve attempts of a hostile client."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import urllib3
from tests.calling import report
from tests.e2e.node import played
from werkzeug.wrappers import Request, Response

from customerlink.model.signature import SigningSecret
from customerlink.model.tickets import STATE_PARAMETER, TicketKey, digest_of, issue
from customerlink.model.user import Tenant, User, UserId
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import SHOP_AUDIENCE, SHOP_CLIENT, Sandbox, sandbox
from sandbox.serving import Server

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/account-linking"
SDK = ROOT / "node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js"
SHOP = "https://shop.example"
INDEX, LINK = f"{SHOP}/index.html", f"{SHOP}/link.html"
STATE = "the attacker's own state"

type Step = tuple[str, object]


@dataclass
class ShopServer:
    """The shop's own server: its pages, and the way to its API from its own origin."""

    box: Sandbox

    def __call__(self, environ: Any, start: Any) -> Any:
        """Answer."""
        return self._respond(Request(environ))(environ, start)

    def _respond(self, request: Request) -> Response:
        name = request.path.removeprefix("/")
        if request.path == "/accounts/link":
            return self._passed_on(request)
        if name == "settings.mjs":
            values = {
                "domain": self.box.auth0_url,
                "clientId": SHOP_CLIENT,
                "audience": SHOP_AUDIENCE,
            }
            text = f"export const settings = {json.dumps(values)};"
            return Response(text, content_type="text/javascript")
        file = SDK if name == "auth0-spa-js.mjs" else EXAMPLE / name
        if not file.is_file():
            return Response("", 404)
        kind = "text/javascript" if name.endswith(".mjs") else "text/html"
        return Response(file.read_bytes(), content_type=kind)

    def _passed_on(self, request: Request) -> Response:
        answer = urllib3.request(
            "POST",
            self.box.url.replace("/post-login", request.path),
            headers={name: request.headers[name] for name in ("authorization", "content-type")},
            body=request.get_data(),
            timeout=PATIENCE_SECONDS,
            retries=False,
        )
        return Response(answer.data, answer.status, content_type="application/json")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Run a deployment whose linking page is the example's."""
    # Of the accounts some are of a directory, which nobody believes unless it is named.
    trusted = {"CUSTOMERLINK_TRUSTED_CONNECTIONS": "auth0,google-oauth2,samlp"}
    with sandbox(settings={"CUSTOMERLINK_LINKING_URL": LINK} | trusted) as running:
        running.let_functions_into_the_tenant()
        running.open_shop(INDEX, LINK)
        yield running


@dataclass(frozen=True)
class Person:
    """Somebody with a first account, and what a second one would be."""

    first: str
    second: str
    email: str

    def by(self, account: str) -> dict[str, str]:
        """Return how the log-in page is told that it is this account."""
        return {"account": account, "email": self.email}


NUMBERS = iter(range(1, 1000))


def person(box: Sandbox, provider: str = "google-oauth2", second: str = "") -> Person:
    """Return somebody whose first account has a customer."""
    number = next(NUMBERS)
    email = f"ada-{number}@example.com"
    first = box.tenant.add_user(f"auth0|{number}", email=email, email_verified=True)
    other = second or f"{provider}|{number}"
    box.tenant.add_user(other, email=email, email_verified=True)
    assert box.tenant.login(first).decision == "continue"
    return Person(first, other, email)


def staged(box: Sandbox, *scenes: list[Step]) -> list[dict[str, Any]]:
    """Play scenes, each in a browser of its own; return what each saw in the end."""
    with Server(ShopServer(box)) as shop:
        given = {"shop": SHOP, "at": shop.url, "scenes": scenes}
        results: list[dict[str, Any]] = played("linking.mjs", given=given)
    for each in results:
        assert each["trouble"] is None, each
        assert each["complaints"] == []
    return results


def to_the_page(who: Person) -> list[Step]:
    """Begin at the shop, and log in to the second account: that leads to the linking page."""
    return [("open", INDEX), ("press", "Log in"), ("as", who.by(who.second))]


def to_the_question(who: Person) -> list[Step]:
    """Go on: log in to the first account."""
    return [*to_the_page(who), ("press", "Log in to the other account"), ("as", who.by(who.first))]


def test_friendly(box: Sandbox) -> None:
    """The page names the account that is added, asks, and links; nothing is left in the tab."""
    who = person(box)
    question = f"Add the log-in by Google ({who.second}) to the account {who.email}?"
    [seen] = staged(
        box,
        [*to_the_question(who), ("sees", question), ("press", "Add it"), ("sees", "Done")],
    )

    assert who.second not in box.tenant.users
    assert seen["url"] == LINK
    assert not any(name.startswith("customerlink") for name in seen["storage"])
    staged(
        box,
        [("open", INDEX), ("press", "Log in"), ("as", who.by(who.first)), ("sees", who.email)],
    )


@pytest.mark.parametrize("press_at", ["first", "second"])
def test_no(box: Sandbox, press_at: str) -> None:
    """Whoever does not want it says so, before the second log-in or after it."""
    who = person(box)
    way = to_the_page(who) if press_at == "first" else to_the_question(who)
    staged(box, [*way, ("press", "No"), ("sees", "Nothing was changed.")])

    assert who.second in box.tenant.users


def in_the_attackers_browser(box: Sandbox, who: Person) -> dict[str, str]:
    """Log in to an account that claims the victim's address; return what that browser keeps."""
    [seen] = staged(box, [*to_the_page(who), ("sees", "another account has the same address")])
    kept: dict[str, str] = seen["storage"]
    return kept


def test_link_that_somebody_sent(box: Sandbox) -> None:
    """A SAML user whose administrator typed the victim's address: the victim opens that link.

    Neither in a browser in which nobody has begun to log in, nor in one whose own log-in has
    begun, nor when the victim agrees to everything.
    """
    victim = person(box, "samlp|acme")
    ticket = in_the_attackers_browser(box, victim)["customerlink.ticket"]
    sent = f"{LINK}?link_ticket={ticket}"
    nobody: list[Step] = [("open", sent), ("sees", "Nobody has begun to log in here.")]
    own_state: list[Step] = [("open", INDEX), ("press", "Log in"), ("asked", None), ("open", sent)]
    agrees: list[Step] = [
        *own_state,
        ("press", "Log in to the other account"),
        ("as", victim.by(victim.first)),
        ("sees", f"company (SAML) ({victim.second})"),
        ("press", "Add it"),
        ("sees", "That was refused."),
    ]
    staged(box, nobody, agrees)

    assert victim.second in box.tenant.users


def test_hostile_client(box: Sandbox) -> None:
    """Whatever it sends from a browser is refused; the same with all that belongs to it is not."""
    ada, eve = person(box, "samlp|acme"), person(box)
    tokens, key = box.management.tokens, TicketKey.parse(box.ticket_key)
    assert key is not None
    user, now = User(Tenant("acme"), UserId(ada.second)), time.time()
    box.tenant.users.count_login(ada.second)
    never = person(box)
    good = {
        "link_ticket": issue(key, user, digest_of(STATE), now),
        "link_state": STATE,
        "primary_id_token": box.proof_of(ada.first),
    }
    token = box.shop_token(ada.first)
    of_the_action = TicketKey(0, SigningSecret.parse(box.signing_secret).key)
    account, stale = box.tenant.users[ada.first], now - 3600
    attempts: dict[str, tuple[str, dict[str, str]]] = {
        "the digest, which others see, for the state": (
            token,
            good | {"link_state": digest_of(STATE)},
        ),
        "another browser's state": (token, good | {"link_state": "the victim's"}),
        "a ticket that the Action's secret signed": (
            token,
            good | {"link_ticket": issue(of_the_action, user, digest_of(STATE), now)},
        ),
        "a ticket of an hour ago": (
            token,
            good | {"link_ticket": issue(key, user, digest_of(STATE), stale)},
        ),
        "a ticket that a forged report was answered with": (
            box.shop_token(never.first),
            good
            | {
                "link_ticket": by_a_forged_report(box, never),
                "primary_id_token": box.proof_of(never.first),
            },
        ),
        "somebody else's account": (
            box.shop_token(eve.first),
            good | {"primary_id_token": box.proof_of(eve.first)},
        ),
        "a first log-in of somebody else's": (
            token,
            good | {"primary_id_token": box.proof_of(eve.first)},
        ),
        "a first log-in by a session alone": (
            token,
            good | {"primary_id_token": tokens.id_token(account, SHOP_CLIENT, "1")},
        ),
        "a first log-in of an hour ago": (
            token,
            good | {"primary_id_token": tokens.id_token(account, SHOP_CLIENT, "1", stale)},
        ),
        "an ID token as access token": (good["primary_id_token"], good),
        "an access token for something else": (box.shop_token(ada.first, scope="openid"), good),
        "another party's access token": (box.shop_token(ada.first, azp="another-client"), good),
    }
    scenes: list[list[Step]] = [
        [("open", INDEX), ("posts", {"token": token, "body": body})]
        for token, body in (*attempts.values(), (token, good), (token, good))
    ]
    *refused, friendly, again = [each["answer"]["status"] for each in staged(box, *scenes)]

    assert len(refused) == 12
    assert {
        name: status
        for name, status in zip(attempts, refused, strict=True)
        if status not in (401, 403)
    } == {}
    assert (friendly, again) == (200, 200)
    assert ada.second not in box.tenant.users
    assert never.second in box.tenant.users


def by_a_forged_report(box: Sandbox, victim: Person) -> str:
    """Return the ticket that whoever has the Action's secret gets for a user who is far away."""
    document = {
        "version": 1,
        "tenant": {"id": "acme"},
        "user": {"user_id": victim.second, "email": victim.email, "email_verified": True},
        "stats": {"logins_count": 1},
        "request": {"query": {STATE_PARAMETER: digest_of(STATE)}},
        "authentication": {"methods": [{"timestamp": datetime.now(UTC).isoformat()}]},
    }
    answer = report(box.url, box.signing_secret, document)
    return str(answer.body["redirect"]).partition("link_ticket=")[2]
