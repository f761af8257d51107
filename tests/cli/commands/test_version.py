"""`customerlink version`; `tests/cli/test_docs.py` builds the package that has one."""

import pytest

from customerlink.cli.commands import version
from customerlink.cli.main import run


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The installed package's, and nothing beside it."""
    monkeypatch.setattr(version, "version_of", {"customer-link": "1.2.3"}.__getitem__)
    with pytest.raises(SystemExit) as end:
        run(["version"])

    assert end.value.code == 0
    assert capsys.readouterr() == ("1.2.3\n", "")
