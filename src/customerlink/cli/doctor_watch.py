"""Doctor's look at the watch: what it may do, what it knows, and what it found last."""

from collections.abc import Iterator
from dataclasses import dataclass

from customerlink.cli.checks import DEPLOY, INSTALL, Check, bad, good, names_of, warning
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.doctor_tenant import REGISTER
from customerlink.cli.tenant import Tenant
from customerlink.cli.watching import FIX, LET_GO, NOT_SET_UP, Watching, excess
from customerlink.model.actions import LOGIN
from customerlink.model.watch_secret import SCOPE

RUNBOOK = "docs/operations.md#watch"


@dataclass(frozen=True)
class WatchLooks:
    """What is looked at of the watch."""

    config: Config
    deployment: Deployment
    tenant: Tenant

    def watch(self) -> Iterator[Check]:
        """Look at its application, at what it knows, and at its last run."""
        if self.deployment.outputs.watch_secret_name is None:
            meaning = "The stack has none: nobody notices that another tool unbinds the Action."
            yield warning("watch", meaning, f"{DEPLOY}, with Watch=yes")
            return
        watch = self.deployment.read_watch()
        if watch is None:
            yield bad("watch", NOT_SET_UP, FIX)
            return
        if watch.client.url != self.config.auth0_url():
            yield warning("watch", "It looks at another tenant.", FIX)
            return
        watching = Watching(self.deployment, self.tenant, self.config)
        more = excess(watch.client)
        if more:
            meaning = f"Its client may do more than {SCOPE}: {names_of(more)}."
            yield bad("watch", meaning, "Take these from it in Auth0's dashboard.")
        elif lost := watching.lost(watch):
            meaning = f"It looks for what the tenant does not have: {names_of(lost)}."
            is_login = lost == [watch.actions.get(LOGIN)]
            yield bad("watch", meaning, INSTALL if is_login else f"{REGISTER}, or {LET_GO}")
        elif watch != watching.wanted(watch.client):
            yield bad("watch", "It is told to look for something else than is installed.", INSTALL)
        else:
            yield good("watch", f"It may do {SCOPE} alone, and knows what is installed.")
        yield self._last_look()

    def _last_look(self) -> Check:
        match self.deployment.last_watch():
            case None:
                meaning = "None in a quarter of an hour; a new one takes five minutes."
                return warning("watch: last run", meaning, RUNBOOK)
            case healthy if healthy < 1:
                return bad("watch: last run", "It found something wrong.", RUNBOOK)
        return good("watch: last run", "It found everything as it was installed.")
