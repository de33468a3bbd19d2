"""The layout of the ODA's database since ODA 18."""

from __future__ import annotations

import datetime
from typing import Any

from psycopg import sql

from .layouts import BY, Row, changed, document_of, jsonb, row_of, stamps, table_of
from .tables import Cursor, Table, skuid_number

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
        table = table_of(self._tables, _SINCE_18[kind])
        fields = sql.SQL("SELECT id, version, {} FROM {}").format(document_of("data"), table.name)
        row = self._newest(cursor, table, fields, kind, identifier)
        if row is None or version is None or row.version == version:
            return row
        if kind != "sbd" or _HISTORY not in self._tables:
            return None
        query = sql.SQL("SELECT %s, version, {} FROM {} WHERE data->>'sbd_id' = %s AND version = %s LIMIT 1")
        history = query.format(document_of("data"), self._tables[_HISTORY].name)
        return row_of(cursor, history, row.key, row.document.get("sbd_id", identifier), version)

    def _newest(
        self, cursor: Cursor, table: Table, fields: sql.Composed, kind: str, identifier: str
    ) -> Row | None:
        if table.columns["id"].is_text:
            return row_of(cursor, fields + sql.SQL(" WHERE id = %s"), identifier)
        named = sql.SQL("data->>{} = %s").format(f"{kind}_id")
        number = skuid_number(identifier)
        if number is not None:
            query = fields + sql.SQL(" WHERE id = %s AND ") + named
            row = row_of(cursor, query, number, identifier)
            if row is not None:
                return row
        return row_of(cursor, fields + sql.SQL(" WHERE ") + named + sql.SQL(" LIMIT 1"), identifier)

    def insert(
        self, cursor: Cursor, kind: str, identifier: str, document: dict[str, Any], parent: Row | None
    ) -> None:
        """See the protocol."""
        table = table_of(self._tables, _SINCE_18[kind])
        key = parent and parent.key
        values = {"parent_fk": key, "sbi_fk": key, "data": jsonb(document), "version": 1}
        if table.columns["id"].is_text:
            values["id"] = identifier
        elif not table.columns["id"].fills_itself:
            number = skuid_number(identifier)
            if number is None:
                raise ValueError(f"the id {identifier} is no SKUID, which its table needs")
            values["id"] = number
        table.insert(cursor, values | stamps())

    def update(self, cursor: Cursor, kind: str, row: Row, document: dict[str, Any]) -> None:
        """See the protocol."""
        values = {"data": jsonb(document), **changed()}
        table_of(self._tables, _SINCE_18[kind]).update(cursor, row.key, values)

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
            "updated_by": BY,
            "updated_on": now,
            "updated_at": now,
        }
        entries.insert(cursor, values | stamps())

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
