"""DynamoDB's single-item writes: the expressions that the ledger uses, evaluated as documented.

Amazon DynamoDB Developer Guide, "Condition and filter expressions" and "Update expressions".
`tests/adapters/dynamodb/` runs on this, on moto and on dynalite alike.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from customerlink.adapters.aws.aws_json import AwsRefusedError
from customerlink.adapters.dynamodb.table import CONDITION_FAILED

type Item = dict[str, Any]
type Values = Mapping[str, Any]
type Check = Callable[[Item, Values], bool]
type Change = Callable[[Item, Item, Values], None]

_TOKEN = re.compile(r"\s*(attribute_not_exists|if_not_exists|AND|OR|<=|<|>|=|\(|\)|,|\+|[#:]?\w+)")
_CLAUSE = re.compile(r"\b(SET|REMOVE|ADD)\b")


class Table:
    """A table's items, by `pk`."""

    def __init__(self) -> None:
        """Start empty."""
        self.items: dict[str, Item] = {}

    def get_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Read consistently."""
        item = self.items.get(request["Key"]["pk"]["S"])
        return {"Item": dict(item)} if item is not None else {}

    def update_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Check and change one item, atomically; return the old one, or the new one."""
        key = request["Key"]["pk"]["S"]
        old = self.items.get(key, {})
        values, names = request["ExpressionAttributeValues"], _names(request)
        self._check(request, old)
        new = {"pk": request["Key"]["pk"], **old}
        for change in _changes(_plain(request["UpdateExpression"], names)):
            change(new, old, values)
        self.items[key] = new
        return {"Attributes": dict(new) if request.get("ReturnValues") == "ALL_NEW" else old}

    def delete_item(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Check and delete one item."""
        key = request["Key"]["pk"]["S"]
        self._check(request, self.items.get(key, {}))
        self.items.pop(key, None)
        return {}

    @staticmethod
    def _check(request: Mapping[str, Any], old: Item) -> None:
        if "ConditionExpression" not in request:
            return
        condition = _condition(_plain(request["ConditionExpression"], _names(request)))
        if not condition(old, request["ExpressionAttributeValues"]):
            wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            raise AwsRefusedError(CONDITION_FAILED, dict(old) if wanted else None)


class Client:
    """A client over a table, without trouble."""

    def __init__(self, table: Table) -> None:
        """Speak to a table."""
        self._table = table

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Read."""
        return self._table.get_item(request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Write."""
        return self._table.update_item(request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Delete."""
        return self._table.delete_item(request)

    def items(self) -> list[dict[str, object]]:
        """Return all items, types left out."""
        plain = self._table.items.values()
        return [{k: next(iter(v.values())) for k, v in item.items()} for item in plain]


def _names(request: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(request.get("ExpressionAttributeNames", {}).items())


@cache
def _plain(expression: str, names: tuple[tuple[str, str], ...]) -> str:
    for alias, name in names:
        expression = expression.replace(alias, name)
    return expression


def _tokens(text: str) -> list[str]:
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise ValueError(f"not understood: {text}")
    return tokens


@cache
def _condition(text: str) -> Check:
    tokens = _tokens(text)
    check = _or(tokens)
    if tokens:
        raise ValueError(f"not understood: {text}")
    return check


def _or(tokens: list[str]) -> Check:
    checks = [_and(tokens)]
    while tokens[:1] == ["OR"]:
        tokens.pop(0)
        checks.append(_and(tokens))
    return lambda item, values: any(check(item, values) for check in checks)


def _and(tokens: list[str]) -> Check:
    checks = [_one(tokens)]
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        checks.append(_one(tokens))
    return lambda item, values: all(check(item, values) for check in checks)


def _one(tokens: list[str]) -> Check:
    first = tokens.pop(0)
    if first == "(":
        check = _or(tokens)
        tokens.pop(0)
        return check
    if first == "attribute_not_exists":
        _, name, _ = tokens.pop(0), tokens.pop(0), tokens.pop(0)
        return lambda item, _: name not in item
    operator, value = tokens.pop(0), tokens.pop(0)
    return lambda item, values: first in item and _compared(item[first], operator, values[value])


def _compared(left: Mapping[str, str], operator: str, right: Mapping[str, str]) -> bool:
    """Compare two values of one type; of two types, nothing holds."""
    [(kind, one)], [(other_kind, other)] = left.items(), right.items()
    if kind != other_kind:
        return False
    if kind == "N":
        return _holds(float(one), operator, float(other))
    return _holds(one, operator, other)


def _holds(one: Any, operator: str, other: Any) -> bool:
    if operator == "=":
        return bool(one == other)
    if operator == ">":
        return bool(one > other)
    return bool(one < other) if operator == "<" else bool(one <= other)


@cache
def _changes(text: str) -> tuple[Change, ...]:
    parts = _CLAUSE.split(text)[1:]
    changes: list[Change] = []
    for clause, body in zip(parts[::2], parts[1::2], strict=True):
        changes += [_change(clause, each.strip()) for each in re.split(r",(?![^(]*\))", body)]
    return tuple(changes)


def _change(clause: str, body: str) -> Change:
    if clause == "SET":
        name, expression = (each.strip() for each in body.split("=", 1))
        value = _operand(expression)

        def change(new: Item, old: Item, values: Values) -> None:
            new[name] = value(old, values)

    elif clause == "ADD":
        name, expression = body.split()

        def change(new: Item, old: Item, values: Values) -> None:
            """Add to a set, which is there from then on."""
            both = {*old.get(name, {"SS": ()})["SS"], *values[expression]["SS"]}
            new[name] = {"SS": sorted(both)}

    else:

        def change(new: Item, old: Item, values: Values) -> None:  # noqa: ARG001 (one signature)
            new.pop(body, None)

    return change


def _operand(expression: str) -> Callable[[Item, Values], Any]:
    """Read `:value`, `name`, `if_not_exists(name, :value)`, or a sum of two of them."""
    if "+" in expression:
        one, other = (_operand(each.strip()) for each in expression.split("+"))

        def total(item: Item, values: Values) -> dict[str, str]:
            added = float(one(item, values)["N"]) + float(other(item, values)["N"])
            return {"N": f"{added:g}"}

        return total
    if expression.startswith("if_not_exists"):
        name, default = re.findall(r"[:\w]+", expression)[1:]
        return lambda item, values: item.get(name, values[default])
    if expression.startswith(":"):
        return lambda _, values: values[expression]
    return lambda item, _: item[expression]
