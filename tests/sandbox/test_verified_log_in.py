"""A log-in where addresses have to be verified: to the page, the mail, and back, all of it real."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3
from tests.sandbox.auth0.browser import CHALLENGE

from customerlink.model.tickets import STATE_PARAMETER, digest_of
from sandbox.deployment import deployment_of
from sandbox.sandbox import SHOP_CLIENT, Sandbox, sandbox
from sandbox.shop import open_shop

NUMBERS = iter(range(1, 1000))
PASSWORD = "a password"


class Person:
    """Somebody with a browser, at the shop."""

    def __init__(self, box: Sandbox, shop: str, email: str = "") -> None:
        """Begin without a session."""
        self.box, self.shop, self.cookie = box, shop, ""
        self.email = email or f"person-{next(NUMBERS)}@example.com"

    def get(self, url: str, **form: str) -> urllib3.BaseHTTPResponse:
        """Open an address, or send a form there; go nowhere by oneself."""
        to = url if url.startswith("http") else f"{self.box.auth0_url}{url}"
        headers = {"cookie": self.cookie, "content-type": "application/x-www-form-urlencoded"}
        method = "POST" if form else "GET"
        answer = urllib3.request(
            method, to, headers=headers, body=urlencode(form) or None, redirect=False
        )
        self.cookie = answer.headers.get("set-cookie", self.cookie).partition(";")[0]
        return answer

    def begins(self, **more: str) -> str:
        """Go to the log-in page, as the shop sends people there; return where one is sent."""
        asked = {
            "client_id": SHOP_CLIENT,
            "redirect_uri": self.shop,
            "response_type": "code",
            "code_challenge": CHALLENGE,
            STATE_PARAMETER: digest_of("s" * 43),
        }
        return self.get(f"/authorize?{urlencode(asked | more)}").headers["location"]

    def signs_up(self) -> str:
        """Sign up by a password; return where one is sent."""
        page = self.begins(screen_hint="signup")
        return self.get(page, email=self.email, password=PASSWORD).headers["location"]

    def comes_from_google(self, **form: str) -> str:
        """Log in with Google; return where one is sent."""
        page = self.begins(connection="google-oauth2", prompt="login")
        return self.get(page, email=self.email, **form).headers["location"]

    def mail(self) -> str:
        """Return the newest link that was sent to the address."""
        page = self.get("/u/mail").data.decode()
        found = re.findall(r"<p>(.*?): <a href=.(/u/email-verification\?ticket=[^\"]*)", page)
        return next(str(link) for address, link in found if unescape(address) == self.email)

    @property
    def metadata(self) -> dict[str, str]:
        """Return what the Action has written of the person."""
        users = self.box.tenant.users.values()
        [found] = [each for each in users if each.get("email") == self.email]
        return dict(found["app_metadata"])


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[Sandbox, str]]:
    """Open the shop once for this file."""
    with sandbox() as box, open_shop(box) as shop:
        yield box, shop


@pytest.fixture
def person(opened: tuple[Sandbox, str]) -> Person:
    """Return somebody new, where addresses have to be verified."""
    opened[0].deploy(deployment_of("verified"))
    return Person(*opened)


def goes_on(person: Person, page: str) -> str:
    """Follow the page's button; return where one is sent."""
    shown = person.get(page)
    [link] = re.findall(r'class="button" href="([^"]*)"', shown.data.decode())
    return person.get(unescape(link)).headers["location"]


@pytest.mark.parametrize("is_sent_again", [False, True])
def test_verifies(person: Person, is_sent_again: bool) -> None:  # noqa: FBT001 (a case)
    """Who follows the mail's link and goes on has a customer, and is in the shop."""
    page = person.signs_up()
    shown = person.get(page)
    first = person.mail()
    if is_sent_again:
        given = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
        person.get(page.partition("?")[0], **given)
        assert person.mail() != first
    done = person.get(person.mail())
    back = goes_on(person, page)

    assert page.startswith(person.box.url.replace("post-login", "verify-email"))
    assert (shown.status, person.email in shown.data.decode()) == (200, True)
    assert "frame-ancestors http://127.0.0.1:*" in shown.headers["content-security-policy"]
    assert (done.status, "Your address is verified" in done.data.decode()) == (200, True)
    assert back.startswith(f"{person.shop}?code=")
    assert person.metadata["stripe_customer_id"].startswith("cus_")


def test_does_not_verify(person: Person) -> None:
    """Who goes on without it is in the shop without a customer, and asked at the next log-in."""
    back = goes_on(person, person.signs_up())
    again = person.get(person.begins(prompt="login"), email=person.email, password=PASSWORD)

    assert back.startswith(f"{person.shop}?code=")
    assert person.metadata == {"stripe_signup": "unfinished"}
    assert "/verify-email?" in again.headers["location"]


@pytest.mark.parametrize(("form", "is_asked"), [({"email_verified": "on"}, False), ({}, True)])
def test_whom_a_provider_vouches_for(
    person: Person,
    form: dict[str, str],
    is_asked: bool,  # noqa: FBT001 (a case)
) -> None:
    """Is not asked."""
    assert ("/verify-email?" in person.comes_from_google(**form)) is is_asked


@pytest.mark.parametrize("policy", ["", "adopt", "VerifiedEmail=optional"])
def test_where_it_is_not_wanted(person: Person, policy: str) -> None:
    """Nobody is sent there."""
    person.box.deploy(deployment_of(policy))

    assert person.signs_up().startswith(f"{person.shop}?code=")


def test_without_a_page(person: Person) -> None:
    """A log-in that no browser began goes on at once, as one by a password grant does."""
    user = person.box.tenant.add_user(email=person.email, email_verified=False)

    assert person.box.tenant.login(user).decision == "continue"
    assert person.metadata == {"stripe_signup": "unfinished"}


def test_silently(person: Person) -> None:
    """With nobody in front of it, likewise."""
    goes_on(person, person.signs_up())

    assert "code=" in person.begins(prompt="none")


def test_two_redirects(person: Person) -> None:
    """Back from the page, whose address another account has is led to the shop's page to link."""
    person.box.deploy(deployment_of("verified linking"))
    person.comes_from_google(email_verified="on")
    other = Person(person.box, person.shop, person.email)
    page = other.signs_up()
    other.get(other.mail())
    sent = goes_on(other, page)

    assert urlsplit(sent).path == "/shop/link.html"
    assert "link_ticket" in parse_qs(urlsplit(sent).query)


@pytest.mark.parametrize("trouble", ["another address", "gone", "no ticket", "made up"])
def test_link_that_is_good_no_more(person: Person, trouble: str) -> None:
    """It verifies nobody."""
    person.signs_up()
    link, users = person.mail(), person.box.tenant.users
    [user] = [each["user_id"] for each in users.values() if each.get("email") == person.email]
    match trouble:
        case "another address":
            users.patch(user, {"email": f"new-{person.email}"})
        case "gone":
            users.delete(user)
        case "no ticket":
            link = link.partition("?")[0]
        case _:
            link = f"{link}x"

    assert person.get(link).status == 400
    assert user not in users or users.read(user).get("email_verified") is not True
