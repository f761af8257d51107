"""Single edits of the real code, each of which breaks something that docs/ promises."""

from tests.simulation.mutants.acts import ACTS
from tests.simulation.mutants.adoption import ADOPTION
from tests.simulation.mutants.beside import BESIDE
from tests.simulation.mutants.budget import TIME
from tests.simulation.mutants.create import CREATE
from tests.simulation.mutants.doors import DOORS
from tests.simulation.mutants.email_lock import LOCK
from tests.simulation.mutants.enrolment import ENROLLED
from tests.simulation.mutants.events import FOLLOWED
from tests.simulation.mutants.login import LOGIN
from tests.simulation.mutants.look_up import LOOK_UP
from tests.simulation.mutants.mutant import Mutant
from tests.simulation.mutants.parting import PARTING
from tests.simulation.mutants.record import RECORD
from tests.simulation.mutants.seen import SEEN
from tests.simulation.mutants.sync import SYNCED

__all__ = ["MUTANTS", "SEEN", "Mutant"]

_OF_SIGN_UPS = [*RECORD, *CREATE, *LOCK, *LOOK_UP, *ADOPTION, *DOORS, *LOGIN]
MUTANTS = [*_OF_SIGN_UPS, *BESIDE, *TIME, *ACTS, *SYNCED, *PARTING, *FOLLOWED, *ENROLLED]
