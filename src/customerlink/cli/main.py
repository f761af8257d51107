"""`customerlink`: its commands, flags and help texts."""

import os
import sys
import time
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import questionary
import typer

from customerlink.adapters.aws.secrets_manager import REFRESH_SECONDS
from customerlink.adapters.aws.server_clock import ServerClock
from customerlink.adapters.dynamodb.boto3_client import Boto3DynamoDb
from customerlink.adapters.stripe.listing import PER_SECOND, Listing
from customerlink.adapters.token_bucket import TokenBucket
from customerlink.cli.commands.backfill import (
    AUTH0_PER_SECOND,
    CREATIONS_PER_SECOND,
    Backfill,
    Checkpoint,
    run_backfill,
)
from customerlink.cli.commands.doctor import Doctor, Verdict
from customerlink.cli.commands.install import Change, Plan, carry_out, look, plan, take_out
from customerlink.cli.commands.repair import Outcome, Repair
from customerlink.cli.commands.rotate import (
    LAST_LOGINS_SECONDS,
    MARGIN_SECONDS,
    Rotation,
    rotate_stripe_key,
)
from customerlink.cli.commands.verify import Report, Verification, default_folder
from customerlink.cli.config import Config, Mode, load
from customerlink.cli.deployment import Deployment
from customerlink.cli.errors import CliError, Exit, explain
from customerlink.cli.output import Output
from customerlink.cli.probes import StripeProbe, checked, self_test
from customerlink.cli.release import LOGIN, TRIGGERS, action_name
from customerlink.cli.report import html as page
from customerlink.cli.tenant import Tenant
from customerlink.model.customer_fields import NAME_ONLY, CustomerFields
from customerlink.model.drift import IN_ORDER, MEANING, REPAIR, Drift
from customerlink.model.errors import ConfigurationError
from customerlink.model.policy import ExistingCustomer, Policy, VerifiedEmail
from customerlink.model.repair_plan import SAFE, planned, read
from customerlink.usecases.backfill import BackfillStatus
from customerlink.wiring.provisioner import Provisioner

app = typer.Typer(
    name="customerlink",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Sets up, checks and looks after a Customer Link deployment.",
    epilog="Example: customerlink --profile live doctor",
)
rotate = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Replace a key or a secret, while sign-ups go on.",
)
app.add_typer(rotate, name="rotate")


@dataclass(frozen=True)
class Session:
    """What every command has."""

    config: Config
    output: Output

    def deployment(self) -> Deployment:
        """Return the AWS side."""
        return Deployment(self.config)

    def tenant(self) -> Tenant:
        """Return the Auth0 side."""
        return Tenant(self.config, self.output.waiting)

    def probe(self, key: str) -> StripeProbe:
        """Return the Stripe side, for a key."""
        return StripeProbe(key, self.config.stripe_api_base, self.config.mode)

    def own_key(self) -> str:
        """Return the deployment's Stripe key."""
        key = self.deployment().read_secret().stripe_key
        if not key:
            raise CliError("The stack has no Stripe key yet.", "customerlink install")
        return key

    def provisioner(self, per_second: float, policy: Policy | None = None) -> Provisioner:
        """Return what creates customers, at a rate."""
        deployment, probe, clock = self.deployment(), self.probe(self.own_key()), ServerClock()
        ledger, table = Boto3DynamoDb(deployment.dynamodb, clock), deployment.outputs.table
        # Before anything is judged by the clock, it is asked what time it is.
        sent, key = time.time(), {"pk": {"S": "installation"}}
        answer: Any = deployment.dynamodb.get_item(TableName=table, Key=key)
        ledger.observe(answer, sent)
        return Provisioner(
            self.config.tenant_name(),
            ledger,
            table,
            self.config.stripe_api_base,
            probe.key,
            probe.customers,
            TokenBucket(per_second),
            policy or Policy(),
            clock,
        )

    def comparison(self, folder: Path | None) -> Verification:
        """Return a comparison of both sides, in a folder."""
        place = folder or default_folder(self.config.profile)
        name, listing = self.config.tenant_name(), Listing(self.probe(self.own_key()).customers)
        return Verification(place, self.tenant(), name, listing, self.output.step)

    def confirm(self, what: str, *, yes: bool) -> None:
        """Ask before anything changes in live mode, unless `--yes` was said."""
        if self.config.mode is not Mode.LIVE or yes:
            return
        if not sys.stdin.isatty():
            text = "A change in live mode has to be confirmed."
            raise CliError(text, "--yes", Exit.USAGE)
        where = f"{what} in LIVE mode, tenant {self.config.domain}, stack {self.config.stack}?"
        if not questionary.confirm(where, default=False).ask():
            raise CliError("Nothing was changed.", "", Exit.INTERRUPTED)


