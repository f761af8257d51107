"""The shop's own server: whose order it takes, what for, and what it says where there is none."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jwt
import pytest
import stripe
import urllib3
from examples.shop.server import (
    MOST,
    NOT_REACHED,
    PRODUCTS,
    SCOPE,
    SERVED,
    Settings,
    lines_of,
    shop_app,
)
from tests.e2e.runtime import ROOT
from werkzeug.test import Client, TestResponse

from sandbox.deployment import deployment_of
from sandbox.sandbox import SHOP_AUDIENCE, TAKEN_EMAIL, Sandbox, sandbox
from sandbox.shop import open_shop, settings_for
from sandbox.stripe_account import Fault, FaultKind, Permission
from sandbox.stripe_checkout import RESOURCE

README = (ROOT / "examples/shop/README.md").read_text()
SERVER = (ROOT / "examples/shop/server.py").read_text()
NOWHERE = "http://127.0.0.1:9"
CART = {"coffee": 2, "cup": 1}
NUMBERS = iter(range(1, 1000))


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """Run a deployment that makes customers at the checkout."""
    with sandbox(settings={"CUSTOMERLINK_PROVISION_AT": "checkout"}) as box:
        box.seed()
        box.let_functions_into_the_tenant()
        yield box


@pytest.fixture
def settings(box: Sandbox) -> Settings:
    """Return those of a shop in that deployment."""
    return settings_for(box)


def person(box: Sandbox, **profile: Any) -> str:
    """Add somebody, who has no customer yet."""
    email = f"person-{next(NUMBERS)}@example.com"
    return box.tenant.add_user(**{"email": email, "email_verified": True, **profile})


def order(settings: Settings, token: str, cart: object = CART, **more: Any) -> TestResponse:
    """Order as the page does."""
    headers = {"authorization": f"Bearer {token}"}
    given = more or {"json": cart}
    return Client(shop_app(settings)).post("/orders", headers=headers, **given)


def test_order(box: Sandbox, settings: Settings) -> None:
    """The user's customer, made now, has a session for what was ordered, at the server's prices."""
    user_id = person(box)
    answer = order(settings, box.shop_token(user_id))
    asking = stripe.StripeClient(
        box.stripe.add_key(reads=[RESOURCE]),
        base_addresses={"api": box.stripe_url},
        http_client=stripe.UrllibClient(),
    )
    session = asking.v1.checkout.sessions.retrieve(answer.get_json()["url"].rpartition("/")[2])

    assert answer.status_code == 200
    assert session.customer == box.tenant.users[user_id]["app_metadata"]["stripe_customer_id"]
    assert session.amount_total == 2 * PRODUCTS["coffee"]["cents"] + PRODUCTS["cup"]["cents"]
    assert (session.currency, session.payment_status) == ("eur", "unpaid")
    assert session.success_url == "http://localhost/shop/index.html?ordered"


def refused_tokens(box: Sandbox, user_id: str) -> dict[str, str]:
    """Return tokens that are not good for an order."""
    tokens, access = box.management.tokens, box.shop_token(user_id)
    head, body, signature = access.split(".")
    claims = jwt.decode(access, options={"verify_signature": False})
    deep = jwt.utils.base64url_encode(b"[" * 20_000).decode()
    return {
        "an ID token": box.proof_of(user_id),
        "another application's": box.shop_token(user_id, azp="another"),
        "no application's": box.shop_token(user_id, azp=None),
        "without the scope": box.shop_token(user_id, scope="openid accounts:link"),
        "without any": box.shop_token(user_id, scope=None),
        "with a scope that begins so": box.shop_token(user_id, scope=f"{SCOPE}:not"),
        "for another API": tokens.access_token(user_id, "https://other.example", azp="shop-client"),
        "another tenant's": box.shop_token(user_id, iss="http://127.0.0.1:1/"),
        "of an hour ago": box.shop_token(user_id, exp=1),
        "with another signature": f"{head}.{body}.{signature[::-1]}",
        "unsigned": jwt.encode(claims, "", "none"),
        "signed by a secret": jwt.encode(claims, "x" * 32, "HS256", {"kid": "sandbox-1"}),
        "by a key that is not published": tokens.signed(claims, kid="sandbox-2"),
        "no token": "x.y.z",
        "none": "",
        "not of ASCII": "é",
        "too deep": f"{deep}.{deep}.x",
    }


def test_tokens(box: Sandbox, settings: Settings) -> None:
    """Whoever has no access token of this shop's for this is refused, and nobody is asked."""
    tokens = refused_tokens(box, person(box))
    before = len(box.gateway.exchanges), len(box.stripe.requests)
    answers = {name: order(settings, token).status_code for name, token in tokens.items()}

    assert answers == dict.fromkeys(tokens, 401)
    assert (len(box.gateway.exchanges), len(box.stripe.requests)) == before


