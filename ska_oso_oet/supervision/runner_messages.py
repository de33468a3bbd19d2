"""Reads the messages of a script's process, which may be forged; invalid ones are dropped.

Standard library only.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ..domain.nesting import too_deep, too_many
from ..engine.result import LONGEST_RESULT
from ..runs.protocol import LONGEST, MOST_VALUES

_SHORTEST = len('{"say":"loaded"}')  #: bytes; millions of shorter lines cost nothing
#: Characters.
_LONGEST_TEXTS = {
    **{"detail": 2**16, "stacktrace": 2**17, "why": 2**12, "type": 2**10},
    **{"text": 2**12, "default": 2**10, "unkept": 2**10, "name": 200},
}
_LONGEST_TIME = 1e7  #: seconds
_MOST_CHOICES = 100
_LONGEST_CHOICE = 200  #: characters
_SLACK = 1024  #: bytes of a saying around a result
_TEXT = (str, type(None))
_COUNT = (int, type(None))
_NUMBER = (int, float)
_ARGUMENTS = {"args": list, "kwargs": dict}
#: The fields that each saying must have, with their types.
_FIELDS: dict[str, dict[str, Any]] = {
    "resolved": {"commit": str, "branch": _TEXT},
    "prepared": {"uses": list},
    "loaded": {},
    "initialised": {},
    "unsuited": {"why": str},
    "inspected": {"found": dict},
    "calling": {"main": dict},
    "closing": {"stopped": bool},
    "heard": {"n": int},
    "returned": {},
    "failed": {"phase": str, "type": str, "detail": str, "stacktrace": _TEXT},
    "exited": {"phase": str, "status": int, "detail": _TEXT},
    "message": {"topic": str, "payload": dict},
    "pace": {"report": dict},
    "paused": {"number": int, "name": str, "n": _COUNT, "of": _COUNT},
    "critical": {"name": str, "at_most": _NUMBER},
    "uncritical": {},
    "ask": {
        **{"n": int, "text": str, "choices": (list, type(None)), "default": _TEXT},
        "timeout": (int, float, type(None)),
    },
}
#: Fields that a saying may have.
_MORE = {"loaded": ("init", "sha256"), "initialised": ("sha256",), "returned": ("result", "unkept")}


def read(line: bytes) -> dict[str, Any] | None:
    """Decode one line; none if it is not a valid message of a runner."""
    if not _SHORTEST <= len(line) <= LONGEST:
        return None
    try:
        said = _DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or too_deep(said, wrapped=True) or too_many(said, MOST_VALUES):
        return None
    if not _is_saying(said):
        return None
    for name, most in _LONGEST_TEXTS.items():
        if isinstance(said.get(name), str):
            said[name] = said[name][:most]
    if len(line) > LONGEST_RESULT + _SLACK:
        said.pop("result", None)  # forged: the runner tells no longer one
    what = said["say"]
    names = ("say", "time", *_FIELDS[what], *_MORE.get(what, ()))
    return {name: said[name] for name in names if name in said}


def _is_saying(said: dict[str, Any]) -> bool:
    fields = _FIELDS.get(str(said.get("say")))
    if fields is None or not _are(said, fields):
        return False
    if said["say"] == "exited" and not 0 <= said["status"] <= 255:
        return False
    if said["say"] == "ask" and not _can_be_answered(said):
        return False
    if said["say"] == "critical" and not 0 <= said["at_most"] <= _LONGEST_TIME:
        return False
    if said.get("sha256") is not None and not _is_hash(said["sha256"]):
        return False
    called = (
        said["main"] if said["say"] == "calling" else said.get("init") if said["say"] == "loaded" else None
    )
    return called is None or (isinstance(called, dict) and _are(called, _ARGUMENTS))


def _can_be_answered(said: dict[str, Any]) -> bool:
    choices, timeout = said["choices"], said["timeout"]
    texts = choices is None or (
        0 < len(choices) <= _MOST_CHOICES
        and all(isinstance(one, str) and len(one) <= _LONGEST_CHOICE for one in choices)
    )
    return texts and (timeout is None or 0 < timeout <= _LONGEST_TIME)


def _are(found: dict[str, Any], fields: dict[str, Any]) -> bool:
    return all(name in found and isinstance(found[name], kind) for name, kind in fields.items())


def _is_hash(found: Any) -> bool:
    return isinstance(found, str) and re.fullmatch("[0-9a-f]{64}", found) is not None


def _finite(text: str) -> float | str:
    """A number that JSON can carry, else its text."""
    value = float(text)
    return value if math.isfinite(value) else text


_DECODER = json.JSONDecoder(parse_constant=str, parse_float=_finite)
