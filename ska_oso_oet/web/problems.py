"""RFC 9457 problem documents, and those of all routes for the OpenAPI document."""

from __future__ import annotations

import http
import json
from typing import Any

RETRY_AFTER = {429: "5", 503: "2"}  #: seconds, by status

SCHEMAS = "#/components/schemas/"  #: the prefix of references in the document

_SCHEMA = {"$ref": f"{SCHEMAS}Problem"}
_LATER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}, "required": True}}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "the authentication scheme", "schema": {"type": "string"}}},
    405: {"Allow": {"description": "the permitted methods", "schema": {"type": "string"}}},
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
    """A complete HTTP answer, without a parsed request; it closes the connection."""
    body = problem_body(status, detail)
    head = [
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        *([f"Retry-After: {RETRY_AFTER[status]}"] if status in RETRY_AFTER else []),
        "Connection: close",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body
