"""Settings: flags before the environment before customerlink.toml; profiles."""

from pathlib import Path

import pytest

from customerlink.cli.config import Config, Mode, load
from customerlink.cli.errors import CliError

TOML = """
region = "eu-west-1"
domain = "everywhere.us.auth0.com"

[profiles.live]
mode = "live"
domain = "live.eu.auth0.com"
stack = "customer-link-live"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a settings' file."""
    path = tmp_path / "customerlink.toml"
    path.write_text(TOML)
    return path


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file, and without anything else."""
    monkeypatch.chdir(tmp_path)

    assert load(None, None, {}) == Config()


def test_file_is_found_where_one_stands(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name."""
    monkeypatch.chdir(file.parent)

    assert load(None, None, {}).region == "eu-west-1"


def test_profile_goes_before_the_top_level(file: Path) -> None:
    """What it does not say, the top level does."""
    config = load(file, "live", {})

    assert (config.mode, config.domain) == (Mode.LIVE, "live.eu.auth0.com")
    assert (config.stack, config.region) == ("customer-link-live", "eu-west-1")


def test_flags_go_first(file: Path) -> None:
    """Those that were given."""
    config = load(file, "live", {"domain": "flag.us.auth0.com", "stack": None})

    assert (config.domain, config.stack) == ("flag.us.auth0.com", "customer-link-live")


@pytest.mark.parametrize(
    ("text", "profile", "said"),
    [
        ("domian = 'x'", None, "domian is unknown"),
        ("stack = 1", None, "stack is unknown or no text"),
        ("mode = 'prod'", None, "neither test nor live"),
        ("not toml", None, "is not TOML (at line 1)"),
        ("stack = 'x'\nmode = hidden", None, "is not TOML (at line 2)"),
        ("profiles = 3", None, "some.toml: profiles"),
        ("domian = 'x'", None, "some.toml: domian"),
        ("stack = " + "[" * 5000, None, "is not TOML"),
        ("stack = " + "{a=" * 5000, None, "is not TOML"),
        ("stack = " + "[" * 100_000, None, "is not TOML"),
        ("profiles = 3", None, "profiles is no table of tables"),
        ("profiles = 'live'", "live", "profiles is no table of tables"),
        ("profiles = {a = 3}", None, "profiles is no table of tables"),
        ("profiles = {live = 3}", "live", "profiles is no table of tables"),
        ("[[profiles]]\nstack = 'x'", None, "profiles is no table of tables"),
        ("tenant = 'a#b'", None, "tenant is no tenant's name"),
        ("[profiles.live]\ntenant = 'a,b'", "live", "tenant is no tenant's name"),
        ("", "live", "no profile live"),
        ("[profiles.'/x']", "/x", "no profile's name"),
        ("[profiles.'..']", "..", "no profile's name"),
        ("[profiles.'a/b']", "a/b", "no profile's name"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, profile: str | None, said: str) -> None:
    """The key, never its value."""
    path = tmp_path / "some.toml"
    path.write_text(text)
    with pytest.raises(CliError) as raised:
        load(path, profile, {})

    assert said in raised.value.message
    assert raised.value.code == 2


def test_mark_at_the_beginning(tmp_path: Path) -> None:
    """Some editors put one there, which nobody sees."""
    path = tmp_path / "some.toml"
    path.write_bytes(b"\xef\xbb\xbfstack = 'x'\n")

    assert load(path, None, {}).stack == "x"


def test_file_without_an_end() -> None:
    """Nobody waits for it."""
    with pytest.raises(CliError, match="is not TOML"):
        load(Path("/dev/zero"), None, {})


def test_missing_file(tmp_path: Path) -> None:
    """Named, it has to be there."""
    with pytest.raises(CliError, match="does not exist"):
        load(tmp_path / "none.toml", None, {})


@pytest.mark.parametrize(
    ("domain", "url"),
    [
        ("acme.us.auth0.com", "https://acme.us.auth0.com"),
        ("https://acme.us.auth0.com/", "https://acme.us.auth0.com"),
        ("http://127.0.0.1:8804", "http://127.0.0.1:8804"),
    ],
)
def test_domain(domain: str, url: str) -> None:
    """With or without its protocol; plain HTTP to this machine alone."""
    assert Config(domain=domain).auth0_url() == url


@pytest.mark.parametrize(
    "domain", ["", "acme", "http://acme.us.auth0.com", "acme.com/x", "ä.com", "a..com", "a b.c"]
)
def test_wrong_domain(domain: str) -> None:
    """A sentence."""
    with pytest.raises(CliError, match="domain is"):
        Config(domain=domain).auth0_url()


@pytest.mark.parametrize("place", ["", "[profiles.live]\n", "[profiles.other]\n"])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_secret_that_others_may_read(file: Path, place: str, mode: int) -> None:
    """The file is refused, as ssh does with keys, until nobody else may."""
    file.write_text(f'{place}client_secret = "hidden"\n')
    file.chmod(mode)
    with pytest.raises(CliError, match="others may read it") as raised:
        load(file, None, {})
    file.chmod(0o600)

    assert raised.value.fix == f"chmod 600 {file}"
    assert load(file, None, {}) == Config(client_secret="" if place else "hidden")


def test_secret_shows_in_no_repr() -> None:
    """Nor in a trace."""
    assert "hidden" not in repr(Config(client_secret="hidden"))
