"""Stripe's event destination, by a key that is asked for and never kept; found by its name.

https://docs.stripe.com/event-destinations/eventbridge
"""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import questionary

from customerlink.adapters.stripe.sdk import stripe
from customerlink.cli.asking import answer
from customerlink.cli.config import Mode
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.event_bridge import STRIPE_PREFIX
from customerlink.cli.probes import TIME_OUT_SECONDS, checked
from customerlink.model.events import OF_STRIPE
from customerlink.wiring.operator import stripe_client

if TYPE_CHECKING:
    from stripe.v2.core import EventDestination

KINDS = OF_STRIPE
TYPE: Final = "amazon_eventbridge"
WEBHOOK: Final = "webhook_endpoint"
PAYLOAD: Final = "snapshot"
"""Thin events have nothing of what was before."""
WHOSE: Final = "@self"
"""The customers of a connected account are not ours."""

_FIX = "Stripe's dashboard, Developers > API keys: a restricted key with Event Destinations: Write"


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination: in EventBridge, or at an address."""

    id: str
    is_enabled: bool
    source: str
    account: str
    region: str
    is_live: bool
    url: str = ""
    signing_secret: str = field(default="", repr=False)
    """What it signs with: told to who makes it, and to nobody again."""


class EventDestinations:
    """An account's destinations, for a key that may write them."""

    def __init__(self, key: str, api_base: str, mode: Mode, name: str) -> None:
        """Take a key of the profile's mode; a `CliError` says what does not fit."""
        given = checked(key, mode)
        given.check(api_base, unrestricted_allowed=True)
        client = stripe_client(given, api_base, seconds=TIME_OUT_SECONDS, retries=1)
        self._api, self._name = client.v2.core.event_destinations, name

    def find(self, kind: str = TYPE) -> Destination | None:
        """Find the destination of a type by its name."""
        try:
            listed = self._api.list({"include": [f"{WEBHOOK}.url"]}).auto_paging_iter()
            found = (each for each in listed if each.name == self._name and each.type == kind)
            return next(map(_read, found), None)
        except stripe.PermissionError:
            text = "This Stripe key may not see event destinations."
            raise CliError(text, _FIX, Exit.REFUSED) from None
        except stripe.AuthenticationError:
            raise CliError("Stripe does not know this key.", _FIX, Exit.REFUSED) from None

    def create(self, account: str, region: str) -> Destination:
        """Create it: Stripe makes a source in that account and region."""
        made = self._api.create(
            {
                "name": self._name,
                "type": TYPE,
                "event_payload": PAYLOAD,
                "events_from": [WHOSE],
                "enabled_events": [each.value for each in KINDS],
                "amazon_eventbridge": {"aws_account_id": account, "aws_region": region},
            }
        )
        return _read(made)

    def create_webhook(self, url: str) -> Destination:
        """Create one that posts to an address, and tells once what it signs with."""
        made = self._api.create(
            {
                "name": self._name,
                "type": WEBHOOK,
                "event_payload": PAYLOAD,
                "events_from": [WHOSE],
                "enabled_events": [each.value for each in KINDS],
                "webhook_endpoint": {"url": url},
                "include": [f"{WEBHOOK}.signing_secret", f"{WEBHOOK}.url"],
            }
        )
        return _read(made)

    def enable(self, found: Destination) -> None:
        """Let Stripe send events to it."""
        self._api.enable(found.id)

    def delete(self, found: Destination) -> None:
        """Delete it; Stripe deletes its source in AWS."""
        self._api.delete(found.id)


def destinations_key() -> str:
    """Read the key, not to be stored; "" where it is done by hand."""
    return typed("Stripe key that may write event destinations, not stored (empty: by hand):")


def typed(question: str) -> str:
    """Read a line from a pipe, or ask for it without echo."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return answer(questionary.password(question))


def _read(found: "EventDestination") -> Destination:
    bridge = getattr(found, TYPE, None)
    posted = getattr(found, WEBHOOK, None)
    arn = bridge.aws_event_source_arn if bridge else ""
    return Destination(
        id=found.id,
        is_enabled=found.status == "enabled",
        source=f"{STRIPE_PREFIX}{arn.rpartition('/')[2]}",
        account=bridge.aws_account_id if bridge else "",
        region=arn.split(":")[3] if arn.count(":") > 3 else "",  # noqa: PLR2004 (an ARN's part)
        is_live=found.livemode,
        url=(posted.url if posted else None) or "",
        signing_secret=(posted.signing_secret if posted else None) or "",
    )
