"""Shapes shared by the parts of the REST contract: states, outcomes, problems."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

MAX_ID = 2**53


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


class Outcome(BaseModel):
    """How a procedure ended."""

    model_config = ConfigDict(json_schema_extra={"examples": []})

    reason: str
    exit_code: int | None
    signal: int | None
    by: str | None
    detail: str | None
    result: Annotated[Any, Field(description="what `main` returned, if JSON carries it in 64 KiB")] = None
    stages: list[tuple[str, float]]


class Mistake(BaseModel):
    """A mistake in one field of a request."""

    loc: list[str | int]
    msg: str


class Problem(BaseModel):
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="one sentence with the action to take")]
    errors: Annotated[list[Mistake] | None, Field(description="mistakes of an invalid request")] = None
