"""Who reconciles users from the command line, as the deployment's function does."""

from customerlink.cli.session import Session
from customerlink.model.customer_fields import CustomerFields
from customerlink.model.policy import Policy, VerifiedEmail
from customerlink.model.sync import SyncRules
from customerlink.model.sync_policy import SyncPolicy
from customerlink.usecases.sync import Sync
from customerlink.wiring.operator import sync as sync_of


def sync_worker(now: Session, policy: SyncPolicy) -> Sync:
    """Return what reconciles users by a policy, with what the stack says of sign-ups."""
    probe, deployment = now.own_probe(), now.deployment
    fields = _fields(deployment.outputs.parameters.get("CustomerFields", ""))
    verified = deployment.verified_email() or VerifiedEmail.OPTIONAL
    sign_up = Policy(verified_email=verified, customer_fields=fields, trust=deployment.trust())
    operator = now.operator(probe.key, sign_up, now.reading_key())
    return sync_of(now.tenant().users, operator, SyncRules(now.digests(), policy, fields))


def _fields(text: str) -> CustomerFields:
    return CustomerFields.parse(text) if text else CustomerFields()
