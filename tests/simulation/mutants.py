"""Single edits of the real code, each of which breaks something that docs/ promises."""

from dataclasses import dataclass

SETTLE, OPEN = "usecases/settle.py", "usecases/open_sign_up.py"
RULES, INSTRUCTION, CUSTOMER = (
    "model/sign_up_record.py",
    "model/instruction.py",
    "model/customer.py",
)
ADOPT, CHECK = "usecases/adopt.py", "usecases/check_link.py"
CREATION, FIND = "usecases/create_customer.py", "usecases/find_customer.py"
SIGN_UP, LINK = "usecases/sign_up.py", "usecases/link_accounts.py"
LEDGER, STRIPE = "adapters/dynamodb/ledger.py", "adapters/stripe/customers.py"
ITEMS, TABLE = "adapters/dynamodb/items.py", "adapters/dynamodb/table.py"
EXISTING, FINISH = "usecases/provision_existing.py", "usecases/finish_sign_up.py"
ADDRESS, SHOP, RUN = "usecases/change_address.py", "functions/shop_api.py", "ports/run.py"
CONNECTIONS = "adapters/connections.py"


@dataclass(frozen=True)
class Mutant:
    """An edit: one passage of one file of the package replaced."""

    name: str
    file: str
    old: str
    new: str
    caught_by: str | None = None
    """The test that fails on it; None where the simulation is to catch it."""


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
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestClose::test_by_another_invocation[simulated]",
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
        "        self._end(lease, State.REFUSED)\n",
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
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestClose::test_of_a_user_who_is_gone[simulated]",
    ),
    Mutant(
        "key of a user who is gone used again",
        LEDGER,
        'self._end(gone, State.REFUSED, "attempt = attempt + :one", {":one": n(1)})',
        "self._end(gone, State.REFUSED)",
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestClose::test_of_a_user_who_is_gone[simulated]",
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
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestTrouble::test_conflict_with_a_transaction[simulated]",
    ),
]

