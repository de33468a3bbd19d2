"""What procedures and activities have in common: states, their history, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

READY = "READY"
PREPARED = "PREPARED"
RUNNING = "RUNNING"
COMPLETE = "COMPLETE"
FAILED = "FAILED"
STOPPED = "STOPPED"
FINAL_STATES = frozenset({COMPLETE, FAILED, STOPPED})
COMMANDING = (RUNNING, "INITIALISING", "LOADING", "PREP_ENV", "IDLE", "CREATING")
"""States of procedures whose script commands the telescope, or comes to that by itself; who is
most likely to do so comes first."""

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CallArguments:
    """Arguments of one function of a script."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.args or self.kwargs)

    @classmethod
    def from_json(cls, document: Document | None) -> CallArguments:
        document = document or {}
        return cls(
            args=tuple(document.get("args") or ()), kwargs=dict(document.get("kwargs") or {})
        )

    def to_json(self) -> dict[str, Any]:
        return {"args": list(self.args), "kwargs": dict(self.kwargs)}


@dataclass(frozen=True, kw_only=True)
class StateChange:
    """A state and when it began, in seconds since the epoch."""

    state: str
    time: float

    @classmethod
    def all_from_json(cls, pairs: Iterable[tuple[str, float]] | None) -> tuple[StateChange, ...]:
        return tuple(cls(state=state, time=float(time)) for state, time in pairs or ())


class Lived:
    """Something that was created, may have begun, and ends; times in seconds since the epoch."""

    state: str
    history: tuple[StateChange, ...]

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def created(self) -> float | None:
        return self.history[0].time if self.history else None

    @property
    def started(self) -> float | None:
        """When ``main`` was called, if it was."""
        return next((change.time for change in self.history if change.state == RUNNING), None)

    @property
    def ended(self) -> float | None:
        return self.history[-1].time if self.is_final and self.history else None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it ended; ``by`` is the user who ended it."""

    reason: str
    exit_code: int | None = None
    signal: int | str | None = None
    by: str | None = None
    detail: str | None = None

    @property
    def why(self) -> str:
        """The most telling there is, on one line."""
        return " ".join((self.detail or self.reason).split())

    @classmethod
    def from_json(cls, document: Document) -> Outcome:
        return cls(
            reason=document["reason"],
            exit_code=document.get("exit_code"),
            signal=document.get("signal"),
            by=document.get("by"),
            detail=document.get("detail"),
        )
