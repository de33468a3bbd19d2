"""The common fields of procedures and activities: state, history and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..decoding import at

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
class Documented:
    """Something decoded from a document, with members that this release does not know."""

    document: Document = at(repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class CallArguments:
    """Arguments of one function of a script."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.args or self.kwargs)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class StateChange:
    """A state and when it began, in seconds since the epoch."""

    state: str
    time: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it ended; ``by`` is the user who ended it."""

    reason: str
    exit_code: int | None = None
    signal: int | str | None = None
    by: str | None = None
    detail: str | None = None
    result: Any = None
    """What ``main`` returned."""

    @property
    def why(self) -> str:
        """The most telling there is, on one line."""
        return " ".join((self.detail or self.reason).split())


@dataclass(frozen=True, kw_only=True)
class Lived(Documented):
    """Something that was created, may have begun, and ends; times in seconds since the epoch."""

    id: int
    uri: str = ""
    state: str
    init: CallArguments = at("script_args.init", default=CallArguments())
    main: CallArguments = at("script_args.main", default=CallArguments())
    history: tuple[StateChange, ...]
    outcome: Outcome | None = None
    created_by: str | None = None
    started_by: str | None = None
    stopped_by: str | None = None

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
