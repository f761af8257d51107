"""How the command line speaks, on a terminal, into a file, and to machines."""

import io
import json
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from rich.console import Console
from tests.fakes import FakeClock

from customerlink.cli import output
from customerlink.cli.checks import bad, good, warning
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.output import Output


@dataclass
class Said:
    """An output, and what it wrote to each side."""

    output: Output
    screen: io.StringIO
    errors: io.StringIO

    def out(self) -> str:
        """Return what it said."""
        return self.screen.getvalue()

    def err(self) -> str:
        """Return what it said of what is going on."""
        return self.errors.getvalue()


def said(*, as_json: bool = False, terminal: bool = False, width: int = 100) -> Said:
    """Return an output of some kind, without colours where its width matters."""
    screen, errors = io.StringIO(), io.StringIO()
    plain = width != 100
    out = (
        Console(
            file=screen, force_terminal=terminal, width=width, highlight=False, color_system=None
        )
        if plain
        else Console(file=screen, force_terminal=terminal, width=width, highlight=False)
    )
    err = Console(file=errors, width=100, highlight=False)
    return Said(Output(as_json=as_json, out=out, err=err), screen, errors)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Return a clock that moves only when the output waits."""
    made = FakeClock()
    monkeypatch.setattr(output, "time", made)
    return made


@pytest.mark.parametrize("terminal", [True, False])
def test_what_others_chose_is_shown_as_it_is(*, terminal: bool) -> None:
    """Brackets are no markup, and an escape sequence is not carried out."""
    chosen = "auth0|a[b]c [/b] \x1b]0;title\x07\x1b[2J"
    one = said(terminal=terminal)
    one.output.step(chosen)
    one.output.say(chosen)
    one.output.table("Users", [(chosen, chosen)])
    one.output.diff([chosen])
    one.output.checks([bad("stripe", chosen, chosen)])
    one.output.error(CliError(chosen, chosen))
    told = one.out() + one.err()

    assert told.count("a[b]c [/b]") == 9
    assert [each for each in ("\x1b]", "\x1b[2J", "\x07") if each in told] == []


ORDERS = [
    *("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x7f", "\r", "\n", "\x0b", "\x85", "\x00"),
    *("\u202e", "\u2066", "\u2069", "\u200f", "\u061c", "\u2028", "\u200b", "\ufeff"),
    *("\U000e0041", "\ud800"),
]


@pytest.mark.parametrize("order", ORDERS, ids=ascii)
def test_no_order_is_taken(order: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No control character, no line of its own, nothing that turns round what stands behind it."""
    chosen, people, machine = f"samlp|{order}ada", said(terminal=True), said(as_json=True)
    people.output.say(chosen)
    people.output.step(chosen)
    people.output.table(chosen, [(chosen, chosen)])
    people.output.checks([bad("stripe", chosen, chosen)])
    people.output.error(CliError(chosen, chosen))
    with people.output.busy(chosen), people.output.progress(chosen, total=1) as advance:
        advance()
    machine.output.document({"user_id": chosen})
    machine.output.line(json.dumps(chosen))
    lines = capsys.readouterr().out.split("\n")

    assert [json.loads(each) for each in lines[:2]] == [{"user_id": chosen}, chosen]
    assert all(each.isprintable() for each in lines)
    assert f"samlp|{order}" not in people.out() + people.err()
    assert "samlp|\ufffd" in people.out()


@pytest.mark.parametrize("chosen", ["[/]", "[b]x[/b]", "[link=https://evil.example]x", ":smile:"])
def test_no_markup(chosen: str) -> None:
    """Whoever chose the text may not have it drawn, nor end the program by it."""
    one = said(terminal=True)
    one.output.table(chosen, [(chosen, chosen)])
    with one.output.busy(chosen), one.output.progress(chosen, total=1) as advance:
        advance()
    one.output.say(chosen)

    assert one.out().count(chosen) >= 5


def test_for_people() -> None:
    """Each thing as it happens, its first letter upper case."""
    one = said()
    one.output.step("store the Stripe key")
    one.output.say("Nothing to do.")
    one.output.table("Counts", [("linked", "5"), ("[exempt]", "1")])
    one.output.diff(["@@ -1 +1 @@", "-old", "+new", " same"])
    one.output.document({"linked": 5})

    lines = [each.strip() for each in one.out().splitlines()]
    assert lines == [
        *("• Store the Stripe key", "Nothing to do.", "Counts", "linked    5", "[exempt]  1"),
        *("@@ -1 +1 @@", "-old", "+new", "same"),
    ]


