"""The documents: every command is run, every link leads somewhere."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from tests.e2e.runtime import ROOT, free_ports

from customerlink.functions.shell.edge import came_through
from customerlink.model.secret import Secret, TenantSecret, session_secrets
from customerlink.wiring.settings import Settings
from sandbox.__main__ import FIRST_PORT
from sandbox.aws import CREDENTIALS, SECRET, SESSION_SECRET_NAME, TENANT_SECRET
from sandbox.patience import PATIENCE_SECONDS, wait_until

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("[CS]*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SH = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
COMMANDS = sorted(
    {
        line.strip()
        for page in PAGES
        for block in SH.findall(page.read_text())
        for line in block.splitlines()
    },
)
CI = (ROOT / ".ci" / "run").read_text()
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text().replace("      - run: ", "")
MAKEFILE = (ROOT / "Makefile").read_text()
PYPROJECT = (ROOT / "pyproject.toml").read_text()


def starting(prefix: str) -> str:
    """Return the one documented command that starts so."""
    command: str
    [command] = [each for each in COMMANDS if each.startswith(prefix)]
    return command


def shell(command: str, folder: Path, **environment: str) -> str:
    """Run a command as a reader would, and give what it printed."""
    tools = f"{ROOT / '.tools' / 'sam' / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={"PATH": tools, "HOME": str(folder), **CREDENTIALS, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file for what `make sandbox` prints."""
    return tmp_path_factory.mktemp("sandbox") / "told"


@pytest.fixture(scope="module")
def first_port(told: Path) -> Iterator[int]:
    """Run `make sandbox` as documented, on ports of its own."""
    first = free_ports(6)
    with told.open("w") as output:
        sandbox = subprocess.Popen(
            ["make", "-s", "sandbox"],
            cwd=ROOT,
            env={**os.environ, "SANDBOX_PORT": str(first)},
            stdout=output,
            start_new_session=True,
        )
    with sandbox:
        try:
            # It is told last, once all of it is open.
            wait_until(lambda: f"http://127.0.0.1:{first + 5}" in told.read_text())
            yield first
        finally:
            end(sandbox)


def end(sandbox: "subprocess.Popen[bytes]") -> None:
    """Ask for the end more often than needed, as make and a terminal do together."""
    for _ in range(20):
        with suppress(ProcessLookupError):
            os.killpg(sandbox.pid, signal.SIGTERM)
    sandbox.wait(timeout=PATIENCE_SECONDS)


def test_every_command_is_known() -> None:
    """A new one needs a test here."""
    known = (
        *("make ", "curl ", "sam deploy", "sam local", "printf ", "openssl ", "aws ", "uv tool"),
        *(".venv/bin/python -m pytest ", "npm test", "python3 ", "customerlink "),
        *("a0deploy import ", "terraform apply", "sam package "),
    )

    assert [each for each in COMMANDS if not each.startswith(known)] == []


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("make ")])
def test_make_targets(command: str) -> None:
    """CI runs them, a test does, or `make test` does on its way to the tests."""
    target = command.split()[1]
    on_the_way = {"build": "@$(MAKE) --no-print-directory build", "build-host": "ok build-host"}
    on_the_way["contract"] = 'testpaths = ["tests"]'

    assert f"\n{target}:" in MAKEFILE
    assert (
        f"\n{command}\n" in CI + WORKFLOW
        or target in ("sandbox", "playground")
        or on_the_way[target] in MAKEFILE + PYPROJECT
    )


def test_login_with_curl(first_port: int, tmp_path: Path) -> None:
    """The sandbox takes a login, and the same user returns."""
    command = starting("curl -s http://127").replace("8800", str(first_port))
    first, second = (json.loads(shell(command, tmp_path)) for _ in range(2))

    assert first["decision"] == "continue"
    assert first["app_metadata"]["stripe_customer_id"].startswith("cus_")
    # The second time nobody is asked.
    assert (first.pop("reason"), second.pop("reason")) == ("customer_created", None)
    assert first == second


def test_shop_is_open(first_port: int, told: Path) -> None:
    """The sandbox prints its address, and it has the SDK."""
    at = f"http://127.0.0.1:{first_port + 5}"
    sdk = urllib3.request("GET", f"{at}/account-linking/auth0-spa-js.mjs")

    assert f"  {at}/shop/index.html" in told.read_text().splitlines()
    assert (sdk.status, sdk.headers["content-type"]) == (200, "text/javascript; charset=utf-8")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/login", "[]"), ("/login", '{"connection": "x"}'), ("/", "{}")],
)
def test_sandbox_says_what_is_wrong(first_port: int, tmp_path: Path, path: str, body: str) -> None:
    """With a login that is none."""
    address = f"http://127.0.0.1:{first_port}{path}"
    shown = shell(f"curl -s {address} -H 'content-type: application/json' -d '{body}'", tmp_path)

    assert json.loads(shown)["error"]


