"""What another tool gets to set, and what is known of what it has set."""

import json
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from customerlink.cli.checks import Verdict
from customerlink.cli.declared import (
    API,
    PRINT,
    hand_over,
    settings_check,
    signing_secret_of,
    standing_note,
)
from customerlink.cli.stored_secret import StoredSecret
from customerlink.model.actions import (
    DENIAL_TEXTS,
    LOGIN,
    SIGNING_SECRET,
    TRIGGERS,
    URL,
    Action,
    declared,
)
from customerlink.model.notes import fingerprint, noted

ADDRESS = "https://a1.execute-api.eu-west-1.amazonaws.com/post-login"
OLD, NEW, FOREIGN = "whsec_b2xk", "whsec_bmV3", "whsec_Zm9yZWlnbg=="
MORNING, NOON = "2026-11-26T08:00:00+00:00", "2026-11-26T12:00:00+00:00"


def action(says: str | None, times: Mapping[str, str] | None = None) -> Action:
    """Return an Action whose code says this of its settings, with the times of its secrets."""
    code = declared("exports.x = 1;", says) if says else "exports.x = 1;\n"
    seen = times or {URL: MORNING, SIGNING_SECRET: MORNING}
    return Action("1", "Customer Link", code, "node22", seen, True, code, seen)  # noqa: FBT003


def stored(*secrets: str) -> StoredSecret:
    """Return a deployment's secret with these signing secrets."""
    return StoredSecret(signing_secrets=secrets)


def check(seen: Action, secret: StoredSecret) -> tuple[Verdict, str]:
    """Return what doctor says of an Action's secrets."""
    made = settings_check(seen, LOGIN, ADDRESS, secret, "secrets")
    return made.verdict, made.meaning


@pytest.mark.parametrize(
    ("secret", "texts"),
    [(OLD, ""), (NEW, '{"en": {"support": "It\'s $HOME."}}'), ("whsec_a+/b==", "{}")],
)
def test_handed_over(tmp_path: Path, secret: str, texts: str) -> None:
    """A file for its owner alone, which a shell reads, with both tools' names of every value.

    A stack without texts says so: a tool would go on with those of before.
    """
    file = tmp_path / "customerlink.env"
    file.touch(0o644)
    hand_over(file, ADDRESS, secret, texts)
    names = (
        *(API, SIGNING_SECRET, PRINT, DENIAL_TEXTS, "TF_VAR_customerlink_api"),
        *(f"TF_VAR_{SIGNING_SECRET.lower()}", f"TF_VAR_{DENIAL_TEXTS.lower()}"),
    )
    said = "printf '%s\\n' " + " ".join(f'"${each}"' for each in names)
    command = ["bash", "-euc", f"set -a; . ./{file.name}; {said}"]
    shown = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    api, said = ADDRESS.removesuffix("/post-login"), texts or "{}"
    said = said.replace("'", "\\u0027").replace("$", "\\u0024")
    ours = [api, secret, fingerprint(ADDRESS, secret), said]

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shown.stdout.splitlines() == [*ours, api, secret, said]


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("secret", [OLD, NEW])
def test_by_the_code(secret: str, trigger: str) -> None:
    """Without a note, the code's last line tells which secret the tool has set."""
    seen = action(fingerprint(ADDRESS, secret))

    assert signing_secret_of(seen, trigger, ADDRESS, stored(OLD, NEW)) == secret


@pytest.mark.parametrize("says", [None, "##CUSTOMERLINK_PRINT##", "0" * 32, "undefined"])
def test_none_of_the_stacks(says: str | None) -> None:
    """Code that says nothing, or of other settings, proves none."""
    assert signing_secret_of(action(says), LOGIN, ADDRESS, stored(OLD, NEW)) is None


@pytest.mark.parametrize("says", [None, "##CUSTOMERLINK_PRINT##", fingerprint(ADDRESS, OLD)])
def test_a_note_goes_before_the_code(says: str | None) -> None:
    """Code that comes back from an older export changes nothing of the secrets."""
    seen = action(says)
    secret = stored(NEW).with_note("1", noted(seen.deployed_secrets, ADDRESS, NEW))

    assert signing_secret_of(seen, LOGIN, ADDRESS, secret) == NEW
    assert check(seen, secret)[0] is Verdict.GOOD


def test_a_note_of_other_times_counts_no_more() -> None:
    """The tool has set the secrets anew: what the code says counts."""
    before = action(None)
    secret = stored(OLD, NEW).with_note("1", noted(before.deployed_secrets, ADDRESS, OLD))
    after = action(fingerprint(ADDRESS, NEW), {URL: NOON, SIGNING_SECRET: NOON})

    assert (standing_note(before, secret), standing_note(after, secret)) == (
        secret.notes["1"],
        None,
    )
    assert signing_secret_of(after, LOGIN, ADDRESS, secret) == NEW


@pytest.mark.parametrize(
    ("says", "times", "verdict", "said"),
    [
        (fingerprint(ADDRESS, OLD), (MORNING, MORNING), Verdict.GOOD, "this stack's"),
        (
            fingerprint(ADDRESS, OLD),
            (MORNING, "2026-11-26T08:00:02Z"),
            Verdict.GOOD,
            "this stack's",
        ),
        (fingerprint(ADDRESS, OLD), (MORNING, NOON), Verdict.BAD, SIGNING_SECRET),
        (fingerprint(ADDRESS, OLD), (NOON, MORNING), Verdict.BAD, URL),
        (fingerprint(ADDRESS, OLD), (NOON, ""), Verdict.BAD, URL),
        (fingerprint(ADDRESS, FOREIGN), (MORNING, MORNING), Verdict.BAD, "not this stack's"),
        (fingerprint("https://x.example/post-login", OLD), (NOON, NOON), Verdict.BAD, "not this"),
        ("##CUSTOMERLINK_PRINT##", (MORNING, MORNING), Verdict.BAD, "without their values"),
        (None, (MORNING, MORNING), Verdict.BAD, "cannot be told"),
    ],
)
def test_check(says: str | None, times: tuple[str, str], verdict: Verdict, said: str) -> None:
    """Good where the tool says so, of both secrets in one go; else what is the matter."""
    seen = action(says, dict(zip((URL, SIGNING_SECRET), times, strict=True)))
    found, meaning = check(seen, stored(OLD))

    assert (found, said in meaning) == (verdict, True)
    assert OLD not in json.dumps(meaning)


def test_not_deployed() -> None:
    """What only the draft says, no login runs."""
    seen = replace(action(fingerprint(ADDRESS, OLD)), deployed_code=None)

    assert signing_secret_of(seen, LOGIN, ADDRESS, stored(OLD)) is None