CREATE = [
    Mutant(
        "random idempotency key",
        CREATION,
        "opened.customers.create(lease.create, lease.idempotency_key())",
        "opened.customers.create(lease.create, __import__('uuid').uuid4().hex)",
    ),
    Mutant(
        "idempotency key without the tenant",
        RULES,
        "seed = json.dumps([self.user.tenant, self.user.user_id, self.attempt])",
        "seed = json.dumps([self.user.user_id, self.attempt])",
        caught_by="tests/model/test_sign_up_record.py::TestKey::test_is_the_tenants",
    ),
    Mutant(
        "key used for longer than Stripe keeps it",
        RULES,
        "KEY_LIFETIME_SECONDS = 23 * 3600.0",
        "KEY_LIFETIME_SECONDS = 25 * 3600.0",
        caught_by="tests/model/test_sign_up_record.py::TestKeyMakes::test_key_that_stripe_has_almost_forgotten",
    ),
    Mutant(
        "key's age counted from the latest invocation",
        LEDGER,
        '"attempt_since = if_not_exists(attempt_since, :now), "',
        '"attempt_since = :now, "',
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestOpen::test_age_of_the_key[simulated]",
    ),
    Mutant(
        "create not frozen",
        LEDGER,
        '            f"{freezing(create)}",\n',
        '            "",\n',
    ),
    Mutant(
        "frozen create overwritten by every invocation",
        ITEMS,
        "if_not_exists(#create, :create), emails = if_not_exists(emails, :emails)",
        ":create, emails = :emails",
    ),
    Mutant(
        "create forgotten although it was sent",
        RULES,
        "return not (self.was_sent or self.sends_create)",
        "return True",
    ),
    Mutant(
        "create kept although nobody sent it",
        RULES,
        "return not (self.was_sent or self.sends_create)",
        "return False",
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestFrozenCreate::test_one_that_nobody_sent[simulated-release]",
    ),
    Mutant(
        "sending not noted",
        CREATION,
        "opened.lease = lease = before.sending()",
        "lease = before",
    ),
    Mutant(
        "wait for a create put off by whoever waits",
        RULES,
        "return now if self.sends_create or self.sends_update else self.last_write",
        "return now",
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestWaitForAnEarlierCreate::test_who_sends_nothing[simulated-release]",
    ),
    Mutant(
        "wait for a create not begun anew by the next one",
        RULES,
        "return now if self.sends_create or self.sends_update else self.last_write",
        "return self.last_write",
        caught_by="tests/usecases/test_settle.py::TestOverTheLedger::test_lost_create_and_another_address",
    ),
    Mutant(
        "frozen create sent with an address of the past",
        RULES,
        "if self.create is None or self.create.email != email:",
        "if self.create is None:",
    ),
    Mutant(
        "address created as given",
        CUSTOMER,
        'ours = {"email": email.lower(), ',
        'ours = {"email": email, ',
    ),
    Mutant(
        "unknown outcome taken for a spent key",
        STRIPE,
        "    return Unknown()\n\n\ndef _without_key_spent",
        "    return KeySpent()\n\n\ndef _without_key_spent",
    ),
    Mutant(
        "lost answer forgotten behind a later refusal",
        STRIPE,
        "            if lost_one and isinstance(outcome, RateLimited | NotSent",
        "            if False and isinstance(outcome, RateLimited | NotSent",
        caught_by="tests/adapters/stripe/test_customers.py::TestOutcomes::test_lost_answer_then_rate_limit",
    ),
    Mutant(
        "create taken for sent although nothing was changed",
        CREATION,
        "    if isinstance(created, NOTHING_CHANGED):\n        opened.lease = before\n",
        "",
        caught_by="tests/usecases/test_settle.py::TestOverTheLedger::test_address_that_stripe_refuses_and_another_one",
    ),
    Mutant(
        "create that Stripe refuses sent for ever",
        CREATION,
        "    if _has_been_mended(created, opened.lease, new):\n",
        "    if False:\n",
        caught_by="tests/usecases/test_create_customer.py::TestCreate::test_frozen_parameters_that_stripe_refuses",
    ),
    Mutant(
        "answer to a create believed, whosever customer it is",
        CREATION,
        "    if not opened.is_own(created.result):\n        return Unknown()\n",
        "",
        caught_by="tests/usecases/test_create_customer.py::TestCreate::test_answer_that_is_not_the_users_customer",
    ),
    Mutant(
        "replayed customer not checked",
        CREATION,
        "    if not created.replayed:\n",
        "    if True:\n",
        caught_by="tests/usecases/test_create_customer.py::TestSpentKey::test_replayed_customer_is_gone",
    ),
    Mutant(
        "replayed customer linked though it names somebody else",
        CREATION,
        "return found.result if found.result and opened.is_own(found.result) else KeySpent()",
        "return found.result if found.result else KeySpent()",
        caught_by="tests/usecases/test_create_customer.py::TestSpentKey::test_replayed_customer_is_gone",
    ),
    Mutant(
        "attempt not raised after a spent key",
        CREATION,
        "raised = opened.ledger.next_attempt(opened.lease, new)",
        "raised: Lease | Busy = opened.lease",
    ),
    Mutant(
        "nothing is ever under way",
        RULES,
        "SETTLED_SECONDS = EMAIL_LOCK_SECONDS + 10.0",
        "SETTLED_SECONDS = 0.0",
        caught_by="tests/usecases/test_create_customer.py::TestKeyOfNoUse::test_mismatch_of_a_key_that_nobody_is_known_to_have_used",
    ),
    Mutant(
        "next attempt while the old key's create may be under way",
        CREATION,
        "        return opened.lease.has_settled(opened.run.clock.time())\n",
        "        return True\n",
        caught_by="tests/usecases/test_create_customer.py::TestKeyOfNoUse::test_while_a_create_may_be_under_way",
    ),
    Mutant(
        "next attempt without a look-up",
        CREATION,
        "    existing = existing_customer(opened)\n"
        "    return existing if existing is not None else _next_attempt(opened, new)",
        "    return _next_attempt(opened, new)",
    ),
    Mutant(
        "next attempt before the list shows what the spent key made",
        CREATION,
        "        opened.run.clock.sleep(LIST_LAG_SECONDS)\n",
        "        pass\n",
        caught_by="tests/usecases/test_create_customer.py::TestSpentKey::test_waits_for_the_list",
    ),
    Mutant(
        "mismatched key taken for one that nobody used",
        RULES,
        "return replace(self, sends_create=False, was_sent=True)",
        "return replace(self, sends_create=False)",
        caught_by="tests/usecases/test_create_customer.py::TestKeyOfNoUse::test_mismatch_of_a_key_that_nobody_is_known_to_have_used",
    ),
]

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
        "EMAIL_LOCK_SECONDS = 60.0",
        "EMAIL_LOCK_SECONDS = 2.0",
    ),
    Mutant(
        "email lock that DynamoDB may delete at once",
        LEDGER,
        '":expires": n(int(until) + 1)',
        '":expires": n(int(now))',
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestEmailLock::test_is_not_cleared_before_its_end[simulated]",
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
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestEmailLock::test_late[simulated]",
    ),
    Mutant(
        "email lock given back whoever has it",
        LEDGER,
        '_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch AND #owner = :owner"',
        '_MY_OWN_LOCK = "holder = :holder OR epoch <= :epoch"',
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestClose::test_whoever_comes_next_keeps_the_lock[simulated]",
    ),
    Mutant(
        "email lock given back by another invocation of the same epoch",
        LEDGER,
        '_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch AND #owner = :owner"',
        '_MY_OWN_LOCK = "holder = :holder AND epoch = :epoch"',
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestClose::test_whoever_comes_next_keeps_the_lock[simulated]",
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
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestClose::test_lock_of_an_earlier_invocation[simulated]",
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
]

