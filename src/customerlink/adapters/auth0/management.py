"""Auth0's Management API for a tenant's users, by auth0-python.

The function of the sign-up knows nothing of it: it holds no credentials of Auth0's.
"""

import copy
import itertools
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import httpx
from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error
from auth0.management import Auth0
from auth0.management.core.api_error import ApiError
from auth0.management.core.parse_error import ParsingError
from auth0.management.errors import NotFoundError, TooManyRequestsError
from requests import RequestException

from customerlink.adapters.token_bucket import Unlimited
from customerlink.model.address import spellings
from customerlink.model.failure import FailedAt, Failure, How, told
from customerlink.model.profile import Profile
from customerlink.model.secret import Auth0Client
from customerlink.model.trust import Trust
from customerlink.ports.profiles import ErasableUsers
from customerlink.ports.rate import RateLimiter

if TYPE_CHECKING:
    from auth0.management.types import UserIdentityProviderEnum

EXPORTED = {
    "user_id": "user_id",
    "email": "email",
    "email_verified": "email_verified",
    "name": "name",
    "app_metadata.stripe_customer_id": "customer_id",
    "app_metadata.stripe_signup": "marker",
    "identities": "identities",
}
"""What is exported of a user, and under which name (`adapters.auth0.exported`)."""

AUTH0_ERRORS = (ApiError, Auth0Error, ParsingError, httpx.HTTPError, RequestException)
"""What the SDK raises; their texts may be personal."""

REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

TIME_OUT_SECONDS = 20.0
_SHORTEST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 60.0
TRIES = 10


@dataclass
class Grant:
    """A token, its client, and who has asked for a new one: for all that share it."""

    answer: dict[str, Any] | None = None
    api: Auth0 | None = None
    _lock: Lock = field(default_factory=Lock)

    def forget(self, answer: dict[str, Any]) -> None:
        """Let the token be asked for anew, unless another thread has asked already."""
        with self._lock:
            if self.answer is answer:
                self.answer, self.api = None, None


