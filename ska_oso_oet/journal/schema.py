"""The tables of the journal."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

import sqlalchemy as sa

from .migration import Schema

METADATA = sa.MetaData()

#: The condition for records of the audit; must be letter by letter that of their index.
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

#: The latest document of each procedure, so that the cost of a list does not grow with the history.
PROCEDURES = sa.Table(
    "procedures",
    METADATA,
    sa.Column("pid", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("script_uri", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("created", sa.Float, index=True),
)

#: The latest document of each activity, of the operator's decision, and of the obsState of a subarray as
#: published by scripts.
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

#: The audit: each command, its user and its answer; without a status if there was no answer.
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

#: Properties of the journal.
NOTES = sa.Table(
    "notes",
    METADATA,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


@dataclasses.dataclass(frozen=True)
class Tables:
    """The table of messages and the tables derived from it, of one subarray or shared by several."""

    messages: sa.Table
    procedures: sa.Table
    documents: sa.Table
    audit: sa.Table
    #: Columns and values that select our rows; if empty, all rows are ours.
    common: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def ours(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        """The condition for our rows of a table that meet the conditions."""
        common = (table.c[name] == value for name, value in self.common.items())
        return sa.and_(sa.true(), *common, *conditions)


JOURNAL = Tables(MESSAGES, PROCEDURES, DOCUMENTS, AUDIT)

#: Name of the note with the id of the subarray.
SUBARRAY = "subarray"

#: A change to these tables needs a revision in ``migrations/``, and its number here.
SCHEMA = Schema(
    metadata=METADATA,
    revision="0001",
    migrations=os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrations"),
)
