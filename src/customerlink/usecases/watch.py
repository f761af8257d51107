"""What is seen of a deployment from outside: Actions as installed, and an endpoint that answers.

Decided by the same functions as doctor's checks, for the same deployment. Nothing is mended here:
whoever may update Actions may put code into every log-in.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus

from customerlink.model.action_faults import (
    LATER,
    Fault,
    action_faults,
    code_fault,
    place_fault,
    runtime_fault,
)
from customerlink.model.actions import LOGIN, TRIGGERS, VERIFY_EMAIL, Action
from customerlink.model.errors import TenantUnavailableError
from customerlink.model.frozen import frozen
from customerlink.model.notes import Note
from customerlink.ports.tenant_actions import TenantActions
from customerlink.usecases.self_test import has_passed


class About(StrEnum):
    """What a finding is about, if it is no Action."""

    SECRET = "secret"  # noqa: S105 (a word)
    TENANT = "tenant"
    ENDPOINT = "endpoint"


@frozen
class Finding:
    """One thing that is wrong: with what, and a word, or what was answered."""

    about: str
    what: str

    def __str__(self) -> str:
        """Return it for a log."""
        return f"{self.about}: {self.what}"


@frozen
class Expected:
    """What was installed, and which code this release has for it."""

    actions: Mapping[str, str]
    """Names by what the Actions are: a trigger, or verify-email."""
    notes: Mapping[str, Note]
    digests: Mapping[str, str]
    prints: tuple[str, ...] = ()
    """Where another tool declares the Actions: what it may say of their settings."""


@frozen
class Restrictions:
    """Who may call the endpoint, which the watch's own networks need not be among."""

    callers: bool
    """`AllowedCallerCidrs` is set: the function turns others away."""
    edge: bool
    """There is an edge, which may let Auth0's networks through alone."""


type Look = Callable[[], tuple[Finding, ...]]


def confirmed(look: Look, wait: Callable[[], None]) -> tuple[Finding, ...]:
    """Look, and if something is wrong look again: the second look counts.

    An install and a rotation pass in between, and so does what Auth0 answers in a bad moment.
    """
    if not look():
        return ()
    wait()
    return look()


def findings(
    tenant: TenantActions, expected: Expected, tested: Callable[[], str | None]
) -> tuple[Finding, ...]:
    """Return everything that is wrong; `tested` says what is wrong with a self-test's answer."""
    answer = tested()
    wrong = () if answer is None else (Finding(About.ENDPOINT, answer),)
    try:
        return (*_of_the_tenant(tenant, expected), *wrong)
    except TenantUnavailableError as trouble:
        return (Finding(About.TENANT, str(trouble)), *wrong)


def _of_the_tenant(tenant: TenantActions, expected: Expected) -> Iterator[Finding]:
    verify = yield from _verify_email(tenant, expected)
    for trigger in TRIGGERS:
        if name := expected.actions.get(trigger):
            action = tenant.find(trigger, name)
            for each in _faults(tenant, expected, trigger, action, verify):
                yield Finding(trigger, each)


def _faults(
    tenant: TenantActions,
    expected: Expected,
    trigger: str,
    action: Action | None,
    verify: str | None,
) -> Iterator[Fault]:
    if action is None:
        yield Fault.GONE
        return
    note = expected.notes.get(action.id)
    found = action_faults(action, expected.digests[trigger], note, expected.prints)
    yield from (each for each in found if each not in LATER)
    place = place_fault(tenant.flow(trigger), action.id, verify if trigger == LOGIN else None)
    if place:
        yield place


def _verify_email(
    tenant: TenantActions, expected: Expected
) -> Generator[Finding, None, str | None]:
    """Look at the Action verify-email, whose secrets are not install's; return its id."""
    name = expected.actions.get(VERIFY_EMAIL)
    if not name:
        return None
    action = tenant.find(LOGIN, name)
    if action is None:
        yield Finding(VERIFY_EMAIL, Fault.GONE)
        return None
    place = place_fault(tenant.flow(LOGIN), action.id)
    found = code_fault(action, expected.digests[VERIFY_EMAIL]), runtime_fault(action), place
    for each in found:
        if each and each not in LATER:
            yield Finding(VERIFY_EMAIL, each)
    return action.id


def trouble_with(status: int, raw: bytes, restrictions: Restrictions) -> str | None:
    """Say what is wrong with a self-test's answer; None for the right one.

    Where the watch may not call, being turned away is all that can be seen: by the function in its
    own words, or by the edge with a page.
    """
    try:
        body: object = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    told = body.get("error") if isinstance(body, dict) else None
    by_function = restrictions.callers and told == "caller_not_allowed"
    by_edge = restrictions.edge and body is None
    is_turned_away = status == HTTPStatus.FORBIDDEN and (by_function or by_edge)
    return None if is_turned_away or has_passed(status, body) else f"status {status}"