def client(service: str, first_port: int) -> Any:
    """Return a client of the sandbox's AWS."""
    session: Any = boto3.Session("x", "x", "x", "us-east-1")
    return session.client(service, endpoint_url=f"http://127.0.0.1:{first_port + 2}")


def mode(path: Path) -> int:
    """Return who may do what with a file."""
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("recipe", ["printf '{\"stripe", "python3 -c "])
def test_secret_is_put_in(first_port: int, tmp_path: Path, recipe: str) -> None:
    """By the AWS CLI; nobody else can read the file, and the function can what is in it."""
    url = f"http://127.0.0.1:{first_port + 2}"
    key = f"rk_test_{'1' * 24}"
    secrets = client("secretsmanager", first_port)
    before = secrets.get_secret_value(SecretId=SECRET)["SecretString"]
    shell(starting(recipe), tmp_path, STRIPE_KEY=key)
    assert mode(tmp_path / "secret.json") == 0o600
    put = starting('aws secretsmanager put-secret-value --secret-id "$SECRET')
    shell(put, tmp_path, SECRET_NAME=SECRET, AWS_ENDPOINT_URL=url)
    stored = secrets.get_secret_value(SecretId=SECRET)["SecretString"]
    # The other tests' sandbox has a key of its own.
    secrets.put_secret_value(SecretId=SECRET, SecretString=before)

    assert Secret.parse(stored, "v").stripe_key.value == key


def test_tenants_secret_is_put_in(first_port: int, tmp_path: Path) -> None:
    """Likewise, for repair and backfill."""
    url = f"http://127.0.0.1:{first_port + 2}"
    given = {"TENANT": "acme", "AUTH0_DOMAIN": "acme.us.auth0.com"}
    given |= {"AUTH0_CLIENT_ID": "id", "AUTH0_CLIENT_SECRET": "hidden"}
    shell(starting("printf '{\"tenant"), tmp_path, **given)
    assert mode(tmp_path / "tenant.json") == 0o600
    put = starting('aws secretsmanager put-secret-value --secret-id "$TENANT')
    shell(put, tmp_path, TENANT_SECRET_NAME=TENANT_SECRET, AWS_ENDPOINT_URL=url)
    stored = client("secretsmanager", first_port).get_secret_value(SecretId=TENANT_SECRET)
    secret = TenantSecret.parse(stored["SecretString"])

    assert (secret.tenant, secret.client.url) == ("acme", "https://acme.us.auth0.com")


