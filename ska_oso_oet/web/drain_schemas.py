"""The shapes of draining in the REST contract."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class DrainBody(BaseModel):
    """Why no new work is to be taken; may be left out."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(None, max_length=200, examples=["upgrade to 1.1"])


class ResumeBody(BaseModel):
    """Nothing."""

    model_config = ConfigDict(extra="forbid")


class Drain(BaseModel):
    """Whether new work is refused; the other fields are null where it is not."""

    drained: bool
    since: float | None = Field(description="seconds since 1970")
    by: str | None = Field(description="who asked for it")
    reason: str | None
