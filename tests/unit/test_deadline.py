"""A request has the time that was left when it arrived, though the clock is set."""

from __future__ import annotations

import time

import pytest

from ska_oso_oet.bus.deadline import Deadline
from ska_oso_oet.bus.envelope import Envelope


def _request(expires: float | None) -> Envelope:
    return Envelope(topic="request.procedure.stop", msg_src="x", time=0.0, payload={}, expires=expires)


@pytest.mark.parametrize("jump", [-86400.0, 0.0, 86400.0])
def test_the_time_left_is_counted_from_the_arrival(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    clock = time.time
    waiting, late, endless = (Deadline(_request(at)) for at in (clock() + 60, clock() - 1, None))
    monkeypatch.setattr(time, "time", lambda: clock() + jump)
    assert (waiting.passed, late.passed, endless.passed) == (False, True, False)
