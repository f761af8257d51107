"""Print each built function's size, number of files, and a digest of names and contents."""

import hashlib
import sys
from pathlib import Path


def digest(folder: Path) -> str:
    """Return one hash for a folder: the same for the same files."""
    total = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        total.update(path.relative_to(folder).as_posix().encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def main(build: Path) -> None:
    """Print a line for each function."""
    for folder in sorted(each for each in build.iterdir() if each.is_dir()):
        sizes = [each.stat().st_size for each in folder.rglob("*") if each.is_file()]
        megabytes = sum(sizes) / 1e6
        print(f"{folder.name}: {megabytes:.1f} MB in {len(sizes)} files, {digest(folder)[:16]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
