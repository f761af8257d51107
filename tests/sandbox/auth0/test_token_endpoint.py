"""What an application gets for a code and for a refresh token."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from tests.sandbox.auth0.browser import API, OTHER, PAGE, SHOP, Browser, Json, World, claims

from sandbox.auth0.clients import Client


@pytest.fixture
def code(browser: Browser) -> str:
    """Return a code of somebody who has signed up."""
    return browser.signs_up("ada@example.com")["code"]


@pytest.fixture
def token(browser: Browser, code: str) -> str:
    """Return their refresh token."""
    document, _ = browser.redeems(code)
    return str(document["refresh_token"])


@pytest.fixture
def other(world: World) -> Iterator[Client]:
    """Register another application, which has a secret."""
    made = Client("other", "Another", frozenset({PAGE}), secret="of the other's")
    world.log_in.applications.add(made)
    yield made
    del world.log_in.applications.clients["other"]


def test_tokens(world: World, browser: Browser, code: str) -> None:
    """They are about the user, for the application and the API, with the scopes that there are."""
    document, status = browser.redeems(code)
    read, access = claims(document["id_token"]), claims(document["access_token"])
    [user_id] = world.tenant.users

    assert (status, document["token_type"], document["expires_in"]) == (200, "Bearer", 3600)
    assert document["scope"] == "openid profile email offline_access customers:own"
    assert (read["sub"], read["aud"], read["nonce"], read["iss"]) == (
        user_id,
        SHOP,
        "the-nonce",
        "http://127.0.0.1:6/",
    )
    assert (read["email"], read["email_verified"], read["name"]) == (
        "ada@example.com",
        False,
        "ada@example.com",
    )
    assert (access["sub"], access["azp"], access["scope"]) == (user_id, SHOP, document["scope"])
    assert access["aud"] == [API, "http://127.0.0.1:6/userinfo"]
    assert "auth_time" not in read


def test_signature(world: World, browser: Browser, code: str) -> None:
    """It is by the key that the tenant publishes."""
    document, _ = browser.redeems(code)
    [key] = browser.client.get("/.well-known/jwks.json").get_json()["keys"]
    read = jwt.decode(
        document["id_token"],
        jwt.PyJWK(key),
        algorithms=["RS256"],
        audience=SHOP,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert read["exp"] == int(world.now) + 3600


@pytest.mark.parametrize("changes", [{"max_age": "60"}, {"max_age": "0"}, {"prompt": "login"}])
def test_auth_time(world: World, browser: Browser, changes: dict[str, str]) -> None:
    """It is in the ID token where the application asked who is there now."""
    code = browser.signs_up("ada@example.com", **changes)["code"]
    assert claims(browser.redeems(code)[0]["id_token"])["auth_time"] == int(world.now)


@pytest.mark.parametrize(
    ("scope", "there"),
    [
        ("openid", set()),
        ("openid profile", {"name", "nickname"}),
        ("openid email", {"email", "email_verified"}),
    ],
)
def test_scopes(browser: Browser, scope: str, there: set[str]) -> None:
    """They say what of the profile the application sees, in the token and at `/userinfo`."""
    code = browser.signs_up("ada@example.com", scope=scope)["code"]
    document, _ = browser.redeems(code)
    shown = {"name", "nickname", "email", "email_verified"}
    profile = user_info(browser, document["access_token"]).get_json()

    assert claims(document["id_token"]).keys() & shown == there
    assert profile.keys() & shown == there
    assert "refresh_token" not in document


def test_no_id_token(browser: Browser) -> None:
    """Without `openid` there is none, and the profile is not shown."""
    code = browser.signs_up("ada@example.com", scope="customers:own")["code"]
    document, _ = browser.redeems(code)

    assert "id_token" not in document
    assert user_info(browser, document["access_token"]).status_code == 401


def test_no_api(browser: Browser) -> None:
    """Without an audience the access token is for the profile alone."""
    code = browser.signs_up("ada@example.com", audience=None)["code"]
    document, _ = browser.redeems(code)

    assert document["scope"] == "openid profile email offline_access"
    assert user_info(browser, document["access_token"]).get_json()["email"] == "ada@example.com"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é"])
def test_no_profile(browser: Browser, token: str) -> None:
    """Whoever has no token is told that one is wanted."""
    answer = user_info(browser, token)
    assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True)


def test_claims_of_actions(world: World, browser: Browser) -> None:
    """They are in the tokens, and replace nothing that the tenant says itself."""
    mine = {"https://shop.example/customer": "cus_1", "sub": "eve", "iss": "x", "exp": 1, "aud": 1}
    mine |= {"user": "Ada", "scopes": "all", "self": 1}
    world.host.asks = lambda *_: {"id_token": mine, "access_token": mine | {"scope": "all"}}
    document, _ = browser.redeems(browser.signs_up("ada@example.com")["code"])
    [user_id] = world.tenant.users

    for name in ("id_token", "access_token"):
        read = claims(document[name])
        assert read["https://shop.example/customer"] == "cus_1"
        assert (read["sub"], read["iss"]) == (user_id, "http://127.0.0.1:6/")
    assert "all" not in claims(document["access_token"])["scope"].split()


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "another"},
        {"code": None},
        {"code": ["a"]},
        {"redirect_uri": OTHER},
        {"redirect_uri": None},
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": None},
        {"code_verifier": 5},
        {"client_id": "other", "client_secret": "of the other's"},
    ],
)
@pytest.mark.usefixtures("other")
def test_bad_exchange(browser: Browser, code: str, changes: Json) -> None:
    """It gets nothing; and a code that was tried is of no use to whoever has the rest."""
    document, status = browser.redeems(code, **changes)

    assert (document["error"], status) == ("invalid_grant", 403)
    if changes.get("code", code) == code:
        assert browser.redeems(code)[1] == 403


def test_a_code_is_for_once_and_soon(world: World, browser: Browser, code: str) -> None:
    """Neither a second exchange nor a late one gets anything."""
    assert browser.redeems(code)[1] == 200
    assert browser.redeems(code)[1] == 403
    late = world.browser().logs_in("ada@example.com")["code"]
    world.now += 601
    assert browser.redeems(late)[1] == 403


def test_code_of_a_user_who_is_gone(world: World, browser: Browser, code: str) -> None:
    """There is nobody to give tokens of."""
    world.tenant.users.clear()
    assert browser.redeems(code)[1] == 403


@pytest.mark.parametrize(
    "body",
    [
        {"client_id": "unknown"},
        {"client_id": 5},
        {"client_id": [SHOP]},
        {"client_id": "other"},
        {"client_id": "other", "client_secret": "guessed"},
        {"client_id": "other", "client_secret": "é"},
    ],
)
@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
@pytest.mark.usefixtures("other")
def test_who_asks(browser: Browser, body: Json, grant_type: str) -> None:
    """An application has to be known, and to have its secret if it has one."""
    document, status = browser.token(**body, grant_type=grant_type)
    assert (document["error"], status) == ("invalid_client", 401)


@pytest.mark.parametrize("data", [b"", b"[]", b"[1]", b'"a"', b"{", b"null", b"\xff"])
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_odd_body(browser: Browser, data: bytes, path: str) -> None:
    """It is an answer in OAuth's form, never a traceback."""
    answer = browser.client.post(path, data=data, content_type="application/json")
    assert answer.status_code in (401, 403)
    assert answer.get_json()["error"]


