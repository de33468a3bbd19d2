"""Tells requests that browsers send for pages of other sites.

A page of any site can make a browser send requests to any address. Browsers report that in headers that no
page can set; other clients send none of these headers.
"""

from __future__ import annotations

import urllib.parse

from flask import Request

_OWN_SITE = ("same-origin", "none")  #: `none`: the user has typed the address
_LONGEST = 300  #: characters of an origin that may be ours; the library remembers what it has parsed
_USUAL = {"http": ":80", "https": ":443"}


def foreign(request: Request) -> str | None:
    """The reason to refuse a request; None if it may come from a page of this server."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in _OWN_SITE or (site is None and (origin is None or _host(origin) in _hosts(request))):
        return None
    page = f"a page of {origin}" if origin not in (None, "null") else "a page of another site"
    return f"{page:.200} asked for this; requests are taken from this server's own pages and from programs"


def _host(origin: str) -> str | None:
    """Host and port of an origin; None if it has none."""
    if len(origin) > _LONGEST:
        return None
    try:
        parts = urllib.parse.urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower().removesuffix(_USUAL.get(parts.scheme, ":")) or None


def _hosts(request: Request) -> set[str]:
    """The host of the request, with and without the default port."""
    host = request.host.lower()
    return {host, host.removesuffix(_USUAL[request.scheme])} if request.scheme in _USUAL else {host}
