"""`customerlink repair`: a plan to read, and the plan carried out."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands.test_verify import (
    INJECTED,
    TENANT,
    customer,
    linked,
    registered,
    sides,
    user,
    with_capitals,
)
from tests.cli.conftest import Cli

from customerlink.model.drift import Drift
from customerlink.model.repair_plan import ACT, SAFE, Act
from sandbox.stripe_account import Fault, FaultKind

__all__ = ["sides"]

type Lines = list[dict[str, Any]]

DELETING = [drift for drift, act in ACT.items() if act is Act.REMOVE]
"""All for which a customer is deleted in Stripe."""


def plan(cli: Cli, *kinds: Drift) -> Lines:
    """Print a plan; return its lines."""
    words = [word for each in kinds for word in ("--kind", str(each))]
    result = cli(*TENANT, "repair", *words)
    assert result.code == 0, result.err
    return [json.loads(each) for each in result.out.splitlines() if each.startswith("{")]


def applied(cli: Cli, lines: Lines, path: Path) -> dict[str, Any]:
    """Carry a plan out; return what became of it."""
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    result = cli(*TENANT, "repair", "--apply", str(path), "--json")
    assert result.code == 0, result.err
    return result.json()


def metadata(cli: Cli, number: int) -> dict[str, Any]:
    """Return a user's `app_metadata`."""
    return dict(cli.box.tenant.users[f"auth0|{number}"].get("app_metadata", {}))


def kind_of(cli: Cli, number: int) -> str:
    """Return what verify finds a user to be."""
    counts = cli(*TENANT, "verify", f"auth0|{number}", "--json").json()["counts"]
    [kind] = [name for name, count in counts.items() if count]
    return str(kind)


def test_safe_kinds_by_default(sides: Cli) -> None:
    """Of everything that differs, only what names itself; a plan changes nothing."""
    for number, inject in enumerate(INJECTED.values()):
        inject(sides, 10 * number)
    before = len(sides.box.stripe.live_customers())
    sides.changes()
    lines = plan(sides)

    assert [(each["act"], each["drift"]) for each in lines] == [
        ("record", "unrecorded"),
        ("claim", "unclaimed"),
    ]
    assert [each for each in sides.changes() if "PATCH" in each] == []
    assert len(sides.box.stripe.live_customers()) == before
    assert "@" not in json.dumps(lines)


def test_the_help_promises_what_is_done(cli: Cli) -> None:
    """The kinds that are repaired by default, and those for which something is deleted."""
    told = " ".join(cli("repair", "--help").out.split())

    assert f"Without --kind it is for {' and '.join(SAFE)}, for which" in told
    assert f"Only --kind {' and '.join(DELETING)} deletes customers in Stripe." in told


@pytest.mark.parametrize("kind", sorted(set(ACT) - set(DELETING)))
def test_nothing_else_deletes(sides: Cli, tmp_path: Path, kind: Drift) -> None:
    """Whatever the plan for another kind does, every customer is still there."""
    INJECTED[kind](sides, 1)
    before = {each["id"] for each in sides.box.stripe.live_customers()}
    applied(sides, plan(sides, kind), tmp_path / "plan")

    assert before <= {each["id"] for each in sides.box.stripe.live_customers()}


@pytest.mark.parametrize("by_login", [True, False])
def test_customer_of_the_other_mode_that_the_ledger_links(
    sides: Cli, tmp_path: Path, *, by_login: bool
) -> None:
    """As when a key of the other mode was put in: the ledger gives it up with the profile."""
    user(sides, 1)
    tenant, stripe = sides.box.tenant, sides.box.stripe
    [secret] = sides.stored()["action_signing_secrets"]
    sides.patch.setitem(tenant.secrets, "CUSTOMERLINK_SIGNING_SECRET", secret)
    assert tenant.login("auth0|1").decision == "continue"
    others = metadata(sides, 1)["stripe_customer_id"]
    del stripe._customers[others]
    stripe.other_mode.add(others)
    assert kind_of(sides, 1) == Drift.WRONG_MODE
    applied(sides, plan(sides, Drift.WRONG_MODE), tmp_path / "plan")
    if by_login:
        assert tenant.login("auth0|1").decision == "continue"
    else:
        applied(sides, plan(sides, Drift.UNLINKED), tmp_path / "plan")

    assert kind_of(sides, 1) == Drift.LINKED
    assert metadata(sides, 1)["stripe_customer_id"] != others


