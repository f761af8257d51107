"""What the shop's API answers besides a customer: docs/policies.md says what to do about each."""

from http import HTTPStatus

from customerlink.functions.shell.api_gateway import Rejection
from customerlink.model.instruction import Reason

STATUS = {
    Reason.DEFERRED: HTTPStatus.CONFLICT,
    Reason.EMAIL_IN_USE: HTTPStatus.CONFLICT,
    Reason.LINK_MISMATCH: HTTPStatus.CONFLICT,
    Reason.CUSTOMER_UNUSABLE: HTTPStatus.CONFLICT,
    Reason.IN_PROGRESS: HTTPStatus.CONFLICT,
    Reason.EMAIL_MISSING: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.EMAIL_INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.PROVISIONING_FAILED: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""How a reason that left the user without a customer is answered; the reason is the error code."""

NOT_AUTHORISED = Rejection(
    HTTPStatus.UNAUTHORIZED,
    "not_authorised",
    "the access token is not a user's, for this API, of one of the shop's applications",
)
NO_SCOPE = Rejection(HTTPStatus.FORBIDDEN, "not_authorised", "the access token has no such scope")
TOO_MANY = Rejection(
    HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", "this user has asked too often today"
)
NO_SUCH_USER = Rejection(
    HTTPStatus.NOT_FOUND, "user_not_found", "the tenant has no such user any more"
)
NO_PROOF = Rejection(
    HTTPStatus.BAD_REQUEST,
    "invalid_request",
    "primary_id_token is to be given, and secondary_id_token or link_ticket with link_state",
)
PROOF_REFUSED = Rejection(
    HTTPStatus.FORBIDDEN,
    "proof_refused",
    "a log-in's proof is not of this tenant, of this browser, fresh and unused",
)
NO_TICKETS = Rejection(
    HTTPStatus.FORBIDDEN,
    "proof_refused",
    "the deployment has no key for link tickets: customerlink install makes one",
)
NOT_VERIFIED = Rejection(
    HTTPStatus.FORBIDDEN, "proof_refused", "an address of the two accounts is not verified"
)
TENANT_UNAVAILABLE = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE, "auth0_unavailable", "Auth0 did not answer as it should"
)
