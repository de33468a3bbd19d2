"""Server-sent events."""

from __future__ import annotations

import json
from typing import Any

from ..bus.envelope import Envelope, shown_with


def message(envelope: Envelope) -> bytes:
    """A message of the bus."""
    known: dict[str, Any] = {
        "topic": envelope.topic,
        "msg_src": envelope.msg_src,
        "time": envelope.time,
    }
    if envelope.request_id is not None:
        known["request_id"] = envelope.request_id
    if envelope.user is not None and "user" not in envelope.payload:
        known["user"] = envelope.user
    fields = shown_with(envelope.payload, known | {"id": envelope.seq})
    del fields["id"]  # clients put it there, who have it from the event
    return event(envelope.topic, fields, envelope.seq)


def event(name: str, data: dict[str, Any], seq: int | None = None) -> bytes:
    """Anything else."""
    number = f"id: {seq}\n" if seq is not None else ""
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def output(pid: int, piece: dict[str, Any]) -> bytes:
    """A piece of what a script has printed."""
    return event("procedure.output", {"pid": pid, **piece}, piece["n"])
