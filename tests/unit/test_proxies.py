"""What a proxy says about a request is believed where the proxy is trusted, and only what can be meant."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.wrappers import Request

from ska_oso_oet.settings.parse import networks
from ska_oso_oet.web.middleware.proxies import FORWARDED, RECEIVED_HOST, Proxied

OURS = "10.0.0.0/8,127.0.0.1,fd00::/8"
DIRECT = ("http://inside:5000", "")


def _seen(peer: str = "10.0.0.1", trusted: str = OURS, **forwarded: str) -> Request:
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        seen.append(environ)
        return []

    headers = {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in forwarded.items()}
    environ = {
        "REQUEST_METHOD": "GET",
        "SERVER_NAME": "inside",
        "SERVER_PORT": "5000",
        "SCRIPT_NAME": "/made/up",
        "PATH_INFO": "/x",
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "inside:5000",
        "wsgi.url_scheme": "http",
        **headers,
    }
    Proxied(app, networks(trusted))(environ, None)
    return Request(seen[0])


def _addressed(request: Request) -> tuple[str, str]:
    return request.host_url.rstrip("/"), request.script_root


@pytest.mark.parametrize(
    ("forwarded", "url", "prefix"),
    [
        ({}, *DIRECT),
        ({"proto": "https"}, "https://inside:5000", ""),
        ({"proto": "HTTPS", "host": "oet.example.org"}, "https://oet.example.org", ""),
        ({"host": "oet.example.org:8443"}, "http://oet.example.org:8443", ""),
        ({"host": "[2001:db8::1]:8443"}, "http://[2001:db8::1]:8443", ""),
        ({"host": "oet.example.org", "port": "8443"}, "http://oet.example.org:8443", ""),
        ({"host": "oet.example.org", "port": "443", "proto": "https"}, "https://oet.example.org", ""),
        ({"host": "oet.example.org:81", "port": "8443"}, "http://oet.example.org:81", ""),
        ({"prefix": "/telescope"}, "http://inside:5000", "/telescope"),
        ({"prefix": "/telescope/"}, "http://inside:5000", "/telescope"),
        ({"prefix": "telescope/low"}, "http://inside:5000", "/telescope/low"),
        ({"prefix": "//evil.example.org"}, "http://inside:5000", "/evil.example.org"),
        ({"prefix": "/"}, *DIRECT),
    ],
)
def test_the_address_is_the_one_the_client_used(forwarded: dict[str, str], url: str, prefix: str) -> None:
    request = _seen(**forwarded)
    assert _addressed(request) == (url, prefix)
    assert bool(request.environ[FORWARDED]) == ((url, prefix) != DIRECT)
    assert request.environ[RECEIVED_HOST] == "inside:5000"


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", "", "11.0.0.1"])
def test_nobody_else_is_believed(peer: str) -> None:
    told = {"proto": "https", "host": "evil.example.org", "prefix": "/evil", "port": "1", "for": "10.1.1.1"}
    for request in (_seen(peer, **told), _seen("10.0.0.1", trusted="", **told)):
        assert _addressed(request) == DIRECT
        assert not request.environ.get(FORWARDED)
    assert (_seen(peer, **told).remote_addr or "") == peer


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("proto", ["javascript", "ftp", "https://", "ht tps", ","]),
        ("host", ["a b", "a/b", "evil\r\nx", 'x"><script>', "host:99999", "host:", "@host", "ho\xfft"]),
        ("host", ["-x", "x" * 300, "?"]),
        ("port", ["0", "65536", "x", "-1", "\u0661", "8443"]),
        ("prefix", ["/a b", '/"><script>', "/a//b", "/a/../b", "/.", "/a?b", "/a#b", "/a\\b", "/a\nb"]),
        ("prefix", ["/" + "x" * 200, "/x" * 40]),
    ],
)
def test_what_cannot_be_meant_is_left_aside(name: str, values: list[str]) -> None:
    for value in values:
        request = _seen(**{name: value})
        assert _addressed(request) == DIRECT, value
        assert not request.environ[FORWARDED]


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711, fd00::2", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "10.0.0.1"),
        ("192.0.2.7, fe80::1%<b>, 10.0.0.2", "10.0.0.2"),
        ("", "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_one_who_is_no_proxy(chain: str, client: str) -> None:
    assert _seen(**{"for": chain}).remote_addr == client


def test_of_several_values_those_of_trusted_proxies_count() -> None:
    told = {
        "proto": "http, https, http",
        "host": "evil.example.org, oet.example.org, inner",
        "prefix": "/evil, /a/, /b",
    }
    once = _seen(**told)
    assert _addressed(once) == ("http://inner", "/b")
    twice = _seen(**told, **{"for": "192.0.2.7, 10.0.0.2"})
    assert _addressed(twice) == ("https://oet.example.org", "/a/b")


def test_a_proxy_on_the_same_machine_is_known_by_its_mapped_address_too() -> None:
    assert _addressed(_seen("::ffff:127.0.0.1", proto="https")) == ("https://inside:5000", "")


@pytest.mark.parametrize(
    "text", ["localhost", "*", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "10.0.0.1 10.0.0.2"]
)
def test_what_is_no_address_and_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"give addresses, or networks such as 10.1.0.0/16"):
        networks(text)
