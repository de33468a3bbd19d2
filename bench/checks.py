"""How fast scripts are checked that are known already."""

from __future__ import annotations

import time
from typing import Any

from tests.conftest import Server

from .figures import Figure
from .floors import Floors
from .runs import Client

_CHECKS = 100


def measure(server: Server, _floors: Floors) -> list[Figure]:
    """A hundred checks: one after the other, and as a list in one request."""
    client = Client(server)
    script = {"script_type": "filesystem", "script_uri": "file://long_observation.py"}
    one: dict[str, Any] = {"script": script, "script_args": {"main": {"kwargs": {"scans": 3}}}}
    began = time.perf_counter()
    assert client.call("POST", "/procedures/check", one)["valid"]
    first = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(_CHECKS):
        client.call("POST", "/procedures/check", one)
    singly = time.perf_counter() - began
    began = time.perf_counter()
    assert len(client.call("POST", "/procedures/check", [one] * _CHECKS)) == _CHECKS
    listed = time.perf_counter() - began
    name = f"{_CHECKS} checks of a known script"
    return [
        Figure(
            name=f"{name}, one after the other",
            value=singly,
            unit="s",
            goal=1,
            absolute=f"{singly / _CHECKS * 1e3:.1f} ms each; the first took {first * 1e3:.0f} ms",
            n=_CHECKS,
        ),
        Figure(
            name=f"{name}, as a list",
            value=listed,
            unit="s",
            goal=1,
            absolute=f"{listed / _CHECKS * 1e3:.1f} ms each",
            n=_CHECKS,
        ),
    ]
