"""Finish a function's artifact that `sam build` zips: keep what it imports, compile it."""

import ast
import compileall
import py_compile
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.util import resolve_name
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """What a function imports of the requirements, and which AWS services boto3 calls for it."""

    modules: tuple[str, ...]
    """Of its handler, and of those that share its artifact: what they import is kept."""
    budget: int
    """Megabytes that it may have."""
    packages: frozenset[str]
    """By name, or by pattern where a platform or a version is part of it."""
    services: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    """Of the packages, those that are imported when they are needed, not at a cold start."""

    def has(self, name: str) -> bool:
        """Return whether a file or a folder of site-packages is among them."""
        return any(fnmatch(name, each) for each in self.packages)


_OURS = frozenset({"customerlink"})
_POWERTOOLS = frozenset({"aws_lambda_powertools"})
_HTTP = frozenset({"httptools"})
_TYPING = frozenset({"typing_extensions.py"})
"""Of the Stripe SDK's: what is imported of that at a cold start does without."""
_STRIPE = frozenset({"stripe"}) | _HTTP | _TYPING
_BOTO3 = frozenset({"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"})
_CRYPTOGRAPHY = frozenset({"cryptography", "_cffi_backend.*.so"})
_REQUESTS = frozenset({"certifi", "charset_normalizer", "idna", "requests"})
"""By which Stripe's customers are listed, and Auth0's export is fetched."""

# One artifact, since they need the same: what is alike is uploaded once.
_AFTER_THE_SIGN_UP = Function(
    ("customerlink.functions.repair", "customerlink.functions.sync"),
    15,
    packages=_OURS | _BOTO3 | _POWERTOOLS | _STRIPE,
    services=frozenset({"dynamodb", "sqs"}),
)

FUNCTIONS = {
    "PostLoginFunction": Function(
        ("customerlink.functions.post_login",), 5, packages=_OURS | _STRIPE, later=_TYPING
    ),
    "PreTrafficFunction": Function(
        ("customerlink.functions.pre_traffic",),
        10,
        packages=_OURS | _BOTO3,
        services=frozenset({"codedeploy", "lambda", "secretsmanager"}),
    ),
    "WatchFunction": Function(("customerlink.functions.watch",), 12, packages=_OURS | _HTTP),
    "EventsFunction": Function(
        ("customerlink.functions.events",), 5, packages=_OURS | _STRIPE, later=_TYPING
    ),
    "RepairFunction": _AFTER_THE_SIGN_UP,
    "SyncFunction": _AFTER_THE_SIGN_UP,
    "CustomersFunction": Function(
        ("customerlink.functions.shop_api",),
        22,
        packages=_OURS | _STRIPE | _CRYPTOGRAPHY | {"jwt"},
        # To link accounts, which few do.
        later=_CRYPTOGRAPHY | _TYPING | {"jwt"},
    ),
    "VerifyEmailFunction": Function(
        ("customerlink.functions.verify_email",), 20, packages=_OURS | _HTTP | _CRYPTOGRAPHY
    ),
    "SendMailFunction": Function(("customerlink.functions.send_mail",), 12, packages=_OURS | _HTTP),
    "BackfillFunction": Function(
        ("customerlink.functions.backfill",),
        90,
        packages=_OURS
        | _BOTO3
        | _STRIPE
        | _REQUESTS
        | {"duckdb", "duckdb-*.dist-info", "_duckdb.*.so"},
        services=frozenset({"dynamodb", "s3"}),
        later=_TYPING,
    ),
}

BY_NAME = {
    # What is asked of the SDK, or of its client, is imported when it is.
    "stripe": (
        *("stripe._customer_service", "stripe._subscription_service"),
        *("stripe._list_object", "stripe._stripe_client"),
    ),
    # By a client of S3, for uploads and downloads of files.
    "boto3": ("boto3.s3.inject",),
}
"""What a package imports by a name that it puts together, so that no import statement says it."""

