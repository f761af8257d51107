"""Write the saved queries (tools/queries.toml) into template.yaml, and a table into the docs."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tools" / "queries.toml"
TEMPLATE = ROOT / "template.yaml"
PAGE = ROOT / "docs" / "operations.md"
BEGIN, END = "written by make queries.", "make queries writes no further."


@dataclass(frozen=True)
class SavedQuery:
    """One query, as the console lists it."""

    resource: str
    """Its name in the template."""
    name: str
    tells: str
    """What it is good for."""
    groups: tuple[str, ...]
    """The log groups that it looks into, by the template's names."""
    query: str
    hint: str = ""
    """What is to be done with it first."""

    @property
    def title(self) -> str:
        """Return its name, and the hint."""
        return f"{self.name} ({self.hint})" if self.hint else self.name


def saved_queries() -> list[SavedQuery]:
    """Read them."""
    rows: list[dict[str, Any]] = tomllib.loads(DATA.read_text())["query"]
    return [SavedQuery(**{**row, "groups": tuple(row["groups"])}) for row in rows]


def resources() -> str:
    """Return the template's resources."""
    there: dict[str, Any] = yaml_parse(TEMPLATE.read_text())["Resources"]
    conditions = {name: each.get("Condition") for name, each in there.items()}
    return "\n".join("\n".join(_resource(each, conditions)) for each in saved_queries())


def _resource(saved: SavedQuery, conditions: dict[str, str | None]) -> Iterator[str]:
    under = {conditions[each] for each in saved.groups}
    only = under.pop() if len(under) == 1 else None
    yield f"  {saved.resource}:"
    yield "    Type: AWS::Logs::QueryDefinition"
    if only:
        yield f"    Condition: {only}"
    yield "    Properties:"
    yield f"      Name: !Sub ${{AWS::StackName}}/{saved.title}"
    yield "      LogGroupNames:"
    for each in saved.groups:
        condition = None if only else conditions[each]
        ref = f"!Ref {each}"
        yield f"        - {f'!If [{condition}, {ref}, !Ref AWS::NoValue]' if condition else ref}"
    yield "      QueryString: |"
    yield from (f"        {line}" for line in saved.query.strip().splitlines())
    yield ""


def table() -> str:
    """Return the page's table."""
    rows = [f"| *{each.name}* | {each.tells} |" for each in saved_queries()]
    return "\n".join(["", "| query | what it tells |", "|---|---|", *rows, "", ""])


def written(text: str, part: str) -> str:
    """Return a text with a part between its marks, which are lines of their own."""
    before, begin, rest = text.partition(BEGIN)
    first, _, after = rest.partition("\n")
    _, end, last = after.partition(END)
    if not (begin and end):
        raise ValueError("the marks are missing")
    # The mark's own line begins as the first one does.
    mark = after[: after.index(END)].rpartition("\n")[2]
    return f"{before}{begin}{first}\n{part}{mark}{end}{last}"


if __name__ == "__main__":
    TEMPLATE.write_text(written(TEMPLATE.read_text(), f"\n{resources()}\n"))
    PAGE.write_text(written(PAGE.read_text(), table()))
