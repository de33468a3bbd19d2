"""The ODA's database as its releases lay it out, in a real PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

from .postgresql import PostgreSQL

_STAMPS = (
    "created_by text NOT NULL, created_on timestamptz NOT NULL DEFAULT now(), "
    "last_modified_on timestamptz NOT NULL DEFAULT now(), last_modified_by text NOT NULL"
)
UNTIL_7 = f"""
CREATE TABLE tab_oda_sbd (id serial PRIMARY KEY, info jsonb NOT NULL, sbd_id text NOT NULL,
    version integer NOT NULL DEFAULT 1, {_STAMPS}, UNIQUE (sbd_id, version));
CREATE TABLE tab_oda_sbi (id serial PRIMARY KEY, info jsonb NOT NULL, sbi_id text NOT NULL,
    version integer NOT NULL DEFAULT 1, {_STAMPS}, sbd_id text NOT NULL, sbd_version integer NOT NULL);
CREATE TABLE tab_oda_eb (id serial PRIMARY KEY, info jsonb NOT NULL, eb_id text NOT NULL,
    version integer NOT NULL DEFAULT 1, {_STAMPS}, sbd_id text, sbd_version integer, sbi_id text);
"""
UNTIL_12 = UNTIL_7 + "".join(
    f"CREATE TABLE tab_oda_{kind}_status_history (id serial PRIMARY KEY, {kind}_ref text NOT NULL, "
    f"{kind}_version integer NOT NULL, current_status text NOT NULL, previous_status text NOT NULL, "
    f"version integer NOT NULL DEFAULT 1, {_STAMPS});\n"
    for kind in ("sbd", "sbi", "eb")
)


def since_18(kind: str) -> str:
    """The layout of 2026, with ids of a type."""
    return f"""
CREATE SCHEMA project; CREATE SCHEMA execution; CREATE SCHEMA status;
CREATE TABLE project.sb_definitions (id {kind} PRIMARY KEY, parent_fk {kind}, data jsonb NOT NULL,
    version bigint DEFAULT 1, {_STAMPS});
CREATE TABLE project.sb_definition_history (id {kind}, parent_fk {kind}, data jsonb NOT NULL,
    version bigint DEFAULT 1, {_STAMPS});
CREATE TABLE execution.sb_instances (id {kind} PRIMARY KEY,
    parent_fk {kind} REFERENCES project.sb_definitions, data jsonb NOT NULL,
    version bigint DEFAULT 1, {_STAMPS});
CREATE TABLE execution.execution_blocks (id {kind} PRIMARY KEY,
    parent_fk {kind} REFERENCES execution.sb_instances,
    sbi_fk {kind} GENERATED ALWAYS AS (parent_fk) STORED, data jsonb NOT NULL,
    version bigint DEFAULT 1, {_STAMPS});
CREATE TABLE status.valid_statuses (entity_table text, status text, PRIMARY KEY (entity_table, status));
INSERT INTO status.valid_statuses
    SELECT * FROM unnest(ARRAY['sb_definitions', 'sb_instances', 'execution_blocks']) AS entities,
                  unnest(ARRAY['Draft', 'Ready', 'Created', 'Executing', 'Observed', 'Failed']) AS statuses;
CREATE TABLE status.status_entries (id bigserial PRIMARY KEY, entity_id {kind} NOT NULL,
    entity_table text NOT NULL, status text NOT NULL, updated_by text NOT NULL,
    updated_on timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (entity_table, status) REFERENCES status.valid_statuses);
CREATE VIEW status.current_status AS SELECT DISTINCT ON (entity_id, entity_table)
    entity_id, entity_table, status FROM status.status_entries ORDER BY entity_id, entity_table, id DESC;
