"""Measures how long requests take, by route."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from typing import Any

from flask import request

from ..metrics.catalogue import OTHER, REQUEST
from .arrivals import Unfinished
from .document import documented
from .requests import WSGI

ROUTE = "oet.route"  #: where the route of a request is in its environment
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})

_template = functools.lru_cache(maxsize=256)(documented)


def note_route() -> None:
    """Before a request is answered: tell who measures it which route it takes."""
    if request.url_rule is not None:
        request.environ[ROUTE] = _template(request.url_rule.rule)


class Timed:
    """WSGI middleware that measures how long answers take."""

    def __init__(self, app: WSGI) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        began: float | None = time.perf_counter()
        status = "2"  # of an event stream, which is begun elsewhere

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
                # Paths and methods are whatever a client makes up; the values of labels are not.
                method = environ["REQUEST_METHOD"]
                REQUEST.observe(
                    time.perf_counter() - began,
                    environ.get(ROUTE, OTHER),
                    method if method in _METHODS else OTHER,
                    f"{status}xx",
                )
