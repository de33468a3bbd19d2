"""Reading a request: where it is addressed to, and what its body says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnprocessableEntity, UnsupportedMediaType

from ..domain.nesting import DEEPEST, too_deep
from .problems import problem_body

ROOT = ("/livez", "/readyz", "/metrics")
_ROOT_ONLY = ("/metrics",)  #: not where an ingress leads the world to
_MAY_BE_BARE = ("/drain", "/resume", "/abort")  #: where the body may be left out

#: In the environment of a request: what a proxy has put before the base path.
PREFIX = "oet.prefix"

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class BasePath:
    """WSGI middleware: strips the base path, so that the views know nothing of it.

    Both forms are answered, with the subarray's element and without; a trailing slash never matters.
    """

    def __init__(self, app: WSGI, namespace: str, subarray: int, major: str) -> None:
        self._app = app
        self._subarray = subarray
        self._tail = f"/api/v{major}"
        self._root = f"/{namespace}/oet"
        self._bases = (f"{self._root}/{subarray}{self._tail}", f"{self._root}{self._tail}")

    @property
    def base(self) -> str:
        """The base path as this server prefers it."""
        return self._bases[0]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "").rstrip("/")
        for base in self._bases:
            # With one slash, as the router reads it: what is judged here is what is served.
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
        return f"nothing is here; the API is at {self.base}"


class JsonRequest(Request):
    """A request whose body, if it has one, is a JSON object."""

    said: dict[str, Any] | None = None  #: the body, once it was read and found to be one

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Read the body.

        :raises BadRequest: where it is not JSON
        :raises UnsupportedMediaType: where it is said to be something else
        :raises UnprocessableEntity: where it is JSON but no object
        """
        # Required without a body, too: no page of another site can say that it sends JSON.
        if not self.is_json:
            raise UnsupportedMediaType("send the body as JSON, with Content-Type: application/json")
        if self.path in _MAY_BE_BARE and self.content_length in (None, 0) and not self._in_chunks:
            return {}
        if self.content_length is not None and self.content_length > (self.max_content_length or 0):
            raise RequestEntityTooLarge
        try:
            data = self.get_data()
        except (
            OSError,
            ParseException,
        ) as error:  # a body that breaks the rules of HTTP
            raise BadRequest(f"the body cannot be read: {type(error).__name__}") from None
        if self.content_length is None and len(data) >= (self.max_content_length or 0):
            raise RequestEntityTooLarge  # of a body in chunks no more than that was read
        try:
            found = json.loads(data, parse_constant=_not_json, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise BadRequest(f"the body is not JSON: {reason}") from None
        if too_deep(found):
            raise BadRequest(f"the body is nested too deeply; {DEEPEST} levels are taken")
        if not isinstance(found, dict):
            raise UnprocessableEntity("the body must be a JSON object")
        self.said = found
        return found

    @property
    def _in_chunks(self) -> bool:
        return "Transfer-Encoding" in self.headers


def _not_json(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value
