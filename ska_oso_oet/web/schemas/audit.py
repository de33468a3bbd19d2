"""The shapes of the audit, in the REST contract."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from .common import MAX_ID


class AuditQuery(BaseModel):
    """A query for entries of the audit."""

    limit: int = Field(50, ge=1, le=500, description="maximum number")
    before: int | None = Field(None, ge=0, le=MAX_ID, description="only ids below this one")
    user: str | None = Field(None, max_length=255, description="only requests of this subject")
    since: float | None = Field(
        None, ge=0, le=1e12, description="only entries of this time or later, seconds since 1970"
    )
    result: Literal["done", "refused", "unanswered"] | None = Field(None, description="only with this result")


class AuditEntry(BaseModel):
    """A command, its user and its answer."""

    id: int
    time: float
    user: Annotated[str | None, Field(description="subject of the token")]
    name: str | None
    address: str | None
    method: str
    path: str
    what: Annotated[str | None, Field(description="the body as JSON, without secrets, truncated to 2 KiB")]
    status: Annotated[int | None, Field(description="HTTP status; null if there was no answer")]
    detail: str | None
    request_id: str | None


class AuditEntries(RootModel[list[AuditEntry]]):
    """Entries of the audit, the newest first."""


class RecordsQuery(BaseModel):
    """A query for records."""

    after: int = Field(0, ge=0, le=MAX_ID, description="only ids above this one")
    limit: int = Field(200, ge=1, le=200, description="maximum number")


class VerdictQuery(BaseModel):
    """A query for the verification of records."""

    after: int = Field(0, ge=0, le=MAX_ID, description="only ids above this one")
    limit: int = Field(5000, ge=1, le=5000, description="maximum number")


Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256, in hexadecimal digits")]


class Place(BaseModel):
    """A place in the chain of the audit."""

    n: Annotated[int, Field(description="number of the record in the chain, from 1 on")]
    hash: Hash
    id: Annotated[int, Field(description="id of the record")]


class AuditRecord(BaseModel):
    """A record of the audit; the hash is of all other fields; see docs/how-to/audit.md.

    A record that was added from outside has nulls for its place.
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
    anchor: Annotated[Place, Field(description="the record before the first stored one")]
    head: Annotated[Place, Field(description="the last record written")]
    older: Annotated[int, Field(description="records older than the chain, which cannot be verified")]


class AuditRecords(_Bounds):
    """Records of the audit, in the order of their chain."""

    records: list[AuditRecord]


class Broken(BaseModel):
    """The first change of the audit."""

    n: int | None
    id: int | None
    detail: str


class AuditVerdict(_Bounds):
    """The result of a verification of records."""

    unbroken: bool
    complete: Annotated[bool, Field(description="whether all records were verified")]
    records: Annotated[int, Field(description="number of unchanged records")]
    first: Place | None
    last: Place | None
    broken: Broken | None
