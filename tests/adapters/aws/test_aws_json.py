"""The small AWS client, against moto."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.fakes import FakeClock
from werkzeug.wrappers import Request, Response

from customerlink.adapters.aws import aws_json
from customerlink.adapters.aws.aws_json import (
    DYNAMODB,
    Aws,
    AwsRefusedError,
    AwsSilentError,
)
from customerlink.adapters.connections import Connections
from sandbox.aws import CREDENTIALS, SECRET, TABLE, aws
from sandbox.aws import Aws as StandIn
from sandbox.serving import Server


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    """Run moto."""
    with aws({"key": "value"}) as running:
        yield running


def account(url: str, **environment: str) -> Aws:
    """Return the account behind an address."""
    return Aws(Connections(url), {**CREDENTIALS, "AWS_ENDPOINT_URL": url, **environment})


def test_dynamodb(stand_in: StandIn) -> None:
    """Three operations; a failed condition comes with the item."""
    client = account(stand_in.url).dynamodb(1, 5)
    key = {"pk": {"S": "x"}}
    client.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET a = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert client.get_item(TableName=TABLE, Key=key)["Item"] == {**key, "a": {"N": "1"}}
    with pytest.raises(AwsRefusedError) as failed:
        client.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="SET a = :one",
            ConditionExpression="a = :two",
            ExpressionAttributeValues={":one": {"N": "1"}, ":two": {"N": "2"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.code == "ConditionalCheckFailedException"
    assert failed.value.item == {**key, "a": {"N": "1"}}
    client.delete_item(TableName=TABLE, Key=key)
    assert "Item" not in client.get_item(TableName=TABLE, Key=key)


def test_secrets_manager(stand_in: StandIn) -> None:
    """One operation, and its error's code."""
    client = account(stand_in.url).secrets_manager(1, 5)

    assert json.loads(client.get_secret_value(SecretId=SECRET)["SecretString"]) == {"key": "value"}
    with pytest.raises(AwsRefusedError, match="ResourceNotFoundException"):
        client.get_secret_value(SecretId="none")


class TestInvoke:
    """A function, invoked."""

    def invoked(self, answer: Response, name: str = "mail") -> tuple[Any, list[str]]:
        """Return what comes of it, and which path was asked."""
        asked: list[str] = []

        @Request.application
        def application(request: Request) -> Response:
            asked.append(f"{request.path} {request.get_data(as_text=True)}")
            return answer

        with Server(application) as server:
            try:
                return account(server.url).functions(1, 5).invoke(name, {"a": 1}), asked
            except (AwsRefusedError, AwsSilentError) as error:
                return error, asked

    @pytest.mark.parametrize("name", ["mail", "shop-Mail-1A2B", "mail:live"])
    def test_what_it_does(self, name: str) -> None:
        """The event goes as JSON, and a document comes back."""
        found, asked = self.invoked(Response('{"mail": "sent"}'), name)

        assert found == {"mail": "sent"}
        assert asked == [f'/2015-03-31/functions/{name}/invocations {{"a":1}}']

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            ("AccessDeniedException", "AccessDeniedException"),
            ("ResourceNotFoundException:http://internal.amazon.com/", "ResourceNotFoundException"),
            ("aws.lambda#TooManyRequestsException", "TooManyRequestsException"),
            (None, "403"),
        ],
    )
    def test_refusal(self, kind: str | None, code: str) -> None:
        """Its name is in a header, in whatever form."""
        headers = {"x-amzn-ErrorType": kind} if kind else {}
        found, _ = self.invoked(Response('{"Message": "hidden"}', 403, headers))

        assert isinstance(found, AwsRefusedError)
        assert found.code == str(found) == code

    @pytest.mark.parametrize("body", ["null", "[]", '"sent"', "<html>", ""])
    def test_what_is_no_answer(self, body: str) -> None:
        """Nothing is known of what it did."""
        found, _ = self.invoked(Response(body))

        assert isinstance(found, AwsSilentError)


def answering(status: int, body: bytes) -> Callable[..., Any]:
    """Return a service that always answers so."""

    @Request.application
    def application(_: Request) -> Response:
        return Response(body, status, content_type="text/plain")

    return application


@pytest.mark.parametrize("status", [200, 403, 503])
@pytest.mark.parametrize("body", [b"<html>ada@example.com", b"[]", b"null", b""])
def test_answers_that_are_nobodys(status: int, body: bytes) -> None:
    """Never taken for a write that was carried out, nor for one that was not."""
    with Server(answering(status, body)) as server:
        with pytest.raises(AwsSilentError, match=f"{status} came without") as failed:
            account(server.url).dynamodb(1, 1).update_item()
        assert "@" not in str(failed.value)


def test_error_without_a_name() -> None:
    """Told by its status."""
    with (
        Server(answering(502, b"{}")) as server,
        pytest.raises(AwsRefusedError, match="502"),
    ):
        account(server.url).dynamodb(1, 1).update_item()


