"""Time: the budget of an invocation, and the connections that keep to it."""

from tests.simulation.mutants.mutant import CONNECTIONS, MESSAGES, RUN, Mutant

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
        "return min(self._end - self._clock.monotonic(), self._wall_end - self._clock.time())",
        "return self._end - self._clock.monotonic()",
        caught_by="tests/ports/test_deadline.py::test_of_a_machine_that_slept",
    ),
    Mutant(
        "reserve of less than two calls",
        RUN,
        "LEDGER_RESERVE_SECONDS = 1.8",
        "LEDGER_RESERVE_SECONDS = 1.0",
        caught_by="tests/adapters/dynamodb/test_table.py::test_reserve_holds_two_calls",
    ),
    Mutant(
        "time begun anew with each piece of an answer",
        CONNECTIONS,
        "stream.read_into(buffer, seconds_left(end))",
        "stream.read_into(buffer, 2.0)",
        caught_by="tests/adapters/test_connections.py::TestTime::test_each_call_gets_what_is_left",
    ),
    Mutant(
        "connection kept that is out of step",
        MESSAGES,
        "found.is_kept = False",
        "pass",
        caught_by="tests/adapters/test_connections.py::TestKept::test_not_when_more_came_than_was_promised",
    ),
]
