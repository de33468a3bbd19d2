"""Upgrades a database of an earlier release to the schema of this one.

alembic is imported only if an upgrade is needed: importing it takes longer than the rest of a start.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

logging.getLogger("alembic").setLevel(logging.WARNING)


class NewerSchema(Exception):  # noqa: N818  not a failure of the database
    """The schema of the database is of a newer release; the argument is its revision."""


def _nothing(_revision: str) -> None:
    pass


@dataclasses.dataclass(frozen=True)
class Schema:
    """The tables of this release, and the revisions that lead to them."""

    metadata: sa.MetaData
    revision: str
    migrations: str  #: the folder of the revisions
    version_table: str = "alembic_version"

    @functools.cached_property
    def _version(self) -> sa.Table:
        column = sa.Column("version_num", sa.String(32), primary_key=True)
        return sa.Table(self.version_table, sa.MetaData(), column)

    def revision_of(self, connection: sa.Connection) -> str | None:
        """The revision of a database; None if it has no tables yet."""
        if not sa.inspect(connection).has_table(self.version_table):
            return None
        return connection.scalar(sa.select(self._version))

    def is_up_to_date(self, connection: sa.Connection) -> bool:
        """Tell whether a database has the schema of this release."""
        return self.revision_of(connection) == self.revision

    def bring_up_to_date(self, engine: sa.Engine, before: Callable[[str], None] = _nothing) -> None:
        """Create or upgrade the tables, each revision in a transaction of its own.

        :param engine: its transactions must lock out other writers from their beginning
        :param before: called with the revision of the database before its tables are changed
        :raises NewerSchema: if the schema is of a newer release; nothing was changed
        """
        while self._step(engine, before):
            before = _nothing

    def _step(self, engine: sa.Engine, before: Callable[[str], None]) -> bool:
        """Upgrade by one revision; tell whether there may be another one."""
        with engine.begin() as connection:
            revision = self.revision_of(connection)
            if revision is None:
                self.metadata.create_all(connection)
                self._version.create(connection, checkfirst=True)
                connection.execute(self._version.insert().values(version_num=self.revision))
            elif revision != self.revision:
                self._upgrade(connection, revision, before)
        return revision not in (None, self.revision)

    def _upgrade(self, connection: sa.Connection, revision: str, before: Callable[[str], None]) -> None:
        # command.upgrade() would need an env.py, and the same search of the scripts to detect a newer schema.
        from alembic.operations import Operations
        from alembic.runtime.migration import MigrationContext
        from alembic.script import ScriptDirectory

        scripts = ScriptDirectory(self.migrations, version_locations=[self.migrations])
        following = {script.down_revision: script for script in scripts.walk_revisions()}.get(revision)
        if following is None:
            raise NewerSchema(revision)
        before(revision)
        with Operations.context(MigrationContext.configure(connection)):
            following.module.upgrade()
        connection.execute(self._version.update().values(version_num=following.revision))


def transactions_that_lock(url: sa.URL) -> sa.Engine:
    """An engine for an SQLite database; its transactions lock out other writers from their beginning."""
    engine = sa.create_engine(url)

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # so that the driver begins no transaction by itself
        connection.execute("PRAGMA busy_timeout=5000")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
