"""The journal: every durable message in order, and the latest document of every procedure.

Written by the broker only. SQLite in WAL mode by default; anything SQLAlchemy Core can address by URL.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from .envelope import Envelope
from .topics import matches

_METADATA = sa.MetaData()

_MESSAGES = sa.Table(
    "messages",
    _METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(100), unique=True, nullable=False),
    sa.Column("topic", sa.String(200), nullable=False),
    sa.Column("about", sa.Integer, index=True),
    sa.Column("request_id", sa.String(100), index=True),
    sa.Column("time", sa.Float, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
)

#: What lists of everything ever run are read from, so that they cost the same however long the history is.
_PROCEDURES = sa.Table(
    "procedures",
    _METADATA,
    sa.Column("pid", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("script_uri", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)


#: The latest document of everything else that has one: of each activity, and of what the operator decided.
_DOCUMENTS = sa.Table(
    "documents",
    _METADATA,
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)


#: Bytes a page of documents may have beyond its first one, so that no answer holds up the bus.
_PAGE_BYTES = 2 * 2**20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Query:
    """Which messages to read, in the order of the journal."""

    after: int = 0  #: only sequence numbers above this one
    limit: int = 500
    topics: tuple[str, ...] | None = None  #: topic prefixes
    about: tuple[int, ...] | None = None  #: procedure ids
    request_id: str | None = None
    since: float | None = None  #: only what happened at or after this time

    def wants(self, envelope: Envelope) -> bool:
        """Tell whether a message is asked for, apart from ``limit``."""
        return (
            (envelope.seq or 0) > self.after
            and (self.topics is None or matches(envelope.topic, self.topics))
            and (self.about is None or envelope.about in self.about)
            and (self.request_id is None or envelope.request_id == self.request_id)
            and (self.since is None or envelope.time >= self.since)
        )


class Journal:
    """The journal behind one database URL."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        _METADATA.create_all(self._engine)
        self._writing = self._engine.connect()

    def close(self) -> None:
        """Let go of the database."""
        self._writing.close()
        self._engine.dispose()

    def head(self) -> int:
        """The last sequence number written; 0 for an empty journal."""
        with self._engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.max(_MESSAGES.c.seq))) or 0)

    def first(self) -> int:
        """The oldest sequence number still kept; 0 for an empty journal."""
        with self._engine.connect() as connection:
            return int(connection.scalar(sa.select(sa.func.min(_MESSAGES.c.seq))) or 0)

    def known(self, ids: list[str]) -> dict[str, int]:
        """Tell which of these message ids are in the journal already, and where."""
        columns = sa.select(_MESSAGES.c.id, _MESSAGES.c.seq).where(_MESSAGES.c.id.in_(ids))
        found = {row.id: row.seq for row in self._writing.execute(columns)}
        self._writing.rollback()
        return found

    def append(self, envelopes: list[Envelope]) -> None:
        """Write messages, numbered already, in one transaction.

        :raises sqlalchemy.exc.SQLAlchemyError: where nothing of it was written
        """
        try:
            self._writing.execute(_MESSAGES.insert(), [_row(envelope) for envelope in envelopes])
            for statement in _projection(envelopes):
                self._writing.execute(statement)
            self._writing.commit()
        except BaseException:
            self._writing.rollback()
            raise

    def read(self, query: Query) -> list[Envelope]:
        """Read messages."""
        table = _MESSAGES.c
        found = sa.select(table.seq, table.body).where(table.seq > query.after)
        if query.topics is not None:
            found = found.where(sa.or_(False, *(_below(prefix) for prefix in query.topics)))
        if query.about is not None:
            found = found.where(table.about.in_(query.about))
        if query.request_id is not None:
            found = found.where(table.request_id == query.request_id)
        if query.since is not None:
            found = found.where(table.time >= query.since)
        with self._engine.connect() as connection:
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
        table = _PROCEDURES.c
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
        states: list[str] | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Read the latest documents of one kind, `activity` or `operator`, the newest first."""
        table = _DOCUMENTS.c
        found = sa.select(table.document).where(table.kind == kind).order_by(table.id.desc()).limit(limit)
        if ids is not None:
            found = found.where(table.id.in_(ids))
        if states is not None:
            found = found.where(table.state.in_(states))
        return self._page(found)

    def _page(self, found: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            page: list[dict[str, Any]] = []
            size = 0
            for document in connection.scalars(found):
                size += len(document)
                if page and size > _PAGE_BYTES:
                    break
                page.append(json.loads(document))
            return page


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # With NORMAL a crash of any process loses nothing; a power cut may lose the last few messages but
    # never damages the file, and commits need not wait for the disk.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _below(prefix: str) -> sa.ColumnElement[bool]:
    topic = _MESSAGES.c.topic
    return sa.or_(topic == prefix, topic.startswith(f"{prefix}.", autoescape=True))


def _row(envelope: Envelope) -> dict[str, Any]:
    return {
        "seq": envelope.seq,
        "id": envelope.id,
        "topic": envelope.topic,
        "about": envelope.about,
        "request_id": envelope.request_id,
        "time": envelope.time,
        "body": json.dumps(envelope.to_dict()),
    }


def _projection(envelopes: Iterable[Envelope]) -> Iterable[sa.Executable]:
    for envelope in envelopes:
        payload = envelope.payload
        if envelope.topic == "operator.override.state":
            yield from _store_document("operator", 0, "", payload)
        elif envelope.topic.startswith("activity.lifecycle."):
            activity = payload["result"]
            yield from _store_document("activity", activity["id"], activity["state"], activity)
        elif envelope.topic.startswith("procedure.lifecycle."):
            yield from _store_procedure(payload)


def _store_document(kind: str, i: int, state: str, document: dict[str, Any]) -> Iterable[sa.Executable]:
    yield _DOCUMENTS.delete().where(_DOCUMENTS.c.kind == kind, _DOCUMENTS.c.id == i)
    yield _DOCUMENTS.insert().values(kind=kind, id=i, state=state, document=json.dumps(document))


def _store_procedure(payload: dict[str, Any]) -> Iterable[sa.Executable]:
    if "new_state" in payload:
        mine = _PROCEDURES.c.pid == payload["pid"]
        yield _PROCEDURES.update().where(mine).values(state=payload["new_state"])
        return
    document = payload.get("result")
    if not isinstance(document, dict):
        return
    values = {
        "state": document["state"],
        "script_uri": document["script"]["script_uri"],
        "document": json.dumps(document),
    }
    mine = _PROCEDURES.c.pid == document["id"]
    if document["state"] == "CREATING":
        yield _PROCEDURES.delete().where(mine)
        yield _PROCEDURES.insert().values(pid=document["id"], **values)
    else:
        yield _PROCEDURES.update().where(mine).values(**values)
