"""Parsers of settings; each raises ValueError, whose message gives the permitted values."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from .urls import Network, checked_archive_url, checked_issuer, is_confidential

_SIZES = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_TIMES = {"": 1.0, "S": 1.0, "MIN": 60.0, "H": 3600.0}

ABORT_REASONS = ("stop", "failure", "lost", "timeout")


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number of this range."""

    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError(f"must be between {least} and {most}")
        return value

    return read


def _unit(text: str, units: Mapping[str, float]) -> float:
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    factor = units.get(text.strip()[len(number) :].upper())
    if factor is None:
        raise ValueError(f"unknown unit; known are {', '.join(u for u in units if u)}")
    value = float(number) * factor
    if not 0 <= value < 1e15:
        raise ValueError("must be a number that is not negative")
    return value


def seconds(text: str) -> float:
    """A time in seconds, or with a unit."""
    return _unit(text, _TIMES)


def limit(text: str) -> float | None:
    """A time in seconds, or None."""
    return None if text.lower() in ("", "none") else seconds(text)


def patience(text: str) -> float | None:
    """The time limit of a worker's heartbeat in seconds, or None."""
    value = limit(text)
    if value is not None and value < 3:
        raise ValueError("must be 3 s or more: heartbeats are a second apart")
    return value


def size(text: str) -> int:
    """A size in bytes, or with a unit."""
    return int(_unit(text, _SIZES))


def rate(text: str) -> float | None:
    """A rate per second, or None."""
    if text.lower() in ("", "none"):
        return None
    value = float(text)
    if not 0.1 <= value <= 1e9:
        raise ValueError("must be a number of 0.1 or more, or none")
    return value


def memory(text: str) -> int | None:
    """A size in bytes, or None."""
    return None if text.lower() in ("", "none") else size(text)


def umask(text: str) -> int:
    """A umask in octal digits; by default that of the server's own files."""
    if not re.fullmatch(r"0?[0-7]{3}|", text):
        raise ValueError("must be three octal digits, such as 022")
    return int(text or "077", 8)


def account(text: str) -> str:
    """An account of the system."""
    if not re.fullmatch(r"[A-Za-z_][\w.-]*\$?|\d+(:\d+)?|", text):
        raise ValueError("must be the name of an account, a number, or two numbers with a colon between them")
    return text


def words(text: str) -> tuple[str, ...]:
    """A comma list."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def names(text: str) -> tuple[str, ...]:
    """A comma list of host names."""
    hosts = tuple(word.lower() for word in words(text))
    for name in hosts:
        if not re.fullmatch(r"[a-z0-9._-]{1,253}", name):
            raise ValueError("must be names, without ports, separated by commas")
    return hosts


def folders(text: str) -> tuple[str, ...]:
    """A colon list of folders, with symbolic links resolved."""
    return tuple(os.path.realpath(os.path.expanduser(folder)) for folder in text.split(":") if folder)


def abort_on(text: str) -> tuple[str, ...]:
    """A comma list of the ends of a script after which the abort script runs."""
    reasons = words(text)
    for word in reasons:
        if word not in ABORT_REASONS:
            raise ValueError(f"{word!r} is not one of {', '.join(ABORT_REASONS)}")
    return reasons


def choice(*values: str) -> Callable[[str], str]:
    """One of these texts."""

    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return text

    return read


def switch(text: str) -> bool:
    """A boolean."""
    values = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in values:
        raise ValueError("must be true or false")
    return values[text.lower()]


def level(text: str) -> str:
    """A log level."""
    return choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")(text.upper())


def path(text: str) -> str:
    """The absolute path of a file or folder."""
    return os.path.abspath(os.path.expanduser(text)) if text else ""


def segment(text: str) -> str:
    """One element of a path."""
    if not text or "/" in text:
        raise ValueError("must be one element of a path")
    return text


def archive(text: str) -> str:
    """The URL of an archive of scheduling blocks."""
    return checked_archive_url(text) if text else ""


def token_url(text: str) -> str:
    """The URL of a token endpoint."""
    if text and (not is_confidential(text) or "@" in text):
        raise ValueError("must be an https URL, or an http URL of this machine, without user and password")
    return text


def index(text: str) -> str:
    """The URL of a package index."""
    if text and not re.fullmatch(r"(https?://[^/\s]+|file://)/\S+", text):
        raise ValueError("must be one URL that begins with https://, http:// or file:///")
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise ValueError("must not hold a user or password; OET_PIP_CREDENTIALS names a file for them")
    return text


def syslog(text: str) -> str:
    """The URL of a syslog receiver."""
    if text.startswith("unix://"):
        if not text.startswith("unix:///"):
            raise ValueError("must name a socket with its whole path, such as unix:///dev/log")
        return text
    return _address(text, ("tls", "tcp", "udp", "unix"), "tls://host:6514") if text else ""


def collector(text: str) -> str:
    """The URL of an OpenTelemetry collector."""
    return _address(text, ("http", "https"), "http://host:4318") if text else ""


def _address(text: str, schemes: tuple[str, ...], example: str) -> str:
    url = urlsplit(text)
    if url.scheme not in schemes or not url.hostname or url.port == 0 or re.search(r"\s", text):
        raise ValueError(
            f"must be one URL with {', '.join(schemes[:-1])} or {schemes[-1]}, such as {example}"
        )
    if "@" in url.netloc:
        raise ValueError("must not hold a user or password")
    if (url.path.strip("/") and "http" not in schemes) or url.query or url.fragment:
        raise ValueError(f"must end after the port, as {example} does")
    return text


def indexes(text: str) -> tuple[str, ...]:
    """A list of package indexes."""
    return tuple(index(word) for word in text.replace(",", " ").split())


def issuers(text: str) -> tuple[str, ...]:
    """A comma list of OpenID providers."""
    return tuple(checked_issuer(word) for word in words(text))


def grants(text: str) -> tuple[str, ...]:
    """A comma list of scope:NAME and role:NAME."""
    permissions = words(text)
    for word in permissions:
        kind, _, name = word.partition(":")
        if kind not in ("scope", "role") or not name:
            raise ValueError(f"{word!r} is neither scope:NAME nor role:NAME")
    return permissions


def database(text: str) -> str:
    """The SQLAlchemy URL of a supported database."""
    if text.startswith("postgresql:"):
        text = text.replace("postgresql:", "postgresql+psycopg:", 1)
    if text and not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with postgresql+psycopg:// or sqlite:///")
    if text.partition("://")[2].partition("/")[0].count("@") > 1:
        raise ValueError("a password must have %40 for @, %3A for : and %2F for /")
    if "password=" in text:
        raise ValueError("give the password before the @, or with PGPASSFILE or PGPASSWORD")
    return text


def networks(text: str) -> tuple[Network, ...]:
    """A comma list of addresses and networks."""
    try:
        return tuple(ipaddress.ip_network(word) for word in words(text))
    except ValueError as error:
        raise ValueError(f"{error}; give addresses, or networks such as 10.1.0.0/16") from None


def text_or_none(text: str) -> str | None:
    """A text, or none."""
    return text or None
