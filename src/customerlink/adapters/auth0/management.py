"""Auth0's Management API for a tenant's users, by the project's own HTTP.

The function of the sign-up knows nothing of it: it holds no credentials of Auth0's. Why no SDK:
docs/architecture.md, "Written by hand, and why".
"""

import copy
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

from customerlink.adapters.auth0.errors import (
    Auth0OddError,
    Auth0RefusedError,
    Auth0SilentError,
    Auth0TokenError,
)
from customerlink.adapters.auth0.rate_limits import (
    endpoint_of,
    seconds_to_reserve,
    seconds_until_reset,
)
from customerlink.adapters.connections import (
    ONCE,
    Connections,
    NoAnswerError,
    NotConnectedError,
)
from customerlink.adapters.http_messages import Answer
from customerlink.adapters.token_bucket import Unlimited
from customerlink.model.address import spellings
from customerlink.model.documents import json_value
from customerlink.model.errors import NoTurnError
from customerlink.model.profile import Profile
from customerlink.model.rates import Endpoint
from customerlink.model.secret import Auth0Client
from customerlink.model.trust import Trust
from customerlink.ports.profiles import ErasableUsers
from customerlink.ports.rate import Rates

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

TIME_OUT_SECONDS = 20.0
TRIES = 10

_PER_PAGE = 100
"""The longest page."""

_MOST_PAGES = 20
"""No tenant has as many Actions; what ignores the page would be asked for ever."""

_NO_IDS = frozenset({"", ".", ".."})

type Json = dict[str, Any]


