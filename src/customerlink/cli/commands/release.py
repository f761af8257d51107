"""Release: who holds an address, what would free it, and what was never used let go of."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from customerlink.cli.address import address_given
from customerlink.cli.errors import Exit
from customerlink.cli.output import Output
from customerlink.cli.session import Apply, Json, Session, Yes, session
from customerlink.model.counted import counted
from customerlink.model.policy import Policy
from customerlink.model.profile import Profile
from customerlink.model.sign_up_record import HeldLock
from customerlink.model.signup import Marker
from customerlink.model.told import told_customer, told_user
from customerlink.model.user import CustomerId
from customerlink.usecases.release_address import AddressRelease, Holder, Holding
from customerlink.usecases.whose_customer import Owner
from customerlink.wiring.operator import address_release

app = typer.Typer()


@app.command(epilog="Example: customerlink release ada@example.com")
def release(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="The address; it is not printed.")],
    *,
    apply: Apply = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Tell who holds an address, since when, and what would free it.

    With --apply a customer that a sign-up made is deleted in Stripe, if its user has not verified
    the address and it has no balance, payment method, subscription or invoice; what the Stripe
    key may not read counts as one. The user's next login is another try. The exit code is 1 then
    if something holds the address still, 4 if for want of a permission alone. The Auth0 client
    needs read:users, and update:users to apply.
    """
    now = session(context, as_json=as_json)
    given = address_given(address, "customerlink release ADDRESS")
    worker = _worker(now)
    holding = worker.look(given)
    _print(now.output, holding)
    free = [each for each in holding.holders if each.kept is None]
    ends: dict[CustomerId, str | None] = {}
    if apply and free:
        now.confirm(f"Release: {counted(len(free), 'customer')} deleted", yes=yes)
        for each in free:
            why = ends[each.customer.id] = worker.release(each)
            now.output.step(f"{told_customer(each.customer.id)}: {why or 'released'}")
        # Who was let go of may have locked it since: it says when the person can log in.
        holding = replace(holding, lock=worker.lock(given))
        _print_lock(now.output, holding.lock)
    now.output.document(_document(holding, ends))
    if apply and (code := _code(holding, ends)):
        raise typer.Exit(code)


def _worker(now: Session) -> AddressRelease:
    operator, users = now.operator(now.own_probe().key, Policy()), now.tenant().users
    usage = now.usage_probe().usage(operator.rates)
    tenant = now.tenant_name()
    return address_release(tenant, users, operator, usage=usage)


def _code(holding: Holding, ends: Mapping[CustomerId, str | None]) -> Exit | None:
    left = [each for each in holding.holders if ends.get(each.customer.id, "kept") is not None]
    if holding.lock:
        return Exit.FAILED
    if not left:
        return None
    unseen = [each for each in left if each.usage and each.usage.hidden and not each.usage.found]
    return Exit.REFUSED if unseen == left else Exit.FAILED


def _print(output: Output, holding: Holding) -> None:
    if not holding.holders:
        output.say("No customer has the address.")
    for each in holding.holders:
        named = f"{_owner(each)}, created {_moment(each.customer.created)}"
        output.say(f"{told_customer(each.customer.id)}: {named}")
        output.say(f"  {each.kept or 'nothing keeps it'}: {each.way_out}")
    _print_lock(output, holding.lock)
    for user in holding.users:
        output.say(f"User with the address: {user.user_id}, {_standing(user)}")


def _print_lock(output: Output, lock: HeldLock | None) -> None:
    if lock:
        until, who = _moment(lock.until), lock.holder.user_id
        output.say(f"A sign-up of {who} has it until {until} at the latest; then log in again.")


def _owner(holder: Holder) -> str:
    whose = holder.whose
    if whose.user is None or whose.profile is None:
        return f"of {whose.owner}" + (f", {told_user(whose.user.user_id)}" if whose.user else "")
    if whose.owner is Owner.LINKED:
        return f"of {whose.user.user_id}, which was linked into {whose.profile.user_id}"
    return f"of {whose.user.user_id}, {_standing(whose.profile)}"


def _standing(user: Profile) -> str:
    verified = "verified" if user.email_verified else "not verified"
    return f"{verified}, {user.customer_id or 'no customer'}, {_marker(user) or 'no marker'}"


def _marker(user: Profile) -> str | None:
    """Return the marker; what else stands there may be anything, and is not repeated."""
    return user.marker if user.marker is None or user.marker in Marker else "an odd marker"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _document(holding: Holding, ends: Mapping[CustomerId, str | None]) -> dict[str, object]:
    lock = holding.lock
    return {
        "holders": [_holder(each, ends) for each in holding.holders],
        "lock": {"user_id": lock.holder.user_id, "until": _moment(lock.until)} if lock else None,
        "users": [_user(each) for each in holding.users],
    }


def _holder(holder: Holder, ends: Mapping[CustomerId, str | None]) -> dict[str, object]:
    whose, customer_id = holder.whose, holder.customer.id
    return {
        "customer_id": told_customer(customer_id),
        "created": _moment(holder.customer.created),
        "owner": whose.owner,
        "user_id": told_user(whose.user.user_id) if whose.user else None,
        "user": _user(whose.profile) if whose.profile else None,
        "kept": ends.get(customer_id, holder.kept),
        "way_out": holder.way_out,
        "released": customer_id in ends and ends[customer_id] is None,
    }


def _user(user: Profile) -> dict[str, object]:
    return {
        "user_id": user.user_id,
        "verified": user.email_verified,
        "customer_id": user.customer_id,
        "marker": _marker(user),
    }
