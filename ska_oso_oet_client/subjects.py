"""What can be followed: which events are about it, and which of them say that it is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .decoding import decode
from .happenings import Event
from .model import COMPLETE, FAILED, FINAL_STATES, READY, STOPPED, Activity, Procedure

if TYPE_CHECKING:
    from .client import OETClient

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

    ``pid`` is the procedure whose output belongs to it, if there is one.
    """

    def __init__(self, client: OETClient, pid: int | None, until: Collection[str]) -> None:
        self.pid = pid
        self._client = client
        self._until = until

    @abstractmethod
    def concerns(self, event: Event) -> bool:
        """Whether the event is about this one, or about all of them."""

    @abstractmethod
    def ended_by(self, event: Event) -> T | None:
        """What it is now, when this event, which concerns it, says that following it is over."""

    @abstractmethod
    def _ask(self) -> T: ...

    def ended(self, notify: Callable[[str], None]) -> T | None:
        """The same, asked of the server."""
        found = self._client.patiently(self._ask, notify)
        return found if found.is_final or found.state in self._until else None


class ProcedureSubject(Subject[Procedure]):
    def __init__(self, client: OETClient, pid: int, until: Collection[str]) -> None:
        super().__init__(client, pid, until)
        self._id = pid

    def concerns(self, event: Event) -> bool:
        return concerns_procedure(event, self._id)

    def ended_by(self, event: Event) -> Procedure | None:
        state = STATE_AFTER.get(event.topic)
        if state in FINAL_STATES or state in self._until:
            return decode(Procedure.from_json, event.fields.get("result"), self._client.url)
        return None

    def _ask(self) -> Procedure:
        return self._client.procedure(self._id)


class ActivitySubject(Subject[Activity]):
    """Its end is its own: it may fail without its procedure, and ends a moment after it."""

    def __init__(self, client: OETClient, activity: Activity, until: Collection[str]) -> None:
        super().__init__(client, activity.procedure_id, until)
        self._activity = activity

    def concerns(self, event: Event) -> bool:
        if event.topic.startswith("request.procedure.") and event.source == ACTIVITY_WORKER:
            return False  # the activity's own doing, told by what comes of it
        if self.pid is not None and concerns_procedure(event, self.pid):
            return True
        return concerns_activity(event, self._activity)

    def ended_by(self, event: Event) -> Activity | None:
        changed = event.topic == _ACTIVITY_CHANGED and event.fields.get("new_state") in self._until
        if changed or event.topic in _ACTIVITY_OVER:
            return decode(Activity.from_json, event.fields.get("result"), self._client.url)
        return None

    def _ask(self) -> Activity:
        return self._client.activity(self._activity.id)


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
