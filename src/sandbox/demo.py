"""The main job, played: sign-ups through the real parts, then both sides compared.

`make demo`. The exit status is 0 only if every expectation held.
"""

import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import urllib3
from rich import box
from rich.console import Console
from rich.table import Table

from customerlink.model.tickets import STATE_PARAMETER, digest_of
from sandbox.deployment import deployment_of
from sandbox.patience import wait_until
from sandbox.sandbox import Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind
from sandbox.tenant import Login

DATABASE, GOOGLE, SMS = "Username-Password-Authentication", "google-oauth2", "sms"
_NONE = "-"
_FOUND, _LINKED = "customer_found", "already_linked"
_WIDTH = 118
LONG_AGO = "2024-01-31T08:30:00.000Z"


@dataclass(frozen=True)
class Scene:
    """One login, or several at once, and what should come of it."""

    title: str
    user_id: str
    connection: str
    decision: str
    reasons: Sequence[str]
    """What the function should answer, call by call; none for a login that costs no call."""
    logins: int = 1


@dataclass
class Demo:
    """The scenes played so far, and what went wrong in them."""

    box: Sandbox
    table: Table
    failures: list[str] = field(default_factory=list)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """What the shop's log-in page keeps in its browser."""

    def play(self, scene: Scene) -> None:
        """Run a scene and put it into the table."""
        exchanges, stripe_requests = len(self.box.gateway.exchanges), len(self.box.stripe.requests)
        with ThreadPoolExecutor(scene.logins) as tabs:
            running = [tabs.submit(self._login, scene.user_id, scene.connection)]
            if scene.logins > 1:
                self._wait_until_under_way(scene.user_id)
                running += [
                    tabs.submit(self._login, scene.user_id, scene.connection)
                    for _ in range(scene.logins - 1)
                ]
            logins = [each.result() for each in running]
        reasons = [str(each.reason) for each in self.box.gateway.exchanges[exchanges:]]
        held = sorted(reasons) == sorted(scene.reasons)
        held = held and all(each.decision == scene.decision for each in logins)
        if not held:
            self.failures.append(scene.title)
        self.table.add_row(
            "[green]✓[/]" if held else "[red]✗[/]",
            scene.title,
            _decision(logins),
            "\n".join(reasons) or "[dim]no call needed[/]",
            self._metadata(scene.user_id).get("stripe_customer_id", _NONE),
            f"{len(reasons)} + {len(self.box.stripe.requests) - stripe_requests}",
            f"{max(each.milliseconds for each in logins):.0f}",
        )

    def _login(self, user_id: str, connection: str) -> Login:
        """Begin at the shop's page, which sends the digest of its state along."""
        query = {STATE_PARAMETER: digest_of(self.state)}
        return self.box.tenant.login(user_id, connection, query=query)

    def order(self, title: str, user_id: str, clicks: int) -> None:
        """Let the shop ask for a user's customer, several times at once."""
        with ThreadPoolExecutor(clicks) as tabs:
            orders = [tabs.submit(self._ask, "/customers/me", user_id) for _ in range(clicks)]
            given = {each.result()[1].get("stripe_customer_id") for each in orders}
        linked = self._metadata(user_id).get("stripe_customer_id")
        self._tell(title, "order", user_id, held=given == {linked} != {None})

    def link(self, title: str, primary: str, secondary: str) -> None:
        """Link two accounts with the ticket that the redirect carries."""
        redirect = self._login(secondary, GOOGLE).redirect or ""
        ticket = dict(parse_qsl(urlsplit(redirect).query)).get("link_ticket")
        proofs = {"primary_id_token": self.box.proof_of(primary), "link_state": self.state}
        status, _ = self._ask("/accounts/link", primary, {"link_ticket": ticket, **proofs})
        held = status == HTTPStatus.OK and secondary not in self.box.tenant.users
        self._tell(title, "link", primary, held=held)

    def register(
        self, title: str, reason: str | None, *, is_refused: bool = False, tells: bool = True
    ) -> str:
        """Run the registration flow; return the new user's id."""
        before = len(self.box.gateway.exchanges)
        registered = self.box.tenant.register(
            DATABASE, is_refused=is_refused, tells=tells, email="ada@example.com"
        )
        told = self.box.gateway.exchanges[before].reason
        held = is_refused or told == reason
        decision = "refused" if is_refused else "register"
        self._tell(title, decision, registered.user_id, held=held, reason=str(told))
        return registered.user_id or ""

    def _ask(
        self, path: str, user_id: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, dict[str, Any]]:
        token = self.box.shop_token(user_id)
        answer = urllib3.request(
            "POST",
            self.box.url.replace("/post-login", path),
            headers={"authorization": f"Bearer {token}"},
            json=body or {},
        )
        return answer.status, answer.json()

    def _tell(
        self, title: str, decision: str, user_id: str | None, *, held: bool, reason: str = ""
    ) -> None:
        if not held:
            self.failures.append(title)
        mark = "[green]✓[/]" if held else "[red]✗[/]"
        customer = self._metadata(user_id).get("stripe_customer_id", _NONE) if user_id else _NONE
        self.table.add_row(mark, title, decision, reason, customer, "", "")

    def compare_both_sides(self) -> Table:
        """Check every user as an operator would by hand, in Auth0's and in Stripe's dashboard."""
        table = _table("", "Auth0 user", "its stripe_customer_id", "that customer's auth0_user_id")
        customers = {each["id"]: each for each in self.box.stripe.live_customers()}
        for user_id, user in self.box.tenant.users.items():
            linked = self._metadata(user_id).get("stripe_customer_id")
            named = [
                k for k, v in customers.items() if v["metadata"].get("auth0_user_id") == user_id
            ]
            customer = customers.get(linked or "", {"metadata": {}, "email": None})
            # The foreign id that a profile came with is reported, denied, and left as it was.
            foreign = user.get("nickname") == "foreign"
            held = named == [] if foreign or not linked else named == [linked]
            held = held and (foreign or not linked or customer["email"] == user["email"].lower())
            if not held:
                self.failures.append(f"both sides of {user_id}")
            owner = customer["metadata"].get("auth0_user_id", _NONE)
            note = "  [dim]somebody else's: denied[/]" if foreign else ""
            mark = "[green]✓[/]" if held else "[red]✗[/]"
            table.add_row(mark, user_id, linked or _NONE, owner + note)
        emails = [each["email"] for each in customers.values()]
        if len(set(emails)) != len(emails):
            self.failures.append("two customers with one address")
        return table

    def check_log(self) -> None:
        """Look for an address or a key in what the function printed."""
        log = self.box.log.getvalue()
        personal = [user["email"] for user in self.box.tenant.users.values() if "email" in user]
        if any(each.lower() in log.lower() for each in [*personal, self.box.stripe_key]):
            self.failures.append("the function's log holds an address or a key")

    def _wait_until_under_way(self, user_id: str) -> None:
        key = f"signup#{self.box.tenant.name}#{user_id}"
        wait_until(lambda: any(each["pk"] == key for each in self.box.aws.items()))

    def _metadata(self, user_id: str) -> dict[str, str]:
        return dict(self.box.tenant.users[user_id]["app_metadata"])


