"""`customerlink install`, with three foreign Actions in the Login flow."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import ACTION, FOREIGN, Cli, foreign

from customerlink.adapters.built_actions import action_code
from customerlink.cli import installing
from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment
from customerlink.cli.probes import SelfTestResult
from customerlink.cli.session import Session
from customerlink.model.actions import (
    DENIAL_TEXTS,
    DENYING,
    REGISTRATION,
    SIGNING_SECRET,
    TRIGGERS,
    URL,
    marked,
    unmarked,
)
from customerlink.model.secret import Secret
from sandbox.aws import WATCH_SECRET
from sandbox.sandbox import Sandbox
from sandbox.tenant import ACTIONS, ActionHost, Tenant

STEPS = [
    "store the Stripe key",
    "store a signing secret",
    "store the key of users' names in logs",
    "store a key for link tickets",
    "store a key for self-tests",
    "create the Action",
    "deploy the Action",
    "bind the Action to its flow",
    "tell the watch what to look for",
]


def installed(cli: Cli) -> dict[str, Any]:
    """Return the Action as the tenant has it."""
    [action] = cli.actions().list_page({"actionName": ACTION})["actions"]
    return dict(action)


def end_state(cli: Cli) -> tuple[Any, ...]:
    """Return everything that an install leaves, but for what is random."""
    action = installed(cli)
    secret = cli.stored()
    settings = cli.actions().secrets_of(ACTION)
    return (
        cli.flow(),
        action["all_changes_deployed"],
        unmarked(action["code"]),
        settings["CUSTOMERLINK_URL"],
        [settings["CUSTOMERLINK_SIGNING_SECRET"]] == secret["action_signing_secrets"],
        secret["stripe_restricted_key"],
    )


def policy_now() -> str:
    """Return the stack's `VerifiedEmail`."""
    return str(Deployment(Config()).verified_email())


class TestVerifiedEmail:
    """The stack's choice, which is asked for where somebody is there to answer."""

    @pytest.mark.parametrize("words", [(), ("--yes",), ("--json",)])
    def test_nobody_to_ask(self, cli: Cli, words: tuple[str, ...]) -> None:
        """It stays, and is named with what it means."""
        result = cli("install", *words, stdin=cli.box.stripe_key)

        assert result.code == 0, result.err
        assert "VerifiedEmail stays optional" in result.out + result.err or "--json" in words
        assert policy_now() == "optional"

    @pytest.mark.parametrize("wanted", ["required", "optional"])
    def test_flag(self, cli: Cli, wanted: str) -> None:
        """It is set, and set back."""
        other = {"required": "optional", "optional": "required"}[wanted]
        cli.box.aws.create_stack(cli.box.url, {"VerifiedEmail": other, "TrustedConnections": "x"})
        result = cli("install", "--verified-email", wanted, stdin=cli.box.stripe_key)

        assert result.code == 0, result.err
        assert policy_now() == wanted
        assert Deployment(Config()).outputs.parameters["TrustedConnections"] == "x"

    def test_file(self, cli: Cli, tmp_path: Path) -> None:
        """A profile answers as well; a wrong word changes nothing."""
        (tmp_path / "customerlink.toml").write_text('verified_email = "required"')
        assert cli("install", stdin=cli.box.stripe_key).code == 0
        assert policy_now() == "required"

        (tmp_path / "customerlink.toml").write_text('verified_email = "perhaps"')
        assert cli("install").code == 2
        assert policy_now() == "required"

    def test_dry_run(self, cli: Cli) -> None:
        """It is told, and not done."""
        result = cli("install", "--dry-run", "--verified-email", "required")

        assert "would update the stack: VerifiedEmail=required" in result.out
        assert policy_now() == "optional"

    def test_stack_of_an_earlier_release(self, cli: Cli) -> None:
        """There is nothing to choose: who wants it has to deploy."""
        cli.box.aws.create_stack(cli.box.url, {"VerifiedEmail": ""})

        assert cli("install", stdin=cli.box.stripe_key).code == 0
        assert cli("install", "--verified-email", "required").code != 0


