"""`customerlink backfill`: everybody gets one customer, whatever interrupts it."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands.test_verify import TENANT, linked, sides, user
from tests.cli.conftest import Cli

from customerlink.adapters.dynamodb.table import CALL_SECONDS
from customerlink.adapters.token_bucket import TokenBucket
from customerlink.cli.checkpoint import Checkpoint
from customerlink.cli.deployment import _LEDGER_CALLS
from customerlink.cli.errors import DeclinedError
from customerlink.cli.session import Session
from customerlink.cli.side_by_side import Backfill, Stop
from customerlink.model.candidate import Candidate
from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS
from customerlink.model.user import UserId
from customerlink.usecases.backfill import Backfilled, BackfillStatus
from customerlink.wiring.operator import PROVISION_SECONDS
from sandbox.patience import PATIENCE_SECONDS, wait_until
from sandbox.stripe_account import Fault, FaultKind

__all__ = ["sides"]

COMMAND = [sys.executable, "-m", "customerlink.cli.main", *TENANT]


def backfill(cli: Cli, *words: str) -> tuple[int, dict[str, Any]]:
    """Run it as fast as it goes; return the exit code and the document."""
    result = cli(*TENANT, "backfill", "--json", *words)
    return result.code, result.json()


def assert_everybody_has_one(cli: Cli, number: int) -> None:
    """Each user is linked to a customer of their own, by both sides."""
    customers = {each["id"]: each for each in cli.box.stripe.live_customers()}
    assert len(customers) == number
    for each in cli.box.tenant.users.values():
        mine = customers[each["app_metadata"]["stripe_customer_id"]]
        assert mine["metadata"] == {"auth0_user_id": each["user_id"], "auth0_tenant": "acme"}
        assert mine["email"] == each["email"].lower()
        assert "stripe_signup" not in each["app_metadata"]


def start(*words: str, plan: str = "") -> "subprocess.Popen[str]":
    """Run it in a process of its own, by a plan's limits or by none."""
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [*COMMAND, *(["--plan", plan] if plan else []), "backfill", "--json", *words],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_everybody_without_one(sides: Cli) -> None:
    """New and exempt users; those who are linked keep theirs; the second run has nothing to do."""
    for number in range(10):
        linked(sides, number)
    for number in range(10, 30):
        user(sides, number, name=f"User {number}", app_metadata={"theirs": 1})
    for number in range(30, 40):
        user(sides, number, app_metadata={"stripe_signup": "exempt"})
    code, document = backfill(sides)

    assert (code, document["left"]) == (0, 0)
    assert document["counts"] == {"created": 30, "found": 0, "skipped": 0, "failed": 0}
    assert_everybody_has_one(sides, 40)
    assert sides.box.tenant.users["auth0|10"]["app_metadata"]["theirs"] == 1
    names = Counter(each["name"] for each in sides.box.stripe.live_customers())
    assert names["User 10"] == 1
    assert backfill(sides) == (0, {"left": 0, "counts": {}, "rows": []})
    assert sides(*TENANT, "verify").code == 0


def test_what_each_user_takes(sides: Cli) -> None:
    """For a look-up and for the create, beside what the comparison asks."""
    sides.box.stripe.requests.clear()
    backfill(sides)
    compared = len(sides.box.stripe.requests)
    for number in range(5):
        user(sides, number)
    sides.box.stripe.requests.clear()
    backfill(sides)
    asked = [each.split()[0] for each in sides.box.stripe.requests][compared:]

    assert sorted(asked) == ["GET"] * 5 + ["POST"] * 5


def test_declared_fields(sides: Cli) -> None:
    """Read from the profile, which the export has little of."""
    user(sides, 1, phone_number="+15550100", user_metadata={"plan": "pro"})
    declared = '{"phone": "phone_number", "metadata.plan": "user_metadata.plan"}'
    code, _ = backfill(sides, "--customer-fields", declared)
    [made] = sides.box.stripe.live_customers()

    assert (code, made["phone"], made["metadata"]["plan"]) == (0, "+15550100", "pro")


