"""The two layouts of the ODA's database.

Until ODA 12: `tab_oda_sbd` and its like, a row for each version. Since ODA 18: `project.sb_definitions` and
its like, with former versions in a table of their own. Columns differ between releases, so they are looked
at, and those that are not there are left out.
"""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from .entities import LARGEST, read_document, write_document
from .tables import Cursor, Table, found_tables, skuid_number

__all__ = ["Cursor", "Layout", "Row", "found_layout"]

_BY = "oet"


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


def found_layout(cursor: Cursor) -> Layout | None:
    """The layout of a database; None if it is none that an ODA has."""
    tables = found_tables(cursor)
    if "project.sb_definitions" in tables:
        return Since18(tables)
    return Until12(tables) if "tab_oda_sbd" in tables else None


class Until12:
    """ODA 7 to 12; statuses came on the way."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables

    def find(self, cursor: Cursor, kind: str, identifier: str, version: int | None = None) -> Row | None:
        """See the protocol."""
        table = _of(self._tables, f"tab_oda_{kind}")
        column = sql.Identifier(f"{kind}_id")
        wanted = sql.SQL("") if version is None else sql.SQL(" AND version = {}").format(version)
        query = sql.SQL(
            "SELECT id, version, {} FROM {} WHERE {} = %s{} ORDER BY version DESC, id DESC LIMIT 1"
        )
        return _row(cursor, query.format(_document("info"), table.name, column, wanted), identifier)

    def insert(
        self, cursor: Cursor, kind: str, identifier: str, document: dict[str, Any], parent: Row | None
    ) -> None:
        """See the protocol."""
        values = {
            "sbd_id": document.get("sbd_ref"),
            "sbd_version": document.get("sbd_version"),
            "sbi_id": document.get("sbi_ref"),
            f"{kind}_id": identifier,
            "info": _jsonb(document),
            "version": 1,
        }
        _of(self._tables, f"tab_oda_{kind}").insert(cursor, values | _stamps())

    def update(self, cursor: Cursor, kind: str, row: Row, document: dict[str, Any]) -> None:
        """See the protocol."""
        _of(self._tables, f"tab_oda_{kind}").update(cursor, row.key, {"info": _jsonb(document), **_changed()})

    def has_statuses(self, kind: str) -> bool:
        """See the protocol."""
        return f"tab_oda_{kind}_status_history" in self._tables

    def status(self, cursor: Cursor, kind: str, identifier: str, row: Row) -> str | None:
        """See the protocol."""
        found = self._last(cursor, kind, identifier, row)
        return None if found is None else str(found[0])

    def add_status(
        self, cursor: Cursor, kind: str, identifier: str, row: Row, before: str, status: str
    ) -> None:
        """See the protocol."""
        last = self._last(cursor, kind, identifier, row)
        values = {
            f"{kind}_ref": identifier,
            f"{kind}_version": row.version,
            "current_status": status,
            "previous_status": before,
            "version": 1 if last is None else last[1] + 1,
        }
        self._tables[f"tab_oda_{kind}_status_history"].insert(cursor, values | _stamps())

    def _last(self, cursor: Cursor, kind: str, identifier: str, row: Row) -> tuple[Any, ...] | None:
        query = sql.SQL(
            "SELECT current_status, version FROM {} WHERE {} = %s AND {} = %s "
            "ORDER BY version DESC, id DESC LIMIT 1"
        ).format(
            self._tables[f"tab_oda_{kind}_status_history"].name,
            sql.Identifier(f"{kind}_ref"),
            sql.Identifier(f"{kind}_version"),
        )
        return cursor.execute(query, (identifier, row.version)).fetchone()


_SINCE_18 = {
    "sbd": "project.sb_definitions",
    "sbi": "execution.sb_instances",
    "eb": "execution.execution_blocks",
}
_HISTORY = "project.sb_definition_history"
_ENTRIES, _CURRENT, _VALID = "status.status_entries", "status.current_status", "status.valid_statuses"


class Since18:
    """ODA 18 and 19."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables

    def find(self, cursor: Cursor, kind: str, identifier: str, version: int | None = None) -> Row | None:
        """See the protocol."""
        table = _of(self._tables, _SINCE_18[kind])
        fields = sql.SQL("SELECT id, version, {} FROM {}").format(_document("data"), table.name)
        row = self._newest(cursor, table, fields, kind, identifier)
        if row is None or version is None or row.version == version:
            return row
        if kind != "sbd" or _HISTORY not in self._tables:
            return None
        query = sql.SQL("SELECT %s, version, {} FROM {} WHERE data->>'sbd_id' = %s AND version = %s LIMIT 1")
        history = query.format(_document("data"), self._tables[_HISTORY].name)
        return _row(cursor, history, row.key, row.document.get("sbd_id", identifier), version)

    def _newest(
        self, cursor: Cursor, table: Table, fields: sql.Composed, kind: str, identifier: str
    ) -> Row | None:
        if table.columns["id"].is_text:
            return _row(cursor, fields + sql.SQL(" WHERE id = %s"), identifier)
        named = sql.SQL("data->>{} = %s").format(f"{kind}_id")
        number = skuid_number(identifier)
        if number is not None:
            query = fields + sql.SQL(" WHERE id = %s AND ") + named
            row = _row(cursor, query, number, identifier)
            if row is not None:
                return row
        return _row(cursor, fields + sql.SQL(" WHERE ") + named + sql.SQL(" LIMIT 1"), identifier)

    def insert(
        self, cursor: Cursor, kind: str, identifier: str, document: dict[str, Any], parent: Row | None
    ) -> None:
        """See the protocol."""
        table = _of(self._tables, _SINCE_18[kind])
        key = parent and parent.key
        values = {"parent_fk": key, "sbi_fk": key, "data": _jsonb(document), "version": 1}
        if table.columns["id"].is_text:
            values["id"] = identifier
        elif not table.columns["id"].fills_itself:
            number = skuid_number(identifier)
            if number is None:
                raise ValueError(f"the id {identifier} is no SKUID, which its table needs")
            values["id"] = number
        table.insert(cursor, values | _stamps())

    def update(self, cursor: Cursor, kind: str, row: Row, document: dict[str, Any]) -> None:
        """See the protocol."""
        values = {"data": _jsonb(document), **_changed()}
        _of(self._tables, _SINCE_18[kind]).update(cursor, row.key, values)

    def has_statuses(self, kind: str) -> bool:
        """See the protocol."""
        return {_ENTRIES, _CURRENT} <= self._tables.keys()

    def status(self, cursor: Cursor, kind: str, identifier: str, row: Row) -> str | None:
        """See the protocol."""
        query = sql.SQL(
            "SELECT status FROM {} WHERE entity_id::text = ANY(%s) AND entity_table LIKE %s LIMIT 1"
        ).format(self._tables[_CURRENT].name)
        table = f"%{_SINCE_18[kind].partition('.')[2]}"
        found = cursor.execute(query, ([str(row.key), identifier], table)).fetchone()
        return None if found is None else str(found[0])

    def add_status(
        self, cursor: Cursor, kind: str, identifier: str, row: Row, before: str, status: str
    ) -> None:
        """See the protocol."""
        entries = self._tables[_ENTRIES]
        now = datetime.datetime.now(datetime.timezone.utc)
        values = {
            "entity_id": identifier
            if isinstance(row.key, int) and entries.columns["entity_id"].is_text
            else row.key,
            "entity_table": self._name_of(cursor, kind),
            "status": status,
            "previous_status": before,
            "updated_by": _BY,
            "updated_on": now,
            "updated_at": now,
        }
        entries.insert(cursor, values | _stamps())

    def _name_of(self, cursor: Cursor, kind: str) -> str:
        """The name of a table as statuses have it."""
        bare = _SINCE_18[kind].partition(".")[2]
        valid = self._tables.get(_VALID)
        if valid is not None and "entity_table" in valid.columns:
            query = sql.SQL("SELECT entity_table FROM {} WHERE entity_table LIKE %s LIMIT 1").format(
                valid.name
            )
            found = cursor.execute(query, (f"%{bare}",)).fetchone()
            if found is not None:
                return str(found[0])
        return bare


def _of(tables: dict[str, Table], name: str) -> Table:
    if name not in tables:
        raise psycopg.errors.UndefinedTable(f"there is no table {name}, or this user may not read it")
    return tables[name]


def _document(column: str) -> sql.Composed:
    """The text of a document, or nothing if it is too large to be read."""
    text = sql.SQL("{}::text").format(sql.Identifier(column))
    return sql.SQL("CASE WHEN octet_length({0}) <= {1} THEN {0} END").format(text, LARGEST)


def _row(cursor: Cursor, query: sql.Composed, *values: Any) -> Row | None:
    found = cursor.execute(query, values).fetchone()
    if found is None:
        return None
    key, version, text = found
    if text is None:
        raise ValueError(f"a document is larger than {LARGEST // 2**20} MiB")
    return Row(key, int(version or 1), read_document(text.encode()))


def _jsonb(document: dict[str, Any]) -> Jsonb:
    return Jsonb(document, dumps=write_document)


def _stamps() -> dict[str, Any]:
    changed = _changed()
    return {"created_by": _BY, "created_on": changed["last_modified_on"], **changed}


def _changed() -> dict[str, Any]:
    return {"last_modified_by": _BY, "last_modified_on": datetime.datetime.now(datetime.timezone.utc)}
