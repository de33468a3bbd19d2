"""The two layouts of the ODA's database.

Until ODA 12: `tab_oda_sbd` and its like, a row for each version. Since ODA 18: `project.sb_definitions` and
its like, with former versions in a table of their own. Columns differ between releases, so they are looked
at, and those that are not there are left out.
"""

from __future__ import annotations

import datetime
import functools
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from .entities import LARGEST, read_document, write_document
from .tables import Cursor, Table

BY = "oet"


class Row(NamedTuple):
    """A document in the database."""

    key: Any  #: the value of the column `id`
    version: int
    document: dict[str, Any]


class Layout(Protocol):
    """One way to keep documents: of kind `sbd`, `sbi` or `eb`."""

    def find(self, cursor: Cursor, kind: str, identifier: str, version: int | None = None) -> Row | None:
        """A document; its newest version if none is given.

        :raises ValueError: if it cannot be read
        """
        ...

    def insert(
        self, cursor: Cursor, kind: str, identifier: str, document: dict[str, Any], parent: Row | None
    ) -> None:
        """Store a document for the first time."""
        ...

    def update(self, cursor: Cursor, kind: str, row: Row, document: dict[str, Any]) -> None:
        """Put a document in the place of an earlier form of it."""
        ...

    def has_statuses(self, kind: str) -> bool:
        """Whether there is a place for statuses."""
        ...

    def status(self, cursor: Cursor, kind: str, identifier: str, row: Row) -> str | None:
        """The status, if there is any."""
        ...

    def add_status(
        self, cursor: Cursor, kind: str, identifier: str, row: Row, before: str, status: str
    ) -> None:
        """Record another status."""
        ...


def table_of(tables: dict[str, Table], name: str) -> Table:
    """The table of a name.

    :raises UndefinedTable: if there is none
    """
    if name not in tables:
        raise psycopg.errors.UndefinedTable(f"there is no table {name}, or this user may not read it")
    return tables[name]


def document_of(column: str) -> sql.Composed:
    """The text of a document, or nothing if it is too large to be read."""
    text = sql.SQL("{}::text").format(sql.Identifier(column))
    return sql.SQL("CASE WHEN octet_length({0}) <= {1} THEN {0} END").format(text, LARGEST)


def row_of(cursor: Cursor, query: sql.Composed, *values: Any) -> Row | None:
    """The first row that a query finds.

    :raises ValueError: if its document cannot be read
    """
    found = cursor.execute(query, values).fetchone()
    if found is None:
        return None
    key, version, text = found
    if text is None:
        raise ValueError(f"a document is larger than {LARGEST // 2**20} MiB")
    return Row(key, int(version or 1), read_document(text.encode()))


def jsonb(document: dict[str, Any]) -> Jsonb:
    """A document as a value."""
    return Jsonb(document, dumps=functools.partial(write_document, indent=None))


def stamps() -> dict[str, Any]:
    """The columns that tell who has made a row, and when."""
    values = changed()
    return {"created_by": BY, "created_on": values["last_modified_on"], **values}


def changed() -> dict[str, Any]:
    """The columns that tell who has changed a row, and when."""
    return {"last_modified_by": BY, "last_modified_on": datetime.datetime.now(datetime.timezone.utc)}
