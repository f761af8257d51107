"""From what an application asks of `/authorize` to its answer."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from markupsafe import escape
from tests.sandbox.auth0.browser import (
    NAME,
    OTHER,
    PAGE,
    SHOP,
    Browser,
    Json,
    World,
    problem,
    told,
)

STATE = {"state": "the-state"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_id": None}, "Unknown client"),
        ({"client_id": ""}, "Unknown client"),
        ({"client_id": "another"}, "Unknown client"),
        ({"redirect_uri": None}, "Callback URL mismatch"),
        ({"redirect_uri": PAGE + "/"}, "Callback URL mismatch"),
        ({"redirect_uri": PAGE + "?a=b"}, "Callback URL mismatch"),
        ({"redirect_uri": PAGE.upper()}, "Callback URL mismatch"),
        ({"redirect_uri": "http://127.0.0.1:5"}, "Callback URL mismatch"),
        ({"redirect_uri": "http://127.0.0.1:7", "response_mode": "web_message"}, "mismatch"),
        ({"redirect_uri": "https://evil.example"}, "Callback URL mismatch"),
    ],
)
def test_nobody_is_sent_to_a_stranger(
    browser: Browser, changes: dict[str, str | None], said: str
) -> None:
    """Where nobody vouches for the address, the tenant shows the error itself."""
    answer = browser.begin(**changes)

    assert (answer.status_code, said in problem(answer)) == (400, True)
    assert "location" not in answer.headers


@pytest.mark.parametrize("changes", [{}, {"screen_hint": "signup"}, {"login_hint": "a@x.io"}])
def test_application_has_a_name(browser: Browser, changes: dict[str, str | None]) -> None:
    """The page says by its name where somebody goes on, and shows nobody a client id."""
    page = browser.to_page(**changes)
    shown = browser.client.get(page).text, browser.says(page, email="", password="").text

    assert [f"to go on to {escape(NAME)}" in each for each in shown] == [True, True]
    assert [SHOP in each for each in shown] == [False, False]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": ""}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
        ({"max_age": "9" * 5000}, "invalid_request"),
        ({"max_age": ""}, "invalid_request"),
        ({"audience": "https://nobodys.example"}, "access_denied"),
        ({"connection": "myspace"}, "invalid_request"),
        ({"connection": ""}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_what_is_refused_is_told(
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    """The application gets the error, a text, and its own state."""
    said = told(browser.begin(**changes))

    assert said.pop("error_description")
    assert said == STATE | {"error": error}


def test_a_parameter_twice(browser: Browser) -> None:
    """It would be two different requests to two readers, so it is none."""
    answer = browser.client.get(f"/authorize?client_id={SHOP}&client_id={SHOP}")

    assert (answer.status_code, "twice" in problem(answer)) == (400, True)


def test_sign_up_and_log_in(world: World, browser: Browser) -> None:
    """The answer is a code and the state; a new user is of the database, and logs in again."""
    code, again = browser.signs_up("Ada@Example.com"), world.browser().logs_in("ada@example.com")

    assert {"code", "state"} == set(code) == set(again)
    [user] = world.tenant.users.values()
    assert (user["email"], user["email_verified"], user["logins_count"]) == (
        "ada@example.com",
        False,
        2,
    )


def test_without_a_state(browser: Browser) -> None:
    """What was not sent does not come back."""
    assert set(browser.signs_up("ada@example.com", state=None)) == {"code"}


class TestSession:
    """A browser in which somebody has logged in."""

    @pytest.fixture(autouse=True)
    def session(self, world: World, browser: Browser) -> None:
        """Log somebody in."""
        browser.signs_up("ada@example.com")
        world.host.events.clear()

    @pytest.mark.parametrize("changes", [{}, {"prompt": "none"}, {"max_age": "60"}])
    def test_is_enough(self, world: World, browser: Browser, changes: dict[str, str]) -> None:
        """Nobody is asked again, the Actions run, and no login is counted."""
        world.now += 50
        said = told(browser.begin(**changes))

        assert said.keys() == {"code", "state"}
        [event] = world.host.events
        assert event["stats"]["logins_count"] == 1
        assert event["transaction"]["prompt"] == (
            [changes["prompt"]] if "prompt" in changes else []
        )

    @pytest.mark.parametrize(
        "changes", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "49"}, {"prompt": "consent"}]
    )
    def test_is_not_enough(self, world: World, browser: Browser, changes: dict[str, str]) -> None:
        """Who is asked for anew is shown the page; with `prompt=none` that is an error."""
        world.now += 50
        assert browser.to_page(**changes).startswith("/u/login")

    def test_too_old_and_silent(self, world: World, browser: Browser) -> None:
        """The application has to ask somebody."""
        world.now += 50
        said = told(browser.begin(prompt="none", max_age="49"))
        assert said["error"] == "login_required"

    def test_of_another_browser(self, world: World) -> None:
        """It is worth nothing there."""
        assert told(world.browser().begin(prompt="none"))["error"] == "login_required"

    def test_of_a_user_who_is_gone(self, world: World, browser: Browser) -> None:
        """It is over, as it is for an account that was linked to another one."""
        world.tenant.users.clear()
        assert told(browser.begin(prompt="none"))["error"] == "login_required"

    def test_ends(self, browser: Browser) -> None:
        """A log-out ends it, and goes back to where the settings allow."""
        back = browser.client.get("/v2/logout", query_string={"client_id": SHOP, "returnTo": PAGE})

        assert (back.status_code, back.headers["location"]) == (302, PAGE)
        assert told(browser.begin(prompt="none"))["error"] == "login_required"

    @pytest.mark.parametrize("to", ["https://evil.example", PAGE + "?", "//evil.example", "x"])
    def test_log_out_to_a_stranger(self, browser: Browser, to: str) -> None:
        """It does not go there, and nothing ends by it."""
        answer = browser.client.get("/v2/logout", query_string={"client_id": SHOP, "returnTo": to})

        assert (answer.status_code, "location" in answer.headers) == (400, False)
        assert "code" in told(browser.begin(prompt="none"))

    def test_log_out_to_nowhere(self, browser: Browser) -> None:
        """It just ends."""
        assert browser.client.get("/v2/logout").text == "OK"
        assert told(browser.begin(prompt="none"))["error"] == "login_required"


class TestActions:
    """What the post-login Actions ask for."""

    def test_denial(self, world: World, browser: Browser) -> None:
        """The application is told its text; the session is kept, as Auth0 does, and denied too."""
        world.host.asks = lambda *_: {"denial": "No.\nReference: 1", "app_metadata": {"a": 1}}
        expected = STATE | {"error": "access_denied", "error_description": "No.\nReference: 1"}

        assert browser.signs_up("ada@example.com") == expected
        assert told(browser.begin(prompt="none")) == expected
        [user] = world.tenant.users.values()
        assert user["app_metadata"] == {"a": 1}

    def test_what_they_are_told(self, world: World, browser: Browser) -> None:
        """The query, whose languages come first, and the connection."""
        browser.signs_up("ada@example.com", ui_locales="de fr", **{"ext-a": "b"})

        [event] = world.host.events
        assert event["transaction"]["ui_locales"] == ["de", "fr"]
        assert event["request"]["query"]["ext-a"] == "b"
        assert event["connection"]["strategy"] == "auth0"

    def test_away_and_back(self, world: World, browser: Browser) -> None:
        """A redirect leaves, `/continue` finds the log-in again, once, and ends it."""

        def asks(handler: str, event: Json) -> Json:
            if handler == "onContinuePostLogin":
                return {"id_token": {"came": "back"}}
            return {"redirect": f"https://shop.example/?state={event['transaction']['id']}"}

        world.host.asks = asks
        page = browser.to_page(screen_hint="signup")
        away = browser.says(page, email="ada@example.com", password="1").headers["location"]
        [state] = parse_qs(urlsplit(away).query)["state"]
        back = browser.client.get("/continue", query_string={"state": state})
        document, _ = browser.redeems(told(back)["code"])

        assert told(back)["state"] == "the-state"
        assert document["id_token"]
        again = browser.client.get("/continue", query_string={"state": state})
        assert (again.status_code, "over" in problem(again)) == (400, True)

    @pytest.mark.parametrize(
        ("asked", "led"),
        [
            ("https://shop.example/link?a=b", "http://127.0.0.1:5/link?a=b"),
            ("https://shop.example", "http://127.0.0.1:5"),
            ("https://shop.example:444/link", "https://shop.example:444/link"),
            ("https://shop.example.evil/link", "https://shop.example.evil/link"),
            ("https://other.example/?at=https://shop.example/", None),
        ],
    )
    def test_away_to_this_machine(
        self, world: World, monkeypatch: pytest.MonkeyPatch, asked: str, led: str | None
    ) -> None:
        """An https origin that is served here is looked for here, and no other one."""
        monkeypatch.setitem(world.log_in.hosts, "https://shop.example", "http://127.0.0.1:5")
        world.host.asks = lambda *_: {"redirect": asked}
        browser = world.browser()
        page = browser.to_page(screen_hint="signup")
        away = browser.says(page, email="ada@example.com", password="1")

        assert away.headers["location"] == (led or asked)

    def test_away_with_nobody_there(self, world: World, browser: Browser) -> None:
        """A silent log-in cannot go anywhere."""
        browser.signs_up("ada@example.com")
        world.host.asks = lambda *_: {"redirect": "https://shop.example/"}

        assert told(browser.begin(prompt="none"))["error"] == "interaction_required"

    @pytest.mark.parametrize("state", ["", "unknown", "the-logins-state"])
    def test_back_from_nowhere(self, browser: Browser, state: str) -> None:
        """There is no such log-in."""
        answer = browser.client.get("/continue", query_string={"state": state})
        assert (answer.status_code, "over" in problem(answer)) == (400, True)

    def test_back_without_having_logged_in(self, browser: Browser) -> None:
        """A log-in whose page is still waiting is no way around it."""
        page = browser.to_page()
        answer = browser.client.get(f"/continue?{urlsplit(page).query}")
        assert answer.status_code == 400


class TestMessage:
    """`response_mode=web_message`, as auth0-spa-js asks in a frame."""

    ASKED = {"response_mode": "web_message", "prompt": "none"}  # noqa: RUF012

    @pytest.mark.parametrize("page", [PAGE, OTHER, "http://127.0.0.1:5"])
    def test_code(self, browser: Browser, page: str) -> None:
        """The page around gets it, if its origin is the application's."""
        browser.signs_up("ada@example.com")
        message, origin = posted(browser, redirect_uri=page, **self.ASKED)

        assert message["type"] == "authorization_response"
        assert message["response"].keys() == {"code", "state"}
        assert origin == "http://127.0.0.1:5"

    def test_error(self, browser: Browser) -> None:
        """It is a message as well."""
        message, _ = posted(browser, **self.ASKED)
        assert message["response"]["error"] == "login_required"

    @pytest.mark.parametrize("text", ["</script><b>", "<!--", "' \" \u2028 &"])
    def test_a_text_is_no_markup(self, world: World, browser: Browser, text: str) -> None:
        """Whatever an Action says, and whatever the state is, it ends no script."""
        browser.signs_up("ada@example.com")
        world.host.asks = lambda *_: {"denial": text}
        message, _ = posted(browser, state=text, **self.ASKED)

        assert message["response"]["error_description"] == text
        assert message["response"]["state"] == text


def posted(browser: Browser, **changes: str | None) -> tuple[Json, str]:
    """Return the message of a page, and to which origin it goes."""
    html = browser.begin(**changes).text
    assert html.count("</script>") == 1
    found = re.search(r"type: '(\w+)', response: (\{.*\}) \}, (\".*\")\);", html)
    assert found
    return {"type": found[1], "response": json.loads(found[2])}, json.loads(found[3])
