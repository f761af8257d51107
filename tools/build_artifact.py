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
    """What a function imports of the requirements, and which AWS services boto3 calls for it."""

    modules: tuple[str, ...]
    """Of its handler, and of those that share its artifact: what they import of ours is kept."""
    budget: int
    """Megabytes that it may have."""
    packages: frozenset[str]
    """By name, or by pattern where a platform or a version is part of it."""
    services: frozenset[str] = frozenset()
    utilities: frozenset[str] = frozenset()
    """Powertools' own, of those that others do without."""
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
    25,
    packages=_OURS | _BOTO3 | _POWERTOOLS | _STRIPE,
    services=frozenset({"dynamodb", "sqs"}),
    utilities=frozenset({"batch", "data_classes"}),
)

FUNCTIONS = {
    "PostLoginFunction": Function(
        ("customerlink.functions.post_login",), 12, packages=_OURS | _STRIPE, later=_TYPING
    ),
    "PreTrafficFunction": Function(
        ("customerlink.functions.pre_traffic",),
        12,
        packages=_OURS | _BOTO3,
        services=frozenset({"codedeploy", "lambda", "secretsmanager"}),
    ),
    "WatchFunction": Function(("customerlink.functions.watch",), 12, packages=_OURS | _HTTP),
    "EventsFunction": Function(
        ("customerlink.functions.events",), 12, packages=_OURS | _STRIPE, later=_TYPING
    ),
    "RepairFunction": _AFTER_THE_SIGN_UP,
    "SyncFunction": _AFTER_THE_SIGN_UP,
    "CustomersFunction": Function(
        ("customerlink.functions.shop_api",),
        25,
        packages=_OURS | _STRIPE | _CRYPTOGRAPHY | {"jwt"},
        # To link accounts, which few do.
        later=_CRYPTOGRAPHY | _TYPING | {"jwt"},
    ),
    "VerifyEmailFunction": Function(
        ("customerlink.functions.verify_email",), 25, packages=_OURS | _HTTP | _CRYPTOGRAPHY
    ),
    "SendMailFunction": Function(("customerlink.functions.send_mail",), 12, packages=_OURS | _HTTP),
    "BackfillFunction": Function(
        ("customerlink.functions.backfill",),
        100,
        packages=_OURS
        | _BOTO3
        | _STRIPE
        | _REQUESTS
        | {"duckdb", "duckdb-*.dist-info", "_duckdb.*.so"},
        services=frozenset({"dynamodb", "s3"}),
    ),
}

_STRIPE_OF_OTHERS = (
    *("apps", "billing", "billing_portal", "checkout", "climate", "entitlements"),
    *("financial_connections", "forwarding", "identity", "issuing", "product_catalog", "radar"),
    *("reporting", "reserve", "sigma", "tax", "terminal", "test_helpers", "three_d_secure"),
    "treasury",
)
"""Of Stripe's objects: the SDK imports them when an answer has one, and what is asked for here,
customers and subscriptions without anything expanded, has none."""

STRIPE_SERVICES = frozenset(
    {
        *("_customer_service.py", "_subscription_service.py"),
        # What the client and every service stand on.
        *("_oauth_service.py", "_stripe_service.py"),
    }
)
"""What is asked for; the SDK imports each when it is."""

UNUSED = (
    # The types of parameters and of events: imported by type checkers, and by no call of ours.
    "stripe/params",
    "stripe/events",
    *(f"stripe/{each}" for each in _STRIPE_OF_OTHERS),
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
    *("**/__pycache__", "**/tests", "**/*.pyi", "**/*.pyx", "**/*.pxd", "**/py.typed"),
    # Imported without it (adapters/http_messages.py).
    "httptools/parser/url_parser.*.so",
)


PACKAGE = "customerlink"
WITH_PAGES = {"customerlink.functions.verify_email"}
WITH_ACTIONS = {"customerlink.functions.watch"}
ACTIONS = Path(__file__).parents[1] / "src" / "actions" / "dist"


def reached(folder: Path, *modules: str) -> Iterator[Path]:
    """Return the files of our package that modules import, wherever in the code, and their own."""
    seen: set[str] = set()
    waiting = [*modules]
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
    _prune_our_own(folder, function.modules)
    for service in folder.glob("stripe/_*_service.py"):
        if service.name not in STRIPE_SERVICES:
            service.unlink()
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


def _prune_our_own(folder: Path, modules: tuple[str, ...]) -> None:
    """Leave of our own package what the handlers import."""
    kept = {*reached(folder, *modules)}
    for path in (folder / PACKAGE).rglob("*.py"):
        if path not in kept:
            path.unlink()
    if WITH_PAGES.isdisjoint(modules):
        _remove(folder / PACKAGE / "functions" / "pages")
    for path in sorted((folder / PACKAGE).glob("**/"), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main(FUNCTIONS[sys.argv[1]], Path(sys.argv[2]))
