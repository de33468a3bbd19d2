"""From all that is known of how a script's process ended to its final state and outcome. Pure."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Sequence
from typing import Any

from ..domain.outcome import Outcome, Reason
from ..domain.states import ProcedureState
from ..runs.survivors import Survivor, in_words


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """The facts about an end."""

    phase: str  #: load, init, ready or main
    exit_code: int | None = None  #: exit status of the process
    signal: int | None = None  #: number of the signal that ended it
    intent: dict[str, Any] | None = None  #: why we ended it (``why``, ``by``), if we did
    report: dict[str, Any] | None = None  #: the final report of the runner about the script's functions
    closing: dict[str, Any] | None = None  #: its word that threads and exit functions are through
    killed: bool = False  #: it had to be killed after a stop, whatever it had said before
    overstayed: float | None = None  #: seconds after its final report at which it had to be killed
    survivors: Sequence[Survivor] = ()  #: processes that could not be ended
    kernel_killed: bool = False  #: the kernel was short of memory at the time

    @property
    def by_itself(self) -> bool:
        """Whether it has ended by itself, and any stop came after that."""
        closed = self.closing is not None and not self.closing["stopped"]
        return self.report is not None and closed and not self.killed


Verdict = tuple[ProcedureState, Outcome, "str | None"]

_PHASES = {
    "environment": "preparing the environment",
    "load": "loading the script",
    "init": "init()",
    "ready": "waiting to be started",
    "main": "main()",
    "end": "the end of its process, after main() had ended",
}

#: The reason of a failure in each phase before the script's own functions.
_REASONS = {"environment": Reason.ENVIRONMENT_ERROR, "load": Reason.LOAD_ERROR}

_INTENTS = {
    "stop": (ProcedureState.STOPPED, Reason.STOPPED, "stopped on request"),
    "shutdown": (ProcedureState.STOPPED, Reason.STOPPED, "stopped because the server was shut down"),
    "evict": (ProcedureState.STOPPED, Reason.EVICTED, "ended to make room for a newer procedure"),
    "timeout": (ProcedureState.FAILED, Reason.TIMEOUT, "took longer than its limit"),
    "deaf": (ProcedureState.FAILED, Reason.TIMEOUT, "did not take what it was told, 8 MiB of messages"),
}


#: Failures that mean, before main() is called, that the script is none that could be.
_UNFIT = ("ScriptMissingError", "NoMain", "NotCalled", "Unsuited")


def verdict(end: End) -> Verdict:
    """Return the final state, the outcome and the stack trace."""
    state, outcome, stacktrace = _verdict(end)
    remarks = [f"SIGKILL could not end {in_words(end.survivors)}"] if end.survivors else []
    if end.overstayed is not None and outcome.reason is not Reason.TIMEOUT:
        remarks.insert(0, _OVERSTAYED.format(limit=end.overstayed))
    return state, _remarked(outcome, *remarks), stacktrace


def final_record(end: End, announced: str | None) -> dict[str, Any]:
    """Return the last record of a run.

    :param announced: the last announcement of an abort script, which is its outcome if it has no other
    """
    state, outcome, stacktrace = verdict(end)
    if state is ProcedureState.COMPLETE and announced is not None:
        outcome = dataclasses.replace(outcome, detail=outcome.detail or announced)
    return {
        "kind": "final",
        "state": state.value,
        "outcome": outcome.to_dict(),
        "stacktrace": stacktrace,
        "survivors": list(end.survivors),
        "abort": bool(end.intent and end.intent.get("abort")),
    }


def not_begun(error: Exception) -> dict[str, Any]:
    """The only record of a run whose supervisor could not begin."""
    outcome = Outcome(reason=Reason.LOAD_ERROR, detail=f"its supervisor could not begin: {error}")
    state = ProcedureState.FAILED.value
    return {"kind": "final", "n": 1, "time": time.time(), "state": state, "outcome": outcome.to_dict()}


def _remarked(outcome: Outcome, *remarks: str) -> Outcome:
    details = [outcome.detail] if outcome.detail else []
    return dataclasses.replace(outcome, detail="; ".join([*details, *remarks]) or None)


_OVERSTAYED = (
    "its threads or exit functions went on for {limit:g} s (OET_END_GRACE) after that and were killed"
)


def _verdict(end: End) -> Verdict:
    if end.intent is not None and not end.by_itself:
        return _ours(end, end.intent)
    report = end.report or {}
    if report.get("say") == "failed":
        return _failed(end, report)
    if end.overstayed is not None:
        return _overstayed(end, end.overstayed)
    if report and end.by_itself:
        return _closed(end, report)
    if report and end.phase == "main":  # its threads or exit functions were still at work
        interrupted = end.closing is not None
        end = dataclasses.replace(
            end, phase="end", report=None, signal=signal.SIGTERM if interrupted else end.signal
        )
    if end.signal is not None:
        return _signalled(end, end.signal)
    return _exited(end)


def _closed(end: End, report: dict[str, Any]) -> Verdict:
    """The script itself has ended, however the interpreter ended afterwards."""
    status = int(report.get("status", 0))
    state, outcome, stacktrace = _exited(dataclasses.replace(end, exit_code=status))
    if report["say"] == "returned":
        outcome = dataclasses.replace(outcome, detail=None, result=report.get("result"))
    if end.signal is None and end.exit_code in (status, None):
        return state, outcome, stacktrace
    how = f"was ended by {_name_of(end.signal)}" if end.signal else f"ended with status {end.exit_code}"
    odd = f"its process {how} while Python was ending, after all of the script had ended"
    return state, _remarked(outcome, odd), stacktrace


def _overstayed(end: End, limit: float) -> Verdict:
    detail = f"main() had ended, but {_OVERSTAYED.format(limit=limit)}"
    return ProcedureState.FAILED, Outcome(reason=Reason.TIMEOUT, signal=end.signal, detail=detail), None


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
    if report["type"] in _UNFIT and end.phase != "main":
        reason = Reason.LOAD_ERROR
    if report["type"] == "MemoryError":
        reason = Reason.OUT_OF_MEMORY
    outcome = Outcome(reason=reason, exit_code=end.exit_code, detail=report["detail"])
    return ProcedureState.FAILED, outcome, report["stacktrace"]


def _signalled(end: End, number: int) -> Verdict:
    if end.kernel_killed and number == signal.SIGKILL:
        detail = f"killed by the kernel, which was out of memory, while {_PHASES[end.phase]}"
        return ProcedureState.FAILED, Outcome(reason=Reason.OUT_OF_MEMORY, signal=number, detail=detail), None
    detail = f"its process was ended by {_name_of(number)} during {_PHASES[end.phase]}"
    return ProcedureState.FAILED, Outcome(reason=Reason.KILLED, signal=number, detail=detail), None


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _exited(end: End) -> Verdict:
    if end.phase in ("main", "end") and end.exit_code == 0:
        outcome = Outcome(reason=Reason.COMPLETED, exit_code=0, detail="main() exited with status 0")
        return ProcedureState.COMPLETE, outcome, None
    reason = _REASONS.get(end.phase, Reason.SCRIPT_ERROR)
    words = (end.report or {}).get("detail")
    phase = _PHASES[end.phase]
    how = f"exited with status {end.exit_code}"
    detail = f"{phase} {how}" if phase.endswith(")") else f"{how} during {phase}"
    if words:
        detail = f"{detail}: {words}"
    return ProcedureState.FAILED, Outcome(reason=reason, exit_code=end.exit_code, detail=detail), None
