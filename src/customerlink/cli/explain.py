"""What the SDKs raise, in the command line's words.

Imported when something was raised: it needs every SDK's classes, and help needs none of them.
"""

import errno
import traceback

import urllib3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    InvalidRegionError,
    LoginError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    WaiterError,
)
from botocore.parsers import ResponseParserError

from customerlink.adapters.auth0.errors import (
    Auth0RefusedError,
    Auth0SilentError,
    Auth0TokenError,
    NotDownloadedError,
)
from customerlink.adapters.locked import InUseError
from customerlink.adapters.stripe.sdk import stripe
from customerlink.cli.errors import AGAIN, CliError, Exit, lacks_scope
from customerlink.model.errors import (
    CustomerLinkError,
    KeyRejectedError,
    LedgerUnavailableError,
    NoTurnError,
    ServicesDownError,
)
from customerlink.model.failure import How
from customerlink.model.overlap import OtherTenantError

_CONFIGURE = "aws configure, or set AWS_PROFILE"
_NO_CREDENTIALS = (
    *(NoCredentialsError, PartialCredentialsError),
    *(CredentialRetrievalError, NoAuthTokenError),
)
_NO_LOGIN = SSOError, TokenRetrievalError, LoginError
# STS and CloudFormation have other names than DynamoDB.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException"}
_UNKNOWN = {
    *("InvalidClientTokenId", "UnrecognizedClientException"),
    *("SignatureDoesNotMatch", "InvalidSignatureException"),
}
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.EMFILE}


def explain(error: Exception) -> CliError:  # noqa: C901, PLR0911, PLR0912 (one for each kind)
    """Turn what the SDKs raise into a sentence; their texts, which may quote keys, stay behind.

    What is none of the expected errors is a bug, told by kind and place.
    """
    kind = type(error).__name__
    match error:
        case CliError():
            return error
        case Auth0TokenError():
            return _of_token(error)
        case Auth0RefusedError():
            return _of_auth0(error)
        case Auth0SilentError() | NotDownloadedError():
            return _of_silence(error)
        case stripe.StripeError():
            return _of_stripe(error)
        case ClientError() | BotoCoreError():
            return _of_aws(error)
        case ResponseParserError():
            fix = "A proxy, or AWS_ENDPOINT_URL? Run the same command again."
            return CliError("What answered is not AWS.", fix, Exit.UNREACHABLE)
        case ValueError() if str(error).startswith("Invalid endpoint"):
            fix = "AWS_ENDPOINT_URL, or endpoint_url in AWS's settings: it looks like https://…"
            return CliError("The address of AWS is none.", fix, Exit.USAGE)
        case InUseError():
            fix = "Wait until that has ended, or give this one another --folder."
            return CliError(f"{error}.", fix)
        case LedgerUnavailableError():
            return _of_the_ledger(error)
        case NoTurnError():
            text = "A rate limit stays exceeded: what was done stands."
            return CliError(text, AGAIN, Exit.UNREACHABLE)
        case ServicesDownError():
            return CliError(f"{error}.", AGAIN, Exit.UNREACHABLE)
        case KeyRejectedError():
            return CliError(f"{error}.", "customerlink rotate stripe-key", Exit.REFUSED)
        case OtherTenantError():
            fix = (
                "--tenant, or Tenants of the stack; for what was made in a wrong tenant's name, "
                "customerlink repair --kind other_tenant"
            )
            return CliError(f"{error}.", fix, Exit.REFUSED)
        case CustomerLinkError():
            return CliError(str(error))
        case urllib3.exceptions.HTTPError():
            return _of_the_network(error)
        case OSError():
            # After the SDKs' own errors, some of which are such errors too, and say more.
            return _of_a_file(error) or _of_the_network(error)
        case _:
            places = traceback.extract_tb(error.__traceback__)
            at = f"{places[-1].name}:{places[-1].lineno}" if places else "?"
            return CliError(f"A bug: {kind} at {at}.", "Please report it.", Exit.BUG)


def _of_the_ledger(error: LedgerUnavailableError) -> CliError:
    how = error.failure.how
    if how in {How.NO_ANSWER, How.OUT_OF_TIME}:
        return CliError("The ledger did not answer.", AGAIN, Exit.UNREACHABLE)
    return CliError(f"The ledger answered {how}.", AGAIN, Exit.UNREACHABLE)


def _of_the_network(error: Exception) -> CliError:
    return CliError(f"The network failed ({type(error).__name__}).", AGAIN, Exit.UNREACHABLE)


def _of_a_file(error: OSError) -> CliError | None:
    """Tell what is wrong with a file of this machine's; no socket's error names one."""
    kind = type(error).__name__
    if error.filename is not None:
        fix = "Another path, or the right to write there."
        return CliError(f"{error.filename} cannot be read or written ({kind}).", fix, Exit.USAGE)
    is_the_disks = error.errno in _OF_THE_DISK
    fix = "Room on the disk, or another --folder."
    return CliError(f"A file cannot be written ({kind}).", fix) if is_the_disks else None


