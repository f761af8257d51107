"""Plays of what AWS counts and writes by itself, where no line of ours need be.

Lambda's lines: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import urllib3
from tests.test_template import RESOURCES, of_type

from sandbox.patience import PATIENCE_SECONDS
from sandbox.stripe_account import Fault, FaultKind

if TYPE_CHECKING:
    from tests.test_runbooks import Stage

_REQUEST = "3f2a91bc-0000-4000-8000-000000000000"
_ACCESS_LOG = str(RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"])


def _crash(line: str) -> "Callable[[Stage], None]":
    """Return a play in which a function does not end by itself."""

    def act(stage: "Stage") -> None:
        stage.by_aws["Errors"] = 1
        stage.prints(line)

    return act


def _slow(stage: "Stage") -> None:
    """Let Stripe take two seconds; Lambda counts the start-up beside it."""
    stage.box.stripe.faults.append(Fault(FaultKind.SLOW, "GET", seconds=2.1))
    stage.log_in()
    stage.by_aws["Duration"] = 6500


def _answered(stage: "Stage", status: int) -> None:
    """Write the API's access log, in the template's format; count as CloudWatch does."""
    known = {"status": status, "routeKey": "POST /post-login", "identity.sourceIp": "192.0.2.1"}
    line = re.sub(r"\$context\.([\w.]+)", lambda name: str(known.get(name[1], "-")), _ACCESS_LOG)
    stage.prints(line)
    [counted] = of_type("AWS::Logs::MetricFilter")
    [counts] = counted["MetricTransformations"]
    read: Mapping[str, str] = json.loads(line)
    if counted["FilterPattern"] == f'{{ $.status = "{read["status"]}" }}':
        stage.by_aws[counts["MetricName"]] = 1
    stage.by_aws["4xx"] = int(status // 100 == 4)


def _throttled(stage: "Stage") -> None:
    stage.by_aws["Throttles"] = 1
    _answered(stage, 503)


def _flood(stage: "Stage") -> None:
    """Call the API as a stranger does: the function refuses it."""
    _answered(
        stage, urllib3.request("POST", stage.box.url, json={}, timeout=PATIENCE_SECONDS).status
    )


PLAYS: "dict[str, Callable[[Stage], None]]" = {
    "A sign-up runs out of time": _crash(f"{_REQUEST} Task timed out after 8.00 seconds"),
    "A sign-up runs out of memory": _crash(
        f"RequestId: {_REQUEST} Error: Runtime exited with error: signal: killed"
    ),
    "The artifact does not load": _crash(
        "[ERROR] Runtime.ImportModuleError: Unable to import module "
        "'customerlink.functions.post_login': No module named 'customerlink'"
    ),
    "All of the concurrency is busy": _throttled,
    "Stripe takes two seconds": _slow,
    "A stranger calls by the thousand": _flood,
    "The API's throttle is reached": lambda stage: _answered(stage, 429),
}
