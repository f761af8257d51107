"""A rotation of the signing secret where another tool declares the Actions.

It goes through the four states of `customerlink.cli.commands.rotate`, but stops in the second one
and says what the tool has to set. Run again, it tells by what the tool says in the Actions' code
whether it has.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from customerlink.cli.declared import APPLY, hand_over, signing_secret_of, standing_note
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.release import action_name, endpoint
from customerlink.cli.stored_secret import StoredSecret, new_signing_secret
from customerlink.cli.watching import Watching
from customerlink.model.actions import LOGIN, TRIGGERS, Action
from customerlink.model.notes import noted

if TYPE_CHECKING:
    from customerlink.cli.commands.rotate import Rotation

NEEDED = "--to-file FILE: the new secret, for the tool that declares the Actions"


@dataclass
class DeclaredRotation:
    """A rotation whose new secret goes into a file, for the tool."""

    parts: "Rotation"
    to_file: Path | None
    watching: Watching

    def run(self) -> bool:
        """Go on from wherever the last run stopped; return whether it came to the end."""
        secret = self.parts.deployment.read_secret()
        actions = self._actions()
        if self._without(actions, secret):
            self._hand_over(self._with_a_new_one(secret))
            return False
        new = secret.signing_secrets[-1]
        self.parts.wait(
            "until no login runs an Action's old version", self.parts.last_logins_seconds
        )
        self.parts.check(new)
        # Read again: the tool may have run once more meanwhile, with what it had before; or
        # somebody may have put in another Stripe key.
        stored, actions = self.parts.deployment.read_secret(), self._actions()
        if self._without(actions, stored):
            self._hand_over(self._with_a_new_one(stored))
            return False
        self.parts.tell("drop the old signing secret")
        left = self._noted(actions, stored.with_signing(new), new)
        self.parts.deployment.write_secret(left)
        self.watching.keep()
        return True

    def _actions(self) -> dict[str, Action]:
        """Return every Action that signs, by its trigger; that of the Login flow has to be one."""
        found = {each: action for each in TRIGGERS if (action := self._find(each))}
        if LOGIN not in found:
            raise CliError(f"The tenant has no Action {self.parts.action_name}.", APPLY)
        return found

    def _find(self, trigger: str) -> Action | None:
        return self.parts.tenant.at(trigger).find(action_name(self.parts.action_name, trigger))

    def _without(self, actions: dict[str, Action], secret: StoredSecret) -> list[str]:
        """Return the triggers whose Action lacks the new secret; all while there is none."""
        if not secret.signing_secrets:
            raise CliError("There is no signing secret to rotate yet.", "customerlink install")
        if len(secret.signing_secrets) == 1:
            return list(actions)
        url, new = self.parts.deployment.outputs.url, secret.signing_secrets[-1]
        return [
            trigger
            for trigger, action in actions.items()
            if signing_secret_of(action, trigger, url, secret) != new
        ]

    def _with_a_new_one(self, secret: StoredSecret) -> StoredSecret:
        if self.to_file is None:
            raise CliError("The new signing secret has to be handed over.", NEEDED, Exit.USAGE)
        if len(secret.signing_secrets) > 1:
            return secret
        self.parts.tell("add a new signing secret beside the old one")
        both = secret.with_signing(*secret.signing_secrets, new_signing_secret())
        return self.parts.deployment.write_secret(both)

    def _hand_over(self, secret: StoredSecret) -> None:
        # Since it was stored, by whichever run: a second run waits for the rest only.
        self.watching.keep()
        left = self.parts.refresh_seconds - secret.age(time.time())
        if left > 0:
            self.parts.wait("until every function has fetched both", left)
        new = secret.signing_secrets[-1]
        # Before a tool gets it: refused, it leaves the logins with the old one.
        self.parts.check(new)
        self.parts.tell(f"write the new one into {self.to_file}")
        deployment = self.parts.deployment
        hand_over(Path(str(self.to_file)), deployment.outputs.url, new, deployment.denial_texts)

    def _noted(self, actions: dict[str, Action], secret: StoredSecret, new: str) -> StoredSecret:
        """Return the secret with a note of what each Action has.

        Its code may come back from an older export, with an older line about its settings.
        """
        for trigger, action in actions.items():
            if not standing_note(action, secret):
                url = endpoint(self.parts.deployment.outputs.url, trigger)
                secret = secret.with_note(action.id, noted(action.deployed_secrets, url, new))
        return secret
