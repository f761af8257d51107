"""What functions ask of AWS without boto3: five operations by its JSON protocol, and Invoke.

boto3 is what everything else here uses; why not here says docs/architecture.md, "Written by hand,
and why". This client signs and sends the same requests, and leaves retries to its callers.
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from customerlink.adapters.aws.endpoints import endpoint
from customerlink.adapters.aws.signature_v4 import Credentials, signed_headers
from customerlink.adapters.connections import Connections, NoAnswerError, NotConnectedError
from customerlink.adapters.http_messages import Answer
from customerlink.model.errors import CustomerLinkError
from customerlink.model.frozen import frozen
from customerlink.model.web_address import WebAddressError, parts_of

_REFRESH_SECONDS = 300.0
"""Fetched credentials are fetched anew so long before they expire: a request that is signed at the
last moment may be sent, and sent again, a little later."""

_RETRY_SECONDS = 30.0
"""After a failed fetch those that last serve so long before the next one, which takes its time."""

_FETCH_SECONDS = 1.0
"""They come from the function's own machine, and a sign-up waits for them."""

type Json = dict[str, Any]
type _Call = Callable[[str, Json], Json]


class AwsRefusedError(CustomerLinkError):
    """AWS answered with an error: its `code`, and the item that failed a write's condition."""

    def __init__(self, code: str, item: Json | None = None) -> None:
        """Take AWS's name for the error."""
        super().__init__(code)
        self.code = code
        self.item = item or {}


class AwsSilentError(CustomerLinkError):
    """No whole answer came in time: the request may have been carried out."""


class LedgerClient(Protocol):
    """What the ledger asks of DynamoDB, by the names and documents of its API.

    Raise `AwsRefusedError` and `AwsSilentError`.
    """

    def get_item(self, **request: Any) -> Json:  # noqa: ANN401 (DynamoDB's documents)
        """Read an item."""
        ...

    def update_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Write some attributes of one."""
        ...

    def delete_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Delete one."""
        ...


@frozen
class DynamoDb:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference: three operations."""

    call: _Call

    def get_item(self, **request: Any) -> Json:  # noqa: ANN401 (DynamoDB's documents)
        """Read an item."""
        return self.call("GetItem", request)

    def update_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Write some attributes of one."""
        return self.call("UpdateItem", request)

    def delete_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Delete one."""
        return self.call("DeleteItem", request)


@frozen
class SecretsManager:
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference: one operation."""

    call: _Call

    def get_secret_value(self, **request: Any) -> Json:  # noqa: ANN401 (its documents)
        """Read the current version."""
        return self.call("GetSecretValue", request)


@frozen
class Functions:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html: one operation."""

    call: _Call

    def invoke(self, name: str, event: Json) -> Json:
        """Invoke a function, and return what it does; of a crash, what it raised."""
        return self.call(name, event)


@frozen
class Sqs:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference: one operation."""

    call: _Call

    def send_message(self, **request: Any) -> Json:  # noqa: ANN401 (its documents)
        """Put a message into a queue."""
        return self.call("SendMessage", request)


@frozen
class _Service:
    name: str
    """In its host, and in what a signature is good for."""
    variable: str
    """How the SDKs' variables call it."""
    version: str = ""
    """Of the protocol."""
    target: str = ""
    """What its operations' names stand behind."""


DYNAMODB = _Service("dynamodb", "DYNAMODB", "1.0", "DynamoDB_20120810")
SECRETS_MANAGER = _Service("secretsmanager", "SECRETS_MANAGER", "1.1", "secretsmanager")
LAMBDA = _Service("lambda", "LAMBDA")
SQS = _Service("sqs", "SQS", "1.0", "AmazonSQS")


