"""What every command has: the settings, the output, and both sides of a deployment."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

import questionary
import typer
from botocore.exceptions import ClientError

from customerlink.adapters.aws.server_clock import ServerClock
from customerlink.adapters.dynamodb.deletions import DynamoDbDeletions
from customerlink.adapters.dynamodb.refusals import DynamoDbRefusals
from customerlink.adapters.token_bucket import Buckets, TokenBucket
from customerlink.cli.asking import answer
from customerlink.cli.config import Config, Mode
from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError, DeclinedError, Exit
from customerlink.cli.output import Output, plain
from customerlink.cli.private_files import keep_private
from customerlink.cli.probes import StripeProbe, checked
from customerlink.cli.tenant import Tenant
from customerlink.cli.tenant_name import tenant_name
from customerlink.cli.verbs import STEPS
from customerlink.model.errors import ConfigurationError, CustomerLinkError
from customerlink.model.keys import StripeKey
from customerlink.model.policy import Policy
from customerlink.model.rates import Endpoint, Limits, Plan
from customerlink.model.sync_memory import Digests
from customerlink.model.user import Tenant as TenantName
from customerlink.ports.rate import Rates
from customerlink.usecases.compare import Comparison
from customerlink.wiring.comparing import comparison
from customerlink.wiring.operator import Operator, deletions, operator_on_a_laptop, server_clock
from customerlink.wiring.rates import shared_rates

Json = Annotated[bool, typer.Option("--json", help="One JSON document, for machines.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, and change nothing.")]
Diff = Annotated[bool, typer.Option("--diff", help="With --dry-run: the Action's code as well.")]
Apply = Annotated[bool, typer.Option("--apply", help="Carry it out.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask no question in live mode.")]

_LONG_WAIT_SECONDS = 3.0
"""Of a wait for a turn: shorter ones are the rates' own, one after the other."""


