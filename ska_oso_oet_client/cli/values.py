"""Script arguments as they are typed: JSON, else a Python literal, else text."""

from __future__ import annotations

import ast
import json
import warnings
from typing import Any

import click


def read_value(text: str) -> Any:
    """The value that ``text`` looks like, as JSON can carry it to the script.

    So ``false``, ``False``, ``12``, ``[1, 2]``, ``null`` and ``'bob'`` are values, and everything
    else, such as ``12 Jan`` or ``{1, 2}``, is text.
    """
    for read in (_from_json, _from_python):
        try:
            # Through JSON, a tuple becomes the list that the script will get.
            return json.loads(json.dumps(read(text), allow_nan=False))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def read_json(text: str) -> Any:
    """``text`` as JSON; raises ValueError for anything else, such as NaN."""
    try:
        found = _from_json(text)
        json.dumps(found, allow_nan=False)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return found


def _from_json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _from_python(text: str) -> Any:
    with warnings.catch_warnings():
        # About escapes such as '\d': the user is typing an argument, not a program.
        warnings.simplefilter("ignore")
        return ast.literal_eval(text)


def json_object(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    try:
        found = read_json(value)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise click.BadParameter("needs a JSON object, such as '{\"name\": 1}'", context, option)
    return found
