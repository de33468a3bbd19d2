"""Annotations as JSON Schema: ``int`` is ``{"type": "integer"}``.

What cannot be understood is ``{}``, which means anything. Standard library only.
"""

from __future__ import annotations

import collections.abc
import enum
import json
import types
import typing
from typing import Any

_DEEPEST = 6  #: types in types that are looked at
_MOST = 100  #: values of an enumeration
_LONGEST = 2**12  #: characters of a value

_PLAIN = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (type(None), "null"))
_LISTS = (list, tuple, set, frozenset)
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

#: The schemas of plain types, by their names.
BY_NAME = {kind.__name__: {"type": name} for kind, name in _PLAIN if kind is not type(None)}

Schema = dict[str, Any]


def schema_of(annotation: Any, depth: int = 0) -> Schema:
    """The JSON Schema of what an annotation permits; empty if it cannot be understood."""
    if depth > _DEEPEST:
        return {}
    annotation = getattr(annotation, "__supertype__", annotation)  # a NewType
    if isinstance(annotation, getattr(typing, "TypeAliasType", ())):
        return schema_of(getattr(annotation, "__value__"), depth + 1)  # noqa: B009  of Python 3.12
    for kind, name in _PLAIN:
        if annotation is kind or (annotation is None and name == "null"):
            return {"type": name}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        values = [member.value for member in annotation]
        return _choice(values if all(map(is_json, values)) else [member.name for member in annotation])
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        text = " ".join(note for note in annotation.__metadata__ if isinstance(note, str))
        return {**schema_of(annotation.__origin__, depth + 1), **({"description": text} if text else {})}
    if origin is typing.Literal:
        return _choice([one.value if isinstance(one, enum.Enum) else one for one in inner])
    if origin in (typing.Union, types.UnionType):
        parts = [schema_of(one, depth + 1) for one in inner]
        return {"anyOf": parts} if all(parts) else {}
    kind = annotation if origin is None else origin
    if any(kind is one for one in _LISTS):
        return {"type": "array", **_items(kind, inner, depth)}
    if any(kind is one for one in _OBJECTS) or typing.is_typeddict(kind):
        members = schema_of(inner[1], depth + 1) if len(inner) == 2 else {}
        return {"type": "object", **({"additionalProperties": members} if members else {})}
    return {}


def _items(kind: Any, inner: tuple[Any, ...], depth: int) -> Schema:
    if kind is tuple and inner and inner[-1] is not Ellipsis:
        parts = [schema_of(one, depth + 1) for one in inner if one != ()]  # tuple[()] has none
        return {"prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
    items = schema_of(inner[0], depth + 1) if inner else {}
    return {"items": items} if items else {}


def _choice(values: list[Any]) -> Schema:
    return {"enum": values} if values and len(values) <= _MOST and is_json(values) else {}


def takes_none(schema: Schema) -> bool:
    """Whether a schema permits null."""
    return None in schema.get("enum", ()) or {"type": "null"} in (schema, *schema.get("anyOf", ()))


def is_json(value: Any) -> bool:
    """Whether JSON can carry a value as it is, and that is short."""
    try:
        return len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) <= _LONGEST
    except Exception:  # noqa: BLE001  a value of any type may come, with any mistake in it
        return False
