"""Histories that went wrong before there was one way in, each over the wire.

They are told by what both sides show: the sandbox's tenant, the shop's API, the command line, the
functions' answers, Stripe's customers. Where one needs time to pass, the ledger's items are aged.
"""

import io
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from tests.calling import report
from tests.cli.conftest import Cli
from tests.e2e.test_backfill_state_machine import in_this_process
from tests.functions.test_shop_api import id_token, link, post, proofs, token
from werkzeug.wrappers import Request, Response

from customerlink.adapters.stripe import customers as stripe_customers
from customerlink.functions import backfill
from sandbox.aws import BUCKET, REGION, TABLE
from sandbox.demo import LONG_AGO
from sandbox.patience import PATIENCE_SECONDS, wait_until
from sandbox.sandbox import Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind
from sandbox.tenant import Login

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTINUE = {"CUSTOMERLINK_ON_FAILURE": "continue"}
ADOPT = {"CUSTOMERLINK_EXISTING_CUSTOMER": "adopt"}
GOES_ON = pytest.mark.parametrize("box", [CONTINUE], indirect=True, ids=["continue"])
ADOPTS = pytest.mark.parametrize("box", [ADOPT], indirect=True, ids=["adopt"])

TIMES = ("lease_until", "updated_at", "attempt_since", "open_since", "expires_at", "claimed_at")
SETTLED_SECONDS = 81
"""After so long no create is under way any more."""

KEY_SECONDS = 23 * 3600 + 60
"""After so long Stripe may have forgotten an idempotency key."""

FROM_BEFORE: dict[str, Any] = {"logins_count": 41, "created_at": LONG_AGO}

type Json = dict[str, Any]