@pytest.mark.parametrize(
    "told",
    [
        "cus_9741: released",
        "auth0|64f: customer_created",
        "shop: released",
        "shop-7: released",
        "sha256:b5fc85e55755f9e0: released",
        "cus_1 is auth0|1's",
    ],
)
def test_id_at_the_beginning(told: str) -> None:
    """It is no word: with a capital it would be another one's."""
    one = said()
    one.output.step(told)

    assert one.out() == f"• {told}\n"


@pytest.mark.parametrize("width", [20, 40, 60])
def test_narrow_terminal(width: int) -> None:
    """No line is broken: what one copies from it is whole."""
    command = "customerlink reassign cus_974a5b6c7d8e9f --to 'auth0|5f7c8ec7c33c6c004bbafe82'"
    one = said()
    one.output.out.width = one.output.err.width = width
    for tell in (one.output.step, one.output.say, one.output.beside):
        tell(f"it is gone: {command}")
    one.output.diff([f"+{command}"])
    one.output.checks([bad("customer", "it is gone", command)])

    assert (one.out() + one.err()).count(command) == 5


def test_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """One document and not a word beside it; the steps are kept for it."""
    one = said(as_json=True)
    one.output.step("store the Stripe key")
    one.output.say("Nothing to do.")
    one.output.table("Counts", [("linked", "5")])
    one.output.diff(["+new"])
    one.output.checks([bad("stack", "gone", "deploy")])
    one.output.document({"name": "Bär", "steps": one.output.steps})

    assert (one.out(), one.err()) == ("", "")
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"name": "Bär", "steps": ["store the Stripe key"]}
    assert "Bär" in shown


@pytest.mark.parametrize("name", ["stack", "seventeen letters", "Stripe: letter case"])
def test_blank_behind_a_checks_name(name: str) -> None:
    """However long the name is."""
    one = said()
    one.output.checks([good(name, "it is well")])

    assert f"{name} " in one.out()


def test_checks() -> None:
    """A line each, as soon as it is made, and what mends it under it."""
    one = said()
    seen: list[str] = []

    def made() -> object:
        yield good("stack", "it is there")
        seen.append(one.out())
        yield warning("alarms", "one is on")
        yield bad("secret", "it has no key", "customerlink install")

    checks = one.output.checks(made())  # type: ignore[arg-type]

    assert [each.name for each in checks] == ["stack", "alarms", "secret"]
    assert seen == ["✓ stack             it is there\n"]
    assert one.out().splitlines()[1:] == [
        "! alarms            one is on",
        "✗ secret            it has no key",
        "                    → customerlink install",
    ]


WORDS = "It is for test mode, and may list, create and update customers, and nothing more of them."
LONG = f"{WORDS} auth0|{'x' * 80}"


@pytest.mark.parametrize("width", [60, 80, 99])
def test_checks_at_a_terminal(width: int) -> None:
    """Broken at words, under where the meaning begins; an id, and a command, stay whole."""
    one = said(width=width, terminal=True)
    command = "customerlink rotate stripe-key --and-so-on " + "x" * 60
    one.output.checks([warning("Stripe: letter case", LONG, command)])
    first, *others = one.out().splitlines()

    meaning = [line for line in others if "→" not in line]
    assert all(len(line) <= width for line in [first, *meaning] if "xxx" not in line)
    assert all(line.startswith(" " * 20) for line in others)
    assert " ".join(" ".join([first, *meaning]).split()).endswith(LONG)
    assert f"→ {command}" in one.out()


@pytest.mark.parametrize("text", ["short", WORDS, LONG])
def test_checks_in_a_pipe(text: str) -> None:
    """A line each, whatever its length: it is searched by line."""
    one = said(width=80)
    one.output.checks([good("stack", text), good("Stripe: letter case", text)])

    assert one.out().splitlines() == [
        f"✓ stack             {text}",
        f"✓ Stripe: letter case {text}",
    ]


@pytest.mark.parametrize("width", [60, 80])
def test_table_at_a_terminal(width: int) -> None:
    """What its last column has no room for goes on below it."""
    one = said(width=width, terminal=True)
    rows = [("linked", "12,345", "user and customer name each other"), ("x", "1", WORDS)]
    one.output.table("Counts", rows)
    lines = one.out().splitlines()

    assert all(len(line.rstrip()) <= width for line in lines)
    column = lines[1].index("user and")
    assert lines[3:]
    assert all(line[:column].isspace() for line in lines[3:])


