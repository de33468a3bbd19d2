"""Metrics of the journal, and of the events that are written to it.

A message is written once, even if its sender repeats it after a crash; so no event is counted twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

from ..bus import topics
from ..bus.envelope import Envelope
from ..domain.states import ProcedureState
from ..journal import Journal
from ..telemetry.metrics import catalogue as metrics

LOG = logging.getLogger(__name__)

_READY = ProcedureState.READY.value
_SHORT = frozenset({ProcedureState.CREATING.value, ProcedureState.IDLE.value})  #: between two phases
_FINAL = frozenset({topics.COMPLETE, topics.FAILED, topics.STOPPED})


class MeteredJournal(Journal):
    """Measures the time of each write, and counts the events written."""

    def append(self, envelopes: list[Envelope]) -> None:
        """Write messages, and count them once they are written."""
        began = time.perf_counter()
        super().append(envelopes)
        metrics.WRITE.observe(time.perf_counter() - began)
        count(envelopes)


def count(written: list[Envelope]) -> None:
    """Count messages after they are written."""
    metrics.WRITTEN.add(by=len(written))
    for envelope in written:
        try:
            _count(envelope.topic, envelope.payload)
        except (KeyError, TypeError, ValueError, AttributeError):
            LOG.exception("Cannot count a message on %s", envelope.topic)


def _count(topic: str, payload: dict[str, Any]) -> None:
    if topic == topics.READY:
        _count_phases(payload["result"], prepared=True)
    elif topic in _FINAL:
        _count_end(payload["result"])
    elif topic == topics.ABORT_FAILED:
        metrics.ABORTS_FAILED.add()
    elif topic == topics.WORKER_RESTARTED and payload["worker"] in metrics.WORKERS:
        metrics.RESTARTS.add(payload["worker"])


def _count_end(procedure: dict[str, Any]) -> None:
    metrics.FINISHED.add(procedure["state"], procedure["outcome"]["reason"])
    _count_phases(procedure, prepared=False)


def _count_phases(procedure: dict[str, Any], *, prepared: bool) -> None:
    """Count the phases of a procedure: up to READY if ``prepared``, else those that follow."""
    history = procedure["history"]["process_states"]
    states = [state for state, _ in history]
    begin = states.index(_READY) if _READY in states and not prepared else 0
    for state, seconds in _phases(history[begin:]):
        metrics.PHASE.observe(seconds, state)


def _phases(history: list[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    for (state, began), (_, ended) in zip(history, history[1:], strict=False):
        if state not in _SHORT:
            yield state, max(0.0, ended - began)
