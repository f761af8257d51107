"""Users who have logged in for the first time, of which nobody reported anything.

So it is where the Action was not bound, or never answered. Who has not logged in yet, as after an
import, has missed nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from customerlink.model.policy import Policy, ProvisionAt, VerifiedEmail
from customerlink.model.profile import Profile
from customerlink.model.signup import SignUp
from customerlink.model.sync_policy import MissedSignUps
from customerlink.model.user import User
from customerlink.ports.deadline import Clock
from customerlink.ports.newcomers import Newcomers
from customerlink.ports.profiles import Profiles
from customerlink.usecases.open_sign_up import PASSING, Settled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.settle import Settling

AT_IT_SECONDS = 120.0
"""So long after a login its report may still be on its way."""


class Newcomer(StrEnum):
    """What has become of a user whom Auth0 made a while ago."""

    REPORTED = "reported"
    GONE = "gone"
    ABSENT = "absent"
    """They have not logged in."""
    WAITING = "waiting"
    """They are to be looked at again."""
    MISSED = "missed"
    PROVISIONED = "provisioned"
    """Likewise, and they have a customer by now."""


@dataclass(frozen=True)
class MissedSignUpsCheck:
    """Looks at one newcomer after the other."""

    newcomers: Newcomers
    profiles: Profiles
    settling: Callable[[SignUp], Settling]
    policy: Policy
    missed: MissedSignUps
    clock: Clock

    def look(self, user: User) -> Newcomer:
        """Look at a user whose time has come; whoever is not to be looked at again is forgotten.

        What Auth0 or Stripe raises goes on: then the user is due still.
        """
        found = self._found(user)
        if found is Newcomer.MISSED:
            # An event that comes twice does not count them twice.
            self.newcomers.told(user)
        elif found is not Newcomer.WAITING:
            self.newcomers.forget(user)
        return found

    def _found(self, user: User) -> Newcomer:
        if self.newcomers.has_record(user):
            return Newcomer.REPORTED
        profile = self.profiles.get(user.user_id)
        if profile is None:
            return Newcomer.GONE
        # A report leaves one of the two: also one of which nothing was made.
        if profile.customer_id or profile.marker:
            return Newcomer.REPORTED
        if profile.last_login is None:
            return Newcomer.ABSENT
        if profile.last_login.timestamp() > self.clock.time() - AT_IT_SECONDS:
            return Newcomer.WAITING
        return self._missed(user, profile)

    def _missed(self, user: User, profile: Profile) -> Newcomer:
        # Who is to verify an address first was let in without a trace.
        if self.policy.verified_email is VerifiedEmail.REQUIRED and not profile.email_verified:
            return Newcomer.ABSENT
        is_provisioned = self.missed is MissedSignUps.PROVISION
        if not is_provisioned or self.policy.provision_at is ProvisionAt.CHECKOUT:
            return Newcomer.MISSED
        outcome = provision_existing(user, self.profiles, self.settling)
        if isinstance(outcome, Settled):
            return Newcomer.PROVISIONED
        return Newcomer.WAITING if outcome.reason in PASSING else Newcomer.MISSED
