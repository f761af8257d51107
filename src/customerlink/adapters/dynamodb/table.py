"""One table within one invocation's budget: conditional writes, repeated while that may help."""

import random
from collections.abc import Callable

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError, Json, LedgerClient
from customerlink.adapters.dynamodb.items import Item
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.failure import FailedAt, How, told
from customerlink.model.frozen import frozen
from customerlink.ports.run import Run

CONNECT_SECONDS = READ_SECONDS = 0.4
"""A sign-up's client has these: `ports.deadline.LEDGER_RESERVE_SECONDS` holds two such calls."""

CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS
"""The longest that one call of a sign-up's takes; none is started with less left."""

CONDITION_FAILED = "ConditionalCheckFailedException"
"""By its code: a client makes its exception classes lazily, and two threads each their own."""

_TRIES = 3
_PAUSE_SECONDS = 0.05
"""Long enough for a moment's throttling, short beside what a sign-up has for all its calls."""

_PASSING = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
    },
)
"""Errors that pass by themselves (docs.aws.amazon.com/amazondynamodb: Error handling)."""

_RESERVED = {"#state": "state", "#owner": "owner", "#create": "create"}
"""Attributes whose names are among DynamoDB's reserved words."""


@frozen
class Written:
    """The condition held; `old` is the item as it was before."""

    old: Item


@frozen
class Failed:
    """The condition did not hold; `item` is what stood in its way, at no second read."""

    item: Item

    def shows(self, **expected: str | int) -> bool:
        """Return whether the item is as an earlier, unanswered try of this write leaves it."""
        plain = {name: next(iter(self.item.get(name, {"": None}).values())) for name in expected}
        return plain == {name: str(value) for name, value in expected.items()}


class Table:
    """Reads and writes of single items; each raises `LedgerUnavailableError` without an answer."""

    def __init__(self, client: LedgerClient, name: str, run: Run) -> None:
        """Take a client without retries of its own: it knows no budget."""
        self.client = client
        self._name = name
        self._run = run

    def read(self, key: Item, attributes: str = "") -> Item | None:
        """Read an item, or some attributes, strongly consistently; None if there is none."""
        projection = {"ProjectionExpression": attributes} if attributes else {}
        answer = self._call(
            self.client.get_item, Key=key, ConsistentRead=True, **projection, **_names(attributes)
        )
        item: Item | None = answer.get("Item")
        return item

    def write(self, key: Item, update: str, values: Item) -> Item:
        """Update an item whatever it is; return it as it is then."""
        answer = self._call(
            self.client.update_item,
            Key=key,
            UpdateExpression=update,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            **_names(update),
        )
        item: Item = answer["Attributes"]
        return item

    def update(self, key: Item, update: str, condition: str, values: Item) -> Written | Failed:
        """Update an item if it meets a condition."""
        return self._conditional(
            self.client.update_item,
            Key=key,
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_OLD",
            **_names(update + condition),
        )

    def delete(self, key: Item, condition: str, values: Item) -> Written | Failed:
        """Delete an item if it meets a condition."""
        return self._conditional(
            self.client.delete_item,
            Key=key,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            **_names(condition),
        )

    def _conditional(self, operation: Callable[..., Json], **request: object) -> Written | Failed:
        try:
            answer = self._call(
                operation,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **request,
            )
        except AwsRefusedError as failed:
            return Failed(failed.item)
        return Written(answer.get("Attributes", {}))

    def _call(self, operation: Callable[..., Json], **request: object) -> Json:
        """Make a call; raise `AwsRefusedError` for a failed condition only."""
        how = ""
        for tries_left in reversed(range(_TRIES)):
            if self._run.deadline.remaining() < CALL_SECONDS:
                break
            try:
                return operation(TableName=self._name, **request)
            except AwsRefusedError as error:
                if error.code == CONDITION_FAILED:
                    raise
                how = told(error.code)
                if error.code not in _PASSING:
                    break
            except AwsSilentError:
                # No connection, or the answer was lost: a repetition is safe either way.
                how = How.NO_ANSWER
            if tries_left:
                self._run.clock.sleep(random.uniform(0.5, 1.5) * _PAUSE_SECONDS)  # noqa: S311 (jitter)
        raise self._unavailable(how)

    def _unavailable(self, how: str) -> LedgerUnavailableError:
        """Note where it failed; without a single try, where the time went."""
        if how:
            self._run.trace.fail(FailedAt.LEDGER, how)
            return LedgerUnavailableError(f"DynamoDB answered {how}", how)
        self._run.trace.run_out()
        return LedgerUnavailableError("no time was left for DynamoDB", How.OUT_OF_TIME)


def _names(expressions: str) -> dict[str, dict[str, str]]:
    # DynamoDB refuses a request that names an attribute which no expression of its uses.
    names = {alias: name for alias, name in _RESERVED.items() if alias in expressions}
    return {"ExpressionAttributeNames": names} if names else {}
