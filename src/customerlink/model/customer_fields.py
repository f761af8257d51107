"""Which of a profile's fields go into the Stripe customer, as a deployment declares it.

Stripe's limits (https://docs.stripe.com/api/customers/create) are kept here, so that no profile
makes Stripe refuse a sign-up: what may be shortened is cut off, what may not is left out.
"""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from customerlink.model.documents import json_object
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import frozen
from customerlink.model.locales import LOCALE

MAX_NAME = 256
MAX_PHONE = 20
MAX_METADATA_VALUE = 500
ALL_METADATA_KEYS = 50
MAX_METADATA_KEYS = 40
"""Of those that Stripe allows, some are ours, and the shop wants some."""

# Ours are left to us: a profile must not be able to say whose customer this is.
_METADATA = r"metadata\.(?!auth0_|superseded_by)[A-Za-z0-9_.-]{1,40}"
_PATH = r"[A-Za-z0-9_]{1,64}(\.[A-Za-z0-9_]{1,64}){0,3}"

type Params = dict[str, Any]


@frozen
class CustomerFields:
    """Pairs of a customer's field and the path of the profile's that it is taken from."""

    sources: tuple[tuple[str, str], ...] = (("name", "name"),)

    @classmethod
    def parse(cls, text: str) -> "CustomerFields":
        """Read a JSON object; a `ConfigurationError` names the field that is wrong.

        `name`, `phone`, `preferred_locales` and `metadata.<key>` can be filled.
        """
        declared = json_object(text)
        if isinstance(declared, str):
            raise ConfigurationError(declared)
        sources: dict[str, str] = {}
        for target, path in declared.items():
            has_record = target in _WITHIN_LIMITS or re.fullmatch(_METADATA, target)
            if not has_record:
                raise ConfigurationError("has a field that cannot be filled")
            if not isinstance(path, str) or not re.fullmatch(_PATH, path):
                raise ConfigurationError(f"has no path of a profile for {target}")
            sources[target] = path
        if sum(target not in _WITHIN_LIMITS for target in sources) > MAX_METADATA_KEYS:
            raise ConfigurationError(f"has more than {MAX_METADATA_KEYS} metadata keys")
        return cls(tuple(sorted(sources.items())))

    def paths(self) -> frozenset[str]:
        """Return the paths that are read, `name` aside, which every report has."""
        return frozenset(path for _, path in self.sources) - {"name"}

    def params(self, profile: Mapping[str, str]) -> Params:
        """Return the parameters of `POST /v1/customers` that a profile fills, within the limits."""
        params: Params = {}
        metadata: dict[str, str] = {}
        for target, path in self.sources:
            value = profile.get(path, "").strip()
            if not value:
                continue
            if target in _WITHIN_LIMITS:
                fitting = _WITHIN_LIMITS[target](value)
                params |= {target: fitting} if fitting else {}
            else:
                # Stripe refuses a longer value, and with it the sign-up.
                metadata[target.removeprefix("metadata.")] = value[:MAX_METADATA_VALUE]
        return params | ({"metadata": metadata} if metadata else {})


NAME_ONLY = CustomerFields()
"""What is taken where a deployment declares nothing."""


def flattened(profile: Mapping[str, object], within: str = "") -> dict[str, str]:
    """Return a profile's plain values by their paths, as `user_metadata.plan`."""
    found: dict[str, str] = {}
    for name, value in profile.items():
        path = f"{within}{name}"
        match value:
            # Whoever names a provider's claims must not fill another field's path.
            case _ if "." in name:
                continue
            # Before int, which a bool is too: "true", and not "1", is what a shop filters by.
            case bool():
                found[path] = "true" if value else "false"
            case str() if value and value.isprintable():
                found[path] = value
            case int():
                found[path] = str(value)
            # JSON has numbers, such as 1e999, that no float can hold.
            case float() if isfinite(value):
                found[path] = str(value)
            case dict() if path.count(".") < 3:  # noqa: PLR2004 (as deep as a path goes)
                found |= flattened(value, f"{path}.")
    return found


def _phone(value: str) -> str | None:
    # A number that was cut off would be another one.
    return value if len(value) <= MAX_PHONE else None


def _locales(value: str) -> list[str] | None:
    return [value.replace("_", "-")] if re.fullmatch(LOCALE, value) else None


_WITHIN_LIMITS = {
    "name": lambda value: value[:MAX_NAME],
    "phone": _phone,
    "preferred_locales": _locales,
}
