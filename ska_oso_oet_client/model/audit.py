"""What was found of the audit's chain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .record import Document


@dataclass(frozen=True, kw_only=True)
class AuditPlace:
    """A record of the audit, by its number ``n`` in the chain, its ``hash`` and its ``id``.

    ``time`` in seconds since the epoch; None where the record itself is not there any more.
    """

    n: int
    hash: str
    id: int
    time: float | None = None

    @classmethod
    def from_json(cls, document: Document) -> AuditPlace:
        return cls(
            n=int(document["n"]),
            hash=str(document["hash"]),
            id=int(document["id"]),
            time=document.get("time"),
        )


@dataclass(frozen=True, kw_only=True)
class AuditBreak:
    """The first place at which the audit is not as it was written; ``detail`` says why."""

    n: int | None
    id: int | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class AuditVerification:
    """What was found of the audit: ``records`` in order from ``first`` to ``last``.

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
