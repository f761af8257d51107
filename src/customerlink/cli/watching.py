"""The watch's own secret: which application looks, and what it is to find in the tenant."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import questionary

from customerlink.adapters.auth0.management import Management
from customerlink.cli.asking import answer
from customerlink.cli.config import Config
from customerlink.cli.declared import valid_prints
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
LET_GO = "customerlink install --watch-anew"
_PROMPT = "Client id of an application with read:actions alone, for the watch (empty: later):"
_APPLICATIONS = "Auth0's dashboard, Applications > APIs > Auth0 Management API: grant read:actions"


@dataclass(frozen=True, slots=True)
class Watching:
    """The watch of a deployment, as install sets it up."""

    deployment: Deployment
    tenant: Tenant
    config: Config

    def known(self) -> WatchSecret | None:
        """Return what the watch has, if it looks at the profile's tenant."""
        watch = self.deployment.read_watch()
        return watch if watch and watch.client.url == self.config.auth0_url() else None

    def wanted(self, client: Auth0Client, *, anew: bool = False) -> WatchSecret:
        """Return what the watch is to have, by what the tenant and the deployment's secret have.

        It keeps the names that it has, unless it is to begin `anew`: whoever runs install after an
        accident does not agree to it.
        """
        stored, known = self.deployment.read_secret(), self.known()
        found = {each: action for each in TRIGGERS if (action := self._find(each))}
        names = {**known.actions} if known and not anew else {}
        names |= {each: action.name for each, action in found.items()}
        names |= {VERIFY_EMAIL: verify.name} if (verify := self.tenant.verify_email()) else {}
        ids = [action.id for action in found.values() if action.id in stored.notes]
        notes = {each: stored.notes[each] for each in ids}
        url, is_declared = self.deployment.outputs.url, self.config.is_declared
        prints = valid_prints(url, stored) if is_declared else ()
        return WatchSecret(client, str(stored.self_test_key), names, notes, prints)

    def keep(self) -> None:
        """Let the watch that looks at this tenant find what is right by now."""
        known = self.known()
        if known and (wanted := self.wanted(known.client)) != known:
            self.deployment.write_watch(wanted)

    def let_go(self, *kinds: str) -> None:
        """Let the watch look no more for these, which we have taken out."""
        known = self.known()
        if known and (left := known.without(*kinds)) != known:
            self.deployment.write_watch(left)

    def lost(self, watch: WatchSecret) -> list[str]:
        """Name what the watch looks for and the tenant does not have."""
        return [
            name
            for each, name in watch.actions.items()
            if not self.tenant.at(LOGIN if each == VERIFY_EMAIL else each).find(name)
        ]

    def _find(self, trigger: str) -> Action | None:
        return self.tenant.at(trigger).find(action_name(self.config.action_name, trigger))


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
        client_id = answer(questionary.text(_PROMPT))
    if not client_id:
        return None
    secret = os.environ.get(CLIENT_SECRET, "")
    if not secret and sys.stdin.isatty():
        secret = answer(questionary.password("Its client secret:"))
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
