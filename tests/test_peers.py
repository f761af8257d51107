"""The comparison with the peers: its table is in the README, and what it counts by is right."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from benchmarks import compare_peers
from benchmarks.afterwards import Change, address, edit, link, user
from benchmarks.boundaries import Gate, Moment, Trap
from benchmarks.chart import chart
from benchmarks.contenders import Contender, Link, Outcome, Person
from benchmarks.hardships import Cost, Tally, storm, tally
from benchmarks.lines import Lines, Pool, cpu_seconds
from benchmarks.postgres import has_postgres

from sandbox.patience import PATIENCE_SECONDS
from sandbox.stripe_account import StripeAccount

ADA, GRACE = Person("auth0|ada", "ada@example.com"), Person("auth0|grace", "ada@example.com")


@dataclass
class Naive(Contender):
    """Makes a customer at each try, and remembers the last one."""

    found: dict[str, Link] = field(default_factory=dict)

    def sign_up(self, person: Person) -> Outcome:
        """Create."""
        metadata = {"owner": person.user_id}
        customer = self.stripe.create({"email": person.email, "metadata": metadata})
        self.found[person.user_id] = Link(person.user_id, person.email, customer["id"])
        return Outcome.LINKED

    def links(self) -> list[Link]:
        """Return what it remembers."""
        return [*self.found.values()]


@pytest.fixture
def naive() -> Naive:
    """Return one with an account of its own."""
    return Naive("naive", StripeAccount(), [], {}, "owner")


def test_the_readme_has_the_table_that_was_measured() -> None:
    """Word for word, with a column for each, none of which was left out."""
    begin, end = compare_peers.MARKS
    shown = [
        path.read_text().partition(begin)[2].partition(end)[0]
        for path in (compare_peers.README, compare_peers.RESULTS)
    ]

    assert shown[0] == shown[1]
    assert shown[0].startswith(f"|  | {' | '.join(compare_peers.NAMES)} |\n")
    assert {str(each) for each in Change} <= {
        each.split(" | ")[0][2:] for each in shown[0].split("\n")
    }
    assert "not run" not in shown[0]


def test_only_the_table_is_replaced() -> None:
    """What stands before and behind it stays."""
    begin, end = compare_peers.MARKS
    page = f"before{begin}| old |{end}behind"

    assert compare_peers.written(page, "| new |") == f"before{begin}| new |{end}behind"


@pytest.mark.parametrize("page", ["", "<!-- by make peers -->\n\n", "a\n<!-- so far -->\n"])
def test_a_page_without_its_marks_is_left(page: str) -> None:
    """Nothing behind a table whose end is not found is thrown away."""
    with pytest.raises(ValueError, match="not enough values"):
        compare_peers.written(page, "| new |")


def test_a_contender_that_was_not_here_was_not_run() -> None:
    """Its cells say so; a median has the middle half beside it."""
    nobody = Tally(2, 0, 0, 0, 0, 0, 0)
    measured = compare_peers.Measured(
        {"ours": nobody},
        {"ours": nobody},
        {"ours": Cost(2, [10.0, 20.0, 30.0], 4.0)},
        {"ours": dict.fromkeys(Change, "followed")},
    )
    rows = compare_peers.table(measured).splitlines()

    assert "| milliseconds over those calls | 20 (10 to 30) | not run | not run |" in rows[-9 + 1]
    assert all(each.endswith("| not run |") for each in rows[-len(Change) :])
    assert compare_peers.picture(measured).count("<rect") == 1 + 4


def test_a_figure_of_nothing_is_drawn() -> None:
    """Bars that are all zero, which is what one wants of faults, have the least length."""
    assert chart([("faults", "", {"ours": 0.0, "dj-stripe": 0.0})]).count('width="1"') == 2


def test_second_customers_are_counted(naive: Naive) -> None:
    """Of one user, of one address, and those that nobody is linked to."""
    for each in (ADA, ADA, GRACE):
        naive.sign_up(each)

    assert tally(naive, [ADA, GRACE], [Outcome.LINKED, Outcome.FAILED]) == Tally(
        people=2, refused=0, without=1, doubled=1, sharing=2, wrong=0, lost=1
    )


def test_wrong_links_are_counted(naive: Naive) -> None:
    """To another user's customer, and to one that is not there; other people's do not count."""
    for each in (ADA, GRACE, Person("auth0|alan", "alan@example.com")):
        naive.sign_up(each)
    naive.found[GRACE.user_id] = Link(GRACE.user_id, GRACE.email, naive.found[ADA.user_id].customer)
    shared = tally(naive, [ADA, GRACE], [Outcome.LINKED] * 2)
    naive.stripe.delete(naive.found[ADA.user_id].customer)
    dead = tally(naive, [ADA, GRACE], [Outcome.REFUSED] * 2)

    assert (shared.wrong, shared.lost, shared.refused) == (1, 1, 0)
    assert (dead.wrong, dead.lost, dead.refused) == (2, 1, 2)


def test_a_storm_is_the_same_for_each(naive: Naive) -> None:
    """Four tries of each person, of whom some want the same address."""
    came = storm({"naive": naive}, rounds=2, people=6, processes=1)["naive"]

    assert (came.people, came.doubled, came.lost) == (12, 12 * 3, 12 * 3)
    assert came.sharing > came.doubled
    assert naive.stripe.fault_rate == 0.0


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """Serve what one sends, in capitals."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        while sent := client.recv(100):
                            heard.append(sent)
                            client.sendall(sent.upper())

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()


