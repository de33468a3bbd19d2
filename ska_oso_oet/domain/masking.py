"""What may be secret in what people give, and the form of it that is kept and shown.

The one place that knows: the record of who asked for what, and every message of the OET, go through here.
"""

from __future__ import annotations

import functools
import re
from typing import Any

MASK = "***"

_SECRET = re.compile(r"passw|secret|token|credential|authorization|api.?key", re.IGNORECASE)
_TOKEN = re.compile(r"eyJ[\w-]{5,}(\.[\w-]*)*")
#: User and password in a URL; the user alone of ssh is none: it is the same for everybody.
_USER = re.compile(r"://(?!(?<=ssh://)[^/\s\":@]*@)[^/\s\"]*@")


def masked(value: Any) -> Any:
    """A JSON value without what may be secret: by the names of fields, tokens, and passwords in URLs."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, dict):
        return {
            masked_text(key): MASK if names_a_secret(key) else masked(part) for key, part in value.items()
        }
    if isinstance(value, list):
        return [masked(part) for part in value]
    return tuple(map(masked, value)) if isinstance(value, tuple) else value


def masked_text(text: str) -> str:
    """A text without tokens, and without the users and passwords of its URLs."""
    if "eyJ" in text:
        text = _TOKEN.sub(MASK, text)
    return _USER.sub(f"://{MASK}@", text) if "@" in text and "://" in text else text


@functools.lru_cache(maxsize=1024)
def names_a_secret(name: str) -> bool:
    """Tell whether what has this name is not to be kept."""
    return _SECRET.search(name) is not None
