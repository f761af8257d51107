"""What somebody reads who is denied: by what helps, in a language of theirs, with a reference."""

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum

from customerlink.model.documents import json_object
from customerlink.model.errors import ConfigurationError
from customerlink.model.frozen import field, frozen
from customerlink.model.instruction import Reason
from customerlink.model.locales import LOCALE, Locales, best, normal
from customerlink.model.seen_text import has_unseen, is_seen

LONGEST_TEXT = 500
"""Characters: the text is part of an address, where one may take nine."""

REFERENCE = "{reference}"
"""In a text, where the reference is put; in one that has it nowhere, it is put behind."""

REFERENCE_FIELD = "reference"
"""A log line's field: what somebody reads who was denied by it."""

# The shop may put the text into a page, where it could do something.
_MARKUP = r"[<>]|&#?\w+;"
_REFERENCE_DIGITS = 8
# Behind what stands before it in the text, where somebody has copied that too.
_REFERENCE = r"(?:[^|@]*[\s:])?([0-9A-Fa-f]{4})[ -]?([0-9A-Fa-f]{4})\.?"


class Helps(StrEnum):
    """What helps somebody who is denied; each is a class of texts."""

    TRY_AGAIN = "try_again"
    """A minute: an outage, or another of their log-ins."""
    AS_BEFORE = "as_before"
    """The way in which they logged in before: their address has a customer."""
    SUPPORT = "support"
    """Nothing that they could do by themselves."""
    LOG_IN_AGAIN = "log_in_again"
    """After the shop's linking page; the Action says it, and nothing has failed."""


_BY_REASON = {
    Reason.PROVISIONING_FAILED: Helps.TRY_AGAIN,
    Reason.IN_PROGRESS: Helps.TRY_AGAIN,
    Reason.EMAIL_IN_USE: Helps.AS_BEFORE,
}

type Texts = Mapping[str, str]
"""A class's texts by their locales; the first is for whoever reads none of them."""

# Those of src/actions/denial.js, to which a test holds them.
BUILT_IN: Mapping[Helps, Texts] = {
    Helps.TRY_AGAIN: {
        "en": "Something did not work on our side.\n"
        "Please log in again in a minute.\nReference: {reference}",
        "de": "Bei uns hat etwas nicht funktioniert.\n"
        "Bitte melden Sie sich in einer Minute noch einmal an.\nReferenz: {reference}",
        "es": "Algo no ha funcionado por nuestra parte.\n"
        "Vuelva a iniciar sesión dentro de un minuto.\nReferencia: {reference}",
        "fr": "Un problème est survenu de notre côté.\n"
        "Veuillez vous reconnecter dans une minute.\nRéférence : {reference}",
    },
    Helps.AS_BEFORE: {
        "en": "Your email address is in use already.\n"
        "Please log in the way you did before, or contact support.\nReference: {reference}",
        "de": "Ihre E-Mail-Adresse wird bereits verwendet.\n"
        "Bitte melden Sie sich so an wie bisher, oder wenden Sie sich an den Support.\n"
        "Referenz: {reference}",
        "es": "Su dirección de correo electrónico ya está en uso.\n"
        "Inicie sesión como lo hizo antes o póngase en contacto con el servicio de asistencia.\n"
        "Referencia: {reference}",
        "fr": "Votre adresse e-mail est déjà utilisée.\n"
        "Veuillez vous connecter comme auparavant ou contacter l'assistance.\n"
        "Référence : {reference}",
    },
    Helps.SUPPORT: {
        "en": "We could not create your account.\n"
        "Please contact support for assistance.\nReference: {reference}",
        "de": "Wir konnten Ihr Konto nicht anlegen.\n"
        "Bitte wenden Sie sich an den Support.\nReferenz: {reference}",
        "es": "No hemos podido crear su cuenta.\n"
        "Póngase en contacto con el servicio de asistencia.\nReferencia: {reference}",
        "fr": "Nous n'avons pas pu créer votre compte.\n"
        "Veuillez contacter l'assistance.\nRéférence : {reference}",
    },
    Helps.LOG_IN_AGAIN: {
        "en": "Please log in again.",
        "de": "Bitte melden Sie sich noch einmal an.",
        "es": "Vuelva a iniciar sesión.",
        "fr": "Veuillez vous reconnecter.",
    },
}


@frozen
class DenialTexts:
    """A deployment's texts, and behind them the built-in ones."""

    texts: Mapping[Helps, Texts] = field(default_factory=lambda: BUILT_IN)

    @classmethod
    def parse(cls, document: str) -> "DenialTexts":
        """Read `{locale: {class: text}}`; a `ConfigurationError` names the field that is wrong."""
        read = json_object(document)
        if isinstance(read, str):
            raise ConfigurationError(read)
        given: dict[Helps, dict[str, str]] = {helps: {} for helps in Helps}
        for locale, texts in read.items():
            for helps, text in _of_locale(locale, texts).items():
                if normal(locale) in given[helps]:
                    raise ConfigurationError(f"has {normal(locale)} twice")
                given[helps][normal(locale)] = text
        # Before the built-in ones: the first is for whoever reads none of them.
        return cls({helps: own | _others(helps, own) for helps, own in given.items()})

    def text(self, reason: Reason, wanted: Locales, reference: str) -> str:
        """Return what somebody reads who was denied for a reason."""
        found = best(self.texts[_BY_REASON.get(reason, Helps.SUPPORT)], wanted)
        if REFERENCE not in found:
            return f"{found}\n{reference}"
        return found.replace(REFERENCE, reference)


def reference_of(message_id: str) -> str:
    """Return what a report is called that has this `webhook-id`, by a person to a person.

    Action and function make it alike, and nothing of the id, or of anybody, can be had from it.
    """
    digits = (
        hashlib.sha256(message_id.encode("utf-8", "surrogatepass"))
        .hexdigest()[:_REFERENCE_DIGITS]
        .upper()
    )
    return f"{digits[:4]}-{digits[4:]}"


def reference_in(asked: str) -> str | None:
    """Return the reference that somebody has read out or copied; None for what is none."""
    found = re.fullmatch(_REFERENCE, asked.strip())
    return f"{found[1]}-{found[2]}".upper() if found else None


def _others(helps: Helps, own: Texts) -> dict[str, str]:
    return {locale: text for locale, text in BUILT_IN[helps].items() if locale not in own}


def _of_locale(locale: str, texts: object) -> dict[Helps, str]:
    if not re.fullmatch(LOCALE, locale):
        raise ConfigurationError("has a name that is no locale")
    if not isinstance(texts, dict) or not texts:
        raise ConfigurationError(f"has no texts for {normal(locale)}")
    unknown = [each for each in texts if each not in {*Helps}]
    if unknown:
        raise ConfigurationError(f"has an unknown class for {normal(locale)}")
    return {Helps(name): _text(f"{normal(locale)}.{name}", text) for name, text in texts.items()}


def _text(path: str, value: object) -> str:
    if not isinstance(value, str) or not is_seen(value):
        raise ConfigurationError(f"has no text for {path}")
    if len(value) > LONGEST_TEXT:
        raise ConfigurationError(f"has more than {LONGEST_TEXT} characters for {path}")
    if has_unseen(value):
        raise ConfigurationError(f"has a character that is no text for {path}")
    if re.search(_MARKUP, value):
        raise ConfigurationError(f"has markup for {path}")
    return value
