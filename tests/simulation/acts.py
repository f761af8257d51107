"""What an operator's acts are given: a directory and invocations over the simulated services."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from tests.simulation.auth0 import ManagementError
from tests.simulation.outside import SimulatedCustomers

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.adapters.dynamodb.ledger_view import DynamoDbLedgerView
from customerlink.model.customer import Customer
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.rates import Endpoint
from customerlink.model.user import CustomerId
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.customers import Done
from customerlink.ports.run import Run


@dataclass(frozen=True)
class SimulatedDirectory(CustomerDirectory):
    """Stripe's customers as an operator sees them; trouble ends the command."""

    customers: SimulatedCustomers

    def with_address(self, email: str) -> list[ListedCustomer]:
        """List."""
        return [_listed(each) for each in _result(self.customers.list_by_email(email))]

    def retrieve(self, customer_id: CustomerId) -> ListedCustomer | Absence:
        """Retrieve."""
        found = _result(self.customers.retrieve(customer_id))
        return Absence.DELETED if found is None else _listed(found)

    def delete(self, customer_id: CustomerId) -> bool:
        """Delete nothing: no act that is played does."""
        raise NotImplementedError


@dataclass(frozen=True)
class SimulatedInvocations:
    """What settles records, and the ledger to look at."""

    settling: Callable[..., Any]
    opened: DynamoDbLedger
    run: Run

    def ahead(self, _endpoints: Iterable[Endpoint]) -> AbstractContextManager[None]:
        """Wait for no turn."""
        return nullcontext()

    def ledger(self) -> DynamoDbLedger:
        """Return the one ledger of the invocation."""
        return self.opened

    def view(self) -> DynamoDbLedgerView:
        """Look by the same client, whose calls are announced."""
        return DynamoDbLedgerView(self.opened._table.client, "ledger", self.run)


def _listed(customer: Customer) -> ListedCustomer:
    return ListedCustomer(
        customer.id,
        customer.email,
        customer.auth0_user_id,
        customer.auth0_tenant,
        customer.registration_id,
        created=customer.created,
    )


def _result(outcome: Any) -> Any:
    if not isinstance(outcome, Done):
        raise ManagementError
    return outcome.result
