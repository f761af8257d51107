"""What the SDKs raise: of the row, an outage, or the end of a run."""

import pytest
import stripe
import urllib3
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from customerlink.adapters.auth0.errors import (
    Auth0OddError,
    Auth0RefusedError,
    Auth0SilentError,
    Auth0TokenError,
    NotDownloadedError,
)
from customerlink.adapters.trouble import failure_of, trouble_of
from customerlink.model.errors import (
    ConfigurationError,
    KeyRejectedError,
    LedgerUnavailableError,
    NoTurnError,
)
from customerlink.model.failure import FailedAt, Failure, How
from customerlink.model.rates import Endpoint
from customerlink.model.trouble import Trouble


def aws(code: str, status: int = 400) -> ClientError:
    """Return an answer of AWS's."""
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "UpdateItem")  # type: ignore[arg-type]


def of_stripe(kind: type[stripe.StripeError], status: int) -> stripe.StripeError:
    """Return an answer of Stripe's."""
    return kind("ada@example.com", http_status=status)


INVALID: Exception = stripe.InvalidRequestError("text", "email", http_status=400)  # type: ignore[no-untyped-call]
UNREACHED: Exception = stripe.APIConnectionError("text")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (TypeError(), Trouble.OF_THE_ROW),
        (KeyError("name"), Trouble.OF_THE_ROW),
        (RecursionError(), Trouble.OF_THE_ROW),
        (Auth0OddError(), Trouble.OF_THE_ROW),
        (Auth0RefusedError(400), Trouble.OF_THE_ROW),
        (Auth0RefusedError(404), Trouble.OF_THE_ROW),
        (INVALID, Trouble.OF_THE_ROW),
        (of_stripe(stripe.IdempotencyError, 400), Trouble.OF_THE_ROW),
        (aws("ValidationException"), Trouble.OF_THE_ROW),
        (Auth0RefusedError(401), Trouble.LASTING),
        (Auth0RefusedError(403), Trouble.LASTING),
        (Auth0TokenError(401), Trouble.LASTING),
        (Auth0TokenError(404), Trouble.LASTING),
        (of_stripe(stripe.AuthenticationError, 401), Trouble.LASTING),
        (of_stripe(stripe.PermissionError, 403), Trouble.LASTING),
        (KeyRejectedError("the key"), Trouble.LASTING),
        (ConfigurationError("the setting"), Trouble.LASTING),
        (NoCredentialsError(), Trouble.LASTING),
        (aws("ExpiredTokenException"), Trouble.LASTING),
        (aws("AccessDeniedException"), Trouble.LASTING),
        (Auth0RefusedError(500), Trouble.OUTAGE),
        (Auth0RefusedError(429, {}), Trouble.OUTAGE),
        (NoTurnError(Endpoint.READ_USERS), Trouble.OUTAGE),
        (Auth0TokenError(503), Trouble.OUTAGE),
        (Auth0TokenError(429), Trouble.OUTAGE),
        (Auth0SilentError(), Trouble.OUTAGE),
        (NotDownloadedError(502), Trouble.OUTAGE),
        (urllib3.exceptions.ProtocolError("text"), Trouble.OUTAGE),
        (of_stripe(stripe.APIError, 500), Trouble.OUTAGE),
        (of_stripe(stripe.RateLimitError, 429), Trouble.OUTAGE),
        (UNREACHED, Trouble.OUTAGE),
        (aws("InternalServerError", 500), Trouble.OUTAGE),
        (aws("ThrottlingException"), Trouble.OUTAGE),
        (aws("ProvisionedThroughputExceededException"), Trouble.OUTAGE),
        (aws("RequestLimitExceeded"), Trouble.OUTAGE),
        (aws("TransactionInProgressException"), Trouble.OUTAGE),
        (aws("SlowDown", 503), Trouble.OUTAGE),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1/"), Trouble.OUTAGE),
        (LedgerUnavailableError(), Trouble.OUTAGE),
        (ConnectionResetError(), Trouble.OUTAGE),
        (TimeoutError(), Trouble.OUTAGE),
    ],
    ids=lambda each: each.name if isinstance(each, Trouble) else type(each).__name__,
)
def test_trouble(error: Exception, trouble: Trouble) -> None:
    """A run ends early for what the next rows must meet as well, and for nothing else."""
    assert trouble_of(error) is trouble


def of_a_file(code: str, operation: str) -> ClientError:
    """Return an answer of S3's."""
    return ClientError({"Error": {"Code": code}}, operation)


NO_TABLE = EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com/")
NO_FILES = EndpointConnectionError(endpoint_url="https://bucket.s3.us-east-1.amazonaws.com/")


@pytest.mark.parametrize(
    ("error", "at", "how"),
    [
        (aws("ThrottlingException"), FailedAt.LEDGER, "ThrottlingException"),
        (aws("ada@example.com"), FailedAt.LEDGER, How.ODD_ANSWER),
        (NO_TABLE, FailedAt.LEDGER, How.NO_ANSWER),
        (of_a_file("AccessDenied", "PutObject"), FailedAt.FILES, "AccessDenied"),
        (of_a_file("NoSuchBucket", "ListObjectsV2"), FailedAt.FILES, "NoSuchBucket"),
        (of_a_file("SlowDown", "UploadPart"), FailedAt.FILES, "SlowDown"),
        (NO_FILES, FailedAt.FILES, How.NO_ANSWER),
        (of_stripe(stripe.AuthenticationError, 401), FailedAt.STRIPE, How.KEY_UNKNOWN),
        (of_stripe(stripe.PermissionError, 403), FailedAt.STRIPE, How.KEY_NOT_PERMITTED),
        (of_stripe(stripe.RateLimitError, 429), FailedAt.STRIPE, How.RATE_LIMITED),
        (UNREACHED, FailedAt.STRIPE, How.NO_ANSWER),
        (Auth0RefusedError(401), FailedAt.AUTH0, "status_401"),
        (Auth0TokenError(403), FailedAt.AUTH0, "status_403"),
        (Auth0RefusedError(429, {}), FailedAt.AUTH0, "status_429"),
        (Auth0OddError(), FailedAt.AUTH0, How.ODD_ANSWER),
        (Auth0SilentError(), FailedAt.AUTH0, How.NO_ANSWER),
        (
            NotDownloadedError(503),
            FailedAt.AUTH0,
            "status_503",
        ),
        (ConnectionResetError(), FailedAt.NETWORK, How.NO_ANSWER),
        (LedgerUnavailableError(), FailedAt.LEDGER, How.NO_ANSWER),
        (ConfigurationError("the setting"), FailedAt.SETTING, How.WRONG),
        (KeyError("ada@example.com"), FailedAt.CODE, "KeyError"),
    ],
)
def test_where_it_failed(error: Exception, at: FailedAt, how: str) -> None:
    """Whose trouble it is, in words that quote nobody."""
    assert failure_of(error) == Failure(at, how)
