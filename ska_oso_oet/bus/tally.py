"""Counts what happens, by the messages that tell it, as they are written to the journal.

Each message is written once, whoever is killed and repeats it; so nothing is counted twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from ..domain.states import FINAL, ProcedureState
from ..metrics import catalogue as metrics
from .envelope import Envelope

LOG = logging.getLogger(__name__)

_READY = ProcedureState.READY.value
_SHORT = frozenset({ProcedureState.CREATING.value, ProcedureState.IDLE.value})  #: between two phases
_FINAL = frozenset(f"procedure.lifecycle.{state.value.lower()}" for state in FINAL)


def count(written: list[Envelope]) -> None:
    """Count messages that have just been written."""
    metrics.WRITTEN.add(by=len(written))
    for envelope in written:
        try:
            _count(envelope.topic, envelope.payload)
        except (KeyError, TypeError, ValueError, AttributeError):
            LOG.exception("A message on %s cannot be counted", envelope.topic)


def _count(topic: str, payload: dict[str, Any]) -> None:
    if topic == "procedure.lifecycle.ready":
        _count_phases(payload["result"], prepared=True)
    elif topic in _FINAL:
        _count_end(payload["result"])
    elif topic == "procedure.abort.failed":
        metrics.ABORTS_FAILED.add()
    elif topic == "worker.restarted" and payload["worker"] in metrics.WORKERS:
        metrics.RESTARTS.add(payload["worker"])


def _count_end(procedure: dict[str, Any]) -> None:
    metrics.FINISHED.add(procedure["state"], procedure["outcome"]["reason"])
    _count_phases(procedure, prepared=False)


def _count_phases(procedure: dict[str, Any], *, prepared: bool) -> None:
    """Count the phases of preparation, of a procedure that is READY, or else those left at its end."""
    history = procedure["history"]["process_states"]
    states = [state for state, _ in history]
    begin = states.index(_READY) if _READY in states and not prepared else 0
    for state, seconds in _phases(history[begin:]):
        metrics.PHASE.observe(seconds, state)


def _phases(history: list[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    for (state, began), (_, ended) in zip(history, history[1:], strict=False):
        if state not in _SHORT:
            yield state, max(0.0, ended - began)
