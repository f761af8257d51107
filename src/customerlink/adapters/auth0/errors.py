"""What is raised where Auth0 did not do what it was asked for, whoever asks.

Their texts name a status at the most: Auth0's own may be personal, and stay in `body`.
"""

from collections.abc import Mapping
from http import HTTPStatus

from customerlink.model.errors import TenantUnavailableError
from customerlink.model.failure import How, told

_REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class Auth0Error(TenantUnavailableError):
    """Root of them."""


class Auth0SilentError(Auth0Error):
    """No whole answer came in time: the request may have been carried out."""

    def __init__(self, message: str = "no answer") -> None:
        """Take what happened, in a word."""
        super().__init__(message, How.NO_ANSWER)


class Auth0OddError(Auth0Error):
    """The answer says that it was done, and is none that can be read."""

    def __init__(self) -> None:
        """Take nothing of it."""
        super().__init__("something else than the API answered", How.ODD_ANSWER)


class Auth0RefusedError(Auth0Error):
    """An answer that says that it was not done."""

    def __init__(
        self, status: int, headers: Mapping[str, str] | None = None, body: object = None
    ) -> None:
        """Take the answer; its headers' names are in small letters."""
        super().__init__(f"status {status}", told(status))
        self.status, self.headers, self.body = status, headers or {}, body

    @property
    def is_lasting(self) -> bool:
        """Return whether these credentials are refused: the next request meets it too."""
        return self.status in _REFUSALS

    @property
    def is_absence(self) -> bool:
        """Return whether the API says that there is no such thing; a stray page says nothing."""
        return self.status == HTTPStatus.NOT_FOUND and isinstance(self.body, dict)

    @property
    def code(self) -> str | None:
        """Return Auth0's name for the error, if it has one."""
        code = self.body.get("errorCode") if isinstance(self.body, dict) else None
        return str(code) if code else None


class NotDownloadedError(Auth0Error):
    """A file that Auth0 wrote could not be had, at an address that does not last."""

    def __init__(self, status: int) -> None:
        """Take the answer's status."""
        super().__init__(f"status {status}", told(status))
        self.status = status


class Auth0TokenError(Auth0RefusedError):
    """Auth0 gave no token, and every request needs one."""


def is_refused(trouble: Exception) -> bool:
    """Return whether Auth0 refuses our credentials, which others may have replaced meanwhile.

    A rate limit or an outage says nothing about them.
    """
    return isinstance(trouble, Auth0RefusedError) and trouble.is_lasting
