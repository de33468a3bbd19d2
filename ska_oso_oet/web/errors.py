"""Every failure as an RFC 9457 problem document."""

from __future__ import annotations

import http
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Response
from werkzeug.exceptions import HTTPException

from ..domain.errors import Drained, Refusal
from .problems import RETRY_AFTER, problem_body

LOG = logging.getLogger(__name__)

_MOST = 10  #: mistakes of one request that are told
_UNTIL_RESUMED = "60"  #: longer than our own client waits by itself


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
    """What the bus refused."""
    later = {"Retry-After": _UNTIL_RESUMED} if isinstance(error, Drained) else None
    return problem(error.status, error.detail, later)


class Mistake(NamedTuple):
    """What is wrong with one part of a well-formed request."""

    place: tuple[str | int, ...]  #: begins with `body`, `query` or `path`
    sentence: str

    def __str__(self) -> str:
        where = ".".join(str(part) for part in self.place[1:])
        return f"{where}: {self.sentence}" if where else self.sentence


def mistaken(mistakes: Sequence[Mistake], said: int = _MOST) -> Response:
    """The answer to a well-formed request that is not valid.

    :param said: how many of the mistakes, at the most, the sentence for people is to have
    """
    told = [Mistake(tuple(map(_part, place)), sentence) for place, sentence in mistakes[:_MOST]]
    errors = [{"loc": list(mistake.place), "msg": mistake.sentence} for mistake in told]
    return problem(422, "; ".join(str(mistake) for mistake in told[:said]), errors=errors)


def _part(part: Any) -> Any:
    # A key of the user's can be text that UTF-8 cannot carry.
    return part.encode("utf-8", "backslashreplace").decode() if isinstance(part, str) else part


def from_http(error: HTTPException) -> Response:
    """What Flask refuses by itself."""
    status = error.code or 500
    headers = dict(error.get_headers())
    names: tuple[str, ...] = ("Allow", "Retry-After")
    kept = {name: headers[name] for name in names if name in headers}
    detail = error.description or http.HTTPStatus(status).phrase
    if status == 405:
        detail = f"this method is not possible here; possible are {kept.get('Allow', 'others')}"
    if status == 413:
        detail = "the body is larger than 1 MiB"
    return problem(status, detail, kept)


def from_bug(error: Exception) -> Response:
    """What should not have happened."""
    LOG.exception("Failed to answer a request")
    return problem(500, f"internal error: {type(error).__name__}; the server's log says more")
