"""A user as the tenant has one, as the sign-up whose record is settled."""

from collections.abc import Mapping
from typing import Any

from customerlink.model.signup import SignUp
from customerlink.model.user import User


def unfinished(user: User, profile: Mapping[str, Any]) -> SignUp:
    """Return a sign-up that is to be finished without a login.

    `profile` is of the export's form, or has more of the user (`adapters.auth0.management`).
    """
    return SignUp(
        user=user,
        logins_count=0,
        email=profile["email"],
        email_verified=bool(profile.get("email_verified")),
        name=profile.get("name"),
        customer_id=profile.get("customer_id"),
        connection=profile.get("connection"),
        registration_id=profile.get("registration_id"),
        profile=profile.get("profile") or {},
    )
