"""Whether the audit in the journal is as it was written: its chain, and the list that is shown of it.

Any thread may look; it rests in between, so that the bus has its process for itself half of the time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ...domain.chain import Place, flaw
from ..envelope import Envelope
from . import chain
from .chain import place_of, read, records
from .projection import asked
from .schema import AUDIT, AUDITED, MESSAGES

_BATCH = 50
_ANSWERS = (
    sa.select(MESSAGES.c.seq, MESSAGES.c.body)
    .where(MESSAGES.c.topic == "audit.result")
    .where(MESSAGES.c.request_id == sa.bindparam("asked"))
)
_REST = 0.002  #: seconds after a batch

Broken = dict[str, Any]


class Verification:
    """Looks at the audit of a journal.

    :param engine: the database of the journal
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def records(self, after: int, limit: int) -> dict[str, Any]:
        """Records in the order of the chain, and between which places they are to be.

        :param after: only those with an id above this one
        """
        with self._reading() as connection:
            return {"records": list(records(connection, after, limit)), **_bounds(connection)}

    def verdict(self, after: int, limit: int) -> dict[str, Any]:
        """Whether records are unbroken; else which is the first that is wrong, and why.

        :param after: only those with an id above this one
        """
        with self._reading() as connection:
            bounds = _bounds(connection)
            look = _Look(connection, _before(connection, after))
            broken = look.at_the_beginning() if after <= bounds["anchor"]["id"] else None
            broken = broken or look.at_records(limit) or look.made_up()
            complete = broken is not None or not any(records(connection, look.place.id, 1))
            if broken is None and complete:
                broken = look.at_the_end()
        return {
            "unbroken": broken is None,
            "records": look.count,
            "first": look.first,
            "last": look.place.to_dict() if look.count else None,
            "complete": complete,
            "broken": broken,
            **bounds,
        }

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """The journal as it is at one moment."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection


def _bounds(connection: sa.Connection) -> dict[str, Any]:
    """What the records come behind, where they end, and how many are older than the chain."""
    anchor = chain.anchor(connection)
    older = sa.select(sa.func.count()).select_from(MESSAGES).where(AUDITED, MESSAGES.c.seq <= anchor.id)
    return {
        "anchor": anchor.to_dict(),
        "head": chain.head(connection).to_dict(),
        "older": connection.scalar(older),
    }


def _before(connection: sa.Connection, after: int) -> Place:
    """The place behind which the first record beyond a number has to be."""
    anchor = chain.anchor(connection)
    if after <= anchor.id:
        return anchor
    seq = MESSAGES.c.seq
    last = connection.scalar(sa.select(sa.func.max(seq)).where(AUDITED, seq <= after, seq > anchor.id))
    return place_of(next(records(connection, last - 1, 1))) if last is not None else anchor


class _Look:
    """One look along the chain.

    :param place: what the first record has to come behind
    """

    def __init__(self, connection: sa.Connection, place: Place) -> None:
        self.place = place
        self.count = 0
        self.first: dict[str, Any] | None = None
        self._connection = connection
        self._open: dict[str, dict[str, Any]] = {}  #: entries whose answer was not seen yet, by message

    def at_the_beginning(self) -> Broken | None:
        """Whether nothing stands before the chain but what was written before there was one."""
        anchor = chain.anchor(self._connection)
        early = sa.select(sa.func.min(MESSAGES.c.seq)).where(AUDITED, MESSAGES.c.seq <= anchor.id)
        if not anchor.n:
            early = early.where(MESSAGES.c.body.contains('"link": {'))
        found = self._connection.scalar(early)
        if found is None:
            return None
        return {"n": None, "id": found, "detail": f"the record with id {found} stands before the beginning"}

    def at_records(self, limit: int) -> Broken | None:
        """Whether the next records follow each other, and are shown as they are."""
        while self.count < limit:
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
            time.sleep(_REST)
        return None

    def at_the_end(self) -> Broken | None:
        """Whether the chain ends where the last record was written."""
        head = chain.head(self._connection)
        if (self.place.n, self.place.hash) != (head.n, head.hash):
            why = f"record {head.n} was the last that was written, and the chain ends behind {self.place.n}"
            return {"n": self.place.n + 1, "id": None, "detail": why}
        later = self._connection.scalar(sa.select(sa.func.min(AUDIT.c.seq)).where(AUDIT.c.seq > head.id))
        return {"n": None, "id": later, "detail": _added(later)} if later is not None else None

    # -- the list that is shown --------------------------------------------------------------------

    def _shown(self, which: sa.ColumnElement[bool]) -> dict[int, dict[str, Any]]:
        rows = self._connection.execute(sa.select(AUDIT).where(which)).mappings()
        return {row["seq"]: dict(row) for row in rows}

    def _misshown(self, record: dict[str, Any], shown: dict[int, Any]) -> str | None:
        """Tell why the list does not show what a record says; its entry is taken out."""
        if record["topic"] == "audit.result":
            return self._misshown_answer(record)
        entry = shown.pop(record["id"], None)
        if entry is None:
            return f"record {record['n']} was removed from the list that is shown"
        answer = {}
        if record["topic"] == "audit.command":
            self._open[record["message"]] = entry
            answer = {name: entry[name] for name in ("status", "detail")}
        if entry != {**asked(_envelope(record)), **answer}:
            return f"record {record['n']} was changed in the list that is shown"
        return None

    def _misshown_answer(self, record: dict[str, Any]) -> str | None:
        said = record["payload"]
        entry = self._open.pop(said["command"], None)
        if entry is None:  # the command is on an earlier page, or was too old
            entry = next(iter(self._shown(AUDIT.c.id == said["command"]).values()), None)
        if entry is not None and any(entry[name] != said[name] for name in ("status", "detail")):
            return f"the answer of record {record['n']} was changed in the list that is shown"
        return None

    def made_up(self) -> Broken | None:
        """The first entry of those seen that shows an answer which was not given."""
        answered = [entry for entry in self._open.values() if entry["status"] is not None]
        for entry in answered:
            rows = self._connection.execute(_ANSWERS, {"asked": entry["request_id"]})
            if not any(read(row)["payload"].get("command") == entry["id"] for row in rows):
                why = f"the entry with id {entry['seq']} shows an answer that is in no record"
                return {"n": None, "id": entry["seq"], "detail": why}
        return None


def _envelope(record: dict[str, Any]) -> Envelope:
    known = {name: record[name] for name in ("time", "topic", "msg_src", "request_id", "user", "payload")}
    return Envelope(id=record["message"], seq=record["id"], **known)


def _added_before(record: dict[str, Any], shown: dict[int, Any]) -> str | None:
    first = min(shown, default=record["id"])
    return _added(first) if first < record["id"] else None


def _added(i: int) -> str:
    return f"the entry with id {i} was added to the list that is shown"
