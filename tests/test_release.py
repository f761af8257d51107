"""A release: what its files say, and that nothing but them is needed to install and deploy it."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
import yaml
from moto.server import ThreadedMotoServer
from readme_renderer import markdown
from samtranslator.yaml_helper import yaml_parse
from tests.translation import ROOT, TEMPLATE, transformed

from sandbox.aws import REGION

UV, AWS = ROOT / ".tools/uv/bin/uv", ROOT / ".tools/sam/bin/aws"
DEPLOY_PAGE = (ROOT / "docs/deploy.md").read_text()
BUILD = ROOT / ".aws-sam/build"
LARGE = {f"{name}Function" for name in ("Backfill", "Customers", "Repair", "SendMail")}
ADDRESS = "https://git.example/acme/customer-link"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
UP = "../" * 2
RELATIVE = re.compile(r"\]\((?!https:|#)[^)]*\)")


def tool(name: str) -> ModuleType:
    """Import one of the tools, which are no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release, hatch_metadata = tool("release"), tool("hatch_metadata")


@pytest.fixture(scope="module", params=["", ADDRESS], ids=["no address", "an address"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the command line's two packages, of nobody's repository and of somebody's."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    environment = {**os.environ, "REPOSITORY_URL": request.param}
    subprocess.run(build, cwd=ROOT, env=environment, check=True, capture_output=True)
    return folder


def metadata(folder: Path) -> Message:
    """Return what a wheel says of itself."""
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        [name] = [each for each in archive.namelist() if each.endswith("/METADATA")]
        return message_from_bytes(archive.read(name))


def test_what_an_index_shows(built: Path, request: pytest.FixtureRequest) -> None:
    """Author, licence, Python's version, addresses where there are any; a README that renders."""
    told = metadata(built)
    text = str(told.get_payload())
    has_address = "an address" in request.node.name

    assert told["Name"] == "customer-link"
    assert told["Version"] == release.version()
    assert told["Author"] == "Customer Link contributors"
    assert told["License-Expression"] == "MIT"
    assert told["Requires-Python"] == "<3.14,>=3.13"
    assert "Programming Language :: Python :: 3.13" in told.get_all("Classifier", [])
    assert {each.partition(", ")[0] for each in told.get_all("Project-URL", [])} == (
        {"Homepage", "Documentation", "Changelog", "Issues"} if has_address else set()
    )
    assert told["Description-Content-Type"] == "text/markdown"
    assert markdown.render(text) is not None
    assert "```mermaid" not in text
    assert RELATIVE.findall(text) == []
    assert (f"{ADDRESS}/blob/v{release.version()}/docs/deploy.md" in text) is has_address
    assert "What it does that a snippet in an Action" in text


@pytest.mark.parametrize(
    ("line", "absolute", "plain"),
    [
        ("[a](docs/a.md#b).", "[a](T/docs/a.md#b).", "a."),
        ("[top](#top)", "[top](#top)", "top"),
        ("[x](https://x.example)", "[x](https://x.example)", "[x](https://x.example)"),
        ("![p](docs/p.svg)\n\nText", "![p](T/docs/p.svg?raw=true)\n\nText", "Text"),
        ("```mermaid\nflowchart LR\n```\n\nText", "Text", "Text"),
    ],
)
def test_readme_away_from_home(line: str, absolute: str, plain: str) -> None:
    """Links lead into the release's tree, or are text; a picture without an address is left out."""
    assert hatch_metadata.readme(line, "T") == absolute
    assert hatch_metadata.readme(line, "") == plain


def test_source_package_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    """Nothing that a wheel needs is left out of the sdist; the tests and the sandbox are."""
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    has_address = "Homepage" in str(metadata(built).get_all("Project-URL"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again")],
        cwd=folder,
        env={**os.environ, "REPOSITORY_URL": ADDRESS if has_address else ""},
        check=True,
        capture_output=True,
    )
    [first], [second] = built.glob("*.whl"), (tmp_path / "again").glob("*.whl")

    assert contents(first) == contents(second)
    assert not (folder / "tests").exists()
    assert not (folder / "src" / "sandbox").exists()


def contents(archive: Path) -> dict[str, str]:
    """Return a digest of each file of a zip."""
    with zipfile.ZipFile(archive) as file:
        return {name: hashlib.sha256(file.read(name)).hexdigest() for name in file.namelist()}


def test_installed_into_an_empty_environment(built: Path, tmp_path: Path) -> None:
    """The pinned versions satisfy the wheel, and its program runs, with nothing else beside it."""
    python = tmp_path / "env/bin/python"
    [wheel] = built.glob("*.whl")
    pins = "--offline", "--require-hashes", str(ROOT / "requirements/cli.txt")
    for words in (
        ("venv", "--python", sys.executable, str(tmp_path / "env")),
        ("pip", "sync", "--python", str(python), *pins),
        ("pip", "install", "--python", str(python), "--offline", "--no-deps", str(wheel)),
        ("pip", "check", "--python", str(python)),
    ):
        subprocess.run([UV, "--no-config", *words], check=True, capture_output=True)
    program = tmp_path / "env/bin/customerlink"
    alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    told = subprocess.run(
        [program, "--version"], env=alone, capture_output=True, text=True, check=True
    )
    helped = subprocess.run(
        [program, "verify", "-h"], env=alone, capture_output=True, text=True, check=True
    )

    assert told.stdout == f"{release.version()}\n"
    assert "Compare Auth0's users" in helped.stdout


def test_constraints() -> None:
    """Each pinned package and its condition, and no hash, which constraints may not have."""
    pins = (ROOT / "requirements/cli.txt").read_text()
    lines = release.constraints(pins).splitlines()

    assert len(lines) == len(re.findall(r"^[\w.-]+==", pins, re.MULTILINE))
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+( ; .+)?", each) for each in lines)
    assert any(each.startswith("colorama==") and "win32" in each for each in lines)
    assert any(each.startswith("stripe==") for each in lines)


def test_changes() -> None:
    """A tag's section, whole; a trial takes what is not released; a tag without one is refused."""
    text = "# Changelog\n\n## Unreleased\n\n- new\n\n## 1.2.0\n\n- a\n- b\n\n## 1.1.0\n\n- old\n"

    released = text.replace("- new\n", "")

    assert release.changes(released, "1.2.0", tagged=True) == "- a\n- b\n"
    assert release.changes(text, "1.1.0", tagged=False) == "- old\n"
    assert release.changes(text, "1.3.0", tagged=False) == "- new\n"
    with pytest.raises(SystemExit, match=r"no section 1\.3\.0"):
        release.changes(released, "1.3.0", tagged=True)
    with pytest.raises(SystemExit, match=r"no section 1\.2"):
        release.changes(released, "1.2", tagged=True)


@pytest.mark.parametrize("nothing", ["", "\n", "\n\n  \n", "\n### Fixed\n\n"])
@pytest.mark.parametrize("after", ["", "## 1.1.0\n\n- old\n"])
def test_empty_section(nothing: str, after: str) -> None:
    """A tag whose section says nothing is refused, the last one of the page or not."""
    text = f"# Changelog\n\n## 1.2.0\n{nothing}{after}"

    with pytest.raises(SystemExit, match=r"no section 1\.2\.0, or nothing in it"):
        release.changes(text, "1.2.0", tagged=True)


@pytest.mark.parametrize("left", ["- new", "### Fixed\n\n* new", "A word."])
def test_unreleased_beside_a_tag(left: str) -> None:
    """What a release would leave out of its page is refused; a trial does not mind."""
    text = f"# Changelog\n\n## Unreleased\n\n{left}\n\n## 1.2.0\n\n- a\n"

    with pytest.raises(SystemExit, match="entries under Unreleased"):
        release.changes(text, "1.2.0", tagged=True)
    assert release.changes(text, "1.2.0", tagged=False) == "- a\n"


@pytest.mark.parametrize(
    ("pin", "constraint"),
    [
        ("a[b]==1 \\", "a==1"),
        ("a.b[c,d-e]==1.2 ; sys_platform == 'win32' \\", "a.b==1.2 ; sys_platform == 'win32'"),
        ("a[b, c]==1", "a==1"),
        ("a==1+local", "a==1+local"),
    ],
)
def test_extras(pin: str, constraint: str) -> None:
    """A package with extras is pinned too, without them: pip refuses extras of constraints."""
    assert release.constraints(f"{pin}\n    --hash=sha256:00\n") == f"{constraint}\n"


def test_wrong_tag() -> None:
    """A tag that is not the version's makes no release."""
    with pytest.raises(SystemExit, match="is not v"):
        release.main("v99.0.0")


@pytest.fixture(scope="module")
def part() -> Iterator[Path]:
    """Return a build whose large functions hold our own package alone: zips take minutes else.

    It stands beside the build, whose template names files of the repository from there.
    """
    copy = BUILD.with_name("part")
    shutil.rmtree(copy, ignore_errors=True)

    def left_out(folder: str, names: list[str]) -> list[str]:
        return [each for each in names if Path(folder).name in LARGE and each != "customerlink"]

    shutil.copytree(BUILD, copy, ignore=left_out)
    yield copy
    shutil.rmtree(copy)


@pytest.fixture(scope="module")
def unpacked(part: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack what was built for this machine, and unpack it elsewhere, where nothing else is."""
    folder = tmp_path_factory.mktemp("release")
    release.pack(part, folder / "one.zip")
    with zipfile.ZipFile(folder / "one.zip") as archive:
        archive.extractall(folder / "here")  # noqa: S202 (a zip, and our own)
    return folder / "here"


def test_same_bytes_again(tmp_path: Path) -> None:
    """Neither the time nor the order in which files were written is in an archive."""
    for number, order in enumerate(("ab", "ba")):
        build = tmp_path / order
        (build / "SomeFunction").mkdir(parents=True)
        (build / "template.yaml").write_text("  CodeUri: SomeFunction\n")
        for name in order:
            (build / "SomeFunction" / name).write_text(name)
            os.utime(build / "SomeFunction" / name, (number * 1e8, number * 1e8))
        release.pack(build, tmp_path / f"{order}.zip")

    assert (tmp_path / "ab.zip").read_bytes() == (tmp_path / "ba.zip").read_bytes()


def test_whats_in_an_archive(part: Path, unpacked: Path) -> None:
    """All that the template names, each function's code as it was built, and a version."""
    names = {each.name for each in unpacked.iterdir()}
    functions = {name for name in TEMPLATE["Resources"] if (BUILD / name).is_dir()}
    template = yaml_parse((unpacked / "template.yaml").read_text())
    published = template["Metadata"]["AWS::ServerlessRepo::Application"]

    assert functions == {each.stem for each in (unpacked / "functions").iterdir()}
    assert names == {
        *("template.yaml", "edge.yaml", "functions", "backfill.asl.yaml", "LICENSE", "README.md"),
    }
    assert published["SemanticVersion"] == release.version()
    assert published["LicenseUrl"] == "LICENSE"
    for name in functions:
        code = contents(unpacked / "functions" / f"{name}.zip")
        built = {
            each.relative_to(part / name).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest()
            for each in (part / name).rglob("*")
            if each.is_file()
        }
        assert code == built


def test_archive_says_where_it_comes_from() -> None:
    """The address is in it once it is known."""
    text, others = release.portable(
        f"  SpdxLicenseId: MIT\n  LicenseUrl: {UP}LICENSE\n  CodeUri: SomeFunction\n", "1.0", "A"
    )

    assert text == (
        "  SpdxLicenseId: MIT\n    SemanticVersion: 1.0\n    HomePageUrl: A\n"
        "    SourceCodeUrl: A/tree/v1.0\n  LicenseUrl: LICENSE\n"
        "  CodeUri: functions/SomeFunction.zip\n"
    )
    assert others == {"LICENSE": f"{UP}LICENSE"}


@pytest.mark.parametrize("name", ["template.yaml", "edge.yaml"])
def test_alarms_lead_to_the_releases_own_runbooks(name: str) -> None:
    """By a full address, once it is known; of a build of nobody's, by the file's name."""
    template = (ROOT / name).read_text()
    released = release.with_runbooks(template, "1.0", "https://git.example/link")

    assert "    Default: https://git.example/link/blob/v1.0/docs/operations.md\n" in released
    assert "    Default: docs/operations.md\n" not in released
    assert release.with_runbooks(template, "1.0", "") == template


@pytest.fixture
def cloud() -> Iterator[str]:
    """Start an AWS of this machine's; return its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")
def test_deployed_with_the_aws_cli_alone(unpacked: Path, cloud: str) -> None:
    """Packaged by the real CLI as documented, translated by AWS's translator, made on moto."""
    alone = {
        "PATH": f"{AWS.parent}:/usr/bin:/bin",
        "ARTIFACTS": "artifacts",
        "HOME": str(unpacked),
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": cloud,
    }
    make = boto3.Session("sandbox", "sandbox", region_name=REGION).client
    storage: Any = make("s3", endpoint_url=cloud)
    storage.create_bucket(Bucket="artifacts")
    [package] = re.findall(r"^aws cloudformation package .*$", DEPLOY_PAGE, re.MULTILINE)
    subprocess.run(["bash", "-c", package], cwd=unpacked, env=alone, check=True)
    packaged = yaml_parse((unpacked / "packaged.yaml").read_text())
    document = transformed(packaged)
    document["Resources"] = {
        name: each
        for name, each in document["Resources"].items()
        if each["Type"] != "AWS::Lambda::Permission"
    }
    stacks: Any = make("cloudformation", endpoint_url=cloud)
    stacks.create_stack(
        StackName="of-a-release",
        TemplateBody=json.dumps(document),
        Capabilities=["CAPABILITY_IAM"],
    )
    kept = storage.list_objects_v2(Bucket="artifacts")["Contents"]
    sizes = {path.stem: path.stat().st_size for path in (unpacked / "functions").iterdir()}
    [stack] = stacks.describe_stacks(StackName="of-a-release")["Stacks"]

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {*sizes.values()} <= {each["Size"] for each in kept}
    for name, size in sizes.items():
        code = packaged["Resources"][name]["Properties"]["CodeUri"]
        held = storage.head_object(Bucket="artifacts", Key=code.rpartition("/")[2])
        assert held["ContentLength"] == size


def test_what_the_application_repository_refuses() -> None:
    """Lambda's full access, and the right to give any role a policy: the template has neither."""
    text = (ROOT / "template.yaml").read_text()

    assert "AWSLambda_FullAccess" not in text
    assert not re.search(r"iam:(\*|AttachRolePolicy|PutRolePolicy|PassRole)", text)
    assert {"Name", "Description", "Author"} <= TEMPLATE["Metadata"][
        "AWS::ServerlessRepo::Application"
    ].keys()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda each: each.name)
def test_workflows(path: Path) -> None:
    """Actions are pinned by commit; the versions are those that the project asks for."""
    text = path.read_text()
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    given = {key: value for step in steps for key, value in step.get("with", {}).items()}
    [node] = re.findall(r">=(\d+)", (ROOT / "package.json").read_text())

    assert re.findall(r"uses: (?!\S+@[0-9a-f]{40} # v\d)", text) == []
    assert given["python-version"] == "3.13"
    assert given["node-version"] == node
    assert {"run": ".ci/run"} in steps


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on: push\njobs: {a: {runs-on: ubuntu-latest}}\n", "steps"),
        ("on: pusk\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: ls}]}}\n", "pusk"),
        (
            "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: '${{ secrt.A }}'}]}}\n",
            "secrt",
        ),
    ],
)
def test_workflow_linter_finds(text: str, said: str, tmp_path: Path) -> None:
    """A workflow that is wrong ends the lint."""
    (tmp_path / "odd.yml").write_text(text)
    done = subprocess.run(  # noqa: PLW1510 (it is to fail)
        ["node", "tools/lint_workflows.js", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert said in done.stderr


def test_container_and_hooks() -> None:
    """A container has the project's Python; hooks run what `make lint` runs."""
    container = (ROOT / ".devcontainer/Dockerfile").read_text()
    settings = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    entries = [hook["entry"] for each in hooks for hook in each["hooks"]]

    assert container.startswith("FROM python:3.13-")
    assert settings["build"]["dockerfile"] == "Dockerfile"
    assert settings["postCreateCommand"] == "make cli"
    assert {each["repo"] for each in hooks} == {"local"}
    for entry in entries:
        assert entry.replace(".venv/bin/python", "$(PYTHON)") in lint