CARTS: list[object] = [
    *([], {}, None, 5, "coffee", [{"coffee": 1}], {"tea": 1}, {"coffee": 1, "tea": 1}),
    *({"coffee": each} for each in (0, -1, 1.5, True, "2", None, 100, [1], {"count": 1})),
]


@pytest.mark.parametrize("cart", CARTS, ids=str)
def test_odd_carts(cart: object) -> None:
    """Nothing but so many of what there is."""
    assert lines_of(cart) is None


@pytest.mark.parametrize(
    "more",
    [
        {"data": json.dumps(CART)},
        {"data": "{", "content_type": "application/json"},
        {"data": b"\xff", "content_type": "application/json"},
        {"data": "[" * 50_000, "content_type": "application/json"},
    ],
)
def test_odd_bodies(box: Sandbox, settings: Settings, more: dict[str, Any]) -> None:
    """What is no JSON, or does not say so, is refused."""
    answer = order(settings, box.shop_token("auth0|nobody"), **more)

    assert (answer.status_code, answer.get_json()) == (400, {"error": "invalid_request"})


@pytest.mark.parametrize(
    ("profile", "status", "error"),
    [
        ({"email": TAKEN_EMAIL}, 409, "email_in_use"),
        ({"email": None}, 422, "email_missing"),
        ({"email": "no address"}, 422, "email_invalid"),
    ],
)
def test_no_customer(
    box: Sandbox, settings: Settings, profile: dict[str, Any], status: int, error: str
) -> None:
    """The page gets the API's own word for why."""
    answer = order(settings, box.shop_token(person(box, **profile)))

    assert (answer.status_code, answer.get_json()) == (status, {"error": error})


def test_user_who_is_gone(box: Sandbox, settings: Settings) -> None:
    """Likewise."""
    answer = order(settings, box.shop_token("auth0|gone"))

    assert (answer.status_code, answer.get_json()) == (404, {"error": "user_not_found"})


@pytest.mark.parametrize("place", ["api", "auth0", "stripe"])
def test_nobody_answers(box: Sandbox, settings: Settings, place: str) -> None:
    """Whoever it is that does not answer: later."""
    away: dict[str, Any] = {place: NOWHERE if place != "auth0" else f"{NOWHERE}/"}
    token = box.shop_token(person(box))
    answer = order(replace(settings, **away), token)

    assert (answer.status_code, answer.get_json()) == (503, {"error": "not_reached"})


@pytest.mark.parametrize("trouble", ["down", "key"])
def test_stripe_refuses(box: Sandbox, settings: Settings, trouble: str) -> None:
    """Stripe's words, which quote the key, reach nobody."""
    user_id = person(box)
    box.tenant.login(user_id)
    assert order(settings, box.shop_token(user_id)).status_code == 200
    if trouble == "key":
        settings = replace(settings, stripe_key=box.stripe.add_key(Permission.READ))
    else:
        box.stripe.faults.append(Fault(FaultKind.ERROR_BEFORE, times=3))
    answer = order(settings, box.shop_token(user_id))

    assert (answer.status_code, answer.get_json()) == (503, {"error": "not_reached"})


@pytest.mark.parametrize(
    "path",
    ["/shop/server.py", "/shop/README.md", "/shop/..%2fserver.py", "/tests/conftest.py", "/x"],
)
def test_what_is_not_served(settings: Settings, path: str) -> None:
    """Only the pages are."""
    assert Client(shop_app(settings)).get(path).status_code == 404


def test_what_is_served(settings: Settings) -> None:
    """Every file that a page names; nothing from elsewhere runs, and the key is told nobody."""
    client = Client(shop_app(settings))
    served = {f"/{folder}/{name}" for folder, names in SERVED.items() for name in names}
    served |= {"/account-linking/settings.mjs", "/account-linking/auth0-spa-js.mjs"}
    for path in served:
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert settings.stripe_key not in answer.text
    policy = client.get("/").headers["content-security-policy"]

    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert set(named()) <= served


def named() -> Iterator[str]:
    """Return what the pages ask for."""
    for folder, names in SERVED.items():
        for name in names:
            text = (ROOT / "examples" / folder / name).read_text()
            for found in re.findall(
                r"""(?:from |src=|href=|fetch\()["']([\w.][\w./-]*)["']""", text
            ):
                base = "/account-linking" if found.startswith("../") else f"/{folder}"
                yield f"{base}/{found.rpartition('/')[2]}"


