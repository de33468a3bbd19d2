"""What the OET knows, as the client sees it: immutable objects decoded from the server's JSON.

Unknown fields are kept in ``document``, so that a newer server's answer passes through whole.
States are plain strings for the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

READY = "READY"
RUNNING = "RUNNING"
COMPLETE = "COMPLETE"
FAILED = "FAILED"
STOPPED = "STOPPED"
FINAL_STATES = frozenset({COMPLETE, FAILED, STOPPED})

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
class Script:
    """Where a script comes from; the git fields are None for a file."""

    kind: str
    uri: str
    create_env: bool = False
    git_repo: str | None = None
    git_branch: str | None = None
    git_commit: str | None = None
    resolved_commit: str | None = None

    @property
    def is_git(self) -> bool:
        return self.kind == "git"

    @classmethod
    def from_json(cls, document: Document) -> Script:
        git = document.get("git_args") or {}
        return cls(
            kind=document.get("script_type", ""),
            uri=document["script_uri"],
            create_env=bool(document.get("create_env")),
            git_repo=git.get("git_repo"),
            git_branch=git.get("git_branch"),
            git_commit=git.get("git_commit"),
            resolved_commit=git.get("resolved_commit"),
        )


@dataclass(frozen=True, kw_only=True)
class StateChange:
    """A state and when it began, in seconds since the epoch."""

    state: str
    time: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a procedure ended; ``by`` is the user who ended it."""

    reason: str
    exit_code: int | None = None
    signal: int | str | None = None
    by: str | None = None
    detail: str | None = None

    @classmethod
    def from_json(cls, document: Document) -> Outcome:
        return cls(
            reason=document["reason"],
            exit_code=document.get("exit_code"),
            signal=document.get("signal"),
            by=document.get("by"),
            detail=document.get("detail"),
        )


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """One loaded script: where it comes from, what it was given and what became of it."""

    id: int
    uri: str
    state: str
    script: Script
    init: CallArguments
    main: CallArguments
    history: tuple[StateChange, ...]
    stacktrace: str | None = None
    outcome: Outcome | None = None
    activity_id: int | None = None
    created_by: str | None = None
    process_id: int | None = None
    document: Document = field(repr=False, compare=False)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @classmethod
    def from_json(cls, document: Document) -> Procedure:
        """Raises KeyError, TypeError or ValueError when this is no procedure."""
        arguments = document.get("script_args") or {}
        history = document.get("history") or {}
        outcome = document.get("outcome")
        return cls(
            id=int(document["id"]),
            uri=document.get("uri", ""),
            state=document["state"],
            script=Script.from_json(document["script"]),
            init=CallArguments.from_json(arguments.get("init")),
            main=CallArguments.from_json(arguments.get("main")),
            history=tuple(
                StateChange(state=state, time=float(time))
                for state, time in history.get("process_states") or ()
            ),
            stacktrace=history.get("stacktrace"),
            outcome=Outcome.from_json(outcome) if outcome else None,
            activity_id=document.get("activity_id"),
            created_by=document.get("created_by"),
            process_id=document.get("pid"),
            document=document,
        )


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


@dataclass(frozen=True, kw_only=True)
class StopResult:
    """What a stop did; ``abort_procedure`` is the id of the abort script's procedure, if any."""

    message: str
    abort_procedure: int | None = None
    survivors: int = 0
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> StopResult:
        return cls(
            message=document["abort_message"],
            abort_procedure=document.get("abort_procedure"),
            survivors=document.get("survivors") or 0,
            document=document,
        )


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """Whether the OET can work, and what it is doing. ``disk_free`` is in bytes."""

    version: str
    subarray_id: int
    ready: bool
    workers: Mapping[str, str]
    running: Procedure | None = None
    disk_free: int | None = None
    document: Document = field(repr=False, compare=False)

    @classmethod
    def from_json(cls, document: Document) -> ServerStatus:
        running = document.get("running")
        return cls(
            version=document["version"],
            subarray_id=int(document["subarray_id"]),
            ready=bool(document["ready"]),
            workers=dict(document.get("workers") or {}),
            running=Procedure.from_json(running) if running else None,
            disk_free=document.get("disk_free"),
            document=document,
        )
