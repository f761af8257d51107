"""Look every dependency up in the public lists of vulnerabilities, Python's and npm's.

A list that cannot be had says nothing: that is told, and is no failure. A vulnerability is one.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
OUT_OF_REACH = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|HTTPError|ServiceError|audit endpoint returned"
    r"|ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT"
)
"""What pip-audit and npm say of a list that they cannot ask."""


@dataclass(frozen=True)
class Said:
    """What an auditor printed."""

    out: str
    error: str


class NoListError(Exception):
    """The list of vulnerabilities cannot be had."""


class AuditError(Exception):
    """The auditor failed for a reason of its own: nothing was looked up."""


type Run = Callable[[Sequence[str]], Said]


def run(command: Sequence[str]) -> Said:
    """Let an auditor look; its exit code tells a finding from trouble no more than its output."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 (the commands below)
    return Said(done.stdout, done.stderr)


def of_python(file: Path, run: Run) -> Iterator[str]:
    """Give each vulnerability of a file of pinned requirements."""
    command = [".tools/audit/bin/pip-audit", "--requirement", str(file), "--require-hashes"]
    command += ["--disable-pip", "--vulnerability-service", "osv", "--format", "json"]
    for each in _document(run([*command, "--progress-spinner", "off"]), "dependencies"):
        for found in each.get("vulns", []):
            yield f"{file.name}: {each['name']} {each['version']}: {found['id']}"


def of_npm(run: Run) -> Iterator[str]:
    """Give each vulnerable package of package-lock.json."""
    found = _document(run(["npm", "audit", "--package-lock-only", "--json"]), "vulnerabilities")
    for name, each in found.items():
        yield f"package-lock.json: {name} {each['range']}: {each['severity']}"


def _document(said: Said, name: str) -> Any:
    try:
        document = json.loads(said.out)
    except ValueError:
        document = {}
    if isinstance(document, dict) and name in document:
        return document[name]
    if OUT_OF_REACH.search(said.out + said.error):
        raise NoListError
    raise AuditError(said.error.strip().rpartition("\n")[2])


def main(run: Run = run, files: Sequence[Path] = REQUIREMENTS) -> int:
    """Print what was found; return 1 for a vulnerability, or an auditor that failed."""
    python = [partial(of_python, each, run) for each in files]
    return max(_audited("Python", python), _audited("npm", [partial(of_npm, run)]))


def _audited(whose: str, looks: Sequence[Callable[[], Iterator[str]]]) -> int:
    try:
        found = [each for look in looks for each in look()]
    except NoListError:
        print(f"{whose}: the list of vulnerabilities cannot be had from here: nothing is known")
        return 0
    except AuditError as trouble:
        print(f"{whose}: the audit failed: {trouble}")
        return 1
    print("\n".join(found) or f"{whose}: no known vulnerability")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