def test_linking_is_passed_on(box: Sandbox, settings: Settings) -> None:
    """With the caller's token: the API says what it thinks of the proofs."""
    client, token = Client(shop_app(settings)), box.shop_token(person(box))
    headers = {"authorization": f"Bearer {token}"}
    answers = [
        client.post("/accounts/link", headers=headers, json={}),
        client.post("/accounts/link", json={}),
        client.post("/accounts/link", headers=headers, data=b"x" * 100_000),
    ]
    away = Client(shop_app(replace(settings, api=NOWHERE)))
    answers.append(away.post("/accounts/link", headers=headers, json={}))

    assert [each.status_code for each in answers] == [400, 401, 413, 503]
    assert answers[0].get_json()["error"] == "invalid_request"


def test_readme_shows_the_code() -> None:
    """What its README shows is what runs here."""
    [code] = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)

    assert code in SERVER


def test_readme_names_the_settings() -> None:
    """Every variable that the server reads, and no other."""
    read = set(re.findall(r'given\["(SHOP_\w+)"\]', SERVER))

    assert set(re.findall(r"`(SHOP_\w+)`", README)) == read
    made = Settings.from_environment({each: f"the {each}" for each in read})
    assert made.audience == "the SHOP_AUDIENCE"
    assert "the SHOP_STRIPE_KEY" not in repr(made)


def test_settings_of_the_page(settings: Settings) -> None:
    """Those that account-linking's own file has, and where the claim is."""
    theirs = (ROOT / "examples/account-linking/settings.mjs").read_text()
    names = set(re.findall(r"^  (\w+):", theirs, re.MULTILINE))

    assert set(settings.for_the_page()) == names | {"claim", "links"}
    assert settings.for_the_page()["audience"] == SHOP_AUDIENCE


@pytest.mark.parametrize("policy", ["", "linking", "LinkingUrl=https://elsewhere.example/link"])
def test_who_is_offered_to_link(box: Sandbox, policy: str) -> None:
    """Nobody where the stack has no page for it, from the moment at which that is deployed."""
    with open_shop(box) as shop:
        where = shop.replace("/shop/index.html", "/account-linking/settings.mjs")
        offers = []
        for each in ("", policy, ""):
            box.deploy(deployment_of(f"checkout {each}"))
            offers.append('"links": true' in urllib3.request("GET", where).data.decode())

    assert offers == [False, policy != "", False]
    assert "settings.links ?" in (ROOT / "examples/shop/index.mjs").read_text()


@pytest.mark.parametrize(("url", "links"), [("", False), ("https://shop.example/l", True)])
def test_a_shop_of_yours_is_told(url: str, links: bool) -> None:  # noqa: FBT001 (a case)
    """By the variable that README.md names."""
    named = dict.fromkeys(re.findall(r'given\["(SHOP_\w+)"\]', SERVER), "x")

    assert Settings.from_environment(named | {"SHOP_LINKING_URL": url}).links is links


def test_every_error_has_a_text() -> None:
    """Of those that another try may mend the page says so; docs/policies.md has them all."""
    page = (ROOT / "examples/shop/index.mjs").read_text()
    policies = (ROOT / "docs/policies.md").read_text()
    told = dict(re.findall(r"^  (\w+): (LATER|'.*'),$", page, re.MULTILINE))
    [table] = re.findall(
        r"^## Provision at the checkout\n(.*?)^## ", policies, re.DOTALL | re.MULTILINE
    )
    rows = re.findall(r"^\| \d+ \| (.*?) \| (.*?) \|$", table, re.MULTILINE)
    helps = {error: text for errors, text in rows for error in re.findall(r"`(\w+)`", errors)}
    again = {error for error, text in helps.items() if text.startswith("ask again")}

    assert {*told} - {*helps} == {NOT_REACHED.error}
    assert {error for error, text in told.items() if text == "LATER"} == again | {NOT_REACHED.error}


def test_the_page_knows_the_most() -> None:
    """Of one product, as the server does."""
    assert f"const MOST = {MOST};" in (ROOT / "examples/shop/cart.mjs").read_text()


def test_is_read_in_ten_minutes() -> None:
    """As README.md says: so many lines at most, of pages, code and style."""
    files = [each for each in (ROOT / "examples/shop").iterdir() if each.suffix != ".md"]
    lines = sum(len(each.read_text().splitlines()) for each in files if each.is_file())
    [said] = re.findall(r"(\d+) lines", README)

    assert lines <= int(said) <= 600
