"""The page's frame: name, colours, languages, and the address that was written to."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest
from tests.translation import ROOT, TEMPLATE

from customerlink.functions.page_look import COLOURS, LONGEST_NAME, NAME, PAGES, Look, look_of

TEXTS = json.loads((PAGES / "verify-email.json").read_text())


UNSEEN = (
    *("\u3164", "\u2800", "\u115f\u1160", "\uffa0", "\u200f", "\u200b", "\ufe0f", "A\nB"),
    *("A\u00adda", "A\u202edb", "A\u2066B", "A\ufeff", "A\u034fB", "A\U000e0041", "A \u200dB"),
)
"""Names that are empty to the eye, or have what nobody sees."""


PERSIAN = "\u06a9\u062a\u0627\u0628\u200c\u062e\u0627\u0646\u0647"
"""A word with a joiner inside, which it needs."""


def shown(name: str = "", colours: str = "") -> str:
    """Return a page with a name and colours that are good."""
    look, odd = look_of({NAME: name, COLOURS: colours})
    assert odd == ()
    return look.page("de", "Titel", "<p>x</p>")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ada & Söhne", "Ada &amp; Söhne"),
        ('A "B" $title ${main}', "A &quot;B&quot; $title ${main}"),
        ("<b>Ada</b>", "&lt;b&gt;Ada&lt;/b&gt;"),
        ("  Ada  ", "Ada"),
        (PERSIAN, PERSIAN),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_name(name: str, text: str) -> None:
    """It is shown as text, whatever it is."""
    assert f'<p class="shop">{text}</p>' in shown(name)


@pytest.mark.parametrize("name", ["", "   "])
def test_no_name(name: str) -> None:
    """Nothing is shown for it."""
    assert 'class="shop"' not in shown(name)


@pytest.mark.parametrize(
    ("colours", "rules"),
    [
        ("#000000", ["a.button { background: #000000; border-color: #000000; color: #fff; }"]),
        ("#ffd700", ["color: #000; }"]),
        ("#0b57d0", ["color: #fff; }"]),
        ("#777777", ["color: #000; }"]),
        ("#757575", ["color: #fff; }"]),
        ("#ffd700,#101010", [":root { color-scheme: dark; }", "body { background: #101010; color"]),
        ("#ffd700, #FAFAFA", [":root { color-scheme: light; }", "background: #FAFAFA"]),
    ],
)
def test_colours(colours: str, rules: list[str]) -> None:
    """The text on each is black or white, whichever is read better."""
    assert [each for each in rules if each not in shown(colours=colours)] == []


@pytest.mark.parametrize(
    ("name", "colours", "odd"),
    [
        ("x" * (LONGEST_NAME + 1), "", [NAME]),
        ("Ada\nLovelace", "", [NAME]),
        ("Ada\u202e", "", [NAME]),
        ("Ada\ud800", "", [NAME]),
        ("", "red", [COLOURS]),
        ("", "#fff", [COLOURS]),
        ("", "#0b57d0;", [COLOURS]),
        ("", "#0b57d0,#ffffff,#000000", [COLOURS]),
        ("", "#000000} body { display: none", [COLOURS]),
        ("\0", "</style>", [NAME, COLOURS]),
        *((name, "", [NAME]) for name in UNSEEN),
    ],
)
def test_odd_ones(name: str, colours: str, odd: list[str]) -> None:
    """They are named, and the page looks as without them: nobody's log-in ends here for that."""
    assert look_of({NAME: name, COLOURS: colours}) == (Look(), tuple(odd))


@pytest.mark.parametrize("parameter", ["ShopName", "ShopColors"])
def test_the_template_refuses_them_first(parameter: str) -> None:
    """What CloudFormation takes, the page takes too."""
    pattern = re.compile(TEMPLATE["Parameters"][parameter]["AllowedPattern"])
    values = {
        "ShopName": ["", "Ada & Söhne", "<b>", "a\nb"],
        "ShopColors": ["", "#0b57d0", "#0b57d0, #ffffff", "red", "#0b57d0,", "#fff"],
    }[parameter]
    variable = {"ShopName": NAME, "ShopColors": COLOURS}[parameter]

    taken = [each for each in values if pattern.fullmatch(each)]
    assert 0 < len(taken) < len(values)
    assert all(look_of({variable: each})[1] == () for each in taken)


@pytest.mark.parametrize("colours", ["", "#0b57d0", "#0b57d0,#ffffff"])
def test_its_own_style_and_no_other(colours: str) -> None:
    """The policy has the digest of the very text in the page."""
    look, _ = look_of({COLOURS: colours})
    [style] = re.findall("<style>(.*?)</style>", look.page("en", "a", "b"), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"'sha256-{digest}'" in look.headers()["content-security-policy"]


def test_languages() -> None:
    """Each has every text, those of the denials, and no markup; English is the first."""
    [*names] = TEXTS["en"]
    readme = (ROOT / "docs/denials.md").read_text()

    assert [*TEXTS] == ["en", "de", "es", "fr"]
    assert all([*texts] == names for texts in TEXTS.values())
    assert all("{address}" in texts["mailed_to"] for texts in TEXTS.values())
    every = [text for texts in TEXTS.values() for text in texts.values()]
    assert [text for text in every if html.unescape(text) != text or "<" in text] == []
    assert "English, German, Spanish and French" in readme


class Document(HTMLParser):
    """What a browser takes for elements."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.tags.append(f"{tag} {dict(attrs).get('lang', '')}".strip())


@pytest.mark.parametrize("language", ["de", 'x"><script>', "<b>"])
def test_nothing_else_becomes_an_element(language: str) -> None:
    """Title and language are text."""
    document = Document()
    document.feed(Look('"><img>').page(language, "</title><b>", "<p>x</p>"))

    assert document.tags[0] == f"html {language}"
    assert {"script", "b", "img"} & {*document.tags} == set()
