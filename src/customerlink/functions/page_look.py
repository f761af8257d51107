"""What the page /verify-email looks like, by the shop's name and colours, and what it may do."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template

from customerlink.model.frozen import frozen
from customerlink.model.seen_text import has_unseen, is_seen

PAGES = Path(__file__).with_name("pages")

NAME, COLOURS = "CUSTOMERLINK_SHOP_NAME", "CUSTOMERLINK_SHOP_COLORS"
LONGEST_NAME = 60

# Below, sRGB is linear.
_DARKEST = 0.04045

_PAGE = Template((PAGES / "verify-email.html").read_text())
_STYLE = (PAGES / "verify-email.css").read_text()
_COLOURS = re.compile(r"#([0-9A-Fa-f]{6})(?:, ?#([0-9A-Fa-f]{6}))?")


@frozen
class Look:
    """A page's frame."""

    name: str = ""
    style: str = _STYLE

    def page(self, language: str, title: str, main: str) -> str:
        """Return the document; `main` is HTML, everything else is text."""
        shop = f'<p class="shop">{escape(self.name)}</p>' if self.name else ""
        return _PAGE.substitute(
            language=escape(language),
            style=self.style,
            title=escape(title),
            heading=escape(title),
            shop=shop,
            main=main,
        )

    def headers(self) -> dict[str, str]:
        """Return what a browser may do with it: no script, no frame, and this style alone."""
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        return {
            "content-type": "text/html; charset=utf-8",
            "cache-control": "no-store",
            # The address of this page holds the session token.
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
                "base-uri 'none'; frame-ancestors 'none'"
            ),
        }


def look_of(environment: Mapping[str, str]) -> tuple[Look, tuple[str, ...]]:
    """Return the shop's look, and the names of what is odd of it, which is left out."""
    name, colours = environment.get(NAME, ""), environment.get(COLOURS, "")
    found = _COLOURS.fullmatch(colours)
    is_name = not name.strip() or (is_seen(name) and not has_unseen(name) and "\n" not in name)
    is_name = is_name and len(name) <= LONGEST_NAME
    odd = [NAME] * (not is_name) + [COLOURS] * bool(colours and not found)
    own = "".join(_rules(found[1], found[2])) if found else ""
    return Look(name.strip() if is_name else "", _STYLE + own), tuple(odd)


def _rules(button: str, page: str | None) -> Iterator[str]:
    yield f"a.button {{ background: #{button}; border-color: #{button}; color: {_on(button)}; }}\n"
    if page:
        yield f":root {{ color-scheme: {'dark' if _on(page) == '#fff' else 'light'}; }}\n"
        yield f"body {{ background: #{page}; color: {_on(page)}; }}\n"


def _on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour (WCAG 2, relative luminance)."""
    red, green, blue = (_linear(int(colour[each : each + 2], 16) / 255) for each in (0, 2, 4))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#fff"


def _linear(value: float) -> float:
    return value / 12.92 if value <= _DARKEST else ((value + 0.055) / 1.055) ** 2.4