class TestInstall:
    """The Action, its place, its settings, and the deployment's keys."""

    def test_everything_is_put_in(self, cli: Cli, box: Sandbox) -> None:
        """Ours at the end of the flow; the three others are where they were."""
        result = cli("install", stdin=box.stripe_key)

        assert result.code == 0, result.err
        assert cli.flow() == [*FOREIGN, ACTION]
        assert end_state(cli) == (
            [*FOREIGN, ACTION],
            True,
            (ACTIONS / "post-login.js").read_text(),
            box.url,
            True,
            box.stripe_key,
        )
        assert installed(cli)["runtime"] == "node22"
        assert "200 not_new" in result.out

    def test_the_installed_action_signs_somebody_up(self, cli: Cli, tmp_path: Path) -> None:
        """By the code and the secrets that the tenant has now."""
        cli.install()
        path = tmp_path / "action.js"
        path.write_text(installed(cli)["deployed_version"]["code"])
        with ActionHost(path) as host:
            tenant = Tenant(host, cli.actions().secrets_of(ACTION))
            login = tenant.login(tenant.add_user("auth0|installed", email="installed@example.com"))

        assert login.decision == "continue", host.logs

    def test_others_keep_names_secrets_and_code(self, cli: Cli) -> None:
        """Nothing of theirs is touched, display names included."""
        names = [
            each["display_name"] for each in cli.actions().bindings("post-login", {})["bindings"]
        ]
        cli.install()
        after = cli.actions().bindings("post-login", {})["bindings"]

        assert [each["display_name"] for each in after] == [*names, ACTION]
        for name in FOREIGN:
            assert cli.actions().secrets_of(name) == {"THEIRS": name}

    def test_again_changes_nothing(self, cli: Cli) -> None:
        """No request but for reading, no new version of the secret."""
        cli.install()
        stored = cli.stored()
        cli.changes()
        result = cli("install")

        assert result.code == 0
        assert "Nothing to do" in result.out
        assert cli.changes() == []
        assert cli.stored() == stored

    def test_place_in_the_flow_is_kept(self, cli: Cli) -> None:
        """Somebody moved ours to the front: it stays there."""
        cli.install()
        bindings = cli.actions().bindings("post-login", {})["bindings"]
        moved = [bindings[-1], *bindings[:-1]]
        refs = [{"ref": {"type": "binding_id", "value": each["id"]}} for each in moved]
        cli.actions().bind("post-login", {"bindings": refs})
        cli("install")

        assert cli.flow() == [ACTION, *FOREIGN]

    def test_optional_secrets_survive(self, cli: Cli, box: Sandbox) -> None:
        """Which somebody put in by hand, also when the code is changed."""
        cli.install()
        action = installed(cli)
        kept = [{"name": each["name"]} for each in action["secrets"]]
        more = {"name": "CUSTOMERLINK_TIMEOUT_MS", "value": "4000"}
        cli.actions().update(action["id"], {"secrets": [*kept, more], "code": "// edited"})
        cli.actions().deploy(action["id"])
        result = cli("install")

        assert result.code == 0
        secrets = cli.actions().secrets_of(ACTION)
        assert secrets["CUSTOMERLINK_TIMEOUT_MS"] == "4000"
        assert secrets["CUSTOMERLINK_URL"] == box.url
        assert end_state(cli)[2] == (ACTIONS / "post-login.js").read_text()

    @pytest.mark.parametrize("names", [(URL,), (SIGNING_SECRET,), (URL, SIGNING_SECRET)])
    def test_secrets_that_somebody_set_are_set_again(
        self, cli: Cli, names: tuple[str, ...]
    ) -> None:
        """Auth0 tells when a secret was set, and the deployment's secret when install did."""
        cli.install()
        before = cli.actions().secrets_of(ACTION)
        action = installed(cli)
        kept = [each for each in action["secrets"] if each["name"] not in names]
        others = [{"name": each, "value": "https://other.example"} for each in names]
        cli.actions().update(action["id"], {"secrets": [*kept, *others]})
        cli.actions().deploy(action["id"])
        result, again = cli("install", "--json"), cli("install", "--json")

        assert result.json()["changes"] == ["update the Action", "deploy the Action"]
        assert cli.actions().secrets_of(ACTION) == before
        assert again.json()["changes"] == []

    def test_another_stacks_action_is_noticed(self, cli: Cli, box: Sandbox) -> None:
        """The note has the print of another address and another secret."""
        cli.install()
        document = cli.stored()
        [note] = document["installed_actions"].values()
        note["settings"] = "0" * 32
        cli.store(json.dumps(document))

        assert cli("install", "--json").json()["changes"] == [
            "update the Action",
            "deploy the Action",
        ]
        assert cli.actions().secrets_of(ACTION)["CUSTOMERLINK_URL"] == box.url

    def test_an_earlier_releases_action_is_brought_up_to_date(self, cli: Cli) -> None:
        """Its last line says whose it is, whatever stands above; then there is nothing to do."""
        cli.install()
        action = installed(cli)
        earlier = "/** Of an earlier release. */\nexports.onExecutePostLogin = async () => {};"
        with_print = f"{marked(earlier).rstrip()}: {'0f' * 16}\n"
        cli.actions().update(action["id"], {"code": with_print})
        cli.actions().deploy(action["id"])
        cli.store(json.dumps({**cli.stored(), "installed_actions": {}}))
        update, again = cli("install", "--json"), cli("install", "--json")

        assert update.json()["changes"] == ["update the Action", "deploy the Action"]
        assert installed(cli)["code"] == action["code"]
        assert again.json()["changes"] == []

    def test_code_is_the_same_for_every_stack(self, cli: Cli) -> None:
        """What other tools export and import tells nothing of the secrets, which they leave out."""
        cli.install()

        assert installed(cli)["code"] == marked((ACTIONS / "post-login.js").read_text())

    def test_functions_read_the_secret_with_its_notes(self, cli: Cli) -> None:
        """They pass over the field, as those of earlier releases do."""
        cli.install()
        document = cli.stored()

        assert list(document["installed_actions"]) == [installed(cli)["id"]]
        assert Secret.parse(json.dumps(document), "v").stripe_key.value == cli.box.stripe_key

    def test_json(self, cli: Cli, box: Sandbox) -> None:
        """One document, nothing beside it."""
        document = cli("install", "--json", stdin=box.stripe_key).json()

        assert document["changes"] == STEPS
        assert document["self_test"]["passed"] is True
        assert document["url"] == box.url


