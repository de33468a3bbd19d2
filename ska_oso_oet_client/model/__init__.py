"""The client's view of the OET: immutable objects decoded from the server's JSON.

Unknown fields are kept in ``document``, so that a newer server's answer passes through whole.
States are plain strings for the same reason.
"""

from .activity import Activity
from .audit import AuditBreak, AuditEntry, AuditPlace, AuditVerification
from .check import Check, Estimate, Parameter, Problem, ScriptSchema, TypedFunction
from .discovery import DescribedScript, Environment, FoundScript, RunFile, RunFiles, ScriptFunction
from .pace import Checkpoint, DryCommand, DryRun, Pause, Progress, Question, Remaining
from .procedure import Procedure, Script, StopResult, SurvivorProcess, commanding
from .record import (
    COMMANDING,
    COMPLETE,
    FAILED,
    FINAL_STATES,
    PREPARED,
    READY,
    RUNNING,
    STOPPED,
    CallArguments,
    Document,
    Documented,
    Outcome,
    StateChange,
)
from .server import (
    Authentication,
    DrainState,
    LastAbort,
    ObsState,
    QaOverride,
    QaSwitch,
    ServerStatus,
)

__all__ = [
    "COMMANDING",
    "COMPLETE",
    "FAILED",
    "FINAL_STATES",
    "PREPARED",
    "READY",
    "RUNNING",
    "STOPPED",
    "Activity",
    "AuditBreak",
    "AuditEntry",
    "AuditPlace",
    "AuditVerification",
    "Authentication",
    "CallArguments",
    "Check",
    "Checkpoint",
    "DescribedScript",
    "Document",
    "Documented",
    "DrainState",
    "DryCommand",
    "DryRun",
    "Environment",
    "Estimate",
    "FoundScript",
    "LastAbort",
    "ObsState",
    "Outcome",
    "Parameter",
    "Problem",
    "Pause",
    "Procedure",
    "Progress",
    "QaOverride",
    "QaSwitch",
    "Question",
    "Remaining",
    "RunFile",
    "RunFiles",
    "Script",
    "ScriptFunction",
    "ScriptSchema",
    "ServerStatus",
    "StateChange",
    "StopResult",
    "SurvivorProcess",
    "TypedFunction",
    "commanding",
]
