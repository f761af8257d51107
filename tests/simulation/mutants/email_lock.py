"""The email lock: taken before the look-up, and given back when nothing can come any more."""

from tests.simulation.mutants.mutant import ITEMS, LEDGER, OPEN, RULES, SETTLE, Mutant

LOCK = [
    Mutant(
        "email lock not taken",
        SETTLE,
        "        holder = opened.lock()\n        if holder == self.signup.user:",
        "        holder = None\n        if holder == self.signup.user:",
    ),
    Mutant(
        "own email lock taken for somebody else's",
        SETTLE,
        "        if holder == self.signup.user:\n",
        "        if False:\n",
        caught_by="tests/usecases/test_settle.py::TestEmailLock::test_own_lock_of_another_invocation",
    ),
    Mutant(
        "email lock taken after the look-up",
        SETTLE,
        """\
        # 5. Lock the email
        stopped = self._locked(opened)
        if stopped is not None:
            return stopped

        # 6. Existing customer? Under the lock: before it, somebody could create in between.
        existing = self._existing_customer(opened)
        if existing is not None:
            return existing
""",
        """\
        existing = self._existing_customer(opened)
        if existing is not None:
            return existing
        stopped = self._locked(opened)
        if stopped is not None:
            return stopped
""",
        caught_by="tests/usecases/test_settle.py::TestEmailLock::test_taken",
    ),
    Mutant(
        "email lock shorter than a create",
        RULES,
        "EMAIL_LOCK_SECONDS = LATEST_EFFECT_SECONDS + 10.0",
        "EMAIL_LOCK_SECONDS = 2.0",
    ),
    Mutant(
        "email lock that DynamoDB may delete at once",
        LEDGER,
        '":expires": n(int(until) + 1)',
        '":expires": n(int(now))',
        caught_by="tests/adapters/dynamodb/test_ledger_claims.py::TestEmailLock::test_is_not_cleared_before_its_end[simulated]",
    ),
    Mutant(
        "email lock of one letter case",
        ITEMS,
        "hashlib.sha256(email.casefold().encode())",
        "hashlib.sha256(email.encode())",
    ),
    Mutant(
        "email lock taken back by an earlier epoch",
        LEDGER,
        '"(holder = :holder AND epoch <= :epoch AND lease_until <= :latest)"',
        '"(holder = :holder AND lease_until <= :latest)"',
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestZombie::test_no_lock[simulated]",
    ),
    Mutant(
        "email lock shortened by a write that comes late",
        LEDGER,
        '"(holder = :holder AND epoch <= :epoch AND lease_until <= :latest)"',
        '"(holder = :holder AND epoch <= :epoch)"',
        caught_by="tests/adapters/dynamodb/test_ledger_claims.py::TestEmailLock::test_late[simulated]",
    ),
    Mutant(
        "email lock given back whoever has it",
        LEDGER,
        '_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch AND #owner = :owner"',
        '_MY_OWN_LOCK = "holder = :holder OR epoch <= :epoch"',
        caught_by="tests/adapters/dynamodb/test_ledger_endings.py::TestClose::test_whoever_comes_next_keeps_the_lock[simulated]",
    ),
    Mutant(
        "email lock given back by another invocation of the same epoch",
        LEDGER,
        '_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch AND #owner = :owner"',
        '_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch"',
        caught_by="tests/adapters/dynamodb/test_ledger_endings.py::TestClose::test_whoever_comes_next_keeps_the_lock[simulated]",
    ),
    Mutant(
        "email lock given back after a create of an unknown outcome",
        OPEN,
        "if not self._is_newly_locked or self.lease.sends_create or under_way:",
        "if not self._is_newly_locked or under_way:",
        caught_by="tests/usecases/test_open_sign_up.py::TestUnlock::test_not_after_a_create_whose_answer_was_lost",
    ),
    Mutant(
        "email lock given back while an earlier create may come",
        OPEN,
        "if not self._is_newly_locked or self.lease.sends_create or under_way:",
        "if not self._is_newly_locked or self.lease.sends_create:",
        caught_by="tests/usecases/test_open_sign_up.py::TestUnlock::test_not_while_an_earlier_create_may_be_on_its_way",
    ),
    Mutant(
        "email lock given back that the user had before",
        LEDGER,
        'is_new=float(found.old.get("lease_until", n(0))["N"]) < now)',
        "is_new=True)",
        caught_by="tests/adapters/dynamodb/test_ledger_endings.py::TestClose::test_lock_of_an_earlier_invocation[simulated]",
    ),
    Mutant(
        "email lock given back after a link",
        OPEN,
        "            recorded = self.ledger.link(self.lease, customer_id)\n",
        "            recorded = self.ledger.link(self.lease, customer_id)\n"
        "        if self._is_newly_locked:\n"
        "            self.ledger.unlock_email(self.lease, str(self.email))\n",
    ),
    Mutant(
        "email lock kept after a failed look-up",
        OPEN,
        "        self._unlock()\n        return self.ended(Reason.PROVISIONING_FAILED)",
        "        return self.ended(Reason.PROVISIONING_FAILED)",
        caught_by="tests/usecases/test_open_sign_up.py::TestUnlock::test_after_a_failure_with_no_create_on_its_way",
    ),
    Mutant(
        "address being written in lower case kept from its customer's user",
        SETTLE,
        "        if found is not None:\n            # An address",
        "        if False:\n            # An address",
        caught_by="tests/usecases/test_interleavings.py::TestLetterCase::test_login_of_whom_the_customer_names",
    ),
]
