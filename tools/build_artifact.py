"""Finish the artifact that `sam build` zips: drop what no import reaches, compile the rest."""

import compileall
import py_compile
import shutil
import sys
from pathlib import Path

AWS_SERVICES = {"dynamodb", "secretsmanager"}


def main(folder: Path) -> None:
    """Prune and compile a folder of installed packages in place."""
    for pattern in ("bin", "*.dist-info", "**/__pycache__", "**/tests", "**/*.pyi", ".lock"):
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in AWS_SERVICES:
            shutil.rmtree(service)
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


if __name__ == "__main__":
    main(Path(sys.argv[1]))
