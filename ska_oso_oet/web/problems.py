"""The failures every route can answer with, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from .schemas import Problem

_STATUSES = (400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 500, 503, 504)

PROBLEMS: dict[Any, Any] = {
    status: {
        "description": "Problem document",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status in _STATUSES
}
