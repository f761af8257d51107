"""What the sandbox prints for who runs the function in a container."""

import pytest

from sandbox.__main__ import FIRST_PORT, in_a_container
from sandbox.sandbox import Ports

INVOKE = "  sam local invoke PostLoginFunction -e events/new-database-user.json"


def ports(host: str, first: int = FIRST_PORT) -> Ports:
    """Return the ports that `make sandbox` takes."""
    return Ports(stripe=first + 1, aws=first + 2, gateway=first + 3, auth0=first + 4, host=host)


@pytest.mark.parametrize(
    ("platform", "host", "is_moved_first"),
    [
        ("linux", "127.0.0.1", True),
        ("linux", "172.17.0.1", False),
        ("linux", "0.0.0.0", False),  # noqa: S104 (nothing is bound)
        ("darwin", "127.0.0.1", False),
        ("win32", "127.0.0.1", False),
    ],
)
def test_linux(platform: str, host: str, is_moved_first: bool) -> None:  # noqa: FBT001
    """There a container does not reach what listens on 127.0.0.1 alone."""
    told = in_a_container(ports(host), platform)

    assert ("SANDBOX_HOST=172.17.0.1 make sandbox" in told) is is_moved_first
    assert told.endswith(INVOKE)


@pytest.mark.parametrize("first", [8900, 18800])
def test_other_ports(first: int) -> None:
    """samconfig.toml names the usual ones, so the others are said."""
    told = in_a_container(ports("172.17.0.1", first), "linux")

    assert f"AwsEndpointUrl=http://host.docker.internal:{first + 2} " in told
    assert f"StripeApiBase=http://host.docker.internal:{first + 1} " in told
