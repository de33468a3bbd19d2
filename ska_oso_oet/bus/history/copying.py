"""The conversation with the central database about the history of one subarray.

Everything here waits for that database, and is done in one thread. Only one server at a time may write the
history of a subarray: whoever does holds a lock for as long as it is connected.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

import sqlalchemy as sa

from ..journal.journal import Journal
from ..journal.reading import Reading
from .database import LOCKS, Disagreement, bring_up_to_date, reason
from .recovery import Recovery
from .schema import INSTANCES
from .store import History

LOG = logging.getLogger(__name__)

PAGE = 200  #: others who write have to wait for as long as a page takes


class Claimed(Disagreement):
    """Another server writes the history of this subarray."""


class StillOpen(Disagreement):
    """An earlier process of this server is still connected, as far as the database knows."""


class Behind(Disagreement):
    """The central history goes on where this journal ends."""


class Emptied(Disagreement):
    """What was copied is not there any more."""


class Copying:
    """Copies what is in a journal, in order, and nothing twice.

    :param copied: the number up to which the centre has everything; none as long as that is not known
    """

    def __init__(self, journal: Journal, history: History, subarray: int) -> None:
        self.copied: int | None = None
        self._there = 0  #: the last message that is there, where there is any
        self._journal = journal
        self._history = history
        self._subarray = subarray
        self._instance = journal.identity()
        self._connection: sa.Connection | None = None

    @property
    def connected(self) -> bool:
        """Whether copying can go on."""
        return self._connection is not None and self.copied is not None

    def begin(self) -> None:
        """Connect, be the only one who writes this history, and find out where to go on.

        :raises Disagreement: where it must not be written
        :raises sqlalchemy.exc.SQLAlchemyError: where the database cannot be used
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
        self.copied = self._there = copied

    def recover(self, recovery: Recovery) -> int:
        """Fetch what this journal lacks, after ``begin`` found it behind; returns how many messages.

        Nobody else may be writing the journal.
        """
        assert self._connection is not None
        with self._connection.begin():
            return recovery.fetch(self._connection, self._history, self._journal)

    def page(self) -> int:
        """Copy some messages; returns how many. In any case it makes sure that the earlier ones are there.

        :raises Emptied: where they are not, and have to be copied again
        :raises sqlalchemy.exc.SQLAlchemyError: where the database cannot be used
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
            self._there = rows[-1]["seq"] if rows else self._there
        if rows:
            self.copied = rows[-1]["seq"]
        return len(rows)

    def end(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()  # its lock goes with it

    def _require_there(self, connection: sa.Connection) -> None:
        """Make sure that nobody has emptied the tables, or made them anew, since we wrote to them."""
        tables, table = self._history.tables, self._history.tables.messages
        last = sa.select(table.c.seq).where(tables.ours(table, table.c.seq == self._there))
        if connection.scalar(last) is None and self._there:
            raise Emptied(
                f"somebody has emptied the central history of subarray {self._subarray}, or made it anew; "
                "the journal is copied again"
            )

    def _one_by_one(self, rows: list[dict[str, Any]]) -> None:
        """Leave out what the database cannot hold, so that it stands in the way of nothing else."""
        assert self._connection is not None
        for row in rows:
            try:
                with self._connection.begin():
                    self._history.append(self._connection, [row])
                self._there = row["seq"]
            except sa.exc.DataError as error:
                LOG.error("The central history cannot hold message %s: %s", row["seq"], reason(error))

    def _claim(self, connection: sa.Connection) -> None:
        if connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCKS, self._subarray))):
            return
        who = connection.execute(sa.select(INSTANCES).where(INSTANCES.c.subarray == self._subarray)).first()
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(who.since)) if who else "a moment ago"
        host = who.host if who else "some host"
        if who is None or who.instance == self._instance:
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
        """Make sure that the two histories are one; returns where the central one ends."""
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
        if there and (begins := self._history.first()) > (oldest := Reading.first(self._journal)):
            LOG.warning(
                "The central history of subarray %s lacks what came before message %s, and the journal has "
                "messages from %s on; to have all of it copied again, remove the rows of this subarray from "
                "oet_messages",
                *(self._subarray, begins, oldest),
            )
        return there

    def _sign(self, connection: sa.Connection) -> None:
        mine = INSTANCES.c.subarray == self._subarray
        connection.execute(INSTANCES.delete().where(mine))
        values = {"instance": self._instance, "host": socket.gethostname(), "since": time.time()}
        connection.execute(INSTANCES.insert().values(subarray=self._subarray, **values))
