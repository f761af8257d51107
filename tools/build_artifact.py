"""Finish a function's artifact that `sam build` zips: keep what it imports, compile it."""

import compileall
import py_compile
import shutil
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """What a function imports of the requirements, and which AWS services it calls."""

    services: frozenset[str]
    packages: frozenset[str]
    """By name, or by pattern where a platform or a version is part of it."""
    reconciles: bool = False

    def has(self, name: str) -> bool:
        """Tell whether a file or a folder of site-packages is among them."""
        return any(fnmatch(name, each) for each in self.packages)


_AWS_SDK = frozenset(
    {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"}
)
_TELEMETRY = frozenset({"aws_lambda_powertools", "typing_extensions.py"})
_COMMON = _AWS_SDK | _TELEMETRY | {"customerlink"}
_AUTH0_SDK = frozenset(
    {
        *("auth0", "annotated_types", "anyio", "certifi", "charset_normalizer", "cryptography"),
        *("h11", "httpcore", "httpx", "idna", "jwt", "pydantic", "pydantic_core", "requests"),
        *("typing_inspection", "_cffi_backend.*.so"),
        # Asks for its own version, as does duckdb.
        "auth0_python-*.dist-info",
    }
)

FUNCTIONS = {
    "PostLoginFunction": Function(
        # It speaks to AWS by a client of its own (adapters/aws_json.py).
        services=frozenset(),
        packages=_TELEMETRY | {"customerlink", "stripe"},
    ),
    "PreTrafficFunction": Function(
        services=frozenset({"codedeploy", "lambda", "secretsmanager"}),
        packages=_COMMON,
    ),
    "RepairFunction": Function(
        services=frozenset({"dynamodb", "secretsmanager"}),
        packages=_COMMON | {"stripe"} | _AUTH0_SDK,
        reconciles=True,
    ),
    "CustomersFunction": Function(
        services=frozenset({"dynamodb", "secretsmanager"}),
        packages=_COMMON | {"stripe"} | _AUTH0_SDK,
        reconciles=True,
    ),
    "VerifyEmailFunction": Function(
        services=frozenset({"dynamodb", "secretsmanager"}),
        packages=_COMMON | _AUTH0_SDK,
        reconciles=True,
    ),
    "BackfillFunction": Function(
        services=frozenset({"dynamodb", "s3", "secretsmanager"}),
        packages=_COMMON | _AUTH0_SDK | {"stripe", "duckdb", "duckdb-*.dist-info", "_duckdb.*.so"},
        reconciles=True,
    ),
}

UNUSED = (
    # The command line, and the Actions that it carries.
    "customerlink/cli",
    # The types of parameters and of events: imported by type checkers, and by no call of ours.
    "stripe/params",
    "stripe/events",
    # Powertools' other utilities, and what only they need.
    "aws_lambda_powertools/event_handler",
    *(
        f"aws_lambda_powertools/utilities/{each}"
        for each in (
            "batch",
            "data_classes",
            "data_masking",
            "feature_flags",
            "idempotency",
            "kafka",
            "parameters",
            "parser",
            "serialization.py",
            "streaming",
            "validation",
        )
    ),
    # Data of services that are not called.
    "boto3/examples",
)
RECONCILING = (
    "customerlink/reconcile",
    "customerlink/adapters/auth0_management.py",
    "customerlink/adapters/boto3_dynamodb.py",
)
"""Left out of the functions that see one login at a time."""

LEFTOVERS = (
    *("bin", "*.dist-info/[!M]*", ".lock"),
    *("**/__pycache__", "**/tests", "**/*.pyi", "**/py.typed"),
)


def main(function: Function, folder: Path) -> None:
    """Prune and compile a folder of installed packages in place."""
    strangers = [each.name for each in folder.iterdir() if not function.has(each.name)]
    unused = UNUSED if function.reconciles else (*UNUSED, *RECONCILING)
    for pattern in (*LEFTOVERS, *strangers, *unused):
        for path in list(folder.glob(pattern)):
            _remove(path)
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


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    main(FUNCTIONS[sys.argv[1]], Path(sys.argv[2]))
