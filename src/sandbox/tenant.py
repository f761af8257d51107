"""An Auth0 tenant: users, and the flows that run the Actions' real JavaScript in Node."""

import copy
import itertools
import json
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from sandbox.auth0.connections import STRATEGIES
from sandbox.auth0.users import Users
from sandbox.journal import Journal, Kind, flow

_HOST = Path(__file__).with_name("action_host.js")
ACTIONS = Path(__file__).parents[1] / "actions" / "dist"
VERIFY_EMAIL = "verify-email"
# Of two with one handler the later is bound; the earlier runs when it is named.
OURS = tuple(
    ACTIONS / f"{name}.js"
    for name in (VERIFY_EMAIL, "post-login", "pre-user-registration", "post-user-registration")
)

EXECUTION_SECONDS = 25.0
"""Auth0 gives a trigger 20 s; the host enforces them, this is for a host that hangs."""

_LOGINS_ONLY = {"authentication", "authorization", "client", "resource_server", "stats"}
"""What the event of a login has, and that of a registration need not."""

_RENEWAL = "oauth2-refresh-token"

type Json = dict[str, Any]


@dataclass(frozen=True)
class Login:
    """How a login ended, as the application and the operator see it."""

    user_id: str
    denial: str | None
    app_metadata: Json
    """What the Action wrote in this login."""
    claims: Json
    """Those of the ID token."""
    milliseconds: float
    redirect: str | None = None
    """Where the browser is sent in the middle of the login."""
    access_claims: Json = field(default_factory=dict)
    sent_by: str = ""
    """The Action that sends it there; ours is not named."""

    @property
    def decision(self) -> str:
        """Return "continue", "deny" or "redirect"."""
        if self.denial is not None:
            return "deny"
        return "redirect" if self.redirect else "continue"


@dataclass(frozen=True)
class Transaction:
    """What Auth0 knows of a login beside the user: how it was asked for."""

    protocol: str = "oidc-basic-profile"
    is_silent: bool = False
    """With `prompt=none`: nobody is asked."""
    is_by_session: bool = False
    """Somebody is there who has logged in before, and is not asked again."""
    query: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the application's `/authorize`."""
    state: str = ""
    """By which `/continue` finds the login again."""

    @property
    def is_counted(self) -> bool:
        """Renewals of tokens and logins by a session are not.

        https://community.auth0.com/t/how-logins-count-work/91318
        """
        return not (self.is_silent or self.is_by_session or self.protocol == _RENEWAL)

    def put_into(self, event: Json) -> None:
        """Fill in what an event says of it."""
        event["request"]["query"] |= self.query
        event["transaction"] |= {
            "protocol": self.protocol,
            "prompt": ["none"] if self.is_silent else [],
            "ui_locales": self.query.get("ui_locales", "").split(),
        }
        if self.state:
            event["transaction"]["id"] = self.state


@dataclass(frozen=True)
class Registered:
    """How a registration ended: with a user, or a denial."""

    user_id: str | None
    denial: str | None


