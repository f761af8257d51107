"""What customers were used for: the real SDK against the stand-in."""

from collections.abc import Callable, Iterator

import pytest
import stripe
from tests.fakes import FakeClock

from customerlink.adapters.stripe.usage import StripeUsage
from customerlink.adapters.token_bucket import TokenBucket
from customerlink.model.usage import Usage, Use
from customerlink.model.user import CustomerId
from sandbox.serving import Server
from sandbox.stripe_account import Fault, FaultKind, Permission, StripeAccount
from sandbox.stripe_server import stripe_app

type Reader = Callable[..., StripeUsage]

RESOURCES = {
    "subscription": Use.SUBSCRIPTION,
    "invoice": Use.INVOICE,
    "payment_method": Use.PAYMENT_METHOD,
}


@pytest.fixture
def account() -> StripeAccount:
    """Return an empty account."""
    return StripeAccount()


@pytest.fixture
def made(account: StripeAccount) -> CustomerId:
    """Return a customer."""
    return CustomerId(account.create({"email": "ada@example.com"})["id"])


@pytest.fixture
def reader(account: StripeAccount) -> Iterator[Reader]:
    """Return what asks with a key that may read these, and nothing of customers."""
    clock = FakeClock()
    with Server(stripe_app(account)) as server:

        def asking(*reads: str) -> StripeUsage:
            client = stripe.StripeClient(
                account.add_key(Permission.NONE, reads=reads),
                base_addresses={"api": server.url},
                http_client=stripe.UrllibClient(),
                max_network_retries=0,
            )
            return StripeUsage(client.v1, TokenBucket(1000, clock.monotonic, clock.sleep))

        yield asking


def test_unused(reader: Reader, made: CustomerId) -> None:
    """Nothing speaks against a deletion."""
    usage = reader(*RESOURCES).of(made)

    assert (usage, usage.why_kept()) == (Usage(), None)


@pytest.mark.parametrize("resource", RESOURCES)
def test_used(account: StripeAccount, reader: Reader, made: CustomerId, resource: str) -> None:
    """One of each is enough; another customer's is none."""
    account.use(made, resource)
    account.use(made, resource)
    other = CustomerId(account.create({})["id"])

    assert reader(*RESOURCES).of(made).found == (RESOURCES[resource],)
    assert reader(*RESOURCES).of(other) == Usage()


@pytest.mark.parametrize("resource", RESOURCES)
def test_hidden(reader: Reader, made: CustomerId, resource: str) -> None:
    """What the key may not read is told, and the others are asked all the same."""
    usage = reader(*(RESOURCES.keys() - {resource})).of(made)

    assert usage == Usage(hidden=(RESOURCES[resource],))
    assert RESOURCES[resource] in str(usage.why_kept())


def test_customer_of_another_account(reader: Reader) -> None:
    """The key sees nothing of it."""
    assert reader(*RESOURCES).of(CustomerId("cus_0")) == Usage(hidden=tuple(Use))


def test_trouble_is_waited_out(account: StripeAccount, reader: Reader, made: CustomerId) -> None:
    """429 and 5xx are no answer; what does not end is raised."""
    account.faults += [Fault(FaultKind.RATE_LIMIT, "GET"), Fault(FaultKind.DOWN, "GET")]
    assert reader(*RESOURCES).of(made) == Usage()

    account.faults.append(Fault(FaultKind.DOWN, "GET", 99))
    with pytest.raises(stripe.APIError):
        reader(*RESOURCES).of(made)
