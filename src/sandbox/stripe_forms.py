"""Stripe's form encoding, read: https://docs.stripe.com/api says which parameters are nested."""

from typing import Any

from sandbox.stripe_account import invalid


def nested(flat: dict[str, str], levels: int = 1) -> dict[str, Any]:
    """Read `metadata[key]=value`, so deep; a list's items are named by their numbers."""
    params: dict[str, Any] = {}
    for name, value in flat.items():
        outer, *inner = (each.removesuffix("]") for each in name.split("["))
        if "\0" in name + value or len(inner) > levels:
            raise invalid("Invalid string", param=outer)
        *path, last = outer, *inner
        place = params
        for each in path:
            place = place.setdefault(each, {})
            if not isinstance(place, dict):
                raise invalid("Invalid object", param=outer)
        place[last] = value
    return params