def test_nothing_to_repair(sides: Cli) -> None:
    """Said on stderr, so that the plan in a file is an empty one."""
    linked(sides, 1)
    result = sides(*TENANT, "repair")

    assert (result.code, result.out, result.err) == (0, "", "Nothing to repair.\n")


@pytest.mark.parametrize(
    ("kind", "act"),
    [
        (Drift.UNRECORDED, "record"),
        (Drift.UNLINKED, "provision"),
        (Drift.EMAIL_DRIFT, "set_email"),
        (Drift.UNCLAIMED, "claim"),
        (Drift.UNNAMED, "adopt"),
        (Drift.OTHER_TENANT, "rename"),
    ],
)
def test_mended(sides: Cli, tmp_path: Path, kind: Drift, act: str) -> None:
    """Then verify finds the user linked; the rest of the profile is as it was."""
    INJECTED[kind](sides, 1)
    sides.box.tenant.users["auth0|1"]["app_metadata"]["plan"] = {"tier": 1}
    sides.box.tenant.users["auth0|1"]["user_metadata"] = {"theirs": 1}
    lines = plan(sides, kind)
    done = applied(sides, lines, tmp_path / "plan")

    assert [each["act"] for each in lines] == [act]
    assert done["counts"] == {"done": 1, "skipped": 0, "failed": 0, "left to you": 0}
    assert kind_of(sides, 1) == "linked"
    assert metadata(sides, 1)["plan"] == {"tier": 1}
    assert sides.box.tenant.users["auth0|1"]["user_metadata"] == {"theirs": 1}


def test_lowered(sides: Cli, tmp_path: Path) -> None:
    """Of whomever the customers are: a sign-up sees them then, and verify is content."""
    with_capitals(sides, 1)
    user(sides, 2, customer(sides, 2, email="USER-2@example.com"))
    lines = plan(sides, Drift.LETTER_CASE)
    done = applied(sides, lines, tmp_path / "plan")

    assert [each["act"] for each in lines] == ["lower_email"] * 2
    assert done["counts"]["done"] == 2
    assert sorted(each["email"] for each in sides.box.stripe.live_customers()) == [
        "user-1@example.com",
        "user-2@example.com",
    ]
    assert sides(*TENANT, "verify").code == 0


def test_customer_of_two_profiles(sides: Cli, tmp_path: Path) -> None:
    """Whose it is, a person decides."""
    made = customer(sides, 1, metadata={})
    for number in (1, 2):
        user(sides, number, made, email="user-1@example.com", email_verified=True)
    lines = plan(sides, Drift.UNNAMED)

    assert [each["act"] for each in lines] == ["decide"] * 2
    assert "auth0|2" in lines[0]["reason"]
    # Edited by hand, it is not carried out all the same.
    done = applied(sides, [each | {"act": "adopt"} for each in lines], tmp_path / "plan")
    assert done["counts"]["skipped"] == 2


@pytest.mark.parametrize("odd", [42, ["cus_1"], {"id": "cus_1"}])
def test_id_that_is_no_text(sides: Cli, odd: object) -> None:
    """It is in no plan that takes it out, and would be skipped for ever; a person decides."""
    user(sides, 1, app_metadata={"stripe_customer_id": odd})

    assert plan(sides, Drift.DANGLING, Drift.WRONG_MODE) == []
    [line] = plan(sides, Drift.MISMATCHED)
    assert (line["act"], line["reason"]) == ("decide", "mismatched: (odd)")


@pytest.mark.parametrize("kind", [Drift.DENIED, Drift.EXEMPT])
def test_nothing_to_mend(sides: Cli, kind: Drift) -> None:
    """What is in order is not planned."""
    INJECTED[kind](sides, 1)

    assert plan(sides, kind) == []


@pytest.mark.parametrize("kind", [Drift.DANGLING, Drift.WRONG_MODE])
def test_cleared(sides: Cli, tmp_path: Path, kind: Drift) -> None:
    """The id is taken out, and the next login finishes the sign-up."""
    INJECTED[kind](sides, 1)
    applied(sides, plan(sides, kind), tmp_path / "plan")
    assert metadata(sides, 1) == {"stripe_signup": "unfinished"}

    applied(sides, plan(sides, Drift.UNLINKED), tmp_path / "plan")
    assert kind_of(sides, 1) == "linked"
    assert "stripe_signup" not in metadata(sides, 1)


