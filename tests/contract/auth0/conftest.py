"""Whom the facts are asked of: the stand-in, or a tenant when its client is given.

`AUTH0_DOMAIN=… AUTH0_CLIENT_ID=… AUTH0_CLIENT_SECRET=… make contract` asks the tenant, which should
be one for tests: users and Actions are made there, and removed again. The client needs the scopes
of `sandbox.auth0.api.SCOPES` and `read:events`, the tenant a `Username-Password-Authentication`
connection.
"""

import gzip
import json
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import httpx
import pytest
from auth0.authentication import GetToken
from auth0.management import Auth0
from auth0.management.core.pydantic_utilities import parse_obj_as
from auth0.management.types.event_stream_cloud_event_user_created_cloud_event import (
    EventStreamCloudEventUserCreatedCloudEvent,
)
from auth0.management.types.event_stream_cloud_event_user_deleted_cloud_event import (
    EventStreamCloudEventUserDeletedCloudEvent,
)
from auth0.management.types.event_stream_cloud_event_user_updated_cloud_event import (
    EventStreamCloudEventUserUpdatedCloudEvent,
)

from sandbox.auth0.api import ManagementApi, management_app
from sandbox.auth0.users import Users
from sandbox.events import of_user
from sandbox.serving import Server

DOMAIN = os.environ.get("AUTH0_DOMAIN", "")
CONNECTION = "Username-Password-Authentication"
JOB_SECONDS = 300
EVENT_SECONDS = 120

EVENTS: dict[str, Any] = {
    "user.created": EventStreamCloudEventUserCreatedCloudEvent,
    "user.updated": EventStreamCloudEventUserUpdatedCloudEvent,
    "user.deleted": EventStreamCloudEventUserDeletedCloudEvent,
}
"""What is told of users, and the package's model of each."""


class Clock:
    """The stand-in's time, which a test may move."""

    def __init__(self) -> None:
        """Start now."""
        self.offset = 0.0

    def time(self) -> float:
        """Return unix seconds."""
        return time.time() + self.offset


class Asked:
    """A tenant to ask, by auth0-python."""

    def __init__(
        self, url: str, client: tuple[str, str], inside: ManagementApi | None, clock: Clock
    ) -> None:
        """Take the tenant's address and a machine-to-machine application."""
        self.url, self.client, self.inside, self.clock = url, client, inside, clock
        self.api = self.with_token(self.token()["access_token"])
        self.made: list[tuple[str, str]] = []
        self.envelopes: list[Any] = []
        self._since = datetime.now(UTC).isoformat()

    def token(self, client_id: str | None = None, client_secret: str | None = None) -> Any:
        """Ask for a token by client credentials."""
        protocol, _, domain = self.url.partition("://")
        client = GetToken(
            domain, client_id or self.client[0], client_secret or self.client[1], protocol=protocol
        )
        return client.client_credentials(f"{self.url}/api/v2/")

    def with_token(self, token: str) -> Any:
        """Return the Management API's client, without retries."""
        return Auth0(base_url=f"{self.url}/api/v2", token=token, max_retries=0)

    def add_user(self, email: str, **profile: Any) -> str:
        """Create a user who is deleted afterwards."""
        password = f"aA1-{uuid.uuid4()}"
        made = self.api.users.create(
            connection=CONNECTION, email=email, password=password, **profile
        )
        self.made.append(("users", made.user_id))
        return str(made.user_id)

    def add_action(self, code: str = "exports.onExecutePostLogin = async () => {};") -> Any:
        """Create an Action that is deleted afterwards, and wait until it is built."""
        action = self.api.actions.create(
            name=f"contract-{uuid.uuid4().hex[:12]}",
            supported_triggers=[{"id": "post-login", "version": "v3"}],
            code=code,
            runtime="node22",
            secrets=[{"name": "ONE", "value": "1"}, {"name": "TWO", "value": "2"}],
        )
        self.made.append(("actions", action.id))
        return action

    def told(self, user_id: str, number: int) -> list[Any]:
        """Return so many events of a user, as the package's models have them, in their order.

        A tenant's are read from its Events API, for which the client needs `read:events`.
        """
        if self.inside:
            found = [parsed(each["detail"]) for each in self.envelopes]
            return [each for each in found if each.data.object.user_id == user_id]
        stream = self.api.events.subscribe(
            from_timestamp=self._since,
            event_type=[*EVENTS],
            request_options={"timeout_in_seconds": EVENT_SECONDS},
        )
        told = (each.event for each in stream if getattr(each, "event", None))
        of_them = (each for each in told if each.data.object.user_id == user_id)
        return sorted(islice(of_them, number), key=lambda each: each.time)

    def built(self, action_id: str) -> Any:
        """Wait until a draft is built, or has failed to."""
        while (action := self.api.actions.get(action_id)).status not in ("built", "failed"):
            self.wait(1)
        return action

    def wait(self, seconds: float) -> None:
        """Let time pass, on whichever clock counts."""
        if self.inside:
            self.clock.offset += seconds
        else:
            time.sleep(seconds)

    def export(self, fields: list[str]) -> list[Any]:
        """Run a users-export job to its end; return the rows."""
        wanted = [{"name": each} for each in fields]
        job = self.api.jobs.users_exports.create(format="json", fields=wanted)
        return rows(download(self.finished(job.id).location))

    def finished(self, job_id: str) -> Any:
        """Poll a job until it is done."""
        for _ in range(JOB_SECONDS):
            if (job := self.api.jobs.get(job_id)).status == "completed":
                return job
            self.wait(1)
        raise TimeoutError(f"the job was not done within {JOB_SECONDS} s")

    def clear(self) -> None:
        """Remove what was made."""
        for kind, each in self.made:
            if kind == "users":
                self.api.users.delete(each)
            else:
                self.api.actions.delete(each, force=True)
        self.made.clear()


def parsed(event: Any) -> Any:
    """Return an event of a user as the package's model has it."""
    return parse_obj_as(EVENTS[event["type"]], event)


def rows(file: httpx.Response) -> list[Any]:
    """Read an exported file: JSON lines, gzipped."""
    return [json.loads(line) for line in gzip.decompress(file.content).splitlines()]


def download(link: str) -> httpx.Response:
    """Fetch an exported file."""
    return httpx.get(link)


@pytest.fixture(scope="module")
def target() -> Iterator[Asked]:
    """Return the tenant, or the stand-in."""
    clock = Clock()
    if DOMAIN:
        client = os.environ["AUTH0_CLIENT_ID"], os.environ["AUTH0_CLIENT_SECRET"]
        yield Asked(f"https://{DOMAIN}", client, None, clock)
        return
    inside = ManagementApi(Users(clock.time), clock.time)
    with Server(management_app(inside)) as server:
        asked = Asked(server.url, inside.add_client(), inside, clock)
        inside.users.tell = lambda *change: asked.envelopes.append(of_user(*change))
        yield asked


@pytest.fixture
def asked(target: Asked) -> Iterator[Asked]:
    """Ask, and leave nothing behind."""
    yield target
    target.clear()


@pytest.fixture
def inside(asked: Asked) -> ManagementApi:
    """Return the stand-in's inside, for what nobody can make a tenant do."""
    if asked.inside is None:
        pytest.skip("A tenant does not do this on demand: only the stand-in can be asked")
    return asked.inside


@pytest.fixture
def email() -> str:
    """Return an address that nobody has."""
    return f"contract-{uuid.uuid4().hex}@example.com"
