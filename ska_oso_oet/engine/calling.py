"""Calls of ``init`` and ``main``: their arguments, and the check that they have run at all.

Standard library only; runs under the script's own interpreter.
"""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import inspect
import sys
import types
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from .script import PlainFailure

T = TypeVar("T")
_Function = Callable[..., Any]


class NotCalled(PlainFailure):
    """Calling the function would run nothing of it, or has run nothing."""


class Taken:
    """Which keyword arguments a function takes beside positional ones.

    :param count: how many positional arguments it is called with
    """

    def __init__(self, function: _Function, count: int) -> None:
        self._bound: set[str] = set()
        while isinstance(function, functools.partial):
            self._bound |= function.keywords.keys()
            count += len(function.args)
            function = function.func
        self._layers = [_Layer(function, count)]
        while (function := getattr(function, "__wrapped__", None)) is not None:  # type: ignore[assignment]
            if len(self._layers) == _DEEPEST:
                break
            self._layers.append(_Layer(function, count))

    def names(self, name: str) -> bool:
        """Whether its own signature has a parameter of this name that is still free."""
        return name not in self._bound and name in self._layers[0].free

    def accepts(self, name: str) -> bool:
        """Whether a keyword argument of this name is accepted, also by the functions it wraps."""
        if name in self._bound:
            return False
        for layer in self._layers:
            if name in layer.free:
                return True
            if name in layer.filled or not layer.takes_any:
                return False
        return True


_DEEPEST = 20  #: layers of decorators that are looked at


class _Layer:
    """The signature of a function, or of one that it wraps."""

    def __init__(self, function: _Function, count: int) -> None:
        parameters = _parameters(function)
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        by_keyword = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
        self.filled = {p.name for p in positional[:count]}
        self.free = by_keyword - self.filled
        self.takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)


def _parameters(function: _Function) -> list[inspect.Parameter]:
    for follow in (
        False,
        True,
    ):  # wrappers in C, such as functools.cache, have the signature of the wrapped function
        with contextlib.suppress(TypeError, ValueError):
            return list(inspect.signature(function, follow_wrapped=follow).parameters.values())
    return []


def arguments_of(
    function: _Function,
    asked: Mapping[str, Any],
    *,
    named: Mapping[str, Any],
    welcome: Mapping[str, Any],
    dispensable: Collection[str],
) -> dict[str, Any]:
    """The arguments a function is called with, ``{"args": [...], "kwargs": {...}}``.

    :param asked: those of the request, in the same form; they go before all others
    :param named: added if the function's signature has these names
    :param welcome: added if it accepts them, by name or as further keywords
    :param dispensable: names of given arguments that are left out if it does not accept them
    """
    args, given = list(asked["args"]), asked["kwargs"]
    taken = Taken(function, len(args))
    added = {name: value for name, value in named.items() if taken.names(name)}
    added |= {name: value for name, value in welcome.items() if taken.accepts(name)}
    kept = {name: value for name, value in given.items() if name not in dispensable or taken.accepts(name)}
    return {"args": args, "kwargs": {**added, **kept}}


def arguments_of_init(init: Any, spec: dict[str, Any]) -> dict[str, Any]:
    """The arguments of ``init``, by the spec of the run."""
    # The command line adds the subarray's id to every init, also to those that do not want it.
    usual = ["subarray_id"] if spec["init"]["kwargs"].get("subarray_id") == spec["subarray_id"] else []
    return arguments_of(
        init,
        spec["init"],
        named={"subarray_id": spec["subarray_id"]},
        welcome={},
        dispensable=[*spec["dispensable"], *usual],
    )


def arguments_of_main(
    main: Any, asked: dict[str, Any], spec: dict[str, Any], context: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of ``main``, by those of its start.

    :param context: the argument of that name, if it has one
    """
    return arguments_of(
        main,
        asked,
        named={"subarray_id": spec["subarray_id"]},
        welcome={"context": context},
        dispensable=spec["dispensable"],
    )


def require_callable(function: _Function, name: str) -> None:
    """Refuse functions that run nothing when they are called.

    :raises NotCalled: for a generator function
    """
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not inspect.isroutine(inner) and not inspect.isclass(inner):
        inner = type(inner).__call__
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise NotCalled(
            f"{name}() is a generator, and calling it would run nothing of it; make it a function without "
            "yield, or a coroutine (async def)"
        )


def call(function: _Function, name: str, arguments: Mapping[str, Any]) -> Any:
    """Call a function of the script, and run the coroutine that it is; returns its result.

    :raises NotCalled: if it returns something that has not run
    """
    result = function(*arguments["args"], **arguments["kwargs"])
    while isinstance(result, collections.abc.Coroutine):
        import asyncio

        result = asyncio.run(_awaited(result))
    futures = sys.modules.get("concurrent.futures")
    if futures is not None and isinstance(result, futures.Future):
        result = result.result()  # work of a pool; its exception is raised here
    if (what := _not_run(result)) is not None:
        raise NotCalled(f"{name}() returned {what}, of which nothing has run; make it work when it is called")
    return result


async def _awaited(coroutine: collections.abc.Coroutine[Any, Any, T]) -> T:
    return await coroutine


def _not_run(result: Any) -> str | None:
    """The name of a result that has yet to run; none if there is nothing left to run."""
    for types_of_it, name in _NOT_RUN.items():
        if isinstance(result, types_of_it):
            return name
    if type(result).__module__ == "itertools":
        return "an iterator"
    if hasattr(type(result), "__await__"):
        return None if getattr(result, "done", bool)() else "an awaitable"
    return None


_NOT_RUN: dict[tuple[type, ...], str] = {
    (types.GeneratorType, types.AsyncGeneratorType): "a generator",
    (
        contextlib._GeneratorContextManager,  # noqa: SLF001  made by decorators that have no other name
        contextlib._AsyncGeneratorContextManager,  # noqa: SLF001
    ): "a context manager",
    (map, filter, zip): "an iterator",
    (types.FunctionType, types.MethodType, functools.partial): "a function",
}
