"""docs/migrate.md, played: each situation, with the page's own commands, to the end."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.runtime import ROOT
from tests.test_operations_page import a_minute_later

from customerlink.model.drift import Drift
from sandbox.demo import LONG_AGO
from sandbox.patience import PATIENCE_SECONDS
from sandbox.sandbox import Sandbox, sandbox

PAGE = (ROOT / "docs" / "migrate.md").read_text()
SECTIONS = {
    title: text for title, _, text in (each.partition("\n") for each in PAGE.split("\n## ")[1:])
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def section(number: int) -> str:
    """Return the section's text."""
    [found] = [text for title, text in SECTIONS.items() if title.startswith(f"{number}. ")]
    return found


def block(number: int, language: str) -> str:
    """Return the one block of a section that is not to be run in a shell."""
    [found] = [text for kind, text in BLOCK.findall(section(number)) if kind == language]
    return str(found)


@dataclass
class Stage:
    """A tenant and a Stripe account, and a shell beside them."""

    box: Sandbox
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def user(self, name: str, *, verified: bool = True, **metadata: str) -> str:
        """Put in a user of long standing."""
        profile = {
            "email": f"{name}@example.com",
            "email_verified": verified,
            "created_at": LONG_AGO,
            "logins_count": 7,
            "app_metadata": metadata,
        }
        return self.box.tenant.add_user(f"auth0|{name}", **profile)

    def customer(self, name: str, **metadata: str) -> str:
        """Put in a customer that somebody has made."""
        params = {"email": f"{name}@example.com", "metadata": metadata}
        return str(self.box.stripe.create(params)["id"])

    def named(self, name: str) -> str:
        """Put in a customer that names a user."""
        return self.customer(name, auth0_user_id=f"auth0|{name}", auth0_tenant="acme")

    def run(self, number: int) -> str:
        """Run a section's commands, as a reader would paste them; return what they printed."""
        scripts = [text for kind, text in BLOCK.findall(section(number)) if kind == "sh"]
        return "".join(self.shell(each, merged=True) for each in scripts)

    def shell(self, script: str, *, code: int = 0, merged: bool = False) -> str:
        """Run a script; the services' addresses are the stand-ins'."""
        script = script.replace("https://api.stripe.com", self.box.stripe_url)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace("https://$AUTH0", "$AUTH0")],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == code, f"{done.stdout}{done.stderr}"
        return done.stdout

    def save(self, name: str, text: str) -> None:
        """Save one of the page's blocks under the name that it gives."""
        text = text.replace("https://api.stripe.com", self.box.stripe_url)
        (self.folder / name).write_text(text.replace("https://{os", "{os"))

    def verified(self, *, code: int = 0) -> dict[str, int]:
        """Verify, as the page ends; return the kinds that were counted."""
        counts = json.loads(self.shell("customerlink verify --json", code=code))["counts"]
        return {kind: count for kind, count in counts.items() if count}

    def customer_of(self, user_id: str) -> str | None:
        """Return the customer's id that a profile has."""
        found: str | None = self.metadata(user_id).get("stripe_customer_id")
        return found

    def metadata(self, user_id: str) -> dict[str, Any]:
        """Return a profile's `app_metadata`."""
        return dict(self.box.tenant.users[user_id].get("app_metadata", {}))

    def customers(self) -> int:
        """Count the customers."""
        return len(self.box.stripe.live_customers())


@pytest.fixture(scope="module")
def adopting() -> Iterator[Sandbox]:
    """Run a deployment that adopts, as the page advises where customers are there already."""
    with sandbox(settings={"CUSTOMERLINK_EXISTING_CUSTOMER": "adopt"}) as box:
        yield box


