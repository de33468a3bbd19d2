"""Behind proxies that are trusted: who asks, and how they have addressed this server.

Whoever may set these headers is believed, so they are taken from trusted addresses only. Each proxy in a row
either replaces a header or adds its value at the end; so the last values, one for each proxy that is trusted,
are theirs, and what stands before them may be made up. `Forwarded` (RFC 7239) is not read: a proxy
that sets the others passes on whatever a client says in it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..addresses import Address, Network
from .requests import WSGI

#: In the environment of a request: that a trusted proxy has said how it was addressed.
FORWARDED = "oet.forwarded"
#: In the environment of a request: the Host header that was received, which a browser cannot make up.
RECEIVED_HOST = "oet.received_host"

_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~%@:+-]{1,100}){1,20}")
_USUAL = ("80", "443")


class Proxied:
    """WSGI middleware: has a request look as its client has sent it, where a trusted proxy says so.

    What cannot be meant is left aside, header by header.

    :param trusted: the addresses of proxies
    """

    def __init__(self, app: WSGI, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = ""
        environ[RECEIVED_HOST] = environ.get("HTTP_HOST", "")
        if self._trusted and self._is_trusted(_address(environ.get("REMOTE_ADDR", ""))):
            self._take(environ)
        return self._app(environ, start_response)

    def _is_trusted(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)

    def _take(self, environ: dict[str, Any]) -> None:
        proxies = self._name_client(environ)

        def told(name: str) -> list[str]:
            return _values(environ, name)[-proxies:]

        def first(name: str) -> str:
            return next(iter(told(name)), "")

        meant: dict[str, Any] = {}
        if (scheme := first("PROTO").lower()) in ("http", "https"):
            meant["wsgi.url_scheme"] = scheme
        host = first("HOST") if _is_host(first("HOST")) else ""
        named, port = host or environ[RECEIVED_HOST], first("PORT")
        if named and not re.search(r":[0-9]+$", named) and _is_port(port) and port not in _USUAL:
            host = f"{named}:{port}"
        if host:
            meant["HTTP_HOST"] = host
        prefix = "".join(f"/{part}" for value in told("PREFIX") if (part := value.strip("/")))
        if _PREFIX.fullmatch(prefix) and not {".", ".."} & set(prefix.split("/")):
            meant["SCRIPT_NAME"] = prefix
        environ |= {**meant, FORWARDED: bool(meant)}

    def _name_client(self, environ: dict[str, Any]) -> int:
        """Find out whose request it is; returns how many trusted proxies it has come through."""
        proxies = 1
        for value in reversed(_values(environ, "FOR")):
            address = _address(value)
            if address is None:
                break
            environ["REMOTE_ADDR"] = str(address)
            if not self._is_trusted(address):
                break
            proxies += 1
        return proxies


def _values(environ: dict[str, Any], name: str) -> list[str]:
    values = environ.get(f"HTTP_X_FORWARDED_{name}", "").split(",")
    return [value.strip() for value in values if value.strip()]


def _address(text: str) -> Address | None:
    """An address, which some proxies write with its port."""
    if "%" in text:
        return None
    if text.count(":") == 1 or text.startswith("["):
        text = text.rpartition(":")[0] if re.search(r":[0-9]+$", text) else text
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return found is not None and (found[3] is None or _is_port(found[3][1:]))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 65536
