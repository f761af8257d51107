"""Finish a function's artifact that `sam build` zips: keep what it imports, compile it."""

import ast
import compileall
import py_compile
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """What a function imports of the requirements, and which AWS services it calls."""

    module: str
    """Of its handler: what that imports of our own package is kept."""
    services: frozenset[str]
    packages: frozenset[str]
    """By name, or by pattern where a platform or a version is part of it."""
    utilities: frozenset[str] = frozenset()
    """Powertools' own, of those that others do without."""

    def has(self, name: str) -> bool:
        """Return whether a file or a folder of site-packages is among them."""
        return any(fnmatch(name, each) for each in self.packages)


_AWS_SDK = frozenset(
    {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"}
)
_TELEMETRY = frozenset({"aws_lambda_powertools", "typing_extensions.py"})
_COMMON = _AWS_SDK | _TELEMETRY | {"customerlink"}
_TOKENS = frozenset({"cryptography", "jwt", "_cffi_backend.*.so"})
_REQUESTS = frozenset({"certifi", "charset_normalizer", "idna", "requests"})
"""What lists Stripe's customers, and fetches Auth0's export."""

FUNCTIONS = {
    "PostLoginFunction": Function(
        "customerlink.functions.post_login",
        # It speaks to AWS by a client of its own (adapters/aws/aws_json.py).
        services=frozenset(),
        packages=_TELEMETRY | {"customerlink", "stripe"},
    ),
    "PreTrafficFunction": Function(
        "customerlink.functions.pre_traffic",
        services=frozenset({"codedeploy", "lambda", "secretsmanager"}),
        packages=_COMMON,
    ),
    "WatchFunction": Function(
        "customerlink.functions.watch",
        # To AWS by the sign-up's client, and to Auth0 by its connections.
        services=frozenset(),
        packages=_TELEMETRY | {"customerlink"},
    ),
    "RepairFunction": Function(
        "customerlink.functions.repair",
        services=frozenset({"dynamodb", "secretsmanager", "sqs"}),
        packages=_COMMON | {"stripe"},
    ),
    "SyncFunction": Function(
        "customerlink.functions.sync",
        services=frozenset({"dynamodb", "secretsmanager", "sqs"}),
        packages=_COMMON | {"stripe"},
        utilities=frozenset({"batch", "data_classes"}),
    ),
    "CustomersFunction": Function(
        "customerlink.functions.shop_api",
        services=frozenset({"dynamodb", "secretsmanager"}),
        packages=_COMMON | _TOKENS | {"stripe"},
    ),
    "VerifyEmailFunction": Function(
        "customerlink.functions.verify_email",
        services=frozenset({"lambda", "secretsmanager"}),
        packages=_COMMON | _TOKENS,
    ),
    "SendMailFunction": Function(
        "customerlink.functions.send_mail",
        services=frozenset({"dynamodb", "secretsmanager"}),
        packages=_COMMON,
    ),
    "BackfillFunction": Function(
        "customerlink.functions.backfill",
        services=frozenset({"dynamodb", "s3", "secretsmanager"}),
        packages=_COMMON | _REQUESTS | {"stripe", "duckdb", "duckdb-*.dist-info", "_duckdb.*.so"},
    ),
}

UNUSED = (
    # The types of parameters and of events: imported by type checkers, and by no call of ours.
    "stripe/params",
    "stripe/events",
    # What only Powertools' other utilities need.
    "aws_lambda_powertools/event_handler",
    # Data of services that are not called.
    "boto3/examples",
)
UTILITIES = frozenset(
    {
        *("batch", "data_classes", "data_masking", "feature_flags", "idempotency", "kafka"),
        *("parameters", "parser", "serialization.py", "streaming", "validation"),
    }
)
"""Powertools' that not every function has."""

LEFTOVERS = (
    *("bin", "*.dist-info/[!M]*", ".lock"),
    *("**/__pycache__", "**/tests", "**/*.pyi", "**/py.typed"),
)


PACKAGE = "customerlink"
WITH_PAGES = {"customerlink.functions.verify_email"}
WITH_ACTIONS = {"customerlink.functions.watch"}
ACTIONS = Path(__file__).parents[1] / "src" / "actions" / "dist"


def reached(folder: Path, module: str) -> Iterator[Path]:
    """Return the files of our package that a module imports, wherever in its code, and its own."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen or not name.startswith(PACKAGE):
            continue
        seen.add(name)
        waiting.append(name.rpartition(".")[0])
        place = folder / name.replace(".", "/")
        path = next(
            (each for each in (place.with_suffix(".py"), place / "__init__.py") if each.is_file()),
            None,
        )
        if path is None:
            continue  # a name that a module defines
        yield path
        waiting += _imports(ast.parse(path.read_text()))


def _imports(node: ast.AST) -> Iterator[str]:
    """Return what is imported, and from what; not what only a type checker sees."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.ImportFrom(module=str(module)):
            yield from (module, *(f"{module}.{each.name}" for each in node.names))
        case ast.Import():
            yield from (each.name for each in node.names)
    for each in ast.iter_child_nodes(node):
        yield from _imports(each)


def main(function: Function, folder: Path) -> None:
    """Prune and compile a folder of installed packages in place."""
    strangers = [each.name for each in folder.iterdir() if not function.has(each.name)]
    unused = [f"aws_lambda_powertools/utilities/{each}" for each in UTILITIES - function.utilities]
    for pattern in (*LEFTOVERS, *strangers, *UNUSED, *unused):
        for path in list(folder.glob(pattern)):
            _remove(path)
    _prune_our_own(folder, function.module)
    if function.module in WITH_ACTIONS:
        shutil.copytree(ACTIONS, folder / PACKAGE / "adapters" / "actions", dirs_exist_ok=True)
    for service in folder.glob("botocore/data/*/"):
        if service.name not in function.services:
            _remove(service)
    # SAM's zips date every file 1980: time-stamped byte code would be compiled again at each cold
    # start, byte code that goes unchecked is used as it is.
    compiled = compileall.compile_dir(
        folder,
        quiet=1,
        stripdir=str(folder),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        sys.exit("some file could not be compiled")


def _prune_our_own(folder: Path, module: str) -> None:
    """Leave of our own package what the handler imports."""
    kept = {*reached(folder, module)}
    for path in (folder / PACKAGE).rglob("*.py"):
        if path not in kept:
            path.unlink()
    if module not in WITH_PAGES:
        _remove(folder / PACKAGE / "functions" / "pages")
    for path in sorted((folder / PACKAGE).glob("**/"), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main(FUNCTIONS[sys.argv[1]], Path(sys.argv[2]))
