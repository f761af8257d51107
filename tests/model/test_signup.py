"""The parser: both forms of the body, and whatever else may come."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import FIXTURES
from tests.odd_values import ODD_VALUES

from customerlink.model.signup import (
    ODD_ID,
    InvalidRequest,
    Marker,
    SignUp,
    parse,
    parse_registered,
    parse_registration,
)
from customerlink.model.tickets import FRESH_SECONDS, STATE_PARAMETER, digest_of
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant, User, UserId, registrant_id, registration_id

LOGINS = sorted((FIXTURES / "logins").glob("*.json"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)


def body(**changes: Any) -> dict[str, Any]:
    """Return the Action's form of the body; a change replaces a top-level field."""
    return {
        "version": 1,
        "tenant": {"id": "acme"},
        "user": {
            "user_id": "auth0|64",
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
            "created_at": "2026-11-23T08:30:00.000Z",
            "app_metadata": {"stripe_customer_id": "cus_1", "stripe_signup": "unfinished"},
        },
        "stats": {"logins_count": 1},
        "connection": {"name": "google-oauth2", "strategy": "google-oauth2"},
        **changes,
    }


def parsed(document: object) -> SignUp | InvalidRequest:
    """Parse a document."""
    return parse(json.dumps(document).encode(), Trust())


def accepted(document: object) -> SignUp:
    """Parse a document that is a sign-up."""
    signup = parsed(document)
    assert isinstance(signup, SignUp), signup
    return signup


def refused(document: object) -> InvalidRequest:
    """Parse a document that is none."""
    invalid = parsed(document)
    assert isinstance(invalid, InvalidRequest), invalid
    return invalid


def with_user(**fields: Any) -> dict[str, Any]:
    """Return a body with changed fields of the user."""
    return body(user={**body()["user"], **fields})


def test_the_actions_form() -> None:
    """Every field arrives."""
    signup = accepted(body())

    assert signup.user.tenant == "acme"
    assert signup.user.user_id == "auth0|64"
    assert signup.logins_count == 1
    assert (signup.email, signup.email_verified) == ("ada@example.com", True)
    assert signup.name == "Ada Lovelace"
    assert signup.created_at == datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    assert signup.customer_id == "cus_1"
    assert signup.marker is Marker.UNFINISHED
    assert signup.strategy == "google-oauth2"
    assert signup.tries == 1


def test_only_three_fields_are_required() -> None:
    """Auth0 guarantees no other."""
    signup = accepted(
        {"tenant": {"id": "acme"}, "user": {"user_id": "sms|1"}, "stats": {"logins_count": 2}},
    )

    assert signup == SignUp(signup.user, 2)


@pytest.mark.parametrize("path", LOGINS, ids=lambda path: path.stem)
def test_whole_event_of_every_connection(path: Any) -> None:
    """Auth0's whole event object is accepted as it is."""
    event = json.loads(path.read_text())
    signup = accepted(event)

    assert signup.user.user_id == event["user"]["user_id"]
    assert signup.email == event["user"].get("email")
    assert signup.customer_id is None
    assert signup.strategy == event["connection"]["strategy"]


def test_the_samples_cover_the_connections() -> None:
    """Database, Google, SMS without an address, SAML, and a custom database's odd metadata."""
    events = {path.stem: json.loads(path.read_text()) for path in LOGINS}

    assert set(events) == {"database", "google", "sms", "saml", "custom-database"}
    assert "email" not in events["sms"]["user"]
    assert isinstance(events["custom-database"]["user"]["app_metadata"], str)


@pytest.mark.parametrize("metadata", [None, "", "migrated", [], 7, {}])
def test_odd_app_metadata_is_empty(metadata: object) -> None:
    """Custom databases may deliver anything."""
    signup = accepted(with_user(app_metadata=metadata))

    assert (signup.customer_id, signup.marker) == (None, None)


@pytest.mark.parametrize("marker", ["other", 7, None, [], {}])
def test_odd_marker_is_none(marker: object) -> None:
    """Only the two words count."""
    signup = accepted(with_user(app_metadata={"stripe_signup": marker}))

    assert signup.marker is None


