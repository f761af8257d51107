"""The Lambda function that the shop calls for a user: a customer now, or two accounts made one.

API Gateway's JWT authoriser has checked the access token before; the user is its `sub`.
"""

import base64
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from customerlink.adapters.auth0.id_tokens import KEYS_UNAVAILABLE
from customerlink.adapters.auth0.management import AUTH0_ERRORS
from customerlink.functions.shell.answering import answered
from customerlink.functions.shell.api_gateway import (
    Answer,
    Event,
    Rejection,
    Request,
    answer,
    subject_of,
)
from customerlink.functions.shell.edge import NOT_ALLOWED, came_through
from customerlink.functions.shell.json_body import json_body
from customerlink.functions.shell.telemetry import report_linked, report_outcome, report_rejection
from customerlink.model.address import is_same_address
from customerlink.model.instruction import Decision, Instruction, Reason, link_metadata
from customerlink.model.profile import Profile
from customerlink.model.signup import SignUp
from customerlink.model.tickets import redeem
from customerlink.model.user import User, UserId
from customerlink.model.values import Reader, text
from customerlink.ports.run import Run
from customerlink.usecases.link_accounts import Account, LinkFailure, Linking
from customerlink.usecases.open_sign_up import Settled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.settle import Settling
from customerlink.wiring.application import Application
from customerlink.wiring.settings import Settings
from customerlink.wiring.tenant import id_tokens, needed_tenant, usage_limits, users_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

TENANT_SECONDS = 4.0
"""The longest that one call to Auth0 takes; linking makes five, a customer two."""

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

_NOT_AUTHORISED = Rejection(
    HTTPStatus.UNAUTHORIZED, "not_authorised", "the access token names no user"
)
_NO_SUCH_ROUTE = Rejection(HTTPStatus.NOT_FOUND, "invalid_request", "there is no such route")
_NO_SUCH_USER = Rejection(
    HTTPStatus.NOT_FOUND, "user_not_found", "the tenant has no such user any more"
)
_NO_PROOF = Rejection(
    HTTPStatus.BAD_REQUEST,
    "invalid_request",
    "one of secondary_id_token and link_ticket is to be given, as text",
)
_PROOF_REFUSED = Rejection(
    HTTPStatus.FORBIDDEN,
    "proof_refused",
    "the second account's proof is not of this tenant, for this login, fresh and unused",
)
_NOT_VERIFIED = Rejection(
    HTTPStatus.FORBIDDEN, "proof_refused", "an address of the two accounts is not verified"
)
_TENANT_UNAVAILABLE = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE, "auth0_unavailable", "Auth0 did not answer as it should"
)


class Shop:
    """What a warm function keeps."""

    def __init__(self) -> None:
        """Read settings and the tenant's secret."""
        self.application = Application(Settings.from_environment(os.environ))
        self.tenant = needed_tenant()
        self.users = users_of(self.tenant, tries=2, seconds=TENANT_SECONDS)
        self.id_tokens = id_tokens()
        self.limits = usage_limits(self.application.dynamodb)


@dataclass(frozen=True, slots=True)
class Proof:
    """That the caller has just logged in to the second account."""

    user_id: UserId
    nonce: str
    is_ticket: bool = False
    """A ticket is bound to no first account, so that the two must have one address."""


