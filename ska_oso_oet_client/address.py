"""Where the OET is: which URL, and which subarray that URL stands for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from .errors import InvalidRequestError

URL_VARIABLE = "OET_URL"
DEFAULT_URL = "http://localhost:5000/ska-oso-oet/oet/{SUBARRAY_ID}/api/v1"
DEFAULT_SUBARRAY = 1
LAST_SUBARRAY = 16

_PLACEHOLDER = "{SUBARRAY_ID}"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SUBARRAY_IN_PATH = re.compile(r"/oet/(\d+)/api(?:/|$)")


class Address(NamedTuple):
    """``url`` has no trailing slash; ``subarray_id`` is what the URL means, as far as it says."""

    url: str
    subarray_id: int


def resolve(
    server_url: str | None, subarray_id: int | None, environment: Mapping[str, str]
) -> Address:
    """The address a command talks to: argument first, then OET_URL, then this machine.

    Raises InvalidRequestError when URL and subarray contradict each other: commands meant for
    one subarray must never reach another one.
    """
    if subarray_id is not None and not 1 <= subarray_id <= LAST_SUBARRAY:
        raise InvalidRequestError(
            f"--subarray_id must be between 1 and {LAST_SUBARRAY}, not {subarray_id}"
        )
    url = _complete(server_url or environment.get(URL_VARIABLE, "").strip() or DEFAULT_URL)
    if _PLACEHOLDER in url:
        number = DEFAULT_SUBARRAY if subarray_id is None else subarray_id
        return Address(url.replace(_PLACEHOLDER, str(number)), number)
    named = _SUBARRAY_IN_PATH.search(url)
    if named is None:
        return Address(url, DEFAULT_SUBARRAY if subarray_id is None else subarray_id)
    number = int(named[1])
    if subarray_id is not None and subarray_id != number:
        raise InvalidRequestError(
            f"--subarray_id={subarray_id} contradicts the server URL {url}, "
            f"which names subarray {number}; write {_PLACEHOLDER} there to choose per command"
        )
    return Address(url, number)


def base_of(url: str, collection: str) -> str:
    """The OET's own address, when ``url`` is that of one of its collections (``/procedures``)."""
    base, ending, rest = url.rstrip("/").rpartition(collection)
    if not ending or rest:
        raise InvalidRequestError(f"{url} does not end in {collection}")
    return base


def home_of(url: str) -> str:
    """The same OET without the subarray: one login is good for all subarrays."""
    return _SUBARRAY_IN_PATH.sub("/oet/api/", url + "/", count=1).rstrip("/")


def keeps_secrets(url: str) -> bool:
    """Whether nobody on the way to ``url`` can read what is sent: https, or this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme.lower() == "https":
        return True
    # Other schemes mean other programs on this machine, whatever host they name.
    return parts.scheme.lower() == "http" and is_this_machine(url)


def is_this_machine(url: str) -> bool:
    """Whether ``url`` leads to this machine by an address or a name that nothing can change."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _complete(url: str) -> str:
    url = url.strip()
    if not _SCHEME.match(url):
        url = f"http://{url}"
    scheme, rest = url.split("://", 1)
    if scheme.lower() not in ("http", "https"):
        raise InvalidRequestError(f"The server URL must start with http:// or https://, not {url}")
    if not rest.strip("/"):
        raise InvalidRequestError(f"The server URL {url} names no host")
    return url.rstrip("/")
