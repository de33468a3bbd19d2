"""The history of one subarray in the central database, beside those of the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..envelope import Envelope
from ..journal.projection import Projection, matters
from ..journal.reading import PAGE_BYTES, Reading, below, filtered, page
from .database import without_waiting
from .schema import HEAD, tables_of


class History(Reading):
    """Reads and writes the history of one subarray, and reads that of all."""

    def __init__(self, engine: sa.Engine, subarray: int) -> None:
        super().__init__(engine, tables_of(subarray))

    def append(self, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Write messages in their order, as rows of the journal, in the transaction of a connection.

        Others who write have to wait until it is committed: so nothing that is read can be followed by
        something with a lower position.
        """
        last = self._take(connection, len(rows))
        common = self.tables.common
        placed = [{**row, **common, "position": last - len(rows) + n} for n, row in enumerate(rows, 1)]
        connection.execute(self.tables.messages.insert(), placed)
        with without_waiting(connection):
            for row in placed:
                if matters(row["topic"]):
                    self._project(connection, row)

    def _project(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        envelope = Envelope.from_dict(json.loads(row["body"]) | {"seq": row["seq"]})
        position = row["position"]
        for statement in Projection(self.tables, {"changed": position}, {"position": position}).of(envelope):
            connection.execute(statement)

    def _take(self, connection: sa.Connection, count: int) -> int:
        """Take so many positions; returns the last one."""
        taken = sa.update(HEAD).values(position=HEAD.c.position + count).returning(HEAD.c.position)
        return int(connection.execute(taken).scalar_one())

    def make_room(self, connection: sa.Connection, after: int) -> None:
        """Remove what an earlier copy of the messages beyond a number has left and theirs would run into."""
        audit = self.tables.audit
        connection.execute(audit.delete().where(self.tables.ours(audit, audit.c.seq > after)))

    def adopt(self, connection: sa.Connection, journal: Reading) -> None:
        """Take over the documents of a journal of which not every message is left."""
        for ours, theirs in (
            (self.tables.procedures, journal.tables.procedures),
            (self.tables.documents, journal.tables.documents),
        ):
            connection.execute(ours.delete().where(self.tables.ours(ours)))
            with journal.reading() as reading:
                rows = [dict(row) for row in reading.execute(sa.select(theirs)).mappings()]
            last = self._take(connection, len(rows))
            for n, row in enumerate(rows, 1):
                position = last - len(rows) + n
                row |= {**self.tables.common, "changed": position}
                if "position" in ours.c:
                    row["position"] = position
            if rows:
                connection.execute(ours.insert(), rows)

    # -- over all subarrays ------------------------------------------------------------------------

    def bounds(self) -> tuple[int, int]:
        """The first and the last position there is; 0 where there is none."""
        position = self.tables.messages.c.position
        with self.reading() as connection:
            first, last = connection.execute(sa.select(sa.func.min(position), sa.func.max(position))).one()
        return first or 0, last or 0

    def events(
        self,
        *,
        after: int,
        limit: int = 500,
        size: int = PAGE_BYTES,
        topics: tuple[str, ...] | None = None,
        subarrays: list[int] | None = None,
    ) -> list[dict[str, Any]]:
        """Messages beyond a position, in the order of positions."""
        table = self.tables.messages.c
        found = sa.select(table.position, table.subarray, table.seq, table.body).where(table.position > after)
        if topics is not None:
            found = found.where(below(table.topic, topics))
        if subarrays is not None:
            found = found.where(table.subarray.in_(subarrays))
        found = found.order_by(table.position).limit(limit).execution_options(yield_per=50)
        with self.reading() as connection, connection.execute(found) as result:
            rows = page(result, 3, size)
        return [
            {"position": position, "subarray": subarray, "envelope": json.loads(body) | {"seq": seq}}
            for position, subarray, seq, body in rows
        ]

    def all_procedures(
        self,
        *,
        before: int | None = None,
        limit: int = 50,
        states: list[str] | None = None,
        script: str | None = None,
        since: float | None = None,
        subarrays: list[int] | None = None,
    ) -> list[dict[str, Any]]:
        """The latest documents of procedures, with their subarray and position, the newest first.

        :param before: only those with a position below this one
        """
        table = self.tables.procedures.c
        found = sa.select(table.subarray, table.position, table.state, table.document)
        if before is not None:
            found = found.where(table.position < before)
        if subarrays is not None:
            found = found.where(table.subarray.in_(subarrays))
        found = filtered(found, table, states, script, since)
        with self.reading() as connection:
            rows = page(connection.execute(found.order_by(table.position.desc()).limit(limit)), 3)
        return [
            {**json.loads(document), "state": state, "subarray": subarray, "position": position}
            for subarray, position, state, document in rows
        ]
