"""DynamoDB by boto3, which follows profiles and proxies: for what is not on the sign-up's path."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from customerlink.adapters.aws_json import AwsRefusedError, AwsSilentError, Json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Boto3DynamoDb:
    """What `aws_json.LedgerClient` asks for, over boto3's client."""

    def __init__(self, client: "DynamoDBClient") -> None:
        """Take a client that has time-outs."""
        self._client = client

    def get_item(self, **request: Any) -> Json:  # noqa: ANN401 (DynamoDB's documents)
        """Read an item."""
        return _carried_out(self._client.get_item, request)

    def update_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Write some attributes of one."""
        return _carried_out(self._client.update_item, request)

    def delete_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Delete one."""
        return _carried_out(self._client.delete_item, request)


def _carried_out(operation: Callable[..., Any], request: Json) -> Json:
    try:
        answer: Json = operation(**request)
    except ClientError as error:
        # The item that failed a condition stands beside the error, which the types do not know.
        response: Any = error.response
        raise AwsRefusedError(response["Error"]["Code"], response.get("Item")) from None
    except BotoCoreError as error:
        raise AwsSilentError(type(error).__name__) from None
    return answer
