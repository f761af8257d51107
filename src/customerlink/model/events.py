"""What a message of the queue's says: at whom to look, and what they had before.

Either side's events come in EventBridge's envelope, and so does what is due again. An event is a
reason to look, never a fact: of what it says to be so, nothing is written anywhere.

- Auth0: https://auth0.com/docs/customize/events/event-types
- Stripe: https://docs.stripe.com/api/events/object, as a snapshot
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from customerlink.model.beats import BEAT
from customerlink.model.customer import present
from customerlink.model.customer_fields import CustomerFields
from customerlink.model.customer_values import (
    EMAIL,
    Former,
    Told,
    Values,
    folded,
    values_in,
    values_of,
)
from customerlink.model.frozen import frozen
from customerlink.model.message_fields import LONGEST_USER_ID, Fields, Unreadable, UnreadableError
from customerlink.model.profile import Profile
from customerlink.model.sync_policy import EmailChanges
from customerlink.model.trust import Trust
from customerlink.model.user import CustomerId, Tenant, User, UserId, is_customer_id
from customerlink.model.values import moment

DUE_SOURCE = "customerlink.due"
"""The envelope's `source` of what the ledger owes, and the repair sends."""

LEFT_OF_A_PROFILE = ("user_id", "created_at")
"""What an event shows of one that is longer than the queue takes."""

USER_KEYS = ("auth0_user_id", "auth0_tenant")


class EventKind(StrEnum):
    """What has happened, as the log calls it."""

    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_DELETED = "user.deleted"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMER_DELETED = "customer.deleted"
    DUE = "due"
    """A user at whom the ledger says to look again."""


OF_AUTH0 = (EventKind.USER_CREATED, EventKind.USER_UPDATED, EventKind.USER_DELETED)
OF_STRIPE = (EventKind.CUSTOMER_UPDATED, EventKind.CUSTOMER_DELETED)


class Passed(StrEnum):
    """Why an event leads to nobody: it is counted, and nothing is done."""

    TEST = "test"
    """Auth0's own, to try a stream."""
    BEAT = "beat"
    OTHER_KIND = "other_kind"
    OTHER_SOURCE = "other_source"
    OTHER_TENANT = "other_tenant"
    OTHER_ACCOUNT = "other_account"
    """Of an account that is connected to the shop's."""
    OTHER_MODE = "other_mode"
    """Of test data, where the key is a live one, or the other way round."""
    NOBODY = "nobody"
    """Its customer names no user, and did not."""
    IRRELEVANT = "irrelevant"
    """Nothing that a customer follows has changed."""


@frozen
class Sighting:
    """A user at whom to look, and what the event says of before."""

    user: User
    kind: EventKind
    told: Told = Told()
    shown: Former | None = None
    """What the customer has by it, or is to have, where it is certain that nothing else changed."""
    created_at: datetime | None = None


type Sightings = tuple[Sighting, ...]


@frozen
class Served:
    """Whose events are taken, and what of a profile a customer follows."""

    tenant: Tenant
    is_live: bool = False
    """Whether the key is of live data."""
    auth0_source: str = ""
    """The partner event source of the tenant's stream; without one, any of Auth0's."""
    stripe_source: str = ""
    fields: CustomerFields = CustomerFields()
    email_changes: EmailChanges = EmailChanges.VERIFIED
    trust: Trust = Trust()

    @property
    def followed(self) -> tuple[str, ...]:
        """Return the customer's fields that are written."""
        return tuple(dict.fromkeys([EMAIL, *(target for target, _ in self.fields.sources)]))


def read_event(body: str, served: Served) -> Sightings | Passed | Unreadable:
    """Return at whom a message says to look, or why at nobody; nothing that it holds raises."""
    try:
        return _read(Fields.of_text(body), served)
    except UnreadableError as error:
        return error.unreadable


def due(user: User) -> dict[str, object]:
    """Return the envelope that says to look at a user again."""
    detail = {"tenant": user.tenant, "user_id": user.user_id}
    return {"source": DUE_SOURCE, "detail-type": EventKind.DUE.value, "detail": detail}


def _read(envelope: Fields, served: Served) -> Sightings | Passed:
    source, detail = envelope.text("source"), envelope.inner("detail")
    if source == DUE_SOURCE:
        return _due(detail, served)
    kind = _kind(envelope, detail)
    if kind in OF_AUTH0:
        is_ours = served.auth0_source in ("", source)
        return _of_auth0(kind, detail, served) if is_ours else Passed.OTHER_SOURCE
    if kind in OF_STRIPE:
        is_ours = served.stripe_source in ("", source)
        return _of_stripe(kind, detail, served) if is_ours else Passed.OTHER_SOURCE
    return Passed.OTHER_KIND


def _kind(envelope: Fields, detail: Fields) -> EventKind | None:
    """Return the kind by the event's own name for it, or else the envelope's."""
    name = detail.found_text("type") or envelope.text("detail-type")
    return EventKind(name) if name in EventKind and name != EventKind.DUE else None


def _due(detail: Fields, served: Served) -> Sightings | Passed:
    if detail.text("tenant") != served.tenant:
        return Passed.OTHER_TENANT
    return (Sighting(User(served.tenant, detail.user_id()), EventKind.DUE),)


# Auth0's


