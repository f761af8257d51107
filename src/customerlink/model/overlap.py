"""What both sides have in common, by which a list of somebody else's is told from ours."""

from customerlink.model.counted import counted
from customerlink.model.errors import CustomerLinkError
from customerlink.model.frozen import frozen


class OtherTenantError(CustomerLinkError):
    """Most of the customers that name our users name another tenant as theirs."""


@frozen
class Overlap:
    """Counts of a comparison."""

    links: int = 0
    """Profiles with a customer's id."""
    ours: int = 0
    """Customers that name one of the users, and this tenant or none."""
    others: int = 0
    """Customers that name one of the users, and another tenant."""

    def check(self, tenant: str) -> None:
        """Raise `OtherTenantError` where most of our customers name another tenant."""
        if self.others > self.ours:
            said = f"{self.others} of {counted(self.others + self.ours, 'customer')} of its users"
            raise OtherTenantError(f"The tenant is not {tenant}: {said} name another one")

    def is_of_nothing(self, gone: int) -> bool:
        """Return whether not one of the profiles' customers is there."""
        return 0 < self.links <= gone
