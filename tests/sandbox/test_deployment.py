"""The policies that a sandbox is started with."""

import socket

import pytest

from sandbox.__main__ import are_free, first_port
from sandbox.demo import PLAYS
from sandbox.deployment import NAMED, ChoiceError, deployment_of, variables


def test_names_and_parameters_go_together() -> None:
    """As many as there are, in any order."""
    chosen = deployment_of("registration adopt TrustedConnections=acme-saml,google-oauth2")

    assert chosen.registers
    assert chosen.settings == {
        "CUSTOMERLINK_EXISTING_CUSTOMER": "adopt",
        "CUSTOMERLINK_TRUSTED_CONNECTIONS": "acme-saml,google-oauth2",
    }


def test_none_are_the_defaults() -> None:
    """And nothing is set."""
    chosen = deployment_of("")

    assert (chosen.settings, chosen.registers, chosen.action_secrets) == ({}, False, {})


def test_each_play_of_the_demo_has_its_policy() -> None:
    """By the same name."""
    assert {*PLAYS} == {"", *NAMED}


@pytest.mark.parametrize(
    ("policy", "secrets"),
    [
        ("continue", {"CUSTOMERLINK_ON_FAILURE": "continue"}),
        ("""DenialTexts='{"en": {}}'""", {"CUSTOMERLINK_DENIAL_TEXTS": '{"en": {}}'}),
        (
            """CustomerFields='{"phone": "phone_number", "name": "user_metadata.company"}'""",
            {"CUSTOMERLINK_PROFILE_FIELDS": "phone_number,user_metadata.company"},
        ),
    ],
)
def test_the_actions_know_of_it(policy: str, secrets: dict[str, str]) -> None:
    """Where they have to."""
    assert deployment_of(policy).action_secrets == secrets


@pytest.mark.parametrize(
    "policy",
    [
        *("adopted", "ExistingCustomer", "ExistingCustomer=adopted", "OnFailure=", "adopt,linking"),
        *("StripeApiBase=http://127.0.0.1:1", "LinkingUrl='x", "Nothing=x", "LedgerTable=x"),
    ],
)
def test_what_is_no_policy(policy: str) -> None:
    """It is said, with what one is."""
    with pytest.raises(ChoiceError, match="POLICY"):
        deployment_of(policy)


@pytest.mark.parametrize(
    "parameter",
    ["VerifiedEmail", "TrustedConnections", "CustomerFields", "EmailChanges", "Tenants"],
)
def test_parameters_of_every_function(parameter: str) -> None:
    """Those of the life after the sign-up among them."""
    assert variables()[parameter].startswith("CUSTOMERLINK_")


def test_ports() -> None:
    """Those that are asked for; else six that are free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        free = first_port("")
        assert first_port(str(free)) == free
        for odd in (str(port), "65532", "0", "-1", "²", "9" * 5000, "x"):
            with pytest.raises(ChoiceError, match="PORT"):
                first_port(odd)
        assert not any(are_free(each) for each in range(port - 5, port + 1))
        assert are_free(free)
