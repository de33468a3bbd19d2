"""What it costs to check a token with every request."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from tests.conftest import Server, serving, until
from tests.support.issuer import AUDIENCE, Issuer

from .figures import Figure
from .floors import Floors, get

_ROUNDS = 20
_EACH = 100


def measure(server: Server, floors: Floors) -> list[Figure]:
    """The list of procedures from a server that asks who is calling, and from one that does not, in turns."""
    issuer = Issuer().start()
    token = {"Authorization": f"Bearer {issuer.token(scope='oet:read')}"}
    settings = {"OET_AUTH_ISSUER": issuer.url, "OET_AUTH_AUDIENCE": AUDIENCE, "LOG_LEVEL": "ERROR"}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "state", **settings) as guarded:
        guarded.session.headers.update(token)
        until(lambda: guarded.request("GET", "/procedures").status_code == 200)
        with_token: list[float] = []
        without: list[float] = []
        for _ in range(_ROUNDS):
            without += get(*_address(server), _EACH)
            with_token += get(*_address(guarded), _EACH, headers=token)
    issuer.stop()
    free, asked = statistics.median(without) * 1e3, statistics.median(with_token) * 1e3
    return [
        Figure(
            name="GET procedures: cost of checking the token",
            value=asked - free,
            unit="ms",
            goal=0.5,
            absolute=f"{asked:.2f} ms against {free:.2f} ms",
            n=len(with_token),
        )
    ]


def _address(server: Server) -> tuple[int, str]:
    port, _, path = server.url.split(":")[2].partition("/")
    return int(port), f"/{path}/procedures"
