"""`customerlink export`: files that auth0-deploy-cli and Terraform read, and no secret in them."""

import hashlib
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from tests.cli.conftest import Cli
from tests.cli.declaring import replaced

from customerlink.adapters.built_actions import action_code
from customerlink.cli.declared import handed_over
from customerlink.cli.tenant import RUNTIME, VERSIONS
from customerlink.model.actions import (
    DENIAL_TEXTS,
    DENYING,
    SIGNING_SECRET,
    TRIGGERS,
    URL,
    digest,
    secrets_of,
)
from customerlink.model.notes import fingerprint

# The pages "Resource: auth0_action" and "Resource: auth0_trigger_action" of
# https://github.com/auth0/terraform-provider-auth0, v1.55.0: what each takes, and whether it must.
PROVIDER: dict[str, dict[str, bool]] = {
    "auth0_action": {
        **dict.fromkeys(("code", "name", "supported_triggers"), True),
        **dict.fromkeys(("dependencies", "deploy", "modules", "runtime", "timeouts"), False),
        **dict.fromkeys(("secrets", "secrets_wo", "secrets_wo_version"), False),
    },
    "auth0_trigger_action": {"action_id": True, "trigger": True, "display_name": False},
}
BLOCKS = {"supported_triggers": {"id", "version"}, "secrets_wo": {"name", "value"}}
OF_ALL = {"for_each", "dynamic"}
"""What Terraform itself takes, in any resource."""

API, SECRET = "https://a1.execute-api.eu-west-1.amazonaws.com", "whsec_b2xk"
NAMES = ["Customer Link", 'Sign-up "shop" ${x}', "%{if}: Ünal's # 1"]


def exported(cli: Cli, form: str, *words: str, name: str = "Customer Link") -> Path:
    """Export with the registration flow's Actions; return the folder."""
    folder = Path("made")
    given = ("--format", form, "--folder", str(folder), "--registration", *words)
    done = cli("--action-name", name, "export", *given)
    assert done.code == 0, done.err
    return folder


def parsed(path: Path) -> dict[str, Any]:
    """Read a file of Terraform's, without the library's marks and quotes."""

    def plain(value: Any) -> Any:
        match value:
            case dict():
                return {
                    str(plain(each)): plain(item)
                    for each, item in value.items()
                    if not str(each).startswith("__")
                }
            case list():
                return [plain(each) for each in value]
            case str() if value.startswith('"'):
                return value[1:-1]
        return value

    found: dict[str, Any] = plain(hcl2.loads(path.read_text()))
    return found


def resources(path: Path) -> dict[str, dict[str, Any]]:
    """Return the resources by their types."""
    found = {}
    for each in parsed(path)["resource"]:
        [(kind, named)] = each.items()
        found[kind] = named["customer_link"]
    return found


@pytest.mark.parametrize("form", ["a0deploy", "terraform"])
def test_asks_nobody_and_holds_no_secret(cli: Cli, form: str) -> None:
    """It needs no network, and a repository may have what it writes."""
    cli.install()
    cli.box.management.requests.clear()
    folder = exported(cli, form)
    text = "".join(each.read_text() for each in folder.rglob("*") if each.is_file())

    assert cli.box.management.requests == []
    assert not any(each in text for each in cli.stored()["action_signing_secrets"])


@pytest.mark.parametrize("form", ["a0deploy", "terraform"])
def test_again(cli: Cli, form: str) -> None:
    """The same release writes the same files; the document names them."""
    folder = exported(cli, form)
    before = {each: each.read_text() for each in folder.rglob("*") if each.is_file()}
    again = cli("export", "--format", form, "--folder", "made", "--registration", "--json").json()

    assert {each: each.read_text() for each in folder.rglob("*") if each.is_file()} == before
    assert {*map(Path, again["files"])} == {*before}


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("form", ["a0deploy", "terraform"])
def test_the_codes_are_the_releases(cli: Cli, form: str, trigger: str) -> None:
    """By the digest that doctor and the watch compare; no other keyword stands in one."""
    code = (exported(cli, form) / "actions" / f"{trigger}.js").read_text()

    assert digest(code) == digest(action_code(trigger))
    assert "##" not in action_code(trigger)
    assert "@@" not in action_code(trigger)


