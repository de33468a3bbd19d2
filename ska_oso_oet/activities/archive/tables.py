"""Tables of the ODA's database, as they are found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

Cursor = psycopg.Cursor[tuple[Any, ...]]

_COLUMNS = """
SELECT table_schema, table_name, column_name, data_type,
       is_generated = 'ALWAYS' OR identity_generation IS NOT DISTINCT FROM 'ALWAYS',
       column_default IS NOT NULL OR is_identity = 'YES'
FROM information_schema.columns
WHERE table_schema IN ('project', 'execution', 'status')
   OR (table_name LIKE 'tab\\_oda\\_%' AND table_schema = ANY (current_schemas(false)))
"""
_SCHEMAS = ("project", "execution", "status")
_DIGITS = {letter: value for value, letter in enumerate("0123456789abcdefghjkmnpqrstvwxyz")}
_BITS = 63


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table."""

    type: str
    generated: bool  #: whether it may not be given
    fills_itself: bool  #: whether it need not be given

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return self.type in ("text", "character varying", "character")


@dataclasses.dataclass(frozen=True)
class Table:
    """One table or view, with its columns by name."""

    name: sql.Identifier
    columns: dict[str, Column]

    def insert(self, cursor: Cursor, values: Mapping[str, Any]) -> None:
        """Add a row; values of columns that it does not have are left out."""
        given = self._possible(values)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            self.name,
            sql.SQL(", ").join(map(sql.Identifier, given)),
            sql.SQL(", ").join([sql.Placeholder()] * len(given)),
        )
        cursor.execute(statement, list(given.values()))

    def update(self, cursor: Cursor, key: Any, values: Mapping[str, Any]) -> None:
        """Change the row with this `id`; values of columns that it does not have are left out."""
        given = self._possible(values)
        changes = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in given]
        statement = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(self.name, sql.SQL(", ").join(changes))
        cursor.execute(statement, [*given.values(), key])

    def _possible(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value
            for name, value in values.items()
            if name in self.columns and not self.columns[name].generated
        }


def found_tables(cursor: Cursor) -> dict[str, Table]:
    """The tables that this user may use; those of the older layout by their bare names."""
    tables: dict[str, Table] = {}
    for schema, name, column, kind, generated, fills_itself in cursor.execute(_COLUMNS).fetchall():
        full = f"{schema}.{name}" if schema in _SCHEMAS else name
        table = tables.setdefault(full, Table(sql.Identifier(schema, name), {}))
        table.columns[column] = Column(kind, generated, fills_itself)
    return tables


def skuid_number(identifier: str) -> int | None:
    """The number in a SKUID, whose last part is one in Crockford's base 32; None if it is none."""
    number = 0
    for letter in identifier.rpartition("-")[2].lower():
        if letter not in _DIGITS:
            return None
        number = number * 32 + _DIGITS[letter]
        if number >= 2**_BITS:
            return None
    return number
