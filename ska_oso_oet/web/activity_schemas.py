"""The shapes of activities and of the operator's switch in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel, StrictBool, WithJsonSchema, field_validator

from ..domain.scheduling import SBD_ID, checked_sbd_id
from .schemas import MAX_ID, Outcome, Stopped
from .script_schemas import CreateEnv, ScriptArguments, ShownScriptArguments, checked
from .strict import Asked

State = Literal["REQUESTED", "PREPARED", "RUNNING", "COMPLETE", "FAILED", "STOPPED"]

_SBD_ID: dict[str, Any] = {"type": "string", "pattern": SBD_ID, "maxLength": 200}


class RunBody(Asked):
    """Ask for an activity of a scheduling block to be carried out."""

    activity_name: str = Field(min_length=1, max_length=200)
    sbd_id: Annotated[str, WithJsonSchema(_SBD_ID)]
    prepare_only: StrictBool = Field(False, description="leave the start to a start of the procedure")
    create_env: CreateEnv = Field(
        False,
        description="of a script in git: run it in an environment with its project's dependencies; "
        "`fresh` makes it anew though there is one",
    )
    script_args: ScriptArguments | None = Field(
        None, description="arguments that go before those of the scheduling block, keyword by keyword"
    )

    @field_validator("sbd_id")
    @classmethod
    def _possible(cls, sbd_id: str) -> str:
        return checked(checked_sbd_id, sbd_id)


class ActivityChangeBody(Asked):
    """Ask for an activity to be stopped; without ``state`` nothing changes."""

    state: Literal["STOPPED"] | None = None
    abort: StrictBool = False


class ActivityPath(BaseModel):
    activity_id: int = Field(ge=0, le=MAX_ID, description="id of the activity")


class Activity(BaseModel):
    """One activity of a scheduling block, carried out."""

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
    sbi_status: str | None = Field(description="what the archive knows about the instance")
    script_uri: str | None = Field(description="null where an earlier release has not noted it")
    started_by: str | None = Field(description="who has started its procedure")
    created: float = Field(description="seconds since 1970, as are the other times")
    started: float | None = Field(description="when `main` was called")
    ended: float | None
    stopped_by: str | None = Field(description="who has stopped it")


class Activities(RootModel[list[Activity]]):
    """Activities, the oldest first."""


class ActivityChanged(RootModel[Activity | Stopped]):
    """The activity, or the answer to a stop."""


class SwitchBody(Asked):
    """What the operator decides about waiting for QA."""

    action: Literal["enable", "disable", "override"]


class Override(BaseModel):
    """How far an override has come."""

    state: Literal["requested", "delivered", "acknowledged"]
    procedure_id: int
    time: float
    by: str | None = Field(None, description="who asked for it")


class Switch(BaseModel):
    """Whether scripts wait for QA before they scan, and the override of one wait."""

    wait_for_qa_ready: bool
    override: Override | None
    set_by: str | None = Field(description="who has set it last")
    set_at: float | None = Field(description="when that was; null where it is as the settings have it")
