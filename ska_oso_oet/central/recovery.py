"""Fetches messages that a journal lacks from the central history: all of them, or those since a backup.

Runs before the broker opens the journal, so nothing else writes it.
"""

from __future__ import annotations

import contextlib
import time

import sqlalchemy as sa

from ..domain import activity, states
from ..journal import backup
from ..journal.audit_chain import locate
from ..journal.journal import KEPT_FROM, Journal
from ..journal.query import Query
from ..journal.schema import AUDITED, JOURNAL
from .store import History

_BATCH = 500
_DAY = 86400.0


class Recovery:
    """Fetches the messages and documents that retention would keep.

    :param file: path of the journal
    :param days: age in days up to which messages are kept
    :param newest: number of procedures, and of activities, kept regardless of age
    """

    def __init__(self, file: str, days: float, newest: int) -> None:
        self._file = file
        self._days = days
        self._newest = newest

    def begin(self) -> bool:
        """Create the journal if there is none; tell whether it could reuse numbers.

        :raises Unusable: if the journal cannot be used
        :raises sqlalchemy.exc.SQLAlchemyError: if it cannot be read or written
        """
        with self._opened() as journal:
            if journal.head() == 0:
                backup.note_restored(self._file)
            journal.identity()
        return backup.is_restored(self._file)

    def end(self) -> None:
        """Note that the journal is complete."""
        backup.forget_restored(self._file)

    def _opened(self) -> contextlib.closing[Journal]:
        return contextlib.closing(Journal(f"sqlite:///{self._file}"))

    def fetch(self, connection: sa.Connection, history: History) -> int:
        """Write the missing messages into the journal.

        :param connection: to the central database
        :returns: the number of messages
        """
        with self._opened() as journal:
            if journal.head() == 0:
                self._everything(connection, history, journal)
                return journal.head()
            fetched = 0
            while page := history.read(Query(after=journal.head(), limit=_BATCH)):
                journal.take_over(page)
                fetched += len(page)
            return fetched

    def _everything(self, connection: sa.Connection, history: History, journal: Journal) -> None:
        """Fill an empty journal, in one transaction."""
        source = history.tables
        messages, procedures = source.messages.c, source.procedures.c
        documents, audit = source.documents.c, source.audit.c
        first, position = self._young(connection, history)
        audited = self._last_audited(connection, history)
        spared = self._spared(connection, history)
        copies = (
            (
                JOURNAL.messages,
                source.messages,
                sa.or_(messages.seq >= first, messages.seq == audited, messages.about.in_(spared)),
            ),
            (
                JOURNAL.procedures,
                source.procedures,
                sa.or_(procedures.changed >= position, procedures.pid.in_(spared)),
            ),
            (
                JOURNAL.documents,
                source.documents,
                sa.or_(
                    documents.changed >= position,
                    documents.state.not_in([state.value for state in activity.FINAL]),
                    documents.id.in_(self._newest_activities(connection, history)),
                ),
            ),
            (JOURNAL.audit, source.audit, sa.or_(audit.seq >= first, audit.seq == audited)),
        )
        with journal.writing() as writing:
            for ours, table, condition in copies:
                selection = sa.select(*(table.c[column.name] for column in ours.c))
                rows = connection.execute(
                    selection.where(source.ours(table, condition)), execution_options={"yield_per": _BATCH}
                )
                for batch in rows.mappings().partitions():
                    writing.execute(ours.insert(), [dict(row) for row in batch])
            journal.note(KEPT_FROM, str(first))
            locate(writing)

    def _young(self, connection: sa.Connection, history: History) -> tuple[int, int]:
        """Number and position of the first message within the age, or else of the last message."""
        tables, table = history.tables, history.tables.messages
        one = sa.select(table.c.seq, table.c.position).where(tables.ours(table)).limit(1)
        young = one.where(table.c.time >= time.time() - self._days * _DAY).order_by(table.c.seq)
        row = connection.execute(young).first()
        row = row or connection.execute(one.order_by(table.c.seq.desc())).one()
        return row.seq, row.position

    def _last_audited(self, connection: sa.Connection, history: History) -> int:
        """The number of the last record of the audit, the head of its chain; 0 if there is none."""
        tables, table = history.tables, history.tables.messages
        last = sa.select(sa.func.max(table.c.seq)).where(tables.ours(table), AUDITED)
        return connection.scalar(last) or 0

    def _spared(self, connection: sa.Connection, history: History) -> list[int]:
        """Ids of the procedures whose messages are kept regardless of age."""
        tables, table = history.tables, history.tables.procedures
        ended = table.c.state.in_([state.value for state in states.FINAL])
        pids = sa.select(table.c.pid)
        live = pids.where(tables.ours(table, sa.not_(ended)))
        newest = pids.where(tables.ours(table, ended)).order_by(table.c.pid.desc()).limit(self._newest)
        return [*connection.scalars(live), *connection.scalars(newest)]

    def _newest_activities(self, connection: sa.Connection, history: History) -> list[int]:
        tables, table = history.tables, history.tables.documents
        activities = tables.ours(table, table.c.kind == "activity")
        newest = sa.select(table.c.id).where(activities).order_by(table.c.id.desc()).limit(self._newest)
        return list(connection.scalars(newest))