@dataclass
class Grant:
    """A token, and who has asked for a new one: for all that share it."""

    answer: Json | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock)

    def forget(self, answer: Json) -> None:
        """Let the token be asked for anew, unless another thread has asked already."""
        with self._lock:
            if self.answer is answer:
                self.answer = None


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
        rates: Rates | None = None,
        connections: Connections | None = None,
    ) -> None:
        """Take the application; `on_wait` is told the seconds of each wait for the rate limit.

        `seconds` is how long one call may take; each waits for its turn by the rates.
        """
        self.rates = rates or Unlimited()
        self._client, self._on_wait, self._sleep = client, on_wait, sleep
        self._connections = connections or Connections(client.url)
        self._tries, self._seconds, self._grant = tries, seconds, Grant()
        self.patience = math.inf
        """How many seconds it still waits, all in all."""

    def patient(self, seconds: float) -> "Management":
        """Return it for one request, whose waits for the rate limit are so long, all in all.

        The token is asked for before, and shared.
        """
        _ = self.granted
        one = copy.copy(self)
        one.patience = seconds
        return one

    def at(self, rates: Rates) -> "Management":
        """Return it for who asks at these rates; the token is shared."""
        one = copy.copy(self)
        one.rates = rates
        return one

    @property
    def granted(self) -> Json:
        """Return the token's answer, asked for at first use."""
        grant = self._grant
        if grant.answer is None:
            grant.answer = self._asked()
        return grant.answer

    def _asked(self) -> Json:
        """https://auth0.com/docs/api/authentication: client credentials flow."""
        url, wanted = self._client.url, {"grant_type": "client_credentials"}
        wanted |= {"client_id": self._client.client_id, "client_secret": self._client.client_secret}
        body = json.dumps(wanted | {"audience": f"{url}/api/v2/"})
        answer = self._answer("POST", f"{url}/oauth/token", {}, body)
        if not _is_success(answer):
            raise Auth0TokenError(answer.status)
        granted = of_kind(dict, _document(answer))
        of_kind(str, granted.get("access_token"))
        return granted

    def read(self, path: str, **query: str) -> Any:  # noqa: ANN401 (a JSON document)
        """Return a resource as it is written."""
        return self.ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def pages(self, path: str, name: str, **query: str) -> Iterator[Json]:
        """Return all that a list has, of which a page shows a hundred."""
        for page in range(_MOST_PAGES):
            asked = {**query, "page": str(page), "per_page": str(_PER_PAGE)}
            found = of_kind(list, of_kind(dict, self.read(path, **asked)).get(name))
            yield from map(object_of, found)
            if len(found) < _PER_PAGE:
                return

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (likewise)
        """Return what the API answers; None where that is nothing.

        Raise an `Auth0Error`; an `Auth0OddError` says that it was done all the same.
        """
        sent = None if body is None else json.dumps(body)
        endpoint = endpoint_of(method, path)
        return _document(self.call(lambda: self._sent(method, path, sent), endpoint))

    def _sent(self, method: str, path: str, body: str | None) -> Answer:
        token = {"authorization": f"Bearer {self.granted['access_token']}"}
        answer = self._answer(method, f"{self._client.url}/api/v2/{path}", token, body)
        if _is_success(answer):
            self._leave_some(endpoint_of(method, path), answer.headers)
            return answer
        document = None
        with suppress(Auth0OddError):
            # With what it says of a scope that is missing.
            document = _document(answer)
        raise Auth0RefusedError(answer.status, answer.headers, document)

    def _leave_some(self, endpoint: Endpoint, headers: Mapping[str, str]) -> None:
        """Let whoever does not wait for an answer leave others their share of a limit."""
        if seconds := seconds_to_reserve(headers):
            self.rates.of(endpoint).pause(seconds)

    def _answer(
        self, method: str, url: str, headers: Mapping[str, str], body: str | None
    ) -> Answer:
        """Ask by a connection of its own: a kept one may be dead after a function slept."""
        typed = {} if body is None else {"content-type": "application/json"}
        try:
            return self._connections.request(
                method,
                url,
                {**headers, **typed, **ONCE},
                body,
                connect=self._seconds,
                total=self._seconds,
            )
        except (NotConnectedError, NoAnswerError) as error:
            raise Auth0SilentError(f"no answer: {error}") from None

    def call[Result](
        self, request: Callable[[], Result], endpoint: Endpoint = Endpoint.REST
    ) -> Result:
        """Make a call; once more with a new token where Auth0 does not take the old one."""
        before = self._grant.answer
        try:
            return self._waiting(request, endpoint)
        except Auth0RefusedError as error:
            # A token that was asked for just now has not expired.
            if error.status != HTTPStatus.UNAUTHORIZED or before is None:
                raise
        self._grant.forget(before)
        return self._waiting(request, endpoint)

    def _waiting[Result](self, request: Callable[[], Result], endpoint: Endpoint) -> Result:
        """Make a call; on 429 wait until the time that the header names, and make it again.

        Raise `Auth0RefusedError` at once where that is later than somebody waits, and `NoTurnError`
        where nobody may wait.
        """
        limiter = self.rates.of(endpoint)
        for tries_left in reversed(range(self._tries)):
            limiter.take()
            try:
                return request()
            except Auth0TokenError:
                # Of tokens Auth0 gives a number a day: no wait for the limit of the API helps.
                raise
            except Auth0RefusedError as error:
                if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
                seconds = seconds_until_reset(error.headers)
                limiter.pause(seconds)
                limiter.slow()
                if self.rates.is_ahead:
                    # A log-in may wait for what is leased meanwhile.
                    raise NoTurnError(endpoint) from None
                if not tries_left or seconds > self.patience:
                    raise
                self.patience -= seconds
                self._on_wait(seconds)
                self._sleep(seconds)
        raise AssertionError("unreachable")


def of_kind[Kind](kind: type[Kind], found: object) -> Kind:
    """Return what was answered, if it is what the API answers; else raise `Auth0OddError`."""
    if not isinstance(found, kind):
        raise Auth0OddError
    return found


def object_of(found: object) -> Json:
    """Return an object of a document's; what is none has nothing in it."""
    return found if isinstance(found, dict) else {}


