"""The export of all users: https://auth0.com/docs/manage-users/user-migration/bulk-user-exports."""

import json
from typing import Any

import httpx
import pytest
from auth0.management.core.api_error import ApiError
from tests.contract.auth0.conftest import Asked, download, rows

from sandbox.auth0.api import ManagementApi
from sandbox.auth0.jobs import MAX_IMPORT


def test_export(asked: Asked, email: str) -> None:
    """Every user on a line of its own, with the fields that were asked for."""
    user = asked.add_user(email, app_metadata={"stripe_customer_id": "cus_1", "b": {"c": 1}})
    bare = asked.add_user(f"x{email}")
    exported = asked.export(["user_id", "email", "app_metadata", "identities"])
    by_id = {each["user_id"]: each for each in exported}

    assert by_id[user]["email"] == email
    assert by_id[user]["app_metadata"] == {"stripe_customer_id": "cus_1", "b": {"c": 1}}
    assert by_id[user]["identities"][0]["provider"] == "auth0"
    assert not by_id[bare].get("app_metadata")
    assert len(by_id) == len(exported)


def test_export_of_a_key(asked: Asked, email: str) -> None:
    """A path names a key of the metadata, and `export_as` the column."""
    user = asked.add_user(email, app_metadata={"stripe_customer_id": "cus_1", "b": 1})
    fields = [
        {"name": "user_id"},
        {"name": "app_metadata.stripe_customer_id", "export_as": "customer"},
    ]
    job = asked.api.jobs.users_exports.create(format="json", fields=fields)

    assert (job.type, job.status) == ("users_export", "pending")
    exported = rows(download(asked.finished(job.id).location))
    assert {"user_id": user, "customer": "cus_1"} in exported


def test_running_job(asked: Asked, inside: ManagementApi) -> None:
    """No link before the job is completed."""
    inside.jobs.export_seconds = 10.0
    job = asked.api.jobs.users_exports.create(format="json")
    running = asked.api.jobs.get(job.id)
    asked.clock.offset += 10
    completed = asked.api.jobs.get(job.id)
    inside.jobs.export_seconds = 0.0

    assert (running.status, running.location) == ("processing", None)
    assert completed.status == "completed"


def test_expired_link(asked: Asked, inside: ManagementApi) -> None:
    """The link lasts a minute; asking for the job again gives a new one."""
    job = asked.api.jobs.users_exports.create(format="json")
    old = asked.finished(job.id).location
    assert download(old).status_code == 200

    asked.clock.offset += inside.jobs.link_seconds
    assert download(old).status_code == 403
    assert download(asked.finished(job.id).location).status_code == 200


def test_unknown_job(asked: Asked) -> None:
    """404 `inexistent_job`."""
    with pytest.raises(ApiError) as raised:
        asked.api.jobs.get("job_0000000000000000")

    assert raised.value.status_code == 404


def test_verification_mail(asked: Asked, inside: ManagementApi, email: str) -> None:
    """A job as well (…/jobs/post-verification-email); the stand-in alone, for it sends mail."""
    user = asked.add_user(email)
    job = asked.api.jobs.verification_email.create(user_id=user)

    assert (job.type, inside.jobs.mails[-1]) == ("verification_email", user)
    assert asked.finished(job.id).location is None


def imported(asked: Asked, content: bytes, **form: str) -> Any:
    """Send a file of users, as a form does."""
    answer = httpx.post(
        f"{asked.url}/api/v2/jobs/users-imports",
        headers={"Authorization": f"Bearer {asked.token()['access_token']}"},
        data=form,
        files={"users": ("users.json", content)},
    )
    return answer.json() | {"status_code": answer.status_code}


def test_import(asked: Asked, inside: ManagementApi, email: str) -> None:
    """Ids get their prefix, metadata stays, an address is verified only where the file says so.

    https://auth0.com/docs/api/management/v2/jobs/post-users-imports; the stand-in alone, for a
    tenant's connection has an id of its own.
    """
    metadata = {"stripe_customer_id": "cus_1"}
    first = {"user_id": email, "email": email, "email_verified": True, "app_metadata": metadata}
    second = {"email": f"x{email}"}
    content = json.dumps([first, second, first]).encode()
    job = imported(asked, content, connection_id="con_1")
    ours = [each for each in inside.users.values() if each.get("email") in (email, f"x{email}")]

    assert (job["status_code"], job["type"]) == (201, "users_import")
    assert job["summary"] == {"inserted": 2, "failed": 1, "updated": 0, "total": 3}
    assert asked.finished(job["id"]).status == "completed"
    assert ours[0]["user_id"] == f"auth0|{email}"
    assert (ours[0]["app_metadata"], ours[0]["logins_count"]) == (metadata, 0)
    assert [each["email_verified"] for each in ours] == [True, False]


@pytest.mark.parametrize(
    ("content", "form", "status"),
    [
        (b"[]", {}, 400),
        (b"not JSON", {"connection_id": "con_1"}, 400),
        (b" " * (MAX_IMPORT + 1), {"connection_id": "con_1"}, 413),
    ],
)
def test_import_that_is_refused(
    asked: Asked, inside: ManagementApi, content: bytes, form: dict[str, str], status: int
) -> None:
    """Without a connection, not JSON, or larger than 500 KB: nobody is imported."""
    before = len(inside.users)

    assert imported(asked, content, **form)["status_code"] == status
    assert len(inside.users) == before
