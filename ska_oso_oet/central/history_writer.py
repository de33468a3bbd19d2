"""Copies the journal of one subarray to the central database.

All calls block on that database, and belong in one thread. Only one server at a time may write the history of
a subarray: it holds an advisory lock while it is connected.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

import sqlalchemy as sa

from .database import LOCKS, Disagreement, bring_up_to_date, reason
from .recovery import Recovery
from .schema import INSTANCES
from .source import Source
from .store import History

LOG = logging.getLogger(__name__)

PAGE = 200  #: messages copied at once; other servers wait for the transaction of a page


class Claimed(Disagreement):
    """Another server writes the history of this subarray."""


class StillOpen(Disagreement):
    """The database still has a connection of an earlier process of this server."""


class Behind(Disagreement):
    """The central history has messages beyond the end of this journal."""


class Emptied(Disagreement):
    """Copied messages were removed from the central history."""


class Replication:
    """Copies the messages of a journal in order, each once."""

    def __init__(self, journal: Source, history: History, subarray: int) -> None:
        #: The number up to which the central history is complete; None until it is known.
        self.copied: int | None = None
        self._last = 0  #: number of the last message in the central history; 0 if there is none
        self._journal = journal
        self._history = history
        self._subarray = subarray
        self._connection: sa.Connection | None = None

    @property
    def connected(self) -> bool:
        """Whether :meth:`page` can be called."""
        return self._connection is not None and self.copied is not None

    def begin(self) -> None:
        """Connect, take the lock of this history, and determine up to where it is copied.

        :raises Disagreement: if the history must not be written
        :raises sqlalchemy.exc.SQLAlchemyError: if the database cannot be used
        """
        self.end()
        connection = self._connection = self._history.engine.connect()
        bring_up_to_date(connection)
        with connection.begin():
            self._claim(connection)
            copied = self._compare(connection)
            self._sign(connection)
            self._history.make_room(connection, copied)
            if copied == 0:
                self._history.adopt(connection, self._journal)
        self.copied = self._last = copied

    def recover(self, recovery: Recovery) -> int:
        """Fetch the messages the journal lacks, if ``begin`` raised :class:`Behind`; returns their number."""
        assert self._connection is not None
        with self._connection.begin():
            return recovery.fetch(self._connection, self._history)

    def page(self) -> int:
        """Verify that the earlier messages are still in the central history, and copy a page of further ones.

        :returns: the number of messages copied
        :raises Emptied: if the earlier messages have to be copied again
        :raises sqlalchemy.exc.SQLAlchemyError: if the database cannot be used
        """
        assert self._connection is not None
        assert self.copied is not None
        rows = self._journal.rows(self.copied, PAGE)
        try:
            with self._connection.begin():
                self._require_there(self._connection)
                if rows:
                    self._history.append(self._connection, rows)
        except sa.exc.DataError:
            self._one_by_one(rows)
        else:
            self._last = rows[-1]["seq"] if rows else self._last
        if rows:
            self.copied = rows[-1]["seq"]
        return len(rows)

    def end(self) -> None:
        """Disconnect, which releases the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _require_there(self, connection: sa.Connection) -> None:
        """Require that the tables were not emptied or recreated since the last page.

        :raises Emptied: if they were
        """
        tables, table = self._history.tables, self._history.tables.messages
        last = sa.select(table.c.seq).where(tables.ours(table, table.c.seq == self._last))
        if connection.scalar(last) is None and self._last:
            raise Emptied(
                f"the central history of subarray {self._subarray} was emptied or recreated; "
                "the journal is copied again"
            )

    def _one_by_one(self, rows: list[dict[str, Any]]) -> None:
        """Skip messages that the database cannot hold, so that they block no other message."""
        assert self._connection is not None
        for row in rows:
            try:
                with self._connection.begin():
                    self._history.append(self._connection, [row])
                self._last = row["seq"]
            except sa.exc.DataError as error:
                LOG.error(
                    "Skipped message %s: the central history cannot hold it: %s", row["seq"], reason(error)
                )

    def _claim(self, connection: sa.Connection) -> None:
        if connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCKS, self._subarray))):
            return
        owner = connection.execute(sa.select(INSTANCES).where(INSTANCES.c.subarray == self._subarray)).first()
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(owner.since)) if owner else "a moment ago"
        host = owner.host if owner else "some host"
        if owner is None or owner.instance == self._journal.identity():
            raise StillOpen(
                f"a connection from {host} since {since} is still open there; if it is not that of an "
                "earlier process of this server, another one works with a copy of its journal: stop one "
                "of them"
            )
        raise Claimed(
            f"another server, on {host} since {since}, writes the history of subarray {self._subarray} "
            "in the central database; stop it, or give this one another subarray with OET_SUBARRAY_ID"
        )

    def _compare(self, connection: sa.Connection) -> int:
        """Require that the journal continues the central history; returns the last number of the latter."""
        there, here = self._history.head(), self._journal.head()
        common = min(there, here)
        ids = self._history.id_of(common), self._journal.id_of(common)
        if None not in ids and ids[0] != ids[1]:
            raise Disagreement(
                f"the central history of subarray {self._subarray} and the journal {self._journal.file} have "
                "gone different ways; nothing is copied. To go on with the central one, end the server, move "
                "the journal away and start the server again"
            )
        if there > here:
            raise Behind(
                f"the central history of subarray {self._subarray} goes on where the journal ends; start the "
                "server again to fetch what is missing"
            )
        if there and (begins := self._history.first()) > (oldest := self._journal.first()):
            LOG.warning(
                "The central history of subarray %s lacks the messages before %s, and the journal has "
                "messages from %s on; to copy all of it again, remove the rows of this subarray from "
                "oet_messages",
                *(self._subarray, begins, oldest),
            )
        return there

    def _sign(self, connection: sa.Connection) -> None:
        row = INSTANCES.c.subarray == self._subarray
        connection.execute(INSTANCES.delete().where(row))
        values = {"instance": self._journal.identity(), "host": socket.gethostname(), "since": time.time()}
        connection.execute(INSTANCES.insert().values(subarray=self._subarray, **values))