Json = Annotated[bool, typer.Option("--json", help="One JSON document, for machines.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask no question in live mode.")]


@app.callback()
def main(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option(help="The settings' file; customerlink.toml if it is there.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="A profile of that file.", envvar="CUSTOMERLINK_PROFILE"),
    ] = None,
    mode: Annotated[
        Mode | None, typer.Option(help="Stripe's mode.", envvar="CUSTOMERLINK_MODE")
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="The Auth0 tenant's domain.", envvar="AUTH0_DOMAIN")
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            help="Its name, where that is not the domain's first word.",
            envvar="CUSTOMERLINK_TENANT",
        ),
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option(help="Its machine-to-machine application.", envvar="AUTH0_CLIENT_ID"),
    ] = None,
    stack: Annotated[
        str | None, typer.Option(help="The CloudFormation stack.", envvar="CUSTOMERLINK_STACK")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The stack's AWS region.", envvar="AWS_REGION")
    ] = None,
    aws_profile: Annotated[
        str | None, typer.Option(help="A profile of the AWS CLI's.", envvar="AWS_PROFILE")
    ] = None,
    action_name: Annotated[
        str | None,
        typer.Option(help="The Action's name in Auth0.", envvar="CUSTOMERLINK_ACTION_NAME"),
    ] = None,
    stripe_api_base: Annotated[
        str | None, typer.Option(hidden=True, envvar="CUSTOMERLINK_STRIPE_API_BASE")
    ] = None,
) -> None:
    """Set up, check and look after a Customer Link deployment.

    Settings come from flags, then the environment, then customerlink.toml. The Auth0 client's
    secret comes from AUTH0_CLIENT_SECRET, or is asked for.
    """
    flags = {
        "mode": mode,
        "domain": domain,
        "tenant": tenant,
        "client_id": client_id,
        "client_secret": os.environ.get("AUTH0_CLIENT_SECRET"),
        "stack": stack,
        "region": region,
        "aws_profile": aws_profile,
        "action_name": action_name,
        "stripe_api_base": stripe_api_base,
    }
    context.obj = lambda: load(config, profile, flags)


def session(context: typer.Context, *, as_json: bool) -> Session:
    """Return what a command needs; asks for the Auth0 client's secret where nobody gave it."""
    config: Config = context.obj()
    output = Output(as_json=as_json)
    if config.client_id and not config.client_secret and sys.stdin.isatty():
        asked = questionary.password("Auth0 client secret:").unsafe_ask()
        config = replace(config, client_secret=str(asked).strip())
    return Session(config, output)


