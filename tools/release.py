"""Put a release together in dist/: what `make release` built, packed, listed and summed.

Deploying it takes the AWS CLI or SAM's: no clone, no make, no Node. The same tree gives the same
archives, byte for byte: names in order, and no date but the oldest that a zip can hold.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
BUILDS = ROOT / ".aws-sam" / "release"
BILLS = ROOT / ".aws-sam" / "sbom"
ARCHITECTURES = ("arm64", "x86_64")

_CODE = re.compile(r"(?<=CodeUri: )(\w+Function)$", re.MULTILINE)
_RUNBOOKS = re.compile(r"(^    Default: )docs/operations\.md$", re.MULTILINE)
_FILE = re.compile(r"((?:Definition|License|Readme)Url?i?: )(\S*?([\w.]+))$", re.MULTILINE)
# Extras are left out: pip takes no constraint that has them.
_PIN = re.compile(r"^([\w.-]+)(?:\[.*?\])?(==\S+?)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)
_SECTION = r"^## {}(?: [^\n]*)?\n(.*?)(?=^## |\Z)"
_OLDEST = (1980, 1, 1, 0, 0, 0)


def version() -> str:
    """Return the version, from its one place."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def changes(changelog: str, number: str, *, tagged: bool) -> str:
    """Return the changelog's section of a version; for a trial, of what is not released.

    Raise SystemExit for a tag whose version has none, or beside which there are unreleased ones: a
    release says what it changes, and all of it.
    """
    own, unreleased = _section(changelog, re.escape(number)), _section(changelog, "Unreleased")
    if tagged and unreleased:
        sys.exit(f"CHANGELOG.md has entries under Unreleased, which belong under {number}")
    told = own or ("" if tagged else unreleased)
    if not told:
        sys.exit(f"CHANGELOG.md has no section {number}, or nothing in it")
    return f"{told}\n"


def _section(changelog: str, name: str) -> str:
    """Return what is in a section, without its headings; nothing where there is none."""
    found = re.search(_SECTION.format(name), changelog, re.DOTALL | re.MULTILINE)
    text = found[1].strip() if found else ""
    return text if re.search(r"^(?!#)\s*\S", text, re.MULTILINE) else ""


def constraints(pins: str) -> str:
    """Return the command line's pins as an installer's constraints: no hashes and no extras."""
    found = _PIN.findall(pins)
    lines = [f"{name}{pin} ; {on}" if on else f"{name}{pin}" for name, pin, on in found]
    return "\n".join([*lines, ""])


def portable(template: str, number: str, address: str) -> tuple[str, Mapping[str, str]]:
    """Return a built template that names its files beside it, and where these others are now."""
    others = {name: path for _, path, name in _FILE.findall(template)}
    text = _FILE.sub(r"\1\3", _CODE.sub(r"functions/\1.zip", template))
    more = f"SemanticVersion: {number}"
    if address:
        more += f"\n    HomePageUrl: {address}\n    SourceCodeUrl: {address}/tree/v{number}"
    text = text.replace("SpdxLicenseId: MIT", f"SpdxLicenseId: MIT\n    {more}", 1)
    return with_runbooks(text, number, address), others


def with_runbooks(template: str, number: str, address: str) -> str:
    """Return a template whose alarms lead to this release's runbooks; as it is without an address.

    SAM may have written the parameter anew, in another order or in quotes.
    """
    page = f"{address}/blob/v{number}/docs/operations.md"
    return _RUNBOOKS.sub(rf"\g<1>{page}", template) if address else template


def pack(build: Path, target: Path) -> None:
    """Write one archive with the template of a build, and all that it names."""
    address = os.environ.get("REPOSITORY_URL", "").rstrip("/")
    text, others = portable((build / "template.yaml").read_text(), version(), address)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "template.yaml", text.encode())
        edge = with_runbooks((ROOT / "edge.yaml").read_text(), version(), address)
        _add(archive, "edge.yaml", edge.encode())
        for name, place in sorted(others.items()):
            _add(archive, name, (build / place).read_bytes())
        for folder in sorted(each for each in build.iterdir() if each.is_dir()):
            inner = target.with_suffix(".part")
            with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as code:
                for path in sorted(each for each in folder.rglob("*") if each.is_file()):
                    _add(code, path.relative_to(folder).as_posix(), path.read_bytes())
            _add(archive, f"functions/{folder.name}.zip", inner.read_bytes(), zipfile.ZIP_STORED)
            inner.unlink()


def _add(
    archive: zipfile.ZipFile, name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED
) -> None:
    member = zipfile.ZipInfo(name, _OLDEST)
    # Lambda's user is not the files' owner.
    member.external_attr = 0o644 << 16
    member.compress_type = method
    archive.writestr(member, content)


def sums(files: Iterable[Path]) -> str:
    """Return the files' checksums, as coreutils' sha256sum checks them."""
    return "".join(
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in sorted(files)
    )


def main(tag: str | None) -> None:
    """Write all of it, and tell each file's size."""
    number = version()
    if tag not in (None, f"v{number}"):
        sys.exit(f"the tag {tag} is not v{number}, pyproject.toml's version")
    text = changes((ROOT / "CHANGELOG.md").read_text(), number, tagged=tag is not None)
    DIST.mkdir(exist_ok=True)
    for old in DIST.iterdir():
        old.unlink()
    name = f"customer-link-{number}"
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", DIST], cwd=ROOT, check=True)  # noqa: S603 (our own build)
    for architecture in ARCHITECTURES:
        pack(BUILDS / architecture, DIST / f"{name}-{architecture}.zip")
    for bill in BILLS.glob("*.cdx.json"):
        (DIST / f"{name}-{bill.name}").write_bytes(bill.read_bytes())
    pins = (ROOT / "requirements" / "cli.txt").read_text()
    (DIST / f"{name}-constraints.txt").write_text(constraints(pins))
    (DIST / f"{name}-changes.md").write_text(text)
    files = sorted(DIST.iterdir())
    (DIST / "SHA256SUMS").write_text(sums(files))
    for each in files:
        print(f"{each.stat().st_size / 1e6:8.1f} MB  {each.name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", help="the release's tag; a trial has none")
    main(parser.parse_args().tag or None)
