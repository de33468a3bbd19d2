"""The shapes of captured output, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    Field,
    WithJsonSchema,
    field_validator,
)

from .common import MAX_ID, State

_STREAMS = "^(stdout|stderr|oet)?(,(stdout|stderr|oet)?)*$"


class OutputQuery(BaseModel):
    """A query for captured output."""

    stream: Annotated[str, WithJsonSchema({"type": "string", "pattern": _STREAMS})] = Field(
        "", description="comma list of stdout, stderr; by default both"
    )
    after: int = Field(0, ge=0, le=MAX_ID, description="only pieces numbered above this")
    limit: int = Field(256 * 1024, ge=1, le=2**20, description="approximate number of bytes of text")
    tail: int | None = Field(None, ge=0, le=MAX_ID, description="number of lines at the end to begin with")
    follow: bool = Field(False, description="an event stream that ends when the procedure does")

    @field_validator("stream")
    @classmethod
    def _known_streams(cls, stream: str) -> str:
        for word in stream.split(","):
            if word not in ("", "stdout", "stderr", "oet"):
                raise ValueError(f"unknown stream {word!r}; known are stdout, stderr")
        return stream


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