def test_the_key_of_link_tickets_is_no_actions(cli: Cli, box: Sandbox) -> None:
    """It is made beside the other secrets, stays in Secrets Manager, and a second run keeps it."""
    assert cli("install", "--registration", stdin=box.stripe_key).code == 0
    [key] = cli.stored()["link_ticket_keys"]
    told = [cli.actions().secrets_of(ACTION)]
    told += [cli.actions().secrets_of(f"{ACTION} ({each})") for each in REGISTRATION]
    assert cli("install").code == 0

    assert key not in str(told)
    assert cli.stored()["link_ticket_keys"] == [key]


class TestDryRun:
    """The plan, without a change."""

    def test_plan_of_a_first_install(self, cli: Cli) -> None:
        """A summary, a line for each change; no source."""
        result = cli("install", "--dry-run")
        lines = len(action_code("post-login").splitlines())

        assert result.code == 0
        assert cli.changes() == []
        assert cli.stored() == {}
        assert f"would create the Action: {ACTION} ({lines + 1} lines new, 0 gone" in result.out
        assert "onExecutePostLogin" not in result.out
        assert "+" not in result.out
        assert "will ask for one" in result.out

    def test_in_full(self, cli: Cli) -> None:
        """Asked for, the code, and the flow as it would be."""
        result = cli("install", "--dry-run", "--diff")

        assert "+exports.onExecutePostLogin" in result.out
        assert f"+{ACTION}" in result.out

    def test_of_an_update(self, cli: Cli) -> None:
        """How much of the code is new, and how much is gone."""
        cli.install()
        action = installed(cli)
        changed = "// a line of somebody's\n" + action["code"]
        cli.actions().update(action["id"], {"code": changed})
        told = cli("install", "--dry-run").out

        assert f"would update the Action: {ACTION} (0 lines new, 1 gone; --diff" in told
        assert "somebody" not in told
        assert "-// a line of somebody's" in cli("install", "--dry-run", "--diff").out

    @pytest.mark.parametrize("words", [(), ("--yes",), ("--json",)])
    def test_diff_of_no_dry_run(self, cli: Cli, words: tuple[str, ...]) -> None:
        """It is said, before anything is looked at or changed."""
        result = cli("install", "--diff", *words)

        assert (result.code, cli.changes(), cli.stored()) == (2, [], {})

    def test_plan_in_json(self, cli: Cli) -> None:
        """For machines."""
        cli.install()
        assert cli("install", "--dry-run", "--json").json() == {"dry_run": True, "changes": []}


