"""Stories, one click each: what goes wrong with sign-ups elsewhere, played on this sandbox."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from customerlink.model.sign_up_record import RECORD_LEASE_SECONDS
from sandbox.demo import DATABASE, GOOGLE, Demo, Scene
from sandbox.deployment import deployment_of
from sandbox.patience import PATIENCE_SECONDS
from sandbox.playground.weather import Weather

_CREATED, _FOUND, _IN_USE = "customer_created", "customer_found", "email_in_use"


@dataclass
class Teller:
    """Tells a story, in the weather and under the policies that it needs."""

    demo: Demo
    turn: Callable[[Weather], None]
    wait: Callable[[float], None] = time.sleep
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def person(self, name: str, **profile: Any) -> str:  # noqa: ANN401 (a profile)
        """Let there be somebody new, with an address that nobody has."""
        number = next(self._numbers)
        email = f"{name}-{number}@example.com"
        return self.demo.box.tenant.add_user(
            f"auth0|{name}-{number}", **{"email": email, "email_verified": True, **profile}
        )

    def plays(self, title: str, user: str, decision: str, *reasons: str, **more: Any) -> None:  # noqa: ANN401
        """Let somebody log in, and expect what is to come of it."""
        self.demo.play(Scene(title, user, DATABASE, decision, reasons, **more))

    def email(self, user: str) -> str:
        """Return somebody's address."""
        return str(self.demo.box.tenant.users[user]["email"])


def two_tabs(teller: Teller) -> None:
    """Log one person in twice at once: one customer."""
    teller.demo.box.stripe.latency = 0.15
    user = teller.person("katherine")
    teller.plays("Katherine, in two tabs", user, "continue", _CREATED, _FOUND, logins=2)


def second_try(teller: Teller) -> None:
    """Deny somebody twice: Auth0 counts a denied log-in, so that the second is not the first."""
    user = teller.person("ada")
    teller.demo.box.stripe.create({"email": teller.email(user)})
    teller.plays("Somebody else's customer has Ada's address", user, "deny", _IN_USE)
    teller.plays("… tries once more", user, "deny", _IN_USE)


def crash_and_resume(teller: Teller) -> None:
    """Kill the function with the customer made: the next log-in finds it."""
    user = teller.person("alan")
    teller.turn(Weather.KILLED)
    teller.plays("Alan, while the function is killed", user, "deny", "None")
    teller.turn(Weather.CALM)
    teller.wait(RECORD_LEASE_SECONDS + 0.5)
    teller.plays("… tries once more", user, "continue", _FOUND)


def address_changes(teller: Teller) -> None:
    """Change an address in Auth0: it reaches Stripe by itself."""
    user = teller.person("grace")
    teller.plays("Grace signs up", user, "continue", _CREATED)
    box, email = teller.demo.box, f"new-{teller.email(user)}"
    box.tenant.users.patch(user, {"email": email, "email_verified": True})
    end = time.monotonic() + PATIENCE_SECONDS
    while email not in {each["email"] for each in box.stripe.live_customers()}:
        if time.monotonic() > end:
            teller.demo.failures.append("the address did not reach Stripe")
            return
        teller.wait(0.1)


def accounts_linked(teller: Teller) -> None:
    """Link two accounts of one person on the shop's page: one customer stays."""
    first = teller.person("hedy")
    number = first.rpartition("-")[2]
    second = teller.demo.box.tenant.add_user(
        f"google-oauth2|{number}", email=teller.email(first), email_verified=True
    )
    teller.plays("Hedy signs up with a password", first, "continue", _CREATED)
    teller.demo.play(Scene("… and again with Google", second, GOOGLE, "redirect", [_IN_USE]))
    teller.demo.link("… links the two on the shop's page", first, second)
    teller.plays("… returns", first, "continue")


@dataclass(frozen=True)
class Story:
    """What can be clicked."""

    title: str
    tell: Callable[[Teller], None]
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The deployment's, in place of those that were chosen."""


STORIES = {
    "two_tabs": Story("Two tabs", two_tabs),
    "second_try": Story("A second try after a denial", second_try),
    "crash_and_resume": Story("Crash and resume", crash_and_resume),
    "address_changes": Story("An address that changes", address_changes),
    "accounts_linked": Story(
        "Accounts linked", accounts_linked, deployment_of("linking").parameters
    ),
}