@pytest.mark.parametrize("grant_type", ["password", "", None, 5, {"a": 1}])
def test_odd_grant(browser: Browser, grant_type: Any) -> None:
    """Nobody gives tokens for it."""
    assert browser.token(grant_type=grant_type)[0]["error"] == "unsupported_grant_type"


def test_a_secret_by_basic_authentication(world: World, browser: Browser, other: Client) -> None:
    """As most libraries send it; such an application may do without PKCE."""
    page = browser.to_page(client_id="other", code_challenge=None, screen_hint="signup")
    answer = browser.says(page, email="ada@example.com", password="1")
    code = answer.headers["location"].partition("code=")[2].partition("&")[0]
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": PAGE}
    given = browser.client.post("/oauth/token", data=body, auth=("other", str(other.secret)))

    assert given.status_code == 200
    assert claims(given.get_json()["id_token"])["aud"] == "other"
    assert len(world.tenant.users) == 1


class TestRenewal:
    """A refresh token."""

    def test_rotates(self, world: World, browser: Browser, token: str) -> None:
        """Each gives tokens and its successor; the Actions run, and no login is counted."""
        world.host.events.clear()
        for _ in range(3):
            document, status = browser.renews(token)
            assert status == 200
            assert document["refresh_token"] != token
            assert claims(document["id_token"])["sub"] in world.tenant.users
            token = document["refresh_token"]
        assert {each["transaction"]["protocol"] for each in world.host.events} == {
            "oauth2-refresh-token"
        }
        assert {each["stats"]["logins_count"] for each in world.host.events} == {1}

    def test_used_again(self, browser: Browser, token: str) -> None:
        """Somebody has stolen one: no token of its family is good any more."""
        successor = browser.renews(token)[0]["refresh_token"]
        document, status = browser.renews(token)

        assert (document["error"], status) == ("invalid_grant", 403)
        assert "invalid refresh token" in document["error_description"]
        assert browser.renews(successor)[1] == 403

    def test_another_family(self, world: World, browser: Browser, token: str) -> None:
        """What was stolen in one browser ends nothing in another."""
        elsewhere = world.browser()
        kept = elsewhere.redeems(elsewhere.logs_in("ada@example.com")["code"])[0]["refresh_token"]
        browser.renews(token)
        browser.renews(token)

        assert elsewhere.renews(kept)[1] == 200

    def test_two_at_once(self, world: World, browser: Browser, token: str) -> None:
        """One that comes while the other's Actions run is a reuse of what is used by then."""
        inner: list[int] = []

        def asks(_handler: str, _event: Json) -> Json:
            if not inner:
                inner.append(0)
                inner.append(world.browser().renews(token)[1])
            return {}

        world.host.asks = asks
        assert (browser.renews(token)[1], inner[1]) == (403, 200)

    @pytest.mark.parametrize(
        ("scope", "given"),
        [
            ("openid email", "openid email"),
            ("openid all:of:it", "openid"),
            (None, "openid profile email offline_access customers:own"),
        ],
    )
    def test_scope(self, browser: Browser, token: str, scope: str | None, given: str) -> None:
        """It may be less than what was granted, and never more."""
        assert browser.renews(token, scope=scope)[0]["scope"] == given

    def test_denial(self, world: World, browser: Browser, token: str) -> None:
        """The application is told it, and may try again."""
        world.host.asks = lambda *_: {"denial": "No."}
        assert browser.renews(token) == (
            {"error": "access_denied", "error_description": "No."},
            403,
        )
        world.host.asks = lambda *_: {}
        assert browser.renews(token)[1] == 200

    def test_user_who_is_gone(self, world: World, browser: Browser, token: str) -> None:
        """Nothing is renewed."""
        world.tenant.users.clear()
        assert browser.renews(token)[0]["error"] == "invalid_grant"

    @pytest.mark.parametrize("token", ["", "unknown", None, 5, ["a"]])
    def test_none(self, browser: Browser, token: Any) -> None:
        """What is no token renews nothing."""
        assert browser.token(grant_type="refresh_token", refresh_token=token)[1] == 403

    @pytest.mark.usefixtures("other")
    def test_of_another_application(self, browser: Browser, token: str) -> None:
        """It is of no use to that one, and stays good for its own."""
        theirs = {"client_id": "other", "client_secret": "of the other's"}
        assert browser.renews(token, **theirs)[1] == 403
        browser.client.post("/oauth/revoke", json={"token": token, **theirs})
        assert browser.renews(token)[1] == 200

    def test_revoked(self, browser: Browser, token: str) -> None:
        """An application ends its own."""
        body = {"client_id": SHOP, "token": token}
        assert browser.client.post("/oauth/revoke", data=body).status_code == 200
        assert browser.renews(token)[1] == 403


@pytest.mark.parametrize("path", ["/oauth/token", "/userinfo", "/.well-known/jwks.json"])
@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("http://127.0.0.1:5", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
def test_which_pages_may_read(browser: Browser, path: str, origin: str, *, may: bool) -> None:
    """Those of an application's own origin, in a browser."""
    answer = browser.client.options(path, headers={"origin": origin})
    assert (answer.headers.get("access-control-allow-origin") == origin) == may


def test_configuration(browser: Browser) -> None:
    """Each address that it names is there."""
    document = browser.client.get("/.well-known/openid-configuration").get_json()
    places = [document[name] for name in document if name.endswith(("_endpoint", "_uri"))]

    assert document["issuer"] == "http://127.0.0.1:6/"
    assert len(places) == 5
    for each in places:
        path = each.removeprefix("http://127.0.0.1:6")
        assert browser.client.options(path).status_code == 200, path


def user_info(browser: Browser, token: str) -> Any:
    """Ask `/userinfo`."""
    return browser.client.get("/userinfo", headers={"authorization": f"Bearer {token}"})
