"""How a procedure ended."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any


class Reason(str, enum.Enum):
    """Why a procedure is final; values are the names on the wire."""

    COMPLETED = "completed"  #: main returned, or ended its process with status 0
    SCRIPT_ERROR = "script_error"  #: an exception, or an exit status other than 0
    STOPPED = "stopped"  #: by request, or because the server was shut down
    KILLED = "killed"  #: a signal that was not ours
    OUT_OF_MEMORY = "out_of_memory"  #: the memory limit, or the kernel's own, was passed
    TIMEOUT = "timeout"  #: a phase took longer than its limit
    LOST = "lost"  #: its supervisor vanished
    LOAD_ERROR = "load_error"  #: the script could not be imported, or has no main
    ENVIRONMENT_ERROR = "environment_error"  #: its environment could not be made
    EVICTED = "evicted"  #: ended to make room in the list of procedures
    NOT_STARTED = "not_started"  #: of an activity, or of an abort: its procedure could not be started

    def __str__(self) -> str:
        return self.value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a finished procedure, as clients see it."""

    reason: Reason
    exit_code: int | None = None  #: exit status of the script's process
    signal: int | None = None  #: number of the signal that ended it
    by: str | None = None  #: the user who asked for the end
    detail: str | None = None  #: one sentence for people
    result: Any = None  #: what main returned, as JSON carries it
    stages: tuple[tuple[str, float], ...] = ()  #: stages of the stop, seconds since the epoch

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "reason": self.reason.value,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "by": self.by,
            "detail": self.detail,
            "result": self.result,
            "stages": [list(stage) for stage in self.stages],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Outcome:
        """Read the JSON form back."""
        stages = tuple((str(name), float(at)) for name, at in data.get("stages", ()))
        return cls(
            reason=Reason(data["reason"]),
            exit_code=data.get("exit_code"),
            signal=data.get("signal"),
            by=data.get("by"),
            detail=data.get("detail"),
            result=data.get("result"),
            stages=stages,
        )
