"""The ODA's own database: PostgreSQL, in one of its two layouts, which is found by looking.

Every call has its own connection, and its changes are one transaction. Locks of this program's own make sure
that nothing is stored twice, since not every layout has keys for that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Collection, Iterator
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from ...domain.errors import ArchiveAway, Conflict, Invalid, NotFound
from ...domain.scheduling import checked_sbd_id
from ...settings.urls import shown
from . import faults
from .entities import FIRST_STATUS, Status, require_status
from .kept_here import KeptHere
from .layouts import Layout
from .since_18 import Since18
from .tables import Cursor, found_tables
from .until_12 import Until12

_CONNECTING = 5.0  #: seconds one attempt to connect may take
#: A host that is lost is noticed within half a minute.
_KEEPALIVE: dict[str, str | int] = {
    "application_name": "oet",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
_LIMITS = (
    "SELECT set_config('statement_timeout', %s, false),"
    " set_config('idle_in_transaction_session_timeout', '15s', false)"
)
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 231))"
_LOOKED_AT = 600.0  #: seconds that a layout is taken for what was seen


logging.getLogger("psycopg").setLevel(logging.ERROR)  # we log each failure once


class PostgresqlArchive:
    """The ODA's database; statuses are kept here if its layout is from before there were any.

    :param timeout: seconds that one call may take
    :param statuses: those of a block that may be observed; any if empty
    """

    def __init__(self, url: str, timeout: float, here: KeptHere, statuses: Collection[str]) -> None:
        self.where = shown(url)
        self._url = url
        self._timeout = timeout
        self._here = here
        self._statuses = statuses
        self._seen: tuple[float, Layout] | None = None

    def scheduling_block(self, sbd_id: str, version: int | None = None) -> dict[str, Any]:
        """See the port."""
        with self._transaction() as (cursor, layout):
            row = layout.find(cursor, "sbd", checked_sbd_id(sbd_id), version)
            if row is None and version is not None and layout.find(cursor, "sbd", sbd_id) is not None:
                raise NotFound.version(sbd_id, version, self.where)
            if row is None:
                raise NotFound.scheduling_block(sbd_id, self.where)
            if self._statuses and layout.has_statuses("sbd"):
                require_status(layout.status(cursor, "sbd", sbd_id, row), self._statuses, sbd_id, self.where)
            return row.document

    def store_instance(self, sbi: dict[str, Any]) -> None:
        """See the port."""
        sbi_id = checked_sbd_id(sbi["sbi_id"])
        with self._transaction(sbi_id) as (cursor, layout):
            row = layout.find(cursor, "sbi", sbi_id)
            if row is None:
                layout.insert(cursor, "sbi", sbi_id, sbi, layout.find(cursor, "sbd", sbi["sbd_ref"]))
            elif row.document != sbi:
                raise Conflict(f"the archive {self.where} already has another SBInstance {sbi_id}; try again")

    def record_status(self, sbi_id: str, status: Status) -> None:
        """See the port."""
        with self._transaction(checked_sbd_id(sbi_id)) as (cursor, layout):
            if layout.has_statuses("sbi"):
                self._record(cursor, layout, "sbi", sbi_id, status)
                return
        self._here.status(sbi_id, status)

    def record_execution_block(self, eb: dict[str, Any]) -> None:
        """See the port."""
        eb_id, status = checked_sbd_id(eb["eb_id"]), eb["status"]
        # The status has a place of its own.
        document = {name: value for name, value in eb.items() if name != "status"}
        with self._transaction(eb_id) as (cursor, layout):
            row = layout.find(cursor, "eb", eb_id)
            if row is None:
                layout.insert(cursor, "eb", eb_id, document, layout.find(cursor, "sbi", eb["sbi_ref"]))
            elif row.document != document:
                layout.update(cursor, "eb", row, document)
            if layout.has_statuses("eb"):
                self._record(cursor, layout, "eb", eb_id, status)
                return
        self._here.execution_block(eb, f"the archive {self.where} has no table for their statuses")

    def _record(self, cursor: Cursor, layout: Layout, kind: str, identifier: str, status: str) -> None:
        row = layout.find(cursor, kind, identifier)
        if row is None:
            raise ArchiveAway(
                f"the archive {self.where} has no {identifier}, whose status is {status}; store it there"
            )
        before = layout.status(cursor, kind, identifier, row) or FIRST_STATUS
        if before != status:
            layout.add_status(cursor, kind, identifier, row, before, status)

    # -- connections -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self, lock: str = "") -> Iterator[tuple[Cursor, Layout]]:
        """A transaction of its own.

        :param lock: the id of what is changed, which one at a time may do
        """
        deadline = time.monotonic() + self._timeout
        try:
            with self._connection() as connection, _hang_up(connection, deadline):
                cursor = connection.cursor()
                cursor.execute(_LIMITS, (f"{int(self._timeout * 1000)}ms",))
                layout = self._layout(cursor)
                if lock:
                    cursor.execute(_LOCK, (lock,))
                yield cursor, layout
        except psycopg.Error as error:
            self._seen = None  # it may have been migrated
            if time.monotonic() >= deadline:
                raise faults.late(self.where, self._timeout) from None
            raise faults.meant(self.where, error) from None
        except ValueError as error:
            raise Invalid(
                f"{error}, in the archive {self.where}; repair it, or store a new version"
            ) from None

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            patience = max(1, int(min(_CONNECTING, self._timeout)))
            return psycopg.connect(make_conninfo(self._url, connect_timeout=patience, **_KEEPALIVE))
        except psycopg.Error as error:
            raise faults.unreachable(self.where, error) from None

    def _layout(self, cursor: Cursor) -> Layout:
        seen = self._seen
        if seen is None or time.monotonic() - seen[0] > _LOOKED_AT:
            layout = _found_layout(cursor)
            if layout is None:
                raise faults.no_layout(self.where)
            self._seen = seen = time.monotonic(), layout
        return seen[1]


def _found_layout(cursor: Cursor) -> Layout | None:
    """The layout of a database; None if it is none that an ODA has."""
    tables = found_tables(cursor)
    if "project.sb_definitions" in tables:
        return Since18(tables)
    return Until12(tables) if "tab_oda_sbd" in tables else None


@contextlib.contextmanager
def _hang_up(connection: psycopg.Connection[Any], deadline: float) -> Iterator[None]:
    """Shut a connection at the deadline: a server that is suspended keeps to no time limit of its own."""
    end = socket.socket(fileno=os.dup(connection.fileno()))

    def shut() -> None:
        with contextlib.suppress(OSError):  # not connected any more
            end.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        end.close()
