"""The evaluator of our saved queries, by the language's documentation, and the queries' places."""

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse
from tests.insights import evaluate, flat
from tools import make_queries
from tools.make_queries import saved_queries

LINES: list[dict[str, Any]] = [
    {"message": "sign_up", "failed_at": "stripe", "retries": 2, "steps": {"open": 3}},
    {"message": "sign_up", "failed_at": None, "retries": 0, "found": ["a: b"]},
    {"message": "repair", "failed_at": "ledger", "user_id": "samlp|digest:0123456789abcdef"},
]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ('message = "sign_up"', [0, 1]),
        ("ispresent(failed_at)", [0, 2]),
        ("not ispresent(failed_at)", [1]),
        ('message in ["repair", "rejected"]', [2]),
        ('message = "repair" or retries > 0', [0, 2]),
        ('message = "sign_up" and (failed_at = "stripe" or retries > 5)', [0]),
        ('message = "repair" or message = "sign_up" and retries < 1', [1, 2]),
        ('user_id like "0123456789abcdef"', [2]),
        ("ispresent(found.0)", [1]),
        ('message = "a|b" or retries = 2', [0]),
        ('steps.open = 3 and message != "repair"', [0]),
    ],
)
def test_filter(condition: str, found: list[int]) -> None:
    """A condition holds of these lines; null is no field."""
    assert evaluate(f"filter {condition}", LINES) == [flat(LINES[each]) for each in found]


def test_fields_stats_sort_and_limit() -> None:
    """Each command takes what the one before gives."""
    query = "stats count(*) as times by message\n| sort times desc\n| limit 1"

    assert evaluate("fields message, steps.open | limit 1", LINES) == [
        {"message": "sign_up", "steps.open": 3}
    ]
    assert evaluate(query, LINES) == [{"message": "sign_up", "times": 2}]


@pytest.mark.parametrize(
    "query", ["parse @message /x/", "stats avg(x) by y", "filter a ~ 1", 'filter a = "b" c']
)
def test_what_is_not_of_the_part(query: str) -> None:
    """An error, and no wrong answer."""
    with pytest.raises((ValueError, KeyError, IndexError)):
        evaluate(query, LINES)


def test_queries_are_written() -> None:
    """Template and page have the data's, and no others: make queries changes nothing."""
    template, page = (each.read_text() for each in (make_queries.TEMPLATE, make_queries.PAGE))
    kind = "AWS::Logs::QueryDefinition"
    there = yaml_parse(template)["Resources"]
    written = {name: each["Properties"] for name, each in there.items() if each["Type"] == kind}

    assert make_queries.written(template, f"\n{make_queries.resources()}\n") == template
    assert make_queries.written(page, make_queries.table()) == page
    assert {name: each["QueryString"].strip() for name, each in written.items()} == {
        each.resource: each.query.strip() for each in saved_queries()
    }


def test_every_query_is_named_by_a_runbook() -> None:
    """The list of all of them aside."""
    page, section = make_queries.PAGE.read_text(), "## Saved queries\n"
    listed = page.partition(section)[2].partition("\n## ")[0]
    runbooks = page.replace(listed, "")

    assert [each.name for each in saved_queries() if each.name not in runbooks] == []
