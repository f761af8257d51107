"""Keys and limits: https://docs.stripe.com/keys, /rate-limits."""

import pytest
import stripe
from tests.contract.stripe.conftest import KEY, Asked

from sandbox.stripe_account import Fault, FaultKind, Permission, StripeAccount


def test_unknown_key(asked: Asked) -> None:
    """401; the answer shows the key's end only."""
    unknown = "rk_test_" + "0" * 24
    with pytest.raises(stripe.AuthenticationError) as raised:
        asked.with_key(unknown).list({})

    assert raised.value.http_status == 401
    assert unknown not in str(raised.value)


def test_no_key_over_plain_http(asked: Asked) -> None:
    """401 without the header too."""
    answer = asked.http("GET", "/v1/customers")
    assert answer.status == 200

    asked.key, key = "", asked.key
    try:
        answer = asked.http("GET", "/v1/customers")
    finally:
        asked.key = key
    assert answer.status == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_revoked_key(asked: Asked, account: StripeAccount) -> None:
    """401, like an unknown one."""
    key = account.add_key()
    asked.with_key(key).list({})
    account.revoke_key(key)

    with pytest.raises(stripe.AuthenticationError):
        asked.with_key(key).list({})


def test_expired_key(asked: Asked, account: StripeAccount) -> None:
    """`api_key_expired`: https://docs.stripe.com/error-codes#api-key-expired."""
    key = account.add_key()
    account.expire_key(key)
    with pytest.raises(stripe.AuthenticationError) as raised:
        asked.with_key(key).list({})

    assert raised.value.error is not None
    assert raised.value.error.code == "api_key_expired"


def test_read_only_key(asked: Asked, account: StripeAccount, email: str) -> None:
    """403 with `more_permissions_required`; `code` of the exception stays None."""
    reader = asked.with_key(account.add_key(Permission.READ))
    reader.list({})
    with pytest.raises(stripe.PermissionError) as raised:
        reader.create({"email": email})

    assert raised.value.code is None
    assert raised.value.error is not None
    assert raised.value.error.code == "more_permissions_required"


def test_write_includes_read(asked: Asked, email: str) -> None:
    """https://docs.stripe.com/keys/restricted-api-keys: a key with *Customers: Write* lists too."""
    customer = asked.create(email=email)

    assert asked.listed(email=email) == [customer.id]


@pytest.mark.differs(
    "localstripe",
    "knows no permissions",
    settled_by="https://docs.stripe.com/keys/restricted-api-keys",
)
@pytest.mark.differs(
    "stripe-stateful-mock",
    "knows no permissions",
    settled_by="https://docs.stripe.com/keys/restricted-api-keys",
)
@pytest.mark.parametrize(
    "path",
    [
        "/v1/charges",
        "/v1/subscriptions?limit=1",
        "/v1/invoices?limit=1",
        "/v1/customers/cus_0/payment_methods?limit=1",
    ],
)
def test_a_key_for_customers_reads_nothing_else(asked: Asked, path: str) -> None:
    """https://docs.stripe.com/keys/restricted-api-keys: each resource has its permission."""
    answer = asked.http("GET", path)

    assert answer.status == 403
    assert answer.json()["error"]["code"] == "more_permissions_required"


def test_rate_limit(asked: Asked, account: StripeAccount) -> None:
    """429 with its reason: https://docs.stripe.com/rate-limits."""
    account.faults.append(Fault(FaultKind.RATE_LIMIT, "GET"))
    with pytest.raises(stripe.RateLimitError) as raised:
        asked.customers.list({})

    assert raised.value.code is None
    assert (raised.value.headers or {}).get("stripe-rate-limited-reason") == "global-rate"


def test_a_live_key_is_refused() -> None:
    """By these tests themselves."""
    live = "_".join(("rk", "live", "0" * 24))

    with pytest.raises(ValueError, match="only test keys"):
        Asked("http://127.0.0.1:9", live, None, None)  # type: ignore[arg-type]
    assert not KEY[3:].startswith("live_")
