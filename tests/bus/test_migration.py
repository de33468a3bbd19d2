"""A journal of an earlier schema is brought up to date, keeps its history, and is never harmed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from ska_oso_oet.journal import Journal, Query, Unusable
from ska_oso_oet.journal import backup as copies
from ska_oso_oet.journal.migration import Schema, transactions_that_lock
from ska_oso_oet.journal.schema import SCHEMA

from ..support import sample


def opened(file: Path) -> Journal:
    return Journal(f"sqlite:///{file}")


def revision(file: Path) -> str:
    return str(sample.sql(file, "SELECT version_num FROM alembic_version"))


def test_a_journal_of_a_later_release_is_refused_in_one_sentence_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "journal.db"
    file.parent.mkdir()
    opened(file).close()
    sample.sql(file, "UPDATE alembic_version SET version_num = '9999'")
    sample.sql(file, "CREATE TABLE wonders (n INTEGER)")
    before = sample.dump(file)
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
    assert sample.dump(file) == before
    assert list(file.parent.glob("*.bak")) == []


_STEP = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {own!r}, {before!r}


def upgrade():
    op.create_table({table!r}, sa.Column("n", sa.Integer))
    op.execute({then!r})
"""


def _steps(folder: Path, *then: str) -> Schema:
    """The schema of a later release, whose revisions each make a table and then do something."""
    revisions = folder / "revisions"
    shutil.copytree(SCHEMA.migrations, revisions, ignore=shutil.ignore_patterns("_*"), dirs_exist_ok=True)
    for n, statement in enumerate(then, 2):
        text = _STEP.format(own=f"{n:04}", before=f"{n - 1:04}", table=f"t{n}", then=statement)
        (revisions / f"step{n}.py").write_text(text)
    return dataclasses.replace(SCHEMA, revision=f"{len(then) + 1:04}", migrations=str(revisions))


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schema:
    """The schema of the next release, which is that of this one for a test."""
    schema = _steps(tmp_path, "INSERT INTO t2 SELECT count(*) FROM messages")
    monkeypatch.setattr("ska_oso_oet.journal.journal.SCHEMA", schema)
    return schema


@pytest.mark.usefixtures("later")
def test_a_backup_of_an_earlier_release_is_brought_up_to_date_with_its_history(tmp_path: Path) -> None:
    backup = sample.make(tmp_path / "old.bak")
    copies.restore(str(backup), str(tmp_path / "state" / "journal.db"), 1)
    journal = opened(tmp_path / "state" / "journal.db")
    assert [e.seq for e in journal.read(Query(limit=1000))] == list(range(1, sample.LAST_MESSAGE + 1))
    assert sorted(p["id"] for p in journal.procedures()) == list(range(1, sample.LAST_PROCEDURE + 1))
    journal.close()


def test_many_that_open_it_at_once_bring_it_up_to_date_once(tmp_path: Path, later: Schema) -> None:
    file = sample.make(tmp_path / "journal.db")
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
    assert heads == [sample.LAST_MESSAGE] * 4
    assert revision(file) == later.revision
    assert sample.sql(file, "SELECT n FROM t2") == sample.LAST_MESSAGE


def test_a_revision_that_fails_changes_nothing_and_those_before_it_stay(tmp_path: Path) -> None:
    file = sample.make(tmp_path / "journal.db")
    engine = transactions_that_lock(sa.make_url(f"sqlite:///{file}"))
    saved: list[str] = []
    broken = _steps(tmp_path, "INSERT INTO t2 VALUES (2)", "INSERT INTO nowhere VALUES (3)")
    with pytest.raises(sa.exc.OperationalError, match="nowhere"):
        broken.bring_up_to_date(engine, saved.append)
    assert revision(file) == "0002"
    assert sample.sql(file, "SELECT count(*) FROM sqlite_master WHERE name = 't3'") == 0
    whole = _steps(tmp_path, "INSERT INTO t2 VALUES (2)", "INSERT INTO t2 VALUES (3)")
    whole.bring_up_to_date(engine, saved.append)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM t2").fetchall() == [(2,), (3,)]
        assert whole.is_up_to_date(connection)
    assert saved == ["0001", "0002"]
    engine.dispose()


@pytest.mark.usefixtures("later")
def test_without_a_backup_nothing_is_changed(tmp_path: Path) -> None:
    file = sample.make(tmp_path / "journal.db")
    before = sample.dump(file)
    (tmp_path / "journal.0001.bak").mkdir()  # so that no file can take its place
    with pytest.raises(Unusable, match=r"journal\.0001\.bak cannot be written: Is a directory"):
        opened(file)
    assert sample.dump(file) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.usefixtures("later")
def test_the_journal_as_it_was_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    file = sample.make(tmp_path / "journal.db")
    before = sample.dump(file)
    opened(file).close()
    backup = tmp_path / "journal.0001.bak"
    assert sample.dump(backup) == before
    assert backup.stat().st_mode & 0o777 == 0o600
    shutil.copy(backup, tmp_path / "again.db")
    journal = opened(tmp_path / "again.db")
    assert len(journal.read(Query(limit=1000))) == sample.LAST_MESSAGE
    journal.close()


def test_what_takes_long_to_import_is_left_out_where_nothing_has_to_be_changed(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom ska_oso_oet.journal import Journal\n"
        "for _ in range(2):\n    Journal(sys.argv[1]).close()\n"
        "print('alembic' in sys.modules)\n"
    )
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
