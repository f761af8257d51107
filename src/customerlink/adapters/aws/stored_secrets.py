"""The secrets that are read once, by a cold start: the tenant's, and the page's."""

from customerlink.adapters.aws.aws_json import AwsRefusedError, AwsSilentError, SecretsManager
from customerlink.model.errors import SecretUnavailableError
from customerlink.model.failure import How
from customerlink.model.secret import TenantSecret, session_secrets


def tenant_secret(client: SecretsManager, secret_id: str) -> TenantSecret | None:
    """Return what lets a function into the tenant; None while nobody has put it in."""
    text = _stored(client, secret_id)
    return None if text is None else TenantSecret.parse(text)


def stored_session_secrets(client: SecretsManager, secret_id: str) -> tuple[str, ...]:
    """Return what session tokens are signed with; empty while nobody has put it in."""
    text = _stored(client, secret_id)
    return () if text is None else session_secrets(text)


def _stored(client: SecretsManager, secret_id: str) -> str | None:
    try:
        return str(client.get_secret_value(SecretId=secret_id).get("SecretString", ""))
    except AwsRefusedError as error:
        if error.code == "ResourceNotFoundException":
            # Of the version: the template makes the secret, and puts nothing in.
            return None
        raise SecretUnavailableError.answered(error.code) from None
    except AwsSilentError:
        raise SecretUnavailableError("Secrets Manager did not answer", How.NO_ANSWER) from None
