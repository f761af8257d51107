"""Addresses: what a request can go to."""

import pytest

from customerlink.model.web_address import WebAddressError, parts_of


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("https://api.stripe.com", "api.stripe.com", None),
        ("HTTP://Host:8080/a?b=c%20d", "host", 8080),
        ("http://[::1]:1/", "::1", 1),
        ("https://a_b.example.?q", "a_b.example.", None),
    ],
)
def test_is_one(address: str, host: str, port: int | None) -> None:
    """Its parts are found."""
    parts = parts_of(address)

    assert (parts.hostname, parts.port) == (host, port)


@pytest.mark.parametrize(
    "address",
    [
        *("", "host", "//host", "ftp://host", "http:/host", "http://", "http:///a", "http://:80"),
        *("http://host:x", "http://host:99999", "http://host:0", "http://[::1", "http://[x]"),
        *("http://a@host", "http://host\\@other", "http://host#a", "http://host/a#b"),
        *("http://ho st", "http://host/a b", "http://host/a\n", "\thttp://host", "http://ho\rst"),
        *("http://h\xf6st", "http://host/\xf6", "http://\N{FULLWIDTH LATIN SMALL LETTER A}"),
    ],
)
def test_is_none(address: str) -> None:
    """It is refused, and quoted nowhere."""
    with pytest.raises(WebAddressError, match=r"^$") as raised:
        parts_of(address)

    assert raised.value.__context__ is None
