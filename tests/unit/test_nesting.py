"""Limits of JSON values."""

from __future__ import annotations

from ska_oso_oet.domain.masking import MASK, Masked
from ska_oso_oet.domain.nesting import DEEPEST, MOST_VALUES, too_deep, too_many
from ska_oso_oet.domain.scripts import Arguments


def test_the_number_of_values_has_an_end_wherever_they_are() -> None:
    assert not too_many([0] * (MOST_VALUES - 1))
    assert too_many([0] * MOST_VALUES)
    assert too_many({"a": [{str(n): {} for n in range(MOST_VALUES)}]})


def test_depth_has_an_end() -> None:
    value: list[object] = []
    for _ in range(DEEPEST - 2):
        value = [value]
    assert not too_deep(value)
    assert too_deep([[[value]]])


def test_arguments_are_masked_once() -> None:
    arguments = Arguments(kwargs={"password": "x", "n": 1})
    assert arguments.shown == {"args": [], "kwargs": {"password": MASK, "n": 1}}
    assert arguments.shown is arguments.shown
    assert isinstance(arguments.shown, Masked)
