"""Actions: https://auth0.com/docs/api/management/v2/actions."""

import json
from typing import Any

import pytest
from auth0.management.core.api_error import ApiError
from tests.contract.auth0.conftest import Asked

from sandbox.auth0.api import ManagementApi

POST_LOGIN = "post-login"


def names(secrets: Any) -> list[str]:
    """Return the names of secrets."""
    return sorted(each.name for each in secrets)


def deployed(asked: Asked) -> str:
    """Create an Action and deploy it; return its id."""
    action = asked.add_action()
    asked.built(action.id)
    asked.api.actions.deploy(action.id)
    return str(action.id)


def flow(asked: Asked) -> list[Any]:
    """Return the bindings of the Login flow, in order."""
    return list(asked.api.actions.triggers.bindings.list(POST_LOGIN))


def refs(bindings: list[Any]) -> list[dict[str, Any]]:
    """Name bindings the way an update does."""
    return [
        {"ref": {"type": "binding_id", "value": each.id}, "display_name": each.display_name}
        for each in bindings
    ]


def bind(asked: Asked, bindings: list[dict[str, Any]]) -> list[Any]:
    """Replace the Login flow."""
    update = asked.api.actions.triggers.bindings.update_many
    return list(update(POST_LOGIN, bindings=bindings).bindings)


def by_action(action_id: str, display_name: str = "Contract") -> dict[str, Any]:
    """Name a new binding by its Action."""
    return {"ref": {"type": "action_id", "value": action_id}, "display_name": display_name}


def test_draft(asked: Asked) -> None:
    """Built after a while, and deployed nowhere yet."""
    action = asked.built(asked.add_action().id)

    assert action.status == "built"
    assert action.all_changes_deployed is False
    assert action.deployed_version is None
    assert (action.runtime, action.supported_triggers[0].id) == ("node22", POST_LOGIN)


def test_found_by_name(asked: Asked) -> None:
    """`actionName` and `triggerId` are filters."""
    action = asked.add_action()
    find = asked.api.actions.list

    assert [each.id for each in find(action_name=action.name)] == [action.id]
    assert [each.id for each in find(action_name=action.name, trigger_id=POST_LOGIN)] == [action.id]
    assert list(find(action_name=action.name, trigger_id="pre-user-registration")) == []


def test_a_name_is_taken_once(asked: Asked) -> None:
    """409 for the second."""
    action = asked.add_action()
    with pytest.raises(ApiError) as raised:
        asked.api.actions.create(
            name=action.name, supported_triggers=[{"id": POST_LOGIN, "version": "v3"}]
        )

    assert raised.value.status_code == 409


def test_deployed(asked: Asked) -> None:
    """Deploying makes a version of the draft."""
    action_id = deployed(asked)
    action = asked.api.actions.get(action_id)

    assert action.all_changes_deployed is True
    assert (action.deployed_version.number, action.deployed_version.deployed) == (1, True)
    assert action.deployed_version.code == action.code


def test_a_change_is_a_draft_again(asked: Asked) -> None:
    """What is deployed stays until the next deploy."""
    action_id = deployed(asked)
    asked.api.actions.update(action_id, code="exports.onExecutePostLogin = async () => 2;")
    action = asked.built(action_id)
    assert action.all_changes_deployed is False
    assert action.deployed_version.code != action.code

    asked.api.actions.deploy(action_id)
    versions = list(asked.api.actions.versions.list(action_id))
    assert [(each.number, each.deployed) for each in versions] == [(2, True), (1, False)]


def test_roll_back(asked: Asked) -> None:
    """An earlier version, deployed anew as the latest."""
    action_id = deployed(asked)
    (first,) = asked.api.actions.versions.list(action_id)
    asked.api.actions.update(action_id, code="exports.onExecutePostLogin = async () => 2;")
    asked.built(action_id)
    asked.api.actions.deploy(action_id)
    asked.api.actions.versions.deploy(action_id, first.id)
    now = asked.api.actions.get(action_id).deployed_version

    assert (now.number, now.code) == (3, first.code)
    assert asked.api.actions.versions.get(action_id, first.id).deployed is False


def test_secrets_are_never_returned(asked: Asked) -> None:
    """Names and dates only, in every answer."""
    action_id = deployed(asked)
    raw = asked.api.actions.with_raw_response.get(action_id).data
    versions = list(asked.api.actions.versions.list(action_id))

    assert names(raw.secrets) == names(versions[0].secrets) == ["ONE", "TWO"]
    for each in (*raw.secrets, *raw.deployed_version.secrets, *versions[0].secrets):
        assert set(json.loads(each.json())) == {"name", "updated_at"}


def test_secrets_are_replaced(asked: Asked) -> None:
    """The list that is sent is the list; a name without a value keeps the value that it has."""
    action_id = deployed(asked)
    asked.api.actions.update(action_id, secrets=[{"name": "TWO"}, {"name": "NEW", "value": "3"}])
    asked.built(action_id)
    asked.api.actions.deploy(action_id)
    action = asked.api.actions.get(action_id)

    assert names(action.secrets) == names(action.deployed_version.secrets) == ["NEW", "TWO"]
    if asked.inside:
        assert asked.inside.actions.secrets_of(action.name) == {"TWO": "2", "NEW": "3"}


