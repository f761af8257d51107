"""The sign-up record: its lease, its ends, and the link that it replays."""

from tests.simulation.mutants.mutant import CHECK, LEDGER, OPEN, RULES, SETTLE, TABLE, Mutant

RECORD = [
    Mutant(
        "epoch condition dropped",
        LEDGER,
        '_MY_EPOCH = "(#state = :open AND epoch = :epoch)"',
        '_MY_EPOCH = "(#state = :open)"',
    ),
    Mutant(
        "record let go by whoever asks",
        LEDGER,
        'record_key(lease.user),\n                f"{_MY_EPOCH} AND {_MY_OWN}",',
        "record_key(lease.user),\n                _MY_EPOCH,",
        caught_by="tests/adapters/dynamodb/test_ledger_endings.py::TestClose::test_by_another_invocation[simulated]",
    ),
    Mutant(
        "record deleted on error",
        LEDGER,
        'self._end(lease, State.OPEN, "lease_until = :zero", {":zero": n(0)})',
        'self._table.delete(record_key(lease.user), _MY_OWN, {":owner": s(self._run.owner)})',
    ),
    Mutant(
        "record lease shorter than the function",
        RULES,
        "RECORD_LEASE_SECONDS = 15.0",
        "RECORD_LEASE_SECONDS = 6.0",
        caught_by="tests/usecases/test_interleavings.py::test_times_fit_into_each_other",
    ),
    Mutant(
        "refusal not recorded",
        LEDGER,
        'self._end(lease, State.REFUSED, "reason = :reason", {":reason": s(reason)})',
        'self._table.delete(record_key(lease.user), _MY_OWN, {":owner": s(self._run.owner)})',
        caught_by="tests/usecases/test_settle.py::TestOverTheLedger::test_refusal_outlasts_what_runs_without_the_person",
    ),
    Mutant(
        "refused without the person",
        OPEN,
        "            if self._is_admission:\n",
        "            if True:\n",
    ),
    Mutant(
        "earlier refusal forgotten at a close",
        LEDGER,
        "        return self._end(lease, State.REFUSED)\n",
        "        self.refuse(lease, Reason.DEFERRED)\n",
        caught_by="tests/usecases/test_settle.py::TestOverTheLedger::test_refusal_outlasts_what_runs_without_the_person",
    ),
    Mutant(
        "admission noted for what runs without the person",
        SETTLE,
        "self.ledger.open(user, create, admission=self.is_admission)",
        "self.ledger.open(user, create, admission=True)",
    ),
    Mutant(
        "admission not noted in a record of another's",
        LEDGER,
        'admitted = ":admission" if admission else "if_not_exists(admitted, :admission)"',
        'admitted = "if_not_exists(admitted, :admission)"',
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestIsKnown::test_opened_by_an_admission_in_a_record_of_anothers[simulated]",
    ),
    Mutant(
        "every record is known",
        LEDGER,
        'return item["state"]["S"] == State.LINKED or "reason" in item or is_admitted(item)',
        "return True",
    ),
    Mutant(
        "refusal known only by who opened the record",
        LEDGER,
        'return item["state"]["S"] == State.LINKED or "reason" in item or is_admitted(item)',
        'return item["state"]["S"] == State.LINKED or is_admitted(item)',
        caught_by="tests/usecases/test_interleavings.py::TestRelease01::test_refusal_is_known_although_somebody_without_the_person_died",
    ),
    Mutant(
        "lease taken by a write that comes late",
        LEDGER,
        "(({_REFUSED} OR {_LEASE_ENDED}) AND {_NOT_LATE})",
        "({_REFUSED} OR {_LEASE_ENDED})",
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestOpen::test_late[simulated]",
    ),
    Mutant(
        "closed while a create may be under way",
        SETTLE,
        "        if opened.lease.has_create_under_way(self.run.clock.time()):\n"
        "            return opened.fail(Unknown())\n        return opened.close(",
        "        return opened.close(",
        caught_by="tests/usecases/test_settle.py::TestCreates::test_not_while_one_may_come",
    ),
    Mutant(
        "closed after a refusal though a create may be under way",
        OPEN,
        "            elif self.lease.has_create_under_way(self.run.clock.time()):\n",
        "            elif False:\n",
        caught_by="tests/usecases/test_open_sign_up.py::TestUnlock::test_record_stays_open_while_a_create_may_be_on_its_way",
    ),
    Mutant(
        "create of a user who is gone kept",
        LEDGER,
        "        if is_gone:\n",
        "        if False:\n",
        caught_by="tests/adapters/dynamodb/test_ledger_endings.py::TestClose::test_of_a_user_who_is_gone[simulated]",
    ),
    Mutant(
        "key of a user who is gone used again",
        LEDGER,
        'setting = "attempt = attempt + :one, expires_at',
        'setting = "attempt = attempt, expires_at',
        caught_by="tests/adapters/dynamodb/test_ledger_endings.py::TestClose::test_of_a_user_who_is_gone[simulated]",
    ),
    Mutant(
        "record of a user who is back goes with the one who was gone",
        LEDGER,
        '            " REMOVE expires_at",\n',
        '            "",\n',
        caught_by="tests/adapters/dynamodb/test_ledger_endings.py::TestClose::test_of_a_user_who_comes_back[simulated-release]",
    ),
    Mutant(
        "lost link not replayed",
        SETTLE,
        "            checked = check_record(self.signup, opened, self.customers)\n",
        "            return Settled(None, Reason.NOT_NEW)\n"
        "            checked = check_record(self.signup, opened, self.customers)\n",
    ),
    Mutant(
        "recorded link not checked",
        CHECK,
        "    found = customers.retrieve(recorded.customer_id)\n",
        "    return Settled(recorded.customer_id, Reason.CUSTOMER_FOUND)\n"
        "    found = customers.retrieve(recorded.customer_id)\n",
        caught_by="tests/usecases/test_check_link.py::TestRecord::test_recorded_link_is_replayed",
    ),
    Mutant(
        "recorded link replayed though it names somebody else",
        CHECK,
        "return customer.belongs_to(signup.user) and not has_moved",
        "return not has_moved",
        caught_by="tests/usecases/test_check_link.py::TestRecord::test_recorded_customer_is_gone",
    ),
    Mutant(
        "registration replayed though its customer has moved",
        CHECK,
        "return customer.belongs_to(signup.user) and not has_moved",
        "return customer.belongs_to(signup.user)",
        caught_by="tests/usecases/test_check_link.py::TestRecord::test_registrant_who_has_moved",
    ),
    Mutant(
        "transaction conflict taken for final",
        TABLE,
        '        "TransactionConflictException",\n',
        "",
        caught_by="tests/adapters/dynamodb/test_table.py::test_conflict_with_a_transaction[simulated]",
    ),
]
