"""Backups: made while the server writes, whole or not there; restored only where nobody uses the journal."""

from __future__ import annotations

import errno
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ska_oso_oet.journal import Journal, Query, Unusable, file_damage
from ska_oso_oet.journal import backup as copies
from ska_oso_oet.kernel import processes

from ..conftest import Events, Server, serving
from ..support import sample
from .test_damage import oet_server, overwrite


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = sample.make(tmp_path / "state" / "journal.db")
    Journal(f"sqlite:///{found}").close()
    return found


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk with little room."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.long
def test_backups_made_while_a_script_publishes_are_journals_up_to_a_moment(
    server: Server, tmp_path: Path
) -> None:
    script = tmp_path / "publishes.py"
    script.write_text(
        "import time\nfrom pubsub import pub\n"
        "def main():\n"
        "    n = 0\n"
        "    while True:\n"
        "        pub.sendMessage('user.script.count', n=(n := n + 1))\n"
        "        time.sleep(0.001)\n"
    )
    events = Events(server)
    pid = server.run(str(script))
    heads = []
    for n in range(2):
        seen = len(events.all)
        events.wait(lambda e, seen=seen: e.get("n", 0) > seen)
        target = server.state / f"copy{n}.bak"
        done = oet_server(server.state, "backup", str(target))
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"Saved the journal to {target} (")
        assert target.stat().st_mode & 0o777 == 0o600
        journal = Journal(f"sqlite:///{target}")
        written = journal.read(Query(limit=10**7))
        assert [e.seq for e in written] == list(range(1, len(written) + 1))
        assert journal.procedures(pids=[pid])[0]["state"] == "RUNNING"
        heads.append(journal.head())
        journal.close()
    assert heads == sorted(set(heads))
    server.stop_script(pid)
    events.close()


def test_a_running_server_keeps_others_from_restoring(server: Server) -> None:
    backup = copies.backup(str(server.state / "journal.db"), str(server.state / "good.bak"))
    refused = oet_server(server.state, "restore", backup)
    assert refused.returncode == 1
    assert server.process is not None
    assert f"process {server.process.pid} has the state directory {server.state} in use" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    server.ready()


def test_a_backup_is_that_of_the_subarray_the_server_drove(tmp_path: Path) -> None:
    with serving(tmp_path / "state", OET_SUBARRAY_ID="3") as server:
        backup = copies.backup(str(server.state / "journal.db"))
    refused = oet_server(tmp_path / "other", "restore", backup, OET_SUBARRAY_ID="4")
    assert refused.returncode == 1
    assert f"Error: {backup} is a backup of subarray 3, and this is subarray 4" in refused.stderr
    assert not (tmp_path / "other" / "journal.db").exists()
    done = oet_server(tmp_path / "other", "restore", backup, OET_SUBARRAY_ID="3")
    assert done.returncode == 0, done.stderr


