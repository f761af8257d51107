"""What a build of the command line says of itself, where that depends on the repository's address.

`REPOSITORY_URL` is the one place for it. An index shows the README away from the repository, and
draws no Mermaid: links become absolute, or plain text where there is no address.
"""

import os
import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

_IMAGE = re.compile(r"!\[([^]]*)\]\((?!https?:)([^)]+)\)\n*")
_LINK = re.compile(r"(?<!!)\[([^]]+)\]\((?!https?:)([^)]+)\)")
_DIAGRAM = re.compile(r"```mermaid\n.*?```\n*", re.DOTALL)


class RepositoryMetadata(MetadataHookInterface):
    """Adds `readme` and `urls`."""

    def update(self, metadata: dict[str, object]) -> None:
        """Put them in; without an address there are no URLs."""
        address = os.environ.get("REPOSITORY_URL", "").rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        tree = f"{address}/blob/v{metadata['version']}" if address else ""
        metadata["readme"] = {"content-type": "text/markdown", "text": readme(text, tree)}
        metadata["urls"] = urls(address, tree)


def urls(address: str, tree: str) -> dict[str, str]:
    """Return the links beside the README, by the names that indexes know."""
    if not address:
        return {}
    return {
        "Homepage": address,
        "Documentation": f"{tree}/docs",
        "Changelog": f"{tree}/CHANGELOG.md",
        "Issues": f"{address}/issues",
    }


def readme(text: str, tree: str) -> str:
    """Return the README with links into `tree`, a release's files; without one, with no links."""
    text = _DIAGRAM.sub("", text)
    if not tree:
        return _LINK.sub(r"\1", _IMAGE.sub("", text))
    text = _IMAGE.sub(rf"![\1]({tree}/\2?raw=true)\n\n", text)
    # A place on the page itself stays one.
    return _LINK.sub(lambda found: _absolute(found, tree), text)


def _absolute(found: re.Match[str], tree: str) -> str:
    name, target = found.groups()
    return f"[{name}]({target if target.startswith('#') else f'{tree}/{target}'})"
