"""The events of a procedure; its state is their fold.

Each class is one topic of the event bus; its fields are the message's fields, and ``time`` (seconds since
the epoch) is when it happened.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Union

from .happening import Happening
from .pace_events import (
    PauseChanged,
    Paused,
    PauseMissed,
    PauseReminder,
    PauseRequested,
    PauseWithdrawn,
    QuestionAnswered,
    QuestionAsked,
    QuestionChanged,
    Resumed,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Created(Happening):
    """A procedure exists; ``result`` is the whole of it."""

    TOPIC = "procedure.lifecycle.created"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateChanged(Happening):
    """A procedure went from one state to another."""

    TOPIC = "procedure.lifecycle.statechange"
    pid: int
    old_state: str
    new_state: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolved(Happening):
    """It is known which commit of its repository a procedure runs."""

    TOPIC = "procedure.lifecycle.resolved"
    pid: int
    resolved_commit: str
    resolved_branch: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Initialising(Happening):
    """``init`` is being called, with other arguments than were asked for."""

    TOPIC = "procedure.lifecycle.initialising"
    pid: int
    init: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slowed(Happening):
    """The script exceeds the message rate; from now on each message makes it wait."""

    TOPIC = "procedure.lifecycle.slowed"
    pid: int
    rate: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ready(Happening):
    """The script is loaded; ``result`` tells the OS process id."""

    TOPIC = "procedure.lifecycle.ready"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Started(Happening):
    """``main`` was called; ``result`` tells its arguments."""

    TOPIC = "procedure.lifecycle.started"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopping(Happening):
    """A stop reached one of its stages: intent, terminate, kill, verified."""

    TOPIC = "procedure.lifecycle.stopping"
    pid: int
    stage: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stacktrace(Happening):
    """The script's own frames of the exception that ended it."""

    TOPIC = "procedure.lifecycle.stacktrace"
    pid: int
    stacktrace: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Completed(Happening):
    """Final; ``result`` is the whole procedure with its outcome."""

    TOPIC = "procedure.lifecycle.complete"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failed(Happening):
    """Final; ``result`` is the whole procedure with its outcome."""

    TOPIC = "procedure.lifecycle.failed"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopped(Happening):
    """Final; ``result`` is the whole procedure with its outcome."""

    TOPIC = "procedure.lifecycle.stopped"
    result: dict[str, Any]


Event = Union[
    Created,
    StateChanged,
    Resolved,
    Initialising,
    Slowed,
    Ready,
    Started,
    Stopping,
    Stacktrace,
    Completed,
    Failed,
    Stopped,
    PauseChanged,
    QuestionChanged,
]

EVENTS: dict[str, type[Event]] = {
    cls.TOPIC: cls
    for cls in (
        Created,
        StateChanged,
        Resolved,
        Initialising,
        Slowed,
        Ready,
        Started,
        Stopping,
        Stacktrace,
        Completed,
        Failed,
        Stopped,
        PauseRequested,
        PauseWithdrawn,
        Paused,
        Resumed,
        PauseMissed,
        PauseReminder,
        QuestionAsked,
        QuestionAnswered,
    )
}


def event(topic: str, payload: dict[str, Any], time: float) -> Event:
    """Read an event back from a message.

    :raises KeyError: for a topic that is no event of a procedure
    :raises TypeError: for a message whose fields are not the event's
    """
    return EVENTS[topic](time=time, **payload)
