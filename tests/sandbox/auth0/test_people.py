"""Whom the log-in page lets in, and whom it makes."""

import pytest
from tests.sandbox.auth0.browser import Browser, World, problem

PASSWORDS: dict[str, str] = {"email": "ada@example.com", "password": "a password"}


def test_wrong_password(world: World, browser: Browser) -> None:
    """Who signed up here gets in by their own, and nobody by an address that is not known."""
    browser.signs_up("ada@example.com")
    page = world.browser().to_page()
    for form in ({"password": "other"}, {"password": ""}, {"email": "eve@example.com"}):
        answer = browser.says(page, **PASSWORDS | form)
        assert (answer.status_code, problem(answer)) == (400, "Wrong email or password.")
    assert browser.says(page, **PASSWORDS | {"email": " ADA@example.com "}).status_code == 302


def test_somebody_without_a_password(world: World, browser: Browser) -> None:
    """Whom the Management API has put in gets in by any."""
    world.tenant.add_user("auth0|1", email="ada@example.com")
    assert "code" in browser.logs_in("ada@example.com")
    [user] = world.tenant.users.values()
    assert user["logins_count"] == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": ""}, "address"),
        ({"email": "ada"}, "address"),
        ({"email": "a b@example.com"}, "address"),
        ({"email": "a\x00@example.com"}, "address"),
        ({"email": '"><script>alert(1)</script>'}, "address"),
        ({"password": ""}, "password"),
        ({"email": "Taken@example.com"}, "Please log in"),
    ],
)
def test_no_sign_up(world: World, browser: Browser, form: dict[str, str], said: str) -> None:
    """The page says what is wrong, keeps what was typed as text, and makes nobody."""
    world.tenant.add_user("auth0|1", email="taken@example.com")
    page = browser.to_page(screen_hint="signup")
    answer = browser.says(page, **PASSWORDS | form)

    assert (answer.status_code, said in problem(answer)) == (400, True)
    assert "<script>" not in answer.text
    assert len(world.tenant.users) == 1


def test_registration(world: World, browser: Browser) -> None:
    """Where its Actions are bound they run, and the page shows what they say."""
    world.tenant.registers = True
    world.host.asks = lambda handler, _: (
        {"denial": "Not you."} if handler == "onExecutePreUserRegistration" else {}
    )
    page = browser.to_page(screen_hint="signup")
    answer = browser.says(page, **PASSWORDS)
    assert (answer.status_code, problem(answer)) == (400, "Not you.")
    assert not world.tenant.users

    world.host.asks = lambda *_: {}
    assert browser.says(page, **PASSWORDS).status_code == 302


@pytest.mark.parametrize(
    ("connection", "begins"),
    [
        ("google-oauth2", "google-oauth2|"),
        ("apple", "apple|"),
        ("acme-saml", "samlp|acme-saml|"),
    ],
)
def test_provider(world: World, browser: Browser, connection: str, begins: str) -> None:
    """Its profile makes a user, or finds the one with that address; the Actions see where from."""
    first = browser.comes_from(connection, email="Ada@example.com", name="Ada")
    again = browser.comes_from(connection, email="ada@example.com", name="Ada L.")

    assert "code" in first
    assert "code" in again
    [user] = world.tenant.users.values()
    assert user["user_id"].startswith(begins)
    assert (user["name"], user["email_verified"], user["logins_count"]) == ("Ada L.", True, 2)
    assert {each["connection"]["name"] for each in world.host.events} == {connection}


def test_a_provider_is_no_database(world: World, browser: Browser) -> None:
    """One address may be of an account of each: Auth0 links nothing by itself."""
    browser.signs_up("ada@example.com")
    browser.comes_from("google-oauth2", email="ada@example.com")
    browser.comes_from("apple", email="ada@example.com")

    assert len(world.tenant.users) == 3


def test_an_address_that_changes(world: World, browser: Browser) -> None:
    """An account that is chosen says something new, and keeps what it does not say."""
    world.tenant.add_user("google-oauth2|1", email="old@example.com", name="Ada")
    browser.comes_from("google-oauth2", account="google-oauth2|1", email="new@example.com")
    browser.comes_from("google-oauth2", account="google-oauth2|1")

    user = world.tenant.users["google-oauth2|1"]
    assert (user["email"], user["name"], user["logins_count"]) == ("new@example.com", "Ada", 2)


