"""The Lambda function that the shop calls for a user: a customer now, or two accounts made one.

API Gateway's JWT authoriser has checked the access token before; the user is its `sub`.
"""

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from customerlink.adapters.auth0.errors import Auth0Error, is_refused
from customerlink.adapters.auth0.management import Users
from customerlink.functions.linking_proofs import Proof, Proofs
from customerlink.functions.shell.answering import answered
from customerlink.functions.shell.api_gateway import (
    NO_SUCH_ROUTE,
    NOT_SERVED,
    Answer,
    Event,
    Rejection,
    Request,
    answer,
    claims_of,
)
from customerlink.functions.shell.edge import AROUND, came_through
from customerlink.functions.shell.json_body import json_body
from customerlink.functions.shell.telemetry import report_linked, report_outcome, report_rejection
from customerlink.functions.shop_answers import (
    NO_PROOF,
    NO_SCOPE,
    NO_SUCH_USER,
    NO_TICKETS,
    NOT_AUTHORISED,
    NOT_VERIFIED,
    PROOF_REFUSED,
    STATUS,
    TENANT_UNAVAILABLE,
    TOO_MANY,
)
from customerlink.model.access_token import has_scope
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.frozen import frozen
from customerlink.model.instruction import Decision, Instruction, Reason, link_metadata
from customerlink.model.profile import Profile
from customerlink.model.signup import SignUp
from customerlink.model.user import User, UserId
from customerlink.ports.run import Run
from customerlink.usecases.link_accounts import Account, LinkFailure, Linking
from customerlink.usecases.open_sign_up import Settled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.settle import Settling
from customerlink.wiring.application import Application
from customerlink.wiring.settings import Settings
from customerlink.wiring.tenant import id_tokens, needed_tenant, shop_api, usage_limits, users_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

TENANT_SECONDS = 4.0
"""The longest that one call to Auth0 takes; linking makes five, a customer two."""

PATIENCE_SECONDS = 2.0
"""The longest that a request waits for Auth0's rate limit: the function has 28 s for all of it."""


class Shop:
    """What a warm function keeps."""

    def __init__(self) -> None:
        """Read settings and the tenant's secret."""
        self.application = Application(Settings.from_environment(os.environ))
        self.tenant = needed_tenant(self.application.aws)
        trust = self.application.settings.policy.trust
        self.users = users_of(
            self.tenant,
            trust,
            tries=2,
            seconds=TENANT_SECONDS,
            connections=self.application.services.connections,
        )
        self.api, self.id_tokens = shop_api(), id_tokens()
        self.limits = usage_limits(self.application.dynamodb)


@dataclass(frozen=True)
class Call:
    """One request for one user."""

    shop: Shop
    user: User
    request: Request
    request_id: str
    runs: list[Run] = field(default_factory=list)
    """Of a linking: each has a budget, and a trace, of its own."""

    @cached_property
    def users(self) -> Users:
        """Return the tenant's, with the patience of one request."""
        return self.shop.users.patient(PATIENCE_SECONDS)

    def customer(self) -> Answer | Rejection:
        """`POST /customers/me`: the user's customer, made if there is none."""
        shop, secret, runs = self.shop, self.shop.application.secret(), [_run()]

        def settling(signup: SignUp) -> Settling:
            # Auth0 may have taken its time: the budget counts from here.
            runs[0] = _run()
            return shop.application.settling(signup, secret, runs[0])

        outcome = provision_existing(self.user, self.users, settling)
        if outcome.reason is Reason.USER_GONE:
            return NO_SUCH_USER
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
        primary = self.users.get(self.user.user_id)
        if primary is None:
            return NO_SUCH_USER
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
        """Read the proofs of both log-ins, and judge them."""
        body, shop = json_body(self.request), self.shop
        if isinstance(body, Rejection):
            return body
        proofs = Proofs.read(body)
        if proofs is None:
            return NO_PROOF
        if proofs.has_ticket:
            keys = shop.application.secret().ticket_keys
            if not keys:
                return NO_TICKETS
            proof = proofs.by_ticket(keys, self.user.tenant, time.time())
        else:
            proof = proofs.by_id_token(shop.id_tokens, self.request.bearer())
        if proof is None or proof.user_id == self.user.user_id:
            return PROOF_REFUSED
        return proof if proofs.is_of(self.user.user_id, shop.id_tokens) else PROOF_REFUSED

    def _linked(self, primary: Profile, proof: Proof) -> Account | Answer | Rejection:
        """Let Auth0 link the two; return the second one as it was, its metadata included."""
        users, pair = self.users, f"{self.user.user_id} {proof.user_id}"
        secondary = users.get(proof.user_id)
        if secondary is None:
            return NO_SUCH_USER
        refused = _refusal(primary, secondary, proof)
        if refused is not None:
            return refused
        linking = self._linking(primary, Account.of(self._second(proof), secondary))
        why = linking.refusal()
        if why is not None:
            return self._not_followed(proof, why)
        # Last: a slip of the same person's, by a wrong first account, uses nothing up.
        if not self.shop.limits.begin(proof.nonce, pair):
            return PROOF_REFUSED
        if not users.link(self.user.user_id, proof.user_id):
            # Perhaps the same call, a moment earlier, has linked them.
            again = users.get(self.user.user_id)
            if again is None or again.linked(proof.user_id) is None:
                return NO_SUCH_USER
        return linking.secondary

    def _followed(self, primary: Profile, secondary: Account, proof: Proof) -> Answer | Rejection:
        """Let the Stripe side follow; interrupted, the same call or repair finishes it."""
        users, followed = self.users, self._linking(primary, secondary).follow()
        if isinstance(followed, LinkFailure):
            return self._not_followed(proof, followed)
        if followed.customer_id and followed.customer_id != primary.customer_id:
            link = link_metadata(followed.customer_id)
            if not users.merge_app_metadata(self.user.user_id, link):
                return NO_SUCH_USER
        self.shop.limits.spend(proof.nonce)
        self._report(proof, "linked", followed.superseded)
        body = {"stripe_customer_id": followed.customer_id, "superseded": followed.superseded}
        return answer(HTTPStatus.OK, body)

    def _linking(self, primary: Profile, secondary: Account) -> Linking:
        """Return a linking with a budget that counts from here: Auth0 may have taken its time."""
        application, run = self.shop.application, _run()
        self.runs.append(run)
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
        failure = self.runs[-1].trace.failure if outcome == LinkFailure.FAILED else None
        report_linked(self.user, proof.user_id, outcome, superseded, names, failure)


