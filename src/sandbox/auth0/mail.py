"""The mails that verify an address: nothing is sent here, so a page shows them all."""

import secrets
from dataclasses import dataclass, field

from sandbox.auth0.users import Users


@dataclass(frozen=True)
class Mail:
    """One mail, with the ticket that its link has."""

    user_id: str
    address: str
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


@dataclass
class Inbox:
    """Everybody's mail, the oldest first."""

    users: Users
    sent: list[Mail] = field(default_factory=list)

    def send(self, user_id: str) -> None:
        """Send a user a mail to the address that the profile has now."""
        address = self.users.read(user_id).get("email")
        self.sent.append(Mail(user_id, str(address or "")))

    def follow(self, ticket: str) -> bool:
        """Verify the address to which a link was sent; say whether it is the user's still."""
        found = next((each for each in self.sent if each.ticket == ticket), None)
        if found is None or not self._is_theirs(found):
            return False
        if self.users.read(found.user_id).get("email_verified") is not True:
            self.users.patch(found.user_id, {"email_verified": True})
        return True

    def _is_theirs(self, mail: Mail) -> bool:
        return (
            mail.user_id in self.users
            and self.users.read(mail.user_id).get("email") == mail.address
        )