LOOK_UP = [
    Mutant(
        "ownership not checked",
        CUSTOMER,
        "return self.auth0_user_id == user.user_id and self.auth0_tenant in (None, user.tenant)",
        "return True",
    ),
    Mutant(
        "profile's link believed",
        CHECK,
        "    if customer.belongs_to(signup.user):\n        return Settled(customer_id,",
        "    if True:\n        return Settled(customer_id,",
    ),
    Mutant(
        "profile's false link taken for none",
        CHECK,
        "        return None\n    return Unsettled(Reason.LINK_MISMATCH)",
        "        return None\n        return None",
    ),
    Mutant(
        "failed look-up taken for none",
        FIND,
        "            return opened.fail(listed)\n",
        "            continue\n",
        caught_by="tests/usecases/test_find_customer.py::TestAddresses::test_failed_look_up",
    ),
    Mutant(
        "looked up as given only",
        FIND,
        "current = {opened.email, opened.email.lower()} if opened.email else set()",
        "current = {opened.email} if opened.email else set()",
    ),
    Mutant(
        "earlier addresses forgotten",
        FIND,
        "for address in sorted(opened.lease.emails() | current):",
        "for address in sorted(current):",
    ),
    Mutant(
        "customer linked that only a list shows",
        FIND,
        "        found = opened.customers.retrieve(each.id)\n",
        "        return opened.link(each.id, Reason.CUSTOMER_FOUND)\n"
        "        found = opened.customers.retrieve(each.id)\n",
    ),
    Mutant(
        "recorded customer, somebody else's by now, not in the way",
        FIND,
        "    return own, others + _recorded(opened, others)\n",
        "    return own, others\n",
        caught_by="tests/usecases/test_find_customer.py::TestPassedOn::test_recorded_customer_is_anothers_and_has_the_address",
    ),
    Mutant(
        "customer that the caller knows of not looked at",
        FIND,
        "    if known is not None:\n",
        "    if False:\n",
        caught_by="tests/usecases/test_find_customer.py::TestKnownCustomer::test_customer_that_the_caller_knows_of",
    ),
    Mutant(
        "page without customers taken for none",
        STRIPE,
        '    if not isinstance(getattr(page, "data", None), list):\n'
        "        raise _OddAnswerError\n",
        '    if not isinstance(getattr(page, "data", None), list):\n        return []\n',
        caught_by="tests/adapters/stripe/test_customers.py::TestOddAnswers::test_no_list",
    ),
    Mutant(
        "odd answers believed",
        STRIPE,
        "    if not is_one or (customer_id is not None and _id(answer) != customer_id):\n",
        "    if False:\n",
        caught_by="tests/adapters/stripe/test_customers.py::TestOddAnswers::test_no_customer",
    ),
]