@dataclass(frozen=True)
class Call:
    """One request for one user."""

    shop: Shop
    user: User
    request: Request
    request_id: str

    def customer(self) -> Answer | Rejection:
        """`POST /customers/me`: the user's customer, made if there is none."""
        shop, secret, runs = self.shop, self.shop.application.secret(), [_run()]

        def settling(signup: SignUp) -> Settling:
            # Auth0 may have taken its time: the budget counts from here.
            runs[0] = _run()
            return shop.application.settling(signup, secret, runs[0])

        outcome = provision_existing(self.user, shop.users, settling)
        if outcome.reason is Reason.USER_GONE:
            return _NO_SUCH_USER
        is_settled = isinstance(outcome, Settled)
        told = Instruction(Decision.CONTINUE if is_settled else Decision.DENY, outcome.reason)
        report_outcome(
            SignUp(self.user, logins_count=0), runs[0], told, self.request_id, secret.log_names
        )
        if isinstance(outcome, Settled):
            return answer(HTTPStatus.OK, {"stripe_customer_id": outcome.customer_id})
        is_unverified = outcome.reason is Reason.DEFERRED
        error = "email_not_verified" if is_unverified else outcome.reason.value
        return answer(STATUS[outcome.reason], {"error": error, "detail": _DETAIL})

    def link(self) -> Answer | Rejection:
        """`POST /accounts/link`: the second account becomes part of the caller's."""
        proof = self._proof()
        if isinstance(proof, Rejection):
            return proof
        primary = self.shop.users.get(self.user.user_id)
        if primary is None:
            return _NO_SUCH_USER
        part = primary.linked(proof.user_id)
        secondary = (
            Account(self._second(proof), part.email, None) if part else self._linked(primary, proof)
        )
        if not isinstance(secondary, Account):
            return secondary
        return self._followed(primary, secondary, proof)

    def _second(self, proof: Proof) -> User:
        return replace(self.user, user_id=proof.user_id)

    def _proof(self) -> Proof | Rejection:
        """Read the second account's proof, and judge it."""
        given = _given(self.request)
        if isinstance(given, Rejection):
            return given
        kind, proven = given
        if kind == "link_ticket":
            ticket = redeem(self.shop.application.secret().signing_secrets, proven, time.time())
            is_ours = ticket is not None and ticket.user.tenant == self.user.tenant
            proof = (
                Proof(ticket.user.user_id, ticket.nonce, is_ticket=True)
                if ticket and is_ours
                else None
            )
        else:
            login = self.shop.id_tokens.verified(proven, nonce_for(self.request.bearer()))
            is_good = login is not None and login.email_verified
            proof = Proof(UserId(login.user_id), login.nonce) if login and is_good else None
        if proof is None or proof.user_id == self.user.user_id:
            return _PROOF_REFUSED
        return proof

    def _linked(self, primary: Profile, proof: Proof) -> Account | Answer | Rejection:
        """Let Auth0 link the two; return the second one as it was, its metadata included."""
        users, pair = self.shop.users, f"{self.user.user_id} {proof.user_id}"
        if not self.shop.limits.begin(proof.nonce, pair):
            return _PROOF_REFUSED
        secondary = users.get(proof.user_id)
        if secondary is None:
            return _NO_SUCH_USER
        refused = _refusal(primary, secondary, proof)
        if refused is not None:
            return refused
        linking = self._linking(primary, Account.of(self._second(proof), secondary))
        why = linking.refusal()
        if why is not None:
            return self._not_followed(proof, why)
        if not users.link(self.user.user_id, proof.user_id):
            # Perhaps the same call, a moment earlier, has linked them.
            again = users.get(self.user.user_id)
            if again is None or again.linked(proof.user_id) is None:
                return _NO_SUCH_USER
        return linking.secondary

    def _followed(self, primary: Profile, secondary: Account, proof: Proof) -> Answer | Rejection:
        """Let the Stripe side follow; interrupted, the same call or repair finishes it."""
        users, followed = self.shop.users, self._linking(primary, secondary).follow()
        if isinstance(followed, LinkFailure):
            return self._not_followed(proof, followed)
        if followed.customer_id and followed.customer_id != primary.customer_id:
            link = link_metadata(followed.customer_id)
            if not users.merge_app_metadata(self.user.user_id, link):
                return _NO_SUCH_USER
        self.shop.limits.spend(proof.nonce)
        self._report(proof, "linked", followed.superseded)
        body = {"stripe_customer_id": followed.customer_id, "superseded": followed.superseded}
        return answer(HTTPStatus.OK, body)

    def _linking(self, primary: Profile, secondary: Account) -> Linking:
        """Return a linking with a budget that counts from here: Auth0 may have taken its time."""
        application, run = self.shop.application, _run()
        customers = application.customers(application.secret(), run)
        ledger = application.ledger(run)
        policy = application.settings.policy
        first = Account.of(self.user, primary)
        return Linking(first, secondary, ledger, customers, run, policy)

    def _not_followed(self, proof: Proof, why: LinkFailure) -> Answer:
        self._report(proof, why.value)
        return answer(STATUS[Reason(why.value)], {"error": why, "detail": _DETAIL})

    def _report(self, proof: Proof, outcome: str, superseded: Sequence[str] = ()) -> None:
        names = self.shop.application.secret().log_names
        report_linked(self.user, proof.user_id, outcome, superseded, names)


_DETAIL = "docs/policies.md says what each error means"

_ROUTES: dict[str, Callable[[Call], Answer | Rejection]] = {
    "POST /customers/me": Call.customer,
    "POST /accounts/link": Call.link,
}


def nonce_for(access_token: str) -> str:
    """Return the nonce that binds the second account's log-in to the first one's access token."""
    digest = hashlib.sha256(access_token.encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def handler(event: Event, context: "LambdaContext") -> Answer:
    """Answer one request of the shop's."""
    return respond(_shop, event, context)


def respond(shop: Callable[[], Shop], event: Event, context: "LambdaContext") -> Answer:
    """Answer, whatever happens."""
    request_id = context.aws_request_id

    def decide() -> Answer | Rejection:
        try:
            return _decide(shop(), event, request_id)
        except (*AUTH0_ERRORS, *KEYS_UNAVAILABLE) as trouble:
            # The next call asks for a new token, and reads the secrets anew: one may have expired.
            _shop.cache_clear()
            report_rejection(
                replace(_TENANT_UNAVAILABLE, detail=type(trouble).__name__), request_id
            )
            return _TENANT_UNAVAILABLE.answer()

    return answered(decide, request_id)


def _decide(shop: Shop, event: Event, request_id: str) -> Answer | Rejection:
    if not came_through(shop.application.settings, event):
        return NOT_ALLOWED
    user_id = subject_of(event)
    if "|" not in user_id:
        # An application's own token has no user behind it: its `sub` is `…@clients`.
        return _NOT_AUTHORISED
    user = User(shop.tenant.tenant, UserId(user_id))
    request = Request.of(event)
    act = _ROUTES.get(request.route)
    return act(Call(shop, user, request, request_id)) if act else _NO_SUCH_ROUTE


def _given(request: Request) -> tuple[str, str] | Rejection:
    body = json_body(request)
    if isinstance(body, Rejection):
        return body
    read = Reader(body)
    given = [(name, read(name, text)) for name in ("secondary_id_token", "link_ticket")]
    match [(name, value) for name, value in given if value]:
        case [(name, str(value))]:
            return name, value
    return _NO_PROOF


def _refusal(primary: Profile, secondary: Profile, proof: Proof) -> Rejection | None:
    if not (primary.email_verified and secondary.email_verified):
        return _NOT_VERIFIED
    is_other = proof.is_ticket and not is_same_address(primary.email, secondary.email)
    return _PROOF_REFUSED if is_other else None


def _run() -> Run:
    return Run(time, owner=secrets.token_hex(16))


@cache
def _shop() -> Shop:
    return Shop()
