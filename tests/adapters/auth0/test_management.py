"""The tenant's users by the Management API, over the stand-in for the Management API."""

import json
import math
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from tests.fakes import Counted
from tests.odd_values import ODD_VALUES
from werkzeug.wrappers import Request, Response

from customerlink.adapters.auth0.errors import (
    Auth0OddError,
    Auth0RefusedError,
    Auth0SilentError,
    Auth0TokenError,
    is_refused,
)
from customerlink.adapters.auth0.management import Management, Users
from customerlink.adapters.token_bucket import Buckets, TokenBucket
from customerlink.model.errors import NoTurnError
from customerlink.model.profile import Identity, Profile
from customerlink.model.rates import Endpoint, Limits
from customerlink.model.secret import Auth0Client
from customerlink.model.signup import ODD_ID
from customerlink.model.trust import Trust
from sandbox.sandbox import Sandbox
from sandbox.serving import Server


@pytest.fixture
def users(box: Sandbox) -> Users:
    """Return an empty tenant's."""
    box.tenant.users.clear()
    client_id, secret = box.management.add_client(("read:users", "update:users"))
    domain = box.tools_environment()["AUTH0_DOMAIN"]
    return Users(Management(Auth0Client(domain, client_id, secret)), Trust())


def found(users: Users, box: Sandbox, **profile: Any) -> Profile:
    """Put a user in; return what is read of it."""
    box.tenant.users.add({"email": "ada@example.com", **profile}, "auth0|1")
    profile_of = users.get("auth0|1")
    assert profile_of is not None
    return profile_of


def test_read(box: Sandbox, users: Users) -> None:
    """Our keys of the metadata, the connection, and the plain values by their paths."""
    ids = {"stripe_customer_id": "cus_1", "stripe_signup": "exempt", "stripe_registration_id": "a1"}
    ada = found(users, box, name="Ada", email_verified=True, app_metadata=ids)

    assert (ada.user_id, ada.email, ada.email_verified) == ("auth0|1", "ada@example.com", True)
    assert (ada.customer_id, ada.marker, ada.registration_id) == ("cus_1", "exempt", "a1")
    assert ada.identities == (Identity("auth0", "1"),)
    assert ada.fields["name"] == "Ada"
    assert users.with_address("ADA@example.com") == [ada]