@dataclass
class Between:
    """What stands before AWS's and Stripe's stand-ins: nothing, until a test puts it there."""

    refuses: Callable[[Json], bool] = lambda _: False
    """Which calls of the ledger's fail."""
    answers: Callable[[Request], Response | None] = lambda _: None
    """What comes in place of an answer of Stripe's."""

    def around(self, application: "WSGIApplication") -> "WSGIApplication":
        """Stand before an application."""

        def served(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            return (self._instead(Request(environ), body) or application)(environ, start)

        return served

    def _instead(self, request: Request, body: bytes) -> Response | None:
        if request.path.startswith("/v1/"):
            return self.answers(request)
        is_ledgers = request.headers.get("X-Amz-Target", "").startswith("DynamoDB")
        if is_ledgers and self.refuses(json.loads(body)):
            return Response('{"__type": "InternalServerError"}', 500)
        return None

    @contextmanager
    def refusing(self, refuses: Callable[[Json], bool]) -> Iterator[None]:
        """Let calls of the ledger's fail while the block runs."""
        self.refuses = refuses
        yield
        self.refuses = lambda _: False

    @contextmanager
    def answering(self, answers: Callable[[Request], Response | None]) -> Iterator[None]:
        """Answer in Stripe's place while the block runs."""
        self.answers = answers
        yield
        self.answers = lambda _: None


@pytest.fixture
def between() -> Between:
    """Return what stands before the stand-ins."""
    return Between()


@pytest.fixture
def box(between: Between, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Run a deployment of the test's own, with its policies."""
    settings = getattr(request, "param", {})
    with sandbox(settings=settings, around=between.around) as made:
        made.let_functions_into_the_tenant()
        yield made


@pytest.fixture
def cli(
    box: Sandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Cli:
    """Return the command line over the deployment."""
    for name, value in box.tools_environment().items():
        monkeypatch.setenv(name, value)
    for name in ("CUSTOMERLINK_PROFILE", "CUSTOMERLINK_STACK", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return Cli(box, capsys, monkeypatch, {box.stripe_key})


# What is done, and what is seen


def user(box: Sandbox, name: str, provider: str = "auth0", **profile: Any) -> str:
    """Put a user in, who has verified an address of their own unless another one is given."""
    given = {"email": f"{name}@example.com", "email_verified": True, **profile}
    return box.tenant.add_user(f"{provider}|{name}", **given)


def last(box: Sandbox) -> str | None:
    """Return the reason of the last decision."""
    return box.gateway.exchanges[-1].reason


def metadata(box: Sandbox, user_id: str) -> Json:
    """Return a user's `app_metadata`."""
    return dict(box.tenant.users[user_id].get("app_metadata", {}))


def customers_of(box: Sandbox, user_id: str) -> list[str]:
    """Return the live customers that name a user."""
    return [
        each["id"]
        for each in box.stripe.live_customers()
        if each["metadata"].get("auth0_user_id") == user_id
    ]


def with_address(box: Sandbox, email: str) -> list[str]:
    """Return the live customers that have an address."""
    return [each["id"] for each in box.stripe.live_customers() if each["email"] == email]


def anothers(box: Sandbox, email: str) -> str:
    """Let another user's customer have an address."""
    named = {"auth0_user_id": "auth0|another", "auth0_tenant": "acme"}
    return str(box.stripe.create({"email": email, "metadata": named})["id"])


def stripe_is_down(box: Sandbox, *methods: str) -> None:
    """Take Stripe down for these methods."""
    box.stripe.faults += [Fault(FaultKind.DOWN, each, times=999) for each in methods]


def record(box: Sandbox, user_id: str) -> Json:
    """Return a user's record in the ledger."""
    [found] = [each for each in box.aws.items() if each["pk"] == f"signup#acme#{user_id}"]
    return found


def age(box: Sandbox, seconds: float, *names: str) -> None:
    """Let time pass for the ledger's items, or for some of their attributes only."""
    for item in box.aws.dynamodb.scan(TableName=TABLE)["Items"]:
        aged: Any = dict(item)
        for name in (names or TIMES) & item.keys():
            aged[name] = {"N": f"{max(0.0, float(aged[name]['N']) - seconds):.3f}"}
        box.aws.dynamodb.put_item(TableName=TABLE, Item=aged)


@contextmanager
def held(between: Between, method: str) -> Iterator[None]:
    """Let Stripe do nothing while the block runs, and then what it was asked for."""
    let_go = threading.Event()

    def hold(request: Request) -> None:
        if request.method == method:
            let_go.wait(PATIENCE_SECONDS)

    with between.answering(hold):
        try:
            yield
        finally:
            let_go.set()


def in_as_before(box: Sandbox, user_id: str) -> tuple[str, str | None]:
    """Log in; return the decision, and the reason."""
    return box.tenant.login(user_id).decision, last(box)


AS_BEFORE = ("continue", "not_new")


# 1. A denied user gets in by opening tabs


def refused(box: Sandbox) -> str:
    """Return a user who was refused, since another user's customer has the address."""
    box.tenant.secrets = {**box.tenant.secrets, **CONTINUE}
    anothers(box, "ada@example.com")
    ada = user(box, "ada")
    assert (box.tenant.login(ada).decision, last(box)) == ("deny", "email_in_use")
    return ada


@GOES_ON
@pytest.mark.parametrize("latency", [0.15, 0.4])
def test_twelve_tabs_of_a_refused_user(box: Sandbox, latency: float) -> None:
    """However long the tabs wait for each other, each of them is denied."""
    ada = refused(box)
    box.stripe.latency = latency
    with ThreadPoolExecutor(12) as tabs:
        logins = [*tabs.map(box.tenant.login, [ada] * 12)]

    assert [each.decision for each in logins] == ["deny"] * 12
    assert customers_of(box, ada) == []


def key_of(call: Json) -> str:
    """Return the key of the item that a call of the ledger's is about."""
    return str(call.get("Key", {}).get("pk", {}).get("S", ""))


def is_later_write(call: Json) -> bool:
    """Return whether a call writes a record that is open already."""
    takes_lease = "lease_until = :until" in call.get("UpdateExpression", "")
    return key_of(call).startswith("signup#") and "UpdateExpression" in call and not takes_lease


OUTAGES: dict[str, tuple[Callable[[Json], bool], bool]] = {
    "lock": (lambda call: key_of(call).startswith("email#"), False),
    "refusal": (is_later_write, False),
    "release": (is_later_write, True),
    "everything": (lambda _: True, False),
}


@GOES_ON
@pytest.mark.parametrize("outage", OUTAGES)
def test_ledger_that_fails_a_refused_user(box: Sandbox, between: Between, outage: str) -> None:
    """Whichever of the ledger's calls gets no answer, the refused user stays out."""
    ada = refused(box)
    refuses, is_stripe_down = OUTAGES[outage]
    if is_stripe_down:
        stripe_is_down(box, "GET")
    with between.refusing(refuses):
        decision = box.tenant.login(ada).decision

    assert decision == "deny"
    box.stripe.faults.clear()
    age(box, SETTLED_SECONDS)
    assert (box.tenant.login(ada).decision, last(box)) == ("deny", "email_in_use")


# 2. After a time-out of Stripe's the lease is given back


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_stripe_hangs(box: Sandbox, between: Between, method: str) -> None:
    """The answer comes though Stripe's does not, and the next login need not wait for the lease."""
    ada = user(box, "ada")
    with held(between, method):
        denied, exchange = box.tenant.login(ada), box.gateway.exchanges[-1]
        is_given_back = float(record(box, ada)["lease_until"]) < time.time()
    again = box.tenant.login(ada)

    assert (denied.decision, exchange.status) == ("deny", 200)
    assert exchange.reason == "provisioning_failed"
    assert is_given_back
    assert again.decision == "continue"
    assert len(customers_of(box, ada)) == 1


# 3. Backfill, checkout and linking lock nobody out


def test_backfill_refuses_nobody(box: Sandbox, cli: Cli) -> None:
    """A user whose address has no form of one logs in after a backfill as before."""
    ada = user(box, "ada", email="no address", **FROM_BEFORE)
    assert cli("--tenant", "acme", "backfill").code == 0

    assert in_as_before(box, ada) == AS_BEFORE
    assert box.stripe.live_customers() == []


def test_order_refuses_nobody(box: Sandbox) -> None:
    """A user who ordered with somebody else's address logs in as before."""
    anothers(box, "ada@example.com")
    ada = user(box, "ada", **FROM_BEFORE)
    status, body = post(box, "/customers/me", token(box, ada))
    assert (status, body["error"]) == (409, "email_in_use")

    assert in_as_before(box, ada) == AS_BEFORE


@pytest.mark.parametrize("is_back", [True, False])
def test_interrupted_linking_refuses_nobody(box: Sandbox, *, is_back: bool) -> None:
    """A primary whose linking Stripe interrupted logs in as before, and the linking ends later."""
    ada, google = user(box, "ada", **FROM_BEFORE), user(box, "ada-2", "google-oauth2")
    assert box.tenant.login(google, "google-oauth2").decision == "continue"
    [moving] = customers_of(box, google)
    access_token = token(box, ada)
    body = proofs(box, ada, secondary_id_token=id_token(box, google, access_token))
    stripe_is_down(box, "POST")
    assert post(box, "/accounts/link", access_token, body)[1]["error"] == "provisioning_failed"
    if is_back:
        box.stripe.faults.clear()

    assert in_as_before(box, ada) == AS_BEFORE
    box.stripe.faults.clear()
    assert post(box, "/accounts/link", access_token, body)[0] == 200
    assert customers_of(box, ada) == [moving]


# 4. Linking must not give one user two live customers


def test_linking_finds_what_the_primary_made(box: Sandbox) -> None:
    """A primary's customer of an earlier address stays theirs, and no second one moves to them."""
    ada, google = user(box, "ada"), user(box, "ada-2", "google-oauth2")
    box.tenant.login(google, "google-oauth2")
    [others] = customers_of(box, google)
    box.stripe.faults.append(Fault(FaultKind.DROP_AFTER))
    stripe_is_down(box, "POST")
    assert box.tenant.login(ada).decision == "deny"
    [own] = customers_of(box, ada)
    box.stripe.faults.clear()
    box.tenant.users[ada]["email"] = "ada-moved@example.com"
    age(box, SETTLED_SECONDS)
    answer = link(box, ada, google)

    assert answer == (200, {"stripe_customer_id": own, "superseded": [others]})
    assert customers_of(box, ada) == [own]
    assert box.stripe.retrieve(others)["metadata"]["superseded_by"] == own


# 5. Backfill acts on a stale export


def by_command_line(_: Sandbox, cli: Cli, change: Callable[[], object]) -> None:
    """Export the users, change them, and go on with the checkpoint."""
    words = ("--tenant", "acme", "backfill", "--adopt")
    assert cli(*words, "--dry-run").code == 0
    change()
    assert cli(*words).code == 0


def by_state_machine(box: Sandbox, cli: Cli, change: Callable[[], object]) -> None:
    """Carry out the state machine's steps, and change the users before the last one."""
    environment = {**box.environment(), **ADOPT, "CUSTOMERLINK_BUCKET": BUCKET}
    for name, value in environment.items():
        cli.patch.setenv(name, value)
    session = boto3.Session("sandbox", "sandbox", "sandbox", REGION)
    s3: Any = session.client("s3", endpoint_url=box.aws.url)
    s3.create_bucket(Bucket=BUCKET)
    backfill._backfill.cache_clear()
    run = uuid.uuid4().hex

    def step(name: str, **given: object) -> Any:
        event = {"step": name, "run": run, **given}
        answer = json.loads(in_this_process(json.dumps(event).encode()))
        assert "errorType" not in (answer or {}), answer
        return answer

    for segment in step("segments"):
        assert step("list", segment=segment)["is_done"]
    assert step("export", job=step("start_export")["job"])["is_done"]
    step("compare")
    change()
    step("provision", key=f"{run}/todo/000000.json")
    backfill._backfill.cache_clear()


WAYS = pytest.mark.parametrize("backfilled", [by_command_line, by_state_machine])


@WAYS
@ADOPTS
def test_address_that_was_left_since_the_export(
    box: Sandbox, cli: Cli, backfilled: Callable[[Sandbox, Cli, Callable[[], object]], None]
) -> None:
    """What has the address is left to its new, verified owner."""
    contested = str(box.stripe.create({"email": "shared@example.com"})["id"])
    ada = user(box, "ada", email="shared@example.com", **FROM_BEFORE)

    def change() -> None:
        box.tenant.users[ada]["email"] = "ada@example.com"
        user(box, "eve", email="shared@example.com")

    backfilled(box, cli, change)
    [made] = customers_of(box, ada)

    assert made != contested
    assert box.stripe.retrieve(made)["email"] == "ada@example.com"
    assert metadata(box, ada) == {"stripe_customer_id": made}
    assert box.tenant.login("auth0|eve").decision == "continue"
    assert customers_of(box, "auth0|eve") == [contested]


@WAYS
@ADOPTS
def test_user_who_was_deleted_since_the_export(
    box: Sandbox, cli: Cli, backfilled: Callable[[Sandbox, Cli, Callable[[], object]], None]
) -> None:
    """No customer is made for nobody."""
    ada = user(box, "ada", **FROM_BEFORE)
    backfilled(box, cli, lambda: box.tenant.users.delete(ada))

    assert box.stripe.live_customers() == []


# 6. Registration with adoption


@ADOPTS
@pytest.mark.parametrize("ids", ["in the profile, told", "in the profile", "lost"])
def test_registration_that_adopts(box: Sandbox, ids: str) -> None:
    """Whom the registration adopted a customer for logs in, and the customer names them."""
    nobodys = str(box.stripe.create({"email": "ada@example.com"})["id"])
    registered = box.tenant.register(
        email="ada@example.com", email_verified=True, tells=ids.endswith("told")
    )
    ada = str(registered.user_id)
    if ids == "lost":
        box.tenant.users[ada]["app_metadata"] = {}
    login = box.tenant.login(ada)

    assert (registered.denial, login.decision) == (None, "continue")
    assert metadata(box, ada)["stripe_customer_id"] == nobodys
    assert customers_of(box, ada) == [nobodys]
    assert len(box.stripe.live_customers()) == 1


# 7. `customerlink repair --kind email_drift` against a sign-up


def drifted(box: Sandbox, cli: Cli, path: Path) -> tuple[str, str]:
    """Plan to give a linked user's customer their new address; return the user and the plan."""
    ada = user(box, "ada")
    box.tenant.login(ada)
    box.tenant.users[ada]["email"] = "shared@example.com"
    result = cli("--tenant", "acme", "repair", "--kind", "email_drift")
    [line] = [each for each in result.out.splitlines() if each.startswith("{")]
    assert json.loads(line)["act"] == "set_email"
    path.write_text(line)
    return ada, str(path)


def test_repair_while_somebody_signs_up(box: Sandbox, cli: Cli, tmp_path: Path) -> None:
    """An address that is being signed up is given to no second customer."""
    _, plan = drifted(box, cli, tmp_path / "plan")
    eve = user(box, "eve", email="shared@example.com")
    slow = Fault(FaultKind.SLOW, "POST", seconds=1.5)
    box.stripe.faults.append(slow)
    with ThreadPoolExecutor(1) as tabs:
        login = tabs.submit(box.tenant.login, eve)
        wait_until(lambda: slow.times == 0)
        assert cli("--tenant", "acme", "repair", "--apply", plan).code == 0

    assert login.result().decision == "continue"
    assert with_address(box, "shared@example.com") == customers_of(box, eve)


def test_repair_before_the_list_knows(
    box: Sandbox, between: Between, cli: Cli, tmp_path: Path
) -> None:
    """Nor is one that has just been signed up, and that Stripe's list does not show yet."""
    _, plan = drifted(box, cli, tmp_path / "plan")
    eve = user(box, "eve", email="shared@example.com")
    assert box.tenant.login(eve).decision == "continue"

    def lagging(request: Request) -> Response | None:
        is_asked = request.method == "GET" and request.args.get("email") == "shared@example.com"
        empty = {"object": "list", "data": [], "has_more": False, "url": "/v1/customers"}
        return Response(json.dumps(empty), content_type="application/json") if is_asked else None

    with between.answering(lagging):
        assert cli("--tenant", "acme", "repair", "--apply", plan).code == 0

    assert with_address(box, "shared@example.com") == customers_of(box, eve)


def test_sign_up_while_the_repair_writes(box: Sandbox, cli: Cli, tmp_path: Path) -> None:
    """Nor does somebody sign up with an address that a repair is about to write."""
    ada, plan = drifted(box, cli, tmp_path / "plan")
    eve = user(box, "eve", email="shared@example.com")
    slow = Fault(FaultKind.SLOW, "POST", seconds=1.5)
    box.stripe.faults.append(slow)

    def log_in() -> Login:
        wait_until(lambda: slow.times == 0)
        return box.tenant.login(eve)

    with ThreadPoolExecutor(1) as tabs:
        login = tabs.submit(log_in)
        assert cli("--tenant", "acme", "repair", "--apply", plan).code == 0

    assert login.result().decision == "deny"
    assert with_address(box, "shared@example.com") == customers_of(box, ada)


# 8. The edge of the key's life


@pytest.mark.parametrize("arrives", [True, False])
def test_old_key_and_a_recent_create(box: Sandbox, between: Between, *, arrives: bool) -> None:
    """Under no new key is anything made while a create of the old one may be under way."""
    ada = user(box, "ada")
    if not arrives:
        box.stripe.faults.append(Fault(FaultKind.DROP_BEFORE, "POST"))
        stripe_is_down(box, "POST")
    with held(between, "POST") if arrives else nullcontext():
        box.tenant.login(ada)
        box.stripe.faults.clear()
        age(box, KEY_SECONDS, "attempt_since")
        login, reason = box.tenant.login(ada), last(box)

        assert (login.decision, reason) == ("deny", "provisioning_failed")
        assert box.stripe.live_customers() == []
    if arrives:
        wait_until(box.stripe.live_customers)
    age(box, SETTLED_SECONDS)
    assert box.tenant.login(ada).decision == "continue"
    assert [each["id"] for each in box.stripe.live_customers()] == customers_of(box, ada)
    assert [metadata(box, ada)["stripe_customer_id"]] == customers_of(box, ada)


# 9. A registration goes on, and its create's answer was lost


@GOES_ON
@pytest.mark.parametrize("fault", [FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE])
def test_registration_without_an_answer(box: Sandbox, fault: FaultKind) -> None:
    """The first login finishes what the registration began, with exactly one customer."""
    box.stripe.faults.append(Fault(fault))
    stripe_is_down(box, "POST")
    registered = box.tenant.register(email="ada@example.com")
    box.stripe.faults.clear()
    ada = str(registered.user_id)
    assert metadata(box, ada) == {}
    login = box.tenant.login(ada)

    assert (registered.denial, login.decision) == (None, "continue")
    assert customers_of(box, ada) == [metadata(box, ada)["stripe_customer_id"]]
    assert len(box.stripe.live_customers()) == 1


# 10. Two tabs of an account that is older than an hour


def test_second_tab_overtakes_the_first(box: Sandbox) -> None:
    """Whoever was made after the installation signs up, whichever tab comes first."""
    now = time.time()
    noted: Any = {"pk": {"S": "installation"}, "installed_at": {"N": f"{now - 7200:.3f}"}}
    box.aws.dynamodb.put_item(TableName=TABLE, Item=noted)
    created_at = (datetime.now(UTC) - timedelta(minutes=90)).isoformat()
    # The first tab was counted, and is on its way.
    ada = user(box, "ada", created_at=created_at, logins_count=1)
    second = box.tenant.login(ada)
    marked = metadata(box, ada)
    profile = {"user_id": ada, "email": "ada@example.com", "created_at": created_at}
    document = {"tenant": {"id": "acme"}, "user": profile, "stats": {"logins_count": 1}}
    first = report(box.url, box.signing_secret, {"version": 1, **document})

    assert second.decision == "continue"
    assert marked == {"stripe_customer_id": customers_of(box, ada)[0]}
    assert first.body["app_metadata"]["stripe_customer_id"] == marked["stripe_customer_id"]
    assert len(customers_of(box, ada)) == 1


# 11. A registration id used twice


def twice_registered(box: Sandbox, *, follows: bool = False) -> tuple[str, str]:
    """Let two people register with an address, the first of whom has moved away from it.

    `follows`: whether the first one's customer has moved with them.
    """
    first = str(box.tenant.register(email="shared@example.com", tells=False).user_id)
    made = metadata(box, first)["stripe_customer_id"]
    box.tenant.users[first]["email"] = "moved@example.com"
    if follows:
        box.stripe.update(made, {"email": "moved@example.com"})
    second = str(box.tenant.register(email="shared@example.com", tells=False).user_id)
    assert (metadata(box, second)["stripe_customer_id"] == made) is not follows
    return first, second


def outcome(box: Sandbox, user_id: str) -> str:
    """Log in; return the customer that the user is let in with, or the reason of the denial.

    Whoever is let in carries a customer that names them.
    """
    if box.tenant.login(user_id).decision == "deny":
        return str(last(box))
    carried = str(metadata(box, user_id)["stripe_customer_id"])
    assert customers_of(box, user_id) == [carried]
    return carried


@pytest.mark.parametrize("is_reversed", [False, True])
def test_registration_id_used_twice(box: Sandbox, *, is_reversed: bool) -> None:
    """Each of the two has a customer of their own, or is told that the address is taken."""
    first, second = twice_registered(box)
    users = (second, first) if is_reversed else (first, second)
    earlier, later = (outcome(box, each) for each in users)

    assert earlier == box.stripe.live_customers()[0]["id"]
    assert later != earlier
    # The customer still has the address that the second one registered with.
    assert later.startswith("cus_") if is_reversed else later == "email_in_use"
    box.stripe.update(earlier, {"email": box.tenant.users[users[0]]["email"]})
    age(box, SETTLED_SECONDS)
    assert {outcome(box, each).partition("_")[0] for each in users} == {"cus"}
    assert len(box.stripe.live_customers()) == 2


@pytest.mark.parametrize("is_reversed", [False, True])
def test_registration_id_used_twice_and_the_customer_moved(
    box: Sandbox, *, is_reversed: bool
) -> None:
    """Whoever registers with an address that the first one's customer has left gets another."""
    users = twice_registered(box, follows=True)
    given = [metadata(box, each)["stripe_customer_id"] for each in users]
    for each in reversed(users) if is_reversed else users:
        outcome(box, each)

    assert [metadata(box, each)["stripe_customer_id"] for each in users] == given
    assert [customers_of(box, each) for each in users] == [[each] for each in given]


# 12. The permanent claim comes after the fenced record


@ADOPTS
@pytest.mark.parametrize("is_taken_over", [False, True])
def test_claim_of_somebody_who_never_adopts(
    box: Sandbox, between: Between, *, is_taken_over: bool
) -> None:
    """Where the adoption could not be written down, nobody has claimed the customer."""
    nobodys = str(box.stripe.create({"email": "shared@example.com"})["id"])
    ada = user(box, "ada", email="shared@example.com")

    def notes_adoption(call: Json) -> bool:
        if "adopting = " not in call.get("UpdateExpression", ""):
            return False
        if is_taken_over:
            box.aws.dynamodb.update_item(
                TableName=TABLE,
                Key=call["Key"],
                UpdateExpression="SET epoch = epoch + :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        return not is_taken_over

    with between.refusing(notes_adoption):
        assert box.tenant.login(ada).decision == "deny"
    claims = [each for each in box.aws.items() if str(each["pk"]).startswith("adoption#")]
    box.tenant.users[ada]["email"] = "ada@example.com"
    age(box, SETTLED_SECONDS)
    eve = user(box, "eve", email="shared@example.com")
    login = box.tenant.login(eve)

    assert claims == []
    assert login.decision == "continue"
    assert customers_of(box, eve) == [nobodys]


# 13. A look-up that failed sends nothing


def test_failed_look_up_keeps_no_address(box: Sandbox) -> None:
    """Whose look-up failed has sent nothing, so the next one with the address need not wait."""
    ada = user(box, "ada", email="shared@example.com")
    eve = user(box, "eve", email="shared@example.com")
    stripe_is_down(box, "GET")
    assert (box.tenant.login(ada).decision, last(box)) == ("deny", "provisioning_failed")
    box.stripe.faults.clear()

    assert (box.tenant.login(eve).decision, last(box)) == ("continue", "customer_created")


# 14. An answer of Stripe's is not believed unseen


def odd_objects(user_id: str) -> dict[str, Any]:
    """Return what is no customer, most of it in the user's name."""
    named = {"created": 1, "metadata": {"auth0_user_id": user_id, "auth0_tenant": "acme"}}
    return {
        "charge": {"id": "ch_1", "object": "charge", **named},
        "deleted": {"id": "cus_1", "object": "customer", "deleted": True},
        "list": [],
        "null": None,
        "object": {},
        "number": 7,
        "without id": {"object": "customer", **named},
        "odd id": {"id": ["cus_1"], "object": "customer", **named},
        "odd metadata": {"id": "cus_1", "object": "customer", "created": 1, "metadata": [1]},
    }


def odd_creates(user_id: str) -> dict[str, Any]:
    """Return what answers no create of the user's."""
    customer = {"id": "cus_1", "object": "customer", "created": 1}
    anothers = {"auth0_user_id": "auth0|another", "auth0_tenant": "acme"}
    return {
        **odd_objects(user_id),
        "another's": {**customer, "metadata": anothers},
        "nobody's": {**customer, "metadata": {}},
        "of objects": {"object": "list", "data": [{}, {"id": 1}], "has_more": False},
    }


def odd_lists(user_id: str) -> dict[str, Any]:
    """Return what answers no look-up; none of it says that there is no customer."""
    listed = {"object": "list", "has_more": False}
    odd = odd_objects(user_id)
    return {
        **odd,
        **{f"of {name}": {**listed, "data": [each]} for name, each in odd.items()},
        "without kind": {"data": [], "has_more": False},
    }


def odd_data(_: str) -> dict[str, Any]:
    """Return lists of nothing that are not empty ones."""
    odd: dict[str, Json] = {
        "absent": {},
        "null": {"data": None},
        "object": {"data": {}},
        "text": {"data": ""},
    }
    return {name: {"object": "list", "has_more": False, **each} for name, each in odd.items()}


@pytest.mark.parametrize(
    ("method", "odd"),
    [("POST", odd_creates), ("GET", odd_lists), ("GET", odd_data)],
    ids=["create", "list", "data"],
)
def test_odd_answers(
    box: Sandbox,
    between: Between,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    odd: Callable[[str], dict[str, Any]],
) -> None:
    """They link nothing and are told as a failure, and the next login need not wait."""
    monkeypatch.setattr(stripe_customers, "_PAUSE_SECONDS", 0.001)
    ends = {name: end_of_odd_answer(box, between, method, name, odd) for name in odd("")}

    assert {name: end for name, end in ends.items() if end != HEALED} == {}


HEALED = ("deny", 200, "provisioning_failed", {"stripe_signup": "unfinished"}, True, "continue", 1)


def end_of_odd_answer(
    box: Sandbox, between: Between, method: str, name: str, odd: Callable[[str], dict[str, Any]]
) -> tuple[object, ...]:
    """Log in with an odd answer of Stripe's, and then without; return what is seen of both."""
    one = user(box, name.replace(" ", "-").replace("'", ""))

    def answered(request: Request) -> Response | None:
        body = json.dumps(odd(one)[name])
        is_asked = (request.method, request.path) == (method, "/v1/customers")
        return Response(body, content_type="application/json") if is_asked else None

    with between.answering(answered):
        login, exchange = box.tenant.login(one), box.gateway.exchanges[-1]
    seen = metadata(box, one)
    is_given_back = float(record(box, one).get("lease_until", 0)) < time.time()
    again = box.tenant.login(one).decision
    customers = customers_of(box, one)
    own = len(customers) if [metadata(box, one).get("stripe_customer_id")] == customers else 0
    return login.decision, exchange.status, exchange.reason, seen, is_given_back, again, own


# 15. An outage makes no sign-up of an existing user


def down_with(status: int) -> Callable[[Json], Json]:
    """Return a function that answers with a status only."""
    answer = {"statusCode": status, "headers": {"content-type": "application/json"}, "body": "{}"}
    return lambda _: answer


def hanging(_: Json) -> Json:
    """Answer too late."""
    time.sleep(1.0)
    return {}


FUNCTIONS = {"500": down_with(500), "503": down_with(503), "crash": lambda _: {}, "hangs": hanging}


@pytest.mark.parametrize("outage", ["ledger", *FUNCTIONS])
def test_outage_and_an_existing_user(box: Sandbox, between: Between, outage: str) -> None:
    """A user from before the installation goes on unmarked, and logs in afterwards as before."""
    anothers(box, "ada@example.com")
    ada = user(box, "ada", **FROM_BEFORE)
    works, patient = box.gateway.invoke, box.tenant.secrets
    box.gateway.invoke = FUNCTIONS.get(outage, works)
    if outage == "hangs":
        box.tenant.secrets = {**patient, "CUSTOMERLINK_TIMEOUT_MS": "500"}
    with between.refusing(lambda _: outage == "ledger"):
        meanwhile = box.tenant.login(ada)
    box.gateway.invoke, box.tenant.secrets = works, patient

    assert (meanwhile.decision, metadata(box, ada)) == ("continue", {})
    assert in_as_before(box, ada) == AS_BEFORE
    assert "stripe_customer_id" not in metadata(box, ada)
