"""The shapes of how to log in, and of who asked for what, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel

from .schemas import MAX_ID


class AuditQuery(BaseModel):
    """Which part of the record."""

    limit: int = Field(50, ge=1, le=500, description="how many at the most")
    before: int | None = Field(None, ge=0, le=MAX_ID, description="only ids below this one")
    user: str | None = Field(None, max_length=255, description="only what this subject asked for")
    since: float | None = Field(None, ge=0, le=1e12, description="only from this time on, seconds since 1970")
    result: Literal["done", "refused", "unanswered"] | None = Field(None, description="only with this result")


class AuditEntry(BaseModel):
    """Who asked for what, and what they were answered."""

    id: int
    time: float
    user: Annotated[str | None, Field(description="subject of the token")]
    name: str | None
    address: str | None
    method: str
    path: str
    what: Annotated[str | None, Field(description="the body as JSON, without secrets, cut off at 2 KiB")]
    status: Annotated[int | None, Field(description="HTTP status; null where no answer was given")]
    detail: str | None
    request_id: str | None


class AuditEntries(RootModel[list[AuditEntry]]):
    """The record, the newest first."""


class Login(BaseModel):
    """What a client must know to log in."""

    required: bool
    issuer: str | None
    client_id: str | None
    scopes: str
    audience: str | None
