"""The shapes of draining in the REST contract."""

from __future__ import annotations

from pydantic import BaseModel, Field

from .strict import Asked


class DrainBody(Asked):
    """Why no new work is to be taken; may be left out."""

    reason: str | None = Field(None, max_length=200, examples=["upgrade to 1.1"])


class ResumeBody(Asked):
    """Nothing."""


class Drain(BaseModel):
    """Whether new work is refused; the other fields are null where it is not."""

    drained: bool
    since: float | None = Field(description="seconds since 1970")
    by: str | None = Field(description="who asked for it")
    reason: str | None
