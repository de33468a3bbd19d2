"""The failures every route can answer with, for the OpenAPI document."""

from __future__ import annotations

import http
from typing import Any

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
