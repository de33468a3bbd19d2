"""The tables of the journal."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

import sqlalchemy as sa

from .migration import Schema

METADATA = sa.MetaData()

#: Which messages are records of the audit; letter by letter what their index is for.
AUDITED = sa.text("topic IN ('audit.command', 'audit.result', 'auth.refused')")

MESSAGES = sa.Table(
    "messages",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(100), unique=True, nullable=False),
    sa.Column("topic", sa.String(200), nullable=False),
    sa.Column("about", sa.Integer, index=True),
    sa.Column("request_id", sa.String(100), index=True),
    sa.Column("time", sa.Float, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("ix_messages_audit", "seq", sqlite_where=AUDITED),
)

#: What lists of everything ever run are read from, so that they cost the same however long the history is.
PROCEDURES = sa.Table(
    "procedures",
    METADATA,
    sa.Column("pid", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("script_uri", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created", sa.Float, index=True),
)

#: The latest document of everything else that has one: of each activity, of what the operator decided, and of
#: what scripts told of a subarray.
DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created", sa.Float),
    sa.Column("script_uri", sa.Text),
)

#: Who asked for what, and what they were answered; a command without a status was given no answer.
AUDIT = sa.Table(
    "audit",
    METADATA,
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

#: What the journal has to remember about itself.
NOTES = sa.Table(
    "notes",
    METADATA,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


@dataclasses.dataclass(frozen=True)
class Tables:
    """Where messages are kept, and what follows from them; here, or beside the same of other subarrays."""

    messages: sa.Table
    procedures: sa.Table
    documents: sa.Table
    audit: sa.Table
    #: Columns that all our rows have in common; the tables hold no others where there are none.
    common: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def ours(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        """Which rows of a table are meant."""
        common = (table.c[name] == value for name, value in self.common.items())
        return sa.and_(sa.true(), *common, *conditions)


JOURNAL = Tables(MESSAGES, PROCEDURES, DOCUMENTS, AUDIT)

#: The note of the subarray that the journal is of.
SUBARRAY = "subarray"

#: Each table, with the first revision that has it.
SINCE = {"messages": "0001", "procedures": "0001", "documents": "0002", "audit": "0003", "notes": "0004"}

#: A change of these tables needs a revision in ``migrations/``, and its number here.
SCHEMA = Schema(
    metadata=METADATA,
    revision="0006",
    migrations=os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrations"),
    unnoted={"0001": "messages", "0002": "documents", "0003": "audit"},
)
