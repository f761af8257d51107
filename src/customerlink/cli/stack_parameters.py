"""The stack's parameters that `install` sets: what is wanted of each, and one update for all."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import questionary

from customerlink.cli.asking import answer
from customerlink.cli.deployment import VERIFIED_EMAIL, Deployment
from customerlink.cli.installing import Change, Kind
from customerlink.cli.output import plain
from customerlink.cli.session import Session
from customerlink.cli.tenant_name import named_by, refuse_stranger
from customerlink.cli.verified_email import MEANING, wanted_policy
from customerlink.model.policy import VerifiedEmail
from customerlink.model.user import is_tenant

TENANTS = "Tenants"


@dataclass(frozen=True, slots=True)
class StackUpdate:
    """What the stack's parameters are to be, those of them that are not so."""

    values: Mapping[str, str]
    change: Change

    def carry_out(self, now: Session) -> None:
        """Update the stack, and wait for it."""
        now.output.step(f"{self.change.kind}, which takes some minutes: {self.change.about}")
        with now.output.busy("Updating the stack"):
            now.deployment.change_parameters(self.values)


def stack_update(
    now: Session, policy: VerifiedEmail | None, *, is_asked: bool
) -> StackUpdate | None:
    """Return what is wanted: given, configured, or, if it is, asked for at a terminal."""
    deployment = now.deployment
    refuse_stranger(now.config, deployment.outputs.tenants)
    asks = is_asked and not now.output.as_json and sys.stdin.isatty()
    wanted = {}
    if chosen := wanted_policy(now, deployment.verified_email(), policy, is_asked=asks):
        wanted[VERIFIED_EMAIL] = (str(chosen), MEANING[chosen])
    if tenant := wanted_tenant(now, deployment, is_asked=asks):
        wanted[TENANTS] = (tenant, "reports of other tenants are refused")
    if not wanted:
        return None
    told = "; ".join(f"{name}={value}: {why}" for name, (value, why) in wanted.items())
    values = {name: value for name, (value, _) in wanted.items()}
    return StackUpdate(values, Change(Kind.UPDATE_STACK, told))


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
    said = answer(questionary.text(question, default=guess or ""))
    return {said} if is_tenant(said) else set()
