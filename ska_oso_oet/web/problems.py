"""Failures as RFC 9457 problem documents, and those every route can answer with, for the OpenAPI document."""

from __future__ import annotations

import http
import json
from typing import Any

RETRY_AFTER = {429: "5", 503: "2"}  #: seconds, by status

SCHEMAS = "#/components/schemas/"  #: what references in the document begin with

_SCHEMA = {"$ref": f"{SCHEMAS}Problem"}
_LATER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}, "required": True}}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "how to say who asks", "schema": {"type": "string"}}},
    405: {"Allow": {"description": "the methods that are possible", "schema": {"type": "string"}}},
    429: _LATER,
    503: _LATER,
}
_STATUSES = (400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 500, 503, 504)

PROBLEMS: dict[Any, Any] = {
    status: {
        "description": http.HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": _SCHEMA}},
        "headers": _HEADERS.get(status, {}),
    }
    for status in _STATUSES
}


def problem_body(status: int, detail: str, **more: Any) -> bytes:
    """The document itself."""
    try:
        title = http.HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return json.dumps(document).encode() + b"\n"


def problem_answer(status: int, detail: str) -> bytes:
    """A whole answer, for where there is no request to respond to; it ends the connection."""
    body = problem_body(status, detail)
    head = [
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        *([f"Retry-After: {RETRY_AFTER[status]}"] if status in RETRY_AFTER else []),
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
