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
    topic = topics.topic_of(envelope.topic)
    # A field of that name which is not the OET's own, such as a script's, says nothing about who asked.
    for name, value in (("request_id", envelope.request_id), ("user", envelope.user)):
        if name not in (*topic.fields, *topic.optional):
            properties[name] = value
    fields = shown_with(envelope.payload, properties | {"id": envelope.seq})
    del fields["id"]  # clients add it, from the id of the event
    for name in ("request_id", "user"):
        if fields.get(name) is None:
            fields.pop(name, None)
    return event(envelope.topic, fields, envelope.seq)


def event(name: str, data: dict[str, Any], seq: int | None = None) -> bytes:
    """Any other event."""
    number = f"id: {seq}\n" if seq is not None else ""
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def output(pid: int, piece: dict[str, Any]) -> bytes:
    """A piece of a script's output."""
    return event(topics.OUTPUT, {"pid": pid, **piece}, piece["n"])
