"""The watch's own secret: which application looks, and what it is to find in the tenant."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import questionary

from customerlink.adapters.auth0.management import Management
from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.release import action_name
from customerlink.cli.session import Session
from customerlink.cli.tenant import Tenant
from customerlink.model.actions import LOGIN, TRIGGERS, VERIFY_EMAIL, Action
from customerlink.model.secret import Auth0Client
from customerlink.model.watch_secret import SCOPE, WatchSecret

CLIENT_SECRET = "CUSTOMERLINK_WATCH_CLIENT_SECRET"  # noqa: S105 (a variable's name)
NOT_SET_UP = "The watch is not set up: nobody would notice that another tool unbinds the Action."
FIX = (
    "customerlink install --watch-client-id ID, of an application with read:actions alone "
    "(docs/operations.md#watch)"
)
_PROMPT = "Client id of an application with read:actions alone, for the watch (empty: later):"
_APPLICATIONS = "Auth0's dashboard, Applications > APIs > Auth0 Management API: grant read:actions"


@dataclass(frozen=True, slots=True)
class Watching:
    """The watch of a deployment, as install sets it up."""

    deployment: Deployment
    tenant: Tenant
    action_name: str

    def wanted(self, client: Auth0Client) -> WatchSecret:
        """Return what the watch is to have, by what the tenant and the deployment's secret have."""
        stored = self.deployment.read_secret()
        found = [(each, action) for each in TRIGGERS if (action := self._find(each))]
        names = {each: action.name for each, action in found}
        names |= {VERIFY_EMAIL: verify.name} if (verify := self._verify_email()) else {}
        # Another tool sets them anew with each of its runs, and the code's last line says to what.
        installed = [action.id for _, action in found if action.is_ours]
        notes = {each: stored.notes[each] for each in installed if each in stored.notes}
        return WatchSecret(client, str(stored.self_test_key), names, notes)

    def _verify_email(self) -> Action | None:
        """Find what is bound, or was when the watch was set up, and is there still.

        Whoever runs install after an accident does not agree to it.
        """
        known = self.deployment.read_watch()
        name = known.actions.get(VERIFY_EMAIL) if known else None
        return self.tenant.verify_email() or (self.tenant.at(LOGIN).find(name) if name else None)

    def _find(self, trigger: str) -> Action | None:
        return self.tenant.at(trigger).find(action_name(self.action_name, trigger))


def client_given(
    now: Session, client_id: str | None, known: WatchSecret | None
) -> Auth0Client | None:
    """Return the watch's application: one that was given, the stored one, or one to be asked for.

    None where there is none, and nobody to ask; its secret comes from the environment, or is asked
    for, and never from an argument.
    """
    if not client_id and known:
        return known.client
    if not client_id and sys.stdin.isatty():
        client_id = str(questionary.text(_PROMPT).unsafe_ask()).strip()
    if not client_id:
        return None
    secret = os.environ.get(CLIENT_SECRET, "")
    if not secret and sys.stdin.isatty():
        secret = str(questionary.password("Its client secret:").unsafe_ask()).strip()
    if not secret:
        raise CliError("The client secret of the watch is missing.", CLIENT_SECRET, Exit.USAGE)
    return Auth0Client(now.config.auth0_url(), client_id, secret)


def excess(client: Auth0Client) -> Sequence[str]:
    """Return the scopes that an application has beside the one that the watch needs."""
    granted = str(Management(client, tries=1).granted.get("scope", "")).split()
    if SCOPE not in granted:
        raise CliError(f"The client of the watch lacks {SCOPE}.", _APPLICATIONS, Exit.REFUSED)
    return [each for each in granted if each != SCOPE]


def may_only_look(client: Auth0Client) -> Auth0Client:
    """Return an application that may look, and nothing else; a `CliError` says what is wrong."""
    more = excess(client)
    if more:
        text = f"The client of the watch may do more than {SCOPE}: {', '.join(more)}."
        raise CliError(text, f"{_APPLICATIONS}, and nothing else", Exit.REFUSED)
    return client
