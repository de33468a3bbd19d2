"""Measures the duration of requests, by route."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from typing import Any

from flask import request

from ...telemetry.metrics.catalogue import OTHER, REQUEST
from ..openapi.document import documented
from ..server.receiver import Unfinished
from .base_path import WSGI

ROUTE = "oet.route"  #: the key of a request's route in its environment
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})

_template = functools.lru_cache(maxsize=256)(documented)


def note_route() -> None:
    """Note the route of a request for its measurement."""
    if request.url_rule is not None:
        request.environ[ROUTE] = _template(request.url_rule.rule)


class Timed:
    """WSGI middleware that measures the duration of requests."""

    def __init__(self, app: WSGI) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        began: float | None = time.perf_counter()
        status = "2"  # for an event stream, which begins elsewhere

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = line[0]
            return start_response(line, headers, exc_info)

        try:
            return self._app(environ, start)
        except Unfinished:
            began = None
            raise
        finally:
            if began is not None:
                # Clients may send any path and method, but the values of labels must be few.
                method = environ["REQUEST_METHOD"]
                REQUEST.observe(
                    time.perf_counter() - began,
                    environ.get(ROUTE, OTHER),
                    method if method in _METHODS else OTHER,
                    f"{status}xx",
                )
