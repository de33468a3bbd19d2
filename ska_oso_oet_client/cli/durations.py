"""Durations of procedures and activities, for people."""

from __future__ import annotations

import time

from ..model import COMPLETE, RUNNING, Activity, Procedure

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def for_people(seconds: float) -> str:
    """In the largest unit that fits, with two or three digits: ``3.4 s``, ``12 min``."""
    size, name = next((unit for unit in _UNITS if seconds >= unit[0]), _UNITS[-1])
    value = max(0.0, seconds) / size
    return f"{value:.1f} {name}" if value < 9.95 else f"{value:.0f} {name}"


def ago(one: Procedure | Activity) -> str | None:
    """Seconds since the call of ``main``; None before it."""
    return None if one.started is None else f"{for_people(time.time() - one.started)} ago"


def duration(one: Procedure | Activity, now: float | None = None) -> str | None:
    """The phrase after a state: ``RUNNING`` for 12 min, ``COMPLETE`` in 3.4 s.

    It is that of ``main``. None if ``main`` was not called, or just now.
    """
    began = one.started
    if began is None:
        return None
    if one.is_final:
        took = for_people(one.history[-1].time - began)
        return f"in {took}" if one.state == COMPLETE else f"after {took}"
    lasted = (time.time() if now is None else now) - began
    return f"for {for_people(lasted)}" if one.state == RUNNING and lasted >= 1 else None
