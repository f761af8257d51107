"""Run by the artifact's own packages: every call to Stripe that the function makes."""

import sys
import time
from collections.abc import Callable

import stripe

from customerlink.adapters.connections import Connections
from customerlink.adapters.stripe.http_client import BudgetedHTTPClient
from customerlink.model.keys import StripeKey
from customerlink.ports.run import Run


def client(base: str, key: str) -> stripe.StripeClient:
    """Return the SDK's client as the adapter makes it."""
    http = BudgetedHTTPClient(Connections(), StripeKey(key), Run(time, "artifact"))
    return stripe.StripeClient(
        key, base_addresses={"api": base}, http_client=http, max_network_retries=0
    )


def main(base: str, key: str, customer: str, reading: str) -> None:
    """Print the name of each call that went as it should; a customer has a subscription."""
    customers = client(base, key).v1.customers
    email = f"artifact-{time.time_ns()}@example.com"
    assert customers.list({"email": email, "limit": 100}).data == []
    print("list")
    made = [customers.create({"email": email}, {"idempotency_key": f"{email}{n}"}) for n in "12"]
    print("create")
    assert customers.retrieve(made[0].id).email == email
    print("retrieve")
    listed = customers.list({"email": email, "limit": 1}).auto_paging_iter()
    assert {each.id for each in listed} == {each.id for each in made}
    print("pages")
    customers.delete(made[0].id)
    assert customers.retrieve(made[0].id).deleted
    print("deleted")
    asked = client(base, reading).v1.subscriptions.list({"customer": customer, "limit": 1})
    assert [each.status for each in asked.data] == ["active"]
    print("subscriptions")
    other: dict[str, Callable[[], object]] = {
        "InvalidRequestError": lambda: customers.retrieve("cus_unknown"),
        "IdempotencyError": lambda: customers.create(
            {"email": f"x{email}"}, {"idempotency_key": f"{email}1"}
        ),
        "AuthenticationError": lambda: client(base, "rk_test_0").v1.customers.list({}),
        "APIConnectionError": lambda: client("http://127.0.0.1:9", key).v1.customers.list({}),
    }
    for name, call in other.items():
        try:
            call()
        except stripe.StripeError as error:
            print(name if isinstance(error, getattr(stripe, name)) else type(error).__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
