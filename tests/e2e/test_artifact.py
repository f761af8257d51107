"""Action → gateway → the Lambda runtime running what `sam build` made → the sandbox."""

import ast
import fnmatch
import hashlib
import importlib.util
import json
import os
import platform
import re
import subprocess
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.calling import report
from tests.conftest import FIXTURES
from tests.e2e.runtime import ARTIFACT, BUILD, PYTHON, ROOT, Runtime, invoke, runtime
from tools.artifact_summary import digest
from tools.build_artifact import BY_NAME, FUNCTIONS, UNUSED, reached, unread

from sandbox.gateway import by_runtime_emulators
from sandbox.sandbox import SIGNING_SECRET, Sandbox, sandbox
from sandbox.stripe_account import Fault, FaultKind, Permission

EVENTS = {
    "new-database-user": (200, "customer_created"),
    "new-google-user": (200, "customer_created"),
    "returning-user": (200, "not_new"),
    "foreign-customer-id": (200, "link_mismatch"),
    "new-registration": (200, "customer_created"),
    "taken-email": (200, "email_in_use"),
    "no-email": (200, "email_missing"),
    "unsigned": (401, "invalid_signature"),
    "malformed": (400, "invalid_request"),
}

# Docker's containers reach no sandbox of Auth0's, which serves this machine alone.
MESSAGES = {
    "sync-email-changed": ["message-0"],
    "sync-user-created": [],
    "sync-user-deleted": ["message-0"],
    "sync-customer-edited": ["message-0"],
    "sync-customer-deleted": ["message-0"],
    "sync-other-tenant": [],
    "sync-unreadable": ["message-0"],
}
"""What the queue delivers, and which of it comes again where nobody else can be reached."""


@pytest.fixture(scope="module")
def deployed() -> Iterator[tuple[Sandbox, Runtime]]:
    """Run the sandbox with the function in the Lambda runtime instead of in this process."""
    with sandbox(signing_secret=SIGNING_SECRET) as box:
        box.seed()
        environment = {**box.environment(), "CUSTOMERLINK_SIGNATURE_TOLERANCE": "315360000"}
        with runtime(environment) as function:
            box.gateway.invoke = by_runtime_emulators(function.url)
            yield box, function


def test_sign_up(deployed: tuple[Sandbox, Runtime]) -> None:
    """The Action's real JavaScript, the real runtime, the real SDKs."""
    box, function = deployed
    user = box.tenant.add_user(email="Runtime@example.com", name="Run Time")
    login = box.tenant.login(user)
    customer = box.stripe.retrieve(box.tenant.users[user]["app_metadata"]["stripe_customer_id"])

    assert login.decision == "continue", function.log()
    assert customer["email"] == "runtime@example.com"
    assert customer["metadata"] == {"auth0_user_id": user, "auth0_tenant": "acme"}
    assert box.tenant.login(user).app_metadata == {}
    assert '"reason":"customer_created"' in function.log()
    assert "untime@example.com" not in function.log()


def test_outage_and_recovery(deployed: tuple[Sandbox, Runtime]) -> None:
    """Denied while Stripe is down, linked when it is back."""
    box, _ = deployed
    user = box.tenant.add_user(email="outage@example.com")
    box.stripe.faults.append(Fault(FaultKind.DOWN, "GET", times=99))
    denied = box.tenant.login(user)
    box.stripe.faults.clear()

    assert denied.decision == "deny"
    assert box.tenant.login(user).decision == "continue"


@pytest.mark.parametrize("path", sorted((FIXTURES / "logins").glob("*.json")), ids=lambda p: p.stem)
def test_whole_events(deployed: tuple[Sandbox, Runtime], path: Path) -> None:
    """Every connection's event, posted whole."""
    box, _ = deployed
    event = json.loads(path.read_text())
    reply = report(box.url, SIGNING_SECRET, event)

    expected = "customer_created" if "email" in event["user"] else "email_missing"
    assert (reply.status, reply.body["reason"]) == (200, expected)


