"""The stack's `VerifiedEmail`: what each choice means, and who is asked."""

import questionary

from customerlink.cli.asking import answer
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


def wanted_policy(
    now: Session, current: VerifiedEmail | None, given: VerifiedEmail | None, *, is_asked: bool
) -> VerifiedEmail | None:
    """Return what `VerifiedEmail` is to be, if not what the stack has; say what it means."""
    wanted = given or _configured(now.config.verified_email)
    if current is None:
        if wanted is not None:
            text = "The stack is an earlier release's, which has no VerifiedEmail."
            raise CliError(text, "make build && sam deploy --guided")
        return None
    if wanted is None and is_asked:
        choices = [questionary.Choice(f"{each}: {MEANING[each]}", each) for each in VerifiedEmail]
        default = next(each for each in choices if each.value == current)
        asked = questionary.select("VerifiedEmail", choices=choices, default=default)
        wanted = VerifiedEmail(answer(asked))
    if wanted in (None, current):
        now.output.say(f"VerifiedEmail stays {current}: {MEANING[current]}.")
        return None
    return wanted


def _configured(value: str) -> VerifiedEmail | None:
    if value and value not in [*VerifiedEmail]:
        raise CliError("verified_email is neither optional nor required.", "", Exit.USAGE)
    return VerifiedEmail(value) if value else None