_DETAIL = "docs/policies.md says what each error means"


@frozen
class Route:
    """What a route does, what an application needs leave for, and how often a user may ask."""

    act: Callable[[Call], Answer | Rejection]
    scope: str
    times_a_day: int


ROUTES = {
    "POST /customers/me": Route(Call.customer, "customers:own", 100),
    "POST /accounts/link": Route(Call.link, "accounts:link", 20),
}


def handler(event: Event, context: "LambdaContext") -> Answer:
    """Answer one request of the shop's."""
    return respond(_shop, event, context)


def respond(shop: Callable[[], Shop], event: Event, context: "LambdaContext") -> Answer:
    """Answer, whatever happens."""
    request_id = context.aws_request_id

    def decide() -> Answer | Rejection:
        try:
            return _decide(shop(), event, request_id)
        except Auth0Error as trouble:
            if is_refused(trouble):
                # The next call asks for a new token, and reads the secrets anew.
                _shop.cache_clear()
            kind, failure = type(trouble).__name__, trouble.failure
            told = replace(TENANT_UNAVAILABLE, detail=kind, failure=failure)
            report_rejection(told, request_id)
            return TENANT_UNAVAILABLE.answer()

    return answered(decide, request_id)


def _decide(shop: Shop, event: Event, request_id: str) -> Answer | Rejection:
    if not came_through(shop.application.settings, event):
        return AROUND
    claims, request = claims_of(event), Request.of(event)
    # API Gateway asks for issuer, audience and scope as well; a route may have lost its authoriser.
    user_id = shop.api.caller(claims)
    if user_id is None:
        return NOT_AUTHORISED
    if not shop.application.settings.serves(shop.tenant.tenant):
        return NOT_SERVED
    route = _asked_for(request, claims)
    if isinstance(route, Rejection):
        return route
    if not _may_ask(shop, route, user_id):
        return TOO_MANY
    user = User(shop.tenant.tenant, user_id)
    return route.act(Call(shop, user, request, request_id))


def _asked_for(request: Request, claims: Mapping[str, object]) -> Route | Rejection:
    route = ROUTES.get(request.route)
    if route is None:
        return NO_SUCH_ROUTE
    if not has_scope(claims, route.scope):
        return replace(NO_SCOPE, detail=f"the access token has no scope {route.scope}")
    return route


def _may_ask(shop: Shop, route: Route, user_id: UserId) -> bool:
    try:
        return shop.limits.allows(route.scope, user_id, route.times_a_day, apart=0)
    except LedgerUnavailableError:
        # What follows meets the same outage, and has an answer for it.
        return True


def _refusal(primary: Profile, secondary: Profile, proof: Proof) -> Rejection | None:
    if not (primary.email_verified and secondary.email_verified):
        return NOT_VERIFIED
    return None if proof.holds_for(primary, secondary) else PROOF_REFUSED


def _run() -> Run:
    return Run(time, owner=secrets.token_hex(16))


@cache
def _shop() -> Shop:
    return Shop()
