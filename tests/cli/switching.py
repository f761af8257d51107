"""Both sides' events as `install --sync` meets them: an event that comes is counted at once."""

import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
from httpx._transports import default
from tests.cli.conftest import Cli, Result

from customerlink.cli import deployment, switch_on, sync_beats
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.enrolling import Enrolling
from customerlink.model.beats import BEAT
from sandbox.aws import REGION, STACK, TENANT_SECRET
from sandbox.stripe_account import Permission
from sandbox.stripe_destinations import RESOURCE

NAME = f"customerlink/{STACK}"


class Shop:
    """A deployment whose sync is off, and the key that may make Stripe's destination."""

    def __init__(self, cli: Cli) -> None:
        """Take an installed deployment."""
        self.cli, self.box = cli, cli.box
        self.key = self.box.stripe.add_key(Permission.NONE, reads=(RESOURCE,))
        cli.typed.add(self.key)
        self.box.let_functions_into_the_tenant()
        self.deaf: set[str] = set()
        """Metrics that do not come."""
        self.box.management.event_streams.deliver = lambda _source, _kind: self.count("sync_test")
        update = self.box.stripe.update

        def updated(customer_id: str, params: Any) -> Any:
            if BEAT in params.get("metadata", {}):
                self.count("sync_beat")
            return update(customer_id, params)

        cli.patch.setattr(self.box.stripe, "update", updated)
        # Of one process's many commands each would read AWS's descriptions anew.
        cli.patch.setattr(deployment, "boto3", SimpleNamespace(Session=lambda **_: _AwsSession()))
        # Each call of Auth0's would read all the certificates anew; the stand-ins have none.
        cli.patch.setattr(default, "create_ssl_context", _ssl_context)
        for module in (switch_on, sync_beats):
            cli.patch.setattr(module, "POLL_SECONDS", 0.0)
            cli.patch.setattr(module, "PATIENCE_SECONDS", 0.0)

    def with_nobody_to_enrol(self) -> None:
        """Leave the comparison of both sides out, which other tests make."""
        self.cli.patch.setattr(Enrolling, "run", lambda _: [])

    def count(self, metric: str) -> None:
        """Let the function have counted an event."""
        if metric in self.deaf:
            return
        directive = {
            "Namespace": "CustomerLink",
            "Dimensions": [["service"]],
            "Metrics": [{"Name": metric}],
        }
        document = {"_aws": {"CloudWatchMetrics": [directive]}, "service": STACK, metric: [1]}
        self.box.aws.publish(document, datetime.now(UTC))

    def on(self, *words: str, key: str | None = None) -> Result:
        """Run `install --sync`, with the key typed."""
        return self.cli("install", "--sync", *words, stdin=self.key if key is None else key)

    def streams(self) -> list[Any]:
        """Return the tenant's event streams."""
        found: list[Any] = self.box.management.event_streams.list_page({})["eventStreams"]
        return found

    def destinations(self) -> list[Any]:
        """Return the Stripe account's event destinations."""
        found: list[Any] = self.box.destinations.list_page()["data"]
        return found

    def parameters(self) -> dict[str, str]:
        """Return the stack's."""
        return {**Deployment(Config()).outputs.parameters}

    def end_state(self) -> tuple[Any, ...]:
        """Return all that a switch leaves, but for what is random."""
        [stream], [destination] = self.streams(), self.destinations()
        settings, parameters = stream["destination"]["configuration"], self.parameters()
        sources = self.box.aws.event_sources
        arn = destination["amazon_eventbridge"]["aws_event_source_arn"]
        return (
            (stream["name"], stream["status"], len(stream["subscriptions"])),
            (destination["name"], destination["status"], destination["event_payload"]),
            parameters["Auth0EventSource"] == settings["aws_partner_event_source"],
            arn.endswith(parameters["StripeEventSource"]),
            [sources.state(parameters[each]) for each in ("Auth0EventSource", "StripeEventSource")],
            settings["aws_region"],
        )

    def reset(self) -> None:
        """Let everything be as before the switch."""
        for each in self.streams():
            self.box.management.event_streams.delete(each["id"])
        for each in self.destinations():
            self.box.destinations.delete(each["id"])
        sources = self.box.aws.event_sources
        for each in (*sources.offered,):
            sources.withdraw(each)
        sources.denied.clear()
        sources.disabled_rules.clear()
        self.deaf.clear()
        self.box.aws.create_stack(self.box.url)


class _AwsSession:
    """A session whose clients are this process's, as far as one sandbox goes."""

    def client(self, name: str, **named: Any) -> Any:
        """Return the one client of a service."""
        return _client(name, os.environ["AWS_ENDPOINT_URL"], named.get("config"))


@cache
def _client(name: str, url: str, config: Any) -> Any:
    make: Any = _aws().client
    return make(name, endpoint_url=url, config=config)


@cache
def _ssl_context(*_: object, **__: object) -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _aws() -> boto3.Session:
    return boto3.Session()


IS_ON = (
    (NAME, "enabled", 3),
    (NAME, "enabled", "snapshot"),
    True,
    True,
    ["ACTIVE", "ACTIVE"],
    REGION,
)


@contextmanager
def shop_of(cli: Cli) -> Iterator[Shop]:
    """Return a deployment whose sync is off, and leave it so."""
    shop = Shop(cli)
    try:
        yield shop
    finally:
        shop.reset()
        client = cli.box.aws.secrets_manager
        client.delete_secret(SecretId=TENANT_SECRET, ForceDeleteWithoutRecovery=True)
        client.create_secret(Name=TENANT_SECRET)


def told(result: Result) -> str:
    """Return all that a command has said."""
    return result.out + result.err + json.dumps(result.code)
