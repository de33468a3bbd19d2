"""A journal of an earlier release is brought up to date, keeps its history, and is never harmed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ska_oso_oet.bus.journal import Journal, Query, Unusable
from ska_oso_oet.bus.journal.migration import Schema, transactions_that_lock
from ska_oso_oet.bus.journal.schema import METADATA, SCHEMA

from ..conftest import Events, Server, serving
from . import earlier


def opened(file: Path) -> Journal:
    return Journal(f"sqlite:///{file}")


def revision(file: Path) -> str:
    return str(earlier.sql(file, "SELECT version_num FROM alembic_version"))


@pytest.mark.parametrize(
    "found", ["0001", *(pytest.param(later, marks=pytest.mark.long) for later in ("0002", "0003", "0004"))]
)
def test_history_of_an_earlier_release_is_there_and_goes_on(tmp_path: Path, found: str) -> None:
    earlier.make(tmp_path / "state" / "journal.db", found)
    with serving(tmp_path / "state", OET_RETENTION_DAYS="36500") as server:
        _everything_is_there(server, found)
        assert server.create("trivial.py") == earlier.LAST[found][1] + 1
    assert revision(tmp_path / "state" / "journal.db") == SCHEMA.revision


def _everything_is_there(server: Server, found: str) -> None:
    events = Events(server, after=0)
    events.wait(lambda e: e.get("seq", 0) > earlier.LAST[found][0])
    numbers = [e["seq"] for e in events.all if "seq" in e]
    events.close()
    assert numbers == list(range(1, len(numbers) + 1))
    first, second = server.procedure(1), server.procedure(2)
    assert (first["state"], second["state"]) == ("COMPLETE", "FAILED")
    assert second["outcome"]["detail"] == "ValueError: a mistake"
    assert second["created"] < second["started"] < second["ended"]
    assert first not in server.get("/procedures", all="true", since=second["created"])
    assert second in server.get("/procedures", all="true", since=second["created"])
    assert [p["id"] for p in server.get("/procedures", all="true")] == list(
        range(1, earlier.LAST[found][1] + 1)
    )
    if found >= "0002":
        activity = server.get("/activities/1")
        assert activity["state"] == "COMPLETE"
        wanted = {"all": "true", "since": activity["created"]}
        assert [a["id"] for a in server.get("/activities", script="script.py", **wanted)] == [1]
        assert server.get("/activities", script="trivial.py", **wanted) == []
        assert server.get("/operator/wait_for_qa_ready")["wait_for_qa_ready"] is False
    if found >= "0003":
        assert server.get("/audit", result="refused")[0]["path"] == "/procedures/99"


@pytest.mark.parametrize("found", [None, *earlier.LAST])
def test_the_tables_are_those_of_this_release_however_they_came_to_be(
    tmp_path: Path, found: str | None
) -> None:
    file = tmp_path / "journal.db"
    if found is not None:
        earlier.make(file, found)
    opened(file).close()
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()
    assert revision(file) == SCHEMA.revision


def test_a_journal_of_a_later_release_is_refused_in_one_sentence_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "journal.db"
    file.parent.mkdir()
    opened(file).close()
    earlier.sql(file, "UPDATE alembic_version SET version_num = '9999'")
    earlier.sql(file, "CREATE TABLE wonders (n INTEGER)")
    before = earlier.dump(file)
    refused = subprocess.run(
        [sys.executable, "-m", "ska_oso_oet.server", "bus"],
        env={**os.environ, "OET_STATE_DIR": str(file.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 79
    assert len(refused.stderr.splitlines()) == 1
    assert f"the journal {file} has schema 9999, but this release knows none later than" in refused.stderr
    assert "install the release that made it or a later one, or go back to a backup" in refused.stderr
    assert earlier.dump(file) == before
    assert list(file.parent.glob("*.bak")) == []


def test_many_that_open_it_at_once_bring_it_up_to_date_once(tmp_path: Path) -> None:
    file = earlier.make(tmp_path / "journal.db", "0001")
    heads: list[int] = []

    def read() -> None:
        journal = opened(file)
        heads.append(journal.head())
        journal.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heads == [earlier.LAST["0001"][0]] * 4
    assert revision(file) == SCHEMA.revision


_STEP = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {own!r}, {before!r}


def upgrade():
    op.create_table({table!r}, sa.Column("n", sa.Integer))
    op.execute({then!r})
"""


def _steps(folder: Path, *then: str) -> Schema:
    """A schema whose revisions each make a table and then do something."""
    for n, statement in enumerate(then, 1):
        before = str(n - 1) if n > 1 else None
        text = _STEP.format(own=str(n), before=before, table=f"t{n}", then=statement)
        (folder / f"step{n}.py").write_text(text)
    return Schema(
        metadata=sa.MetaData(), revision=str(len(then)), migrations=str(folder), unnoted={"1": "t1"}
    )


def test_a_revision_that_fails_changes_nothing_and_those_before_it_stay(tmp_path: Path) -> None:
    url = sa.make_url(f"sqlite:///{tmp_path / 'some.db'}")
    engine = transactions_that_lock(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t1 (n INTEGER)")
    saved: list[str] = []
    broken = _steps(tmp_path, "SELECT 1", "INSERT INTO t1 VALUES (2)", "INSERT INTO nowhere VALUES (3)")
    with pytest.raises(sa.exc.OperationalError, match="nowhere"):
        broken.bring_up_to_date(engine, saved.append)
    with engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) == {"t1", "t2", "alembic_version"}
    whole = _steps(tmp_path, "SELECT 1", "INSERT INTO t1 VALUES (2)", "INSERT INTO t1 VALUES (3)")
    whole.bring_up_to_date(engine, saved.append)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM t1").fetchall() == [(2,), (3,)]
    assert saved == ["1", "2"]
    assert whole.is_up_to_date(engine)
    engine.dispose()


def test_without_a_backup_nothing_is_changed(tmp_path: Path) -> None:
    file = earlier.make(tmp_path / "journal.db", "0002")
    before = earlier.dump(file)
    (tmp_path / "journal.0002.bak").mkdir()  # so that no file can take its place
    with pytest.raises(Unusable, match=r"journal\.0002\.bak cannot be written: Is a directory"):
        opened(file)
    assert earlier.dump(file) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_the_journal_as_it_was_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    file = earlier.make(tmp_path / "journal.db", "0001")
    before = earlier.dump(file)
    opened(file).close()
    backup = tmp_path / "journal.0001.bak"
    assert earlier.dump(backup) == before
    assert backup.stat().st_mode & 0o777 == 0o600
    shutil.copy(backup, tmp_path / "again.db")
    journal = opened(tmp_path / "again.db")
    assert len(journal.read(Query(limit=1000))) == earlier.LAST["0001"][0]
    journal.close()


def test_what_takes_long_to_import_is_left_out_where_nothing_has_to_be_changed(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom ska_oso_oet.bus.journal import Journal\n"
        "for _ in range(2):\n    Journal(sys.argv[1]).close()\n"
        "print('alembic' in sys.modules)\n"
    )
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
