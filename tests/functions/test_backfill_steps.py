"""The backfill's steps, each over a bucket: done again, each writes the same files."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
import stripe
from tests.fakes import FakeRefusals
from werkzeug.wrappers import Response

from customerlink.adapters.auth0.errors import Auth0OddError, Auth0RefusedError, Auth0SilentError
from customerlink.adapters.auth0.management import Users
from customerlink.adapters.stripe.listing import Listing
from customerlink.functions import backfill_steps as steps_of
from customerlink.functions.backfill_steps import (
    TIME_TO_WRITE_SECONDS,
    ChunkUnfinishedError,
    ExportFailedError,
    Files,
    Segment,
)
from customerlink.model.candidate import Candidate
from customerlink.model.drift import Drift
from customerlink.model.errors import (
    KeyRejectedError,
    LedgerUnavailableError,
    ServicesDownError,
)
from customerlink.model.failure import FailedAt
from customerlink.model.instruction import Reason
from customerlink.model.listed_customer import ListedCustomer
from customerlink.model.row import RowOutcome
from customerlink.model.trust import Trust
from customerlink.model.user import CustomerId, Tenant, UserId
from customerlink.usecases.backfill import Backfilled, BackfillStatus
from customerlink.usecases.rows import Seen
from sandbox.aws import BUCKET, REGION, aws
from sandbox.serving import Server

ADA, BOB = UserId("auth0|ada"), UserId("auth0|bob")


def plenty() -> float:
    """Return more seconds than any step takes."""
    return 900.0


def little() -> float:
    """Return seconds that are enough for writing down what was done."""
    return TIME_TO_WRITE_SECONDS - 1


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Serve S3, with a bucket for a file's tests."""
    with aws({}) as cloud:
        session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
        client = session.client("s3", endpoint_url=cloud.url)
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def files(s3: Any, request: pytest.FixtureRequest) -> Files:
    """Return the files of a run of its own."""
    return Files(s3, BUCKET, request.node.name)


def customer(number: int, **named: Any) -> ListedCustomer:
    """Return a customer."""
    return ListedCustomer(CustomerId(f"cus_{number}"), f"{number}@example.com", **named)


