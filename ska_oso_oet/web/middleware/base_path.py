"""The base path, which is stripped before the views."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..problems import problem_body

ROOT = ("/livez", "/readyz", "/metrics")


_ROOT_ONLY = ("/metrics",)  #: not below the base path, which an ingress publishes


#: Key in the environment of a request: the prefix that a proxy has put before the base path.
PREFIX = "oet.prefix"


WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class BasePath:
    """WSGI middleware: strips the base path.

    Accepts it with and without the subarray's element, and ignores a trailing slash.
    """

    def __init__(self, app: WSGI, namespace: str, subarray: int, major: str) -> None:
        self._app = app
        self._subarray = subarray
        self._tail = f"/api/v{major}"
        self._root = f"/{namespace}/oet"
        self._bases = (f"{self._root}/{subarray}{self._tail}", f"{self._root}{self._tail}")

    @property
    def base(self) -> str:
        """The preferred base path of this server."""
        return self._bases[0]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").rstrip("/")
        for base in self._bases:
            # With one slash, as in the router, so that both see the same path.
            rest = f"/{path[len(base) :].lstrip('/')}"
            if (path == base or path.startswith(f"{base}/")) and rest not in _ROOT_ONLY:
                environ[PREFIX] = environ.get("SCRIPT_NAME", "")
                environ["SCRIPT_NAME"] = environ[PREFIX] + base
                environ["PATH_INFO"] = rest
                return self._app(environ, start_response)
        if path in ROOT:
            environ["PATH_INFO"] = path
            return self._app(environ, start_response)
        body = problem_body(404, self._explain(path))
        headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
        start_response("404 Not Found", headers)
        return [body]

    def _explain(self, path: str) -> str:
        words = path.removeprefix(self._root).split("/")
        named = words[1] if path.startswith(f"{self._root}/") and len(words) > 1 else ""
        if named.isdecimal() and named != str(self._subarray):
            return f"this OET drives subarray {self._subarray}, not subarray {named}"
        return f"there is nothing at this address; the API is at {self.base}"
