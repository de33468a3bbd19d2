"""Reading the journal: messages in order, and the latest documents of what they are about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ...domain.listing import like
from ..envelope import Envelope
from .query import Query
from .schema import JOURNAL, Tables

_NUMBERS = ("seq", "id")

#: Bytes a page of documents may have beyond its first one, so that no answer holds up the bus.
PAGE_BYTES = 2 * 2**20
_FEW = 20  #: rows fetched at once where a page may end any moment


class Reading:
    """Reads the journal behind a database engine, in any thread."""

    def __init__(self, engine: sa.Engine, tables: Tables = JOURNAL) -> None:
        self.engine = engine
        self.tables = tables

    def reading(self) -> sa.Connection:
        """A connection for questions, to be closed by who asks them."""
        return self.engine.connect()

    def head(self) -> int:
        """The last sequence number written; 0 for an empty journal."""
        return self._extreme(sa.func.max(self.tables.messages.c.seq))

    def first(self) -> int:
        """The oldest sequence number still kept; 0 for an empty journal."""
        return self._extreme(sa.func.min(self.tables.messages.c.seq))

    def _extreme(self, wanted: sa.ColumnElement[int]) -> int:
        with self.reading() as connection:
            return int(
                connection.scalar(sa.select(wanted).where(self.tables.ours(self.tables.messages))) or 0
            )

    def id_of(self, seq: int) -> str | None:
        """The id of the message with this number, if it is there."""
        table = self.tables.messages
        with self.reading() as connection:
            return connection.scalar(sa.select(table.c.id).where(self.tables.ours(table, table.c.seq == seq)))

    def read(self, query: Query) -> list[Envelope]:
        """Read messages."""
        table = self.tables.messages.c
        found = sa.select(table.seq, table.body).where(
            self.tables.ours(self.tables.messages, table.seq > query.after)
        )
        if query.topics is not None:
            found = found.where(below(table.topic, query.topics))
        if query.about is not None:
            found = found.where(table.about.in_(query.about))
        if query.request_id is not None:
            found = found.where(table.request_id == query.request_id)
        if query.since is not None:
            found = found.where(table.time >= query.since)
        found = found.order_by(table.seq).limit(query.limit)
        if query.size is not None:
            found = found.execution_options(yield_per=_FEW)
        with self.reading() as connection, connection.execute(found) as rows:
            taken = rows.all() if query.size is None else page(rows, 1, query.size)
        return [Envelope.from_dict(json.loads(row.body) | {"seq": row.seq}) for row in taken]

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
        found = sa.select(table.document).where(self.tables.ours(self.tables.procedures))
        if pids is not None:
            found = found.where(table.pid.in_(pids))
        if before is not None:
            found = found.where(table.pid < before)
        found = filtered(found, table, states, script, since)
        return self._page(found.order_by(table.pid.desc()).limit(limit))

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
        found = sa.select(table.document).where(self.tables.ours(self.tables.documents, table.kind == kind))
        if ids is not None:
            found = found.where(table.id.in_(ids))
        if before is not None:
            found = found.where(table.id < before)
        found = filtered(found, table, states, script, since)
        return self._page(found.order_by(table.id.desc()).limit(limit))

    def audit(
        self,
        *,
        limit: int = 50,
        before: int | None = None,
        user: str | None = None,
        since: float | None = None,
        result: str | None = None,
    ) -> list[dict[str, Any]]:
        """Read who asked for what, the newest first.

        :param before: only what was recorded before this number
        :param user: only what this subject asked for
        :param since: only from this time on, seconds since the epoch
        :param result: `done`, `refused` or `unanswered`
        """
        table = self.tables.audit.c
        results = {
            "done": table.status < 400,
            "refused": table.status >= 400,
            "unanswered": table.status.is_(None),
        }
        found = sa.select(self.tables.audit).where(self.tables.ours(self.tables.audit))
        if before is not None:
            found = found.where(table.seq < before)
        if user is not None:
            found = found.where(table.user == user)
        if since is not None:
            found = found.where(table.time >= since)
        if result is not None:
            found = found.where(results[result])
        with self.reading() as connection:
            rows = connection.execute(found.order_by(table.seq.desc()).limit(limit)).mappings().all()
        names = [name for name in JOURNAL.audit.c.keys() if name not in _NUMBERS]  # noqa: SIM118
        return [{"id": row["seq"], **{name: row[name] for name in names}} for row in rows]

    def _page(self, found: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.reading() as connection:
            return [json.loads(document) for (document,) in page(connection.execute(found), 0)]


def page(rows: Iterable[Any], document: int | str, most: int = PAGE_BYTES) -> list[Any]:
    """As many rows as one answer may hold; at least one.

    :param document: which column has the text that counts
    :param most: bytes of it
    """
    taken: list[Any] = []
    size = 0
    for row in rows:
        size += len(row[document])
        if taken and size > most:
            break
        taken.append(row)
    return taken


def filtered(
    found: sa.Select[Any],
    table: Any,
    states: Sequence[str] | None,
    script: str | None,
    since: float | None,
) -> sa.Select[Any]:
    """Only those in one of these states, whose script's URI contains this, and that are not older.

    :param script: a pattern of :func:`~ska_oso_oet.domain.listing.contains`
    :param since: when they were created at the earliest, seconds since the epoch
    """
    if states is not None:
        found = found.where(table.state.in_(states))
    if script is not None:
        found = found.where(table.script_uri.ilike(like(script), escape="\\"))
    if since is not None:
        found = found.where(table.created >= since)
    return found


def below(topic: sa.ColumnElement[str], prefixes: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """Whether a topic is, or lies below, one of these topic prefixes."""
    each = (sa.or_(topic == p, topic.startswith(f"{p}.", autoescape=True)) for p in prefixes)
    return sa.or_(sa.false(), *each)
