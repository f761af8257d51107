"""Messages sent to a queue: all of them, or it is told."""

import pytest

from customerlink.adapters.aws.queue import AT_ONCE, NotSentError, Queue


class Sqs:
    """SQS, as far as it is asked, which takes some messages."""

    def __init__(self, refused: str = "") -> None:
        """Refuse the messages with a text."""
        self.refused = refused
        self.taken: list[str] = []
        self.calls = 0

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> object:  # noqa: N803 (AWS's)
        """Take one."""
        self.taken.append(f"{QueueUrl} {MessageBody}")
        return {}

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[dict[str, str]],  # noqa: N803
    ) -> dict[str, object]:
        """Take those that are not refused."""
        assert QueueUrl == "queue"
        assert len({each["Id"] for each in Entries}) == len(Entries) <= AT_ONCE
        self.calls += 1
        bodies = [each["MessageBody"] for each in Entries]
        failed = [each for each in bodies if each == self.refused]
        self.taken += [each for each in bodies if each not in failed]
        return {"Failed": failed} if failed else {"Successful": bodies}


def test_one() -> None:
    """As it is."""
    client = Sqs()
    Queue(client, "queue").send("body")

    assert client.taken == ["queue body"]


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (10, 1), (11, 2), (25, 3)])
def test_many(count: int, calls: int) -> None:
    """By tens, as SQS takes them."""
    client = Sqs()
    bodies = [str(each) for each in range(count)]
    Queue(client, "queue").send_all(bodies)

    assert (client.taken, client.calls) == (bodies, calls)


def test_some_are_refused() -> None:
    """The call succeeds, and says so in its answer."""
    with pytest.raises(NotSentError):
        Queue(Sqs(refused="2"), "queue").send_all("123")
