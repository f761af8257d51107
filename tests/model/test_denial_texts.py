"""What somebody reads who is denied; the Actions' tests read the same tables."""

import json
import re
from typing import Any

import pytest
from tests.conftest import FIXTURES
from tests.translation import ROOT, TEMPLATE

from customerlink.model.denial_texts import BUILT_IN, DenialTexts, Helps, reference_in, reference_of
from customerlink.model.errors import ConfigurationError
from customerlink.model.instruction import Reason
from customerlink.model.locales import MAX_LOCALES, locale_list, locales
from customerlink.model.values import OddValueError
from customerlink.usecases.open_sign_up import PASSING

DOCUMENTS = json.loads((FIXTURES / "denial-texts.json").read_text())
CHOICES = json.loads((FIXTURES / "denial-choices.json").read_text())


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case["name"])
def test_documents(case: dict[str, Any]) -> None:
    """What is odd is refused with the field named, and nothing of its text."""
    try:
        DenialTexts.parse(case["document"])
        problem = None
    except ConfigurationError as error:
        problem = str(error)

    assert problem == case["problem"]


@pytest.mark.parametrize("case", CHOICES)
def test_choices(case: dict[str, Any]) -> None:
    """The best locale that there is; without one the shop's first, and the reference always."""
    texts = DenialTexts.parse(json.dumps(case["given"]))
    wanted = locales(" ".join(case["wanted"]))
    built_in = BUILT_IN[Helps.SUPPORT].get(case["built_in"], "").replace("{reference}", "R")

    assert texts.text(Reason.LINK_MISMATCH, wanted, "R") == (case["text"] or built_in)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_text(reason: Reason) -> None:
    """What passes by itself says to try again, a taken address to log in as before."""
    helps = Helps.TRY_AGAIN if reason in PASSING else Helps.SUPPORT
    helps = Helps.AS_BEFORE if reason is Reason.EMAIL_IN_USE else helps
    expected = BUILT_IN[helps]["de"].replace("{reference}", "R")

    assert DenialTexts().text(reason, ("de",), "R") == expected


def test_built_in_texts_are_whole() -> None:
    """Each class has each language, English first, and is what a shop could have written itself."""
    own = {
        locale: {helps.value: BUILT_IN[helps][locale] for helps in Helps}
        for locale in BUILT_IN[Helps.SUPPORT]
    }

    assert all([*texts] == ["en", "de", "es", "fr"] for texts in BUILT_IN.values())
    assert DenialTexts.parse(json.dumps(own)) == DenialTexts()
    with_reference = [helps for helps, texts in BUILT_IN.items() if "{reference}" in str(texts)]
    assert with_reference == [Helps.TRY_AGAIN, Helps.AS_BEFORE, Helps.SUPPORT]


def test_built_in_texts_are_the_actions_too() -> None:
    """Word by word, with the reasons' classes."""
    source = (ROOT / "src/actions/denial.js").read_text()
    [listed] = re.findall(r"^const BUILT_IN = \{$(.*?)^\};$", source, re.MULTILINE | re.DOTALL)
    texts = re.findall(r"^    [a-z]{2}: (['\"])(.*)\1,$", listed, re.MULTILINE)
    ours = [each.replace("\n", r"\n") for texts in BUILT_IN.values() for each in texts.values()]
    [reasons] = re.findall(r"^const BY_REASON = \{(.*)\};$", source, re.MULTILINE)

    assert [text for _, text in texts] == ours
    assert re.findall(r"^  (\w+): \{$", listed, re.MULTILINE) == [*BUILT_IN]
    told = {name: BUILT_IN[Helps(helps)] for name, helps in re.findall(r"(\w+): '(\w+)'", reasons)}
    for reason in Reason:
        expected = told.get(reason, BUILT_IN[Helps.SUPPORT])["en"].replace("{reference}", "R")
        assert DenialTexts().text(reason, (), "R") == expected


def test_the_page_about_them() -> None:
    """docs/denials.md: its example is taken by template and function, its classes are all."""
    page = (ROOT / "docs/denials.md").read_text()
    [example] = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", page, re.MULTILINE)
    pattern = TEMPLATE["Parameters"]["DenialTexts"]["AllowedPattern"]
    reasons = {name: each for each, when in rows for name in re.findall(r"`(\w+)`", when)}

    assert re.fullmatch(pattern, example.strip())
    assert not re.fullmatch(pattern, example.strip().replace("nl", "<b>"))
    assert "hat schon ein Konto" in DenialTexts.parse(example).text(Reason.EMAIL_IN_USE, (), "R")
    assert [each for each, _ in rows] == [*Helps]
    assert reasons == {
        "provisioning_failed": "try_again",
        "in_progress": "try_again",
        "email_in_use": "as_before",
    }


@pytest.mark.parametrize(
    ("message_id", "reference"),
    [("msg_1", "116B-88F1"), ("", "E3B0-C442"), ("\ud800", "91A6-81B9")],
)
def test_reference(message_id: str, reference: str) -> None:
    """It is short, always the same for a report, and nothing that is sent makes it raise."""
    assert reference_of(message_id) == reference


@pytest.mark.parametrize(
    "asked",
    [
        *("3F2A-91BC", " 3f2a91bc ", "3F2A 91BC", "Reference: 3F2A-91BC", "Référence : 3f2a-91bc"),
        "We could not create your account.\nPlease contact support.\nReference: 3F2A-91BC.",
    ],
)
def test_reference_as_it_was_copied(asked: str) -> None:
    """By itself or with the line, or the text, that it stands in."""
    assert reference_in(asked) == "3F2A-91BC"


@pytest.mark.parametrize(
    "asked",
    [
        *("", "3F2A-91B", "3F2A-91BCD", "13F2A-91BC", "0123456789abcdef", "3F2A-91BG"),
        *("auth0|3f2a91bc", "samlp|x:3f2a91bc", "ada@3f2a:91bc3f2a", "3F2A--91BC"),
    ],
)
def test_what_is_no_reference(asked: str) -> None:
    """Too short, too long, a digest, a user or an address."""
    assert reference_in(asked) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, ()),
        ("", ()),
        ("de-CH de en", ("de-ch", "de", "en")),
        ("  pt_BR  ", ("pt-br",)),
        ("de de DE", ("de",)),
        ("<b> x de;q=0.9 fr", ("fr",)),
        (" ".join(f"a{each}" for each in "bcdefghijklm"), tuple(f"a{each}" for each in "bcdefghi")),
    ],
)
def test_locales(value: object, read: tuple[str, ...]) -> None:
    """By blanks, each once, and so many; what is none is passed over."""
    assert locales(value) == read
    assert len(read) <= MAX_LOCALES
    assert locale_list(None if value is None else str(value).split()) == read


@pytest.mark.parametrize("value", [7, ["de"], {"a": "b"}, "de " * 100, "\ud800"])
def test_no_locales(value: object) -> None:
    """What is no text is odd, and counts as absent where a report is read."""
    with pytest.raises(OddValueError):
        locales(value)


@pytest.mark.parametrize("value", ["de", {"de": 1}, [7], ["de", None]])
def test_no_list_of_locales(value: object) -> None:
    """Nor is a text a list."""
    with pytest.raises(OddValueError):
        locale_list(value)