"""


class OdaDatabase:
    """A database with a layout, and what it holds."""

    def __init__(self, server: PostgreSQL, layout: str) -> None:
        self.server = server
        self.address = server.database()
        self.url = self.address.replace("postgresql+psycopg:", "postgresql:")
        self.new = "project." in layout
        self._sql(layout)

    def _sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.server.sql(self.address, statement, *values)

    def add(
        self, document: dict[str, Any], sbd_id: str | None = None, status: str = "Ready", key: Any = None
    ) -> None:
        """Add a version of a scheduling block definition with its status."""
        sbd_id, version = sbd_id or document["sbd_id"], document["metadata"]["version"]
        data = json.dumps(document)
        if self.new:
            self._add_since_18(key or sbd_id, version, data, status)
            return
        by = ("oda", "oda")
        self._sql(
            "INSERT INTO tab_oda_sbd (info, sbd_id, version, created_by, last_modified_by) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            *(data, sbd_id, version, *by),
        )
        if self._has_statuses():
            self._sql(
                "INSERT INTO tab_oda_sbd_status_history (sbd_ref, sbd_version, current_status, "
                "previous_status, created_by, last_modified_by) VALUES (%s, %s, %s, 'Draft', %s, %s)",
                *(sbd_id, version, status, *by),
            )

    def _has_statuses(self) -> bool:
        return bool(self._sql("SELECT to_regclass('tab_oda_sbd_status_history') IS NOT NULL")[0][0])

    def _add_since_18(self, key: Any, version: int, data: str, status: str) -> None:
        known = self._sql("SELECT version FROM project.sb_definitions WHERE id = %s", key)
        if known and known[0][0] > version:
            self._insert("project.sb_definition_history", key, version, data)
            return
        if known:
            self._sql(
                "INSERT INTO project.sb_definition_history "
                "SELECT * FROM project.sb_definitions WHERE id = %s",
                key,
            )
            change = "UPDATE project.sb_definitions SET data = %s, version = %s WHERE id = %s"
            self._sql(change, data, version, key)
        else:
            self._insert("project.sb_definitions", key, version, data)
        self._sql(
            "INSERT INTO status.status_entries (entity_id, entity_table, status, updated_by) "
            "VALUES (%s, 'sb_definitions', %s, 'oda')",
            *(key, status),
        )

    def _insert(self, table: str, key: Any, version: int, data: str) -> None:
        self._sql(
            f"INSERT INTO {table} (id, data, version, created_by, last_modified_by) "
            "VALUES (%s, %s, %s, 'oda', 'oda')",
            *(key, data, version),
        )

    def instances(self) -> dict[str, Any]:
        """Every instance, by its id."""
        if self.new:
            return dict(self._sql("SELECT data->>'sbi_id', data FROM execution.sb_instances"))
        return dict(self._sql("SELECT sbi_id, info FROM tab_oda_sbi"))

    def statuses(self, sbi_id: str) -> list[tuple[str, str]]:
        """The changes of the status of an instance."""
        if not self.new:
            return self._sql(
                "SELECT previous_status, current_status FROM tab_oda_sbi_status_history WHERE sbi_ref = %s "
                "ORDER BY version",
                sbi_id,
            )  # type: ignore[return-value]
        found = self._sql(
            "SELECT status FROM status.status_entries JOIN execution.sb_instances AS i ON i.id = entity_id "
            "WHERE entity_table = 'sb_instances' AND data->>'sbi_id' = %s ORDER BY status_entries.id",
            sbi_id,
        )
        after = [status for (status,) in found]
        return list(zip(["Created", *after], after, strict=False))

    def execution_block(self, eb_id: str = "eb-1") -> dict[str, Any]:
        """An execution block with its status."""
        if self.new:
            ((document, key),) = self._sql(
                "SELECT data, id FROM execution.execution_blocks WHERE data->>'eb_id' = %s", eb_id
            )
            status = self._sql(
                "SELECT status FROM status.current_status WHERE entity_id = %s AND entity_table = "
                "'execution_blocks'",
                key,
            )
        else:
            ((document,),) = self._sql("SELECT info FROM tab_oda_eb WHERE eb_id = %s", eb_id)
            query = (
                "SELECT current_status FROM tab_oda_eb_status_history WHERE eb_ref = %s ORDER BY version DESC"
            )
            status = self._sql(query, eb_id) if self._has_statuses() else []
        return {**document, "status": status[0][0] if status else "Created"}