@dataclass(frozen=True)
class Session:
    """One command's."""

    config: Config
    output: Output

    @cached_property
    def deployment(self) -> Deployment:
        """Return the AWS side, once for a command: each would read AWS's descriptions anew."""
        return Deployment(self.config)

    def tenant(self, rates: Rates | None = None) -> Tenant:
        """Return the Auth0 side; without rates, for who asks little."""
        trust = self.deployment.trust
        return Tenant(self.config, self.output.waiting, trust=trust, rates=rates)

    @cached_property
    def limits(self) -> Limits:
        """Return how often both services may be asked: by the plan that is said, or the stack's."""
        found = self.deployment.limits(is_live=self.config.mode is Mode.LIVE)
        if not self.config.plan:
            return found
        return replace(found, plan=Plan(self.config.plan), auth0_per_second=0.0)

    def rates(self, sleep: Callable[[float], None] = time.sleep) -> Rates:
        """Return those that the functions keep too, by the ledger's table.

        Who may only read the table keeps them alone: what a service refuses slows them down.
        """
        deployment, limits = self.deployment, self.limits
        shared = shared_rates(
            deployment.dynamodb, deployment.outputs.table, limits, self._clock, sleep
        )
        try:
            shared.of(Endpoint.LIST).pause(0.0)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "AccessDeniedException":
                raise
            return Buckets(limits, lambda each: TokenBucket(each.per_second, sleep=sleep))
        return shared

    @cached_property
    def _clock(self) -> ServerClock:
        return server_clock(self.deployment.dynamodb, self.deployment.outputs.table)

    def tenant_name(self) -> TenantName:
        """Return the name under which customers name the tenant."""
        deployment = self.deployment
        return tenant_name(self.config, deployment.outputs.tenants, deployment.recorded_tenants)

    def probe(self, key: str) -> StripeProbe:
        """Return the Stripe side, for a key."""
        return StripeProbe(key, self.config.stripe_api_base, self.config.mode)

    def own_probe(self) -> StripeProbe:
        """Return the Stripe side, for the deployment's key."""
        key = self.deployment.read_secret().stripe_key
        if not key:
            raise CliError("The stack has no Stripe key yet.", "customerlink install")
        return self.probe(key)

    def refuse_other_mode(self) -> None:
        """Raise where the stack's key is for the other mode than the profile.

        Every verb that changes a deployment asks, or has `own_probe`, which minds it too. What is
        no key at all is left to `doctor`.
        """
        with suppress(ConfigurationError):
            if key := self.deployment.read_secret().stripe_key:
                checked(StripeKey(key).value, self.config.mode)

    def usage_probe(self) -> StripeProbe:
        """Return the Stripe side for the operator's own key, or for want of one as `own_probe`."""
        if not self.config.stripe_key:
            return self.own_probe()
        try:
            probe = self.probe(self.config.stripe_key)
        except CustomerLinkError as error:
            raise _of_the_own_key(str(error).removesuffix(".")) from None
        if not probe.is_known():
            raise _of_the_own_key("Stripe does not know this key")
        return probe

    def operator(
        self, key: StripeKey, policy: Policy, reading_key: StripeKey | None = None
    ) -> Operator:
        """Return what settles users' records."""
        deployment, base = self.deployment, self.config.stripe_api_base
        table = deployment.outputs.table
        operator = operator_on_a_laptop(deployment.dynamodb, table, base, key, policy, self._clock)
        return replace(operator, reading_key=reading_key, rates=self.rates(self._wait))

    def _wait(self, seconds: float) -> None:
        if seconds > _LONG_WAIT_SECONDS:
            self.output.turns_are_taken(seconds)
        time.sleep(seconds)

    def reading_key(self) -> StripeKey | None:
        """Return the key that reads subscriptions: the operator's own, or the deployment's."""
        if self.config.stripe_key:
            return self.usage_probe().key
        return self.deployment.read_secret().subscriptions_key

    def deletions(self) -> DynamoDbDeletions:
        """Return the count of the tenant's deletions."""
        deployment = self.deployment
        return deletions(deployment.dynamodb, deployment.outputs.table, self.tenant_name())

    def digests(self) -> Digests:
        """Return what the ledger has in place of values."""
        return Digests.keyed(self.deployment.read_secret().log_names().key)

    def comparison(self, folder: Path | None) -> Comparison:
        """Return a comparison of both sides, in a folder."""
        deployment, probe, tenant = self.deployment, self.own_probe(), self.tenant()
        name = self.tenant_name()
        return comparison(
            name,
            tenant.users,
            tenant.export_users,
            probe.customers,
            self.rates(),
            refusals=DynamoDbRefusals(deployment.dynamodb, deployment.outputs.table, name),
            folder=self.folder(folder),
            tell=self.output.step,
            trust=deployment.trust(),
        )

    def folder(self, given: Path | None) -> Path:
        """Return where the profile's comparisons are made and remembered, unless told otherwise."""
        # The XDG specification's place for what outlasts a run, and that nobody need back up.
        home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        return given or Path(home) / "customerlink" / self.config.profile

    def confirm(self, what: str, *, yes: bool) -> None:
        """Ask before anything changes in live mode, unless `--yes` was said."""
        if self.config.mode is not Mode.LIVE or yes:
            return
        if not sys.stdin.isatty():
            text = "A change in live mode has to be confirmed."
            raise CliError(text, "--yes", Exit.USAGE)
        where = f"{what} in LIVE mode, tenant {self.config.domain}, stack {self.config.stack}?"
        # Here Ctrl-C may come back as None, and Ctrl-D as an error: neither is a yes.
        with suppress(EOFError):
            if questionary.confirm(plain(where), default=False).ask():
                return
        raise DeclinedError


def _of_the_own_key(why: str) -> CliError:
    return CliError(
        f"CUSTOMERLINK_STRIPE_KEY: {why}.", "docs/deploy.md#a-key-for-support", Exit.USAGE
    )


def session(context: typer.Context, *, as_json: bool) -> Session:
    """Return what a command needs; asks for the Auth0 client's secret where nobody gave it."""
    settings: Callable[[], Config] = context.obj
    config = settings()
    keep_private(sys.stdout)
    output = Output(as_json=as_json)
    context.meta[STEPS] = output.steps
    if config.client_id and not config.client_secret and sys.stdin.isatty():
        asked = answer(questionary.password("Auth0 client secret:"))
        config = replace(config, client_secret=asked)
    return Session(config, output)


def stripe_key_given(output: Output) -> str:
    """Read a Stripe key from a pipe, or ask for it without echo: never from an argument."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    output.say("A restricted key of Stripe's is needed, with Customers: Write and nothing else.")
    return answer(questionary.password("Stripe key (rk_…):"))
