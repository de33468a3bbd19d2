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
        NotAuthorisedError,
        NotLoggedInError,
        OETError,
        ProviderAnswerError,
        ProviderUnreachableError,
        RefusedError,
        UnreachableError,
    )
    from .happenings import Event, OutputChunk, OutputPage
    from .model import (
        Activity,
        AuditBreak,
        AuditEntry,
        AuditPlace,
        AuditVerification,
        Authentication,
        CallArguments,
        DescribedScript,
        DrainState,
        Environment,
        FoundScript,
        ObsState,
        Outcome,
        Procedure,
        QaOverride,
        QaSwitch,
        RunFile,
        RunFiles,
        Script,
        ScriptFunction,
        ServerStatus,
        StateChange,
        StopResult,
        SurvivorProcess,
    )
    from .procedureclient import ProcedureAdapter, ProcedureSummary

__version__ = "1.0.0"

_HOMES = {
    "activityclient": ("ActivityAdapter", "ActivitySummary"),
    "client": ("OETClient",),
    "errors": (
        "BadAnswerError",
        "DeadlineError",
        "InvalidRequestError",
        "LoginFailedError",
        "NotAuthorisedError",
        "NotLoggedInError",
        "OETError",
        "ProviderAnswerError",
        "ProviderUnreachableError",
        "RefusedError",
        "UnreachableError",
    ),
    "happenings": ("Event", "OutputChunk", "OutputPage"),
    "model": (
        "Activity",
        "AuditBreak",
        "AuditEntry",
        "AuditPlace",
        "AuditVerification",
        "Authentication",
        "CallArguments",
        "DescribedScript",
        "DrainState",
        "Environment",
        "FoundScript",
        "ObsState",
        "Outcome",
        "Procedure",
        "QaOverride",
        "QaSwitch",
        "RunFile",
        "RunFiles",
        "Script",
        "ScriptFunction",
        "ServerStatus",
        "StateChange",
        "StopResult",
        "SurvivorProcess",
    ),
    "procedureclient": ("ProcedureAdapter", "ProcedureSummary"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

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
    "DeadlineError",
    "DescribedScript",
    "DrainState",
    "Environment",
    "Event",
    "FoundScript",
    "InvalidRequestError",
    "LoginFailedError",
    "NotAuthorisedError",
    "NotLoggedInError",
    "OETClient",
    "OETError",
    "ObsState",
    "Outcome",
    "OutputChunk",
    "OutputPage",
    "Procedure",
    "ProcedureAdapter",
    "ProcedureSummary",
    "ProviderAnswerError",
    "ProviderUnreachableError",
    "QaOverride",
    "QaSwitch",
    "RefusedError",
    "RunFile",
    "RunFiles",
    "Script",
    "ScriptFunction",
    "ServerStatus",
    "StateChange",
    "StopResult",
    "SurvivorProcess",
    "UnreachableError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
