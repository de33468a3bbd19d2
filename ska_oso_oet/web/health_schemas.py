"""The shapes of whether a server lives, is ready, and what it is doing, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from .activity_schemas import Override
from .drain_schemas import Drain

Workers = Annotated[dict[str, str], Field(description="what each worker answers: `ok`, or why it does not")]
Stores = Annotated[
    dict[str, str | None],
    Field(
        description="how the journal, the central history and the export of the audit stand; null where "
        "there is none, or nobody can tell"
    ),
]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"]
    version: str


class Ready(BaseModel):
    """All workers answer, and new work is taken."""

    status: Literal["ready"]
    workers: Workers
    stores: Stores


class UnknownDrain(BaseModel):
    """Nobody can tell whether new work is refused."""

    drained: None
    since: None
    by: None
    reason: None


class ObsState(BaseModel):
    """Where a script last saw the subarray, and when."""

    obs_state: str
    time: float
    procedure_id: Annotated[int, Field(description="whose script it was")]


class Status(BaseModel):
    """What a server is doing."""

    version: str
    subarray_id: int
    ready: bool
    workers: Workers
    running: Annotated[
        dict[str, Any] | None, Field(description="the procedure that runs, as elsewhere but without `uri`")
    ]
    alive: Annotated[
        list[dict[str, Any]], Field(description="the procedures that have not ended, in the same form")
    ] = []
    obs_state: Annotated[
        ObsState | None, Field(description="obsState of the subarray as a script told it last; null before")
    ] = None
    wait_for_qa_ready: bool | None
    override: Override | None
    set_by: Annotated[str | None, Field(description="who has set `wait_for_qa_ready` last")]
    set_at: Annotated[float | None, Field(description="when that was, seconds since 1970")]
    drain: Drain | UnknownDrain
    reads: Annotated[int, Field(description="requests that read and succeeded, since the process began")]
    stores: Stores
    disk_free: Annotated[int, Field(description="bytes free for the state directory")]
