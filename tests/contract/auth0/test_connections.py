"""The tenant's connections, as auth0-python pages through them."""

from tests.contract.auth0.conftest import Asked

from sandbox.auth0.api import ManagementApi


def test_every_page(asked: Asked, inside: ManagementApi) -> None:
    """https://auth0.com/docs/api/management/v2/connections/get-connections."""
    inside.connections.update({f"directory-{number}": "waad" for number in range(120)})
    client = asked.with_token(asked.token()["access_token"])
    listed = {each.name: each.strategy for each in client.connections.list(take=50)}

    assert listed == dict(inside.connections)