class TestOtherMode:
    """A live profile over a test stack, and the other way round."""

    @pytest.mark.parametrize("words", [(), ("--dry-run",), ("--yes",), ("--registration",)])
    def test_refused(self, cli: Cli, words: tuple[str, ...]) -> None:
        """Before anything is changed: the key that is there is told, and the way out."""
        cli.install()
        cli.changes()
        result = cli("--mode", "live", "install", *words)

        assert (result.code, cli.changes()) == (2, [])
        assert "The Stripe key is for test mode, this profile for live mode." in result.err
        assert "--profile" in result.err

    def test_declared(self, cli: Cli, tmp_path: Path) -> None:
        """Where another tool sets the Actions as well."""
        cli.install()
        (tmp_path / "customerlink.toml").write_text('actions = "declared"')
        before = cli.stored()
        result = cli("--mode", "live", "install", "--yes", "--to-file", "set.env")

        assert (result.code, cli.stored()) == (2, before)
        assert not (tmp_path / "set.env").exists()

    def test_live_key(self, cli: Cli) -> None:
        """A test profile over a live stack."""
        cli.install()
        cli.store_live_key()
        cli.changes()
        result = cli("install")

        assert (result.code, cli.changes()) == (2, [])
        assert "for live mode, this profile for test mode" in result.err


TEXTS = '{"nl": {"support": "Neem contact op."}}'
OTHER_TEXTS = '{"nl": {"support": "Bel ons."}}'


class TestDenialTexts:
    """What the stack's denials say is what the Action's own say too."""

    def deploy(self, cli: Cli, texts: str) -> None:
        """Let the stack have these DenialTexts."""
        cli.box.aws.create_stack(cli.box.url, {"DenialTexts": texts})

    def has(self, cli: Cli) -> str | None:
        """Return what the Action has."""
        return cli.actions().secrets_of(ACTION).get(DENIAL_TEXTS)

    def set_by_hand(self, cli: Cli, texts: str) -> None:
        """Let somebody set the secret in the dashboard."""
        [found] = cli.actions().list_page({"actionName": ACTION})["actions"]
        kept = [{"name": each} for each in (URL, SIGNING_SECRET)]
        body = {"secrets": [*kept, {"name": DENIAL_TEXTS, "value": texts}]}
        cli.actions().update(found["id"], body)
        cli.actions().deploy(found["id"])

    def diagnosis(self, cli: Cli) -> list[str]:
        """Return what doctor says of the texts."""
        checks = cli("doctor", "--json").json()["checks"]
        return [each["verdict"] for each in checks if each["name"] == "Action: texts"]

    def test_copied(self, cli: Cli) -> None:
        """Once, and again where the stack's have changed; taken out once it has none."""
        self.deploy(cli, TEXTS)
        cli.install()
        assert (self.has(cli), self.diagnosis(cli)) == (TEXTS, ["good"])
        cli.changes()
        assert (cli("install").code, cli.changes()) == (0, [])

        self.deploy(cli, OTHER_TEXTS)
        assert self.diagnosis(cli) == ["warning"]
        cli.install()
        assert (self.has(cli), self.diagnosis(cli)) == (OTHER_TEXTS, ["good"])

        self.deploy(cli, "")
        assert self.diagnosis(cli) == ["warning"]
        cli.install()
        assert (self.has(cli), self.diagnosis(cli)) == (None, [])

    def test_by_hand(self, cli: Cli) -> None:
        """Others in their place are told and replaced; where the stack has none, they stay."""
        cli.install()
        self.set_by_hand(cli, TEXTS)
        assert self.diagnosis(cli) == ["warning"]
        cli.install()
        assert self.has(cli) == TEXTS

        self.deploy(cli, OTHER_TEXTS)
        assert self.diagnosis(cli) == ["warning"]
        cli.install()
        assert (self.has(cli), self.diagnosis(cli)) == (OTHER_TEXTS, ["good"])

    def test_rotation_leaves_them(self, cli: Cli) -> None:
        """As they are, and known."""
        self.deploy(cli, TEXTS)
        cli.install()
        hasty = ["--refresh-seconds", "0", "--last-logins-seconds", "0"]
        assert cli("rotate", "signing-secret", *hasty).code in (0, 1)

        assert (self.has(cli), self.diagnosis(cli)) == (TEXTS, ["good"])

    def test_which_actions(self, cli: Cli) -> None:
        """Those that read them alone."""
        self.deploy(cli, TEXTS)
        assert cli("install", "--registration", stdin=cli.box.stripe_key).code == 0
        having = [
            each["supported_triggers"][0]["id"]
            for each in cli.actions().list_page({"per_page": "100"})["actions"]
            if DENIAL_TEXTS in {secret["name"] for secret in each["secrets"]}
        ]

        assert sorted(having) == sorted(DENYING)
        assert [each for each in TRIGGERS if DENIAL_TEXTS in action_code(each)] == [*DENYING]

    def test_declared(self, cli: Cli, tmp_path: Path) -> None:
        """Handed over to the tool that sets the secrets."""
        self.deploy(cli, TEXTS)
        (tmp_path / "customerlink.toml").write_text('actions = "declared"')
        cli("install", "--to-file", "set.env", stdin=cli.box.stripe_key)
        handed_over = (tmp_path / "set.env").read_text().splitlines()

        assert f"{DENIAL_TEXTS}='{TEXTS}'" in handed_over
        assert f"TF_VAR_{DENIAL_TEXTS.lower()}='{TEXTS}'" in handed_over


class TestHalfWay:
    """A failure anywhere is resumed by running the same command again."""

    @pytest.mark.parametrize(
        "fault",
        [
            "GET /api/v2/actions/actions",
            "GET /api/v2/actions/triggers",
            "POST /api/v2/actions/actions",
            "PATCH /api/v2/actions/triggers",
        ],
    )
    def test_auth0_down_in_the_middle(self, cli: Cli, box: Sandbox, fault: str) -> None:
        """Exit code 3, a sentence, and the second run ends where the first would have."""
        cli.box.management.faults.append(fault)
        first = cli("install", stdin=box.stripe_key)
        second = cli("install", stdin=box.stripe_key)

        assert first.code == 3
        assert "Run the same command again" in first.err
        assert second.code == 0, second.err
        assert end_state(cli)[:2] == ([*FOREIGN, ACTION], True)
        assert end_state(cli)[4] is True

    def test_created_but_not_deployed(self, cli: Cli, box: Sandbox) -> None:
        """The second run deploys and binds what the first one made, and makes no second one."""
        cli.box.management.faults.append("POST /api/v2/actions/actions/")
        assert cli("install", stdin=box.stripe_key).code == 3
        second = cli("install", "--json")

        assert second.json()["changes"] == STEPS[6:]
        assert end_state(cli)[:2] == ([*FOREIGN, ACTION], True)

    def test_set_but_not_noted(self, cli: Cli, box: Sandbox) -> None:
        """The second run cannot know what the first one set, and sets it again."""

        def down(*_: object) -> None:
            raise ConnectionError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Deployment, "note", down)
            assert cli("install", stdin=box.stripe_key).code == 3

        assert cli("install", "--json").json()["changes"] == ["update the Action", *STEPS[6:]]

    def test_build_that_takes_its_time(self, cli: Cli, box: Sandbox) -> None:
        """Waited for."""
        cli.actions().build_seconds = 1.0
        result = cli("install", stdin=box.stripe_key)
        cli.actions().build_seconds = 0.0

        assert result.code == 0

    def test_build_that_fails(self, cli: Cli, box: Sandbox) -> None:
        """Said; nothing is bound."""
        cli.actions().broken_code, before = "exports", cli.actions().broken_code
        result = cli("install", stdin=box.stripe_key)
        cli.actions().broken_code = before

        assert (result.code, cli.flow()) == (1, [*FOREIGN])
        assert "could not build" in result.err


def test_endpoint_that_does_not_pass(cli: Cli, box: Sandbox) -> None:
    """What was put in stays; the exit code and a sentence say that it does not work yet."""
    failed = SelfTestResult(passed=False, status=401, reason="x", milliseconds=1.0, skew=None)
    cli.patch.setattr(installing, "self_test", lambda *_: failed)
    result = cli("install", stdin=box.stripe_key)

    assert (result.code, cli.flow()) == (1, [*FOREIGN, ACTION])
    assert "did not pass the self-test" in result.err


def without_stack(cli: Cli) -> None:
    """Delete the stack."""
    cli.patch.setenv("CUSTOMERLINK_STACK", "gone")


def wrong_client(cli: Cli) -> None:
    """Return a secret that is none."""
    cli.patch.setenv("AUTH0_CLIENT_SECRET", "wrong")


def without_scope(cli: Cli) -> None:
    """Take a client that may only read."""
    client_id, secret = cli.box.management.add_client(("read:actions",))
    cli.patch.setenv("AUTH0_CLIENT_ID", client_id)
    cli.patch.setenv("AUTH0_CLIENT_SECRET", secret)


def no_network(cli: Cli) -> None:
    """Point to a port where nobody listens."""
    cli.patch.setenv("AUTH0_DOMAIN", "http://127.0.0.1:9")


def full_tenant(cli: Cli) -> None:
    """Let the plan's limit be reached."""
    cli.patch.setattr(cli.actions(), "limit", 3)


def taken_name(cli: Cli) -> None:
    """Let somebody else have an Action of the name."""
    foreign(cli.actions(), ACTION, bound=False)


def odd(text: str) -> Callable[[Cli], None]:
    """Put something odd into the secret."""
    return lambda cli: cli.store(text)


def env(name: str, value: str) -> Callable[[Cli], None]:
    """Set a variable."""
    return lambda cli: cli.patch.setenv(name, value)


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (without_stack, 1, "There is no stack gone"),
        (wrong_client, 4, "gave no token"),
        (without_scope, 4, "lacks the scope create:actions"),
        (no_network, 3, "did not answer|network failed"),
        (full_tenant, 4, "limit of its plan"),
        (taken_name, 4, "not Customer Link's"),
        (odd("not JSON"), 4, "not JSON"),
        (odd("[]"), 4, "not a JSON object"),
        (odd('{"stripe_restricted_key": 1}'), 4, "stripe_restricted_key"),
        (odd('{"action_signing_secrets": "§"}'), 4, "action_signing_secrets"),
        (odd('{"action_signing_secrets": ["§"]}'), 4, "action_signing_secrets"),
        (env("AUTH0_DOMAIN", ""), 2, "domain is missing"),
        (env("AUTH0_DOMAIN", "acme"), 2, "domain is wrong"),
        (env("AUTH0_DOMAIN", "https://acme.us.auth0.com/login"), 2, "domain is wrong"),
        (env("AUTH0_CLIENT_ID", ""), 2, "client_id is missing"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    cli: Cli, box: Sandbox, spoil: Callable[[Cli], None], code: int, said: str
) -> None:
    """And an exit code; the flow and the secret stay as they were."""
    spoil(cli)
    before = cli.stored()
    result = cli("install", stdin=box.stripe_key)

    assert result.code == code, result.err
    assert any(each in result.err for each in said.split("|")), result.err
    assert cli.flow() == [*FOREIGN]
    if spoil not in (without_scope, full_tenant):
        assert cli.stored() == before


def test_missing_scope_names_the_click(cli: Cli, box: Sandbox) -> None:
    """In the JSON document as well."""
    without_scope(cli)
    document = cli("install", "--json", stdin=box.stripe_key).json()

    assert document["exit_code"] == 4
    assert "Machine to Machine Applications: grant create:actions" in document["fix"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "not a secret key"),
        ("pk_test_1", "not a secret key"),
        ("sk_org_1", "an organization's key"),
        ("_".join(("rk", "live", "0" * 24)), "The Stripe key is for live mode"),
        ("rk_test_unknown", "Stripe does not know this key"),
    ],
)
def test_wrong_stripe_key(cli: Cli, key: str, said: str) -> None:
    """Never printed, never stored."""
    result = cli("install", stdin=key)

    assert result.code in (2, 4)
    assert said in result.err
    assert cli.stored() == {}
    assert cli.changes() == []


def test_rate_limit_is_waited_for(cli: Cli, box: Sandbox) -> None:
    """As long as the header says, and shown."""
    rate, start, looks = box.management.rate, time.time(), itertools.count()
    # A second by how often it is asked: a busy machine would ask so seldom that none is refused.
    cli.patch.setattr(rate, "_clock", lambda: start + next(looks) // 4)
    cli.patch.setattr(rate, "_at", start)
    rate.requests, rate.seconds = 2, 1.0
    result = cli("install", stdin=box.stripe_key)
    rate.requests = 10_000

    assert result.code == 0
    assert "rate limit is exceeded: going on in" in result.err


def test_as_a_program(cli: Cli, box: Sandbox) -> None:
    """In a process of its own, the key from a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "customerlink.cli.main", "install", "--json"],
        input=f"{box.stripe_key}\n",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["changes"] == STEPS
    assert cli.flow() == [*FOREIGN, ACTION]


class TestRegistration:
    """`--registration`: the two Actions of that flow beside ours."""

    NAMES = tuple(f"{ACTION} ({each})" for each in REGISTRATION)

    def test_put_in_and_taken_out(self, cli: Cli, box: Sandbox) -> None:
        """Each in its own flow, with its own address and the one signing secret; twice is once."""
        result = cli("install", "--registration", stdin=box.stripe_key)
        assert result.code == 0, result.err
        for name, trigger in zip(self.NAMES, REGISTRATION, strict=True):
            [bound] = cli.actions().bindings(trigger, {})["bindings"]
            settings = cli.actions().secrets_of(name)
            assert bound["action"]["name"] == name
            assert settings["CUSTOMERLINK_URL"] == box.url.replace("post-login", trigger)
            assert [settings["CUSTOMERLINK_SIGNING_SECRET"]] == (
                cli.stored()["action_signing_secrets"]
            )
        assert cli.flow() == [*FOREIGN, ACTION]
        cli.changes()
        assert cli("install", "--registration").code == 0
        assert cli.changes() == []

        assert cli("uninstall").code == 0
        assert cli.flow() == [*FOREIGN]
        for trigger in REGISTRATION:
            assert cli.actions().bindings(trigger, {})["bindings"] == []

    def test_dry_run(self, cli: Cli) -> None:
        """Three plans, and nothing done."""
        cli.changes()
        result = cli("install", "--registration", "--dry-run", "--json")
        kinds = [each["kind"] for each in result.json()["changes"]]

        assert kinds.count("create the Action") == 3
        assert cli.changes() == []

    def test_the_installed_actions_register_somebody(self, cli: Cli, tmp_path: Path) -> None:
        """By the code and the secrets that the tenant has now."""
        cli.install()
        assert cli("install", "--registration").code == 0
        paths: list[Path] = []
        for name in (ACTION, *self.NAMES):
            [action] = cli.actions().list_page({"actionName": name})["actions"]
            paths.append(tmp_path / f"{len(paths)}.js")
            paths[-1].write_text(action["deployed_version"]["code"])
        with ActionHost(*paths) as host:
            tenant = Tenant(host, cli.actions().secrets_of(ACTION))
            registered = tenant.register(email="registered@example.com")
            login = tenant.login(str(registered.user_id))

        assert login.decision == "continue"
        assert "stripe_customer_id" in tenant.users[str(registered.user_id)]["app_metadata"]


class TestWatch:
    """The watch's own secret."""

    def test_put_in(self, cli: Cli, box: Sandbox) -> None:
        """An application that only looks, a key that signs nothing else, and what to find."""
        cli.install()
        watched, stored = cli.watched(), cli.stored()

        assert watched["client_id"] == os.environ["CUSTOMERLINK_WATCH_CLIENT_ID"]
        assert watched["self_test_key"] == stored["self_test_key"]
        assert watched["self_test_key"] not in stored["action_signing_secrets"]
        assert watched["actions"] == {"post-login": ACTION}
        assert watched["installed_actions"] == stored["installed_actions"]
        assert not [each for each in stored["action_signing_secrets"] if each in str(watched)]
        assert box.stripe_key not in str(watched)

    def test_nobody_gave_one(self, cli: Cli, box: Sandbox) -> None:
        """Everything else is installed; that nobody looks is said, and what mends it."""
        cli.patch.delenv("CUSTOMERLINK_WATCH_CLIENT_ID")
        result = cli("install", stdin=box.stripe_key)

        assert (result.code, cli.watched()) == (0, {})
        assert "The watch is not set up" in result.out
        assert "--watch-client-id" in result.out
        assert cli.flow() == [*FOREIGN, ACTION]

    def test_given_by_a_flag(self, cli: Cli, box: Sandbox) -> None:
        """The id; its secret comes from the environment, and never from an argument."""
        cli.patch.delenv("CUSTOMERLINK_WATCH_CLIENT_ID")
        client_id, secret = box.management.add_client(("read:actions",))
        assert cli("install", "--watch-client-id", client_id, stdin=box.stripe_key).code == 4
        cli.patch.setenv("CUSTOMERLINK_WATCH_CLIENT_SECRET", secret)
        assert cli("install", "--watch-client-id", client_id, stdin=box.stripe_key).code == 0
        cli.patch.delenv("CUSTOMERLINK_WATCH_CLIENT_SECRET")
        again = cli("install", "--json")

        assert cli.watched()["client_secret"] == secret
        assert (again.code, again.json()["changes"]) == (0, [])

    def test_without_its_secret(self, cli: Cli, box: Sandbox) -> None:
        """Said before anything is changed."""
        cli.patch.delenv("CUSTOMERLINK_WATCH_CLIENT_SECRET")
        result = cli("install", stdin=box.stripe_key)

        assert (result.code, cli.stored(), cli.changes()) == (2, {}, [])
        assert "CUSTOMERLINK_WATCH_CLIENT_SECRET" in result.err

    @pytest.mark.parametrize(
        ("scopes", "said"),
        [
            ((), "lacks read:actions"),
            (("read:users",), "lacks read:actions"),
            (("read:actions", "update:actions"), "more than read:actions: update:actions"),
            (("read:actions", "read:users"), "more than read:actions: read:users"),
        ],
    )
    def test_scopes(self, cli: Cli, box: Sandbox, scopes: tuple[str, ...], said: str) -> None:
        """Neither more nor less; said before anything is changed."""
        client_id, secret = box.management.add_client(scopes)
        cli.patch.setenv("CUSTOMERLINK_WATCH_CLIENT_ID", client_id)
        cli.patch.setenv("CUSTOMERLINK_WATCH_CLIENT_SECRET", secret)
        result = cli("install", stdin=box.stripe_key)

        assert (result.code, cli.stored(), cli.changes()) == (4, {}, [])
        assert said in result.err

    @pytest.mark.parametrize("text", ["{}", "no JSON", '{"self_test_key": "hidden"}'])
    def test_odd_secret(self, cli: Cli, box: Sandbox, text: str) -> None:
        """It is put in anew."""
        client = box.aws.secrets_manager
        client.put_secret_value(SecretId=WATCH_SECRET, SecretString=text)
        cli.install()

        assert cli.watched()["actions"] == {"post-login": ACTION}

    def test_stack_without_one(self, cli: Cli, box: Sandbox) -> None:
        """`Watch=no`, or a stack of an earlier release: nothing is asked for."""
        cli.patch.setattr(
            Deployment, "outputs", replace(Deployment(Config()).outputs, watch_secret_name=None)
        )
        result = cli("install", stdin=box.stripe_key)

        assert (result.code, cli.watched()) == (0, {})
        assert "watch" not in result.out

    def test_dry_run(self, cli: Cli) -> None:
        """Told, and not done."""
        assert "would tell the watch" in cli("install", "--dry-run").out
        assert cli.watched() == {}


class TestOneQuestion:
    """What an install changes is planned before anything of it is done, and asked for once."""

    def test_watch_alone(self, cli: Cli) -> None:
        """In live mode the watch's secret is a change like any other."""
        cli.install()
        secrets = cli.box.aws.secrets_manager
        secrets.delete_secret(SecretId=WATCH_SECRET, ForceDeleteWithoutRecovery=True)
        secrets.create_secret(Name=WATCH_SECRET)
        cli.store_live_key()
        result = cli("--mode", "live", "install")

        assert (result.code, "has to be confirmed" in result.err) == (2, True)
        assert not cli.watched()

    def test_refused_before_the_stack_is_updated(self, cli: Cli) -> None:
        """A foreign Action of our name ends it, and the stack is as it was."""
        foreign(cli.actions(), ACTION, bound=False)
        result = cli("install", "--verified-email", "required", stdin=cli.box.stripe_key)

        assert result.code == 4
        assert policy_now() == "optional"
        assert "stripe_restricted_key" not in cli.stored()

    def test_asked_once(self, cli: Cli) -> None:
        """For the stack, the keys and the Action together."""
        asked: list[str] = []
        cli.patch.setattr(Session, "confirm", lambda _, what, yes: asked.append(f"{what} {yes}"))
        result = cli("install", "--verified-email", "required", stdin=cli.box.stripe_key)

        assert result.code == 0, result.err
        assert len(asked) == 1
        assert asked[0].startswith("Install, and update the stack, VerifiedEmail=required")

    @pytest.mark.parametrize("words", [("--dry-run",), ("--yes",)])
    def test_update_is_a_change(self, cli: Cli, words: tuple[str, ...]) -> None:
        """The stack's update alone is not nothing."""
        cli.install()
        told = cli("install", *words, "--json", "--verified-email", "required").json()["changes"]

        assert "update the stack" in [
            each["kind"] if "--dry-run" in words else each for each in told
        ]

    def test_each_stored_key_once(self, cli: Cli) -> None:
        """A dry run of three Actions stores what it stores for the first one."""
        told = cli("install", "--dry-run", "--registration", "--json").json()["changes"]

        kinds = [each["kind"] for each in told]

        # The key is asked for, and in no plan yet.
        assert [kinds.count(each) for each in STEPS[1:6]] == [1, 1, 1, 1, 3]


@pytest.mark.parametrize(
    "words",
    [
        ("--by", "webhook"),
        ("--drift", "apply"),
        ("--stripe-source", "aws.partner/stripe.com/ed_1"),
        ("--sync", "--registration"),
        ("--sync", "--verified-email", "required"),
        ("--sync", "--watch-anew"),
        ("--sync", "--to-file", "env"),
        ("--sync", "--dry-run", "--diff"),
    ],
)
def test_flag_that_would_do_nothing(cli: Cli, words: tuple[str, ...]) -> None:
    """Somebody counts on it: it is refused, before anything is changed."""
    refused = cli("install", *words)

    assert (refused.code, "for install --sync" in refused.err) == (2, True)
    assert (cli.stored(), cli.changes()) == ({}, [])