COMPILED = frozenset({"charset_normalizer", "cryptography", "duckdb", "httptools"})
"""Packages whose compiled code imports what it needs: nobody can read off what that is."""

LEFTOVERS = (
    *("bin", "*.dist-info/[!M]*", ".lock"),
    *("**/__pycache__", "**/tests", "**/*.pyi", "**/*.pyx", "**/*.pxd", "**/py.typed"),
    # Imported without it (adapters/http_messages.py).
    "httptools/parser/url_parser.*.so",
)
"""What an installer brings that no function needs."""

UNUSED = (
    # What the SDK is imported without (adapters/stripe/sdk.py): Stripe's events, as its objects.
    *("stripe/_event.py", "stripe/_event_notification_handler.py"),
    *("stripe/events", "stripe/v2/core/_event.py"),
    # What an HTTP API is written with, for which Powertools' data classes have a method.
    "aws_lambda_powertools/event_handler",
    # Spark's interface, for whoever asks for it.
    "duckdb/experimental",
    # Of boto3's other interface (`resource`), by which no call of ours is made.
    *("boto3/data", "boto3/examples"),
    # Of a Python that runs in a browser.
    "urllib3/contrib/emscripten",
    # Time zones by their names, where the machine has none: AWS's times are in UTC.
    "dateutil/zoneinfo/dateutil-zoneinfo.tar.gz",
)
"""What is imported or read by nothing but calls that none of ours reaches."""


PACKAGE = "customerlink"
WITH_PAGES = {"customerlink.functions.verify_email"}
WITH_ACTIONS = {"customerlink.functions.watch"}
ACTIONS = Path(__file__).parents[1] / "src" / "actions" / "dist"


def reached(folder: Path, *modules: str) -> Iterator[Path]:
    """Return the files that modules import, wherever in the code, and their own."""
    seen: set[str] = set()
    waiting = [*modules]
    while waiting:
        name = waiting.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        waiting += [name.rpartition(".")[0], *BY_NAME.get(name, ())]
        place = folder / name.replace(".", "/")
        path = next(
            (each for each in (place.with_suffix(".py"), place / "__init__.py") if each.is_file()),
            None,
        )
        if path is None:
            continue  # a name that a module defines, or what Python has
        yield path
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _imports(ast.parse(path.read_text()), package)


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Return what is imported, and from what; not what only a type checker sees."""
    below = ast.iter_child_nodes(node)
    match node:
        case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            below = iter(node.orelse)
        case ast.ImportFrom():
            name = resolve_name(f"{'.' * node.level}{node.module or ''}", package)
            yield from (name, *(f"{name}.{each.name}" for each in node.names))
        case ast.Import():
            yield from (each.name for each in node.names)
    for each in below:
        yield from _imports(each, package)


def main(function: Function, folder: Path) -> None:
    """Prune and compile a folder of installed packages in place."""
    strangers = [each.name for each in folder.iterdir() if not function.has(each.name)]
    for pattern in (*LEFTOVERS, *strangers, *UNUSED):
        for path in list(folder.glob(pattern)):
            _remove(path)
    _prune_what_nobody_imports(folder, function.modules)
    if WITH_ACTIONS.intersection(function.modules):
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


def unread(folder: Path, modules: tuple[str, ...]) -> set[Path]:
    """Return the files of Python's that the handlers do not import."""
    compiled = (each for name in COMPILED for each in folder.glob(f"{name}/**/*.py"))
    return {*folder.rglob("*.py")} - {*reached(folder, *modules), *compiled}


def _prune_what_nobody_imports(folder: Path, modules: tuple[str, ...]) -> None:
    for path in unread(folder, modules):
        path.unlink()
    if WITH_PAGES.isdisjoint(modules):
        _remove(folder / PACKAGE / "functions" / "pages")
    for path in sorted(folder.glob("**/"), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main(FUNCTIONS[sys.argv[1]], Path(sys.argv[2]))
