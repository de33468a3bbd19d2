"""What the server keeps for scripts from git."""

from __future__ import annotations

from dataclasses import dataclass, field

from .record import Document


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Something the server keeps for scripts from git: an environment, a work tree or a mirror.

    ``size`` in bytes; ``created`` and ``used`` in seconds since the epoch.
    """

    id: str
    kind: str
    repository: str | None
    commit: str | None
    size: int
    created: float
    used: float
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> Environment:
        return cls(
            id=document["id"],
            kind=document["kind"],
            repository=document.get("repository"),
            commit=document.get("commit"),
            size=int(document["size"]),
            created=float(document["created"]),
            used=float(document["used"]),
            document=document,
        )
