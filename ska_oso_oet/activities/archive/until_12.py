"""The layout of the ODA's database until ODA 12; statuses came on the way."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from .layouts import Row, changed, document_of, jsonb, row_of, stamps, table_of
from .tables import Cursor, Table


class Until12:
    """ODA 7 to 12; statuses came on the way."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables

    def find(self, cursor: Cursor, kind: str, identifier: str, version: int | None = None) -> Row | None:
        """See the protocol."""
        table = table_of(self._tables, f"tab_oda_{kind}")
        column = sql.Identifier(f"{kind}_id")
        wanted = sql.SQL("") if version is None else sql.SQL(" AND version = {}").format(version)
        query = sql.SQL(
            "SELECT id, version, {} FROM {} WHERE {} = %s{} ORDER BY version DESC, id DESC LIMIT 1"
        )
        return row_of(cursor, query.format(document_of("info"), table.name, column, wanted), identifier)

    def insert(
        self, cursor: Cursor, kind: str, identifier: str, document: dict[str, Any], parent: Row | None
    ) -> None:
        """See the protocol."""
        values = {
            "sbd_id": document.get("sbd_ref"),
            "sbd_version": document.get("sbd_version"),
            "sbi_id": document.get("sbi_ref"),
            f"{kind}_id": identifier,
            "info": jsonb(document),
            "version": 1,
        }
        table_of(self._tables, f"tab_oda_{kind}").insert(cursor, values | stamps())

    def update(self, cursor: Cursor, kind: str, row: Row, document: dict[str, Any]) -> None:
        """See the protocol."""
        table_of(self._tables, f"tab_oda_{kind}").update(
            cursor, row.key, {"info": jsonb(document), **changed()}
        )

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
        self._tables[f"tab_oda_{kind}_status_history"].insert(cursor, values | stamps())

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
