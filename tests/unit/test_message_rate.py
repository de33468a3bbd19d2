"""A script may send many messages at once, and only so many in the long run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ska_oso_oet.supervision.message_rate import BURST, MessageRate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_many_may_come_at_once_and_then_each_has_its_time() -> None:
    clock = Clock()
    bucket = MessageRate(10, clock)
    assert bucket.take(int(10 * BURST), 100) == 0
    assert bucket.take(1, 100) == pytest.approx(0.1)
    clock.now += 0.1
    assert bucket.take(5, 100) == pytest.approx(0.5)
    clock.now += 10 * BURST
    assert bucket.take(int(10 * BURST), 100) == 0
    assert bucket.take(1, 100) > 0
    bucket.refill()
    assert bucket.take(int(10 * BURST), 100) == 0


def test_a_long_message_counts_as_several_however_it_comes() -> None:
    bucket = MessageRate(1, Clock())
    assert [bucket.take(0, 4096) for _ in range(int(BURST) + 9)] == [0.0] * (int(BURST) + 9)
    assert bucket.take(1, 4096) == pytest.approx(10)


def test_without_a_limit_nothing_waits() -> None:
    assert MessageRate(None).take(10**9, 10**12) == 0


@given(st.floats(0.1, 1000), st.lists(st.tuples(st.integers(0, 500), st.floats(0, 5)), min_size=1))
def test_who_waits_as_told_never_sends_more_than_the_rate_and_a_burst(
    rate: float, sent: list[tuple[int, float]]
) -> None:
    clock = Clock()
    bucket, total, began = MessageRate(rate, clock), 0, clock.now
    for count, idle in sent:
        clock.now += idle + bucket.take(count, 10 * count)
        total += count
        assert total <= rate * (clock.now - began + BURST) * (1 + 1e-9) + 1e-6
