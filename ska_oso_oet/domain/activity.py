"""An activity: one activity of a scheduling block being carried out; it follows its procedure."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Literal

from .listing import completed, summary
from .outcome import Outcome, Reason
from .scripts import Arguments, CreateEnv
from .states import ProcedureState

#: Keyword arguments of ``main`` that every activity gives to a script that takes them.
GIVEN = ("sb_json", "sbi_id")


class ActivityState(str, enum.Enum):
    """The state of an activity; values are the names on the wire."""

    REQUESTED = "REQUESTED"  #: its procedure exists and is being prepared
    PREPARED = "PREPARED"  #: its procedure is READY
    RUNNING = "RUNNING"  #: its procedure is RUNNING
    COMPLETE = "COMPLETE"  #: its procedure came to its end
    FAILED = "FAILED"  #: its procedure failed, or could not be started
    STOPPED = "STOPPED"  #: its procedure was stopped

    def __str__(self) -> str:
        return self.value


A = ActivityState

FINAL = frozenset({A.COMPLETE, A.FAILED, A.STOPPED})
LIVE = frozenset(A) - FINAL

TRANSITIONS: dict[ActivityState, frozenset[ActivityState]] = {
    A.REQUESTED: frozenset({A.PREPARED, A.FAILED, A.STOPPED}),
    A.PREPARED: frozenset({A.RUNNING, A.FAILED, A.STOPPED}),
    A.RUNNING: frozenset({A.COMPLETE, A.FAILED, A.STOPPED}),
    **{state: frozenset() for state in FINAL},
}

#: The state of an activity, by the state of its procedure.
_MEANING = {
    ProcedureState.READY.value: A.PREPARED,
    ProcedureState.RUNNING.value: A.RUNNING,
    ProcedureState.COMPLETE.value: A.COMPLETE,
    ProcedureState.FAILED.value: A.FAILED,
    ProcedureState.STOPPED.value: A.STOPPED,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateChanged:
    """An activity went from one state to another."""

    old_state: ActivityState
    new_state: ActivityState
    time: float  #: seconds since the epoch


@dataclasses.dataclass
class Activity:
    """One activity; :meth:`change` is the one place where its state changes."""

    id: int
    activity_name: str
    sbd_id: str
    sbd_version: int | None
    sbi_id: str
    procedure_id: int
    init: Arguments
    main: Arguments
    activity_states: list[tuple[ActivityState, float]]
    prepare_only: bool = False
    create_env: CreateEnv = False
    created_by: str | None = None
    started_by: str | None = None
    simulated: bool = False  #: whether it is a dry run, of which the archive hears nothing
    rerun_of: int | None = None  #: the activity that it carries out once more
    script_uri: str | None = None  #: none in documents of earlier releases
    outcome: Outcome | None = None
    sbi_status: str | None = None  #: the last status of the SBInstance that the archive has
    #: The last status that the archive has of each execution block, by its id; None until it has one.
    execution_blocks: dict[str, str | None] = dataclasses.field(default_factory=dict)

    @property
    def state(self) -> ActivityState:
        """The current state."""
        return self.activity_states[-1][0]

    @property
    def final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.state in FINAL

    @property
    def ran(self) -> bool:
        """Whether its script was started."""
        return any(state is A.RUNNING for state, _ in self.activity_states)

    @property
    def due_sbi_status(self) -> Literal["Executing", "Observed", "Failed"] | None:
        """The status of the SBInstance that the archive should have now; none if it has no such instance."""
        if self.simulated:
            return None
        if self.final:
            return "Observed" if self.state is A.COMPLETE else "Failed"
        return "Executing" if self.state is A.RUNNING else None

    def change(self, new_state: ActivityState, at: float, outcome: Outcome | None = None) -> StateChanged:
        """Go to another state.

        :raises ValueError: if the transition table has no such change
        """
        old = self.state
        if new_state not in TRANSITIONS[old]:
            raise ValueError(f"activity {self.id} cannot go from {old} to {new_state}")
        self.activity_states.append((new_state, at))
        self.outcome = outcome
        return StateChanged(old_state=old, new_state=new_state, time=at)

    def follow(self, procedure: dict[str, Any]) -> list[StateChanged]:
        """Follow the procedure through all its states; repeating this changes nothing.

        :param procedure: its document
        """
        changes = []
        self.started_by = procedure.get("started_by")
        outcome = procedure["outcome"] and Outcome.from_dict(procedure["outcome"])
        reached = {state for state, _ in self.activity_states}
        for name, at in procedure["history"]["process_states"]:
            meant = _MEANING.get(name)
            if meant is None or meant in reached or meant not in TRANSITIONS[self.state]:
                continue
            changes.append(self.change(meant, at, outcome if meant in FINAL else None))
        return changes

    def fail(self, at: float, detail: str) -> StateChanged:
        """It cannot go on though its procedure has not failed."""
        return self.change(A.FAILED, at, Outcome(reason=Reason.NOT_STARTED, detail=detail))

    # -- the JSON form -----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, without ``uri``, which depends on who asks."""
        states = [(state.value, at) for state, at in self.activity_states]
        outcome = self.outcome.to_dict() if self.outcome else None
        return {
            "id": self.id,
            "activity_name": self.activity_name,
            "sbd_id": self.sbd_id,
            "sbd_version": self.sbd_version,
            "sbi_id": self.sbi_id,
            "procedure_id": self.procedure_id,
            "prepare_only": self.prepare_only,
            "create_env": self.create_env,
            "script_args": {"init": self.init.shown, "main": self.main.shown},
            "activity_states": [list(state) for state in states],
            "state": self.state.value,
            "outcome": outcome,
            "created_by": self.created_by,
            "sbi_status": self.sbi_status,
            "script_uri": self.script_uri,
            "started_by": self.started_by,
            "rerun_of": self.rerun_of,
            "simulated": self.simulated,
            "execution_blocks": [
                {"eb_id": eb_id, "status": status} for eb_id, status in self.execution_blocks.items()
            ],
            **summary(states, outcome),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Activity:
        """Read the JSON form back."""
        plain = ("id", "activity_name", "sbd_id", "sbd_version", "sbi_id", "procedure_id")
        optional = (
            "prepare_only",
            "create_env",
            "created_by",
            "started_by",
            "script_uri",
            "sbi_status",
            "rerun_of",
            "simulated",
        )
        return cls(
            **{name: data[name] for name in plain},
            **{name: data[name] for name in optional if name in data},
            init=Arguments.from_dict(data["script_args"]["init"]),
            main=Arguments.from_dict(data["script_args"]["main"]),
            activity_states=[(ActivityState(state), at) for state, at in data["activity_states"]],
            outcome=Outcome.from_dict(data["outcome"]) if data["outcome"] else None,
            execution_blocks={one["eb_id"]: one["status"] for one in data.get("execution_blocks", ())},
        )


def whole(document: dict[str, Any]) -> dict[str, Any]:
    """A document of whatever release as this one writes them."""
    known = summary(document["activity_states"], document["outcome"])
    return completed(document, script_uri=None, started_by=None, rerun_of=None, execution_blocks=[], **known)
