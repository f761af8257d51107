"""Events of users: https://auth0.com/docs/customize/events/event-types."""

import pytest
from tests.contract.auth0.conftest import CONNECTION, EVENTS, Asked, parsed

from sandbox.auth0.api import ManagementApi
from sandbox.events import AUTH0_SOURCE, auth0_event

LINKING = "https://auth0.com/docs/manage-users/user-accounts/user-account-linking"


def test_created(asked: Asked, email: str) -> None:
    """With when that was, by which it is told whether the first login was reported."""
    user = asked.add_user(email, name="Ada")
    [created] = asked.told(user, 1)

    assert (created.type, created.data.object.email) == ("user.created", email)
    assert created.data.object.created_at <= created.data.object.updated_at
    assert created.data.previous_object is None


def test_updated(asked: Asked, email: str) -> None:
    """As the user is, and all of it as it was: what did not change is there too."""
    user = asked.add_user(email, name="Ada", email_verified=True)
    asked.api.users.update(user, name="Countess")
    _, updated = asked.told(user, 2)
    now, before = updated.data.object, updated.data.previous_object

    assert updated.type == "user.updated"
    assert (before.name, now.name) == ("Ada", "Countess")
    assert (before.email, before.email_verified) == (now.email, now.email_verified) == (email, True)
    assert [each.user_id for each in before.identities] == [each.user_id for each in now.identities]
    assert before.user_id in (None, user)


def test_whose_they_are(asked: Asked, email: str) -> None:
    """The tenant's name, and an id that no other event has."""
    user = asked.add_user(email)
    asked.api.users.update(user, name="Countess")
    told = asked.told(user, 2)

    assert {each.source for each in told} == {f"urn:auth0:{told[0].a_0_tenant}.us.auth0.com"}
    assert len({each.id for each in told}) == 2
    assert {each.a_0_purpose for each in told} == {None}


@pytest.mark.parametrize(
    "metadata", [{"stripe_customer_id": "cus_1"}, {"plan": "gold"}, {"nested": {"a": 1}}]
)
def test_metadata_that_is_merged(asked: Asked, email: str, metadata: dict[str, object]) -> None:
    """Is told like any other change: so are our own writes."""
    user = asked.add_user(email)
    asked.api.users.update(user, app_metadata=metadata)
    _, updated = asked.told(user, 2)
    before, now = updated.data.previous_object, updated.data.object

    assert now.app_metadata == metadata
    assert before.app_metadata in (None, {})


def test_accounts_that_are_linked(asked: Asked, email: str) -> None:
    """The primary has one identity more, and the secondary is deleted: LINKING above."""
    primary, secondary = asked.add_user(email), asked.add_user(f"b-{email}")
    provider, _, name = secondary.partition("|")
    asked.api.users.identities.link(primary, provider=provider, user_id=name)
    _, updated = asked.told(primary, 2)
    _, deleted = asked.told(secondary, 2)
    before, now = updated.data.previous_object, updated.data.object

    assert [len(each.identities) for each in (before, now)] == [1, 2]
    assert (now.identities[1].user_id, now.identities[1].connection) == (name, CONNECTION)
    assert deleted.type == "user.deleted"


def test_deleted(asked: Asked, email: str) -> None:
    """As the user was, and when."""
    user = asked.add_user(email, app_metadata={"stripe_customer_id": "cus_1"})
    asked.api.users.delete(user)
    _, deleted = asked.told(user, 2)
    was = deleted.data.object

    assert (deleted.type, was.email) == ("user.deleted", email)
    assert was.app_metadata == {"stripe_customer_id": "cus_1"}
    assert was.deleted_at is not None


@pytest.mark.parametrize("tells", [False, True])
def test_a_log_in(asked: Asked, inside: ManagementApi, email: str, tells: bool) -> None:  # noqa: FBT001
    """Nobody documents whether it is told: the stand-in does either, and both lead to nothing."""
    user = asked.add_user(email)
    inside.users.tells_log_ins = tells
    inside.users.count_login(user)
    inside.users.tells_log_ins = False

    assert len(asked.told(user, 2)) == 1 + tells


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("kind", EVENTS)
def test_a_test_event(kind: str) -> None:
    """Is marked: `a0purpose`."""
    times = dict.fromkeys(("created_at", "updated_at", "deleted_at"), "2026-11-18T08:00:00Z")
    user = {"user_id": "auth0|1", "identities": [], **times}
    event = parsed(auth0_event(kind, user, is_test=True)["detail"])

    assert event.a_0_purpose == "test"


def test_the_envelope(asked: Asked, inside: ManagementApi, email: str) -> None:
    """EventBridge's, whose `detail-type` is the event's: https://auth0.com/docs/customize/events."""
    inside.users.add({"email": email}, "auth0|envelope")
    event = asked.envelopes[-1]

    assert (event["source"], event["detail-type"]) == (AUTH0_SOURCE, event["detail"]["type"])
    assert {*event} == {
        *("version", "id", "detail-type", "source", "account", "time"),
        *("region", "resources", "detail"),
    }
