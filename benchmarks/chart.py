"""Charts as SVG: bars, each a share of its group's longest; and what grows with the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import log10

BAR, GAP, LEFT, WIDTH = 18, 14, 230, 420
COLOURS = {
    "ours": "#0b57d0",
    "usual Lambda": "#8a8f98",
    "usual Action": "#b08968",
    "floor": "#4f9d69",
    "better-auth": "#8e4ec6",
    "dj-stripe": "#c2410c",
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
        longest = max(bars.values()) or 1.0
        for label, value in bars.items():
            width = max(1.0, WIDTH * value / longest)
            parts.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{label}</text>')
            colour = COLOURS[label]
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR - 4}" fill="{colour}"/>'
            )
            shown = f"{value:.1f} {unit}" if unit else f"{value:.0f}"
            parts.append(f'<text x="{LEFT + width + 6:.0f}" y="{y + 13}">{shown}</text>')
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


PANEL, HEIGHT, MARGIN = 360, 220, 56


@dataclass(frozen=True)
class Panel:
    """Points over how much work there is, on two logarithmic axes."""

    title: str
    work: str
    points: Mapping[float, float]


def panels(shown: list[Panel]) -> str:
    """Draw them side by side, each with a dashed line of what grows in proportion to the work."""
    size = f'width="{PANEL * len(shown)}" height="{HEIGHT}"'
    style = 'font-family="system-ui, sans-serif" font-size="12" fill="#1f2328"'
    body = "\n".join(
        f'<g transform="translate({PANEL * at} 0)">\n{_panel(each)}\n</g>'
        for at, each in enumerate(shown)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        '<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f"<g {style}>\n{body}\n</g>\n</svg>\n"
    )


def _panel(panel: Panel) -> str:
    """Draw one: as many decades upwards as to the right, so that the dashed line is a diagonal."""
    most, works = max(panel.points.values()), [*panel.points]
    decades = log10(works[-1] / works[0])

    def place(work: float, value: float) -> tuple[float, float]:
        right = log10(work / works[0]) / decades
        up = 1 + max(log10(value / most), -decades) / decades
        return MARGIN + right * (PANEL - 2 * MARGIN), 30 + (1 - up) * (HEIGHT - 80)

    dots = [(*place(work, value), work, value) for work, value in panel.points.items()]
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y, *_ in dots)
    ends = [place(work, most * work / works[-1]) for work in (works[0], works[-1])]
    dashes = " ".join(f"{x:.0f},{y:.0f}" for x, y in ends)
    parts = [
        f'<text x="8" y="16" font-weight="bold">{escape(panel.title)}</text>',
        f'<polyline points="{dashes}" stroke="#8a8f98" stroke-dasharray="4"/>',
        f'<polyline points="{line}" fill="none" stroke="{COLOURS["ours"]}" stroke-width="2"/>',
        f'<text x="{PANEL / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(panel.work)}</text>',
    ]
    for x, y, work, value in dots:
        parts += [
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="{COLOURS["ours"]}"/>',
            f'<text x="{x:.0f}" y="{y - 8:.0f}" text-anchor="middle">{_short(value)}</text>',
            f'<text x="{x:.0f}" y="{HEIGHT - 26}" text-anchor="middle">{_short(work)}</text>',
        ]
    return "\n".join(parts)


def _short(value: float) -> str:
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"
