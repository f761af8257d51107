"""Repair: a plan carried out, each expectation looked at again at the moment of change."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import stripe

from customerlink.adapters.stripe.listing import line, patiently
from customerlink.cli.tenant import Tenant
from customerlink.model.customer import DESCRIPTION
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason
from customerlink.model.profile import unfinished
from customerlink.model.repair_plan import Act, Step
from customerlink.model.sign_up_record import Lease, Linked
from customerlink.model.signup import Marker
from customerlink.model.user import CustomerId, registrant_id
from customerlink.usecases.backfill import why_not
from customerlink.usecases.change_address import AddressChange
from customerlink.usecases.link_accounts import LinkFailure
from customerlink.usecases.open_sign_up import Settled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.settle import Creates
from customerlink.wiring.provisioner import Provisioner

_GONE = "the user is gone"

ABANDONED_AFTER_SECONDS = 24 * 3600
"""A younger customer's registration may still be under way."""


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
            Act.CLAIM: self._claim,
            Act.FOLLOW: self._follow,
            Act.REMOVE: self._remove,
        }
        for step in steps:
            if step.act is Act.DECIDE:
                yield Result(step, Outcome.LEFT, step.reason)
                continue
            # The turn first: what is read before a wait may be stale after it.
            self._bucket.take()
            try:
                why = acts[step.act](step)
            except LedgerUnavailableError:
                why = "the ledger did not answer: again in a minute"
            yield Result(step, Outcome.SKIPPED if why else Outcome.DONE, why or step.act)

    def _record(self, step: Step) -> str | None:
        """Link a customer that names the user, in the ledger and in the profile; return why not."""
        user = self._user(step)
        if user is None:
            return _GONE
        if user["customer_id"]:
            return "the profile has an id by now"
        customer_id = CustomerId(str(step.customer_id))
        who = self._provisioner.user(str(step.user_id))
        outcome = self._provisioner.recording(who, user["email"], customer_id).settle()
        if not isinstance(outcome, Settled):
            return str(outcome.reason)
        if outcome.customer_id is None:
            return "the customer does not name the user any more"
        return self._write(step, {"stripe_customer_id": outcome.customer_id, "stripe_signup": None})

    def _clear(self, step: Step) -> str | None:
        """Take out an id that leads nowhere; the next login finishes the sign-up."""
        if self._customer(step) is not None:
            return "the customer is there"
        user = self._user(step)
        if user is None:
            return _GONE
        if user["customer_id"] != step.customer_id:
            return "the profile has another id by now"
        marker = Marker.UNFINISHED.value
        return self._write(step, {"stripe_customer_id": None, "stripe_signup": marker})

    def _set_email(self, step: Step) -> str | None:
        """Give the customer the user's address, unless another customer has it."""
        customer, user = self._customer(step), self._user(step)
        if user is None or user["customer_id"] != step.customer_id or not user["email"]:
            return "the profile has changed"
        if customer is None or not self._names(customer, step):
            return "the customer does not name the user any more"
        if (customer["email"] or "").lower() == user["email"].lower():
            return "the addresses agree by now"
        who = self._provisioner.user(str(step.user_id))
        customer_id = CustomerId(str(step.customer_id))
        settling = self._provisioner.recording(who, None, customer_id)
        return AddressChange(settling, customer_id, user["email"]).carry_out()

    def _provision(self, step: Step) -> str | None:
        """Settle the user's record, and write the link."""
        who = self._provisioner.user(str(step.user_id))
        outcome = provision_existing(who, self._tenant.users, self._provisioner.settling)
        if not isinstance(outcome, Settled):
            return why_not(outcome)
        is_late = outcome.reason is Reason.ALREADY_LINKED
        return "the profile has an id by now" if is_late else None

    def _claim(self, step: Step) -> str | None:
        """Let a registration's customer name the user, as the first login would."""
        user = self._user(step)
        if user is None:
            return _GONE
        if user["customer_id"] != step.customer_id:
            return "the profile has another id by now"
        signup = unfinished(self._provisioner.user(str(step.user_id)), user)
        reason = self._provisioner.settling(signup, Creates.NEVER).settle().reason
        return None if reason is Reason.ALREADY_LINKED else str(reason)

    def _follow(self, step: Step) -> str | None:
        """Let a linked account's customer follow, as linking by the shop's page does."""
        primary, customer = self._user(step), self._customer(step)
        if primary is None:
            return _GONE
        secondary_id = customer["auth0_user_id"] if customer else None
        identities = {f"{each['provider']}|{each['user_id']}" for each in primary["identities"][1:]}
        if secondary_id not in identities:
            return "the customer names no account that is linked to the user"
        followed = self._provisioner.linking(primary, secondary_id, str(step.customer_id)).follow()
        if isinstance(followed, LinkFailure):
            return str(followed)
        if followed.customer_id is None:
            return "the customer has moved on"
        link: dict[str, str | None] = {"stripe_customer_id": followed.customer_id}
        link["stripe_signup"] = None
        return self._write(step, link)

    def _remove(self, step: Step) -> str | None:
        """Delete a registration's customer that led to no user and was never used."""
        found = self._asked(lambda: self._customers.retrieve(str(step.customer_id)))
        registration = None if getattr(found, "deleted", False) else line(found)["registration_id"]
        if registration is None:
            return "the customer is gone, or is no registration's"
        why_not = why_not_removable(found, self._tenant_name, time.time())
        if why_not:
            return why_not
        # Nobody registers with the address while it is looked for, and deleted.
        _, ledger, _ = self._provisioner.ports()
        user = self._provisioner.user(registrant_id(registration))
        opened = ledger.open(user, None, admission=False)
        if isinstance(opened, Linked):
            opened = ledger.reopen(user, opened, None)
        if not isinstance(opened, Lease):
            return "somebody registers right now"
        holders = self._tenant.users.with_address(found.email) if found.email else []
        is_held = any(each["customer_id"] == found.id for each in holders)
        # A first login may have taken the customer over meanwhile, without the registrant's record.
        again = self._asked(lambda: self._customers.retrieve(found.id))
        is_gone = getattr(again, "deleted", False)
        is_held = is_held or is_gone or line(again)["auth0_user_id"] is not None
        if not is_held:
            self._asked(lambda: self._customers.delete(found.id))
        ledger.close(opened)
        return "a user has it" if is_held else None

    def _user(self, step: Step) -> dict[str, Any] | None:
        return self._tenant.read_user(str(step.user_id))

    def _customer(self, step: Step) -> dict[str, Any] | None:
        """Return the customer as it is now; None for one that is deleted or unknown."""
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


def why_not_removable(customer: Any, tenant: str, now: float) -> str | None:  # noqa: ANN401
    """Say what speaks against deleting a registration's customer: nothing may have come of it.

    A customer that never had an invoice has the first number still to give
    (https://docs.stripe.com/api/customers/object).
    """
    has = line(customer)
    is_ours = customer.description == DESCRIPTION and has["auth0_tenant"] == tenant
    if not is_ours or has["auth0_user_id"] is not None:
        return "the customer is not a registration's of this tenant, or was changed"
    if now - customer.created < ABANDONED_AFTER_SECONDS:
        return "the customer is younger than a day"
    method = getattr(customer.invoice_settings, "default_payment_method", None)
    is_unused = not (customer.balance or customer.default_source or method)
    if not is_unused or customer.next_invoice_sequence != 1:
        return "the customer was used"
    return None
