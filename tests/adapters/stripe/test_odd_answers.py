"""Answers that cannot be Stripe's, or are no answer to the question: each is `Unknown`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.adapters.stripe.served import NEW, Stripe
from tests.fakes import ADA, FakeClock, FakeLedger

from customerlink.adapters.stripe.customers import StripeCustomers
from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId
from customerlink.ports.customers import Done, Unknown
from customerlink.usecases.open_sign_up import Unsettled
from customerlink.usecases.settle import Settling

ODD_ID = CustomerId("cus_1")
CUSTOMER: dict[str, object] = {
    "id": "cus_1",
    "object": "customer",
    "created": 1,
    "email": "a@b",
    "metadata": {},
}
CHARGE: dict[str, object] = {"id": "ch_1", "object": "charge", "created": 1, "metadata": {}}
NOTHING_OF_STRIPES: list[object] = [
    *([], None, {}, "x", 3, True),
    *([CUSTOMER], [[]], [3, None]),
    *({"object": None}, {"object": 3}, {"object": ["customer"]}, {"error": "x"}),
]
"""Documents of JSON that are no answer to anything."""
ODD_VALUES: list[tuple[str, object]] = [
    *(("id", None), ("id", ""), ("id", 3), ("id", ["cus_1"])),
    *(("metadata", None), ("metadata", []), ("metadata", ""), ("metadata", 0)),
    *(("metadata", "x"), ("metadata", 3), ("metadata", ["x"]), ("metadata", {"theirs": 3})),
    *(("email", 3), ("email", []), ("email", {})),
    *(("created", None), ("created", "1"), ("created", 1.5)),
]
ODD_USER_IDS: list[object] = [None, 3, True, [], ["auth0|ada"], {}, {"a": "b"}]
NO_CUSTOMERS: list[object] = [
    CHARGE,
    CHARGE | {"id": "cus_1"},
    {"object": "customer"},
    {"object": "customer", "id": "cus_1"},
    {"object": "customer", "id": "cus_1", "deleted": "true"},
    *(CUSTOMER | {name: value} for name, value in ODD_VALUES),
    *(CUSTOMER | {"metadata": {"auth0_user_id": each}} for each in ODD_USER_IDS),
]
"""Documents that are no customer, or one with values of other types."""
NO_PAGES: list[object] = [
    *(None, {}, "x", 3),
    *([3], [None], ["x"], [[]], [{}]),
    *([each] for each in NO_CUSTOMERS),
    [CUSTOMER, CHARGE],
]
NO_LISTS: list[object] = [
    CUSTOMER,
    {"object": "list"},
    {"object": "list", "data": None},
    {"object": "list", "data": {}},
    *({"object": "list", "data": each, "has_more": False} for each in NO_PAGES),
    {"object": "list", "data": [], "has_more": True, "url": "/v1/customers"},
]
"""Documents that do not list a page of customers."""
ADAS = {"auth0_user_id": "auth0|ada", "auth0_tenant": "acme"}

type Asked = Callable[[StripeCustomers], object]


class Somebody:
    """Answers every request with one document and status 200; a list only if it is none's."""

    def __init__(self) -> None:
        """Start with no document."""
        self.document: object = None
        self.lists_nobody = False

    def __call__(self, environ: Any, start: Any) -> list[bytes]:
        """Answer."""
        is_list = (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("GET", "/v1/customers")
        nobody = {"object": "list", "data": [], "has_more": False, "url": "/v1/customers"}
        document = nobody if is_list and self.lists_nobody else self.document
        body = json.dumps(document).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
        start("200 OK", headers)
        return [body]


@pytest.fixture(scope="module")
def somebody() -> Somebody:
    """Return what answers in place of Stripe."""
    return Somebody()


@pytest.fixture(scope="module")
def odd(somebody: Somebody) -> Iterator[Stripe]:
    """Serve it."""
    one = Stripe(somebody)
    with one.server:
        yield one


class TestOddAnswers:
    """A 200 proves nothing by itself: what is no answer to the question is `Unknown`.

    The run's clock stands still, so that the pauses between the tries cost no time.
    """

    @pytest.fixture
    def customers(self, odd: Stripe, somebody: Somebody) -> StripeCustomers:
        """Return the adapter."""
        somebody.lists_nobody = False
        return odd.customers(clock=FakeClock())

    @pytest.mark.parametrize("document", NOTHING_OF_STRIPES + NO_CUSTOMERS)
    @pytest.mark.parametrize(
        "ask",
        [
            pytest.param(lambda c: c.create(NEW, "key"), id="create"),
            pytest.param(lambda c: c.retrieve(ODD_ID), id="retrieve"),
            pytest.param(lambda c: c.adopt(ODD_ID, ADA), id="adopt"),
            pytest.param(lambda c: c.set_email(ODD_ID, "a@b"), id="set_email"),
        ],
    )
    def test_no_customer(
        self, customers: StripeCustomers, somebody: Somebody, ask: Asked, document: object
    ) -> None:
        """Never an exception, never a customer, never "there is none"."""
        somebody.document = document

        assert ask(customers) == Unknown()

    @pytest.mark.parametrize("document", NOTHING_OF_STRIPES + NO_LISTS)
    def test_no_list(
        self, customers: StripeCustomers, somebody: Somebody, document: object
    ) -> None:
        """Never an exception, never "there is none"."""
        somebody.document = document

        assert customers.list_by_email("ada@example.com") == Unknown()

    @pytest.mark.parametrize(
        "ask",
        [
            pytest.param(lambda c: c.retrieve(ODD_ID), id="retrieve"),
            pytest.param(lambda c: c.adopt(ODD_ID, ADA), id="adopt"),
            pytest.param(lambda c: c.set_email(ODD_ID, "a@b"), id="set_email"),
        ],
    )
    def test_another_customer_than_asked_for(
        self, customers: StripeCustomers, somebody: Somebody, ask: Asked
    ) -> None:
        """Even one that names the user."""
        somebody.document = CUSTOMER | {"id": "cus_2", "metadata": ADAS}

        assert ask(customers) == Unknown()

    def test_deleted_customer(self, customers: StripeCustomers, somebody: Somebody) -> None:
        """It answers a retrieval, and nothing else."""
        somebody.document = {"id": "cus_1", "object": "customer", "deleted": True}

        assert customers.retrieve(ODD_ID) == Done(None)
        assert customers.create(NEW, "key") == Unknown()
        assert customers.adopt(ODD_ID, ADA) == Unknown()

    def test_another_customer_deleted(self, customers: StripeCustomers, somebody: Somebody) -> None:
        """It does not say that the one asked for is gone."""
        somebody.document = {"id": "cus_2", "object": "customer", "deleted": True}

        assert customers.retrieve(ODD_ID) == Unknown()

    @pytest.mark.parametrize(
        "document",
        [
            *([], None, CHARGE, CUSTOMER),
            CUSTOMER | {"metadata": ADAS | {"auth0_user_id": "auth0|bob"}},
            CUSTOMER | {"metadata": ADAS | {"auth0_tenant": "beta"}},
            CUSTOMER | {"metadata": {"auth0_registration_id": "auth0|ada"}},
        ],
    )
    def test_never_a_link(
        self, odd: Stripe, customers: StripeCustomers, somebody: Somebody, document: object
    ) -> None:
        """Whatever a create is answered with, unless it names the user."""
        somebody.document, somebody.lists_nobody = document, True
        signup, ledger = SignUp(ADA, 1, email="ada@example.com"), FakeLedger()
        outcome = Settling(signup, ledger, customers, Policy(), odd.run, is_admission=True).settle()

        assert outcome == Unsettled(Reason.PROVISIONING_FAILED)
        assert ledger.calls == [("open", "ada@example.com"), "lock_email", "release"]
