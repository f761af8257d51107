"""Answers against the types that Stripe generates from its OpenAPI description, by its compiler.

The stripe npm package carries them (`OPENAPI_VERSION` names the description); TypeScript refuses a
missing required field, a wrong type and a field that the description does not know.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3
from tests.contract.stripe.conftest import Asked

from sandbox.stripe_account import StripeAccount

ROOT = Path(__file__).parents[3]
OLD = "https://docs.stripe.com/api/customers/object"


def type_errors(folder: Path, kind: str, *values: object) -> list[str]:
    """Compile JSON documents as values of a TypeScript type; return the codes of the complaints."""
    source = folder / "answers.ts"
    lines = [f'import Stripe from "{ROOT}/node_modules/stripe";']
    lines += [
        f"export const answer{number}: {kind} = {json.dumps(value)};"
        for number, value in enumerate(values)
    ]
    source.write_text("\n".join(lines))
    compiler = ["node_modules/.bin/tsc", "--strict", "--noEmit", "--skipLibCheck"]
    options = ["--module", "nodenext", "--types", "node", "--typeRoots", "node_modules/@types"]
    command = [*compiler, *options, str(source)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return re.findall(r"error (TS\d+)", done.stdout)


def document(answer: urllib3.BaseHTTPResponse) -> Any:
    """Return an answer's document as it came, before any SDK looked at it."""
    return answer.json()


@pytest.mark.differs("localstripe", "answers as an API before 2019-12-03", settled_by=OLD)
@pytest.mark.differs("stripe-stateful-mock", "answers as the API of 2020-08-27", settled_by=OLD)
def test_customer(asked: Asked, email: str, tmp_path: Path) -> None:
    """Every required field, and nothing that the description does not have."""
    customer = asked.create(email=email, name="Ada", metadata={"a": "1"})
    answer = document(asked.http("GET", f"/v1/customers/{customer.id}"))

    assert type_errors(tmp_path, "Stripe.Customer", answer) == []


def test_a_wrong_customer_is_found_out(account: StripeAccount, tmp_path: Path) -> None:
    """The check can fail: for a field that is missing, of a wrong type, or unknown."""
    right = account.create({})
    incomplete = {name: value for name, value in right.items() if name != "invoice_settings"}
    wrong = [incomplete, right | {"created": "today"}, right | {"made_up": 1}]

    assert type_errors(tmp_path, "Stripe.Customer", *wrong) == ["TS2741", "TS2322", "TS2353"]


@pytest.mark.differs("localstripe", "answers as an API before 2019-12-03", settled_by=OLD)
@pytest.mark.differs("stripe-stateful-mock", "answers as the API of 2020-08-27", settled_by=OLD)
def test_list(asked: Asked, email: str, tmp_path: Path) -> None:
    """The list object too."""
    asked.create(email=email)
    answer = document(asked.http("GET", "/v1/customers", email=email))

    assert type_errors(tmp_path, "Stripe.ApiList<Stripe.Customer>", answer) == []


@pytest.mark.differs("localstripe", "answers 404", settled_by=OLD)
@pytest.mark.differs("stripe-stateful-mock", "deletes no customers", settled_by=OLD)
def test_deleted_customer(asked: Asked, email: str, tmp_path: Path) -> None:
    """What is left of a customer, and what was told of it."""
    customer = asked.create(email=email, metadata={"a": "1"})
    asked.customers.update(customer.id, {"name": "Ada"})
    asked.customers.delete(customer.id)
    answer = document(asked.http("GET", f"/v1/customers/{customer.id}"))
    events = asked.told(customer.id, 2)
    kinds = ("DeletedCustomer", "CustomerUpdatedEvent", "CustomerDeletedEvent")
    kind = " | ".join(f"Stripe.{each}" for each in kinds)

    assert type_errors(tmp_path, kind, answer, *events) == []
