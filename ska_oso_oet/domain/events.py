"""The events of a procedure; its state is their fold.

Each class is one topic of the event bus; its fields are the message's fields, and ``time`` (seconds since
the epoch) is when it happened.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Union


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Event:
    TOPIC: ClassVar[str]
    time: float

    def payload(self) -> dict[str, Any]:
        """Return the message's fields."""
        names = (field.name for field in dataclasses.fields(self) if field.name != "time")
        return {name: getattr(self, name) for name in names}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Created(_Event):
    """A procedure exists; ``result`` is the whole of it."""

    TOPIC = "procedure.lifecycle.created"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateChanged(_Event):
    """A procedure went from one state to another."""

    TOPIC = "procedure.lifecycle.statechange"
    pid: int
    old_state: str
    new_state: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resolved(_Event):
    """It is known which commit of its repository a procedure runs."""

    TOPIC = "procedure.lifecycle.resolved"
    pid: int
    resolved_commit: str
    resolved_branch: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Initialising(_Event):
    """``init`` is being called, with other arguments than were asked for."""

    TOPIC = "procedure.lifecycle.initialising"
    pid: int
    init: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Slowed(_Event):
    """The script exceeds the message rate; from now on each message makes it wait."""

    TOPIC = "procedure.lifecycle.slowed"
    pid: int
    rate: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ready(_Event):
    """The script is loaded; ``result`` tells the OS process id."""

    TOPIC = "procedure.lifecycle.ready"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Started(_Event):
    """``main`` was called; ``result`` tells its arguments."""

    TOPIC = "procedure.lifecycle.started"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopping(_Event):
    """A stop reached one of its stages: intent, terminate, kill, verified."""

    TOPIC = "procedure.lifecycle.stopping"
    pid: int
    stage: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stacktrace(_Event):
    """The script's own frames of the exception that ended it."""

    TOPIC = "procedure.lifecycle.stacktrace"
    pid: int
    stacktrace: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Completed(_Event):
    """Final; ``result`` is the whole procedure with its outcome."""

    TOPIC = "procedure.lifecycle.complete"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Failed(_Event):
    """Final; ``result`` is the whole procedure with its outcome."""

    TOPIC = "procedure.lifecycle.failed"
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stopped(_Event):
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
    )
}


def event(topic: str, payload: dict[str, Any], time: float) -> Event:
    """Read an event back from a message.

    :raises KeyError: for a topic that is no event of a procedure
    :raises TypeError: for a message whose fields are not the event's
    """
    return EVENTS[topic](time=time, **payload)