@pytest.mark.parametrize("name", EVENTS)
def test_local_events(deployed: tuple[Sandbox, Runtime], name: str) -> None:
    """The events for `sam local invoke` reach their branches."""
    _, function = deployed
    event = (ROOT / "events" / f"{name}.json").read_bytes()
    answer: dict[str, Any] = invoke(function.url, event).json()
    body = json.loads(answer["body"])

    assert (answer["statusCode"], body.get("reason", body.get("error"))) == EVENTS[name]


def test_every_event_is_expected() -> None:
    """No file in events/ without a branch."""
    files = {path.stem for path in (ROOT / "events").glob("*.json")}

    assert files == set(EVENTS) | set(MESSAGES)


DATA = (
    *("*.so", "duckdb-*.dist-info/METADATA"),
    *("*/cacert.pem", "stripe/data/ca-certificates.crt", "botocore/data/*.json*"),
    *("customerlink/adapters/actions/*.js", "customerlink/functions/pages/verify-email.*"),
)
"""What else than Python is read, or loaded."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_artifact_holds_the_function_only(name: str) -> None:
    """No tests, sandbox, Action, stubs, installer's leftovers, or packages that nobody needs."""
    folder = BUILD / name
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    top = {each.split("/")[0] for each in names}

    assert not [each for each in top - {"__pycache__"} if not FUNCTIONS[name].has(each)]
    assert not [each for each in FUNCTIONS[name].packages if not fnmatch.filter(top, each)]
    assert not [each for each in names if each.endswith((".pyi", "py.typed"))]
    assert not [each for each in names if "/tests/" in each]
    metadata = {each.split("/")[1] for each in names if ".dist-info/" in each}
    assert metadata <= {"METADATA"}
    services = {path.name for path in folder.glob("botocore/data/*/")}
    assert services == FUNCTIONS[name].services
    others = [path for path in folder.rglob("*") if path.is_file() and path.suffix[:3] != ".py"]
    files = [path.relative_to(folder).as_posix() for path in others]
    assert not [each for each in files if not any(fnmatch.fnmatch(each, kind) for kind in DATA)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_artifact_holds_what_some_import_reaches(name: str) -> None:
    """Of Python's files, whosever they are: no other."""
    assert unread(BUILD / name, FUNCTIONS[name].modules) == set()


def test_what_is_reached(tmp_path: Path) -> None:
    """Wherever in the code, and from wherever; not what a type checker sees."""
    files = {
        "customerlink/__init__.py": "",
        "customerlink/handler.py": "def later():\n    from ours.inner import near\n",
        "ours/__init__.py": "from . import side",
        "ours/side.py": "if TYPE_CHECKING:\n    import types_only\nelse:\n    import really",
        "ours/inner/__init__.py": "from ..far import anything\nfrom .near import name",
        "ours/inner/near.py": "import json",
        "ours/far.py": "if typing.TYPE_CHECKING:\n    import types_only",
        "really.py": "import boto3",
        "boto3/__init__.py": "",
        "boto3/s3/__init__.py": "",
        "boto3/s3/inject.py": "",
    }
    strangers = {"types_only.py": "", "ours/other.py": "import ours"}
    for name, text in (files | strangers).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = [
        path.relative_to(tmp_path).as_posix() for path in reached(tmp_path, "customerlink.handler")
    ]

    assert sorted(found) == sorted(files)


OF_STRIPE = [name for name, function in FUNCTIONS.items() if "stripe" in function.packages]


@pytest.mark.parametrize("name", OF_STRIPE)
def test_every_name_of_the_stripe_sdk_is_there(name: str) -> None:
    """The SDK imports what it is asked for by a name: all that our code says."""
    names, services = set(), set()
    for path in (BUILD / name / "customerlink").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(ast.Name("stripe"), attribute):
                    names.add(attribute)
                case ast.Attribute(ast.Attribute(_, "v1"), attribute):
                    services.add(attribute)
    code = (
        "import json, sys\n"
        "from customerlink.adapters.stripe.sdk import stripe\n"
        "names, services = json.loads(sys.argv[1])\n"
        "client = stripe.StripeClient('key', http_client=stripe.HTTPClient())\n"
        "print(*(getattr(stripe, each) for each in names))\n"
        "print(*(getattr(client.v1, each) for each in services))"
    )
    asked = json.dumps([sorted(names), sorted(services)])
    done = subprocess.run(
        [str(PYTHON), "-c", code, asked],
        env={"PYTHONPATH": str(BUILD / name)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert "StripeError" in names or name == "EventsFunction"


def test_what_is_imported_by_a_name_exists() -> None:
    """So that a package which moves it is noticed, by a build that would go without."""
    for each in (module for modules in BY_NAME.values() for module in modules):
        assert importlib.util.find_spec(each), each


@cache
def imported_by(name: str) -> frozenset[str]:
    """Return the modules that a function's cold start imports, of what is built."""
    modules = ", ".join(FUNCTIONS[name].modules)
    code = f"import json, sys, {modules}\nprint(json.dumps([*sys.modules]))"
    done = subprocess.run(
        [str(PYTHON), "-c", code],
        env={"PYTHONPATH": str(BUILD / name), "AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        check=True,
    )
    return frozenset(json.loads(done.stdout))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_artifact_holds_the_modules_that_are_imported(name: str) -> None:
    """Of our own package: each that is there is imported by the handler, and none is missing."""
    folder = BUILD / name
    imported = {each for each in imported_by(name) if each.partition(".")[0] == "customerlink"}
    files = (
        each.relative_to(folder).with_suffix("") for each in folder.glob("customerlink/**/*.py")
    )

    assert imported == {".".join(each.parts).removesuffix(".__init__") for each in files}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_artifact_holds_the_packages_that_are_imported(name: str) -> None:
    """Of others': each is imported by the handler, at once or, where it is said, later."""
    wanted = FUNCTIONS[name].packages - FUNCTIONS[name].later
    packages = {each.partition(".")[0] for each in wanted if "dist-info" not in each}
    imported = {each.partition(".")[0] for each in imported_by(name)}

    assert packages <= imported
    assert not [each for each in FUNCTIONS[name].later if each.partition(".")[0] in imported]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_artifact_is_within_its_budget(name: str) -> None:
    """Megabytes, with byte code."""
    files = (each for each in (BUILD / name).rglob("*") if each.is_file())

    assert sum(each.stat().st_size for each in files) <= FUNCTIONS[name].budget * 1e6


def test_every_function_is_built() -> None:
    """Each of the template's has a budget, and nothing else is built."""
    template = (ROOT / "template.yaml").read_text()
    named = re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function$", template, re.MULTILINE)

    assert sorted(named) == sorted(FUNCTIONS)
    assert {each.name for each in BUILD.glob("*/")} == {*FUNCTIONS}


def test_what_is_alike_is_built_alike() -> None:
    """The same bytes, which are uploaded once."""
    assert digest(BUILD / "RepairFunction") == digest(BUILD / "SyncFunction")


def test_upload_is_small() -> None:
    """What `sam deploy` sends, each that is unlike the others once: 55 MB at the most."""
    sizes: dict[bytes, int] = {}
    zipped = 0
    for name in {digest(BUILD / each): each for each in FUNCTIONS}.values():
        for path in (each for each in (BUILD / name).rglob("*") if each.is_file()):
            content = path.read_bytes()
            key = hashlib.sha256(content).digest()
            sizes[key] = sizes.get(key) or len(zlib.compress(content))
            # Its name stands in the archive twice, beside two headers.
            zipped += sizes[key] + 2 * len(str(path.relative_to(BUILD / name))) + 76

    assert zipped <= 55e6


def test_the_watch_has_the_actions() -> None:
    """Of this release."""
    built = {
        each.name for each in (BUILD / "WatchFunction/customerlink/adapters/actions").iterdir()
    }

    assert built == {each.name for each in (ROOT / "src/actions/dist").iterdir()}


@pytest.mark.parametrize(
    ("name", "strangers"),
    [
        ("PostLoginFunction", {"boto3", "cryptography", "jwt", "asyncio"}),
        ("CustomersFunction", {"boto3", "cryptography", "jwt", "asyncio", "urllib3"}),
        ("VerifyEmailFunction", {"boto3", "jwt", "stripe", "asyncio", "urllib3"}),
        ("WatchFunction", {"boto3", "stripe", "cryptography"}),
        ("SendMailFunction", {"boto3", "stripe", "cryptography"}),
    ],
)
def test_cold_start_is_without(name: str, strangers: set[str]) -> None:
    """Whom a person waits for imports no SDK that it can do without (docs/performance.md)."""
    assert imported_by(name).isdisjoint(strangers)


def test_sign_up_starts_without_dead_weight() -> None:
    """What the standard library and Stripe's SDK bring along was a fifth of it."""
    dead = {"calendar", "dataclasses", "inspect", "pathlib", "typing_extensions"}

    assert imported_by("PostLoginFunction").isdisjoint(dead)


@pytest.mark.parametrize("name", UNUSED)
def test_what_is_left_out_exists(name: str) -> None:
    """So that a package which moves it is noticed."""
    [installed] = list((ROOT / ".venv" / "lib").glob("python3.13/site-packages"))

    assert (installed / name).exists()
    assert not [each for each in FUNCTIONS if (BUILD / each / name).exists()]


def test_every_stripe_call_works_without_its_types(deployed: tuple[Sandbox, Runtime]) -> None:
    """Those that the adapter makes, and every error that it tells apart, by the pruned package."""
    box, _ = deployed
    customer = box.stripe.create({"email": "subscriber@example.com"})["id"]
    box.stripe.use(customer, "subscription")
    reading = box.stripe.add_key(Permission.READ, reads=["subscription"])
    given = box.stripe_url, box.stripe_key, customer, reading
    command = [str(PYTHON), str(ROOT / "tests/e2e/stripe_calls.py"), *given]
    environment = {"PYTHONPATH": str(ARTIFACT), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [
        *("list", "create", "retrieve", "pages", "deleted", "subscriptions"),
        *("InvalidRequestError", "IdempotencyError", "AuthenticationError", "APIConnectionError"),
    ]


def test_two_builds_are_identical(tmp_path: Path) -> None:
    """Byte by byte: the same names, the same contents."""
    architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    for number in ("1", "2"):
        folder = tmp_path / number
        folder.mkdir()
        settings = [f"ARTIFACTS_DIR={folder}", f"ARCHITECTURE={architecture}"]
        command = ["make", "-s", "build-PostLoginFunction", *settings]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    assert digest(tmp_path / "1") == digest(tmp_path / "2")
    assert digest(tmp_path / "1") == digest(ARTIFACT), "not what is built: make build-host"


def test_byte_code_is_of_the_runtimes_python() -> None:
    """The same magic number: https://docs.python.org/3/library/importlib.html (MAGIC_NUMBER)."""
    ask = "import importlib.util, sys; sys.stdout.write(importlib.util.MAGIC_NUMBER.hex())"
    done = subprocess.run([str(PYTHON), "-c", ask], capture_output=True, text=True, check=True)
    compiled = [*ARTIFACT.rglob("*.pyc")]

    assert {path.read_bytes()[:4].hex() for path in compiled} == {done.stdout}
    assert len(compiled) == len([*ARTIFACT.rglob("*.py")])


def test_byte_code_is_used_as_it_is() -> None:
    """Hash-based and unchecked (PEP 552, flags 0b01): valid whatever date the zip gives a file."""
    flags = {path.read_bytes()[4:8] for path in ARTIFACT.rglob("*.pyc")}

    assert flags == {b"\x01\x00\x00\x00"}
