"""Stripe, Secrets Manager and DynamoDB in another process: they cost the measured one nothing.

Stripe keeps connections alive, as the real one does and werkzeug's server does not.
"""

import json
import sys
import threading

import waitress
from tests.e2e.dynalite import dynalite

from sandbox.sandbox import sandbox
from sandbox.stripe_server import stripe_app

STRIPE_SECONDS = 0.08
"""What a call to Stripe takes from an AWS region nearby."""


def main() -> None:
    """Print where they are, and serve until the input ends; each line of it sets the latency."""
    with sandbox() as box, dynalite() as (ledger, _):
        server = waitress.create_server(stripe_app(box.stripe), host="127.0.0.1", port=0)
        threading.Thread(target=server.run, daemon=True).start()
        stripe = f"http://127.0.0.1:{server.effective_port}"
        outside = {"CUSTOMERLINK_STRIPE_API_BASE": stripe, "AWS_ENDPOINT_URL_DYNAMODB": ledger}
        places = {
            "environment": box.environment() | outside,
            "stripe": stripe,
            "stripe_key": box.stripe_key,
            "signing_secret": box.signing_secret,
        }
        print(json.dumps(places), flush=True)
        for line in sys.stdin:
            box.stripe.latency = float(line)
            print("ok", flush=True)


if __name__ == "__main__":
    main()
