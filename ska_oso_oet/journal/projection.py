"""Tables derived from the messages as they are written, so that a query need not read all messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..bus import topics
from ..bus.envelope import Envelope
from ..domain.listing import created
from .schema import Tables

#: Topics, and prefixes of topics, of the messages that change the derived tables.
_TOPICS = (
    f"{topics.LIFECYCLE}.",
    f"{topics.ACTIVITY_LIFECYCLE}.",
    topics.QA_STATE,
    topics.ABORT_FAILED,
    topics.ABORT_COMPLETE,
    "telescope.obs_state",
    *topics.AUDIT,
)

_SUBARRAYS = 16
_LONGEST = 20  #: characters of an obsState


def is_projected(topic: str) -> bool:
    """Tell whether messages on this topic can change the derived tables."""
    return topic.startswith(_TOPICS)


def audit_row(envelope: Envelope) -> dict[str, Any]:
    """The row of a command, or of a refused request, in the table of the audit."""
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


class Change(NamedTuple):
    """A statement, built once, with the values for its execution."""

    statement: sa.Executable
    values: dict[str, Any]


class Projection:
    """The statements by which a message changes the derived tables.

    Statements are built once: building and compiling one costs more than executing it.

    :param tables: the tables to change
    """

    def __init__(self, tables: Tables) -> None:
        which: sa.BindParameter[Any] = sa.bindparam("which")
        kind: sa.BindParameter[Any] = sa.bindparam("which_kind")
        procedure = tables.ours(tables.procedures, tables.procedures.c.pid == which)
        of_kind = tables.documents.c.kind == kind
        document = tables.ours(tables.documents, of_kind, tables.documents.c.id == which)
        command = tables.ours(tables.audit, tables.audit.c.id == which)
        self._common = dict(tables.common)
        self._insert_procedure = tables.procedures.insert()
        self._update_procedure = tables.procedures.update().where(procedure)
        self._delete_procedure = tables.procedures.delete().where(procedure)
        self._insert_document = tables.documents.insert()
        self._delete_document = tables.documents.delete().where(document)
        self._insert_command = tables.audit.insert()
        self._answer_command = tables.audit.update().where(command)

    def of(self, envelope: Envelope, position: int | None = None) -> Iterable[Change]:
        """The statements of a message.

        :param position: its position, for tables with columns for it
        """
        changed: dict[str, Any] = {} if position is None else {"changed": position}
        payload = envelope.payload
        if envelope.topic == topics.QA_STATE:
            yield from self._document("operator", 0, payload, **changed)
        elif envelope.topic in (topics.ABORT_FAILED, topics.ABORT_COMPLETE):
            failed = envelope.topic == topics.ABORT_FAILED
            end = {"procedure_id": payload["pid"], "time": envelope.time, "detail": payload["detail"]}
            yield from self._document("abort", 0, {**end, "failed": failed}, **changed)
        elif envelope.topic == "telescope.obs_state":
            yield from self._obs_state(envelope, changed)
        elif envelope.topic.startswith(topics.ACTIVITY_LIFECYCLE):
            activity = payload["result"]
            about = {"created": created(activity), "script_uri": activity.get("script_uri"), **changed}
            yield from self._document("activity", activity["id"], activity, state=activity["state"], **about)
        elif envelope.topic.startswith(topics.LIFECYCLE):
            yield from self._procedure(payload, changed)
        elif envelope.topic in (topics.AUDIT_COMMAND, topics.AUTH_REFUSED):
            yield Change(self._insert_command, {**audit_row(envelope), **self._common})
        elif envelope.topic == topics.AUDIT_RESULT:
            answer = {"status": payload["status"], "detail": payload["detail"]}
            yield Change(self._answer_command, {"which": payload["command"], **answer})

    def _document(self, kind: str, i: int, document: dict[str, Any], **about: Any) -> Iterable[Change]:
        values = {"kind": kind, "id": i, "document": json.dumps(document), **about}
        rest = {"state": "", "created": None, "script_uri": None, **self._common}
        yield Change(self._delete_document, {"which": i, "which_kind": kind})
        # Every column has a value, so that one statement serves all kinds of documents.
        yield Change(self._insert_document, rest | values)

    def _obs_state(self, envelope: Envelope, changed: dict[str, Any]) -> Iterable[Change]:
        """Validates the message: any script may publish it, in any form."""
        subarray, state = (envelope.payload.get(name) for name in ("subarray_id", "obs_state"))
        # True is an integer as well, but not for PostgreSQL.
        if type(subarray) is not int or not 0 < subarray <= _SUBARRAYS:
            return
        if isinstance(state, str) and envelope.msg_src.isdecimal():
            pid = int(envelope.msg_src)
            published = {"obs_state": state[:_LONGEST], "time": envelope.time, "procedure_id": pid}
            yield from self._document("subarray", subarray, published, **changed)

    def _procedure(self, payload: dict[str, Any], changed: dict[str, Any]) -> Iterable[Change]:
        if "new_state" in payload:
            state = {"state": payload["new_state"], **changed}
            yield Change(self._update_procedure, {"which": payload["pid"], **state})
            return
        document = payload.get("result")
        if not isinstance(document, dict):
            return
        which = {"which": document["id"]}
        values = {
            "state": document["state"],
            "script_uri": document["script"]["script_uri"],
            "document": json.dumps(document),
            "created": created(document),
            **changed,
        }
        if document["state"] == "CREATING":
            made = {"position": changed["changed"]} if changed else {}
            yield Change(self._delete_procedure, which)
            yield Change(self._insert_procedure, {"pid": document["id"], **values, **made, **self._common})
        else:
            yield Change(self._update_procedure, which | values)
