"""Checks of URLs and addresses: of archives, issuers, hosts and networks.

Light imports only: the settings of every process are read with it.
"""

from __future__ import annotations

import ipaddress
import re
import urllib.parse

FOLDER_PREFIX = "file://"
DATABASE_PREFIX = "postgresql://"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_RIGHT = (
    "must be file:///absolute/path of a folder, the base of oso-services: https://host/ns/oso/api/v16, the "
    "ODA's database: postgresql://host/database, or the base of its former REST interface: "
    "https://host/ns/oda/api/v1"
)
_OSO_SERVICES = re.compile(r"/oso/api/v[0-9]+")


def checked_archive_url(text: str) -> str:
    """Check the URL of an archive, and return it without its final slash.

    :raises ValueError: with the permitted forms, but without the URL, which may hold a password
    """
    url = text.strip()
    if not url.isprintable() or "\\" in url:
        raise ValueError(_RIGHT)
    if url.startswith(FOLDER_PREFIX):
        path = folder_of(url)
        if not path.startswith("/") or "\0" in path:
            raise ValueError(_RIGHT)
    elif url.startswith(("postgresql://", "postgresql+psycopg://")):
        return _checked_database(url)
    elif not _is_base(url):
        raise ValueError(_RIGHT)
    return url.rstrip("/") if url.rstrip("/") != "file:" else url


def _checked_database(url: str) -> str:
    address = url.partition("://")[2]
    if address.partition("/")[0].count("@") > 1:
        raise ValueError("a password must have %40 for @, %3A for : and %2F for /")
    if any(mark in address.rpartition("@")[0] for mark in "?/"):
        raise ValueError("before the last @, ? must be written %3F, and / %2F; any other @ is %40")
    if "password=" in url or " " in url or "#" in url:
        raise ValueError("give a password before the @, or with PGPASSFILE or PGPASSWORD")
    return DATABASE_PREFIX + address.rstrip("/")


def is_oso_services(url: str) -> bool:
    """Tell whether the URL of an archive is the base of oso-services."""
    return _OSO_SERVICES.search(url) is not None and _OSO_SERVICES.split(url)[-1] == ""


def folder_of(url: str) -> str:
    """The path in a file URL."""
    return urllib.parse.unquote(url.removeprefix(FOLDER_PREFIX))


def url_of(folder: str) -> str:
    """The file URL of an absolute path."""
    return FOLDER_PREFIX + urllib.parse.quote(folder)


def shown(url: str) -> str:
    """The URL without user and password."""
    if url.startswith(DATABASE_PREFIX):  # what follows the ? may name files of keys
        return DATABASE_PREFIX + url.removeprefix(DATABASE_PREFIX).rpartition("@")[2].partition("?")[0]
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_base(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018  raises ValueError if it is invalid
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and not any(mark in url for mark in "?# ")
        and ".." not in parts.path.split("/")
        and "@" not in parts.path  # the rest of a password with a slash in it
    )


def is_confidential(url: str) -> bool:
    """Tell whether a URL is https, or http on a loopback address."""
    try:
        parts = urllib.parse.urlsplit(url)
        parts.port  # noqa: B018  raises ValueError if it is invalid
    except ValueError:
        return False
    if not parts.hostname or not url.isprintable() or any(mark in url for mark in " \\#\"';,"):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def checked_issuer(text: str) -> str:
    """Check the URL of an issuer, and return it unchanged: tokens name it letter by letter.

    :raises ValueError: with the permitted forms
    """
    if not is_confidential(text) or "?" in text or "@" in text:
        raise ValueError("an issuer is an https URL, or an http URL of this machine, as its tokens name it")
    return text


_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")


def named_in(host: str) -> str | None:
    """The name or address in a Host header, in lower case; None if the header is invalid."""
    match = _HOST.fullmatch(host)
    return match[1].strip("[]").lower() if match is not None else None


def is_this_machine(name: str) -> bool:
    """Tell whether a name is local: any other name may be of a hostile page and resolve to this machine."""
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def neighbourhood(address: str) -> str:
    """The address or network that counts as one client: of IPv6 the /64, all of which its owner may use."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed.packed, 64), strict=False))


#: Networks of loopback, link-local and cloud metadata addresses.
_INWARD = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "fe80::/10"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::/32", "fd20:ce::/32"),
    )
)
#: Networks of IPv6 addresses that embed an IPv4 address; the last one contains ``::1`` as well.
_EMBEDDING = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96")))


def is_inward(address: Address) -> bool:
    """Tell whether an address is loopback, link-local or of cloud metadata."""
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