@pytest.fixture
def stage(adopting: Sandbox, tmp_path: Path) -> Iterator[Stage]:
    """Return an empty tenant and an empty account, with the command line on the path."""
    program = tmp_path / "bin" / "customerlink"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m customerlink.cli.main "$@"\n')
    program.chmod(0o755)
    tools = adopting.tools_environment()
    token, _ = adopting.management.token(
        {
            "grant_type": "client_credentials",
            "client_id": tools["AUTH0_CLIENT_ID"],
            "client_secret": tools["AUTH0_CLIENT_SECRET"],
            "audience": "https://acme.us.auth0.com/api/v2/",
        }
    )
    environment = {
        **tools,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "HOME": str(tmp_path),
        "AUTH0_TOKEN": str(token["access_token"]),
        "STRIPE_KEY": adopting.stripe_key,
        "TENANT": adopting.tenant.name,
        "CONNECTION_ID": "con_0000000000000001",
    }
    yield Stage(adopting, tmp_path, environment)
    adopting.tenant.users.clear()
    for each in adopting.stripe.live_customers():
        adopting.stripe.delete(each["id"])


def test_nobody_has_a_customer(stage: Stage) -> None:
    """Each user gets one, and is let in."""
    users = [stage.user(f"one-{each}") for each in range(3)]
    stage.run(1)

    assert stage.verified() == {"linked": 3}
    assert stage.customers() == 3
    assert {stage.box.tenant.login(each).decision for each in users} == {"continue"}


def test_customers_without_ids(stage: Stage) -> None:
    """A verified user's is adopted; an unverified user's, and one of two, is left as it is."""
    user, new = stage.user("two"), stage.user("two-new")
    customer = stage.customer("two")
    unverified, doubled = stage.user("two-unverified", verified=False), stage.user("two-doubled")
    others = [stage.customer(each) for each in ("two-unverified", "two-doubled", "two-doubled")]
    told = stage.run(2)

    assert told.count("skipped: ") == 2
    assert all(each in told for each in others[:1])
    assert stage.customer_of(user) == customer
    assert stage.customer_of(new) not in (None, customer, *others)
    assert [stage.customer_of(each) for each in (unverified, doubled)] == [None, None]
    assert stage.customers() == 5


def test_ids_on_auth0s_side_only(stage: Stage) -> None:
    """The customer names its user then; an unverified user's does not."""
    customers = [stage.customer(each) for each in ("three", "three-too", "three-unverified")]
    users = [
        stage.user("three", stripe_customer_id=customers[0]),
        stage.user("three-too", stripe_customer_id=customers[1]),
    ]
    stage.user("three-unverified", verified=False, stripe_customer_id=customers[2])
    stage.run(3)
    named = [stage.box.stripe.retrieve(each)["metadata"] for each in customers]

    assert [each.get("auth0_user_id") for each in named] == [*users, None]
    assert stage.verified(code=1)["linked"] == 2


def test_ids_on_stripes_side_only(stage: Stage) -> None:
    """Each customer's id is in the profile then, and no customer was made."""
    customers = [stage.named(f"four-{each}") for each in range(3)]
    users = [stage.user(f"four-{each}") for each in range(3)]
    stage.run(4)

    assert [stage.customer_of(each) for each in users] == customers
    assert stage.verified() == {"linked": 3}
    assert stage.customers() == 3


def test_who_logs_in_before_the_repair(stage: Stage) -> None:
    """Finds the customer that names them, at the first log-in."""
    customer, user = stage.named("four-first"), stage.user("four-first")
    stage.box.tenant.users[user] |= {"logins_count": 0}
    login = stage.box.tenant.login(user)

    assert (login.decision, stage.customer_of(user)) == ("continue", customer)


def test_ids_on_both_sides(stage: Stage) -> None:
    """Nothing is to be done, and a log-in makes no call."""
    user = stage.user("five", stripe_customer_id=stage.named("five"))
    before = stage.box.log.getvalue()

    assert stage.verified() == {"linked": 1}
    assert stage.box.tenant.login(user).decision == "continue"
    assert stage.box.log.getvalue() == before


