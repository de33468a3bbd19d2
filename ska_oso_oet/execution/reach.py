"""Which repositories may be asked: none is a way to what only this machine reaches."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

from ..addresses import FOLDER_PREFIX, Address, is_inward, is_this_machine
from ..domain.errors import Invalid

_PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
_URL = re.compile(
    r"(?P<scheme>\w+)://([^/@]*@)?(?P<name>[^/:]+)(:(?P<port>\d+))?/.*|[^/@]*@(?P<other>[^/:]+):.*"
)
#: A name, or an IPv4 address in whatever spelling: what git and its libraries understand in one way only.
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?")


class Host(NamedTuple):
    """The machine of a repository, and where its name leads; nowhere where only a proxy knows it."""

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
    """Find out where the host of a repository is; none where it is a folder. May take as long as DNS takes.

    :raises Invalid: where it is this machine, a neighbour on the wire, or a cloud's metadata
    """
    if url.startswith(FOLDER_PREFIX):
        return None
    found = _URL.fullmatch(url)
    name = (found["name"] or found["other"]) if found else ""
    scheme = (found["scheme"] or "ssh") if found else ""
    if found is None or _NAME.fullmatch(name) is None or scheme not in _PORTS:
        raise Invalid(f"the host of repository {url} must be a plain name or an IPv4 address")
    port = int(found["port"] or _PORTS[scheme])
    if is_this_machine(name.lower()):
        raise Invalid(_inward(url, "this machine"))
    addresses = _addresses(name, port)
    for address in addresses:
        if is_inward(address):
            raise Invalid(_inward(url, str(address)))
    return Host(scheme, name, port, tuple(map(str, addresses)))


def _inward(url: str, where: str) -> str:
    return (
        f"the host of repository {url} is {where}; addresses of loopback, link-local and metadata are asked "
        "only where OET_GIT_ALLOWED names the host"
    )


def _addresses(name: str, port: int) -> list[Address]:
    try:
        told = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError):
        return []
    return [ipaddress.ip_address(str(address[0])) for _, _, _, _, address in told]
