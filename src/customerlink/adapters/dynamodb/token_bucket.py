"""A token bucket that several machines share: one item, two conditional writes."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from customerlink.adapters.dynamodb.table import CONDITION_FAILED
from customerlink.model.errors import NoTurnError
from customerlink.model.rates import Bucket, Tempo
from customerlink.ports.deadline import Clock
from customerlink.ports.rate import RateLimiter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

MOST_TURNS, TURNS_SECONDS = 8, 0.1
"""Taken at once, so that a write to DynamoDB serves as many requests: those of a tenth of a second
at the most, since others wait behind them, and who ends has taken them from all."""

_CATCH_UP_SECONDS = 0.2
"""Turns that nobody took so lately are not lost: a busy machine comes late for them."""

_FORGOTTEN_SECONDS = 24 * 3600
_FREE = "attribute_not_exists(next_at) OR next_at <= :lately"
_AHEAD = "next_at > :lately"
_IN_TIME = "next_at <= :latest"
_EARLIER = "attribute_not_exists(next_at) OR next_at < :next_at"
_NOT_JUST_SLOWED = "attribute_not_exists(slowed_at) OR slowed_at < :before"


class SharedTokenBucket(RateLimiter):
    """So many requests a second, whichever machine makes them.

    `next_at` is when the next free turn is; who takes some moves it on by their length.
    """

    def __init__(  # noqa: PLR0913 (what a bucket is made of)
        self,
        client: "DynamoDBClient",
        table: str,
        bucket: Bucket,
        clock: Clock = time,
        sleep: Callable[[float], None] = time.sleep,
        *,
        until: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """Name the bucket, whose item goes by itself a day after its last use; nobody waits longer.

        That is a time of the clock.
        """
        self._client, self._table = client, table
        self._now, self._sleep, self._until = clock.time, sleep, until
        self._key = {"pk": {"S": f"rate#{bucket.name}"}}
        self._per_second = bucket.per_second
        self._at_once = max(1, min(MOST_TURNS, int(bucket.per_second * TURNS_SECONDS)))
        self._lock = threading.Lock()
        self._turns: list[float] = []
        self._tempo = Tempo()

    def take(self) -> None:
        """Wait for this request's turn; raise `NoTurnError` where that would be too late."""
        latest = self._until()
        with self._lock:
            if not self._turns:
                interval = self._interval
                start = self._reserved(self._at_once * interval, latest)
                self._turns = [start + turn * interval for turn in range(self._at_once)]
            if self._turns[0] > latest:
                raise NoTurnError
            turn = self._turns.pop(0)
        # By the wall clock, the only one that machines share; a laptop's own may be off.
        self._sleep(max(0.0, turn - self._now()))

    def owe(self, turns: int) -> None:
        """Take those that this machine has left, and then from all; who is next waits for them."""
        with self._lock:
            kept = self._turns[turns:]
            missing, self._turns = turns - (len(self._turns) - len(kept)), kept
        # What they were for is done: trouble with the table must not hide it.
        with suppress(ClientError, BotoCoreError):
            if missing:
                self._reserved(missing * self._interval, math.inf)

    def pause(self, seconds: float) -> None:
        """Let no machine take new turns for some seconds, and hold this one's own back as long."""
        until = self._now() + seconds
        with self._lock:
            self._turns = [max(each, until) for each in self._turns]
        # 0 s: A is told to pause for 5 s, B for 1 s; B writes later, and must not shorten A's.
        self._tell("next_at = :next_at", _EARLIER, until, {":next_at": until})

    def slow(self) -> None:
        """Let every machine go on half as fast, at first; each learns of it with its next turns."""
        now = self._now()
        with self._lock:
            self._tempo = slowed = self._tempo.slowed(now)
        # 0 s: A's and B's requests are refused together; that is one refusal.
        values = {":tempo": slowed.share, ":now": now, ":before": now - 1.0}
        self._tell("tempo = :tempo, slowed_at = :now", _NOT_JUST_SLOWED, now, values)

    def _tell(self, change: str, condition: str, until: float, values: Mapping[str, float]) -> None:
        """Let others know; where they cannot be told, whoever takes a turn next is told of that."""
        # Something was just done, or refused: trouble with the table must not hide which.
        with suppress(ClientError, BotoCoreError):
            self._written(change, condition, until, values)

    @property
    def _interval(self) -> float:
        return 1 / (self._per_second * self._tempo.at(self._now()))

    def _reserved(self, length: float, latest: float) -> float:
        """Take a stretch of time; return its start.

        Raise `NoTurnError`, and take none, where that would be too late: what nobody is going to
        use is not to hold others back.
        """
        while True:
            now = self._now()
            if now > latest:
                raise NoTurnError
            # 0 s: A and B find it free, and A is first; B finds `next_at` ahead, and queues.
            lately = {":lately": now - _CATCH_UP_SECONDS}
            free = {":next_at": now + length, **lately}
            if self._written("next_at = :next_at", _FREE, now + length, free):
                return now
            # Sent again after a lost answer, it leaves a stretch unused: that only slows.
            # 0 s: no turn is free; 1 s: the TTL clears the item: begin anew.
            ahead, condition = {":length": length, **lately}, _AHEAD
            if math.isfinite(latest):
                ahead, condition = {**ahead, ":latest": latest}, f"{_AHEAD} AND {_IN_TIME}"
            item = self._written("next_at = next_at + :length", condition, now, ahead)
            if item:
                return float(item["next_at"]["N"]) - length
            if self._is_later_than(latest):
                raise NoTurnError

    def _is_later_than(self, latest: float) -> bool:
        """Return whether the next free turn is too late."""
        if not math.isfinite(latest):
            return False
        found = self._client.get_item(TableName=self._table, Key=self._key, ConsistentRead=True)
        return float(found.get("Item", {}).get("next_at", {"N": "0"})["N"]) > latest

    def _written(
        self, change: str, condition: str, until: float, values: Mapping[str, float]
    ) -> "Mapping[str, AttributeValueTypeDef] | None":
        """Change the item, and learn what others have seen; return it, or None if it is not so."""
        numbers = {name: {"N": f"{value:.6f}"} for name, value in values.items()}
        expires = {":expires": {"N": str(int(until) + _FORGOTTEN_SECONDS)}}
        try:
            item = self._client.update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression=f"SET {change}, expires_at = :expires",
                ConditionExpression=condition,
                ExpressionAttributeValues=numbers | expires,
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != CONDITION_FAILED:
                raise
            return None
        if "slowed_at" in item:
            self._tempo = Tempo(float(item["tempo"]["N"]), float(item["slowed_at"]["N"]))
        return item
