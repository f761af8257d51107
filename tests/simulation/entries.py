"""Every other way in: what settles records without a login, over the real use cases."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.simulation.acts import SimulatedDirectory, SimulatedInvocations
from tests.simulation.auth0 import TENANT, Auth0, ManagementError, SimulatedProfiles, User
from tests.simulation.outside import EPOCH, SimulatedCustomers, SimulatedDynamoDb
from tests.simulation.scheduler import Task

from customerlink.adapters.dynamodb.ledger import DynamoDbLedger
from customerlink.model.errors import LedgerUnavailableError
from customerlink.model.instruction import Reason
from customerlink.model.profile import Profile, unfinished
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, Tenant, UserId
from customerlink.model.user import User as Named
from customerlink.ports.customers import Done
from customerlink.ports.deadline import SIGN_UP_SECONDS
from customerlink.ports.run import Run
from customerlink.usecases.change_address import AddressChange
from customerlink.usecases.finish_sign_up import finish
from customerlink.usecases.link_accounts import Account, Followed, Linking
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.provision_existing import provision_existing
from customerlink.usecases.reassign import Reassignment
from customerlink.usecases.settle import Creates, Settling
from customerlink.wiring.operator import PROVISION_SECONDS

REPAIR_AFTER_SECONDS = 120.0


class Entries:
    """The invocations that nobody logs in for."""

    def __init__(self, auth0: Auth0) -> None:
        """Work on the tenant, and on the world that it is in."""
        self.auth0, self.world = auth0, auth0.world
        self.profiles = SimulatedProfiles(auth0)
        self.on_settled: Callable[[str, User, Settled | Unsettled], None] = lambda *_: None

    def checkout(self, user: User) -> Task:
        """`POST /customers/me`."""
        return self._settled("checkout", user, SIGN_UP_SECONDS)

    def backfill(self, user: User) -> Task:
        """Run the backfill, or `repair --kind unlinked`, for a user of a list made earlier."""
        return self._settled("backfill", user, PROVISION_SECONDS)

    def _settled(self, entry: str, user: User, seconds: float) -> Task:
        def work(run: Run) -> None:
            outcome = provision_existing(named(user), self.profiles, self._settling(run))
            self.on_settled(entry, user, outcome)
            self.world.tell(f"  {run.owner}: {entry} of {user.user_id}: {outcome}")

        return self._invoke(f"{entry} of {user.user_id}", work, seconds)

    def repair(self) -> None:
        """Run the scheduled repair: finish what has stayed open."""
        oldest = self.world.scheduler.now - REPAIR_AFTER_SECONDS
        for key, item in list(self.world.table.items.items()):
            is_open = key.startswith("signup#") and "is_open" in item
            if not is_open or float(item["open_since"]["N"]) > EPOCH + oldest:
                continue
            self._invoke(f"repair of {key}", self._finishing(key.split("#", 2)[2]), SIGN_UP_SECONDS)

    def _finishing(self, user_id: str) -> Callable[[Run], None]:
        def work(run: Run) -> None:
            settling = self._settling(run, creates=Creates.IF_BEGUN)
            end = finish(Named(Tenant(TENANT), UserId(user_id)), self.profiles, settling)
            self.world.tell(f"  {run.owner}: repair of {user_id}: {end}")

        return work

    def link(self, primary: User, secondary: User) -> Task:
        """`POST /accounts/link`, or another try of it once Auth0 has linked the two."""

        def work(run: Run) -> None:
            first = self.profiles.get(primary.user_id)
            second = self.profiles.get(secondary.user_id)
            if first is None:
                return
            if second is not None and not self._linked(run, primary, first, secondary, second):
                return
            if secondary.user_id not in primary.identities:
                return
            self._follow(run, primary, first, secondary, second)

        return self._invoke(
            f"link of {secondary.user_id} to {primary.user_id}", work, SIGN_UP_SECONDS
        )

    def _linked(
        self, run: Run, primary: User, first: Profile, secondary: User, second: Profile
    ) -> bool:
        accounts = _account(primary, first), _account(secondary, second)
        refused = Linking(*accounts, *self._ports(run), run, self.world.policy).refusal()
        if refused is not None:
            self.world.tell(f"  {run.owner}: {secondary.user_id} is not linked: {refused}")
            return False
        return self.profiles.link(primary.user_id, secondary.user_id)

    def _follow(
        self,
        run: Run,
        primary: User,
        first: Profile,
        secondary: User,
        second: Profile | None,
    ) -> None:
        staying = _account(primary, first)
        # Auth0 keeps an identity's address, and discards what its profile said.
        carried = second.customer_id if second else None
        leaving = Account(named(secondary), secondary.email, carried)
        ports = self._ports(run)
        followed = Linking(staying, leaving, *ports, run, self.world.policy).follow()
        self.world.tell(f"  {run.owner}: link of {secondary.user_id}: {followed}")
        if isinstance(followed, Followed) and followed.customer_id:
            link = {"stripe_customer_id": followed.customer_id, "stripe_signup": None}
            self.profiles.merge_app_metadata(primary.user_id, link)

    def record(self, user: User, customer_id: str) -> Task:
        """`repair --kind unrecorded`: a customer that a listing saw naming the user."""

        def work(run: Run) -> None:
            profile = self.profiles.get(user.user_id)
            if profile is None or profile.customer_id:
                return
            signup = SignUp(named(user), logins_count=0, email=profile.email)
            known = (CustomerId(customer_id),)
            outcome = self.auth0.settling(signup, run, creates=Creates.NEVER, known=known).settle()
            self.on_settled("record", user, outcome)
            if isinstance(outcome, Settled) and outcome.customer_id:
                link = {"stripe_customer_id": outcome.customer_id, "stripe_signup": None}
                self.profiles.merge_app_metadata(user.user_id, link)

        return self._invoke(f"record of {user.user_id}", work, PROVISION_SECONDS)

    def reassign(self, customer_id: str, former: User, user: User) -> Task:
        """`customerlink reassign`: what a user who is gone had becomes another one's."""
        self.auth0.reassigned.add((former.user_id, user.user_id))

        def work(run: Run) -> None:
            ledger, customers = self._ports(run)
            invocations: Any = SimulatedInvocations(self._settling_as_asked(run), ledger, run)
            both = SimulatedDirectory(customers), invocations
            sides = self.profiles, self.profiles
            worker = Reassignment(Tenant(TENANT), *sides, *both, run.clock)
            refusal = worker.carry_out(CustomerId(customer_id), named(user))
            self.world.tell(f"  {run.owner}: reassigned to {user.user_id}: {refusal or 'yes'}")
            if refusal is None:
                done = Settled(CustomerId(customer_id), Reason.CUSTOMER_FOUND)
                self.on_settled("reassign", user, done)

        title = f"reassign {customer_id} to {user.user_id}"
        return self._invoke(title, work, PROVISION_SECONDS, "reassign")

    def claim(self, user: User) -> Task:
        """`repair --kind unclaimed`: a registration's customer names its user."""

        def work(run: Run) -> None:
            profile = self.profiles.get(user.user_id)
            if profile is None or not profile.customer_id:
                return
            settling = self._settling(run, creates=Creates.NEVER)
            outcome = settling(unfinished(named(user), profile)).settle()
            self.on_settled("claim", user, outcome)

        return self._invoke(f"claim of {user.user_id}", work, PROVISION_SECONDS)

    def address(self, user: User) -> Task:
        """`repair --kind email_drift`: the customer's address follows the user's."""

        def work(run: Run) -> None:
            profile = self.profiles.get(user.user_id)
            if profile is None or not profile.customer_id or not profile.email:
                return
            customer_id, email = profile.customer_id, profile.email
            signup = SignUp(named(user), logins_count=0)
            settling = self.auth0.settling(signup, run, creates=Creates.NEVER, known=(customer_id,))
            found = settling.customers.retrieve(customer_id)
            if not isinstance(found, Done) or found.result is None:
                return
            if found.result.email != email.lower():
                write = partial(settling.customers.set_email, customer_id, email)
                why = AddressChange(settling, customer_id, email, write).carry_out()
                self.world.tell(f"  {run.owner}: address of {user.user_id}: {why}")

        return self._invoke(f"address of {user.user_id}", work, PROVISION_SECONDS)

    def _settling_as_asked(self, run: Run) -> Callable[..., Settling]:
        return lambda signup, **asked: self.auth0.settling(signup, run, **asked)

    def _settling(self, run: Run, **asked: Any) -> Callable[[SignUp], Settling]:
        return lambda signup: self.auth0.settling(signup, run, **asked)

    def _ports(self, run: Run) -> tuple[DynamoDbLedger, SimulatedCustomers]:
        client: Any = SimulatedDynamoDb(self.world, run.owner)
        return DynamoDbLedger(client, "ledger", run), SimulatedCustomers(self.world, run)

    def _invoke(
        self,
        title: str,
        work: Callable[[Run], None],
        seconds: float,
        function: str = "invocation",
    ) -> Task:
        self.world.tell(title)

        def guarded(run: Run) -> None:
            try:
                work(run)
            except (ManagementError, LedgerUnavailableError) as trouble:
                self.world.tell(f"  {run.owner}: {title}: {type(trouble).__name__}")

        return self.auth0.invoke(guarded, seconds, function)


def _account(user: User, profile: Profile) -> Account:
    return Account.of(named(user), profile)


def named(user: User) -> Named:
    """Return the user as the package names one."""
    return Named(Tenant(TENANT), UserId(user.user_id))