class Aws:
    """The account that the function runs in, by the environment that Lambda gives it."""

    def __init__(self, connections: Connections, environment: Mapping[str, str]) -> None:
        """Take the connections; nothing is called yet."""
        self._connections = connections
        self._environment = environment
        self.region = environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"]
        self._fetched: Credentials | None = None
        self._fetched_until = self._next_fetch = 0.0

    def dynamodb(self, connect: float, read: float) -> DynamoDb:
        """Return a client with these time-outs, in seconds."""
        return DynamoDb(partial(self._call, DYNAMODB, (connect, read)))

    def secrets_manager(self, connect: float, read: float) -> SecretsManager:
        """Return a client with these time-outs, in seconds."""
        return SecretsManager(partial(self._call, SECRETS_MANAGER, (connect, read)))

    def functions(self, connect: float, read: float) -> Functions:
        """Return a client with these time-outs, in seconds."""
        return Functions(partial(self._invoke, (connect, read)))

    def sqs(self, connect: float, read: float) -> Sqs:
        """Return a client with these time-outs, in seconds."""
        return Sqs(partial(self._call, SQS, (connect, read)))

    def endpoint(self, service: _Service) -> str:
        """Follow the SDKs' variables (docs.aws.amazon.com/sdkref: service-specific endpoints)."""
        given = self._environment.get(f"AWS_ENDPOINT_URL_{service.variable}")
        given = given or self._environment.get("AWS_ENDPOINT_URL")
        return given or endpoint(service.name, self.region, self._environment)

    def credentials(self) -> Credentials:
        """Read Lambda's variables; with SnapStart there are none, but an address to ask.

        https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
        """
        environment = self._environment
        if "AWS_ACCESS_KEY_ID" in environment:
            return Credentials(
                environment["AWS_ACCESS_KEY_ID"],
                environment["AWS_SECRET_ACCESS_KEY"],
                environment.get("AWS_SESSION_TOKEN"),
            )
        if self._fetched is None or time.time() > self._next_fetch:
            self._fetched = self._refreshed()
        return self._fetched

    def _refreshed(self) -> Credentials:
        """Fetch new ones; where that fails, those that are there serve as long as they last."""
        try:
            fetched, self._fetched_until = self._fetch()
        except AwsSilentError:
            now = time.time()
            if self._fetched is None or now >= self._fetched_until:
                raise
            self._next_fetch = now + _RETRY_SECONDS
            return self._fetched
        self._next_fetch = self._fetched_until - _REFRESH_SECONDS
        return fetched

    def _call(
        self, service: _Service, seconds: tuple[float, float], operation: str, request: Json
    ) -> Json:
        headers = {
            "content-type": f"application/x-amz-json-{service.version}",
            "x-amz-target": f"{service.target}.{operation}",
        }
        return self._signed(service, "/", headers, request, seconds)

    def _invoke(self, seconds: tuple[float, float], name: str, event: Json) -> Json:
        path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
        return self._signed(LAMBDA, path, {"content-type": "application/json"}, event, seconds)

    def _signed(
        self,
        service: _Service,
        path: str,
        headers: Mapping[str, str],
        request: Json,
        seconds: tuple[float, float],
    ) -> Json:
        url = self.endpoint(service).rstrip("/")
        try:
            host = parts_of(url).netloc
        except WebAddressError as error:
            raise AwsSilentError(type(error).__name__) from None
        body = json.dumps(request, separators=(",", ":")).encode()
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        place, named = (self.region, service.name), {**headers, "host": host}
        signed = signed_headers(self.credentials(), place, now, named, body, path)
        answer, document = self._answer("POST", f"{url}{path}", signed, body, seconds)
        if answer.status == HTTPStatus.OK:
            return document
        # A name, perhaps behind a namespace or, in a header, before one; with what fails a
        # condition comes the item.
        code = document.get("__type") or answer.headers.get("x-amzn-errortype") or answer.status
        code = str(code).partition(":")[0].rpartition("#")[2]
        raise AwsRefusedError(code, document.get("Item"))

    def _fetch(self) -> tuple[Credentials, float]:
        url = self._environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        token = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        seconds = _FETCH_SECONDS, 0.0
        _, given = self._answer("GET", url, {"authorization": token}, None, seconds)
        try:
            until = datetime.fromisoformat(given["Expiration"]).timestamp()
            found = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
        except (KeyError, TypeError, ValueError) as error:
            raise AwsSilentError(type(error).__name__) from None
        if until <= time.time():
            raise AwsSilentError("credentials that have expired")
        return found, until

    def _answer(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: tuple[float, float],
    ) -> tuple[Answer, Json]:
        """Return an answer and its document; whatever is no answer of AWS's is silence."""
        connect, read = seconds
        try:
            answer = self._connections.request(
                method, url, headers, body, connect=connect, total=connect + read
            )
            document = json.loads(answer.body)
        except (NotConnectedError, NoAnswerError) as error:
            raise AwsSilentError(str(error)) from None
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            # Somebody else's page, whatever its status: what became of the request is not known.
            raise AwsSilentError(f"{answer.status} came without a JSON object")
        return answer, document
