"""A bar chart as SVG: each group of bars is one figure, as a share of its longest bar."""

from collections.abc import Mapping
from html import escape

BAR, GAP, LEFT, WIDTH = 18, 14, 230, 420
COLOURS = {
    "ours": "#0b57d0",
    "usual Lambda": "#8a8f98",
    "usual Action": "#b08968",
    "floor": "#4f9d69",
}

type Group = tuple[str, str, Mapping[str, float]]
"""A figure's name, its unit, and its bars."""


def chart(groups: list[Group]) -> str:
    """Draw the groups one below the other."""
    parts: list[str] = []
    y = GAP
    for name, unit, bars in groups:
        parts.append(f'<text x="8" y="{y + 13}" font-weight="bold">{escape(name)}</text>')
        y += BAR + 4
        longest = max(bars.values())
        for label, value in bars.items():
            width = max(1.0, WIDTH * value / longest)
            parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{label}</text>')
            colour = COLOURS[label]
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR - 4}" fill="{colour}"/>'
            )
            parts.append(f'<text x="{LEFT + width + 6:.0f}" y="{y + 13}">{value:.1f} {unit}</text>')
            y += BAR
        y += GAP
    size = f'width="{LEFT + WIDTH + 110}" height="{y}"'
    style = 'font-family="system-ui, sans-serif" font-size="12" fill="#1f2328"'
    background = '<rect width="100%" height="100%" fill="#ffffff"/>'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{background}\n'
        f"<g {style}>\n{body}\n</g>\n</svg>\n"
    )
