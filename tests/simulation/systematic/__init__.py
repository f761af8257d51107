"""The systematic search: every schedule of a few invocations, within bounds, beside the random one.

Stateless and depth-first, as in Godefroid, "Model checking for programming languages using
VeriSoft" (POPL 1997): a run is replayed along a path of choices, and goes on with the first option
of each further one; the next path is the last one, incremented from its end. What is deterministic
by default deviates a bounded number of times, as in Emmi, Qadeer and Rakamarić, "Delay-bounded
scheduling" (POPL 2011): an invocation is put off, crashes, or meets a fault; or what is on its way
arrives.

    python -m tests.simulation.systematic [--deep] [SCENARIO …]
"""
