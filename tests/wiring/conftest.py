"""What the tests of the composition roots share: AWS on this machine, and its environment."""

from collections.abc import Iterator

import pytest

from sandbox.aws import SECRET, TABLE, TENANT_SECRET, Aws, aws


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    """Serve AWS for a file's tests; its clock is right."""
    with aws({}) as served:
        yield served


@pytest.fixture
def environment(cloud: Aws, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let this process be a function of the deployment; return the variables."""
    made = {
        **cloud.environment(),
        "CUSTOMERLINK_SECRET_ID": SECRET,
        "CUSTOMERLINK_TENANT_SECRET_ID": TENANT_SECRET,
        "CUSTOMERLINK_LEDGER_TABLE": TABLE,
    }
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    return made