def test_a_linked_account(world: World, browser: Browser) -> None:
    """It leads to whom it was linked to, whose profile is not its own to change."""
    world.tenant.add_user("auth0|1", email="ada@example.com")
    world.tenant.add_user("google-oauth2|2", email="ada@gmail.example")
    world.tenant.users.link("auth0|1", {"provider": "google-oauth2", "user_id": "2"})
    browser.comes_from("google-oauth2", email="ada@gmail.example", name="Somebody")

    [user] = world.tenant.users.values()
    assert (user["user_id"], user["logins_count"], user["email"]) == (
        "auth0|1",
        1,
        "ada@example.com",
    )
    assert world.host.events[-1]["connection"]["strategy"] == "google-oauth2"


def test_a_provider_that_keeps_the_address(world: World, browser: Browser) -> None:
    """The profile has none, and every such log-in is another account."""
    browser.comes_from("apple")
    browser.comes_from("apple", name="Ada")

    assert ["email" in each for each in world.tenant.users.values()] == [False, False]


@pytest.mark.parametrize("email", ["ada", "a b@example.com", "@"])
def test_a_provider_with_an_odd_address(world: World, browser: Browser, email: str) -> None:
    """The page says so."""
    page = browser.to_page(connection="apple")
    answer = browser.says(page, email=email)

    assert (answer.status_code, "address" in problem(answer)) == (400, True)
    assert not world.tenant.users


@pytest.mark.parametrize(
    ("address", "field"), [("ada@example.com", "email"), ("+4930123456", "phone_number")]
)
def test_code(world: World, browser: Browser, address: str, field: str) -> None:
    """Who reads it has proved the address; the next time it is the same user."""
    for _ in range(2):
        page = browser.to_page(connection="email", prompt="login")
        shown = browser.says(page, address=address)
        code = shown.text.partition("<output>")[2][:6]
        wrong = browser.says(page, code="000000" if code != "000000" else "1")
        assert (wrong.status_code, problem(wrong)) == (400, "That is not the code.")
        assert browser.says(page, code=code).status_code == 302

    [user] = world.tenant.users.values()
    verified = field.replace("number", "verified") if "phone" in field else "email_verified"
    assert (user[field], user[verified], user["logins_count"]) == (address, True, 2)


@pytest.mark.parametrize("address", ["", "ada", "0301234", "+49 30"])
def test_no_code(browser: Browser, address: str) -> None:
    """It has to be an address or a number; a code that was never sent opens nothing."""
    page = browser.to_page(connection="sms")
    assert "Please enter" in problem(browser.says(page, address=address))
    assert "not the code" in problem(browser.says(page, code=""))


def test_pages(browser: Browser) -> None:
    """Which comes first, as the application asks; the hint is typed in already."""
    hint = 'ada+"<@example.com'
    assert browser.to_page(screen_hint="signup").startswith("/u/signup?")
    assert browser.to_page(connection="acme-saml").startswith("/u/provider/acme-saml?")
    assert browser.to_page(connection="sms").startswith("/u/code?")
    page = browser.to_page(login_hint=hint)
    assert page.startswith("/u/login?")
    assert "ada+&#34;&lt;@example.com" in browser.client.get(page).text
    for other in ("signup", "code", "provider/google-oauth2", "provider/apple"):
        assert browser.client.get(browser.at(page, other)).status_code == 200


@pytest.mark.parametrize("name", ["login", "signup", "code", "provider/apple", "provider/sms"])
def test_a_log_in_that_is_over(browser: Browser, name: str) -> None:
    """The browser's way back leads to a page that says so, and to nobody's account."""
    page = browser.to_page(screen_hint="signup")
    browser.says(page, **PASSWORDS)
    for gone in (browser.at(page, name), f"/u/{name}?state=unknown", f"/u/{name}"):
        assert browser.client.get(gone).status_code == 400
        assert browser.says(gone, **PASSWORDS, address="a@b.c").status_code == 400
