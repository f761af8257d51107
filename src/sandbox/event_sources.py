"""EventBridge's partner event sources: the calls for which moto has nothing, or another answer.

A source is pending until a stack has its bus, and gone after seven days without one.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.cloudformation.models import cloudformation_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from werkzeug.wrappers import Response

from sandbox.serving import replayable
from sandbox.shapes import LINE, OddRequestError, object_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PENDING_SECONDS = 7 * 24 * 3600.0
RULES = {"auth0.com": "UsersChangedRule", "stripe.com": "CustomersChangedRule"}
"""What the template puts on each side's bus."""

_TARGET = "AWSEvents."
_ASKED = dict.fromkeys(("Name", "NamePrefix", "EventBusName"), LINE)

type Document = dict[str, Any]


@dataclass
class EventSources:
    """Those that partners offer to the account, in one region."""

    region: str
    clock: Callable[[], float] = time.time
    denied: set[str] = field(default_factory=set)
    """The operations that the caller's role may not call."""
    disabled_rules: set[str] = field(default_factory=set)
    offered: dict[str, float] = field(default_factory=dict)
    """When each was."""

    def offer(self, name: str) -> None:
        """Let a partner make a source."""
        self.offered[name] = self.clock()

    def withdraw(self, name: str) -> None:
        """Let a partner delete one."""
        self.offered.pop(name, None)

    def state(self, name: str) -> str | None:
        """Return its state; None where there is none."""
        if self._has_bus(name):
            return "ACTIVE" if name in self.offered else "DELETED"
        offered = self.offered.get(name)
        is_there = offered is not None and self.clock() < offered + PENDING_SECONDS
        return "PENDING" if is_there else None

    def answer(self, operation: str, asked: Mapping[str, Any]) -> Document | None:
        """Return what is answered; None for what moto answers as AWS does."""
        bus = str(asked.get("EventBusName", ""))
        match operation:
            case _ if operation in self.denied:
                raise AwsFailure("AccessDeniedException", f"not authorized: events:{operation}")
            case "DescribeEventSource":
                return self._described(str(asked.get("Name", "")))
            case "ListEventSources":
                prefix = str(asked.get("NamePrefix", ""))
                names = [each for each in self.offered if each.startswith(prefix)]
                return {"EventSources": [found for each in names if (found := self._shown(each))]}
            case "ListRules" if bus.startswith("aws.partner/"):
                # moto takes the slashes of the name for those of an ARN.
                return {"Rules": self._rules(bus)}
        return None

    def _described(self, name: str) -> Document:
        found = self._shown(name)
        if found is None:
            message = f"Event source {name} does not exist."
            raise AwsFailure("ResourceNotFoundException", message)
        return found

    def _shown(self, name: str) -> Document | None:
        state, created = self.state(name), self.offered.get(name, self.clock())
        if state is None:
            return None
        shown = {
            "Arn": f"arn:aws:events:{self.region}::event-source/{name}",
            "CreatedBy": "/".join(name.split("/")[1:2]),
            "CreationTime": created,
            "Name": name,
            "State": state,
        }
        return shown | ({"ExpirationTime": created + PENDING_SECONDS} if state == "PENDING" else {})

    def _rules(self, bus: str) -> list[Document]:
        if not self._has_bus(bus):
            raise AwsFailure("ResourceNotFoundException", f"Event bus {bus} does not exist.")
        name = RULES[bus.split("/")[1]]
        state = "DISABLED" if name in self.disabled_rules else "ENABLED"
        return [{"Name": name, "EventBusName": bus, "State": state}]

    def _has_bus(self, name: str) -> bool:
        stacks = cloudformation_backends[DEFAULT_ACCOUNT_ID][self.region].stacks
        return any(name in each.parameters.values() for each in stacks.values())


class AwsFailure(Exception):  # noqa: N818 (an answer, not a mistake of ours)
    """An error answer in AWS's JSON protocol."""

    def __init__(self, code: str, message: str) -> None:
        """Take AWS's name for it."""
        super().__init__(message)
        self.code, self.message = code, message


def with_event_sources(sources: EventSources, application: "WSGIApplication") -> "WSGIApplication":
    """Serve these calls of EventBridge's, and leave the rest to an application."""

    def served(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
        operation = target.removeprefix(_TARGET)
        if not target.startswith(_TARGET):
            return application(environ, start)
        body, again = replayable(environ)
        answer = _answered(sources, operation, body or b"{}")
        if answer is None:
            return application(again, start)
        return answer(again, start)

    return served


def _answered(sources: EventSources, operation: str, body: bytes) -> Response | None:
    try:
        document = sources.answer(operation, _asked(body))
        return None if document is None else _json(document, 200)
    except AwsFailure as failure:
        return _json({"__type": failure.code, "message": failure.message}, 400)


def _asked(body: bytes) -> Document:
    try:
        return object_of(body, _ASKED)
    except OddRequestError as odd:
        message = f"{odd.name} is not {odd.needed}"
        raise AwsFailure("SerializationException", message) from None


def _json(document: Document, status: int) -> Response:
    return Response(json.dumps(document), status, content_type="application/x-amz-json-1.1")
