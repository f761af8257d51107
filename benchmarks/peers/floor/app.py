"""The least that a sign-up can cost: its three requests to DynamoDB and its two to Stripe.

Over two kept connections by http.client, and nothing else: nothing is checked, signed or told. The
documents for DynamoDB are a sign-up's own (benchmarks/sign_up.py records them).
"""

import http.client
import json
import os
from urllib.parse import urlencode, urlsplit

_stripe = http.client.HTTPConnection(urlsplit(os.environ.get("STRIPE", "")).netloc)
_ledger = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL_DYNAMODB"]).netloc)
_OPEN, _LOCK, _LINK = json.loads(os.environ["LEDGER_REQUESTS"])
_LEDGER_HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.UpdateItem",
    "x-amz-date": "20260101T000000Z",
    # The stand-in looks at its form alone.
    "authorization": "AWS4-HMAC-SHA256 Credential=floor/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0",
}


def empty(_event: object, _context: object) -> dict[str, int]:
    """Do nothing; what HTTP and JSON take to import is in its start."""
    return {"statusCode": 200}


def handler(event: dict[str, str], _context: object) -> dict[str, object]:
    """Open, lock, list, create and link."""
    user = json.loads(event["body"])["user"]
    _write(_OPEN, user["user_id"])
    _write(_LOCK, user["user_id"])
    _ask("GET", f"/v1/customers?{urlencode({'email': user['email'], 'limit': 100})}", None)
    created = _ask("POST", "/v1/customers", urlencode({"email": user["email"]}))
    _write(_LINK, user["user_id"])
    return {"statusCode": 200, "body": json.dumps({"stripe_customer_id": created["id"]})}


def _write(request: str, user_id: str) -> None:
    _ledger.request("POST", "/", request.replace("<user>", user_id), _LEDGER_HEADERS)
    answer = _ledger.getresponse()
    if b"__type" in answer.read():
        raise RuntimeError(request)


def _ask(method: str, path: str, body: str | None) -> dict[str, str]:
    headers = {"authorization": f"Bearer {os.environ['STRIPE_KEY']}"}
    if body:
        headers["content-type"] = "application/x-www-form-urlencoded"
    _stripe.request(method, path, body, headers)
    answer: dict[str, str] = json.loads(_stripe.getresponse().read())
    return answer