def test_a_script_that_the_restored_journal_does_not_know_is_ended_at_the_start(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as server:
        known = server.run("diehard.py", "sleeping")
        backup = copies.backup(str(server.state / "journal.db"))
        server.stop_script(known)
        unknown = server.run("diehard.py", "grandchild")
        assert server.process is not None
        assert server.process.stdout is not None
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()  # the script's supervisor has it open, too
        assert oet_server(server.state, "restore", backup).returncode == 0
        mark = processes.mark_of(str(server.state / "runs" / str(unknown)))
        assert len(processes.marked(mark)) > 1
        server.start()
        assert f"no run {unknown} that is alive" in server.log.read_text()
        assert server.procedure(known)["state"] == "STOPPED"  # as its run directory tells
        assert [p["id"] for p in server.get("/procedures")] == [known]
        assert not processes.marked(mark)
        assert server.run("trivial.py") == unknown + 1


def test_without_a_name_it_is_named_after_the_time(file: Path) -> None:
    saved = Path(copies.backup(str(file)))
    assert saved.parent == file.parent
    assert saved.match("journal-*T*Z.bak")
    assert sample.dump(saved) == sample.dump(file)


def test_two_in_one_second_are_two(file: Path) -> None:
    backups = [copies.backup(str(file)) for _ in range(3)]
    kept = [copies.restore(backup, str(file), 1) for backup in backups]
    assert len({*backups, *kept}) == 6
    assert all(path and Path(path).exists() for path in (*backups, *kept))


def test_a_restore_that_fails_leaves_everything_as_it_was(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = copies.backup(str(file), str(tmp_path / "backup.bak"))
    before = _contents(file.parent)

    def refuse(*_names: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(copies, "_set_aside", refuse)
    with pytest.raises(Unusable, match="cannot be replaced: Permission denied"):
        copies.restore(backup, str(file), 1)
    assert _contents(file.parent) == before


def test_a_file_that_somebody_makes_meanwhile_is_not_replaced(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "there" / "backup.bak"
    target.parent.mkdir()
    target.write_text("something of value")
    monkeypatch.setattr("os.path.lexists", lambda _path: False)
    with pytest.raises(Unusable, match="exists already"):
        copies.copy(str(file), str(target))
    assert _contents(target.parent) == {target.name: b"something of value"}


def test_a_backup_that_cannot_be_named_leaves_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_names: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.replace", refuse)
    (tmp_path / "there").mkdir()
    with pytest.raises(Unusable, match="cannot be written: Input/output error"):
        copies.copy(str(file), str(tmp_path / "there" / "backup.bak"))
    assert _contents(tmp_path / "there") == {}


def test_a_file_that_is_there_is_never_overwritten(file: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.bak"
    taken.write_text("something of value")
    refused = oet_server(file.parent, "backup", str(taken))
    assert refused.returncode == 1
    assert refused.stderr == f"Error: {taken} exists already; choose another name, or remove it\n"
    assert taken.read_text() == "something of value"


def test_a_full_disk_is_one_sentence_and_leaves_no_half_backup(file: Path, small_disk: Path) -> None:
    with pytest.raises(Unusable, match=r"cannot be copied to .*: database or disk is full$"):
        copies.backup(str(file), str(small_disk / "backup.bak"))
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("place", ["nowhere/backup.bak", "file/backup.bak"])
def test_a_place_that_cannot_be_written_is_one_sentence(file: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match=f"{place} cannot be written: "):
        copies.backup(str(file), str(tmp_path / place))


@pytest.mark.parametrize("length", [236, 240, 246, 255, 300])
def test_a_name_is_taken_or_too_long_and_nothing_else(file: Path, tmp_path: Path, length: int) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    target = folder / ("n" * length)
    if length == 236:
        copies.backup(str(file), str(target))
        copies.restore(str(target), str(file), 1)
        return
    with pytest.raises(Unusable, match="cannot be written: File name too long$"):
        copies.backup(str(file), str(target))
    assert list(folder.iterdir()) == []


def test_of_a_damaged_journal_or_none_there_is_no_backup(file: Path, tmp_path: Path) -> None:
    overwrite(file)
    with pytest.raises(Unusable, match="cannot be copied"):
        copies.backup(str(file), str(tmp_path / "backup.bak"))
    with pytest.raises(Unusable, match="there is no journal"):
        copies.backup(str(tmp_path / "none.db"), str(tmp_path / "backup.bak"))
    assert not list(tmp_path.glob("*.bak"))


def test_what_is_restored_takes_the_place_of_the_journal_which_is_kept(file: Path, tmp_path: Path) -> None:
    before = sample.dump(file)
    backup = copies.backup(str(file), str(tmp_path / "backup.bak"))
    sample.sql(file, "DELETE FROM messages")
    emptied = sample.dump(file)
    file_damage.note(str(file), "as if")
    done = oet_server(file.parent, "restore", backup)
    assert done.returncode == 0, done.stderr
    assert sample.dump(file) == before
    assert file.stat().st_mode & 0o777 == 0o600
    (kept,) = file.parent.glob("journal.replaced-*")
    assert done.stdout == (
        f"Restored the journal {file} from {backup}; the one that was there is now {kept}\n"
    )
    assert sample.dump(kept) == emptied
    assert not file_damage.is_noted(str(file))


def test_what_was_not_in_the_file_itself_yet_does_not_get_into_what_is_restored(
    file: Path, tmp_path: Path
) -> None:
    """The write-ahead log of a server that was killed belongs to the journal that is replaced."""
    backup = copies.backup(str(file), str(tmp_path / "backup.bak"))
    before = sample.dump(Path(backup))
    code = (
        "import os, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1])\n"
        "database.execute('PRAGMA journal_mode=WAL')\n"
        "database.execute('DELETE FROM messages WHERE seq > 5')\n"
        "database.commit()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run(["python3", "-c", code, str(file)], check=False)
    assert Path(f"{file}-wal").stat().st_size > 0
    kept = copies.restore(backup, str(file), 1)
    assert kept is not None
    assert sample.dump(file) == before
    assert sample.sql(Path(kept), "SELECT max(seq) FROM messages") == 5


def test_into_an_empty_state_directory_it_can_be_restored_as_well(file: Path, tmp_path: Path) -> None:
    backup = copies.backup(str(file), str(tmp_path / "backup.bak"))
    assert oet_server(tmp_path / "new", "restore", backup).stdout.endswith(f"from {backup}\n")
    assert sample.dump(tmp_path / "new" / "journal.db") == sample.dump(file)


@pytest.mark.parametrize(
    "fault", ["none", "damaged", "alien", "empty", "newer", "bare", "partial", "other", "folder"]
)
def test_what_cannot_be_a_journal_of_this_release_is_not_restored(
    file: Path, tmp_path: Path, fault: str
) -> None:
    backup = tmp_path / "backup.bak"
    if fault == "alien":
        backup.write_text("Dear diary, " * 1000)
    elif fault == "empty":
        backup.touch()
    elif fault == "folder":
        backup.mkdir()
    elif fault == "bare":
        sample.sql(backup, "CREATE TABLE alembic_version AS SELECT '0001' AS version_num")
    elif fault != "none":
        copies.backup(str(file), str(backup))
    if fault == "damaged":
        overwrite(backup)
    elif fault == "newer":
        sample.sql(backup, "UPDATE alembic_version SET version_num = '9999'")
    elif fault == "partial":
        sample.sql(backup, "DROP TABLE documents")
    elif fault == "other":
        sample.sql(backup, "UPDATE notes SET value = '2' WHERE name = 'subarray'")
    before = _contents(file.parent)
    expected = {
        "none": "there is no backup",
        "damaged": "is damaged (",
        "alien": "is damaged (file is not a database)",
        "empty": "is no journal",
        "newer": "has schema 9999, but this release knows none later than",
        "bare": "is no journal",
        "partial": "it has no table documents",
        "other": "is a backup of subarray 2, and this is subarray 1",
        "folder": "is no ordinary file",
    }
    with pytest.raises(Unusable, match=re.escape(expected[fault])):
        copies.restore(str(backup), str(file), 1)
    assert _contents(file.parent) == before
