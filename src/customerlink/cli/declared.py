"""Actions that another tool declares: what it has to set, and what is known of what it has set.

The tool writes a print of the settings into the last line of the Action's code, in the same run in
which it sets the secrets. A note (`customerlink.model.notes`) goes before it, while the times that
it holds stand: the code may be put in again from an older export, which holds no secrets.
"""

import shlex
from pathlib import Path

from customerlink.cli.checks import Check, bad, good
from customerlink.cli.private_files import replacing
from customerlink.cli.release import endpoint
from customerlink.cli.stored_secret import StoredSecret
from customerlink.model.action_faults import is_declared, set_apart, standing
from customerlink.model.actions import (
    DENIAL_TEXTS,
    LOGIN,
    SIGNING_SECRET,
    TRIGGERS,
    URL,
    Action,
    declared_settings,
)
from customerlink.model.notes import Note, fingerprint

API, PRINT = "CUSTOMERLINK_API", "CUSTOMERLINK_PRINT"
"""The endpoints' common beginning, and the print: beside the signing secret, what a tool gets."""

_ESCAPES = {"\n": " ", "\r": " ", "'": "\\u0027", "$": "\\u0024"}

API_VARIABLE, SECRET_VARIABLE = "customerlink_api", "customerlink_signing_secret"
TEXTS_VARIABLE = "customerlink_denial_texts"
"""As Terraform has them, which computes the print."""
NO_TEXTS = "{}"
"""The texts of a stack that has none: an Action takes them for none as well."""

APPLY = "Import or apply again what declares the Actions (docs/declared.md)."
HAND_OVER = "customerlink install --to-file FILE, then import or apply with it (docs/declared.md)"


def handed_over(url: str, signing_secret: str, texts: str = "") -> str:
    """Return the tool's variables, as a shell reads them: a0deploy's keywords, and Terraform's.

    `texts` are what the stack's denials say, if it has any; without them a tool would go on with
    those that it had before.
    """
    api, said = url.removesuffix(f"/{LOGIN}"), _inert(texts or NO_TEXTS)
    given = {
        API: api,
        SIGNING_SECRET: signing_secret,
        PRINT: fingerprint(url, signing_secret),
        DENIAL_TEXTS: said,
        f"TF_VAR_{API_VARIABLE}": api,
        f"TF_VAR_{SECRET_VARIABLE}": signing_secret,
        f"TF_VAR_{TEXTS_VARIABLE}": said,
    }
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in given.items())


def _inert(texts: str) -> str:
    """Return JSON as the same on one line, without what a shell or a tool may read as its own.

    auth0-deploy-cli puts it into YAML as it stands, by JavaScript's `replace`, to which `$` means
    something.
    """
    return "".join(_ESCAPES.get(each, each) for each in texts)


def hand_over(file: Path, url: str, signing_secret: str, texts: str = "") -> None:
    """Write the variables into a file that nobody else may read."""
    with replacing(file) as part:
        part.write_text(handed_over(url, signing_secret, texts), encoding="utf-8")


def signing_secret_of(action: Action, trigger: str, url: str, secret: StoredSecret) -> str | None:
    """Return which of the stack's signing secrets an Action has; None where it is none of them.

    `url` is the Login flow's. Nobody can read the Action's secret itself.
    """
    note = standing_note(action, secret)
    if note is None:
        told, at = declared_settings(action.deployed_code), url
    else:
        told, at = note.settings, endpoint(url, trigger)
    prints = {fingerprint(at, each): each for each in secret.signing_secrets}
    return prints.get(told or "")


def standing_note(action: Action, secret: StoredSecret) -> Note | None:
    """Return what was noted of what logins run with, unless that was set anew since."""
    return standing(action, secret.notes.get(action.id))


def valid_prints(url: str, secret: StoredSecret) -> tuple[str, ...]:
    """Return the prints of all settings that the stack takes: what a tool, or a note, may say."""
    return tuple(
        fingerprint(endpoint(url, trigger), each)
        for trigger in TRIGGERS
        for each in secret.signing_secrets
    )


def settings_check(
    action: Action, trigger: str, url: str, secret: StoredSecret, name: str
) -> Check:
    """Tell whether the tool has set this stack's URL and one of its signing secrets."""
    has_note = standing_note(action, secret) is not None
    if not has_note and declared_settings(action.deployed_code) is None:
        meaning = "Whose they are cannot be told: the code has no line about its settings."
        return bad(name, meaning, "customerlink export, and import or apply that")
    if not (has_note or is_declared(action)):
        return bad(name, "They were imported without their values.", HAND_OVER)
    if signing_secret_of(action, trigger, url, secret) is None:
        return bad(name, f"They are not this stack's {URL} and {SIGNING_SECRET}.", HAND_OVER)
    if not has_note and (later := set_apart(action)):
        meaning = f"Set by hand after the other, to what nobody can see: {later}."
        return bad(name, meaning, APPLY)
    return good(name, "They are this stack's, as the tool says that set them.")
