"""Detects changes to the audit in the journal: in the chain of its records, and in the list shown to users.

Runs in any thread; sleeps between batches, so that the bus has half of the process's time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ..bus import topics
from ..bus.envelope import Envelope
from ..domain.audit_hash import Place, flaw
from . import audit_chain
from .audit_chain import place_of, read, records
from .projection import audit_row
from .schema import AUDIT, AUDITED, MESSAGES

_BATCH = 50
_ANSWERS = (
    sa.select(MESSAGES.c.seq, MESSAGES.c.body)
    .where(MESSAGES.c.topic == topics.AUDIT_RESULT)
    .where(MESSAGES.c.request_id == sa.bindparam("request"))
)
_REST = 0.002  #: seconds after a batch, at least

Broken = dict[str, Any]


class Verification:
    """Verifies the audit of a journal.

    :param engine: the database of the journal
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def records(self, after: int, limit: int) -> dict[str, Any]:
        """Records in the order of the chain, and the ends of the chain.

        :param after: only those with an id above this one
        """
        with self._reading() as connection:
            return {"records": list(records(connection, after, limit)), **_bounds(connection)}

    def verdict(self, after: int, limit: int) -> dict[str, Any]:
        """Verify records of the chain: ``broken`` has the first wrong one and the reason, or is None.

        :param after: only those with an id above this one
        """
        with self._reading() as connection:
            bounds = _bounds(connection)
            walk = _Walk(connection, _before(connection, after))
            broken = walk.at_the_beginning() if after <= bounds["anchor"]["id"] else None
            broken = broken or walk.at_records(limit) or walk.unrecorded_answer()
            complete = broken is not None or not any(records(connection, walk.place.id, 1))
            if broken is None and complete:
                broken = walk.at_the_end()
        return {
            "unbroken": broken is None,
            "records": walk.count,
            "first": walk.first,
            "last": walk.place.to_dict() if walk.count else None,
            "complete": complete,
            "broken": broken,
            **bounds,
        }

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """A snapshot of the journal."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection


def _bounds(connection: sa.Connection) -> dict[str, Any]:
    """Both ends of the chain, and the number of records older than the chain."""
    anchor = audit_chain.anchor(connection)
    older = sa.select(sa.func.count()).select_from(MESSAGES).where(AUDITED, MESSAGES.c.seq <= anchor.id)
    return {
        "anchor": anchor.to_dict(),
        "head": audit_chain.head(connection).to_dict(),
        "older": connection.scalar(older),
    }


def _before(connection: sa.Connection, after: int) -> Place:
    """The place before the first record with an id above a number."""
    anchor = audit_chain.anchor(connection)
    if after <= anchor.id:
        return anchor
    seq = MESSAGES.c.seq
    last = connection.scalar(sa.select(sa.func.max(seq)).where(AUDITED, seq <= after, seq > anchor.id))
    return place_of(next(records(connection, last - 1, 1))) if last is not None else anchor


class _Walk:
    """One pass along the chain.

    :param place: the place before the first record
    """

    def __init__(self, connection: sa.Connection, place: Place) -> None:
        self.place = place
        self.count = 0
        self.first: dict[str, Any] | None = None
        self._connection = connection
        self._open: dict[str, dict[str, Any]] = {}  #: entries whose answer was not read yet, by message id

    def at_the_beginning(self) -> Broken | None:
        """Require that all records before the anchor were written before the chain was introduced."""
        anchor = audit_chain.anchor(self._connection)
        early = sa.select(sa.func.min(MESSAGES.c.seq)).where(AUDITED, MESSAGES.c.seq <= anchor.id)
        if not anchor.n:
            early = early.where(MESSAGES.c.body.contains('"link": {'))
        seq = self._connection.scalar(early)
        if seq is None:
            return None
        return {"n": None, "id": seq, "detail": f"the record with id {seq} stands before the beginning"}

    def at_records(self, limit: int) -> Broken | None:
        """Require that each record follows the one before it, and is shown unchanged in the list."""
        while self.count < limit:
            began = time.thread_time()
            batch = list(records(self._connection, self.place.id, min(_BATCH, limit - self.count)))
            if not batch:
                return None
            shown = self._shown(AUDIT.c.seq.between(self.place.id + 1, batch[-1]["id"]))
            for record in batch:
                why = flaw(record, self.place) or _added_before(record, shown)
                why = why or self._misshown(record, shown)
                if why is not None:
                    return {"n": record["n"], "id": record["id"], "detail": why}
                self.place = place_of(record)
                self.first = self.first or self.place.to_dict()
                self.count += 1
            time.sleep(max(_REST, time.thread_time() - began))
        return None

    def at_the_end(self) -> Broken | None:
        """Require that the chain ends at its head."""
        head = audit_chain.head(self._connection)
        if (self.place.n, self.place.hash) != (head.n, head.hash):
            why = f"record {head.n} was the last one written, and the chain ends after {self.place.n}"
            return {"n": self.place.n + 1, "id": None, "detail": why}
        later = self._connection.scalar(sa.select(sa.func.min(AUDIT.c.seq)).where(AUDIT.c.seq > head.id))
        return {"n": None, "id": later, "detail": _added(later)} if later is not None else None

    # -- the list shown to users -------------------------------------------------------------------

    def _shown(self, which: sa.ColumnElement[bool]) -> dict[int, dict[str, Any]]:
        rows = self._connection.execute(sa.select(AUDIT).where(which)).mappings()
        return {row["seq"]: dict(row) for row in rows}

    def _misshown(self, record: dict[str, Any], shown: dict[int, Any]) -> str | None:
        """The difference between a record and its entry in the list, if any; removes it from ``shown``."""
        if record["topic"] == topics.AUDIT_RESULT:
            return self._misshown_answer(record)
        entry = shown.pop(record["id"], None)
        if entry is None:
            return f"record {record['n']} was removed from the list that is shown"
        answer = {}
        if record["topic"] == topics.AUDIT_COMMAND:
            self._open[record["message"]] = entry
            answer = {name: entry[name] for name in ("status", "detail")}
        if entry != {**audit_row(_envelope(record)), **answer}:
            return f"record {record['n']} was changed in the list that is shown"
        return None

    def _misshown_answer(self, record: dict[str, Any]) -> str | None:
        answer = record["payload"]
        entry = self._open.pop(answer["command"], None)
        if entry is None:  # the command is on an earlier page, or was too old
            entry = next(iter(self._shown(AUDIT.c.id == answer["command"]).values()), None)
        if entry is not None and any(entry[name] != answer[name] for name in ("status", "detail")):
            return f"the answer of record {record['n']} was changed in the list that is shown"
        return None

    def unrecorded_answer(self) -> Broken | None:
        """The first entry that shows an answer without a record of it."""
        answered = [entry for entry in self._open.values() if entry["status"] is not None]
        for entry in answered:
            rows = self._connection.execute(_ANSWERS, {"request": entry["request_id"]})
            if not any(read(row)["payload"].get("command") == entry["id"] for row in rows):
                why = f"the entry with id {entry['seq']} shows an answer that is in no record"
                return {"n": None, "id": entry["seq"], "detail": why}
        return None


def _envelope(record: dict[str, Any]) -> Envelope:
    fields = {name: record[name] for name in ("time", "topic", "msg_src", "request_id", "user", "payload")}
    return Envelope(id=record["message"], seq=record["id"], **fields)


def _added_before(record: dict[str, Any], shown: dict[int, Any]) -> str | None:
    first = min(shown, default=record["id"])
    return _added(first) if first < record["id"] else None


def _added(i: int) -> str:
    return f"the entry with id {i} was added to the list that is shown"
