"""Requests and answers of the REST contract, over real HTTP."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests

from ..conftest import Events, Server

BASE = "/ska-oso-oet/oet/1/api/v1"
JSON = {"Content-Type": "application/json"}
TRIVIAL = {"script": {"script_type": "filesystem", "script_uri": "file://trivial.py"}}


def problem(answer: requests.Response, status: int, detail: str | None = None) -> dict[str, Any]:
    """Check that an answer is a problem document, with a text that matches."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= set(found)
    assert found["status"] == status
    assert isinstance(found["title"], str)
    assert isinstance(found["detail"], str)
    if detail is not None:
        assert re.search(detail, found["detail"]), found["detail"]
    return found


def root(server: Server) -> str:
    return server.url.removesuffix(BASE)


def raw(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes and read the answer to its end."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(sent)
        said = b""
        while part := connection.recv(65536):
            said += part
    head, _, body = said.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
    return int(line.split()[1]), headers, body


@contextlib.contextmanager
def events_of(server: Server, **query: Any) -> Iterator[Events]:
    events = Events(server, **query)
    try:
        yield events
    finally:
        events.close()


def asks(**script: Any) -> dict[str, Any]:
    return {"script": TRIVIAL["script"] | script}


def gits(script_uri: str = "git://a.py", **git_args: Any) -> dict[str, Any]:
    return {"script": {"script_type": "git", "script_uri": script_uri, "git_args": git_args}}