@pytest.mark.parametrize("field", ["email", "name", "created_at"])
@pytest.mark.parametrize("value", [None, ""])
def test_empty_is_absent(field: str, value: object) -> None:
    """An empty address would be no filter at all."""
    assert getattr(accepted(with_user(**{field: value})), field) is None


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (7, "body"),
        ([], "body"),
        (None, "body"),
        ({}, "user"),
        (body(version=2), "version"),
        (body(version="1"), "version"),
        (body(tenant=None), "tenant"),
        (body(tenant="acme"), "tenant"),
        (body(tenant={}), "tenant.id"),
        (body(tenant={"id": "a#b"}), "tenant.id"),
        (body(tenant={"id": ""}), "tenant.id"),
        (body(stats=None), "stats"),
        (body(stats={}), "stats.logins_count"),
        (body(stats={"logins_count": "1"}), "stats.logins_count"),
        (body(stats={"logins_count": True}), "stats.logins_count"),
        (body(stats={"logins_count": 1.0}), "stats.logins_count"),
        (body(stats={"logins_count": -1}), "stats.logins_count"),
        (body(stats={"logins_count": 2**60}), "stats.logins_count"),
        (with_user(user_id=None), "user.user_id"),
        (with_user(user_id=""), "user.user_id"),
        (with_user(user_id=5), "user.user_id"),
        (with_user(user_id="a" * 256), "user.user_id"),
        (with_user(user_id="auth0|\0"), "user.user_id"),
        (with_user(user_id="auth0|\ud800"), "user.user_id"),
    ],
)
def test_wrong_fields_are_named(document: object, field: str) -> None:
    """The field's path, and how it is wrong."""
    assert refused(document).field == field


@pytest.mark.parametrize(
    ("document", "dropped"),
    [
        (body(connection="google"), "connection"),
        (body(connection=[]), "connection"),
        (body(connection={"strategy": 1}), "connection.strategy"),
        (body(connection={"name": ["google"]}), "connection.name"),
        (body(**{"try": "2"}), "try"),
        (body(**{"try": True}), "try"),
        (body(**{"try": -1}), "try"),
        (body(locale=7), "locale"),
        (body(locale=["de"]), "locale"),
        (body(locale="de " * 999), "locale"),
        (body(transaction="de"), "transaction"),
        (body(transaction={"ui_locales": "de"}), "transaction.ui_locales"),
        (body(transaction={"locale": ["de"]}), "transaction.locale"),
        (body(request={"language": 7}), "request.language"),
        (with_user(app_metadata="migrated"), "user.app_metadata"),
        (with_user(app_metadata=[]), "user.app_metadata"),
        (with_user(app_metadata=7), "user.app_metadata"),
        (with_user(app_metadata={"stripe_signup": "done"}), "user.app_metadata.stripe_signup"),
        (with_user(app_metadata={"stripe_signup": {}}), "user.app_metadata.stripe_signup"),
        (
            with_user(app_metadata={"stripe_registration_id": 7}),
            "user.app_metadata.stripe_registration_id",
        ),
    ],
)
def test_odd_field_counts_as_absent(document: object, dropped: str) -> None:
    """Its name is kept, for the log; the others are read."""
    signup = accepted(document)

    assert signup.dropped == (dropped,)
    assert (signup.email, signup.tries) == ("ada@example.com", 1)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({}, ()),
        ({"locale": "de-CH en"}, ("de-ch", "en")),
        ({"locale": "de", "transaction": {"locale": "fr"}}, ("de",)),
        ({"locale": "", "transaction": {"locale": "fr"}}, ("fr",)),
        ({"locale": "<b>", "request": {"language": "fr"}}, ("fr",)),
        (
            {
                "transaction": {"ui_locales": ["fr-CA", "fr"], "locale": "en"},
                "request": {"language": "en-GB"},
            },
            ("fr-ca", "fr", "en", "en-gb"),
        ),
        ({"transaction": None, "request": None}, ()),
    ],
)
def test_languages(changes: dict[str, Any], read: tuple[str, ...]) -> None:
    """As the Action reports them, or as the whole event has them; an older Action tells none."""
    assert accepted(body(**changes)).locales == read
    registration = parse_registration(json.dumps(body(**changes)).encode(), Trust())
    assert isinstance(registration, SignUp)
    assert registration.locales == read


DIGEST = digest_of("a browser's state")
NEWEST = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)


def linking(query: object, methods: object) -> dict[str, Any]:
    """Return a report, or an event, with what a link ticket rests on."""
    return body(request={"query": query}, authentication={"methods": methods})


