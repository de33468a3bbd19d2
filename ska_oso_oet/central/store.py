"""The history of one subarray in the central database, beside those of the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..bus.envelope import Envelope
from ..journal.projection import Projection, is_projected
from ..journal.reader import PAGE_BYTES, JournalReader, below, filtered, page
from .database import without_waiting
from .schema import HEAD, tables_of


class History(JournalReader):
    """Reads and writes the history of one subarray, and reads that of all."""

    def __init__(self, engine: sa.Engine, subarray: int) -> None:
        super().__init__(engine, tables_of(subarray))
        self._projection = Projection(self.tables)

    def append(
        self, connection: sa.Connection, rows: Sequence[dict[str, Any]], projected: bool = True
    ) -> None:
        """Write rows of the journal in their order, in the transaction of a connection.

        Other writers wait until it is committed, so that positions become visible in their order.

        :param projected: whether the tables that are derived from messages change as well
        """
        last = self._take(connection, len(rows))
        common = self.tables.common
        placed = [{**row, **common, "position": last - len(rows) + n} for n, row in enumerate(rows, 1)]
        connection.execute(self.tables.messages.insert(), placed)
        with without_waiting(connection):
            for row in placed:
                if projected and is_projected(row["topic"]):
                    self._project(connection, row)

    def _project(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        envelope = Envelope.from_dict(json.loads(row["body"]) | {"seq": row["seq"]})
        for statement, values in self._projection.of(envelope, row["position"]):
            connection.execute(statement, values)

    def _take(self, connection: sa.Connection, count: int) -> int:
        """Assign positions; returns the last one."""
        update = sa.update(HEAD).values(position=HEAD.c.position + count).returning(HEAD.c.position)
        return int(connection.execute(update).scalar_one())

    def make_room(self, connection: sa.Connection, after: int) -> None:
        """Remove entries of the audit left by an earlier copy of the messages above a number."""
        audit = self.tables.audit
        connection.execute(audit.delete().where(self.tables.ours(audit, audit.c.seq > after)))

    def adopt(self, connection: sa.Connection, journal: JournalReader) -> None:
        """Copy the documents of a journal, whose early messages may have been removed."""
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
        """The first and the last position; 0 if there is none."""
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
        """Messages above a position, in the order of positions."""
        table = self.tables.messages.c
        selection = sa.select(table.position, table.subarray, table.seq, table.body).where(
            table.position > after
        )
        if topics is not None:
            selection = selection.where(below(table.topic, topics))
        if subarrays is not None:
            selection = selection.where(table.subarray.in_(subarrays))
        selection = selection.order_by(table.position).limit(limit).execution_options(yield_per=50)
        with self.reading() as connection, connection.execute(selection) as result:
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
        selection = sa.select(table.subarray, table.position, table.state, table.document)
        if before is not None:
            selection = selection.where(table.position < before)
        if subarrays is not None:
            selection = selection.where(table.subarray.in_(subarrays))
        selection = filtered(selection, table, states, script, since)
        with self.reading() as connection:
            rows = page(connection.execute(selection.order_by(table.position.desc()).limit(limit)), 3)
        return [
            {**json.loads(document), "state": state, "subarray": subarray, "position": position}
            for subarray, position, state, document in rows
        ]
