"""What was seen of an Action's secrets: noted, read again, compared."""

import json

import pytest

from customerlink.model.actions import DENIAL_TEXTS, SIGNING_SECRET, URL
from customerlink.model.notes import Note, fingerprint, noted, read_notes

SEEN = {URL: "2026-07-01T00:00:00+00:00", SIGNING_SECRET: "2026-07-01T00:00:01+00:00"}
OTHER = "2026-07-02T00:00:00+00:00"
NOTE = noted({**SEEN, "CUSTOMERLINK_TIMEOUT_MS": OTHER}, "https://x.example", "whsec_x")


def test_print_of_the_settings() -> None:
    """Another address or another secret has another one; it tells neither."""
    prints = {fingerprint(url, secret) for url in ("a", "b") for secret in ("c", "d")}

    assert len(prints) == 4
    assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in prints)


def test_read_again() -> None:
    """As it was written, and of our two secrets alone."""
    stored = json.loads(json.dumps({"act_1": NOTE.document()}))

    assert dict(read_notes(stored)) == {"act_1": NOTE}
    assert NOTE.updated_at == SEEN


@pytest.mark.parametrize(
    "odd",
    [
        *(None, [], "text", {"a": None}, {"a": []}, {"a": {"settings": "x"}}),
        {"a": {"settings": 1, "updated_at": {}}},
        {"a": {"settings": "x", "updated_at": {"b": 1}}},
    ],
)
def test_odd_notes(odd: object) -> None:
    """Something that is none of ours is as if nobody had noted anything."""
    assert dict(read_notes(odd)) == {}


@pytest.mark.parametrize(
    ("secrets", "changed"),
    [
        (SEEN, ()),
        ({**SEEN, "CUSTOMERLINK_TIMEOUT_MS": OTHER}, ()),
        ({**SEEN, URL: OTHER}, (URL,)),
        ({**SEEN, SIGNING_SECRET: OTHER}, (SIGNING_SECRET,)),
        ({URL: OTHER, SIGNING_SECRET: OTHER}, (URL, SIGNING_SECRET)),
        ({URL: SEEN[URL]}, (SIGNING_SECRET,)),
        ({**SEEN, URL: ""}, (URL,)),
        ({}, (URL, SIGNING_SECRET)),
    ],
)
def test_changed(secrets: dict[str, str], changed: tuple[str, ...]) -> None:
    """Another time, none, or no secret at all; what others have set is not asked for."""
    assert NOTE.changed(secrets) == changed


def test_time_that_nobody_told() -> None:
    """It is no proof that nothing changed."""
    assert Note("x", {URL: "", SIGNING_SECRET: ""}).changed({URL: "", SIGNING_SECRET: ""}) == (
        URL,
        SIGNING_SECRET,
    )


WITH_TEXTS = noted({**SEEN, DENIAL_TEXTS: OTHER}, "https://x.example", "whsec_x", "{}")


@pytest.mark.parametrize(
    ("note", "secrets", "texts", "has"),
    [
        (WITH_TEXTS, {DENIAL_TEXTS: OTHER}, "{}", True),
        (WITH_TEXTS, {DENIAL_TEXTS: OTHER}, '{"nl": {}}', False),
        (WITH_TEXTS, {DENIAL_TEXTS: SEEN[URL]}, "{}", False),
        (WITH_TEXTS, {}, "{}", False),
        (WITH_TEXTS, {DENIAL_TEXTS: OTHER}, "", False),
        (NOTE, {DENIAL_TEXTS: OTHER}, "{}", False),
        (NOTE, {DENIAL_TEXTS: OTHER}, "", True),
        (NOTE, {}, "", True),
    ],
)
def test_texts(note: Note, secrets: dict[str, str], texts: str, *, has: bool) -> None:
    """They are the stack's where these were set, and nobody has set others since."""
    assert note.has_texts(secrets, texts) is has
    assert Note.parse(json.loads(json.dumps(note.document()))) == note


def test_texts_that_a_rotation_leaves() -> None:
    """What was known of them is known still; what was not is not."""
    fresh = noted({**SEEN, DENIAL_TEXTS: SEEN[URL]}, "https://x.example", "whsec_y")

    assert fresh.with_texts_of(WITH_TEXTS).has_texts({DENIAL_TEXTS: OTHER}, "{}")
    assert not fresh.with_texts_of(WITH_TEXTS).has_texts({DENIAL_TEXTS: SEEN[URL]}, "{}")
    assert fresh.with_texts_of(NOTE) == fresh