def test_table_in_a_pipe() -> None:
    """A line for each row, in columns."""
    one = said(width=80)
    one.output.table("Counts", [("linked", "5", WORDS), ("email_drift", "1", "[x]")])

    assert one.out().splitlines() == [
        "Counts",
        f"  linked       5  {WORDS}",
        "  email_drift  1  [x]",
    ]


def test_table_of_nothing() -> None:
    """Its title alone."""
    one = said()
    one.output.table("Done.", [])

    assert one.out() == "Done.\n"


def test_error(capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong and the way out, beside the results; for machines in their place."""
    one, other = said(), said(as_json=True)
    error = CliError("The stack is [gone].", "sam deploy", Exit.REFUSED)
    one.output.error(error)
    one.output.error(CliError("Nothing was changed."))
    other.output.error(error)

    assert one.out() == ""
    assert one.err().splitlines() == [
        *("✗ The stack is [gone].", "  → sam deploy", "✗ Nothing was changed."),
    ]
    document = {"error": "The stack is [gone].", "fix": "sam deploy", "exit_code": 4}
    assert (json.loads(capsys.readouterr().out), other.err()) == (document, "")


def test_rate_limit() -> None:
    """Told beside the results, to machines' operators as well."""
    one = said(as_json=True)
    one.output.waiting(3.4)

    assert one.err() == "Auth0's rate limit is exceeded: going on in 3 s.\n"


class TestWait:
    """A wait is told, and takes its time."""

    @pytest.mark.parametrize("seconds", [0.5, 3.0])
    @pytest.mark.parametrize("terminal", [False, True])
    @pytest.mark.parametrize("as_json", [False, True])
    def test_wherever_it_is(
        self, clock: FakeClock, seconds: float, *, terminal: bool, as_json: bool
    ) -> None:
        """With a bar or without."""
        start = clock.now
        one = said(as_json=as_json, terminal=terminal)
        one.output.wait("for the new key", seconds)

        assert clock.now - start == pytest.approx(seconds)
        assert one.output.steps == [f"wait {seconds:.0f} s for the new key"]
        has_bar = terminal and not as_json and seconds > 1
        assert ("━" in one.out()) is has_bar

    def test_none_left(self, clock: FakeClock) -> None:
        """A time that is over by now is no wait."""
        start = clock.now
        said().output.wait("for the new key", -5.0)

        assert clock.now == start


class TestBusy:
    """Something that takes a while."""

    @pytest.mark.parametrize(
        ("terminal", "as_json", "shows"),
        [(True, False, True), (False, False, False), (True, True, False)],
    )
    def test_spinner(self, *, terminal: bool, as_json: bool, shows: bool) -> None:
        """On a terminal alone, and not to machines."""
        one = said(as_json=as_json, terminal=terminal)
        with one.output.busy("Looking at the tenant"):
            time.sleep(0.01)

        assert ("Looking at the tenant" in one.out()) is shows

    @pytest.mark.parametrize(
        ("terminal", "as_json", "shows"),
        [(True, False, True), (False, False, False), (True, True, False)],
    )
    def test_progress(self, *, terminal: bool, as_json: bool, shows: bool) -> None:
        """How many of how many, and how fast: on a terminal alone, and not to machines."""
        one = said(as_json=as_json, terminal=terminal)
        with one.output.progress("users", total=3) as advance:
            for _ in range(3):
                advance()

        assert ("3/3" in one.out()) is shows
        assert ("/s" in one.out()) is shows


def test_terminal_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results to one side, what is going on to the other."""
    monkeypatch.setattr(output, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=None))
    one = Output(as_json=False)
    one.say("Nothing to do.")
    one.waiting(1)
    shown = capsys.readouterr()

    assert shown.out == "Nothing to do.\n"
    assert "rate limit" in shown.err


@pytest.mark.parametrize("width", [5, 40, 60])
def test_no_id_of_a_table_is_cut(width: int) -> None:
    """Whoever has a narrow terminal, or long ids, copies them whole all the same."""
    ids = "google-oauth2|digest:225b7069b6a34601", "google-oauth2|ada@example.com"
    one = said(terminal=True, width=width)
    one.output.table("In logs, and in Auth0", [ids])

    assert all(each in one.out() for each in ids)
