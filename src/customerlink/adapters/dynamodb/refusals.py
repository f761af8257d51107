"""Which users' sign-ups ended with a refusal, read off the ledger many at a time."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from customerlink.adapters.dynamodb.items import record_key, refusal
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import State
from customerlink.model.user import Tenant, User, UserId
from customerlink.ports.refusals import Refusals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE = 100
"""Items of one request, at the most
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)."""

_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class DynamoDbRefusals(Refusals):
    """The refusals of one tenant's users, over a client with retries of its own."""

    client: "DynamoDBClient"
    table: str
    tenant: Tenant
    sleep: Callable[[float], None] = time.sleep

    def of(self, users: Sequence[UserId]) -> dict[UserId, Reason]:
        """Return the reasons of those whose record is refused, not of one that is tried again."""
        found: dict[UserId, Reason] = {}
        # DynamoDB refuses a request that names an item twice.
        for page in itertools.batched(dict.fromkeys(users), PAGE, strict=False):
            by_key = {record_key(User(self.tenant, each))["pk"]["S"]: each for each in page}
            for item in self._read([*by_key]):
                reason = refusal(item)
                if item["state"]["S"] == State.REFUSED and reason:
                    found[by_key[item["pk"]["S"]]] = reason
        return found

    def _read(self, keys: list[str]) -> Iterator[Any]:
        """Read some records, what DynamoDB leaves out of an answer once more."""
        asked: Any = {
            "Keys": [{"pk": {"S": each}} for each in keys],
            "ProjectionExpression": "pk, #state, reason",
            "ExpressionAttributeNames": {"#state": "state"},
        }
        while asked:
            answer = self.client.batch_get_item(RequestItems={self.table: asked})
            yield from answer["Responses"].get(self.table, [])
            asked = answer.get("UnprocessedKeys", {}).get(self.table)
            if asked:
                self.sleep(_PAUSE_SECONDS)
