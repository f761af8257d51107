"""What a message leads to: a user, nobody, or the dead letters; whatever it holds."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.odd_values import ODD_VALUES

from customerlink.model.customer_fields import CustomerFields
from customerlink.model.customer_values import Former, Told
from customerlink.model.events import (
    OF_AUTH0,
    EventKind,
    Passed,
    Served,
    Sighting,
    due,
    read_event,
)
from customerlink.model.message_fields import LONGEST, Unreadable
from customerlink.model.sync_policy import EmailChanges
from customerlink.model.user import CustomerId, Tenant, User, UserId
from sandbox.events import (
    AUTH0_SOURCE,
    STRIPE_SOURCE,
    WHEN,
    Document,
    auth0_event,
    changed,
    envelope,
    stripe_event,
)

ACME = Tenant("acme")
FIELDS = CustomerFields.parse('{"name": "name", "metadata.plan": "app_metadata.plan"}')
SERVED = Served(ACME, auth0_source=AUTH0_SOURCE, stripe_source=STRIPE_SOURCE, fields=FIELDS)
ADA, BOB = (User(ACME, UserId(f"auth0|{each}")) for each in ("ada", "bob"))

PROFILE = {
    "user_id": ADA.user_id,
    "email": "ada@example.com",
    "email_verified": True,
    "name": "Ada",
    "created_at": WHEN,
    "identities": [{"provider": "auth0", "user_id": "ada", "connection": "Users"}],
    "app_metadata": {"stripe_customer_id": "cus_1", "plan": "free"},
}
CUSTOMER = {
    "id": "cus_1",
    "object": "customer",
    "email": "ada@example.com",
    "name": "Ada",
    "metadata": {"auth0_user_id": ADA.user_id, "auth0_tenant": "acme", "plan": "free"},
}


def read(event: Document, served: Served = SERVED) -> Any:
    """Read an event as a message's body has it."""
    return read_event(json.dumps(event), served)


def updated(**changes: Any) -> Any:
    """Read that Ada's profile has become another one."""
    return read(auth0_event("user.updated", PROFILE | changes, PROFILE))


def edited(**changes: Any) -> Any:
    """Read that Ada's customer has become another one."""
    after = CUSTOMER | changes
    return read(stripe_event("customer.updated", after, changed(CUSTOMER, after)))


LINKED = [*PROFILE["identities"], {"provider": "google-oauth2", "user_id": "1"}]  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "new@example.com"},
        {"email_verified": False},
        {"email": None},
        {"name": "Ada Lovelace"},
        {"app_metadata": {"stripe_customer_id": "cus_1", "plan": "gold"}},
        {"app_metadata": {"plan": "free"}},
        {"app_metadata": {"stripe_customer_id": "cus_2", "plan": "free"}},
        {"identities": LINKED},
    ],
)
def test_what_a_customer_follows(changes: dict[str, Any]) -> None:
    """Leads to the user, with what Auth0 had before."""
    had = {"email": "ada@example.com", "name": "Ada", "metadata.plan": "free"}
    told = Told(hints=(Former(had, CustomerId("cus_1")),))

    assert updated(**changes) == (Sighting(ADA, EventKind.USER_UPDATED, told),)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"last_login": WHEN, "logins_count": 7, "last_ip": "127.0.0.1", "updated_at": WHEN},
        {"email": "Ada@Example.com"},
        {"blocked": True},
        {"user_metadata": {"colour": "blue"}, "picture": "https://example.com/ada.png"},
        {"app_metadata": {"stripe_customer_id": "cus_1", "plan": "free", "roles": ["admin"]}},
    ],
)
def test_what_no_customer_follows(changes: dict[str, Any]) -> None:
    """Is done with: a log-in changes some of it each time."""
    assert updated(**changes) is Passed.IRRELEVANT


def test_an_address_that_no_policy_lets_through() -> None:
    """Leads to nobody: under `ignore` there is none, verified or not."""
    event = auth0_event("user.updated", PROFILE | {"email": "new@example.com"}, PROFILE)
    verified = auth0_event("user.updated", PROFILE, PROFILE | {"email_verified": False})
    ignoring = Served(ACME, fields=FIELDS, email_changes=EmailChanges.IGNORE)

    assert read(event, ignoring) is Passed.IRRELEVANT
    assert read(verified, ignoring) is Passed.IRRELEVANT