def test_wrong_fields(sides: Cli) -> None:
    """A sentence that names the field, before anything is begun."""
    result = sides(*TENANT, "backfill", "--customer-fields", '{"balance": "x"}')

    assert (result.code, "cannot be filled" in result.err) == (2, True)


def test_who_cannot_have_one_is_told(sides: Cli) -> None:
    """An address that somebody has, and none: no customer, no refusal in the ledger, no marker."""
    taken = str(sides.box.stripe.create({"email": "USER-1@example.com".lower()})["id"])
    user(sides, 1)
    user(sides, 2, email=None)
    result = sides(*TENANT, "backfill")

    assert result.code == 0
    assert f"auth0|1: the address has {taken}" in result.out
    assert "auth0|2: the user has no address" in result.out
    assert len(sides.box.stripe.live_customers()) == 1
    assert not any("reason" in each for each in sides.box.aws.items())
    assert [each["app_metadata"] for each in sides.box.tenant.users.values()] == [{}, {}]


def test_dry_run(sides: Cli, tmp_path: Path) -> None:
    """What would become of whom, with the reason; nothing is made, and nothing is left on disk."""
    taken = str(sides.box.stripe.create({"email": "user-1@example.com"})["id"])
    free = str(sides.box.stripe.create({"email": "user-4@example.com"})["id"])
    user(sides, 1)
    user(sides, 2, email=None)
    user(sides, 3)
    user(sides, 4, email_verified=True)
    user(sides, 5, email="user-3@example.com")
    code, document = backfill(sides, "--dry-run", "--adopt")

    assert (code, document["left"]) == (0, 5)
    assert document["counts"] == {"created": 1, "found": 1, "skipped": 3}
    assert {each["id"]: (each["outcome"], each["reason"]) for each in document["rows"]} == {
        "auth0|1": ("skipped", f"the address has {taken}"),
        "auth0|2": ("skipped", "the user has no address"),
        "auth0|3": ("created", "customer_created"),
        "auth0|4": ("found", f"{free} names nobody"),
        "auth0|5": ("skipped", "auth0|3 has the address, and comes before"),
    }
    assert len(sides.box.stripe.live_customers()) == 2
    assert not [each for each in (tmp_path / "state").rglob("*") if each.is_file()]


@pytest.mark.parametrize("policy", [(), ("--adopt",), ("--verified-only",)])
def test_dry_run_tells_what_the_run_does(sides: Cli, policy: tuple[str, ...]) -> None:
    """Under each policy, the outcome and the reason of everybody who is left out are the same."""
    for number, verified in enumerate((False, True, True, False, True)):
        user(sides, number, email_verified=verified)
    user(sides, 5, email=None)
    user(sides, 6, email="user-3@example.com")
    sides.box.stripe.create({"email": "user-1@example.com"})
    for _ in range(2):
        sides.box.stripe.create({"email": "user-2@example.com"})
    sides.box.stripe.create({"email": "User-4@example.com"})
    _, foretold = backfill(sides, *policy, "--dry-run")
    # One after another: of two with one address, the later one is skipped.
    sides.patch.setattr("customerlink.cli.side_by_side.WORKERS", 1)
    _, done = backfill(sides, *policy)

    def left_out(document: dict[str, Any]) -> set[str]:
        return {each["id"] for each in document["rows"] if each["outcome"] == "skipped"}

    assert {name: number for name, number in done["counts"].items() if number} == (
        foretold["counts"]
    )
    assert left_out(foretold) == left_out(done)


def test_dry_run_in_a_terminal(sides: Cli) -> None:
    """Ten of each outcome by name, and how many more there are."""
    for number in range(12):
        user(sides, number)
    user(sides, 12, email=None)
    told = sides(*TENANT, "backfill", "--dry-run").out

    assert "12 would be created" in told
    assert told.count(": customer_created") == 10
    assert "  and 2 more" in told
    assert "auth0|12: the user has no address" in told