ADOPTION = [
    Mutant(
        "adopted by whoever typed the address",
        CUSTOMER,
        "return policy is ExistingCustomer.ADOPT and verified and is_nobodys",
        "return policy is ExistingCustomer.ADOPT and is_nobodys",
        caught_by="tests/usecases/test_adopt.py::TestAdoption::test_unverified",
    ),
    Mutant(
        "one of several adopted",
        CUSTOMER,
        "is_nobodys = [each.auth0_user_id is None for each in others] == [True]",
        "is_nobodys = all(each.auth0_user_id is None for each in others)",
        caught_by="tests/usecases/test_adopt.py::TestAdoption::test_more_than_one_or_somebodys",
    ),
    Mutant(
        "somebody's customer adopted",
        CUSTOMER,
        "is_nobodys = [each.auth0_user_id is None for each in others] == [True]",
        "is_nobodys = len(others) == 1",
    ),
    Mutant(
        "adoption while a create may be under way",
        ADOPT,
        "    if opened.lease.has_create_under_way(opened.run.clock.time()):\n"
        "        return opened.fail(Unknown())\n    begun =",
        "    begun =",
        caught_by="tests/usecases/test_check_link.py::TestRegistration::test_waits_for_a_create_that_may_be_under_way",
    ),
    Mutant(
        "customer claimed before the record says so",
        ADOPT,
        "    begun = opened.ledger.begin_adoption(",
        "    opened.ledger.claim(opened.user, adoption)\n    begun = opened.ledger.begin_adoption(",
        caught_by="tests/usecases/test_adopt.py::TestAdoption::test_lease_was_taken_over",
    ),
    Mutant(
        "customer changed without a claim",
        ADOPT,
        "        claimed = opened.ledger.claim(opened.user, adoption)\n",
        "        claimed = True\n",
        caught_by="tests/usecases/test_adopt.py::TestAdoption::test_claimed_by_another_user",
    ),
    Mutant(
        "claim that nobody hands over",
        LEDGER,
        '":replaced": s(holder(adoption.instead_of or user))',
        '":replaced": s(holder(user))',
    ),
    Mutant(
        "adoption that was begun is forgotten",
        SETTLE,
        "        begun = finish_begun_adoption(opened)\n        if begun is not None:",
        "        begun = None\n        if begun is not None:",
        caught_by="tests/usecases/test_adopt.py::TestBegunAdoption::test_finished",
    ),
    Mutant(
        "adoption that was begun is forgotten at a close",
        SETTLE,
        "            begun = finish_begun_adoption(opened)\n            return begun or",
        "            begun = None\n            return begun or",
        caught_by="tests/usecases/test_settle.py::TestClose::test_adoption_that_has_begun",
    ),
    Mutant(
        "adoption that was begun is forgotten where a registration's customer is",
        SETTLE,
        "finish_begun_adoption(opened) or adopt(opened, checked)",
        "adopt(opened, checked)",
        caught_by="tests/usecases/test_check_link.py::TestRegistration::test_another_adoption_has_begun",
    ),
    Mutant(
        "adoption begun in a record that was deleted meanwhile",
        LEDGER,
        '            f"{_MY_EPOCH} AND {_MY_OWN}",\n            {\n',
        "            _MY_EPOCH,\n            {\n",
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestBeginAdoption::test_record_that_was_deleted_meanwhile[simulated]",
    ),
    Mutant(
        "adoption that Stripe refuses tried for ever",
        ADOPT,
        "if isinstance(adopted, Refused) and opened.lease.has_settled(opened.run.clock.time()):",
        "if False:",
        caught_by="tests/usecases/test_adopt.py::TestAdoption::test_customer_that_stripe_never_changes",
    ),
    Mutant(
        "adoption that Stripe refuses given up while an earlier update may come",
        ADOPT,
        "if isinstance(adopted, Refused) and opened.lease.has_settled(opened.run.clock.time()):",
        "if isinstance(adopted, Refused):",
        caught_by="tests/usecases/test_adopt.py::TestBegunAdoption::test_refused_while_an_earlier_update_may_be_on_its_way",
    ),
    Mutant(
        "adoption finished though the customer names somebody else",
        ADOPT,
        "if found.result.may_come_to_name(lease.user, lease.adopting.instead_of):",
        "if True:",
        caught_by="tests/usecases/test_adopt.py::TestBegunAdoption::test_gone_or_anothers",
    ),
    Mutant(
        "adoption given up while its update may be on its way",
        ADOPT,
        "        if not lease.has_settled(opened.run.clock.time()):\n"
        "            return opened.fail(Unknown())\n",
        "",
        caught_by="tests/usecases/test_adopt.py::TestBegunAdoption::test_anothers_while_the_update_may_be_on_its_way",
    ),
    Mutant(
        "adoption's update not noted",
        ADOPT,
        "opened.lease = replace(opened.lease, sends_update=claimed)",
        "opened.lease = replace(opened.lease, sends_update=False)",
        caught_by="tests/usecases/test_adopt.py::TestAdoption::test_lost_answer",
    ),
    Mutant(
        "answer to an adoption believed, whosever customer it is",
        ADOPT,
        "    if not opened.is_own(adopted.result):\n        return opened.fail(Unknown())\n",
        "",
        caught_by="tests/usecases/test_adopt.py::TestAdoption::test_answer_that_does_not_name_the_user",
    ),
    Mutant(
        "adoption kept in a linked record",
        LEDGER,
        'f"adopting, instead_of, {INDEXED}",',
        'f"{INDEXED}",',
        caught_by="tests/adapters/dynamodb/test_ledger.py::TestBeginAdoption::test_still_under_way[simulated-release]",
    ),
    Mutant(
        "adopted customer still superseded",
        STRIPE,
        '{"metadata": {**naming(user), "superseded_by": ""}}',
        '{"metadata": naming(user)}',
        caught_by="tests/adapters/stripe/test_customers.py::TestCalls::test_adopt_one_that_was_superseded",
    ),
    Mutant(
        "own registration's customer found only where it is alone",
        SETTLE,
        "        if registered:\n",
        "        if registered and len(others) == 1:\n",
        caught_by="tests/usecases/test_own_registration.py::TestOwnRegistration::test_found_beside_another_customer",
    ),
    Mutant(
        "own registration not settled where it has the lock",
        SETTLE,
        "        if holder is not None and registrant is not None and holder == registrant:\n",
        "        if False:\n",
        caught_by="tests/usecases/test_own_registration.py::TestOwnRegistration::test_its_customer",
    ),
    Mutant(
        "own registration's customer taken beside an own one",
        SETTLE,
        "        if not isinstance(own, list):\n            return own\n",
        "",
        caught_by="tests/usecases/test_own_registration.py::TestOwnRegistration::test_own_customer_beside_it",
    ),
]