@pytest.mark.parametrize("policy", [EmailChanges.VERIFIED, EmailChanges.ANY])
@pytest.mark.parametrize("changes", [{"email": "new@example.com"}, {"email": None}, {"name": "A"}])
def test_an_address_that_is_not_verified(changes: dict[str, Any], policy: EmailChanges) -> None:
    """Is told as what Auth0 had: Stripe may have it from the sign-up."""
    before = PROFILE | {"email_verified": False}
    served = Served(ACME, fields=FIELDS, email_changes=policy)
    [sighting] = read(auth0_event("user.updated", before | changes, before), served)

    assert sighting.told.hints[0].values["email"] == PROFILE["email"]


def test_without_what_was_before() -> None:
    """The user is to be looked at, unless what is shown was applied; linked accounts always."""
    shown = {"email": "ada@example.com", "name": "Ada", "metadata.plan": "free"}
    [alone] = read(auth0_event("user.updated", PROFILE))
    [linked] = read(auth0_event("user.updated", PROFILE | {"identities": LINKED}))

    assert alone.shown == Former(shown, CustomerId("cus_1"))
    assert (linked.user, linked.shown) == (ADA, None)


@pytest.mark.parametrize("kind", ["user.created", "user.deleted"])
def test_who_came_or_went(kind: str) -> None:
    """Is to be looked at; of who came it is known since when."""
    [sighting] = read(auth0_event(kind, PROFILE))

    assert (sighting.user, sighting.kind) == (ADA, kind)
    assert sighting.created_at.isoformat() == "2026-11-18T08:00:00+00:00"
    assert read(auth0_event(kind, {"user_id": ADA.user_id, "created_at": 5}))[0].created_at is None


@pytest.mark.parametrize(
    ("changes", "had"),
    [
        ({"email": "new@example.com"}, {"email": "ada@example.com"}),
        ({"name": "Countess"}, {"name": "Ada"}),
        ({"metadata": {**CUSTOMER["metadata"], "plan": "gold"}}, {"metadata.plan": "free"}),  # type: ignore[dict-item]
    ],
)
def test_an_edited_customer(changes: dict[str, Any], had: dict[str, str]) -> None:
    """Leads to its user, with what it had before and has now."""
    [sighting] = edited(**changes)

    assert (sighting.user, sighting.kind) == (ADA, EventKind.CUSTOMER_UPDATED)
    assert sighting.told == Told(edits=(Former(had, CustomerId("cus_1")),))
    assert sighting.shown.values.keys() == had.keys()
    assert sighting.shown.values != had


@pytest.mark.parametrize("changes", [{"name": None}, {"email": ""}, {"name": None, "email": "a@b"}])
def test_a_field_that_was_emptied(changes: dict[str, Any]) -> None:
    """Is no echo of ours, which never empties one."""
    [sighting] = edited(**changes)

    assert sighting.shown is None


@pytest.mark.parametrize(
    "changes",
    [
        {"balance": 5, "description": "a good one"},
        {"address": {"city": "Graz"}, "invoice_settings": {"footer": "x"}},
        {"phone": "+43 1"},
        {"metadata": {**CUSTOMER["metadata"], "shop": "1"}},  # type: ignore[dict-item]
    ],
)
def test_what_is_the_shops(changes: dict[str, Any]) -> None:
    """Is done with, and so is a field that this deployment does not fill."""
    assert edited(**changes) is Passed.IRRELEVANT


def naming(user_id: str | None, tenant: str | None = "acme", **more: str) -> dict[str, Any]:
    """Return metadata that names a user."""
    named = {"auth0_user_id": user_id, "auth0_tenant": tenant, **more}
    return {name: value for name, value in named.items() if value is not None}


@pytest.mark.parametrize(
    ("metadata", "users"),
    [
        (naming("auth0|bob"), {ADA, BOB}),
        (naming(None, None), {ADA}),
        (naming("auth0|ada", None), {ADA}),
        (naming("auth0|ada", "other"), {ADA}),
        (naming("auth0|bob", "other"), {ADA}),
        (naming(" "), {ADA}),
        (naming("registration|abc"), {ADA}),
        (naming("nobody's"), {ADA}),
    ],
)
def test_a_customer_that_names_another(metadata: dict[str, Any], users: set[User]) -> None:
    """Leads to both, the one whom it named before and the one whom it names now."""
    found = edited(metadata=metadata)

    assert {each.user for each in found} == users
    assert {each.shown for each in found} == {None}


