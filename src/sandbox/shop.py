"""The shop in examples/shop, open: this sandbox is its tenant, its API and its Stripe account."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from examples.shop.server import CALLED_BACK, Settings, shop_app

from sandbox.sandbox import SHOP_AUDIENCE, SHOP_CLIENT, SHOP_NAMESPACE, Sandbox
from sandbox.serving import Server
from sandbox.stripe_account import Permission
from sandbox.stripe_checkout import RESOURCE


def settings_for(box: Sandbox) -> Settings:
    """Return what the shop's server is told of a sandbox."""
    return Settings(
        auth0=box.auth0_url,
        client_id=SHOP_CLIENT,
        audience=SHOP_AUDIENCE,
        claim=f"{SHOP_NAMESPACE}/stripe_customer_id",
        api=box.url.removesuffix("/post-login"),
        stripe_key=box.stripe.add_key(Permission.NONE, reads=[RESOURCE]),
        stripe=box.stripe_url,
    )


@contextmanager
def open_shop(box: Sandbox, port: int = 0) -> Iterator[str]:
    """Serve the shop while the block runs; return the address of its first page."""
    box.let_functions_into_the_tenant()
    shop = shop_app(replace(settings_for(box), framed_by="http://127.0.0.1:*"))
    with Server(shop, port) as server:
        pages = [f"{server.url}/shop/{each}" for each in CALLED_BACK]
        box.open_shop(*pages)
        box.log_in.hosts[SHOP_NAMESPACE] = server.url
        yield pages[0]
