"""The shapes of draining in the REST contract."""

from __future__ import annotations

from pydantic import BaseModel, Field

from .strict import StrictModel


class DrainBody(StrictModel):
    """The reason for a drain; optional."""

    reason: str | None = Field(None, max_length=200, examples=["upgrade to 1.1"])


class ResumeBody(StrictModel):
    """An empty body."""


class Drain(BaseModel):
    """Whether new work is refused; the other fields are null if it is not."""

    drained: bool
    since: float | None = Field(description="seconds since 1970")
    by: str | None = Field(description="user who requested it")
    reason: str | None