def test_where_and_when_somebody_authenticated() -> None:
    """As the event has it: by the page's parameter, and the newest of the session's methods."""
    times = ["2026-11-25T06:00:00.000Z", "2026-11-26T06:00:00.000Z", "soon", 7, None]
    methods = [*({"name": "pwd", "timestamp": each} for each in times), {}, "pwd", None]
    signup = accepted(linking({STATE_PARAMETER: DIGEST, "other": 1}, methods))

    assert (signup.browser, signup.authenticated_at) == (DIGEST, NEWEST)
    assert signup.is_fresh(NEWEST.timestamp() + FRESH_SECONDS)
    assert not signup.is_fresh(NEWEST.timestamp() + FRESH_SECONDS + 60)
    assert not signup.is_fresh(NEWEST.timestamp() - 60)


@pytest.mark.parametrize(
    ("query", "methods"),
    [
        ({}, []),
        (None, None),
        ("query", "methods"),
        ([DIGEST], {"timestamp": "2026-11-26T06:00:00.000Z"}),
        ({STATE_PARAMETER: [DIGEST]}, [[]]),
        ({STATE_PARAMETER: DIGEST[:-1]}, [{"timestamp": ["2026-11-26"]}]),
        ({STATE_PARAMETER: f"{DIGEST}="}, [{"timestamp": "\ud83d"}]),
        ({STATE_PARAMETER: "\ud83d"}, [{"timestamp": ""}]),
    ],
)
def test_no_ticket_and_no_refusal(query: object, methods: object) -> None:
    """Whatever is odd in it counts as absent: there is no ticket, and the log-in is judged."""
    signup = accepted(linking(query, methods))

    assert (signup.browser, signup.authenticated_at) == (None, None)
    assert not signup.is_fresh(NEWEST.timestamp())


ODD_IDS: list[object] = [
    *(7, True, [], ["cus_1"], {}, {"id": "cus_1"}, "cus_\0", "\ud800"),
    *(" ", "cus 1", "cus/1", "x" * 256, "ada@example.com", "cus_1\n", "{}"),
]
"""What stands where a customer's id should be, and is none."""


@pytest.mark.parametrize("value", ODD_IDS)
def test_odd_customer_id_is_nobodys(value: object) -> None:
    """It is no "none": whose customer the user's is, is for a person to decide."""
    signup = accepted(with_user(app_metadata={"stripe_customer_id": value}))

    assert signup.customer_id == ODD_ID
    assert signup.dropped == ("user.app_metadata.stripe_customer_id",)


@given(
    st.dictionaries(
        st.sampled_from(["email", "email_verified", "name", "created_at", "app_metadata", "phone"]),
        json_values,
    ),
    json_values,
    json_values,
)
def test_an_odd_profile_refuses_no_report(
    profile: dict[str, Any], connection: object, tries: object
) -> None:
    """Whatever is in it: who logs in, and how often, is all that has to be right."""
    document = {
        "tenant": {"id": "acme"},
        "user": {**profile, "user_id": "auth0|64"},
        "stats": {"logins_count": 1},
        "connection": connection,
        "try": tries,
    }

    assert accepted(document).user.user_id == "auth0|64"


def test_the_value_is_not_quoted() -> None:
    """It may be personal."""
    assert "ada" not in str(refused(with_user(user_id="ada\0@example.com")))


def test_time_without_a_zone_is_utc() -> None:
    """As Auth0 means it."""
    signup = accepted(with_user(created_at="2026-11-23T08:30:00"))

    assert signup.created_at == datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("user_id", "identities", "log_in", "found"),
    [
        ("auth0|1", None, {"name": "db"}, "db"),
        ("auth0|1", None, {"name": "db", "strategy": "auth0"}, "db"),
        ("google-oauth2|1", None, {"name": "db", "strategy": "auth0"}, None),
        ("auth0|1", [("auth0", "db")], {"name": "google", "strategy": "google-oauth2"}, "db"),
        ("auth0|1", [("auth0", "db")], {"name": "staff", "strategy": "auth0"}, "db"),
        ("google-oauth2|1", [("google-oauth2", "g"), ("auth0", "db")], {"name": "db"}, "g"),
        ("auth0|1", [("google-oauth2", "g")], {"name": "db", "strategy": "auth0"}, "db"),
        ("auth0|1", [("auth0", 7)], {"name": "db", "strategy": "auth0"}, "db"),
        ("auth0|1", [], {}, None),
    ],
)
def test_connection_of_the_address(
    user_id: str,
    identities: list[tuple[str, object]] | None,
    log_in: dict[str, str],
    found: str | None,
) -> None:
    """It is that of the user's own account, whichever account the log-in came by."""
    accounts = [{"provider": one, "connection": other} for one, other in identities or ()]
    user = {"user_id": user_id} | ({} if identities is None else {"identities": accounts})
    signup = accepted({**with_user(**user), "connection": log_in})

    assert signup.connection == found