LOGIN = [
    Mutant(
        "marker not set on denial",
        INSTRUCTION,
        "return Instruction(Decision.DENY, reason, _UNFINISHED, message)",
        "return Instruction(Decision.DENY, reason, {}, message)",
    ),
    Mutant(
        "ledger not asked who is new",
        SIGN_UP,
        "self.settling.ledger.has_record(signup.user) or self._is_younger_than_deployment()",
        "self._is_younger_than_deployment()",
    ),
    Mutant(
        "account made after the installation taken for old",
        SIGN_UP,
        "self.settling.ledger.has_record(signup.user) or self._is_younger_than_deployment()",
        "self.settling.ledger.has_record(signup.user)",
        caught_by="tests/usecases/test_sign_up.py::TestNewUser::test_age_makes_a_later_login_new",
    ),
    Mutant(
        "account of this hour exempt",
        SIGN_UP,
        "return now - created > EXEMPT_FROM_AGE",
        "return True",
        caught_by="tests/usecases/test_sign_up.py::TestExempt::test_only_an_older_account",
    ),
    Mutant(
        "existing user with a link denied while Stripe is down",
        SIGN_UP,
        "(outcome.is_linked or not is_recorded)",
        "(not is_recorded)",
        caught_by="tests/usecases/test_sign_up.py::TestOnFailure::test_linked_without_a_login",
    ),
    Mutant(
        "registration's record reopened though its customer has the address",
        CHECK,
        "if _has_passed_on(signup, customer):",
        "if False:",
        caught_by="tests/usecases/test_check_link.py::TestRecord::test_registrations_customer_names_its_user_by_now",
    ),
    Mutant(
        "customer that has become another's not counted as in the way",
        FIND,
        "passed_on.append(customer)",
        "pass",
        caught_by="tests/usecases/test_find_customer.py::TestPassedOn::test_own_customer_that_has_become_anothers",
    ),
    Mutant(
        "marker written in an outage for a user of long standing",
        SIGN_UP,
        "        if not is_signing_up and (outcome.is_linked or not is_recorded):\n"
        "            return not_new(exempt=False)\n",
        "",
        caught_by="tests/usecases/test_sign_up.py::TestNewUser::test_known_and_then_the_ledger_fails",
    ),
    Mutant(
        "denied user let in while the ledger cannot be asked",
        SIGN_UP,
        "is_marked if not is_recorded else outcome.refused not in _NO_DENIALS",
        "outcome.refused not in _NO_DENIALS",
        caught_by="tests/usecases/test_sign_up.py::TestOnFailure::test_a_marker_may_stand_for_a_denial",
    ),
    Mutant(
        "denied user let in after a lost lease",
        OPEN,
        "return Unsettled(reason, self.lease.refused)",
        "return Unsettled(reason)",
    ),
    Mutant(
        "denied user let in who waits for another invocation",
        ITEMS,
        'return Busy(Reason(reason["S"]) if reason else None)',
        "return Busy()",
    ),
    Mutant(
        "user let in whose customer may be somebody else's",
        SIGN_UP,
        "is_kept_out = may_be_denied or signup.customer_id is not None",
        "is_kept_out = may_be_denied",
        caught_by="tests/usecases/test_sign_up.py::TestOnFailure::test_an_id_in_doubt_stays_denied",
    ),
    Mutant(
        "redirect kept at a registration",
        SIGN_UP,
        "return replace(instruction, app_metadata={}, redirect=None)",
        "return replace(instruction, app_metadata={})",
        caught_by="tests/usecases/test_sign_up.py::TestAtRegistration::test_denied",
    ),
    Mutant(
        "refused beside the first login",
        SIGN_UP,
        "replace(self.settling, is_admission=False, creates=never)",
        "replace(self.settling, creates=never)",
        caught_by="tests/usecases/test_sign_up.py::TestAfterRegistration::test_claimed_by_another_user",
    ),
    Mutant(
        "customer made beside the first login",
        SIGN_UP,
        "replace(self.settling, is_admission=False, creates=never)",
        "replace(self.settling, is_admission=False)",
        caught_by="tests/usecases/test_sign_up.py::TestAfterRegistration::test_no_customer_is_made",
    ),
]

