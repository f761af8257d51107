"""What goes wrong: drawn by seed, counted by kind, and left out one by one to shorten a history."""

from collections import Counter
from collections.abc import Callable
from random import Random

INVOCATION = {"crash": 3, "freeze": 2}
STRIPE = {
    "refused connection": 1,
    "time-out before the effect": 1,
    "time-out after the effect": 2,
    "effect long after the time-out": 5,
    "long in flight": 4,
    "dropped before the effect": 1,
    "dropped after the effect": 2,
    "429": 1,
    "500 saved, no effect": 2,
    "500 saved, with effect": 2,
    "503": 1,
    "slow": 3,
}
DYNAMODB = {
    "throttled": 2,
    "answer lost before the write": 1,
    "answer lost after the write": 2,
    "write long after the time-out": 1,
    "one item throttled": 1,
}
NETWORK = {"request lost": 1, "answer lost": 1, "delivered twice": 2}
AUTH0 = {"metadata lost": 1}
MANAGEMENT = {"unavailable": 2, "answer lost after the effect": 1}
SECRETS = {"key rotated": 1, "secret unavailable": 1}


class Faults:
    """A history's faults: at most `most`, each opportunity taken with probability `rate`.

    Troubles come in bursts: the same one happens again at the service's next calls.
    """

    def __init__(
        self,
        rng: Random,
        rate: float,
        most: int,
        burst: float,
        skipped: frozenset[int],
    ) -> None:
        """`skipped` are the numbers of faults that are drawn but do not happen."""
        self._rng = rng
        self._burst = burst
        self._latest: dict[int, str] = {}
        self._rate = rate
        self._skipped = skipped
        self.on = True
        self._left = most
        self.drawn = 0
        self.counts: Counter[str] = Counter()
        self._beside: tuple[Callable[[], bool], Faults] | None = None

    def beside(self, is_meant: Callable[[], bool], rate: float, most: int, burst: float) -> None:
        """Let some opportunities have faults of their own, so that others use up none of theirs."""
        self._beside = is_meant, Faults(self._rng, rate, most, burst, self._skipped)

    def draw(self, kinds: dict[str, int], share: float = 1.0) -> str | None:
        """Return the fault that happens at this opportunity, if any."""
        if not self.on:
            return None
        if self._beside is not None and self._beside[0]():
            return self._counted(self._beside[1]._drawn(kinds, share))
        return self._counted(self._drawn(kinds, share))

    def _counted(self, kind: str | None) -> str | None:
        """Count a fault, or leave it out if that is wanted."""
        if kind is None:
            return None
        self.drawn += 1
        if self.drawn - 1 in self._skipped:
            return None
        self.counts[kind] += 1
        return kind

    def _drawn(self, kinds: dict[str, int], share: float) -> str | None:
        if not self._left:
            return None
        kind = self._latest.pop(id(kinds), None)
        if kind is None or self._rng.random() >= self._burst:
            if self._rng.random() >= self._rate * share:
                return None
            kind = self._rng.choices(list(kinds), list(kinds.values()))[0]
        self._latest[id(kinds)] = kind
        self._left -= 1
        return kind
