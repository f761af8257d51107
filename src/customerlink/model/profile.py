"""A user as the tenant has one."""

import json
from collections.abc import Mapping
from dataclasses import field

from customerlink.model.frozen import frozen
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User, UserId


@frozen
class Identity:
    """An account that is part of a user: the first one is the user's own, others were linked."""

    provider: str
    name: str
    """Its id at the provider."""
    email: str | None = field(default=None, repr=False)

    @property
    def user_id(self) -> UserId:
        """Return the `user_id` that the account has, or had before it was linked."""
        return UserId(f"{self.provider}|{self.name}")


@frozen
class Profile:
    """A user as the Management API or the export has one; the export has less of it."""

    user_id: UserId
    email: str | None = field(default=None, repr=False)
    email_verified: bool = False
    name: str | None = field(default=None, repr=False)
    customer_id: CustomerId | None = None
    marker: str | None = None
    """The value of `app_metadata.stripe_signup` as it is: one that is no `Marker` has to go too."""
    connection: str | None = None
    registration_id: str | None = None
    identities: tuple[Identity, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The plain values by their paths, for the customer's fields."""

    def linked(self, user_id: str) -> Identity | None:
        """Return another account that was linked to the user's own; None where it was not."""
        return next((each for each in self.identities[1:] if each.user_id == user_id), None)

    def line(self) -> str:
        """Return who it is as a line of JSON, for a list of users who are to get a customer."""
        row = {"user_id": self.user_id, "email": self.email, "name": self.name}
        return json.dumps(row | {"email_verified": self.email_verified}) + "\n"

    @classmethod
    def read(cls, line: str | bytes) -> "Profile":
        """Read what `line` gave."""
        row = json.loads(line)
        return cls(
            UserId(row["user_id"]),
            row.get("email"),
            email_verified=bool(row.get("email_verified")),
            name=row.get("name"),
        )


def unfinished(user: User, profile: Profile) -> SignUp:
    """Return a sign-up that is to be finished without a login."""
    return SignUp(
        user=user,
        logins_count=0,
        email=profile.email,
        email_verified=profile.email_verified,
        name=profile.name,
        customer_id=profile.customer_id,
        connection=profile.connection,
        registration_id=profile.registration_id,
        profile=profile.fields,
    )
