"""Two accounts of one person that Auth0 has linked: their Stripe customers follow.

The primary keeps its customer; if only the secondary had one, it becomes the primary's; if both
had, the secondary's stays as it is and says by which it is superseded. Each step may be repeated.
"""

from enum import StrEnum

from customerlink.model.address import spellings
from customerlink.model.customer import Customer
from customerlink.model.frozen import frozen
from customerlink.model.instruction import Reason
from customerlink.model.policy import Policy
from customerlink.model.profile import Profile
from customerlink.model.sign_up_record import Adoption
from customerlink.model.signup import SignUp
from customerlink.model.user import CustomerId, User
from customerlink.ports.customers import Customers, Done, Failure
from customerlink.ports.ledger import Ledger
from customerlink.ports.run import Run
from customerlink.usecases.adopt import Candidate
from customerlink.usecases.check_link import check_profile
from customerlink.usecases.open_sign_up import Settled, Unsettled
from customerlink.usecases.settle import Creates, Settling


@frozen
class Account:
    """One of the two, as far as customers are concerned."""

    user: User
    email: str | None
    customer_id: CustomerId | None
    """What its profile says."""
    registration_id: str | None = None
    email_verified: bool = False

    @classmethod
    def of(cls, user: User, profile: Profile) -> "Account":
        """Read an account's own profile."""
        ids = profile.customer_id, profile.registration_id
        return cls(user, profile.email, *ids, email_verified=profile.email_verified)

    def signup(self) -> SignUp:
        """Return what a log-in of the account's would report."""
        return SignUp(
            self.user,
            logins_count=0,
            email=self.email,
            email_verified=self.email_verified,
            customer_id=self.customer_id,
            registration_id=self.registration_id,
        )


class LinkFailure(StrEnum):
    """Why the customers have not followed yet: another try may do, or a person has to decide."""

    IN_PROGRESS = "in_progress"
    FAILED = "provisioning_failed"
    MISMATCH = "link_mismatch"
    UNUSABLE = "customer_unusable"


@frozen
class Followed:
    """The customer that the primary has now, if any, and those that it supersedes."""

    customer_id: CustomerId | None
    superseded: tuple[CustomerId, ...] = ()


class _LinkFailedError(Exception):
    def __init__(self, trouble: LinkFailure) -> None:
        self.trouble = trouble


