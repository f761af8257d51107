"""The tenant's connections, as the Management API lists them."""

from typing import Any

from sandbox.auth0.failure import bad_query
from sandbox.shapes import whole

STRATEGIES = {
    "Username-Password-Authentication": "auth0",
    "google-oauth2": "google-oauth2",
    "apple": "apple",
    "email": "email",
    "sms": "sms",
    "acme-saml": "samlp",
    "legacy-users": "auth0",
}
"""Those that a tenant begins with."""

_MOST = 100
_FIELDS = ("id", "name", "strategy")

type Json = dict[str, Any]


class Connections(dict[str, str]):
    """Each one's strategy, by its name."""

    def __init__(self) -> None:
        """Begin with one of each kind."""
        super().__init__(STRATEGIES)

    def list_page(self, query: dict[str, str]) -> Json | list[Json]:
        """`GET /connections`: with `take` a page from a checkpoint on, else the first ones.

        https://auth0.com/docs/api/management/v2/connections/get-connections
        """
        start, size = whole(query.get("from", "0")), whole(query.get("take", str(_MOST)))
        if size is None or not 0 < size <= _MOST:
            raise bad_query("Query validation error: take is out of range")
        if start is None:
            raise bad_query("Expected a checkpoint on property from")
        fields = query.get("fields", ",".join(_FIELDS)).split(",")
        every = [
            {"id": f"con_{number:016d}", "name": name, "strategy": strategy}
            for number, (name, strategy) in enumerate(self.items())
        ]
        page = [
            {name: each[name] for name in _FIELDS if name in fields}
            for each in every[start : start + size]
        ]
        if "take" not in query:
            return page
        rest = {"next": str(start + size)} if start + size < len(every) else {}
        return {"connections": page, **rest}