def test_ids_under_other_names(stage: Stage) -> None:
    """They are copied on both sides; what is there stays; a second run changes nothing."""
    names = ["six", "six/odd", "six+tag"]
    customers = [stage.customer(each, userId=f"auth0|{each}") for each in names]
    users = [stage.user(each, stripeId=its) for each, its in zip(names, customers, strict=True)]
    there = stage.named("six-there")
    settled = stage.user("six-there", stripeId="cus_old", stripe_customer_id=there)
    stage.save("copy_ids.py", block(6, "python"))
    stage.run(6)
    profiles = json.dumps(stage.box.tenant.users, sort_keys=True)
    stage.run(6)

    assert [stage.customer_of(each) for each in users] == customers
    assert stage.customer_of(settled) == there
    assert json.dumps(stage.box.tenant.users, sort_keys=True) == profiles
    assert stage.verified() == {"linked": 4}
    assert {each["metadata"].get("auth0_tenant") for each in stage.box.stripe.live_customers()} == {
        "acme"
    }


def test_a_bulk_import(stage: Stage) -> None:
    """The imported user's first log-in finds both names."""
    stage.box.stripe.create({"email": "ada@example.com"}, "cus_A")
    stage.save("users.json", block(7, "json"))
    stage.run(7)
    login = stage.box.tenant.login("auth0|4711")

    assert stage.verified() == {"linked": 1}
    assert (login.decision, stage.customer_of("auth0|4711")) == ("continue", "cus_A")
    assert stage.customers() == 1


def arrives(stage: Stage, name: str, **metadata: str) -> bool:
    """Log somebody in for the first time, as the script Login imports them."""
    profile = {"email": f"{name}@example.com", "email_verified": True, "app_metadata": metadata}
    user_id = stage.box.tenant.add_user(f"auth0|{name}", **profile)
    return stage.box.tenant.login(user_id, "legacy-users").decision == "continue"


def test_a_trickle_migration(stage: Stage) -> None:
    """Each row of the table, at the first log-in."""
    stage_of = stage.named("eight-found")
    nobodys = stage.customer("eight-adopted")
    both = stage.named("eight-both")
    strangers = stage.customer("eight-stranger", auth0_user_id="auth0|x", auth0_tenant="acme")

    assert arrives(stage, "eight-new")
    assert arrives(stage, "eight-found")
    assert arrives(stage, "eight-adopted")
    assert arrives(stage, "eight-both", stripe_customer_id=both)
    assert not arrives(stage, "eight-other", stripe_customer_id=strangers)
    assert [stage.customer_of(f"auth0|eight-{each}") for each in ("found", "adopted", "both")] == [
        stage_of,
        nobodys,
        both,
    ]
    assert "link_mismatch" in stage.box.log.getvalue()
    assert stage.customers() == 5


def test_a_trickle_migration_with_ids_that_name_nobody(stage: Stage) -> None:
    """The customer is adopted, since its address is the user's and verified."""
    customer = stage.customer("eight-unnamed")

    assert arrives(stage, "eight-unnamed", stripe_customer_id=customer)
    assert stage.box.stripe.retrieve(customer)["metadata"]["auth0_user_id"] == "auth0|eight-unnamed"


def test_addresses_with_capitals(stage: Stage) -> None:
    """They are in lower case then, and the next sign-up sees them; one beside another stays."""
    [*capitals] = [
        stage.box.stripe.create({"email": each})["id"]
        for each in ("Nine@Example.com", "NINE-too@example.com", "Nine-Three@example.com")
    ]
    stage.customer("nine-three")
    stage.run(9)
    addresses = [stage.box.stripe.retrieve(each)["email"] for each in capitals]

    assert addresses == ["nine@example.com", "nine-too@example.com", "Nine-Three@example.com"]
    a_minute_later(stage.box)
    assert arrives(stage, "nine")
    assert stage.customer_of("auth0|nine") == capitals[0]


def test_every_kind_that_is_named_exists() -> None:
    """In the page's commands."""
    kinds = {shlex.split(each)[0] for each in re.findall(r"--kind ([^>\n]+)", PAGE)}

    assert kinds <= {*Drift}


def test_every_section_is_in_the_table() -> None:
    """A reader starts from what there is."""
    linked = {int(each) for each in re.findall(r"\[(\d)\]\(#", PAGE.partition("\n## ")[0])}

    assert linked == {int(title.partition(".")[0]) for title in SECTIONS}
