"""The backfill in steps, each small enough for a Lambda function; their files are in S3.

Each step may run twice: it writes the same files again.
"""

import gzip
import itertools
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from customerlink.adapters.auth0.download import downloading
from customerlink.adapters.auth0.management import Users
from customerlink.adapters.duckdb import Store
from customerlink.adapters.stripe.listing import Listing, line
from customerlink.adapters.trouble import failure_of, trouble_of
from customerlink.model.candidate import Candidate
from customerlink.model.documents import lines
from customerlink.model.drift import Drift
from customerlink.model.errors import CustomerLinkError
from customerlink.model.failure import FailedAt, Failure, How
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.row import RowOutcome, unread
from customerlink.model.trust import Trust
from customerlink.model.user import Tenant
from customerlink.ports.refusals import Refusals
from customerlink.usecases.backfill import Backfilled, BackfillStatus
from customerlink.usecases.compare import count_denied, foreign
from customerlink.usecases.rows import Rows

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# By the lowest plan's limits three workers share 0.8 users a second: 375 s, of the 900 that a step
# has; sync and repair may take their part.
CHUNK = 100
"""Users whom one worker does at a time."""

TIME_TO_WRITE_SECONDS = 30.0
"""Kept back at a step's end, to write down what it did."""

_TIME_WAS_UP = Failure(FailedAt.START, How.OUT_OF_TIME)

type Left = Callable[[], float]
"""Returns the seconds that a step may still take."""


class ExportFailedError(CustomerLinkError):
    """Auth0's export of the users failed."""

    failed_at = FailedAt.AUTH0


class ChunkUnfinishedError(CustomerLinkError):
    """Some users of a chunk have no customer yet: the same chunk is to be done again."""


@dataclass(frozen=True)
class Files:
    """One run's files, under a prefix of a bucket."""

    s3: "S3Client"
    bucket: str
    run: str

    def put(self, name: str, content: bytes) -> None:
        """Write a file."""
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.run}/{name}", Body=content)

    def upload(self, name: str, path: Path) -> None:
        """Write a file from disk, in parts where it is large."""
        self.s3.upload_file(str(path), self.bucket, f"{self.run}/{name}")

    def read(self, name: str) -> bytes:
        """Read a file; empty where there is none."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=f"{self.run}/{name}")
        except self.s3.exceptions.NoSuchKey:
            # S3 says so only to who may list the bucket (`ListFiles`); others are denied access.
            return b""
        return answer["Body"].read()

    def download(self, prefix: str, folder: Path) -> list[Path]:
        """Fetch all files below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.run}/{prefix}"
        )
        paths = []
        for each in itertools.chain.from_iterable(page.get("Contents", []) for page in pages):
            path = folder / each["Key"].replace("/", "-")
            self.s3.download_file(self.bucket, each["Key"], str(path))
            paths.append(path)
        return paths


@dataclass(frozen=True)
class Segment:
    """Customers by when they were created, and how far they have been listed.

    The execution's state has it by these names.
    """

    segment: int
    start: int
    end: int
    part: int = 0
    after: str | None = None
    is_done: bool = False


def segments(listing: Listing) -> list[Segment]:
    """Return the segments in which Stripe's customers are listed, side by side."""
    edges = listing.edges(time.time())
    return [Segment(number, *ends) for number, ends in enumerate(itertools.pairwise(edges))]


def list_segment(segment: Segment, listing: Listing, files: Files, left: Left) -> Segment:
    """List a segment's customers, or as many as there is time for; return what is left of it."""
    rows: list[ListedCustomer] = []
    is_done = True
    for page in listing.pages(segment.start, segment.end, segment.after):
        rows += page
        if left() < TIME_TO_WRITE_SECONDS:
            is_done = False
            break
    name = f"customers/{segment.segment:03d}-{segment.part:05d}.json.gz"
    files.put(name, gzip.compress("".join(map(line, rows)).encode()))
    after = rows[-1].id if rows else segment.after
    return replace(segment, part=segment.part + 1, after=after, is_done=is_done)


def export(job: str, users: Users, files: Files) -> dict[str, str | bool]:
    """Look at an export, and keep its file as soon as there is one."""
    status, location = users.export(job)
    if status == "failed":
        raise ExportFailedError("Auth0's export of the users failed", How.REFUSED)
    if location is None:
        return {"job": job, "is_done": False}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "users.json.gz"
        with downloading(location) as pieces, path.open("wb") as content:
            content.writelines(pieces)
        files.upload("users/users.json.gz", path)
    return {"job": job, "is_done": True}


def compare(
    tenant: str, files: Files, refusals: Refusals, folder: Path, trust: Trust
) -> dict[Drift | RowOutcome, int]:
    """Join both sides, and write the users without a customer, in chunks; return the counts.

    Beside each kind's it is that of the export's lines which are lost: they may be anybody.
    """
    # A step that ran out of time has left its files in the warm function.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with closing(Store(folder, trust)) as store:
            store.load_users(*files.download("users/", folder))
            store.load_customers(*files.download("customers/", folder))
            store.classify(tenant)
            rows = [*foreign(store, Tenant(tenant)), *store.odd()]
            odd = "".join(json.dumps(each.document()) + "\n" for each in rows)
            files.put("odd.json", odd.encode())
            count_denied(store, refusals)
            chunks = itertools.batched(store.without_customer(), CHUNK, strict=False)
            for number, chunk in enumerate(chunks):
                todo = "".join(each.line() for each in chunk)
                files.put(f"todo/{number:06d}.json", todo.encode())
            return store.counts() | {RowOutcome.UNREAD: len(unread(store.odd()))}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def provision_chunk(
    name: str,
    files: Files,
    provision: Callable[[Candidate], Backfilled],
    left: Left,
) -> dict[str, int]:
    """Provision a chunk's users, those whom an earlier try did left out.

    Raise `ChunkUnfinishedError` when some failed in a way that may pass, or the time was up: done
    again, it goes on. What else one of them raises is that user's end, and the chunk's is another.
    """
    kept = f"done/{name}"
    done = {each.user_id: each for each in _read(files, kept)}
    failed: list[Backfilled] = []
    rows = Rows(trouble_of, time, failure_of)
    try:
        for user in map(Candidate.read, _read_lines(files, f"todo/{name}")):
            if user.user_id in done:
                continue
            if left() < TIME_TO_WRITE_SECONDS:
                # An error, since the state machine tries again by errors' names.
                raise ChunkUnfinishedError("the time was up", failure=_TIME_WAS_UP)
            tried = rows.attempt(
                partial(provision, user), lambda done: done.seen, lambda done: done.failure
            )
            fate = Backfilled.of(user.user_id, tried)
            if fate.status is BackfillStatus.FAILED:
                failed.append(fate)
            else:
                done[fate.user_id] = fate
    finally:
        # A step that is killed does not come here: its users are asked for again, and found.
        files.put(kept, _lines(done.values()))
        files.put(f"failed/{name}", _lines(failed))
    if any(each.may_pass for each in failed):
        of_users = next((each.failure for each in failed if each.failure), None)
        raise ChunkUnfinishedError("some users failed", failure=of_users)
    return dict(Counter(each.status for each in itertools.chain(done.values(), failed)))


def _read(files: Files, name: str) -> list[Backfilled]:
    return [Backfilled.read(each) for each in _read_lines(files, name)]


def _read_lines(files: Files, name: str) -> list[str]:
    return lines(files.read(name).decode())


def _lines(rows: Iterable[Backfilled]) -> bytes:
    return "".join(each.line() for each in rows).encode()
