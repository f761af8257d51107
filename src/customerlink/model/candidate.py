"""A user who is to get a customer, as a comparison of both sides found them."""

import json
from dataclasses import dataclass

from customerlink.model.user import CustomerId, UserId

NO_ADDRESS = "the user has no address"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Whom to provision, and what the look-ups of the sign-up cannot find by themselves."""

    user_id: UserId
    known: tuple[CustomerId, ...] = ()
    """The customers that share the address but for letter case, which Stripe's filter minds."""

    def line(self) -> str:
        """Return it as a line of JSON: ids, and no address."""
        return json.dumps({"user_id": self.user_id, "known": self.known}) + "\n"

    @classmethod
    def read(cls, line: str | bytes) -> "Candidate":
        """Read what `line` gave, or what an earlier release wrote, which named no customers."""
        row = json.loads(line)
        return cls(UserId(row["user_id"]), tuple(map(CustomerId, row.get("known", ()))))


@dataclass(frozen=True, slots=True)
class Prospect:
    """A candidate, and what a comparison knows of how their provisioning would end."""

    candidate: Candidate
    has_email: bool = True
    is_verified: bool = False
    is_free: bool = False
    """Whether the only customer that has the address names nobody."""
    before: UserId | None = None
    """Another candidate who has the address, and whose turn is earlier."""
