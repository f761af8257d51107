"""Packages without what they bring along: nobody else is left without it."""

import importlib
import json
import subprocess
import sys
from types import ModuleType

import pytest

from customerlink.adapters.slim_imports import instead_of, not_installed, without

CODE = """
import json, sys
import customerlink.adapters.stripe.customers
import stripe, stripe._http_client as sdk
assert sdk.asyncio is not sys.modules.get("asyncio")
without = [
    name for name, module in sys.modules.items()
    if getattr(module, "asyncio", sdk) is sdk.asyncio
]
gone = {"asyncio", "calendar", "http.client", "requests", "typing_extensions"}
there = gone & {*sys.modules}
import asyncio, calendar, http.client, httpx, requests, typing_extensions, urllib3.connection
assert issubclass(urllib3.connection.HTTPConnection, http.client.HTTPConnection)
assert http.client.HTTPConnection is not object
assert isinstance(stripe.RequestsClient(session=requests.Session()), stripe.HTTPClient)
async def answer():
    async with httpx.AsyncClient() as client:
        return type(client).__name__
assert calendar.timegm((1970, 1, 1, 0, 0, 1)) == 1
import typing, stripe._subscription as later
assert later.Optional is typing.Optional is not stripe._oauth_service.Optional
assert isinstance(stripe.v2.core.EventNotification, type)
assert stripe.v2.core.EventNotification is not object
assert typing_extensions.deprecated.__module__ != "builtins"
print(json.dumps([without, [*there], asyncio.run(answer())]))
"""


def test_nobody_else_lacks_them() -> None:
    """Whatever else it imported on the way, and whatever is imported later, has the real one."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == [["stripe._http_client"], [], "AsyncClient"]


KEPT = """
import sys
import customerlink.adapters.http_messages
import customerlink.adapters.stripe.sdk
import calendar, datetime, hashlib, hmac, time
import httptools, stripe, stripe._encode, stripe._http_client

body, now = '{"id": "evt_1", "object": "event"}', int(time.time())
signature = hmac.new(b"secret", f"{now}.{body}".encode(), hashlib.sha256).hexdigest()
signed = f"t={now},v1={signature}"
assert "stripe._event" not in sys.modules
assert type(stripe.Webhook.construct_event(body, signed, "secret")) is stripe.Event
client = stripe.StripeClient("rk_" + "test_1", http_client=stripe.UrllibClient())
assert type(client.construct_event(body, signed, "secret")) is stripe.Event
assert httptools.parse_url(b"http://host/path").path == b"/path"
assert isinstance(stripe.Event.construct_from({}, "key"), stripe._webhook.Event)
second = datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.UTC)
assert stripe._encode._encode_datetime(second) == 1
async def slept():
    await stripe._http_client.asyncio.sleep(0)
stripe._http_client.asyncio.run(slept())
"""


def test_who_keeps_an_empty_one_reaches_the_real_one() -> None:
    """Stripe's events, its times of day, and the other parser, by who was imported without them."""
    subprocess.run([sys.executable, "-c", KEPT], env={"PYTHONPATH": ":".join(sys.path)}, check=True)


def test_an_empty_one_has_nothing_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its names can be imported, and no more."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys"):
        from colorsys import rgb_to_hsv  # noqa: PLC0415 (while it is away)

        with pytest.raises(AttributeError):
            rgb_to_hsv(0, 0, 0)
    assert rgb_to_hsv(0, 0, 0) == (0, 0, 0)


def test_what_is_there_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the import fails meanwhile, the stand-in goes."""
    with without("json"):
        assert sys.modules["json"] is json
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with pytest.raises(ImportError), without("colorsys"):
        raise ImportError

    assert "colorsys" not in sys.modules


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tries finds none, and who imports it later finds it."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with not_installed("colorsys", "json"):
        assert sys.modules["json"] is json
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("colorsys")

    assert importlib.import_module("colorsys").rgb_to_hsv


def test_instead_of() -> None:
    """Also when the import fails meanwhile, everybody else has theirs again."""
    mine = ModuleType("json")
    with instead_of("json", mine):
        assert importlib.import_module("json") is mine
    with pytest.raises(ImportError), instead_of("json", mine):
        raise ImportError

    assert importlib.import_module("json") is json
