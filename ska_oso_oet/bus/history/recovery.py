"""Fetches from the central history what a journal lacks: all of it, or what came after a backup was made."""

from __future__ import annotations

import time

import sqlalchemy as sa

from ...domain import activity, states
from ..journal.chain import find
from ..journal.journal import KEPT_FROM, Journal
from ..journal.query import Query
from ..journal.schema import AUDITED, JOURNAL
from .store import History

_BATCH = 500
_DAY = 86400.0


class Recovery:
    """Fetches what would be kept: what is younger than the limit, what lives, and the newest of all.

    :param days: how long things are kept
    :param newest: how many procedures and activities are kept longer, if need be
    """

    def __init__(self, days: float, newest: int) -> None:
        self._days = days
        self._newest = newest

    def fetch(self, connection: sa.Connection, history: History, journal: Journal) -> int:
        """Write into a journal what it lacks; returns how many messages. Nobody else may be writing it.

        :param connection: to the central database
        """
        if journal.head() == 0:
            self._everything(connection, history, journal)
            return journal.head()
        fetched = 0
        while page := history.read(Query(after=journal.head(), limit=_BATCH)):
            journal.take_over(page)
            fetched += len(page)
        return fetched

    def _everything(self, connection: sa.Connection, history: History, journal: Journal) -> None:
        """All or nothing, whatever interrupts it."""
        theirs = history.tables
        messages, procedures = theirs.messages.c, theirs.procedures.c
        documents, audit = theirs.documents.c, theirs.audit.c
        first, position = self._young(connection, history)
        audited = self._last_audited(connection, history)
        spared = self._spared(connection, history)
        wanted = (
            (
                JOURNAL.messages,
                theirs.messages,
                sa.or_(messages.seq >= first, messages.seq == audited, messages.about.in_(spared)),
            ),
            (
                JOURNAL.procedures,
                theirs.procedures,
                sa.or_(procedures.changed >= position, procedures.pid.in_(spared)),
            ),
            (
                JOURNAL.documents,
                theirs.documents,
                sa.or_(
                    documents.changed >= position,
                    documents.state.not_in([state.value for state in activity.FINAL]),
                    documents.id.in_(self._newest_activities(connection, history)),
                ),
            ),
            (JOURNAL.audit, theirs.audit, sa.or_(audit.seq >= first, audit.seq == audited)),
        )
        with journal.writing() as writing:
            for ours, table, condition in wanted:
                found = sa.select(*(table.c[column.name] for column in ours.c))
                rows = connection.execute(
                    found.where(theirs.ours(table, condition)), execution_options={"yield_per": _BATCH}
                )
                for batch in rows.mappings().partitions():
                    writing.execute(ours.insert(), [dict(row) for row in batch])
            journal.note(KEPT_FROM, str(first))
            find(writing)

    def _young(self, connection: sa.Connection, history: History) -> tuple[int, int]:
        """Number and position of the first message that is young enough, or of the last one."""
        tables, table = history.tables, history.tables.messages
        found = sa.select(table.c.seq, table.c.position).where(tables.ours(table)).limit(1)
        young = found.where(table.c.time >= time.time() - self._days * _DAY).order_by(table.c.seq)
        row = connection.execute(young).first()
        row = row or connection.execute(found.order_by(table.c.seq.desc())).one()
        return row.seq, row.position

    def _last_audited(self, connection: sa.Connection, history: History) -> int:
        """The number of the last record of the audit, where its chain goes on; 0 where there is none."""
        tables, table = history.tables, history.tables.messages
        found = sa.select(sa.func.max(table.c.seq)).where(tables.ours(table), AUDITED)
        return connection.scalar(found) or 0

    def _spared(self, connection: sa.Connection, history: History) -> list[int]:
        """The procedures whose every message is needed."""
        tables, table = history.tables, history.tables.procedures
        ended = table.c.state.in_([state.value for state in states.FINAL])
        pids = sa.select(table.c.pid)
        live = pids.where(tables.ours(table, sa.not_(ended)))
        newest = pids.where(tables.ours(table, ended)).order_by(table.c.pid.desc()).limit(self._newest)
        return [*connection.scalars(live), *connection.scalars(newest)]

    def _newest_activities(self, connection: sa.Connection, history: History) -> list[int]:
        tables, table = history.tables, history.tables.documents
        mine = tables.ours(table, table.c.kind == "activity")
        newest = sa.select(table.c.id).where(mine).order_by(table.c.id.desc()).limit(self._newest)
        return list(connection.scalars(newest))
