"""What the page's switches do: policies, weather, stories."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.table import Table

from sandbox.buses import template
from sandbox.demo import Demo
from sandbox.deployment import NAMED, Deployment
from sandbox.playground.stories import STORIES, Story, Teller
from sandbox.playground.weather import Skies, Weather
from sandbox.sandbox import Sandbox

POLICIES = ("VerifiedEmail", "ProvisionAt", "ExistingCustomer", "ExistingUsers", "OnFailure")
"""The template's parameters that can be chosen; `LinkingUrl` beside them, which has no list."""

type Json = dict[str, object]


@dataclass
class Control:
    """One sandbox's switches; `deployment` is what was chosen, whatever a story plays."""

    box: Sandbox
    skies: Skies
    deployment: Deployment
    _one_story: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Deploy the function as it is set."""
        self._teller = Teller(Demo(self.box, Table()), self.turn)
        given = self.deployment.parameters.get("LinkingUrl")
        self._page = given or NAMED["linking"].partition("=")[2]
        self.deploy(self.deployment)

    def policies(self) -> Mapping[str, tuple[str, ...]]:
        """Return each policy and its values, the default first."""
        known = template()["Parameters"]
        several = {name: tuple(map(str, known[name]["AllowedValues"])) for name in POLICIES}
        return {**several, "LinkingUrl": ("", self._page)}

    def shown(self) -> Json:
        """Return every switch and how it stands."""
        chosen = self.deployment.parameters
        return {
            "policies": [
                {"name": name, "values": values, "value": chosen.get(name, values[0])}
                for name, values in self.policies().items()
            ],
            "weather": [{"name": each, "is_on": each is self.skies.now} for each in Weather],
            "stories": [{"name": name, "title": each.title} for name, each in STORIES.items()],
        }

    def choose(self, name: str, value: str) -> bool:
        """Set a policy; False where there is none, or no such value."""
        if value not in self.policies().get(name, ()):
            return False
        self.deployment = self.deployment.with_parameters({name: value})
        self.deploy(self.deployment)
        return True

    def deploy(self, deployment: Deployment) -> None:
        """Deploy, and let the weather be over the functions again."""
        self.box.deploy(deployment)
        gateway, over = self.box.gateway, self.skies.over
        gateway.invoke, gateway.shop = over(gateway.invoke), over(gateway.shop)

    def turn(self, weather: Weather) -> None:
        """Let the weather be so."""
        self.skies.turn(self.box, weather)

    def tell(self, story: Story) -> Json | None:
        """Tell a story, which begins and ends calm; None while another one is being told."""
        if not self._one_story.acquire(blocking=False):
            return None
        try:
            self.turn(Weather.CALM)
            self.deploy(Deployment(story.parameters))
            self._teller.demo.failures.clear()
            story.tell(self._teller)
            return {"title": story.title, "wrong": [*self._teller.demo.failures]}
        finally:
            self.turn(Weather.CALM)
            self.deploy(self.deployment)
            self._one_story.release()
