"""The functions that a person waits for beside the sign-up's, as built, in the Lambda runtime.

What is imported when it is needed, by the first request that links or opens a sealed address, has
to be in the artifact as well.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.e2e.runtime import BUILD, runtime
from tests.functions.test_shop_api import checkout, link, user
from tests.functions.test_verify_email import get, page_url, press

from sandbox.aws import MAIL_FUNCTION
from sandbox.gateway import by_runtime_emulators
from sandbox.sandbox import SESSION_SECRET, Sandbox, sandbox
from sandbox.tenant import ACTIONS, ActionHost, Tenant

SETTINGS = {
    "CUSTOMERLINK_PROVISION_AT": "checkout",
    "CUSTOMERLINK_LINKING_URL": "https://shop.example/link",
    "CUSTOMERLINK_VERIFIED_EMAIL": "required",
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Run a deployment with the shop's functions, the page and the mail's in runtimes of theirs."""
    with sandbox(settings=SETTINGS) as made, ExitStack() as stack:
        made.let_functions_into_the_tenant()
        shop, page, mail = (
            by_runtime_emulators(
                stack.enter_context(
                    runtime(
                        made.environment(), BUILD / name, f"customerlink.functions.{module}.handler"
                    )
                ).url
            )
            for name, module in (
                ("CustomersFunction", "shop_api"),
                ("VerifyEmailFunction", "verify_email"),
                ("SendMailFunction", "send_mail"),
            )
        )
        made.gateway.shop, made.gateway.page = shop, page
        made.aws.functions[MAIL_FUNCTION] = mail
        yield made


def test_checkout_and_linking(box: Sandbox) -> None:
    """Both accounts have a customer, and afterwards the one that is left has the first's."""
    ada, google = user(box), user(box, "google-oauth2")
    (_, first), (_, second) = checkout(box, ada), checkout(box, google)
    superseded = [second["stripe_customer_id"]]

    assert link(box, ada, google) == (200, {**first, "superseded": superseded})
    assert google not in box.tenant.users
    assert box.stripe.retrieve(*superseded)["metadata"]["superseded_by"] in first.values()


def test_linking_by_a_forged_proof(box: Sandbox) -> None:
    """PyJWT and cryptography are there to refuse it."""
    ada, google = user(box), user(box, "google-oauth2")
    status, _ = link(box, ada, google, aud="another-application")

    assert status in (401, 403)
    assert google in box.tenant.users


def test_page_and_mail(box: Sandbox) -> None:
    """The page shows the address that its token has sealed, and the mail is sent."""
    ada = user(box, email_verified=False)
    secrets = {
        "CUSTOMERLINK_VERIFY_URL": page_url(box),
        "CUSTOMERLINK_SESSION_SECRET": SESSION_SECRET,
    }
    with ActionHost(ACTIONS / "verify-email.js") as host:
        redirect = str(Tenant(host, secrets, users=box.tenant.users).login(ada).redirect)
    [token] = parse_qs(urlsplit(redirect).query)["session_token"]
    status, body = get(box, token)

    assert status == 200
    assert re.findall(r'<bdi class="address">(.*?)</bdi>', body) == [box.tenant.users[ada]["email"]]
    assert "sent the mail again" in press(box, token)[1]
    assert box.management.jobs.mails.count(ada) == 1