@pytest.mark.parametrize("kind", [Drift.MISMATCHED, Drift.DUPLICATE])
def test_left_to_a_person(sides: Cli, tmp_path: Path, kind: Drift) -> None:
    """A line to read, with the ids; nothing is changed, nothing is deleted."""
    INJECTED[kind](sides, 1)
    before = sides.box.stripe.live_customers(), {**sides.box.tenant.users}
    lines = plan(sides, kind)
    done = applied(sides, lines, tmp_path / "plan")

    assert {each["act"] for each in lines} == {"decide"}
    assert done["counts"]["left to you"] == len(lines) > 0
    assert (sides.box.stripe.live_customers(), {**sides.box.tenant.users}) == before


@pytest.mark.usefixtures("no_waits")
class TestLinkedByOtherWays:
    """Accounts that were linked past the shop's page: the customers follow later."""

    def test_both_had_one(self, sides: Cli, tmp_path: Path) -> None:
        """The second one says by which it is superseded, and verify is content."""
        INJECTED[Drift.ORPHANED](sides, 1)
        lines = plan(sides, Drift.ORPHANED)
        assert [(each["act"], each["user_id"]) for each in lines] == [("follow", "auth0|1001")]
        done = applied(sides, lines, tmp_path / "plan")
        result = sides(*TENANT, "verify", "--json")

        assert done["counts"]["done"] == 1
        assert (result.code, result.json()["counts"]["superseded"]) == (0, 1)

    def test_only_the_second_had_one(self, sides: Cli, tmp_path: Path) -> None:
        """It becomes the primary's; carried out once more, nothing is left to do."""
        moved = customer(sides, 1)
        primary = user(sides, 1001)
        user(sides, 1)
        sides.box.tenant.users.link(primary, {"provider": "auth0", "user_id": "1"})
        lines = plan(sides, Drift.ORPHANED)
        done = applied(sides, lines, tmp_path / "plan")

        assert done["counts"]["done"] == 1
        assert metadata(sides, 1001) == {"stripe_customer_id": moved}
        # The customer brought its address along, which is another account's than the profile's.
        assert kind_of(sides, 1001) == "email_drift"
        assert applied(sides, lines, tmp_path / "plan")["counts"]["skipped"] == 1

    def test_unlinked_meanwhile(self, sides: Cli, tmp_path: Path) -> None:
        """A plan's word is not taken for it."""
        INJECTED[Drift.ORPHANED](sides, 1)
        lines = plan(sides, Drift.ORPHANED)
        sides.box.tenant.users["auth0|1001"].pop("identities")
        done = applied(sides, lines, tmp_path / "plan")

        assert done["counts"]["skipped"] == 1

    def test_user_who_was_deleted(self, sides: Cli) -> None:
        """No primary: somebody has to decide."""
        customer(sides, 1)

        assert [each["act"] for each in plan(sides, Drift.ORPHANED)] == ["decide"]


class TestAbandoned:
    """Registrations that Auth0 refused after their customer was made."""

    @pytest.mark.usefixtures("no_waits")
    def test_removed(self, sides: Cli, tmp_path: Path) -> None:
        """If it is ours, old enough and unused; and the address is free again."""
        made = registered(sides, 1)
        lines = plan(sides, Drift.ABANDONED)
        assert [(each["act"], each["customer_id"]) for each in lines] == [("remove", made)]
        done = applied(sides, lines, tmp_path / "plan")

        assert done["counts"]["done"] == 1
        assert sides.box.stripe.live_customers() == []

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"description": "changed by hand"}, "was changed"),
            ({"created": 2**32}, "younger than a day"),
            ({"balance": -500}, "was used"),
            ({"next_invoice_sequence": 2}, "was used"),
            ({"default_source": "card_1"}, "was used"),
            ({"invoice_settings": {"default_payment_method": "pm_1"}}, "was used"),
        ],
    )
    def test_kept(self, sides: Cli, tmp_path: Path, change: dict[str, Any], why: str) -> None:
        """Whatever speaks for somebody's having used it."""
        made = registered(sides, 1)
        lines = plan(sides, Drift.ABANDONED)
        sides.box.stripe._customers[made] |= change
        done = applied(sides, lines, tmp_path / "plan")

        assert done["counts"]["skipped"] == 1
        assert why in str(done["steps"])
        assert len(sides.box.stripe.live_customers()) == 1

    def test_claimed_meanwhile(self, sides: Cli, tmp_path: Path) -> None:
        """The user came after all: by name in the metadata, or by the id in the profile."""
        first, second = registered(sides, 1), registered(sides, 2)
        lines = plan(sides, Drift.ABANDONED)
        sides.box.stripe._customers[first]["metadata"]["auth0_user_id"] = "auth0|1"
        user(sides, 2, second)
        done = applied(sides, lines, tmp_path / "plan")

        assert done["counts"]["skipped"] == 2
        assert len(sides.box.stripe.live_customers()) == 2

    def test_one_of_several_with_the_address_has_it(self, sides: Cli, tmp_path: Path) -> None:
        """All of them are asked, not the first one only."""
        made = registered(sides, 1)
        lines = plan(sides, Drift.ABANDONED)
        first = {"email": "user-1@example.com", "app_metadata": {}}
        sides.box.tenant.users.add(first, "google-oauth2|1")
        user(sides, 1, made)
        done = applied(sides, lines, tmp_path / "plan")

        assert "a user has it" in str(done["steps"])
        assert len(sides.box.stripe.live_customers()) == 1

    def test_registering_right_now(self, sides: Cli, tmp_path: Path) -> None:
        """Who holds the registration's lease goes first."""
        registered(sides, 1)
        lines = plan(sides, Drift.ABANDONED)
        key = {"pk": {"S": f"signup#acme#registration|{1:032x}"}}
        held = {"state": {"S": "open"}, "lease_until": {"N": "9999999999"}, "owner": {"S": "x"}}
        sides.box.aws.dynamodb.put_item(TableName="LedgerTable", Item=key | held)
        done = applied(sides, lines, tmp_path / "plan")

        assert "registers right now" in str(done["steps"])


