"""The shapes of the REST contract, for validation and for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from .script_schemas import Script, ScriptArguments, ShownScript, ShownScriptArguments
from .strict import Asked

MAX_ID = 2**53
_STREAMS = "^(stdout|stderr|oet)?(,(stdout|stderr|oet)?)*$"

State = Literal[
    "CREATING",
    "IDLE",
    "PREP_ENV",
    "LOADING",
    "INITIALISING",
    "READY",
    "RUNNING",
    "COMPLETE",
    "FAILED",
    "STOPPED",
]


class CreateBody(Asked):
    """Ask for a script to be loaded and prepared."""

    script: Script
    script_args: ScriptArguments | None = None


class ChangeBody(Asked):
    """Ask for a procedure to be started or stopped; without ``state`` nothing changes."""

    state: Literal["RUNNING", "STOPPED"] | None = None
    script_args: ScriptArguments | None = None
    abort: StrictBool = False
    stop_abort: Annotated[
        StrictBool,
        Field(description="also where it is itself an abort that is going on, which is refused otherwise"),
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _sent_back(cls, given: Any) -> Any:
        """Earlier clients send back the whole of what they have read, with another state."""
        if isinstance(given, dict) and {"uri", "script", "history"} <= given.keys():
            only_read = Procedure.model_fields.keys() - cls.model_fields.keys()
            return {name: value for name, value in given.items() if name not in only_read}
        return given


class AbortBody(Asked):
    """What to do beyond the abort."""

    restart: Annotated[StrictBool, Field(description="restart the subarray next, so that it is EMPTY")] = (
        False
    )


class ProcedurePath(BaseModel):
    procedure_id: int = Field(ge=0, le=MAX_ID, description="id of the procedure")


class OutputQuery(BaseModel):
    """Which part of the captured output."""

    stream: Annotated[str, WithJsonSchema({"type": "string", "pattern": _STREAMS})] = Field(
        "", description="comma list of stdout, stderr; none means both"
    )
    after: int = Field(0, ge=0, le=MAX_ID, description="only pieces numbered above this")
    limit: int = Field(256 * 1024, ge=1, le=2**20, description="about how many bytes of text")
    tail: int | None = Field(None, ge=0, le=MAX_ID, description="begin with the last so many lines")
    follow: bool = Field(False, description="an event stream that ends when the procedure does")

    @field_validator("stream")
    @classmethod
    def _known_streams(cls, stream: str) -> str:
        for word in stream.split(","):
            if word not in ("", "stdout", "stderr", "oet"):
                raise ValueError(f"unknown stream {word!r}; known are stdout, stderr")
        return stream


class StreamQuery(BaseModel):
    """Which events."""

    topics: str = Field("", description="comma list of topic prefixes to send")
    exclude: str = Field("", description="comma list of topic prefixes to leave out")
    procedure: int | None = Field(None, ge=0, le=MAX_ID, description="only what is about this procedure")
    activity: int | None = Field(
        None, ge=0, le=MAX_ID, description="only what is about this activity and its procedure"
    )
    all_subarrays: bool = Field(
        False, description="what happens on all subarrays, as the central history has it"
    )
    last_event_id: int | None = Field(
        None, ge=0, le=2**62, description="replay everything after this id; the header Last-Event-ID wins"
    )

    @field_validator("all_subarrays")
    @classmethod
    def _of_no_single_subarray(cls, given: bool, info: ValidationInfo) -> bool:
        if given and (info.data.get("procedure") is not None or info.data.get("activity") is not None):
            raise ValueError("`procedure` and `activity` are ids of one subarray; leave them out")
        return given


class History(BaseModel):
    process_states: list[tuple[State, float]]
    stacktrace: str | None


class Outcome(BaseModel):
    """How a procedure ended."""

    model_config = ConfigDict(json_schema_extra={"examples": []})

    reason: str
    exit_code: int | None
    signal: int | None
    by: str | None
    detail: str | None
    stages: list[tuple[str, float]]


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
        int | None, Field(description="the procedure after whose end this one aborts the subarray")
    ] = None
    evicts: Annotated[
        int | None, Field(description="the READY procedure that was ended to make room for it in the list")
    ] = None
    started_by: Annotated[str | None, Field(description="who has started it")]
    created: Annotated[float, Field(description="seconds since 1970, as are the other times")]
    started: Annotated[float | None, Field(description="when `main` was called")]
    ended: float | None
    stopped_by: Annotated[str | None, Field(description="who has stopped it")]
    os_pid: Annotated[int | None, Field(description="the process of the script, while it lives")]
    pid: Annotated[int | None, Field(deprecated=True, description="deprecated: the old name of `os_pid`")]
    slowed: Annotated[
        float | None,
        Field(
            description="since when it waits where it sends messages: there were more than OET_MESSAGE_RATE"
        ),
    ] = None
    subarray: Annotated[int | None, Field(description="with `all_subarrays`: where it was run")] = None
    position: Annotated[
        int | None, Field(description="with `all_subarrays`: its place in the central history")
    ] = None


class Survivor(BaseModel):
    """A process of a script that SIGKILL could not end."""

    pid: int
    command: str
    state: str = Field(description="as the kernel names it, such as `D (disk sleep)`")


class StoppedAbort(BaseModel):
    """How far the abort after a stop has come, when the stop is answered."""

    procedure: Annotated[int | None, Field(description="null where it could not begin")]
    state: Annotated[State, Field(description="RUNNING, usually; its own procedure tells how it ends")]
    outcome: Annotated[Outcome | None, Field(description="null while it goes on")]


class Stopped(BaseModel):
    """Answer to a stop."""

    abort_message: str
    abort_procedure: int | None
    survivors: int
    survivor_processes: list[Survivor]
    abort: Annotated[StoppedAbort | None, Field(description="not there where none was asked for")] = None


class Procedures(RootModel[list[Procedure]]):
    """Procedures, the oldest first."""


class Changed(RootModel[Procedure | Stopped]):
    """The procedure, or the answer to a stop."""


class Chunk(BaseModel):
    """A piece of captured output."""

    n: int
    time: float
    stream: Literal["stdout", "stderr", "oet"]
    text: str


class Output(BaseModel):
    """A page of captured output."""

    procedure_id: int
    chunks: list[Chunk]
    next: Annotated[int, Field(description="`after` for the next page")]
    final: bool
    state: State


class Event(BaseModel):
    """One of the server-sent events that a `text/event-stream` consists of."""

    event: Annotated[str, Field(description="the topic")]
    data: Annotated[str, Field(description="a JSON object: the fields of the message, and who sent it when")]
    id: Annotated[str, Field(description="what `Last-Event-ID` goes on after")] = ""


class Mistake(BaseModel):
    """What is wrong with one field of a request."""

    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="one sentence that says what to do")]
    errors: Annotated[list[Mistake] | None, Field(description="of a request that is not valid")] = None
