"""What both dashboards and the ledger show of somebody, compared by the code of `verify`."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, override

import stripe

from customerlink.adapters.auth0.management import EXPORTED
from customerlink.adapters.both_sides import both_sides
from customerlink.adapters.dynamodb.items import record_key
from customerlink.adapters.dynamodb.refusals import DynamoDbRefusals
from customerlink.adapters.stripe.listing import Listing, line, listed
from customerlink.model.drift import IN_ORDER, MEANING, Drift
from customerlink.model.listed_customer import Absence, ListedCustomer
from customerlink.model.profile import Profile
from customerlink.model.trust import Trust
from customerlink.model.user import CustomerId, Tenant, User, UserId
from customerlink.ports.customer_directory import CustomerDirectory
from customerlink.ports.profiles import Profiles
from customerlink.usecases.compare import Comparison, Report
from sandbox.auth0.jobs import Jobs
from sandbox.aws import TABLE
from sandbox.journal import Kind
from sandbox.sandbox import Sandbox
from sandbox.stripe_account import StripeAccount, StripeFailure

type Json = dict[str, object]

WRONG_LINKS = (Drift.MISMATCHED, Drift.DANGLING, Drift.WRONG_MODE, Drift.OTHER_TENANT)
"""Of the kinds of difference, those of an id that is not truly the user's."""


class _Directory(CustomerDirectory):
    """Stripe's customers as the account has them, whatever the weather."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    @override
    def with_address(self, email: str) -> Sequence[ListedCustomer]:
        return [each for each in _customers(self._account) if each.email == email]

    @override
    def retrieve(self, customer_id: CustomerId) -> ListedCustomer | Absence:
        try:
            found = self._account.retrieve(customer_id)
        except StripeFailure:
            return Absence.UNKNOWN
        return Absence.DELETED if found.get("deleted") else _listed(found)

    @override
    def delete(self, customer_id: CustomerId) -> bool:
        raise NotImplementedError


class _Listing(Listing):
    """The list that a comparison begins with, without a request for each of its pages."""

    def __init__(self, account: StripeAccount) -> None:
        self._account = account

    @override
    def write(self, folder: Path, now: float | None = None) -> list[Path]:
        file = folder / "customers.json"
        file.write_text("".join(map(line, _customers(self._account))))
        return [file]


class _Nobody(Profiles):
    """Nobody is asked for by name, where everybody is compared."""

    @override
    def get(self, user_id: str) -> Profile | None:
        return None

    @override
    def with_address(self, email: str) -> Sequence[Profile]:
        return []

    @override
    def merge_app_metadata(self, user_id: str, changes: Mapping[str, str | None]) -> bool:
        return False


@dataclass
class Looking:
    """Looks at both sides from inside, so that no look is seen in the stream, nor disturbed."""

    box: Sandbox
    folder: Path
    _one_look: threading.Lock = field(default_factory=threading.Lock)

    def compared(self) -> Report:
        """Compare everybody, as `customerlink verify` does."""
        box, tenant = self.box, Tenant(self.box.tenant.name)
        listing = _Listing(box.stripe)
        comparison = Comparison(
            tenant,
            _Nobody(),
            _Directory(box.stripe),
            lambda name: both_sides(self.folder / name, listing, self._export, Trust()),
            DynamoDbRefusals(box.aws.dynamodb, TABLE, tenant),
            time,
        )
        with self._one_look:
            return comparison.everybody([*Drift])

    def shown(self, user_id: str) -> Json:
        """Return everybody's names and numbers, and all that there is of one user."""
        report, users = self.compared(), [*self.box.tenant.users]
        customers = self.box.stripe.live_customers()
        chosen = user_id if user_id in users else ""
        return {
            "users": users,
            "user": chosen,
            "sides": [*self._sides(chosen, customers)] if chosen else [],
            "link": link_of(report, chosen) if chosen else None,
            "foot": {
                "users": len(users),
                "customers": len(customers),
                "duplicates": report.counts[Drift.DUPLICATE],
                "wrong links": sum(report.counts[each] for each in WRONG_LINKS),
            },
        }

    def _sides(self, user_id: str, customers: Sequence[Mapping[str, Any]]) -> Iterator[Json]:
        profile = self.box.tenant.users.read(user_id)
        metadata = profile.get("app_metadata") or {}
        linked = metadata.get("stripe_customer_id") if isinstance(metadata, dict) else None
        yield _side("Auth0 profile", profile, self._before(user_id))
        own = [
            each
            for each in customers
            if linked == each["id"] or each["metadata"].get("auth0_user_id") == user_id
        ]
        yield from [_side("Stripe customer", each) for each in own or [{}]]
        key = record_key(User(Tenant(self.box.tenant.name), UserId(user_id)))["pk"]["S"]
        records = [each for each in self.box.aws.items() if each["pk"] == key]
        yield _side("Ledger record", next(iter(records), {}))

    def _before(self, user_id: str) -> Mapping[str, Any] | None:
        """Return the profile as the last Action to run for a user was given it."""
        ran = [each.detail for each in self.box.journal.after(0) if each.kind is Kind.ACTION]
        events: list[Any] = [each.get("event", {}) for each in reversed(ran)]
        users = (each.get("user", {}) for each in events)
        return next((each for each in users if each.get("user_id") == user_id), None)

    def _export(self, file: Path) -> None:
        """Write what Auth0's export job would, without asking for one."""
        jobs = Jobs(self.box.tenant.users)
        fields = [{"name": name, "export_as": column} for name, column in EXPORTED.items()]
        job = jobs.get(jobs.export({"format": "json", "fields": fields})["id"], "")
        file.write_bytes(jobs.file(job["location"].split("/")[1]) or b"")


def _customers(account: StripeAccount) -> list[ListedCustomer]:
    return [_listed(each) for each in account.live_customers()]


def _listed(customer: Mapping[str, Any]) -> ListedCustomer:
    return listed(stripe.Customer.construct_from({**customer}, None))


def link_of(report: Report, user_id: str) -> Json | None:
    """Return what was found of a user; of several findings, one that is not in order."""
    found = [
        each.drift for every in report.samples.values() for each in every if each.user_id == user_id
    ]
    kind = min(found, key=lambda each: each in IN_ORDER, default=None)
    if kind is None:
        return None
    return {"kind": kind, "is_in_order": kind in IN_ORDER, "meaning": MEANING[kind]}


def _side(title: str, document: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Json:
    """Return what a panel shows; what was not so before is marked, where that is known."""
    known = {*rows(document if before is None else before)}
    shown = [(path, text, (path, text) not in known) for path, text in rows(document)]
    # What changed comes first: it is what one looks for.
    return {"title": title, "rows": sorted(shown, key=lambda row: not row[2])}


def rows(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Return a document's fields by their paths; what says nothing is left out."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from rows(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield from rows({str(at): each for at, each in enumerate(value)}, f"{prefix}{name}.")
        elif value not in (None, ""):
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)