@frozen
class Linking:
    """Lets a secondary's customers follow into the primary."""

    primary: Account
    secondary: Account
    ledger: Ledger
    customers: Customers
    run: Run
    policy: Policy

    def refusal(self) -> LinkFailure | None:
        """Return why the two are not to be linked: what a log-in of either would be denied for.

        What a log-in would adopt is adopted now, and what the secondary's profile leads to is
        recorded. Afterwards it would be lost: Auth0 discards what that profile says.
        """
        try:
            self._prepare(self.primary, self.secondary)
            self._expect_room(self._found(self.primary.customer_id, self.secondary.customer_id))
            if self.secondary.customer_id is not None:
                self._settled(self.secondary)
        except _LinkFailedError as error:
            return error.trouble
        return None

    def follow(self) -> Followed | LinkFailure:
        """Carry out; an interrupted one is finished by another call."""
        try:
            self._prepare(self.primary)
            # First the secondary's record: a login of its own, and what that sent, comes to an end.
            recorded = self._settled(self.secondary)
            found = self._found(self.primary.customer_id, self.secondary.customer_id, recorded)
            self._expect_room(found)
            leaving = self._leaving(found)
            staying = self._settled(self.primary, leaving[0] if leaving else None)
            if staying is None:
                return Followed(None)
            # What the other one has (invoices, subscriptions) stays where it is.
            left = self._still_leaving([each.id for each in leaving if each.id != staying])
            _expect(all(each.can_be_superseded() for each in left))
            for each in left:
                if each.superseded_by != staying:
                    _result(self.customers.supersede(each.id, staying))
            return Followed(staying, tuple(each.id for each in left))
        except _LinkFailedError as error:
            return error.trouble

    def _settled(self, account: Account, heritage: Customer | None = None) -> CustomerId | None:
        """Settle an account's record without making a customer; return the one that it has."""
        signup = SignUp(account.user, logins_count=0, email=account.email)
        heir_to = Adoption(heritage.id, self.secondary.user) if heritage else None
        known = (account.customer_id,) if account.customer_id else ()
        outcome = self._settling(signup, known, heir_to).settle()
        if isinstance(outcome, Settled):
            return outcome.customer_id
        raise _LinkFailedError(_trouble(outcome))

    def _settling(
        self, signup: SignUp, known: tuple[CustomerId, ...] = (), heir_to: Adoption | None = None
    ) -> Settling:
        ports, never = (self.ledger, self.customers, self.policy, self.run), Creates.NEVER
        return Settling(signup, *ports, creates=never, known=known, heir_to=heir_to)

    def _prepare(self, *accounts: Account) -> None:
        """Raise for what a log-in would be denied for; then adopt what it would adopt."""
        adopting = [each for each in accounts if self._look_at(each)]
        for each in adopting:
            self._expect_ours(each, self._settling(each.signup()).settle())

    def _look_at(self, account: Account) -> bool:
        """Return whether a log-in would adopt what the profile's id leads to.

        Raise where it leads to no customer of the person's, as a log-in judges.
        """
        if account.customer_id is None:
            return False
        checked = self._judged(account.signup(), account.customer_id)
        self._expect_ours(account, checked)
        return isinstance(checked, Candidate) and checked.instead_of is None

    def _expect_ours(
        self, account: Account, checked: Settled | Unsettled | Candidate | None
    ) -> None:
        """Raise if the customer is neither this account's nor the other one's."""
        for user in (self.primary.user, self.secondary.user):
            is_mismatch = isinstance(checked, Unsettled) and checked.reason is Reason.LINK_MISMATCH
            if not is_mismatch or account.customer_id is None:
                break
            signup = SignUp(user, logins_count=0, registration_id=account.registration_id)
            checked = self._judged(signup, account.customer_id)
        if isinstance(checked, Unsettled):
            raise _LinkFailedError(_trouble(checked))

    def _judged(
        self, signup: SignUp, customer_id: CustomerId
    ) -> Settled | Unsettled | Candidate | None:
        return check_profile(signup, customer_id, self.customers, self.policy)

    def _leaving(self, found: list[Customer]) -> list[Customer]:
        return [each for each in found if each.belongs_to(self.secondary.user)]

    def _still_leaving(self, ids: list[CustomerId]) -> list[Customer]:
        """Look again: settling may have waited for the lease, and one may be another's by now."""
        now = [_result(self.customers.retrieve(each)) for each in ids]
        return self._leaving([each for each in now if each])

    def _expect_room(self, found: list[Customer]) -> None:
        """Raise if Stripe would not take what the secondary's customers are to say."""
        has_own = any(each.belongs_to(self.primary.user) for each in found)
        leaving = self._leaving(found)
        heir, others = ([], leaving) if has_own else (leaving[:1], leaving[1:])
        _expect(all(each.can_name(self.primary.user) for each in heir))
        _expect(all(each.can_be_superseded() for each in others))

    def _found(self, *ids: CustomerId | None) -> list[Customer]:
        """Return what these ids, and either account's address, lead to: the oldest first.

        A customer that moved before an interruption has the secondary's address.
        """
        found: dict[CustomerId, Customer] = {}
        accounts = (self.primary, self.secondary)
        for customer_id in sorted({each for each in ids if each}):
            named = _result(self.customers.retrieve(customer_id))
            found |= {named.id: named} if named else {}
        for address in spellings(*(each.email for each in accounts)):
            found |= {each.id: each for each in _result(self.customers.list_by_email(address))}
        return sorted(found.values(), key=lambda each: (each.created, each.id))


def _trouble(outcome: Unsettled) -> LinkFailure:
    reason = outcome.reason
    return LinkFailure(reason) if reason in LinkFailure else LinkFailure.FAILED


def _expect(is_possible: bool) -> None:  # noqa: FBT001 (what is expected)
    if not is_possible:
        raise _LinkFailedError(LinkFailure.UNUSABLE)


def _result[Result](outcome: Done[Result] | Failure) -> Result:
    if not isinstance(outcome, Done):
        raise _LinkFailedError(LinkFailure.FAILED)
    return outcome.result
