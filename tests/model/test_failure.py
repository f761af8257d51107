"""Where something failed, in two words that quote nobody."""

import pytest

from customerlink.model.failure import FailedAt, Failure, How, fields_of, told


@pytest.mark.parametrize(
    ("code", "word"),
    [
        *(("AccessDenied", "AccessDenied"), ("NoSuchBucket", "NoSuchBucket")),
        *(("AccessDeniedException", "AccessDeniedException"), ("SlowDown", "SlowDown")),
        ("ProvisionedThroughputExceededException", "ProvisionedThroughputExceededException"),
        *(
            (401, "status_401"),
            (403, "status_403"),
            (429, "status_429"),
            (500, "status_500"),
            ("503", "status_503"),
        ),
        *(("", How.ODD_ANSWER), (None, How.ODD_ANSWER), ("ada@example.com", How.ODD_ANSWER)),
        *(("two words", How.ODD_ANSWER), ("é", How.ODD_ANSWER), ("a" * 65, How.ODD_ANSWER)),
        *(("<html>", How.ODD_ANSWER), ("status: 500", How.ODD_ANSWER)),
    ],
)
def test_told(code: object, word: str) -> None:
    """A service's own code or status is one word; a text, or an address, is an odd answer."""
    assert told(code) == word


def test_fields() -> None:
    """What a line has of a failure; without one it has none."""
    failure = Failure(FailedAt.LEDGER, How.NO_ANSWER)

    assert fields_of(failure) == {"failed_at": "ledger", "failure": "no_answer"}
    assert fields_of(None) == {}
    assert str(failure) == "ledger no_answer"
