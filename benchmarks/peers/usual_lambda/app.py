"""What people write: Powertools for the route and the secret, the Stripe SDK, list then create.

Two conditional writes keep a double click out: one claims the user, one records the customer.
"""

import hmac
import os
from typing import Any

import boto3
import stripe
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters

logger = Logger(service="usual")
metrics = Metrics(namespace="Usual", service="usual")
app = APIGatewayHttpResolver()
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


@app.post("/post-login")
def post_login() -> object:
    """Find or create the customer, and remember it."""
    secret = parameters.get_secret(os.environ["SECRET_ID"], transform="json", max_age=300)
    given = app.current_event.headers.get("x-api-key", "")
    if not hmac.compare_digest(given, secret["action_signing_secrets"][0]):
        return Response(status_code=401)
    user = app.current_event.json_body["user"]
    key = {"pk": f"user#{user['user_id']}"}
    table.put_item(Item=key, ConditionExpression="attribute_not_exists(pk)")
    client = stripe.StripeClient(
        secret["stripe_restricted_key"], base_addresses={"api": os.environ["STRIPE"]}
    )
    found = client.v1.customers.list({"email": user["email"], "limit": 1})
    if found.data:
        customer_id = found.data[0].id
    else:
        customer_id = client.v1.customers.create(
            {
                "email": user["email"],
                "name": user["name"],
                "metadata": {"auth0_user_id": user["user_id"]},
            },
            {"idempotency_key": user["user_id"]},
        ).id
    table.update_item(
        Key=key,
        UpdateExpression="SET customer_id = :id",
        ConditionExpression="attribute_not_exists(customer_id)",
        ExpressionAttributeValues={":id": customer_id},
    )
    metrics.add_metric(name="sign_up", unit=MetricUnit.Count, value=1)
    logger.info("sign_up", extra={"user_id": user["user_id"]})
    return {"stripe_customer_id": customer_id}


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> object:
    """Resolve the route."""
    return app.resolve(event, context)
