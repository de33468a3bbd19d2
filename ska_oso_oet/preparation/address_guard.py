"""The repositories that may be contacted: none leads to hosts that only this machine reaches."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

from ..domain.errors import Invalid
from ..settings.urls import FOLDER_PREFIX, Address, is_inward, is_this_machine

_PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
_URL = re.compile(
    r"(?P<scheme>\w+)://([^/@]*@)?(?P<name>[^/:]+)(:(?P<port>\d+))?/.*|[^/@]*@(?P<other>[^/:]+):.*"
)
#: A name, or an IPv4 address in any spelling that git and its libraries understand in the same way.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")


class Host(NamedTuple):
    """The host of a repository, and its addresses; none if only a proxy knows them."""

    scheme: str
    name: str
    port: int
    addresses: tuple[str, ...]


def is_allowed(url: str, allowed: Iterable[str]) -> bool:
    """Whether a repository is one that the setting allows."""
    return any(_lies_below(url, prefix) for prefix in allowed)


def is_named(url: str, allowed: Iterable[str]) -> bool:
    """Whether the setting allows a repository by the name of its host, and so wherever that leads."""
    return any(_lies_below(url, prefix) and re.search(r"://[^/]|@", prefix) for prefix in allowed)


def _lies_below(url: str, prefix: str) -> bool:
    """Whether a URL begins with a prefix: ``https://host`` does not mean ``https://host.other``."""
    if prefix == "all":
        return True
    return url.startswith(prefix) and (prefix[-1] in "/:" or url[len(prefix) :][:1] in ("", "/", ":"))


def look_up(url: str) -> Host | None:
    """Resolve the host of a repository; none if it is a folder. May take as long as DNS takes.

    :raises Invalid: if it is this machine, a neighbour on the wire, or a cloud's metadata
    """
    if url.startswith(FOLDER_PREFIX):
        return None
    match = _URL.fullmatch(url)
    name = (match["name"] or match["other"]) if match else ""
    scheme = (match["scheme"] or "ssh") if match else ""
    if match is None or _NAME.fullmatch(name) is None or scheme not in _PORTS:
        raise Invalid(f"the host of repository {url} must be a plain name or an IPv4 address")
    port = int(match["port"] or _PORTS[scheme])
    if is_this_machine(name.lower()):
        raise Invalid(_inward(url, "this machine"))
    addresses = _addresses(name, port)
    for address in addresses:
        if is_inward(address):
            raise Invalid(_inward(url, str(address)))
    return Host(scheme, name, port, tuple(map(str, addresses)))


def _inward(url: str, where: str) -> str:
    return (
        f"the host of repository {url} is {where}; addresses of loopback, link-local and metadata are "
        "contacted only if OET_GIT_ALLOWED names the host"
    )


def _addresses(name: str, port: int) -> list[Address]:
    try:
        answers = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError):
        return []
    return [ipaddress.ip_address(str(address[0])) for _, _, _, _, address in answers]
