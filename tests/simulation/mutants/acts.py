"""Support's acts: what has to be proved, and in which order it is done."""

from tests.simulation.mutants.mutant import ADOPT, FIND, LEDGER, OPEN, SETTLE, Mutant

REASSIGN, RELEASE = "usecases/reassign.py", "usecases/release_address.py"
DELETION = "usecases/delete_customer.py"
WHOSE = "usecases/whose_customer.py"
MODEL = "model/usage.py"
COMES_BACK = "tests/usecases/test_comes_back.py::"
OF_REASSIGN, OF_RELEASE = (
    f"tests/usecases/test_{each}.py::" for each in ("reassign", "release_address")
)

ACTS = [
    Mutant(
        "linked account taken for gone",
        WHOSE,
        "return found or identities.primary_of(named)",
        "return found",
        caught_by=f"{OF_REASSIGN}test_unmet",
    ),
    Mutant(
        "reassigned to whoever typed the address",
        REASSIGN,
        'return None if profile.email_verified else "the user has not verified the address"',
        "return None",
        caught_by=f"{OF_REASSIGN}test_unmet",
    ),
    Mutant(
        "reassigned while an update of the former's may be under way",
        REASSIGN,
        "is_coming = not standing.is_settled or view.is_reconciled(user)",
        "is_coming = view.is_reconciled(user)",
        caught_by=f"{OF_REASSIGN}test_former_login_of_a_moment_ago",
    ),
    Mutant(
        "reassigned while a write of the former's sync may be under way",
        REASSIGN,
        "is_coming = not standing.is_settled or view.is_reconciled(user)",
        "is_coming = not standing.is_settled",
        caught_by=f"{OF_REASSIGN}test_former_look_of_a_moment_ago",
    ),
    Mutant(
        "adoption finished in the place of who has come back",
        LEDGER,
        '":gone_since": n(adoption.gone_since)',
        '":gone_since": n(9e9)',
        caught_by=f"{OF_REASSIGN}test_former_user_comes_back",
    ),
    Mutant(
        "who was gone links without a look at the claim",
        OPEN,
        "if self.lease.was_gone and not self.ledger.reclaim(self.user, customer_id):",
        "if False:",
        caught_by=f"{OF_REASSIGN}test_former_user_comes_back",
    ),
    Mutant(
        "who was gone takes the claim while the heir's update may be on its way",
        LEDGER,
        "return self._claimed(user, customer_id, _CLAIM_SETTLED, self._settled())",
        'return self._claimed(user, customer_id, _CLAIM_SETTLED, {":settled": n(9e9)})',
        caught_by=f"{OF_REASSIGN}test_former_user_comes_back_at_once",
    ),
    Mutant(
        "recorded link of who is gone replayed when they come back",
        REASSIGN,
        "            refusal = self._link_ended(gone)\n",
        "            refusal = None\n",
        caught_by=f"{OF_REASSIGN}test_former_user_comes_back",
    ),
    Mutant(
        "reassigned though the former came back while it ran",
        REASSIGN,
        "ended = self._ended(plan) or self._back(plan)",
        "ended = self._ended(plan)",
        caught_by=f"{COMES_BACK}test_while_the_command_runs",
    ),
    Mutant(
        "claim replaced of somebody who has come back",
        REASSIGN,
        "Adoption(plan.customer_id, plan.claimant, gone_since=gone_since)",
        "Adoption(plan.customer_id, plan.claimant)",
        caught_by=f"{COMES_BACK}test_claimant",
    ),
    Mutant(
        "close that came too late taken for one",
        OPEN,
        "return Settled(None, Reason.NOT_NEW) if closed else self.ended(Reason.IN_PROGRESS)",
        "return Settled(None, Reason.NOT_NEW)",
        caught_by="tests/usecases/test_settle.py::TestClose::test_lease_was_taken_over",
    ),
    Mutant(
        "end of a link that came too late taken for one",
        REASSIGN,
        "if not ledger.close(replace(opened, had=had or opened.had), is_gone=True):",
        "if ledger.close(replace(opened, had=had or opened.had), is_gone=True) is None:",
        caught_by=f"{COMES_BACK}test_command_that_stalls_at_the_end_of_the_link",
    ),
    Mutant(
        "what a user who is gone had is forgotten",
        LEDGER,
        "            if lease.had:\n",
        "            if False:\n",
        caught_by=f"{COMES_BACK}test_with_another_address",
    ),
    Mutant(
        "what a user who was gone had is not looked at",
        FIND,
        "known = (*had, *known)",
        "known = (*known,)",
        caught_by=f"{COMES_BACK}test_with_another_address",
    ),
    Mutant(
        "create of a user who is gone forgotten without a look",
        SETTLE,
        "stopped = begun or (note_own_customer(opened) if is_gone else None)",
        "stopped = begun",
        caught_by=f"{COMES_BACK}test_after_a_create_whose_answer_was_lost",
    ),
    Mutant(
        "claim of before keeps out for ever whom the customer is handed over to",
        LEDGER,
        'unless = f"{_REPLACED_HOLDER} OR {_CLAIM_SETTLED}"',
        "unless = _REPLACED_HOLDER",
        caught_by="tests/usecases/test_interleavings.py::TestNoDeadEnd::test_claim_of_before_a_persons_edit",
    ),
    Mutant(
        "adoption finished for a user who is gone",
        SETTLE,
        "finish_begun_adoption(opened, is_gone=is_gone)",
        "finish_begun_adoption(opened)",
        caught_by="tests/usecases/test_interleavings.py::TestNoDeadEnd::test_registered_again_after_the_account_was_deleted",
    ),
    Mutant(
        "adoption finished though it is no longer known that somebody was gone",
        ADOPT,
        "is_let_go = is_gone or lease.adopting.is_over(opened.run.clock.time())",
        "is_let_go = is_gone",
        caught_by=f"{COMES_BACK}test_after_a_month",
    ),
    Mutant(
        "record of who is gone ended only where it links the customer",
        REASSIGN,
        "            if ended.customer_id is None:\n",
        "            if ended.customer_id != plan.customer_id:\n",
        caught_by=f"{COMES_BACK}test_with_another_recorded_customer",
    ),
    Mutant(
        "registrant taken for a customer's stand-in",
        "model/user.py",
        "is_a_stand_in = customer_id != name and is_customer_id(customer_id)",
        "is_a_stand_in = is_customer_id(customer_id)",
        caught_by="tests/model/test_user.py::test_nobody_else_stands_in",
    ),
    Mutant(
        "deleted when the record may be another's",
        DELETION,
        "if clock.time() - began > BEFORE_DELETION_SECONDS:",
        "if clock.time() < began:",
        caught_by=f"{OF_RELEASE}TestMeanwhile::test_services_that_take_their_time",
    ),
    Mutant(
        "record given back while a deletion may be on its way",
        RELEASE,
        "if why is not Deletion.UNKNOWN:",
        "if True:",
        caught_by=f"{OF_RELEASE}test_deletion_without_an_answer",
    ),
    Mutant(
        "deleted although another profile has its id",
        RELEASE,
        "if kept is None and other:",
        "if kept and other:",
        caught_by=f"{OF_RELEASE}test_kept",
    ),
    Mutant(
        "deleted before the login's Action has written the id",
        RELEASE,
        "if not self.invocations.view().standing(user).is_told:",
        "if not self.invocations.view().standing(user).is_settled:",
        caught_by=f"{OF_RELEASE}TestMeanwhile::test_login_of_a_moment_ago",
    ),
    Mutant(
        "deleted although a sign-up has not ended",
        RELEASE,
        "if opened.adopting or opened.has_create_under_way(self.clock.time()):",
        "if opened.adopting:",
        caught_by=f"{OF_RELEASE}TestMeanwhile::test_sign_up_that_has_not_ended",
    ),
    Mutant(
        "deleted on the word of an earlier look",
        RELEASE,
        "        if holder.kept is not None:\n            return holder.kept\n        if holder",
        "        if holder",
        caught_by=f"{OF_RELEASE}test_kept",
    ),
    Mutant(
        "what may not be read taken for none",
        MODEL,
        "if self.hidden else None",
        "if not self else None",
        caught_by=f"{OF_RELEASE}test_used_or_not_to_be_seen",
    ),
]
