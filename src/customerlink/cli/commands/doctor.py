"""Doctor: each check a line, what it means, and the command that mends it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer

from customerlink.adapters.built_actions import action_code
from customerlink.cli.checks import Check, Verdict, bad, good, warning
from customerlink.cli.config import Config
from customerlink.cli.declared import APPLY, settings_check
from customerlink.cli.deployment import Deployment, StoredSecret
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.explain import explain
from customerlink.cli.probes import StripeProbe, self_test
from customerlink.cli.release import action_name, endpoint
from customerlink.cli.session import Json, session
from customerlink.cli.tenant import CONNECTIONS_SCOPE, GRANT, Tenant
from customerlink.cli.tenant_name import TO_SERVE, stranger
from customerlink.cli.watching import FIX, LET_GO, NOT_SET_UP, Watching, excess
from customerlink.model.action_faults import (
    LATER,
    Fault,
    code_fault,
    missing_secrets,
    place_fault,
    runtime_fault,
    set_anew,
)
from customerlink.model.actions import LOGIN, REGISTRATION, SIGNING_SECRET, URL, Action, digest
from customerlink.model.notes import fingerprint
from customerlink.model.policy import VerifiedEmail
from customerlink.model.signature import TOLERANCE_SECONDS
from customerlink.model.trust import Trust
from customerlink.model.watch_secret import SCOPE

SLOW_MILLISECONDS = 3000
INSTALL = "customerlink install"
REGISTER = f"{INSTALL} --registration"
RUNBOOK = "docs/operations.md#watch"
DEPLOY = "make build && sam deploy --guided"

app = typer.Typer()


@app.command(epilog="Example: customerlink doctor --json")
def doctor(
    context: typer.Context,
    *,
    probe_write: Annotated[
        bool,
        typer.Option("--probe-write", help="Create a customer, and delete it (test mode only)."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a deployment from end to end: what is wrong, what it means, and what mends it.

    Exit code 1 when a check is ✗.
    """
    now = session(context, as_json=as_json)
    patient = Doctor(now.config, now.deployment, now.tenant(), probe_write)
    made = now.output.checks(patient.checks())
    bad = sum(each.verdict is Verdict.BAD for each in made)
    warnings = sum(each.verdict is Verdict.WARNING for each in made)
    now.output.say("")
    now.output.say(f"{len(made)} checks, {bad} failed, {warnings} to look at.")
    now.output.document({"ok": not bad, "checks": [each.as_json() for each in made]})
    if bad:
        raise typer.Exit(Exit.FAILED)