def _of_stripe(error: stripe.StripeError) -> CliError:
    match error:
        case stripe.AuthenticationError():
            fix = "customerlink rotate stripe-key"
            return CliError("Stripe does not know this key.", fix, Exit.REFUSED)
        case stripe.PermissionError():
            fix = "Stripe's dashboard, Developers > API keys: Customers: Write"
            return CliError("The Stripe key may not do this.", fix, Exit.REFUSED)
        case stripe.APIConnectionError():
            return CliError("Stripe did not answer.", AGAIN, Exit.UNREACHABLE)
    return CliError(f"Stripe answered {error.http_status}.", AGAIN, Exit.UNREACHABLE)


def _of_auth0(error: Auth0RefusedError) -> CliError:
    body = error.body if isinstance(error.body, dict) else {}
    if body.get("errorCode") == "insufficient_scope":
        scope = str(body.get("message", "")).partition("any of:")[2].strip()
        return lacks_scope(scope)
    status = error.status
    if status == 429:  # noqa: PLR2004 (Too Many Requests)
        text = "Auth0's rate limit stayed exceeded: what was done stands."
        fix = "Wait a minute, and run the command again: it goes on where it stopped."
        return CliError(text, fix, Exit.UNREACHABLE)
    if status >= 500:  # noqa: PLR2004 (a server's error)
        return CliError(f"Auth0 answered {status}.", AGAIN, Exit.UNREACHABLE)
    code = body.get("errorCode", "without a code")
    return CliError(f"Auth0 refused: {status}, {code}.", "", Exit.REFUSED)


def _of_silence(error: Auth0SilentError | NotDownloadedError) -> CliError:
    # A name that nobody has is mistyped, more often than a resolver is down.
    fix = f"Is AUTH0_DOMAIN right? {AGAIN}" if "gaierror" in str(error) else AGAIN
    return CliError(f"Auth0 did not answer ({error}).", fix, Exit.UNREACHABLE)


def _of_token(error: Auth0TokenError) -> CliError:
    if error.status in (401, 403):
        fix = "Check AUTH0_DOMAIN, AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET."
        return CliError("Auth0 gave no token for this client.", fix, Exit.REFUSED)
    fix = "Check AUTH0_DOMAIN: it looks like example.us.auth0.com."
    return CliError(f"Auth0 gave no token ({error.status}).", fix, Exit.REFUSED)


def _of_aws(error: ClientError | BotoCoreError) -> CliError:
    if told := _of_settings(error) or _of_credentials(error):
        return told
    match error:
        case WaiterError() if _was_undone(error):
            text = "CloudFormation rolled the stack's update back: nothing of it is in force."
            return CliError(text, "The stack's events, in CloudFormation's console", Exit.REFUSED)
        case ClientError():
            text = f"AWS refused {error.operation_name}: {_code(error)}."
            return CliError(text, "", Exit.REFUSED)
    kind = type(error).__name__
    return CliError(f"AWS did not answer ({kind}).", AGAIN, Exit.UNREACHABLE)


def _of_settings(error: ClientError | BotoCoreError) -> CliError | None:
    """Tell what is wrong on this machine, before anything is asked: another run changes nothing."""
    match error:
        case NoRegionError():
            return CliError("No AWS region is set.", "--region, or AWS_REGION", Exit.USAGE)
        case ProfileNotFound():
            text = "The AWS CLI's files have no such profile."
            return CliError(text, "--aws-profile, or AWS_PROFILE", Exit.USAGE)
        case InvalidRegionError():
            return CliError("That is no AWS region.", "--region, or AWS_REGION", Exit.USAGE)
        case ConfigParseError() | InvalidConfigError():
            return CliError("The AWS CLI's files cannot be read.", "aws configure", Exit.USAGE)
    return None


def _of_credentials(error: ClientError | BotoCoreError) -> CliError | None:
    """Tell what is wrong with the credentials, which every call meets."""
    code = _code(error) if isinstance(error, ClientError) else ""
    if isinstance(error, _NO_CREDENTIALS):
        return CliError("No AWS credentials were found.", _CONFIGURE, Exit.REFUSED)
    if isinstance(error, _NO_LOGIN) or code in _EXPIRED:
        return CliError("The AWS credentials have expired.", "aws sso login", Exit.REFUSED)
    if code in _UNKNOWN:
        return CliError("AWS does not know these credentials.", _CONFIGURE, Exit.REFUSED)
    return None


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _was_undone(error: WaiterError) -> bool:
    """Return whether the stack waited for is back at what it was, or on its way there."""
    match error.last_response:
        case {"Stacks": [{"StackStatus": str(status)}]}:
            return "ROLLBACK" in status
    return False