def main(console: Console, policy: str = "") -> int:
    """Play, compare, and tell; return the exit status. `policy` is one of `PLAYS`."""
    if policy not in PLAYS:
        console.print(f"POLICY is none of {', '.join(each for each in PLAYS if each)}")
        return 2
    with sandbox() as running:
        running.deploy(deployment_of(policy))
        table = _table("", "login", "decision", "reason", "customer", "calls λ + Stripe", "ms")
        demo = Demo(running, table)
        PLAYS[policy](demo)
        sides = demo.compare_both_sides()
        demo.check_log()
    console.print(
        "\n[bold]Customer Link[/]: sign-ups as the Action, the Lambda and Stripe saw them\n"
    )
    console.print(table)
    console.print("\nBoth sides, user by user\n")
    console.print(sides)
    if demo.failures:
        console.print(f"\n[bold red]Not as expected:[/] {'; '.join(demo.failures)}\n")
        return 1
    users, customers = len(running.tenant.users), len(running.stripe.live_customers())
    console.print(
        f"[bold green]Every expectation held[/]: {users} users, {customers} customers, "
        "no duplicate, no wrong link, no address or key in the log.\n",
    )
    return 0


def _play_all(demo: Demo) -> None:
    stripe, tenant, add = demo.box.stripe, demo.box.tenant, demo.box.tenant.add_user
    play: Callable[[Scene], None] = demo.play

    ada = add("auth0|ada", email="ada@example.com", email_verified=True, name="Ada Lovelace")
    play(Scene("Ada signs up with a password", ada, DATABASE, "continue", ["customer_created"]))
    grace = add("google-oauth2|1001", email="grace@example.com", name="Grace Hopper")
    play(Scene("Grace signs up with Google", grace, GOOGLE, "continue", ["customer_created"]))

    second = add("google-oauth2|1002", email="ada@example.com", name="Ada L.")
    play(Scene("a second identity with Ada's address", second, GOOGLE, "deny", ["email_in_use"]))
    play(Scene("… tries once more", second, GOOGLE, "deny", ["email_in_use"]))
    shouting = add("google-oauth2|1003", email="ADA@Example.com", name="ADA")
    play(Scene("the same in other letter case", shouting, GOOGLE, "deny", ["email_in_use"]))

    graces = tenant.users[grace]["app_metadata"]["stripe_customer_id"]
    thief = add(
        "auth0|mallory",
        email="mallory@example.com",
        nickname="foreign",
        app_metadata={"stripe_customer_id": graces},
    )
    play(Scene("a profile with Grace's customer id", thief, DATABASE, "deny", ["link_mismatch"]))
    play(Scene("… tries once more", thief, DATABASE, "deny", ["link_mismatch"]))

    phone = add("sms|5f0c", phone_number="+1 555 0100")
    play(Scene("a user without an address", phone, SMS, "deny", ["email_missing"]))

    play(Scene("Ada returns", ada, DATABASE, "continue", []))
    veteran = add("auth0|linus", email="linus@example.com", created_at=LONG_AGO, logins_count=41)
    play(Scene("a user from before the installation", veteran, DATABASE, "continue", ["not_new"]))
    play(Scene("… returns", veteran, DATABASE, "continue", []))

    alan = add("auth0|alan", email="alan@example.com", name="Alan Turing")
    stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=1000))
    play(Scene("Alan, while Stripe is down", alan, DATABASE, "deny", ["provisioning_failed"]))
    stripe.faults.clear()
    play(Scene("… Stripe is back", alan, DATABASE, "continue", ["customer_created"]))

    stripe.latency = 0.15
    katherine = add("auth0|katherine", email="katherine@example.com", name="Katherine Johnson")
    reasons = ["customer_created", "customer_found"]
    play(
        Scene("Katherine, in two tabs at once", katherine, DATABASE, "continue", reasons, logins=2)
    )