def test_nobody_listens() -> None:
    """Told by the kind of trouble."""
    with pytest.raises(AwsSilentError, match="ConnectionRefusedError"):
        account("http://127.0.0.1:9").dynamodb(0.2, 0.2).get_item()


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"AWS_REGION": "eu-west-1"}, "https://dynamodb.eu-west-1.amazonaws.com/"),
        ({"AWS_REGION": "cn-north-1"}, "https://dynamodb.cn-north-1.amazonaws.com.cn/"),
        (
            {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": ""},
            "https://dynamodb.us-east-1.amazonaws.com/",
        ),
        (
            {
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": "http://a",
                "AWS_ENDPOINT_URL_DYNAMODB": "http://b",
            },
            "http://b",
        ),
    ],
)
def test_endpoints(environment: dict[str, str], url: str) -> None:
    """By region, unless the SDKs' variables say otherwise."""
    assert Aws(Connections(), environment).endpoint(DYNAMODB) == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://[::1", "http://127.0.0.1:many", "http://ada:word@127.0.0.1"),
        "http://a\N{ACCOUNT OF}.example",
    ],
)
def test_endpoint_that_is_none(url: str) -> None:
    """Nobody answers there, and its text is quoted nowhere."""
    with pytest.raises(AwsSilentError, match=r"^WebAddressError$"):
        account(url).secrets_manager(1, 1).get_secret_value(SecretId=SECRET)


URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
EXPIRED = json.dumps(
    {
        "AccessKeyId": "key-0",
        "SecretAccessKey": "secret",
        "Token": "session",
        "Expiration": "2026-01-01T00:00:00Z",
    }
).encode()


class TestSnapStart:
    """A restored function has no keys in its environment, but an address to ask."""

    def asked(self, seconds: float) -> tuple[Server, list[str]]:
        """Serve credentials that last for so long."""
        tokens: list[str] = []

        @Request.application
        def application(request: Request) -> Response:
            tokens.append(request.headers["authorization"])
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            document = {
                "AccessKeyId": f"key-{len(tokens)}",
                "SecretAccessKey": "secret",
                "Token": "session",
                "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            return Response(json.dumps(document))

        return Server(application), tokens

    def account(self, url: str) -> Aws:
        """Return the account of such a function."""
        return Aws(
            Connections(),
            {
                "AWS_REGION": "us-east-1",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
            },
        )

    def test_kept_while_they_last(self) -> None:
        """Asked for once."""
        server, tokens = self.asked(3600)
        with server:
            aws_ = self.account(server.url)
            assert {aws_.credentials().key_id for _ in range(3)} == {"key-1"}
        assert tokens == ["token"]

    def test_fetched_anew_before_they_expire(self) -> None:
        """Five minutes early."""
        server, _ = self.asked(200)
        with server:
            aws_ = self.account(server.url)
            assert [aws_.credentials().key_id for _ in range(2)] == ["key-1", "key-2"]

    @pytest.mark.parametrize(
        "answer",
        [
            (500, b"{}"),
            (200, b"<html>"),
            (200, b""),
            (403, b'{"Code": "AccessDenied"}'),
            (200, b"[" * 60_000),
            (200, EXPIRED),
        ],
    )
    def test_those_that_last_serve_on(
        self, answer: tuple[int, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While a refresh fails, and until they expire; it is not tried at each call."""
        clock = FakeClock(time.time())
        monkeypatch.setattr(aws_json, "time", clock)
        server, tokens = self.asked(3600)
        with server:
            aws_ = self.account(server.url)
            assert aws_.credentials().key_id == "key-1"
        broken, asked = self.failing(*answer)
        with broken:
            aws_._environment = {**aws_._environment, URI: broken.url}
            clock.sleep(3400)
            assert {aws_.credentials().key_id for _ in range(5)} == {"key-1"}
            assert len(asked) == 1
            clock.sleep(31)
            assert aws_.credentials().key_id == "key-1"
            assert len(asked) == 2
            clock.sleep(200)
            with pytest.raises(AwsSilentError):
                aws_.credentials()
        assert tokens == ["token"]

    def test_refresh_after_a_failed_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The new ones take over."""
        clock = FakeClock(time.time())
        monkeypatch.setattr(aws_json, "time", clock)
        server, _ = self.asked(3600)
        with server:
            aws_ = self.account(server.url)
            aws_.credentials()
            clock.sleep(3400)
            aws_._environment = {**aws_._environment, URI: "http://127.0.0.1:9"}
            assert aws_.credentials().key_id == "key-1"
            clock.sleep(31)
            aws_._environment = {**aws_._environment, URI: server.url}
            assert aws_.credentials().key_id == "key-2"

    def failing(self, status: int, body: bytes) -> tuple[Server, list[str]]:
        """Serve no credentials, and note who asked."""
        asked: list[str] = []

        @Request.application
        def application(request: Request) -> Response:
            asked.append(request.headers["authorization"])
            return Response(body, status)

        return Server(application), asked

    def test_nobody_answers(self) -> None:
        """An outage, as the callers know it."""
        with pytest.raises(AwsSilentError):
            self.account("http://127.0.0.1:9").credentials()
        with pytest.raises(AwsSilentError):
            Aws(Connections(), {"AWS_REGION": "us-east-1"}).credentials()

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'{"Expiration": "soon"}',
            b'{"Expiration": 1}',
            b'{"Expiration": "2026-11-25T12:00:00Z"}',
            b"<html>",
        ],
    )
    def test_answers_that_are_no_credentials(self, body: bytes) -> None:
        """An outage as well."""
        with Server(answering(200, body)) as server, pytest.raises(AwsSilentError):
            self.account(server.url).credentials()
