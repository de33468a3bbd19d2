"""From how a script's process ended to its state and outcome: the whole table."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from ska_oso_oet.domain.outcome import Reason
from ska_oso_oet.domain.states import FINAL, ProcedureState
from ska_oso_oet.supervision.verdict import End, verdict

S, R = ProcedureState, Reason
RETURNED = {"say": "returned"}
EXITED = {"say": "exited", "status": 0}
CLOSED = {"stopped": False}
SURVIVOR = {"pid": 4711, "command": "sleep 1000", "state": "D (disk sleep)"}
FAILED = {"say": "failed", "type": "ValueError", "detail": "ValueError: no", "stacktrace": "Traceback"}


@pytest.mark.parametrize(
    ("end", "state", "reason", "detail"),
    [
        (End(phase="main", report=RETURNED, closing=CLOSED, exit_code=0), S.COMPLETE, R.COMPLETED, None),
        (
            End(phase="main", report=RETURNED, closing=CLOSED, exit_code=0, intent={"why": "stop"}),
            S.COMPLETE,
            R.COMPLETED,
            None,
        ),
        (
            End(
                phase="main", report=RETURNED, closing={"stopped": True}, exit_code=0, intent={"why": "stop"}
            ),
            S.STOPPED,
            R.STOPPED,
            "stopped on request",
        ),
        (
            End(phase="main", report=RETURNED, signal=signal.SIGKILL, intent={"why": "stop"}),
            S.STOPPED,
            R.STOPPED,
            "stopped on request",
        ),
        (
            End(
                phase="main",
                report=RETURNED,
                closing=CLOSED,
                signal=signal.SIGKILL,
                intent={"why": "stop"},
                killed=True,
            ),
            S.STOPPED,
            R.STOPPED,
            "stopped on request",
        ),
        (
            End(phase="main", report=RETURNED, closing=CLOSED, signal=signal.SIGSEGV),
            S.COMPLETE,
            R.COMPLETED,
            "its process was ended by SIGSEGV while Python was ending, after all of the script had ended",
        ),
        (
            End(phase="main", report=EXITED, closing=CLOSED, exit_code=120),
            S.COMPLETE,
            R.COMPLETED,
            "main() exited with status 0; its process ended with status 120 while Python was ending, "
            "after all of the script had ended",
        ),
        (
            End(phase="main", report=RETURNED, signal=signal.SIGSEGV),
            S.FAILED,
            R.KILLED,
            "its process was ended by SIGSEGV during the end of its process, after main() had ended",
        ),
        (
            End(phase="main", report=RETURNED, closing={"stopped": True}, exit_code=0),
            S.FAILED,
            R.KILLED,
            "its process was ended by SIGTERM during the end of its process, after main() had ended",
        ),
        (
            End(phase="main", report=RETURNED, exit_code=3),
            S.FAILED,
            R.SCRIPT_ERROR,
            "exited with status 3 during the end of its process, after main() had ended",
        ),
        (
            End(phase="main", report=RETURNED, signal=signal.SIGKILL, overstayed=60.0),
            S.FAILED,
            R.TIMEOUT,
            "main() had ended, but its threads or exit functions went on for 60 s (OET_END_GRACE) after that "
            "and were killed",
        ),
        (
            End(phase="main", report=FAILED, signal=signal.SIGKILL, overstayed=60.0),
            S.FAILED,
            R.SCRIPT_ERROR,
            "ValueError: no; its threads or exit functions went on for 60 s (OET_END_GRACE) after that and "
            "were killed",
        ),
        (
            End(phase="main", intent={"why": "stop"}, survivors=[SURVIVOR]),
            S.STOPPED,
            R.STOPPED,
            "stopped on request; SIGKILL could not end process 4711 (sleep 1000), in state D (disk sleep)",
        ),
        (
            End(phase="init", report=FAILED | {"type": "NoMain"}, exit_code=1),
            S.FAILED,
            R.LOAD_ERROR,
            "ValueError: no",
        ),
        (
            End(phase="main", exit_code=0),
            S.COMPLETE,
            R.COMPLETED,
            "main() exited with status 0",
        ),
        (
            End(phase="main", exit_code=3),
            S.FAILED,
            R.SCRIPT_ERROR,
            "main() exited with status 3",
        ),
        (
            End(phase="init", exit_code=0),
            S.FAILED,
            R.SCRIPT_ERROR,
            "init() exited with status 0",
        ),
        (
            End(phase="load", exit_code=1, report={"detail": "bye"}),
            S.FAILED,
            R.LOAD_ERROR,
            "exited with status 1 during loading the script: bye",
        ),
        (End(phase="main", report=FAILED, exit_code=1), S.FAILED, R.SCRIPT_ERROR, "ValueError: no"),
        (End(phase="init", report=FAILED, exit_code=1), S.FAILED, R.SCRIPT_ERROR, "ValueError: no"),
        (End(phase="load", report=FAILED, exit_code=1), S.FAILED, R.LOAD_ERROR, "ValueError: no"),
        (
            End(phase="main", report=FAILED | {"type": "MemoryError"}, exit_code=1),
            S.FAILED,
            R.OUT_OF_MEMORY,
            "ValueError: no",
        ),
        (
            End(phase="main", signal=signal.SIGSEGV),
            S.FAILED,
            R.KILLED,
            "its process was ended by SIGSEGV during main()",
        ),
        (
            End(phase="ready", signal=signal.SIGKILL),
            S.FAILED,
            R.KILLED,
            "its process was ended by SIGKILL during waiting to be started",
        ),
        (
            End(phase="main", signal=77),
            S.FAILED,
            R.KILLED,
            "its process was ended by signal 77 during main()",
        ),
        (
            End(phase="main", signal=signal.SIGKILL, kernel_killed=True),
            S.FAILED,
            R.OUT_OF_MEMORY,
            "killed by the kernel, which was out of memory, while main()",
        ),
        (
            End(phase="main", signal=signal.SIGSEGV, kernel_killed=True),
            S.FAILED,
            R.KILLED,
            "its process was ended by SIGSEGV during main()",
        ),
        (
            End(phase="main", signal=signal.SIGTERM, intent={"why": "stop"}),
            S.STOPPED,
            R.STOPPED,
            "stopped on request",
        ),
        (
            End(phase="main", report=FAILED, exit_code=1, intent={"why": "stop"}),
            S.STOPPED,
            R.STOPPED,
            "stopped on request",
        ),
        (
            End(phase="init", signal=signal.SIGKILL, intent={"why": "shutdown"}),
            S.STOPPED,
            R.STOPPED,
            "stopped because the server was shut down",
        ),
        (
            End(phase="ready", signal=signal.SIGTERM, intent={"why": "evict"}),
            S.STOPPED,
            R.EVICTED,
            "ended to make room for a newer procedure",
        ),
        (
            End(phase="main", signal=signal.SIGTERM, intent={"why": "timeout", "limit": 1.5}),
            S.FAILED,
            R.TIMEOUT,
            "main() took longer than its limit of 1.5 s",
        ),
        (
            End(phase="load", signal=signal.SIGKILL, intent={"why": "timeout", "limit": 60.0}),
            S.FAILED,
            R.TIMEOUT,
            "loading the script took longer than its limit of 60 s",
        ),
    ],
)
def test_each_way_to_end_has_its_state_its_reason_and_its_sentence(
    end: End, state: ProcedureState, reason: Reason, detail: str | None
) -> None:
    found, outcome, _ = verdict(end)
    assert (found, outcome.reason, outcome.detail) == (state, reason, detail)


def test_a_failure_of_the_script_keeps_its_stack_trace_and_exit_status() -> None:
    _, outcome, trace = verdict(End(phase="main", report=FAILED, exit_code=1))
    assert (outcome.exit_code, trace) == (1, "Traceback")


def test_a_signal_keeps_its_number() -> None:
    _, outcome, trace = verdict(End(phase="main", signal=11))
    assert (outcome.signal, outcome.exit_code, trace) == (11, None, None)


def test_a_stop_keeps_who_asked_for_it() -> None:
    _, outcome, _ = verdict(End(phase="main", signal=15, intent={"why": "stop", "by": "jo"}))
    assert (outcome.by, outcome.signal) == ("jo", 15)


@pytest.mark.parametrize("phase", ["environment", "load", "init", "ready", "main"])
@pytest.mark.parametrize("intent", [None, {"why": "stop"}, {"why": "timeout", "limit": 1.0}])
@pytest.mark.parametrize("number", [None, 9])
def test_every_phase_has_a_final_state_whatever_ended_it(
    phase: str, intent: dict[str, Any] | None, number: int | None
) -> None:
    end = End(phase=phase, intent=intent, signal=number, exit_code=None if number else 1)
    state, outcome, _ = verdict(end)
    assert state in FINAL
    assert outcome.detail
