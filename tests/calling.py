"""Calls to the endpoint over HTTP, signed as the Action signs, or not."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from customerlink.model.signature import SigningSecret, sign
from sandbox.patience import PATIENCE_SECONDS

_POOL = urllib3.PoolManager()


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: dict[str, Any]


def signed(secret: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """Return the headers of a signed JSON request."""
    moment = int(time.time() if at is None else at)
    headers = sign(SigningSecret.parse(secret), f"msg_{uuid.uuid4().hex}", moment, body)
    return {**headers, "content-type": "application/json"}


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Send raw bytes."""
    answer = _POOL.request(
        "POST", url, body=body, headers=dict(headers), timeout=PATIENCE_SECONDS, retries=False
    )
    return Reply(answer.status, answer.json())


def report(url: str, secret: str, document: object) -> Reply:
    """Send a document, signed."""
    body = json.dumps(document).encode()
    return post(url, body, signed(secret, body))
