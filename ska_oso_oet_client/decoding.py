"""Decodes the server's JSON into dataclasses; a document of another form is a bad answer.

The type hints of a dataclass describe its document. A field has the name of its member
in the document, or the place that :func:`at` gives; a member that is missing or null has the
field's default. Members without a field are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import BadAnswerError

T = TypeVar("T")

_CONVERTED = (int, float, bool)


def at(path: str = "", read: Callable[[Any], Any] | None = None, **options: Any) -> Any:
    """A field from another place in the document, such as ``script_args.init``, or from all of it.

    ``read`` converts the JSON value; the other options are those of ``field``.
    """
    return field(metadata={"path": path, "read": read}, **options)


def decode(kind: type[T], document: Any) -> T:
    """Decode a document. Raises KeyError, TypeError or ValueError if its form is another one."""
    found: T = _converted(kind, document)
    return found


@contextmanager
def answer_of(url: str) -> Iterator[None]:
    """A document of another form is a bad answer of the server at ``url``."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadAnswerError(
            url, f"its JSON is not understood ({type(error).__name__}: {error})"
        ) from error


def _converted(hint: Any, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kinds = [kind for kind in arguments if kind is not NoneType]
        # Unions are of plain values, which JSON distinguishes.
        return value if value is None or len(kinds) > 1 else _converted(kinds[0], value)
    if origin in (list, tuple):
        return origin(_converted(arguments[0], item) for item in value)
    if is_dataclass(hint):
        return _object(hint, value)
    if hint in _CONVERTED:
        return hint(value)
    if hint is str and not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return dict(value) if origin is not None and issubclass(origin, Mapping) else value


def _object(kind: Any, document: Any) -> Any:
    if isinstance(document, list):  # a tuple of the members, in order
        names = (one.name for one in fields(kind))
        document = dict(zip(names, document, strict=True))
    given = {}
    for name, hint, path, read, optional in _members(kind):
        value = document
        for part in path:
            value = value[part] if not optional else (value or {}).get(part)
        if value is None and optional:
            continue
        given[name] = read(value) if read is not None else _converted(hint, value)
    return kind(**given)


@cache
def _members(kind: Any) -> list[tuple[str, Any, list[str], Callable[[Any], Any] | None, bool]]:
    hints = get_type_hints(kind)
    return [
        (
            one.name,
            hints[one.name],
            [part for part in one.metadata.get("path", one.name).split(".") if part],
            one.metadata.get("read"),
            one.default is not MISSING or one.default_factory is not MISSING,
        )
        for one in fields(kind)
        if one.init
    ]
