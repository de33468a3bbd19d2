"""The envelope every message travels in."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

_LAYOUT = ("id", "time", "topic", "msg_src", "payload", "request_id", "user", "expires", "seq")
_RARE = ("trace", "sealed", "link")  #: left out where there is nothing to say


@dataclasses.dataclass(frozen=True, kw_only=True)
class Envelope:
    """One message: who says what, when, and in answer to what."""

    topic: str
    msg_src: str  #: a worker's name, or the id of the procedure that speaks
    time: float  #: when it happened, at the source; seconds since the epoch
    payload: dict[str, Any]
    id: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex)
    request_id: str | None = None  #: ties a reply, and all it causes, to its request
    user: str | None = None  #: on whose behalf
    expires: float | None = None  #: a request not begun by then must not be carried out
    seq: int | None = None  #: place in the journal; none for a transient message
    trace: str | None = None  #: the W3C traceparent of what caused it, where that is traced
    sealed: bool = False  #: a request of which some is kept aside; see :mod:`.sealed`
    #: Its place in the chain of the audit, given by the journal: ``n``, ``previous`` and ``hash``.
    link: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the form on the wire."""
        data = {name: getattr(self, name) for name in _LAYOUT}
        return data | {name: getattr(self, name) for name in _RARE if getattr(self, name)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Envelope:
        """Read the form on the wire; keys of a newer release are left aside.

        :raises TypeError: where a field is missing
        """
        return cls(**{name: data[name] for name in (*_LAYOUT, *_RARE) if name in data})

    @property
    def about(self) -> int | None:
        """The id of the procedure this message is about, if it is about one."""
        return about(self.topic, self.msg_src, self.payload)


def shown_with(payload: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The fields of a message beside what is known of it; a field that has the same name gets another."""
    fields = dict(payload)
    for name in known.keys() & payload.keys():
        other = name
        while other in fields or other in known:
            other += "_"
        fields[other] = fields.pop(name)
    return fields | known


def about(topic: str, msg_src: str, payload: dict[str, Any]) -> int | None:
    """Tell which procedure a message is about."""
    if msg_src.isdecimal():
        return int(msg_src)
    if not topic.startswith(("procedure.", "request.procedure.")):
        return None
    command, result = payload.get("cmd"), payload.get("result")
    found = payload.get("pid")
    if isinstance(command, dict):
        found = command.get("pid")
    elif isinstance(result, dict):
        found = result.get("id")
    return found if isinstance(found, int) else None
