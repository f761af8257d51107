"""The environment."""

import pytest

from customerlink.model.denial_texts import DenialTexts
from customerlink.model.errors import ConfigurationError
from customerlink.model.instruction import Reason
from customerlink.model.policy import ExistingCustomer, OnFailure
from customerlink.model.trust import TRUSTED, Trust
from customerlink.model.user import Tenant
from customerlink.wiring.settings import Settings, trust_from, trust_in

MINIMAL = {"CUSTOMERLINK_SECRET_ID": "secret", "CUSTOMERLINK_LEDGER_TABLE": "ledger"}


def test_defaults() -> None:
    """Two variables are enough."""
    settings = Settings.from_environment(MINIMAL)

    assert settings.stripe_api_base == "https://api.stripe.com"
    assert settings.signature_tolerance == 300
    assert settings.unrestricted_key_allowed is False
    assert settings.denial_texts == DenialTexts()


def test_everything_set() -> None:
    """Each variable is read."""
    settings = Settings.from_environment(
        {
            **MINIMAL,
            "CUSTOMERLINK_STRIPE_API_BASE": "http://127.0.0.1:1/",
            "CUSTOMERLINK_SIGNATURE_TOLERANCE": "60",
            "CUSTOMERLINK_ALLOW_UNRESTRICTED_KEY": "true",
            "CUSTOMERLINK_DENIAL_TEXTS": r'{"de": {"support": "Nein.\nLeider."}}',
            "CUSTOMERLINK_EXISTING_CUSTOMER": "adopt",
            "CUSTOMERLINK_ON_FAILURE": "",
        },
    )

    assert settings.stripe_api_base == "http://127.0.0.1:1"
    assert settings.signature_tolerance == 60
    assert settings.unrestricted_key_allowed is True
    told = settings.denial_texts.text(Reason.LINK_MISMATCH, ("de",), "R")
    assert told == "Nein.\nLeider.\nR"
    assert settings.odd == ()
    assert settings.policy.existing_customer is ExistingCustomer.ADOPT
    assert settings.policy.on_failure is OnFailure.DENY


def test_all_problems_are_named_at_once() -> None:
    """Without their values."""
    with pytest.raises(ConfigurationError) as raised:
        Settings.from_environment(
            {
                "CUSTOMERLINK_STRIPE_API_BASE": "ftp://nowhere",
                "CUSTOMERLINK_SIGNATURE_TOLERANCE": "-1",
                "CUSTOMERLINK_ALLOW_UNRESTRICTED_KEY": "maybe",
                "CUSTOMERLINK_ALLOWED_CALLER_CIDRS": "10.0.0.0/8,nowhere",
                "CUSTOMERLINK_TENANTS": "acme,no#where",
                "CUSTOMERLINK_VERIFIED_EMAIL": "nowhere",
                "CUSTOMERLINK_EXISTING_CUSTOMER": "nowhere",
                "CUSTOMERLINK_EXISTING_USERS": "nowhere",
                "CUSTOMERLINK_ON_FAILURE": "nowhere",
                "STRIPE_LOG": "debug",
            },
        )

    for name in (
        "CUSTOMERLINK_SECRET_ID",
        "CUSTOMERLINK_LEDGER_TABLE",
        "CUSTOMERLINK_STRIPE_API_BASE",
        "CUSTOMERLINK_SIGNATURE_TOLERANCE",
        "CUSTOMERLINK_ALLOW_UNRESTRICTED_KEY",
        "CUSTOMERLINK_ALLOWED_CALLER_CIDRS",
        "CUSTOMERLINK_TENANTS",
        "CUSTOMERLINK_VERIFIED_EMAIL",
        "CUSTOMERLINK_EXISTING_CUSTOMER",
        "CUSTOMERLINK_EXISTING_USERS",
        "CUSTOMERLINK_ON_FAILURE",
        "STRIPE_LOG",
    ):
        assert name in str(raised.value)
    assert "nowhere" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        *("http://[::1", "http://127.0.0.1:many", "http://127.0.0.1:65536", "http://127.0.0.1:0"),
        *("https://ada:word@host", "https://host/a#b", "https://host?a=b", "https://a b"),
        "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example",
        *("https://a\N{ACCOUNT OF}.example", "https://host\n.example", "https://[v1.a]"),
    ],
)
def test_address_that_no_request_can_go_to(address: str) -> None:
    """The setting is named, its value is not; a name beyond ASCII is to be spelled within it."""
    with pytest.raises(ConfigurationError, match=r"^missing or wrong: \S+API_BASE$"):
        Settings.from_environment({**MINIMAL, "CUSTOMERLINK_STRIPE_API_BASE": address})


