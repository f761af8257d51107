"""The proofs that a request to link two accounts brings: both log-ins, fresh, and of one browser.

docs/policies.md ("Account linking") has the protocol, and what each attacker has.
"""

import base64
import hashlib
from collections.abc import Collection, Mapping

from customerlink.adapters.auth0.id_tokens import IdTokens
from customerlink.model.address import is_same_address
from customerlink.model.frozen import field, frozen
from customerlink.model.profile import Profile
from customerlink.model.tickets import Ticket, TicketKey, redeem
from customerlink.model.user import Tenant, UserId
from customerlink.model.values import Reader, text

_FIELDS = ("primary_id_token", "secondary_id_token", "link_ticket", "link_state")
_FORMS = (
    {"primary_id_token", "secondary_id_token"},
    {"primary_id_token", "link_ticket", "link_state"},
)
"""Which fields prove something together: of the second account its ID token, or a ticket."""


@frozen
class Proof:
    """That somebody has just logged in to the second account, in the browser that asks."""

    user_id: UserId
    nonce: str
    """What is of use once."""
    ticket: Ticket | None = None

    def holds_for(self, primary: Profile, secondary: Profile) -> bool:
        """Return whether the two profiles, as Auth0 has them, bear it out.

        A ticket names no first account, so the two must have one address. And whoever can sign
        reports can have a ticket made: Auth0 itself has to know of the second account's log-in.
        """
        if self.ticket is None:
            return True
        has_logged_in = self.ticket.is_borne_out_by(secondary.last_login)
        return has_logged_in and is_same_address(primary.email, secondary.email)


@frozen
class Proofs:
    """What a request brings, read and not judged yet."""

    given: dict[str, str] = field(repr=False)

    @classmethod
    def read(cls, body: Mapping[str, object]) -> "Proofs | None":
        """Read the body; None unless it has the first log-in's proof, and one of the second's."""
        read = Reader(body)
        found = {name: read(name, text) for name in _FIELDS}
        # Tokens, tickets and states are ASCII.
        given = {name: each for name, each in found.items() if each and each.isascii()}
        return cls(given) if set(given) in _FORMS else None

    @property
    def has_ticket(self) -> bool:
        """Return whether the second log-in ended at the linking page."""
        return "link_ticket" in self.given

    def is_of(self, user_id: UserId, id_tokens: IdTokens) -> bool:
        """Return whether the caller has just logged in to the first account."""
        login = id_tokens.verified(self.given["primary_id_token"])
        return login is not None and login.user_id == user_id

    def by_ticket(self, keys: Collection[TicketKey], tenant: Tenant, now: float) -> Proof | None:
        """Return what a ticket proves, to who began its log-in."""
        ticket = redeem(keys, self.given["link_ticket"], now)
        if ticket is None or ticket.user.tenant != tenant:
            return None
        is_of_browser = ticket.is_of(self.given["link_state"])
        return Proof(ticket.user.user_id, ticket.nonce, ticket) if is_of_browser else None

    def by_id_token(self, id_tokens: IdTokens, access_token: str) -> Proof | None:
        """Return what the second account's ID token proves, to who asked for it."""
        login = id_tokens.verified(self.given["secondary_id_token"], nonce_for(access_token))
        is_good = login is not None and login.email_verified
        return Proof(UserId(login.user_id), login.nonce) if login and is_good else None


def nonce_for(access_token: str) -> str:
    """Return the nonce that binds the second account's log-in to the first one's access token."""
    digest = hashlib.sha256(access_token.encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
