"""DynamoDB by boto3, which follows profiles and proxies: for what is not on the sign-up's path."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError, Json
from customerlink.adapters.aws.server_clock import ServerClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Boto3DynamoDb:
    """What `aws_json.LedgerClient` asks for, over boto3's client."""

    def __init__(self, client: "DynamoDBClient", clock: ServerClock | None = None) -> None:
        """Take a client that has time-outs; a clock learns from the answers what time it is."""
        self._client, self._clock = client, clock or ServerClock()

    def get_item(self, **request: Any) -> Json:  # noqa: ANN401 (DynamoDB's documents)
        """Read an item."""
        return self._carried_out(self._client.get_item, request)

    def update_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Write some attributes of one."""
        return self._carried_out(self._client.update_item, request)

    def delete_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Delete one."""
        return self._carried_out(self._client.delete_item, request)

    def _carried_out(self, operation: Callable[..., Any], request: Json) -> Json:
        sent = time.time()
        try:
            answer: Json = operation(**request)
        except ClientError as error:
            # The item that failed a condition stands beside the error, which the types do not know.
            response: Any = error.response
            self.observe(response, sent)
            raise AwsRefusedError(response["Error"]["Code"], response.get("Item")) from None
        except BotoCoreError as error:
            raise AwsSilentError(type(error).__name__) from None
        self.observe(answer, sent)
        return answer

    def observe(self, answer: Json, sent: float) -> None:
        """Tell the clock of one of boto3's answers, and when it was asked for."""
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        self._clock.observe(headers.get("date"), sent, time.time())
