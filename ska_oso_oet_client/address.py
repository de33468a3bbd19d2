"""The address of the OET: its URL, and the subarray of that URL."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from .errors import InvalidRequestError

URL_VARIABLE = "OET_URL"
SUBARRAY_VARIABLE = "OET_SUBARRAY_ID"
DEFAULT_URL = "http://127.0.0.1:5000/ska-oso-oet/oet/{SUBARRAY_ID}/api/v1"
DEFAULT_SUBARRAY = 1
LAST_SUBARRAY = 16

_PLACEHOLDER = "{SUBARRAY_ID}"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SUBARRAY_IN_PATH = re.compile(r"/oet/(\d+)/api(?:/|$)")


class Address(NamedTuple):
    """``url`` has no trailing slash; ``subarray_id`` is the URL's subarray, if it names one.

    If it names none, the server has to be asked, and its answer compared with ``meant``: the option
    or variable that names a subarray, or "".
    """

    url: str
    subarray_id: int
    meant: str | None = None


def resolve(
    server_url: str | None, subarray_id: int | None, environment: Mapping[str, str]
) -> Address:
    """The address a command talks to: argument first, then OET_URL, then this machine.

    The subarray is the argument's, then that of OET_SUBARRAY_ID, then that of the address.
    Raises InvalidRequestError when URL and subarray contradict each other: commands meant for
    one subarray must never reach another one.
    """
    chosen, by = subarray_id, "--subarray_id"
    if chosen is None:
        chosen, by = _subarray_of(environment), SUBARRAY_VARIABLE
    if chosen is not None and not 1 <= chosen <= LAST_SUBARRAY:
        raise InvalidRequestError(f"{by} must be between 1 and {LAST_SUBARRAY}, not {chosen}")
    url = _complete(server_url or environment.get(URL_VARIABLE, "").strip() or DEFAULT_URL)
    if _PLACEHOLDER in url:
        number = DEFAULT_SUBARRAY if chosen is None else chosen
        return Address(url.replace(_PLACEHOLDER, str(number)), number)
    if by == SUBARRAY_VARIABLE and server_url:
        chosen = None  # an option takes precedence over a variable
    named = _SUBARRAY_IN_PATH.search(url)
    if named is None:
        if chosen is None:
            return Address(url, DEFAULT_SUBARRAY, "")
        return Address(url, chosen, f"{by}={chosen}")
    number = int(named[1])
    if chosen not in (None, number):
        raise InvalidRequestError(
            f"{by}={chosen} contradicts the server URL {url}, "
            f"which names subarray {number}; write {_PLACEHOLDER} there to choose per command"
        )
    return Address(url, number)


def is_assumed(
    server_url: str | None, subarray_id: int | None, environment: Mapping[str, str]
) -> bool:
    """Whether neither the address nor an option or variable names the subarray."""
    url = server_url or environment.get(URL_VARIABLE, "")
    return _PLACEHOLDER in url and subarray_id is None and _subarray_of(environment) is None


def leaves_open(server_url: str | None, environment: Mapping[str, str]) -> bool:
    """Whether the address does not name a subarray."""
    return _PLACEHOLDER in (server_url or environment.get(URL_VARIABLE, "").strip() or DEFAULT_URL)


def _subarray_of(environment: Mapping[str, str]) -> int | None:
    text = environment.get(SUBARRAY_VARIABLE, "").strip()
    try:
        return int(text) if text else None
    except ValueError:
        raise InvalidRequestError(
            f"{SUBARRAY_VARIABLE} must be a number between 1 and {LAST_SUBARRAY}, not {text}"
        ) from None


def base_of(url: str, collection: str) -> str:
    """The OET's own address, when ``url`` is that of one of its collections (``/procedures``)."""
    base, ending, rest = url.rstrip("/").rpartition(collection)
    if not ending or rest:
        raise InvalidRequestError(f"{url} does not end in {collection}")
    return base


def home_of(url: str) -> str:
    """The same OET without the subarray: one login is valid for all subarrays."""
    return _SUBARRAY_IN_PATH.sub("/oet/api/", url + "/", count=1).rstrip("/")


def keeps_secrets(url: str) -> bool:
    """Whether requests to ``url`` are confidential: https, or this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme.lower() == "https":
        return True
    # Other schemes may start other programs on this machine.
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
