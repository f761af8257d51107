"""Tenants made up from a seed: users and customers, with a known number of each kind of drift."""

import gzip
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from customerlink.model.drift import Drift

TENANT = "acme"
TOLD_LATER = (Drift.WRONG_MODE, Drift.DENIED)
"""Kinds that take a look at Stripe, or into the ledger."""

BESIDE = Drift.LETTER_CASE
"""Is found of a customer whatever else that, or its user, is."""

KINDS = [each for each in Drift if each not in (Drift.LINKED, BESIDE, *TOLD_LATER)]


def _is_to_be_lowered(customer: dict[str, Any]) -> bool:
    has_capitals = customer["email"] != customer["email"].lower()
    is_ours = customer.get("auth0_tenant") in (None, TENANT)
    return has_capitals and is_ours and not customer.get("superseded_by")


class Generated:
    """What was generated: two files, and for each kind the ids that belong to it."""

    def __init__(self, folder: Path, number: int, seed: int, share: float = 0.01) -> None:
        """Write `number` users, of which `share` have each kind of drift, and their customers."""
        self.users, self.customers = folder / "users.json.gz", folder / "customers.json"
        self.expected: dict[Drift, set[str]] = defaultdict(set)
        dice = random.Random(seed)
        each = max(1, int(number * share))
        kinds: list[Drift] = [kind for kind in KINDS for _ in range(each)]
        kinds += [Drift.LINKED] * (number - len(kinds))
        dice.shuffle(kinds)
        with (
            gzip.open(self.users, "wt", compresslevel=1) as users,
            self.customers.open("w") as customers,
        ):
            for index, kind in enumerate(kinds):
                user, made, key = self._pair(kind, index, share, dice)
                self.expected[kind].add(key)
                if user:
                    users.write(json.dumps(user) + "\n")
                for customer in made:
                    if _is_to_be_lowered(customer):
                        self.expected[BESIDE].add(customer["id"])
                    customers.write(json.dumps(customer) + "\n")

    def _pair(  # noqa: C901, PLR0911, PLR0912 (a case for each kind)
        self, kind: Drift, index: int, share: float, dice: random.Random
    ) -> tuple[dict[str, Any] | None, list[dict[str, Any]], str]:
        """Return a user, the customers beside it, and the id that the kind is expected of."""
        connection = dice.choice(["auth0", "google-oauth2"])
        user_id = f"{connection}|{index:024x}"
        email = f"user-{index}@example.com"
        identity = {"provider": connection, "user_id": f"{index:024x}"}
        given = dice.choice([email, email.upper()])
        user: dict[str, Any] = {"user_id": user_id, "email": given, "identities": [identity]}
        customer = {
            "id": f"cus_{index:014x}",
            "email": email.title() if dice.random() < share else email,
            "auth0_user_id": user_id,
            "auth0_tenant": TENANT,
        }
        linked = user | {"customer_id": customer["id"]}
        second = customer | {"id": f"cus_x{index:013x}"}
        registered = {"auth0_user_id": None, "registration_id": f"{index:032x}"}
        match kind:
            case Drift.UNLINKED:
                return user, [], user_id
            case Drift.EXEMPT:
                return user | {"marker": "exempt"}, [], user_id
            case Drift.UNRECORDED:
                return user, [customer], user_id
            case Drift.DANGLING:
                return linked, [], user_id
            case Drift.MISMATCHED:
                other: dict[str, Any] = dice.choice(
                    [
                        {"auth0_user_id": "?", "auth0_tenant": None},
                        {"auth0_user_id": "auth0|x", "auth0_tenant": "other"},
                        {"auth0_tenant": "no tenant's name"},
                    ]
                )
                return linked, [customer | other], user_id
            case Drift.OTHER_TENANT:
                profile = dice.choice([user, linked, user | {"marker": "exempt"}])
                return profile, [customer | {"auth0_tenant": "other"}], user_id
            case Drift.UNNAMED:
                tenant = dice.choice([TENANT, None])
                return linked, [customer | {"auth0_user_id": None, "auth0_tenant": tenant}], user_id
            case Drift.DUPLICATE:
                stranger = second | {"auth0_user_id": None, "auth0_tenant": None}
                return linked, [customer, dice.choice([second, stranger])], user_id
            case Drift.ORPHANED:
                # A user who was linked into another one's account, or deleted.
                return None, [customer], customer["id"]
            case Drift.SUPERSEDED:
                return None, [customer | {"superseded_by": "cus_other"}], customer["id"]
            case Drift.UNCLAIMED:
                return linked, [customer | registered], user_id
            case Drift.ABANDONED:
                return None, [customer | registered], customer["id"]
            case Drift.EMAIL_DRIFT:
                return linked, [customer | {"email": f"old-{email}"}], user_id
            case _:
                secondary = {"provider": "sms", "user_id": f"{index:x}"}
                several = dice.random() < 0.05
                return (
                    linked | ({"identities": [identity, secondary]} if several else {}),
                    [customer],
                    user_id,
                )
