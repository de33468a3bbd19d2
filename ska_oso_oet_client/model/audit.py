"""Entries of the audit, and the result of verifying its chain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .record import Documented


@dataclass(frozen=True, kw_only=True)
class AuditEntry(Documented):
    """A request that changed something, or was refused. ``time`` in seconds since the epoch.

    ``what`` is the request in words, ``user`` the subject of its token and ``name`` what that
    user is called; ``status`` is None if no answer was given.
    """

    id: int
    time: float
    user: str | None = None
    name: str | None = None
    address: str | None = None
    method: str
    path: str
    what: str | None = None
    status: int | None
    detail: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class AuditPlace:
    """A record of the audit, by its number ``n`` in the chain, its ``hash`` and its ``id``.

    ``time`` in seconds since the epoch; None if the record itself is not there any more.
    """

    n: int
    hash: str
    id: int
    time: float | None = None


@dataclass(frozen=True, kw_only=True)
class AuditBreak:
    """The first place at which the audit is not as it was written; ``detail`` says why."""

    n: int | None
    id: int | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class AuditVerification:
    """The result of verifying the audit: ``records`` in order from ``first`` to ``last``.

    ``removed`` is the number of the last record that was removed because of its age; ``older`` are
    records from before there was a chain, which nothing verifies.
    """

    records: int
    first: AuditPlace | None
    last: AuditPlace
    removed: int
    older: int
    broken: AuditBreak | None

    @property
    def unbroken(self) -> bool:
        """Whether everything is as it was written."""
        return self.broken is None

    @property
    def head(self) -> str:
        """The last record in order, to be noted elsewhere: its number and hash."""
        return f"{self.last.n}:{self.last.hash}"

    def to_json(self) -> dict[str, Any]:
        return {"unbroken": self.unbroken, "head": self.head, **asdict(self)}
