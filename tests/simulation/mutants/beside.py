"""The ways in beside the login: linking, checkout, backfill, repair, changed addresses."""

from tests.simulation.mutants.mutant import ADDRESS, EXISTING, FINISH, LINK, SETTLE, SHOP, Mutant

BESIDE = [
    Mutant(
        "linking takes anybody's customer",
        LINK,
        "return [each for each in found if each.belongs_to(self.secondary.user)]",
        "return found",
    ),
    Mutant(
        "linking forgets what the second profile leads to",
        LINK,
        "            if self.secondary.customer_id is not None:\n",
        "            if False:\n",
        caught_by="tests/functions/test_shop_api.py::TestLinking::"
        "test_link_of_an_import_whose_answer_was_lost",
    ),
    Mutant(
        "linking looks up as given only",
        LINK,
        "for address in spellings(*(each.email for each in accounts)):",
        "for address in sorted({each.email for each in accounts if each.email}):",
        caught_by="tests/usecases/test_link_accounts.py::test_letter_case",
    ),
    Mutant(
        "linking supersedes what was another's by then",
        LINK,
        "now = [_result(self.customers.retrieve(each)) for each in ids]\n"
        "        return self._leaving([each for each in now if each])",
        "now = [_result(self.customers.retrieve(each)) for each in ids]\n"
        "        return [each for each in now if each]",
        caught_by="tests/usecases/test_meanwhile.py::test_customer_that_is_to_be_superseded",
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
        "                    _result(self.customers.supersede(each.id, staying))\n",
        "                    pass\n",
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
        "ticket of another browser's log-in",
        "functions/linking_proofs.py",
        'ticket.is_of(self.given["link_state"])',
        "True",
        caught_by="tests/functions/test_shop_api.py::TestTickets::test_of_another_browser",
    ),
    Mutant(
        "ticket of a log-in that Auth0 knows nothing of",
        "functions/linking_proofs.py",
        "self.ticket.is_borne_out_by(secondary.last_login)",
        "True",
        caught_by="tests/functions/test_shop_api.py::TestTickets"
        "::test_of_a_log_in_that_auth0_knows_nothing_of",
    ),
    Mutant(
        "log-in judged by a token that a session renews",
        "adapters/auth0/id_tokens.py",
        '_is_fresh(claims["auth_time"])',
        '_is_fresh(claims["iat"])',
        caught_by="tests/adapters/auth0/test_id_tokens.py::test_age",
    ),
    Mutant(
        "outage told to the shop as a success",
        "functions/shop_answers.py",
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
        "            others: list[Customer] = []\n",
    ),
    Mutant(
        "address unlocked once it is changed",
        ADDRESS,
        "if lock.is_new and isinstance(written, NOTHING_CHANGED):",
        "if lock.is_new:",
        caught_by="tests/usecases/test_change_address.py::test_order",
    ),
    Mutant(
        "address that was not changed left locked",
        ADDRESS,
        "if lock.is_new and isinstance(written, NOTHING_CHANGED):",
        "if lock.is_new and why:",
        caught_by="tests/usecases/test_change_address.py::test_update_that_failed",
    ),
    Mutant(
        "address that Stripe does not take tried for ever",
        ADDRESS,
        "        if is_refused(written):\n",
        "        if False:\n",
        caught_by="tests/usecases/test_sync.py::TestAddress::test_that_stripe_does_not_take",
    ),
    Mutant(
        "address of somebody else's customer changed",
        ADDRESS,
        "return None if found.belongs_to(lease.user) else _NOT_NAMED",
        "return None",
        caught_by="tests/usecases/test_change_address.py::test_customer_that_changes_meanwhile",
    ),
    Mutant(
        "lower case written over another address",
        ADDRESS,
        'return None if found.email == self.email else "the customer has another address by now"',
        "return None",
        caught_by="tests/usecases/test_change_address.py::TestLowerCase::test_changes_meanwhile",
    ),
]
