"""Limits of JSON values: depth, for every reader and writer on the way, number of values, unique names."""

from __future__ import annotations

import collections
from typing import Any

from .masking import Masked

DEEPEST = 200  #: levels
MOST_VALUES = 10_000  #: of one request; the largest real scheduling block has 426

#: Levels that messages and records add to their content.
WRAPPING = 10


def too_deep(value: Any, wrapped: bool = False) -> bool:
    """Tell whether a JSON value has more than DEEPEST levels.

    :param wrapped: whether it is a message or a record with such a value in it
    """
    layer = [value]
    for _ in range(DEEPEST + (WRAPPING if wrapped else 0)):
        layer = _inside(layer)
        if not layer:
            return False
    return True


def too_many(value: Any, most: int = MOST_VALUES) -> bool:
    """Tell whether a JSON value, not too deep, consists of more than so many values."""
    layer, count = [value], 1
    while layer and count <= most:
        layer = _inside(layer)
        count += len(layer)
    return count > most


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members, for :func:`json.loads`.

    :raises ValueError: if a name is given more than once
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = collections.Counter(name for name, _ in pairs)
        twice, _ = counted.most_common(1)[0]
        raise ValueError(f"{twice!r} is given more than once")
    return members


def _inside(layer: list[Any]) -> list[Any]:
    # A masked object was checked when it arrived.
    outer = (v for v in layer if isinstance(v, (dict, list)) and not isinstance(v, Masked))
    return [inner for v in outer for inner in (v.values() if isinstance(v, dict) else v)]