def test_a_deleted_customer() -> None:
    """Leads to the user whom its metadata still names, and to no echo."""
    [sighting] = read(stripe_event("customer.deleted", CUSTOMER))

    assert (sighting.user, sighting.kind) == (ADA, EventKind.CUSTOMER_DELETED)
    assert sighting.told.customer_id == "cus_1"
    assert sighting.shown is None


def test_what_is_due() -> None:
    """Leads to the user, by the message that the repair sends."""
    assert read(due(ADA)) == (Sighting(ADA, EventKind.DUE),)
    assert read(due(User(Tenant("other"), ADA.user_id))) is Passed.OTHER_TENANT


LOGGED_IN = auth0_event("user.updated", PROFILE, PROFILE)
EDITED = {"name": "Countess"}


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (auth0_event("user.updated", PROFILE, is_test=True), Passed.TEST),
        (auth0_event("user.deleted", PROFILE, tenant="other"), Passed.OTHER_TENANT),
        (auth0_event("user.deleted", PROFILE, source=STRIPE_SOURCE), Passed.OTHER_SOURCE),
        (auth0_event("organization.created", {"id": "org_1"}), Passed.OTHER_KIND),
        (envelope("aws.s3", "Object Created", {"bucket": {}}), Passed.OTHER_KIND),
        (stripe_event("customer.created", CUSTOMER), Passed.OTHER_KIND),
        (stripe_event("customer.deleted", CUSTOMER, is_live=True), Passed.OTHER_MODE),
        (stripe_event("customer.deleted", CUSTOMER, source="aws.partner/x"), Passed.OTHER_SOURCE),
        (stripe_event("customer.deleted", {"id": "cus_1"}), Passed.NOBODY),
        (stripe_event("customer.deleted", {"id": "cus_1", "metadata": None}), Passed.NOBODY),
        (
            stripe_event("customer.deleted", {"id": "cus_1", "metadata": naming("auth0|x", "o")}),
            Passed.OTHER_TENANT,
        ),
        (
            stripe_event(
                "customer.deleted",
                {"id": "cus_1", "metadata": {"auth0_registration_id": "0" * 32}},
            ),
            Passed.NOBODY,
        ),
        (
            stripe_event(
                "customer.updated",
                {"id": "cus_9", "metadata": {"auth0_sync_beat": "2"}},
                {"metadata": {"auth0_sync_beat": "1"}},
            ),
            Passed.BEAT,
        ),
    ],
)
def test_who_is_not_ours(event: Document, why: Passed) -> None:
    """Counted by its kind, and nothing is done."""
    assert read(event) is why


def test_a_connected_accounts() -> None:
    """Its customers are none of the shop's, even with a name of ours."""
    event = stripe_event("customer.deleted", CUSTOMER)
    event["detail"]["account"] = "acct_1"

    assert read(event) is Passed.OTHER_ACCOUNT


def test_a_beat_hides_nothing() -> None:
    """An edit in the same update leads to the user all the same."""
    metadata = {**CUSTOMER["metadata"], "auth0_sync_beat": "1"}  # type: ignore[dict-item]

    assert edited(metadata=metadata, name="Countess")[0].user == ADA


def without(event: Document, *path: str) -> Document:
    """Return an event without a field."""
    copy: Document = json.loads(json.dumps(event))
    place = copy
    for each in path[:-1]:
        place = place[each]
    del place[path[-1]]
    return copy


GONE, DELETED = auth0_event("user.deleted", PROFILE), stripe_event("customer.deleted", CUSTOMER)


