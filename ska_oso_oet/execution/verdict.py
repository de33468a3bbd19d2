"""From all that is known of how a script's process ended to its final state and outcome. Pure."""

from __future__ import annotations

import dataclasses
import signal
from typing import Any

from ..domain.outcome import Outcome, Reason
from ..domain.states import ProcedureState


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """What is known of an end."""

    phase: str  #: load, init, ready or main: what it was doing
    exit_code: int | None = None  #: exit status of the process
    signal: int | None = None  #: number of the signal that ended it
    intent: dict[str, Any] | None = None  #: why we ended it (``why``, ``by``), if we did
    report: dict[str, Any] | None = None  #: the runner's last words
    kernel_killed: bool = False  #: the kernel was short of memory at the time


Verdict = tuple[ProcedureState, Outcome, "str | None"]

_PHASES = {
    "environment": "preparing the environment",
    "load": "loading the script",
    "init": "init()",
    "ready": "waiting to be started",
    "main": "main()",
}

#: What it means to fail in a phase that comes before the script's own functions.
_REASONS = {"environment": Reason.ENVIRONMENT_ERROR, "load": Reason.LOAD_ERROR}

_INTENTS = {
    "stop": (ProcedureState.STOPPED, Reason.STOPPED, "stopped on request"),
    "shutdown": (ProcedureState.STOPPED, Reason.STOPPED, "stopped because the server was shut down"),
    "evict": (ProcedureState.STOPPED, Reason.EVICTED, "ended to make room for a newer procedure"),
    "timeout": (ProcedureState.FAILED, Reason.TIMEOUT, "took longer than its limit"),
}


def verdict(end: End) -> Verdict:
    """Return the final state, the outcome and the stack trace."""
    said = (end.report or {}).get("say")
    if said == "returned":
        return ProcedureState.COMPLETE, Outcome(reason=Reason.COMPLETED, exit_code=0), None
    if end.intent is not None:
        return _ours(end, end.intent)
    if said == "failed" and end.report is not None:
        return _failed(end, end.report)
    if end.signal is not None:
        return _signalled(end, end.signal)
    return _exited(end)


def _ours(end: End, intent: dict[str, Any]) -> Verdict:
    state, reason, detail = _INTENTS[intent["why"]]
    if intent["why"] == "timeout":
        detail = f"{_PHASES[end.phase]} took longer than its limit of {intent['limit']:g} s"
    outcome = Outcome(
        reason=reason,
        exit_code=end.exit_code,
        signal=end.signal,
        by=intent.get("by"),
        detail=detail,
    )
    return state, outcome, None


def _failed(end: End, report: dict[str, Any]) -> Verdict:
    reason = _REASONS.get(end.phase, Reason.SCRIPT_ERROR)
    if report["type"] == "ScriptMissingError":
        reason = Reason.LOAD_ERROR
    if report["type"] == "MemoryError":
        reason = Reason.OUT_OF_MEMORY
    outcome = Outcome(reason=reason, exit_code=end.exit_code, detail=report["detail"])
    return ProcedureState.FAILED, outcome, report["stacktrace"]


def _signalled(end: End, number: int) -> Verdict:
    if end.kernel_killed and number == signal.SIGKILL:
        detail = f"killed by the kernel, which was out of memory, while {_PHASES[end.phase]}"
        return ProcedureState.FAILED, Outcome(reason=Reason.OUT_OF_MEMORY, signal=number, detail=detail), None
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    detail = f"its process was ended by {name} during {_PHASES[end.phase]}"
    return ProcedureState.FAILED, Outcome(reason=Reason.KILLED, signal=number, detail=detail), None


def _exited(end: End) -> Verdict:
    if end.phase == "main" and end.exit_code == 0:
        outcome = Outcome(reason=Reason.COMPLETED, exit_code=0, detail="ended its process with status 0")
        return ProcedureState.COMPLETE, outcome, None
    reason = _REASONS.get(end.phase, Reason.SCRIPT_ERROR)
    words = (end.report or {}).get("detail")
    detail = f"ended its process with status {end.exit_code} during {_PHASES[end.phase]}"
    if words:
        detail = f"{detail}: {words}"
    return ProcedureState.FAILED, Outcome(reason=reason, exit_code=end.exit_code, detail=detail), None
