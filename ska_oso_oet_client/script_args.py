"""Arguments for the functions of an activity's script, checked before they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import InvalidRequestError

ScriptArgs = Mapping[str, Mapping[str, Any]]
"""By function: ``{"init": {"args": [...], "kwargs": {...}}, "main": {...}}``, all optional."""

_FUNCTIONS = frozenset({"init", "main"})
_PARTS = {"args": (list, tuple), "kwargs": (Mapping,)}


def checked(script_args: Any) -> ScriptArgs:
    """The same arguments; raises InvalidRequestError with the expected form.

    Missing parts stay missing: empty ``args`` would replace those of the scheduling block.
    """
    if not isinstance(script_args, Mapping) or not all(
        function in _FUNCTIONS and _is_call(call) for function, call in script_args.items()
    ):
        raise InvalidRequestError(
            "script_args must map init or main to an object with kwargs, "
            'such as {"init": {"kwargs": {"foo": "bar"}}}'
        )
    return script_args


def _is_call(call: Any) -> bool:
    return isinstance(call, Mapping) and all(
        part in _PARTS and isinstance(value, _PARTS[part]) for part, value in call.items()
    )
