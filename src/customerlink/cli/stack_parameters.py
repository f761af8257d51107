"""The stack's parameters that `install` sets: what is wanted of each, and one update for all."""

import sys

import questionary

from customerlink.cli.deployment import VERIFIED_EMAIL, Deployment
from customerlink.cli.output import plain
from customerlink.cli.session import Session
from customerlink.cli.tenant_name import named_by, refuse_stranger
from customerlink.cli.verified_email import MEANING, wanted_policy
from customerlink.model.policy import VerifiedEmail
from customerlink.model.user import is_tenant

TENANTS = "Tenants"


def set_parameters(now: Session, policy: VerifiedEmail | None, *, dry_run: bool, yes: bool) -> None:
    """Let the stack have what is wanted: given, configured, or asked for at a terminal."""
    deployment = now.deployment()
    refuse_stranger(now.config, deployment.outputs.tenants)
    is_asked = not (dry_run or yes or now.output.as_json) and sys.stdin.isatty()
    wanted = {}
    if chosen := wanted_policy(now, deployment.verified_email(), policy, is_asked=is_asked):
        wanted[VERIFIED_EMAIL] = (str(chosen), MEANING[chosen])
    if tenant := wanted_tenant(now, deployment, is_asked=is_asked):
        wanted[TENANTS] = (tenant, "reports of other tenants are refused")
    if not wanted:
        return
    told = "; ".join(f"{name}={value}: {why}" for name, (value, why) in wanted.items())
    if dry_run:
        now.output.say(f"would update the stack: {told}")
        return
    now.confirm(f"Update the stack, {told}", yes=yes)
    now.output.step(f"update the stack, which takes some minutes: {told}")
    with now.output.busy("Updating the stack"):
        deployment.change_parameters({name: value for name, (value, _) in wanted.items()})


def wanted_tenant(now: Session, deployment: Deployment, *, is_asked: bool) -> str | None:
    """Return the name that `Tenants` is to have; None where it has one, or nobody is sure.

    Sure is who runs this and has said it, or a report: signed, it made a record in the ledger. A
    domain is none: a custom one says nothing, and Auth0's own is only offered.
    """
    if deployment.outputs.tenants or TENANTS not in deployment.outputs.parameters:
        return None
    said = {now.config.tenant} - {""}
    recorded = deployment.recorded_tenants()
    sure = said | recorded
    if not sure and is_asked:
        sure = _confirmed(named_by(now.config.domain))
    if len(sure) == 1:
        return next(iter(sure))
    known = f"; the ledger has records of {', '.join(sorted(recorded))}" if recorded else ""
    now.output.say(
        f"{TENANTS} stays empty: reports of any tenant with the secret are taken{known}."
    )
    return None


def _confirmed(guess: str | None) -> set[str]:
    """Ask for the name as `event.tenant.id` has it; nothing said, nothing set."""
    question = plain("The tenant's name in Auth0, which alone is to be served (empty: any)")
    said = questionary.text(question, default=guess or "").unsafe_ask().strip()
    return {said} if is_tenant(said) else set()
