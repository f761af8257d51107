"""Verify: both sides of a deployment, or of one user, compared."""

import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import stripe

from customerlink.adapters.duckdb import Store
from customerlink.adapters.stripe.listing import Listing, line, patiently
from customerlink.cli.errors import CliError
from customerlink.cli.tenant import Tenant
from customerlink.model.drift import IN_ORDER, Drift, Finding

SAMPLES = 3


@dataclass(frozen=True)
class Report:
    """What was found, at a moment."""

    at: str
    tenant: str
    counts: dict[Drift, int]
    samples: dict[Drift, list[Finding]]
    """The first of each kind; all of them for the kinds that a plan asked for."""

    @property
    def in_order(self) -> bool:
        """Return whether everybody is linked or exempt."""
        return not any(number for kind, number in self.counts.items() if kind not in IN_ORDER)


class Verification:
    """A comparison in a folder, which nobody else may read and which keeps no address."""

    def __init__(
        self,
        folder: Path,
        tenant: Tenant,
        tenant_name: str,
        listing: Listing,
        tell: Callable[[str], None],
    ) -> None:
        """Take both sides."""
        self.folder, self.tenant_name = folder, tenant_name
        self._tenant, self._listing, self._tell = tenant, listing, tell
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def everybody(self, whole: Collection[Drift] = ()) -> Report:
        """Compare the whole tenant; of the kinds in `whole` the report has every finding.

        Stripe is read first: whoever signs up meanwhile has a customer that the list lacks, which a
        second look at the `dangling` ones finds.
        """
        with self._both_sides() as store:
            return self._report(store, whole)

    def without_customer(self) -> list[dict[str, Any]]:
        """Return every user who has no customer."""
        with self._both_sides() as store:
            return [*store.without_customer()]

    @contextmanager
    def _both_sides(self) -> Iterator[Store]:
        with self._emptied("parts") as parts:
            self._tell("list Stripe's customers")
            customers = self._listing.write(parts)
            self._tell("export Auth0's users")
            users = parts / "users.json.gz"
            self._tenant.export_users(users)
            self._tell("compare")
            with closing(self._joined(parts, [users], customers)) as store:
                yield store

    @contextmanager
    def _emptied(self, name: str) -> Iterator[Path]:
        """Return a folder that is gone afterwards: what is in it has addresses."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def one(self, user: str) -> Report:
        """Compare one user, by id or address, as one would check two dashboards by hand."""
        found = self._tenant.read_user(user)
        if found is None:
            raise CliError("The tenant has no such user.", "A user_id, or an address.")
        with self._emptied("one") as parts:
            users, customers = parts / "users.json", parts / "customers.json"
            users.write_text(json.dumps(found) + "\n")
            rows = {each["id"]: each for each in self._customers_of(found)}
            customers.write_text("".join(json.dumps(each) + "\n" for each in rows.values()))
            with closing(self._joined(parts, [users], [customers])) as store:
                return self._report(store)

    def remember(self, report: Report) -> list[dict[str, Any]]:
        """Add a report's counts to the history; return all of it, the oldest first."""
        history = self.folder / "history.jsonl"
        with history.open("a") as lines:
            lines.write(json.dumps({"at": report.at, "counts": report.counts}) + "\n")
        return [json.loads(each) for each in history.read_text().splitlines()]

    def _joined(self, folder: Path, users: list[Path], customers: list[Path]) -> Store:
        store = Store(folder)
        store.load_users(*users)
        store.load_customers(*customers)
        store.classify(self.tenant_name)
        for finding in [*store.findings(Drift.DANGLING)]:
            kind = self._second_look(finding)
            if kind is not finding.drift:
                store.correct(finding, kind)
        return store

    def _report(self, store: Store, whole: Collection[Drift] = ()) -> Report:
        samples = {
            kind: [*store.findings(kind, None if kind in whole else SAMPLES)] for kind in Drift
        }
        at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
        return Report(at, self.tenant_name, store.counts(), samples)

    def _second_look(self, finding: Finding) -> Drift:
        """Retrieve a customer that the list lacks: it may be new, deleted, or of the other mode."""
        customer_id = str(finding.customer_id)

        def retrieve() -> Any:  # noqa: ANN401 (a customer of the SDK's)
            return self._listing.customers.retrieve(customer_id)

        try:
            found = patiently(self._listing.bucket, retrieve)
        except stripe.InvalidRequestError as error:
            is_elsewhere = "a similar object exists in" in str(error.user_message or error)
            return Drift.WRONG_MODE if is_elsewhere else Drift.DANGLING
        if getattr(found, "deleted", False):
            return Drift.DANGLING
        row = line(found)
        is_named = row["auth0_user_id"] == finding.user_id
        return Drift.LINKED if is_named else Drift.MISMATCHED

    def _customers_of(self, user: dict[str, Any]) -> list[dict[str, Any]]:
        bucket, service = self._listing.bucket, self._listing.customers
        found: list[Any] = []
        email = user["email"]
        for address in sorted({email, email.lower()} if email else ()):
            listed = partial(service.list, {"email": address, "limit": 100})
            found += patiently(bucket, listed).auto_paging_iter()
        if user["customer_id"]:
            try:
                one = patiently(bucket, lambda: service.retrieve(user["customer_id"]))
            except stripe.InvalidRequestError:
                one = None
            if one is not None and not getattr(one, "deleted", False):
                found.append(one)
        return [line(each) for each in found]


def default_folder(profile: str) -> Path:
    """Return where a profile's comparisons are made and remembered."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "customerlink" / profile