@pytest.mark.parametrize("name", NAMES)
def test_tenant_yaml(cli: Cli, name: str) -> None:
    """Each Action with its file, runtime, trigger and secrets, which are keywords."""
    folder = exported(cli, "a0deploy", name=name)
    document = yaml.safe_load((folder / "tenant.yaml").read_text())
    login, *others = document["actions"]

    assert [*document] == ["actions"]
    assert (login["name"], login["deployed"], login["runtime"]) == (name, True, RUNTIME)
    assert [each["name"] for each in others] == [f"{name} ({each})" for each in TRIGGERS[1:]]
    for each, trigger in zip(document["actions"], TRIGGERS, strict=True):
        assert (folder / each["code"]).is_file()
        assert each["supported_triggers"] == [{"id": trigger, "version": VERSIONS[trigger]}]
        assert each["dependencies"] == []
        assert {one["name"]: one["value"] for one in each["secrets"]} == {
            URL: f"##CUSTOMERLINK_API##/{trigger}",
            SIGNING_SECRET: "##CUSTOMERLINK_SIGNING_SECRET##",
            **({DENIAL_TEXTS: "##CUSTOMERLINK_DENIAL_TEXTS##"} if trigger in DENYING else {}),
        }


TEXTS = ["{}", '{"de": {"support": "Bitte „Hilfe“ rufen.\\nJetzt: it\'s $&"}}', '{\n "en": {}\n}']


@pytest.mark.parametrize("is_merged", [False, True])
@pytest.mark.parametrize("texts", TEXTS)
def test_texts_of_denials(cli: Cli, texts: str, *, is_merged: bool) -> None:
    """Those Actions that read them get them, whatever is in them, and whoever merges the file."""
    text = (exported(cli, "a0deploy") / "tenant.yaml").read_text()
    text = yaml.safe_dump(yaml.safe_load(text)) if is_merged else text
    given = handed_over(f"{API}/post-login", SECRET, texts)
    values = dict(each.split("=", 1) for each in shlex.split(given))
    document = yaml.safe_load(replaced(text, values))
    secrets = [
        {one["name"]: one["value"] for one in each["secrets"]} for each in document["actions"]
    ]

    assert {*values[DENIAL_TEXTS]}.isdisjoint("'$\n")
    assert [json.loads(each.get(DENIAL_TEXTS, "0")) for each in secrets] == [
        json.loads(texts) if trigger in DENYING else 0 for trigger in TRIGGERS
    ]


def set_by_module(folder: Path, trigger: str) -> dict[str, str]:
    """Return what a module's Action has for each secret, as the module writes it."""
    action = resources(folder / "main.tf")["auth0_action"]
    found = {each["name"]: each["value"] for each in action["secrets_wo"]}
    for each in action["dynamic"]:
        [block] = each.values()
        assert block["content"] == [{"name": DENIAL_TEXTS, "value": "${secrets_wo.value}"}]
        names, _, values = block["for_each"].removeprefix("${contains(").partition(", each.key) ? ")
        if trigger in json.loads(names):
            found[DENIAL_TEXTS] = values.removeprefix("[").removesuffix("] : []}")
    return found


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_same_secrets_three_ways(cli: Cli, trigger: str) -> None:
    """Install, auth0-deploy-cli and Terraform set the same ones of each Action."""
    cli.box.aws.create_stack(cli.box.url, {"DenialTexts": TEXTS[1]})
    assert cli("install", "--registration", stdin=cli.box.stripe_key).code == 0
    installed = {
        each["supported_triggers"][0]["id"]: {one["name"] for one in each["secrets"]} - {"THEIRS"}
        for each in cli.actions().list_page({"per_page": "100"})["actions"]
        if each["name"].startswith("Customer Link")
    }
    folder = exported(cli, "a0deploy")
    document = yaml.safe_load((folder / "tenant.yaml").read_text())
    imported = {
        each["supported_triggers"][0]["id"]: each["secrets"] for each in document["actions"]
    }
    shutil.rmtree(folder)
    applied = set_by_module(exported(cli, "terraform"), trigger)

    assert installed[trigger] == {*secrets_of(trigger)}
    assert {each["name"] for each in imported[trigger]} == installed[trigger]
    assert applied.keys() == installed[trigger]
    assert (
        applied.get(DENIAL_TEXTS, "var.customerlink_denial_texts")
        == "var.customerlink_denial_texts"
    )


