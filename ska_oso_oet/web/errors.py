"""Every failure as an RFC 9457 problem document."""

from __future__ import annotations

import http
import logging
from typing import Any

from flask import Response
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from ..domain.errors import Drained, Refusal
from .problems import RETRY_AFTER, problem_body

LOG = logging.getLogger(__name__)

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


def from_validation(error: ValidationError) -> Response:
    """What pydantic found wrong with a well-formed request."""
    found = [
        {"loc": [_part(part) for part in e["loc"]], "msg": e["msg"].removeprefix("Value error, ")}
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = found[0]
    where = ".".join(str(part) for part in first["loc"])
    detail = f"{where}: {first['msg']}" if where else str(first["msg"])
    for part in ("body", "query", "path"):
        if error.title.endswith(part.title()):
            found = [{**e, "loc": [part, *e["loc"]]} for e in found]
    return problem(422, detail, errors=found)


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
