"""Streams end when the token of whoever listens expires."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from ..conftest import Events, Server
from ..support.issuer import Issuer
from .conftest import bearer, log_in


def _lines(server: Server, path: str, token: str) -> tuple[list[bytes], float]:
    """Everything a stream says, and when it ended."""
    headers: dict[str, Any] = {"Accept": "text/event-stream", **bearer(token)}
    with requests.get(f"{server.url}{path}", headers=headers, stream=True, timeout=20) as answer:
        assert answer.status_code == 200
        return list(answer.iter_lines()), time.time()


@pytest.mark.parametrize(
    "path", ["/stream", "/stream?last_event_id=0", "/procedures/{pid}/output?follow=true"]
)
def test_a_stream_ends_at_the_moment_its_token_expires(oet: Server, issuer: Issuer, path: str) -> None:
    log_in(oet, issuer, subarrays="*")
    pid = oet.create("trivial.py")
    expires = time.time() + 1.5
    token = issuer.token(scope="oet:read", subarrays="*", exp=expires)
    lines, ended = _lines(oet, path.format(pid=pid), token)
    assert expires <= ended < expires + 1
    assert b": the token has expired" in lines


def test_a_stream_outlives_the_expiry_of_others(oet: Server, issuer: Issuer) -> None:
    log_in(oet, issuer, subarrays="*")
    kept = Events(oet)
    _lines(oet, "/stream", issuer.token(scope="oet:read", subarrays="*", exp=time.time() + 0.5))
    oet.create("trivial.py")
    kept.wait(lambda e: e.get("topic") == "procedure.lifecycle.created")
    kept.close()
