"""What may be done once, or so many times a day: one item each, which goes by itself."""

import hashlib
import time

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError, LedgerClient
from customerlink.adapters.dynamodb.table import CONDITION_FAILED
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.failure import told

PROOF_SECONDS = 3600
"""How long a spent proof is remembered: longer than any is valid."""

DAY_SECONDS = 24 * 3600


class UsageLimits:
    """Conditional writes to one table; raise `LedgerUnavailableError` without an answer."""

    def __init__(self, client: LedgerClient, table: str) -> None:
        """Take a client that has time-outs."""
        self._client, self._table = client, table

    def begin(self, proof: str, holder: str) -> bool:
        """Begin to use a proof; False when it is spent, or somebody else's. Again is no harm."""
        return self._write(
            f"proof#{_digest(proof)}",
            "SET holder = :holder, expires_at = :expires",
            # 0 s: A and B are to be linked, and it fails; 1 s: A and C by the same proof, in
            # vain; 2 s: A and B again, linked; 3 s: the proof is spent, for A and B as well.
            "attribute_not_exists(pk) OR (holder = :holder AND attribute_not_exists(spent))",
            {":holder": holder, ":expires": int(time.time()) + PROOF_SECONDS},
        )

    def spend(self, proof: str) -> None:
        """Let nobody use it again."""
        self._write(
            f"proof#{_digest(proof)}",
            "SET spent = :one",
            # 0 s: begun; 1 h: cleared by the TTL; later: this would make one that nothing clears.
            "attribute_exists(pk)",
            {":one": 1},
        )

    def allows(self, name: str, user: str, a_day: int, apart: int) -> bool:
        """Count one more of a user's; False beyond so many a day, and sooner than `apart` s."""
        now = int(time.time())
        return self._write(
            f"{name}#{_digest(user)}#{now // DAY_SECONDS}",
            "SET next_at = :next, expires_at = :expires ADD times :one",
            # 0 s: two clicks at once, one is counted; the other one finds `next_at` in the future.
            "attribute_not_exists(pk) OR (next_at <= :now AND times < :limit)",
            {
                ":next": now + apart,
                ":now": now,
                # After the end of its day: cleared before, the count would begin anew.
                ":expires": now + 2 * DAY_SECONDS,
                ":limit": a_day,
                ":one": 1,
            },
        )

    def _write(self, key: str, update: str, condition: str, values: dict[str, str | int]) -> bool:
        typed = {
            name: {"S": value} if isinstance(value, str) else {"N": str(value)}
            for name, value in values.items()
        }
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": key}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=typed,
            )
        except AwsRefusedError as error:
            if error.code == CONDITION_FAILED:
                return False
            raise LedgerUnavailableError("DynamoDB refused a write", told(error.code)) from None
        except AwsSilentError:
            raise LedgerUnavailableError("DynamoDB did not answer") from None
        return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
