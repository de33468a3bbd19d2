"""The tables of the central history: those of the journal, for every subarray, in one order.

``position`` is the order in which messages were committed here, over all subarrays: a reader that has read up
to one position misses no later message.
"""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa

from ..journal.migration import Schema
from ..journal.schema import Tables

METADATA = sa.MetaData()


class Text(sa.types.TypeDecorator[str]):
    """Text without the characters that SQLite accepts and PostgreSQL refuses."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Replace the characters that PostgreSQL refuses."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _key(name: str, kind: type[sa.types.TypeEngine[int]] = sa.BigInteger) -> sa.Column[int]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


MESSAGES = sa.Table(
    "oet_messages",
    METADATA,
    _key("subarray", sa.Integer),
    _key("seq"),
    sa.Column("position", sa.BigInteger, nullable=False, unique=True),
    sa.Column("id", Text, nullable=False),
    sa.Column("topic", Text, nullable=False),
    sa.Column("about", sa.BigInteger),
    sa.Column("request_id", Text),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("body", Text, nullable=False),
    sa.UniqueConstraint("subarray", "id"),
    sa.Index("ix_oet_messages_about", "subarray", "about"),
)

PROCEDURES = sa.Table(
    "oet_procedures",
    METADATA,
    _key("subarray", sa.Integer),
    _key("pid"),
    sa.Column("position", sa.BigInteger, nullable=False, unique=True),  #: of the message of its creation
    sa.Column("changed", sa.BigInteger, nullable=False),  #: position of the latest message about it
    sa.Column("state", Text, nullable=False),
    sa.Column("script_uri", Text, nullable=False),
    sa.Column("document", Text, nullable=False),
    sa.Column("created", sa.Double),
    sa.Index("ix_oet_procedures_created", "created"),
)

DOCUMENTS = sa.Table(
    "oet_documents",
    METADATA,
    _key("subarray", sa.Integer),
    sa.Column("kind", Text, primary_key=True),
    _key("id"),
    sa.Column("changed", sa.BigInteger, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("document", Text, nullable=False),
    sa.Column("created", sa.Double),
    sa.Column("script_uri", Text),
)

AUDIT = sa.Table(
    "oet_audit",
    METADATA,
    _key("subarray", sa.Integer),
    _key("seq"),
    sa.Column("id", Text, nullable=False),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("user", Text),
    sa.Column("name", Text),
    sa.Column("address", Text),
    sa.Column("method", Text, nullable=False),
    sa.Column("path", Text, nullable=False),
    sa.Column("what", Text),
    sa.Column("request_id", Text),
    sa.Column("status", sa.Integer),
    sa.Column("detail", Text),
    sa.Index("ix_oet_audit_id", "subarray", "id"),
)

#: The server that writes the history of a subarray.
INSTANCES = sa.Table(
    "oet_instances",
    METADATA,
    _key("subarray", sa.Integer),
    sa.Column("instance", Text, nullable=False),  #: identity of the journal of that server
    sa.Column("host", Text, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
)

#: One row with the last position assigned.
HEAD = sa.Table(
    "oet_head",
    METADATA,
    _key("id", sa.Integer),
    sa.Column("position", sa.BigInteger, nullable=False),
)


@sa.event.listens_for(HEAD, "after_create")
def _begin(_table: sa.Table, connection: sa.Connection, **_more: Any) -> None:
    connection.execute(HEAD.insert().values(id=1, position=0))


#: A change to these tables needs a revision in ``migrations/``, and its number here.
SCHEMA = Schema(
    metadata=METADATA,
    revision="0001",
    migrations=os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrations"),
    version_table="oet_version",
)


def tables_of(subarray: int) -> Tables:
    """The tables, restricted to one subarray."""
    return Tables(MESSAGES, PROCEDURES, DOCUMENTS, AUDIT, {"subarray": subarray})