@dataclass
class Pages:
    """A listing of some pages; it notes from behind whom it was asked to go on."""

    pages_of: list[list[ListedCustomer]]
    after: list[str | None] = field(default_factory=list)

    def edges(self, now: float) -> list[int]:
        """Cut the time up to now in two."""
        return [0, int(now) // 2, int(now)]

    def pages(
        self, _start: int, _end: int, after: str | None = None
    ) -> Iterator[list[ListedCustomer]]:
        """Return the pages."""
        self.after.append(after)
        yield from self.pages_of


def listing(*pages: list[ListedCustomer]) -> Listing:
    """Return a listing of these pages."""
    return cast("Listing", Pages([*pages]))


class TestFiles:
    """One run's files."""

    def test_put_and_read(self, files: Files) -> None:
        """What was written last; empty where nobody wrote."""
        files.put("a/1", b"first")
        files.put("a/1", b"second")

        assert (files.read("a/1"), files.read("a/2")) == (b"second", b"")

    def test_other_runs(self, files: Files, s3: Any, tmp_path: Path) -> None:
        """Each has files of its own, under the same names."""
        Files(s3, BUCKET, "another").put("a/1", b"theirs")

        assert files.read("a/1") == b""
        assert files.download("a/", tmp_path) == []

    def test_upload_and_download(self, files: Files, tmp_path: Path) -> None:
        """All below a prefix, each in a file of its own."""
        (tmp_path / "given").write_bytes(b"given")
        for number in range(3):
            files.upload(f"a/{number}", tmp_path / "given")
        files.put("b/0", b"other")
        fetched = files.download("a/", tmp_path)

        assert len({*fetched}) == 3
        assert {each.read_bytes() for each in fetched} == {b"given"}


class TestSegments:
    """Customers by when they were created."""

    def test_side_by_side(self) -> None:
        """Each begins where the one before it ends, and none has been listed yet."""
        before = int(time.time())
        first, second = steps_of.segments(listing())

        assert (first.segment, first.start, first.end) == (0, 0, second.start)
        assert before <= second.end <= time.time()
        assert (second.segment, second.part, second.after, second.is_done) == (1, 0, None, False)

    def test_listed(self, files: Files) -> None:
        """All pages in one file, where there is time for them."""
        pages = listing([customer(1), customer(2)], [customer(3)])
        done = steps_of.list_segment(Segment(7, 0, 9), pages, files, plenty)
        rows = gzip.decompress(files.read("customers/007-00000.json.gz")).splitlines()

        assert done == Segment(7, 0, 9, part=1, after="cus_3", is_done=True)
        assert [json.loads(each)["id"] for each in rows] == ["cus_1", "cus_2", "cus_3"]

    def test_time_is_up(self, files: Files) -> None:
        """What was read is written; the next step goes on from behind it, in another file."""
        rest = steps_of.list_segment(
            Segment(7, 0, 9), listing([customer(1)], [customer(2)]), files, little
        )
        assert rest == Segment(7, 0, 9, part=1, after="cus_1")
        pages = Pages([[customer(2)]])
        done = steps_of.list_segment(rest, cast("Listing", pages), files, plenty)

        assert pages.after == ["cus_1"]
        assert done == Segment(7, 0, 9, part=2, after="cus_2", is_done=True)
        assert files.read("customers/007-00001.json.gz")

    def test_nobody(self, files: Files) -> None:
        """An empty segment is done, and stays where it was."""
        done = steps_of.list_segment(Segment(7, 0, 9, after="cus_0"), listing([]), files, plenty)

        assert (done.after, done.is_done) == ("cus_0", True)


@dataclass
class Export:
    """A tenant whose export is in some state."""

    status: str
    location: str | None = None

    def export(self, _: str) -> tuple[str, str | None]:
        """Answer it."""
        return self.status, self.location


def looked_at(files: Files, status: str, location: str | None = None) -> dict[str, str | bool]:
    """Look at an export once."""
    return steps_of.export("job_1", cast("Users", Export(status, location)), files)


class TestExport:
    """Auth0's file, kept as soon as there is one: its link does not last."""

    def test_under_way(self, files: Files) -> None:
        """Looked at again later."""
        assert looked_at(files, "processing") == {"job": "job_1", "is_done": False}

    def test_failed(self, files: Files) -> None:
        """There is nothing to wait for."""
        with pytest.raises(ExportFailedError):
            looked_at(files, "failed")

    def test_completed(self, files: Files) -> None:
        """The file is kept as it came."""
        content = gzip.compress(b'{"user_id": "auth0|ada"}\n')
        with Server(Response(content)) as server:
            done = looked_at(files, "completed", server.url)

        assert done == {"job": "job_1", "is_done": True}
        assert files.read("users/users.json.gz") == content


class TestCompare:
    """Both sides joined."""

    def test_who_has_no_customer(
        self, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are written in chunks; the counts tell of everybody."""
        monkeypatch.setattr(steps_of, "CHUNK", 2)
        users = [{"user_id": f"auth0|{each}", "email": f"{each}@example.com"} for each in range(4)]
        users[0]["customer_id"] = "cus_0"
        rows = "".join(json.dumps(each) + "\n" for each in users).encode()
        files.put("users/users.json.gz", gzip.compress(rows))
        mine = customer(0, auth0_user_id="auth0|0", auth0_tenant=Tenant("acme"))
        steps_of.list_segment(Segment(0, 0, 9), listing([mine]), files, plenty)
        counts = steps_of.compare("acme", files, FakeRefusals(), tmp_path / "sides", Trust())
        todo = [files.read(f"todo/{number:06d}.json").splitlines() for number in range(3)]

        assert {kind: number for kind, number in counts.items() if number} == {
            Drift.LINKED: 1,
            Drift.UNLINKED: 3,
        }
        read = [[Candidate.read(each).user_id for each in chunk] for chunk in todo]
        assert read == [["auth0|1", "auth0|2"], ["auth0|3"], []]
        assert not (tmp_path / "sides").exists()

    def test_odd_rows(self, files: Files, tmp_path: Path) -> None:
        """Each is named in a file, and costs nobody else anything."""
        rows = (
            b'{"user_id": "auth0|0", "name": "half \\ud83d"}\n{"user_id"\n{"user_id": "auth0|1"}\n'
        )
        files.put("users/users.json.gz", gzip.compress(rows))
        steps_of.list_segment(Segment(0, 0, 9), listing([customer(7)]), files, plenty)
        counts = steps_of.compare("acme", files, FakeRefusals(), tmp_path / "sides", Trust())
        told = [json.loads(each) for each in files.read("odd.json").splitlines()]

        assert counts[Drift.UNLINKED] == 2
        assert [(each["id"], each["outcome"]) for each in told] == [
            ("auth0|0", "odd"),
            ("line 2", "unread"),
        ]

    @pytest.mark.parametrize(("lines", "lost"), [([], 0), ([b"<html>"], 1), ([b"[]", b"{"], 2)])
    def test_lines_that_are_lost(
        self, files: Files, tmp_path: Path, lines: list[bytes], lost: int
    ) -> None:
        """They are counted beside the kinds: nobody is linked for all that is known of them."""
        rows = b"\n".join([b'{"user_id": "auth0|0", "name": []}', *lines])
        files.put("users/users.json.gz", gzip.compress(rows))
        steps_of.list_segment(Segment(0, 0, 9), listing([customer(7)]), files, plenty)
        counts = steps_of.compare("acme", files, FakeRefusals(), tmp_path / "sides", Trust())

        assert (counts[RowOutcome.UNREAD], counts[Drift.UNLINKED]) == (lost, 1)

    def test_customers_with_the_address_in_other_letters(
        self, files: Files, tmp_path: Path
    ) -> None:
        """The chunk has their ids, which the sign-up's own look-up would not find."""
        rows = b'{"user_id": "auth0|0", "email": "0@example.com"}\n'
        files.put("users/users.json.gz", gzip.compress(rows))
        sharing = [replace(customer(each), email="0@EXAMPLE.com") for each in (5, 6)]
        steps_of.list_segment(Segment(0, 0, 9), listing(sharing), files, plenty)
        steps_of.compare("acme", files, FakeRefusals(), tmp_path / "sides", Trust())
        [found] = map(Candidate.read, files.read("todo/000000.json").splitlines())

        assert (found.user_id, {*found.known}) == ("auth0|0", {"cus_5", "cus_6"})

    def test_denied(self, files: Files, tmp_path: Path) -> None:
        """Counted apart, and tried again all the same: what was in the way may be gone."""
        user = {"user_id": ADA, "email": "ada@example.com", "marker": "unfinished"}
        files.put("users/users.json.gz", gzip.compress(json.dumps(user).encode()))
        in_the_way = replace(customer(5), email="Ada@example.com")
        steps_of.list_segment(Segment(0, 0, 9), listing([in_the_way]), files, plenty)
        refusals = FakeRefusals({UserId(ADA): Reason.EMAIL_IN_USE})
        counts = steps_of.compare("acme", files, refusals, tmp_path / "sides", Trust())
        [todo] = files.read("todo/000000.json").splitlines()

        assert (counts[Drift.DENIED], counts[Drift.UNLINKED]) == (1, 0)
        assert Candidate.read(todo) == Candidate(ADA, (in_the_way.id,))

    def test_failed(self, files: Files, tmp_path: Path) -> None:
        """The folder, in which addresses are, is gone all the same."""
        files.put("users/users.json.gz", b"not gzipped")
        with pytest.raises(Exception, match="cannot be unpacked"):
            steps_of.compare("acme", files, FakeRefusals(), tmp_path / "sides", Trust())

        assert not (tmp_path / "sides").exists()


class Worker:
    """What provisions a chunk's users, and what becomes of each."""

    def __init__(self, files: Files) -> None:
        """Start with two of whom everybody gets a customer."""
        self.files = files
        self.fates: dict[UserId, BackfillStatus] = {}
        self.asked: list[UserId] = []
        chunk = Candidate(ADA).line() + Candidate(BOB).line()
        files.put("todo/000000.json", chunk.encode())

    def run(self, left: Callable[[], float] = plenty) -> dict[str, int]:
        """Do the chunk."""
        return steps_of.provision_chunk("000000.json", self.files, self._provision, left)

    def done(self) -> list[str]:
        """Return who is written down as done."""
        return [Backfilled.read(each).user_id for each in self._lines()]

    def failed(self) -> list[tuple[str, str]]:
        """Return who failed at the last try, and why."""
        lines = self.files.read("failed/000000.json").splitlines()
        return [(each.user_id, each.why) for each in map(Backfilled.read, lines)]

    def _lines(self) -> list[bytes]:
        return self.files.read("done/000000.json").splitlines()

    def _provision(self, candidate: Candidate) -> Backfilled:
        user_id = candidate.user_id
        self.asked.append(user_id)
        return Backfilled(user_id, self.fates.get(user_id, BackfillStatus.CREATED), "why")


@pytest.fixture
def worker(files: Files) -> Worker:
    """Return one with a chunk to do."""
    return Worker(files)


class TestChunk:
    """Users done with stay done."""

    def test_everybody(self, worker: Worker) -> None:
        """Counted by what became of them, and not done again."""
        worker.fates[BOB] = BackfillStatus.SKIPPED
        counts = worker.run()

        assert counts == {"created": 1, "skipped": 1}
        assert worker.run() == counts
        assert worker.asked == [ADA, BOB]

    def test_one_who_failed(self, worker: Worker) -> None:
        """The others are done with; the next try is for that one alone."""
        worker.fates[ADA] = BackfillStatus.FAILED
        with pytest.raises(ChunkUnfinishedError, match="some users failed"):
            worker.run()
        assert worker.done() == [BOB]
        worker.fates.clear()

        assert worker.run() == {"created": 2}
        assert worker.asked == [ADA, BOB, ADA]

    def test_time_is_up(self, worker: Worker) -> None:
        """Who was done by then is written down; who was not begun is left for the next try."""
        times = iter([60.0, 1.0])
        with pytest.raises(ChunkUnfinishedError, match="the time was up"):
            worker.run(lambda: next(times))
        assert worker.done() == [ADA]

        assert worker.run() == {"created": 2}
        assert worker.asked == [ADA, BOB]

    @pytest.mark.parametrize("error", [TypeError, KeyError, Auth0OddError, RecursionError])
    def test_trouble_of_ones_own(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
    ) -> None:
        """It is that user's end, by its kind, and the chunk's is another: no try would mend it."""
        self.breaks_for_ada(worker, monkeypatch, error())

        assert worker.run() == {"created": 1, "failed": 1}
        assert worker.done() == [BOB]
        assert worker.failed() == [(ADA, error.__name__)]

    @pytest.mark.parametrize(
        ("error", "at"),
        [
            (LedgerUnavailableError(), FailedAt.LEDGER),
            (ConnectionResetError(), FailedAt.NETWORK),
            (Auth0SilentError(), FailedAt.AUTH0),
            (stripe.APIConnectionError("text"), FailedAt.STRIPE),  # type: ignore[no-untyped-call]
        ],
    )
    def test_trouble_that_may_pass(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception, at: FailedAt
    ) -> None:
        """The others are done with, and the chunk is tried again."""
        self.breaks_for_ada(worker, monkeypatch, error)
        with pytest.raises(ChunkUnfinishedError, match="some users failed") as raised:
            worker.run()

        assert raised.value.failure.at is at
        assert worker.done() == [BOB]
        assert worker.failed() == [(ADA, type(error).__name__)]

    @pytest.mark.parametrize(
        "error",
        [
            Auth0RefusedError(401),
            stripe.PermissionError("text"),
            KeyRejectedError("the key"),
        ],
    )
    def test_trouble_of_everybodys(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        """The next ones would fail as well, so nobody else is begun; what was done is kept."""
        self.breaks_for_ada(worker, monkeypatch, error, first=False)
        with pytest.raises(type(error)):
            worker.run()

        assert worker.done() == [BOB]

    def test_outage_that_nobody_raises(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The chunk ends where nothing else is met for too long, to be tried again."""
        monkeypatch.setattr("customerlink.usecases.rows.GONE_FOR_GOOD_SECONDS", -1.0)
        failed = Backfilled(ADA, BackfillStatus.FAILED, "provisioning_failed", seen=Seen.DOWN)
        monkeypatch.setattr(worker, "_provision", lambda _: failed)
        with pytest.raises(ServicesDownError):
            worker.run()

        assert worker.done() == []

    @staticmethod
    def breaks_for_ada(
        worker: Worker, patch: pytest.MonkeyPatch, error: Exception, *, first: bool = True
    ) -> None:
        """Let Ada's turn, the first or the last, raise something."""
        provision = worker._provision

        def broken(candidate: Candidate) -> Backfilled:
            if candidate.user_id == ADA:
                raise error
            return provision(candidate)

        patch.setattr(worker, "_provision", broken)
        chunk = [Candidate(ADA), Candidate(BOB)] if first else [Candidate(BOB), Candidate(ADA)]
        worker.files.put("todo/000000.json", "".join(each.line() for each in chunk).encode())