def test_dry_run_pins_no_list(sides: Cli) -> None:
    """Who comes after it is provisioned by the next run."""
    user(sides, 1)
    backfill(sides, "--dry-run")
    user(sides, 2)

    assert backfill(sides)[1]["counts"]["created"] == 2


def begun(cli: Cli, *numbers: int) -> Checkpoint:
    """Leave a list behind, as a run does that was killed."""
    state = Path(os.environ["XDG_STATE_HOME"])
    checkpoint = Checkpoint(state / "customerlink" / "default" / "backfill" / "acme-test")
    checkpoint.begin([Candidate(UserId(user(cli, number))) for number in numbers])
    return checkpoint


def test_resumed(sides: Cli) -> None:
    """It says how far it is and since when; then it compares anew, and leaves nobody out."""
    checkpoint = begun(sides, 1, 2, 3)
    with checkpoint.noting() as note:
        note(Backfilled("auth0|3", BackfillStatus.SKIPPED, "the user has no address"))
    user(sides, 4)
    told = sides(*TENANT, "backfill")

    assert "1 of 3 done, from 20" in told.out
    assert "--fresh compares anew" in told.out
    assert "2 users without a customer" in told.out
    assert "1 user without a customer" in told.out
    made = {each["metadata"]["auth0_user_id"] for each in sides.box.stripe.live_customers()}
    assert made == {"auth0|1", "auth0|2", "auth0|4"}
    assert not checkpoint.is_begun


