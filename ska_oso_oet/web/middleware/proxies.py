"""Client address and URL of a request that came through trusted proxies.

Headers are accepted from trusted addresses only, since any client can set them. Each proxy in a chain either
replaces a header or appends its value; so the last values, one per trusted proxy, are theirs, and earlier
ones may be forged. `Forwarded` (RFC 7239) is not read: a proxy that sets the others passes on the client's
own value.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ...settings.urls import Address, Network
from .base_path import WSGI

#: Key in the environment of a request: set if a trusted proxy has reported its URL.
FORWARDED = "oet.forwarded"
#: Key in the environment of a request: the received Host header, which a page cannot forge.
RECEIVED_HOST = "oet.received_host"

_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~%@:+-]{1,100}){1,20}")
_USUAL = ("80", "443")


class Proxied:
    """WSGI middleware: restores the client's address and URL of a request from a trusted proxy.

    Invalid headers are ignored, one by one.

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
        """Set the address of the client; returns the number of trusted proxies on its way."""
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
    """An address without its port, which some proxies append."""
    if "%" in text:
        return None
    if text.count(":") == 1 or text.startswith("["):
        text = text.rpartition(":")[0] if re.search(r":[0-9]+$", text) else text
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    return match is not None and (match[3] is None or _is_port(match[3][1:]))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 65536
