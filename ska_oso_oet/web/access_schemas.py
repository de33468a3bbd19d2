"""The shapes of how to log in, and of who asked for what, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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


class RecordsQuery(BaseModel):
    """Which records."""

    after: int = Field(0, ge=0, le=MAX_ID, description="only ids above this one")
    limit: int = Field(200, ge=1, le=200, description="how many at the most")


class VerdictQuery(BaseModel):
    """Which records are looked at."""

    after: int = Field(0, ge=0, le=MAX_ID, description="only ids above this one")
    limit: int = Field(5000, ge=1, le=5000, description="how many at the most")


Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256, in hexadecimal digits")]


class Place(BaseModel):
    """A place in the chain of the audit."""

    n: Annotated[int, Field(description="number of the record in the chain, from 1 on")]
    hash: Hash
    id: Annotated[int, Field(description="the number the record is kept under")]


class AuditRecord(BaseModel):
    """A record of the audit; the hash is of all the rest, as docs/how-to/audit.md says.

    One that somebody has added has nulls where it should have a place.
    """

    n: int | None
    previous: Annotated[str | None, Field(description="hash of the record before it; zeros before the first")]
    hash: str | None
    id: int
    message: str | None
    time: float | None
    topic: str | None
    msg_src: str | None
    request_id: str | None
    user: str | None
    payload: dict[str, Any]


class _Bounds(BaseModel):
    anchor: Annotated[Place, Field(description="what the first record that is kept comes behind")]
    head: Annotated[Place, Field(description="the last record that was written")]
    older: Annotated[int, Field(description="records from before there was a chain; nothing verifies them")]


class AuditRecords(_Bounds):
    """Records of the audit, in the order of their chain."""

    records: list[AuditRecord]


class Broken(BaseModel):
    """The first place at which the audit is not as it was written."""

    n: int | None
    id: int | None
    detail: str


class AuditVerdict(_Bounds):
    """Whether the audit is as it was written, as far as it was looked at."""

    unbroken: bool
    complete: Annotated[bool, Field(description="whether there is nothing more to be looked at")]
    records: Annotated[int, Field(description="how many were looked at and found in order")]
    first: Place | None
    last: Place | None
    broken: Broken | None


class Login(BaseModel):
    """What a client must know to log in."""

    required: bool
    issuer: str | None
    client_id: str | None
    scopes: str
    audience: str | None