@pytest.mark.parametrize("name", NAMES)
def test_bindings_stand_apart(cli: Cli, name: str) -> None:
    """An import of them replaces whole flows, so they are merged by hand: the file says how."""
    text = (exported(cli, "a0deploy", name=name) / "triggers.yaml").read_text()
    [(trigger, [binding]), *others] = yaml.safe_load(text)["triggers"].items()

    assert "REPLACES" in text
    assert (trigger, binding["action_name"], binding["display_name"]) == (TRIGGERS[0], name, name)
    assert [each for each, _ in others] == [*TRIGGERS[1:]]


@pytest.mark.parametrize("name", NAMES)
def test_module(cli: Cli, name: str) -> None:
    """Nothing but what the provider documents, and all that it must have; the name as it is."""
    folder = exported(cli, "terraform", name=name)
    found = resources(folder / "main.tf")
    [local] = parsed(folder / "main.tf")["locals"]
    escaped = json.dumps(name, ensure_ascii=False)[1:-1].replace("${", "$${").replace("%{", "%%{")

    assert found.keys() == PROVIDER.keys()
    for kind, resource in found.items():
        assert resource.keys() - OF_ALL <= PROVIDER[kind].keys()
        assert {each for each, needed in PROVIDER[kind].items() if needed} <= resource.keys()
    for block, attributes in BLOCKS.items():
        assert all(each.keys() == attributes for each in found["auth0_action"][block])
    assert "secrets" not in found["auth0_action"]
    assert [*local["triggers"]] == [*TRIGGERS]
    assert local["triggers"]["post-login"] == {"name": escaped, "version": "v3"}


def test_secrets_are_in_no_state(cli: Cli) -> None:
    """Write-only, of a sensitive variable; a version of Terraform and the provider that has it."""
    folder = exported(cli, "terraform")
    action = resources(folder / "main.tf")["auth0_action"]
    [_, secret, texts] = parsed(folder / "variables.tf")["variable"]
    [settings] = parsed(folder / "versions.tf")["terraform"]

    assert {each["name"] for each in action["secrets_wo"]} == {URL, SIGNING_SECRET}
    assert secret["customerlink_signing_secret"]["sensitive"] is True
    assert texts["customerlink_denial_texts"]["default"] == "{}"
    assert settings["required_version"] == ">= 1.11"
    assert settings["required_providers"][0]["auth0"]["version"] == ">= 1.52.0"


@pytest.mark.parametrize("secret", [SECRET, "whsec_a+/b==", f"whsec_{'A' * 43}="])
def test_the_print_is_doctors(cli: Cli, secret: str) -> None:
    """What the module computes is the print of the stack's URL and secret."""
    [local] = parsed(exported(cli, "terraform") / "main.tf")["locals"]
    expression = local["settings"].removeprefix("${nonsensitive(").removesuffix(")}")
    asked = json.loads(expression.removeprefix("substr(sha256(").removesuffix("), 0, 32)"))
    text = asked.replace("${var.customerlink_api}", API)
    text = text.replace("${var.customerlink_signing_secret}", secret)
    made = hashlib.sha256(text.encode()).hexdigest()[:32]

    assert made == fingerprint(f"{API}/post-login", secret)


