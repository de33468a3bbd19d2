"""Whether a command comes from a page of another site, as far as browsers tell.

A browser sends what the pages of any site ask it to, to wherever it can reach. It says so in headers that
no page can set; other clients send none of them.
"""

from __future__ import annotations

import urllib.parse

from flask import Request

_OWN_SITE = ("same-origin", "none")  #: `none`: the person has typed it
_USUAL = {"http": ":80", "https": ":443"}


def foreign(request: Request) -> str | None:
    """Why a command must not be carried out; nothing where it may be one of our own."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in _OWN_SITE or (site is None and (origin is None or _host(origin) in _hosts(request))):
        return None
    page = f"a page of {origin}" if origin not in (None, "null") else "a page of another site"
    return f"{page:.200} asked for this; commands are taken from this server's own pages and from programs"


def _host(origin: str) -> str | None:
    """Host and port of an origin; none where it has none."""
    try:
        parts = urllib.parse.urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower().removesuffix(_USUAL.get(parts.scheme, ":")) or None


def _hosts(request: Request) -> set[str]:
    """How this server was addressed, with and without the port that goes without saying."""
    host = request.host.lower()
    return {host, host.removesuffix(_USUAL[request.scheme])} if request.scheme in _USUAL else {host}
