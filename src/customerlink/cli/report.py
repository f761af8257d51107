"""A verification as a page, for a phone at night too; nothing is fetched from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from customerlink.cli.dashboards import Dashboards
from customerlink.cli.history import Run
from customerlink.cli.output import plain
from customerlink.cli.timeline import timeline
from customerlink.model.drift import IN_ORDER, MEANING, REPAIR, UNTOLD, Drift, Finding
from customerlink.usecases.compare import Report

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{verdict}: {tenant}</title>
<style>
:root {{ color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --line: #c9c9c9; --link: #0b4fb3;
        --good: #1f6b42; --bad: #a83220 }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #121417; --ink: #e8e8e8; --line: #4a4f57; --link: #9cc2ff; --good: #63c394;
          --bad: #f59b8b }}
}}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 1rem auto; padding: 0 1rem;
       background: var(--paper); color: var(--ink); overflow-wrap: anywhere }}
a {{ color: var(--link) }}
h1.good, td.good {{ color: var(--good) }} h1.bad, td.bad {{ color: var(--bad) }}
table {{ border-collapse: collapse; width: 100% }}
caption {{ text-align: left }}
td, th {{ text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0; font-weight: inherit;
          border-bottom: 1px solid var(--line) }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; font-weight: 600;
            white-space: nowrap }}
tbody th {{ min-width: 5.5rem }}
td p {{ margin: 0 }}
ul {{ padding-left: 1.2rem }} li {{ margin: .4rem 0 }}
code {{ font-size: .9em }}
figure {{ margin: 0; display: grid; grid-template-columns: auto 1fr; gap: .2rem .5rem }}
figure svg {{ width: 100%; height: 8rem; border: solid var(--line); border-width: 0 0 1px 1px }}
polyline {{ fill: none; stroke: var(--bad); stroke-width: 2; vector-effect: non-scaling-stroke }}
.up, .along {{ display: flex; justify-content: space-between; font-size: .9em }}
.up {{ flex-direction: column; text-align: right }}
.along {{ grid-column: 2 }} figcaption {{ grid-column: 1 / 3 }}
</style>
</head>
<body>
<main>
<h1 class="{colour}">{verdict}</h1>
<p>Tenant <b>{tenant}</b>, <time datetime="{at}">{at}</time>.</p>
<table>
<caption>How many users, or customers, are of each kind</caption>
<thead><tr><th scope="col">kind<th scope="col">count<th scope="col">what it is</thead>
<tbody>{rows}</tbody>
</table>
{none}{history}{samples}{odd}
</main>
</body>
</html>
"""


def html(report: Report, history: Sequence[Run], dashboards: Dashboards) -> str:
    """Return the page; `history` has every run that is remembered, none for one user's."""
    return _PAGE.format(
        verdict="Both sides agree" if report.in_order else "The two sides differ",
        colour="good" if report.in_order else "bad",
        tenant=_shown(report.tenant),
        at=_shown(report.at),
        rows="".join(_row(kind, number) for kind, number in report.shown.items()),
        none=_none(report),
        history=f"<h2>Over time</h2>{timeline(history)}" if history else "",
        samples=_Samples(report, dashboards).shown(),
        odd=_list("Rows", [f"<code>{escape(str(each))}</code>" for each in report.rows]),
    )


def _shown(text: str) -> str:
    """Return text as a page shows it, whoever chose it."""
    return escape(plain(text))


def _row(kind: Drift, number: int) -> str:
    is_bad = number and kind not in IN_ORDER
    repair = "" if kind in UNTOLD else f"<p>Repair: {_shown(REPAIR[kind])}</p>"
    return (
        f'<tr><th scope="row">{kind}<td class="number {"bad" if is_bad else "good"}">{number:,}'
        f"<td><p>{_shown(MEANING[kind])}</p>{repair}</tr>"
    )


def _none(report: Report) -> str:
    others = [kind for kind in report.counts if kind not in report.shown]
    return f"<p>None is {', '.join(others)}.</p>" if others else ""


def _list(title: str, items: Sequence[str]) -> str:
    listed = "".join(f"<li>{each}</li>" for each in items)
    return f"<h2>{title}</h2><ul>{listed}</ul>" if items else ""


@dataclass(frozen=True, slots=True)
class _Samples:
    """What was found, each id a link to the page that shows it."""

    report: Report
    dashboards: Dashboards

    def shown(self) -> str:
        kinds = [each for each in Drift if each not in UNTOLD and self.report.samples.get(each)]
        return "<h2>Samples</h2>" + "".join(map(self._kind, kinds)) if kinds else ""

    def _kind(self, kind: Drift) -> str:
        found = self.report.samples[kind]
        items = "".join(f"<li>{self._finding(each)}</li>" for each in found)
        more = self.report.counts[kind] - len(found)
        return f"<h3>{kind}</h3><ul>{items}</ul>" + (
            f"<p>and {more:,} more</p>" if more > 0 else ""
        )

    def _finding(self, found: Finding) -> str:
        user, customer = found.user_id or "", found.customer_id or ""
        parts = [
            _linked(user, self.dashboards.user(user)),
            _linked(customer, self.dashboards.customer(customer)),
            *map(self._word, found.detail.split(" ")),
        ]
        return f"<code>{' '.join(each for each in parts if each)}</code>"

    def _word(self, word: str) -> str:
        """Return a word of a detail, which is an id in most."""
        is_customer = word.startswith("cus_")
        page = self.dashboards.customer(word) if is_customer else self.dashboards.user(word)
        return _linked(word, page)


def _linked(text: str, page: str | None) -> str:
    return f'<a href="{escape(page)}">{_shown(text)}</a>' if page else _shown(text)
