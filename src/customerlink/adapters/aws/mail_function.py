"""The function that may have a mail sent, invoked by the page that may not."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from customerlink.model.errors import CustomerLinkError
from customerlink.model.failure import FailedAt, How, told
from customerlink.model.verification_mail import MAIL, SESSION_SECRETS, USER_ID, Mail

SECONDS = 13
"""As long as the function may take (template.yaml)."""

# Once, since a mail may be on its way.
_CALLS = Config(connect_timeout=1, read_timeout=SECONDS, retries={"total_max_attempts": 1})


class MailNotSentError(CustomerLinkError):
    """The function could not be invoked, or not do what it was asked for.

    Then it has said why in its own log.
    """

    failed_at = FailedAt.MAIL_FUNCTION


class MailFunction:
    """A function by its name."""

    def __init__(self, name: str) -> None:
        """Make the client; nothing is called yet."""
        self._name, self._client = name, boto3.client("lambda", config=_CALLS)

    def send(self, user_id: str) -> Mail:
        """Have a mail sent, and return what became of it; raise `MailNotSentError`."""
        answer = self._invoked({USER_ID: user_id}).get(MAIL)
        if answer not in {*Mail} - {Mail.UNAVAILABLE}:
            raise MailNotSentError("the mail could not be sent", How.REFUSED)
        return Mail(str(answer))

    def session_secrets(self) -> tuple[str, ...]:
        """Return those that an earlier release put into the tenant's secret, if it did."""
        found = self._invoked({SESSION_SECRETS: True}).get(SESSION_SECRETS)
        return tuple(str(each) for each in found) if isinstance(found, list) else ()

    def _invoked(self, question: dict[str, object]) -> dict[str, object]:
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=json.dumps(question))
        except ClientError as error:
            code = told(error.response.get("Error", {}).get("Code", ""))
            raise MailNotSentError("Lambda refused to invoke it", code) from None
        except BotoCoreError:
            raise MailNotSentError("Lambda did not answer", How.NO_ANSWER) from None
        # With a crash of the function's, this is what it raised.
        body = json.loads(answer["Payload"].read() or "null")
        return body if isinstance(body, dict) else {}
