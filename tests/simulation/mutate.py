"""`make mutate`: single edits of the real code, each of which the simulation must catch."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
MOST_SEEDS = 30_000

_HUNT = """
import sys
from tests.simulation.history import play
for seed in range(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
    violation = play(seed).violation
    if violation:
        print(f"{seed}\\t{violation}")
        sys.exit(1)
"""


@dataclass(frozen=True)
class Mutant:
    """An edit: one passage of one file replaced."""

    name: str
    file: str
    old: str
    new: str


LEDGER, PIPELINE = "adapters/dynamodb_ledger.py", "provisioning.py"
STRIPE = "adapters/stripe_customers.py"

_LOCK = """\
        # 5. Lock the email
        with self.run.step("lock_email"):
            locked = self.ledger.lock_email(lease, email)
        if not locked:
            return self._refused(lease, email, Reason.EMAIL_IN_USE)

"""
_LOOK_UP = """\
        # 6. Existing customer?
        existing = self._begun_adoption(lease, email) or self._existing_customer(lease, email)
        if existing is not None:
            return existing

"""

MUTANTS = [
    Mutant(
        "epoch condition dropped",
        LEDGER,
        '_MY_EPOCH = "(#state = :open AND epoch = :epoch)"',
        '_MY_EPOCH = "(#state = :open)"',
    ),
    Mutant(
        "random idempotency key",
        PIPELINE,
        "self.customers.create(new, lease.idempotency_key())",
        "self.customers.create(new, lease.idempotency_key() + __import__('uuid').uuid4().hex)",
    ),
    Mutant(
        "record deleted on error",
        LEDGER,
        '"""End the lease now; the sign-up stays open."""',
        "self._write(self._client.delete_item, Key=_record_key(lease.user)); return",
    ),
    Mutant(
        "look-up failure taken for none",
        PIPELINE,
        "                return self._failed(lease, email, listed)\n            own +=",
        "                continue\n            own +=",
    ),
    Mutant(
        "email lock not taken",
        PIPELINE,
        "locked = self.ledger.lock_email(lease, email)",
        "locked = True",
    ),
    Mutant(
        "lock taken after the look-up",
        PIPELINE,
        _LOCK + _LOOK_UP,
        _LOOK_UP + _LOCK,
    ),
    Mutant(
        "email lock shorter than a create",
        "ledger.py",
        "EMAIL_LOCK_SECONDS = 60.0",
        "EMAIL_LOCK_SECONDS = 2.0",
    ),
    Mutant(
        "email lock given back after an unknown outcome",
        PIPELINE,
        "            self.ledger.release(lease, mismatched=isinstance(failure, KeyMismatch))\n",
        "            self.ledger.release(lease, mismatched=isinstance(failure, KeyMismatch))\n"
        "            self.ledger.unlock_email(lease, email)\n",
    ),
    Mutant(
        "lock given back whoever holds it",
        LEDGER,
        '_MY_LOCK_OF_THIS_EPOCH = "holder = :holder AND epoch = :epoch"',
        '_MY_LOCK_OF_THIS_EPOCH = "holder = :holder OR epoch <= :epoch"',
    ),
    Mutant(
        "marker not set on denial",
        "instruction.py",
        "return Instruction(Decision.DENY, reason, _UNFINISHED, message)",
        "return Instruction(Decision.DENY, reason, {}, message)",
    ),
    Mutant(
        "refusal not recorded",
        LEDGER,
        '"""Record the refusal, which keeps only addresses that a create was sent with."""',
        "self._write(self._client.delete_item, Key=_record_key(lease.user)); return",
    ),
    Mutant(
        "ledger not asked who is new",
        PIPELINE,
        "            return self.ledger.knows(self.signup.user)",
        "            return False",
    ),
    Mutant(
        "attempt not raised after a replayed error",
        PIPELINE,
        "raised = self.ledger.next_attempt(lease)",
        "raised: Lease | Busy = lease",
    ),
    Mutant(
        "attempt raised while a create may be under way",
        "ledger.py",
        "SETTLED_SECONDS = EMAIL_LOCK_SECONDS + 10.0",
        "SETTLED_SECONDS = 0.0",
    ),
    Mutant(
        "attempt raised without a look-up",
        PIPELINE,
        "            existing = self._existing_customer(lease, email)\n"
        "            if existing is not None:\n                return existing\n"
        "        raised =",
        "        raised =",
    ),
    Mutant(
        "ownership not checked",
        "customers.py",
        "return self.auth0_user_id == user.user_id and self.auth0_tenant in (None, user.tenant)",
        "return True",
    ),
    Mutant(
        "earlier addresses forgotten",
        PIPELINE,
        "for address in sorted(lease.emails | current):",
        "for address in sorted(current):",
    ),
    Mutant(
        "adoption that was begun is forgotten",
        PIPELINE,
        "existing = self._begun_adoption(lease, email) or self._existing_customer(lease, email)",
        "existing = self._existing_customer(lease, email)",
    ),
    Mutant(
        "adoption while a create may be under way",
        PIPELINE,
        "        if lease.has_create_under_way(self.run.clock.time()):\n"
        "            return self._failed(lease, email, Unknown())\n",
        "",
    ),
    Mutant(
        "create forgotten when the lease is given back",
        "ledger.py",
        "        return now if self.has_tried else self.last_write\n",
        "        return self.last_write\n",
    ),
    Mutant(
        "address forgotten that a create was sent with",
        LEDGER,
        "    if lease.untried is None or lease.has_tried:\n",
        "    if lease.untried is None:\n",
    ),
    Mutant(
        "address created as given",
        "customers.py",
        "return cls(email.lower(), signup.user,",
        "return cls(email, signup.user,",
    ),
    Mutant(
        "looked up as given only",
        PIPELINE,
        "        current = {email, email.lower()}\n"
        "        for address in sorted(lease.emails | current):",
        "        current = {email}\n        for address in sorted(current):",
    ),
    Mutant(
        "unknown outcome taken for a spent key",
        STRIPE,
        "    return Unknown()\n\n\ndef _without",
        "    return KeySpent()\n\n\ndef _without",
    ),
    Mutant(
        "recorded link not checked",
        PIPELINE,
        "        found = self.customers.retrieve(recorded.customer_id)\n",
        "        return linked(recorded.customer_id, Reason.CUSTOMER_FOUND)\n"
        "        found = self.customers.retrieve(recorded.customer_id)\n",
    ),
    Mutant(
        "replayed customer not checked",
        PIPELINE,
        "        if not created.replayed:\n",
        "        if created.replayed or not created.replayed:\n",
    ),
    Mutant(
        "lost link not replayed",
        PIPELINE,
        "return self._replayed(opened, email) if isinstance(opened, Linked) else opened",
        "return not_new(exempt=False) if isinstance(opened, Linked) else opened",
    ),
    Mutant(
        "budget not kept",
        "run.py",
        "SIGN_UP_SECONDS = 5.0",
        "SIGN_UP_SECONDS = 12.0",
    ),
]


SEEN = {
    "attempt raised without a look-up": 226,
    "email lock given back after an unknown outcome": 276,
    "attempt not raised after a replayed error": 391,
    "look-up failure taken for none": 1436,
    "replayed customer not checked": 1645,
    "adoption while a create may be under way": 2727,
    "adoption that was begun is forgotten": 11784,
}
"""Seeds that caught the rarer ones before: played first, ahead of the search."""


def caught_by(mutant: Mutant) -> str | None:
    """Give the seed and the violation that tell the mutant from the real code."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "customerlink"
        shutil.copytree(ROOT / "src" / "customerlink", package)
        source = (package / mutant.file).read_text()
        if source.count(mutant.old) != 1:
            raise LookupError(f"{mutant.name}: its passage is not in {mutant.file} once")
        (package / mutant.file).write_text(source.replace(mutant.old, mutant.new))
        seen, processes = SEEN.get(mutant.name, 0), os.cpu_count() or 1
        return _first_catch([_hunt(folder, seen, seen + 1, 1)]) or _first_catch(
            [_hunt(folder, first, MOST_SEEDS, processes) for first in range(processes)]
        )


def _hunt(folder: str, first: int, last: int, step: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _HUNT, *map(str, (first, last, step))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT / 'src'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _first_catch(hunts: "list[subprocess.Popen[str]]") -> str | None:
    catches = [hunt.communicate()[0].strip() for hunt in hunts]
    crashed = [
        hunt for hunt, catch in zip(hunts, catches, strict=True) if hunt.returncode and not catch
    ]
    if crashed:
        raise RuntimeError("a mutant does not run")
    return min(filter(None, catches), key=lambda catch: int(catch.split("\t")[0]), default=None)


def main() -> int:
    """Hunt them all; the exit status is 1 if one survives."""
    table = Table("mutant", "seed", "caught by")
    survivors = []
    for mutant in MUTANTS:
        catch = caught_by(mutant)
        if catch is None:
            survivors.append(mutant.name)
        seed, _, violation = (catch or "-\tsurvives").partition("\t")
        table.add_row(mutant.name, seed, violation)
    Console(width=120).print(table)
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants caught")
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main())