@pytest.mark.parametrize(
    ("event", "path", "told"),
    [
        (GONE, "source", "source is missing"),
        (GONE, "detail", "detail is missing"),
        (GONE, "detail.a0tenant", "detail.a0tenant is missing"),
        (GONE, "detail.data", "detail.data is missing"),
        (GONE, "detail.data.object", "detail.data.object is missing"),
        (GONE, "detail.data.object.user_id", "detail.data.object.user_id is missing"),
        (DELETED, "detail.livemode", "detail.livemode is missing"),
        (DELETED, "detail.data.object", "detail.data.object is missing"),
        (DELETED, "detail.data.object.id", "detail.data.object.id is missing"),
    ],
)
def test_what_is_missing_is_named(event: Document, path: str, told: str) -> None:
    """By its path, which the log has, and by nothing else."""
    assert str(read(without(event, *path.split(".")))) == told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "body is not JSON"),
        ("[" * 200_000, "body is not JSON"),
        ('{"a":' * 300 + "1" + "}" * 300, "source is missing"),
        ("[]", "body is not a JSON object"),
        ("17", "body is not a JSON object"),
        ("null", "body is not a JSON object"),
        ('"ada@example.com"', "body is not a JSON object"),
        ("\ufeff{}", "body is not JSON"),
        ("{}", "source is missing"),
        ('{"source": "\\ud83d", "detail": {}}', "source has the wrong type"),
        ('{"source": 7, "detail": {}}', "source has the wrong type"),
        ('{"source": "x", "detail": []}', "detail has the wrong type"),
        ('{"source": "x", "detail": {}}', "detail-type is missing"),
        ('{"source": "customerlink.due", "detail": {}}', "detail.tenant is missing"),
        (" " * (LONGEST + 1), f"body is longer than {LONGEST} bytes"),
    ],
)
def test_what_is_no_event(body: str, told: str) -> None:
    """Is told by what is wrong with it."""
    assert str(read_event(body, SERVED)) == told


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (auth0_event("user.deleted", {"user_id": 5}), "user_id has the wrong type"),
        (auth0_event("user.deleted", {"user_id": "a" * 256}), "user_id is longer than 255"),
        (auth0_event("user.deleted", {"user_id": "registration|1"}), "user_id is not a user's"),
        (auth0_event("user.deleted", {"user_id": "\ud83d"}), "user_id has the wrong type"),
        (stripe_event("customer.deleted", {"id": "ada@example.com"}), "id is not a customer's"),
        (stripe_event("customer.deleted", {"id": ["cus_1"]}), "id has the wrong type"),
    ],
)
def test_ids_that_are_none(event: Document, told: str) -> None:
    """Neither of a user nor of a customer: told without the value."""
    assert told in str(read(event))


@pytest.mark.parametrize("odd", ODD_VALUES)
@pytest.mark.parametrize("field", ["user_metadata", "name", "identities", "nobody's"])
def test_an_odd_field(field: str, odd: str) -> None:
    """Nobody's look depends on what else there is: it is absent, in the event as in the profile."""
    for kind in OF_AUTH0:
        event = auth0_event(kind, PROFILE | {field: "HERE"})
        body = json.dumps(event).replace('"HERE"', ODD_VALUES[odd])

        found = read_event(body, SERVED)
        assert isinstance(found, tuple)
        assert [each.user.user_id for each in found] == [PROFILE["user_id"]]


def test_200_kilobytes() -> None:
    """Are read like any other event: Auth0's carry the whole profile."""
    before = PROFILE | {"user_metadata": {"essay": "e" * 200_000}}
    event = auth0_event("user.updated", before | {"name": "Ada L."}, before)

    assert read(event)[0].user == ADA


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
PATHS = [
    ("source",),
    ("detail-type",),
    ("detail",),
    ("detail", "type"),
    ("detail", "a0tenant"),
    ("detail", "a0purpose"),
    ("detail", "account"),
    ("detail", "livemode"),
    ("detail", "data"),
    *(("detail", "data", name) for name in ("object", "previous_object", "previous_attributes")),
    *(("detail", "data", "object", name) for name in (*PROFILE, *CUSTOMER)),
    *(("detail", "data", "previous_object", name) for name in PROFILE),
    *(("detail", "data", "previous_attributes", name) for name in CUSTOMER),
    *(("detail", "data", "object", "metadata", name) for name in ("auth0_user_id", "plan")),
]


@given(
    st.sampled_from(
        [
            auth0_event("user.updated", PROFILE, PROFILE | {"name": "A"}),
            stripe_event("customer.updated", CUSTOMER, CUSTOMER),
            GONE,
        ]
    ),
    st.sampled_from(PATHS),
    JSON,
)
@settings(max_examples=150, deadline=None)
def test_nothing_raises(event: Document, path: tuple[str, ...], odd: Any) -> None:
    """Whatever stands wherever: a user, nobody, or what is wrong, and no value in it."""
    copy = json.loads(json.dumps(event))
    place = copy
    for each in path[:-1]:
        place = place[each] if isinstance(place.get(each), dict) else place.setdefault("else", {})
    place[path[-1]] = odd
    found = read_event(json.dumps(copy), SERVED)

    assert isinstance(found, tuple | Passed | Unreadable)
    assert "@example.com" not in repr(found)


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
@settings(max_examples=50, deadline=None)
def test_no_text_raises(body: str) -> None:
    """Nor does what is no JSON."""
    assert isinstance(read_event(body, SERVED), Unreadable | Passed)