@pytest.mark.parametrize(
    "address",
    ["https://[::1]:8443", "HTTPS://Host", "https://host.", "https://xn--bcher-kva.example/a"],
)
def test_address_of_another_form(address: str) -> None:
    """It is taken as it is."""
    given = {**MINIMAL, "CUSTOMERLINK_STRIPE_API_BASE": address}

    assert Settings.from_environment(given).stripe_api_base == address


@pytest.mark.parametrize(
    "page",
    ["https://[::1", "https://host:many", "https://host:65536", "https://a\N{ACCOUNT OF}.example"],
)
def test_page_that_is_none(page: str) -> None:
    """The setting is named, its value is not."""
    with pytest.raises(ConfigurationError, match=r"^missing or wrong: \S+LINKING_URL$"):
        Settings.from_environment({**MINIMAL, "CUSTOMERLINK_LINKING_URL": page})


@pytest.mark.parametrize("texts", ["nowhere", '{"de": {"hope": "x"}}', '{"de": {"support": 7}}'])
def test_odd_texts_keep_nobody_out(texts: str) -> None:
    """They are named without their values, and the built-in ones are taken."""
    settings = Settings.from_environment({**MINIMAL, "CUSTOMERLINK_DENIAL_TEXTS": texts})
    [odd] = settings.odd

    assert settings.denial_texts == DenialTexts()
    assert odd.startswith("CUSTOMERLINK_DENIAL_TEXTS (")
    assert "nowhere" not in odd


@pytest.mark.parametrize(
    ("networks", "caller", "allowed"),
    [
        ("", "203.0.113.7", True),
        ("", "", True),
        ("203.0.113.0/24", "203.0.113.7", True),
        ("203.0.113.0/24", "203.0.114.7", False),
        ("203.0.113.0/24, 2001:db8::/32", "2001:db8::1", True),
        ("203.0.113.7/32", "203.0.113.7", True),
        ("203.0.113.0/24", "", False),
        ("203.0.113.0/24", "unknown", False),
    ],
)
def test_allowed_callers(networks: str, caller: str, *, allowed: bool) -> None:
    """None means all; with some, what is no address is refused."""
    environment = {**MINIMAL, "CUSTOMERLINK_ALLOWED_CALLER_CIDRS": networks}

    assert Settings.from_environment(environment).allows(caller) is allowed


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", TRUSTED),
        ("  ", TRUSTED),
        ("samlp", {"samlp"}),
        ("auth0, Acme-SAML,google-oauth2", {"auth0", "Acme-SAML", "google-oauth2"}),
    ],
)
def test_trusted_connections(value: str, names: frozenset[str]) -> None:
    """A list stands in the default's place; none at all is the default."""
    given = {"CUSTOMERLINK_TRUSTED_CONNECTIONS": value}

    assert Settings.from_environment(MINIMAL | given).policy.trust.names == names
    assert trust_from(given) == trust_in(value) == Trust(frozenset(names))


@pytest.mark.parametrize("value", [",", "auth0,", "auth0,,samlp", "a b", "auth0;samlp", "x" * 129])
def test_trusted_connections_that_are_no_names(value: str) -> None:
    """A slip trusts nobody by accident, and everybody even less."""
    given = {"CUSTOMERLINK_TRUSTED_CONNECTIONS": value}

    for read in (lambda: Settings.from_environment(MINIMAL | given), lambda: trust_from(given)):
        with pytest.raises(ConfigurationError, match="CUSTOMERLINK_TRUSTED_CONNECTIONS"):
            read()


@pytest.mark.parametrize(
    ("tenants", "tenant", "served"),
    [
        ("", "acme", True),
        ("acme", "acme", True),
        ("acme", "other", False),
        ("acme", "Acme", False),
        ("acme, acme-staging", "acme-staging", True),
        ("acme,acme-staging", "acme-", False),
        ("acme", "", False),
        ("acme", "self-test", False),
    ],
)
def test_tenants(tenants: str, tenant: str, *, served: bool) -> None:
    """None means all; with some, it is the whole name that counts."""
    environment = {**MINIMAL, "CUSTOMERLINK_TENANTS": tenants}

    assert Settings.from_environment(environment).serves(Tenant(tenant)) is served


@pytest.mark.parametrize("tenants", [",", "acme,", "acme,,other", " ", "acme other", "a#b"])
def test_tenants_that_are_none(tenants: str) -> None:
    """Refused: an empty name would pass for everybody's."""
    with pytest.raises(ConfigurationError, match="CUSTOMERLINK_TENANTS"):
        Settings.from_environment({**MINIMAL, "CUSTOMERLINK_TENANTS": tenants})