def test_certificates_are_loaded_once(
    box: Sandbox, users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at every read: it takes longer than the read; for one request they are shared."""
    found(users, box)
    one = users.patient(1.0)
    loaded: list[bool] = []
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: loaded.append(True))
    users.get("auth0|1")
    users.with_address("ada@example.com")
    one.get("auth0|1")

    assert loaded == []


@pytest.mark.parametrize("value", [None, ""])
def test_no_id(box: Sandbox, users: Users, value: Any) -> None:
    """An empty one is none."""
    ids = {"stripe_customer_id": value, "stripe_registration_id": value}
    ada = found(users, box, app_metadata=ids)

    assert (ada.customer_id, ada.registration_id, ada.dropped) == (None, None, ())


@pytest.mark.parametrize("value", [5, ["cus_1"], {"id": "cus_1"}, False])
def test_id_that_is_none(box: Sandbox, users: Users, value: Any) -> None:
    """As at a login: it is nobody's, for a person to decide, and no "none"."""
    ada = found(users, box, app_metadata={"stripe_customer_id": value})

    assert ada.customer_id == ODD_ID


ODD = {
    "name": ["Ina", "Berg"],
    "email": 7,
    "email_verified": "yes",
    "app_metadata": "migrated",
    "user_metadata": [],
    "created_at": "yesterday",
    "picture": 5,
    "identities": "none",
}


@pytest.mark.parametrize("field", ODD)
def test_odd_profile(box: Sandbox, users: Users, field: str) -> None:
    """It is read and written to: what is odd counts as absent, and `"yes"` is no yes."""
    ada = found(users, box, **{field: ODD[field]})

    assert (ada.user_id, ada.email_verified) == ("auth0|1", False)
    assert ada.email == (None if field == "email" else "ada@example.com")
    is_read = field in ("name", "email", "email_verified", "app_metadata", "identities")
    assert ada.dropped == ((f"user.{field}",) if is_read else ())


@pytest.mark.parametrize("field", ["name", "user_metadata", "picture"])
def test_odd_profile_is_written_to(box: Sandbox, users: Users, field: str) -> None:
    """A write asks for nothing of the profile."""
    found(users, box, **{field: ODD[field]})

    assert users.merge_app_metadata("auth0|1", {"stripe_customer_id": "cus_1"})
    assert box.tenant.users["auth0|1"]["app_metadata"]["stripe_customer_id"] == "cus_1"


@pytest.mark.parametrize("value", ["other", "", False, {}])
def test_marker_of_any_kind(box: Sandbox, users: Users, value: Any) -> None:
    """It is one, which a link takes out."""
    assert found(users, box, app_metadata={"stripe_signup": value}).marker is not None


def test_nobody(users: Users) -> None:
    """By id, by address, and to write to."""
    assert users.get("auth0|2") is None
    assert users.with_address("nobody@example.com") == []


@pytest.mark.parametrize("kept", ["Mixed.Case@Corp.com", "mixed.case@corp.com"])
def test_address_with_capitals(box: Sandbox, users: Users, kept: str) -> None:
    """An enterprise connection's is kept as it is delivered: asked for as given, and lowered."""
    box.tenant.users.add({"email": kept}, "samlp|acme|mixed")

    assert [each.user_id for each in users.with_address("Mixed.Case@Corp.com")] == [
        "samlp|acme|mixed"
    ]
    assert not users.merge_app_metadata("auth0|2", {"stripe_signup": None})


class TestPrimary:
    """The user of whom an account is a part."""

    @pytest.mark.parametrize(
        "account", ["auth0|1", "samlp|acme|ada", 'samlp|acme|a"d\\a', "github|12345", "oidc|a b"]
    )
    def test_found(self, box: Sandbox, users: Users, account: str) -> None:
        """Whatever characters its id has."""
        primary = box.tenant.users.add({"email": "ada@example.com"}, "auth0|9")["user_id"]
        box.tenant.users.add({"email": "work@example.com"}, account)
        provider, _, name = account.partition("|")
        box.tenant.users.link(primary, {"provider": provider, "user_id": name})
        found = users.primary_of(account)

        assert found is not None
        assert found.user_id == primary

    @pytest.mark.parametrize("account", ["auth0|9", "github|1", "auth0|nobody"])
    def test_none(self, box: Sandbox, users: Users, account: str) -> None:
        """A user's own account is no part; nor is one of another provider's with the same name."""
        box.tenant.users.add({"email": "ada@example.com"}, "auth0|9")
        box.tenant.users.add({"email": "work@example.com"}, "auth0|1")
        box.tenant.users.link("auth0|9", {"provider": "auth0", "user_id": "1"})

        assert users.primary_of(account) is None


class TestWithCustomer:
    """The users whose profile has a customer's id."""

    @pytest.mark.parametrize("customer_id", ["cus_1", "cus_NffrFeUfNV2Hib", "shop_4711"])
    def test_found(self, box: Sandbox, users: Users, customer_id: str) -> None:
        """Whatever their address, and without one."""
        ids = {"stripe_customer_id": customer_id}
        box.tenant.users.add({"app_metadata": ids}, "auth0|1")
        box.tenant.users.add({"email": "bob@example.com", "app_metadata": ids}, "auth0|2")
        box.tenant.users.add({"app_metadata": {"stripe_customer_id": "cus_2"}}, "auth0|3")

        found = users.with_customer(customer_id)
        assert [each.user_id for each in found] == ["auth0|1", "auth0|2"]

    @pytest.mark.parametrize("value", [None, "cus_2", {"id": "cus_1"}])
    def test_no_longer(self, box: Sandbox, users: Users, value: Any) -> None:
        """The search lags, so what it finds is read."""
        box.tenant.users.add({"app_metadata": {"stripe_customer_id": "cus_1"}}, "auth0|1")
        assert len(users.with_customer("cus_1")) == 1
        box.tenant.users.index_seconds = 60.0
        try:
            box.tenant.users["auth0|1"]["app_metadata"] = {"stripe_customer_id": value}
            assert users.with_customer("cus_1") == []
        finally:
            box.tenant.users.index_seconds = 0.0


class TestRateLimit:
    """A call that met it is made again when the header says so."""

    @pytest.fixture(autouse=True)
    def turns(self) -> None:
        """Count the turns."""
        self.pace = Counted()

    def called(self, times: int, **headers: str) -> tuple[list[float], bool]:
        """Meet it so often; return how long was waited each time, and whether it went through."""
        waits: list[float] = []
        told: list[float] = []
        client = Auth0Client("https://acme.us.auth0.com", "id", "hidden")
        management = Management(client, told.append, waits.append, tries=3, rates=self.pace)
        left = [Auth0RefusedError(429, headers)] * times

        def request() -> bool:
            if left:
                raise left.pop()
            return True

        try:
            return waits, management.call(request)
        except Auth0RefusedError:
            return waits, False
        finally:
            assert told == waits
            # Whoever shares the pace waits as long; and each try has a turn of its own.
            assert self.pace.pauses[: len(waits)] == waits
            assert self.pace.turns == len(waits) + 1

    def test_passes(self) -> None:
        """The wait is told."""
        waits, is_through = self.called(2)

        assert (waits, is_through) == ([1.0, 1.0], True)

    def test_stays(self) -> None:
        """After so many tries it is raised."""
        waits, is_through = self.called(9)

        assert (len(waits), is_through) == (2, False)

    @pytest.mark.parametrize(
        ("ahead", "expected"), [(7, 7), (-7, 0.5), (3600, 60), ("soon", 1.0), ("", 1.0)]
    )
    def test_until(self, ahead: int | str, expected: float) -> None:
        """As the header says, in whatever letter case, and within reason."""
        begun = time.time()
        reset = str(math.ceil(begun) + ahead) if isinstance(ahead, int) else ahead
        [wait], _ = self.called(1, **{"X-RateLimit-Reset": reset})
        # A busy machine comes to ask later.
        late = time.time() - begun if ahead == 7 else 0.0

        assert expected - late - 0.01 <= wait <= expected + (1.0 if ahead == 7 else 0.01)


@pytest.mark.parametrize(("aheads", "waited"), [((1,), 1), ((1, 1), 2), ((1, 1, 1), 2), ((60,), 0)])
def test_patience(users: Users, aheads: tuple[int, ...], waited: int) -> None:
    """Of one request, all in all: beyond it the limit is told at once, and the token is kept."""
    waits: list[float] = []
    management = users._management
    management._sleep = waits.append
    one = management.patient(2.5)
    left = [
        Auth0RefusedError(429, {"x-ratelimit-reset": "soon" if each == 1 else "9" * 10})
        for each in aheads
    ]

    def request() -> bool:
        if left:
            raise left.pop(0)
        return True

    with suppress(Auth0RefusedError):
        one.call(request)

    assert len(waits) == waited
    assert one.granted is management.granted
    assert management.patience == math.inf


def spoilt(users: Users) -> None:
    """Let the token be one that Auth0 does not take any more."""
    management = users._management
    management.granted["access_token"] = "an old one"


@pytest.mark.parametrize(
    "ask",
    [
        lambda users: users.get("auth0|1"),
        lambda users: users.with_address("ada@example.com"),
        lambda users: users.merge_app_metadata("auth0|1", {"stripe_customer_id": "cus_1"}),
    ],
)
def test_token_that_has_expired(box: Sandbox, users: Users, ask: Callable[[Users], Any]) -> None:
    """It is asked for anew, and nothing is told."""
    found(users, box)
    for one in (users, users.patient(5)):
        spoilt(users)
        assert ask(one)
        # For every request that shares it.
        assert users._management.granted["access_token"] != "an old one"


def test_new_token_that_is_refused(users: Users) -> None:
    """It is asked for once more, and then it is trouble, as is one that is new."""
    asked = []

    def request() -> Any:
        asked.append(users._management.granted["access_token"])
        raise Auth0RefusedError(401)

    for number in (1, 3):
        with pytest.raises(Auth0RefusedError):
            users._management.call(request)
        assert len(asked) == number


@pytest.mark.parametrize(
    ("trouble", "refused"),
    [
        (Auth0RefusedError(401), True),
        (Auth0RefusedError(403), True),
        (Auth0TokenError(401), True),
        (Auth0RefusedError(429), False),
        (Auth0RefusedError(503), False),
        (Auth0TokenError(429), False),
        (Auth0RefusedError(429, {}), False),
        (Auth0SilentError(), False),
    ],
)
def test_refused_credentials(trouble: Exception, *, refused: bool) -> None:
    """An outage, or a limit, says nothing of them."""
    assert is_refused(trouble) is refused


@pytest.mark.parametrize("user_id", ["auth0|1", "samlp|acme|ada/1@example.com", "auth0|gone"])
def test_deleted(box: Sandbox, user_id: str) -> None:
    """With what was linked into theirs; nobody is no error."""
    client = box.management.add_client(("read:users", "delete:users"))
    domain = box.tools_environment()["AUTH0_DOMAIN"]
    users = Users(Management(Auth0Client(domain, *client)), Trust())
    if user_id != "auth0|gone":
        box.tenant.users.add({"email": "ada@example.com"}, user_id)
    users.delete(user_id)

    assert users.get(user_id) is None


def test_link_of_one_who_is_gone(box: Sandbox, users: Users) -> None:
    """It is no trouble: somebody has linked them already, or deleted one."""
    box.tenant.users.add({"email": "ada@example.com"}, "auth0|1")

    assert not users.link("auth0|1", "auth0|2")
    assert not users.link("auth0|2", "auth0|1")


class Odd:
    """A tenant that gives a token, and then answers as a test says."""

    status, body = 200, ""

    def __init__(self) -> None:
        """Have been asked nothing."""
        self.paths: list[str] = []

    def users(self, server: Server) -> Users:
        """Return its users."""
        return Users(Management(Auth0Client(server.url, "a", "b"), tries=1), Trust())

    def __call__(self, request: Request) -> Response:
        """Answer."""
        if request.path == "/oauth/token":
            return Response('{"access_token": "t"}')
        self.paths.append(str(request.environ.get("RAW_URI", request.environ["REQUEST_URI"])))
        return Response(self.body, self.status)


@pytest.fixture
def odd() -> Iterator[tuple[Odd, Users]]:
    """Return it, and its users."""
    answers = Odd()
    with Server(Request.application(answers)) as server:
        yield answers, answers.users(server)


@pytest.mark.parametrize("body", ["", "<html>", "null", "7", "[" * 100_000, '{"a": '])
def test_answer_that_nobody_can_read(odd: tuple[Odd, Users], body: str) -> None:
    """Of a read nothing is known; a write, a link and a deletion were done."""
    answers, users = odd
    answers.body = body
    for read in (
        lambda: users.get("auth0|1"),
        lambda: users.with_address("ada@example.com"),
        lambda: users.primary_of("auth0|1"),
        users.start_export,
        lambda: users.export("job_1"),
    ):
        with pytest.raises(Auth0OddError):
            read()

    assert users.merge_app_metadata("auth0|1", {"stripe_signup": None})
    assert users.link("auth0|1", "auth0|2")
    users.delete("auth0|1")
    users.send_verification_mail("auth0|1")


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("field", ["user_metadata", "name"])
def test_odd_value(odd: tuple[Odd, Users], field: str, value: str) -> None:
    """It costs its field, and not the user: what is read of them is there all the same."""
    answers, users = odd
    ada = {"user_id": "auth0|1", "email": "ada@example.com", field: "HERE"}
    answers.body = json.dumps(ada).replace('"HERE"', ODD_VALUES[value])

    read = users.get("auth0|1")
    assert read is not None
    assert (read.user_id, read.email) == ("auth0|1", "ada@example.com")
    assert read.name is None


@pytest.mark.parametrize("user_id", ["", ".", "..", "auth0|\ud83d", "\udc00"])
def test_no_users_id(odd: tuple[Odd, Users], user_id: str) -> None:
    """Nothing is sent, which would be about all users, or none: it is refused, and no absence."""
    answers, users = odd
    for ask in (
        lambda: users.get(user_id),
        lambda: users.merge_app_metadata(user_id, {}),
        lambda: users.link(user_id, "auth0|2"),
        lambda: users.delete(user_id),
    ):
        with pytest.raises(Auth0RefusedError, match="status 400"):
            ask()

    assert answers.paths == []


@pytest.mark.parametrize(
    ("user_id", "path"),
    [
        ("auth0|a/b", "auth0%7Ca%2Fb"),
        ("samlp|acme|a%2Fb@x.com", "samlp%7Cacme%7Ca%252Fb%40x.com"),
        ("auth0|\u00e9 ?#", "auth0%7C%C3%A9%20%3F%23"),
        ("auth0|a\r\nhost: x", "auth0%7Ca%0D%0Ahost%3A%20x"),
        ("...", "..."),
    ],
)
def test_any_other_id(odd: tuple[Odd, Users], user_id: str, path: str) -> None:
    """It is one part of the path, whatever is in it."""
    answers, users = odd
    users.merge_app_metadata(user_id, {})

    assert answers.paths == [f"/api/v2/users/{path}"]


@pytest.mark.parametrize("body", ["", "<html>not found", "[]", '"gone"'])
def test_page_of_somebody_elses(odd: tuple[Odd, Users], body: str) -> None:
    """Its 404 does not say that a user is gone: it is trouble."""
    answers, users = odd
    answers.status, answers.body = 404, body
    for ask in (
        lambda: users.get("auth0|1"),
        lambda: users.merge_app_metadata("auth0|1", {}),
        lambda: users.link("auth0|1", "auth0|2"),
    ):
        with pytest.raises(Auth0RefusedError, match="status 404"):
            ask()


@pytest.mark.parametrize("given", ["", "[]", "{}", '{"access_token": 7}', "<html>"])
def test_no_token_in_the_answer(given: str) -> None:
    """Nothing is asked with what is none."""
    with Server(Response(given)) as server:
        users = Users(Management(Auth0Client(server.url, "a", "b")), Trust())
        with pytest.raises(Auth0OddError):
            users.get("auth0|1")


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_list_of_any_length(count: int) -> None:
    """Page by page, each but the last a hundred; each once, and in order."""
    asked: list[int] = []

    @Request.application
    def application(request: Request) -> Response:
        if request.path == "/oauth/token":
            return Response('{"access_token": "t"}')
        page, size = int(request.args["page"]), int(request.args["per_page"])
        asked.append(page)
        numbers = range(count)[page * size : (page + 1) * size]
        return Response(json.dumps({"actions": [{"id": each} for each in numbers]}))

    with Server(application) as server:
        management = Management(Auth0Client(server.url, "a", "b"))
        found = [each["id"] for each in management.pages("actions/actions", "actions")]

    assert found == [*range(count)]
    assert asked == [*range(count // 100 + 1)]


def test_list_that_does_not_end(odd: tuple[Odd, Users]) -> None:
    """Whoever answers each page alike is not asked for ever."""
    answers, users = odd
    answers.body = json.dumps({"actions": [{"id": "act_1"}] * 100})

    assert len([*users._management.pages("actions/actions", "actions")]) == 2000


def test_token_is_not_shown(users: Users) -> None:
    """Neither it nor the client's secret is in what is printed of the client."""
    management = users._management
    secret = management.granted["access_token"]

    assert secret not in repr(management._grant) + repr(vars(management))


def test_trouble_is_no_absence(box: Sandbox, users: Users) -> None:
    """Neither of a user, nor of an account to link."""
    box.tenant.users.add({"email": "ada@example.com"}, "auth0|1")
    for request, ask in (
        ("GET /api/v2/users", lambda: users.get("auth0|1")),
        ("PATCH /api/v2/users", lambda: users.merge_app_metadata("auth0|1", {})),
        ("POST /api/v2/users", lambda: users.link("auth0|1", "auth0|2")),
    ):
        box.management.faults.append(request)
        with pytest.raises(Auth0RefusedError):
            ask()


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-reset": "1"}, {"x-ratelimit-reset": "9e9"}])
def test_refused_where_nobody_may_wait(headers: dict[str, str]) -> None:
    """Whoever has taken their turns before holds something: they are told that there is none."""
    waits: list[float] = []
    rates = Buckets(Limits(), lambda each: TokenBucket(each.per_second, sleep=lambda _: None))
    client = Auth0Client("https://acme.us.auth0.com", "id", "hidden")
    management = Management(client, sleep=waits.append, rates=rates)

    def refused() -> None:
        raise Auth0RefusedError(429, headers)

    with rates.ahead([Endpoint.READ_USERS]), pytest.raises(NoTurnError):
        management.call(refused)
    assert waits == []