BESIDE = [
    Mutant(
        "linking takes anybody's customer",
        LINK,
        "leaving = [each for each in found if each.belongs_to(self.secondary.user)]",
        "leaving = found",
    ),
    Mutant(
        "linking looks up as given only",
        LINK,
        "for address in sorted(emails | {each.lower() for each in emails}):",
        "for address in sorted(emails):",
        caught_by="tests/usecases/test_link_accounts.py::test_letter_case",
    ),
    Mutant(
        "linking keeps the newest",
        LINK,
        "sorted(found.values(), key=lambda each: (each.created, each.id))",
        "sorted(found.values(), key=lambda each: (-each.created, each.id))",
        caught_by="tests/usecases/test_link_accounts.py::test_the_second_has_two",
    ),
    Mutant(
        "linking beside the second account's sign-up",
        LINK,
        "recorded = self._settled(self.secondary)",
        "recorded = None",
        caught_by="tests/usecases/test_link_accounts.py::test_only_the_second_has_one",
    ),
    Mutant(
        "linking leaves two customers without a word",
        LINK,
        "                _result(self.customers.supersede(each, staying))\n",
        "                pass\n",
        caught_by="tests/usecases/test_link_accounts.py::test_both_have_one",
    ),
    Mutant(
        "another account's customer taken beside an own one",
        SETTLE,
        "        existing = self._existing_customer(opened)\n"
        "        if existing is not None:\n            return existing\n\n        # 7.",
        "        existing = self._existing_customer(opened)\n"
        "        if existing is not None and self.heir_to is None:\n            return existing\n\n"
        "        # 7.",
        caught_by="tests/usecases/test_settle.py::TestHeir::test_one_of_their_own",
    ),
    Mutant(
        "profile of earlier acted on",
        EXISTING,
        "profile = profiles.get(user.user_id)",
        "profile = vars(profiles).setdefault(user.user_id, profiles.get(user.user_id))",
        caught_by="tests/usecases/test_provision_existing.py::test_profile_is_read_each_time",
    ),
    Mutant(
        "marker left beside a link",
        EXISTING,
        "link = link_metadata(outcome.customer_id)",
        'link: dict[str, str | None] = {"stripe_customer_id": outcome.customer_id}',
        caught_by="tests/usecases/test_provision_existing.py::test_created",
    ),
    Mutant(
        "marker left beside a linked account's customer",
        SHOP,
        "link = link_metadata(followed.customer_id)",
        'link = {"stripe_customer_id": followed.customer_id}',
        caught_by="tests/functions/test_shop_api.py::TestLinking::test_marker_goes",
    ),
    Mutant(
        "outage told to the shop as a success",
        SHOP,
        "Reason.PROVISIONING_FAILED: HTTPStatus.SERVICE_UNAVAILABLE",
        "Reason.PROVISIONING_FAILED: HTTPStatus.OK",
        caught_by="tests/functions/test_shop_api.py::TestCheckout::test_outage_is_no_success",
    ),
    Mutant(
        "refused at the checkout",
        SHOP,
        "return shop.application.settling(signup, secret, runs[0])",
        "return shop.application.settling(signup, secret, runs[0], is_admission=True)",
        caught_by="tests/functions/test_shop_api.py::TestCheckout::test_nobody_is_refused",
    ),
    Mutant(
        "repair makes customers that nobody waits for",
        SETTLE,
        "            return lease.was_sent or lease.admitted\n",
        "            return True\n",
        caught_by="tests/usecases/test_own_registration.py::TestOwnRegistration::test_nothing_had_begun",
    ),
    Mutant(
        "repair leaves a record open",
        FINISH,
        "closed = settling(SignUp(user, logins_count=0)).close(is_gone=outcome == GONE)",
        "closed = outcome",
        caught_by="tests/usecases/test_finish_sign_up.py::test_denied_before_anything_is_opened",
    ),
    Mutant(
        "repair does not tell the ledger of a true link",
        FINISH,
        "        settling(SignUp(user, logins_count=0)).record(outcome.customer_id)\n",
        "        pass\n",
        caught_by="tests/usecases/test_finish_sign_up.py::test_link_that_is_true_already",
    ),
    Mutant(
        "address changed without the lock",
        ADDRESS,
        "        if not lock.is_mine:\n            return _RUNNING\n",
        "",
        caught_by="tests/usecases/test_change_address.py::test_somebody_signs_up_with_it",
    ),
    Mutant(
        "address changed without a look-up",
        ADDRESS,
        "            others = [each for each in listed.result if each.id != self.customer_id]\n",
        "            others = []\n",
    ),
    Mutant(
        "address unlocked once it is changed",
        ADDRESS,
        "        written = customers.set_email(self.customer_id, self.email)\n",
        "        written = customers.set_email(self.customer_id, self.email)\n"
        "        ledger.unlock_email(lease, self.email)\n",
        caught_by="tests/usecases/test_change_address.py::test_order",
    ),
    Mutant(
        "address of somebody else's customer changed",
        ADDRESS,
        "if found.result is None or not found.result.belongs_to(lease.user):",
        "if found.result is None:",
        caught_by="tests/usecases/test_change_address.py::test_customer_that_changes_meanwhile",
    ),
]

