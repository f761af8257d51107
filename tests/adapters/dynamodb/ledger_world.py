"""What the ledger's tests share: a world of users and invocations over one table, three ways."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from tests.e2e.dynalite import dynalite
from tests.fakes import FakeClock
from tests.simulation.dynamodb import Client, Table

from customerlink.adapters.aws.aws_json import Aws, AwsSilentError
from customerlink.adapters.connections import Connections
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.dynamodb.ledger import DynamoDbLedger, Installation
from customerlink.model.customer import NewCustomer
from customerlink.model.instruction import Reason
from customerlink.model.sign_up_record import Lease
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.run import Run
from sandbox.aws import CREDENTIALS, TABLE, aws, items

type Items = Callable[[], list[dict[str, object]]]

EMAIL = "Ada@Example.com"
CUSTOMER = CustomerId("cus_1")
NUMBERS = itertools.count()
OTHER = User(Tenant("acme"), UserId("auth0|other"))
OTHERS_LEASE = Lease(OTHER, 1, 1, 0.0)


class LossyClient:
    """A DynamoDB client whose next writes take effect but lose their answers, or fail."""

    def __init__(self, client: Any, clock: FakeClock) -> None:
        """Wrap a client."""
        self._client = client
        self._clock = clock
        self.troubles: list[Exception] = []
        self.lost = 0
        self.wait = 0.0
        """Seconds until a client notices that an answer is lost."""
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the client's operation with the troubles before or after it."""

        def operation(**request: object) -> Any:
            self.calls += 1
            if self.troubles:
                raise self.troubles.pop(0)
            answer = getattr(self._client, name)(**request)
            if self.lost:
                self.lost -= 1
                self._clock.sleep(self.wait)
                raise AwsSilentError("TimeoutError")
            return answer

        return operation


class World:
    """Users, clocks and invocations over one table."""

    def __init__(self, client: Any, items: Items) -> None:
        """Start with a user of its own, so that tests share the table."""
        self.clock = FakeClock()
        self.user = User(Tenant("acme"), UserId(f"auth0|ledger-{next(NUMBERS)}"))
        self.client = LossyClient(client, self.clock)
        self.items = items

    def invocation(
        self, owner: str | None = None, installation: Installation | None = None
    ) -> DynamoDbLedger:
        """Return the ledger as another invocation has it."""
        run = Run(self.clock, owner or f"owner-{next(NUMBERS)}")
        return DynamoDbLedger(self.client, TABLE, run, installation)

    def create(self, email: str = EMAIL, name: str = "Ada") -> NewCustomer:
        """Return what would be created for the user."""
        return NewCustomer.of(SignUp(self.user, 1, name=name), email)

    def record(self) -> dict[str, object]:
        """Return the user's item."""
        return next(each for each in self.items() if each["pk"] == self.key())

    def has_item(self) -> bool:
        """Return whether the user has an item."""
        return any(each["pk"] == self.key() for each in self.items())

    def key(self) -> str:
        """Return its key."""
        return f"signup#acme#{self.user.user_id}"

    def opened(
        self, email: str | None = EMAIL, *, name: str = "Ada", admission: bool = True
    ) -> tuple[DynamoDbLedger, Lease]:
        """Open the sign-up in a new invocation."""
        ledger = self.invocation()
        create = self.create(email, name) if email else None
        lease = ledger.open(self.user, create, admission=admission)
        assert isinstance(lease, Lease)
        return ledger, lease

    def has_record(self) -> bool:
        """Ask in a new invocation."""
        return self.invocation().has_record(self.user)

    def had_release_0_1(self, **attributes: Any) -> None:
        """Leave the record that release 0.1 would have left."""
        given = {"epoch": {"N": "1"}, "attempt": {"N": "1"}, **attributes}
        given["updated_at"] = given["attempt_since"] = {"N": f"{self.clock.now:.3f}"}
        self.client.update_item(
            TableName=TABLE,
            Key={"pk": {"S": self.key()}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in given),
            ExpressionAttributeNames={f"#{name}": name for name in given},
            ExpressionAttributeValues={f":{name}": value for name, value in given.items()},
        )


def moto() -> Iterator[tuple[Any, Items]]:
    """Serve DynamoDB by moto, behind a lock, and ask it by boto3."""
    with aws({}) as cloud:
        yield Boto3DynamoDb(cloud.dynamodb), cloud.items


def second_opinion() -> Iterator[tuple[Any, Items]]:
    """Serve it by dynalite, and ask it by the client of a sign-up's."""
    with dynalite() as (url, client):
        account = Aws(Connections(url), {**CREDENTIALS, "AWS_ENDPOINT_URL": url})
        yield account.dynamodb(1, 5), lambda: items(client)


def simulated() -> Iterator[tuple[Any, Items]]:
    """Take the simulation's."""
    client = Client(Table())
    yield client, client.items


def ended(ledger: DynamoDbLedger, lease: Lease, ending: str) -> None:
    """End a lease without a link."""
    if ending == "refuse":
        ledger.refuse(lease, Reason.EMAIL_IN_USE)
    else:
        getattr(ledger, ending)(lease)
