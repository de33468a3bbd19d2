"""The envelope of every message."""

from __future__ import annotations

import dataclasses
import functools
import json
import uuid
from typing import Any

_LAYOUT = ("id", "time", "topic", "msg_src", "payload", "request_id", "user", "expires", "seq")
_RARE = ("trace", "sealed", "link")  #: omitted if empty


@dataclasses.dataclass(frozen=True, kw_only=True)
class Envelope:
    """One message with its source, time and request."""

    topic: str
    msg_src: str  #: name of a worker, or id of a procedure
    time: float  #: time of the event at the source, seconds since the epoch
    payload: dict[str, Any]
    id: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex)
    request_id: str | None = None  #: id of the request that caused the message
    user: str | None = None  #: user who sent the request
    expires: float | None = None  #: time after which a request must not be begun
    seq: int | None = None  #: sequence number in the journal; None for a transient message
    trace: str | None = None  #: W3C traceparent of its cause; None without tracing
    sealed: bool = False  #: a request whose secrets are in a file; see :mod:`ska_oso_oet.files.sealed`
    #: Its place in the chain of the audit, assigned by the journal: ``n``, ``previous`` and ``hash``.
    link: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the form on the wire."""
        data = {name: getattr(self, name) for name in _LAYOUT}
        return data | {name: getattr(self, name) for name in _RARE if getattr(self, name)}

    @functools.cached_property
    def encoded(self) -> str:
        """The form on the wire as JSON, encoded once for the journal and all receivers."""
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Envelope:
        """Read the form on the wire; keys of a newer release are ignored.

        :raises TypeError: if a field is missing
        """
        return cls(**{name: data[name] for name in (*_LAYOUT, *_RARE) if name in data})

    @property
    def about(self) -> int | None:
        """The id of the procedure this message is about; None if it is about none."""
        return about(self.topic, self.msg_src, self.payload)


def shown_with(payload: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """The fields of a message with its properties; a field with the name of a property gets another name."""
    fields = dict(payload)
    for name in properties.keys() & payload.keys():
        other = name
        while other in fields or other in properties:
            other += "_"
        fields[other] = fields.pop(name)
    return fields | properties


def about(topic: str, msg_src: str, payload: dict[str, Any]) -> int | None:
    """The id of the procedure a message is about; None if it is about none."""
    if msg_src.isdecimal():
        return int(msg_src)
    if not topic.startswith(("procedure.", "request.procedure.")):
        return None
    command, result = payload.get("cmd"), payload.get("result")
    pid = payload.get("pid")
    if isinstance(command, dict):
        pid = command.get("pid")
    elif isinstance(result, dict):
        pid = result.get("id")
    return pid if type(pid) is int else None
