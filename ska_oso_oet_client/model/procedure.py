"""A script that was loaded, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..script_source import CreateEnv
from .record import (
    COMMANDING,
    COMPLETE,
    CallArguments,
    Document,
    Lived,
    Outcome,
    StateChange,
)

_ABORT_SCRIPT = "/abort.py"
_ABORTED = " and aborted subarray activity"


@dataclass(frozen=True, kw_only=True)
class Script:
    """Where a script comes from; the git fields are None for a file."""

    kind: str
    uri: str
    create_env: CreateEnv = False
    git_repo: str | None = None
    git_branch: str | None = None
    git_commit: str | None = None
    resolved_commit: str | None = None
    resolved_branch: str | None = None

    @property
    def is_git(self) -> bool:
        return self.kind == "git"

    @classmethod
    def from_json(cls, document: Document) -> Script:
        git = document.get("git_args") or {}
        return cls(
            kind=document.get("script_type", ""),
            uri=document["script_uri"],
            create_env=document.get("create_env") or False,
            git_repo=git.get("git_repo"),
            git_branch=git.get("git_branch"),
            git_commit=git.get("git_commit"),
            resolved_commit=git.get("resolved_commit"),
            resolved_branch=git.get("resolved_branch"),
        )


@dataclass(frozen=True, kw_only=True)
class Procedure(Lived):
    """One loaded script: where it comes from, what it was given and what became of it.

    ``aborts`` is the procedure after whose end the OET has this one abort the subarray, ``evicts``
    the READY one that was ended to make room for it. ``slowed`` is since when it waits where it
    sends messages, because there were too many. ``subarray`` is told, and not None, in lists over
    all subarrays only, where ids are not unique.
    """

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
    aborts: int | None = None
    evicts: int | None = None
    started_by: str | None = None
    stopped_by: str | None = None
    process_id: int | None = None
    slowed: float | None = None
    subarray: int | None = None
    document: Document = field(repr=False, compare=False)

    @property
    def is_abort(self) -> bool:
        """Whether it is there to abort the subarray, by the OET or by hand."""
        return self.aborts is not None or self.script.uri.endswith(_ABORT_SCRIPT)

    def __str__(self) -> str:
        return f"procedure {self.id} ({self.script.uri})"

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
            history=StateChange.all_from_json(history.get("process_states")),
            stacktrace=history.get("stacktrace"),
            outcome=Outcome.from_json(outcome) if outcome else None,
            activity_id=document.get("activity_id"),
            created_by=document.get("created_by"),
            aborts=document.get("aborts"),
            evicts=document.get("evicts"),
            started_by=document.get("started_by"),
            stopped_by=document.get("stopped_by"),
            process_id=document.get("os_pid", document.get("pid")),
            slowed=document.get("slowed"),
            subarray=document.get("subarray"),
            document=document,
        )


def commanding(procedures: Iterable[Procedure]) -> Procedure | None:
    """The one that commands the telescope, else the one that is most likely to do so next."""
    return min(
        (found for found in procedures if found.state in COMMANDING),
        key=lambda found: (COMMANDING.index(found.state), -found.id),
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class SurvivorProcess:
    """A process that SIGKILL has not ended; ``state`` is the kernel's: ``D (disk sleep)``, say."""

    pid: int
    command: str
    state: str

    @classmethod
    def from_json(cls, document: Document) -> SurvivorProcess:
        return cls(pid=int(document["pid"]), command=document["command"], state=document["state"])


@dataclass(frozen=True, kw_only=True)
class StopResult:
    """What a stop did; ``abort_procedure`` is the id of the abort script's procedure, if any.

    ``stopped`` is the part of ``message`` that is true before the abort has ended. Where the abort
    could not begin, ``not_aborted`` says why. ``survivors`` counts the processes that could not be
    ended.
    """

    message: str
    abort_procedure: int | None = None
    not_aborted: str | None = None
    survivors: int = 0
    survivor_processes: tuple[SurvivorProcess, ...] = ()
    document: Document = field(repr=False, compare=False)

    @property
    def stopped(self) -> str:
        return self.message.partition(", but ")[0].removesuffix(_ABORTED)

    def after(self, abort: Procedure) -> StopResult:
        """The same when the abort has ended, which the server did not wait for."""
        how = {name: abort.document.get(name) for name in ("state", "outcome")}
        message = self.message
        if abort.state != COMPLETE:
            why = abort.outcome.why if abort.outcome else abort.state
            message = f"{self.stopped}, but the subarray was NOT aborted: {why}"
        told = {"abort_message": message, "abort": {"procedure": abort.id, **how}}
        return StopResult.from_json({**self.document, **told})

    @classmethod
    def from_json(cls, document: Document) -> StopResult:
        processes = document.get("survivor_processes") or ()
        outcome = (document.get("abort") or {}).get("outcome") or {}
        return cls(
            message=document["abort_message"],
            abort_procedure=document.get("abort_procedure"),
            not_aborted=outcome.get("detail") if document.get("abort_procedure") is None else None,
            survivors=document.get("survivors") or len(processes),
            survivor_processes=tuple(SurvivorProcess.from_json(found) for found in processes),
            document=document,
        )