TIME = [
    Mutant(
        "budget not kept",
        RUN,
        "SIGN_UP_SECONDS = 5.0",
        "SIGN_UP_SECONDS = 12.0",
    ),
    Mutant(
        "budget by one clock",
        RUN,
        "return min(self._end - self.clock.monotonic(), self._wall_end - self.clock.time())",
        "return self._end - self.clock.monotonic()",
        caught_by="tests/ports/test_run.py::TestBudget::test_of_a_machine_that_slept",
    ),
    Mutant(
        "reserve of less than two calls",
        RUN,
        "LEDGER_RESERVE_SECONDS = 1.8",
        "LEDGER_RESERVE_SECONDS = 1.0",
        caught_by="tests/adapters/dynamodb/test_ledger.py::test_reserve_holds_two_calls",
    ),
    Mutant(
        "time begun anew with each piece of an answer",
        CONNECTIONS,
        "self._stream.read_into(buffer, seconds_left(self._end))",
        "self._stream.read_into(buffer, 2.0)",
        caught_by="tests/adapters/test_connections.py::TestTime::test_each_call_gets_what_is_left",
    ),
    Mutant(
        "connection kept that is out of step",
        CONNECTIONS,
        "return not self._is_last and not self._reader.peek(1)",
        "return not self._is_last",
        caught_by="tests/adapters/test_connections.py::TestKept::test_not_when_more_came_than_was_promised",
    ),
]

