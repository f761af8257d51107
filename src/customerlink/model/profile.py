"""A user as the tenant has one."""

import json
from collections.abc import Mapping
from dataclasses import field

from customerlink.model.customer_fields import flattened
from customerlink.model.frozen import frozen
from customerlink.model.signup import SignUp, customer_id_in
from customerlink.model.user import CustomerId, User, UserId
from customerlink.model.values import Reader, address, flag, text


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

    dropped: tuple[str, ...] = ()
    """The paths of what counts as absent, since it is not what the field is for."""

    @classmethod
    def of(cls, document: Mapping[str, object]) -> "Profile":
        """Read a user as the Management API gives one; what is odd in it counts as absent.

        https://auth0.com/docs/api/management/v2/users/get-users-by-id
        """
        read = Reader(document, "user.")
        metadata = read.within("app_metadata")
        identities = document.get("identities")
        parts = (
            [each for each in identities if isinstance(each, Mapping)]
            if isinstance(identities, list)
            else []
        )
        marker = metadata.get("stripe_signup")
        return cls(
            user_id=UserId(str(document.get("user_id"))),
            email=read("email", address),
            email_verified=read("email_verified", flag) or False,
            name=read("name", text),
            customer_id=customer_id_in(metadata),
            marker=None if marker is None else str(marker),
            connection=Reader(parts[0], "")("connection", text) if parts else None,
            registration_id=metadata("stripe_registration_id", text),
            identities=tuple(_identity(each) for each in parts),
            fields=flattened(document),
            dropped=tuple(dict.fromkeys(read.dropped)),
        )

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
        dropped=profile.dropped,
    )


def _identity(part: Mapping[str, object]) -> Identity:
    data = part.get("profile_data")
    email = Reader(data, "")("email", address) if isinstance(data, Mapping) else None
    return Identity(str(part.get("provider")), str(part.get("user_id")), email)
