"""Which repositories may be asked: none that leads to this machine, unless its host is allowed by name."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from ska_oso_oet.domain.errors import Invalid
from ska_oso_oet.preparation.address_guard import is_allowed, is_named, look_up
from ska_oso_oet.settings.urls import is_inward


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.255.1.2", "0.0.0.0", "169.254.169.254", "100.100.100.200", "168.63.129.16"]
    + ["::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254"]
    + ["::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe"],
)
def test_loopback_link_local_and_metadata_are_inward_in_every_form(address: str) -> None:
    assert is_inward(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "192.168.1.1", "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7"],
)
def test_other_addresses_are_not(address: str) -> None:
    assert not is_inward(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001"]
    + ["0177.0.0.1", "017700000001", "0", "0.0.0.0", "169.254.169.254", "0xa9fea9fe", "2852039166"],
)
@pytest.mark.parametrize(
    "url", ["http://{}/a.git", "https://{}:8443/a.git", "ssh://git@{}/a", "git://{}/a", "git@{}:a"]
)
def test_this_machine_is_found_in_every_spelling(url: str, host: str) -> None:
    with pytest.raises(Invalid, match="only if OET_GIT_ALLOWED names the host"):
        look_up(url.format(host))


@pytest.mark.parametrize(
    "host", ["127%2e0.0.1", "１２７.0.0.1", "localhost.", "loc\u2060alhost", "a\\b", "[:1]"]
)
def test_a_host_that_git_may_read_in_another_way_is_refused(host: str) -> None:
    with pytest.raises(Invalid, match="must be a plain name or an IPv4 address"):
        look_up(f"http://{host}/a.git")


@pytest.mark.parametrize("inward", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:7f00:1", "fe80::1"])
def test_a_name_that_leads_there_too_is_refused(monkeypatch: pytest.MonkeyPatch, inward: str) -> None:
    _has_dns_say(monkeypatch, "192.0.2.7", inward)
    told = f"the host of repository https://git.example.org/a.git is {ipaddress.ip_address(inward)}"
    with pytest.raises(Invalid, match=told):
        look_up("https://git.example.org/a.git")


def test_where_a_host_is_is_told_and_nothing_of_one_that_only_a_proxy_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert look_up("file:///srv/a.git") is None
    _has_dns_say(monkeypatch, "192.0.2.7", "2001:db8::1")
    assert look_up("https://git.example.org/a") == (
        "https",
        "git.example.org",
        443,
        ("192.0.2.7", "2001:db8::1"),
    )
    assert look_up("git@git.example.org:a") == ("ssh", "git.example.org", 22, ("192.0.2.7", "2001:db8::1"))
    _has_dns_say(monkeypatch)
    assert look_up("http://git.example.org:8080/a") == ("http", "git.example.org", 8080, ())


def _has_dns_say(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def answer(name: str, port: int, **more: Any) -> list[Any]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize(
    ("allowed", "url", "named"),
    [
        ("http://127.0.0.1", "http://127.0.0.1:3000/a", True),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000/a", True),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:4000/a", False),
        ("http://127.0.0.1:3000/team", "http://127.0.0.1:3000/teammates", False),
        ("git@localhost", "git@localhost:a", True),
        ("ssh://git@localhost", "ssh://git@localhost/a", True),
        ("all", "http://127.0.0.1/a", False),
        ("http://", "http://127.0.0.1/a", False),
        ("http:", "http://127.0.0.1/a", False),
        ("ssh://git@", "ssh://git@127.0.0.1/a", False),
        ("http://good.org", "http://good.org.evil.com/a", False),
    ],
)
def test_a_host_is_named_by_an_entry_that_holds_it_and_nothing_less(
    allowed: str, url: str, named: bool
) -> None:
    assert is_named(url, ("https://other.org/", allowed)) is named
    assert is_allowed(url, (allowed,)) is (named or allowed in ("all", "http://", "http:"))
