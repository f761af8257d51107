"""Packages without what they bring along: nobody else is left without it."""

import importlib
import json
import subprocess
import sys

import pytest

from customerlink.adapters.slim_imports import not_installed, without

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
