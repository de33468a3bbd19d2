"""A procedure: one run of one script, as the fold of its events."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from . import events
from .errors import Conflict
from .listing import summary
from .origin import Origin
from .outcome import Outcome
from .pace import Pace
from .scripts import Arguments, Script, script_read_back
from .states import FINAL, TRANSITIONS, ProcedureState

E = TypeVar("E", bound=events.Event)

_FINAL_EVENTS: dict[ProcedureState, type[events.Completed | events.Failed | events.Stopped]] = {
    ProcedureState.COMPLETE: events.Completed,
    ProcedureState.FAILED: events.Failed,
    ProcedureState.STOPPED: events.Stopped,
}


@dataclasses.dataclass
class Procedure:
    """One procedure. Every change goes through :meth:`apply`, live and on replay alike.

    ``aborts`` is the procedure after whose end this one aborts the subarray, ``evicts`` one ended for it.
    """

    id: int
    script: Script
    init: Arguments
    main: Arguments
    process_states: list[tuple[ProcedureState, float]]
    created_by: str | None = None
    started_by: str | None = None
    activity_id: int | None = None
    aborts: int | None = None
    evicts: int | None = None
    pid: int | None = None  #: the OS process id of the script
    stages: list[tuple[str, float]] = dataclasses.field(default_factory=list)
    stacktrace: str | None = None
    outcome: Outcome | None = None
    slowed: float | None = None  #: the time since which sending a message makes it wait
    pace: Pace = dataclasses.field(default_factory=Pace)
    origin: Origin = Origin()

    @property
    def state(self) -> ProcedureState:
        """The current state."""
        return self.process_states[-1][0]

    @property
    def final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.state in FINAL

    # -- decisions; each returns its events, already applied ----------------------------------------

    @classmethod
    def create(
        cls,
        pid: int,
        script: Script,
        init: Arguments,
        at: float,
        created_by: str | None,
        *,
        main: Arguments = Arguments(),  # noqa: B008  immutable
        activity_id: int | None = None,
        aborts: int | None = None,
        evicts: int | None = None,
        origin: Origin = Origin(),  # noqa: B008  immutable
    ) -> tuple[Procedure, events.Created]:
        """Bring a procedure into being, CREATING."""
        procedure = cls(
            id=pid,
            script=script,
            init=init,
            main=main,
            process_states=[(ProcedureState.CREATING, at)],
            created_by=created_by,
            activity_id=activity_id,
            aborts=aborts,
            evicts=evicts,
            origin=origin,
        )
        return procedure, events.Created(time=at, result=procedure.to_dict())

    def change(self, new_state: ProcedureState, at: float) -> events.StateChanged:
        """Go to another state.

        :raises Conflict: if the transition table has no such change
        """
        if new_state not in TRANSITIONS[self.state]:
            raise Conflict(f"procedure {self.id} cannot go from {self.state} to {new_state}")
        return self.happened(
            events.StateChanged(time=at, pid=self.id, old_state=self.state.value, new_state=new_state.value)
        )

    def resolve(self, at: float, commit: str, branch: str | None) -> events.Resolved:
        """It is known which commit runs, and of which branch."""
        return self.happened(
            events.Resolved(time=at, pid=self.id, resolved_commit=commit, resolved_branch=branch)
        )

    def call_init(self, at: float, init: Arguments) -> events.Initialising:
        """``init`` is being called with these arguments, and not quite those that were asked for."""
        return self.happened(events.Initialising(time=at, pid=self.id, init=init.to_dict()))

    def slow_down(self, at: float, rate: float) -> events.Slowed:
        """It sends more messages per second than this, and has to wait."""
        return self.happened(events.Slowed(time=at, pid=self.id, rate=rate))

    def ready(self, at: float, os_pid: int) -> list[events.Event]:
        """The script is loaded and waits in OS process ``os_pid``."""
        changed = self.change(ProcedureState.READY, at)
        result = self.to_dict() | {"pid": os_pid, "os_pid": os_pid}
        return [changed, self.happened(events.Ready(time=at, result=result))]

    def start(self, at: float, main: Arguments, by: str | None = None) -> list[events.Event]:
        """``main`` is being called with these arguments."""
        changed = self.change(ProcedureState.RUNNING, at)
        result = self.to_dict() | {"started_by": by}
        result["script_args"]["main"] = main.to_dict()
        return [changed, self.happened(events.Started(time=at, result=result))]

    def stopping(self, at: float, stage: str) -> events.Stopping:
        """A stop reached a stage."""
        return self.happened(events.Stopping(time=at, pid=self.id, stage=stage))

    def finish(
        self, state: ProcedureState, at: float, outcome: Outcome, stacktrace: str | None = None
    ) -> list[events.Event]:
        """Come to an end, once."""
        happened: list[events.Event] = [self.change(state, at)]
        if stacktrace:
            happened.append(self.happened(events.Stacktrace(time=at, pid=self.id, stacktrace=stacktrace)))
        whole = dataclasses.replace(outcome, stages=tuple(self.stages))
        ended = {"outcome": whole.to_dict(), "stopped_by": whole.by, "os_pid": None, "pid": None}
        result = self.to_dict() | ended | self.pace.at_end().to_dict()
        happened.append(self.happened(_FINAL_EVENTS[state](time=at, result=result)))
        return happened

    def happened(self, event: E) -> E:
        """Take an event into account that happens now."""
        self.apply(event)
        return event

    # -- the fold ----------------------------------------------------------------------------------

    def apply(self, event: events.Event) -> None:
        """Take one event into account, whether it happens now or happened long ago."""
        match event:
            case events.StateChanged(new_state=new_state, time=at):
                self.process_states.append((ProcedureState(new_state), at))
            case events.Resolved(resolved_commit=commit, resolved_branch=branch):
                self.script = self.script.resolved(commit, branch)
                self.origin = self.origin.resolved(commit)
            case events.Initialising(init=init):
                self.init = Arguments.from_dict(init)
            case events.Slowed(time=at):
                self.slowed = at
            case events.Ready(result=result):
                self.pid = result["pid"]
                self.origin = Origin.from_dict(result)
            case events.Started(result=result):
                self.main = Arguments.from_dict(result["script_args"]["main"])
                self.started_by = result.get("started_by")
            case events.Stopping(stage=stage, time=at):
                self.stages.append((stage, at))
            case events.Stacktrace(stacktrace=stacktrace):
                self.stacktrace = stacktrace
            case events.Completed() | events.Failed() | events.Stopped():
                self.outcome = Outcome.from_dict(event.result["outcome"])
                self.pace = Pace.from_dict(event.result)
                self.origin = Origin.from_dict(event.result)
                self.pid = None
            case _:
                self.pace = self.pace.after(event)

    @classmethod
    def replay(cls, happened: list[events.Event]) -> Procedure:
        """Rebuild a procedure from its events.

        :raises ValueError: if the first of them is not its creation
        """
        if not happened or not isinstance(happened[0], events.Created):
            raise ValueError("the history of a procedure begins with its creation")
        procedure = cls.from_dict(happened[0].result)
        for later in happened[1:]:
            procedure.apply(later)
        return procedure

    # -- the JSON form -----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, without ``uri``, which depends on who asks."""
        return _document(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Procedure:
        """Read the JSON form back."""
        outcome = data.get("outcome")
        return cls(
            id=data["id"],
            script=script_read_back(data["script"]),
            init=Arguments.from_dict(data["script_args"]["init"]),
            main=Arguments.from_dict(data["script_args"]["main"]),
            process_states=[(ProcedureState(s), at) for s, at in data["history"]["process_states"]],
            created_by=data.get("created_by"),
            started_by=data.get("started_by"),
            activity_id=data.get("activity_id"),
            aborts=data.get("aborts"),
            evicts=data.get("evicts"),
            pid=data.get("pid"),
            slowed=data.get("slowed"),
            pace=Pace.from_dict(data),
            origin=Origin.from_dict(data),
            stacktrace=data["history"].get("stacktrace"),
            outcome=Outcome.from_dict(outcome) if outcome else None,
            stages=[(s, at) for s, at in (outcome or {}).get("stages", ())],
        )


def _document(procedure: Procedure) -> dict[str, Any]:
    states = [(state.value, at) for state, at in procedure.process_states]
    outcome = procedure.outcome.to_dict() if procedure.outcome else None
    return {
        "id": procedure.id,
        "script": procedure.script.to_dict(),
        "script_args": {"init": procedure.init.shown, "main": procedure.main.shown},
        "history": {"process_states": [list(state) for state in states], "stacktrace": procedure.stacktrace},
        "state": procedure.state.value,
        "outcome": outcome,
        "activity_id": procedure.activity_id,
        "created_by": procedure.created_by,
        "aborts": procedure.aborts,
        "evicts": procedure.evicts,
        "slowed": procedure.slowed,
        "started_by": procedure.started_by,
        **procedure.pace.to_dict(),
        **procedure.origin.to_dict(),
        **summary(states, outcome),
        "os_pid": procedure.pid,
        "pid": procedure.pid,  # as it was called before
    }
