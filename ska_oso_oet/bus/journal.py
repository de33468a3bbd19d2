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


#: Who asked for what, and what they were answered; a command without a status was given no answer.
_AUDIT = sa.Table(
    "audit",
    _METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(100), unique=True, nullable=False),
    sa.Column("time", sa.Float, nullable=False, index=True),
    sa.Column("user", sa.String(255), index=True),
    sa.Column("name", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("what", sa.Text),
    sa.Column("request_id", sa.String(100)),
    sa.Column("status", sa.Integer, index=True),
    sa.Column("detail", sa.Text),
)

_AUDIT_FIELDS = tuple(column.name for column in _AUDIT.c if column.name not in ("seq", "id"))

_RESULTS = {
    "done": _AUDIT.c.status < 400,
    "refused": _AUDIT.c.status >= 400,
    "unanswered": _AUDIT.c.status.is_(None),
}

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
        before: int | None = None,
        states: list[str] | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Read the latest documents of one kind, `activity` or `operator`, the newest first."""
        table = _DOCUMENTS.c
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
        table = _AUDIT.c
        found = sa.select(_AUDIT).order_by(table.seq.desc()).limit(limit)
        if before is not None:
            found = found.where(table.seq < before)
        if user is not None:
            found = found.where(table.user == user)
        if since is not None:
            found = found.where(table.time >= since)
        if result is not None:
            found = found.where(_RESULTS[result])
        with self._engine.connect() as connection:
            rows = connection.execute(found).mappings().all()
        return [{"id": row["seq"], **{n: row[n] for n in _AUDIT_FIELDS}} for row in rows]

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
        elif envelope.topic in ("audit.command", "auth.refused"):
            yield _store_asked(envelope)
        elif envelope.topic == "audit.result":
            answered = {"status": payload["status"], "detail": payload["detail"]}
            yield _AUDIT.update().where(_AUDIT.c.id == payload["command"]).values(**answered)


def _store_asked(envelope: Envelope) -> sa.Executable:
    payload = envelope.payload
    fields = ("user", "name", "address", "method", "path", "what", "status")
    return _AUDIT.insert().values(
        seq=envelope.seq,
        id=envelope.id,
        time=envelope.time,
        request_id=envelope.request_id,
        detail=payload.get("why"),
        **{name: payload.get(name) for name in fields},
    )


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
