"""Reading the journal: messages in order, and the latest documents of what they are about."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from ..envelope import Envelope
from .query import Query
from .schema import AUDIT, DOCUMENTS, MESSAGES, NOTES, PROCEDURES

#: The note of the number from which on no message was removed.
KEPT_FROM = "kept_from"

_AUDIT_FIELDS = tuple(column.name for column in AUDIT.c if column.name not in ("seq", "id"))

_RESULTS = {
    "done": AUDIT.c.status < 400,
    "refused": AUDIT.c.status >= 400,
    "unanswered": AUDIT.c.status.is_(None),
}

#: Bytes a page of documents may have beyond its first one, so that no answer holds up the bus.
_PAGE_BYTES = 2 * 2**20


class Reading:
    """Reads the journal behind a database engine, in any thread."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def reading(self) -> sa.Connection:
        """A connection for questions, to be closed by who asks them."""
        return self._engine.connect()

    def head(self) -> int:
        """The last sequence number written; 0 for an empty journal."""
        with self.reading() as connection:
            return int(connection.scalar(sa.select(sa.func.max(MESSAGES.c.seq))) or 0)

    def first(self) -> int:
        """The number from which on every message is still kept; 0 for an empty journal.

        Some that are older may be kept as well, because a procedure needs them.
        """
        with self.reading() as connection:
            oldest = connection.scalar(sa.select(sa.func.min(MESSAGES.c.seq))) or 0
        return max(oldest, int(self.noted(KEPT_FROM) or 0)) if oldest else 0

    def noted(self, name: str) -> str | None:
        """What the journal remembers under this name."""
        with self.reading() as connection:
            found: str | None = connection.scalar(sa.select(NOTES.c.value).where(NOTES.c.name == name))
            return found

    def read(self, query: Query) -> list[Envelope]:
        """Read messages."""
        table = MESSAGES.c
        found = sa.select(table.seq, table.body).where(table.seq > query.after)
        if query.topics is not None:
            found = found.where(sa.or_(False, *(_below(prefix) for prefix in query.topics)))
        if query.about is not None:
            found = found.where(table.about.in_(query.about))
        if query.request_id is not None:
            found = found.where(table.request_id == query.request_id)
        if query.since is not None:
            found = found.where(table.time >= query.since)
        with self.reading() as connection:
            rows = connection.execute(found.order_by(table.seq).limit(query.limit)).all()
        return [Envelope.from_dict(json.loads(row.body) | {"seq": row.seq}) for row in rows]

    def procedures(
        self,
        *,
        pids: list[int] | None = None,
        before: int | None = None,
        states: list[str] | None = None,
        script: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Read the latest documents of procedures, the newest first."""
        table = PROCEDURES.c
        found = sa.select(table.document).order_by(table.pid.desc()).limit(limit)
        if pids is not None:
            found = found.where(table.pid.in_(pids))
        if before is not None:
            found = found.where(table.pid < before)
        if states is not None:
            found = found.where(table.state.in_(states))
        if script is not None:
            found = found.where(table.script_uri.contains(script, autoescape=True))
        return self._page(found)

    def documents(
        self,
        *,
        kind: str,
        ids: list[int] | None = None,
        before: int | None = None,
        states: list[str] | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Read the latest documents of one kind, `activity` or `operator`, the newest first."""
        table = DOCUMENTS.c
        found = sa.select(table.document).where(table.kind == kind).order_by(table.id.desc()).limit(limit)
        if ids is not None:
            found = found.where(table.id.in_(ids))
        if before is not None:
            found = found.where(table.id < before)
        if states is not None:
            found = found.where(table.state.in_(states))
        return self._page(found)

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
        table = AUDIT.c
        found = sa.select(AUDIT).order_by(table.seq.desc()).limit(limit)
        if before is not None:
            found = found.where(table.seq < before)
        if user is not None:
            found = found.where(table.user == user)
        if since is not None:
            found = found.where(table.time >= since)
        if result is not None:
            found = found.where(_RESULTS[result])
        with self.reading() as connection:
            rows = connection.execute(found).mappings().all()
        return [{"id": row["seq"], **{n: row[n] for n in _AUDIT_FIELDS}} for row in rows]

    def _page(self, found: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.reading() as connection:
            page: list[dict[str, Any]] = []
            size = 0
            for document in connection.scalars(found):
                size += len(document)
                if page and size > _PAGE_BYTES:
                    break
                page.append(json.loads(document))
            return page


def _below(prefix: str) -> sa.ColumnElement[bool]:
    topic = MESSAGES.c.topic
    return sa.or_(topic == prefix, topic.startswith(f"{prefix}.", autoescape=True))