class Users(ErasableUsers):
    """A tenant's users."""

    def __init__(self, management: Management, trust: Trust) -> None:
        """Take the API, and whose `email_verified` is believed."""
        self._management, self._trust = management, trust

    def patient(self, seconds: float) -> "Users":
        """Return them for one request, which waits no longer than so for the rate limit."""
        return Users(self._management.patient(seconds), self._trust)

    def at(self, rates: Rates) -> "Users":
        """Return them for who asks at these rates, and waits for none inside of their `ahead`."""
        return Users(self._management.at(rates), self._trust)

    def get(self, user_id: str) -> Profile | None:
        """Read a user, consistently: never by search, which lags. None for one who is gone."""
        try:
            found = self._management.read(_user(user_id))
        except Auth0RefusedError as error:
            if not error.is_absence:
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
        profiles = [self._profile(each) for some in found for each in of_kind(list, some)]
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
        found = self._management.read("users", q=query, search_engine="v3", per_page=str(_PER_PAGE))
        return [self._profile(each) for each in of_kind(list, found)]

    def _profile(self, document: object) -> Profile:
        return Profile.of(of_kind(dict, document), self._trust)

    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        """Merge these keys into a user's `app_metadata`; None removes one, the rest stays.

        False when the user is gone.

        https://auth0.com/docs/manage-users/user-accounts/metadata/manage-metadata-api
        """
        return self._done("PATCH", _user(user_id), {"app_metadata": dict(changes)})

    def delete(self, user_id: str) -> None:
        """Delete a user; of one who is gone it is no error.

        https://auth0.com/docs/api/management/v2/users/delete-users-by-id
        """
        self._done("DELETE", _user(user_id))

    def link(self, primary_id: str, secondary_id: str) -> bool:
        """Link two accounts: the secondary becomes an identity of the primary, and is gone.

        False when one of them is gone already.
        https://auth0.com/docs/manage-users/user-accounts/user-account-linking
        """
        provider, _, name = secondary_id.partition("|")
        second = {"provider": provider, "user_id": name}
        return self._done("POST", f"{_user(primary_id)}/identities", second)

    def _done(self, method: str, path: str, body: Json | None = None) -> bool:
        """Let something be done to a user; False when there is nobody to do it to."""
        try:
            self._management.ask(method, path, body)
        except Auth0OddError:
            # It was done; what could not be read is only what it led to.
            return True
        except Auth0RefusedError as error:
            if not error.is_absence:
                raise
            return False
        return True

    def send_verification_mail(self, user_id: str) -> None:
        """Let Auth0 send its mail that verifies an address once more.

        https://auth0.com/docs/api/management/v2/jobs/post-verification-email
        """
        with suppress(Auth0OddError):
            # It is on its way; a second one would be all that came of telling.
            self._management.ask("POST", "jobs/verification-email", {"user_id": user_id})

    def start_export(self) -> str:
        """Start Auth0's export of all users; return the job's id.

        https://auth0.com/docs/manage-users/user-migration/bulk-user-exports
        """
        fields = [{"name": name, "export_as": column} for name, column in EXPORTED.items()]
        wanted = {"format": "json", "fields": fields}
        job = of_kind(dict, self._management.ask("POST", "jobs/users-exports", wanted))
        return of_kind(str, job.get("id"))

    def export(self, job_id: str) -> tuple[str, str | None]:
        """Return a job's status, and the address of what it wrote, which does not last."""
        job = of_kind(dict, self._management.read(f"jobs/{quote(job_id, safe='')}"))
        location = job.get("location")
        return of_kind(str, job.get("status")), str(location) if location else None


def _user(user_id: str) -> str:
    """Return a user's path; raise what Auth0 answers of an id that is none."""
    # As the end of a path these are the list of all users, or what is above it.
    if user_id in _NO_IDS:
        raise Auth0RefusedError(HTTPStatus.BAD_REQUEST)
    try:
        return f"users/{quote(user_id, safe='')}"
    except UnicodeEncodeError:
        # Half an emoji, of which there is no UTF-8.
        raise Auth0RefusedError(HTTPStatus.BAD_REQUEST) from None


def _is_success(answer: Answer) -> bool:
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


def _document(answer: Answer) -> Any:  # noqa: ANN401 (a JSON document)
    try:
        return json_value(answer.body) if answer.body else None
    except ValueError:
        raise Auth0OddError from None
