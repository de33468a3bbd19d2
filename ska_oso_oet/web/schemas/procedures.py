"""The shapes of procedures, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    RootModel,
    StrictBool,
    model_validator,
)

from .common import MAX_ID, Outcome, State
from .pace import Checkpoint, DryRun, Estimate, Pause, Progress, Question, Remaining
from .script import Script, ScriptArguments, ShownScript, ShownScriptArguments
from .strict import StrictModel


class CreateBody(StrictModel):
    """A request to load and prepare a script."""

    script: Script
    script_args: ScriptArguments | None = None
    simulate: Annotated[
        StrictBool, Field(description="as a dry run: the library for scripts sends no commands")
    ] = False


class ChangeBody(StrictModel):
    """A request to start or stop a procedure; without ``state`` nothing changes."""

    state: Literal["RUNNING", "STOPPED"] | None = None
    script_args: ScriptArguments | None = None
    abort: StrictBool = False
    force: Annotated[
        StrictBool,
        Field(description="do not wait for the end of a section that is not to be interrupted"),
    ] = False
    stop_abort: Annotated[
        StrictBool,
        Field(description="permit to stop a running abort, which is refused otherwise"),
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _sent_back(cls, given: Any) -> Any:
        """Earlier clients send the whole document that they have read, with another state."""
        if isinstance(given, dict) and {"uri", "script", "history"} <= given.keys():
            only_read = Procedure.model_fields.keys() - cls.model_fields.keys()
            return {name: value for name, value in given.items() if name not in only_read}
        return given


class AbortBody(StrictModel):
    """A request for an abort."""

    restart: Annotated[
        StrictBool, Field(description="restart the subarray afterwards, so that it is EMPTY")
    ] = False


class ProcedurePath(BaseModel):
    procedure_id: int = Field(ge=0, le=MAX_ID, description="id of the procedure")


class History(BaseModel):
    process_states: list[tuple[State, float]]
    stacktrace: str | None


class Procedure(BaseModel):
    """One run of one script."""

    id: int
    uri: str
    script: ShownScript
    script_args: ShownScriptArguments
    history: History
    state: State
    outcome: Outcome | None
    activity_id: int | None
    created_by: str | None
    aborts: Annotated[
        int | None, Field(description="id of the procedure after whose end this one aborts the subarray")
    ] = None
    evicts: Annotated[
        int | None,
        Field(description="id of the READY procedure that was ended to make room for it in the list"),
    ] = None
    rerun_of: Annotated[int | None, Field(description="id of the procedure that it runs once more")] = None
    differs: Annotated[
        list[str], Field(description="of a rerun: what differs from the original, in words")
    ] = []
    script_sha256: Annotated[
        str | None, Field(description="SHA-256 of the script's file as it was loaded; null for git")
    ] = None
    started_by: Annotated[str | None, Field(description="user who started it")]
    created: Annotated[float, Field(description="seconds since 1970, as are the other times")]
    started: Annotated[float | None, Field(description="time of the call of `main`")]
    ended: float | None
    stopped_by: Annotated[str | None, Field(description="user who stopped it")]
    os_pid: Annotated[int | None, Field(description="process id of the script, while it lives")]
    pid: Annotated[int | None, Field(deprecated=True, description="deprecated: the old name of `os_pid`")]
    slowed: Annotated[
        float | None,
        Field(description="since this time its messages are delayed: there were more than OET_MESSAGE_RATE"),
    ] = None
    simulated: Annotated[bool, Field(description="whether it is a dry run, which commands nothing")]
    dry_run: DryRun | None = Field(description="what a dry run would have commanded, so far")
    pause: Pause
    question: Question | None
    progress: Progress | None
    checkpoints: list[Checkpoint] = Field(description="in the order of their first pass, 50 at most")
    estimate: Estimate | None = Field(description="how long `main` takes, if that is known")
    elapsed: Annotated[float | None, Field(description="seconds since `main` was called, or that it took")]
    remaining: Annotated[Remaining | None, Field(description="null unless it is RUNNING")]
    subarray: Annotated[int | None, Field(description="with `all_subarrays`: its subarray")] = None
    position: Annotated[
        int | None, Field(description="with `all_subarrays`: its place in the central history")
    ] = None


class Survivor(BaseModel):
    """A process of a script that SIGKILL could not end."""

    pid: int
    command: str
    state: str = Field(description="in the kernel's words, such as `D (disk sleep)`")


class StoppedAbort(BaseModel):
    """The abort after a stop, at the time of the answer to the stop."""

    procedure: Annotated[int | None, Field(description="null if it could not be created")]
    state: Annotated[State, Field(description="usually RUNNING; its end is in its own procedure")]
    outcome: Annotated[Outcome | None, Field(description="null while it runs")]


class Stopped(BaseModel):
    """Answer to a stop."""

    simulated: Annotated[
        bool, Field(description="true after a dry run, which no abort follows; else absent")
    ] = False

    abort_message: str
    abort_procedure: int | None
    survivors: int
    survivor_processes: list[Survivor]
    abort: Annotated[StoppedAbort | None, Field(description="absent if none was requested")] = None


class Procedures(RootModel[list[Procedure]]):
    """Procedures, the oldest first."""


class Changed(RootModel[Procedure | Stopped]):
    """The procedure, or the answer to a stop."""