MUTANTS = [*RECORD, *CREATE, *LOCK, *LOOK_UP, *ADOPTION, *LOGIN, *BESIDE, *TIME]

SEEN = {
    "epoch condition dropped": 242,
    "record deleted on error": 628,
    "refused without the person": 22,
    "admission noted for what runs without the person": 22,
    "every record is known": 112,
    "lost link not replayed": 1,
    "random idempotency key": 779,
    "create not frozen": 628,
    "frozen create overwritten by every invocation": 1091,
    "create forgotten although it was sent": 628,
    "sending not noted": 628,
    "frozen create sent with an address of the past": 11,
    "address created as given": 1,
    "unknown outcome taken for a spent key": 112,
    "attempt not raised after a spent key": 11,
    "next attempt without a look-up": 435,
    "email lock not taken": 4,
    "email lock shorter than a create": 26,
    "email lock of one letter case": 32,
    "email lock given back after a link": 28,
    "ownership not checked": 0,
    "profile's link believed": 4,
    "profile's false link taken for none": 698,
    "looked up as given only": 3,
    "earlier addresses forgotten": 628,
    "customer linked that only a list shows": 101,
    "somebody's customer adopted": 13,
    "claim that nobody hands over": 21,
    "marker not set on denial": 5,
    "ledger not asked who is new": 434,
    "denied user let in after a lost lease": 101,
    "denied user let in who waits for another invocation": 58,
    "linking takes anybody's customer": 88,
    "address changed without a look-up": 0,
}
"""Seeds that caught a mutant before: played first."""