class Management:
    """The API as an application that asks for one token, and waits where Auth0 says so."""

    def __init__(  # noqa: PLR0913 (what a caller may choose)
        self,
        client: Auth0Client,
        on_wait: Callable[[float], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
        seconds: float = TIME_OUT_SECONDS,
        *,
        pace: RateLimiter | None = None,
    ) -> None:
        """Take the application; `on_wait` is told the seconds of each wait for the rate limit.

        `seconds` is how long one call may take; each waits for its turn at the pace.
        """
        self._pace = pace or Unlimited()
        self._client, self._on_wait, self._sleep = client, on_wait, sleep
        self._tries, self._seconds, self._grant = tries, seconds, Grant()
        self.patience = math.inf
        """How many seconds it still waits, all in all."""

    def patient(self, seconds: float) -> "Management":
        """Return it for one request, whose waits for the rate limit are so long, all in all.

        The token is asked for before; it and the certificates are shared.
        """
        _ = self.api, self._http
        one = copy.copy(self)
        one.patience = seconds
        return one

    @property
    def granted(self) -> dict[str, Any]:
        """Return the token's answer, asked for at first use."""
        grant = self._grant
        if grant.answer is None:
            grant.answer = self._asked()
        return grant.answer

    @property
    def api(self) -> Auth0:
        """Return the SDK's client, for the token that there is."""
        granted, grant = self.granted, self._grant
        if grant.api is None:
            grant.api = Auth0(
                base_url=f"{self._client.url}/api/v2",
                token=granted["access_token"],
                timeout=self._seconds,
                max_retries=0,
            )
        return grant.api

    def _asked(self) -> dict[str, Any]:
        protocol, _, domain = self._client.url.partition("://")
        token = GetToken(
            domain,
            self._client.client_id,
            self._client.client_secret,
            protocol=protocol,
            timeout=self._seconds,
        )
        granted: dict[str, Any] = token.client_credentials(f"{self._client.url}/api/v2/")
        return granted

    @cached_property
    def _http(self) -> httpx.Client:
        """Return what reads, with the certificates that it trusts: to load them takes 20 ms.

        No connection is kept: one that was closed while a function slept would fail a read.
        """
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(timeout=self._seconds, limits=limits)

    def read(self, path: str, **query: str) -> Any:  # noqa: ANN401 (a JSON document)
        """Return a resource as it is written.

        The SDK's models refuse a user whose name is a list, and take `"yes"` for True.
        """

        def request() -> Any:  # noqa: ANN401 (likewise)
            token = self.granted["access_token"]
            answer = self._http.get(
                f"{self._client.url}/api/v2/{path}",
                params=query,
                headers={"authorization": f"Bearer {token}"},
            )
            if answer.is_success:
                return _document(answer)
            status, headers = answer.status_code, dict(answer.headers)
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                raise TooManyRequestsError(None, headers)
            # With what it says of a scope that is missing.
            raise ApiError(status_code=status, headers=headers, body=_document(answer))

        return self.call(request)

    def call[Result](self, request: Callable[[], Result]) -> Result:
        """Make a call; once more with a new token where Auth0 does not take the old one."""
        before = self._grant.answer
        try:
            return self._waiting(request)
        except ApiError as error:
            # A token that was asked for just now has not expired.
            if error.status_code != HTTPStatus.UNAUTHORIZED or before is None:
                raise
        self._grant.forget(before)
        return self._waiting(request)

    def _waiting[Result](self, request: Callable[[], Result]) -> Result:
        """Make a call; on 429 wait until the time that the header names, and make it again.

        Raise `TooManyRequestsError` at once where that is later than somebody waits.
        """
        for tries_left in reversed(range(self._tries)):
            self._pace.take()
            try:
                return request()
            except TooManyRequestsError as error:
                seconds = _seconds_until_reset(error)
                self._pace.pause(seconds)
                if not tries_left or seconds > self.patience:
                    raise
                self.patience -= seconds
                self._on_wait(seconds)
                self._sleep(seconds)
        raise AssertionError("unreachable")


class Users(ErasableUsers):
    """A tenant's users."""

    def __init__(self, management: Management, trust: Trust) -> None:
        """Take the API, and whose `email_verified` is believed."""
        self._management, self._trust = management, trust

    @property
    def _api(self) -> Auth0:
        """Return the client, at each request: its token may be another one by then."""
        return self._management.api

    def patient(self, seconds: float) -> "Users":
        """Return them for one request, which waits no longer than so for the rate limit."""
        return Users(self._management.patient(seconds), self._trust)

    def get(self, user_id: str) -> Profile | None:
        """Read a user, consistently: never by search, which lags. None for one who is gone."""
        try:
            found = self._management.read(f"users/{quote(user_id, safe='')}")
        except ApiError as error:
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise
            return None
        return self._profile(found)

    def with_address(self, email: str) -> list[Profile]:
        """Return all who have an address, which several connections' users may; consistently.

        As given and in lower case: Auth0 keeps its own connections' addresses in lower case, others
        as they deliver them, and the search minds the difference.
        https://auth0.com/docs/manage-users/user-search/retrieve-users-with-get-users-by-email-endpoint
        """
        asked = spellings(email)
        found = [self._management.read("users-by-email", email=each) for each in asked]
        profiles = [self._profile(each) for each in itertools.chain.from_iterable(found)]
        return [*{each.user_id: each for each in profiles}.values()]

    def primary_of(self, user_id: str) -> Profile | None:
        """Search for the user of whom an account is an identity; the search may lag.

        The search takes an identity's parts each by itself, so what it finds is looked at again.
        https://auth0.com/docs/manage-users/user-search/user-search-query-syntax
        """
        found = self._search("identities.user_id", user_id.partition("|")[2])
        return next((each for each in found if each.linked(user_id)), None)

    def with_customer(self, customer_id: str) -> list[Profile]:
        """Search for the users whose profile has an id; what it finds is read once more.

        https://auth0.com/docs/manage-users/user-search/user-search-query-syntax
        """
        found = self._search("app_metadata.stripe_customer_id", customer_id)
        read = [self.get(each.user_id) for each in found]
        return [each for each in read if each and each.customer_id == customer_id]

    def _search(self, field: str, value: str) -> list[Profile]:
        quoted = re.sub(r'(["\\])', r"\\\1", value)
        query = f'{field}:"{quoted}"'
        found = self._management.read("users", q=query, search_engine="v3", per_page="100")
        return [self._profile(each) for each in found]

    def _profile(self, document: Mapping[str, object]) -> Profile:
        return Profile.of(document, self._trust)

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Merge these keys into a user's `app_metadata`; None removes one, the rest stays.

        False when the user is gone.

        https://auth0.com/docs/manage-users/user-accounts/metadata/manage-metadata-api
        """
        try:
            self._management.call(
                lambda: self._api.users.update(user_id, app_metadata=dict(changes))
            )
        except NotFoundError:
            return False
        except ParsingError as odd:
            # It was written; what the SDK could not read is the odd profile in the answer.
            _expect_success(odd)
        return True

    def delete(self, user_id: str) -> None:
        """Delete a user; of one who is gone it is no error.

        https://auth0.com/docs/api/management/v2/users/delete-users-by-id
        """
        self._management.call(lambda: self._api.users.delete(user_id))

    def link(self, primary_id: str, secondary_id: str) -> bool:
        """Link two accounts: the secondary becomes an identity of the primary, and is gone.

        False when one of them is gone already.
        https://auth0.com/docs/manage-users/user-accounts/user-account-linking
        """
        provider, _, name = secondary_id.partition("|")
        try:
            self._management.call(
                lambda: self._api.users.identities.link(
                    primary_id,
                    provider=cast("UserIdentityProviderEnum", provider),
                    user_id=name,
                )
            )
        except ApiError as error:
            # The SDK has no class of its own for this call's 404.
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise
            return False
        except ParsingError as odd:
            _expect_success(odd)
        return True

    def send_verification_mail(self, user_id: str) -> None:
        """Let Auth0 send its mail that verifies an address once more.

        https://auth0.com/docs/api/management/v2/jobs/post-verification-email
        """
        self._management.call(lambda: self._api.jobs.verification_email.create(user_id=user_id))

    def start_export(self) -> str:
        """Start Auth0's export of all users; return the job's id.

        https://auth0.com/docs/manage-users/user-migration/bulk-user-exports
        """
        fields: Any = [{"name": name, "export_as": column} for name, column in EXPORTED.items()]
        job = self._management.call(
            lambda: self._api.jobs.users_exports.create(format="json", fields=fields)
        )
        return str(job.id)

    def export(self, job_id: str) -> tuple[str, str | None]:
        """Return a job's status, and the address of what it wrote, which does not last."""
        job = self._management.call(lambda: self._api.jobs.get(job_id))
        return str(job.status), str(job.location) if job.location else None


def is_refused(trouble: Exception) -> bool:
    """Return whether Auth0 refuses our credentials, which others may have replaced meanwhile.

    A rate limit or an outage says nothing about them.
    """
    return getattr(trouble, "status_code", None) in REFUSED


def failure_of(trouble: Exception) -> Failure:
    """Return how Auth0 failed: the status of its answer, if there was one."""
    answer = getattr(trouble, "response", None)
    status = getattr(trouble, "status_code", None) or getattr(answer, "status_code", None)
    if isinstance(trouble, ParsingError):
        return Failure(FailedAt.AUTH0, How.ODD_ANSWER)
    return Failure(FailedAt.AUTH0, told(status) if status else How.NO_ANSWER)


@contextmanager
def downloading(location: str) -> Iterator[Iterator[bytes]]:
    """Open an export's file: gzipped JSON lines, piece by piece."""
    with httpx.stream("GET", location, timeout=TIME_OUT_SECONDS) as answer:
        answer.raise_for_status()
        yield answer.iter_raw()


def _seconds_until_reset(error: ApiError) -> float:
    """https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    reset = headers.get("x-ratelimit-reset", "")
    seconds = float(reset) - time.time() if reset.isdigit() else 1.0
    return min(max(seconds, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)


def _document(answer: httpx.Response) -> Any:  # noqa: ANN401 (a JSON document)
    try:
        return answer.json()
    except ValueError:
        raise ApiError(status_code=answer.status_code) from None


def _expect_success(odd: ParsingError) -> None:
    """Raise unless the answer that could not be read says that the call was carried out."""
    if not HTTPStatus.OK <= (odd.status_code or 0) < HTTPStatus.MULTIPLE_CHOICES:
        raise odd
