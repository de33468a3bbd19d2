"""Server-sent events."""

from __future__ import annotations

import json
from typing import Any

from ...bus import topics
from ...bus.envelope import Envelope, shown_with


def message(envelope: Envelope) -> bytes:
    """A message of the bus."""
    properties: dict[str, Any] = {
        "topic": envelope.topic,
        "msg_src": envelope.msg_src,
        "time": envelope.time,
    }
    if envelope.request_id is not None:
        properties["request_id"] = envelope.request_id
    if envelope.user is not None and "user" not in envelope.payload:
        properties["user"] = envelope.user
    fields = shown_with(envelope.payload, properties | {"id": envelope.seq})
    del fields["id"]  # clients add it, from the id of the event
    return event(envelope.topic, fields, envelope.seq)


def event(name: str, data: dict[str, Any], seq: int | None = None) -> bytes:
    """Any other event."""
    number = f"id: {seq}\n" if seq is not None else ""
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def output(pid: int, piece: dict[str, Any]) -> bytes:
    """A piece of a script's output."""
    return event(topics.OUTPUT, {"pid": pid, **piece}, piece["n"])