def _of_auth0(kind: EventKind, detail: Fields, served: Served) -> Sightings | Passed:
    tenant, data = detail.text("a0tenant"), detail.inner("data")
    if detail.found_text("a0purpose") is not None:
        return Passed.TEST
    if tenant != served.tenant:
        return Passed.OTHER_TENANT
    profile = data.inner("object")
    user = User(served.tenant, profile.user_id())
    if user.registration_id is not None:
        raise UnreadableError("detail.data.object.user_id", "is not a user's")
    if kind is not EventKind.USER_UPDATED:
        return (Sighting(user, kind, created_at=profile.reader()("created_at", moment)),)
    return _updated(user, data.found("previous_object"), profile, served)


def _updated(
    user: User, before: Fields | None, after: Fields, served: Served
) -> Sightings | Passed:
    """Compare both profiles: what a log-in or the shop changes is no reason to ask anybody."""
    new = _Shown.of(user, after, served)
    if before is None:
        # Whether an account was linked is only to be seen beside what was before; and of a profile
        # that was left out, nothing is.
        is_left_out = after.values.keys() <= {*LEFT_OF_A_PROFILE}
        shown = None if is_left_out or new.profile.identities[1:] else new.former
        return (Sighting(user, EventKind.USER_UPDATED, shown=shown),)
    old = _Shown.of(user, before, served)
    if old.followed == new.followed:
        return Passed.IRRELEVANT
    return (Sighting(user, EventKind.USER_UPDATED, Told(hints=(old.former,))),)


@frozen
class _Shown:
    """A profile as an event shows it."""

    profile: Profile
    values: Values
    """What is compared with a customer's: an address that is not verified as well."""
    may_write: bool
    """Whether the address may be written."""

    @classmethod
    def of(cls, user: User, document: Fields, served: Served) -> "_Shown":
        # Auth0 may leave the id out of what was before.
        found = Profile.of({**document.values, "user_id": user.user_id}, served.trust)
        changes = served.email_changes
        values = values_of(user, found, served.fields, changes.compared)
        return cls(found, values, EMAIL in values_of(user, found, served.fields, changes))

    @property
    def former(self) -> Former:
        return Former(self.values, self.profile.customer_id)

    @property
    def followed(self) -> tuple[object, ...]:
        """Return all that leads to a look where it changes."""
        folded_values = {name: folded(name, each) for name, each in self.values.items()}
        return folded_values, self.may_write, self.profile.identities, self.profile.customer_id


# Stripe's


def _of_stripe(kind: EventKind, detail: Fields, served: Served) -> Sightings | Passed:
    data, is_live = detail.inner("data"), detail.flag("livemode")
    customer, before = data.inner("object"), data.found("previous_attributes") or Fields({})
    customer_id = customer.text("id")
    if not is_customer_id(customer_id):
        raise UnreadableError("detail.data.object.id", "is not a customer's")
    if detail.found_text("account") is not None:
        return Passed.OTHER_ACCOUNT
    if is_live is not served.is_live:
        return Passed.OTHER_MODE
    return _of_customer(_Change(kind, CustomerId(customer_id), before, customer, served))


def _of_customer(change: "_Change") -> Sightings | Passed:
    if not change.is_relevant:
        return Passed.BEAT if BEAT in change.before.metadata_keys() else Passed.IRRELEVANT
    named = change.named()
    if not named:
        return Passed.NOBODY
    users = dict.fromkeys(each for tenant, each in named if tenant in (None, change.served.tenant))
    return tuple(map(change.sighting, users)) or Passed.OTHER_TENANT


@frozen
class _Change:
    """What happened to a customer: as it was where it changed, and as it is."""

    kind: EventKind
    customer_id: CustomerId
    before: Fields
    after: Fields
    served: Served

    @property
    def fields(self) -> frozenset[str]:
        return self.before.field_names().intersection(self.served.followed)

    @property
    def is_named_anew(self) -> bool:
        return not self.before.metadata_keys().isdisjoint(USER_KEYS)

    @property
    def is_relevant(self) -> bool:
        is_deleted = self.kind is EventKind.CUSTOMER_DELETED
        return is_deleted or self.is_named_anew or bool(self.fields)

    def named(self) -> list[tuple[str | None, UserId]]:
        """Return the user whom it names, and the one whom it named, each with the tenant."""
        # What was before has of the metadata the keys that changed, and no other.
        has, had = self.after.metadata(), self.before.metadata()
        return [*_named(has), *_named(has | had)]

    def sighting(self, user_id: UserId) -> Sighting:
        """Return one of these users to be looked at."""
        had, has = self._edited(self.before), self._edited(self.after)
        is_edit_alone = self.kind is EventKind.CUSTOMER_UPDATED and not self.is_named_anew
        is_whole = is_edit_alone and has.values.keys() == self.fields
        told, shown = Told(edits=(had,)), has if is_whole else None
        return Sighting(User(self.served.tenant, user_id), self.kind, told, shown)

    def _edited(self, customer: Fields) -> Former:
        values = values_in(customer.values).items()
        return Former(
            {name: each for name, each in values if name in self.fields}, self.customer_id
        )


def _named(metadata: Mapping[str, str]) -> Iterator[tuple[str | None, UserId]]:
    """Return the user whom metadata names, with the tenant that it names."""
    name = present(metadata, "auth0_user_id")
    user_id = _as_user_id(name) if name else None
    if user_id is not None:
        yield present(metadata, "auth0_tenant"), user_id


def _as_user_id(name: str) -> UserId | None:
    """Return an id that Auth0 may have given; who writes another into metadata names nobody."""
    is_one = "|" in name and len(name) <= LONGEST_USER_ID
    is_registrants = User(Tenant(""), UserId(name)).registration_id is not None
    return UserId(name) if is_one and not is_registrants else None
