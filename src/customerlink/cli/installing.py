"""What an install changes, whoever puts the Actions in: the kinds, and the stack's side of them."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from customerlink.cli.config import Config
from customerlink.cli.errors import CliError
from customerlink.cli.next_steps import next_steps
from customerlink.cli.output import Output
from customerlink.cli.probes import checked, self_test
from customerlink.cli.session import Session, stripe_key_given
from customerlink.cli.stored_secret import StoredSecret, new_signing_secret
from customerlink.model.counted import counted
from customerlink.model.tickets import new_ticket_key


class Kind(StrEnum):
    """The kinds of changes, in the order in which they are made."""

    UPDATE_STACK = "update the stack"
    STORE_KEY = "store the Stripe key"
    STORE_SIGNING_SECRET = "store a signing secret"  # noqa: S105 (a sentence)
    STORE_LOG_KEY = "store the key of users' names in logs"
    STORE_TICKET_KEY = "store a key for link tickets"
    STORE_SELF_TEST_KEY = "store a key for self-tests"
    CREATE_ACTION = "create the Action"
    UPDATE_ACTION = "update the Action"
    DEPLOY_ACTION = "deploy the Action"
    BIND_ACTION = "bind the Action to its flow"
    SET_UP_WATCH = "tell the watch what to look for"
    ENROL = "enrol the users who are there"
    CREATE_DESTINATION = "create Stripe's event destination"
    STORE_TOKEN = "store a token for Auth0's events"  # noqa: S105 (a sentence)
    CREATE_STREAM = "create Auth0's event stream"
    ENABLE_STREAM = "enable Auth0's event stream"
    DISABLE_STREAM = "disable Auth0's event stream"
    LET_GO_OF_SOURCES = "take both event sources out of the stack"
    CLOSE_ROUTES = "close the stack's routes for events"
    DELETE_DESTINATION = "delete Stripe's event destination"
    DELETE_STREAM = "delete Auth0's event stream"
    DELETE_CANARY = "delete the customer that was changed for beats"


STORED = (
    Kind.STORE_KEY,
    Kind.STORE_SIGNING_SECRET,
    Kind.STORE_LOG_KEY,
    Kind.STORE_TICKET_KEY,
    Kind.STORE_SELF_TEST_KEY,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change: what it is about, and a diff for code and bindings."""

    kind: Kind
    about: str
    diff: tuple[str, ...] = ()

    def size(self) -> str:
        """Return how many lines of code are new, and gone; nothing for what is no code."""
        if self.kind not in {Kind.CREATE_ACTION, Kind.UPDATE_ACTION}:
            return ""
        # Behind the two lines that name both sides.
        new, gone = (sum(line[:1] == each for line in self.diff[2:]) for each in "+-")
        return f" ({counted(new, 'line')} new, {gone:,} gone; --diff shows them)"


def key_to_store(now: Session, *, dry_run: bool) -> str | None:
    """Ask for the Stripe key, and try it; None for a dry run."""
    if dry_run:
        now.output.say("The stack has no Stripe key yet: install will ask for one.")
        return None
    key = checked(stripe_key_given(now.output), now.config.mode).value
    # Before it is stored: the first to meet a bad one would be somebody who signs up.
    with now.output.busy("Asking Stripe"):
        now.probe(key).list_customers()
    return key


def completed(stored: StoredSecret, stripe_key: str | None) -> StoredSecret:
    """Return the deployment's secret with all that it lacks; `stripe_key` is one to store."""
    secret = stored.with_log_key()
    if stripe_key:
        secret = secret.with_key(stripe_key)
    if not secret.signing_secrets:
        secret = secret.with_signing(new_signing_secret())
    if not secret.ticket_keys:
        secret = secret.with_ticket_keys(new_ticket_key(time.time()))
    return secret.with_self_test_key()


def stored_changes(before: StoredSecret, after: StoredSecret) -> Iterator[Change]:
    """Name what is to be stored in Secrets Manager."""
    if after.stripe_key != before.stripe_key:
        yield Change(Kind.STORE_KEY, "in Secrets Manager")
    if after.signing_secrets != before.signing_secrets:
        yield Change(Kind.STORE_SIGNING_SECRET, "in Secrets Manager")
    if after.others != before.others:
        yield Change(Kind.STORE_LOG_KEY, "in Secrets Manager")
    if after.ticket_keys != before.ticket_keys:
        yield Change(Kind.STORE_TICKET_KEY, "in Secrets Manager")
    if after.self_test_key != before.self_test_key:
        yield Change(Kind.STORE_SELF_TEST_KEY, "in Secrets Manager")


def tell_installed(  # noqa: PLR0913, PLR0917 (what it tells of)
    output: Output,
    config: Config,
    url: str,
    signing_secret: str,
    changes: list[Change],
    rows: list[tuple[str, str]],
) -> None:
    """Send a self-test, and tell what was installed and how it answers."""
    with output.busy("Sending a self-test"):
        result = self_test(url, signing_secret)
    answer = f"{result.status} {result.reason}, {result.milliseconds:.0f} ms"
    output.table(
        "Done." if changes else "Nothing to do: everything is in place.",
        [*rows, ("endpoint", url), ("self-test", answer)],
    )
    output.document(
        {
            "changes": [each.kind for each in changes],
            "url": url,
            "self_test": {"passed": result.passed, "answer": answer},
        }
    )
    if result.passed and changes:
        output.table("Next:", next_steps(config))
    if not result.passed:
        text = "The endpoint did not pass the self-test."
        raise CliError(text, "Wait five minutes after a new secret; then customerlink doctor.")


def show(output: Output, changes: Iterable[Change], *, in_full: bool = True) -> None:
    """Print what would be changed; of code, how much, unless all of it is asked for."""
    for each in changes:
        output.say(f"would {each.kind}: {each.about}{each.size()}")
        if in_full:
            output.diff(each.diff)


def tell(
    output: Output, changes: Sequence[Change], nothing: str = "everything is in place"
) -> None:
    """End a dry run; `nothing` is why there may be nothing to do."""
    if not changes:
        output.say(f"Nothing to do: {nothing}.")
    told = [{"kind": each.kind, "about": each.about, "diff": list(each.diff)} for each in changes]
    output.document({"dry_run": True, "changes": told})
