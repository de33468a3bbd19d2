"""Nothing is given to a script's function twice, and nothing uninvited."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from ska_oso_oet.engine.calling import arguments_of

Function = Callable[..., Any]


def forwards(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def supplies_the_subarray(function: Function) -> Function:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, subarray_id=7, **kwargs)

    return wrapper


def nothing() -> None: ...
def named(subarray_id: int, context: Any = None) -> None: ...
def keyword_only(*, subarray_id: int, context: Any) -> None: ...
def anything(*args: Any, **kwargs: Any) -> None: ...
def first_of_two(subarray_id: int, scans: int = 1) -> None: ...
def positional(subarray_id: int, /, **kwargs: Any) -> None: ...
def bound(subarray_id: int, sb_json: str = "", *args: Any, **kwargs: Any) -> None: ...


class Observer:
    def run(self, subarray_id: int) -> None: ...
    def __call__(self, context: dict[str, Any]) -> None: ...


CASES: list[tuple[Function, list[Any], set[str]]] = [
    (nothing, [], set()),
    (named, [], {"subarray_id", "context"}),
    (named, [3], {"context"}),
    (keyword_only, [], {"subarray_id", "context"}),
    (anything, [], {"context"}),
    (anything, [1, 2], {"context"}),
    (first_of_two, [3], set()),
    (positional, [], {"context"}),
    (functools.partial(named, 3), [], {"context"}),
    (functools.partial(named, subarray_id=3), [], {"context"}),
    (functools.partial(functools.partial(bound, 3), "file"), [], {"context"}),
    (functools.partial(named, 3), [None], set()),
    (forwards(nothing), [], set()),
    (forwards(named), [], {"context"}),
    (supplies_the_subarray(anything), [], {"context"}),
    (supplies_the_subarray(named), [], {"context"}),
    (Observer().run, [], {"subarray_id"}),
    (Observer(), [], {"context"}),
    (functools.lru_cache(named), [], {"subarray_id", "context"}),
    (print, [], set()),
    (dict, [], set()),
]


@pytest.mark.parametrize("function, args, added", CASES)
def test_an_argument_is_added_where_it_is_invited(
    function: Function, args: list[Any], added: set[str]
) -> None:
    found = arguments_of(
        function,
        {"args": args, "kwargs": {}},
        named={"subarray_id": 1},
        welcome={"context": {}},
        dispensable=[],
    )
    assert found == {
        "args": args,
        "kwargs": {k: {"subarray_id": 1, "context": {}}[k] for k in found["kwargs"]},
    }
    assert found["kwargs"].keys() == added


def test_what_somebody_has_given_goes_before_what_would_be_added() -> None:
    asked = {"args": [], "kwargs": {"subarray_id": 5, "context": "mine", "odd": 1}}
    found = arguments_of(
        anything, asked, named={"subarray_id": 1}, welcome={"context": {}}, dispensable=["subarray_id"]
    )
    assert found == asked


@pytest.mark.parametrize("function", [nothing, forwards(nothing), functools.partial(bound, 3, "file"), print])
def test_what_can_be_dispensed_with_is_left_out_where_it_has_no_place(function: Function) -> None:
    asked = {"args": [], "kwargs": {"subarray_id": 1, "sb_json": "file"}}
    dispensable = ["subarray_id", "sb_json"]
    found = arguments_of(function, asked, named={}, welcome={}, dispensable=dispensable)
    assert found == {"args": [], "kwargs": {}}


def test_what_cannot_be_dispensed_with_is_given_whatever_becomes_of_it() -> None:
    asked = {"args": [], "kwargs": {"scans": 3}}
    assert arguments_of(nothing, asked, named={}, welcome={}, dispensable=[]) == asked
