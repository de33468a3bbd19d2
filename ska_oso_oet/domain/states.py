"""The states a procedure passes through, and the one table of allowed changes."""

from __future__ import annotations

import enum


class ProcedureState(str, enum.Enum):
    """The state of a procedure; values are the names on the wire."""

    CREATING = "CREATING"  #: accepted; nothing has been started for it yet
    IDLE = "IDLE"  #: between two steps of its preparation
    PREP_ENV = "PREP_ENV"  #: the script's own environment is being made
    LOADING = "LOADING"  #: the script's module is being imported
    INITIALISING = "INITIALISING"  #: the script's ``init`` is running
    READY = "READY"  #: loaded and waiting to be started
    RUNNING = "RUNNING"  #: the script's ``main`` is running
    COMPLETE = "COMPLETE"  #: ``main`` came to its end
    FAILED = "FAILED"  #: it ended in any other way, without a request
    STOPPED = "STOPPED"  #: it was ended on request

    def __str__(self) -> str:
        return self.value


S = ProcedureState

FINAL = frozenset({S.COMPLETE, S.FAILED, S.STOPPED})
PREPARING = frozenset({S.CREATING, S.IDLE, S.PREP_ENV, S.LOADING, S.INITIALISING})
LIVE = frozenset(S) - FINAL

_FORWARD: dict[ProcedureState, frozenset[ProcedureState]] = {
    S.CREATING: frozenset({S.IDLE}),
    S.IDLE: frozenset({S.PREP_ENV, S.LOADING, S.INITIALISING, S.READY}),
    S.PREP_ENV: frozenset({S.IDLE}),
    S.LOADING: frozenset({S.IDLE}),
    S.INITIALISING: frozenset({S.READY}),
    S.READY: frozenset({S.RUNNING}),
    S.RUNNING: frozenset({S.COMPLETE}),
}

TRANSITIONS: dict[ProcedureState, frozenset[ProcedureState]] = {
    state: (_FORWARD[state] | {S.FAILED, S.STOPPED}) if state in LIVE else frozenset()
    for state in ProcedureState
}
