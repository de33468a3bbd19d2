"""Traces the phases of a run, below the request that created it and later the one that started it."""

from __future__ import annotations

from ..domain.procedure import Procedure
from ..domain.states import ProcedureState
from ..telemetry import tracing

#: States in which nothing of the script's is executed; they are no phases.
_UNTRACED = (ProcedureState.CREATING, ProcedureState.IDLE, ProcedureState.READY)


class PhaseTrace:
    """The phases of one procedure, by the times that its supervisor recorded."""

    def __init__(self, procedure: Procedure) -> None:
        self._procedure = procedure
        self._parent = tracing.current()
        self._states = len(procedure.process_states)

    def started(self) -> None:
        """Trace below the current request from now on."""
        self._parent = tracing.current() or self._parent

    def note(self) -> None:
        """Trace the phase that has just ended, if one has."""
        states = self._procedure.process_states
        ended, self._states = len(states) > self._states, len(states)
        if ended and tracing.on():
            (state, began), (_, end) = states[-2:]
            if state not in _UNTRACED:
                tracing.happened(state.value, began, end, self._parent, procedure=self._procedure.id)
