"""Both schemas: what the migrations make from nothing is what the release makes at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ska_oso_oet.central import schema as history
from ska_oso_oet.central.database import Disagreement, bring_up_to_date, engine_for
from ska_oso_oet.journal import schema as journal
from ska_oso_oet.journal.migration import Schema

SCHEMAS = {"sqlite": journal.SCHEMA, "postgresql": history.SCHEMA}


@pytest.fixture(params=SCHEMAS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Schema, sa.Engine]]:
    """An empty database, and the schema that is meant for it."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'empty.db'}" if sqlite else request.getfixturevalue("centre")
    engine = sa.create_engine(url)
    yield SCHEMAS[request.param], engine
    engine.dispose()


def _differences(schema: Schema, connection: sa.Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"version_table": schema.version_table})
    found: list[Any] = compare_metadata(context, schema.metadata)
    return found


def test_what_the_migrations_make_is_what_is_made_at_once(database: tuple[Schema, sa.Engine]) -> None:
    schema, engine = database
    scripts = ScriptDirectory(schema.migrations, version_locations=[schema.migrations])
    assert scripts.get_heads() == [schema.revision]
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            for script in reversed(list(scripts.walk_revisions())):
                script.module.upgrade()
        assert _differences(schema, connection) == []


def test_what_is_made_at_once_is_noted(database: tuple[Schema, sa.Engine]) -> None:
    schema, engine = database
    schema.bring_up_to_date(engine)
    with engine.connect() as connection:
        assert schema.is_up_to_date(connection)
        assert _differences(schema, connection) == []


def test_many_servers_that_come_to_an_empty_database_at_once_make_the_tables_once(centre: str) -> None:
    failures: list[Exception] = []

    def come(subarray: int) -> None:
        engine = engine_for(centre, subarray)
        try:
            with engine.connect() as connection:
                bring_up_to_date(connection)
        except Exception as error:
            failures.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=come, args=(n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    engine = engine_for(centre, 1)
    with engine.connect() as connection:
        assert connection.execute(sa.select(history.HEAD)).all() == [(1, 0)]
    engine.dispose()


def test_a_central_database_that_a_later_release_has_changed_is_left_alone(centre: str) -> None:
    engine = engine_for(centre, 1)
    with engine.connect() as connection:
        bring_up_to_date(connection)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE oet_version SET version_num = '9999'")
    known = "has schema 9999, but this release knows none later than"
    with engine.connect() as connection, pytest.raises(Disagreement, match=known):
        bring_up_to_date(connection)
    engine.dispose()