def test_edge_is_deployed(first_port: int, tmp_path: Path) -> None:
    """By the AWS CLI, as far as moto goes (no CloudFront, no WAF); the digest fits."""
    (tmp_path / "edge.yaml").write_text((ROOT / "edge.yaml").read_text())
    given = {"API_DOMAIN": "a1.execute-api.eu-west-1.amazonaws.com", "SHOP_API_DOMAIN": ""}
    given |= {"KNOWN_CALLERS": "203.0.113.7/32,203.0.113.8/32"}
    given["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{first_port + 2}"
    shell(starting("printf %s"), tmp_path)
    shell(starting("aws cloudformation deploy --region us-east-1"), tmp_path, **given)
    [stack] = client("cloudformation", first_port).describe_stacks(StackName="customer-link-edge")[
        "Stacks"
    ]
    digest = shell(starting("openssl dgst"), tmp_path).split()[0]

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    environment = {"CUSTOMERLINK_SECRET_ID": "s", "CUSTOMERLINK_LEDGER_TABLE": "t"}
    settings = Settings.from_environment(environment | {"CUSTOMERLINK_EDGE_SECRET_DIGESTS": digest})
    sent = {"x-customerlink-edge": (tmp_path / "edge-secret.txt").read_text()}
    assert came_through(settings, {"headers": sent, "requestContext": {"apiId": "a1"}})


def test_session_secret_is_put_in(first_port: int, tmp_path: Path) -> None:
    """Likewise, for the page that verifies an address."""
    shell(starting("printf '{\"session"), tmp_path)
    assert mode(tmp_path / "session.json") == 0o600
    put = starting('aws secretsmanager put-secret-value --secret-id "$SESSION')
    url = f"http://127.0.0.1:{first_port + 2}"
    shell(put, tmp_path, SESSION_SECRET_NAME=SESSION_SECRET_NAME, AWS_ENDPOINT_URL=url)
    secrets = client("secretsmanager", first_port)
    stored = secrets.get_secret_value(SecretId=SESSION_SECRET_NAME)["SecretString"]

    assert len(session_secrets(stored)) == 1


def test_state_machine_is_started(first_port: int, tmp_path: Path) -> None:
    """With an input and without; a failed execution is redriven (of that, moto knows nothing)."""
    states = client("stepfunctions", first_port)
    made = states.create_state_machine(
        name="backfill",
        definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/any",
    )
    given = {"BACKFILL_ARN": made["stateMachineArn"]}
    given["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{first_port + 2}"
    starts = [each for each in COMMANDS if each.startswith("aws stepfunctions start-execution")]
    for each in starts:
        assert "executionArn" in shell(each, tmp_path, **given)
    redrive = starting("aws stepfunctions redrive-execution")
    assert "executionArn" in shell(f"{redrive} --generate-cli-skeleton", tmp_path, EXECUTION_ARN="")
    assert len(starts) == 2


def test_the_command_line_works_on_the_sandbox(first_port: int, told: Path, tmp_path: Path) -> None:
    """With what `make sandbox` prints, pasted: a user who has logged in is linked."""
    command = starting("curl -s http://127").replace("8800", str(first_port))
    user_id = json.loads(shell(command, tmp_path))["user_id"]
    [exports] = [each for each in told.read_text().splitlines() if each.startswith("  export ")]
    verify = f"{sys.executable} -m customerlink.cli.main verify '{user_id}' --json"
    shown = shell(f"{exports}\n{verify}", tmp_path, PYTHONPATH=str(ROOT / "src"))

    assert {kind for kind, count in json.loads(shown)["counts"].items() if count} == {"linked"}


def test_the_watch_is_set_up(first_port: int, told: Path, tmp_path: Path) -> None:
    """As docs/deploy.md has it; and doctor, the last step of another tool's pipeline, passes."""
    [exports] = [each for each in told.read_text().splitlines() if each.startswith("  export ")]
    program = f"{sys.executable} -m customerlink.cli.main"
    given = 'WATCH_CLIENT_ID="$CUSTOMERLINK_WATCH_CLIENT_ID"'
    install = starting("customerlink install --watch").replace("customerlink", program, 1)
    doctor = f"{starting('customerlink doctor').replace('customerlink', program, 1)} --json"
    shown = shell(
        f"{exports}\n{given}\n{install} > install.txt\n{doctor}",
        tmp_path,
        PYTHONPATH=str(ROOT / "src"),
    )
    checks = {each["name"]: each["verdict"] for each in json.loads(shown)["checks"]}

    assert first_port
    assert checks["watch"] == "good"
    assert "bad" not in checks.values()


def test_tool_is_installed() -> None:
    """It fetches packages; tests/cli/test_docs.py builds what it installs."""
    assert starting("uv tool") == "uv tool install --python 3.13 ."


def test_contributors_are_told_what_ci_runs() -> None:
    """The list is that of `.ci/run`, in its order."""
    [block, *_] = SH.findall((ROOT / "CONTRIBUTING.md").read_text())
    run = re.findall(r"^make .*$", CI, re.MULTILINE)

    assert block.split("\n")[:-1] == run


@pytest.mark.parametrize("command", [each for each in COMMANDS if " -m pytest " in each])
def test_single_tests_are_found(command: str) -> None:
    """As CONTRIBUTING.md has them."""
    words = [*command.split()[1:], "--collect-only", "-q"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, check=False, capture_output=True)

    assert done.returncode == 0, done.stdout


def test_deployment(tmp_path: Path) -> None:
    """It needs an account; what can be checked without: the option, and the template."""
    assert starting("sam deploy") == "sam deploy --guided"
    assert "--guided" in shell("sam deploy --help", tmp_path)


def test_local_runs() -> None:
    """They need Docker: tests/e2e/test_sam_local.py runs them where it is there."""
    invoke, start = starting("sam local invoke").split(), starting("sam local start-api").split()

    assert invoke[:4] == ["sam", "local", "invoke", "PostLoginFunction"]
    assert (ROOT / invoke[-1]).is_file()
    assert start == ["sam", "local", "start-api"]


def test_local_runs_need_no_flag() -> None:
    """samconfig.toml names the sandbox's ports, and how a container reaches this machine."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    for command in ("local_invoke", "local_start_api"):
        parameters = settings[command]["parameters"]
        host = "http://host.docker.internal"

        assert f"StripeApiBase={host}:{FIRST_PORT + 1} " in parameters["parameter_overrides"]
        assert f"AwsEndpointUrl={host}:{FIRST_PORT + 2} " in parameters["parameter_overrides"]
        assert parameters["add_host"] == "host.docker.internal:host-gateway"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Inside the repository."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [each for each in links if not (page.parent / each).exists()] == []
