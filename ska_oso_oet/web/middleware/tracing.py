"""Traces requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...telemetry import tracing
from ..server.receiver import NotHere
from .base_path import ROOT, WSGI
from .timing import ROUTE


class Traced:
    """WSGI middleware that traces requests, as part of the client's trace if it has one.

    Not requests for health and metrics.
    """

    def __init__(self, app: WSGI) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        arriving = isinstance(environ["wsgi.input"], NotHere)  # repeated when its body has arrived
        if arriving or environ.get("PATH_INFO", "").rstrip("/") in ROOT:
            return self._app(environ, start_response)
        method = environ["REQUEST_METHOD"]
        with tracing.span(method, environ.get("HTTP_TRACEPARENT")) as about:

            def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
                about["status"] = int(line[:3])
                return start_response(line, headers, exc_info)

            try:
                return self._app(environ, start)
            finally:
                about["name"] = f"{method} {environ.get(ROUTE, 'unknown path')}"
