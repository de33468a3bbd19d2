"""Subjects of following: which events are about one, and which of them end it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from .decoding import answer_of, decode
from .events import Event
from .model import COMPLETE, FAILED, FINAL_STATES, READY, STOPPED, Activity, Procedure

ACTIVITY_WORKER = "ActivityWorker"
"""Who asks for procedures on behalf of activities."""

STATE_AFTER = {
    "procedure.lifecycle.ready": READY,
    "procedure.lifecycle.complete": COMPLETE,
    "procedure.lifecycle.failed": FAILED,
    "procedure.lifecycle.stopped": STOPPED,
}
"""The events after which a script prints nothing, for now or for ever."""

_ACTIVITY_CHANGED = "activity.lifecycle.statechange"
_ACTIVITY_OVER = frozenset(
    {"activity.lifecycle.complete", "activity.lifecycle.failed", "activity.lifecycle.stopped"}
)

T = TypeVar("T", Procedure, Activity)


class Subject(ABC, Generic[T]):
    """A procedure or an activity that is followed until it is final, or in a state ``until``.

    ``pid`` is the procedure whose output belongs to it, if there is one; ``ask`` gets it from the
    server at ``url``.
    """

    def __init__(
        self, pid: int | None, until: Collection[str], ask: Callable[[], T], url: str
    ) -> None:
        self.pid = pid
        self._until = until
        self._ask: Callable[[], T] = ask
        self._url = url

    @abstractmethod
    def concerns(self, event: Event) -> bool:
        """Whether the event is about this one, or about all of them."""

    @abstractmethod
    def ended_by(self, event: Event) -> T | None:
        """Its current document if this event of it ends the following, else None."""

    def _decode(self, kind: type[T], event: Event) -> T:
        with answer_of(self._url):
            return decode(kind, event.fields.get("result"))

    def ended(self) -> T | None:
        """The same, by a request to the server."""
        found = self._ask()
        return found if found.is_final or found.state in self._until else None


class ProcedureSubject(Subject[Procedure]):
    def concerns(self, event: Event) -> bool:
        return self.pid is not None and concerns_procedure(event, self.pid)

    def ended_by(self, event: Event) -> Procedure | None:
        state = STATE_AFTER.get(event.topic)
        if state in FINAL_STATES or state in self._until:
            return self._decode(Procedure, event)
        return None


class ActivitySubject(Subject[Activity]):
    """Its end is its own: it may fail without its procedure, and ends a moment after it."""

    def __init__(
        self,
        activity: Activity,
        until: Collection[str],
        ask: Callable[[], Activity],
        url: str,
    ) -> None:
        super().__init__(activity.procedure_id, until, ask, url)
        self._activity = activity

    def concerns(self, event: Event) -> bool:
        if event.topic.startswith("request.procedure.") and event.source == ACTIVITY_WORKER:
            return False  # a part of the activity, whose own event follows
        if self.pid is not None and concerns_procedure(event, self.pid):
            return True
        return concerns_activity(event, self._activity)

    def ended_by(self, event: Event) -> Activity | None:
        changed = event.topic == _ACTIVITY_CHANGED and event.fields.get("new_state") in self._until
        if changed or event.topic in _ACTIVITY_OVER:
            return self._decode(Activity, event)
        return None


def concerns_procedure(event: Event, pid: int) -> bool:
    fields = event.fields
    if event.topic.startswith("operator."):
        return True
    names = [fields.get("msg_src"), fields.get("pid")]
    if event.topic.startswith("procedure."):
        names.append(_part(fields, "result").get("id"))
    if event.topic.startswith("request.procedure."):
        names.append(_part(fields, "cmd").get("pid"))
    return _is_among(pid, names)


def concerns_activity(event: Event, activity: Activity) -> bool:
    fields = event.fields
    if event.topic.startswith("activity."):
        return _is_among(activity.id, [fields.get("aid"), _part(fields, "result").get("id")])
    if event.topic.startswith("request.activity."):
        return _is_among(activity.id, [_part(fields, "cmd").get("aid")])
    if event.topic.startswith("sb."):
        return _is_among(activity.sbi_id, [fields.get("sbi_id")])
    return event.topic.startswith("operator.")


def _is_among(name: int | str | None, names: Collection[Any]) -> bool:
    return str(name) in (str(other) for other in names if other is not None)


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = fields.get(name)
    return part if isinstance(part, Mapping) else {}
