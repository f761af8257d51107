"""dj-stripe on PostgreSQL, as its documentation has it: a line of JSON in, one out.

https://dj-stripe.dev: the customer of a subscriber is got or created where one is needed, and its
webhook's view takes what Stripe tells.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from hmac import new as hmac
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.urls import include, path

_answers, sys.stdout = sys.stdout, sys.stderr
_DATABASE = urlsplit(os.environ["DATABASE"])
_WEBHOOK_SECRET = "whsec_" + "peer" * 6

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _DATABASE.path.strip("/"),
            "USER": _DATABASE.username,
            "HOST": _DATABASE.hostname,
            "PORT": _DATABASE.port,
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
    ALLOWED_HOSTS=["127.0.0.1"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ROOT_URLCONF=__name__,
    SECRET_KEY="nobody calls this from outside",  # noqa: S106
    # The tables as the models have them: two hundred migrations, played one by one, take minutes.
    MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "djstripe")),
    STRIPE_API_HOST=os.environ["STRIPE"],
    STRIPE_LIVE_MODE=False,
    STRIPE_TEST_SECRET_KEY=os.environ["STRIPE_KEY"],
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 (Django's models need its settings)
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from djstripe.models import Customer, WebhookEndpoint  # noqa: E402

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]

type Message = dict[str, Any]


def sign_up(asked: Message) -> Message:
    """Make the user, and get or create the customer."""
    profile = {"email": asked["email"], "first_name": asked["name"]}
    user, _ = User.objects.get_or_create(username=asked["user_id"], defaults=profile)
    customer, _ = Customer.get_or_create(subscriber=user)
    is_own = customer.subscriber_id == user.pk
    return {"outcome": "linked" if is_own else "failed", "customer": customer.id}


def links(_: Message) -> Message:
    """Return who is linked to which customer."""
    users = User.objects.prefetch_related("djstripe_customers")
    return {
        "links": [
            {"user": str(user.pk), "email": user.email, "customer": customer.id}
            for user in users
            for customer in user.djstripe_customers.all()
        ]
    }


def change_address(asked: Message) -> Message:
    """Save the user with another address."""
    user = User.objects.get(username=asked["user_id"])
    user.email = asked["to"]
    user.save()
    return {}


def delete_user(asked: Message) -> Message:
    """Delete the user."""
    User.objects.get(username=asked["user_id"]).delete()
    return {}


def webhook(asked: Message) -> Message:
    """Take an event of Stripe's, as its webhook would."""
    endpoint, _ = WebhookEndpoint.objects.get_or_create(
        id="we_peer",
        defaults={
            "secret": _WEBHOOK_SECRET,
            "url": "http://127.0.0.1/",
            "livemode": False,
            "enabled_events": ["customer.updated", "customer.deleted"],
        },
    )
    payload, at = json.dumps(asked["event"]), int(time.time())
    digest = hmac(_WEBHOOK_SECRET.encode(), f"{at}.{payload}".encode(), sha256).hexdigest()
    answer = Client(SERVER_NAME="127.0.0.1", raise_request_exception=False).post(
        f"/stripe/webhook/{endpoint.djstripe_uuid}/",
        payload,
        content_type="application/json",
        headers={"stripe-signature": f"t={at},v1={digest}"},
    )
    return {"status": answer.status_code}


def migrate(_: Message) -> Message:
    """Make the tables."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    return {}


ACTS: dict[str, Callable[[Message], Message]] = {
    each.__name__: each for each in (sign_up, links, change_address, delete_user, webhook, migrate)
}

for line in sys.stdin:
    message = json.loads(line)
    try:
        told = ACTS[message["act"]](message)
    except Exception as error:  # noqa: BLE001 (whatever fails is a sign-up that failed)
        told = {"outcome": "failed", "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(told), file=_answers, flush=True)
