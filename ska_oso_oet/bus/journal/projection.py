"""What is told from the messages as they are written, so that no question has to read them all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from ...domain.listing import created
from ..envelope import Envelope
from .schema import Tables

#: What messages must be about for anything to follow from them.
_TOPICS = (
    "procedure.lifecycle.",
    "activity.lifecycle.",
    "operator.override.",
    "telescope.obs_state",
    "audit.",
    "auth.",
)

_SUBARRAYS = 16
_LONGEST = 20  #: characters of an obsState


def matters(topic: str) -> bool:
    """Tell whether anything can follow from a message on this topic."""
    return topic.startswith(_TOPICS)


def asked(envelope: Envelope) -> dict[str, Any]:
    """What the list of who asked for what has of a command, or a request that was refused."""
    payload = envelope.payload
    fields = ("user", "name", "address", "method", "path", "what", "status")
    return {
        "seq": envelope.seq,
        "id": envelope.id,
        "time": envelope.time,
        "request_id": envelope.request_id,
        "detail": payload.get("why"),
        **{name: payload.get(name) for name in fields},
    }


@dataclasses.dataclass(frozen=True)
class Projection:
    """What messages change beside the table of messages itself.

    :param place: what is noted with a document when it changes, and when it is made
    """

    tables: Tables
    changed: dict[str, Any] = dataclasses.field(default_factory=dict)
    made: dict[str, Any] = dataclasses.field(default_factory=dict)

    def of(self, envelope: Envelope) -> Iterable[sa.Executable]:
        """What a message changes."""
        payload = envelope.payload
        if envelope.topic == "operator.override.state":
            yield from self._document("operator", 0, payload)
        elif envelope.topic == "telescope.obs_state":
            yield from self._told(envelope)
        elif envelope.topic.startswith("activity.lifecycle."):
            activity = payload["result"]
            about = {"created": created(activity), "script_uri": activity.get("script_uri")}
            yield from self._document("activity", activity["id"], activity, activity["state"], **about)
        elif envelope.topic.startswith("procedure.lifecycle."):
            yield from self._procedure(payload)
        elif envelope.topic in ("audit.command", "auth.refused"):
            yield self.tables.audit.insert().values(**asked(envelope), **self.tables.common)
        elif envelope.topic == "audit.result":
            table = self.tables.audit
            command = self.tables.ours(table, table.c.id == payload["command"])
            yield table.update().where(command).values(status=payload["status"], detail=payload["detail"])

    def _document(
        self, kind: str, i: int, document: dict[str, Any], state: str = "", **about: Any
    ) -> Iterable[sa.Executable]:
        table = self.tables.documents
        values = {"kind": kind, "id": i, "state": state, "document": json.dumps(document), **about}
        yield table.delete().where(self.tables.ours(table, table.c.kind == kind, table.c.id == i))
        yield table.insert().values(**values, **self.tables.common, **self.changed)

    def _told(self, envelope: Envelope) -> Iterable[sa.Executable]:
        """Any script may say this, in any form."""
        subarray, state = (envelope.payload.get(name) for name in ("subarray_id", "obs_state"))
        if not isinstance(subarray, int) or not 0 < subarray <= _SUBARRAYS:
            return
        if isinstance(state, str) and envelope.msg_src.isdecimal():
            who = int(envelope.msg_src)
            told = {"obs_state": state[:_LONGEST], "time": envelope.time, "procedure_id": who}
            yield from self._document("subarray", subarray, told)

    def _procedure(self, payload: dict[str, Any]) -> Iterable[sa.Executable]:
        table = self.tables.procedures
        if "new_state" in payload:
            mine = self.tables.ours(table, table.c.pid == payload["pid"])
            yield table.update().where(mine).values(state=payload["new_state"], **self.changed)
            return
        document = payload.get("result")
        if not isinstance(document, dict):
            return
        values = {
            "state": document["state"],
            "script_uri": document["script"]["script_uri"],
            "document": json.dumps(document),
            "created": created(document),
            **self.changed,
        }
        mine = self.tables.ours(table, table.c.pid == document["id"])
        if document["state"] == "CREATING":
            yield table.delete().where(mine)
            yield table.insert().values(pid=document["id"], **values, **self.tables.common, **self.made)
        else:
            yield table.update().where(mine).values(**values)
