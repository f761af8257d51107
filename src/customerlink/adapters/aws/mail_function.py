"""The function that may have a mail sent, invoked by the page that may not."""

from customerlink.adapters.aws.aws_json import Aws, AwsRefusedError, AwsSilentError
from customerlink.model.errors import CustomerLinkError
from customerlink.model.failure import FailedAt, How, told
from customerlink.model.verification_mail import MAIL, SESSION_SECRETS, USER_ID, Mail

SECONDS = 13
"""As long as the function may take (template.yaml)."""

_CONNECT_SECONDS = 1


class MailNotSentError(CustomerLinkError):
    """The function could not be invoked, or not do what it was asked for.

    Then it has said why in its own log.
    """

    failed_at = FailedAt.MAIL_FUNCTION


class MailFunction:
    """A function by its name."""

    def __init__(self, aws: Aws, name: str) -> None:
        """Make the client; nothing is called yet."""
        self._name, self._functions = name, aws.functions(_CONNECT_SECONDS, SECONDS)

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
        # Once, since a mail may be on its way.
        try:
            return self._functions.invoke(self._name, question)
        except AwsRefusedError as error:
            raise MailNotSentError("Lambda refused to invoke it", told(error.code)) from None
        except AwsSilentError:
            raise MailNotSentError("Lambda did not answer", How.NO_ANSWER) from None
