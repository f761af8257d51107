"""One user and their customer made to agree again, whatever has become of either since.

Both sides are read, a pure function decides (`model.sync`), and at most one write goes to each
side. What leads to a link goes the one way in: the record is settled before anything is written.
Nothing of it is called at a sign-up.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace

from customerlink.model.customer_values import EMAIL, Told
from customerlink.model.errors import LedgerUnavailableError, NoTurnError
from customerlink.model.rates import A_LOOK, A_WRITE, AN_ADDRESS, Endpoint
from customerlink.model.sync import Decision, SyncAct
from customerlink.model.sync_memory import AGAIN_SECONDS
from customerlink.model.user import User
from customerlink.ports.sync_ledger import SyncLedger
from customerlink.usecases.look import NOTHING_TOLD, Look, UnansweredError
from customerlink.usecases.reconciliation import PASSIVE, Reconciliation
from customerlink.usecases.synced import BUSY, NO_ANSWER, NO_LEDGER, NO_TURN, Synced, SyncOutcome


@dataclass(frozen=True)
class Sync(Look):
    """Reconciles one user at a time, by the rules of a deployment."""

    def reconcile(self, user: User, told: Told = NOTHING_TOLD) -> Synced:
        """Carry out what is to be done, while nobody else does.

        What is held is due again by itself; of what may be mended by another try, who asked for it
        asks again, or parks the user.
        """
        try:
            # What is read before a wait may be stale after it.
            with self.invocations.ahead(A_LOOK):
                return self._reconciled(user, told, self.invocations.sync_ledger())
        except LedgerUnavailableError as error:
            return Synced(SyncOutcome.AGAIN, why=NO_LEDGER, failure=error.failure)
        except NoTurnError:
            return Synced(SyncOutcome.AGAIN, why=NO_TURN)

    def park(self, user: User, told: Told = NOTHING_TOLD, seconds: float = AGAIN_SECONDS) -> None:
        """Let the ledger remember that a user is to be looked at, and what events said.

        Raise `LedgerUnavailableError` if it did not take it.
        """
        due_at = self.clock.time() + seconds
        self.invocations.sync_ledger().park(user, due_at, self.rules.digests.hints(told))

    def _reconciled(self, user: User, told: Told, ledger: SyncLedger) -> Synced:
        lease = ledger.take(user)
        if lease is None:
            return Synced(SyncOutcome.AGAIN, why=BUSY)
        lease = replace(lease, memory=lease.memory.hinted(self.rules.digests.hints(told)))
        with ExitStack() as acting:
            try:
                customers = self.invocations.synced_customers()
                decision = self.decision(user, lease.memory, customers, told)
                # Before a record is leased or an address locked: a log-in does not wait as long.
                acting.enter_context(self.invocations.ahead(_turns(decision)))
            except Exception as error:
                # Nothing was written, so nobody has to wait for it.
                ledger.give_back(lease, lease.memory.put_off(self.clock.time()))
                if isinstance(error, UnansweredError):
                    return Synced(SyncOutcome.AGAIN, why=NO_ANSWER, failure=error.failure)
                raise
            return Reconciliation(self, ledger, lease, told, decision).carry_out()


def _turns(decision: Decision) -> tuple[Endpoint, ...]:
    """Return the turns that acting on it takes, but for what few acts ask beyond them."""
    if EMAIL in decision.writes:
        return AN_ADDRESS
    is_quiet = decision.act is SyncAct.COMPARE and not decision.writes
    return () if is_quiet or decision.act in PASSIVE else A_WRITE
