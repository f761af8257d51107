"""What the Action is told to do."""

from collections.abc import Mapping
from enum import StrEnum

from customerlink.model.frozen import field, frozen
from customerlink.model.signup import WIRE_VERSION, Marker
from customerlink.model.user import CustomerId

type Metadata = Mapping[str, str | None]
"""Changes to a user's `app_metadata`; None removes the key (Auth0's `setAppMetadata`)."""

_UNFINISHED: Metadata = {"stripe_signup": Marker.UNFINISHED.value}
_EXEMPT: Metadata = {"stripe_signup": Marker.EXEMPT.value}


class Decision(StrEnum):
    """Whether the login goes on."""

    CONTINUE = "continue"
    DENY = "deny"


class Reason(StrEnum):
    """Why; each is also the name of a metric."""

    CUSTOMER_CREATED = "customer_created"
    CUSTOMER_FOUND = "customer_found"
    ALREADY_LINKED = "already_linked"
    NOT_NEW = "not_new"
    DEFERRED = "deferred"
    EMAIL_IN_USE = "email_in_use"
    LINK_MISMATCH = "link_mismatch"
    EMAIL_MISSING = "email_missing"
    EMAIL_INVALID = "email_invalid"
    CUSTOMER_UNUSABLE = "customer_unusable"
    IN_PROGRESS = "in_progress"
    PROVISIONING_FAILED = "provisioning_failed"
    USER_GONE = "user_gone"
    """Only in the repair's log: the user was deleted before the sign-up ended."""


@frozen
class Instruction:
    """A decision with its reason and the metadata that the Action writes beside it."""

    decision: Decision
    reason: Reason
    app_metadata: Metadata = field(default_factory=dict)
    redirect: str | None = None
    """Where the Action may send the user in place of the denial."""
    customer_id: CustomerId | None = None
    """The customer that the user, or the registration, is let in with."""

    def as_json(self, message: str | None = None) -> dict[str, object]:
        """Return the answer's body as the wire contract, version 1, has it.

        `message` is what somebody reads who is denied.
        """
        body: dict[str, object] = {
            "version": WIRE_VERSION,
            "decision": self.decision.value,
            "reason": self.reason.value,
        }
        if message is not None:
            body["message"] = message
        if self.redirect is not None:
            body["redirect"] = self.redirect
        return {**body, "app_metadata": dict(self.app_metadata)}


def linked(customer_id: CustomerId, reason: Reason) -> Instruction:
    """Let the user in with a customer, and clear the marker of an earlier attempt."""
    metadata = link_metadata(customer_id)
    return Instruction(Decision.CONTINUE, reason, metadata, customer_id=customer_id)


def link_metadata(customer_id: CustomerId) -> dict[str, str | None]:
    """Return the changes to a profile that link a customer and end an earlier attempt."""
    return {"stripe_customer_id": customer_id, "stripe_signup": None}


def unlinked_metadata() -> Metadata:
    """Return the changes to a profile that take a link out; the next login makes another try."""
    return {"stripe_customer_id": None, **_UNFINISHED}


def not_new(*, exempt: bool) -> Instruction:
    """Let in a user who is not signing up; `exempt` spares the later logins the call."""
    return Instruction(Decision.CONTINUE, Reason.NOT_NEW, _EXEMPT if exempt else {})


def deferred() -> Instruction:
    """Let the user in without a customer for now; by the marker, the next login tries again."""
    return Instruction(Decision.CONTINUE, Reason.DEFERRED, _UNFINISHED)


def deferred_to_checkout() -> Instruction:
    """Let the user in without a customer until the shop asks for one; later logins cost no call."""
    return Instruction(Decision.CONTINUE, Reason.DEFERRED, _EXEMPT)


def registered(customer_id: CustomerId, reason: Reason, registration_id: str) -> Instruction:
    """Let the registration go on; the ids in the new profile prove the link at the first login."""
    ids: Metadata = {"stripe_customer_id": customer_id, "stripe_registration_id": registration_id}
    return Instruction(Decision.CONTINUE, reason, ids, customer_id=customer_id)


def denied(reason: Reason) -> Instruction:
    """Keep the user out, now and (by the marker) at the next login.

    Auth0 counts a denied login, so without the marker the second one would pass for a returning
    user's.
    """
    return Instruction(Decision.DENY, reason, _UNFINISHED)
