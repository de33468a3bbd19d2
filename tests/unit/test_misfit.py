"""Only what Python would refuse is refused, and it says what is wrong."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.engine.misfit import misfit, written

Function = Callable[..., Any]


def observe(source: str, duration: float = 3.0, scans: int = 2) -> None: ...
def only_named(*, source: str, dry: bool = False) -> None: ...
def anything(*args: Any, **kwargs: Any) -> None: ...
def positional(a: int, b: int = 1, /, c: int = 2, **kwargs: Any) -> None: ...
def words(a: int, *rest: Any, key: int, other: int = 1) -> None: ...
def nothing() -> None: ...
async def coroutine(a: int, b: int = 1) -> None: ...


FUNCTIONS: list[Function] = [observe, only_named, anything, positional, words, nothing]
NAMES = st.sampled_from(["a", "b", "c", "source", "duration", "scans", "dry", "key", "kwargs", "other"])


def call(args: list[Any], **kwargs: Any) -> dict[str, Any]:
    return {"args": args, "kwargs": kwargs}


@given(st.sampled_from(FUNCTIONS), st.lists(st.just(0), max_size=5), st.dictionaries(NAMES, st.just(0)))
def test_what_python_accepts_and_nothing_else_is_accepted(
    function: Function, args: list[int], kwargs: dict[str, int]
) -> None:
    try:
        function(*args, **kwargs)
    except TypeError:
        accepted = False
    else:
        accepted = True
    assert (misfit(function, call(args, **kwargs)) is None) is accepted


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (call([], source="A", scnas=4), "main has no argument scnas (did you mean scans?)"),
        (call([]), "source is missing"),
        (call([], scans=3), "source is missing"),
        (call(["A", 1, 2, 3]), "main takes 3 arguments without a name, not 4"),
        (call(["A"], source="B"), "main is given source twice"),
        (call([], x=1), "main has no argument x; source is missing"),
    ],
)
def test_it_is_told_what_is_wrong(arguments: dict[str, Any], why: str) -> None:
    assert misfit(observe, arguments) == why


def test_of_a_coroutine_the_arguments_are_known_as_well() -> None:
    assert misfit(coroutine, call([1], c=1)) == "main has no argument c"


@pytest.mark.parametrize(
    "function",
    [functools.partial(observe, "A"), functools.wraps(observe)(anything), type("Main", (), {}), print],
)
def test_other_callables_are_left_to_python(function: Function) -> None:
    assert misfit(function, call([1, 2, 3, 4, 5], x=1)) is None


def test_defaults_that_were_changed_count() -> None:
    changed = types.FunctionType(observe.__code__, {})  # type: ignore[attr-defined]
    assert misfit(changed, call([])) == "source is missing; duration is missing; scans is missing"
    changed.__defaults__ = (1, 2, 3)
    assert misfit(changed, call([])) is None


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (observe, "main(source, duration=…, scans=…)"),
        (only_named, "main(*, source, dry=…)"),
        (anything, "main(*args, **kwargs)"),
        (positional, "main(a, b=…, /, c=…, **kwargs)"),
        (words, "main(a, *rest, key, other=…)"),
        (nothing, "main()"),
    ],
)
def test_a_function_is_written_with_its_parameters(function: types.FunctionType, text: str) -> None:
    assert written(function, "main") == text
