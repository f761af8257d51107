"""Who stands in front of the log-in page: a user of a database, of a provider, or of a code."""

import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from sandbox.auth0.connections import STRATEGIES
from sandbox.tenant import Tenant

DATABASE = "Username-Password-Authentication"
PROVIDERS = {"google-oauth2": "Google", "apple": "Apple", "acme-saml": "Acme SSO"}
"""Connections that ask elsewhere who somebody is, and what the log-in page calls them."""
BY_CODE = ("email", "sms")

# A tenth of a second for every log-in keeps nothing from anybody here.
_HASH = "pbkdf2:sha256:1000"
_EMAIL = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+")
_PHONE = re.compile(r"\+[0-9]{6,15}")

type Json = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """What the page says in place of a log-in."""

    text: str


@dataclass(frozen=True)
class Account:
    """An identity that a connection knows, and whose it is since accounts may be linked."""

    name: str
    """As in a `user_id`: `google-oauth2|1001`."""
    owner: str
    email: str
    phone: str


@dataclass(frozen=True)
class Provided:
    """What a provider says of somebody; where an account is named, only what it says anew."""

    account: str = ""
    email: str = ""
    name: str = ""
    is_verified: bool = False

    @property
    def profile(self) -> Json:
        """Return the fields of a profile; a provider may keep the address to itself."""
        address = {"email": self.email, "email_verified": self.is_verified} if self.email else {}
        return address | ({"name": self.name} if self.name else {})


@dataclass
class People:
    """Finds whom a log-in is of, and makes users as connections do; gives their `user_id`."""

    tenant: Tenant
    _passwords: dict[str, str] = field(default_factory=dict)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def accounts(self, connection: str) -> list[Account]:
        """Return the accounts that a connection knows, the newest first."""
        provider = STRATEGIES[connection]
        with self.tenant.users.lock:
            users = list(self.tenant.users.exported())
        found = [each for user in users for each in _accounts_of(user, provider)]
        return found[::-1]

    def sign_up(self, email: str, password: str) -> str | Problem:
        """Make a user of the database, by way of the registration's Actions if they are bound."""
        email = email.strip().lower()
        if not _EMAIL.fullmatch(email):
            return Problem("Please enter an email address.")
        if not password:
            return Problem("Please choose a password.")
        with self._one_at_a_time:
            if self._by_email(DATABASE, email):
                return Problem("There is an account with this address. Please log in.")
            user_id = self._made(email)
        if isinstance(user_id, str):
            self._passwords[user_id] = generate_password_hash(password, _HASH)
        return user_id

    def log_in(self, email: str, password: str) -> str | Problem:
        """Find a user of the database; who was put in without a password gets in by any."""
        account = self._by_email(DATABASE, email.strip().lower())
        known = self._passwords.get(account.owner) if account else None
        if account is None or (known and not check_password_hash(known, password)):
            return Problem("Wrong email or password.")
        return account.owner

    def come_from(self, connection: str, provided: Provided) -> str | Problem:
        """Find or make the user of a provider, with the profile that it says now."""
        if provided.email and not _EMAIL.fullmatch(provided.email):
            return Problem("Please enter an email address, or none.")
        with self._one_at_a_time:
            account = self._chosen(connection, provided)
            if account is None:
                return self._added(connection, provided.profile)
        # Auth0 keeps the profile of a user's first identity up to date, and no other one's.
        if account.name == account.owner:
            self._update(account.owner, provided.profile)
        return account.owner

    def come_by_code(self, address: str) -> str:
        """Find or make whoever has read the code at an address or a number."""
        is_email = "@" in address
        connection = "email" if is_email else "sms"
        proved = (
            {"email": address, "email_verified": True, "name": address}
            if is_email
            else {"phone_number": address, "phone_verified": True, "name": address}
        )
        with self._one_at_a_time:
            known = [
                each.owner
                for each in self.accounts(connection)
                if address in (each.email, each.phone)
            ]
            return known[0] if known else self._added(connection, proved)

    def _made(self, email: str) -> str | Problem:
        profile: Json = {"email": email, "email_verified": False, "name": email}
        profile["nickname"] = email.partition("@")[0]
        if not self.tenant.registers:
            return self._added(DATABASE, profile)
        registered = self.tenant.register(**profile)
        return registered.user_id or Problem(registered.denial or "")

    def _chosen(self, connection: str, provided: Provided) -> Account | None:
        if provided.account:
            every = self.accounts(connection)
            return next((each for each in every if each.name == provided.account), None)
        return self._by_email(connection, provided.email)

    def _by_email(self, connection: str, email: str) -> Account | None:
        every = self.accounts(connection) if email else []
        return next((each for each in every if each.email.lower() == email.lower()), None)

    def _added(self, connection: str, profile: Json) -> str:
        provider, name = STRATEGIES[connection], _new_name(connection, profile)
        identity = {"connection": connection, "provider": provider, "user_id": name}
        identities = [identity | {"isSocial": connection in ("google-oauth2", "apple")}]
        return self.tenant.add_user(f"{provider}|{name}", **profile, identities=identities)

    def _update(self, user_id: str, profile: Json) -> None:
        user = self.tenant.users.read(user_id)
        changed = {name: value for name, value in profile.items() if user.get(name) != value}
        if changed:
            self.tenant.users.patch(user_id, changed)


def address_for_code(text: str) -> str | Problem:
    """Read where a code is to be sent."""
    text = text.strip().lower()
    if _EMAIL.fullmatch(text) or _PHONE.fullmatch(text):
        return text
    return Problem("Please enter an email address, or a phone number like +4930123456.")


def _accounts_of(user: Mapping[str, Any], provider: str) -> Iterator[Account]:
    for each in user["identities"]:
        if each["provider"] == provider:
            name = f"{provider}|{each['user_id']}"
            profile = user if name == user["user_id"] else each.get("profileData", {})
            email, phone = (str(profile.get(key) or "") for key in ("email", "phone_number"))
            yield Account(name, user["user_id"], email, phone)


def _new_name(connection: str, profile: Json) -> str:
    """Return an id in the form of the provider's own."""
    match connection:
        case "google-oauth2":
            return str(10**20 + secrets.randbelow(9 * 10**20))
        case "apple":
            return f"00{secrets.randbelow(10**4):04}.{secrets.token_hex(16)}.0456"
        case "acme-saml":
            return f"acme-saml|{profile.get('email') or secrets.token_hex(8)}"
        case _:
            return secrets.token_hex(12)
