"""The secrets of the functions that have boto3: the tenant's, and the page's."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from customerlink.adapters.aws.secrets_manager import refused
from customerlink.model.errors import SecretUnavailableError
from customerlink.model.failure import How
from customerlink.model.secret import TenantSecret, session_secrets

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def tenant_secret(client: "SecretsManagerClient", secret_id: str) -> TenantSecret | None:
    """Return what lets a function into the tenant; None while nobody has put it in."""
    text = _stored(client, secret_id)
    return None if text is None else TenantSecret.parse(text)


def stored_session_secrets(client: "SecretsManagerClient", secret_id: str) -> tuple[str, ...]:
    """Return what session tokens are signed with; empty while nobody has put it in."""
    text = _stored(client, secret_id)
    return () if text is None else session_secrets(text)


def _stored(client: "SecretsManagerClient", secret_id: str) -> str | None:
    try:
        return client.get_secret_value(SecretId=secret_id).get("SecretString", "")
    except client.exceptions.ResourceNotFoundException:
        # Of the version: the template makes the secret, and puts nothing in.
        return None
    except ClientError as error:
        raise refused(error.response.get("Error", {}).get("Code", "")) from None
    except BotoCoreError:
        raise SecretUnavailableError("Secrets Manager did not answer", How.NO_ANSWER) from None