def times(secrets: Any) -> dict[str, Any]:
    """Return when each secret was last set."""
    return {each.name: each.updated_at for each in secrets}


def test_time_of_a_secret(asked: Asked) -> None:
    """It changes when the value is given, the same one or another, and with nothing else.

    https://auth0.com/docs/api/management/v2/actions/get-action: `updated_at`, the time when the
    secret was last updated. An update's answer tells it already, and a deployment keeps it.
    """
    action_id = deployed(asked)
    before = times(asked.api.actions.get(action_id).secrets)
    asked.clock.offset += 5
    code = "exports.onExecutePostLogin = async () => 3;"
    kept = asked.api.actions.update(
        action_id, code=code, secrets=[{"name": "ONE"}, {"name": "TWO"}]
    )
    asked.built(action_id)
    asked.api.actions.deploy(action_id)
    redeployed = asked.api.actions.get(action_id)
    given = asked.api.actions.update(
        action_id, secrets=[{"name": "ONE", "value": "1"}, {"name": "TWO"}]
    )
    draft = asked.built(action_id)

    assert all(before.values())
    assert times(kept.secrets) == times(redeployed.secrets) == before
    assert times(redeployed.deployed_version.secrets) == before
    assert times(given.secrets)["ONE"] > before["ONE"]
    assert times(given.secrets) == times(draft.secrets)
    assert times(given.secrets)["TWO"] == before["TWO"]
    assert times(draft.deployed_version.secrets) == before


def test_a_new_secret_needs_a_value(asked: Asked) -> None:
    """400, and nothing changes."""
    action_id = deployed(asked)
    with pytest.raises(ApiError) as raised:
        asked.api.actions.update(action_id, secrets=[{"name": "NEW"}])

    assert raised.value.status_code == 400
    assert names(asked.api.actions.get(action_id).secrets) == ["ONE", "TWO"]


def test_unbuilt_draft_is_not_deployed(asked: Asked, inside: ManagementApi) -> None:
    """While it is built, and when that failed: 400."""
    inside.actions.build_seconds = 5.0
    action = asked.add_action()
    with pytest.raises(ApiError) as raised:
        asked.api.actions.deploy(action.id)
    asked.built(action.id)
    inside.actions.build_seconds = 0.0
    broken = asked.built(asked.add_action(f"// {inside.actions.broken_code}").id)
    with pytest.raises(ApiError) as failed:
        asked.api.actions.deploy(broken.id)

    assert (raised.value.status_code, failed.value.status_code) == (400, 400)
    assert broken.status == "failed"


def test_limit(asked: Asked, inside: ManagementApi) -> None:
    """A plan allows so many Actions."""
    inside.actions.limit, before = 0, inside.actions.limit
    with pytest.raises(ApiError) as raised:
        asked.add_action()
    inside.actions.limit = before

    assert raised.value.status_code == 403


def test_bindings_are_replaced(asked: Asked) -> None:
    """In the order in which they are given; what the list lacks is unbound."""
    before = refs(flow(asked))
    one, two = deployed(asked), deployed(asked)
    bind(asked, [by_action(one), *before, by_action(two)])
    ids = [each.action.id for each in flow(asked)]
    assert (ids[0], ids[-1]) == (one, two)

    bind(asked, before)
    assert refs(flow(asked)) == before


def test_a_binding_keeps_its_id(asked: Asked) -> None:
    """By `binding_id` or again by its Action."""
    before = refs(flow(asked))
    (*_, first) = bind(asked, [*before, by_action(deployed(asked))])
    (*_, second) = bind(asked, [*before, *refs([first])])
    (*_, third) = bind(asked, [*before, by_action(first.action.id, "Renamed")])
    bind(asked, before)

    assert first.id == second.id == third.id
    assert third.display_name == "Renamed"


def test_an_undeployed_action_is_not_bound(asked: Asked) -> None:
    """400, and the flow stays as it was."""
    before = flow(asked)
    action = asked.built(asked.add_action().id)
    with pytest.raises(ApiError) as raised:
        bind(asked, [by_action(action.id)])

    assert raised.value.status_code == 400
    assert [each.id for each in flow(asked)] == [each.id for each in before]


def test_a_bound_action_is_deleted_by_force_only(asked: Asked) -> None:
    """And then it is out of the flow."""
    before = refs(flow(asked))
    action_id = deployed(asked)
    bind(asked, [*before, by_action(action_id)])
    with pytest.raises(ApiError) as raised:
        asked.api.actions.delete(action_id)
    asked.api.actions.delete(action_id, force=True)
    asked.made.clear()

    assert raised.value.status_code == 409
    assert refs(flow(asked)) == before


def test_triggers(asked: Asked) -> None:
    """The post-login trigger, its version and runtimes."""
    triggers = asked.api.actions.triggers.list().triggers
    found = [each for each in triggers if each.id == POST_LOGIN and each.version == "v3"]

    assert "node22" in found[0].runtimes
