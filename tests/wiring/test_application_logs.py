"""What the SDKs log once a warm function has made its clients."""

import logging

import pytest

from sandbox.sandbox import Sandbox


def test_sdk_logs_are_off(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The SDKs log addresses from INFO on, whatever level the function's root logger has."""
    caplog.set_level(logging.DEBUG)
    user = box.tenant.add_user(email="quiet@example.com")
    box.tenant.login(user)

    assert "quiet@example.com" not in caplog.text
