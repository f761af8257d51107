"""What the SDKs' exceptions mean for a run over many rows: the one place that decides it."""

import re
from http import HTTPStatus

import urllib3
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from customerlink.adapters.auth0.errors import (
    Auth0RefusedError,
    Auth0SilentError,
    Auth0TokenError,
    NotDownloadedError,
)
from customerlink.adapters.stripe.failures import how_it_failed
from customerlink.adapters.stripe.sdk import stripe
from customerlink.model.errors import (
    ConfigurationError,
    CustomerLinkError,
    KeyRejectedError,
    LedgerUnavailableError,
    NoTurnError,
    SecretUnavailableError,
)
from customerlink.model.failure import FailedAt, Failure, How, told
from customerlink.model.trouble import Trouble

_AWS_REFUSALS = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException"),
        *("InvalidClientTokenId", "UnrecognizedClientException"),
    }
)
# With status 400, as what is the row's own: botocore's list of what is worth another try, by code.
_AWS_THROTTLES = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "ThrottlingError"),
        *("RequestThrottled", "RequestThrottledException", "TooManyRequestsException"),
        *("RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown"),
        *("ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded"),
        *("EC2ThrottledException", "PriorRequestNotComplete", "TransactionInProgressException"),
        *("RequestTimeout", "RequestTimeoutException"),
    }
)
_FILE_OPERATION = re.compile(r".*(?:Object|Objects|ObjectsV2|Part|MultipartUpload)")
_LASTING = (
    *(ConfigurationError, KeyRejectedError, NoCredentialsError, ProfileNotFound),
    *(stripe.AuthenticationError, stripe.PermissionError),
)
_OUTAGES = (
    *(LedgerUnavailableError, SecretUnavailableError, Auth0SilentError, BotoCoreError),
    NoTurnError,
    *(stripe.APIConnectionError, stripe.RateLimitError),
    # Last of all by kind: what a socket, a name or a certificate says.
    *(urllib3.exceptions.HTTPError, OSError),
)


def trouble_of(error: Exception) -> Trouble:
    """Tell an exception that only its row has from one that the next rows would meet as well."""
    if isinstance(error, _LASTING) or _is_refusal(error):
        return Trouble.LASTING
    is_down = isinstance(error, _OUTAGES) or _is_passing(_status(error))
    is_outage = is_down or _aws_code(error) in _AWS_THROTTLES
    return Trouble.OUTAGE if is_outage else Trouble.OF_THE_ROW


def failure_of(error: Exception) -> Failure:  # noqa: PLR0911 (one for each kind)
    """Return where something failed, and how, by what it raised: for a log's line.

    Of AWS, these functions ask their table, the secrets (told by then) and S3 for files.
    """
    match error:
        case CustomerLinkError():
            return error.failure
        case ClientError():
            is_file = bool(_FILE_OPERATION.fullmatch(error.operation_name))
            at = FailedAt.FILES if is_file else FailedAt.LEDGER
            return Failure(at, told(_aws_code(error)))
        case BotoCoreError():
            is_file = "s3" in str(error.kwargs.get("endpoint_url", ""))
            return Failure(FailedAt.FILES if is_file else FailedAt.LEDGER, How.NO_ANSWER)
        case S3UploadFailedError():
            return Failure(FailedAt.FILES, How.REFUSED)
        case stripe.StripeError():
            return Failure(FailedAt.STRIPE, how_it_failed(error))
        case urllib3.exceptions.HTTPError() | OSError():
            return Failure(FailedAt.NETWORK, How.NO_ANSWER)
    return Failure(FailedAt.CODE, type(error).__name__)


def _is_refusal(error: Exception) -> bool:
    match error:
        case ClientError():
            return _aws_code(error) in _AWS_REFUSALS
        case Auth0TokenError():
            # Every call needs one.
            return not _is_passing(error.status)
        case Auth0RefusedError():
            return error.is_lasting
    return False


def _aws_code(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return ""
    return error.response.get("Error", {}).get("Code", "")


def _status(error: Exception) -> int | None:
    match error:
        case ClientError():
            return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        case stripe.StripeError():
            return error.http_status
        case Auth0RefusedError() | NotDownloadedError():
            return error.status
    return None


def _is_passing(status: int | None) -> bool:
    if status is None:
        return False
    is_servers = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return is_servers or status == HTTPStatus.TOO_MANY_REQUESTS
