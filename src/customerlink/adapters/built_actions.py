"""The Actions' code of this release, as it is built."""

from pathlib import Path

from customerlink.model.actions import LOGIN

# A wheel, and the watch's artifact, hold the built Actions beside this file (pyproject.toml,
# tools/build_artifact.py); a clone does not.
_PACKAGED = Path(__file__).with_name("actions")
_IN_SOURCE = Path(__file__).parents[2] / "actions" / "dist"


def action_code(name: str = LOGIN) -> str:
    """Return the text of this release's Action for a trigger, or of another file's."""
    folder = _PACKAGED if _PACKAGED.is_dir() else _IN_SOURCE
    return (folder / f"{name}.js").read_text(encoding="utf-8")