def _play_verified(demo: Demo) -> None:
    users, play = demo.box.tenant.users, demo.play
    ada = demo.box.tenant.add_user("auth0|ada", email="ada@example.com", email_verified=False)
    play(Scene("Ada has not verified her address", ada, DATABASE, "continue", ["deferred"]))
    play(Scene("… nor at her second login", ada, DATABASE, "continue", ["deferred"]))
    users[ada]["email_verified"] = True
    play(Scene("… and now she has", ada, DATABASE, "continue", ["customer_created"]))
    play(Scene("… returns", ada, DATABASE, "continue", []))


def _play_adopt(demo: Demo) -> None:
    stripe, add, play = demo.box.stripe, demo.box.tenant.add_user, demo.play
    stripe.create({"email": "ada@example.com", "name": "A shop's customer"})
    ada = add("auth0|ada", email="ada@example.com", email_verified=True)
    play(Scene("the shop knows Ada's verified address", ada, DATABASE, "continue", [_FOUND]))
    second = add("google-oauth2|1002", email="ada@example.com", email_verified=True)
    play(Scene("a second identity with the address", second, GOOGLE, "deny", ["email_in_use"]))
    stripe.create({"email": "grace@example.com"})
    grace = add("auth0|grace", email="grace@example.com")
    play(Scene("Grace's address is not verified", grace, DATABASE, "deny", ["email_in_use"]))


