"""Repair: a plan carried out, each expectation looked at again at the moment of change."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import stripe

from customerlink.cli.tenant import Tenant
from customerlink.instruction import Decision
from customerlink.reconcile.listing import line, patiently
from customerlink.reconcile.plan import Act, Step
from customerlink.reconcile.provision import Provisioner
from customerlink.signup import Marker
from customerlink.user import CustomerId

_GONE = "the user is gone"


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    SKIPPED = "skipped"
    LEFT = "left to you"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one step."""

    step: Step
    outcome: Outcome
    why: str


class Repair:
    """Carries plans out; of an Auth0 user it writes the two keys of ours and nothing else."""

    def __init__(
        self,
        tenant_name: str,
        tenant: Tenant,
        provisioner: Provisioner,
    ) -> None:
        """Take both sides, and what creates customers."""
        self._tenant_name, self._tenant = tenant_name, tenant
        self._provisioner = provisioner
        self._customers, self._bucket = provisioner.customers, provisioner.bucket

    def apply(self, steps: Iterable[Step]) -> Iterator[Result]:
        """Carry out step by step; what changed since the plan was made is skipped, and said."""
        acts = {
            Act.RECORD: self._record,
            Act.PROVISION: self._provision,
            Act.CLEAR: self._clear,
            Act.SET_EMAIL: self._set_email,
        }
        for step in steps:
            if step.act is Act.DECIDE:
                yield Result(step, Outcome.LEFT, step.reason)
                continue
            why = acts[step.act](step)
            yield Result(step, Outcome.SKIPPED if why else Outcome.DONE, why or step.act)

    def _record(self, step: Step) -> str | None:
        """Write the id of a customer that names the user; gives why not."""
        user = self._user(step)
        if user is None:
            return _GONE
        if user["customer_id"]:
            return "the profile has an id by now"
        customer = self._customer(step)
        if customer is None or not self._names(customer, step):
            return "the customer does not name the user any more"
        return self._write(step, {"stripe_customer_id": step.customer_id, "stripe_signup": None})

    def _clear(self, step: Step) -> str | None:
        """Take out an id that leads nowhere; the next login finishes the sign-up."""
        user = self._user(step)
        if user is None:
            return _GONE
        if user["customer_id"] != step.customer_id:
            return "the profile has another id by now"
        if self._customer(step) is not None:
            return "the customer is there"
        unfinished = Marker.UNFINISHED.value
        return self._write(step, {"stripe_customer_id": None, "stripe_signup": unfinished})

    def _set_email(self, step: Step) -> str | None:
        """Give the customer the user's address, unless another customer has it."""
        user = self._user(step)
        if user is None or user["customer_id"] != step.customer_id or not user["email"]:
            return "the profile has changed"
        customer = self._customer(step)
        if customer is None or not self._names(customer, step):
            return "the customer does not name the user any more"
        email = user["email"].lower()
        if (customer["email"] or "").lower() == email:
            return "the addresses agree by now"
        taken = self._asked(lambda: self._customers.list({"email": email, "limit": 1})).data
        if taken:
            return f"the address has {taken[0].id}"
        self._asked(lambda: self._customers.update(step.customer_id, {"email": email}))
        return None

    def _provision(self, step: Step) -> str | None:
        """Run the pipeline like a login that finishes its sign-up, and write what it says."""
        user = self._user(step)
        if user is None:
            return _GONE
        if user["customer_id"]:
            return "the profile has an id by now"
        instruction = self._provisioner.provision(user)
        if isinstance(instruction, str):
            return instruction
        if instruction.decision is not Decision.CONTINUE:
            return str(instruction.reason)
        return self._write(step, dict(instruction.app_metadata))

    def _user(self, step: Step) -> dict[str, Any] | None:
        return self._tenant.read_user(str(step.user_id))

    def _customer(self, step: Step) -> dict[str, Any] | None:
        """Give the customer as it is now; None for one that is deleted or unknown."""
        try:
            found = self._asked(lambda: self._customers.retrieve(CustomerId(str(step.customer_id))))
        except stripe.InvalidRequestError:
            return None
        return None if getattr(found, "deleted", False) else line(found)

    def _names(self, customer: dict[str, Any], step: Step) -> bool:
        tenant = customer["auth0_tenant"] in (None, self._tenant_name)
        return tenant and customer["auth0_user_id"] == step.user_id

    def _write(self, step: Step, metadata: dict[str, str | None]) -> str | None:
        is_there = self._tenant.users.merge_app_metadata(str(step.user_id), metadata)
        return None if is_there else _GONE

    def _asked(self, request: Any) -> Any:  # noqa: ANN401 (as the SDK has it)
        return patiently(self._bucket, request)
