"""The way to the central database: limited in time, and never a password in what is said about it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ..journal.migration import NewerSchema
from .schema import SCHEMA

#: What the locks of this program in a database are known by; PostgreSQL wants a number.
LOCKS = 0x0E7

_CONNECTING = {
    "connect_timeout": 5,
    # A machine that is gone is noticed within half a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
#: The same in the other direction, so that what a machine that is gone had locked is free again.
_SESSION = {
    "tcp_keepalives_idle": "10s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "15s",
}
_READING = {"statement_timeout": "5s"}
_WRITING = {"statement_timeout": "60s"}  #: others may have to be waited for

logging.getLogger("psycopg").setLevel(logging.ERROR)  # every trouble is told of once, by us


class Disagreement(Exception):  # noqa: N818  reads as a sentence
    """The central database can be reached, and must not be written; the message says why."""


def engine_for(url: str, subarray: int, *, pooled: bool = True) -> sa.Engine:
    """The central database of a URL. Nothing is reached yet.

    :param pooled: whether connections are kept for the next one who asks
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
    """Make the tables, or what is missing of them; asked over a connection, made over one of their own.

    :raises Disagreement: where a later release has changed them
    """
    with connection.begin():
        if SCHEMA.is_noted(connection):
            return
    alone = sa.create_engine(connection.engine.url, poolclass=sa.pool.NullPool, connect_args=_CONNECTING)
    sa.event.listen(alone, "begin", _exclude_others)
    try:
        SCHEMA.bring_up_to_date(alone)
    except NewerSchema as found:
        raise Disagreement(
            f"the central history has schema {found}, but this release knows none later than "
            f"{SCHEMA.revision}; install the release that changed it here as well"
        ) from None


def _exclude_others(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCKS}, 0)")


@contextlib.contextmanager
def without_waiting(connection: sa.Connection) -> Iterator[None]:
    """Have statements of which nobody wants an answer sent one after another: the way there may be long.

    :raises sqlalchemy.exc.DBAPIError: where any of them fails
    """
    import psycopg  # what has no central history does without it

    raw: Any = connection.connection.driver_connection
    try:
        with raw.pipeline():
            yield
    except psycopg.DataError as error:
        raise sa.exc.DataError(None, None, error) from error
    except psycopg.Error as error:
        raise sa.exc.DBAPIError(None, None, error) from error


def reason(error: BaseException) -> str:
    """Why a database could not be used, in one line."""
    said = str(getattr(error, "orig", None) or error).strip()
    return " ".join(said.splitlines()[0].split()) if said else type(error).__name__
