"""A plan that is too much, another account's list, another tenant's name: said, and refused."""

import json
from pathlib import Path

import pytest
from tests.cli.commands.test_verify import TENANT, customer, sides, under_another_name, user
from tests.cli.conftest import Cli

from sandbox.aws import TABLE

__all__ = ["sides"]


def linked(sides: Cli, count: int) -> list[str]:
    """Put linked users in; return their customers."""
    ids = [customer(sides, number) for number in range(count)]
    for number, each in enumerate(ids):
        user(sides, number, each)
    return ids


def planned(sides: Cli, path: Path) -> str:
    """Plan to clear what leads nowhere; return what was said beside the plan."""
    told = sides("repair", "--kind", "dangling")
    path.write_text(told.out)
    return told.err


@pytest.mark.parametrize("gone", [11, 12])
def test_another_accounts_list(sides: Cli, tmp_path: Path, gone: int) -> None:
    """Named beside the plan, and carried out only by who says its size to the step."""
    for each in linked(sides, gone):
        sides.box.stripe.delete(each)
    said = planned(sides, plan := tmp_path / "plan")
    assert "another account's key" in said
    assert f"--force {gone}" in said

    for words in ((), ("--force", str(gone - 1)), ("--force", str(gone + 1))):
        refused = sides("repair", "--apply", str(plan), *words)
        assert refused.code == 4
        assert f"--force {gone}" in refused.err
    assert sides("repair", "--apply", str(plan), "--force", str(gone)).code == 0


@pytest.mark.parametrize("scrubbed", [13, 20, 40])
def test_scrubbed_addresses(sides: Cli, tmp_path: Path, scrubbed: int) -> None:
    """A tenant restored with made-up addresses gives them to nobody's customer without a word."""
    linked(sides, 40)
    before = sorted(each["email"] for each in sides.box.stripe.live_customers())
    for number, profile in zip(range(scrubbed), sides.box.tenant.users.values(), strict=False):
        profile["email"] = f"scrubbed-{number}@example.invalid"
    told = sides("repair", "--kind", "email_drift")
    (plan := tmp_path / "plan").write_text(told.out)

    assert f"--force {scrubbed}" in told.err
    assert sides("repair", "--apply", str(plan)).code == 4
    assert sorted(each["email"] for each in sides.box.stripe.live_customers()) == before
    assert sides("repair", "--apply", str(plan), "--force", str(scrubbed)).code == 0


@pytest.mark.parametrize(("links", "gone", "code"), [(40, 12, 0), (40, 13, 4), (12, 10, 0)])
def test_short_list(sides: Cli, tmp_path: Path, links: int, gone: int, code: int) -> None:
    """Up to 30 % of the links, or ten, go without a word."""
    for each in linked(sides, links)[:gone]:
        sides.box.stripe.delete(each)
    said = planned(sides, plan := tmp_path / "plan")

    assert ("--force" in said) is bool(code)
    assert sides("repair", "--apply", str(plan)).code == code


def test_header_that_was_taken_out(sides: Cli, tmp_path: Path) -> None:
    """Of an unknown number of links, eleven are too many."""
    for each in linked(sides, 11):
        sides.box.stripe.delete(each)
    planned(sides, plan := tmp_path / "plan")
    plan.write_text("\n".join(plan.read_text().splitlines()[1:]))

    assert "an unknown number" in sides("repair", "--apply", str(plan)).err


@pytest.mark.parametrize("words", [("verify",), ("repair",), ("backfill", "--dry-run")])
def test_another_tenants_name(sides: Cli, words: tuple[str, ...]) -> None:
    """Where most of our customers name another tenant, nothing is compared with this one."""
    linked(sides, 3)
    sides.box.aws.create_stack(sides.box.url, {"Tenants": ""})
    told = sides("--tenant", "127", *words, "--folder", "here")

    assert told.code == 4
    assert "The tenant is not 127" in told.out + told.err


def under_the_name_127(cli: Cli, numbers: range) -> None:
    """Put in what a backfill under a wrong tenant's name has made."""
    for each in numbers:
        under_another_name(cli, each)


def test_made_under_a_wrong_name(sides: Cli, tmp_path: Path) -> None:
    """What is refused says what mends it: a plan, whose number is said, renames them all."""
    linked(sides, 3)
    under_the_name_127(sides, range(10, 22))
    refused = sides("verify", "--folder", "here")
    told = sides("repair", "--kind", "other_tenant", "--folder", "here")
    plan = tmp_path / "plan"
    plan.write_text(told.out)
    without = sides("repair", "--apply", str(plan))
    done = sides("repair", "--apply", str(plan), "--force", "12", "--json").json()["counts"]

    assert (refused.code, "repair --kind other_tenant" in refused.err) == (4, True)
    assert told.out.count('"other_tenant: 127"') == 12
    assert (without.code, done["done"]) == (4, 12)
    assert {each["metadata"]["auth0_tenant"] for each in sides.box.stripe.live_customers()} == {
        "acme"
    }
    assert sides("verify", "--folder", "here").code == 0


def test_what_names_a_tenant_that_is_served(sides: Cli, tmp_path: Path) -> None:
    """It is that tenant's: a person decides, also where the plan is edited by hand."""
    sides.box.aws.create_stack(sides.box.url, {"Tenants": "acme,acme-staging"})
    under_another_name(sides, 1, "acme-staging")
    [line] = sides(*TENANT, "repair", "--kind", "other_tenant").out.splitlines()
    plan = tmp_path / "plan"
    plan.write_text(line.replace('"decide"', '"rename"'))
    done = sides(*TENANT, "repair", "--apply", str(plan), "--json").json()

    assert json.loads(line)["act"] == "decide"
    assert "serves the tenant" in line
    assert done["counts"]["skipped"] == 1
    assert "serves the tenant" in str(done["rows"])


@pytest.mark.parametrize("words", [("verify",), ("repair",), ("backfill", "--dry-run")])
def test_name_is_the_deployments(sides: Cli, words: tuple[str, ...]) -> None:
    """By an address for a domain, which says none."""
    linked(sides, 3)

    assert sides(*words, "--folder", "here").code == 0


@pytest.mark.parametrize("words", [("verify",), ("repair",), ("backfill", "--dry-run")])
def test_name_is_the_records(sides: Cli, words: tuple[str, ...]) -> None:
    """A deployment that names no tenants has a ledger."""
    linked(sides, 3)
    key = {"pk": {"S": "signup#acme#auth0|1#2"}, "state": {"S": "linked"}}
    sides.box.aws.dynamodb.put_item(TableName=TABLE, Item=key)
    sides.box.aws.create_stack(sides.box.url, {"Tenants": ""})

    assert sides(*words, "--folder", "here").code == 0


def test_test_data_were_deleted(sides: Cli, tmp_path: Path) -> None:
    """What Stripe does not know is given up for who says the number, and for nobody else."""
    linked(sides, 3)
    sides.box.stripe._customers.clear()
    planned(sides, plan := tmp_path / "plan")
    without = sides("repair", "--apply", str(plan), "--json").json()["counts"]
    with_it = sides("repair", "--apply", str(plan), "--force", "3", "--json").json()["counts"]
    made = sides("backfill", "--json").json()["counts"]

    assert (without["done"], without["skipped"]) == (0, 3)
    assert (with_it["done"], made["created"]) == (3, 3)
