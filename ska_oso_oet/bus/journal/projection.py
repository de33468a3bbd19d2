"""What is told from the messages as they are written, so that no question has to read them all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from ..envelope import Envelope
from .schema import AUDIT, DOCUMENTS, PROCEDURES


def projection(envelopes: Iterable[Envelope]) -> Iterable[sa.Executable]:
    """What these messages change beside the table of messages itself."""
    for envelope in envelopes:
        payload = envelope.payload
        if envelope.topic == "operator.override.state":
            yield from _store_document("operator", 0, "", payload)
        elif envelope.topic.startswith("activity.lifecycle."):
            activity = payload["result"]
            yield from _store_document("activity", activity["id"], activity["state"], activity)
        elif envelope.topic.startswith("procedure.lifecycle."):
            yield from _store_procedure(payload)
        elif envelope.topic in ("audit.command", "auth.refused"):
            yield _store_asked(envelope)
        elif envelope.topic == "audit.result":
            answered = {"status": payload["status"], "detail": payload["detail"]}
            yield AUDIT.update().where(AUDIT.c.id == payload["command"]).values(**answered)


def _store_asked(envelope: Envelope) -> sa.Executable:
    payload = envelope.payload
    fields = ("user", "name", "address", "method", "path", "what", "status")
    return AUDIT.insert().values(
        seq=envelope.seq,
        id=envelope.id,
        time=envelope.time,
        request_id=envelope.request_id,
        detail=payload.get("why"),
        **{name: payload.get(name) for name in fields},
    )


def _store_document(kind: str, i: int, state: str, document: dict[str, Any]) -> Iterable[sa.Executable]:
    yield DOCUMENTS.delete().where(DOCUMENTS.c.kind == kind, DOCUMENTS.c.id == i)
    yield DOCUMENTS.insert().values(kind=kind, id=i, state=state, document=json.dumps(document))


def _store_procedure(payload: dict[str, Any]) -> Iterable[sa.Executable]:
    if "new_state" in payload:
        mine = PROCEDURES.c.pid == payload["pid"]
        yield PROCEDURES.update().where(mine).values(state=payload["new_state"])
        return
    document = payload.get("result")
    if not isinstance(document, dict):
        return
    values = {
        "state": document["state"],
        "script_uri": document["script"]["script_uri"],
        "document": json.dumps(document),
    }
    mine = PROCEDURES.c.pid == document["id"]
    if document["state"] == "CREATING":
        yield PROCEDURES.delete().where(mine)
        yield PROCEDURES.insert().values(pid=document["id"], **values)
    else:
        yield PROCEDURES.update().where(mine).values(**values)
