"""Users who are gone: each guard of what becomes of their customers taken out."""

from tests.simulation.mutants.mutant import DECISION, RECONCILIATION, Mutant

GONE, PART, DUE = "usecases/deleted_user.py", "model/deleted_user.py", "model/deletions.py"
FORGET, PERSON = "usecases/forget.py", "usecases/person.py"
COUNT, ERASING = "adapters/dynamodb/deletions.py", "adapters/dynamodb/erasing_ledger.py"
SYNCED_STRIPE = "adapters/stripe/synced_customers.py"

_TESTS = "tests/usecases/test_deleted_user.py"
_TABLE = "tests/model/test_deleted_user.py::test_decision"
_COUNTED = "tests/adapters/dynamodb/test_deletions.py"
_FORGOTTEN = "tests/usecases/test_forget.py"

PARTING = [
    Mutant(
        "a deleted user's customer goes at once",
        GONE,
        "        if now < until:\n",
        "        if now < since:\n",
        caught_by=f"{_TESTS}::TestWhen::test_after_the_grace",
    ),
    Mutant(
        "a customer is let go of that another user's profile has",
        PART,
        "    if seen.is_anothers:\n",
        "    if False:\n",
        caught_by=f"{_TESTS}::test_whose_profile_has_the_customer",
    ),
    Mutant(
        "a deleted user who is back is let go of",
        PART,
        "    if seen.is_there:\n",
        "    if False:\n",
        caught_by=_TABLE,
    ),
    Mutant(
        "a deletion by the time of an earlier one",
        RECONCILIATION,
        "left if found.is_gone else left.of_one_who_is_there()",
        "left",
        caught_by=f"{_TESTS}::TestWhen::test_back_in_time",
    ),
    Mutant(
        "a linked account's customer is let go of",
        PART,
        "    if seen.is_linked:\n",
        "    if False:\n",
        caught_by=f"{_TESTS}::TestGuards::test_linked_into_another_account",
    ),
    Mutant(
        "a user who is gone and whose customer a wrong key cannot see is forgotten",
        DECISION,
        "if policy is not DeletedUsers.KEEP and not is_known:",
        "if False:",
        caught_by=f"{_TESTS}::TestGuards::test_held",
    ),
    Mutant(
        "a deletion of what a wrong key cannot see is done",
        PART,
        "is_over = seen.customer in (None, Absence.DELETED)",
        "is_over = True",
        caught_by=_TABLE,
    ),
    Mutant(
        "a deletion of another one's customer",
        PART,
        "or not live.customer.belongs_to(seen.user):",
        "or live.customer is None:",
        caught_by=_TABLE,
    ),
    Mutant(
        "a deletion of a customer that the shop made",
        PART,
        "return is_adopted or not live.is_ours(seen.user.tenant)",
        "return is_adopted",
        caught_by=f"{_TESTS}::TestGuards::test_the_shops_own",
    ),
    Mutant(
        "a deletion of a customer that was adopted",
        PART,
        "is_adopted = seen.is_claimed and live.customer.registration_id is None",
        "is_adopted = False",
        caught_by=f"{_TESTS}::TestGuards::test_the_shops_own",
    ),
    Mutant(
        "a deletion beside a balance",
        PART,
        "    if live.has_balance:\n",
        "    if False:\n",
        caught_by=f"{_TESTS}::TestGuards::test_held",
    ),
    Mutant(
        "a deletion beside a subscription that the key may not see",
        PART,
        "if seen.subscriptions is not Subscriptions.NONE:",
        "if seen.subscriptions is Subscriptions.LIVE:",
        caught_by=f"{_TESTS}::TestGuards::test_held",
    ),
    Mutant(
        "a deletion by what was seen before the record was opened",
        GONE,
        "is_as_it_was = found is not None and part(found[0], policy.deleted_users)[0] is act",
        "is_as_it_was = found is not None",
        caught_by=f"{_TESTS}::TestMeanwhile::test_after_the_first_look",
    ),
    Mutant(
        "a deletion beside a create that may be under way",
        GONE,
        "if lease.adopting or lease.has_create_under_way(began):",
        "if lease.adopting:",
        caught_by=f"{_TESTS}::TestMeanwhile::test_sign_up_that_may_be_under_way",
    ),
    Mutant(
        "a deletion under a lease that a late one outlasts",
        ERASING,
        "super().__init__(client, table, run, lease_seconds=SYNC_LEASE_SECONDS)",
        "super().__init__(client, table, run)",
        caught_by=f"{_TESTS}::TestTrouble::test_lost_answer",
    ),
    Mutant(
        "the record is given back while a deletion may be on its way",
        GONE,
        "if isinstance(sent, Unknown):",
        "if sent is self:",
        caught_by=f"{_TESTS}::TestTrouble::test_lost_answer",
    ),
    Mutant(
        "a customer that is to go is found no more by who is back with another address",
        GONE,
        "reserve(ledger, gone.user, NewCustomer.of(signup, email) if email else None)",
        "reserve(ledger, gone.user, NewCustomer.of(signup, email) if signup is None else None)",
        caught_by=f"{_TESTS}::TestTrouble::test_dies_and_the_user_is_back",
    ),
    Mutant(
        "a claim outlives what it was on",
        GONE,
        "        ledger.disclaim(gone.user, gone.customer_id)\n",
        "",
        caught_by=f"{_TESTS}::TestComesBackAsSomebodyElse::test_after_an_adopted_one_is_unlinked",
    ),
    Mutant(
        "a day that is too full begins",
        GONE,
        "if deletions.due_on(day).is_held(self.policy.deletions_per_day):",
        "if False:",
        caught_by=f"{_TESTS}::TestHowMany::test_too_many",
    ),
    Mutant(
        "a deletion begins though more came due since",
        COUNT,
        'f"due_{day} <= :a_day AND "',
        'f"attribute_not_exists(nobody) AND "',
        caught_by=f"{_COUNTED}::test_day_that_is_too_full",
    ),
    Mutant(
        "one deletion too many in a day",
        COUNT,
        "OR begun_{today} < :a_day)",
        "OR begun_{today} <= :a_day)",
        caught_by=f"{_COUNTED}::test_no_race_lets_one_too_many_through",
    ),
    Mutant(
        "a deletion is counted as often as it is told",
        GONE,
        "        if until != memory.gone_until:\n",
        "        if until:\n",
        caught_by=f"{_TESTS}::TestHowMany::test_one_who_is_told_twice",
    ),
    Mutant(
        "more are approved than somebody has seen",
        DUE,
        "return self.due > max(a_day, self.approved)",
        "return self.due > a_day and not self.approved",
        caught_by=f"{_COUNTED}::test_held",
    ),
    Mutant(
        "forget while Auth0 has the user",
        PERSON,
        "if profile is not None and not self.deletes_user:",
        "if False:",
        caught_by=f"{_FORGOTTEN}::test_refused",
    ),
    Mutant(
        "forget a part of somebody's account",
        PERSON,
        "        if primary is not None:\n",
        "        if False:\n",
        caught_by=f"{_FORGOTTEN}::test_refused",
    ),
    Mutant(
        "forget by a wrong key",
        PERSON,
        "if traces.is_one_missing and not self.unknown_is_gone:",
        "if False:",
        caught_by=f"{_FORGOTTEN}::test_refused",
    ),
    Mutant(
        "forget beside subscriptions that the key may not see",
        PERSON,
        "        if Subscriptions.HIDDEN in states:\n",
        "        if False:\n",
        caught_by=f"{_FORGOTTEN}::test_refused",
    ),
    Mutant(
        "forget by what was seen before the record was opened",
        FORGET,
        "refusal = next(whole.why_not_let_go(found, traces), None)",
        "refusal = None",
        caught_by=f"{_FORGOTTEN}::test_subscription_that_begins_meanwhile",
    ),
    Mutant(
        "forget while a create may be under way",
        FORGET,
        "if not is_update_under_way and not lease.has_create_under_way(now):",
        "if not is_update_under_way:",
        caught_by=f"{_FORGOTTEN}::test_create_that_is_under_way",
    ),
    Mutant(
        "forget looks addresses up as they are given only",
        PERSON,
        "for address in spellings(*sorted(traces.emails)):",
        "for address in sorted(traces.emails):",
        caught_by=f"{_FORGOTTEN}::test_address_that_only_a_person_knows",
    ),
    Mutant(
        "forget deletes what is another one's by now",
        FORGET,
        "is_deleted = customer.is_theirs and not self.whole.keeps_customers",
        "is_deleted = not self.whole.keeps_customers",
        caught_by=f"{_FORGOTTEN}::test_customer_that_was_hers",
    ),
    Mutant(
        "forget takes another one's claim",
        ERASING,
        '_THEIRS = "holder = :holder"',
        '_THEIRS = "attribute_not_exists(nobody)"',
        caught_by=f"{_FORGOTTEN}::test_claim_of_another",
    ),
    Mutant(
        "forget leaves whose it was",
        FORGET,
        "customers.unlink(customer.id, None)",
        "customers.unlink(customer.id, self.who.user_id)",
        caught_by=f"{_FORGOTTEN}::test_customers_that_stay",
    ),
    Mutant(
        "forget leaves the registrations' records",
        FORGET,
        "if refusal is None and not self._registrations_forgotten(ledger, traces):",
        "if False:",
        caught_by=f"{_FORGOTTEN}::test_forgotten",
    ),
]
