"""Brings a database to the schema of this release, whatever release has made it.

alembic is imported only where something has to be changed: that takes longer than all else at a start.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

logging.getLogger("alembic").setLevel(logging.WARNING)


class NewerSchema(Exception):  # noqa: N818  told from the failures of a database
    """A database that a newer release has changed; the argument is its revision."""


def _nothing(_revision: str) -> None:
    pass


@dataclasses.dataclass(frozen=True)
class Schema:
    """The tables a release works with, and the way to them."""

    metadata: sa.MetaData
    revision: str
    migrations: str  #: the folder of the revisions
    version_table: str = "alembic_version"
    #: Revisions of releases that did not note any, each with a table it was the first to have.
    unnoted: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def _version(self) -> sa.Table:
        column = sa.Column("version_num", sa.String(32), primary_key=True)
        return sa.Table(self.version_table, sa.MetaData(), column)

    def revision_of(self, file: str) -> str | None:
        """The revision of an SQLite database; none where it has none of the tables."""
        engine = sa.create_engine(sa.URL.create("sqlite", database=file))
        try:
            with engine.connect() as connection:
                return self._found(connection)
        finally:
            engine.dispose()

    def is_up_to_date(self, engine: sa.Engine) -> bool:
        """Tell whether nothing is missing."""
        with engine.connect() as connection:
            return self.is_noted(connection)

    def is_noted(self, connection: sa.Connection) -> bool:
        """Tell whether a database says of itself that nothing is missing."""
        return self._noted(connection) == self.revision

    def _noted(self, connection: sa.Connection) -> str | None:
        if not sa.inspect(connection).has_table(self.version_table):
            return None
        return connection.scalar(sa.select(self._version))

    def _found(self, connection: sa.Connection) -> str | None:
        """The revision of a database; none where there are no tables yet."""
        tables = sa.inspect(connection).get_table_names()
        unnoted = (revision for revision, table in self.unnoted.items() if table in tables)
        return self._noted(connection) or max(unnoted, default=None)

    def bring_up_to_date(self, engine: sa.Engine, before: Callable[[str], None] = _nothing) -> None:
        """Make what is missing, each revision in a transaction of its own.

        :param engine: its transactions must keep others from changing the database from their beginning
        :param before: called with the revision found, before anything that is there is changed
        :raises NewerSchema: where nothing was changed
        """
        while self._step(engine, before):
            before = _nothing

    def _step(self, engine: sa.Engine, before: Callable[[str], None]) -> bool:
        """Come one revision further; tell whether there may be another one."""
        with engine.begin() as connection:
            found = self._found(connection)
            if found is None:
                self.metadata.create_all(connection)
                found = self.revision
            elif found != self.revision:
                upgrade, following = self._next(connection, found)
                before(found)
                upgrade()
                found = following
            self._note(connection, found)
        return found != self.revision

    def _note(self, connection: sa.Connection, revision: str) -> None:
        self._version.create(connection, checkfirst=True)
        connection.execute(self._version.delete())
        connection.execute(self._version.insert().values(version_num=revision))

    def _next(self, connection: sa.Connection, found: str) -> tuple[Callable[[], None], str]:
        """What leads from one revision to the next, and the name of that."""
        from alembic.operations import Operations
        from alembic.runtime.migration import MigrationContext
        from alembic.script import ScriptDirectory

        scripts = ScriptDirectory(self.migrations, version_locations=[self.migrations])
        known = {script.down_revision: script for script in scripts.walk_revisions()}
        if found not in known:
            raise NewerSchema(found)
        script = known[found]
        context = MigrationContext.configure(connection)

        def upgrade() -> None:
            with Operations.context(context):
                script.module.upgrade()

        return upgrade, script.revision


def transactions_that_lock(url: sa.URL) -> sa.Engine:
    """An engine for an SQLite database whose transactions keep out other writers from their beginning."""
    engine = sa.create_engine(url)

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # so that the driver begins nothing by itself
        connection.execute("PRAGMA busy_timeout=5000")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine
