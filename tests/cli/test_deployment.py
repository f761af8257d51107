"""The AWS side of a deployment: its secret's shape, and a stack that is not as it should be."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from customerlink.cli.config import Config
from customerlink.cli.deployment import Deployment, Outputs
from customerlink.cli.errors import CliError, Exit
from customerlink.cli.stored_secret import StoredSecret, new_signing_secret
from customerlink.model.notes import Note
from customerlink.model.secret import Secret
from customerlink.model.signature import SigningSecret
from customerlink.model.tickets import new_ticket_key
from sandbox.sandbox import SIGNING_SECRET

MADE = datetime(2026, 7, 1, tzinfo=UTC)
OURS = {"stripe_restricted_key": "rk_test_0", "action_signing_secrets": [SIGNING_SECRET]}
OUTPUTS = {"PostLoginUrl": "https://x.example", "SecretName": "secret", "LedgerTableName": "table"}


class TestSecret:
    """A document that other tools may have put fields into."""

    def test_read(self) -> None:
        """Ours by their names, and the rest as it is."""
        stored = StoredSecret.parse(json.dumps(OURS | {"theirs": [1]}), MADE)

        assert stored == StoredSecret("rk_test_0", (SIGNING_SECRET,), {"theirs": [1]}, MADE)

    def test_keys_of_link_tickets(self) -> None:
        """Read, replaced and written like the rest; their text shows in no `repr`."""
        old, new = new_ticket_key(1), new_ticket_key(2)
        stored = StoredSecret.parse(json.dumps(OURS | {"link_ticket_keys": [old]}), MADE)
        changed = stored.with_ticket_keys(old, new)

        assert stored.ticket_keys == (old,)
        assert json.loads(changed.text()) == OURS | {"link_ticket_keys": [old, new]}
        assert old not in repr(stored)

    def test_written(self) -> None:
        """Theirs stay, and what is not there yet is left out."""
        stored = StoredSecret.parse('{"theirs": 1}', MADE)
        other = new_signing_secret()

        assert json.loads(stored.text()) == {"theirs": 1}
        changed = stored.with_key("rk_test_1").with_signing(other, SIGNING_SECRET)
        assert json.loads(changed.text()) == {
            "theirs": 1,
            "stripe_restricted_key": "rk_test_1",
            "action_signing_secrets": [other, SIGNING_SECRET],
        }

    def test_notes(self) -> None:
        """Of each Action, beside those of others; a new one replaces its Action's own."""
        first, second = Note("print", {"CUSTOMERLINK_URL": "2026"}), Note("other", {})
        stored = StoredSecret.parse(json.dumps(OURS), MADE).with_note("a", first)
        again = StoredSecret.parse(stored.with_note("b", second).text(), MADE)

        assert again.notes == {"a": first, "b": second}
        assert again.with_note("a", second).notes == {"a": second, "b": second}
        assert Secret.parse(again.text(), "v").stripe_key.value == "rk_test_0"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("rk_test_hidden", "it is not JSON"),
            ("[" * 60_000, "it is not JSON"),
            ('{"a":' * 12_000, "it is not JSON"),
            ('["rk_test_hidden"]', "it is not a JSON object"),
            ('{"stripe_restricted_key": ["rk_test_hidden"]}', "stripe_restricted_key"),
            ('{"stripe_restricted_key": "hidden"}', "stripe_restricted_key"),
            ('{"action_signing_secrets": "hidden"}', "action_signing_secrets"),
            ('{"action_signing_secrets": [1]}', "action_signing_secrets"),
            ('{"action_signing_secrets": ["hidden"]}', "action_signing_secrets"),
            ('{"link_ticket_keys": "hidden"}', "link_ticket_keys"),
            ('{"link_ticket_keys": [1]}', "link_ticket_keys"),
            ('{"link_ticket_keys": ["hidden"]}', "link_ticket_keys"),
        ],
    )
    def test_unknown_shape(self, text: str, said: str) -> None:
        """The field is named, and nothing of what it holds."""
        with pytest.raises(CliError, match=said) as raised:
            StoredSecret.parse(text, MADE)

        assert raised.value.code == Exit.REFUSED
        assert "hidden" not in raised.value.message

    def test_shows_in_no_repr(self) -> None:
        """Nor in a trace."""
        shown = repr(StoredSecret.parse(json.dumps(OURS | {"theirs": "hidden"}), MADE))

        assert not any(each in shown for each in ("rk_test_0", SIGNING_SECRET, "hidden"))

    def test_age(self) -> None:
        """Of this version; one that nobody put in has none."""
        assert StoredSecret(made_at=MADE).age(MADE.timestamp() + 5) == 5
        assert StoredSecret().age(MADE.timestamp()) == 0

    def test_new_signing_secret(self) -> None:
        """Each is another one, and of the shape that is read again."""
        made = {new_signing_secret() for _ in range(3)}

        assert len({SigningSecret.parse(each).key for each in made}) == 3


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the one stack of an account, which a test may change; empty, there is none."""
    stack: dict[str, Any] = {
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [{"OutputKey": name, "OutputValue": each} for name, each in OUTPUTS.items()],
    }

    def described(**_: object) -> dict[str, Any]:
        if "error" in stack:
            raise ClientError({"Error": {"Code": stack["error"]}}, "DescribeStacks")
        return {"Stacks": [stack]}

    clients = SimpleNamespace(client=lambda *_, **__: SimpleNamespace(describe_stacks=described))
    monkeypatch.setattr(boto3, "Session", lambda **_: clients)
    return stack


def outputs() -> Outputs:
    """Read the stack's outputs."""
    return Deployment(Config()).outputs