@pytest.mark.parametrize("first", [1, 2, 3])
def test_no_to_who_came_since(sides: Cli, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    """After customers were made a no ends the run with its counts, and claims no more."""
    begun(sides, *range(first))
    user(sides, 9)
    asked: list[str] = []

    def confirm(_: Session, what: str, *, yes: bool) -> None:
        asked.append(what)
        if yes or len(asked) > 1:
            raise DeclinedError

    monkeypatch.setattr(Session, "confirm", confirm)
    told = sides(*TENANT, "backfill", "--json")

    assert (told.code, told.err) == (1, "")
    assert told.json()["counts"]["created"] == first
    assert told.json()["left"] == 1
    assert len(sides.box.stripe.live_customers()) == first


def test_no(sides: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """At first it is the end, and nothing was changed."""
    user(sides, 1)

    def confirm(_: Session, what: str, *, yes: bool) -> None:
        assert (what, yes) == ("Backfill: 1 user", False)
        raise DeclinedError

    monkeypatch.setattr(Session, "confirm", confirm)
    told = sides(*TENANT, "backfill")

    assert (told.code, "Nothing was changed." in told.err) == (130, True)


def test_list_of_another_tenant(sides: Cli) -> None:
    """It is none to go on with: both sides are compared anew."""
    sides.box.aws.create_stack(sides.box.url, {"Tenants": "acme,other"})
    begun(sides, 1)
    sides.box.tenant.users.clear()
    told = sides("--tenant", "other", "backfill")

    assert "0 users without a customer" in told.out
    assert "--fresh" not in told.out


def test_two_at_once(sides: Cli) -> None:
    """The second one is refused, and changes nothing."""
    checkpoint = begun(sides, 1)
    with checkpoint.alone():
        refused = sides(*TENANT, "backfill")
    again = sides(*TENANT, "backfill")

    assert (refused.code, "Another run is at work" in refused.err) == (1, True)
    assert again.code == 0


def test_trouble_at_stripe(sides: Cli) -> None:
    """Lost answers, 500s and refusals among them: tried again, and nobody gets two."""
    for number in range(60):
        user(sides, number)
    sides.box.stripe.faults += [
        Fault(FaultKind.DROP_AFTER, "POST", 3),
        Fault(FaultKind.ERROR_AFTER, "POST", 3),
        Fault(FaultKind.DOWN, "POST", 3),
        Fault(FaultKind.DROP_BEFORE, "POST", 3),
    ]
    code, document = backfill(sides)

    assert (code, document["left"]) == (0, 0)
    assert_everybody_has_one(sides, 60)


def test_outage_of_stripes(sides: Cli) -> None:
    """Those who failed are tried again at the end, and the wait for it is told."""
    sides.patch.setattr("customerlink.cli.side_by_side.PAUSES", (0.1, 0.1))
    user(sides, 1)
    sides.box.stripe.faults.append(Fault(FaultKind.DOWN, "POST", 6))
    result = sides(*TENANT, "backfill")

    assert result.code == 0
    assert result.out.count("1 failed for now; tried again in 0 s") == 1
    assert_everybody_has_one(sides, 1)


def test_lasting_outage(sides: Cli) -> None:
    """Told as failed, and left for the next run."""
    sides.patch.setattr("customerlink.cli.side_by_side.PAUSES", (0.1, 0.1))
    user(sides, 1)
    sides.box.stripe.faults.append(Fault(FaultKind.DOWN, "POST", 99))
    code, document = backfill(sides)
    sides.box.stripe.faults.clear()

    assert (code, document["counts"]["failed"], document["left"]) == (1, 1, 1)
    assert backfill(sides)[1]["counts"]["created"] == 1


def test_outage_for_good(sides: Cli) -> None:
    """It ends the run, though nothing is raised; the next one goes on."""
    sides.patch.setattr("customerlink.usecases.rows.GONE_FOR_GOOD_SECONDS", 1.0)
    for number in range(400):
        user(sides, number)
    sides.box.stripe.faults.append(Fault(FaultKind.DOWN, "POST", 9999))
    result = sides(*TENANT, "backfill")
    sides.box.stripe.faults.clear()

    assert (result.code, "every row failed at stripe" in result.err) == (3, True)
    assert sides.box.stripe.live_customers() == []
    assert "tried again" not in result.out


def test_stopped_while_some_had_failed() -> None:
    """Ends at once, and promises no other round."""

    def failing(candidate: Candidate) -> Backfilled:
        stop.say()
        return Backfilled(candidate.user_id, BackfillStatus.FAILED, "")

    stop = Stop()
    said: list[str] = []
    done = list(Backfill(failing, stop).run([Candidate(UserId("auth0|1"))], said.append))

    assert (done, said) == ([], ["Stopping after 0; again to quit now"])


def test_stopped_while_most_wait_for_their_turn() -> None:
    """Who waits for a turn has none, and is left; who is under way is finished, and counted."""
    stop, gate, begun = Stop(), threading.Event(), threading.Semaphore(0)
    bucket = TokenBucket(0.01, sleep=stop.before_a_turn)

    def provision(candidate: Candidate) -> Backfilled:
        bucket.take()
        begun.release()
        gate.wait(PATIENCE_SECONDS)
        return Backfilled(candidate.user_id, BackfillStatus.CREATED, "")

    def say(text: str) -> None:
        said.append(text)
        gate.set()

    def interrupt() -> None:
        begun.acquire()
        stop.say()

    said: list[str] = []
    users = [Candidate(UserId(f"auth0|{number}")) for number in range(100)]
    threading.Thread(target=interrupt).start()
    done = list(Backfill(provision, stop).run(users, say))

    assert len(done) == 1
    assert said == ["Stopping after 1; again to quit now"]


def test_times_fit() -> None:
    """The ledger's last call is over before the lease ends that it was made under."""
    seconds: Any = vars(_LEDGER_CALLS)
    one_call = seconds["connect_timeout"] + seconds["read_timeout"]

    assert PROVISION_SECONDS - CALL_SECONDS + one_call < RECORD_LEASE_SECONDS


def test_trouble_at_auth0(sides: Cli) -> None:
    """A link that could not be written costs its user another try, and stops nobody."""
    sides.patch.setattr("customerlink.cli.side_by_side.PAUSES", (0.1, 0.1))
    for number in range(20):
        user(sides, number)
    sides.box.management.faults.append("PATCH /api/v2/users")
    code, document = backfill(sides)

    assert (code, document["left"], document["rows"]) == (0, 0, [])
    assert_everybody_has_one(sides, 20)


def test_policies(sides: Cli) -> None:
    """Adoption and verified addresses, as the functions have them."""
    for number in range(3):
        sides.box.stripe.create({"email": f"user-{number}@example.com"})
    user(sides, 0, email_verified=True)
    user(sides, 1)
    user(sides, 3)
    user(sides, 4, email_verified=True)
    _, first = backfill(sides, "--adopt", "--verified-only")
    _, second = backfill(sides, "--adopt")

    assert first["counts"] == {"created": 1, "found": 1, "skipped": 2, "failed": 0}
    assert second["counts"] == {"created": 1, "found": 0, "skipped": 1, "failed": 0}
    owners = {
        each["email"]: each["metadata"].get("auth0_user_id")
        for each in sides.box.stripe.live_customers()
    }
    mine = {number: owners.get(f"user-{number}@example.com") for number in range(5)}
    assert mine == {0: "auth0|0", 1: None, 2: None, 3: "auth0|3", 4: "auth0|4"}


def test_logins_meanwhile(sides: Cli) -> None:
    """Users who log in while it runs: the ledger lets one of the two make the customer."""
    tenant, [secret] = sides.box.tenant, sides.stored()["action_signing_secrets"]
    installed = {**tenant.secrets, "CUSTOMERLINK_SIGNING_SECRET": secret}
    sides.patch.setattr(tenant, "secrets", installed)
    numbers = range(40)
    for number in numbers:
        user(sides, number)
    ended = threading.Event()

    def log_in() -> None:
        dice = random.Random(1)
        while not ended.is_set():
            sides.box.tenant.login(f"auth0|{dice.choice(numbers)}")

    logins = threading.Thread(target=log_in)
    logins.start()
    code, _ = backfill(sides)
    ended.set()
    logins.join()
    # Whoever was denied for a moment, since the other one was at it, gets in now.
    for number in numbers:
        login = sides.box.tenant.login(f"auth0|{number}")
        assert login.decision == "continue", sides.box.gateway.exchanges[-1]

    assert code == 0
    assert_everybody_has_one(sides, 40)


def test_killed_three_times(sides: Cli) -> None:
    """At random moments; resumed, it ends as if nothing had happened."""
    number = 150
    for each in range(number):
        user(sides, each)
    dice = random.Random()
    for goal in sorted(dice.sample(range(5, number - 20), 3)):
        process = start()
        while len(sides.box.stripe.live_customers()) < goal and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        process.wait()
        process.communicate()
    code, document = backfill(sides)

    assert (code, document["left"]) == (0, 0)
    assert_everybody_has_one(sides, number)


def test_interrupted(sides: Cli, tmp_path: Path) -> None:
    """Ctrl-C: those under way are finished, exit code 130, the rest is left for the next run."""
    number = 200
    for each in range(number):
        user(sides, each)
    # By limits: as fast as it goes, it may be done before a busy machine has sent the signal.
    process = start(plan="enterprise")
    wait_until(lambda: len(sides.box.stripe.live_customers()) >= 20)
    process.send_signal(signal.SIGINT)
    shown, told = process.communicate(timeout=PATIENCE_SECONDS)
    document = json.loads(shown)

    assert process.returncode == 130
    assert (
        told.splitlines()[-1] == "Interrupted: what was done stands, and nothing is half-written."
    )
    assert document["left"] + document["counts"]["created"] == number
    assert document["left"] > 0
    users = sides.box.tenant.users.values()
    written = [each for each in users if "stripe_customer_id" in each["app_metadata"]]
    assert len(written) == document["counts"]["created"]
    assert backfill(sides)[0] == 0
    assert_everybody_has_one(sides, number)
    assert not list((tmp_path / "state").rglob("todo*")), "addresses are left on disk"


def test_interrupted_amid_a_slow_run(sides: Cli) -> None:
    """By the lowest plan, Ctrl-C ends it with those under way, and says how many; nobody queues."""
    for each in range(60):
        user(sides, each)
    process = start(plan="free")
    wait_until(lambda: len(sides.box.stripe.live_customers()) >= 3)
    made = len(sides.box.stripe.live_customers())
    process.send_signal(signal.SIGINT)
    shown, told = process.communicate(timeout=PATIENCE_SECONDS)

    assert json.loads(shown)["left"] >= 50
    assert re.search(r"Stopping after \d; again to quit now", told)
    assert len(sides.box.stripe.live_customers()) <= made + 5


def has_begun(cli: Cli) -> bool:
    """Return whether somebody's sign-up is in the ledger."""
    return any(str(each["pk"]).startswith("signup#") for each in cli.box.aws.items())


def test_interrupted_twice(sides: Cli) -> None:
    """It ends at once, whatever is under way, and the next run finishes."""
    for each in range(5):
        user(sides, each)
    sides.box.stripe.latency = 3.0
    process = start("--fresh")
    while process.poll() is None and not has_begun(sides):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    # Two signals that a busy process takes together are one.
    assert process.stderr
    assert any("again to quit now" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE_SECONDS)
    sides.box.stripe.latency = 0.0

    assert process.returncode == 130
    assert "Interrupted: what was done stands, and nothing is half-written." in told


def test_interrupted_while_it_says_something() -> None:
    """Whoever is quick presses again while the first answer is being written."""
    code = """
import io, os, signal, sys
from customerlink.cli.commands.backfill import _interruptible
from customerlink.cli.output import Output
from customerlink.cli.side_by_side import Stop

class Pressed(io.RawIOBase):
    def writable(self): return True
    def fileno(self): return 2
    def write(self, text):
        os.kill(os.getpid(), signal.SIGINT)
        return len(text)

stop = Stop()
stop.say()
sys.stderr = io.TextIOWrapper(io.BufferedWriter(Pressed()), line_buffering=True)
with _interruptible(stop, Output(as_json=False)):
    print("Ctrl-C again to quit now", file=sys.stderr)
"""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.count("Interrupted: ")) == (130, 1)


class TestCheckpoint:
    """Two files that a crash may cut short."""

    def test_line_that_was_cut_short(self, tmp_path: Path) -> None:
        """It counts as not done, and the next one is written on a line of its own."""
        checkpoint = Checkpoint(tmp_path)
        checkpoint.begin([Candidate(UserId(each)) for each in "abc"])
        with checkpoint.noting() as note:
            note(Backfilled("a", BackfillStatus.CREATED, ""))
        with (tmp_path / "done.jsonl").open("a") as lines:
            lines.write('{"user_id": "b", "fa')
        assert [each.user_id for each in checkpoint.left()] == ["b", "c"]

        with checkpoint.noting() as note:
            note(Backfilled("b", BackfillStatus.FOUND, ""))
        assert [each.user_id for each in checkpoint.left()] == ["c"]

    def test_begun_whole_or_not_at_all(self, tmp_path: Path) -> None:
        """A crash amid the first file leaves nothing to resume."""
        checkpoint = Checkpoint(tmp_path)

        def users() -> Any:
            yield Candidate(UserId("a"))
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            checkpoint.begin(users())
        assert not checkpoint.is_begun

    def test_nobody_else_may_read_it(self, tmp_path: Path) -> None:
        """It has addresses."""
        checkpoint = Checkpoint(tmp_path / "new")
        checkpoint.begin([Candidate(UserId("a"))])

        assert (tmp_path / "new").stat().st_mode & 0o077 == 0
        assert (tmp_path / "new" / "todo.jsonl").stat().st_mode & 0o077 == 0
