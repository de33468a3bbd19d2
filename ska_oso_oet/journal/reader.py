"""Reads the journal: messages in order, and the latest documents of procedures and activities."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ..bus.envelope import Envelope
from ..domain.listing import like
from .query import Query
from .schema import JOURNAL, Tables

_NUMBERS = ("seq", "id")

#: Size limit in bytes of a page of documents, so that no answer holds up the bus; the first one always fits.
PAGE_BYTES = 2 * 2**20
_FEW = 20  #: rows fetched at once if the size of a page is limited


class JournalReader:
    """Reads the journal behind a database engine, in any thread."""

    def __init__(self, engine: sa.Engine, tables: Tables = JOURNAL) -> None:
        self.engine = engine
        self.tables = tables

    def reading(self) -> sa.Connection:
        """A connection for queries; the caller closes it."""
        return self.engine.connect()

    def head(self) -> int:
        """The highest sequence number; 0 for an empty journal."""
        return self._extreme(sa.func.max(self.tables.messages.c.seq))

    def first(self) -> int:
        """The lowest sequence number; 0 for an empty journal."""
        return self._extreme(sa.func.min(self.tables.messages.c.seq))

    def _extreme(self, extreme: sa.ColumnElement[int]) -> int:
        with self.reading() as connection:
            return int(
                connection.scalar(sa.select(extreme).where(self.tables.ours(self.tables.messages))) or 0
            )

    def id_of(self, seq: int) -> str | None:
        """The id of the message with this number; None if there is none."""
        table = self.tables.messages
        with self.reading() as connection:
            return connection.scalar(sa.select(table.c.id).where(self.tables.ours(table, table.c.seq == seq)))

    def read(self, query: Query) -> list[Envelope]:
        """Read messages."""
        table = self.tables.messages.c
        # With a time, SQLite must not read all of the journal in the order of numbers: hence the sum.
        seq = table.seq if query.since is None else table.seq + 0
        selection = sa.select(table.seq, table.body).where(
            self.tables.ours(self.tables.messages, seq > query.after)
        )
        if query.topics is not None:
            selection = selection.where(below(table.topic, query.topics))
        if query.about is not None:
            selection = selection.where(table.about.in_(query.about))
        if query.request_id is not None:
            selection = selection.where(table.request_id == query.request_id)
        if query.since is not None:
            selection = selection.where(table.time >= query.since)
        selection = selection.order_by(seq).limit(query.limit)
        if query.size is not None:
            selection = selection.execution_options(yield_per=_FEW)
        with self.reading() as connection, connection.execute(selection) as rows:
            selected = rows.all() if query.size is None else page(rows, 1, query.size)
        return [Envelope.from_dict(json.loads(row.body) | {"seq": row.seq}) for row in selected]

    def requests(self, topics: tuple[str, ...], since: float) -> list[tuple[int, str]]:
        """The numbers of the messages on some topics since a time, and the ids of their requests."""
        table = self.tables.messages.c
        young = self.tables.ours(self.tables.messages, table.time >= since, below(table.topic, topics))
        selection = sa.select(table.seq, table.request_id).where(young, table.request_id.is_not(None))
        with self.reading() as connection:
            # Not sorted by SQLite, which would read all of the journal in that order.
            return sorted((seq, request) for seq, request in connection.execute(selection))

    def procedures(
        self,
        *,
        pids: list[int] | None = None,
        before: int | None = None,
        states: list[str] | None = None,
        script: str | None = None,
        since: float | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Read the latest documents of procedures, the newest first; see :func:`filtered`."""
        table = self.tables.procedures.c
        selection = sa.select(table.document).where(self.tables.ours(self.tables.procedures))
        if pids is not None:
            selection = selection.where(table.pid.in_(pids))
        if before is not None:
            selection = selection.where(table.pid < before)
        selection = filtered(selection, table, states, script, since)
        return self._page(selection.order_by(table.pid.desc()).limit(limit))

    def documents(
        self,
        *,
        kind: str,
        ids: list[int] | None = None,
        before: int | None = None,
        states: list[str] | None = None,
        script: str | None = None,
        since: float | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Read the latest documents of one kind, `activity`, `operator` or `subarray`, the newest first."""
        table = self.tables.documents.c
        selection = sa.select(table.document).where(
            self.tables.ours(self.tables.documents, table.kind == kind)
        )
        if ids is not None:
            selection = selection.where(table.id.in_(ids))
        if before is not None:
            selection = selection.where(table.id < before)
        selection = filtered(selection, table, states, script, since)
        return self._page(selection.order_by(table.id.desc()).limit(limit))

    def audit(
        self,
        *,
        limit: int = 50,
        before: int | None = None,
        user: str | None = None,
        since: float | None = None,
        result: str | None = None,
    ) -> list[dict[str, Any]]:
        """Read the audit of commands, the newest first.

        :param before: only entries below this sequence number
        :param user: only entries of this subject
        :param since: only entries of this time or later, seconds since the epoch
        :param result: `done`, `refused` or `unanswered`
        """
        table = self.tables.audit.c
        results = {
            "done": table.status < 400,
            "refused": table.status >= 400,
            "unanswered": table.status.is_(None),
        }
        selection = sa.select(self.tables.audit).where(self.tables.ours(self.tables.audit))
        if before is not None:
            selection = selection.where(table.seq < before)
        if user is not None:
            selection = selection.where(table.user == user)
        if since is not None:
            selection = selection.where(table.time >= since)
        if result is not None:
            selection = selection.where(results[result])
        with self.reading() as connection:
            rows = connection.execute(selection.order_by(table.seq.desc()).limit(limit)).mappings().all()
        names = [name for name in JOURNAL.audit.c.keys() if name not in _NUMBERS]  # noqa: SIM118
        return [{"id": row["seq"], **{name: row[name] for name in names}} for row in rows]

    def _page(self, selection: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.reading() as connection:
            return [json.loads(document) for (document,) in page(connection.execute(selection), 0)]


def page(rows: Iterable[Any], document: int | str, most: int = PAGE_BYTES) -> list[Any]:
    """The first rows up to a size, at least one.

    :param document: index or name of the column whose size counts
    :param most: size limit in characters of this column
    """
    selected: list[Any] = []
    size = 0
    for row in rows:
        size += len(row[document])
        if selected and size > most:
            break
        selected.append(row)
    return selected


def filtered(
    selection: sa.Select[Any],
    table: Any,
    states: Sequence[str] | None,
    script: str | None,
    since: float | None,
) -> sa.Select[Any]:
    """Restrict a selection by state, script and time of creation.

    :param script: a pattern of :func:`~ska_oso_oet.domain.listing.contains` for the URI of the script
    :param since: earliest time of creation, seconds since the epoch
    """
    if states is not None:
        selection = selection.where(table.state.in_(states))
    if script is not None:
        selection = selection.where(table.script_uri.ilike(like(script), escape="\\"))
    if since is not None:
        selection = selection.where(table.created >= since)
    return selection


def below(topic: sa.ColumnElement[str], prefixes: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """The condition that a topic is, or lies below, one of these topic prefixes."""
    # Not LIKE, which ignores case in SQLite.
    each = (sa.or_(topic == p, sa.func.substr(topic, 1, len(p) + 1) == f"{p}.") for p in prefixes)
    return sa.or_(sa.false(), *each)