heard: list[bytes] = []


def ask(client: socket.socket, text: bytes) -> bytes:
    """Return what comes back; nothing from a connection that was cut."""
    with suppress(OSError):
        client.sendall(text)
        return client.recv(100)
    return b""


@pytest.mark.parametrize(("moment", "has_effect"), [(Moment.BEFORE, False), (Moment.AFTER, True)])
def test_a_boundary(echo: tuple[str, int], moment: Moment, *, has_effect: bool) -> None:
    """Killed at the second call: before it nobody has had it, after it nobody hears of it."""
    trap, killed = Trap(), []
    gate = Gate(*echo, trap)
    heard.clear()
    with socket.create_connection(("127.0.0.1", gate.port), timeout=PATIENCE_SECONDS) as client:
        trap.arm(1, moment, lambda: killed.append(moment))

        assert ask(client, b"one") == b"ONE"
        assert ask(client, b"two") == b""
    gate.close()

    assert trap.sprung.wait(PATIENCE_SECONDS)
    assert killed == [moment]
    assert heard == [b"one", b"two"][: 1 + has_effect]


def test_calls_are_counted(echo: tuple[str, int]) -> None:
    """Each that was answered, over whichever connection; and then from zero again."""
    trap = Trap()
    gates = [Gate(*echo, trap), Gate(*echo, trap)]
    for gate in gates:
        with socket.create_connection(("127.0.0.1", gate.port), timeout=PATIENCE_SECONDS) as client:
            assert ask(client, b"call") == b"CALL"
        gate.close()

    assert (trap.count(), trap.count()) == (2, 0)


def test_a_process_that_was_killed_answers_nothing() -> None:
    """One that lives answers each line; its processor time is there."""
    code = "import sys\nfor each in sys.stdin: print(each.strip(), flush=True)"
    lines = Lines([sys.executable, "-c", code], {})
    pool = Pool([lines])

    assert pool.ask({"a": 1}) == {"a": 1}
    assert 0 < cpu_seconds(lines.process.pid) <= pool.cpu_seconds()
    pool.kill()
    assert pool.ask({"a": 1}) is None
    assert Pool([]).cpu_seconds() == 0


@pytest.mark.parametrize(
    ("customer", "said"),
    [
        ({"email": "ada@example.com", "metadata": {"owner": "1"}}, "the customer stays"),
        ({"email": "ada@example.com", "metadata": {}}, "the customer is unlinked"),
        ({"deleted": True}, "the customer is deleted"),
    ],
)
def test_what_became_of_a_customer(customer: dict[str, object], said: str) -> None:
    """Whose user is gone."""
    assert user(customer, "owner") == said


def test_what_became_of_an_address() -> None:
    """Seen from both sides."""
    customer = {"email": "new@example.com"}

    assert address(customer, "old@example.com") == "followed"
    assert address(customer, "new@example.com") == "not followed"
    assert edit(customer, "new@example.com") == "put back"
    assert edit(customer, "old@example.com") == "left as edited"


def test_what_became_of_a_link(naive: Naive) -> None:
    """Whose customer was deleted."""
    alive, dead = (naive.stripe.create({"email": "ada@example.com"})["id"] for _ in range(2))
    naive.stripe.delete(dead)

    assert link(naive.stripe, None) == "unlinked"
    assert link(naive.stripe, alive) == "another customer"
    assert link(naive.stripe, dead) == "linked to what is gone"


def test_a_machine_without_postgres(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is said before anything is started."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert not has_postgres()
