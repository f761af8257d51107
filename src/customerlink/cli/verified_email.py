"""The stack's `VerifiedEmail`: what each choice means, who is asked, and its change."""

import sys

import questionary

from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.session import Session
from customerlink.model.policy import VerifiedEmail

MEANING = {
    VerifiedEmail.OPTIONAL: (
        "everybody gets a customer; whoever signs up with a stranger's address holds it"
    ),
    VerifiedEmail.REQUIRED: (
        "who has not verified the address is let in without a customer until then"
    ),
}
"""What each choice means, for who is asked."""


def choose(now: Session, given: VerifiedEmail | None, *, dry_run: bool, yes: bool) -> None:
    """Let the stack have what is wanted: given, configured, or asked for at a terminal."""
    deployment = now.deployment()
    is_asked = not (dry_run or yes or now.output.as_json)
    policy = _wanted(now, deployment.verified_email(), given, is_asked=is_asked)
    if policy is not None:
        _change(now, deployment, policy, dry_run=dry_run, yes=yes)


def _wanted(
    now: Session, current: VerifiedEmail | None, given: VerifiedEmail | None, *, is_asked: bool
) -> VerifiedEmail | None:
    """Return what `VerifiedEmail` is to be, if not what the stack has; say what it means."""
    wanted = given or _configured(now.config.verified_email)
    if current is None:
        if wanted is not None:
            text = "The stack is an earlier release's, which has no VerifiedEmail."
            raise CliError(text, "make build && sam deploy --guided")
        return None
    if wanted is None and is_asked and sys.stdin.isatty():
        choices = [questionary.Choice(f"{each}: {MEANING[each]}", each) for each in VerifiedEmail]
        default = next(each for each in choices if each.value == current)
        asked = questionary.select("VerifiedEmail", choices=choices, default=default).unsafe_ask()
        wanted = VerifiedEmail(asked)
    if wanted in (None, current):
        now.output.say(f"VerifiedEmail stays {current}: {MEANING[current]}.")
        return None
    return wanted


def _configured(value: str) -> VerifiedEmail | None:
    if value and value not in [*VerifiedEmail]:
        raise CliError("verified_email is neither optional nor required.", "", Exit.USAGE)
    return VerifiedEmail(value) if value else None


def _change(
    now: Session, deployment: Deployment, policy: VerifiedEmail, *, dry_run: bool, yes: bool
) -> None:
    """Update the stack, or say that it would be."""
    told = f"VerifiedEmail={policy}: {MEANING[policy]}"
    if dry_run:
        now.output.say(f"would update the stack: {told}")
        return
    now.confirm(f"Update the stack, {told}", yes=yes)
    now.output.step(f"update the stack: {told}")
    with now.output.busy("Updating the stack"):
        deployment.change_verified_email(policy)
