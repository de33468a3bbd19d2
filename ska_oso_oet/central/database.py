"""Connections to the central database: with time limits, and without its password in messages."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy as sa

from ..journal.migration import NewerSchema
from .schema import SCHEMA

#: The number that identifies the advisory locks of this program in PostgreSQL.
LOCKS = 0x0E7

_CONNECTING = {
    "connect_timeout": 5,
    # A lost host is noticed within half a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
#: The same in the other direction, so that the locks of a lost host are released.
_SESSION = {
    "tcp_keepalives_idle": "10s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "15s",
}
_READING = {"statement_timeout": "5s"}
_WRITING = {"statement_timeout": "60s"}  #: it may wait for the locks of other writers

logging.getLogger("psycopg").setLevel(logging.ERROR)  # we log each failure once


class Disagreement(Exception):  # noqa: N818  reads as a sentence
    """The central database can be reached, but must not be written; the message gives the reason."""


def engine_for(url: str, subarray: int, *, pooled: bool = True) -> sa.Engine:
    """An engine for the central database at a URL; does not connect yet.

    :param pooled: whether connections are kept for later use
    """
    pool = {"pool_size": 2, "pool_pre_ping": True} if pooled else {"poolclass": sa.pool.NullPool}
    name = f"oet subarray {subarray}"
    engine = sa.create_engine(url, connect_args={**_CONNECTING, "application_name": name}, **pool)
    limits = _SESSION | (_READING if pooled else _WRITING)

    def limit(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("; ".join(f"SET {name} = '{value}'" for name, value in limits.items()))
        connection.commit()

    sa.event.listen(engine, "connect", limit)
    return engine


def bring_up_to_date(connection: sa.Connection) -> None:
    """Create or upgrade the tables, over a connection of its own.

    :raises Disagreement: if the schema is of a later release
    """
    with connection.begin():
        if SCHEMA.is_up_to_date(connection):
            return
    alone = sa.create_engine(connection.engine.url, poolclass=sa.pool.NullPool, connect_args=_CONNECTING)
    sa.event.listen(alone, "begin", _exclude_others)
    try:
        SCHEMA.bring_up_to_date(alone)
    except NewerSchema as newer:
        raise Disagreement(
            f"the central history has schema {newer}, but this release knows none later than "
            f"{SCHEMA.revision}; install the release that changed it here as well"
        ) from None


def _exclude_others(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCKS}, 0)")


@contextlib.contextmanager
def without_waiting(connection: sa.Connection) -> Iterator[None]:
    """Send statements whose results are not needed without waiting between them: the latency may be long.

    :raises sqlalchemy.exc.DBAPIError: if any of them fails
    """
    raw: Any = connection.connection.driver_connection
    try:
        with raw.pipeline():
            yield
    except psycopg.DataError as error:
        raise sa.exc.DataError(None, None, error) from error
    except psycopg.Error as error:
        raise sa.exc.DBAPIError(None, None, error) from error


#: SQLSTATEs of errors about the type of a value; all others of their class are about the database.
_TYPES = ("42804", "42846", "42883")


def is_of_a_row(error: sa.exc.DBAPIError) -> bool:
    """Whether an error is caused by a row, which would fail again, not by the database or the connection."""
    cause = error.orig
    if isinstance(cause, psycopg.ProgrammingError):
        return cause.sqlstate is None or cause.sqlstate in _TYPES  # None: it was not sent
    return isinstance(cause, psycopg.DataError | psycopg.IntegrityError)


def reason(error: BaseException) -> str:
    """The reason of a failure of the database, in one line."""
    message = str(getattr(error, "orig", None) or error).strip()
    return " ".join(message.splitlines()[0].split()) if message else type(error).__name__
