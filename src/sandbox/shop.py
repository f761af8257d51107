"""The shop in examples/shop, open: this sandbox is its tenant, its API and its Stripe account."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from examples.shop.server import CALLED_BACK, Settings, shop_app

from sandbox.sandbox import SHOP_AUDIENCE, SHOP_CLIENT, SHOP_NAMESPACE, Sandbox
from sandbox.serving import Server
from sandbox.stripe_account import Permission
from sandbox.stripe_checkout import RESOURCE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def settings_for(box: Sandbox, stripe_key: str = "") -> Settings:
    """Return what the shop's server is told of a sandbox, and of what is deployed now."""
    return Settings(
        auth0=box.auth0_url,
        client_id=SHOP_CLIENT,
        audience=SHOP_AUDIENCE,
        claim=f"{SHOP_NAMESPACE}/stripe_customer_id",
        api=box.url.removesuffix("/post-login"),
        stripe_key=stripe_key or box.stripe.add_key(Permission.NONE, reads=[RESOURCE]),
        stripe=box.stripe_url,
        links=box.settings.get("CUSTOMERLINK_LINKING_URL", "") != "",
    )


@contextmanager
def open_shop(box: Sandbox, port: int = 0) -> Iterator[str]:
    """Serve the shop while the block runs; return the address of its first page."""
    box.let_functions_into_the_tenant()
    with Server(_shop(box), port) as server:
        pages = [f"{server.url}/shop/{each}" for each in CALLED_BACK]
        box.open_shop(*pages)
        box.log_in.hosts[SHOP_NAMESPACE] = server.url
        box.log_in.hosts[f"https://{box.tenant.hostname}"] = box.auth0_url
        yield pages[0]


def _shop(box: Sandbox) -> "WSGIApplication":
    """Return the shop, whose server is started anew when its settings are others."""
    key = settings_for(box).stripe_key
    started = cache(shop_app)

    def served(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        now = replace(settings_for(box, key), framed_by="http://127.0.0.1:*")
        return started(now)(environ, start)

    return served
