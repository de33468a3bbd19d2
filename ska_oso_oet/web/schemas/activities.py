"""The shapes of activities and of the operator's switch in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel, StrictBool, StrictInt, WithJsonSchema, field_validator

from ...domain.scheduling import SBD_ID, checked_sbd_id
from .common import MAX_ID, Outcome
from .pace import Pause, Progress, Remaining
from .procedures import Stopped
from .script import CreateEnv, ScriptArguments, ShownScriptArguments, checked
from .strict import StrictModel

State = Literal["REQUESTED", "PREPARED", "RUNNING", "COMPLETE", "FAILED", "STOPPED"]

_SBD_ID: dict[str, Any] = {"type": "string", "pattern": SBD_ID, "maxLength": 200}


class RunBody(StrictModel):
    """A request for an activity of a scheduling block."""

    activity_name: str = Field(min_length=1, max_length=200)
    sbd_id: Annotated[str, WithJsonSchema(_SBD_ID)]
    sbd_version: Annotated[StrictInt, Field(ge=1, le=MAX_ID)] | None = Field(
        None, description="version of the scheduling block; the newest if left out"
    )
    prepare_only: StrictBool = Field(False, description="do not start the procedure")
    create_env: CreateEnv = Field(
        False,
        description="of a script in git: run it in an environment with its project's dependencies; "
        "`fresh` builds a new one even if there is one",
    )
    simulate: StrictBool = Field(
        False, description="as a dry run: no commands are sent, and the archive gets no instance"
    )
    script_args: ScriptArguments | None = Field(
        None,
        description="arguments that take precedence over those of the scheduling block, keyword by keyword",
    )

    @field_validator("sbd_id")
    @classmethod
    def _possible(cls, sbd_id: str) -> str:
        return checked(checked_sbd_id, sbd_id)


class ActivityChangeBody(StrictModel):
    """A request to stop an activity; without ``state`` nothing changes."""

    state: Literal["STOPPED"] | None = None
    abort: StrictBool = False


class ActivityPath(BaseModel):
    activity_id: int = Field(ge=0, le=MAX_ID, description="id of the activity")


class ExecutionBlock(BaseModel):
    """An execution block of an activity."""

    eb_id: str
    status: str | None = Field(description="`Created`, `Observed` or `Failed`; null until the archive has it")


class Activity(BaseModel):
    """One execution of an activity of a scheduling block."""

    id: int
    uri: str
    activity_name: str
    sbd_id: str
    sbd_version: int | None
    sbi_id: str
    procedure_id: int
    prepare_only: bool
    create_env: CreateEnv
    script_args: ShownScriptArguments
    activity_states: list[tuple[State, float]]
    state: State
    outcome: Outcome | None
    created_by: str | None
    sbi_status: str | None = Field(description="status of the instance in the archive")
    script_uri: str | None = Field(description="null if an earlier release did not record it")
    started_by: str | None = Field(description="user who started its procedure")
    rerun_of: int | None = Field(description="id of the activity that it carries out once more")
    execution_blocks: list[ExecutionBlock] = Field(description="in the order in which they were begun")
    created: float = Field(description="seconds since 1970, as are the other times")
    started: float | None = Field(description="time of the call of `main`")
    ended: float | None
    stopped_by: str | None = Field(description="user who stopped it")
    simulated: bool = Field(False, description="whether it is a dry run")
    pause: Pause | None = Field(description="that of its procedure while it runs, as are the next three")
    progress: Progress | None
    elapsed: float | None
    remaining: Remaining | None


class Activities(RootModel[list[Activity]]):
    """Activities, the oldest first."""


class ActivityChanged(RootModel[Activity | Stopped]):
    """The activity, or the answer to a stop."""


class SwitchBody(StrictModel):
    """The operator's decision about waiting for QA."""

    action: Literal["enable", "disable", "override"]


class Override(BaseModel):
    """The progress of an override."""

    state: Literal["requested", "delivered", "acknowledged"]
    procedure_id: int
    time: float
    by: str | None = Field(None, description="user who requested it")


class Switch(BaseModel):
    """Whether scripts wait for QA before a scan, and the override of one wait."""

    wait_for_qa_ready: bool
    override: Override | None
    set_by: str | None = Field(description="user who set it last")
    set_at: float | None = Field(description="time of that; null if it is the value of the settings")
