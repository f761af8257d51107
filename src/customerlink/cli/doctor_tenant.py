"""Doctor's looks into the tenant: the application, connections, Actions, and their flows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from customerlink.adapters.built_actions import action_code
from customerlink.cli.checks import DEPLOY, INSTALL, Check, bad, good, names_of, needed, warning
from customerlink.cli.config import Config
from customerlink.cli.declared import APPLY, settings_check
from customerlink.cli.deployment import Deployment
from customerlink.cli.release import action_name, endpoint
from customerlink.cli.stored_secret import StoredSecret
from customerlink.cli.tenant import CONNECTIONS_SCOPE, GRANT, Tenant
from customerlink.model.action_faults import (
    LATER,
    Fault,
    code_fault,
    missing_secrets,
    place_fault,
    runtime_fault,
    set_anew,
)
from customerlink.model.actions import (
    DENIAL_TEXTS,
    DENYING,
    LOGIN,
    REGISTRATION,
    Action,
    digest,
    secrets_of,
)
from customerlink.model.notes import fingerprint
from customerlink.model.policy import VerifiedEmail
from customerlink.model.trust import Trust

REGISTER = f"{INSTALL} --registration"


@dataclass
class TenantLooks:
    """What is looked at in Auth0; what one look needs of an earlier one is kept here."""

    config: Config
    deployment: Deployment
    tenant: Tenant
    secret: Callable[[], StoredSecret]
    """Returns the deployment's secret; raises where it could not be read."""
    _action: Action | None = None
    _registered: dict[str, Action] = field(default_factory=dict)

    def client(self) -> Iterator[Check]:
        """Look at what the operator's application may do."""
        missing = self.tenant.missing_scopes()
        if missing:
            yield bad("Auth0 client", f"It lacks {', '.join(missing)}.", GRANT)
        else:
            yield good("Auth0 client", "It has the scopes that install and rotate need.")

    def connections(self) -> Iterator[Check]:
        """Look at whose addresses are believed."""
        name = "connections"
        if not self.tenant.may_list_connections():
            meaning = f"Who is believed was not looked at: it lacks {CONNECTIONS_SCOPE}."
            yield warning(name, meaning, GRANT)
            return
        trust, found = self.deployment.trust(), [*self.tenant.connections()]
        judged = {each: trust.believes(each.strategy, each.name) for each in found}
        believed, others = (
            [str(each) for each in found if judged[each] is wanted] for wanted in (True, False)
        )
        meaning = f"email_verified is believed of {_list(believed)}; not of {_list(others)}."
        if others and self.deployment.verified_email() is VerifiedEmail.REQUIRED:
            meaning += " Users of the latter never get a customer."
            yield warning(name, meaning, "docs/operations.md#a-person-gets-no-customer")
        else:
            yield good(name, meaning)
        # Of the default's many strategies a tenant has a few.
        known = {part for each in found for part in (each.name, each.strategy)}
        unknown = sorted(trust.names - known) if trust != Trust() else []
        if unknown:
            meaning = f"TrustedConnections has what the tenant does not: {_list(unknown)}."
            yield warning("trusted connections", meaning, DEPLOY)

    def actions(self) -> Iterator[Check]:
        """Look at each Action: its code, its runtime, its secrets."""
        yield from self._login()
        yield from self._registration()

    def _login(self) -> Iterator[Check]:
        name = self.config.action_name
        action = self.tenant.find(name)
        if action is None:
            yield bad("Action", f"The tenant has no Action {name}.", self._mend())
            return
        self._action = action
        yield from self._checked(action, LOGIN, "Action", self._mend())

    def _registration(self) -> Iterator[Check]:
        for trigger in REGISTRATION:
            name = action_name(self.config.action_name, trigger)
            action = self.tenant.at(trigger).find(name)
            if action is not None:
                label = f"Action ({trigger})"
                self._registered[trigger] = action
                yield from self._checked(action, trigger, label, self._mend(REGISTER))

    def _mend(self, install: str = INSTALL) -> str:
        """Return what mends the tenant's side: an install, or the tool that declares it."""
        return APPLY if self.config.is_declared else install

    def _checked(self, action: Action, trigger: str, label: str, fix: str) -> Iterator[Check]:
        fault = code_fault(action, digest(action_code(trigger)))
        tell = warning if fault in LATER else bad
        match fault:
            case Fault.NOT_DEPLOYED:
                yield tell(label, f"{action.name} is not deployed.", fix)
                return
            case Fault.OTHER_CODE:
                yield tell(f"{label}: code", "It is not this release's.", fix)
            case Fault.DRAFT:
                yield tell(f"{label}: code", "It has a draft that is not deployed.", fix)
            case _:
                yield good(f"{label}: code", "It is this release's, and deployed.")
        if runtime_fault(action):
            yield bad(f"{label}: runtime", f"{action.runtime} is too old.", fix)
        else:
            yield good(f"{label}: runtime", f"{action.runtime} has what the Action needs.")
        yield self._settings_of(action, trigger, f"{label}: secrets", fix)
        if trigger in DENYING:
            yield from self._texts_of(action, f"{label}: texts", fix)

    def _texts_of(self, action: Action, name: str, fix: str) -> Iterator[Check]:
        """Compare what the Action's own denials say with what the function's do."""
        texts, has = self.deployment.denial_texts, DENIAL_TEXTS in action.secrets
        note = self.secret().notes.get(action.id)
        if has and self.config.is_declared:
            meaning = f"It has {DENIAL_TEXTS}; whether they are the stack's, nobody can see."
            yield good(name, meaning)
        elif has and not texts:
            meaning = "It has texts for denials, and the stack's DenialTexts has none."
            yield warning(
                name, meaning, f"{DEPLOY}, with the same texts, or take {DENIAL_TEXTS} out"
            )
        elif texts and not has:
            meaning = (
                "Its own denials are in the built-in words, and not in the stack's DenialTexts."
            )
            yield warning(name, meaning, fix)
        elif texts and not (note and note.has_texts(action.secrets, texts)):
            meaning = f"Its {DENIAL_TEXTS} are not known to be the stack's DenialTexts."
            yield warning(name, meaning, fix)
        elif texts:
            yield good(name, "Its own denials are in the words of the stack's DenialTexts.")

    def _settings_of(self, action: Action, trigger: str, name: str, fix: str) -> Check:
        missing = missing_secrets(action)
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            return bad(name, f"{names_of(missing)} {verb} missing.", fix)
        secret = self.secret()
        if self.config.is_declared:
            return settings_check(action, trigger, self.deployment.outputs.url, secret, name)
        note = secret.notes.get(action.id)
        if note is None:
            meaning = "Whose they are cannot be told: no install of this release has set them."
            return bad(name, meaning, fix)
        changed = set_anew(action, note)
        if changed:
            meaning = (
                f"Set anew since install set them, to what nobody can see: {names_of(changed)}."
            )
            return bad(name, meaning, fix)
        url = endpoint(self.deployment.outputs.url, trigger)
        if note.settings not in {fingerprint(url, each) for each in secret.signing_secrets}:
            return bad(name, "They are not this stack's URL and signing secret.", fix)
        more = [each for each in action.secrets if each not in secrets_of(trigger)]
        besides = f" Set by hand, and not looked at: {names_of(more)}." if more else ""
        return good(name, f"Nobody has set them anew since install set this stack's.{besides}")

    def flow(self) -> Iterator[Check]:
        """Look at the places in the flows."""
        action = needed(self._action, "the Action", "Action")
        flow = [each.action_id for each in self.tenant.bindings()]
        verify = self.tenant.verify_email()
        match place_fault(flow, action.id, verify.id if verify else None):
            case Fault.NOT_BOUND:
                yield bad("Login flow", "The Action is not bound to it.", self._mend())
            case Fault.WRONG_ORDER if verify:
                meaning = f"{verify.name} stands behind the Action: nobody is asked to verify."
                fix = "Auth0's dashboard, Actions > Triggers > post-login: drag it before."
                yield bad("Login flow", meaning, fix)
            case _:
                place = flow.index(action.id) + 1
                yield good("Login flow", f"The Action is number {place} of {len(flow)}.")
        yield from self._bound_registration()

    def _bound_registration(self) -> Iterator[Check]:
        for trigger, action in self._registered.items():
            flow = [each.action_id for each in self.tenant.at(trigger).bindings()]
            if place_fault(flow, action.id):
                yield bad(f"{trigger} flow", "Its Action is not bound to it.", self._mend(REGISTER))
            else:
                yield good(f"{trigger} flow", "Its Action is bound to it.")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