class ActionHost:
    """A Node process with Actions loaded; several events may be under way at once."""

    def __init__(self, *actions: Path, journal: Journal | None = None) -> None:
        """Name the Actions' files, one for each trigger; ours by default."""
        self.journal = journal or Journal()
        self._command = ["node", str(_HOST), *map(str, actions or OURS)]
        self._answers: dict[str, Json] = {}
        self._arrived = threading.Condition()
        self.logs: list[str] = []

    def __enter__(self) -> Self:
        """Start Node."""
        self._process = subprocess.Popen(  # noqa: S603 (our own file, whichever Node there is)
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    @property
    def pid(self) -> int:
        """Return the number of Node's process."""
        return self._process.pid

    def __exit__(self, *_: object) -> None:
        """Stop Node."""
        with self._process:
            self._process.terminate()
            self._listener.join()

    def run(
        self, event: Mapping[str, Any], handler: str = "onExecutePostLogin", action: str = ""
    ) -> Json:
        """Run a handler on an event, that of an Action or the bound one; return what it asked."""
        start = time.monotonic()
        with flow() as name:
            asked = self._run(name, handler, event, action)
            spent = (time.monotonic() - start) * 1000
            detail: Json = {"handler": handler, "event": event, "asked": asked}
            title = f"{action}: {handler}" if action else handler
            self.journal.note(Kind.ACTION, title, detail, ms=spent)
        return asked

    def _run(self, flow: str, handler: str, event: Mapping[str, Any], action: str) -> Json:
        call = uuid.uuid4().hex
        what = {"call": call, "flow": flow, "handler": handler, "action": action}
        line = json.dumps({**what, "event": event})
        with self._arrived:
            print(line, file=self._process.stdin, flush=True)
            if not self._arrived.wait_for(lambda: call in self._answers, EXECUTION_SECONDS):
                raise TimeoutError("the Action's host gave no answer")
            return self._answers.pop(call)

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            answer = json.loads(line)
            with self._arrived:
                if "log" in answer:
                    self.logs.append(answer["log"])
                else:
                    self._answers[answer["call"]] = answer["asked"]
                    self._arrived.notify_all()


@dataclass
class Tenant:
    """Users and their logins, with Auth0's semantics."""

    host: ActionHost
    secrets: Mapping[str, str]
    name: str = "acme"
    users: Users = field(default_factory=Users)
    loses_metadata: bool = False
    """An Auth0 that loses the metadata writes at the end of the flow."""
    registers: bool = False
    """Whether the registration's Actions are bound, which the log-in page's sign-up then runs."""
    verify_email: Mapping[str, str] = field(default_factory=dict)
    """The secrets of the Action that is bound before ours, if it is."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def hostname(self) -> str:
        """Return by which name the world knows it."""
        return f"{self.name}.us.auth0.com"

    def add_user(self, user_id: str | None = None, **profile: Any) -> str:  # noqa: ANN401 (a profile)
        """Put a user into the tenant, not logged in yet; return the `user_id`."""
        user_id = user_id or f"auth0|64f0c3a1b2d4{next(self._numbers):012x}"
        self.users.add(profile, user_id)
        return user_id

    def login(
        self,
        user_id: str,
        connection: str = "Username-Password-Authentication",
        protocol: str = "oidc-basic-profile",
        *,
        silent: bool = False,
        query: Mapping[str, str] | None = None,
    ) -> Login:
        """Run one login: count it, run the Action, then write the metadata, denied or not.

        `query` are more parameters of the application's `/authorize`.
        """
        asked_for = Transaction(protocol, is_silent=silent, query=query or {})
        return self.log_in(user_id, connection, asked_for)

    def log_in(self, user_id: str, connection: str, transaction: Transaction) -> Login:
        """Run a login that was asked for in some way.

        One that is sent to another page waits there: nothing is written yet.
        """
        return self._noted(
            f"{user_id} logs in",
            {"user_id": user_id, "connection": connection},
            lambda: self._log_in(user_id, connection, transaction),
        )

    def _log_in(self, user_id: str, connection: str, transaction: Transaction) -> Login:
        with self.users.lock:
            if transaction.is_counted:
                self.users.count_login(user_id)
            event = self.event(copy.deepcopy(self.users[user_id]), connection)
        transaction.put_into(event)
        # Whoever logs in without a page has nowhere to come back to.
        is_before = self.verify_email and transaction.state
        return self._run(user_id, event, VERIFY_EMAIL if is_before else "", "onExecutePostLogin")

    def come_back(
        self,
        user_id: str,
        connection: str = "Username-Password-Authentication",
        transaction: Transaction | None = None,
        sent_by: str = "",
    ) -> Login:
        """Go on with a login that an Action sent away: Auth0's `/continue`."""
        event = self.event(copy.deepcopy(self.users[user_id]), connection)
        (transaction or Transaction()).put_into(event)
        return self._noted(
            f"{user_id} comes back",
            {"user_id": user_id, "connection": connection},
            lambda: self._run(user_id, event, sent_by, "onContinuePostLogin"),
        )

    def _noted(self, title: str, who: Mapping[str, str], run: Callable[[], Login]) -> Login:
        journal = self.host.journal
        with flow():
            journal.note(Kind.LOGIN, title, {**who})
            login = run()
            detail = {**who, **asdict(login), "decision": login.decision}
            end = f"{login.user_id}: {login.decision}"
            journal.note(Kind.LOGIN, end, detail, ms=login.milliseconds)
        return login

    def _run(self, user_id: str, event: Json, action: str, handler: str) -> Login:
        """Run an Action of the flow, and those behind it unless it ends there."""
        start = time.monotonic()
        asked = self._asked(event, action, handler)
        if action and asked["denial"] is None and not asked["redirect"]:
            action = ""
            asked = self._asked(event, action, "onExecutePostLogin")
        spent = (time.monotonic() - start) * 1000
        denial, redirect = asked["denial"], asked["redirect"]
        if not (self.loses_metadata or (denial is None and redirect)):
            self.users.merge_app_metadata(user_id, asked["app_metadata"])
        claims, more = (
            ({}, {}) if denial is not None else (asked["id_token"], asked["access_token"])
        )
        return Login(user_id, denial, asked["app_metadata"], claims, spent, redirect, more, action)

    def _asked(self, event: Json, action: str, handler: str) -> Json:
        """Run one of them, with its own secrets; what verify-email writes is nothing."""
        if not action:
            return self.host.run(event, handler)
        return self.host.run({**event, "secrets": {**self.verify_email}}, handler, action)

    def register(
        self,
        connection: str = "Username-Password-Authentication",
        *,
        user_id: str | None = None,
        is_refused: bool = False,
        tells: bool = True,
        **profile: Any,  # noqa: ANN401 (a profile)
    ) -> Registered:
        """Run the registration flow of a database connection.

        `is_refused`: Auth0 refuses after the Action (a weak password); `tells`: whether the
        asynchronous trigger behind it gets through.
        """
        with flow():
            journal, who = self.host.journal, {"connection": connection, "profile": profile}
            journal.note(Kind.LOGIN, "somebody registers", {**who})
            registered = self._register(user_id, connection, profile, is_refused=is_refused)
            if registered.user_id and tells:
                self.tell_registered(registered.user_id, connection)
            end = "nobody: denied" if registered.denial else f"{registered.user_id}: registered"
            journal.note(Kind.LOGIN, end, asdict(registered))
        return registered

    def _register(
        self,
        user_id: str | None,
        connection: str,
        profile: Mapping[str, Any],
        *,
        is_refused: bool,
    ) -> Registered:
        event = self.event({"user_id": "", "logins_count": 0, "updated_at": ""}, connection)
        event = {name: value for name, value in event.items() if name not in _LOGINS_ONLY}
        event["secrets"] = self._secrets_for("pre-user-registration")
        event["user"] = {"app_metadata": {}, "user_metadata": {}, **profile}
        asked = self.host.run(event, "onExecutePreUserRegistration")
        if asked["denial"] is not None or is_refused:
            return Registered(None, asked["denial"] or "Password is too weak")
        profile = {**profile, "app_metadata": asked["app_metadata"]}
        return Registered(self.add_user(user_id, **profile), None)

    def tell_registered(
        self, user_id: str, connection: str = "Username-Password-Authentication"
    ) -> None:
        """Run the trigger behind a registration, which can change nothing in the profile."""
        event = self.event(copy.deepcopy(self.users[user_id]), connection)
        event = {name: value for name, value in event.items() if name not in _LOGINS_ONLY}
        event["secrets"] = self._secrets_for("post-user-registration")
        self.host.run(event, "onExecutePostUserRegistration")

    def _secrets_for(self, route: str) -> Json:
        url = self.secrets["CUSTOMERLINK_URL"].replace("/post-login", f"/{route}")
        return {**self.secrets, "CUSTOMERLINK_URL": url}

    def event(self, user: Json, connection: str) -> Json:
        """Return the whole `event` object of the post-login trigger."""
        logins_count = user.pop("logins_count")
        authenticated_at = user.pop("last_login", user["updated_at"])
        strategy = STRATEGIES.get(connection, connection)
        return {
            "authentication": {"methods": [{"name": "pwd", "timestamp": authenticated_at}]},
            "authorization": {"roles": []},
            "client": {
                "client_id": "sandbox-client",
                "name": "Shop",
                "metadata": {},
            },
            "connection": {
                "id": "con_0000000000000001",
                "name": connection,
                "strategy": strategy,
                "metadata": {},
            },
            "request": {
                "ip": "127.0.0.1",
                "method": "POST",
                "query": {},
                "body": {},
                "geoip": {},
                "hostname": self.hostname,
                "language": "en",
                "user_agent": "sandbox",
            },
            "resource_server": {"identifier": "https://shop.example/api"},
            "secrets": dict(self.secrets),
            "stats": {"logins_count": logins_count},
            "tenant": {"id": self.name},
            "transaction": {
                "acr_values": [],
                "locale": "en",
                "protocol": "oidc-basic-profile",
                "requested_scopes": ["openid", "profile", "email"],
                "ui_locales": [],
            },
            "user": {"identities": [_identity(user, connection)], "user_metadata": {}, **user},
        }


def _identity(user: Json, connection: str) -> Json:
    provider, _, name = user["user_id"].partition("|")
    return {
        "connection": connection,
        "provider": provider,
        "user_id": name,
        "isSocial": connection == "google-oauth2",
    }
