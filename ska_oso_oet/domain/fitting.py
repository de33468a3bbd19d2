"""Whether the arguments of a request fit the functions of a script, as the script describes them. Pure.

A parameter is ``{"name", "kind", "required", "type", …}``; ``type`` is a JSON Schema, and ``{}`` is anything.
A problem is ``{"where": "main.kwargs.scans", "what": "…"}``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator
from typing import Any

from .scripts import Arguments

Problem = dict[str, str]
Parameter = dict[str, Any]

_LONGEST = 100  #: characters of a name that are compared
_MOST = 50  #: problems of one function
_BY_PLACE = ("positional", "any")
_BY_NAME = ("any", "keyword")
_WORDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "null": "null",
    "array": "a list",
    "object": "an object",
}


def problems_of(
    name: str,
    parameters: list[Parameter],
    given: Arguments,
    *,
    added: Collection[str] = (),
    dispensable: Collection[str] = (),
    whole: bool = True,
) -> list[Problem]:
    """What is wrong with the arguments of a function.

    :param added: names that the OET gives it, if it has such parameters
    :param dispensable: names of given arguments that the OET leaves out if it has no such parameters
    :param whole: whether these are all arguments, so that others are missing
    """
    found = [*_misplaced(name, parameters, given, dispensable), *_unfit(name, parameters, given)]
    if whole:
        found += _missing(name, parameters, given, added)
    return found[:_MOST]


def _misplaced(
    name: str, parameters: list[Parameter], given: Arguments, dispensable: Collection[str]
) -> Iterator[Problem]:
    kinds = {one["kind"] for one in parameters}
    by_place = [one for one in parameters if one["kind"] in _BY_PLACE]
    named = [one["name"] for one in parameters if one["kind"] in _BY_NAME]
    filled = {one["name"] for one in by_place[: len(given.args)] if one["kind"] == "any"}
    if len(given.args) > len(by_place) and "args" not in kinds:
        what = f"{name} takes {len(by_place)} arguments without a name, not {len(given.args)}"
        yield {"where": f"{name}.args[{len(by_place)}]", "what": what}
    for word in given.kwargs:
        if word in filled:
            yield {"where": f"{name}.kwargs.{word}", "what": f"{name} is given {word} twice"}
        elif word not in named and "kwargs" not in kinds and word not in dispensable:
            free = [one for one in named if one not in given.kwargs and one not in filled]
            near = difflib.get_close_matches(word[:_LONGEST], free, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            yield {"where": f"{name}.kwargs.{word}", "what": f"{name} has no argument {word}{hint}"}


def _missing(
    name: str, parameters: list[Parameter], given: Arguments, added: Collection[str]
) -> Iterator[Problem]:
    place = 0
    for one in parameters:
        by_place = one["kind"] in _BY_PLACE
        here = by_place and place < len(given.args)
        named = one["kind"] in _BY_NAME and one["name"] in (*given.kwargs, *added)
        if one["required"] and not here and not named:
            where = f"args[{place}]" if one["kind"] == "positional" else f"kwargs.{one['name']}"
            yield {"where": f"{name}.{where}", "what": f"{one['name']} is missing"}
        place += by_place


def _unfit(name: str, parameters: list[Parameter], given: Arguments) -> Iterator[Problem]:
    by_place = [one for one in parameters if one["kind"] in _BY_PLACE]
    named = {one["name"]: one for one in parameters if one["kind"] in _BY_NAME}
    rest = {one["kind"]: one for one in parameters if one["kind"] in ("args", "kwargs")}
    places = [
        (f"{name}.args[{n}]", by_place[n] if n < len(by_place) else rest.get("args"), value)
        for n, value in enumerate(given.args)
    ]
    places += [
        (f"{name}.kwargs.{word}", named.get(word, rest.get("kwargs")), value)
        for word, value in given.kwargs.items()
    ]
    for where, one, value in places:
        if one is not None and (wrong := _misfit(one["type"], value)) is not None:
            inside, what = wrong
            subject = where.rpartition(".")[2] if ".kwargs." in where else one["name"]
            yield {"where": f"{where}{inside}", "what": f"{subject}{inside} {what}"}


def _misfit(schema: dict[str, Any], value: Any) -> tuple[str, str] | None:
    """Where in a value it does not fit, and what it must be; none if it may fit."""
    if "anyOf" in schema:
        if any(_misfit(one, value) is None for one in schema["anyOf"]):
            return None
        return "", f"must be {_expected(schema)}, not {_WORDS[_kind(value)]}"
    if "enum" in schema:
        fits = any(_kind(one) == _kind(value) and one == value for one in schema["enum"])
        return None if fits else ("", f"must be {_expected(schema)}")
    wanted, kind = schema.get("type"), _kind(value)
    whole = kind == "integer" or (kind == "number" and float(value).is_integer())
    if (
        wanted not in (None, kind)
        and not (wanted == "number" and whole)
        and not (wanted == "integer" and whole)
    ):
        return "", f"must be {_expected(schema)}, not {_WORDS[kind]}"
    if kind == "array":
        return _misfit_of_list(schema, value)
    if kind == "object" and (members := schema.get("additionalProperties")):
        for word, one in value.items():
            if (wrong := _misfit(members, one)) is not None:
                return f".{word}{wrong[0]}", wrong[1]
    return None


def _misfit_of_list(schema: dict[str, Any], value: Any) -> tuple[str, str] | None:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return "", f"must have {schema['minItems']} values, not {len(value)}"
    items = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
    for n, (wanted, one) in enumerate(zip(items, value, strict=False)):
        if (wrong := _misfit(wanted, one)) is not None:
            return f"[{n}]{wrong[0]}", wrong[1]
    return None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, (list, tuple)) else "object"


def _expected(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_expected(one) for one in schema["anyOf"]))
    if "enum" in schema:
        values = ", ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
        return f"one of {values}" if len(values) <= 300 else f"one of {values[:300]}…"
    return _WORDS.get(str(schema.get("type")), "another value")
