"""The result of ``main``, as far as it can be kept. Standard library only."""

from __future__ import annotations

import json
from typing import Any

#: Bytes of a result, as JSON, that are kept.
LONGEST_RESULT = 64 * 1024


def told(result: Any) -> dict[str, Any]:
    """The fields that tell a result: ``result``, or ``unkept`` with the reason why it is not kept."""
    if result is None:
        return {}
    text = ""
    try:
        for piece in json.JSONEncoder(allow_nan=False).iterencode(result):
            text += piece
            if len(text) > LONGEST_RESULT:
                return {"unkept": f"it has more than {LONGEST_RESULT // 1024} KiB as JSON"}
        return {"result": json.loads(text)}
    except Exception as error:  # noqa: BLE001  a value of any type may come, with any mistake in it
        return {"unkept": f"JSON cannot carry it ({type(error).__name__} in a {type(result).__name__})"[:500]}
