"""What the SDKs raise, as sentences: none of their texts gets through."""

import errno
from typing import Any

import pytest
import stripe
from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    LoginRefreshRequired,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
    WaiterError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import ProtocolError

from customerlink.adapters.auth0.errors import Auth0RefusedError, Auth0SilentError, Auth0TokenError
from customerlink.adapters.locked import InUseError
from customerlink.adapters.stripe.http_client import NotSentError
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.explain import explain
from customerlink.model.errors import (
    ConfigurationError,
    LedgerUnavailableError,
    NoTurnError,
    ServicesDownError,
)
from customerlink.model.rates import Endpoint

SECRET = "rk_test_hidden"


def api_error(status: int, **body: str) -> Auth0RefusedError:
    """Return an answer of the Management API."""
    return Auth0RefusedError(status, {}, {"message": SECRET, **body})


def aws_error(code: str) -> ClientError:
    """Return an answer of AWS."""
    return ClientError({"Error": {"Code": code, "Message": SECRET}}, "GetSecretValue")


def waiting(reason: str, *statuses: str) -> WaiterError:
    """Return how a wait for a stack's update ended."""
    stacks = [{"StackStatus": each, "StackStatusReason": SECRET} for each in statuses]
    # Their stub knows the form of an error alone.
    answer: Any = {"Stacks": stacks} if stacks else {}
    return WaiterError("StackUpdateComplete", reason, answer)


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        *(
            (waiting("terminal failure", status), "rolled the stack's update back", Exit.REFUSED)
            for status in (
                *("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
                *("UPDATE_ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"),
            )
        ),
        (waiting("Max attempts exceeded", "UPDATE_IN_PROGRESS"), "not answer", Exit.UNREACHABLE),
        (waiting("An error occurred (Throttling)"), "did not answer", Exit.UNREACHABLE),
        (CliError("as it is", "", Exit.USAGE), "as it is", Exit.USAGE),
        (ConfigurationError("a field"), "a field", Exit.FAILED),
        (ServicesDownError("Stripe did not answer"), "Stripe did not answer.", Exit.UNREACHABLE),
        (LedgerUnavailableError(), "ledger did not answer", Exit.UNREACHABLE),
        (LedgerUnavailableError("", "AccessDeniedException"), "AccessDen", Exit.UNREACHABLE),
        (api_error(429), "limit stayed exceeded: what was done stands", Exit.UNREACHABLE),
        (NoTurnError(Endpoint.LIST), "exceeded: what was done stands", Exit.UNREACHABLE),
        (api_error(503), "answered 503", Exit.UNREACHABLE),
        (api_error(400, errorCode="invalid_body"), "400, invalid_body", Exit.REFUSED),
        (api_error(404), "404, without a code", Exit.REFUSED),
        (Auth0RefusedError(400, {}, SECRET), "400", Exit.REFUSED),
        (Auth0TokenError(401), "no token for this client", Exit.REFUSED),
        (Auth0TokenError(404), "no token (404)", Exit.REFUSED),
        (stripe.AuthenticationError(SECRET), "does not know this key", Exit.REFUSED),
        (stripe.PermissionError(SECRET), "may not do this", Exit.REFUSED),
        (NotSentError(SECRET), "Stripe did not answer", Exit.UNREACHABLE),  # type: ignore[no-untyped-call]
        (stripe.APIError(SECRET, http_status=500), "Stripe answered 500", Exit.UNREACHABLE),
        (NoCredentialsError(), "No AWS credentials", Exit.REFUSED),
        (ProfileNotFound(profile=SECRET), "no such profile", Exit.USAGE),
        (InvalidRegionError(region_name=SECRET), "no AWS region", Exit.USAGE),
        (ConfigParseError(path=SECRET), "files cannot be read", Exit.USAGE),
        (ValueError(f"Invalid endpoint: {SECRET}"), "address of AWS is none", Exit.USAGE),
        (ResponseParserError(SECRET), "What answered is not AWS", Exit.UNREACHABLE),
        (InUseError("Another run is at work in here"), "at work in here.", Exit.FAILED),
        (NoRegionError(), "No AWS region", Exit.USAGE),
        (PartialCredentialsError(provider=SECRET, cred_var="x"), "No AWS cred", Exit.REFUSED),
        (CredentialRetrievalError(provider="x", error_msg=SECRET), "No AWS cred", Exit.REFUSED),
        (SSOTokenLoadError(error_msg=SECRET), "have expired", Exit.REFUSED),
        (UnauthorizedSSOTokenError(), "have expired", Exit.REFUSED),
        (TokenRetrievalError(provider="x", error_msg=SECRET), "have expired", Exit.REFUSED),
        (LoginRefreshRequired(), "have expired", Exit.REFUSED),
        (aws_error("ExpiredToken"), "have expired", Exit.REFUSED),
        (aws_error("ExpiredTokenException"), "have expired", Exit.REFUSED),
        (aws_error("InvalidClientTokenId"), "does not know these credentials", Exit.REFUSED),
        (aws_error("UnrecognizedClientException"), "does not know these", Exit.REFUSED),
        (aws_error("SignatureDoesNotMatch"), "does not know these", Exit.REFUSED),
        (
            aws_error("AccessDeniedException"),
            "GetSecretValue: AccessDeniedException",
            Exit.REFUSED,
        ),
        (EndpointConnectionError(endpoint_url=SECRET), "AWS did not answer", Exit.UNREACHABLE),
        (Auth0SilentError("no answer: OSError"), "Auth0 did not answer", Exit.UNREACHABLE),
        (ProtocolError(SECRET), "network failed (ProtocolError)", Exit.UNREACHABLE),
        (ConnectionResetError(SECRET), "network failed", Exit.UNREACHABLE),
        (KeyError(SECRET), "A bug: KeyError", Exit.BUG),
    ],
)
def test_sentence_and_exit_code(error: Exception, said: str, code: Exit) -> None:
    """Kind, status and code at the most."""
    told = explain(error)

    assert said in told.message
    assert told.code == code
    assert SECRET not in told.message + told.fix


def test_missing_scope() -> None:
    """It is named, with the click that grants it."""
    message = "Insufficient scope, expected any of: update:actions"
    told = explain(api_error(403, errorCode="insufficient_scope", message=message))

    assert told.message == "The Auth0 client lacks the scope update:actions."
    assert "grant update:actions" in told.fix


def test_name_that_nobody_has() -> None:
    """A mistyped domain is not mended by another run."""
    told = explain(Auth0SilentError("no answer: gaierror"))

    assert told.fix.startswith("Is AUTH0_DOMAIN right?")


def test_place_of_a_bug() -> None:
    """The function and the line, for the report."""

    def broken() -> None:
        raise ZeroDivisionError(SECRET)

    with pytest.raises(ZeroDivisionError) as raised:
        broken()
    assert "ZeroDivisionError at broken:" in explain(raised.value).message


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file", "/no/page.html"),
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/page.html"),
        IsADirectoryError(errno.EISDIR, "Is a directory", "/pages"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
    ],
)
def test_file(error: OSError) -> None:
    """It is no failure of the network, and the file is named where it is known."""
    told = explain(error)

    assert "network" not in told.message
    assert str(error.filename or "A file") in told.message
    assert told.code in (Exit.USAGE, Exit.FAILED)


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError(), TimeoutError(), OSError(errno.ENETUNREACH, "Network is unreachable")],
)
def test_socket(error: OSError) -> None:
    """It is the network's, and another run goes on."""
    assert explain(error).code is Exit.UNREACHABLE
