"""Every failure as an RFC 9457 problem document."""

from __future__ import annotations

import http
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Response
from werkzeug.exceptions import HTTPException

from ...domain.errors import Drained, Refusal
from ..problems import RETRY_AFTER, problem_body

LOG = logging.getLogger(__name__)

MOST = 10  #: mistakes reported per request
_UNTIL_RESUMED = "60"  #: longer than the time limit of our client


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """A problem document as a response."""
    response = Response(
        problem_body(status, detail, **more), status=status, content_type="application/problem+json"
    )
    if status in RETRY_AFTER:
        response.headers["Retry-After"] = RETRY_AFTER[status]
    response.headers.update(headers or {})
    return response


def from_refusal(error: Refusal) -> Response:
    """A request that the bus refused."""
    later = {"Retry-After": _UNTIL_RESUMED} if isinstance(error, Drained) else None
    return problem(error.status, error.detail, later)


class Mistake(NamedTuple):
    """A mistake in one part of a well-formed request."""

    place: tuple[str | int, ...]  #: path of keys that begins with `body`, `query` or `path`
    sentence: str

    def __str__(self) -> str:
        where = ".".join(str(part) for part in self.place[1:])
        if self.sentence.startswith(f"{self.place[-1]} "):
            return self.sentence  # it names the part itself
        return f"{where}: {self.sentence}" if where else self.sentence


def mistaken(mistakes: Sequence[Mistake], said: int = MOST) -> Response:
    """The answer to a well-formed but invalid request.

    :param said: maximum number of mistakes in ``detail``
    """
    shown = [Mistake(tuple(map(_part, place)), sentence) for place, sentence in mistakes[:MOST]]
    errors = [{"loc": list(mistake.place), "msg": mistake.sentence} for mistake in shown]
    return problem(422, "; ".join(str(mistake) for mistake in shown[:said]), errors=errors)


def _part(part: Any) -> Any:
    # A key in the body may contain text that UTF-8 cannot encode.
    return part.encode("utf-8", "backslashreplace").decode() if isinstance(part, str) else part


def from_http(error: HTTPException) -> Response:
    """A request that Flask itself refuses."""
    status = error.code or 500
    headers = dict(error.get_headers())
    names: tuple[str, ...] = ("Allow", "Retry-After")
    kept = {name: headers[name] for name in names if name in headers}
    detail = error.description or http.HTTPStatus(status).phrase
    if status == 405:
        detail = f"this method is not allowed here; allowed are {kept.get('Allow', 'others')}"
    if status == 413:
        detail = "the body is larger than 1 MiB"
    return problem(status, detail, kept)


def from_bug(error: Exception) -> Response:
    """An internal error."""
    LOG.exception("Failed to answer a request")
    return problem(500, f"internal error: {type(error).__name__}; the server's log says more")
