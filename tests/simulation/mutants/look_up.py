"""The look-ups: whose customer is found, and under which addresses."""

from tests.simulation.mutants.mutant import CHECK, CUSTOMER, FIND, STRIPE, Mutant

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
        "    if customer.belongs_to(signup.user):\n        return Settled(customer.id,",
        "    if True:\n        return Settled(customer.id,",
    ),
    Mutant(
        "profile's false link taken for none",
        CHECK,
        "        return Candidate(customer)\n    return Unsettled(Reason.LINK_MISMATCH)",
        "        return Candidate(customer)\n    return None",
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
        "current = set(spellings(opened.email))",
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
        caught_by="tests/usecases/test_find_customer.py::TestOwnCustomer::test_own_customer_is_retrieved_before_it_is_linked",
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
        "    for each in known:\n",
        "    for each in ():\n",
        caught_by="tests/usecases/test_find_customer.py::TestKnownCustomer::test_customer_that_the_caller_knows_of",
    ),
    Mutant(
        "page without customers taken for none",
        STRIPE,
        '    if not isinstance(getattr(page, "data", None), list):\n'
        "        raise _OddAnswerError\n",
        '    if not isinstance(getattr(page, "data", None), list):\n        return []\n',
        caught_by="tests/adapters/stripe/test_odd_answers.py::TestOddAnswers::test_no_list",
    ),
    Mutant(
        "odd answers believed",
        STRIPE,
        "    if not is_one or (customer_id is not None and _id(answer) != customer_id):\n",
        "    if False:\n",
        caught_by="tests/adapters/stripe/test_odd_answers.py::TestOddAnswers::test_no_customer",
    ),
]
