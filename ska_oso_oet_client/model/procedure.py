"""A loaded script, and its outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..decoding import at, decode
from ..script_source import CreateEnv
from .pace import PAUSED, Checkpoint, DryRun, Pause, Progress, Question, Remaining
from .record import COMMANDING, COMPLETE, RUNNING, Document, Documented, Lived, StateChange

_ABORT_SCRIPT = "/abort.py"
_ABORTED = " and aborted subarray activity"


@dataclass(frozen=True, kw_only=True)
class Script:
    """The source of a script; the git fields are None for a file."""

    kind: str = at("script_type", default="")
    uri: str = at("script_uri")
    create_env: CreateEnv = False
    git_repo: str | None = at("git_args.git_repo", default=None)
    git_branch: str | None = at("git_args.git_branch", default=None)
    git_commit: str | None = at("git_args.git_commit", default=None)
    resolved_commit: str | None = at("git_args.resolved_commit", default=None)
    resolved_branch: str | None = at("git_args.resolved_branch", default=None)

    @property
    def is_git(self) -> bool:
        return self.kind == "git"


@dataclass(frozen=True, kw_only=True)
class Procedure(Lived):
    """One loaded script: its source, its arguments and its outcome.

    ``aborts`` is the procedure after whose end the OET has this one abort the subarray, ``evicts``
    the READY one that was ended to make room for it. ``slowed`` is since when it waits where it
    sends messages, because there were too many. ``rerun_of`` is the procedure that it runs once
    more, and ``differs`` what is not as it was there, in words. ``script_sha256`` is of the
    script's file as it was loaded, None for git. ``subarray`` is told, and not None, in lists over
    all subarrays only, where ids are not unique.
    """

    script: Script
    history: tuple[StateChange, ...] = at("history.process_states", default=())
    stacktrace: str | None = at("history.stacktrace", default=None)
    activity_id: int | None = None
    aborts: int | None = None
    evicts: int | None = None
    process_id: int | None = at("os_pid", default=None)
    slowed: float | None = None
    pause: Pause = Pause()  # noqa: RUF009
    question: Question | None = None
    progress: Progress | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    remaining: Remaining | None = None
    simulated: bool = False
    dry_run: DryRun | None = None
    subarray: int | None = None
    rerun_of: int | None = None
    differs: tuple[str, ...] = ()
    script_sha256: str | None = None

    @property
    def is_abort(self) -> bool:
        """Whether it is there to abort the subarray, by the OET or by hand."""
        return self.aborts is not None or self.script.uri.endswith(_ABORT_SCRIPT)

    @property
    def how(self) -> str:
        """Its state, with what is special about it."""
        special = ["dry run"] if self.simulated else []
        if self.state == RUNNING and self.pause.state == PAUSED:
            special.append("paused")
        if self.state == RUNNING and self.question is not None and self.question.is_open:
            special.append("asks")
        return f"{self.state} ({', '.join(special)})" if special else self.state

    def __str__(self) -> str:
        return f"procedure {self.id} ({self.script.uri})"


def commanding(procedures: Iterable[Procedure]) -> Procedure | None:
    """The one that commands the telescope, else the one that is most likely to do so next.

    A dry run never does.
    """
    return min(
        (found for found in procedures if found.state in COMMANDING and not found.simulated),
        key=lambda found: (COMMANDING.index(found.state), -found.id),
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class SurvivorProcess:
    """A process that SIGKILL has not ended; ``state`` is the kernel's: ``D (disk sleep)``, say."""

    pid: int
    command: str
    state: str


def _why_not_aborted(stop: Document) -> str | None:
    outcome = (stop.get("abort") or {}).get("outcome") or {}
    return None if stop.get("abort_procedure") is not None else outcome.get("detail")


@dataclass(frozen=True, kw_only=True)
class StopResult(Documented):
    """The result of a stop; ``abort_procedure`` is the id of the abort script's procedure, if any.

    ``stopped`` is the part of ``message`` that is true before the abort has ended. Where the abort
    could not begin, ``not_aborted`` says why. ``survivors`` counts the processes that could not be
    ended.
    """

    message: str = at("abort_message")
    abort_procedure: int | None = None
    not_aborted: str | None = at(read=_why_not_aborted, default=None)
    simulated: bool = False
    survivors: int = 0
    survivor_processes: tuple[SurvivorProcess, ...] = ()

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
        return decode(StopResult, {**self.document, **told})