class TestExpectations:
    """What changed since the plan was made is skipped, and said."""

    def skipped(self, sides: Cli, lines: Lines, path: Path) -> str:
        """Carry out a plan of one line that must be skipped; return why."""
        before = sides.box.stripe.live_customers()
        done = applied(sides, lines, path)
        assert done["counts"] == {"done": 0, "skipped": 1, "failed": 0, "left to you": 0}
        assert sides.box.stripe.live_customers() == before
        return str(done["steps"][-1])

    def test_record(self, sides: Cli, tmp_path: Path) -> None:
        """Somebody logged in; the customer is gone; the user is gone."""
        path = tmp_path / "plan"
        user(sides, 1)
        made = customer(sides, 1)
        lines = plan(sides)
        profile = sides.box.tenant.users["auth0|1"]
        profile["app_metadata"] = {"stripe_customer_id": "cus_other"}
        assert "has an id by now" in self.skipped(sides, lines, path)
        assert metadata(sides, 1) == {"stripe_customer_id": "cus_other"}

        profile["app_metadata"] = {}
        sides.box.stripe.update(made, {"metadata": {"auth0_user_id": "auth0|9"}})
        assert "does not name the user" in self.skipped(sides, lines, path)
        del sides.box.tenant.users["auth0|1"]
        assert "user is gone" in self.skipped(sides, lines, path)

    def test_clear(self, sides: Cli, tmp_path: Path) -> None:
        """The profile has another id."""
        INJECTED[Drift.DANGLING](sides, 1)
        lines = plan(sides, Drift.DANGLING)
        sides.box.tenant.users["auth0|1"]["app_metadata"] = {"stripe_customer_id": "cus_new"}

        assert "another id by now" in self.skipped(sides, lines, tmp_path / "plan")
        assert metadata(sides, 1) == {"stripe_customer_id": "cus_new"}

    def test_set_email(self, sides: Cli, tmp_path: Path) -> None:
        """Somebody else's customer has the address by now."""
        INJECTED[Drift.EMAIL_DRIFT](sides, 1)
        lines = plan(sides, Drift.EMAIL_DRIFT)
        sides.box.stripe.create({"email": "user-1@example.com"})

        assert "the address has cus_" in self.skipped(sides, lines, tmp_path / "plan")

    def test_provision(self, sides: Cli, tmp_path: Path) -> None:
        """Somebody else's customer has the address by now: nobody is refused.

        A refusal in the ledger would shut the user out, who could log in until now.
        """
        INJECTED[Drift.UNLINKED](sides, 1)
        lines = plan(sides, Drift.UNLINKED)
        sides.box.stripe.create({"email": "user-1@example.com"})
        skipped = self.skipped(sides, lines, tmp_path / "plan")

        assert "the address has cus_" in skipped
        assert not any("reason" in each for each in sides.box.aws.items())


def test_taken_address_is_planned_as_a_decision(sides: Cli) -> None:
    """With the customer that has it."""
    user(sides, 1)
    taken = str(sides.box.stripe.create({"email": "user-1@example.com"})["id"])
    [line] = plan(sides, Drift.UNLINKED)

    assert (line["act"], taken in line["reason"]) == ("decide", True)


