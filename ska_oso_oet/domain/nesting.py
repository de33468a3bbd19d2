"""How deep a value may be nested so that every reader and writer of JSON on its way can take it."""

from __future__ import annotations

from typing import Any

DEEPEST = 200


#: Levels that messages and records add to what is in them.
WRAPPING = 10


def too_deep(value: Any, wrapped: bool = False) -> bool:
    """Tell whether a JSON value has more than DEEPEST levels.

    :param wrapped: whether it is a message or a record with such a value in it
    """
    layer = [value]
    for _ in range(DEEPEST + (WRAPPING if wrapped else 0)):
        inside = (v.values() if isinstance(v, dict) else v for v in layer if isinstance(v, (dict, list)))
        layer = [inner for values in inside for inner in values]
        if not layer:
            return False
    return True
