"""Tenants made up from a seed: users and customers, with a known number of each kind of drift."""

import gzip
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from customerlink.model.drift import Drift

TENANT = "acme"
KINDS = [each for each in Drift if each not in (Drift.LINKED, Drift.WRONG_MODE)]


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
                user, made, key = self._pair(kind, index, dice)
                self.expected[kind].add(key)
                if user:
                    users.write(json.dumps(user) + "\n")
                for customer in made:
                    customers.write(json.dumps(customer) + "\n")

    def _pair(  # noqa: C901, PLR0911 (a case for each kind)
        self, kind: Drift, index: int, dice: random.Random
    ) -> tuple[dict[str, Any] | None, list[dict[str, Any]], str]:
        """Return a user, the customers beside it, and the id that the kind is expected of."""
        connection = dice.choice(["auth0", "google-oauth2"])
        user_id = f"{connection}|{index:024x}"
        email = f"user-{index}@example.com"
        identity = {"provider": connection, "user_id": f"{index:024x}"}
        user: dict[str, Any] = {"user_id": user_id, "email": email, "identities": [identity]}
        customer = {
            "id": f"cus_{index:014x}",
            "email": dice.choice([email, email.upper()]),
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
                    [{"auth0_user_id": None}, {"auth0_tenant": "other"}]
                )
                return linked, [customer | other], user_id
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
