"""Jobs: the export of all users, an import, and the mail that asks for a verification."""

import gzip
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.auth0.bodies import LONGEST_USER_ID, PROFILE
from sandbox.auth0.failure import Auth0Failure, bad_body
from sandbox.auth0.mail import Inbox
from sandbox.auth0.users import Users
from sandbox.shapes import OddRequestError, check, document_of, line

DEFAULT_FIELDS = ("user_id", "email", "email_verified", "name", "created_at", "updated_at")

MAX_IMPORT = 500 * 1024
"""https://auth0.com/docs/manage-users/user-migration/bulk-user-imports"""

_ROW = {**PROFILE, "user_id": line(LONGEST_USER_ID)}

type Json = dict[str, Any]


class Jobs:
    """https://auth0.com/docs/manage-users/user-migration/bulk-user-exports."""

    def __init__(self, users: Users, clock: Callable[[], float] = time.time) -> None:
        """Start with none."""
        self.export_seconds = 0.0
        """How long an export runs."""
        self.link_seconds = 60.0
        """How long the link to an exported file is good for."""
        self.inbox = Inbox(users)
        """Where the mails that verify an address are."""
        self._users = users
        self._clock = clock
        self._lock = threading.RLock()
        self._jobs: dict[str, Json] = {}
        self._files: dict[str, bytes] = {}
        self._links: dict[str, tuple[str, float]] = {}

    @property
    def mails(self) -> list[str]:
        """Return to whom a verification was sent, by `user_id`."""
        return [each.user_id for each in self.inbox.sent]

    def export(self, body: Mapping[str, Any]) -> Json:
        """`POST /jobs/users-exports`: an export of the users as they are when it runs."""
        if body.get("format", "csv") != "json":
            raise bad_body("Only the format json is known here: on property format")
        asked = body.get("fields", [])
        if not all(each.get("name") for each in asked):
            raise bad_body("Missing required property: name on property fields")
        fields = [(each["name"], each.get("export_as", each["name"])) for each in asked]
        fields = fields or [(each, each) for each in DEFAULT_FIELDS]
        rows = [json.dumps(_picked(user, fields)) for user in self._users.exported()]
        rows = rows[: body.get("limit", len(rows))]
        job = self._add("users_export") | {"format": "json"}
        with self._lock:
            self._jobs[job["id"]] = job
            self._files[job["id"]] = gzip.compress("".join(f"{row}\n" for row in rows).encode())
        return _shown(job)

    def import_users(self, form: Mapping[str, str], content: bytes) -> Json:
        """`POST /jobs/users-imports`: users of a database connection, out of a file.

        https://auth0.com/docs/api/management/v2/jobs/post-users-imports: an address counts as not
        verified unless the file says otherwise.
        """
        if not form.get("connection_id"):
            raise bad_body("Missing required property: connection_id")
        if len(content) > MAX_IMPORT:
            raise Auth0Failure(413, "Payload content length greater than maximum allowed: 512000")
        try:
            rows = document_of(content)
        except OddRequestError:
            rows = None
        if not isinstance(rows, list):
            raise bad_body("Users file is not valid JSON")
        imported = [self._imported(each) for each in rows]
        job = self._add("users_import")
        counts = {"inserted": sum(imported), "failed": len(imported) - sum(imported), "updated": 0}
        job["summary"] = counts | {"total": len(imported)}
        return _shown(job)

    def _imported(self, row: Json) -> bool:
        try:
            check(row, _ROW, "the row")
        except OddRequestError:
            return False
        user_id = f"auth0|{row.get('user_id') or secrets.token_hex(12)}"
        email = (row.get("email") or "").lower()
        profile = {name: value for name, value in row.items() if name in PROFILE}
        with self._users.lock:
            taken = [each for each in self._users.values() if each.get("email") == email]
            if not email or taken or user_id in self._users:
                return False
            self._users.add({"email_verified": False, **profile, "email": email}, user_id)
        return True

    def send_verification(self, body: Mapping[str, Any]) -> Json:
        """`POST /jobs/verification-email`."""
        if not body.get("user_id"):
            raise bad_body("Missing required property: user_id")
        self.inbox.send(body["user_id"])
        return _shown(self._add("verification_email"))

    def get(self, job_id: str, base: str) -> Json:
        """`GET /jobs/{id}`: when it is done, with a link that does not last."""
        with self._lock:
            if job_id not in self._jobs:
                raise Auth0Failure(404, "The job does not exist.", "inexistent_job")
            job = self._jobs[job_id]
            running = self._clock() - job["started"] < self.export_seconds
            if running and job["type"] == "users_export":
                return _shown(job) | {"status": "processing", "percentage_done": 50}
            done = _shown(job) | {"status": "completed", "percentage_done": 100}
            if job_id not in self._files:
                return done
            token = secrets.token_urlsafe(16)
            self._links[token] = (job_id, self._clock() + self.link_seconds)
            return done | {"location": f"{base}exports/{token}/{job_id}.json.gz"}

    def file(self, token: str) -> bytes | None:
        """Return an exported file, gzipped JSON lines, while its link is good."""
        with self._lock:
            job_id, until = self._links.get(token, ("", 0.0))
            return self._files[job_id] if self._clock() < until else None

    def _add(self, kind: str) -> Json:
        created = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        job: Json = {
            "id": f"job_{secrets.token_hex(8)}",
            "type": kind,
            "status": "pending",
            "created_at": created,
            "started": self._clock(),
        }
        with self._lock:
            self._jobs[job["id"]] = job
        return job


def _shown(job: Json) -> Json:
    return {name: value for name, value in job.items() if name != "started"}


def _picked(user: Json, fields: Sequence[tuple[str, str]]) -> Json:
    values = {export_as: _at(user, name) for name, export_as in fields}
    return {name: value for name, value in values.items() if value is not None}


def _at(user: Json, path: str) -> Any:  # noqa: ANN401 (a profile's value)
    """Read `app_metadata.plan` the way the export's field names mean it."""
    value: Any = user
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
