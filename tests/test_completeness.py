"""What a change must not forget: settings, policies, reasons, permissions, all the way through."""

import re
from enum import StrEnum
from typing import Any, get_type_hints

import pytest
from tests.test_template import (
    FUNCTIONS,
    RESOURCES,
    VARIABLES,
    alarms,
    metrics,
    role_of,
    statements,
)
from tests.translation import ROOT, TEMPLATE

from customerlink.functions.shell.api_gateway import ERRORS
from customerlink.model.drift import WITHOUT_CUSTOMER
from customerlink.model.instruction import Reason
from customerlink.model.policy import (
    ExistingCustomer,
    ExistingUsers,
    OnFailure,
    Policy,
    ProvisionAt,
    VerifiedEmail,
)
from customerlink.usecases.open_sign_up import PASSING
from sandbox.demo import PLAYS


def variables(name: str) -> dict[str, Any]:
    """Return the variables that a function's environment has."""
    own = RESOURCES[name]["Properties"].get("Environment", {}).get("Variables", {})
    return {**VARIABLES, **own}


def named(parameter: str) -> str:
    """Return the variable that a parameter is read from."""
    # A sign-up is one word there.
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", parameter.replace("SignUp", "Signup"))
    return f"CUSTOMERLINK_{words.upper()}"


def groups() -> dict[str, list[str]]:
    """Return the parameters as the console groups them."""
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    return {each["Label"]["default"]: each["Parameters"] for each in interface["ParameterGroups"]}


def test_every_parameter_is_in_one_group() -> None:
    """The console shows the others in any order."""
    grouped = [each for parameters in groups().values() for each in parameters]

    assert sorted(grouped) == sorted(TEMPLATE["Parameters"])


@pytest.mark.parametrize("parameter", TEMPLATE["Parameters"])
def test_every_parameter_is_used(parameter: str) -> None:
    """By a resource or an output, or by a condition that one is under."""
    under = {name for name, each in TEMPLATE["Conditions"].items() if f"'{parameter}'" in str(each)}
    used = str([RESOURCES, TEMPLATE["Globals"], TEMPLATE["Outputs"]])

    is_named = f"'Ref': '{parameter}'" in used or f"${{{parameter}}}" in used
    assert is_named or any(f"'{each}'" in used for each in under)


OF_FUNCTIONS = ("Sign-up", "After the sign-up", "Limits")


@pytest.mark.parametrize("parameter", [each for name in OF_FUNCTIONS for each in groups()[name]])
def test_settings_reach_a_function(parameter: str) -> None:
    """Of the same name: a choice that is not in the environment would be none."""
    reached = [name for name in FUNCTIONS if variables(name).get(named(parameter))]
    [given] = {str(variables(name)[named(parameter)]) for name in reached}

    assert given == str({"Ref": parameter})


def test_backfill_goes_on_for_everybody_without_a_customer() -> None:
    """The state machine counts whom the comparison writes into chunks."""
    text = (ROOT / "src/statemachine/backfill.asl.yaml").read_text()
    counted = re.findall(r"\$\.compared\.counts\.(\w+)", text)

    assert sorted(counted) == sorted(WITHOUT_CUSTOMER)


def test_every_variable_is_set_and_read() -> None:
    """What the functions ask for is in the template, and what is there they ask for."""
    folders = [ROOT / "src/customerlink" / each for each in ("functions", "wiring")]
    code = "".join(path.read_text() for each in folders for path in sorted(each.rglob("*.py")))
    asked = set(re.findall(r'"(CUSTOMERLINK_\w+)"', code))
    given = {name for each in FUNCTIONS for name in variables(each)}

    assert asked <= given
    ours = {name for name in given if name.startswith("CUSTOMERLINK_")}
    assert {
        each for each in ours - asked if f'"{each.removeprefix("CUSTOMERLINK_")}"' not in code
    } == set()


POLICIES = [VerifiedEmail, ProvisionAt, ExistingCustomer, ExistingUsers, OnFailure]


@pytest.mark.parametrize("policy", POLICIES)
def test_policies_are_parameters(policy: type[StrEnum]) -> None:
    """With the code's choices, the default first, and a section in docs/policies.md."""
    parameter, page = (
        TEMPLATE["Parameters"][policy.__name__],
        (ROOT / "docs/policies.md").read_text(),
    )
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[2:]

    assert parameter["AllowedValues"] == [*policy]
    assert parameter["Default"] == next(iter(policy))
    for other in [*policy][1:]:
        assert f"| `{policy.__name__}={other}` |" in page
        assert [each for each in sections if f"`{policy.__name__}={other}`" in each]


