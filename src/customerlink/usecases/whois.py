"""Whom a log means, and what a log calls somebody: users and the names that they have in logs."""

import re
from collections.abc import Callable, Iterable, Iterator

from customerlink.model.frozen import frozen
from customerlink.model.log_names import DIGITS, MARK, LogNames
from customerlink.model.profile import Profile
from customerlink.model.user import UserId, registrant_id
from customerlink.ports.profiles import Profiles

_DIGEST = re.compile(rf"(?:(?:[a-z0-9-]+\|)?{MARK})?([0-9a-f]{{{DIGITS}}})")
_USER_ID = re.compile(r"[^|]+\|.+", re.DOTALL)
"""Of Auth0's: the identity provider's name, and what that calls somebody."""


@frozen
class Named:
    """A user, and the name in logs."""

    user_id: UserId
    log_name: str


def whois(
    asked: str,
    names: LogNames,
    profiles: Profiles,
    everybody: Callable[[], Iterable[UserId]],
) -> Iterator[Named]:
    """Return whom a digest, an address or a `user_id` stands for, linked accounts included.

    A digest cannot be turned round: `everybody` is asked for, and each id's digest is made.
    """
    for each in dict.fromkeys(_meant(asked, names, profiles, everybody)):
        yield Named(each, names.name(each))


def _meant(
    asked: str,
    names: LogNames,
    profiles: Profiles,
    everybody: Callable[[], Iterable[UserId]],
) -> Iterator[UserId]:
    digest = _DIGEST.fullmatch(asked)
    if digest is not None:
        yield from (each for each in everybody() if names.digest(each) == digest[1])
    elif _USER_ID.fullmatch(asked):
        yield UserId(asked)
    else:
        for profile in profiles.with_address(asked):
            yield from _ids_of(profile)


def _ids_of(profile: Profile) -> Iterator[UserId]:
    yield profile.user_id
    yield from (each.user_id for each in profile.identities)
    if profile.registration_id:
        yield registrant_id(profile.registration_id)