class TestOutputs:
    """What the stack tells."""

    def test_read(self, stacks: dict[str, Any]) -> None:
        """Each by its name."""
        assert stacks["StackStatus"] == "CREATE_COMPLETE"
        assert outputs() == Outputs("https://x.example", "secret", "table")

    @pytest.mark.parametrize("name", OUTPUTS)
    def test_missing(self, stacks: dict[str, Any], name: str) -> None:
        """It is named: the stack is of another template."""
        stacks["Outputs"] = [each for each in stacks["Outputs"] if each["OutputKey"] != name]

        with pytest.raises(CliError, match=f"has no output {name}"):
            outputs()

    def test_deleted(self, stacks: dict[str, Any]) -> None:
        """AWS still knows one for some months."""
        stacks["StackStatus"] = "DELETE_COMPLETE"

        with pytest.raises(CliError, match="The stack customer-link was deleted"):
            outputs()

    def test_no_stack(self, stacks: dict[str, Any]) -> None:
        """The command that makes one is named."""
        stacks["error"] = "ValidationError"
        with pytest.raises(CliError, match="There is no stack customer-link") as raised:
            outputs()

        assert "sam deploy" in raised.value.fix

    def test_refused(self, stacks: dict[str, Any]) -> None:
        """What AWS says otherwise is no word about the stack."""
        stacks["error"] = "AccessDenied"

        with pytest.raises(ClientError, match="AccessDenied"):
            outputs()


class Secrets:
    """A secret whose versions a test sees; `meanwhile` has what happens after each read."""

    exceptions = SimpleNamespace(ResourceNotFoundException=KeyError)

    def __init__(self, *meanwhile: Callable[["Secrets"], None]) -> None:
        """Start with what install puts in."""
        self.versions = [json.dumps(OURS)]
        self.meanwhile = [*meanwhile]

    def get_secret_value(self, **_: object) -> dict[str, Any]:
        """Return the newest version; whatever comes in between comes after it."""
        number = len(self.versions)
        answer = {"SecretString": self.versions[-1], "VersionId": str(number), "CreatedDate": MADE}
        if self.meanwhile:
            self.meanwhile.pop(0)(self)
        return answer

    def put_secret_value(self, **given: Any) -> None:
        """Put in another one."""
        self.versions.append(given["SecretString"])


def rotate(secrets: Secrets) -> None:
    """Store another signing secret in front of those that are there."""
    now = json.loads(secrets.versions[-1])
    signing = [new_signing_secret(), *now["action_signing_secrets"]]
    secrets.versions.append(json.dumps(now | {"action_signing_secrets": signing}))


def nothing(_: Secrets) -> None:
    """Nobody else writes."""


class TestNote:
    """It is written beside what others write, and undoes nothing."""

    @pytest.mark.parametrize(
        "meanwhile",
        [
            [],
            [rotate],
            [rotate, nothing],
            [rotate, nothing, rotate],
            [rotate, rotate, rotate],
        ],
    )
    def test_rotation_meanwhile(
        self, meanwhile: list[Callable[[Secrets], None]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each signing secret that was stored is there, and the note beside them."""
        secrets = Secrets(*meanwhile)
        note = Note("print", {})
        self.deployment(secrets, monkeypatch).note("act_1", note)
        stored = StoredSecret.parse(secrets.versions[-1], MADE)

        assert len(stored.signing_secrets) == 1 + meanwhile.count(rotate)
        assert stored.notes == {"act_1": note}

    def test_somebody_writes_all_the_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a note, rather than without a secret."""
        secrets = Secrets(*[rotate] * 99)
        self.deployment(secrets, monkeypatch).note("act_1", Note("print", {}))
        stored = StoredSecret.parse(secrets.versions[-1], MADE)

        assert len(stored.signing_secrets) == len(secrets.versions)
        assert stored.notes == {}

    @staticmethod
    def deployment(secrets: Secrets, patch: pytest.MonkeyPatch) -> Deployment:
        """Return a deployment with such a secret."""
        clients = SimpleNamespace(client=lambda *_, **__: secrets)
        patch.setattr(boto3, "Session", lambda **_: clients)
        patch.setattr(Deployment, "outputs", Outputs("https://x.example", "secret", "table"))
        return Deployment(Config())