def stripe_key_given(output: Output) -> str:
    """Read a Stripe key from a pipe, or ask for it without echo: never from an argument."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    output.say("A restricted key of Stripe's is needed, with Customers: Write and nothing else.")
    return str(questionary.password("Stripe key (rk_…):").unsafe_ask()).strip()


@app.command(epilog="Example: customerlink install --dry-run")
def install(
    context: typer.Context,
    *,
    registration: Annotated[
        bool, typer.Option("--registration", help="The registration flow's Actions as well.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put this release's Action into the tenant, and the keys into Secrets Manager.

    With --registration, also the two Actions of the registration flow (docs/policies.md).

    Other Actions, their order and their secrets stay as they are. Running it again changes
    nothing; run again after a failure, it goes on. The Stripe key is asked for, or read from a
    pipe, when the stack has none yet.
    """
    now = session(context, as_json=as_json)
    deployment, tenant, output = now.deployment(), now.tenant(), now.output
    triggers = TRIGGERS if registration else (LOGIN,)
    with output.busy("Looking at the stack and the tenant"):
        stored = deployment.read_secret()
    key = None
    if not stored.stripe_key and not dry_run:
        key = checked(stripe_key_given(output), now.config.mode).value
        with output.busy("Asking Stripe"):
            now.probe(key).list_customers()
    elif not stored.stripe_key:
        output.say("The stack has no Stripe key yet: install will ask for one.")
    changes: list[Change] = []
    rows = []
    for trigger in triggers:
        name, place = action_name(now.config.action_name, trigger), tenant.at(trigger)
        with output.busy("Looking at the tenant"):
            made = plan(look(deployment, place, name), name, None if changes else key)
        is_first = not changes
        changes += made.changes
        rows.append(("Action", f"{name}, in the flow {trigger} of {now.config.domain}"))
        if dry_run:
            _show(output, made)
            continue
        if made.changes and is_first:
            now.confirm("Install", yes=yes)
        with output.busy("Installing"):
            carry_out(made, deployment, place, lambda one: output.step(f"{one.kind}: {one.about}"))
    if dry_run:
        _tell(output, changes)
        return
    url, signing_secret = deployment.outputs.url, made.signing_secret
    with output.busy("Sending a self-test"):
        result = self_test(url, signing_secret)
    answer = f"{result.status} {result.reason}, {result.milliseconds:.0f} ms"
    output.table(
        "Done." if changes else "Nothing to do: everything is in place.",
        [*rows, ("endpoint", url), ("self-test", answer)],
    )
    output.document(
        {
            "changes": [each.kind for each in changes],
            "url": url,
            "self_test": {"passed": result.passed, "answer": answer},
        }
    )
    if not result.passed:
        text = "The endpoint did not pass the self-test."
        raise CliError(text, "Wait five minutes after a new secret; then customerlink doctor.")


def _show(output: Output, made: Plan) -> None:
    for each in made.changes:
        output.say(f"would {each.kind}: {each.about}")
        output.diff(each.diff)


def _tell(output: Output, changes: list[Change]) -> None:
    if not changes:
        output.say("Nothing to do: everything is in place.")
    told = [{"kind": each.kind, "about": each.about, "diff": list(each.diff)} for each in changes]
    output.document({"dry_run": True, "changes": told})


