"""A user as the tenant has one."""

from collections.abc import Mapping
from datetime import datetime

from customerlink.model.customer_fields import flattened
from customerlink.model.frozen import field, frozen
from customerlink.model.signup import SignUp, customer_id_in
from customerlink.model.trust import Trust, primary_connection
from customerlink.model.user import CustomerId, User, UserId
from customerlink.model.values import ODD, OddValueError, Reader, address, flag, moment, text


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


ODD_IDENTITY = Identity("", "")
"""What stands where an account has no id that could be anybody's: the first one is the user's."""


@frozen
class Profile:
    """A user as the Management API or the export has one; the export has less of it."""

    user_id: UserId
    email: str | None = field(default=None, repr=False)
    email_verified: bool = False
    """As a connection says that is believed (`model.trust`)."""
    name: str | None = field(default=None, repr=False)
    customer_id: CustomerId | None = None
    marker: str | None = None
    """The value of `app_metadata.stripe_signup` as it is: one that is no `Marker` has to go too."""
    connection: str | None = None
    registration_id: str | None = None
    identities: tuple[Identity, ...] = ()
    last_login: datetime | None = None
    """By Auth0's own clock and count, whatever anybody else reports."""
    fields: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The plain values by their paths, for the customer's fields."""

    dropped: tuple[str, ...] = ()
    """The paths of what counts as absent, since it is not what the field is for."""
    is_believed: bool = True
    """Whether the user's connection is: else nobody of it ever has a verified address."""

    @classmethod
    def of(cls, document: Mapping[str, object], trust: Trust) -> "Profile":
        """Read a user as the Management API gives one; what is odd in it counts as absent.

        https://auth0.com/docs/api/management/v2/users/get-users-by-id
        """
        read = Reader(document, "user.")
        metadata = read.within("app_metadata")
        user_id = UserId(str(document.get("user_id")))
        is_believed = trust.believes_user(user_id, read)
        parts = read("identities", _parts) or []
        identities = tuple(map(_identity, parts))
        if ODD_IDENTITY in identities:
            read.dropped.append("user.identities")
        return cls(
            user_id=user_id,
            email=read("email", address),
            email_verified=bool(read("email_verified", flag)) and is_believed,
            is_believed=is_believed,
            name=read("name", text),
            customer_id=customer_id_in(metadata),
            marker=_marker_in(metadata),
            connection=primary_connection(user_id, read),
            registration_id=metadata("stripe_registration_id", text),
            identities=identities,
            last_login=Reader(document)("last_login", moment),
            fields=flattened(document),
            dropped=tuple(dict.fromkeys(read.dropped)),
        )

    def linked(self, user_id: str) -> Identity | None:
        """Return another account that was linked to the user's own; None where it was not."""
        return next((each for each in self.identities[1:] if each.user_id == user_id), None)


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


def _marker_in(metadata: Reader) -> str | None:
    """Read what marks the sign-up; `ODD` for what is there and is no text."""
    value = metadata("stripe_signup", text)
    return ODD if value is None and metadata.get("stripe_signup") is not None else value


def _parts(value: object) -> list[Mapping[str, object]]:
    """Read the accounts that a user is made of; what is none keeps its place among them."""
    if not isinstance(value, list | None):
        raise OddValueError
    return [each if isinstance(each, Mapping) else {} for each in value or ()]


def _identity(part: Mapping[str, object]) -> Identity:
    try:
        provider, name = text(part.get("provider")), text(_as_text(part.get("user_id")))
    except OddValueError:
        return ODD_IDENTITY
    if provider is None or name is None:
        return ODD_IDENTITY
    data = part.get("profile_data")
    email = Reader(data, "")("email", address) if isinstance(data, Mapping) else None
    return Identity(provider, name, email)


def _as_text(value: object) -> object:
    # Some providers' ids are numbers. Not isinstance: in Python, true is an int.
    return str(value) if type(value) is int else value
