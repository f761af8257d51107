"""Doctor: each check a line, what it means, and the command that mends it."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from customerlink.cli.checks import (
    DEPLOY,
    INSTALL,
    Check,
    Verdict,
    bad,
    good,
    names_of,
    needed,
    stopped,
    warning,
)
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.doctor_stripe import StripeLooks
from customerlink.cli.doctor_sync import SyncLooks
from customerlink.cli.doctor_tenant import TenantLooks
from customerlink.cli.doctor_watch import WatchLooks
from customerlink.cli.errors import Exit
from customerlink.cli.explain import explain
from customerlink.cli.probes import self_test
from customerlink.cli.session import Json, session
from customerlink.cli.stored_secret import StoredSecret
from customerlink.cli.tenant import Tenant
from customerlink.cli.tenant_name import TO_SERVE, stranger
from customerlink.cli.verbs import CHANGES
from customerlink.model.counted import counted
from customerlink.model.policy import VerifiedEmail
from customerlink.model.signature import TOLERANCE_SECONDS

SLOW_MILLISECONDS = 3000

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

    Exit code 1 when a check is ✗. What an interrupted --probe-write left, the next one deletes.
    """
    context.meta[CHANGES] = probe_write
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

    def checks(self) -> Iterator[Check]:
        """Make every check; one that cannot be made at all is a bad one, and the next follows."""
        stripe = StripeLooks(self.config, self.deployment, self._stored_secret, self.probe_write)
        auth0 = TenantLooks(self.config, self.deployment, self.tenant, self._stored_secret)
        watch = WatchLooks(self.config, self.deployment, self.tenant)
        sync = SyncLooks(self.config, self.deployment, self.tenant)
        parts: dict[str, Callable[[], Iterator[Check]]] = {
            # In this order: a later one needs what an earlier one found.
            "AWS credentials": self._credentials,
            "stack": self._stack,
            "tenants": self._tenants,
            "verified email": self._verified_email,
            "secret": self._stored,
            "link tickets": self._tickets,
            "Stripe key": stripe.key,
            "Stripe: list": stripe.listed,
            "Stripe: letter case": stripe.letter_case,
            "Stripe: tenant": stripe.tenants,
            "Stripe: create": stripe.created,
            "Stripe: no more": stripe.charges,
            "Auth0 client": auth0.client,
            "connections": auth0.connections,
            "Action": auth0.actions,
            "Login flow": auth0.flow,
            "endpoint": self._endpoint,
            "watch": watch.watch,
            "sync": sync.sync,
            "alarms": self._alarms,
            "open sign-ups": self._open,
        }
        causes: dict[str, str] = {}
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
                yield stopped(name, trouble, causes)

    def _credentials(self) -> Iterator[Check]:
        account = self.deployment.account()
        yield good("AWS credentials", f"They are for the account {account}.")

    def _stack(self) -> Iterator[Check]:
        yield good("stack", f"{self.deployment.stack} is deployed: {self.deployment.outputs.url}")

    def _tenants(self) -> Iterator[Check]:
        served = self.deployment.outputs.tenants
        yield _tenants(self.config, served, self.deployment.recorded_tenants())

    def _verified_email(self) -> Iterator[Check]:
        name, found = "verified email", self.deployment.verified_email()
        if found is VerifiedEmail.REQUIRED:
            yield good(name, "Customers are made for verified addresses only.")
        elif found is VerifiedEmail.OPTIONAL:
            meaning = "Whoever signs up with a stranger's address first holds it, unverified."
            yield warning(name, meaning, f"{INSTALL} --verified-email required")
        else:
            yield warning(name, "The stack is an earlier release's, without the choice.", DEPLOY)

    def _stored_secret(self) -> StoredSecret:
        return needed(self._secret, "the secret", "secret")

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

    def _tickets(self) -> Iterator[Check]:
        yield _ticket_keys(self._stored_secret())

    def _endpoint(self) -> Iterator[Check]:
        secret = self._stored_secret()
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
            have = counted(count, "sign-up has", "sign-ups have")
            meaning = f"{have} been open for more than 15 minutes."
            yield warning("open sign-ups", meaning, "docs/operations.md#open-sign-ups")
        else:
            yield good("open sign-ups", "None has been open for more than 15 minutes.")


def _tenants(config: Config, served: Collection[str], recorded: Collection[str]) -> Check:
    fix = "sam deploy --guided: the parameter Tenants"
    if name := stranger(config, served):
        meaning = f"The stack serves {names_of(served)} alone: every report of {name} is refused."
        return bad("tenants", meaning, TO_SERVE)
    if not served:
        meaning = "The stack names none: it takes reports of every tenant that has the secret."
        return warning("tenants", meaning, fix)
    others = sorted({*recorded} - {*served})
    if others:
        meaning = f"The ledger has records of {names_of(others)}, which the stack does not serve."
        return warning("tenants", meaning, fix)
    return good("tenants", f"The stack serves {names_of(served)} alone.")


def _ticket_keys(secret: StoredSecret) -> Check:
    name, count = "link tickets", len(secret.ticket_keys)
    if not count:
        return warning(name, "The secret has no key for them: nobody is sent to link.", INSTALL)
    if count > 1:
        meaning = f"{count} keys are valid: was a rotation interrupted?"
        return warning(name, meaning, "customerlink rotate ticket-key")
    return good(name, "The secret has one key for them.")