@app.command(epilog="Example: customerlink uninstall --dry-run")
def uninstall(
    context: typer.Context,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take out of the tenant what install put in: Actions, and their places in the flows.

    The stack with its secret and its ledger stays: sam delete takes that, and keeps the data.
    """
    now = session(context, as_json=as_json)
    tenant, output = now.tenant(), now.output
    with output.busy("Looking at the tenant"):
        names = {each: action_name(now.config.action_name, each) for each in TRIGGERS}
        found = [each for each in TRIGGERS if tenant.at(each).find(names[each])]
    if not found:
        output.say("Nothing to do: the Action is not there.")
    elif dry_run:
        for each in found:
            output.say(f"would unbind and delete the Action {names[each]}")
    else:
        now.confirm("Uninstall", yes=yes)
        for each in found:
            take_out(tenant.at(each), names[each], output.step)
    output.document({"dry_run": dry_run, "found": bool(found), "steps": output.steps})


@app.command(epilog="Example: customerlink doctor --json")
def doctor(
    context: typer.Context,
    *,
    probe_write: Annotated[
        bool,
        typer.Option("--probe-write", help="Create a customer, and delete it (test mode only)."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a deployment from end to end: what is wrong, what it means, and what mends it.

    Exit code 1 when a check is ✗.
    """
    now = session(context, as_json=as_json)
    patient = Doctor(now.config, now.deployment(), now.tenant(), probe_write)
    made = now.output.checks(patient.checks())
    bad = sum(each.verdict is Verdict.BAD for each in made)
    warnings = sum(each.verdict is Verdict.WARNING for each in made)
    now.output.say(f"\n{len(made)} checks, {bad} failed, {warnings} to look at.")
    now.output.document({"ok": not bad, "checks": [each.as_json() for each in made]})
    if bad:
        raise typer.Exit(Exit.FAILED)


@app.command(epilog="Examples: customerlink verify; customerlink verify 'auth0|64f…'")
def verify(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Argument(help="One user's user_id or address; nobody named: everybody.")
    ] = None,
    *,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where to compare, and to remember the counts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare Auth0's users with Stripe's customers, and count what differs by kind.

    Exit code 0 only when everybody is linked or exempt. Nothing is changed. The Auth0 client
    needs the scope read:users; no address is printed or kept.
    """
    now = session(context, as_json=as_json)
    comparison = now.comparison(folder)
    with now.output.busy("Comparing both sides"):
        report = comparison.one(user) if user else comparison.everybody()
    history = [] if user else comparison.remember(report)
    if html:
        html.write_text(page(report, history))
    _print(now.output, report)
    if not report.in_order:
        raise typer.Exit(Exit.FAILED)


def _print(output: Output, report: Report) -> None:
    shown = {kind: number for kind, number in report.counts.items() if number or kind in IN_ORDER}
    output.table(
        "Both sides agree." if report.in_order else "The two sides differ.",
        [(str(kind), f"{number:>9,}  {MEANING[kind]}") for kind, number in shown.items()],
    )
    for kind in shown.keys() - IN_ORDER:
        output.say(f"\n{kind}: {REPAIR[kind]}")
        for each in report.samples[kind]:
            output.say(
                f"  {each.user_id or '-'}  {each.customer_id or '-'}  {each.detail}".rstrip()
            )
    output.document(
        {
            "at": report.at,
            "tenant": report.tenant,
            "in_order": report.in_order,
            "counts": report.counts,
            "samples": {
                kind: [asdict(each) for each in found]
                for kind, found in report.samples.items()
                if found and kind not in IN_ORDER
            },
        }
    )


@app.command(epilog="Example: customerlink repair > plan && customerlink repair --apply plan")
def repair(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    kinds: Annotated[
        list[Drift] | None, typer.Option("--kind", help="A kind to repair; again for more.")
    ] = None,
    apply: Annotated[Path | None, typer.Option(help="Carry out this plan.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to compare.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Print a plan that mends what verify finds, one action a line; or carry one out.

    Without --kind it is for unrecorded and unclaimed, for which nothing is made and nothing taken
    away. With --apply each line's expectation is looked at again before its change; what changed
    since is skipped and said. Only --kind abandoned deletes customers in Stripe. The Auth0 client
    needs read:users, and update:users to apply.
    """
    now = session(context, as_json=True if apply is None else as_json)
    if apply is None:
        chosen = tuple(kinds or SAFE)
        report = now.comparison(folder).everybody(chosen)
        for step in planned(each for kind in chosen for each in report.samples[kind]):
            typer.echo(step.line())
        return
    if not apply.is_file():
        raise CliError(f"{apply} is no file.", "customerlink repair > plan", Exit.USAGE)
    steps = [*read(apply.read_text().splitlines())]
    if steps:
        now.confirm(f"Repair: {len(steps)} steps", yes=yes)
    worker = Repair(now.config.tenant_name(), now.tenant(), now.provisioner(PER_SECOND))
    results = []
    for each in worker.apply(steps):
        results.append(each)
        ids = f"{each.step.user_id or '-'} {each.step.customer_id or '-'}"
        now.output.step(f"{each.outcome}: {ids}: {each.why}")
    counts = {kind: sum(each.outcome is kind for each in results) for kind in Outcome}
    now.output.say(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    now.output.document({"counts": counts, "steps": now.output.steps})


@app.command(epilog="Example: customerlink backfill --per-second 25")
def backfill(  # noqa: PLR0913 (a flag each)
    context: typer.Context,
    *,
    per_second: Annotated[
        float, typer.Option(min=0.1, help="Creations a second; each asks Stripe twice.")
    ] = CREATIONS_PER_SECOND,
    auth0_per_second: Annotated[
        float, typer.Option(min=0.1, help="Writes to Auth0 a second.")
    ] = AUTH0_PER_SECOND,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Link the only customer with a verified address.")
    ] = False,
    verified_only: Annotated[
        bool, typer.Option("--verified-only", help="Pass over users who have not verified theirs.")
    ] = False,
    customer_fields: Annotated[
        str, typer.Option(help="The template's parameter CustomerFields, if it has a value.")
    ] = "",
    folder: Annotated[Path | None, typer.Option(help="Where the checkpoint is.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a customer for every user without one, those of before the installation included.

    Both sides are compared first: an address that is there already is told, never duplicated.
    Ctrl-C stops after those who are under way; the same command goes on. The Auth0 client needs
    read:users and update:users.
    """
    now = session(context, as_json=as_json)
    output, place = now.output, folder or default_folder(now.config.profile)
    fields = _fields(customer_fields)
    checkpoint = Checkpoint(place / "backfill")
    if fresh or not checkpoint.is_begun:
        checkpoint.begin(now.comparison(place).without_customer())
    users = checkpoint.left()
    output.step(f"{len(users):,} users without a customer")
    if dry_run or not users:
        output.document({"left": len(users), "counts": {}})
        return
    now.confirm(f"Backfill: {len(users):,} users", yes=yes)
    policy = Policy(
        verified_email=VerifiedEmail.REQUIRED if verified_only else VerifiedEmail.OPTIONAL,
        existing_customer=ExistingCustomer.ADOPT if adopt else ExistingCustomer.DENY,
        customer_fields=fields,
    )
    worker = Backfill(
        now.provisioner(per_second, policy), now.tenant(), TokenBucket(auth0_per_second)
    )
    counts = run_backfill(worker, checkpoint, users, output)
    left = len(checkpoint.left())
    if not left:
        checkpoint.finish()
    output.say(", ".join(f"{number:,} {fate}" for fate, number in counts.items()))
    output.document({"left": left, "counts": counts})
    if left or counts[BackfillStatus.FAILED]:
        raise typer.Exit(Exit.FAILED)


def _fields(text: str) -> CustomerFields:
    try:
        return CustomerFields.parse(text) if text else NAME_ONLY
    except ConfigurationError as problem:
        raise CliError(f"--customer-fields {problem}.", "docs/policies.md", Exit.USAGE) from None


@rotate.command("signing-secret", epilog="Example: customerlink rotate signing-secret")
def signing_secret(
    context: typer.Context,
    *,
    yes: Yes = False,
    as_json: Json = False,
    refresh_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = REFRESH_SECONDS
    + MARGIN_SECONDS,
    last_logins_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = LAST_LOGINS_SECONDS,
) -> None:
    """Replace the secret that the Action signs with; it takes about six minutes.

    No sign-up is refused meanwhile. Interrupted anywhere, a second run finishes.
    """
    now = session(context, as_json=as_json)
    now.confirm("Rotate the signing secret", yes=yes)
    output = now.output
    Rotation(
        now.deployment(),
        now.tenant(),
        now.config.action_name,
        output.step,
        output.wait,
        refresh_seconds,
        last_logins_seconds,
    ).run()
    output.say("Done: the new signing secret is the only one.")
    output.document({"steps": output.steps})


@rotate.command("stripe-key", epilog="Example: customerlink rotate stripe-key < new-key")
def stripe_key(
    context: typer.Context,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Replace the Stripe key, after Stripe was asked what the new one may do.

    The new key is asked for, or read from a pipe. Functions take it within five minutes, or as
    soon as Stripe rejects the old one.
    """
    now = session(context, as_json=as_json)
    key = checked(stripe_key_given(now.output), now.config.mode).value
    now.confirm("Rotate the Stripe key", yes=yes)
    changed = rotate_stripe_key(now.deployment(), now.probe(key), key, now.output.step)
    if changed:
        now.output.say("Done. In five minutes, expire the old key in Stripe's dashboard.")
    else:
        now.output.say("Nothing to do: this is the key that is stored.")
    now.output.document({"changed": changed, "steps": now.output.steps})


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(version_of("customer-link"))


def run(arguments: list[str] | None = None) -> None:
    """Run a command; every expected end is a sentence and an exit code, never a stack trace."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        app(words, prog_name="customerlink")
    except Exception as error:  # noqa: BLE001 (the one place where errors become sentences)
        told = explain(error)
        Output(as_json="--json" in words).error(told)
        sys.exit(int(told.code))


if __name__ == "__main__":
    run()
