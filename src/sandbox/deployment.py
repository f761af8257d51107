"""The deployment that a sandbox plays: its policies, by names of ours or the template's parameters.

`POLICY="adopt linking"`, or `POLICY="VerifiedEmail=required TrustedConnections=acme-saml"`.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from sandbox.buses import template

LINKING_URL = "https://shop.example/shop/link.html"
"""A page of examples/shop; https, as it has to be: the tenant knows the way to this machine."""

REGISTRATION = "registration"
NAMED: Mapping[str, str] = {
    "verified": "VerifiedEmail=required",
    "adopt": "ExistingCustomer=adopt",
    "provision": "ExistingUsers=provision",
    "continue": "OnFailure=continue",
    "checkout": "ProvisionAt=checkout",
    REGISTRATION: "",
    "linking": f"LinkingUrl={LINKING_URL}",
}
"""The parameter that each name sets; the registration's Actions are bound, which is none."""

_THE_SANDBOXS = {
    *("StripeApiBase", "ShopAudience", "ShopClientIds", "Auth0EventSource", "StripeEventSource"),
}
"""Parameters that say where everything is: it is here."""


class ChoiceError(Exception):
    """What nobody can choose; the text says what one can."""


@dataclass(frozen=True)
class Deployment:
    """What the operator chose."""

    parameters: Mapping[str, str]
    """Of the template."""
    registers: bool = False
    """Whether the registration's Actions are bound."""

    def with_parameters(self, parameters: Mapping[str, str]) -> "Deployment":
        """Return it with some of them chosen anew."""
        return replace(self, parameters={**self.parameters, **parameters})

    @property
    def verifies(self) -> bool:
        """Return whether the Action verify-email is bound before ours (docs/policies.md)."""
        return self.parameters.get("VerifiedEmail") == "required"

    @property
    def settings(self) -> dict[str, str]:
        """Return the variables of the functions."""
        return {variables()[name]: value for name, value in self.parameters.items()}

    @property
    def action_secrets(self) -> dict[str, str]:
        """Return what the Actions have to know of it as well (docs/policies.md)."""
        same = {"OnFailure": "CUSTOMERLINK_ON_FAILURE", "DenialTexts": "CUSTOMERLINK_DENIAL_TEXTS"}
        known = {same[each]: self.parameters[each] for each in same.keys() & self.parameters.keys()}
        paths = _paths(self.parameters.get("CustomerFields", "{}"))
        return known | ({"CUSTOMERLINK_PROFILE_FIELDS": ",".join(paths)} if paths else {})


def deployment_of(policies: str) -> Deployment:
    """Read `POLICY`, words quoted as in a shell; raise `ChoiceError` for what is no policy."""
    words = _words(policies)
    parameters = dict(_parameter(NAMED.get(each, each)) for each in words if NAMED.get(each, each))
    return Deployment(parameters, registers=REGISTRATION in words)


@cache
def variables() -> Mapping[str, str]:
    """Return the variable that each of the template's parameters is read from."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    every = [shared, *_own_variables()]
    found = {_ref(value): name for each in every for name, value in each.items()}
    known = template()["Parameters"].keys() - _THE_SANDBOXS
    return {parameter: name for parameter, name in found.items() if parameter in known}


def _own_variables() -> Iterator[Mapping[str, object]]:
    for resource in template()["Resources"].values():
        environment = resource.get("Properties", {}).get("Environment", {})
        if isinstance(environment, dict) and isinstance(environment.get("Variables"), dict):
            yield environment["Variables"]


def _ref(value: object) -> str:
    return str(value.get("Ref")) if isinstance(value, dict) else ""


def _words(policies: str) -> list[str]:
    try:
        return shlex.split(policies)
    except ValueError:
        raise ChoiceError("POLICY has a quote that is not closed") from None


def _parameter(word: str) -> tuple[str, str]:
    name, is_one, value = word.partition("=")
    if not is_one or name not in variables():
        names = ", ".join(NAMED)
        raise ChoiceError(f"POLICY has words of {names}, or Parameter=value (docs/policies.md)")
    allowed = template()["Parameters"][name].get("AllowedValues")
    if allowed and value not in map(str, allowed):
        raise ChoiceError(f"{name} in POLICY is one of {', '.join(map(str, allowed))}")
    return name, value


def _paths(fields: str) -> list[str]:
    try:
        declared = json.loads(fields)
    except ValueError:
        raise ChoiceError("CustomerFields in POLICY is no JSON") from None
    found = declared.values() if isinstance(declared, dict) else ()
    return sorted({each for each in found if isinstance(each, str)})
