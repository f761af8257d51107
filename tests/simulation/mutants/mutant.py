"""What a mutant is, and the files that are edited."""

from dataclasses import dataclass

SETTLE, OPEN = "usecases/settle.py", "usecases/open_sign_up.py"
RULES, INSTRUCTION, CUSTOMER = (
    "model/sign_up_record.py",
    "model/instruction.py",
    "model/customer.py",
)
ADOPT, CHECK = "usecases/adopt.py", "usecases/check_link.py"
CREATION, FIND = "usecases/create_customer.py", "usecases/find_customer.py"
SIGN_UP, LINK = "usecases/sign_up.py", "usecases/link_accounts.py"
SIGNUP, TRUST = "model/signup.py", "model/trust.py"
LEDGER, STRIPE = "adapters/dynamodb/ledger.py", "adapters/stripe/customers.py"
ITEMS, TABLE = "adapters/dynamodb/items.py", "adapters/dynamodb/table.py"
EXISTING, FINISH = "usecases/provision_existing.py", "usecases/finish_sign_up.py"
ADDRESS, SHOP, RUN = "usecases/change_address.py", "functions/shop_api.py", "ports/deadline.py"
DECISION = "model/sync.py"
RECONCILIATION, LOOK, OUTCOME = (
    "usecases/reconciliation.py",
    "usecases/look.py",
    "usecases/synced.py",
)
ENROL = "usecases/enrol.py"
SYNC_LEDGER, MEMORY = "adapters/dynamodb/sync_ledger.py", "model/sync_memory.py"
CONNECTIONS, POST_LOGIN = "adapters/connections.py", "functions/post_login.py"
MESSAGES = "adapters/http_messages.py"


@dataclass(frozen=True)
class Mutant:
    """An edit: one passage of one file of the package replaced."""

    name: str
    file: str
    old: str
    new: str
    caught_by: str | None = None
    """The test that fails on it; None where the simulation is to catch it."""
