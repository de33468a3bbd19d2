"""What measuring costs: each request, and each scrape."""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

from ska_oso_oet.telemetry.metrics.store import STORE
from ska_oso_oet.web.middleware.timing import ROUTE, Timed
from tests.conftest import Server

from .figures import Figure
from .floors import Floors, get

_REQUESTS = 50_000


def measure(server: Server, floors: Floors) -> list[Figure]:
    """The middleware around nothing, in this process; and a scrape of the server."""
    with tempfile.TemporaryDirectory() as folder:
        STORE.open(folder)
        each = _processor_time(Timed(_nothing)) - _processor_time(_nothing)
    port = int(server.url.split(":")[2].partition("/")[0])
    scrape = statistics.median(get(port, "/metrics", 50))
    return [
        Figure(
            name="measuring a request: processor time",
            value=each * 1e6,
            unit="µs",
            goal=20,
            absolute=f"{each / floors.flask * 100:.1f} % of F",
            n=_REQUESTS,
        ),
        Figure(
            name="GET /metrics",
            value=scrape * 1e3,
            unit="ms",
            goal=50,
            absolute=f"{scrape / floors.flask:.1f} F",
            n=50,
        ),
    ]


def _nothing(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


def _processor_time(app: Any) -> float:
    """Of one request, in seconds."""
    environ = {"REQUEST_METHOD": "GET", ROUTE: "/procedures/{procedure_id}"}
    began = time.process_time()
    for _ in range(_REQUESTS):
        app(environ, lambda line, headers, exc_info=None: None)
    return (time.process_time() - began) / _REQUESTS