def test_every_policy_is_known_here() -> None:
    """A new field of the policy that is a choice is in the list above."""
    hints = get_type_hints(Policy)
    choices = [
        each for each in hints.values() if isinstance(each, type) and issubclass(each, StrEnum)
    ]

    assert sorted(choices, key=str) == sorted(POLICIES, key=str)


def test_denials_that_pass_are_the_actions_too() -> None:
    """Both sides know which ones end nobody's session."""
    source = (ROOT / "src/actions/post-login.js").read_text()
    [listed] = re.findall(r"^const PASSING = new Set\(\[(.*)\]\);$", source, re.MULTILINE)

    assert set(re.findall(r"'(\w+)'", listed)) == {str(each) for each in PASSING}


def test_the_table_in_security_is_the_templates() -> None:
    """Which function reads and writes what."""
    page = (ROOT / "SECURITY.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\|$", page, re.MULTILINE))
    secrets = {
        "CustomerLinkSecret": "the sign-up's",
        "TenantSecret": "the tenant's",
        "SessionSecret": "the page's",
        "WatchSecret": "the watch's",
        "EventsSecret": "the posted events'",
    }

    assert rows.keys() == set(FUNCTIONS)
    for name in FUNCTIONS:
        granted = {each["Sid"]: each for each in statements(role_of(name))}
        ledger = "reads and writes" if "Ledger" in granted else "nothing"
        ledger = "counts mails" if "CountMails" in granted else ledger
        may_read = str(granted.get("Secret", granted.get("Secrets")))
        read = [words for secret, words in secrets.items() if f"'{secret}'" in may_read]
        both = "both" if len(read) > 1 else read[0]
        told = [each.strip() for each in rows[name].split("|") if each.strip()]

        assert (told[0], told[1]) == (ledger, both)
        usual = {"Ledger", "CountMails", "Secret", "Secrets", "Logs", "Key"}
        assert bool(granted.keys() - usual) is (len(told) > 2)


def test_outputs_are_documented() -> None:
    """Where they are first to be seen."""
    page = (ROOT / "docs/deploy.md").read_text()

    assert [each for each in TEMPLATE["Outputs"] if f"`{each}`" not in page] == []


def test_every_reason_and_error_is_documented() -> None:
    """Reasons in the table of docs/architecture.md; error codes there or in docs/policies.md."""
    page = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| (?:continue|deny) \| (.*?) \|", page, re.MULTILINE)
    reasons = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    both = page + (ROOT / "docs/policies.md").read_text()

    assert reasons == set(Reason) - {Reason.USER_GONE}
    assert [each for each in sorted(ERRORS) if f"`{each}`" not in both] == []


def test_what_costs_each_month_is_counted() -> None:
    """In docs/operations.md: the metrics that alarms look at, and the secrets."""
    page = (ROOT / "docs/operations.md").read_text()
    looked_at = sum(len(metrics(each)) for each in alarms().values())
    secrets = [each for each in RESOURCES.values() if each["Type"].endswith("::Secret")]

    assert f"alarms {looked_at} metrics " in page
    assert [len(secrets), sum("Condition" in each for each in secrets)] == [5, 3]
    assert "three secrets (the page's is a fourth, the posted events' a fifth) " in page


def test_every_use_case_and_function_is_among_the_parts() -> None:
    """In docs/architecture.md, where a reader looks for what does what."""
    _, _, page = (ROOT / "docs/architecture.md").read_text().partition("## The parts\n")
    named = set(re.findall(r"(\w+\.py)`", page.partition("\n## ")[0]))
    folders = [ROOT / "src/customerlink" / each for each in ("usecases", "functions")]
    files = {path.name for each in folders for path in each.glob("[!_]*.py")}

    assert files - named == set()


def test_every_play_is_documented() -> None:
    """`make demo POLICY=…` takes what docs/policies.md names."""
    page = (ROOT / "docs/policies.md").read_text()
    [names] = re.findall(r"^\((`verified`.*)\)\.$", page, re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", names)) == {each for each in PLAYS if each}


def test_every_secret_of_an_action_is_documented() -> None:
    """In the README, or with the policy that needs it."""
    code = "".join(each.read_text() for each in (ROOT / "src").glob("action*/**/*.js"))
    pages = "".join((ROOT / each).read_text() for each in ("README.md", "docs/policies.md"))
    secrets = set(re.findall(r"\bCUSTOMERLINK_\w+", code))

    assert len(secrets) > 6
    assert [each for each in sorted(secrets) if f"`{each}`" not in pages] == []
