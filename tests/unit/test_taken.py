"""Which keyword arguments a function of a script takes beside those somebody has given it."""

from __future__ import annotations

from typing import Any

from ska_oso_oet.execution.script import Taken


def _plain(a: int, b: int = 0, *, c: int = 0) -> None: ...


def _only(a: int, /, b: int = 0) -> None: ...


def _any(a: int = 0, **more: Any) -> None: ...


def _many(*args: Any) -> None: ...


def test_parameters_that_are_filled_by_position_are_not_free() -> None:
    taken = Taken(_plain, [1])
    assert [name for name in "abcd" if taken.any(name)] == ["b", "c"]


def test_a_parameter_for_position_only_takes_no_keyword() -> None:
    assert not Taken(_only, []).any("a")


def test_a_function_with_room_for_any_keyword_takes_any_but_not_by_name() -> None:
    taken = Taken(_any, [])
    assert taken.any("sb_json")
    assert not taken.by_name("context")
    assert taken.by_name("a")


def test_what_is_filled_by_position_is_not_taken_by_room_for_any_keyword() -> None:
    assert not Taken(_any, [1]).any("a")


def test_a_function_without_keywords_or_a_signature_takes_none() -> None:
    assert not Taken(_many, []).any("a")
    assert not Taken(dict.fromkeys, []).by_name("context")