@pytest.mark.skipif(not shutil.which("terraform"), reason="there is no Terraform")
@pytest.mark.parametrize("name", NAMES)
def test_terraform_itself(cli: Cli, name: str, tmp_path: Path) -> None:
    """It finds the module well formatted, and evaluates print, version and code as we do."""
    folder = exported(cli, "terraform", name=name)
    locals_, resource, _ = (folder / "main.tf").read_text().partition('\nresource "auth0_action"')
    [code] = [line for line in resource_lines(folder) if line.startswith("code ")]
    [number] = [line for line in resource_lines(folder) if line.startswith("secrets_wo_version ")]
    code = code.replace("each.key", '"post-login"')
    values = {"settings": "local.settings", "name": 'local.triggers["post-login"].name'}
    values |= {"code": code.partition("= ")[2], "number": number.partition("= ")[2]}
    outputs = "".join(f'output "{each}" {{\n  value = {one}\n}}\n' for each, one in values.items())
    root = tmp_path / "root"
    shutil.copytree(folder / "actions", root / "actions")
    shutil.copy(folder / "variables.tf", root)
    (root / "main.tf").write_text(f"{locals_}\n{outputs}")
    given = {"customerlink_api": API, "customerlink_signing_secret": SECRET}
    given |= {"customerlink_denial_texts": TEXTS[1]}
    (root / "given.auto.tfvars.json").write_text(json.dumps(given))

    def terraform(*words: str, where: Path = root) -> str:
        run = ["terraform", f"-chdir={where}", *words]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout

    assert resource
    assert terraform("fmt", "-check", where=folder) == ""
    terraform("init", "-backend=false", "-input=false")
    terraform("apply", "-auto-approve", "-input=false")
    made = {each: one["value"] for each, one in json.loads(terraform("output", "-json")).items()}
    told = fingerprint(f"{API}/post-login", SECRET)

    assert (made["settings"], made["name"]) == (told, name)
    assert made["code"].endswith(f": {told}\n")
    assert digest(made["code"]) == digest(action_code())
    number = hashlib.sha256(f"{told}\n{TEXTS[1]}".encode()).hexdigest()
    assert made["number"] == int(number[:7], 16)


def resource_lines(folder: Path) -> list[str]:
    """Return the lines of the Action's resource, without what is before them."""
    _, _, resource = (folder / "main.tf").read_text().partition('\nresource "auth0_action"')
    return [each.strip() for each in resource.partition("\n}\n")[0].splitlines()]


@pytest.mark.parametrize(
    ("form", "name", "text"),
    [
        ("a0deploy", "tenant.yaml", "# Ours: everything of the company\n"),
        ("a0deploy", "triggers.yaml", ""),
        ("a0deploy", "actions/post-login.js", "exports.onExecutePostLogin = async () => {};\n"),
        ("terraform", "main.tf", "# Written by hand, not by customerlink export.\n"),
        ("terraform", "versions.tf", "terraform {\n}\n"),
        ("terraform", "outputs.tf", "# Written by customerlink exporters\n"),
    ],
)
def test_somebody_elses_file(cli: Cli, form: str, name: str, text: str) -> None:
    """It is left as it is, and nothing is written beside it."""
    path = Path("own", name)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    refused = cli("export", "--format", form, "--folder", "own")

    assert (refused.code, str(path) in refused.err) == (2, True)
    assert path.read_text() == text
    assert [each for each in Path("own").rglob("*") if each.is_file()] == [path]


@pytest.mark.parametrize("name", ["tenant.yaml", "triggers.yaml", "actions/post-login.js"])
def test_interrupted_amid_a_file(cli: Cli, name: str) -> None:
    """What was there stays whole, and the next export overwrites it as ever."""
    folder = exported(cli, "a0deploy")
    before = (folder / name).read_text()
    write = Path.write_text

    def half(path: Path, text: str, encoding: str) -> int:
        if not path.name.startswith(Path(name).name):
            return write(path, text, encoding)
        write(path, text[:10])
        raise KeyboardInterrupt

    with cli.patch.context() as patch:
        patch.setattr(Path, "write_text", half)
        assert cli("export", "--format", "a0deploy", "--folder", str(folder)).code == 130

    assert (folder / name).read_text() == before
    assert not [*folder.rglob("*.part")]
    assert exported(cli, "a0deploy") == folder


@pytest.mark.parametrize("form", ["a0deploy", "terraform"])
def test_older_export(cli: Cli, form: str) -> None:
    """An export overwrites an older one, of another version too."""
    folder = exported(cli, form)
    action = folder / "actions" / "post-login.js"
    action.write_text("// Customer Link 0.0.1\n")

    assert exported(cli, form) == folder
    assert "exports.onExecutePostLogin" in action.read_text()
