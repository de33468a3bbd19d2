"""A program that reads scripts without running them: takes paths on standard input, writes JSON lines.

A process of its own, since a file can be made that crashes Python's parser, or keeps it busy. Standard
library only.
"""

from __future__ import annotations

import ast
import json
import resource
import sys
from collections.abc import Iterator
from typing import Any

_LARGEST = 2**20  #: bytes of a script that are read
_MEMORY = 2**30  #: bytes that reading may take
_LONGEST = 2**14  #: characters of a docstring, or of a default, that are told

Function = ast.FunctionDef | ast.AsyncFunctionDef


def outline(path: str) -> dict[str, Any]:
    """The description of a script, or the reason why it cannot be read."""
    description: dict[str, Any] = {"docstring": None, "init": None, "main": None, "error": None}
    try:
        with open(path, "rb") as file:
            source = file.read(_LARGEST + 1)
        if len(source) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST // 1024} KiB")
        tree = ast.parse(source)
        description["docstring"] = _docstring(tree)
        for name, found in _bound(tree.body):
            if name in ("init", "main"):
                description[name] = _told(found)
    except SyntaxError as error:
        description["error"] = f"{error.msg} (line {error.lineno})"
    except OSError as error:
        description["error"] = error.strerror or type(error).__name__
    except (ValueError, RecursionError, MemoryError) as error:
        description["error"] = str(error) or type(error).__name__
    return description


def _bound(body: list[ast.stmt]) -> Iterator[tuple[str, Function | None]]:
    """The names that a module binds, in order, and the functions they are, if that can be seen."""
    for statement in body:
        if isinstance(statement, Function):
            yield statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            yield statement.name, None
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name, None) for alias in statement.names)
        else:
            for node in ast.iter_child_nodes(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id, None
            for block in ("body", "handlers", "orelse", "finalbody"):
                for part in getattr(statement, block, ()):
                    yield from _bound(part.body if isinstance(part, ast.ExceptHandler) else [part])


def _told(function: Function | None) -> dict[str, Any]:
    """A function's parameters and docstring; no parameters are told of one that is made elsewhere.

    It is not exact if it is decorated, so that it may take others.
    """
    if function is None:
        return {"parameters": None, "docstring": None, "exact": False}
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    without = len(positional) - len(given.defaults)
    parameters = [
        _parameter(
            one,
            "positional" if n < len(given.posonlyargs) else "any",
            given.defaults[n - without] if n >= without else None,
        )
        for n, one in enumerate(positional)
    ]
    if given.vararg is not None:
        parameters.append(_parameter(given.vararg, "args", None))
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        parameters.append(_parameter(one, "keyword", default))
    if given.kwarg is not None:
        parameters.append(_parameter(given.kwarg, "kwargs", None))
    exact = not function.decorator_list
    return {"parameters": parameters, "docstring": _docstring(function), "exact": exact}


def _parameter(one: ast.arg, kind: str, default: ast.expr | None) -> dict[str, Any]:
    return {
        "name": one.arg,
        "kind": kind,
        "annotation": None if one.annotation is None else ast.unparse(one.annotation)[:_LONGEST],
        "default": None if default is None else ast.unparse(default)[:_LONGEST],
    }


def _docstring(node: ast.Module | Function) -> str | None:
    docstring = ast.get_docstring(node)
    # UTF-8 cannot carry all that a text of Python may hold.
    return None if docstring is None else docstring[:_LONGEST].encode("utf-8", "backslashreplace").decode()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(outline(json.loads(line)))}\n")
        sys.stdout.flush()  # the next one may be the end