def test_again_changes_nothing(sides: Cli, tmp_path: Path) -> None:
    """A plan that was carried out is skipped the second time."""
    INJECTED[Drift.UNRECORDED](sides, 1)
    INJECTED[Drift.UNLINKED](sides, 2)
    lines = plan(sides, Drift.UNRECORDED, Drift.UNLINKED)
    first = applied(sides, lines, tmp_path / "plan")
    second = applied(sides, lines, tmp_path / "plan")

    assert (first["counts"]["done"], second["counts"]["skipped"]) == (2, 2)
    assert len(sides.box.stripe.live_customers()) == 2


def test_a_lost_answer_makes_no_second_customer(sides: Cli, tmp_path: Path) -> None:
    """Every creation goes through the pipeline and its ledger."""
    user(sides, 1)
    lines = plan(sides, Drift.UNLINKED)
    sides.box.stripe.faults.append(Fault(FaultKind.DROP_AFTER, "POST"))
    applied(sides, lines, tmp_path / "plan")

    assert len(sides.box.stripe.live_customers()) == 1
    assert kind_of(sides, 1) == "linked"


def test_only_two_keys_of_the_profile_are_written(sides: Cli, tmp_path: Path) -> None:
    """Asked of the tenant's own record of requests: one PATCH for each user."""
    INJECTED[Drift.UNRECORDED](sides, 1)
    linked(sides, 2)
    lines = plan(sides)
    sides.changes()
    applied(sides, lines, tmp_path / "plan")

    assert [each.split()[:2] for each in sides.changes()] == [
        ["PATCH", "/api/v2/users/auth0|1"],
    ]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"act": "record"}', '{"act": "delete", "drift": "linked"}']
)
def test_plan_that_cannot_be_read(sides: Cli, tmp_path: Path, text: str) -> None:
    """The line is named, and nothing is begun."""
    INJECTED[Drift.UNRECORDED](sides, 1)
    [line] = plan(sides)
    path = tmp_path / "plan"
    path.write_text(f"{json.dumps(line)}\n{text}\n")
    result = sides(*TENANT, "repair", "--apply", str(path))

    assert (result.code, "line 2 of the plan" in result.err) == (1, True)
    assert metadata(sides, 1) == {}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_plan_that_windows_wrote(sides: Cli, tmp_path: Path, encoding: str) -> None:
    """PowerShell's redirection makes UTF-16, or puts a byte order mark before the text."""
    INJECTED[Drift.UNRECORDED](sides, 1)
    [line] = plan(sides)
    path = tmp_path / "plan"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes(f"{mark}{json.dumps(line)}\r\n".encode(encoding))

    assert sides(*TENANT, "repair", "--apply", str(path)).code == 0
    assert metadata(sides, 1) != {}


def test_plan_that_is_no_text(sides: Cli, tmp_path: Path) -> None:
    """A sentence, and no bug."""
    path = tmp_path / "plan"
    path.write_bytes(b"\xff\xfe\x00")

    assert sides(*TENANT, "repair", "--apply", str(path)).code == 2


def test_missing_plan(sides: Cli) -> None:
    """A sentence."""
    assert sides(*TENANT, "repair", "--apply", "none").code == 2


def test_live_mode_asks(sides: Cli, tmp_path: Path) -> None:
    """Before a plan of any length is carried out."""
    INJECTED[Drift.UNRECORDED](sides, 1)
    [line] = plan(sides)
    path = tmp_path / "plan"
    path.write_text(json.dumps(line))

    assert sides("--mode", "live", *TENANT, "repair", "--apply", str(path)).code == 2
    assert metadata(sides, 1) == {}


@pytest.mark.parametrize("number", [0, 1, 3])
def test_plan_for_machines(sides: Cli, tmp_path: Path, number: int) -> None:
    """One document, with rows as verify has them; it can be carried out as its lines can."""
    for each in range(number):
        user(sides, each)
        customer(sides, each)
    result = sides(*TENANT, "repair", "--json")
    (tmp_path / "plan").write_text(result.out)
    document = result.json()

    assert [each["user_id"] for each in document["plan"]] == [f"auth0|{n}" for n in range(number)]
    assert document["rows"] == []
    assert sides(*TENANT, "repair", "--apply", str(tmp_path / "plan")).code == 0
    assert sides(*TENANT, "verify").code == 0