def _play_provision(demo: Demo) -> None:
    add, play = demo.box.tenant.add_user, demo.play
    veteran = add("auth0|linus", email="linus@example.com", created_at=LONG_AGO, logins_count=41)
    reasons = ["customer_created"]
    play(Scene("a user from before the installation", veteran, DATABASE, "continue", reasons))
    play(Scene("… returns", veteran, DATABASE, "continue", []))


def _play_continue(demo: Demo) -> None:
    stripe, add, play = demo.box.stripe, demo.box.tenant.add_user, demo.play
    alan = add("auth0|alan", email="alan@example.com", name="Alan Turing")
    stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=1000))
    play(Scene("Alan, while Stripe is down", alan, DATABASE, "continue", ["deferred"]))
    stripe.faults.clear()
    play(Scene("… Stripe is back", alan, DATABASE, "continue", ["customer_created"]))


def _play_checkout(demo: Demo) -> None:
    box, play = demo.box, demo.play
    box.let_functions_into_the_tenant()
    ada = box.tenant.add_user("auth0|ada", email="ada@example.com", name="Ada Lovelace")
    play(Scene("Ada signs up", ada, DATABASE, "continue", ["deferred"]))
    play(Scene("… returns", ada, DATABASE, "continue", []))
    demo.order("… places an order, with a double click", ada, clicks=2)
    play(Scene("… returns", ada, DATABASE, "continue", []))


def _play_registration(demo: Demo) -> None:
    tenant, play = demo.box.tenant, demo.play
    demo.register("Ada's password is too weak", None, is_refused=True)
    ada = demo.register("… and now it is not", "customer_found", tells=False)
    play(Scene("her first login overtakes it", ada, DATABASE, "continue", [_LINKED]))
    tenant.tell_registered(ada)
    play(Scene("… returns", ada, DATABASE, "continue", []))


def _play_linking(demo: Demo) -> None:
    box, play = demo.box, demo.play
    box.let_functions_into_the_tenant()
    verified: dict[str, Any] = {"email": "ada@example.com", "email_verified": True}
    ada = box.tenant.add_user("auth0|ada", **verified)
    google = box.tenant.add_user("google-oauth2|1001", **verified)
    play(Scene("Ada signs up with a password", ada, DATABASE, "continue", ["customer_created"]))
    play(Scene("… and again with Google", google, GOOGLE, "redirect", ["email_in_use"]))
    demo.link("… links the two on the shop's page", ada, google)
    play(Scene("… returns", ada, DATABASE, "continue", []))


PLAYS: Mapping[str, Callable[[Demo], None]] = {
    "": _play_all,
    "verified": _play_verified,
    "adopt": _play_adopt,
    "provision": _play_provision,
    "continue": _play_continue,
    "checkout": _play_checkout,
    "registration": _play_registration,
    "linking": _play_linking,
}


def _table(*columns: str) -> Table:
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in table.columns:
        column.no_wrap = True
    return table


def _decision(logins: Sequence[Login]) -> str:
    decision = logins[0].decision
    return f"[green]{decision}[/]" if decision == "continue" else f"[yellow]{decision}[/]"


if __name__ == "__main__":
    terminal = Console(file=sys.stdout)
    wide = Console(file=sys.stdout, width=max(terminal.width, _WIDTH))
    sys.exit(main(wide, sys.argv[1] if len(sys.argv) > 1 else ""))
