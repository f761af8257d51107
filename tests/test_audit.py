"""The audit of dependencies, and the bill of materials that comes with a build."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.e2e.runtime import ROOT
from tools.audit import REQUIREMENTS, Said, main

CLEAN = Said('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', "")
FOUND = Said('{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}]}', "")
NPM_CLEAN = Said('{"auditReportVersion": 2, "vulnerabilities": {}}', "")
NPM_FOUND = Said('{"vulnerabilities": {"b": {"range": "<2", "severity": "high"}}}', "")
OFFLINE = Said("", "requests.exceptions.ConnectionError: no address\n")
NPM_OFFLINE = Said('{"message": "405"}', "npm error audit endpoint returned an error")
FILES = [Path("sign-up.txt"), Path("dev.txt")]


def audited(python: Said, npm: Said) -> int:
    """Audit with what the auditors say."""

    def run(command: Sequence[str]) -> Said:
        return npm if command[0] == "npm" else python

    return main(run, FILES)


def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Said for both."""
    assert audited(CLEAN, NPM_CLEAN) == 0
    assert capsys.readouterr().out.count("no known vulnerability") == 2


@pytest.mark.parametrize(
    ("python", "npm", "named"),
    [
        (FOUND, NPM_CLEAN, "dev.txt: a 1: CVE-1"),
        (CLEAN, NPM_FOUND, "package-lock.json: b <2: high"),
        (FOUND, NPM_OFFLINE, "sign-up.txt: a 1: CVE-1"),
        (OFFLINE, NPM_FOUND, "b <2: high"),
    ],
)
def test_found(python: Said, npm: Said, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It fails, whatever the other list says, and names what to update."""
    assert audited(python, npm) == 1
    assert named in capsys.readouterr().out


@pytest.mark.parametrize(
    "python",
    [
        OFFLINE,
        Said("", "ERROR:pip_audit._cli:ServiceError: 503"),
        Said("<html>", "requests.exceptions.ReadTimeout: api"),
    ],
)
@pytest.mark.parametrize(
    "npm",
    [
        NPM_OFFLINE,
        Said('{"error": {"code": "ENOTFOUND"}}', ""),
        Said("", "npm error code ECONNREFUSED"),
    ],
)
def test_no_list(python: Said, npm: Said, capsys: pytest.CaptureFixture[str]) -> None:
    """Said so, and no failure: nothing is known."""
    assert audited(python, npm) == 0
    assert capsys.readouterr().out.count("cannot be had from here: nothing is known") == 2


@pytest.mark.parametrize(
    "broken",
    [
        Said("", "No such file"),
        Said("", ""),
        Said("[]", "usage: pip-audit"),
        Said('{"dependency": []}', "odd"),
    ],
)
def test_auditor_that_fails_for_its_own_sake(
    broken: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is never taken for a list without findings, nor for one out of reach."""
    assert audited(broken, NPM_CLEAN) == 1
    assert audited(CLEAN, broken) == 1
    assert "the audit failed" in capsys.readouterr().out


def test_every_pinned_file_is_audited() -> None:
    """Those of the functions, of the tools, and of the tests."""
    assert {each.stem for each in REQUIREMENTS} >= {"sign-up", "functions", "dev", "sam", "audit"}
    assert "\nmake audit\n" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("name", ["sign-up", "functions"])
def test_bill_of_materials(name: str) -> None:
    """Each pinned package of what the build installed, with its version and its hashes."""
    bill = json.loads((ROOT / f".aws-sam/sbom/{name}.cdx.json").read_text())
    pinned = re.findall(
        r"^([\w.-]+)==([\w.]+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE
    )

    assert bill["bomFormat"] == "CycloneDX"
    assert sorted((each["name"], each["version"]) for each in bill["components"]) == sorted(pinned)
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
    assert "timestamp" not in bill["metadata"]
