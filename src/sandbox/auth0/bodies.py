"""What the Management API's bodies are made of (https://auth0.com/docs/api/management/v2)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import request

from sandbox.auth0.failure import bad_body
from sandbox.shapes import (
    COUNT,
    FLAG,
    LINE,
    OBJECT,
    TEXT,
    OddRequestError,
    Schema,
    check,
    document_of,
    line,
    or_null,
    text,
)

LONGEST_USER_ID = 255

_NAMES = ("family_name", "given_name", "name", "nickname")
_LINES = ("email", "phone_number", "username", "picture")
PROFILE: Mapping[str, Schema] = {
    **dict.fromkeys(_NAMES, or_null(text(300))),
    **dict.fromkeys(_LINES, or_null(LINE)),
    **dict.fromkeys(("blocked", "email_verified", "phone_verified"), or_null(FLAG)),
    **dict.fromkeys(("app_metadata", "user_metadata"), OBJECT),
}
"""What a user's profile may be given."""

USER: Mapping[str, Schema] = {
    **PROFILE,
    **dict.fromkeys(("client_id", "connection", "password"), or_null(TEXT)),
    **dict.fromkeys(("verify_email", "verify_phone_number"), or_null(FLAG)),
    "user_id": line(LONGEST_USER_ID),
}

IDENTITY: Mapping[str, Schema] = {
    "provider": LINE,
    "user_id": replace(LINE, holds=lambda value: LINE.holds(value) or COUNT.holds(value)),
    "connection_id": LINE,
    "link_with": TEXT,
}

_SECRETS: Schema = [{"name": LINE, "value": text(4096)}]
ACTION: Mapping[str, Schema] = {
    "name": line(255),
    "supported_triggers": [{"id": LINE, "version": LINE}],
    "code": text(500_000),
    "dependencies": [{"name": LINE, "version": LINE, "registry_url": LINE}],
    "runtime": LINE,
    "secrets": _SECRETS,
}

BINDINGS: Mapping[str, Schema] = {
    "bindings": [
        {"ref": {"type": LINE, "value": LINE}, "display_name": LINE, "secrets": _SECRETS},
    ]
}

EVENT_STREAM: Mapping[str, Schema] = {
    "name": LINE,
    "subscriptions": [{"event_type": LINE}],
    "destination": {
        "type": LINE,
        "configuration": {
            **dict.fromkeys(("aws_account_id", "aws_region", "webhook_endpoint"), LINE),
            "webhook_authorization": {"method": LINE, "token": LINE},
        },
    },
    "status": LINE,
}

TEST_EVENT: Mapping[str, Schema] = {"event_type": LINE, "data": OBJECT}

EXPORT: Mapping[str, Schema] = {
    "connection_id": LINE,
    "format": LINE,
    "limit": COUNT,
    "fields": [{"name": LINE, "export_as": LINE}],
}

VERIFICATION: Mapping[str, Schema] = {"user_id": line(LONGEST_USER_ID), "client_id": LINE}


def body(schema: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the request's body, or raise the answer that its first odd field has."""
    try:
        document = document_of(request.get_data())
        check(document, schema, "the body")
    except OddRequestError as odd:
        raise bad_body(f"Expected {odd.needed} on property {odd.name}") from None
    return document if isinstance(document, dict) else {}
