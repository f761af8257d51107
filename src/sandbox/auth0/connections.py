"""The tenant's connections, as the Management API lists them."""

from typing import Any

from sandbox.auth0.failure import bad_query

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
        take = query.get("take", str(_MOST))
        if not (take.isdigit() and 0 < int(take) <= _MOST):
            raise bad_query("Query validation error: take is out of range")
        start, size = int(query.get("from", "0")), int(take)
        fields = query.get("fields", "id,name,strategy").split(",")
        every = [
            {"id": f"con_{number:016d}", "name": name, "strategy": strategy}
            for number, (name, strategy) in enumerate(self.items())
        ]
        page = [{name: each[name] for name in fields} for each in every[start : start + size]]
        if "take" not in query:
            return page
        rest = {"next": str(start + size)} if start + size < len(every) else {}
        return {"connections": page, **rest}
