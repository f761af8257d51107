"""Install where another tool declares the Actions: the stack's side, and what the tool gets."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from customerlink.cli.declared import hand_over, signing_secret_of
from customerlink.cli.installing import (
    Change,
    completed,
    key_to_store,
    show,
    stored_changes,
    tell,
    tell_installed,
)
from customerlink.cli.session import Session
from customerlink.cli.stack_parameters import StackUpdate
from customerlink.cli.stored_secret import StoredSecret
from customerlink.model.actions import LOGIN

MODE = 'actions = "declared" in customerlink.toml (docs/declared.md)'
NEXT = "Set what {} has by the tool that declares the Actions; then customerlink doctor."
MISSING = "--to-file FILE: what the tool that declares the Actions has to set (docs/declared.md)"

ToFile = Annotated[
    Path | None,
    typer.Option(
        "--to-file", help='Where to write what another tool has to set (actions = "declared").'
    ),
]


def install_declared(  # noqa: PLR0913 (what an install is made of)
    now: Session,
    to_file: Path | None,
    update: StackUpdate | None,
    set_up_watch: Callable[[list[Change]], list[Change]],
    confirm: Callable[[], None],
    *,
    dry_run: bool,
) -> None:
    """Store what the secret lacks, and hand over what the tool has to set; the tenant stays."""
    deployment, output = now.deployment, now.output
    with output.busy("Looking at the stack"):
        before = deployment.read_secret()
    key = None if before.stripe_key else key_to_store(now, dry_run=dry_run)
    wanted = completed(before, key)
    stored = list(stored_changes(before, wanted))
    changes = [*([update.change] if update else []), *stored]
    if dry_run:
        show(output, changes, in_full=True)
        tell(output, changes + set_up_watch(changes))
        return
    if changes:
        confirm()
    if update:
        update.carry_out(now)
    if stored:
        for each in stored:
            output.step(f"{each.kind}: {each.about}")
        deployment.write_secret(wanted)
    changes += set_up_watch(changes)
    url = deployment.outputs.url
    signing_secret = _in_use(now, url, wanted)
    if to_file:
        hand_over(to_file, url, signing_secret, deployment.denial_texts)
        output.step(f"write {to_file}")
    tell_installed(output, now.config, url, signing_secret, changes, [])
    output.say(NEXT.format(to_file) if to_file else MISSING)


def _in_use(now: Session, url: str, secret: StoredSecret) -> str:
    """Return the signing secret that the Action has: amid a rotation it need not be the first."""
    first = secret.signing_secrets[0]
    if len(secret.signing_secrets) == 1:
        return first
    action = now.tenant().find(now.config.action_name)
    return (action and signing_secret_of(action, LOGIN, url, secret)) or first