@dataclass
class Doctor:
    """The checks of one deployment; what one of them needs of an earlier one is kept here."""

    config: Config
    deployment: Deployment
    tenant: Tenant
    probe_write: bool = False
    _secret: StoredSecret | None = None
    _action: Action | None = None
    _registered: dict[str, Action] = field(default_factory=dict)

    def checks(self) -> Iterator[Check]:
        """Make every check; one that cannot be made at all is a bad one, and the next follows."""
        parts: dict[str, Callable[[], Iterator[Check]]] = {
            # In this order: a later one needs what an earlier one found.
            "AWS credentials": self._credentials,
            "stack": self._stack,
            "verified email": self._verified_email,
            "secret": self._stored,
            "Stripe key": self._stripe,
            "Auth0 client": self._client,
            "connections": self._connections,
            "Action": self._actions,
            "Login flow": self._flow,
            "endpoint": self._endpoint,
            "watch": self._watch,
            "alarms": self._alarms,
            "open sign-ups": self._open,
        }
        for name, part in parts.items():
            try:
                yield from part()
                if name == "secret" and self._is_not_installed():
                    # All that follows is missing, and the same command mends it.
                    return
            except Exception as error:
                trouble = explain(error)
                # A bug is the program's, and no finding about the deployment.
                if trouble.code is Exit.BUG:
                    raise
                yield bad(name, trouble.message, trouble.fix)

    def _credentials(self) -> Iterator[Check]:
        account = self.deployment.account()
        yield good("AWS credentials", f"They are for the account {account}.")

    def _stack(self) -> Iterator[Check]:
        outputs = self.deployment.outputs
        yield good("stack", f"{self.deployment.stack} is deployed: {outputs.url}")
        yield _tenants(self.config, outputs.tenants, self.deployment.recorded_tenants())

    def _verified_email(self) -> Iterator[Check]:
        name, found = "verified email", self.deployment.verified_email()
        if found is VerifiedEmail.REQUIRED:
            yield good(name, "Customers are made for verified addresses only.")
        elif found is VerifiedEmail.OPTIONAL:
            meaning = "Whoever signs up with a stranger's address first holds it, unverified."
            yield warning(name, meaning, f"{INSTALL} --verified-email required")
        else:
            yield warning(name, "The stack is an earlier release's, without the choice.", DEPLOY)

    def _is_not_installed(self) -> bool:
        secret = self.deployment.read_secret()
        return not (secret.stripe_key or secret.signing_secrets)

    def _stored(self) -> Iterator[Check]:
        secret = self.deployment.read_secret()
        if self._is_not_installed():
            yield bad("secret", "Not installed yet: it is empty.", INSTALL)
            return
        for name, value in (
            ("stripe_restricted_key", secret.stripe_key),
            ("action_signing_secrets", secret.signing_secrets),
        ):
            if not value:
                yield bad("secret", f"Its field {name} is missing.", INSTALL)
                return
        self._secret = secret
        count = len(secret.signing_secrets)
        if count > 1:
            meaning = f"{count} signing secrets are valid: was a rotation interrupted?"
            yield warning("secret", meaning, "customerlink rotate signing-secret")
        else:
            yield good("secret", "It has the Stripe key and one signing secret.")
        yield _ticket_keys(secret)

    def _stripe(self) -> Iterator[Check]:
        key = self._needed(self._secret, "the secret").stripe_key
        probe = StripeProbe(str(key), self.config.stripe_api_base, self.config.mode)
        rotate = "customerlink rotate stripe-key"
        if probe.key.restricted:
            yield good("Stripe key", f"It is restricted, and for {self.config.mode} mode.")
        else:
            yield bad("Stripe key", "It is not restricted: it may do everything.", rotate)
        probe.list_customers()
        yield good("Stripe: list", "The key may list customers.")
        yield self._letter_case(probe)
        if self.probe_write:
            probe.create_and_delete()
            yield good("Stripe: create", "A customer was created and deleted.")
        if probe.may_read_charges():
            meaning = "The key may read charges, which nothing here needs."
            yield warning("Stripe: no more", meaning, rotate)
        else:
            yield good("Stripe: no more", "The key may not read charges.")

    @staticmethod
    def _letter_case(probe: StripeProbe) -> Check:
        name, rule = "Stripe: letter case", "Stripe's filter minds letter case"
        hidden, looked_at = probe.capitals()
        if hidden:
            who = f"{hidden} of the newest {looked_at} customers, whose addresses have capitals"
            return warning(name, f"{rule}: a sign-up cannot see {who}.", "customerlink verify")
        return good(name, f"{rule}; no address of the newest {looked_at} customers has capitals.")

    def _client(self) -> Iterator[Check]:
        missing = self.tenant.missing_scopes()
        if missing:
            yield bad("Auth0 client", f"It lacks {', '.join(missing)}.", GRANT)
        else:
            yield good("Auth0 client", "It has the scopes that install and rotate need.")

    def _connections(self) -> Iterator[Check]:
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

    def _actions(self) -> Iterator[Check]:
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

    def _settings_of(self, action: Action, trigger: str, name: str, fix: str) -> Check:
        missing = missing_secrets(action)
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            return bad(name, f"{_names(missing)} {verb} missing.", fix)
        secret = self._needed(self._secret, "the secret")
        if self.config.is_declared:
            return settings_check(action, trigger, self.deployment.outputs.url, secret, name)
        note = secret.notes.get(action.id)
        if note is None:
            meaning = "Whose they are cannot be told: no install of this release has set them."
            return bad(name, meaning, fix)
        changed = set_anew(action, note)
        if changed:
            meaning = f"Set anew since install set them, to what nobody can see: {_names(changed)}."
            return bad(name, meaning, fix)
        url = endpoint(self.deployment.outputs.url, trigger)
        if note.settings not in {fingerprint(url, each) for each in secret.signing_secrets}:
            return bad(name, "They are not this stack's URL and signing secret.", fix)
        more = [each for each in action.secrets if each not in (URL, SIGNING_SECRET)]
        besides = f" Set by hand, and not looked at: {_names(more)}." if more else ""
        return good(name, f"Nobody has set them anew since install set this stack's.{besides}")

    def _flow(self) -> Iterator[Check]:
        action = self._needed(self._action, "the Action")
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

    def _endpoint(self) -> Iterator[Check]:
        secret = self._needed(self._secret, "the secret")
        # Amid a rotation the first: a function that has not fetched the secret anew knows no other.
        result = self_test(self.deployment.outputs.url, secret.signing_secrets[0])
        if not result.passed:
            meaning = f"It answered the self-test with {result.status} {result.reason}."
            yield bad("endpoint", meaning, "docs/operations.md has a runbook for each answer")
            return
        took = f"{result.milliseconds:.0f} ms"
        if result.milliseconds > SLOW_MILLISECONDS:
            yield warning(
                "endpoint", f"It answered the self-test in {took}.", "docs/operations.md#slow"
            )
        else:
            yield good("endpoint", f"It answered the signed self-test in {took}.")
        # Long before a signature would be refused for it.
        if result.skew is not None and abs(result.skew) > TOLERANCE_SECONDS / 10:
            meaning = f"This machine's clock and the endpoint's are {abs(result.skew):.0f} s apart."
            yield warning("clock", meaning, "timedatectl set-ntp true")

    def _watch(self) -> Iterator[Check]:
        if self.deployment.outputs.watch_secret_name is None:
            meaning = "The stack has none: nobody notices that another tool unbinds the Action."
            yield warning("watch", meaning, f"{DEPLOY}, with Watch=yes")
            return
        watch = self.deployment.read_watch()
        if watch is None:
            yield bad("watch", NOT_SET_UP, FIX)
            return
        if watch.client.url != self.config.auth0_url():
            yield warning("watch", "It looks at another tenant.", FIX)
            return
        watching = Watching(self.deployment, self.tenant, self.config)
        more = excess(watch.client)
        if more:
            meaning = f"Its client may do more than {SCOPE}: {_names(more)}."
            yield bad("watch", meaning, "Take these from it in Auth0's dashboard.")
        elif lost := watching.lost(watch):
            meaning = f"It looks for what the tenant does not have: {_names(lost)}."
            yield bad("watch", meaning, f"{REGISTER}, or {LET_GO}")
        elif watch != watching.wanted(watch.client):
            yield bad("watch", "It is told to look for something else than is installed.", INSTALL)
        else:
            yield good("watch", f"It may do {SCOPE} alone, and knows what is installed.")
        yield self._last_look()

    def _last_look(self) -> Check:
        match self.deployment.last_watch():
            case None:
                meaning = "None in a quarter of an hour; a new one takes five minutes."
                return warning("watch: last run", meaning, RUNBOOK)
            case healthy if healthy < 1:
                return bad("watch: last run", "It found something wrong.", RUNBOOK)
        return good("watch: last run", "It found everything as it was installed.")

    def _alarms(self) -> Iterator[Check]:
        alarms = self.deployment.alarms()
        if not alarms:
            yield warning("alarms", "The stack has none.", DEPLOY)
            return
        off = sorted(name for name, state in alarms.items() if state == "ALARM")
        if off:
            yield bad("alarms", f"In alarm: {', '.join(off)}.", "docs/operations.md has a runbook")
        else:
            yield good("alarms", f"None of {len(alarms)} is in alarm.")

    def _open(self) -> Iterator[Check]:
        count = self.deployment.open_sign_ups()
        if count:
            meaning = f"{count} have been open for more than 15 minutes."
            yield warning("open sign-ups", meaning, "docs/operations.md#open-sign-ups")
        else:
            yield good("open sign-ups", "None has been open for more than 15 minutes.")

    @staticmethod
    def _needed[Part](part: Part | None, name: str) -> Part:
        if part is None:
            raise CliError(f"It could not be checked without {name}.", "Mend that one first.")
        return part


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _tenants(config: Config, served: Collection[str], recorded: Collection[str]) -> Check:
    fix = "sam deploy --guided: the parameter Tenants"
    if name := stranger(config, served):
        meaning = f"The stack serves {_names(served)} alone: every report of {name} is refused."
        return bad("tenants", meaning, TO_SERVE)
    if not served:
        meaning = "The stack names none: it takes reports of every tenant that has the secret."
        return warning("tenants", meaning, fix)
    others = sorted({*recorded} - {*served})
    if others:
        meaning = f"The ledger has records of {_names(others)}, which the stack does not serve."
        return warning("tenants", meaning, fix)
    return good("tenants", f"The stack serves {_names(served)} alone.")


def _names(names: Iterable[str]) -> str:
    return " and ".join(names)


def _ticket_keys(secret: StoredSecret) -> Check:
    name, count = "link tickets", len(secret.ticket_keys)
    if not count:
        return warning(name, "The secret has no key for them: nobody is sent to link.", INSTALL)
    if count > 1:
        meaning = f"{count} keys are valid: was a rotation interrupted?"
        return warning(name, meaning, "customerlink rotate ticket-key")
    return good(name, "The secret has one key for them.")
