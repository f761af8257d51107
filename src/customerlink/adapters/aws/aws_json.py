"""AWS's JSON protocol, as far as a sign-up speaks it: four operations of two services.

boto3 is what everything else here uses. On the sign-up's path it costs more processor time than all
the rest together, and two fifths of a cold start (docs/performance.md); this client signs and sends
the same requests, and leaves retries to its callers.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from customerlink.adapters.connections import Answer, Connections, NoAnswerError, NotConnectedError
from customerlink.model.errors import CustomerLinkError
from customerlink.model.frozen import frozen

_REFRESH_SECONDS = 300.0
"""Credentials of a container are fetched anew so long before they expire."""

_FETCH = 1.0
"""Seconds for that."""

_ALGORITHM = "AWS4-HMAC-SHA256"

type Json = dict[str, Any]


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
class Credentials:
    """What requests are signed with; none of it shows in a `repr`."""

    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Aws:
    """The account that the function runs in, by the environment that Lambda gives it."""

    def __init__(self, connections: Connections, environment: Mapping[str, str]) -> None:
        """Take the connections; nothing is called yet."""
        self._connections = connections
        self._environment = environment
        self.region = environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"]
        self._fetched: Credentials | None = None
        self._fetched_until = 0.0

    def dynamodb(self, connect: float, read: float) -> "DynamoDb":
        """Return a client with these time-outs, in seconds."""
        return DynamoDb(partial(self._send, "dynamodb", "1.0", (connect, read)))

    def secrets_manager(self, connect: float, read: float) -> "SecretsManager":
        """Return a client with these time-outs, in seconds."""
        return SecretsManager(partial(self._send, "secretsmanager", "1.1", (connect, read)))

    def _send(
        self, service: str, version: str, seconds: tuple[float, float], target: str, request: Json
    ) -> Json:
        url = self._endpoint(service)
        body = json.dumps(request, separators=(",", ":")).encode()
        headers = {
            "content-type": f"application/x-amz-json-{version}",
            "host": urlsplit(url).netloc,
            "x-amz-target": target,
        }
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signed = signed_headers(self._credentials(), (self.region, service), now, headers, body)
        connect, read = seconds
        try:
            answer = self._connections.request(
                "POST", url, signed, body, connect=connect, total=connect + read
            )
        except (NotConnectedError, NoAnswerError) as error:
            raise AwsSilentError(str(error)) from None
        return _read(answer)

    def _endpoint(self, service: str) -> str:
        """Follow the SDKs' variables (docs.aws.amazon.com/sdkref: service-specific endpoints)."""
        specific = {"secretsmanager": "SECRETS_MANAGER"}.get(service, service.upper())
        given = self._environment.get(f"AWS_ENDPOINT_URL_{specific}")
        given = given or self._environment.get("AWS_ENDPOINT_URL")
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return given or f"https://{service}.{self.region}.{suffix}/"

    def _credentials(self) -> Credentials:
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
        if self._fetched is None or time.time() > self._fetched_until - _REFRESH_SECONDS:
            self._fetched, self._fetched_until = self._fetch()
        return self._fetched

    def _fetch(self) -> tuple[Credentials, float]:
        url = self._environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        token = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        try:
            answer = self._connections.request(
                "GET", url, {"authorization": token}, None, connect=_FETCH, total=_FETCH
            )
            given = json.loads(answer.body)
            until = datetime.fromisoformat(given["Expiration"]).timestamp()
            found = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["Token"])
        except (NotConnectedError, NoAnswerError, ValueError, KeyError) as error:
            raise AwsSilentError(type(error).__name__) from None
        return found, until


@frozen
class DynamoDb:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference: three operations."""

    send: Any

    def get_item(self, **request: Any) -> Json:  # noqa: ANN401 (boto3's documents)
        """Read an item."""
        return self._call("GetItem", request)

    def update_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Write some attributes of one."""
        return self._call("UpdateItem", request)

    def delete_item(self, **request: Any) -> Json:  # noqa: ANN401
        """Delete one."""
        return self._call("DeleteItem", request)

    def _call(self, operation: str, request: Json) -> Json:
        answer: Json = self.send(f"DynamoDB_20120810.{operation}", request)
        return answer


@frozen
class SecretsManager:
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference: one operation."""

    send: Any

    def get_secret_value(self, **request: Any) -> Json:  # noqa: ANN401 (boto3's documents)
        """Read the current version."""
        answer: Json = self.send("secretsmanager.GetSecretValue", request)
        return answer


def signed_headers(
    credentials: Credentials,
    place: tuple[str, str],
    now: str,
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, str]:
    """Sign a POST to `/` (https://docs.aws.amazon.com/IAM/latest/UserGuide: Signature Version 4).

    `place` is a region and a service, `now` is as `20261125T120000Z`; `headers` have names in lower
    case.
    """
    token = {"x-amz-security-token": credentials.token} if credentials.token else {}
    signed = {**headers, "x-amz-date": now, **token}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n/\n\n{lines}\n{names}\n{digest}"
    scope = f"{now[:8]}/{'/'.join(place)}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"{_ALGORITHM}\n{now}\n{scope}\n{hashed}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    signer = f"Credential={credentials.key_id}/{scope}"
    authorization = f"{_ALGORITHM} {signer}, SignedHeaders={names}, Signature={signature}"
    return {**signed, "authorization": authorization}


def _read(answer: Answer) -> Json:
    document = _json_object(answer.body)
    if document is None:
        # Somebody else's page, whatever its status: what became of the request is not known.
        raise AwsSilentError(f"{answer.status} came without a JSON object")
    if answer.status == HTTPStatus.OK:
        return document
    # `__type` is a name, perhaps behind a namespace; what fails a condition comes with the item.
    code = str(document.get("__type", answer.status)).rpartition("#")[2]
    raise AwsRefusedError(code, document.get("Item"))


def _json_object(body: bytes) -> Json | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
