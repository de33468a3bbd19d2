"""Secrets in requests, and the masked form that is stored and shown.

The one place that knows: the record of who asked for what, and every message of the OET, go through here.
"""

from __future__ import annotations

import functools
import re
from typing import Any

MASK = "***"

_SHORT = 100  #: characters of a name that is remembered

_SECRET = ("passw", "secret", "token", "credential", "authorization")
_KEY = re.compile("api.?key")
#: Not within a word, such as the name of a script for a survey of Jupiter.
_TOKEN = re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{5,}(\.[\w-]*)*")
#: User and password in a URL; the user alone of ssh is none: it is the same for everybody.
_USER = re.compile(r"://(?!(?<=ssh://)[^/\s\":@]*@)[^/\s\"]*@")


class Masked(dict[str, Any]):
    """A JSON object that is masked already, and not too deep: it is passed on as it is."""


def masked(value: Any) -> Any:
    """A JSON value without secrets: found by the names of fields, as tokens, and as passwords in URLs."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, Masked):
        return value
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


def names_a_secret(name: str) -> bool:
    """Whether the value of this name is secret."""
    return _remembered(name) if len(name) <= _SHORT else _found_in(name)


def _found_in(name: str) -> bool:
    # One regular expression for all of it, ignoring case, takes a second for a name of a megabyte.
    small = name.casefold()
    return any(word in small for word in _SECRET) or _KEY.search(small) is not None


#: Names come again and again. Only short ones are kept: a client may make up as many long ones as it likes.
_remembered = functools.lru_cache(maxsize=1024)(_found_in)
