"""Whether a function can be called with some arguments, and if not, what is wrong with them.

Only functions as they are written are judged: of all others (decorated ones, classes, objects) the call
decides. Standard library only; runs under the script's own interpreter.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .script import PlainFailure

_Function = Callable[..., Any]

_MOST_TOLD = 5  #: mistakes in arguments
_LONGEST_NAME = 100  #: characters of a name that are compared
_LONGEST_REASON = 1000  #: characters


class Unsuited(PlainFailure):
    """The function cannot be called with the arguments that were given."""


def misfit(function: _Function, arguments: Mapping[str, Any], name: str = "main") -> str | None:
    """The reason why Python would refuse to call a function like this; none if it may not."""
    if type(function) is not types.FunctionType:
        return None
    wrong = [*mistaken(function, arguments, name), *_missing(function, arguments)]
    return "; ".join(wrong[:_MOST_TOLD]) or None


def mistaken(function: types.FunctionType, arguments: Mapping[str, Any], name: str) -> list[str]:
    """What is wrong with arguments, whatever others are added to them."""
    args, kwargs, code = arguments["args"], arguments["kwargs"], function.__code__
    positional, by_keyword = _names(function)
    count, first_named = code.co_argcount, code.co_posonlyargcount
    wrong = []
    if not code.co_flags & inspect.CO_VARKEYWORDS:
        unknown = [one for one in kwargs if one not in by_keyword]
        free = [one for one in by_keyword if one not in kwargs and one not in positional[: len(args)]]
        wrong += [f"{name} has no argument {one}{meant(one, free)}" for one in unknown]
    if len(args) > count and not code.co_flags & inspect.CO_VARARGS:
        wrong.append(f"{name} takes {count} arguments without a name, not {len(args)}")
    twice = (one for one in positional[first_named : len(args)] if one in kwargs)
    return wrong + [f"{name} is given {one} twice" for one in twice]


def _missing(function: types.FunctionType, arguments: Mapping[str, Any]) -> list[str]:
    positional, by_keyword = _names(function)
    given = {name for name in arguments["kwargs"] if name in by_keyword}
    required = positional[len(arguments["args"]) : len(positional) - len(function.__defaults__ or ())]
    optional = function.__kwdefaults__ or {}
    only = [name for name in by_keyword if name not in positional and name not in optional]
    return [f"{name} is missing" for name in (*required, *only) if name not in given]


def _names(function: types.FunctionType) -> tuple[tuple[str, ...], list[str]]:
    """The names of the parameters that may come without a name, and of those that may come with it."""
    code = function.__code__
    names, count = code.co_varnames, code.co_argcount
    return names[:count], list(names[code.co_posonlyargcount : count + code.co_kwonlyargcount])


def require_suited(function: _Function, arguments: Mapping[str, Any], name: str) -> None:
    """Refuse to call a function with arguments that it cannot take.

    :raises Unsuited: naming the argument, and the one that was probably meant
    """
    if (why := misfit(function, arguments, name)) is not None:
        raise Unsuited(explained(why, function, name))


def require_no_mistake(function: _Function, arguments: Mapping[str, Any], name: str) -> None:
    """The same for arguments to which others may be added later.

    :raises Unsuited: naming the argument, and the one that was probably meant
    """
    if type(function) is types.FunctionType and (wrong := mistaken(function, arguments, name)):
        raise Unsuited(explained("; ".join(wrong[:_MOST_TOLD]), function, name))


def explained(why: str, function: _Function, name: str) -> str:
    """A reason with the parameters that there are."""
    assert isinstance(function, types.FunctionType)
    return f"{why}; its parameters are {written(function, name)}"[:_LONGEST_REASON]


def meant(name: str, known: Collection[str]) -> str:
    """In brackets, the known name that was probably meant; empty if none is like it."""
    import difflib  # for mistakes only

    found = difflib.get_close_matches(name[:_LONGEST_NAME], known, 1)
    return f" (did you mean {found[0]}?)" if found else ""


def written(function: types.FunctionType, name: str) -> str:
    """A function with its parameters; of defaults it only shows that there are some."""
    code = function.__code__
    names, count, only = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    first_default = count - len(function.__defaults__ or ())
    words = [f"{one}=…" if n >= first_default else one for n, one in enumerate(names[:count])]
    if code.co_posonlyargcount:
        words.insert(code.co_posonlyargcount, "/")
    rest = list(names[count + only :])
    if code.co_flags & inspect.CO_VARARGS:
        words.append(f"*{rest.pop(0)}")
    elif only:
        words.append("*")
    optional = function.__kwdefaults__ or {}
    words += [f"{one}=…" if one in optional else one for one in names[count : count + only]]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        words.append(f"**{rest.pop(0)}")
    return f"{name}({', '.join(words)})"
