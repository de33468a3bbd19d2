"""Client of the Observation Execution Tool (OET): the ``oet`` command and ``OETClient``.

The names below are loaded when first used: ``oet --help`` must not pay for an HTTP library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .activityclient import ActivityAdapter, ActivitySummary
    from .client import OETClient
    from .errors import (
        BadAnswerError,
        DeadlineError,
        InvalidRequestError,
        LoginFailedError,
        LostError,
        NotAuthorisedError,
        NotLoggedInError,
        OETError,
        ProviderAnswerError,
        ProviderUnreachableError,
        RefusedError,
        UnreachableError,
    )
    from .events import Event, OutputChunk, OutputPage
    from .model import (
        Activity,
        AuditBreak,
        AuditEntry,
        AuditPlace,
        AuditVerification,
        Authentication,
        CallArguments,
        Check,
        Checkpoint,
        DescribedScript,
        DrainState,
        DryCommand,
        DryRun,
        Environment,
        Estimate,
        FoundScript,
        LastAbort,
        ObsState,
        Outcome,
        Parameter,
        Pause,
        Problem,
        Procedure,
        Progress,
        QaOverride,
        QaSwitch,
        Question,
        Remaining,
        RunFile,
        RunFiles,
        Script,
        ScriptFunction,
        ScriptSchema,
        ServerStatus,
        StateChange,
        StopResult,
        SurvivorProcess,
        TypedFunction,
    )
    from .procedureclient import ProcedureAdapter, ProcedureSummary

__version__ = "1.0.0"

# The lightest first.
_MODULES = ("errors", "events", "model", "client", "activityclient", "procedureclient")

__all__ = [
    "Activity",
    "ActivityAdapter",
    "ActivitySummary",
    "AuditBreak",
    "AuditEntry",
    "AuditPlace",
    "AuditVerification",
    "Authentication",
    "BadAnswerError",
    "CallArguments",
    "Check",
    "Checkpoint",
    "DeadlineError",
    "DescribedScript",
    "DrainState",
    "DryCommand",
    "DryRun",
    "Environment",
    "Estimate",
    "Event",
    "FoundScript",
    "InvalidRequestError",
    "LoginFailedError",
    "NotAuthorisedError",
    "NotLoggedInError",
    "OETClient",
    "OETError",
    "LastAbort",
    "ObsState",
    "Outcome",
    "OutputChunk",
    "OutputPage",
    "Parameter",
    "Problem",
    "Pause",
    "Procedure",
    "ProcedureAdapter",
    "ProcedureSummary",
    "Progress",
    "ProviderAnswerError",
    "LostError",
    "ProviderUnreachableError",
    "QaOverride",
    "QaSwitch",
    "Question",
    "Remaining",
    "RefusedError",
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
    "UnreachableError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f".{module}", __name__)).get(name)
            if found is not None:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
