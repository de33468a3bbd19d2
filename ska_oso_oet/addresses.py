"""What may name the archive of scheduling blocks, who issues tokens, and which addresses are nobody else's.

Imports next to nothing: settings are read with it.
"""

from __future__ import annotations

import ipaddress
import re
import urllib.parse

FOLDER_PREFIX = "file://"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_RIGHT = (
    "must be file:///absolute/path of a folder, or the base of the ODA's REST interface: "
    "https://host/ns/oda/api/v1"
)


def checked_archive_url(text: str) -> str:
    """Check the URL of an archive, and return it without a slash at its end.

    :raises ValueError: saying what would be right, without the URL, which may hold a password
    """
    url = text.strip()
    if not url.isprintable() or "\\" in url:
        raise ValueError(_RIGHT)
    if url.startswith(FOLDER_PREFIX):
        path = folder_of(url)
        if not path.startswith("/") or "\0" in path:
            raise ValueError(_RIGHT)
    elif not _is_base(url):
        raise ValueError(_RIGHT)
    return url.rstrip("/") if url.rstrip("/") != "file:" else url


def folder_of(url: str) -> str:
    """The path that the URL of a folder means."""
    return urllib.parse.unquote(url.removeprefix(FOLDER_PREFIX))


def url_of(folder: str) -> str:
    """The URL of a folder, given by its absolute path."""
    return FOLDER_PREFIX + urllib.parse.quote(folder)


def shown(url: str) -> str:
    """The URL as people may see it: without user and password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_base(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018  raises where it is none
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and not any(mark in url for mark in "?# ")
        and ".." not in parts.path.split("/")
    )


def is_confidential(url: str) -> bool:
    """Tell whether a URL is https, or http that does not leave this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018  raises where it is none
    except ValueError:
        return False
    if not parts.hostname or not url.isprintable() or any(mark in url for mark in " \\#\"';,"):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def checked_issuer(text: str) -> str:
    """Check the URL of an issuer, and return it as it is: tokens name it letter by letter.

    :raises ValueError: saying what would be right
    """
    if not is_confidential(text) or "?" in text or "@" in text:
        raise ValueError("an issuer is an https URL, or an http URL of this machine, as its tokens name it")
    return text


_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")


def named_in(host: str) -> str | None:
    """The name or address in a Host header, in small letters; none where that cannot be made out."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found is not None else None


def is_this_machine(name: str) -> bool:
    """Tell whether nobody else can own a name: a page of a stranger may have its own lead here."""
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def neighbourhood(address: str) -> str:
    """What counts as one address: one of IPv4; of IPv6 a whole network, as its owner has no end of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((found.packed, 64), strict=False))


#: What leads to this machine, to a neighbour on the wire, or to what a cloud tells its machines only.
_INWARD = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "fe80::/10"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::/32", "fd20:ce::/32"),
    )
)
#: IPv6 addresses that end in the IPv4 address they stand for; of the last, ``::1`` is one as well.
_EMBEDDING = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96")))


def is_inward(address: Address) -> bool:
    """Tell whether an address is one of loopback, link-local, or of a cloud's metadata."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.sixtofour is not None:
            address = address.sixtofour
        elif any(address in network for network in _EMBEDDING):
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return any(address in network for network in _INWARD)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
