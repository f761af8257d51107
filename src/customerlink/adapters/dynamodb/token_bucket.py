"""A token bucket that several machines share: one item, two conditional writes."""

import threading
import time
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from customerlink.adapters.dynamodb.table import CONDITION_FAILED

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TURNS = 8
"""Taken at once by default, so that a write to DynamoDB serves as many requests."""

_FORGOTTEN_SECONDS = 24 * 3600


class SharedTokenBucket:
    """So many requests a second, whichever machine makes them (`ports.rate.RateLimiter`).

    `next_at` is when the next free turn is; who takes some moves it on by their length.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        name: str,
        per_second: float,
        turns: int = TURNS,
    ) -> None:
        """Name the bucket; its item goes by itself a day after its last use.

        `turns` are taken at once: who stops before has taken them from the others.
        """
        self._client, self._table = client, table
        self._key = {"pk": {"S": f"rate#{name}"}}
        self._per_second, self._at_once = per_second, turns
        self._lock = threading.Lock()
        self._turns: list[float] = []

    def take(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            if not self._turns:
                start = self._reserved(self._at_once / self._per_second)
                self._turns = [start + turn / self._per_second for turn in range(self._at_once)]
            turn = self._turns.pop(0)
        # By the wall clock, the only one that machines share; AWS keeps it for them.
        time.sleep(max(0.0, turn - time.time()))

    def pause(self, seconds: float) -> None:
        """Let no machine take new turns for some seconds, and hold this one's own back as long."""
        until = time.time() + seconds
        with self._lock:
            self._turns = [max(each, until) for each in self._turns]
        # 0 s: A is told to pause for 5 s, B for 1 s; B writes later, and must not shorten A's.
        self._moved(until, "attribute_not_exists(next_at) OR next_at < :next_at")

    def _reserved(self, length: float) -> float:
        """Take a stretch of time; return its start."""
        while True:
            now = time.time()
            # 0 s: A and B find it free, and A is first; B finds `next_at` ahead, and queues.
            if self._moved(now + length, "attribute_not_exists(next_at) OR next_at <= :now", now):
                return now
            try:
                # Sent again after a lost answer, it leaves a stretch unused: that only slows.
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=self._key,
                    UpdateExpression="SET next_at = next_at + :length",
                    # 0 s: no turn is free; 1 s: the TTL clears the item: begin anew.
                    ConditionExpression="next_at > :now",
                    ExpressionAttributeValues={
                        ":length": {"N": f"{length:.6f}"},
                        ":now": {"N": f"{now:.6f}"},
                    },
                    ReturnValues="UPDATED_OLD",
                )
            except ClientError as error:
                if not _is_failed_condition(error):
                    raise
                continue
            return float(answer["Attributes"]["next_at"]["N"])

    def _moved(self, next_at: float, condition: str, now: float | None = None) -> bool:
        values = {
            ":next_at": {"N": f"{next_at:.6f}"},
            ":expires": {"N": str(int(next_at) + _FORGOTTEN_SECONDS)},
        }
        try:
            self._client.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression="SET next_at = :next_at, expires_at = :expires",
                ConditionExpression=condition,
                ExpressionAttributeValues=values
                | ({} if now is None else {":now": {"N": f"{now:.6f}"}}),
            )
        except ClientError as error:
            if not _is_failed_condition(error):
                raise
            return False
        return True


def _is_failed_condition(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") == CONDITION_FAILED
