"""The OpenAPI document of this release, which is made with the documentation (``docs/openapi.py``)."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

#: In this folder.
FILE = "openapi.json"


def documented(rule: str) -> str:
    """A path of the application in the notation of OpenAPI."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def endpoints(app: Any) -> dict[tuple[str, str], str]:
    """The endpoint of each operation, by path and method as in the document."""
    return {
        (documented(rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def document() -> dict[str, Any]:
    """The part of this release's document that is the same for all servers."""
    found: dict[str, Any] = json.loads((resources.files(__package__) / FILE).read_text())
    return found
