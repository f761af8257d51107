"""Finish a function's artifact that `sam build` zips: keep what it imports, compile it."""

import compileall
import py_compile
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """What a function imports of the requirements, and which AWS services it calls."""

    services: frozenset[str]
    packages: frozenset[str]


_AWS_SDK = frozenset(
    {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"}
)
_TELEMETRY = frozenset({"aws_lambda_powertools", "typing_extensions.py"})
_COMMON = _AWS_SDK | _TELEMETRY | {"customerlink"}

FUNCTIONS = {
    "PostLoginFunction": Function(
        services=frozenset({"dynamodb", "secretsmanager"}),
        packages=_COMMON | {"stripe"},
    ),
    "PreTrafficFunction": Function(
        services=frozenset({"codedeploy", "lambda", "secretsmanager"}),
        packages=_COMMON,
    ),
    "WatchFunction": Function(services=frozenset({"dynamodb"}), packages=_COMMON),
}

UNUSED = (
    # The command line, the Actions that it carries, and what it compares by.
    "customerlink/cli",
    "customerlink/reconcile",
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
LEFTOVERS = ("bin", "*.dist-info", "**/__pycache__", "**/tests", "**/*.pyi", "**/py.typed", ".lock")


def main(function: Function, folder: Path) -> None:
    """Prune and compile a folder of installed packages in place."""
    strangers = [each.name for each in folder.iterdir() if each.name not in function.packages]
    for pattern in (*LEFTOVERS, *strangers, *UNUSED):
        for path in list(folder.glob(pattern)):
            _remove(path)
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in function.services:
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