@pytest.mark.parametrize("odd", ["objects", "both", "number", "no_number", "half_an_emoji"])
@pytest.mark.parametrize("field", ["user_metadata", "name", "app_metadata"])
def test_odd_field(field: str, odd: str) -> None:
    """Nobody is locked out by what lies too deep, or by a number of any length."""
    raw = json.dumps(with_user(**{field: "HERE"})).replace('"HERE"', ODD_VALUES[odd]).encode()

    assert isinstance(parse(raw, Trust()), SignUp)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b'{"a": ' + b"9" * 5000, b"[" * 60_000, b"\x00"],
)
def test_not_json(raw: bytes) -> None:
    """Neither bad encoding nor depth nor size of a number raises."""
    assert parse(raw, Trust()) == InvalidRequest("body", "is not JSON")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "version": json_values,
            "tenant": st.fixed_dictionaries({"id": json_values}) | json_values,
            "stats": st.fixed_dictionaries({"logins_count": json_values}) | json_values,
            "user": json_values
            | st.fixed_dictionaries(
                {"user_id": json_values},
                optional={
                    "email": json_values,
                    "email_verified": json_values,
                    "name": json_values,
                    "created_at": json_values,
                    "app_metadata": json_values
                    | st.dictionaries(
                        st.sampled_from(["stripe_customer_id", "stripe_signup"]),
                        json_values,
                    ),
                },
            ),
            "connection": json_values,
        },
    ),
)
def test_any_document_is_a_sign_up_or_invalid(document: object) -> None:
    """Nothing raises."""
    assert isinstance(parsed(document), SignUp | InvalidRequest)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_sign_up_or_invalid(raw: bytes) -> None:
    """Nothing raises."""
    assert isinstance(parse(raw, Trust()), InvalidRequest)


class TestRegistration:
    """What the Actions of the registration flow report."""

    def reported(self, **user: Any) -> SignUp | InvalidRequest:
        """Parse a report from before there is a user."""
        profile = {"email": "Ada@example.com", "name": "Ada Lovelace", **user}
        report = body(user=profile, connection={"name": "db", "strategy": "auth0"})
        return parse_registration(json.dumps(report).encode(), Trust())

    def test_registrant_stands_for_the_user(self) -> None:
        """By tenant, connection and address; it counts as a first login."""
        signup = self.reported()

        assert isinstance(signup, SignUp)
        registration = registration_id(Tenant("acme"), "db", "ada@example.com")
        assert signup.user == User(Tenant("acme"), registrant_id(registration))
        assert (signup.logins_count, signup.email) == (1, "Ada@example.com")

    @pytest.mark.parametrize("email", [None, ""])
    def test_without_an_address(self, email: str | None) -> None:
        """Nothing tells one such registrant from another: the id is empty."""
        signup = self.reported(email=email)

        assert isinstance(signup, SignUp)
        assert signup.user == User(Tenant("acme"), UserId(""))

    @pytest.mark.parametrize("connection", [None, {}, {"name": ""}])
    def test_connection_is_required(self, connection: object) -> None:
        """An address is unique in a connection only."""
        report = json.dumps(body(connection=connection)).encode()
        invalid = parse_registration(report, Trust())

        assert isinstance(invalid, InvalidRequest)
        assert invalid.field.startswith("connection")

    def test_registered(self) -> None:
        """The user is there, and has not logged in, whatever the report counts."""
        document = body()
        del document["stats"]
        signup = parse_registered(json.dumps(document).encode(), Trust())

        assert isinstance(signup, SignUp)
        assert (signup.user.user_id, signup.logins_count) == ("auth0|64", 0)

    @given(st.binary())
    def test_any_bytes_are_a_sign_up_or_invalid(self, raw: bytes) -> None:
        """Never an exception, whichever Action is said to have sent them."""
        for read in (parse_registration, parse_registered):
            assert isinstance(read(raw, Trust()), SignUp | InvalidRequest)
