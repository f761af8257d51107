"""What the floor sends to DynamoDB: the documents of a sign-up, as the ledger writes them."""

import json
import time
from typing import Any

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.customer import NewCustomer
from customerlink.model.sign_up_record import Lease
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.run import Run


class _Recording:
    """What the ledger takes for DynamoDB: it notes each write, and lets it succeed."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def update_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 (DynamoDB's documents)
        self.written.append(json.dumps(request))
        return {}


def ledger_requests(table: str) -> list[str]:
    """Return what a new user's sign-up sends to DynamoDB, for whoever `<user>` stands for."""
    recording, user = _Recording(), User(Tenant("acme"), UserId("<user>"))
    client: Any = recording
    ledger = DynamoDbLedger(client, table, Run(time, owner="floor"))
    create = NewCustomer.of(SignUp(user, 1), "<user>@example.com")
    lease = ledger.open(user, create, admission=True)
    if not isinstance(lease, Lease):
        raise TypeError("nothing stands in its way")
    ledger.lock_email(lease, create.email)
    ledger.link(lease, CustomerId("cus_floor"))
    digest = json.loads(recording.written[1])["Key"]["pk"]["S"]
    return [each.replace(digest, f"{digest}-<user>") for each in recording.written]
