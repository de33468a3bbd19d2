"""The journal: every durable message in order, and the latest document of every procedure.

Written by the broker only. SQLite in WAL mode by default; anything SQLAlchemy Core can address by URL.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from ..envelope import Envelope
from . import chain, integrity
from .copies import copy
from .errors import Unusable
from .migration import NewerSchema, transactions_that_lock
from .projection import Projection
from .reading import Reading, page
from .schema import JOURNAL, MESSAGES, NOTES, SCHEMA, SUBARRAY

LOG = logging.getLogger(__name__)

#: The note of the number from which on no message was removed.
KEPT_FROM = "kept_from"
_IDENTITY = "identity"

_PROJECTION = Projection(JOURNAL)


class Journal(Reading):
    """The journal behind one database URL, brought up to date where an earlier release has made it.

    :raises Unusable: where this release cannot use it
    :raises sqlalchemy.exc.SQLAlchemyError: where it cannot be read or written
    """

    def __init__(self, url: str) -> None:
        super().__init__(sa.create_engine(url))
        self.file = str(self.engine.url.database)
        self.damage: str | None = None  #: what was found to be wrong with the file
        self.grown: Callable[[], None] = lambda: None  #: called whenever something was written
        self.audited: list[Callable[[], None]] = []  #: called whenever records of the audit were written
        sa.event.listen(self.engine, "handle_error", self._failed)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        if not SCHEMA.is_up_to_date(self.engine):
            self._bring_up_to_date()
        self._writing = self.engine.connect()

    def _bring_up_to_date(self) -> None:
        url = self.engine.url
        locking = transactions_that_lock(url)
        try:
            SCHEMA.bring_up_to_date(locking, lambda revision: _keep(str(url.database), revision))
        except NewerSchema as found:
            raise Unusable(
                f"the journal {url.database} has schema {found}, but this release knows none later than "
                f"{SCHEMA.revision}; install the release that made it or a later one, or go back to a backup "
                "with: oet-server restore FILE"
            ) from None
        finally:
            locking.dispose()

    def _failed(self, failure: sa.engine.ExceptionContext) -> None:
        if integrity.is_damage(failure.original_exception):
            self.found_damaged(str(failure.original_exception))

    def found_damaged(self, found: str) -> None:
        """Say that the file is damaged, and let no later start overlook it."""
        if self.damage is None:
            self.damage = found
            integrity.note(self.file, found)
            LOG.critical("No new work is taken: %s", integrity.sentence(self.file, found))

    def close(self) -> None:
        """Let go of the database."""
        self._writing.close()
        self.engine.dispose()

    def first(self) -> int:
        """The number from which on every message is still kept; 0 for an empty journal.

        Some that are older may be kept as well, because a procedure needs them.
        """
        oldest = super().first()
        return max(oldest, int(self.noted(KEPT_FROM) or 0)) if oldest else 0

    def noted(self, name: str) -> str | None:
        """What the journal remembers under this name."""
        with self.reading() as connection:
            return connection.scalar(sa.select(NOTES.c.value).where(NOTES.c.name == name))

    def rows(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Messages beyond a number as they are kept, to be copied; fewer where they are large."""
        found = sa.select(MESSAGES).where(MESSAGES.c.seq > after).order_by(MESSAGES.c.seq).limit(limit)
        with self.reading() as connection:
            return [dict(row) for row in page(connection.execute(found).mappings(), "body")]

    def identity(self) -> str:
        """What tells this journal, and copies of it, from all others."""
        known = self.noted(_IDENTITY)
        if known is None:
            known = uuid.uuid4().hex
            with self.writing():
                self.note(_IDENTITY, known)
        return known

    def belong_to(self, subarray: int) -> None:
        """Remember whose journal this is, so that it cannot be restored for another subarray."""
        if self.noted(SUBARRAY) == str(subarray):
            return
        # With a disk that is full all else can go on.
        with contextlib.suppress(sa.exc.OperationalError), self.writing():
            self.note(SUBARRAY, str(subarray))

    def known(self, ids: list[str]) -> dict[str, int]:
        """Tell which of these message ids are in the journal already, and where."""
        columns = sa.select(MESSAGES.c.id, MESSAGES.c.seq).where(MESSAGES.c.id.in_(ids))
        found = {row.id: row.seq for row in self._writing.execute(columns)}
        self._writing.rollback()
        return found

    def append(self, envelopes: list[Envelope]) -> None:
        """Write messages, numbered already, in one transaction.

        :raises sqlalchemy.exc.SQLAlchemyError: where nothing of it was written
        """
        with self.writing() as connection:
            linked = chain.link(connection, envelopes)
            _write(connection, linked)
        self.grown()
        if linked is not envelopes:
            for told in self.audited:
                told()

    def take_over(self, envelopes: list[Envelope]) -> None:
        """Write messages that an earlier journal had, as they were in it.

        :raises sqlalchemy.exc.SQLAlchemyError: where nothing of it was written
        """
        with self.writing() as connection:
            _write(connection, envelopes)
            chain.follow(connection, envelopes)
        self.grown()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction, for the thread that writes the journal."""
        try:
            yield self._writing
            self._writing.commit()
        except BaseException:
            self._writing.rollback()
            raise

    def note(self, name: str, value: str) -> None:
        """Remember something, as part of a transaction of :meth:`writing`."""
        self._writing.execute(NOTES.delete().where(NOTES.c.name == name))
        self._writing.execute(NOTES.insert().values(name=name, value=value))


def _write(connection: sa.Connection, envelopes: list[Envelope]) -> None:
    connection.execute(MESSAGES.insert(), [row_of(envelope) for envelope in envelopes])
    for envelope in envelopes:
        for statement in _PROJECTION.of(envelope):
            connection.execute(statement)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # With NORMAL a crash of any process loses nothing; a power cut may lose the last few messages but
    # never damages the file, and commits need not wait for the disk.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _keep(file: str, revision: str) -> None:
    """Keep the journal as it is before it is changed to a later schema."""
    copy(file, f"{os.path.splitext(file)[0]}.{revision}.bak", replace=True)


def row_of(envelope: Envelope) -> dict[str, Any]:
    """A message as the table of messages has it."""
    return {
        "seq": envelope.seq,
        "id": envelope.id,
        "topic": envelope.topic,
        "about": envelope.about,
        "request_id": envelope.request_id,
        "time": envelope.time,
        "body": json.dumps(envelope.to_dict()),
    }
