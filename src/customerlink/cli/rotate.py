"""Rotate: a new signing secret, or a new Stripe key, while sign-ups go on.

A signing secret goes through four states, each of which a second run recognises:

1. `[old]`: add the new one, so that functions accept both.
2. `[old, new]`, the Action has the old one: once every function has fetched the secret again, give
   the Action the new one.
3. `[old, new]`, the Action has the new one: once no login runs the Action's old version, drop the
   old one.
4. `[new]`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from customerlink.adapters.secrets_manager import REFRESH_SECONDS
from customerlink.cli.deployment import Deployment, StoredSecret
from customerlink.cli.errors import CliError
from customerlink.cli.install import is_ours, new_signing_secret
from customerlink.cli.probes import StripeProbe, self_test
from customerlink.cli.release import SIGNING_SECRET, URL, fingerprint, marked, unmarked
from customerlink.cli.tenant import Action, Tenant

MARGIN_SECONDS = 15.0
LAST_LOGINS_SECONDS = 30.0
"""Auth0 ends a login's Actions after 20 s: then nobody signs with the old secret any more."""

INSTALL = "customerlink install"


@dataclass
class Rotation:
    """A rotation of the signing secret; `tell` gets each step, `wait` is told how long and why."""

    deployment: Deployment
    tenant: Tenant
    action_name: str
    tell: Callable[[str], None]
    wait: Callable[[str, float], None]
    refresh_seconds: float = REFRESH_SECONDS + MARGIN_SECONDS
    last_logins_seconds: float = LAST_LOGINS_SECONDS

    def run(self) -> None:
        """Go on from wherever the last run stopped, to the end."""
        secret = self.deployment.read_secret()
        action = self._action(secret)
        if len(secret.signing_secrets) == 1:
            self.tell("add a new signing secret beside the old one")
            both = secret.with_signing(*secret.signing_secrets, new_signing_secret())
            secret = self.deployment.write_secret(both)
        new = secret.signing_secrets[-1]
        if not self._has(action, new):
            left = self.refresh_seconds - secret.age(time.time())
            if left > 0:
                self.wait("until every function has fetched both", left)
            self._check(new)
            self.tell("give the Action the new one, and deploy it")
            settings = {URL: self.deployment.outputs.url, SIGNING_SECRET: new}
            code = unmarked(action.code)[0]
            self.tenant.update(action, marked(code, self._print(new)), settings)
            self.tenant.deploy(action.id)
        elif not action.is_deployed:
            self.tell("deploy the Action")
            self.tenant.deploy(action.id)
        self.wait("until no login runs the Action's old version", self.last_logins_seconds)
        self._check(new)
        self.tell("drop the old signing secret")
        self.deployment.write_secret(self.deployment.read_secret().with_signing(new))

    def _action(self, secret: StoredSecret) -> Action:
        if not secret.signing_secrets:
            raise CliError("There is no signing secret to rotate yet.", INSTALL)
        action = self.tenant.find(self.action_name)
        if action is None or not is_ours(action):
            raise CliError(f"{self.action_name} was not put in by customerlink install.", INSTALL)
        if not any(self._has(action, each) for each in secret.signing_secrets):
            raise CliError("The Action has none of the stack's signing secrets.", INSTALL)
        return action

    def _has(self, action: Action, signing_secret: str) -> bool:
        return unmarked(action.code)[1] == self._print(signing_secret)

    def _print(self, signing_secret: str) -> str:
        return fingerprint(self.deployment.outputs.url, signing_secret)

    def _check(self, signing_secret: str) -> None:
        self.tell("send the endpoint a self-test signed with the new one")
        result = self_test(self.deployment.outputs.url, signing_secret)
        if not result.passed:
            text = (
                f"The endpoint answered {result.status} {result.reason}: both secrets stay valid."
            )
            raise CliError(text, "Run the same command again, or customerlink doctor.")


def rotate_stripe_key(
    deployment: Deployment, probe: StripeProbe, key: str, tell: Callable[[str], None]
) -> bool:
    """Check a new key before it replaces the old one; gives whether anything changed."""
    secret = deployment.read_secret()
    if secret.stripe_key == key:
        return False
    tell("ask Stripe whether the new key may list customers")
    probe.list_customers()
    tell("store the new key")
    deployment.write_secret(secret.with_key(key))
    return True
