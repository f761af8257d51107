"""A request of the stream's as a line for a shell; for secrets it has variables."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.journal import Entry, Kind
from sandbox.sandbox import Sandbox

_SIGNED = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(frozen=True)
class Places:
    """Where the stand-ins are."""

    gateway: str
    stripe: str
    aws: str
    auth0: str

    @classmethod
    def of(cls, box: Sandbox) -> "Places":
        """Return a sandbox's."""
        gateway = box.url.removesuffix("/post-login")
        return cls(gateway, box.stripe_url, box.aws.url, box.auth0_url)

    def curl(self, entry: Entry) -> str | None:
        """Return the line, for an entry that is a request."""
        asked: Mapping[str, Any] = entry.detail
        match entry.kind:
            case Kind.REPORT:
                return _line(self._report(asked))
            case Kind.STRIPE:
                return _line(self._stripe(asked))
            case Kind.DYNAMODB:
                return _line(self._dynamodb(asked))
            case Kind.AUTH0:
                return _line(self._auth0(asked))
            case _:
                return None

    def _report(self, asked: Mapping[str, Any]) -> Iterable[str]:
        yield from _words("-X", asked.get("method"), f"{self.gateway}{asked.get('path')}")
        headers = {name.lower(): value for name, value in (asked.get("headers") or {}).items()}
        for name in _SIGNED:
            if name in headers:
                yield from _words("-H", f"{name}: {headers[name]}")
        yield from _words("--data-raw", asked.get("raw") or _json(asked.get("body")))

    def _stripe(self, asked: Mapping[str, Any]) -> Iterable[str]:
        is_read = asked.get("method") == "GET"
        yield from _words("-X", asked.get("method"), f"{self.stripe}{asked.get('path')}")
        yield '-u "$STRIPE_KEY:"'
        if key := asked.get("idempotency_key"):
            yield from _words("-H", f"Idempotency-Key: {key}")
        given = asked.get("query" if is_read else "body")
        fields = given if isinstance(given, Mapping) else {}
        yield from ["-G"] if is_read and fields else []
        for name, value in fields.items():
            yield from _words("--data-urlencode", f"{name}={value}")

    def _dynamodb(self, asked: Mapping[str, Any]) -> Iterable[str]:
        yield from _words(self.aws, "--aws-sigv4", "aws:amz:us-east-1:dynamodb")
        yield '-u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
        yield from _words("-H", f"X-Amz-Target: DynamoDB_20120810.{asked.get('operation')}")
        yield from _words("-H", "content-type: application/x-amz-json-1.0")
        yield from _words("--data-raw", _json(asked.get("body")))

    def _auth0(self, asked: Mapping[str, Any]) -> Iterable[str]:
        yield from _words("-X", asked.get("method"), f"{self.auth0}{asked.get('path')}")
        yield '-H "authorization: Bearer $AUTH0_TOKEN"'
        if query := asked.get("query"):
            yield "-G"
            for name, value in query.items():
                yield from _words("--data-urlencode", f"{name}={value}")
        elif asked.get("body") is not None:
            yield from _words("-H", "content-type: application/json")
            yield from _words("--data-raw", _json(asked.get("body")))


def _words(*words: object) -> Iterable[str]:
    return [shlex.quote(str(each)) for each in words]


def _json(document: object) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _line(words: Iterable[str]) -> str:
    return " ".join(["curl", "-sS", *words])
