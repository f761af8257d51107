"""The tenant's name is asked of the deployment, and never guessed."""

from collections.abc import Collection

import pytest

from customerlink.cli.config import Config
from customerlink.cli.errors import CliError
from customerlink.cli.tenant_name import refuse_stranger, stranger, tenant_name

ACME, CUSTOM, HERE = "acme.us.auth0.com", "login.shop.example", "http://127.0.0.1:8804"


@pytest.mark.parametrize(
    ("given", "domain", "served", "recorded", "name"),
    [
        ("", ACME, ["acme"], [], "acme"),
        ("", CUSTOM, ["acme"], ["other"], "acme"),
        ("", HERE, ["acme"], [], "acme"),
        ("", HERE, [], ["acme"], "acme"),
        ("", ACME, ["acme", "acme-staging"], [], "acme"),
        ("", ACME, [], ["other", "acme"], "acme"),
        ("", ACME, [], [], "acme"),
        ("", "https://acme.auth0.com/", [], [], "acme"),
        ("acme", HERE, [], [], "acme"),
        ("other", HERE, ["acme", "other"], [], "other"),
        ("other", HERE, [], ["acme", "other"], "other"),
        ("other", HERE, [], [], "other"),
    ],
)
def test_known(given: str, domain: str, served: list[str], recorded: list[str], name: str) -> None:
    """By `Tenants`, by the ledger's records, and by a domain of Auth0's alone."""
    assert tenant_name(Config(tenant=given, domain=domain), served, lambda: recorded) == name


@pytest.mark.parametrize(
    ("given", "domain", "served", "recorded"),
    [
        ("", HERE, [], []),
        ("", CUSTOM, [], []),
        ("", "203.0.113.7", [], []),
        ("", CUSTOM, ["acme", "other"], []),
        ("", HERE, [], ["acme", "other"]),
        ("", ACME, ["other"], []),
        ("", ACME, [], ["other"]),
        ("127", HERE, ["acme"], ["127"]),
        ("Acme", ACME, ["acme"], []),
        ("other", ACME, [], ["acme"]),
        ("Acme", HERE, [], ["acme"]),
        ("acm", CUSTOM, [], ["acme", "acme-staging"]),
    ],
)
def test_demanded(given: str, domain: str, served: list[str], recorded: list[str]) -> None:
    """Where nobody knows it, or what was given is not what the deployment is for."""
    with pytest.raises(CliError) as raised:
        tenant_name(Config(tenant=given, domain=domain), served, lambda: recorded)

    assert "--tenant" in raised.value.fix
    assert raised.value.code == 2


def test_ledger_is_asked_last() -> None:
    """A deployment that names its tenants is believed."""

    def recorded() -> Collection[str]:
        raise AssertionError

    assert tenant_name(Config(domain=HERE), ["acme"], recorded) == "acme"


@pytest.mark.parametrize("name", ["a#b", "a,b", "two words", " acme", "a\n", "#"])
def test_form(name: str) -> None:
    """What could be no tenant's name reaches no key of the ledger, and is not printed."""
    with pytest.raises(CliError) as raised:
        Config(tenant=name)

    assert raised.value.code == 2
    assert str(raised.value) == "tenant is no tenant's name."
    assert "--tenant" in raised.value.fix


@pytest.mark.parametrize(
    ("given", "domain", "served", "name"),
    [
        ("acme", HERE, ["acme-prod"], "acme"),
        ("", ACME, ["acme-prod", "other"], "acme"),
        ("Acme", ACME, ["acme"], "Acme"),
        ("acme", ACME, ["other", "acme"], None),
        ("", ACME, ["acme"], None),
        # Everybody is served, or nobody has said who this is.
        ("acme", ACME, [], None),
        ("", CUSTOM, ["acme"], None),
        ("", HERE, ["acme", "other"], None),
    ],
)
def test_stranger(given: str, domain: str, served: list[str], name: str | None) -> None:
    """A profile's tenant that the deployment refuses; what nobody knows is no reason to stop."""
    config = Config(tenant=given, domain=domain)
    assert stranger(config, served) == name
    if name is None:
        refuse_stranger(config, served)
        return
    with pytest.raises(CliError) as raised:
        refuse_stranger(config, served)

    assert (raised.value.code, "Tenants" in raised.value.fix) == (4, True)
