"""The shapes of a server's liveness, readiness and status, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from .activities import Override
from .drain import Drain

Workers = Annotated[
    dict[str, str], Field(description="answer of each worker: `ok`, or the reason for no answer")
]
Stores = Annotated[
    dict[str, str | None],
    Field(
        description="`ok` or the trouble of the journal, the central history and the export of the "
        "audit; null if there is none, or if it is unknown"
    ),
]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"]
    version: str


class Ready(BaseModel):
    """All workers answer, and new work is accepted."""

    status: Literal["ready"]
    workers: Workers
    stores: Stores


class UnknownDrain(BaseModel):
    """The state of the drain is unknown."""

    drained: None
    since: None
    by: None
    reason: None


class ObsState(BaseModel):
    """The last obsState of the subarray that a script published."""

    obs_state: str
    time: float
    procedure_id: Annotated[int, Field(description="id of the procedure of the script")]


class LastAbort(BaseModel):
    """How an abort of the subarray has ended."""

    procedure_id: Annotated[int | None, Field(description="whose script aborted; null if none could begin")]
    time: float
    failed: bool
    detail: Annotated[str | None, Field(description="where the subarray is then, or why it was not aborted")]


class Status(BaseModel):
    """The status of a server."""

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
        ObsState | None,
        Field(description="last obsState of the subarray that a script published; null if there is none"),
    ] = None
    last_abort: Annotated[
        LastAbort | None, Field(description="the last abort that has ended; null before")
    ] = None
    wait_for_qa_ready: bool | None
    override: Override | None
    set_by: Annotated[str | None, Field(description="user who set `wait_for_qa_ready` last")]
    set_at: Annotated[float | None, Field(description="time of that, seconds since 1970")]
    drain: Drain | UnknownDrain
    reads: Annotated[int, Field(description="successful reading requests since the start of the process")]
    stores: Stores
    disk_free: Annotated[int, Field(description="bytes free for the state directory")]
