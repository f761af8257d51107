"""The registration flow under other policies than the defaults, each in a sandbox of its own."""

import pytest

from sandbox.sandbox import sandbox


@pytest.mark.parametrize(
    ("required", "reasons"),
    [("optional", ["email_in_use"]), ("required", ["deferred", "customer_found"])],
)
def test_customer_of_nobodys_where_it_would_be_adopted(required: str, reasons: list[str]) -> None:
    """Before there is a user no address is verified: the first login is to decide."""
    policies = {"CUSTOMERLINK_EXISTING_CUSTOMER": "adopt", "CUSTOMERLINK_VERIFIED_EMAIL": required}
    with sandbox(settings=policies) as box:
        made = box.stripe.create({"email": "guest@example.com"})["id"]
        user_id = box.tenant.register(email="guest@example.com").user_id
        if user_id:
            box.tenant.users[user_id]["email_verified"] = True
            box.tenant.login(user_id)
            found = box.tenant.users[user_id]["app_metadata"]["stripe_customer_id"]
            assert found == made

        assert [each.reason for each in box.gateway.exchanges] == reasons
