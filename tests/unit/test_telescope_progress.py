"""When a command of the telescope is done, by what was heard of it."""

from __future__ import annotations

import json

import pytest

from ska_oso_oet.telescope import progress as module
from ska_oso_oet.telescope.heard import Heard
from ska_oso_oet.telescope.progress import Progress
from ska_oso_oet.telescope.states import ObsState

S = ObsState


class Clock:
    """A monotonic clock that a test moves."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def scanning(heard: Heard) -> Progress:
    return Progress(heard, 0, "id", S.SCANNING, S.READY, S.READY, through=True)


def result(heard: Heard) -> None:
    heard.add("result", ("id", json.dumps([0, "Command Completed"])))


def test_a_scan_whose_result_comes_late_and_before_its_state_is_not_over(clock: Clock) -> None:
    heard = Heard()
    progress = scanning(heard)
    assert not progress.finished(reported=True)
    clock.now += 60
    result(heard)
    assert not progress.finished(reported=True)
    heard.add("state", S.SCANNING)
    assert not progress.finished(reported=True)
    heard.add("state", S.READY)
    assert progress.finished(reported=True)


def test_a_scan_that_nobody_saw_is_over_a_while_after_its_result(clock: Clock) -> None:
    heard = Heard()
    progress = scanning(heard)
    result(heard)
    assert not progress.finished(reported=True)
    clock.now += 6
    assert progress.finished(reported=True)
