"""The journal: every durable message in order, and the latest document of every procedure.

Written by the broker only. SQLite in WAL mode by default; anything SQLAlchemy Core can address by URL.
"""

from __future__ import annotations

import contextlib
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from ..bus.envelope import Envelope
from . import audit_chain, file_damage
from .backup import copy
from .errors import Unusable
from .migration import NewerSchema, transactions_that_lock
from .projection import Projection
from .reader import JournalReader
from .schema import JOURNAL, MESSAGES, NOTES, SCHEMA, SUBARRAY

LOG = logging.getLogger(__name__)

#: Name of the note with the lowest sequence number from which no message was removed.
KEPT_FROM = "kept_from"
#: Name of the note with the identity, shared by a journal and its copies.
IDENTITY = "identity"

_PROJECTION = Projection(JOURNAL)
_INSERT = MESSAGES.insert()


class Journal(JournalReader):
    """The journal in the database at a URL; a schema of an earlier release is upgraded.

    :raises Unusable: if this release cannot use it
    :raises sqlalchemy.exc.SQLAlchemyError: if it cannot be read or written
    """

    def __init__(self, url: str) -> None:
        super().__init__(sa.create_engine(url))
        self.file = str(self.engine.url.database)
        self.damage: str | None = None  #: description of the damage to the file
        self.audited: list[Callable[[], None]] = []  #: called after records of the audit were written
        sa.event.listen(self.engine, "handle_error", self._failed)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        with self.engine.connect() as connection:
            up_to_date = SCHEMA.is_up_to_date(connection)
        if not up_to_date:
            self._bring_up_to_date()
        self._writing = self.engine.connect()

    def _bring_up_to_date(self) -> None:
        url = self.engine.url
        locking = transactions_that_lock(url)
        try:
            SCHEMA.bring_up_to_date(locking, lambda revision: _keep(str(url.database), revision))
        except NewerSchema as newer:
            raise Unusable(
                f"the journal {url.database} has schema {newer}, but this release knows none later than "
                f"{SCHEMA.revision}; install the release that made it or a later one, or go back to a backup "
                "with: oet-server restore FILE"
            ) from None
        finally:
            locking.dispose()

    def _failed(self, failure: sa.engine.ExceptionContext) -> None:
        if file_damage.is_damage(failure.original_exception):
            self.mark_damaged(str(failure.original_exception))

    def mark_damaged(self, error: str) -> None:
        """Note for this and every later start that the file is damaged."""
        if self.damage is None:
            self.damage = error
            file_damage.note(self.file, error)
            LOG.critical("No new work is taken: %s", file_damage.sentence(self.file, error))

    def close(self) -> None:
        """Close the connections to the database."""
        self._writing.close()
        self.engine.dispose()

    def first(self) -> int:
        """The lowest sequence number from which every message is stored; 0 for an empty journal.

        Older messages of procedures may be stored as well.
        """
        oldest = super().first()
        return max(oldest, int(self.noted(KEPT_FROM) or 0)) if oldest else 0

    def noted(self, name: str) -> str | None:
        """The value of a note; None if there is none."""
        with self.reading() as connection:
            return connection.scalar(sa.select(NOTES.c.value).where(NOTES.c.name == name))

    def identity(self) -> str:
        """The identity of this journal and its copies, made at the first call."""
        identity = self.noted(IDENTITY)
        if identity is None:
            identity = uuid.uuid4().hex
            with self.writing():
                self.note(IDENTITY, identity)
        return identity

    def belong_to(self, subarray: int) -> None:
        """Note the id of the subarray, so that the journal cannot be restored for another one."""
        if self.noted(SUBARRAY) == str(subarray):
            return
        # A full disk must not prevent the start.
        with contextlib.suppress(sa.exc.OperationalError), self.writing():
            self.note(SUBARRAY, str(subarray))

    def numbers_of(self, ids: list[str]) -> dict[str, int]:
        """The sequence numbers of those of these message ids that are in the journal."""
        columns = sa.select(MESSAGES.c.id, MESSAGES.c.seq).where(MESSAGES.c.id.in_(ids))
        numbers = {row.id: row.seq for row in self._writing.execute(columns)}
        self._writing.rollback()
        return numbers

    def append(self, envelopes: list[Envelope]) -> None:
        """Write numbered messages in one transaction.

        :raises sqlalchemy.exc.SQLAlchemyError: if none was written
        """
        with self.writing() as connection:
            linked = audit_chain.link(connection, envelopes)
            _write(connection, linked)
        if linked is not envelopes:
            for observer in self.audited:
                observer()

    def take_over(self, envelopes: list[Envelope]) -> None:
        """Write messages of an earlier journal unchanged, with their numbers and places in the chain.

        :raises sqlalchemy.exc.SQLAlchemyError: if none was written
        """
        with self.writing() as connection:
            _write(connection, envelopes)
            audit_chain.follow(connection, envelopes)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction; only for the thread that writes the journal."""
        try:
            yield self._writing
            self._writing.commit()
        except BaseException:
            self._writing.rollback()
            raise

    def note(self, name: str, value: str) -> None:
        """Set a note, as part of a transaction of :meth:`writing`."""
        self._writing.execute(NOTES.delete().where(NOTES.c.name == name))
        self._writing.execute(NOTES.insert().values(name=name, value=value))


def _write(connection: sa.Connection, envelopes: list[Envelope]) -> None:
    connection.execute(_INSERT, [row_of(envelope) for envelope in envelopes])
    for envelope in envelopes:
        for statement, values in _PROJECTION.of(envelope):
            connection.execute(statement, values)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # With NORMAL, commits do not wait for the disk. A crash of a process loses nothing; a power cut may lose
    # the last few messages, but never damages the file.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _keep(file: str, revision: str) -> None:
    """Back up the journal before its schema is upgraded."""
    copy(file, f"{os.path.splitext(file)[0]}.{revision}.bak", replace=True)


def row_of(envelope: Envelope) -> dict[str, Any]:
    """The row of a message in the table of messages."""
    return {
        "seq": envelope.seq,
        "id": envelope.id,
        "topic": envelope.topic,
        "about": envelope.about,
        "request_id": envelope.request_id,
        "time": envelope.time,
        "body": envelope.encoded,
    }
