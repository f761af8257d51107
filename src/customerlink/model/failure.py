"""Where something failed, and how: two words for a log's line, and none of what was answered."""

from enum import StrEnum

from customerlink.model.frozen import frozen


class FailedAt(StrEnum):
    """Whose trouble it is: the line's field `failed_at`."""

    STRIPE = "stripe"
    LEDGER = "ledger"
    SECRET = "secret"  # noqa: S105 (a word)
    """Secrets Manager did not give a secret."""
    SETTING = "setting"
    """A setting, or a field of a secret, is missing or wrong."""
    AUTH0 = "auth0"
    SIGNATURE = "signature"
    QUEUE = "queue"
    """The queue of both sides' events did not take one."""
    FILES = "files"
    """The bucket of the backfill's files."""
    MAIL_FUNCTION = "mail_function"
    """The function that sends mails could not be called, or could not do it."""
    NEW_VERSION = "new_version"
    """A version of the sign-up's function that is to get traffic."""
    NETWORK = "network"
    """A connection, of which nothing says whose it was."""
    START = "start"
    """The function's own start took the time."""
    EARLIER_TRY = "earlier_try"
    """What an earlier try sent may be on its way still."""
    CODE = "code"
    """A bug."""


class How(StrEnum):
    """How, where no service has a name for it: the line's field `failure`."""

    NO_CONNECTION = "no_connection"
    NO_ANSWER = "no_answer"
    ODD_ANSWER = "odd_answer"
    """Somebody else's page, or nothing that was asked for."""
    OUT_OF_TIME = "out_of_time"
    """No time was left: most of it went here."""
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    KEY_UNKNOWN = "key_unknown"
    """Revoked, of an account that is gone, or mistyped."""
    KEY_EXPIRED = "key_expired"
    KEY_NOT_PERMITTED = "key_not_permitted"
    CUSTOMER_UNKNOWN = "customer_unknown"
    """The key knows no such customer: it is of another account, or of the other mode."""
    UNDER_WAY = "under_way"
    WRONG_TIME = "wrong_time"
    """Signed with a current secret, but for another time: a clock, or an old request."""
    WRONG_SECRET = "wrong_secret"  # noqa: S105 (a word)
    NO_SIGNATURE = "no_signature"
    """Nothing of a signature's form, or of a token's: whoever calls does not know how."""
    NO_VALUE = "no_value"
    """Nobody has put a value into a secret yet, or none for who calls."""
    WRONG = "wrong"


_LONGEST = 64


def told(code: object) -> str:
    """Return a service's own code, or status, as one word; what is neither is an odd answer."""
    text = f"status_{code}" if str(code).isdigit() else str(code or "")
    is_word = text.isascii() and text.isidentifier() and len(text) <= _LONGEST
    return text if is_word else How.ODD_ANSWER.value


@frozen
class Failure:
    """Where, and how."""

    at: FailedAt
    how: str

    def __str__(self) -> str:
        """Return both, for an operator's row."""
        return f"{self.at} {self.how}"

    def fields(self) -> dict[str, str]:
        """Return the fields of a log's line."""
        return {"failed_at": self.at.value, "failure": str(self.how)}


def fields_of(failure: Failure | None) -> dict[str, str]:
    """Return the fields of a log's line; without a failure there are none."""
    return {} if failure is None else failure.fields()
